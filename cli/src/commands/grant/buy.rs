//! Buying a grant: what it is, what it costs, and then the purchase.

use super::list;
use crate::{
    assets::Facts,
    context::Context,
    error::{CommandResult, Failure},
    format::{account_json, amount, amount_json},
    global::Global,
    output, text,
};
use serde_json::json;
use vigil_client::{calls, events};
use vigil_primitives::{
    grant::{Grant, Unusable},
    model::VersionStatus,
    terms::{Access, GrantTerms},
    AccountId, AssetId, BlockNumber,
};

/// Milliseconds of an hour.
const HOUR: u64 = 60 * 60 * 1_000;

pub(super) async fn buy(global: &Global, asset: AssetId, yes: bool) -> CommandResult {
    let context = Context::signing(global).await?;
    let buyer = context.key()?.account().clone();
    let facts = context.asset(asset).await?;
    let terms = for_sale(asset, &facts, &buyer)?;
    let now = context.client.best_head().await?.number;
    let held = list::held(&context, &buyer, asset).await?;
    let extends = extends(asset, held.as_ref(), now)?;
    let parameters = context.view().parameters().await?;
    output::note(global, &offer(asset, &facts, &terms, extends, parameters.block_time_ms));
    let price = amount(terms.price);
    if !yes && !output::confirm(&format!("Buy a grant of {asset} for {price}?"))? {
        return Err(Failure::failed("nothing was bought"));
    }

    let included = context.submit(calls::provenance::buy_grant(asset)).await?;
    let bought = included.events.expect::<events::provenance::GrantBought>()?;
    let json = json!({
        "asset": asset.to_string(),
        "account": account_json(&bought.holder),
        "price": amount_json(bought.price),
        "grant": list::grant_json(&bought.grant, included.block.number),
        "block": included.block.number,
    });
    output::show(global, &json, || {
        let until = list::until(&bought.grant);
        format!("grant {} of {asset} for {}: until {until}", bought.grant.id, amount(bought.price))
    });
    Ok(())
}

/// What a grant costs, if the account can buy one.
fn for_sale(asset: AssetId, facts: &Facts, buyer: &AccountId) -> CommandResult<GrantTerms> {
    if facts.owner == *buyer {
        return Err(Failure::rejected(format!("{buyer} owns {asset} and needs no grant of it")));
    }
    match (facts.status, facts.terms.access) {
        (VersionStatus::Revoked, _) => {
            Err(Failure::rejected(format!("{asset} is revoked and takes no new uses")))
        }
        (_, Access::Open) => {
            Err(Failure::rejected(format!("{asset} is open to everybody: no grant is needed")))
        }
        (_, Access::AllowList) => Err(Failure::rejected(format!(
            "no grants of {asset} are sold: its owner {} gives them",
            facts.owner
        ))),
        (VersionStatus::Deprecated, Access::Paid(_)) => Err(Failure::rejected(format!(
            "{asset} is deprecated, and no grants of it are sold any more"
        ))),
        (VersionStatus::Active, Access::Paid(terms)) => Ok(terms),
    }
}

/// Whether the purchase extends the grant that the account holds.
fn extends(asset: AssetId, held: Option<&Grant>, now: BlockNumber) -> CommandResult<bool> {
    let Some(held) = held else { return Ok(false) };
    let state = held.check(now);
    if held.paid > 0 {
        return Ok(state != Err(Unusable::Expired));
    }
    if state.is_ok() {
        return Err(Failure::rejected(format!(
            "you hold a grant of {asset} that was given to you and is still good: use it, or \
             remove it with `vigil grant remove {asset}`"
        )));
    }
    Ok(false)
}

/// What is for sale, for people.
fn offer(
    asset: AssetId,
    facts: &Facts,
    terms: &GrantTerms,
    extends: bool,
    block_time_ms: u64,
) -> String {
    let what = if extends { "adds to your grant" } else { "a new grant" };
    output::fields([
        ("asset", asset.to_string()),
        ("owner", facts.owner.to_string()),
        ("purchase", what.into()),
        ("price", amount(terms.price)),
        ("duration", duration(terms.duration, block_time_ms)),
        ("uses", list::uses_text(terms.uses)),
        ("licence", text::printable(&facts.terms.licence)),
        ("commercial use", if facts.terms.commercial { "allowed" } else { "not allowed" }.into()),
    ])
}

/// A number of blocks, and about how long that is.
fn duration(blocks: BlockNumber, block_time_ms: u64) -> String {
    let hours = u64::from(blocks).saturating_mul(block_time_ms) / HOUR;
    let about = match hours {
        0 => "less than an hour".into(),
        1..48 => format!("about {hours} h"),
        _ => format!("about {} days", hours / 24),
    };
    format!("{blocks} blocks, {about}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        model::Sources,
        terms::{Licence, Terms},
        DatasetVersionId, Permill,
    };

    const ASSET: AssetId = AssetId::Dataset(DatasetVersionId { dataset: 1, version: 0 });
    const OWNER: AccountId = AccountId::new([1; 32]);
    const BUYER: AccountId = AccountId::new([2; 32]);
    const GRANT: GrantTerms =
        GrantTerms { price: 2_000_000_000_000, duration: 302_400, uses: Some(3) };

    fn facts(access: Access, status: VersionStatus) -> Facts {
        let licence = Licence::try_from(b"MIT \x1b[2J".to_vec()).unwrap();
        let royalty = Permill::zero();
        let terms = Terms { licence, licence_text: None, commercial: false, access, royalty };
        Facts { owner: OWNER, terms, status, metadata: None, sources: Sources::default() }
    }

    #[test]
    fn what_is_not_for_sale_should_say_why() {
        let paid = Access::Paid(GRANT);
        let active = VersionStatus::Active;
        assert_eq!(for_sale(ASSET, &facts(paid, active), &BUYER).unwrap(), GRANT);
        for (facts, buyer, says) in [
            (facts(paid, active), OWNER, "needs no grant"),
            (facts(Access::Open, active), BUYER, "open to everybody"),
            (facts(Access::AllowList, active), BUYER, "gives them"),
            (facts(paid, VersionStatus::Deprecated), BUYER, "deprecated"),
            (facts(paid, VersionStatus::Revoked), BUYER, "revoked"),
        ] {
            let error = for_sale(ASSET, &facts, &buyer).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("dataset:1@0"), "{error}");
        }
    }

    #[test]
    fn a_purchase_should_extend_what_was_bought_and_never_what_was_given() {
        let bought = Grant::new(0, 0, Some(10), Some(1), 5);
        assert!(extends(ASSET, Some(&bought), 9).unwrap());
        assert!(extends(ASSET, Some(&Grant { used: 1, ..bought }), 9).unwrap(), "exhausted");
        assert!(!extends(ASSET, Some(&bought), 10).unwrap(), "expired");
        let given = Grant { paid: 0, ..bought };
        assert!(extends(ASSET, Some(&given), 9).unwrap_err().to_string().contains("given to you"));
        assert!(!extends(ASSET, Some(&given), 10).unwrap());
        assert!(!extends(ASSET, None, 0).unwrap());
    }

    #[test]
    fn an_offer_should_name_price_duration_uses_licence_and_commercial_use() {
        let facts = facts(Access::Paid(GRANT), VersionStatus::Active);
        let text = offer(ASSET, &facts, &GRANT, false, 2_000);
        for says in ["2 VGL", "302400 blocks, about 7 days", "3 times", "MIT", "not allowed"] {
            assert!(text.contains(says), "{says}: {text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_duration_should_be_about_hours_or_days() {
        assert_eq!(duration(1, 2_000), "1 blocks, less than an hour");
        assert_eq!(duration(1_800 * 47, 2_000), "84600 blocks, about 47 h");
        assert!(duration(BlockNumber::MAX, 6_000).contains("days"));
    }
}
