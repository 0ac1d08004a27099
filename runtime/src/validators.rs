//! Who validates: proof of authority by membership, until there is staking.
//!
//! `pallet-membership` holds the set and root changes it. This module gives it to the session
//! pallet and answers offences: an offender authors no more blocks from the report on and loses its
//! seat, which takes it out of both authority sets at the end of the next session. The rule that
//! comes before all others is that the chain goes on: neither an empty membership nor an offence
//! ever takes the last validator away. `docs/adr/0002-validator-set.md` says why it is so.

use crate::{
    constants::time::EQUIVOCATION_SESSIONS, AccountId, Historical, Runtime, RuntimeOrigin, Session,
    Validators,
};
use alloc::vec::Vec;
use frame_support::{storage_alias, weights::Weight};
use pallet_session::{
    disabling::{DisablingDecision, DisablingStrategy},
    historical,
};
use sp_runtime::{
    traits::{Convert, StaticLookup},
    Perbill,
};
use sp_staking::{
    offence::{OffenceDetails, OffenceSeverity, OnOffenceHandler},
    SessionIndex,
};

/// A validator, as offences name it.
type Identification = historical::IdentificationTuple<Runtime>;

/// Who is disabled while one session gives way to the next. Empty at all other times.
#[storage_alias]
type StillDisabled = StorageValue<ValidatorSet, Vec<(AccountId, OffenceSeverity)>>;

/// The validator set of the runtime.
pub struct ValidatorSet;

impl pallet_session::SessionManager<AccountId> for ValidatorSet {
    /// The members that have session keys; `None`, which keeps the set, when that is nobody or
    /// nothing has changed. An unchanged set costs no new GRANDPA authority set.
    fn new_session(_planned: SessionIndex) -> Option<Vec<AccountId>> {
        let next: Vec<AccountId> = Validators::members()
            .into_iter()
            .filter(|member| Session::load_keys(member).is_some())
            .collect();
        (!next.is_empty() && next != Session::validators()).then_some(next)
    }

    fn start_session(started: SessionIndex) {
        Historical::prune_up_to(started.saturating_sub(EQUIVOCATION_SESSIONS));
        // The session pallet forgets who is disabled when a new set begins, though an offender may
        // still be in it: sets are fixed a session ahead.
        for (account, severity) in StillDisabled::take().unwrap_or_default() {
            if let Some(index) = Session::validator_id_to_index(&account) {
                if !<Session as frame_support::traits::DisabledValidators>::is_disabled(index) {
                    Session::report_offence(account, severity);
                }
            }
        }
    }

    fn end_session(_ended: SessionIndex) {
        let validators = Session::validators();
        let disabled: Vec<_> = pallet_session::DisabledValidators::<Runtime>::get()
            .into_iter()
            .filter_map(|(index, severity)| {
                let account = validators.get(usize::try_from(index).ok()?)?;
                Some((account.clone(), severity))
            })
            .collect();
        if !disabled.is_empty() {
            StillDisabled::put(disabled);
        }
    }
}

impl historical::SessionManager<AccountId, ()> for ValidatorSet {
    fn new_session(planned: SessionIndex) -> Option<Vec<(AccountId, ())>> {
        let validators = <Self as pallet_session::SessionManager<_>>::new_session(planned)?;
        Some(validators.into_iter().map(|validator| (validator, ())).collect())
    }

    fn start_session(started: SessionIndex) {
        <Self as pallet_session::SessionManager<_>>::start_session(started);
    }

    fn end_session(ended: SessionIndex) {
        <Self as pallet_session::SessionManager<_>>::end_session(ended);
    }
}

impl Convert<AccountId, Option<()>> for ValidatorSet {
    fn convert(_validator: AccountId) -> Option<()> {
        Some(())
    }
}

impl OnOffenceHandler<AccountId, Identification, Weight> for ValidatorSet {
    fn on_offence(
        offenders: &[OffenceDetails<AccountId, Identification>],
        slash_fraction: &[Perbill],
        _session: SessionIndex,
    ) -> Weight {
        for (details, fraction) in offenders.iter().zip(slash_fraction) {
            let (offender, ()) = &details.offender;
            Session::report_offence(offender.clone(), OffenceSeverity(*fraction));
            expel(offender);
        }
        // Charged by the report's own weight.
        Weight::zero()
    }
}

/// Takes the seat of a validator, unless nobody else with keys would be left.
fn expel(offender: &AccountId) {
    let members = Validators::members();
    let others_can_go_on =
        members.iter().any(|member| member != offender && Session::load_keys(member).is_some());
    if !members.contains(offender) || !others_can_go_on {
        return;
    }
    let offender = <Runtime as frame_system::Config>::Lookup::unlookup(offender.clone());
    if let Err(error) = Validators::remove_member(RuntimeOrigin::root(), offender) {
        frame_support::defensive!("a member can be removed by root", error.error);
    }
}

/// Disables every offender, as long as one validator of the session stays enabled.
pub struct KeepOneEnabled;

impl DisablingStrategy<Runtime> for KeepOneEnabled {
    fn decision(
        offender: &AccountId,
        _severity: OffenceSeverity,
        disabled: &Vec<(u32, OffenceSeverity)>,
    ) -> DisablingDecision {
        let enabled = Session::validators().len().saturating_sub(disabled.len());
        let disable = Session::validator_id_to_index(offender)
            .filter(|index| enabled > 1 && !disabled.iter().any(|(already, _)| already == index));
        DisablingDecision { disable, reenable: None }
    }
}
