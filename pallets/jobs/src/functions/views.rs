//! What a client asks: jobs and prices.

use super::*;
use alloc::vec::Vec;
use sp_runtime::SaturatedConversion;
use vigil_primitives::{
    api::PAGE,
    audit::AuditRate,
    job::{NoQuote, Quote, QuoteRequest},
    model::VersionStatus,
    pricing,
    traits::{ModelRegistry, Waterfall},
    Sampling,
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

    pub(crate) fn price(request: QuoteRequest) -> Result<Quote<T::AccountId>, NoQuote> {
        let QuoteRequest { version: id, tokens_in, max_tokens_out, replicas, .. } = request;
        let version = T::Models::version(id).ok_or(NoQuote::UnknownVersion)?;
        if version.status == VersionStatus::Revoked {
            return Err(NoQuote::Revoked);
        }
        let architecture = version.spec.architecture;
        // How tokens are drawn changes no price.
        architecture
            .check_run(tokens_in, max_tokens_out, Sampling::Greedy)
            .map_err(NoQuote::BadRun)?;
        let placeable = request.region.is_none_or(|region| region.is_valid());
        if !(1..=MAX_REPLICAS).contains(&replicas.into()) || !placeable {
            return Err(NoQuote::BadPolicy);
        }
        let work = architecture.work(tokens_in, max_tokens_out);
        let owner_fee = pricing::owner_fee(&version.spec.fee, tokens_in, max_tokens_out);
        let reward = |ask: &Balance| pricing::reward(*ask, work);
        let runs = replicas.saturating_add(request.audited.into());
        let total = |reward| pricing::total(owner_fee, reward, T::ProtocolFee::get(), runs);
        let mut offers = T::Workers::offers(id, request.region);
        offers.sort_unstable_by_key(|(ask, _)| *ask);
        // Every run needs a worker of its own and the budget is the same for each: the dearest of
        // the cheapest decides.
        let least = offers.get(usize::from(runs).saturating_sub(1)).map(|(ask, _)| reward(ask));
        let lowest = least.map(total);
        let rewards = least.map(|reward| reward.saturating_mul(runs.into()));
        let highest = lowest.and_then(|_| offers.last().map(|(ask, _)| reward(ask)).map(total));
        let workers = u32::try_from(offers.len()).unwrap_or(u32::MAX);
        let split = T::Waterfall::split(id.into(), owner_fee);
        let proven = Self::version_record(id, Self::now()).proven;
        let rates = offers
            .iter()
            .take(replicas.into())
            .map(|(ask, worker)| Self::audit_rate(worker, reward(ask), proven));
        let audit = lowest.and_then(|_| {
            let least = rates.clone().min_by_key(AuditRate::chance)?;
            Some((least, rates.max_by_key(AuditRate::chance)?))
        });
        let wait = lowest.map(|_| Self::expected_wait(work, request.audited));
        Ok(Quote { work, owner_fee, split, lowest, rewards, highest, workers, audit, wait })
    }

    /// Blocks from a submission to the result when there is room: the draw, the work, the blocks that
    /// chance waits for, an audit that is asked for, and the reveal.
    fn expected_wait(work: u64, audited: bool) -> vigil_primitives::BlockNumber {
        let work = Self::work_blocks(work);
        let audit = if audited { work.saturating_add(1u32.into()) } else { Zero::zero() };
        let blocks = work.saturating_add(audit);
        // One block each for the draw, the commitment and the reveal.
        blocks.saturating_add(Self::mixed(work)).saturating_add(3u32.into()).saturated_into()
    }
}
