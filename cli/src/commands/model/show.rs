//! Models and versions in words, tables and JSON.

use super::Target;
use crate::format::form;
use crate::{
    assets::{terms_rows, waterfall_json, waterfall_text},
    context::Context,
    error::CommandResult,
    format::{amount, architecture, artifact, hex},
    global::Global,
    output, text,
};
use serde_json::Value;
use vigil_primitives::{
    model::VersionStatus,
    model::{ModelView, VersionView},
    Balance, ModelVersionId, Version,
};

pub(super) async fn show(global: &Global, target: Target) -> CommandResult {
    let context = Context::connect(global).await?;
    match target {
        Target::Version(id) => {
            let version = context.version(id).await?;
            let lineage = context.view().lineage(id.into()).await?;
            let payees = lineage.map(|lineage| lineage.nodes).unwrap_or_default();
            let record = context.view().version_record(id).await?;
            let mut json = version_json(&version);
            json["record"] = form(vigil_rpc::audits::Record::from(record));
            json["waterfall"] = waterfall_json(&payees);
            output::show(global, &json, || {
                let details = version_details(&version, record.proven);
                format!("{details}\n\nof what it earns:\n{}", waterfall_text(&payees))
            });
        }
        Target::Model(id) => {
            let model = context.model(id).await?;
            let mut versions = Vec::new();
            for version in newest(model.versions) {
                versions.push(context.version(ModelVersionId { model: id, version }).await?);
            }
            let mut json = model_json(&model);
            json["latest"] = versions.iter().map(version_json).collect();
            output::show(global, &json, || model_details(&model, &versions));
        }
    }
    Ok(())
}

/// The newest versions of a model or a dataset, newest first: enough for a screen.
pub(crate) fn newest(versions: Version) -> impl Iterator<Item = Version> {
    (0..versions).rev().take(20)
}

fn model_details(model: &ModelView, versions: &[VersionView]) -> String {
    let mut rows = vec![
        ("model", model.id.to_string()),
        ("name", text::printable(&model.name)),
        ("owner", model.owner.to_string()),
        ("versions", model.versions.to_string()),
    ];
    if let Some(to) = &model.pending_owner {
        rows.push(("offered to", to.to_string()));
    }
    let mut table =
        output::table(["VERSION", "STATUS", "WORKERS", "PER JOB", "PER 1K TOKENS", "LICENCE"]);
    for version in versions {
        table.add_row([
            version.id.to_string(),
            status(version.status).into(),
            version.workers.to_string(),
            amount(version.spec.fee.per_job),
            amount(version.spec.fee.per_1k_tokens),
            text::brief(&version.spec.terms.licence, 32),
        ]);
    }
    output::align_right(&mut table, &[2, 3, 4]);
    let table = if versions.is_empty() { String::new() } else { output::render(&table) };
    format!("{}\n\n{table}", output::fields(rows))
}

/// The version under its names, for people. Audits have found runs right that earned `proven`.
fn version_details(version: &VersionView, proven: Balance) -> String {
    let spec = &version.spec;
    let mut rows = vec![
        ("version", version.id.to_string()),
        ("status", status(version.status).into()),
        ("owner", version.owner.to_string()),
        ("workers", version.workers.to_string()),
        ("found right by audits", amount(proven)),
        ("architecture", architecture(&spec.architecture)),
        ("operator set", spec.op_set.to_string()),
        ("package", hex(&spec.package)),
        ("weights", artifact(&spec.weights)),
        ("tokenizer", hex(&spec.tokenizer)),
        ("fee per job", amount(spec.fee.per_job)),
        ("fee per 1k tokens", amount(spec.fee.per_1k_tokens)),
    ];
    rows.extend(terms_rows(&spec.terms));
    rows.extend(spec.metadata.as_ref().map(|document| ("metadata", artifact(document))));
    rows.extend(spec.sources.iter().map(|source| ("source", text::printable(source))));
    output::fields(rows)
}

/// The status in one word.
pub(crate) fn status(status: VersionStatus) -> &'static str {
    match status {
        VersionStatus::Active => "active",
        VersionStatus::Deprecated => "deprecated",
        VersionStatus::Revoked => "revoked",
    }
}

pub(super) fn model_json(model: &ModelView) -> Value {
    form(vigil_rpc::models::Model::from(model.clone()))
}

fn version_json(version: &VersionView) -> Value {
    form(vigil_rpc::models::ModelVersion::from(version.clone()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use vigil_primitives::{
        model::{Artifact, Fee, VersionSpec},
        samples,
        terms::{Access, GrantTerms},
        AccountId, Architecture, Encoder, Permill,
    };

    /// An active version of a small encoder, with open terms.
    pub(crate) fn version() -> VersionView {
        let architecture = Architecture::Encoder(Encoder { positions: 4, ..samples::encoder() });
        let spec = samples::version_spec(architecture, 4_096);
        VersionView {
            id: ModelVersionId { model: 0, version: 0 },
            owner: AccountId::new([8; 32]),
            spec: VersionSpec { fee: Fee { per_job: 5, per_1k_tokens: 7 }, ..spec },
            status: VersionStatus::Active,
            workers: 1,
        }
    }

    #[test]
    fn a_version_should_be_shown_with_all_its_terms() {
        let mut version = version();
        let price = 2_000_000_000_000;
        let paid = GrantTerms { price, duration: 9, uses: Some(3) };
        version.spec.terms.access = Access::Paid(paid);
        version.spec.terms.royalty = Permill::from_percent(5);
        version.spec.terms.commercial = false;
        version.spec.metadata = Some(Artifact { hash: [0xab; 32].into(), len: 77 });
        let metadata = format!("0x{}", "ab".repeat(32));
        let text = version_details(&version, 3_000_000_000_000);
        for says in
            ["3 VGL", "Apache-2.0", "2 VGL", "9 blocks", "3 uses", "5%", "not allowed", &metadata]
        {
            assert!(text.contains(says), "{says}: {text}");
        }
        let json = version_json(&version);
        assert_eq!(json["terms"]["licence"], "Apache-2.0");
        assert_eq!(json["terms"]["access"]["kind"], "paid");
        assert_eq!(json["terms"]["royaltyPpm"], 50_000);
        assert_eq!(json["metadata"]["hash"], metadata);
        assert_eq!(json["fee"]["perJob"], "5");
        assert_eq!(json["terms"]["commercial"], false);
    }

    #[test]
    fn a_hostile_name_should_not_reach_the_terminal() {
        let model = ModelView {
            id: 1,
            name: b"\x1b]0;owned\x07\xff".to_vec().try_into().unwrap(),
            owner: AccountId::new([1; 32]),
            pending_owner: None,
            versions: 0,
        };
        let text = model_details(&model, &[]);
        assert!(text.contains("\\u{1b}]0;owned\\u{7}\\xff"), "{text}");
        assert!(!text.contains('\u{1b}'));
        assert!(!model_json(&model).to_string().contains('\u{1b}'));
    }
}
