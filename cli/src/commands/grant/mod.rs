//! `vigil grant`: the right to use an asset, bought or given, for a time and a number of uses.

mod buy;
mod list;

pub(crate) use list::holders;

use crate::{
    assets::blocks_of_days,
    commands::document,
    context::{self, Context},
    error::{CommandResult, Failure},
    format::{account_json, amount, amount_json},
    global::Global,
    output,
};
use clap::Subcommand;
use serde_json::json;
use vigil_client::{calls, events};
use vigil_primitives::{
    grant::{Grant, Unusable},
    model::VersionStatus,
    AccountId, AssetId, BlockNumber,
};

/// `vigil grant ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Buy a grant at the asset's price, or extend one that you have bought.
    Buy {
        /// MODEL@VERSION, model:MODEL@VERSION or dataset:DATASET@VERSION.
        asset: AssetId,
        /// Do not ask at the terminal whether to pay.
        #[arg(long)]
        yes: bool,
    },
    /// Give an account a grant of an asset of yours.
    Give {
        /// The asset.
        asset: AssetId,
        /// The account (an address or //Name).
        #[arg(value_parser = context::parse_account)]
        account: AccountId,
        /// Days that it lasts; for ever when left out.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        days: Option<u32>,
        /// Blocks that it lasts, instead of days.
        #[arg(
            long,
            value_name = "N",
            conflicts_with = "days",
            value_parser = clap::value_parser!(u32).range(1..)
        )]
        blocks: Option<BlockNumber>,
        /// Jobs and citations that it allows; any number when left out.
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
        uses: Option<u32>,
    },
    /// Take a grant of an asset of yours away, and refund what is unused of it.
    Revoke {
        /// The asset.
        asset: AssetId,
        /// Who holds the grant (an address or //Name).
        #[arg(value_parser = context::parse_account)]
        account: AccountId,
        /// The document that says why: a file, or its BLAKE3.
        #[arg(long, value_name = "FILE|0xHASH", value_parser = document::parse)]
        evidence: Option<document::Document>,
    },
    /// Remove a grant of your own without refund, or anybody's that is over.
    Remove {
        /// The asset.
        asset: AssetId,
        /// Who holds the grant (an address or //Name); the signing key's account when left out.
        #[arg(value_parser = context::parse_account)]
        account: Option<AccountId>,
    },
    /// List the grants that an account holds, or those of an asset.
    List {
        /// The account (an address or //Name); the signing key's when left out.
        #[arg(value_parser = context::parse_account, conflicts_with = "asset")]
        account: Option<AccountId>,
        /// List who holds grants of this asset instead.
        #[arg(long)]
        asset: Option<AssetId>,
    },
    /// Whether an account may use an asset now, and why.
    Check {
        /// The asset.
        asset: AssetId,
        /// The account (an address or //Name).
        #[arg(value_parser = context::parse_account)]
        account: AccountId,
    },
}

impl Command {
    /// Does what was typed.
    pub(crate) async fn execute(self, global: &Global) -> CommandResult {
        match self {
            Self::Buy { asset, yes } => buy::buy(global, asset, yes).await,
            Self::Give { asset, account, days, blocks, uses } => {
                give(global, asset, account, (days, blocks), uses).await
            }
            Self::Revoke { asset, account, evidence } => {
                revoke(global, asset, account, evidence).await
            }
            Self::Remove { asset, account } => remove(global, asset, account).await,
            Self::List { account, asset: None } => list::list_of(global, account).await,
            Self::List { asset: Some(asset), .. } => list::list_for(global, asset).await,
            Self::Check { asset, account } => list::check(global, asset, account).await,
        }
    }
}

/// Refuses what only the owner of an asset may do.
async fn check_owner(context: &Context, asset: AssetId) -> CommandResult<VersionStatus> {
    let facts = context.asset(asset).await?;
    let signer = context.key()?.account();
    if facts.owner != *signer {
        return Err(Failure::rejected(format!(
            "{asset} belongs to {}, and the key signs for {signer}: use the owner's key",
            facts.owner
        )));
    }
    Ok(facts.status)
}

async fn give(
    global: &Global,
    asset: AssetId,
    account: AccountId,
    (days, blocks): (Option<u32>, Option<BlockNumber>),
    uses: Option<u32>,
) -> CommandResult {
    let context = Context::signing(global).await?;
    if check_owner(&context, asset).await? == VersionStatus::Revoked {
        return Err(Failure::rejected(format!("{asset} is revoked and takes no new uses")));
    }
    if account == *context.key()?.account() {
        return Err(Failure::rejected(format!("{account} owns {asset} and needs no grant of it")));
    }
    let now = context.client.best_head().await?.number;
    if let Some(held) = list::held(&context, &account, asset).await? {
        if held.check(now).is_ok() {
            return Err(Failure::rejected(format!(
                "{account} holds a grant of {asset} that is still good: see `vigil grant list \
                 {account}`"
            )));
        }
    }
    let duration = match days {
        Some(days) => {
            let parameters = context.view().parameters().await?;
            let duration = blocks_of_days(days, parameters.block_time_ms);
            Some(duration.ok_or_else(|| {
                Failure::usage(format!(
                    "--days {days} is longer than the chain can count: give fewer, or none"
                ))
            })?)
        }
        None => blocks,
    };
    let until = match duration {
        Some(blocks) => format!("for {blocks} blocks"),
        None => "for ever".into(),
    };
    let uses_text = list::uses_text(uses);
    let done = format!("{account} may use {asset} {until}, {uses_text}");
    let call = calls::provenance::give_grant(asset, &account, duration, uses);
    context.submit_and_report(call, done).await
}

async fn revoke(
    global: &Global,
    asset: AssetId,
    account: AccountId,
    evidence: Option<document::Document>,
) -> CommandResult {
    let evidence = evidence.map(|document| document.hash(global)).transpose()?;
    let context = Context::signing(global).await?;
    check_owner(&context, asset).await?;
    let held = list::must_hold(&context, &account, asset).await?;
    let now = context.client.best_head().await?.number;
    let expected = held.refund(now);
    if expected > 0 {
        output::note(
            global,
            &format!("{} of {} go back to {account}", amount(expected), amount(held.paid)),
        );
    }
    let call = calls::provenance::revoke_grant(asset, &account, evidence);
    let included = context.submit(call).await?;
    let revoked = included.events.expect::<events::provenance::GrantRevoked>()?;
    let json = json!({
        "asset": asset.to_string(),
        "account": account_json(&account),
        "grant": revoked.grant,
        "refund": amount_json(revoked.refund),
        "evidence": revoked.evidence.as_ref().map(crate::format::hex),
        "block": included.block.number,
    });
    output::show(global, &json, || match revoked.refund {
        0 => format!("{account} may use {asset} no more; nothing was to be refunded"),
        refund => format!("{account} may use {asset} no more, and was refunded {}", amount(refund)),
    });
    Ok(())
}

async fn remove(global: &Global, asset: AssetId, account: Option<AccountId>) -> CommandResult {
    let context = Context::signing(global).await?;
    let signer = context.key()?.account().clone();
    let account = account.unwrap_or_else(|| signer.clone());
    let held = list::must_hold(&context, &account, asset).await?;
    let now = context.client.best_head().await?.number;
    if account != signer && !is_over(&held, now) {
        return Err(Failure::rejected(format!(
            "the grant that {account} holds of {asset} is not over, so that only {account} may \
             remove it; the asset's owner may revoke it"
        )));
    }
    let done = format!("the grant that {account} held of {asset} is removed");
    context.submit_and_report(calls::provenance::remove_grant(asset, &account), done).await
}

/// Whether anybody may remove a grant.
fn is_over(grant: &Grant, now: BlockNumber) -> bool {
    match grant.check(now) {
        Ok(()) => false,
        Err(Unusable::Expired) => true,
        // What a running job has reserved may still come back.
        Err(Unusable::Exhausted) => grant.reserved == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_should_be_over_when_nothing_can_come_back() {
        let grant = Grant::new(0, 10, Some(5), Some(2), 7);
        assert!(!is_over(&grant, 14));
        assert!(is_over(&grant, 15));
        assert!(is_over(&Grant { used: 2, ..grant }, 11));
        assert!(!is_over(&Grant { used: 1, reserved: 1, ..grant }, 11));
    }
}
