//! What is offered for a job, and which terms of the version are accepted.

use super::{price::Price, submit::count_of};
use crate::{
    assets::check_permission,
    commands::{hex, parse_hash},
    context::Context,
    error::{CommandResult, Failure},
    text,
};
use clap::Args;
use serde_json::{json, Value};
use vigil_primitives::{
    grant::Permission, model::VersionView, terms::AcceptedTerms, BlockNumber, ContentHash,
    ModelVersionId,
};

/// What is offered for a job and asked of it.
#[derive(Clone, Debug, Args)]
pub(crate) struct Terms {
    /// The most to pay for a job, everything included; the rest comes back.
    ///
    /// `auto` pays what every worker seen would take.
    #[arg(long, value_name = "AMOUNT", default_value = "auto")]
    pub(crate) max_price: Price,
    /// Workers that run the job independently.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u8).range(1..=5)
    )]
    pub(crate) replicas: u8,
    /// Blocks that a result waits before it is paid, unless two or more agree; the chain's
    /// shortest when left out.
    #[arg(long, value_name = "BLOCKS")]
    pub(crate) challenge_window: Option<BlockNumber>,
    /// Blocks within which a worker must be drawn.
    #[arg(long, value_name = "BLOCKS", default_value_t = 300)]
    pub(crate) deadline_in: BlockNumber,
    /// The use is commercial.
    #[arg(long)]
    pub(crate) commercial: bool,
    /// Submit only if this is the hash of the version's licence, as `vigil model show` prints it.
    #[arg(long, value_name = "HASH", value_parser = parse_hash)]
    pub(crate) accept_licence: Option<ContentHash>,
}

impl Terms {
    /// What is accepted of the version's own terms. Refuses what the chain would refuse.
    pub(super) fn accept(&self, version: &VersionView) -> CommandResult<AcceptedTerms> {
        let (id, terms) = (version.id, &version.spec.terms);
        let licence = terms.licence_hash();
        if let Some(accepted) = self.accept_licence.filter(|accepted| *accepted != licence) {
            return Err(Failure::rejected(format!(
                "version {id} has the licence {} with the hash {}, not {}: read it, then accept it \
                 or choose another version",
                text::printable(&terms.licence),
                hex(&licence),
                hex(&accepted)
            )));
        }
        if self.commercial && !terms.commercial {
            return Err(Failure::rejected(format!(
                "version {id} forbids commercial use: choose another version for it"
            )));
        }
        Ok(AcceptedTerms { licence, commercial: self.commercial })
    }

    /// What is accepted, as JSON.
    pub(super) fn accepted_json(&self, version: &VersionView) -> Value {
        json!({
            "licence": text::printable(&version.spec.terms.licence),
            "hash": hex(&version.spec.terms.licence_hash()),
            "commercial": self.commercial,
        })
    }
}

/// What is accepted, for people.
pub(super) fn accepted_text(version: &VersionView, accepted: &AcceptedTerms) -> String {
    format!(
        "accepting the licence {} ({}) for {} use",
        text::printable(&version.spec.terms.licence),
        hex(&accepted.licence),
        if accepted.commercial { "commercial" } else { "non-commercial" }
    )
}

/// Checks that the signer may run so many jobs of a version.
pub(super) async fn check_access(
    context: &Context,
    version: &VersionView,
    jobs: usize,
) -> CommandResult {
    let (asset, access) = (version.id.into(), &version.spec.terms.access);
    let account = context.key()?.account();
    let permission = context.view().permission(account, asset).await?;
    // The version was there a moment ago.
    let permission = permission.unwrap_or(Permission::Revoked);
    check_permission(asset, &version.owner, access, account, &permission)?;
    check_uses(version.id, &permission, jobs)
}

/// Checks that a grant has a use for every job: each reserves one.
fn check_uses(version: ModelVersionId, permission: &Permission, jobs: usize) -> CommandResult {
    let Permission::Granted(grant) = permission else { return Ok(()) };
    match grant.uses_left() {
        Some(left) if (left as usize) < jobs => Err(Failure::rejected(format!(
            "{} need as many uses of the grant of version {version}, and {left} are left: submit \
             fewer, or extend it with `vigil grant buy {version}`",
            count_of(jobs)
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use vigil_primitives::{grant::Grant, terms::Licence};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        terms: Terms,
    }

    fn terms(flags: &[&str]) -> Terms {
        Line::parse_from(["x"].iter().chain(flags)).terms
    }

    fn version(commercial: bool) -> VersionView {
        let mut version = crate::commands::model::tests::version();
        version.spec.terms.licence = Licence::try_from(b"MIT".to_vec()).expect("short");
        version.spec.terms.commercial = commercial;
        version
    }

    #[test]
    fn the_versions_licence_should_be_accepted() {
        let version = version(true);
        let licence = version.spec.terms.licence_hash();
        let plain = terms(&[]).accept(&version).unwrap();
        assert_eq!(plain, AcceptedTerms { licence, commercial: false });
        let hash = hex(&licence);
        let insists = terms(&["--commercial", "--accept-licence", &hash]);
        let accepted = insists.accept(&version).unwrap();
        assert_eq!(accepted, AcceptedTerms { licence, commercial: true });
        let text = accepted_text(&version, &accepted);
        assert!(text.contains("MIT") && text.contains(&hash), "{text}");
        assert!(text.contains("for commercial use"), "{text}");
        assert_eq!(insists.accepted_json(&version)["hash"], hash);
    }

    #[test]
    fn another_licence_and_a_forbidden_use_should_be_refused() {
        let other = format!("0x{}", "ab".repeat(32));
        let text = terms(&["--accept-licence", &other]).accept(&version(true)).unwrap_err();
        assert!(text.to_string().contains(&other), "{text}");
        assert!(text.to_string().contains("licence MIT"), "{text}");
        let text = terms(&["--commercial"]).accept(&version(false)).unwrap_err();
        assert!(text.to_string().contains("forbids commercial use"), "{text}");
        assert!(terms(&[]).accept(&version(false)).is_ok());
    }

    #[test]
    fn every_job_should_need_a_use_of_the_grant() {
        let id = ModelVersionId { model: 1, version: 0 };
        let grant = |uses| Permission::Granted(Grant::new(0, 0, None, uses, 0));
        assert!(check_uses(id, &grant(Some(3)), 3).is_ok());
        assert!(check_uses(id, &grant(None), 1_000).is_ok());
        assert!(check_uses(id, &Permission::Open, 1_000).is_ok());
        let text = check_uses(id, &grant(Some(3)), 4).unwrap_err().to_string();
        assert!(text.contains("3 are left") && text.contains("vigil grant buy 1@0"), "{text}");
    }
}
