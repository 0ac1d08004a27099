use super::*;
use frame_support::{
    dispatch::{DispatchClass, GetDispatchInfo},
    weights::{constants::WEIGHT_REF_TIME_PER_MILLIS, Weight},
};
use pallet_jobs::WeightInfo;
use sp_keyring::Sr25519Keyring::Alice;
use vigil_primitives::{
    job::{Input, JobSpec, Policy, Sampling, MAX_INLINE_INPUT},
    terms::AcceptedTerms,
    traits::Grants,
    ModelVersionId,
};
use vigil_runtime::{
    configs::RuntimeBlockWeights,
    constants::{block, money::MILLI},
    genesis_presets::DEVELOPMENT,
    TransactionPayment,
};

/// The largest job the chain carries.
fn submit() -> RuntimeCall {
    RuntimeCall::Jobs(pallet_jobs::Call::submit {
        spec: Box::new(JobSpec {
            version: ModelVersionId { model: 0, version: 0 },
            terms: AcceptedTerms { licence: Hash::zero(), commercial: true },
            input: Input::Inline(vec![0; MAX_INLINE_INPUT as usize].try_into().unwrap()),
            max_tokens_out: u32::MAX,
            sampling: Sampling::Gumbel { seed: u64::MAX, temperature: 0, min_p: 0 },
            policy: Policy { replicas: 5, challenge_window: 3, audited: false, region: None },
            max_price: MILLI,
            deadline: 100,
        }),
    })
}

#[test]
fn a_block_should_take_at_most_a_third_of_its_slot() {
    let block = RuntimeBlockWeights::get().max_block.ref_time() / WEIGHT_REF_TIME_PER_MILLIS;
    assert_eq!(block, SLOT_MS / 3);
}

/// What it weighs to end a job that is outbid.
fn evict() -> Weight {
    <Runtime as pallet_jobs::Config>::WeightInfo::evict()
        .saturating_add(<Runtime as pallet_jobs::Config>::Grants::use_weight())
}

#[test]
fn a_hundred_of_the_largest_jobs_should_fit_into_a_block() {
    chain(DEVELOPMENT).execute_with(|| {
        let submit = signed(submit(), Alice, 0);
        let info = submit.get_dispatch_info();
        let normal = RuntimeBlockWeights::get().get(DispatchClass::Normal).max_total.unwrap();
        // What jobs themselves may do at the start of the block is taken off.
        let service = vigil_runtime::configs::ServiceWeight::get();
        // A block takes a job when the most that it may weigh fits, and counts what it did weigh:
        // only in a full market does each end another.
        let most = info.total_weight();
        let none_ended = most.saturating_sub(evict());
        let hundred = none_ended.saturating_mul(99).saturating_add(most).saturating_add(service);
        assert!(hundred.all_lte(normal), "{hundred:?} of {normal:?}");

        let bytes = submit.encoded_size() as u32;
        assert!(100 * bytes < block::NORMAL_RATIO * block::MAX_BYTES, "{bytes}");
    });
}

#[test]
fn submitting_the_largest_job_should_cost_less_than_a_thousandth_of_a_token() {
    chain(DEVELOPMENT).execute_with(|| {
        let submit = signed(submit(), Alice, 0);
        let (info, bytes) = (submit.get_dispatch_info(), submit.encoded_size() as u32);
        let fee = TransactionPayment::compute_fee(bytes, &info, 0);
        assert!(fee < MILLI, "{fee}");
    });
}

#[test]
fn a_runtime_upgrade_should_fit_into_a_block() {
    // The largest compressed runtime in use anywhere is about half of this.
    let upgrade = 3 * 1024 * 1024;
    let limit = vigil_runtime::configs::RuntimeBlockLength::get();
    assert!(*limit.max.get(DispatchClass::Operational) > upgrade);
}
