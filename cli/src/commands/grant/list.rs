//! Which grants there are, and who may use what.

use crate::{
    assets::check_permission,
    context::{self, Context},
    error::{CommandResult, Failure},
    format::{account_json, amount, amount_json, form},
    global::Global,
    output,
};
use serde_json::{json, Value};
use vigil_client::pages;
use vigil_primitives::{
    api::PAGE,
    grant::{Grant, Unusable},
    grant::{GrantView, Permission},
    AccountId, AssetId, BlockNumber,
};

pub(super) async fn list_of(global: &Global, account: Option<AccountId>) -> CommandResult {
    let account = match account {
        Some(account) => account,
        None => context::signer(global)?.account().clone(),
    };
    let context = Context::connect(global).await?;
    let now = context.client.best_head().await?.number;
    let grants = grants(&context, &account).await?;
    let json = json!({ "account": account_json(&account), "grants": list_json(&grants, now) });
    output::show(global, &json, || {
        if grants.is_empty() {
            return format!("{account} holds no grants");
        }
        let first = ("ASSET", |grant: &GrantView| grant.asset.to_string());
        table(first, &grants, now)
    });
    Ok(())
}

pub(super) async fn list_for(global: &Global, asset: AssetId) -> CommandResult {
    let context = Context::connect(global).await?;
    context.asset(asset).await?;
    let now = context.client.best_head().await?.number;
    let grants = holders(&context, asset).await?;
    let json = json!({ "asset": asset.to_string(), "grants": list_json(&grants, now) });
    output::show(global, &json, || {
        if grants.is_empty() {
            return format!("nobody holds a grant of {asset}");
        }
        let first = ("HOLDER", |grant: &GrantView| grant.holder.to_string());
        table(first, &grants, now)
    });
    Ok(())
}

pub(super) async fn check(global: &Global, asset: AssetId, account: AccountId) -> CommandResult {
    let context = Context::connect(global).await?;
    let facts = context.asset(asset).await?;
    let permission = context.view().permission(&account, asset).await?;
    let permission = permission.ok_or_else(|| context::no_asset(asset))?;
    let now = context.client.best_head().await?.number;
    let json = permission_json(asset, &account, &permission, now);
    output::show(global, &json, || {
        let mut rows = vec![
            ("asset", asset.to_string()),
            ("account", account.to_string()),
            ("allowed", if permission.is_allowed() { "yes" } else { "no" }.into()),
            ("because", reason(&permission).into()),
        ];
        if let Permission::Granted(grant) = &permission {
            rows.push(("until", until(grant)));
            rows.push(("uses left", uses_left(grant)));
        }
        output::fields(rows)
    });
    check_permission(asset, &facts.owner, &facts.terms.access, &account, &permission)
}

/// The grants that an account holds.
async fn grants(context: &Context, account: &AccountId) -> CommandResult<Vec<GrantView>> {
    let view = context.view();
    let behind = |grant: &GrantView| Some(grant.asset);
    Ok(pages(None, behind, |after| view.grants_of(account, after, PAGE)).await?)
}

/// The grants of an asset.
pub(crate) async fn holders(context: &Context, asset: AssetId) -> CommandResult<Vec<GrantView>> {
    let view = context.view();
    let page = |after: Option<AccountId>| async move {
        view.grants_for(asset, after.as_ref(), PAGE).await
    };
    Ok(pages(None, |grant: &GrantView| Some(grant.holder.clone()), page).await?)
}

/// The grant that an account holds of an asset, good or not.
pub(super) async fn held(
    context: &Context,
    account: &AccountId,
    asset: AssetId,
) -> CommandResult<Option<Grant>> {
    let grants = grants(context, account).await?;
    Ok(grants.into_iter().find(|grant| grant.asset == asset).map(|grant| grant.grant))
}

/// [`held`], where there must be one.
pub(super) async fn must_hold(
    context: &Context,
    account: &AccountId,
    asset: AssetId,
) -> CommandResult<Grant> {
    let held = held(context, account, asset).await?;
    held.ok_or_else(|| Failure::not_found(format!("{account} holds no grant of {asset}")))
}

/// A table of grants, of which the first column is the caller's.
fn table(
    (name, first): (&str, impl Fn(&GrantView) -> String),
    grants: &[GrantView],
    now: BlockNumber,
) -> String {
    let mut table = output::table([name, "GRANT", "STATE", "UNTIL BLOCK", "USES LEFT", "PAID"]);
    for view in grants {
        let grant = &view.grant;
        table.add_row([
            first(view),
            grant.id.to_string(),
            state(grant, now).into(),
            grant.expires_at.map_or_else(|| "never ends".into(), |block| block.to_string()),
            uses_left(grant),
            if grant.paid == 0 { "given".into() } else { amount(grant.paid) },
        ]);
    }
    output::align_right(&mut table, &[1, 3, 4, 5]);
    output::render(&table)
}

/// How a grant stands, in one word.
fn state(grant: &Grant, now: BlockNumber) -> &'static str {
    match grant.check(now) {
        Ok(()) => "good",
        Err(Unusable::Expired) => "expired",
        Err(Unusable::Exhausted) => "exhausted",
    }
}

/// Until when a grant is good.
pub(super) fn until(grant: &Grant) -> String {
    match grant.expires_at {
        Some(block) => format!("block {block}"),
        None => "it never ends".into(),
    }
}

fn uses_left(grant: &Grant) -> String {
    match (grant.uses_left(), grant.uses) {
        (Some(left), Some(all)) => format!("{left} of {all}"),
        _ => "any number".into(),
    }
}

/// How many uses something allows.
pub(super) fn uses_text(uses: Option<u32>) -> String {
    match uses {
        Some(1) => "once".into(),
        Some(uses) => format!("{uses} times"),
        None => "any number of times".into(),
    }
}

/// Why an account may use an asset or not.
fn reason(permission: &Permission) -> &'static str {
    match permission {
        Permission::Open => "it is open to everybody",
        Permission::Owner => "the account owns it",
        Permission::Granted(_) => "the account holds a grant",
        Permission::Revoked => "its owner revoked it, and it takes no new uses",
        Permission::NoGrant => "the account holds no grant",
        Permission::Unusable(Unusable::Expired) => "the account's grant has expired",
        Permission::Unusable(Unusable::Exhausted) => "the account's grant has no use left",
    }
}

/// Whether an account may use an asset, as JSON.
fn permission_json(
    asset: AssetId,
    account: &AccountId,
    permission: &Permission,
    now: BlockNumber,
) -> Value {
    let mut json = form(vigil_rpc::provenance::Permission::from(*permission));
    json["asset"] = json!(asset.to_string());
    json["account"] = account_json(account);
    if let Permission::Granted(grant) = permission {
        json["grant"] = grant_json(grant, now);
    }
    json
}

fn list_json(grants: &[GrantView], now: BlockNumber) -> Value {
    grants
        .iter()
        .map(|view| {
            let held = form(vigil_rpc::provenance::HeldGrant::from(view.clone()));
            with_state(held, &view.grant, now)
        })
        .collect()
}

/// A grant as JSON.
pub(super) fn grant_json(grant: &Grant, now: BlockNumber) -> Value {
    with_state(form(vigil_rpc::provenance::Grant::from(*grant)), grant, now)
}

/// Adds what follows from the present block.
fn with_state(mut json: Value, grant: &Grant, now: BlockNumber) -> Value {
    json["state"] = json!(state(grant, now));
    json["usesLeft"] = json!(grant.uses_left());
    json["refund"] = amount_json(grant.refund(now));
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::ModelVersionId;

    fn view(grant: Grant) -> GrantView {
        let asset = ModelVersionId { model: 2, version: 1 }.into();
        GrantView { asset, holder: AccountId::new([4; 32]), grant }
    }

    #[test]
    fn grants_should_be_listed_with_their_state() {
        let bought = Grant { used: 1, ..Grant::new(1, 0, Some(10), Some(3), 5_000_000_000_000) };
        let given = Grant::new(2, 0, None, None, 0);
        let used_up = Grant { reserved: 2, ..Grant::new(3, 0, None, Some(2), 1) };
        let grants = [bought, given, used_up].map(view);
        let first = ("ASSET", |grant: &GrantView| grant.asset.to_string());
        let text = table(first, &grants, 10);
        for says in ["model:2@1", "expired", "2 of 3", "5 VGL", "given", "never ends", "exhausted"]
        {
            assert!(text.contains(says), "{says}: {text}");
        }
        let json = list_json(&grants, 5);
        assert_eq!(json[0]["state"], "good");
        assert_eq!(json[0]["refund"], "2500000000000");
        assert_eq!(json[1]["expiresAt"], Value::Null);
        assert_eq!(json[2]["usesLeft"], 0);
        assert_eq!(json[2]["holder"], grants[2].holder.to_string());
    }

    #[test]
    fn every_permission_should_be_read_back_and_have_a_reason_of_its_own() {
        let asset = ModelVersionId { model: 2, version: 1 }.into();
        let account = AccountId::new([4; 32]);
        let all = [
            Permission::Open,
            Permission::Owner,
            Permission::Granted(Grant::new(0, 0, None, None, 0)),
            Permission::Revoked,
            Permission::NoGrant,
            Permission::Unusable(Unusable::Expired),
            Permission::Unusable(Unusable::Exhausted),
        ];
        for permission in &all {
            let json = permission_json(asset, &account, permission, 0);
            assert_eq!(json["account"], account_json(&account));
            let read: vigil_rpc::provenance::Permission = serde_json::from_value(json).unwrap();
            assert_eq!(read, (*permission).into());
        }
        let mut words: Vec<_> = all.iter().map(reason).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all.len());
    }

    #[test]
    fn uses_should_read_as_words() {
        assert_eq!(uses_text(Some(1)), "once");
        assert_eq!(uses_text(Some(3)), "3 times");
        assert_eq!(uses_text(None), "any number of times");
    }
}
