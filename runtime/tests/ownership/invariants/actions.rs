//! What people do.

use super::ledger::Ledger;
use crate::market::*;
use proptest::prelude::*;
use sp_runtime::Permill;
use vigil_primitives::{
    dataset::StatementKind,
    job::Output,
    terms::{Access, GrantTerms, Terms},
    AssetId, Balance, ContentHash, JobId, JobStatus, MILLI, UNIT,
};
use vigil_runtime::{
    configs::{keeper, treasury},
    AccountId, Balances, Datasets, Jobs, Models, Provenance, Runtime, RuntimeOrigin,
};

/// Who owns, buys and runs.
pub(super) const PEOPLE: [AccountId; 6] = [CURATOR, MAKER, RIVAL, HEIR, STRANGER, REQUESTER];

/// Fees whose parts are nothing, less than the least balance of an account, and more.
const FEES: [Balance; 4] = [0, 997, 40 * MILLI + 1, UNIT + 7];

/// Some of many: the number is taken modulo how many there are.
pub(super) type Pick = usize;

#[derive(Clone, Debug)]
pub(super) enum Action {
    Publish {
        who: Pick,
        model: bool,
        terms: Terms,
        fee: Pick,
        citations: Vec<(Pick, u32)>,
    },
    HandOver {
        asset: Pick,
        to: Pick,
    },
    Offer {
        asset: Pick,
        to: Pick,
    },
    Deprecate {
        asset: Pick,
    },
    Revoke {
        asset: Pick,
    },
    Remove {
        asset: Pick,
    },
    Buy {
        who: Pick,
        asset: Pick,
    },
    Give {
        asset: Pick,
        to: Pick,
        duration: Option<u32>,
        uses: Option<u32>,
    },
    Take {
        asset: Pick,
        from: Pick,
    },
    DropGrant {
        by: Pick,
        asset: Pick,
        holder: Pick,
    },
    Attest {
        who: Pick,
        asset: Pick,
        withdraw: bool,
    },
    /// A job for so many workers.
    Submit {
        who: Pick,
        asset: Pick,
        replicas: u8,
    },
    /// The same, and its workers answer at once.
    Run {
        who: Pick,
        asset: Pick,
        replicas: u8,
    },
    Cancel {
        job: Pick,
    },
    /// The job's workers take their next step; the last one with another output if `differs`, or
    /// not at all if `silent`.
    Work {
        job: Pick,
        differs: bool,
        silent: bool,
    },
    Blocks {
        count: u32,
    },
    /// Blocks in which an account does not exist that a job is about to pay.
    BlocksWithout {
        job: Pick,
        payee: Pick,
        count: u32,
    },
    Collect {
        payee: Pick,
    },
    CloseTreasury,
    CloseKeeper,
}

fn terms_of_use() -> impl Strategy<Value = Terms> {
    let paid = (1u128..3 * UNIT, 5u32..60, prop_oneof![Just(None), (1u32..4).prop_map(Some)])
        .prop_map(|(price, duration, uses)| Access::Paid(GrantTerms { price, duration, uses }));
    let access = prop_oneof![6 => Just(Access::Open), 1 => Just(Access::AllowList), 3 => paid];
    let royalty = prop_oneof![3 => Just(0u32), 1 => 0..30_000u32];
    (access, prop::bool::weighted(0.9), royalty).prop_map(|(access, commercial, royalty)| Terms {
        commercial,
        royalty: Permill::from_parts(royalty),
        ..terms(access)
    })
}

pub(super) fn action() -> impl Strategy<Value = Action> {
    let pick = || any::<Pick>();
    let share = prop_oneof![6 => 1u32..250_000, 1 => 1u32..50, 1 => 0u32..=1_000_000];
    let citations = prop_oneof![
        6 => prop::collection::vec((pick(), share.clone()), 0..4),
        1 => (pick(), prop::collection::vec(1_000u32..50_000, 10..=16)).prop_map(|(first, shares)| {
            (0..).zip(shares).map(|(next, share)| (first.wrapping_add(next), share)).collect()
        }),
    ];
    let publish = (pick(), any::<bool>(), terms_of_use(), pick(), citations).prop_map(
        |(who, model, terms, fee, citations)| Action::Publish { who, model, terms, fee, citations },
    );
    let some = |below: u32| prop_oneof![Just(None), (0..below).prop_map(Some)];
    prop_oneof![
        20 => publish,
        4 => (pick(), pick()).prop_map(|(asset, to)| Action::HandOver { asset, to }),
        1 => (pick(), pick()).prop_map(|(asset, to)| Action::Offer { asset, to }),
        1 => pick().prop_map(|asset| Action::Deprecate { asset }),
        2 => pick().prop_map(|asset| Action::Revoke { asset }),
        2 => pick().prop_map(|asset| Action::Remove { asset }),
        6 => (pick(), pick()).prop_map(|(who, asset)| Action::Buy { who, asset }),
        3 => (pick(), pick(), some(40), some(4))
            .prop_map(|(asset, to, duration, uses)| Action::Give { asset, to, duration, uses }),
        4 => (pick(), pick()).prop_map(|(asset, from)| Action::Take { asset, from }),
        2 => (pick(), pick(), pick())
            .prop_map(|(by, asset, holder)| Action::DropGrant { by, asset, holder }),
        1 => (pick(), pick(), any::<bool>())
            .prop_map(|(who, asset, withdraw)| Action::Attest { who, asset, withdraw }),
        6 => (pick(), pick(), 1u8..=3)
            .prop_map(|(who, asset, replicas)| Action::Submit { who, asset, replicas }),
        18 => (pick(), pick(), 1u8..=3)
            .prop_map(|(who, asset, replicas)| Action::Run { who, asset, replicas }),
        3 => pick().prop_map(|job| Action::Cancel { job }),
        8 => (pick(), prop::bool::weighted(0.05), prop::bool::weighted(0.1))
            .prop_map(|(job, differs, silent)| Action::Work { job, differs, silent }),
        14 => prop_oneof![8 => 1u32..4, 1 => 4u32..60].prop_map(|count| Action::Blocks { count }),
        8 => (pick(), pick(), 1u32..6)
            .prop_map(|(job, payee, count)| Action::BlocksWithout { job, payee, count }),
        2 => pick().prop_map(|payee| Action::Collect { payee }),
        1 => Just(Action::CloseTreasury),
        1 => Just(Action::CloseKeeper),
    ]
}

fn some<T>(list: &[T], pick: Pick) -> &T {
    &list[pick % list.len()]
}

/// An open job, or any that there may be.
fn job(pick: Pick) -> JobId {
    let mut open: Vec<_> = pallet_jobs::Jobs::<Runtime>::iter()
        .filter_map(|(id, job)| (!job.status.is_final()).then_some(id))
        .collect();
    open.sort_unstable();
    open.get(pick.checked_rem(open.len()).unwrap_or_default()).copied().unwrap_or_default()
}

fn work(job: JobId, differs: bool, silent: bool) {
    if pallet_jobs::Jobs::<Runtime>::get(job).is_none() {
        return;
    }
    let workers = workers_of(job);
    let last = workers.len().saturating_sub(1);
    let other = Output { hash: ContentHash::repeat_byte(1), ..OUTPUT };
    let steps: Vec<_> = workers
        .iter()
        .enumerate()
        .filter(|(index, _)| !(silent && *index == last))
        .map(|(index, worker)| (worker, if differs && index == last { other } else { OUTPUT }))
        .collect();
    for (worker, output) in &steps {
        let _ = commit(worker, job, *output);
    }
    decide(job, OUTPUT);
    for (worker, output) in &steps {
        let _ = reveal(worker, job, *output);
    }
}

/// Submits a job for some model, in every other case for one that takes a grant which `who` holds.
fn submit_some(ledger: &Ledger, who: &AccountId, pick: Pick, replicas: u8) -> Option<JobId> {
    let models = |wanted: &dyn Fn(AssetId, Access) -> bool| -> Vec<AssetId> {
        let known = ledger.assets.iter().filter(|known| matches!(known.asset, AssetId::Model(_)));
        known.filter(|known| wanted(known.asset, known.access)).map(|known| known.asset).collect()
    };
    let granted = models(&|asset, access| access != Access::Open && grant(asset, who).is_some());
    let all = models(&|_, _| true);
    let models = if granted.is_empty() || pick.is_multiple_of(2) { all } else { granted };
    if models.is_empty() {
        return None;
    }
    let mut spec = job_for(*some(&models, pick / 2));
    spec.policy.replicas = replicas;
    spec.terms.commercial = !pick.is_multiple_of(3);
    submit(who, spec).ok()
}

/// Takes everything away from an account of the chain's own. What vanishes is no part of any job.
fn close(account: AccountId, ledger: &mut Ledger) {
    let before = Balances::total_issuance();
    let _ = Balances::force_set_balance(RuntimeOrigin::root(), account.into(), 0);
    ledger.issued -= before - Balances::total_issuance();
}

/// Runs an action. Whether it is refused is its own affair.
pub(super) fn act(action: Action, ledger: &mut Ledger) -> Result<(), TestCaseError> {
    let person = |pick: Pick| some(&PEOPLE, pick);
    let asset = |pick: Pick| ledger.asset(pick);
    // The owner of an asset, as an origin: most things only it may do.
    let owned = |pick: Pick| {
        let asset = asset(pick)?;
        Some((asset, signed(ledger.owner(asset))))
    };
    match action {
        Action::Publish { who, model, terms, fee, citations } => {
            let citations: Vec<_> = citations
                .into_iter()
                .filter_map(|(pick, share)| Some((asset(pick)?, share)))
                .collect();
            // Every third time also one that the publisher holds a grant of.
            let granted = match fee % 3 {
                0 => Provenance::grants_of(person(who).clone(), None, 9),
                _ => Vec::new(),
            };
            let granted = granted.iter().map(|held| (held.asset, 50_000)).take(1);
            let citations: Vec<_> = citations.into_iter().chain(granted).take(16).collect();
            let fee = *some(&FEES, fee);
            return ledger.publish(person(who), model, terms, fee, &citations);
        }
        Action::HandOver { asset: pick, to } => {
            if let Some(asset) = asset(pick) {
                if hand_over(asset, person(to)).is_ok() {
                    ledger.see("handed over");
                    let open = pallet_jobs::OpenJobs::<Runtime>::get();
                    if open > 0 {
                        ledger.see("handed over in the middle of a job");
                    }
                }
            }
        }
        Action::Offer { asset, to } => {
            let to = person(to).clone();
            let _ = match owned(asset) {
                Some((AssetId::Model(id), owner)) => Models::offer(owner, id.model, to),
                Some((AssetId::Dataset(id), owner)) => Datasets::offer(owner, id.dataset, to),
                None => Ok(()),
            };
        }
        Action::Deprecate { asset } => {
            let _ = match owned(asset) {
                Some((AssetId::Model(id), owner)) => Models::deprecate(owner, id.model, id.version),
                Some((AssetId::Dataset(id), owner)) => {
                    Datasets::deprecate(owner, id.dataset, id.version)
                }
                None => Ok(()),
            };
        }
        Action::Revoke { asset: pick } => {
            if asset(pick).is_some_and(|asset| revoke(asset).is_ok()) {
                ledger.see("revoked");
            }
        }
        Action::Remove { asset } => {
            if let Some((AssetId::Dataset(id), owner)) = owned(asset) {
                let _ = Datasets::revoke(owner.clone(), id.dataset, id.version);
                let _ = Datasets::remove(owner, id.dataset, id.version);
            }
        }
        Action::Buy { who, asset: pick } => {
            // Mostly one that is for sale.
            let sold: Vec<_> = ledger
                .assets
                .iter()
                .filter(|known| matches!(known.access, Access::Paid(_)))
                .map(|known| known.asset)
                .collect();
            let chosen = if sold.is_empty() { asset(pick) } else { Some(*some(&sold, pick)) };
            if let Some(asset) = chosen {
                let _ = Provenance::buy_grant(signed(person(who)), asset);
            }
        }
        Action::Give { asset, to, duration, uses } => {
            if let Some((asset, owner)) = owned(asset) {
                let to = person(to).clone();
                let _ = Provenance::give_grant(owner, asset, to, duration, uses);
            }
        }
        Action::Take { asset, from } => {
            // Mostly one that there is.
            let held: Vec<_> = pallet_provenance::GrantsOf::<Runtime>::iter_keys().collect();
            let chosen = if held.is_empty() {
                owned(asset).map(|(asset, _)| (person(from).clone(), asset))
            } else {
                Some(some(&held, asset).clone())
            };
            if let Some((holder, asset)) = chosen {
                let owner = signed(ledger.owner(asset));
                let _ = Provenance::revoke_grant(owner, asset, holder, None);
            }
        }
        Action::DropGrant { by, asset: pick, holder } => {
            if let Some(asset) = asset(pick) {
                let by = signed(person(by));
                let _ = Provenance::remove_grant(by, asset, person(holder).clone());
            }
        }
        Action::Attest { who, asset: pick, withdraw } => {
            if let Some(AssetId::Dataset(id)) = asset(pick) {
                let (who, kind) = (signed(person(who)), StatementKind::Audited);
                let _ = if withdraw {
                    Datasets::withdraw_statement(who, id.dataset, id.version, kind)
                } else {
                    let document = ContentHash::zero();
                    Datasets::attest(who, id.dataset, id.version, kind, document)
                };
            }
        }
        Action::Submit { who, asset, replicas } => {
            let _ = submit_some(ledger, person(who), asset, replicas);
        }
        Action::Run { who, asset, replicas } => {
            if let Some(job) = submit_some(ledger, person(who), asset, replicas) {
                next_block();
                work(job, false, false);
            }
        }
        Action::Cancel { job: pick } => {
            // One that waits for workers, if there is any.
            let mut queued: Vec<_> = pallet_jobs::Jobs::<Runtime>::iter()
                .filter_map(|(id, job)| (job.status == JobStatus::Queued).then_some(id))
                .collect();
            queued.sort_unstable();
            let id = if queued.is_empty() { job(pick) } else { *some(&queued, pick) };
            if let Some(record) = pallet_jobs::Jobs::<Runtime>::get(id) {
                let _ = Jobs::cancel(signed(&record.requester), id);
            }
        }
        Action::Work { job: pick, differs, silent } => work(job(pick), differs, silent),
        Action::Blocks { count } => run_to(now() + count),
        Action::BlocksWithout { job: pick, payee, count } => {
            let version = pallet_jobs::Jobs::<Runtime>::get(job(pick)).map(|job| job.version);
            let payees: Vec<_> = version
                .and_then(|version| Provenance::lineage_view(version.into()))
                .map(|view| view.nodes.into_iter().map(|node| node.owner).collect())
                .unwrap_or_default();
            // Whoever waits for a job has an escrow on hold and cannot be gone.
            let can_go = |who: &&AccountId| pallet_jobs::OpenJobsOf::<Runtime>::get(who) == 0;
            let payees: Vec<AccountId> = payees.iter().filter(can_go).cloned().collect();
            if !payees.is_empty() {
                without_account(some(&payees, payee), || run_to(now() + count));
            }
        }
        Action::Collect { payee } => {
            let payees: Vec<_> = ledger.unpaid.keys().cloned().collect();
            let payee = match payees.is_empty() {
                true => person(payee).clone(),
                false => some(&payees, payee).clone(),
            };
            let _ = Provenance::collect(signed(&STRANGER), payee);
        }
        Action::CloseTreasury => close(treasury(), ledger),
        Action::CloseKeeper => close(keeper(), ledger),
    }
    Ok(())
}
