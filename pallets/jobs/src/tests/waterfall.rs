//! The owner's fee among all that a version descends from, and payees that cannot be credited.

use crate::{mock::*, Error, Event, Jobs as JobStore};
use frame_support::assert_ok;
use vigil_primitives::{
    job::Receipt,
    lineage::{Royalty, MAX_PAYEES},
    AssetId, Balance, JobStatus, ModelVersionId,
};

/// Has no account.
const DEAD: AccountId = 50;

fn paid(id: u64) -> (Receipt, Vec<Royalty<AccountId>>) {
    let JobStatus::Settled { receipt, royalties, .. } = status(id) else { panic!("not settled") };
    (receipt, royalties.into())
}

/// A version of the owner's that gives these shares, in parts per million, away.
fn version_citing(citations: &[(AssetId, u32)]) -> ModelVersionId {
    publish_under(terms(), citations)
}

fn kept_events() -> Vec<(u64, AccountId, Balance)> {
    let kept = |event| match event {
        Event::PaymentKept { job, payee, amount } => Some((job, payee, amount)),
        _ => None,
    };
    events().into_iter().filter_map(kept).collect()
}

fn returned_events() -> Vec<(u64, AccountId, Balance)> {
    let returned = |event| match event {
        Event::PaymentReturned { job, payee, amount, .. } => Some((job, payee, amount)),
        _ => None,
    };
    events().into_iter().filter_map(returned).collect()
}

#[test]
fn settlement_should_split_the_fee_among_all_owners_and_give_the_dust_to_the_version() {
    Chain::default().build_and_execute(|| {
        let data = dataset(7, STRANGER);
        let version = version_citing(&[(data, 333_333), (DECODER.into(), 333_333)]);
        let before = (balance(OWNER), balance(STRANGER));
        let id = settled_of(version);

        // 671.999 of 2,016 to each, rounded down.
        assert_eq!(owner_fee(), 2_016);
        let (receipt, royalties) = paid(id);
        assert_eq!(
            royalties,
            [
                royalty(version, OWNER, 674),
                royalty(data, STRANGER, 671),
                royalty(DECODER, OWNER, 671)
            ]
        );
        assert_eq!(receipt.owner, 2_016);
        assert_eq!(balance(OWNER), before.0 + 674 + 671);
        assert_eq!(balance(STRANGER), before.1 + 671);
        for royalty in royalties {
            assert_eq!(earned(royalty.asset, royalty.payee), royalty.amount);
        }
    });
}

#[test]
fn settlement_should_pay_whoever_owns_each_asset_at_that_moment() {
    Chain::default().build_and_execute(|| {
        let data = dataset(7, OWNER);
        let version = version_citing(&[(data, 500_000)]);
        let id = revealed_of(version, 1);
        dataset(7, STRANGER);
        assert_ok!(Models::offer(RuntimeOrigin::signed(OWNER), 0, TREASURY));
        assert_ok!(Models::accept(RuntimeOrigin::signed(TREASURY), 0));
        let before = (balance(OWNER), balance(STRANGER));
        run_to(now() + WINDOW);
        let expected = [royalty(version, TREASURY, 1_008), royalty(data, STRANGER, 1_008)];
        assert_eq!(paid(id).1, expected);
        assert_eq!((balance(OWNER), balance(STRANGER)), (before.0, before.1 + 1_008));
    });
}

#[test]
fn settlement_should_keep_an_owners_part_when_its_account_is_dead() {
    Chain::default().build_and_execute(|| {
        let data = dataset(7, DEAD);
        let version = version_citing(&[(data, 200_000)]);
        let id = settled_of(version);
        let (receipt, royalties) = paid(id);
        assert_eq!(
            royalties,
            [
                royalty(version, OWNER, 1_613),
                Royalty { credited: false, ..royalty(data, DEAD, 403) }
            ]
        );
        assert_eq!(receipt.owner, 2_016);
        assert_eq!((kept(DEAD), balance(DEAD)), (403, 0));
        assert_eq!(kept_events(), [(id, DEAD, 403)]);
        assert_eq!(earned(data, DEAD), 403);
        assert_eq!(balance(KEEPER), ED, "the rest is on hold");
    });
}

#[test]
fn settlement_should_credit_a_dead_account_when_its_part_is_enough_to_live() {
    Chain::default().build_and_execute(|| {
        let version = version_citing(&[(dataset(7, DEAD), 600_000)]);
        let id = settled_of(version);
        assert!(paid(id).1.iter().all(|royalty| royalty.credited));
        assert_eq!((balance(DEAD), kept(DEAD)), (1_209, 0));
    });
}

#[test]
fn settlement_should_keep_a_workers_reward_when_its_account_is_dead() {
    // 144 for 14,336 multiply-accumulates: below the existential deposit.
    let ask = 10_000_000;
    Chain::default().asks(&[ask]).build_and_execute(|| {
        let id = revealed(1);
        let account = frame_system::Account::<Test>::take(WORKER);
        run_to(now() + WINDOW);
        assert_eq!(paid(id).0.workers, 144);
        assert_eq!((kept(WORKER), balance(WORKER)), (144, 0));
        assert_eq!(Jobs::contribution(WORKER, VERSION).earned, 144);
        assert!(kept_events().contains(&(id, WORKER, 144)));
        frame_system::Account::<Test>::insert(WORKER, account);
    });
}

#[test]
fn settlement_should_keep_the_treasurys_part_when_its_account_is_dead() {
    Chain::default().without_treasury().build_and_execute(|| {
        let id = settled_of(VERSION);
        let fee = 2 * reward(ASK).div_ceil(100);
        assert_eq!((paid(id).0.treasury, kept(TREASURY)), (fee, fee));
        assert_eq!(kept_events(), [(id, TREASURY, fee)]);
    });
}

#[test]
fn settlement_should_return_a_part_when_it_can_be_neither_credited_nor_kept() {
    Chain::default().build_and_execute(|| {
        let version = version_citing(&[(dataset(7, DEAD), 200_000)]);
        keeping_fails();
        let before = balance(REQUESTER);
        let id = settled_of(version);
        let (receipt, royalties) = paid(id);
        assert_eq!(royalties, [royalty(version, OWNER, 1_613)]);
        assert_eq!((receipt.owner, kept(DEAD)), (1_613, 0));
        assert_eq!(returned_events(), [(id, DEAD, 403)]);
        assert_eq!(balance(KEEPER), ED, "what could not be kept is not left with the keeper");
        let price = receipt.workers + receipt.treasury + 1_613;
        assert_eq!(balance(REQUESTER), before - price);
    });
}

#[test]
fn settlement_should_return_a_part_when_the_keeper_has_no_account() {
    Chain::default().build_and_execute(|| {
        let version = version_citing(&[(dataset(7, DEAD), 200_000)]);
        frame_system::Account::<Test>::remove(KEEPER);
        let id = settled_of(version);
        assert_eq!(paid(id).0.owner, 1_613);
        assert_eq!(returned_events(), [(id, DEAD, 403)]);
    });
}

#[test]
fn settlement_should_not_fail_when_none_of_sixteen_payees_can_be_credited() {
    Chain::default().without_treasury().build_and_execute(|| {
        let citations: Vec<_> = (1..MAX_PAYEES)
            .map(|number| (dataset(number, DEAD + u64::from(number)), 62_500))
            .collect();
        let version = version_citing(&citations);
        let id = settled_of(version);
        assert_eq!(job(id).payees, MAX_PAYEES);
        let (receipt, royalties) = paid(id);
        assert_eq!(royalties.len(), 16);
        assert_eq!(royalties.iter().map(|part| part.amount).sum::<Balance>(), 2_016);
        assert_eq!(receipt.owner, 2_016);
        assert_eq!(royalties.iter().filter(|part| !part.credited).count(), 15);
        // The treasury's, too.
        assert_eq!(kept_events().len(), 16);
    });
}

#[test]
fn a_part_of_nothing_should_not_be_listed() {
    Chain::default().build_and_execute(|| {
        // A thousandth of 1 % of 2,016 is nothing.
        let data = dataset(7, STRANGER);
        let id = settled_of(version_citing(&[(data, 10)]));
        let (receipt, royalties) = paid(id);
        assert_eq!((receipt.owner, royalties.len()), (2_016, 1));
        assert_eq!(earned(data, STRANGER), 0);
    });
}

#[test]
fn settlement_should_weigh_what_the_payees_recorded_at_submission_weigh() {
    Chain::default().build_and_execute(|| {
        let citations: Vec<_> =
            (1..MAX_PAYEES).map(|number| (dataset(number, STRANGER), 10_000)).collect();
        let wide = version_citing(&citations);
        let weight_of = |version| {
            let id = revealed_of(version, 2);
            (0..WINDOW).for_each(|_| busy_block());
            let info = Jobs::poke(RuntimeOrigin::signed(STRANGER), id).unwrap();
            assert!(matches!(status(id), JobStatus::Settled { .. }));
            info.actual_weight.unwrap()
        };
        let (narrow, wide) = (weight_of(VERSION), weight_of(wide));
        assert!(narrow.all_lt(wide), "{narrow:?} {wide:?}");
        assert!(wide.all_lt(Jobs::heaviest_step()));
    });
}

#[test]
fn quote_should_show_the_complete_split() {
    Chain::default().build_and_execute(|| {
        let data = dataset(7, STRANGER);
        let version = version_citing(&[(data, 250_000)]);
        let quote = quote_of(version, TOKENS, 0, 1).unwrap();
        assert_eq!(quote.owner_fee, 2_016);
        assert_eq!(quote.split, [royalty(version, OWNER, 1_512), royalty(data, STRANGER, 504)]);
    });
}

#[test]
fn try_state_should_fail_when_royalties_are_not_the_owners_part() {
    type Spoil = fn(&mut crate::types::JobRecordOf<Test>);
    let spoils: [(Spoil, &str); 2] = [
        (
            |job| {
                let JobStatus::Settled { royalties, .. } = &mut job.status else { return };
                royalties[0].amount += 1;
            },
            "royalties do not add up to the owners' part",
        ),
        (|job| job.payees = 0, "there are more royalties than payees"),
    ];
    for (spoil, message) in spoils {
        Chain::default().build().execute_with(|| {
            let id = settled_of(VERSION);
            JobStore::<Test>::mutate(id, |job| spoil(job.as_mut().unwrap()));
            assert_eq!(Jobs::do_try_state(), Err(message.into()));
        });
    }
}

#[test]
fn a_job_whose_payments_exceed_its_escrow_should_be_postponed_and_pay_nobody() {
    Chain::default().build_and_execute(|| {
        let version = version_citing(&[(dataset(7, DEAD), 200_000)]);
        let id = revealed_of(version, 1);
        let fee = job(id).fee;
        JobStore::<Test>::mutate(id, |job| job.as_mut().unwrap().fee.per_job = MAX_PRICE);
        let before = balance(OWNER);
        run_to(now() + WINDOW);
        assert!(matches!(status(id), JobStatus::Revealed { .. }));
        assert_eq!((balance(OWNER), kept(DEAD)), (before, 0));
        let error = Error::<Test>::EscrowExceeded.into();
        let postponed =
            |event: &Event<Test>| matches!(event, Event::Postponed { error: e, .. } if *e == error);
        assert_eq!(count_events(postponed), 1);
        JobStore::<Test>::mutate(id, |job| job.as_mut().unwrap().fee = fee);
        run_to(now() + RETRY_PERIOD);
        assert!(matches!(status(id), JobStatus::Settled { .. }));
    });
}
