//! Whether an account may use an asset, and what it can do where it may not.

use crate::{
    assets::access_text,
    error::{CommandResult, Failure},
};
use vigil_primitives::{grant::Permission, grant::Unusable, terms::Access, AccountId, AssetId};

/// Fails unless `who` may use `asset`, whose owner gives access on these terms. The failure says
/// how to get a grant.
pub(crate) fn check(
    asset: AssetId,
    owner: &AccountId,
    access: &Access,
    who: &AccountId,
    permission: &Permission,
) -> CommandResult {
    let what = match permission {
        Permission::Open | Permission::Owner | Permission::Granted(_) => return Ok(()),
        Permission::Revoked => {
            return Err(Failure::rejected(format!(
                "{asset} is revoked and takes no new uses: choose another version"
            )))
        }
        Permission::NoGrant => format!("{who} holds no grant of {asset}"),
        Permission::Unusable(Unusable::Expired) => {
            format!("the grant that {who} holds of {asset} has expired")
        }
        Permission::Unusable(Unusable::Exhausted) => {
            format!("the grant that {who} holds of {asset} has no use left")
        }
    };
    Err(Failure::rejected(format!("{what}: {}", remedy(asset, owner, access, who))))
}

/// How `who` gets a grant.
fn remedy(asset: AssetId, owner: &AccountId, access: &Access, who: &AccountId) -> String {
    match access {
        Access::Paid(_) => {
            format!("buy one with `vigil grant buy {asset}` ({})", access_text(access))
        }
        Access::Open | Access::AllowList => {
            format!("its owner {owner} can give one with `vigil grant give {asset} {who}`")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{grant::Grant, terms::GrantTerms, ModelVersionId};

    const ASSET: AssetId = AssetId::Model(ModelVersionId { model: 1, version: 2 });
    const PAID: Access = Access::Paid(GrantTerms { price: 1, duration: 2, uses: None });

    fn says(access: &Access, permission: Permission) -> String {
        let (owner, who) = (AccountId::new([1; 32]), AccountId::new([2; 32]));
        check(ASSET, &owner, access, &who, &permission).unwrap_err().to_string()
    }

    #[test]
    fn who_has_no_grant_should_be_told_how_to_get_one() {
        assert!(says(&PAID, Permission::NoGrant).contains("vigil grant buy model:1@2"));
        let expired = says(&PAID, Permission::Unusable(Unusable::Expired));
        assert!(expired.contains("expired") && expired.contains("grant buy"), "{expired}");
        let listed = says(&Access::AllowList, Permission::Unusable(Unusable::Exhausted));
        let who = AccountId::new([2; 32]).to_string();
        assert!(listed.contains("no use left"), "{listed}");
        assert!(listed.contains(&format!("vigil grant give model:1@2 {who}")), "{listed}");
        assert!(says(&Access::Open, Permission::Revoked).contains("revoked"));
    }

    #[test]
    fn who_may_use_an_asset_should_pass() {
        let who = AccountId::new([2; 32]);
        let grant = Grant::new(1, 0, Some(10), Some(3), 5);
        for permission in [Permission::Open, Permission::Owner, Permission::Granted(grant)] {
            assert!(check(ASSET, &who, &PAID, &who, &permission).is_ok());
        }
    }
}
