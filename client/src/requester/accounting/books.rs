//! The accounts that jobs pay, before and after.

use super::ledger::{unexplained, Entry, Ledger, LedgerError, Role};
use crate::{
    requester::{Requester, Result},
    Block, View,
};
use std::collections::BTreeMap;
use vigil_primitives::{model::VersionView, AccountId, Balance, BlockNumber, Job};

/// The accounts before and after a set of jobs.
#[derive(Debug)]
pub struct Books {
    treasury: AccountId,
    from: Block,
    to: BlockNumber,
    /// Free, held, and kept for the account until it collects it.
    before: BTreeMap<AccountId, Balance>,
    after: BTreeMap<AccountId, Balance>,
    ledger: Ledger,
    jobs: usize,
    fees: Balance,
}

/// An account in the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account<'a> {
    /// Whose it is.
    pub account: &'a AccountId,
    /// What it had: free, held, and kept for it until it collects it.
    pub before: Balance,
    /// What it has now.
    pub after: Balance,
    /// What the jobs did to it.
    pub entry: &'a Entry,
}

impl Account<'_> {
    /// The part of the change that the jobs do not explain: below zero for fees paid. `None` when
    /// an amount is beyond what an `i128` holds.
    pub fn unexplained(&self) -> Option<i128> {
        unexplained(self.before, self.after, self.entry)
    }
}

impl Requester {
    /// Opens the books: reads, at the newest finalised block, what everybody has who may be paid for
    /// runs of a version. They are the requester, the owners of all that the version descends from,
    /// the treasury, and every worker that serves the version.
    pub async fn open_books(&self, version: &VersionView) -> Result<Books> {
        let from = self.client().finalized_head().await?;
        let best = self.client().best();
        let treasury = best.parameters().await?.treasury;
        let mut accounts = vec![self.key()?.account().clone(), treasury.clone()];
        let lineage = best.lineage(version.id.into()).await?;
        accounts.extend(lineage.into_iter().flat_map(|view| view.nodes).map(|node| node.owner));
        let serving = self.workers().await?.into_iter();
        let serving = serving.filter(|worker| worker.serves.contains(&version.id));
        accounts.extend(serving.map(|worker| worker.account));
        let view = self.client().at(from.hash);
        let mut before = BTreeMap::new();
        for account in accounts {
            let total = total(&view, &account).await?;
            before.insert(account, total);
        }
        Ok(Books {
            treasury,
            from,
            to: from.number,
            before,
            after: BTreeMap::new(),
            ledger: Ledger::default(),
            jobs: 0,
            fees: 0,
        })
    }

    /// Closes the books: reads what everybody has now that `jobs` have ended. `fees` is what
    /// submitting them cost.
    pub async fn close_books(
        &self,
        books: &mut Books,
        jobs: &[Job],
        fees: Balance,
    ) -> Result<(), BooksError> {
        let ledger = Ledger::of(jobs, &books.treasury)?;
        let to = self.client().finalized_head().await?;
        for account in ledger.entries.keys() {
            if !books.before.contains_key(account) {
                // A worker that came to serve the version, or an owner that took over an asset,
                // after the books were opened.
                let then = total(&self.client().at(books.from.hash), account).await?;
                books.before.insert(account.clone(), then);
            }
            let now = total(&self.client().at(to.hash), account).await?;
            books.after.insert(account.clone(), now);
        }
        if !ledger.balances() {
            return Err(LedgerError::Sum.into());
        }
        (books.to, books.ledger, books.jobs, books.fees) = (to.number, ledger, jobs.len(), fees);
        Ok(())
    }
}

/// Why the books cannot be closed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BooksError {
    /// The chain cannot be asked.
    #[error(transparent)]
    Chain(#[from] crate::Error),
    /// The receipts do not add up.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl Books {
    /// The block at which they were opened, and the one at which they were closed.
    pub fn blocks(&self) -> (BlockNumber, BlockNumber) {
        (self.from.number, self.to)
    }

    /// What the receipts of the jobs say.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// How many jobs they are of.
    pub fn jobs(&self) -> usize {
        self.jobs
    }

    /// What submitting them cost.
    pub fn fees(&self) -> Balance {
        self.fees
    }

    /// The accounts that the jobs concern, in the order of their parts in them.
    pub fn accounts(&self) -> impl Iterator<Item = Account<'_>> {
        let mut entries: Vec<_> = self.ledger.entries.iter().collect();
        entries.sort_by_key(|(_, entry)| entry.roles.clone());
        entries.into_iter().map(|(account, entry)| {
            let of = |totals: &BTreeMap<_, _>| totals.get(account).copied().unwrap_or_default();
            Account { account, before: of(&self.before), after: of(&self.after), entry }
        })
    }

    /// Whether the jobs and the requester's fees explain every change: the requester's to the last
    /// unit, the owners' and the treasury's to the last unit, and the workers' and auditors' apart from
    /// the fees of their own transactions.
    pub fn exact(&self) -> bool {
        self.accounts().all(|account| {
            let Some(rest) = account.unexplained() else { return false };
            let fees = i128::try_from(self.fees).unwrap_or(i128::MAX);
            let roles = &account.entry.roles;
            let expected = if roles.contains(&Role::Requester) { -fees } else { 0 };
            if roles.contains(&Role::Worker) || roles.contains(&Role::Auditor) {
                rest <= expected
            } else {
                rest == expected
            }
        })
    }

    /// Books of these jobs with what everybody had and has, for tests of what is made of them.
    #[doc(hidden)]
    pub fn sample(
        jobs: &[Job],
        treasury: &AccountId,
        before: BTreeMap<AccountId, Balance>,
        after: BTreeMap<AccountId, Balance>,
        fees: Balance,
    ) -> Result<Self, LedgerError> {
        let ledger = Ledger::of(jobs, treasury)?;
        let from = Block { number: 5, hash: Default::default() };
        let treasury = treasury.clone();
        Ok(Self { treasury, from, to: 9, before, after, ledger, jobs: jobs.len(), fees })
    }
}

/// All that an account has.
async fn total(view: &View<'_>, account: &AccountId) -> crate::Result<Balance> {
    let balances = view.balances(account).await?;
    let kept = view.unpaid(account).await?;
    Ok(balances.free.saturating_add(balances.held).saturating_add(kept))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        job::{Output, Receipt},
        lineage::Royalty,
        pricing::GIGA,
        samples::{job, replica, royalty, split},
    };

    fn account(byte: u8) -> AccountId {
        AccountId::new([byte; 32])
    }

    /// One job of 100 with a requester 1, a worker 2, a treasury 9 and 7 of fees. The model is 8's;
    /// it descends from something of 7's, whose part is kept. Everybody had 1,000.
    fn exact(after: [(u8, Balance); 5]) -> bool {
        let receipt =
            Receipt { workers: 40, auditor: 0, owner: 20, treasury: 10, requester: 30, work: GIGA };
        let kept = Royalty { credited: false, ..royalty(1, 7, 3) };
        let settled = job(split(
            Output { hash: [4; 32].into(), tokens: 0 },
            vec![replica(2, 40, 4)],
            receipt,
            vec![royalty(0, 8, 17), kept],
        ));
        let before = [1, 2, 7, 8, 9].into_iter().map(|byte| (account(byte), 1_000)).collect();
        let after = after.into_iter().map(|(byte, total)| (account(byte), total)).collect();
        Books::sample(&[settled], &account(9), before, after, 7).unwrap().exact()
    }

    #[test]
    fn books_should_be_exact_when_receipts_and_fees_explain_every_change() {
        assert!(exact([(1, 923), (2, 1_035), (7, 1_003), (8, 1_017), (9, 1_010)]));
    }

    #[test]
    fn books_should_not_be_exact_when_a_unit_is_missing_or_too_much() {
        for after in [
            [(1, 922), (2, 1_035), (7, 1_003), (8, 1_017), (9, 1_010)],
            [(1, 923), (2, 1_041), (7, 1_003), (8, 1_017), (9, 1_010)],
            [(1, 923), (2, 1_035), (7, 1_002), (8, 1_017), (9, 1_010)],
            [(1, 923), (2, 1_035), (7, 1_003), (8, 1_016), (9, 1_010)],
            [(1, 923), (2, 1_035), (7, 1_003), (8, 1_017), (9, 1_011)],
        ] {
            assert!(!exact(after), "{after:?}");
        }
    }
}
