//! Random sequences of calls by everybody, with blocks that have weight and blocks that have none, and
//! blocks that are undone. After every step all invariants hold, and no money appears or vanishes; at
//! the end every channel comes to rest.
//!
//! A **book** beside the chain says what each side has in its hands: a worker never answers without a
//! voucher for all that came before, a requester never signs for what it has not received.

use super::*;
use frame_support::{traits::Hooks, weights::Weight};
use proptest::{
    prelude::*,
    test_runner::{Config as Cases, TestRunner},
};
use std::{cell::RefCell, collections::BTreeMap};
use vigil_primitives::{channel::ChannelStatus, dispute::ClaimId, traits::Claims, ContentHash};

#[derive(Clone, Debug)]
enum Step {
    SetTerms {
        who: u64,
        max_open: u16,
    },
    Open {
        worker: u64,
        deposit: Balance,
        lifetime: u64,
    },
    TopUp {
        which: usize,
        amount: Balance,
    },
    /// The requester sends its voucher for what it has, the worker answers, and the answer arrives or
    /// not.
    Answer {
        which: usize,
        times: u32,
        arrives: bool,
    },
    CloseByWorker {
        which: usize,
        lag: u32,
    },
    CloseByRequester {
        which: usize,
        lag: u32,
    },
    DisputeClose {
        which: usize,
        lag: u32,
    },
    /// The requester signs, and shows, what no answers come to.
    Nonsense {
        which: usize,
        answers: u32,
        owner: Balance,
    },
    Show {
        which: usize,
        number: u32,
        by: u64,
        twin: bool,
    },
    Dispute {
        which: usize,
    },
    Uphold {
        which: usize,
    },
    Convict {
        which: usize,
    },
    Drain {
        who: u64,
    },
    Resume {
        who: u64,
    },
    Unbond {
        who: u64,
    },
    Blocks {
        count: u64,
        weight: bool,
    },
    /// The next steps are undone.
    Fork {
        length: usize,
    },
}

fn who() -> impl Strategy<Value = u64> {
    prop_oneof![Just(WORKER), Just(OTHER)]
}

fn step() -> impl Strategy<Value = Step> {
    let which = 0..5usize;
    prop_oneof![
        1 => (who(), 0..4u16).prop_map(|(who, max_open)| Step::SetTerms { who, max_open }),
        4 => (who(), MIN_DEPOSIT..20_000u128, 0..90u64)
            .prop_map(|(worker, deposit, lifetime)| Step::Open { worker, deposit, lifetime }),
        1 => (which.clone(), 0..5_000u128)
            .prop_map(|(which, amount)| Step::TopUp { which, amount }),
        14 => (which.clone(), 1..6u32, any::<bool>())
            .prop_map(|(which, times, arrives)| Step::Answer { which, times, arrives }),
        1 => (which.clone(), 0..MAX_ANSWERS, 0..20_000u128)
            .prop_map(|(which, answers, owner)| Step::Nonsense { which, answers, owner }),
        2 => (which.clone(), 0..3u32)
            .prop_map(|(which, lag)| Step::CloseByWorker { which, lag }),
        3 => (which.clone(), 0..6u32)
            .prop_map(|(which, lag)| Step::CloseByRequester { which, lag }),
        3 => (which.clone(), 0..6u32)
            .prop_map(|(which, lag)| Step::DisputeClose { which, lag }),
        6 => (which.clone(), 1..5u32, prop_oneof![Just(REQUESTER), Just(STRANGER)], any::<bool>())
            .prop_map(|(which, number, by, twin)| Step::Show { which, number, by, twin }),
        5 => which.clone().prop_map(|which| Step::Dispute { which }),
        1 => which.clone().prop_map(|which| Step::Uphold { which }),
        3 => which.clone().prop_map(|which| Step::Convict { which }),
        1 => who().prop_map(|who| Step::Drain { who }),
        2 => who().prop_map(|who| Step::Resume { who }),
        1 => who().prop_map(|who| Step::Unbond { who }),
        5 => (1..8u64, any::<bool>()).prop_map(|(count, weight)| Step::Blocks { count, weight }),
        1 => (1..4usize).prop_map(|length| Step::Fork { length }),
    ]
}

/// What both sides of a channel have in their hands.
#[derive(Clone, Debug, Default)]
struct Hands {
    /// Answers that the worker has computed.
    answered: u32,
    /// Answers that the requester has received.
    received: u32,
    /// Answers of the newest voucher that the worker has.
    voucher: u32,
    /// Answers of the best voucher that was shown in time.
    shown: u32,
    /// Numbers that were convicted before the settlement, with the dearest of their receipts.
    void: BTreeMap<u32, Totals>,
    /// What came back out of the bond after it.
    damages: Balance,
    /// Whether the requester has signed what no answers come to.
    hostile: bool,
}

#[derive(Clone, Default)]
struct Book {
    hands: BTreeMap<ChannelId, Hands>,
    /// Disputes that go on.
    court: Vec<ClaimId<u64>>,
    /// Burned or taken by slashes.
    burned: Balance,
}

impl Book {
    fn pick(&self, which: usize) -> Option<ChannelId> {
        let there = |id: &ChannelId| crate::Channels::<Test>::contains_key(id);
        let there: Vec<_> = self.hands.keys().copied().filter(there).collect();
        (!there.is_empty()).then(|| there[which % there.len()])
    }
}

fn slots(count: u64, weight: bool) {
    ServiceWeight::set(if weight { FULL } else { Weight::zero() });
    for _ in 0..count {
        Channels::on_idle(now(), ServiceWeight::get());
        System::set_block_number(now() + 1);
        Channels::on_initialize(now());
    }
    ServiceWeight::set(FULL);
}

fn is_settled(id: ChannelId) -> bool {
    crate::Channels::<Test>::get(id).is_none_or(|channel| channel.is_settled())
}

/// A voucher fits what is on hold: a worker accepts no other.
fn fits(id: ChannelId, answers: u32) -> bool {
    totals(id, answers).price(&prices(id)) <= channel(id).deposit
}

fn act(book: &mut Book, step: &Step) {
    match step.clone() {
        Step::SetTerms { who, max_open } => {
            let terms = ChannelTerms { max_open, ..terms() };
            let _ = Channels::set_terms(RuntimeOrigin::signed(who), terms);
        }
        Step::Open { worker, deposit, lifetime } => {
            let id = NextChannel::<Test>::get();
            let expires_at = now() + lifetime;
            let opened = open_with(|spec| {
                (spec.worker, spec.deposit) = (worker, deposit);
                spec.expires_at = expires_at;
            });
            if opened.is_ok() {
                book.hands.insert(id, Hands::default());
            }
        }
        Step::TopUp { which, amount } => {
            let Some(id) = book.pick(which) else { return };
            let _ = Channels::top_up(RuntimeOrigin::signed(REQUESTER), id, amount);
        }
        Step::Answer { which, times, arrives } if times > 1 => {
            act(book, &Step::Answer { which, times: 1, arrives: true });
            act(book, &Step::Answer { which, times: times - 1, arrives });
        }
        Step::Answer { which, arrives, .. } => {
            let Some(id) = book.pick(which).filter(|id| {
                crate::Channels::<Test>::get(id).is_some_and(|channel| channel.is_open(now()))
            }) else {
                return;
            };
            let next = book.hands[&id].received + 1;
            if !fits(id, next) || next > MAX_ANSWERS {
                return;
            }
            let hands = book.hands.get_mut(&id).unwrap();
            // What is asked again after a break is the same answer: it is unpaid once.
            hands.voucher = hands.received;
            hands.answered = next;
            hands.received += u32::from(arrives);
        }
        Step::CloseByWorker { which, lag } => {
            let Some(id) = book.pick(which).filter(|id| !is_settled(*id)) else { return };
            let best = book.hands[&id].voucher.saturating_sub(lag);
            assert_ok!(close_as(channel(id).worker, id, Some(voucher(id, best))));
            let hands = book.hands.get_mut(&id).unwrap();
            hands.shown = hands.shown.max(best);
        }
        Step::CloseByRequester { which, lag } => {
            let Some(id) = book.pick(which).filter(|id| !is_settled(*id)) else { return };
            let open = channel(id).is_open(now());
            let answers = book.hands[&id].received.saturating_sub(lag);
            let closed = close_as(REQUESTER, id, Some(voucher(id, answers)));
            assert_eq!(closed.is_ok(), open);
            if open {
                book.hands.get_mut(&id).unwrap().shown = answers;
            }
        }
        Step::DisputeClose { which, lag } => {
            let Some(id) = book.pick(which).filter(|id| !is_settled(*id)) else { return };
            let (open, known) = (channel(id).is_open(now()), channel(id).totals());
            let answers = book.hands[&id].voucher.saturating_sub(lag);
            let shown = dispute_close_as(STRANGER, id, voucher(id, answers));
            assert_eq!(shown.is_ok(), !open && !known.cover(&totals(id, answers)));
            if shown.is_ok() {
                let hands = book.hands.get_mut(&id).unwrap();
                hands.shown = hands.shown.max(answers);
            }
        }
        Step::Nonsense { which, answers, owner } => {
            let Some(id) = book.pick(which).filter(|id| !is_settled(*id)) else { return };
            let owner = owner.max(FEE.per_job * Balance::from(answers));
            let nonsense = signed(id, Totals { answers, work: 0, reward: 0, owner });
            let open = channel(id).is_open(now());
            let shown = match open {
                true => close_as(REQUESTER, id, Some(nonsense)),
                false => dispute_close_as(STRANGER, id, nonsense),
            };
            if shown.is_ok() {
                book.hands.get_mut(&id).unwrap().hostile = true;
            }
        }
        Step::Show { which, number, by, twin } => {
            let Some(id) = book.pick(which) else { return };
            if number > book.hands[&id].answered {
                return;
            }
            let mut receipt = receipt(id, number);
            if twin {
                // Another receipt for the same number, which costs less.
                receipt.input = ContentHash::repeat_byte(9);
                receipt.usage.tokens_in = 2;
                receipt.usage.cached = 0;
            }
            let _ = show_as(by, receipt);
        }
        Step::Dispute { which } => {
            let claims: Vec<_> = Shown::<Test>::iter().map(|(id, hash, _)| (id, hash)).collect();
            if claims.is_empty() {
                return;
            }
            let (id, receipt) = claims[which % claims.len()];
            let claim = ClaimId::Receipt { worker: channel(id).worker, channel: id, receipt };
            dispute(&claim);
            book.court.push(claim);
        }
        Step::Uphold { which } => {
            if book.court.is_empty() {
                return;
            }
            let claim = book.court.swap_remove(which % book.court.len());
            <Channels as Claims<u64>>::upheld(&claim);
        }
        Step::Convict { which } => {
            if book.court.is_empty() {
                return;
            }
            let claim = book.court[which % book.court.len()].clone();
            let before = book.court.len();
            book.court.retain(|other| *other != claim);
            let disputes = u32::try_from(before - book.court.len()).unwrap();
            let ClaimId::Receipt { channel: id, receipt, .. } = claim else { unreachable!() };
            let shown = Shown::<Test>::get(id, receipt).unwrap();
            let hands = book.hands.get_mut(&id).unwrap();
            if !is_settled(id) {
                let dearest = hands.void.entry(shown.receipt.number).or_default();
                *dearest = dearest.most(&shown.cost);
            }
            let penalty = convict(&claim, disputes);
            hands.damages += penalty.damages;
            book.burned += penalty.burned;
            // It is a claim no more, and will not be one again.
            let again = show_as(STRANGER, shown.receipt);
            assert_eq!(again, Err(Error::<Test>::AlreadyConvicted.into()));
        }
        Step::Drain { who } => {
            let _ = Workers::drain(RuntimeOrigin::signed(who));
        }
        Step::Resume { who } => {
            let _ = Workers::resume(RuntimeOrigin::signed(who));
            let _ = Workers::unjail(RuntimeOrigin::signed(who));
        }
        Step::Unbond { who } => {
            let _ = Workers::unbond(RuntimeOrigin::signed(who));
        }
        Step::Blocks { count, weight } => slots(count, weight),
        Step::Fork { .. } => {}
    }
}

/// What was paid for a channel against what its sides had in their hands.
fn check(book: &Book, issued: Balance) -> Result<(), TestCaseError> {
    check_all();
    prop_assert_eq!(Balances::total_issuance() + book.burned, issued);
    for (id, hands) in &book.hands {
        // At most one answer is ever unpaid.
        prop_assert!(hands.answered <= hands.voucher + 1 && hands.received <= hands.voucher + 1);
        let Some(channel) = crate::Channels::<Test>::get(id) else { continue };
        let ChannelStatus::Settled { receipt, totals: owed, .. } = channel.status else {
            prop_assert!(hands.hostile || channel.totals() == totals(*id, hands.shown));
            continue;
        };
        // Nothing comes back that was not paid.
        prop_assert!(hands.damages <= channel.deposit - receipt.requester);
        let newest = totals(*id, hands.shown);
        if hands.hostile {
            // Whatever else was signed takes nothing from the newest voucher.
            let least = hands.void.values().fold(newest, |rest, void| rest.without(void)).reward;
            prop_assert!(receipt.worker >= least, "{} of {least}", receipt.worker);
            continue;
        }
        // The newest voucher that was shown in time has won, and nothing is paid beyond what arrived.
        prop_assert_eq!(owed, totals(*id, hands.shown));
        prop_assert!(receipt.answers <= hands.received);
        let counted = hands.void.iter().filter(|(number, _)| **number <= hands.shown);
        let due = counted.fold(newest, |rest, (_, void)| rest.without(void));
        prop_assert_eq!((receipt.answers, receipt.worker), (due.answers, due.reward));
        prop_assert_eq!(receipt.owner, due.owner);
    }
    Ok(())
}

/// What the sequences must bring about between them, lest they prove nothing.
const MUST_REACH: [&str; 19] = [
    "opened",
    "topped up",
    "closing",
    "closing by itself",
    "newer voucher",
    "settled: nothing",
    "settled: answers",
    "settled: a void answer",
    "settled: a lost answer",
    "settled: by an older voucher",
    "settled: after nonsense",
    "shown: by the requester",
    "shown: by a stranger",
    "disputed",
    "convicted",
    "convicted: twins",
    "convicted: damages",
    "pruned",
    "undone",
];

type Counts = RefCell<BTreeMap<&'static str, usize>>;

/// Counts what has happened since the last look.
fn count(counts: &Counts, book: &Book) {
    let reach = |what| *counts.borrow_mut().entry(what).or_default() += 1;
    for record in System::read_events_no_consensus() {
        match record.event {
            RuntimeEvent::Channels(event) => match event {
                Event::Opened { .. } => reach("opened"),
                Event::ToppedUp { .. } => reach("topped up"),
                Event::Closing { channel: id, .. } => {
                    let there = crate::Channels::<Test>::get(id);
                    match there.is_some_and(|channel| channel.expires_at < now()) {
                        true => reach("closing by itself"),
                        false => reach("closing"),
                    }
                }
                Event::NewerVoucher { .. } => reach("newer voucher"),
                Event::Settled { channel: id, receipt, .. } => {
                    let hands = &book.hands[&id];
                    match receipt.answers {
                        0 => reach("settled: nothing"),
                        _ => reach("settled: answers"),
                    }
                    if hands.hostile {
                        reach("settled: after nonsense");
                        continue;
                    }
                    if receipt.answers < hands.shown {
                        reach("settled: a void answer");
                    }
                    if hands.answered > hands.shown {
                        reach("settled: a lost answer");
                    }
                    if hands.voucher > hands.shown {
                        reach("settled: by an older voucher");
                    }
                }
                Event::Shown { by: REQUESTER, .. } => reach("shown: by the requester"),
                Event::Shown { .. } => reach("shown: by a stranger"),
                Event::Disputed { .. } => reach("disputed"),
                Event::Convicted { channel: id, number } => {
                    reach("convicted");
                    let there = crate::Channels::<Test>::get(id);
                    let of = |channel: ChannelOf<Test>| {
                        channel.voids.iter().filter(|void| void.number == number).count()
                    };
                    if there.map_or(0, of) > 1 {
                        reach("convicted: twins");
                    }
                }
                Event::Pruned { .. } => reach("pruned"),
                _ => {}
            },
            RuntimeEvent::Workers(pallet_workers::Event::Convicted { penalty, .. })
                if penalty.damages > 0 =>
            {
                reach("convicted: damages");
            }
            _ => {}
        }
    }
    System::reset_events();
}

fn run(steps: &[Step], counts: &Counts) -> Result<(), TestCaseError> {
    Chain::default().build().execute_with(|| {
        let issued = Balances::total_issuance();
        let mut book = Book::default();
        let mut at = 0;
        while let Some(step) = steps.get(at) {
            at += 1;
            if let Step::Fork { length } = step {
                // Blocks that a re-organisation undoes leave nothing behind, and the same
                // transactions do the same on the other fork.
                let branch = &steps[at..steps.len().min(at + length)];
                let fork = |book: &mut Book| {
                    let height = now();
                    branch.iter().for_each(|step| act(book, step));
                    let root = sp_io::storage::root(sp_runtime::StateVersion::V1);
                    System::set_block_number(height);
                    root
                };
                let (mut first, mut second) = (book.clone(), book.clone());
                let undone = |book: &mut Book| {
                    let root = frame_support::storage::with_transaction(|| {
                        let root = fork(book);
                        sp_runtime::TransactionOutcome::Rollback(
                            Ok::<_, sp_runtime::DispatchError>(root),
                        )
                    });
                    root.unwrap()
                };
                prop_assert_eq!(undone(&mut first), undone(&mut second));
                *counts.borrow_mut().entry("undone").or_default() += 1;
                check(&book, issued)?;
                continue;
            }
            act(&mut book, step);
            check(&book, issued)?;
            count(counts, &book);
        }
        // Nobody does anything more: all disputes end, and the agenda brings every channel to its end.
        for claim in std::mem::take(&mut book.court) {
            <Channels as Claims<u64>>::upheld(&claim);
        }
        slots(MAX_LIFETIME + WINDOW + RECEIPT_WINDOW + 3, true);
        check(&book, issued)?;
        count(counts, &book);
        prop_assert_eq!(crate::Channels::<Test>::iter().count(), 0);
        prop_assert_eq!(Shown::<Test>::iter().count(), 0);
        prop_assert_eq!(worker(WORKER).covered + worker(OTHER).covered, 0);
        Ok(())
    })
}

/// Rounds of sequences until all of [`MUST_REACH`] has happened: what is rare may miss the first.
const MOST_ROUNDS: usize = 5;

#[test]
fn money_should_neither_appear_nor_vanish() {
    let counts = Counts::default();
    let missing = |counts: &Counts| -> Vec<_> {
        let reached = counts.borrow();
        MUST_REACH.into_iter().filter(|what| !reached.contains_key(what)).collect()
    };
    for _ in 0..MOST_ROUNDS {
        let cases = Cases { cases: 192, ..Cases::with_source_file(file!()) };
        let steps = proptest::collection::vec(step(), 20..100);
        TestRunner::new(cases).run(&steps, |steps| run(&steps, &counts)).unwrap();
        if missing(&counts).is_empty() {
            break;
        }
    }
    println!("{:?}", counts.borrow());
    assert_eq!(missing(&counts), [""; 0], "was never reached");
}

/// A requester that vanishes costs the worker the one answer that no voucher pays.
#[test]
fn a_requester_that_vanishes_should_cost_one_answer() {
    build_and_execute(|| {
        let id = opened();
        // It has received five answers, and the last request paid for four of them.
        run_to(channel(id).expires_at + 1);
        assert_ok!(dispute_close_as(WORKER, id, voucher(id, 4)));
        run_to(now() + WINDOW);
        assert_eq!(paid(id).worker, totals(id, 4).reward);
    });
}

/// A worker that vanishes costs the requester nothing that it has not received.
#[test]
fn a_worker_that_vanishes_should_cost_nothing_that_was_not_received() {
    build_and_execute(|| {
        let id = opened();
        assert_ok!(close_as(REQUESTER, id, Some(voucher(id, 4))));
        run_to(now() + WINDOW);
        assert_eq!(paid(id).requester, DEPOSIT - totals(id, 4).price(&prices(id)));
        let silent = opened();
        run_to(channel(silent).expires_at + 1 + WINDOW);
        assert_eq!(paid(silent).requester, DEPOSIT);
    });
}
