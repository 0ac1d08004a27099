//! What a client asks: jobs and prices.

use super::*;
use alloc::vec::Vec;
use vigil_primitives::{
    api::PAGE,
    job::{NoQuote, Quote},
    model::VersionStatus,
    pricing,
    traits::{ModelRegistry, Waterfall},
    ModelVersionId, Sampling,
};

impl<T: Config> Pallet<T> {
    pub(crate) fn job_view(id: JobId) -> Option<JobOf<T>> {
        let input = Inputs::<T>::get(id)?;
        Some(Jobs::<T>::get(id)?.view(id, input))
    }

    pub(crate) fn job_views(from: JobId, limit: u32) -> Vec<JobOf<T>> {
        (from.max(FirstJob::<T>::get())..NextJob::<T>::get())
            .filter_map(Self::job_view)
            .take(limit.min(PAGE) as usize)
            .collect()
    }

    pub(crate) fn price(
        id: ModelVersionId,
        tokens_in: u32,
        max_tokens_out: u32,
        replicas: u8,
    ) -> Result<Quote<T::AccountId>, NoQuote> {
        let version = T::Models::version(id).ok_or(NoQuote::UnknownVersion)?;
        if version.status == VersionStatus::Revoked {
            return Err(NoQuote::Revoked);
        }
        let architecture = version.spec.architecture;
        // How tokens are drawn changes no price.
        architecture
            .check_run(tokens_in, max_tokens_out, Sampling::Greedy)
            .map_err(NoQuote::BadRun)?;
        if !(1..=MAX_REPLICAS).contains(&replicas.into()) {
            return Err(NoQuote::BadPolicy);
        }
        let work = architecture.work(tokens_in, max_tokens_out);
        let owner_fee = pricing::owner_fee(&version.spec.fee, tokens_in, max_tokens_out);
        let reward = |ask: &Balance| pricing::reward(*ask, work);
        let total = |reward| pricing::total(owner_fee, reward, T::ProtocolFee::get(), replicas);
        let mut asks = T::Workers::asks(id);
        asks.sort_unstable();
        // Every replica needs a worker of its own and the budget is the same for each: the
        // dearest of the cheapest decides.
        let least = asks.get(usize::from(replicas).saturating_sub(1)).map(reward);
        let lowest = least.map(total);
        let rewards = least.map(|reward| reward.saturating_mul(replicas.into()));
        let highest = lowest.and_then(|_| asks.last().map(reward).map(total));
        let workers = u32::try_from(asks.len()).unwrap_or(u32::MAX);
        let split = T::Waterfall::split(id.into(), owner_fee);
        Ok(Quote { work, owner_fee, split, lowest, rewards, highest, workers })
    }
}
