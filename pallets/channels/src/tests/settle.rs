use super::*;
use frame_support::traits::fungible::Mutate;
use sp_runtime::Permill;
use vigil_primitives::{
    channel::{ChannelStatus, Rent},
    lineage::{Share, Shares},
    pricing, samples,
    traits::Provenance as _,
};

#[test]
fn everybody_should_be_paid_to_the_last_unit() {
    build_and_execute(|| {
        let issued = Balances::total_issuance();
        let before = [WORKER, OWNER, TREASURY, REQUESTER].map(balance);
        let id = opened();
        let totals = totals(id, 9);
        run_to(now() + 3);
        assert_ok!(close_as(WORKER, id, Some(voucher(id, 9))));
        let fee = pricing::protocol_fee(Permill::from_percent(1), totals.reward);
        let expected = ChannelReceipt {
            worker: totals.reward,
            owner: totals.owner,
            treasury: fee,
            requester: DEPOSIT - totals.reward - totals.owner - fee,
            answers: 9,
            work: totals.work,
        };
        assert_event(Event::Settled { channel: id, receipt: expected, rent: 3 * RENT });
        assert_eq!(paid(id), expected);
        assert_eq!(channel(id).rent, Rent::Paid { amount: 3 * RENT });
        let price = totals.price(&prices(id));
        let gains = [totals.reward, totals.owner, fee + 3 * RENT];
        for (place, gain) in gains.into_iter().enumerate() {
            assert_eq!(balance([WORKER, OWNER, TREASURY][place]), before[place] + gain);
        }
        assert_eq!(balance(REQUESTER), before[3] - price - 3 * RENT);
        assert_eq!(Balances::total_issuance(), issued);
        let recorded = Recorded::get()[&(WORKER, VERSION)];
        assert_eq!(recorded, (9, totals.work, totals.reward));
    });
}

#[test]
fn the_bond_should_cover_what_was_earned_until_the_channel_is_pruned() {
    build_and_execute(|| {
        let id = settled(9);
        // The owner may be the worker's friend, so its part counts too.
        assert_eq!(worker(WORKER).covered, totals(id, 9).price(&prices(id)));
        let ChannelStatus::Settled { prune_at, .. } = status(id) else { panic!() };
        assert_eq!(prune_at, now() + RECEIPT_WINDOW);
        assert_ok!(Workers::drain(RuntimeOrigin::signed(WORKER)));
        assert_noop!(
            Workers::unbond(RuntimeOrigin::signed(WORKER)),
            pallet_workers::Error::<Test>::StillEngaged
        );
        run_to(prune_at);
        assert_eq!(worker(WORKER).covered, 0);
        assert_ok!(Workers::unbond(RuntimeOrigin::signed(WORKER)));
    });
}

#[test]
fn the_owners_fee_should_be_split_among_all_that_the_version_descends_from() {
    build_and_execute(|| {
        let share = Permill::from_percent(25);
        let cited = Shares::truncate_from(vec![Share { asset: dataset(1, STRANGER), share }]);
        let terms = samples::open();
        assert_ok!(Provenance::record(VERSION.into(), &OWNER, &terms, cited));
        let before = balance(STRANGER);
        let id = settled(8);
        let owner = totals(id, 8).owner;
        assert_eq!(paid(id).owner, owner);
        assert_eq!(balance(STRANGER), before + owner / 4);
    });
}

#[test]
fn one_payee_should_not_hold_up_the_others() {
    Chain::default().without_treasury().build_and_execute(|| {
        let id = settled(3);
        // Less than an account takes: it is kept.
        let receipt = paid(id);
        assert!(receipt.treasury > 0 && receipt.treasury < ED);
        assert_eq!(balance(TREASURY), 0);
        assert_eq!(pallet_provenance::Unpaid::<Test>::get(TREASURY), Some(receipt.treasury));
        let (payee, amount) = (TREASURY, receipt.treasury);
        assert_event(Event::PaymentKept { channel: id, payee, amount });
        // The rent of a treasury that can't be credited goes back.
        run_to(now() + 1);
        let id = opened();
        run_to(now() + 2);
        assert_ok!(close_as(WORKER, id, None));
        assert_eq!(channel(id).rent, Rent::Paid { amount: 0 });
    });
}

#[test]
fn what_can_not_even_be_kept_should_go_back_to_the_requester() {
    Chain::default().without_treasury().build_and_execute(|| {
        // Nobody can be paid into an account that does not exist, the keeper's neither.
        assert_ok!(<Balances as Mutate<_>>::burn_from(
            &KEEPER,
            ED,
            frame_support::traits::tokens::Preservation::Expendable,
            frame_support::traits::tokens::Precision::Exact,
            frame_support::traits::tokens::Fortitude::Force,
        ));
        let id = settled(3);
        let receipt = paid(id);
        assert_eq!(receipt.treasury, 0);
        assert_eq!(receipt.worker + receipt.owner + receipt.requester, DEPOSIT);
    });
}

#[test]
fn time_beyond_the_expiry_should_cost_nothing() {
    build_and_execute(|| {
        let before = balance(REQUESTER);
        let id = opened();
        run_to(now() + LIFETIME + WINDOW + 5);
        let rent = RENT * Balance::from(LIFETIME);
        assert_eq!(channel(id).rent, Rent::Paid { amount: rent });
        assert_eq!(balance(REQUESTER), before - rent);
    });
}
