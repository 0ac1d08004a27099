//! From a requester: submit and cancel.

use super::*;
use vigil_primitives::{
    job::{bytes_to_tokens, Input, WaitingCost},
    pricing,
    traits::{ModelRegistry, Waterfall},
    Architecture,
};

impl<T: Config> Pallet<T> {
    /// The weight of what it did.
    pub(crate) fn do_submit(
        requester: T::AccountId,
        spec: JobSpecOf<T>,
    ) -> Result<Weight, DispatchError> {
        let weight = Self::submit_weight(&spec);
        let now = Self::now();
        let version = T::Models::version(spec.version).ok_or(Error::<T>::UnknownVersion)?;
        version.check_use(&spec.terms).map_err(Error::<T>::from)?;
        let workers = T::Workers::serving(spec.version);
        ensure!(workers > 0, Error::<T>::VersionNotServed);

        let architecture = version.spec.architecture;
        let tokens_in = Self::check_input(&spec.input, &architecture)?;
        architecture
            .check_run(tokens_in, spec.max_tokens_out, spec.sampling)
            .map_err(Error::<T>::from)?;

        let policy = spec.policy;
        ensure!(
            (1..=MAX_REPLICAS).contains(&policy.replicas.into()),
            Error::<T>::ReplicasOutOfRange
        );
        ensure!(u32::from(policy.runs()) <= workers, Error::<T>::TooFewWorkers);
        ensure!(policy.region.is_none_or(|region| region.is_valid()), Error::<T>::RegionInvalid);
        ensure!(
            (T::MinChallengeWindow::get()..=T::MaxChallengeWindow::get())
                .contains(&policy.challenge_window),
            Error::<T>::ChallengeWindowOutOfRange
        );
        ensure!(spec.deadline > now, Error::<T>::DeadlinePassed);
        ensure!(
            spec.deadline <= now.saturating_add(T::MaxDuration::get()),
            Error::<T>::DeadlineTooFar
        );

        let fee = version.spec.fee;
        let least = pricing::total(
            pricing::owner_fee(&fee, tokens_in, spec.max_tokens_out),
            pricing::reward(T::MinAsk::get(), architecture.work(tokens_in, spec.max_tokens_out)),
            T::ProtocolFee::get(),
            policy.runs(),
        );
        ensure!(spec.max_price >= least, Error::<T>::PriceTooLow);

        let grant = version.reserve_uses::<T::Grants>(spec.version, &requester, 1, 0)?;
        let job = JobRecord {
            requester,
            version: spec.version,
            terms: spec.terms,
            grant,
            payees: T::Waterfall::payees(spec.version.into()),
            architecture,
            fee,
            protocol_fee: T::ProtocolFee::get(),
            tokens_in,
            max_tokens_out: spec.max_tokens_out,
            sampling: spec.sampling,
            policy,
            max_price: spec.max_price,
            deadline: spec.deadline,
            submitted_at: now,
            attempts: 0,
            lost_by: Default::default(),
            wake_at: now,
            place: None,
            waiting: WaitingCost::Running { per_block: T::WaitingFee::get() },
            disputes: 0,
            penalty: None,
            convicted: Default::default(),
            audit: None,
            status: JobStatus::Queued,
        };
        let evicted = Self::make_way(job.bid(), now)?;
        Self::count_open(&job.requester)?;
        Self::hold(&job)?;

        let id = NextJob::<T>::get();
        NextJob::<T>::put(id.saturating_add(1));
        Inputs::<T>::insert(id, &spec.input);
        Self::deposit_event(Event::Submitted {
            job: id,
            requester: job.requester.clone(),
            version: job.version,
            max_price: job.max_price,
            waiting: job.waiting_held(),
        });
        Self::store(id, job, now);
        Ok(if evicted { weight } else { weight.saturating_sub(Self::evict_weight()) })
    }

    pub(crate) fn do_cancel(requester: &T::AccountId, id: JobId) -> DispatchResult {
        let mut job = Self::load(id)?;
        ensure!(job.requester == *requester, Error::<T>::NotOwner);
        job.cancel().map_err(Error::<T>::from)?;
        let now = Self::now();
        Self::pay_for_waiting(id, &mut job, now)?;
        Self::give_back(requester, job.max_price)?;
        Self::deposit_event(Event::Cancelled {
            job: id,
            requester: requester.clone(),
            amount: job.max_price,
        });
        Self::close(id, job, now);
        Ok(())
    }

    /// The number of tokens in an input that the architecture takes.
    fn check_input(input: &Input, architecture: &Architecture) -> Result<u32, DispatchError> {
        let tokens = input.tokens().ok_or(Error::<T>::InputNotTokens)?;
        // Before the tokens are read: what is too long is not looked at.
        architecture.check_input(tokens).map_err(Error::<T>::from)?;
        // A blob's tokens are not here to be checked: its workers decline what is out of range.
        if let Input::Inline(bytes) = input {
            let ids = bytes_to_tokens(bytes).ok_or(Error::<T>::InputNotTokens)?;
            let vocabulary = architecture.vocabulary();
            ensure!(ids.iter().all(|id| *id < vocabulary), Error::<T>::TokenOutOfVocabulary);
        }
        Ok(tokens)
    }

    fn count_open(requester: &T::AccountId) -> DispatchResult {
        let open = OpenJobs::<T>::get();
        ensure!(open < T::MaxOpenJobs::get(), Error::<T>::TooManyOpenJobs);
        let own = OpenJobsOf::<T>::get(requester);
        ensure!(own < T::MaxOpenJobsPerAccount::get(), Error::<T>::TooManyOpenJobsOfAccount);
        OpenJobs::<T>::put(open.saturating_add(1));
        OpenJobsOf::<T>::insert(requester, own.saturating_add(1));
        Ok(())
    }
}
