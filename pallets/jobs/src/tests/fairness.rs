//! With an audit, whoever cheats ends with less than honesty would have brought, and nobody else
//! loses anything, whatever the mix: random jobs, a crowd of honest workers, and one among them that
//! does in every job what it likes.

use crate::{mock::*, Jobs as JobStore};
use frame_support::traits::fungible::Inspect;
use proptest::prelude::*;
use vigil_primitives::{
    dispute::{ClaimId, Fault},
    job::{commitment, DeclineReason, ReplicaState, Role},
    traits::{Claims, Conviction},
    Balance, JobId, JobStatus,
};

/// The one that cheats. The other workers are honest.
const CHEAT: AccountId = WORKER;
const WORKERS: usize = 6;

/// What the cheat does in a job, be it as a worker or as its auditor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conduct {
    /// What it should.
    Honest,
    /// It stands for another result.
    Wrong,
    /// It commits and does not reveal.
    Mute,
    /// It does nothing.
    Idle,
    /// It gives the job back.
    Decline,
    /// It commits with another's commitment, if there is one.
    Copy,
}

#[derive(Clone, Debug)]
struct Order {
    replicas: u8,
    audited: bool,
    conduct: Conduct,
    /// Blocks until the next order.
    pause: u64,
}

fn order() -> impl Strategy<Value = Order> {
    use Conduct::*;
    let conduct = prop_oneof![
        2 => Just(Honest), 3 => Just(Wrong), 2 => Just(Mute), 1 => Just(Idle), 1 => Just(Decline),
        2 => Just(Copy),
    ];
    (1u8..=3, any::<bool>(), conduct, 0u64..6)
        .prop_map(|(replicas, audited, conduct, pause)| Order { replicas, audited, conduct, pause })
}

fn total(account: AccountId) -> Balance {
    Balances::total_balance(&account)
}

/// Everybody who is engaged takes the step that is due.
fn work(conducts: &[Conduct]) {
    let jobs: Vec<_> = JobStore::<Test>::iter().collect();
    for (id, job) in jobs {
        for replica in job.status.replicas() {
            let who = replica.worker;
            let conduct = if who == CHEAT { conducts[id as usize] } else { Conduct::Honest };
            match replica.state {
                ReplicaState::Assigned { .. } => commit_as(who, id, conduct),
                ReplicaState::Committed { .. } if conduct != Conduct::Mute => {
                    let _ = reveal(who, id, said(conduct));
                }
                _ => {}
            }
        }
    }
}

fn said(conduct: Conduct) -> vigil_primitives::job::Output {
    output(if conduct == Conduct::Wrong { 2 } else { 1 })
}

fn commit_as(who: AccountId, id: JobId, conduct: Conduct) {
    let origin = RuntimeOrigin::signed(who);
    let others = status(id).replicas().iter().find_map(|other| match other.state {
        ReplicaState::Committed { commitment } => Some(commitment),
        _ => None,
    });
    let _ = match (conduct, others) {
        (Conduct::Idle, _) => return,
        (Conduct::Decline, _) => {
            let _ = Jobs::decline(origin, id, DeclineReason::VersionUnavailable);
            return;
        }
        (Conduct::Copy, Some(copied)) => Jobs::commit(origin, id, copied),
        _ => Jobs::commit(origin, id, commitment(&said(conduct), &salt(who), &who, id)),
    };
}

/// The referee: a result is wrong or it is not, and whoever challenged it rightly has the bounty.
fn judge() {
    for id in Contested::take() {
        let Some(job) = JobStore::<Test>::get(id) else { continue };
        let says = |wrong: bool| {
            let mut all = job.status.replicas().iter().filter_map(|replica| {
                let output = replica.revealed()?;
                ((output == output_of_wrong()) == wrong).then_some(replica.worker)
            });
            all.next()
        };
        let (Some(worker), Some(by)) = (says(true), says(false)) else { continue };
        let claim = ClaimId::Job { job: id, worker };
        <Jobs as Claims<_>>::disputed(&claim).unwrap();
        let conviction = Conviction { by: &by, fault: Fault::Element, disputes: 1, costs: 0 };
        <Jobs as Claims<_>>::convicted(&claim, conviction);
    }
}

fn output_of_wrong() -> vigil_primitives::job::Output {
    said(Conduct::Wrong)
}

fn run(orders: Vec<Order>) -> Result<(), TestCaseError> {
    Contested::set(vec![]);
    DisputesFail::set(false);
    MaxOpenJobs::set(40);
    WaitingFee::set(7);
    Lucky::set(true);
    Chain::default().workers(WORKERS).without_records().build().execute_with(|| {
        let honest: Vec<AccountId> = (WORKER + 1..).take(WORKERS - 1).collect();
        let before: Vec<Balance> = honest.iter().map(|who| total(*who)).collect();
        let (cheat, requester) = (total(CHEAT), total(REQUESTER));
        let issued = Balances::total_issuance();
        let conducts: Vec<Conduct> = orders.iter().map(|order| order.conduct).collect();
        for order in &orders {
            submit_with(|spec| {
                spec.policy.replicas = order.replicas;
                spec.policy.audited = order.audited;
                spec.max_price = 4 * MAX_PRICE;
            })
            .unwrap();
            for _ in 0..=order.pause {
                next_block();
                work(&conducts);
                judge();
            }
            // Without a record everybody is audited: the cheat must not get one by being honest.
            pallet_workers::Workers::<Test>::mutate_extant(CHEAT, |worker| {
                worker.reputation.record.proven = 0;
            });
        }
        let open = || JobStore::<Test>::iter_values().any(|job| !job.status.is_final());
        let mut left = 300;
        while open() {
            next_block();
            work(&conducts);
            judge();
            check_all();
            left -= 1;
            prop_assert!(left > 0, "jobs never come to rest");
        }

        // What the requester has paid for is right, and it has paid for nothing else.
        let (mut paid, mut by_honesty, mut faults) = (0, 0, false);
        for (id, job) in JobStore::<Test>::iter() {
            let mine = |replica: &&vigil_primitives::job::Replica<_, _>| replica.worker == CHEAT;
            if let JobStatus::Settled { output: result, receipt, replicas, .. } = &job.status {
                prop_assert_eq!(*result, output(1), "job {}", id);
                paid += job.max_price - receipt.requester;
                if replicas.iter().any(|replica| mine(&replica)) {
                    by_honesty += reward(ASK);
                }
            }
            let dropped = job.lost_by.contains(&CHEAT) || job.penalty.is_some();
            faults |= dropped && matches!(conducts[id as usize], Conduct::Wrong | Conduct::Mute);
            if let vigil_primitives::job::WaitingCost::Paid { amount } = job.waiting {
                paid += amount;
            }
            prop_assert!(job.auditor().is_none_or(|auditor| auditor.role == Role::Auditor));
        }
        prop_assert_eq!(requester - total(REQUESTER), paid);
        // Nobody who was honest has lost anything.
        for (who, before) in honest.iter().zip(before) {
            prop_assert!(total(*who) >= before, "{} has lost {}", who, before - total(*who));
        }
        // The cheat has at most what its honest work has brought, and less if it was found out.
        let after = total(CHEAT);
        prop_assert!(after <= cheat + by_honesty);
        prop_assert!(!faults || after < cheat + by_honesty);
        prop_assert!(Balances::total_issuance() <= issued);
        check_all();
        Ok(())
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_cheat_should_end_with_less_and_nobody_else_lose(
        orders in prop::collection::vec(order(), 1..8),
    ) {
        run(orders)?;
    }
}
