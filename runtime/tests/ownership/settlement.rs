//! Who is paid when a job is settled, whatever has happened to the payees.

use crate::market::*;
use frame_support::{
    assert_ok,
    dispatch::{GetDispatchInfo, PostDispatchInfo},
    traits::Get,
};
use sp_runtime::traits::Dispatchable;
use std::time::{Duration, Instant};
use vigil_primitives::{
    job::Receipt, lineage::Royalty, pricing, AccountId, AssetId, Balance, JobId, JobStatus,
};
use vigil_runtime::{
    configs::{keeper, treasury, ServiceWeight},
    Balances, Jobs, Models, Provenance, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin, System,
};

fn fee() -> Balance {
    pricing::owner_fee(&FEE, TOKENS, 0)
}

/// What a share of the owner's fee is, rounded down.
fn part(parts: u32) -> Balance {
    fee() * Balance::from(parts) / 1_000_000
}

fn royalty(asset: AssetId, payee: &AccountId, amount: Balance) -> Royalty {
    Royalty { asset, payee: payee.clone(), amount, credited: true }
}

fn receipt(job: JobId) -> Receipt {
    match status(job) {
        JobStatus::Settled { receipt, .. } => receipt,
        other => panic!("job {job} is not settled: {other:?}"),
    }
}

fn jobs_events() -> Vec<pallet_jobs::Event<Runtime>> {
    let events = System::events().into_iter().map(|record| record.event);
    events
        .filter_map(|event| match event {
            RuntimeEvent::Jobs(event) => Some(event),
            _ => None,
        })
        .collect()
}

#[test]
fn a_job_should_pay_the_whole_lineage_to_the_last_unit() {
    run(|| {
        let data = dataset(&CURATOR, open());
        let base = model(&HEIR, &[(data, 20 * PERCENT)]);
        let derived = model(&MAKER, &[(base, 10 * PERCENT), (data, 5 * PERCENT)]);
        let before = [&CURATOR, &HEIR, &MAKER].map(wealth);

        let job = settled(derived);

        // A fifth of the base's tenth goes on to the dataset, which is cited directly too.
        let to_data = part(7 * PERCENT);
        let to_base = part(8 * PERCENT);
        let own = fee() - to_data - to_base;
        assert_eq!(
            royalties(job),
            [
                royalty(derived, &MAKER, own),
                royalty(data, &CURATOR, to_data),
                royalty(base, &HEIR, to_base),
            ]
        );
        let after = [&CURATOR, &HEIR, &MAKER].map(wealth);
        let earned: Vec<_> =
            after.iter().zip(before).map(|(after, before)| after - before).collect();
        assert_eq!(earned, [to_data, to_base, own]);
        assert_eq!(receipt(job).owner, fee());
        for (asset, amount) in [(derived, own), (data, to_data), (base, to_base)] {
            assert_eq!(Provenance::asset_revenue(asset, 0), amount, "{asset}");
        }
    });
}

#[test]
fn a_transfer_in_the_middle_of_a_job_should_pay_the_owner_at_settlement() {
    run(|| {
        let data = dataset(&CURATOR, open());
        let derived = model(&MAKER, &[(data, 30 * PERCENT)]);
        let job = revealed(derived);
        assert_ok!(hand_over(data, &HEIR));
        assert_ok!(hand_over(derived, &STRANGER));
        let before = [&CURATOR, &MAKER].map(wealth);

        settle(job);

        let to_data = part(30 * PERCENT);
        assert_eq!(
            royalties(job),
            [royalty(derived, &STRANGER, fee() - to_data), royalty(data, &HEIR, to_data)]
        );
        assert_eq!([&CURATOR, &MAKER].map(wealth), before);
        assert_eq!(Provenance::account_revenue(HEIR, 0, None, 9), [(data, to_data)]);
        assert_eq!(Provenance::account_revenue(CURATOR, 0, None, 9), []);
    });
}

#[test]
fn an_offer_alone_should_change_nothing() {
    run(|| {
        let derived = model(&MAKER, &[]);
        let job = revealed(derived);
        assert_ok!(Models::offer(signed(&MAKER), version(derived).model, HEIR));
        settle(job);
        assert_eq!(royalties(job), [royalty(derived, &MAKER, fee())]);
    });
}

#[test]
fn a_revoked_parent_should_go_on_earning() {
    run(|| {
        let data = dataset(&CURATOR, open());
        let derived = model(&MAKER, &[(data, 30 * PERCENT)]);
        assert_ok!(revoke(data));
        let job = settled(derived);
        assert_eq!(royalties(job)[1], royalty(data, &CURATOR, part(30 * PERCENT)));
    });
}

#[test]
fn a_part_below_the_existential_deposit_should_be_kept_for_a_payee_without_account() {
    run(|| {
        let data = dataset(&CURATOR, open());
        // A ten-thousandth of the fee is below the least balance of an account.
        let derived = model(&MAKER, &[(data, 100)]);
        let job = revealed(derived);
        let small = part(100);
        assert!(small > 0 && small < LEAST);

        without_account(&CURATOR, || settle(job));

        let expected = Royalty { credited: false, ..royalty(data, &CURATOR, small) };
        assert_eq!(royalties(job), [royalty(derived, &MAKER, fee() - small), expected]);
        assert_eq!(Provenance::unpaid(&CURATOR), small);
        assert_eq!(kept(), small);
        assert!(jobs_events().iter().any(|event| matches!(
            event,
            pallet_jobs::Event::PaymentKept { payee, amount, .. }
                if *payee == CURATOR && *amount == small
        )));
        assert_eq!(Provenance::asset_revenue(data, 0), small, "kept is earned");

        let before = wealth(&CURATOR);
        assert_ok!(Provenance::collect(signed(&STRANGER), CURATOR));
        assert_eq!(wealth(&CURATOR), before + small);
        assert_eq!((Provenance::unpaid(&CURATOR), kept()), (0, 0));
    });
}

#[test]
fn sixteen_payees_without_accounts_should_not_stop_a_settlement() {
    run(|| {
        let (derived, owners) = model_of(16, 100);
        let job = revealed(derived);
        // All accounts are taken away at once, the maker's too.
        let gone: Vec<_> = owners.iter().chain([&MAKER]).cloned().collect();
        fn nested(gone: &[AccountId], settle: &dyn Fn()) {
            match gone.split_first() {
                Some((first, rest)) => without_account(first, || nested(rest, settle)),
                None => settle(),
            }
        }
        nested(&gone, &|| settle(job));

        let royalties = royalties(job);
        assert_eq!(royalties.len(), 16);
        // The maker's part is large enough to open its account again.
        assert!(royalties[0].credited && royalties[0].payee == MAKER);
        assert!(royalties[1..].iter().all(|royalty| !royalty.credited && royalty.amount > 0));
        assert_eq!(royalties.iter().map(|royalty| royalty.amount).sum::<Balance>(), fee());
        assert_eq!(kept(), 15 * part(100));
        for owner in &owners {
            assert_eq!(Provenance::unpaid(owner), part(100));
        }
        let receipt = receipt(job);
        assert_eq!(receipt.owner + receipt.workers + receipt.treasury + receipt.requester, PRICE);
    });
}

#[test]
fn a_closed_treasury_should_have_its_part_kept() {
    run(|| {
        let derived = model(&MAKER, &[]);
        let job = revealed(derived);
        assert_ok!(Balances::force_set_balance(RuntimeOrigin::root(), treasury().into(), 0));

        settle(job);

        let protocol_fee = receipt(job).treasury;
        assert!(protocol_fee > 0 && protocol_fee < LEAST);
        assert_eq!(Provenance::unpaid(&treasury()), protocol_fee);
        assert_eq!(kept(), protocol_fee);
    });
}

#[test]
fn what_not_even_the_keeper_can_take_should_go_back_to_the_requester() {
    run(|| {
        let data = dataset(&CURATOR, open());
        let derived = model(&MAKER, &[(data, 100)]);
        let job = revealed(derived);
        assert_ok!(Balances::force_set_balance(RuntimeOrigin::root(), keeper().into(), 0));

        without_account(&CURATOR, || settle(job));

        let small = part(100);
        let receipt = receipt(job);
        assert_eq!(receipt.owner, fee() - small);
        assert_eq!(receipt.owner + receipt.workers + receipt.treasury + receipt.requester, PRICE);
        assert!(jobs_events().iter().any(|event| matches!(
            event,
            pallet_jobs::Event::PaymentReturned { payee, amount, .. }
                if *payee == CURATOR && *amount == small
        )));
        assert_eq!((Provenance::unpaid(&CURATOR), kept()), (0, 0));
        assert_eq!(Provenance::asset_revenue(data, 0), 0, "what went back is not earned");
    });
}

/// Settles a job by a call of anybody. How long that took, and what it weighed.
fn poke(job: JobId) -> (Duration, PostDispatchInfo) {
    let call = RuntimeCall::Jobs(pallet_jobs::Call::poke { job });
    let before = Instant::now();
    let result = call.dispatch(signed(&STRANGER));
    let time = before.elapsed();
    (time, result.expect("the job is due"))
}

/// A job for five workers that is due to be settled.
fn due(asset: AssetId) -> JobId {
    let mut spec = job_for(asset);
    spec.policy.replicas = WORKERS.len() as u8;
    let job = revealed_by(&REQUESTER, spec);
    let JobStatus::Revealed { settle_at, .. } = status(job) else { panic!("it is revealed") };
    System::set_block_number(settle_at);
    job
}

#[test]
fn the_weight_of_a_settlement_should_grow_with_its_payees_and_stay_within_its_bounds() {
    run(|| {
        let call = RuntimeCall::Jobs(pallet_jobs::Call::poke { job: 0 });
        let charged = call.get_dispatch_info().call_weight;
        let half = ServiceWeight::get().saturating_div(2);
        let mut last = Default::default();
        for payees in [1, 4, 16] {
            let (asset, _) = model_of(payees, PERCENT);
            let (_, info) = poke(due(asset));
            let actual = info.actual_weight.expect("it is what the transition weighs");
            assert!(actual.all_gte(last) && actual != last, "{payees} payees: {actual:?}");
            assert!(actual.all_lte(charged), "{payees} payees: {actual:?} of {charged:?}");
            assert!(actual.all_lte(half), "{payees} payees: {actual:?} of {half:?}");
            last = actual;
        }
        assert!(charged.all_lte(half), "the agenda fits the heaviest transition");
    });
}

#[test]
fn a_settlement_should_take_less_time_than_it_is_charged_for() {
    run(|| {
        let (asset, _) = model_of(16, PERCENT);
        // The quickest of a few, since others use the machine too.
        let (time, weight) = (0..5)
            .map(|_| {
                let (time, info) = poke(due(asset));
                (time, info.actual_weight.expect("it is what the transition weighs"))
            })
            .min_by_key(|(time, _)| *time)
            .expect("there are five");
        let charged = Duration::from_nanos(weight.ref_time() / 1_000);
        assert!(time < charged, "{time:?} of {charged:?}");
    });
}

#[test]
fn a_block_should_settle_many_jobs_of_sixteen_payees_within_its_weight() {
    run(|| {
        let (asset, _) = model_of(16, PERCENT);
        let jobs: Vec<_> = (0..20)
            .map(|_| submit(&REQUESTER, job_for(asset)).expect("nothing stands against it"))
            .collect();
        while jobs.iter().any(|job| workers_of(*job).is_empty()) {
            next_block();
        }
        for job in &jobs {
            answer(*job, OUTPUT);
        }
        let window: u32 = <Runtime as pallet_jobs::Config>::MinChallengeWindow::get();
        System::set_block_number(now() + window - 1);
        let mut blocks = 0;
        while !jobs.iter().all(|job| matches!(status(*job), JobStatus::Settled { .. })) {
            System::set_block_number(now() + 1);
            let used = <Jobs as frame_support::traits::Hooks<u32>>::on_initialize(now());
            assert!(used.all_lte(ServiceWeight::get()), "{used:?}");
            blocks += 1;
            assert!(blocks < 20, "they are never settled");
        }
    });
}
