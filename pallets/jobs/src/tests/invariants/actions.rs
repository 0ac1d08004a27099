//! What happens in a sequence: calls of anybody, what an honest pool of workers does, and faults.

use crate::{mock::*, types::JobSpecOf, Jobs as JobStore, NextJob};
use proptest::prelude::*;
use vigil_primitives::{
    dispute::{ClaimId, Fault},
    job::{commitment, DeclineReason, Output},
    model::{Url, VersionSpec},
    terms::{Access, GrantTerms, Terms},
    traits::{Claims, Conviction, ModelRegistry},
    worker::{Capability, DeviceClass},
    AssetId, Balance, DatasetVersionId, ModelVersionId,
};

/// Accounts that act: owner, requester, treasury, stranger, two without money, and workers.
pub(super) const ACTORS: [AccountId; 12] =
    [OWNER, REQUESTER, TREASURY, STRANGER, 5, 6, 10, 11, 12, 13, 14, 15];
/// Who owns the datasets at first. The last two never have an account.
pub(super) const PAYEES: [AccountId; 8] = [STRANGER, OWNER, TREASURY, 10, 5, 6, 60, 61];

#[derive(Clone, Debug)]
pub(super) enum Action {
    Submit {
        replicas: u8,
        tokens: u32,
        price: Balance,
        window: u64,
        deadline: u64,
        version: u32,
        commercial: bool,
        audited: bool,
        /// A language model that may generate so many tokens.
        text: Option<u32>,
    },
    /// Jobs of the first actors in one block, each at its own price: more than the market has room
    /// for, so that the dearer push out the cheaper.
    Crowd {
        prices: Vec<Balance>,
    },
    Cancel {
        job: u64,
    },
    /// A commitment or a reveal by whoever, of whatever.
    Commit {
        job: u64,
        output: u8,
    },
    Reveal {
        job: u64,
        output: u8,
    },
    Decline {
        job: u64,
    },
    Poke {
        job: u64,
    },
    /// What an honest pool does: every worker of the job takes its next step; the last one with
    /// another output if `differs`, or not at all if `silent`. A language model generates some of
    /// the tokens that it may.
    Work {
        job: u64,
        tokens: u32,
        differs: bool,
        silent: bool,
    },
    /// Blocks with so much of the usual weight at their start, in per cent, and at their end.
    Blocks {
        count: u64,
        start: u64,
        idle: u64,
    },
    Register {
        ask: Balance,
        bond: Balance,
        capacity: u16,
    },
    Update {
        ask: Balance,
        capacity: u16,
    },
    BondMore {
        amount: Balance,
    },
    Serve {
        version: u32,
    },
    Unserve {
        version: u32,
    },
    Drain,
    Resume,
    Unbond,
    Withdraw,
    Unjail,
    /// A version that cites some assets, each with a share in parts per million, and those who
    /// have a grant of it for so many uses.
    Publish {
        citations: Vec<(usize, u32)>,
        access: Access,
        commercial: bool,
        grants: Vec<(usize, Option<u32>)>,
    },
    Give {
        version: u32,
        to: usize,
        blocks: Option<u32>,
        uses: Option<u32>,
    },
    Take {
        version: u32,
        from: usize,
    },
    /// A dataset changes hands.
    MoveDataset {
        dataset: usize,
        to: usize,
    },
    Deprecate {
        version: u32,
    },
    Revoke {
        version: u32,
    },
    Offer {
        to: usize,
    },
    Accept,
    /// An offer and its acceptance.
    Sell {
        to: usize,
    },
    Transfer {
        to: usize,
        amount: Balance,
    },
    /// The treasury is an account that may not exist.
    MoveTreasury,
    BreakDisputes,
    BreakKeeping,
    /// Somebody disputes a worker's result.
    Dispute {
        job: u64,
    },
    /// A dispute ends, and the result holds.
    Uphold {
        claim: usize,
    },
    /// A result is disputed and found wrong, or its worker has said nothing.
    Convict {
        job: u64,
        silence: bool,
        costs: Balance,
    },
}

pub(super) fn action() -> impl Strategy<Value = Action> {
    let submit =
        (
            prop_oneof![4 => 1u8..=3, 1 => 0u8..=6],
            prop_oneof![8 => 1u32..=64, 1 => Just(0), 1 => Just(65)],
            prop_oneof![6 => 20_000u128..1_000_000, 1 => 0u128..5_000, 1 => Just(FUNDS)],
            prop_oneof![8 => MIN_WINDOW..20, 1 => 0u64..200],
            prop_oneof![8 => 1u64..40, 1 => 0u64..=MAX_DURATION + 1],
            prop_oneof![4 => Just(0u32), 6 => 1u32..3, 1 => 0u32..6],
            prop::bool::weighted(0.7),
            prop::bool::weighted(0.2),
            prop_oneof![6 => Just(None), 4 => (1u32..=12).prop_map(Some), 1 => (0u32..70).prop_map(Some)],
        )
            .prop_map(|(replicas, tokens, price, window, deadline, version, commercial, audited, text)| {
                Action::Submit {
                    replicas,
                    tokens,
                    price,
                    window,
                    deadline,
                    version,
                    commercial,
                    audited,
                    text,
                }
            });
    let access = prop_oneof![
        3 => Just(Access::Open),
        1 => Just(Access::AllowList),
        1 => Just(Access::Paid(GrantTerms { price: 1, duration: 1, uses: Some(1) })),
    ];
    let uses = prop_oneof![1 => Just(None), 3 => (1u32..4).prop_map(Some)];
    let publish = (
        prop::collection::vec((0usize..20, 1u32..300_000), 0..5),
        access,
        prop::bool::weighted(0.7),
        prop::collection::vec((0..ACTORS.len(), uses.clone()), 0..6),
    )
        .prop_map(|(citations, access, commercial, grants)| Action::Publish {
            citations,
            access,
            commercial,
            grants,
        });
    let job = any::<u64>();
    let ask = prop_oneof![8 => 1_000_000..10 * ASK, 1 => any::<u128>()];
    let capacity = prop_oneof![8 => 1u16..4, 1 => any::<u16>()];
    prop_oneof![
        12 => submit,
        1 => prop::collection::vec(20_000u128..200_000, 4..8)
            .prop_map(|prices| Action::Crowd { prices }),
        2 => job.prop_map(|job| Action::Cancel { job }),
        3 => (job, 0u8..3).prop_map(|(job, output)| Action::Commit { job, output }),
        3 => (job, 0u8..3).prop_map(|(job, output)| Action::Reveal { job, output }),
        3 => job.prop_map(|job| Action::Decline { job }),
        4 => job.prop_map(|job| Action::Poke { job }),
        50 => (job, any::<u32>(), prop::bool::weighted(0.1), prop::bool::weighted(0.15))
            .prop_map(|(job, tokens, differs, silent)| Action::Work { job, tokens, differs, silent }),
        16 => (
            prop_oneof![16 => 1u64..4, 1 => 4u64..40],
            prop_oneof![12 => Just(100u64), 1 => Just(0), 1 => 1u64..20],
            prop_oneof![2 => Just(100u64), 1 => Just(0), 1 => 1u64..20],
        )
            .prop_map(|(count, start, idle)| Action::Blocks { count, start, idle }),
        2 => (
            ask.clone(),
            prop_oneof![4 => MIN_BOND..4 * MIN_BOND, 1 => 0..MIN_BOND],
            capacity.clone(),
        )
            .prop_map(|(ask, bond, capacity)| Action::Register { ask, bond, capacity }),
        1 => (ask, capacity).prop_map(|(ask, capacity)| Action::Update { ask, capacity }),
        1 => (0..MIN_BOND).prop_map(|amount| Action::BondMore { amount }),
        2 => (0u32..3).prop_map(|version| Action::Serve { version }),
        1 => (0u32..3).prop_map(|version| Action::Unserve { version }),
        1 => Just(Action::Drain),
        1 => Just(Action::Resume),
        1 => Just(Action::Unbond),
        1 => Just(Action::Withdraw),
        2 => Just(Action::Unjail),
        5 => publish,
        2 => (0u32..4, 0..ACTORS.len(), prop::option::of(1u32..20), uses)
            .prop_map(|(version, to, blocks, uses)| Action::Give { version, to, blocks, uses }),
        1 => (0u32..4, 0..ACTORS.len()).prop_map(|(version, from)| Action::Take { version, from }),
        2 => (0..PAYEES.len(), 0..ACTORS.len())
            .prop_map(|(dataset, to)| Action::MoveDataset { dataset, to }),
        1 => (0u32..3).prop_map(|version| Action::Deprecate { version }),
        1 => (1u32..3).prop_map(|version| Action::Revoke { version }),
        1 => (0..ACTORS.len()).prop_map(|to| Action::Offer { to }),
        1 => Just(Action::Accept),
        1 => (0..ACTORS.len()).prop_map(|to| Action::Sell { to }),
        2 => (0..ACTORS.len(), prop_oneof![0..2 * ED, 0..2 * FUNDS])
            .prop_map(|(to, amount)| Action::Transfer { to, amount }),
        1 => Just(Action::MoveTreasury),
        1 => Just(Action::BreakDisputes),
        1 => Just(Action::BreakKeeping),
        6 => job.prop_map(|job| Action::Dispute { job }),
        3 => any::<usize>().prop_map(|claim| Action::Uphold { claim }),
        4 => (job, any::<bool>(), 0..2 * MIN_BOND)
            .prop_map(|(job, silence, costs)| Action::Convict { job, silence, costs }),
    ]
}

pub(super) fn open_jobs() -> Vec<u64> {
    let mut open: Vec<_> = JobStore::<Test>::iter()
        .filter_map(|(id, job)| (!job.status.is_final()).then_some(id))
        .collect();
    open.sort_unstable();
    open
}

/// Some job: mostly an open one, but also one that has ended, is pruned or never was.
fn pick(job: u64) -> u64 {
    let open = open_jobs();
    match (job % 5, open.len() as u64) {
        (0, _) | (_, 0) => (job >> 8) % (NextJob::<Test>::get() + 1),
        (_, count) => open[((job >> 8) % count) as usize],
    }
}

/// Some job with results, paid or not.
fn pick_result(job: u64) -> u64 {
    let mut with: Vec<_> = JobStore::<Test>::iter()
        .filter(|(_, job)| job.status.replicas().iter().any(|replica| replica.revealed().is_some()))
        .map(|(id, _)| id)
        .collect();
    with.sort_unstable();
    let count = with.len().max(1) as u64;
    with.get(((job >> 8) % count) as usize).copied().unwrap_or(0)
}

/// Whoever may do something with the job, or half the time whoever comes along.
fn insider(who: AccountId, job: u64, chance: u64) -> AccountId {
    match JobStore::<Test>::get(job) {
        Some(record) if chance & 1 == 0 => match record.status.replicas() {
            [] => record.requester,
            replicas => replicas[(chance >> 1) as usize % replicas.len()].worker,
        },
        _ => who,
    }
}

fn capability() -> Capability {
    Capability { memory_mib: 1, device: DeviceClass::Cpu, gmacs_per_second: 1 }
}

/// Output number `n` of a job: of a language model some of the tokens that it may generate.
fn output_of(job: u64, n: u8, tokens: u32) -> Output {
    let most = JobStore::<Test>::get(job).map_or(0, |record| record.max_tokens_out);
    let tokens = if most == 0 { 0 } else { 1 + tokens % most };
    Output { tokens, ..output(n) }
}

/// Runs an action in the name of `who`. Whether it is refused is its own affair.
pub(super) fn act(who: AccountId, action: Action) {
    let origin = RuntimeOrigin::signed(who);
    let url = Url::truncate_from(b"http://127.0.0.1".to_vec());
    let version = |version| ModelVersionId { model: 0, version };
    match action {
        Action::Submit {
            replicas,
            tokens,
            price,
            window,
            deadline,
            version: number,
            commercial,
            audited,
            text,
        } => {
            let mut spec = spec();
            spec.version = version(number);
            if let Some(tokens_out) = text {
                spec = JobSpecOf::<Test> { max_tokens_out: tokens_out, ..text_spec() };
            }
            spec.input = input(tokens);
            spec.policy.replicas = replicas;
            spec.policy.challenge_window = window;
            spec.terms.commercial = commercial;
            spec.policy.audited = audited;
            spec.max_price = price;
            spec.deadline = now() + deadline;
            let _ = Jobs::submit(origin, Box::new(spec));
        }
        Action::Crowd { prices } => {
            for (price, requester) in prices.into_iter().zip(ACTORS[..4].iter().cycle()) {
                let spec = JobSpecOf::<Test> { max_price: price, ..spec() };
                let _ = Jobs::submit(RuntimeOrigin::signed(*requester), Box::new(spec));
            }
        }
        Action::Cancel { job: number } => {
            let job = pick(number);
            let _ = Jobs::cancel(RuntimeOrigin::signed(insider(who, job, number >> 4)), job);
        }
        Action::Commit { job: number, output: n } => {
            let job = pick(number);
            let who = insider(who, job, number >> 4);
            let origin = RuntimeOrigin::signed(who);
            let commitment = commitment(&output_of(job, n, 0), &salt(who), &who, job);
            let _ = Jobs::commit(origin, job, commitment);
        }
        Action::Reveal { job: number, output: n } => {
            let job = pick(number);
            let who = insider(who, job, number >> 4);
            let output = output_of(job, n, 0);
            let _ = Jobs::reveal(RuntimeOrigin::signed(who), job, output, salt(who));
        }
        Action::Decline { job: number } => {
            let job = pick(number);
            let origin = RuntimeOrigin::signed(insider(who, job, number >> 4));
            let _ = Jobs::decline(origin, job, DeclineReason::InputUnavailable);
        }
        Action::Poke { job } => {
            let _ = Jobs::poke(origin, pick(job));
        }
        Action::Work { job, tokens, differs, silent } => work(pick(job), tokens, differs, silent),
        Action::Blocks { .. } => unreachable!("the sequence lets blocks pass itself"),
        Action::Register { ask, bond, capacity } => {
            let _ =
                Workers::register(origin.clone(), url, [0; 32], capability(), ask, capacity, bond);
            let _ = Workers::serve(origin.clone(), VERSION);
            let _ = Workers::serve(origin, DECODER);
        }
        Action::Update { ask, capacity } => {
            let _ = Workers::update(origin, url, [0; 32], capability(), ask, capacity);
        }
        Action::BondMore { amount } => {
            let _ = Workers::bond_more(origin, amount);
        }
        Action::Serve { version: number } => {
            let _ = Workers::serve(origin, version(number));
        }
        Action::Unserve { version: number } => {
            let _ = Workers::unserve(origin, version(number));
        }
        Action::Drain => {
            let _ = Workers::drain(origin);
        }
        Action::Resume => {
            let _ = Workers::resume(origin);
        }
        Action::Unbond => {
            let _ = Workers::unbond(origin);
        }
        Action::Withdraw => {
            let _ = Workers::withdraw(origin);
        }
        Action::Unjail => {
            let _ = Workers::unjail(origin);
        }
        Action::Publish { citations, access, commercial, grants } => {
            publish(citations, Terms { access, commercial, ..terms() }, grants);
        }
        Action::Give { version: number, to, blocks, uses } => {
            let version = version(number);
            if <Models as ModelRegistry<_>>::version(version).is_some() {
                grant(version, ACTORS[to], blocks, uses);
            }
        }
        Action::Take { version: number, from } => take_grant(version(number), ACTORS[from]),
        Action::MoveDataset { dataset: number, to } => {
            dataset(number as u32, ACTORS[to]);
        }
        Action::Deprecate { version } => {
            let _ = Models::deprecate(origin, 0, version);
        }
        Action::Revoke { version } => {
            let _ = Models::revoke(origin, 0, version);
        }
        Action::Offer { to } => {
            let _ = Models::offer(origin, 0, ACTORS[to]);
        }
        Action::Accept => {
            let _ = Models::accept(origin, 0);
        }
        Action::Sell { to } => {
            let _ = Models::offer(RuntimeOrigin::signed(owner()), 0, ACTORS[to]);
            let _ = Models::accept(RuntimeOrigin::signed(ACTORS[to]), 0);
        }
        Action::Transfer { to, amount } => {
            let _ = Balances::transfer_allow_death(origin, ACTORS[to], amount);
        }
        Action::MoveTreasury => TreasuryAccount::set(6),
        Action::BreakDisputes => DisputesFail::set(true),
        Action::BreakKeeping => keeping_fails(),
        Action::Dispute { job: number } => {
            let job = pick_result(number);
            let claim = ClaimId::Job { job, worker: insider(who, job, number & !1) };
            if <Jobs as Claims<_>>::claim(&claim).is_ok() {
                <Jobs as Claims<_>>::disputed(&claim).unwrap();
                Court::mutate(|court| court.push(claim));
            }
        }
        Action::Uphold { claim } => {
            if let Some(claim) = called(claim) {
                <Jobs as Claims<_>>::upheld(&claim);
            }
        }
        Action::Convict { job: number, silence, costs } => {
            let job = pick_result(number);
            let claim = ClaimId::Job { job, worker: insider(who, job, number & !1) };
            if <Jobs as Claims<_>>::claim(&claim).is_ok() {
                <Jobs as Claims<_>>::disputed(&claim).unwrap();
                // All disputes about it end.
                let others = Court::get().iter().filter(|other| **other == claim).count();
                Court::mutate(|court| court.retain(|other| *other != claim));
                let fault = if silence { Fault::Silence } else { Fault::Element };
                let disputes = 1 + others as u32;
                let conviction = Conviction { by: &who, fault, disputes, costs };
                let penalty = <Jobs as Claims<_>>::convicted(&claim, conviction);
                assert!(penalty.costs <= costs);
            }
        }
    }
}

/// One of the disputed claims, whose dispute ends.
fn called(claim: usize) -> Option<ClaimId<AccountId>> {
    let count = Court::get().len();
    (count > 0).then(|| Court::mutate(|court| court.swap_remove(claim % count)))
}

/// Who owns the first model.
fn owner() -> AccountId {
    pallet_models::Models::<Test>::get(0).unwrap().owner
}

/// Publishes a version in the name of whoever owns the model; every worker serves it.
fn publish(cited: Vec<(usize, u32)>, terms: Terms, grants: Vec<(usize, Option<u32>)>) {
    let number = pallet_models::Models::<Test>::get(0).unwrap().versions;
    let asset = |index: usize| -> AssetId {
        match index.checked_sub(PAYEES.len()) {
            None => DatasetVersionId { dataset: index as u32, version: 0 }.into(),
            Some(0) => DECODER.into(),
            Some(version) => ModelVersionId { model: 0, version: version as u32 % number }.into(),
        }
    };
    let citations: Vec<_> = cited.into_iter().map(|(index, share)| (asset(index), share)).collect();
    let spec = Box::new(VersionSpec { terms, ..version_spec() });
    let origin = RuntimeOrigin::signed(owner());
    if Models::publish(origin, 0, spec, self::citations(&citations)).is_ok() {
        let id = ModelVersionId { model: 0, version: number };
        for worker in pallet_workers::Workers::<Test>::iter_keys() {
            let _ = Workers::serve(RuntimeOrigin::signed(worker), id);
        }
        for (holder, uses) in grants {
            grant(id, ACTORS[holder], None, uses);
        }
    }
}

fn work(job: u64, tokens: u32, differs: bool, silent: bool) {
    let workers = match JobStore::<Test>::get(job) {
        Some(job) => job.status.replicas().iter().map(|replica| replica.worker).collect(),
        None => vec![],
    };
    let steps: Vec<_> = workers
        .iter()
        .enumerate()
        .filter(|(index, _)| !(silent && *index + 1 == workers.len()))
        .map(|(index, worker)| {
            let other = differs && index + 1 == workers.len();
            (*worker, output_of(job, if other { 2 } else { 1 }, tokens))
        })
        .collect();
    for (worker, output) in &steps {
        let _ = commit(*worker, job, *output);
    }
    for (worker, output) in &steps {
        let _ = reveal(*worker, job, *output);
    }
}
