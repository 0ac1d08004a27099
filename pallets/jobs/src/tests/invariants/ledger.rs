//! What the events of a random sequence say, and what must be true of it.

use super::actions::open_jobs;
use crate::{mock::*, types::JobRecordOf, waiting::Standing, EraTotals, Event};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use vigil_primitives::{
    grant::GrantId,
    job::{Output, RefundReason, Replica, Role, WaitingCost},
    lineage::Royalty,
    pricing,
    terms::Access,
    traits::{ModelRegistry, Waterfall},
    AssetId, Balance, JobStatus,
};

fn record(id: u64) -> JobRecordOf<Test> {
    job(id)
}

/// What the events say: where every escrow went, what was burned, and what the sequence reached.
#[derive(Default)]
pub(super) struct Ledger {
    escrows: BTreeMap<u64, Balance>,
    ended: BTreeMap<u64, Balance>,
    /// What was held for waiting, and what became of it.
    waits: BTreeMap<u64, Balance>,
    waited: BTreeMap<u64, Balance>,
    assigned: BTreeSet<u64>,
    /// Jobs that were seen to have lost their place, or to wait for a free one.
    passed: BTreeSet<u64>,
    short: BTreeSet<u64>,
    /// The bid of a job that was outbid, until the one that outbid it appears.
    outbid: Option<Balance>,
    /// Parts of a settlement that went back to the requester.
    unpaid: BTreeMap<u64, BTreeMap<AccountId, Balance>>,
    /// Parts of a settlement that are kept for an account.
    kept: BTreeMap<u64, BTreeMap<AccountId, Balance>>,
    /// Who owned the version when a job was submitted.
    owners: BTreeMap<u64, AccountId>,
    /// What every asset earned each of its owners.
    earned: BTreeMap<(AssetId, AccountId), Balance>,
    /// Uses of grants by jobs that were settled.
    consumed: BTreeMap<(AssetId, AccountId, GrantId), u32>,
    to_workers: Balance,
    kept_in_all: Balance,
    burned: Balance,
    pub(super) reached: BTreeMap<&'static str, usize>,
}

impl Ledger {
    /// Takes the events since the last time.
    pub(super) fn absorb(&mut self) -> Result<(), TestCaseError> {
        for record in System::read_events_no_consensus().map(|record| record.event) {
            match record {
                RuntimeEvent::Jobs(event) => self.job(event)?,
                RuntimeEvent::Workers(pallet_workers::Event::Slashed { amount, .. })
                | RuntimeEvent::Balances(pallet_balances::Event::DustLost { amount, .. }) => {
                    self.burned += amount;
                }
                RuntimeEvent::Workers(pallet_workers::Event::Convicted { penalty, .. }) => {
                    let paid = penalty.costs + penalty.damages + penalty.bounty;
                    prop_assert_eq!(paid + penalty.burned, penalty.slashed);
                    prop_assert!(penalty.burned >= penalty.slashed / 2);
                    self.burned += penalty.burned;
                    if penalty.damages > 0 {
                        self.see("convicted: damages");
                    }
                }
                RuntimeEvent::Workers(pallet_workers::Event::Jailed { .. }) => self.see("jailed"),
                RuntimeEvent::Workers(pallet_workers::Event::UnbondingStarted { .. }) => {
                    self.see("unbonding");
                }
                RuntimeEvent::Models(pallet_models::Event::OwnerChanged { .. }) => self.see("sold"),
                _ => {}
            }
        }
        System::reset_events();
        Ok(())
    }

    fn job(&mut self, event: Event<Test>) -> Result<(), TestCaseError> {
        match event {
            Event::Submitted { job, max_price, waiting, .. } => {
                self.escrows.insert(job, max_price);
                self.waits.insert(job, waiting);
                self.submitted(job)?;
                if let Some(bid) = self.outbid.take() {
                    prop_assert!(record(job).bid() > bid);
                }
            }
            Event::Waited { job, paid, returned } => self.waited(job, paid, returned)?,
            Event::Assigned { job, .. } => {
                if self.passed.remove(&job) {
                    self.see("assigned after losing its place");
                }
                if self.short.remove(&job) {
                    self.see("assigned after waiting for a free place");
                }
                self.assigned.insert(job);
            }
            Event::Settled { job, output, receipt } => {
                self.see("settled");
                self.to_workers += receipt.workers;
                let paid = receipt.workers + receipt.auditor + receipt.owner + receipt.treasury;
                self.end(job, paid + receipt.requester)?;
                self.price(job, output, paid)?;
                self.royalties(job, output, receipt.owner)?;
                self.consume(job);
            }
            Event::Refunded { job, amount, reason, .. } => {
                self.see(match reason {
                    RefundReason::NoWorker => "refunded: no worker",
                    RefundReason::AttemptsExhausted => "refunded: attempts exhausted",
                    RefundReason::Undecided => "refunded: undecided",
                    RefundReason::Outbid => "refunded: outbid",
                    RefundReason::Convicted => "refunded: convicted",
                });
                if reason == RefundReason::Outbid {
                    prop_assert!(!self.assigned.contains(&job));
                    self.outbid = Some(record(job).bid());
                }
                self.end(job, amount)?;
                self.give_back(job);
            }
            Event::Cancelled { job, amount, .. } => {
                self.see("cancelled");
                self.end(job, amount)?;
                self.give_back(job);
            }
            Event::PaymentReturned { job, payee, amount, .. } => {
                self.see("payment returned");
                *self.unpaid.entry(job).or_default().entry(payee).or_default() += amount;
            }
            Event::PaymentKept { job, payee, amount } => {
                self.see("payment kept");
                self.kept_in_all += amount;
                *self.kept.entry(job).or_default().entry(payee).or_default() += amount;
            }
            Event::AuditorDrawn { .. } => self.see("auditor drawn"),
            Event::NotAudited { .. } => self.see("not audited"),
            Event::Silent { .. } => self.see("silent"),
            Event::Audited { job, paid, network, bond, .. } => {
                self.see("audited");
                if record(job).policy.audited {
                    self.see("audited: on request");
                    prop_assert_eq!(network, 0);
                }
                if network > 0 {
                    self.see("audited: paid by the network");
                }
                if bond > 0 {
                    self.see("audited: paid out of a bond");
                }
                self.to_workers += paid;
            }
            Event::Declined { .. } => self.see("declined"),
            Event::Expired { .. } => self.see("expired"),
            Event::Requeued { .. } => self.see("requeued"),
            Event::Contested { .. } => self.see("contested"),
            Event::NotDisputed { .. } => self.see("not disputed"),
            Event::Disputed { .. } => self.see("disputed"),
            Event::Convicted { .. } => self.see("convicted"),
            Event::Pruned { .. } => self.see("pruned"),
            Event::Postponed { job, error, .. } => {
                return Err(TestCaseError::fail(format!("job {job} failed: {error:?}")));
            }
            _ => {}
        }
        Ok(())
    }

    /// A job pays for waiting once, for the blocks until its first assignment or its end, unless
    /// the treasury cannot be credited.
    fn waited(&mut self, id: u64, paid: Balance, returned: Balance) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.waited.insert(id, paid), None);
        prop_assert_eq!(self.waits.get(&id), Some(&(paid + returned)));
        let record = job(id);
        prop_assert_eq!(record.waiting, WaitingCost::Paid { amount: paid });
        let blocks = now().min(record.deadline) - record.submitted_at;
        let due = WaitingFee::get() * Balance::from(blocks);
        if paid == due {
            self.see(if due > 0 { "waited: paid" } else { "waited: not a block" });
        } else {
            prop_assert_eq!(paid, 0);
            self.see("waited: returned");
        }
        Ok(())
    }

    /// How jobs wait now.
    fn watch(&mut self) {
        for id in open_jobs() {
            match standing(id) {
                Some(Standing::Passed) => self.passed.insert(id),
                Some(Standing::Short) => self.short.insert(id),
                _ => false,
            };
        }
    }

    /// A settled job costs what its output is worth: the work and the tokens that there are, not
    /// those that were allowed.
    fn price(&mut self, id: u64, output: Output, paid: Balance) -> Result<(), TestCaseError> {
        let record = job(id);
        let work = record.architecture.work(record.tokens_in, output.tokens);
        // What an auditor is paid out of the escrow is a part of a worker's reward, unless the
        // requester has asked for it.
        let paying =
            |replica: &&Replica<_, _>| replica.role == Role::Worker || record.policy.audited;
        let rewards = record.status.replicas().iter().filter(paying).map(|replica| {
            let reward = pricing::reward(replica.ask, work).min(record.budget());
            reward + pricing::protocol_fee(record.protocol_fee, reward)
        });
        let fee = pricing::owner_fee(&record.fee, record.tokens_in, output.tokens);
        let due = rewards.sum::<Balance>() + fee;
        prop_assert_eq!(paid + self.unpaid_of(id).values().sum::<Balance>(), due);
        match (record.max_tokens_out, output.tokens) {
            (0, tokens) => prop_assert_eq!(tokens, 0),
            (most, tokens) => {
                prop_assert!((1..=most).contains(&tokens));
                self.see(if tokens < most {
                    "settled: text that ended early"
                } else {
                    "settled: text"
                });
            }
        }
        Ok(())
    }

    /// A job runs under a grant if and only if the version is not open and not the requester's.
    fn submitted(&mut self, id: u64) -> Result<(), TestCaseError> {
        let job = job(id);
        let version = Models::version(job.version).unwrap();
        self.owners.insert(id, version.owner);
        let open = version.spec.terms.access == Access::Open;
        let own = version.owner == job.requester;
        prop_assert_eq!(job.grant.is_some(), !open && !own);
        prop_assert!(version.spec.terms.commercial || !job.terms.commercial);
        if job.grant.is_some() {
            self.see("grant: reserved");
        } else if !open {
            self.see("grant: none needed by the owner");
        }
        Ok(())
    }

    /// The owner's fee goes, by the shares of the version's waterfall, to those who own the assets
    /// now: every unit is credited, kept, or returned because it could not be kept.
    fn royalties(&mut self, id: u64, output: Output, total: Balance) -> Result<(), TestCaseError> {
        let record = job(id);
        let JobStatus::Settled { royalties, .. } = &record.status else {
            return Err(TestCaseError::fail("settled without royalties"));
        };
        let fee = pricing::owner_fee(&record.fee, record.tokens_in, output.tokens);
        let expected = Provenance::split(record.version.into(), fee);
        prop_assert_eq!(expected.len(), record.payees as usize);
        prop_assert_eq!(expected.iter().map(|part| part.amount).sum::<Balance>(), fee);
        prop_assert_eq!(royalties.iter().map(|part| part.amount).sum::<Balance>(), total);

        let (kept, unpaid) = (self.kept.remove(&id).unwrap_or_default(), self.unpaid_of(id));
        let mut paid = royalties.iter();
        for part in expected.iter().filter(|part| part.amount > 0) {
            let same = |royalty: &&Royalty<AccountId>| {
                (royalty.asset, royalty.payee, royalty.amount)
                    == (part.asset, part.payee, part.amount)
            };
            match paid.clone().next().filter(same) {
                Some(royalty) => {
                    paid.next();
                    if !royalty.credited {
                        self.see("payment kept of an owner");
                        prop_assert!(kept.get(&part.payee) >= Some(&part.amount));
                    }
                    *self.earned.entry((part.asset, part.payee)).or_default() += part.amount;
                }
                None => prop_assert!(unpaid.get(&part.payee) >= Some(&part.amount)),
            }
        }
        prop_assert_eq!(paid.next(), None);
        if expected.len() > 1 {
            self.see("settled: several payees");
        }
        if self.owners.get(&id) != Some(&Models::version(record.version).unwrap().owner) {
            self.see("settled: another owner than at submission");
        }
        Ok(())
    }

    /// What of a job's payments went back to the requester.
    fn unpaid_of(&self, id: u64) -> BTreeMap<AccountId, Balance> {
        self.unpaid.get(&id).cloned().unwrap_or_default()
    }

    fn consume(&mut self, id: u64) {
        let job = job(id);
        if let Some(grant) = job.grant {
            self.see("grant: consumed");
            *self.consumed.entry((job.version.into(), job.requester, grant)).or_default() += 1;
        }
    }

    fn give_back(&mut self, id: u64) {
        if job(id).grant.is_some() {
            self.see("grant: given back");
        }
    }

    /// A job ends once, with its whole escrow.
    fn end(&mut self, job: u64, amount: Balance) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.ended.insert(job, amount), None);
        prop_assert_eq!(self.escrows.get(&job), Some(&amount));
        Ok(())
    }

    fn see(&mut self, name: &'static str) {
        *self.reached.entry(name).or_default() += 1;
    }

    /// The invariants of the pallets, and that no money appeared or vanished.
    pub(super) fn check(&mut self, issued: Balance) -> Result<(), TestCaseError> {
        self.absorb()?;
        check_all();
        self.watch();
        prop_assert_eq!(Balances::total_issuance(), issued - self.burned);
        prop_assert_eq!(self.escrows.len() - self.ended.len(), open_jobs().len());
        // Whoever was assigned or has ended has paid for its waiting.
        for id in self.assigned.iter().chain(self.ended.keys()) {
            prop_assert!(self.waited.contains_key(id));
        }
        let earned: Balance = EraTotals::<Test>::iter_values().map(|total| total.earned).sum();
        prop_assert_eq!(earned, self.to_workers);
        prop_assert_eq!(&provenance::all_earned(), &self.earned);
        prop_assert_eq!(provenance::all_kept(), self.kept_in_all);
        // Settled jobs consume uses, nothing else does.
        for (key, used) in provenance::all_used() {
            prop_assert_eq!(used, self.consumed.get(&key).copied().unwrap_or_default());
        }
        Ok(())
    }
}
