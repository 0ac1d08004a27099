//! Which terms of a version are accepted, and whether the requester has access.

use super::{Error, Offer, Result};
use crate::Client;
use vigil_primitives::{
    grant::Permission, model::VersionView, terms::AcceptedTerms, AccountId, ModelVersionId,
};

/// What is accepted of the version's own terms.
pub(super) fn accept(offer: &Offer, version: &VersionView) -> Result<AcceptedTerms> {
    let (id, terms) = (version.id, &version.spec.terms);
    let licence = terms.licence_hash();
    if let Some(accepted) = offer.licence.filter(|accepted| *accepted != licence) {
        let text = terms.licence.clone();
        return Err(Error::OtherLicence { version: id, licence: text, found: licence, accepted });
    }
    if offer.commercial && !terms.commercial {
        return Err(Error::CommercialUseForbidden(id));
    }
    Ok(AcceptedTerms { licence, commercial: offer.commercial })
}

/// Checks that an account may run so many jobs of a version.
pub(super) async fn check_access(
    client: &Client,
    version: &VersionView,
    account: &AccountId,
    runs: usize,
) -> Result<()> {
    let permission = client.best().permission(account, version.id.into()).await?;
    // The version was there a moment ago.
    let permission = permission.unwrap_or(Permission::Revoked);
    if !permission.is_allowed() {
        return Err(Error::NoAccess {
            version: version.id,
            account: account.clone(),
            owner: version.owner.clone(),
            access: Box::new(version.spec.terms.access),
            permission: Box::new(permission),
        });
    }
    check_uses(version.id, &permission, runs)
}

/// Checks that a grant has a use for every run: each reserves one.
fn check_uses(version: ModelVersionId, permission: &Permission, needed: usize) -> Result<()> {
    let Permission::Granted(grant) = permission else { return Ok(()) };
    match grant.uses_left() {
        Some(left) if (left as usize) < needed => Err(Error::TooFewUses { version, needed, left }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        grant::Grant, model::VersionStatus, samples, Architecture, ContentHash,
    };

    fn version(commercial: bool) -> VersionView {
        let mut spec = samples::version_spec(Architecture::Encoder(samples::encoder()), 1);
        spec.terms.commercial = commercial;
        VersionView {
            id: ModelVersionId { model: 1, version: 0 },
            owner: AccountId::new([8; 32]),
            spec,
            status: VersionStatus::Active,
            workers: 1,
        }
    }

    #[test]
    fn the_versions_licence_should_be_accepted() {
        let version = version(true);
        let licence = version.spec.terms.licence_hash();
        let plain = accept(&Offer::default(), &version).unwrap();
        assert_eq!(plain, AcceptedTerms { licence, commercial: false });
        let insists = Offer { commercial: true, licence: Some(licence), ..Offer::default() };
        let accepted = accept(&insists, &version).unwrap();
        assert_eq!(accepted, AcceptedTerms { licence, commercial: true });
    }

    #[test]
    fn another_licence_and_a_forbidden_use_should_be_refused() {
        let other = ContentHash::repeat_byte(0xab);
        let insists = Offer { licence: Some(other), ..Offer::default() };
        let refused = accept(&insists, &version(true)).unwrap_err();
        assert!(matches!(refused, Error::OtherLicence { accepted, .. } if accepted == other));
        let commercial = Offer { commercial: true, ..Offer::default() };
        let refused = accept(&commercial, &version(false)).unwrap_err();
        assert!(matches!(refused, Error::CommercialUseForbidden(_)));
        assert!(accept(&Offer::default(), &version(false)).is_ok());
    }

    #[test]
    fn every_run_should_need_a_use_of_the_grant() {
        let id = ModelVersionId { model: 1, version: 0 };
        let grant = |uses| Permission::Granted(Grant::new(0, 0, None, uses, 0));
        assert!(check_uses(id, &grant(Some(3)), 3).is_ok());
        assert!(check_uses(id, &grant(None), 1_000).is_ok());
        assert!(check_uses(id, &Permission::Open, 1_000).is_ok());
        let refused = check_uses(id, &grant(Some(3)), 4).unwrap_err();
        assert!(matches!(refused, Error::TooFewUses { needed: 4, left: 3, .. }));
    }
}
