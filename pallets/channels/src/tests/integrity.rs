//! That `try_state` notices what it is there for, and that bad constants are refused.

use super::*;
use frame_support::traits::{fungible::hold::Mutate, Hooks};
use vigil_primitives::channel::Void;

fn assert_noticed(spoil: impl FnOnce(ChannelId), error: &'static str) {
    Chain::default().build().execute_with(|| {
        let id = settled(3);
        let open = opened();
        assert_ok!(show_as(STRANGER, receipt(open, 1)));
        check_all();
        let _ = id;
        spoil(open);
        assert_eq!(Channels::do_try_state(), Err(error.into()));
    });
}

fn change(id: ChannelId, change: impl FnOnce(&mut ChannelOf<Test>)) {
    crate::Channels::<Test>::mutate_extant(id, change);
}

#[test]
fn try_state_should_notice_what_does_not_hold() {
    let differ = "channels 1: held and recorded amounts differ";
    for reason in [HoldReason::Deposit, HoldReason::Rent, HoldReason::Receipt] {
        let hold = |_| Balances::hold(&reason.into(), &STRANGER, 1).unwrap();
        assert_noticed(hold, differ);
    }
    assert_noticed(|id| change(id, |it| it.covered -= 1), "channels 2: a deposit is not covered");
    assert_noticed(
        |id| change(id - 1, |it| it.covered -= 1),
        "channels 2: a payment is not covered",
    );
    assert_noticed(
        |_| {
            pallet_workers::Workers::<Test>::mutate_extant(WORKER, |worker| worker.covered += 1);
        },
        "channels 2: covers are miscounted",
    );
    assert_noticed(
        |_| OpenOf::<Test>::insert(WORKER, 2),
        "channels 3: open channels are miscounted",
    );
    assert_noticed(|_| OpenOf::<Test>::insert(OTHER, 1), "channels 3: stray counts");
    assert_noticed(|id| change(id, |it| it.wake_at += 1), "channels 4: not in the agenda");
    assert_noticed(|_| Agenda::<Test>::insert(99, 9, ()), "channels 4: stray entries");
    assert_noticed(
        |_| AgendaCursor::<Test>::put(1_000),
        "channels 4: the agenda has passed a channel",
    );
    assert_noticed(
        |_| ChannelsOf::<Test>::insert((STRANGER, ChannelSide::Worker), 0, ()),
        "channels 6: stray entries",
    );
    assert_noticed(
        |id| {
            let (_, hash, shown) = Shown::<Test>::iter().next().unwrap();
            Shown::<Test>::insert(id + 1, hash, shown);
        },
        "channels 7: a receipt of no channel",
    );
    assert_noticed(
        |id| {
            let (_, _, shown) = Shown::<Test>::iter().next().unwrap();
            Shown::<Test>::insert(id, Hash::zero(), shown);
        },
        "channels 7: a receipt is not at its hash",
    );
    assert_noticed(|id| change(id, |it| it.disputes = 1), "channels 7: disputes of no receipt");
    assert_noticed(|_| NextChannel::<Test>::put(1), "channels 9: a number is out of range");
    let void = |receipt| Void { number: 1, receipt, cost: Totals::default() };
    assert_noticed(
        |id| change(id, |it| it.voids = vec![void(Hash::zero()); 2].try_into().unwrap()),
        "channels 9: a receipt was convicted twice",
    );
    assert_noticed(
        |id| {
            let (_, hash, _) = Shown::<Test>::iter().next().unwrap();
            change(id, |it| it.voids.try_push(void(hash)).unwrap());
        },
        "channels 9: a convicted receipt is on chain",
    );
    assert_noticed(
        |_| TermsOf::<Test>::insert(WORKER, ChannelTerms { max_open: 0, ..terms() }),
        "channels 10: bad terms",
    );
}

#[test]
fn the_usual_constants_should_be_accepted() {
    Channels::integrity_test();
}

#[test]
#[should_panic = "ServiceWeight must fit a transition"]
fn too_little_weight_should_be_refused() {
    ServiceWeight::set(Weights::turn_page());
    Channels::integrity_test();
}
