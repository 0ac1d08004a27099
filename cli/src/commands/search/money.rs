//! The accounts that jobs pay, before and after.

use crate::{
    format::{account_json, amount, amount_json, form},
    output,
};
use serde_json::{json, Value};
use vigil_client::{
    amount::{change, Amount},
    requester::{Books, Earned, Ledger},
};
use vigil_primitives::{AccountId, AssetId};

/// The accounts before and after a set of jobs.
pub(super) struct Money(pub(super) Books);

impl Money {
    /// The report as JSON.
    pub(super) fn json(&self) -> Value {
        let accounts: Vec<Value> = self
            .0
            .accounts()
            .map(|row| {
                json!({
                    "account": account_json(row.account),
                    "roles": row.entry.roles.iter().map(|role| role.name()).collect::<Vec<_>>(),
                    "before": amount_json(row.before),
                    "after": amount_json(row.after),
                    "received": amount_json(row.entry.received),
                    "spent": amount_json(row.entry.spent),
                    "feesAndOther": row.unexplained().map(|rest| rest.to_string()),
                })
            })
            .collect();
        let (ledger, (from, to)) = (self.0.ledger(), self.0.blocks());
        json!({
            "fromBlock": from,
            "toBlock": to,
            "accounts": accounts,
            "escrow": amount_json(ledger.escrow),
            "toWorkers": amount_json(ledger.workers),
            "toAuditors": amount_json(ledger.auditors),
            "toOwner": amount_json(ledger.owner),
            "royalties": ledger.royalties.iter().map(royalty_json).collect::<Vec<_>>(),
            "toTreasury": amount_json(ledger.treasury),
            "backToRequester": amount_json(ledger.returned),
            "waiting": amount_json(ledger.waiting),
            "auditsByTreasury": amount_json(ledger.network),
            "requesterFees": amount_json(self.0.fees()),
            "exact": self.0.exact(),
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
        for row in self.0.accounts() {
            let roles: Vec<_> = row.entry.roles.iter().map(|role| role.name()).collect();
            table.add_row([
                row.account.to_string(),
                roles.join(", "),
                Amount(row.before).exact(),
                Amount(row.after).exact(),
                change(row.before, row.after),
                change(row.entry.spent, row.entry.received),
                row.unexplained().map_or_else(|| "?".into(), signed),
            ]);
        }
        output::align_right(&mut table, &[2, 3, 4, 5, 6]);
        let (ledger, (from, to)) = (self.0.ledger(), self.0.blocks());
        let verdict = if self.0.exact() {
            "every change is explained by the receipts and transaction fees, to the last unit"
        } else {
            "some accounts also did other things in these blocks: their changes differ"
        };
        format!(
            "{}\n\nescrow of {} jobs  {}\n= workers          {}\n+ auditors         {}\n\
             + owners           {}\n\
             + treasury         {}\n+ back             {}\n\n\
             beside it, to the treasury for waiting  {}\n\
             beside it, from the treasury for audits {}\n\n{}\n\n\
             blocks {from} to {to}; the requester's transaction fees: {}; {verdict}",
            output::render(&table),
            self.0.jobs(),
            Amount(ledger.escrow).exact(),
            Amount(ledger.workers).exact(),
            Amount(ledger.auditors).exact(),
            Amount(ledger.owner).exact(),
            Amount(ledger.treasury).exact(),
            Amount(ledger.returned).exact(),
            Amount(ledger.waiting).exact(),
            Amount(ledger.network).exact(),
            royalties(ledger),
            amount(self.0.fees()),
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
    let mut json = form(vigil_rpc::provenance::Revenue::from((*asset, earned.amount)));
    json["payee"] = account_json(payee);
    json["kept"] = amount_json(earned.kept);
    json
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
    use vigil_primitives::{
        job::{Output, Receipt},
        lineage::Royalty,
        pricing::GIGA,
        samples::{job, replica, royalty, split},
        Balance,
    };

    fn account(byte: u8) -> AccountId {
        AccountId::new([byte; 32])
    }

    /// One job of 100 with a requester 1, a worker 2, a treasury 9 and 7 of fees. The model is 8's;
    /// it descends from something of 7's, whose part is kept. Everybody had 1,000.
    fn money(after: [(u8, Balance); 5]) -> Money {
        let receipt =
            Receipt { workers: 40, owner: 20, treasury: 10, requester: 30, work: GIGA, auditor: 0 };
        let kept = Royalty { credited: false, ..royalty(1, 7, 3) };
        let settled = job(split(
            Output { hash: [4; 32].into(), tokens: 0 },
            vec![replica(2, 40, 4)],
            receipt,
            vec![royalty(0, 8, 17), kept],
        ));
        let before = [1, 2, 7, 8, 9].into_iter().map(|byte| (account(byte), 1_000)).collect();
        let after = after.into_iter().map(|(byte, total)| (account(byte), total)).collect();
        Money(Books::sample(&[settled], &account(9), before, after, 7).unwrap())
    }

    #[test]
    fn money_should_be_shown_to_the_last_unit() {
        let money = money([(1, 923), (2, 1_035), (7, 1_003), (8, 1_017), (9, 1_010)]);
        let json = money.json();
        assert_eq!(json["exact"], true);
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
    fn money_should_be_said_not_to_be_exact_when_a_unit_is_missing() {
        let money = money([(1, 922), (2, 1_035), (7, 1_003), (8, 1_017), (9, 1_010)]);
        assert_eq!(money.json()["exact"], false);
        assert!(money.text().contains("other things"));
    }
}
