//! The accounts that jobs pay, before and after.

use super::ledger::{unexplained, Earned, Entry, Ledger, Role};
use crate::{
    commands::{account_json, amount, amount_json, worker},
    context::Context,
    error::{CommandResult, Failure},
    output,
};
use serde_json::{json, Value};
use std::collections::BTreeMap;
use vigil_client::{
    amount::{change, Amount},
    Block, View,
};
use vigil_primitives::{model::VersionView, AccountId, AssetId, Balance, BlockNumber, Job};

/// What an account has in all: free, held, and kept for it until it collects it.
type Total = Balance;

/// The accounts before and after a set of jobs.
pub(super) struct Money {
    treasury: AccountId,
    from: Block,
    to: BlockNumber,
    before: BTreeMap<AccountId, Total>,
    after: BTreeMap<AccountId, Total>,
    ledger: Ledger,
    jobs: usize,
    fees: Balance,
}

impl Money {
    /// Reads what everybody has who may be paid: the requester, the owners of all that the version
    /// descends from, the treasury, and every worker that serves the version.
    pub(super) async fn before(context: &Context, version: &VersionView) -> CommandResult<Self> {
        let from = context.client.finalized_head().await?;
        let treasury = context.view().parameters().await?.treasury;
        let mut accounts = vec![context.key()?.account().clone(), treasury.clone()];
        let lineage = context.view().lineage(version.id.into()).await?;
        accounts.extend(lineage.into_iter().flat_map(|view| view.nodes).map(|node| node.owner));
        let serving = worker::all(context).await?.into_iter();
        let serving = serving.filter(|worker| worker.serves.contains(&version.id));
        accounts.extend(serving.map(|worker| worker.account));
        let view = context.client.at(from.hash);
        let mut before = BTreeMap::new();
        for account in accounts {
            let total = total(&view, &account).await?;
            before.insert(account, total);
        }
        Ok(Self {
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

    /// Reads what everybody has now that `jobs` have ended. `fees` is what submitting them cost.
    pub(super) async fn after(
        &mut self,
        context: &Context,
        jobs: &[Job],
        fees: Balance,
    ) -> CommandResult {
        self.ledger = Ledger::of(jobs, &self.treasury)?;
        (self.jobs, self.fees) = (jobs.len(), fees);
        let to = context.client.finalized_head().await?;
        self.to = to.number;
        let accounts: Vec<_> = self.ledger.entries.keys().cloned().collect();
        for account in accounts {
            if !self.before.contains_key(&account) {
                // A worker that came to serve the version, or an owner that took over an asset,
                // after the search began.
                let then = total(&context.client.at(self.from.hash), &account).await?;
                self.before.insert(account.clone(), then);
            }
            let now = total(&context.client.at(to.hash), &account).await?;
            self.after.insert(account, now);
        }
        if !self.ledger.balances() {
            return Err(Failure::failed("the receipts of the jobs do not add up to their escrow"));
        }
        Ok(())
    }

    /// Accounts with what they had, have, and what the jobs did to them, in the order of their
    /// parts.
    fn rows(&self) -> impl Iterator<Item = (&AccountId, Total, Total, &Entry)> {
        let mut entries: Vec<_> = self.ledger.entries.iter().collect();
        entries.sort_by_key(|(_, entry)| entry.roles.clone());
        entries.into_iter().map(|(account, entry)| {
            let of = |totals: &BTreeMap<_, _>| totals.get(account).copied().unwrap_or_default();
            (account, of(&self.before), of(&self.after), entry)
        })
    }

    /// Whether the jobs and the requester's fees explain every change: the requester's to the last
    /// unit, the owners' and the treasury's to the last unit, and the workers' apart from the fees
    /// of their own transactions.
    pub(super) fn exact(&self) -> bool {
        self.rows().all(|(_, before, after, entry)| {
            let Some(rest) = unexplained(before, after, entry) else { return false };
            let fees = i128::try_from(self.fees).unwrap_or(i128::MAX);
            let expected = if entry.roles.contains(&Role::Requester) { -fees } else { 0 };
            if entry.roles.contains(&Role::Worker) {
                rest <= expected
            } else {
                rest == expected
            }
        })
    }

    /// The report as JSON.
    pub(super) fn json(&self) -> Value {
        let accounts: Vec<Value> = self
            .rows()
            .map(|(account, before, after, entry)| {
                json!({
                    "account": account_json(account),
                    "roles": entry.roles.iter().map(|role| role.name()).collect::<Vec<_>>(),
                    "before": amount_json(before),
                    "after": amount_json(after),
                    "received": amount_json(entry.received),
                    "spent": amount_json(entry.spent),
                    "feesAndOther": unexplained(before, after, entry).map(|rest| rest.to_string()),
                })
            })
            .collect();
        json!({
            "fromBlock": self.from.number,
            "toBlock": self.to,
            "accounts": accounts,
            "escrow": amount_json(self.ledger.escrow),
            "toWorkers": amount_json(self.ledger.workers),
            "toOwner": amount_json(self.ledger.owner),
            "royalties": self.ledger.royalties.iter().map(royalty_json).collect::<Vec<_>>(),
            "toTreasury": amount_json(self.ledger.treasury),
            "backToRequester": amount_json(self.ledger.returned),
            "waiting": amount_json(self.ledger.waiting),
            "requesterFees": amount_json(self.fees),
            "exact": self.exact(),
        })
    }

    /// The report for people.
    pub(super) fn text(&self) -> String {
        let mut table = output::table([
            "ACCOUNT",
            "ROLE",
            "BEFORE (VGL)",
            "AFTER (VGL)",
            "CHANGE",
            "FROM JOBS",
            "FEES, OTHER",
        ]);
        for (account, before, after, entry) in self.rows() {
            let roles: Vec<_> = entry.roles.iter().map(|role| role.name()).collect();
            table.add_row([
                account.to_string(),
                roles.join(", "),
                Amount(before).exact(),
                Amount(after).exact(),
                change(before, after),
                change(entry.spent, entry.received),
                unexplained(before, after, entry).map_or_else(|| "?".into(), signed),
            ]);
        }
        output::align_right(&mut table, &[2, 3, 4, 5, 6]);
        let ledger = &self.ledger;
        let verdict = if self.exact() {
            "every change is explained by the receipts and transaction fees, to the last unit"
        } else {
            "some accounts also did other things in these blocks: their changes differ"
        };
        format!(
            "{}\n\nescrow of {} jobs  {}\n= workers          {}\n+ owners           {}\n\
             + treasury         {}\n+ back             {}\n\n\
             beside it, to the treasury for waiting  {}\n\n{}\n\n\
             blocks {} to {}; the requester's transaction fees: {}; {verdict}",
            output::render(&table),
            self.jobs,
            Amount(ledger.escrow).exact(),
            Amount(ledger.workers).exact(),
            Amount(ledger.owner).exact(),
            Amount(ledger.treasury).exact(),
            Amount(ledger.returned).exact(),
            Amount(ledger.waiting).exact(),
            royalties(ledger),
            self.from.number,
            self.to,
            amount(self.fees),
        )
    }
}

/// What every asset earned whom, for people.
fn royalties(ledger: &Ledger) -> String {
    if ledger.royalties.is_empty() {
        return "no owner was paid anything".into();
    }
    let mut table = output::table(["ASSET", "OWNER", "EARNED (VGL)", "OF THIS KEPT"]);
    for ((asset, payee), Earned { amount, kept }) in &ledger.royalties {
        table.add_row([
            asset.to_string(),
            payee.to_string(),
            Amount(*amount).exact(),
            if *kept > 0 { Amount(*kept).exact() } else { String::new() },
        ]);
    }
    output::align_right(&mut table, &[2, 3]);
    output::render(&table)
}

fn royalty_json(((asset, payee), earned): (&(AssetId, AccountId), &Earned)) -> Value {
    json!({
        "asset": asset.to_string(),
        "payee": account_json(payee),
        "amount": amount_json(earned.amount),
        "kept": amount_json(earned.kept),
    })
}

async fn total(view: &View<'_>, account: &AccountId) -> CommandResult<Total> {
    let balances = view.balances(account).await?;
    let kept = view.unpaid(account).await?;
    Ok(balances.free.saturating_add(balances.held).saturating_add(kept))
}

/// A signed amount with all its decimals.
fn signed(value: i128) -> String {
    if value < 0 {
        change(value.unsigned_abs(), 0)
    } else {
        change(0, value.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::job::{
        royalty,
        tests::{job, replica, split},
    };
    use vigil_primitives::{
        job::{Output, Receipt},
        lineage::Royalty,
        pricing::GIGA,
    };

    fn account(byte: u8) -> AccountId {
        AccountId::new([byte; 32])
    }

    /// One job of 100 with a requester 1, a worker 2, a treasury 9 and 7 of fees. The model is 8's;
    /// it descends from something of 7's, whose part is kept.
    fn money(after: [(u8, Balance); 5]) -> Money {
        let receipt = Receipt { workers: 40, owner: 20, treasury: 10, requester: 30, work: GIGA };
        let kept = Royalty { credited: false, ..royalty(1, 7, 3) };
        let settled = job(split(
            Output { hash: [4; 32].into(), tokens: 0 },
            vec![replica(2, 40, 4)],
            receipt,
            vec![royalty(0, 8, 17), kept],
        ));
        Money {
            treasury: account(9),
            from: Block { number: 5, hash: Default::default() },
            to: 9,
            before: [1, 2, 7, 8, 9].into_iter().map(|byte| (account(byte), 1_000)).collect(),
            after: after.into_iter().map(|(byte, total)| (account(byte), total)).collect(),
            ledger: Ledger::of(&[settled], &account(9)).unwrap(),
            jobs: 1,
            fees: 7,
        }
    }

    #[test]
    fn money_should_be_exact_when_receipts_and_fees_explain_every_change() {
        let money = money([(1, 923), (2, 1_035), (7, 1_003), (8, 1_017), (9, 1_010)]);
        assert!(money.exact());
        let json = money.json();
        assert_eq!(json["escrow"], "100");
        assert_eq!(json["requesterFees"], "7");
        assert_eq!(json["royalties"][1]["amount"], "3");
        assert_eq!(json["royalties"][1]["kept"], "3");
        assert_eq!(json["royalties"][0]["kept"], "0");
        let text = money.text();
        assert!(text.contains("-0.000000000077"), "{text}");
        assert!(text.contains("-0.000000000005"), "the worker's own fees: {text}");
        assert!(text.contains("to the last unit"), "{text}");
    }

    #[test]
    fn money_should_not_be_exact_when_a_unit_is_missing_or_too_much() {
        for after in [
            [(1, 922), (2, 1_035), (7, 1_003), (8, 1_017), (9, 1_010)],
            [(1, 923), (2, 1_041), (7, 1_003), (8, 1_017), (9, 1_010)],
            [(1, 923), (2, 1_035), (7, 1_002), (8, 1_017), (9, 1_010)],
            [(1, 923), (2, 1_035), (7, 1_003), (8, 1_016), (9, 1_010)],
            [(1, 923), (2, 1_035), (7, 1_003), (8, 1_017), (9, 1_011)],
        ] {
            let money = money(after);
            assert!(!money.exact());
            assert!(money.text().contains("other things"));
        }
    }
}
