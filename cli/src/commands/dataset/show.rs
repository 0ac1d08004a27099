//! Datasets and their versions, in words and JSON.

use super::Target;
use crate::format::form;
use crate::{
    assets::{access_text, terms_rows, waterfall_json, waterfall_text},
    commands::model::{newest, status},
    context::Context,
    error::CommandResult,
    format::artifact,
    global::Global,
    output, text,
};
use serde_json::{json, Value};
use vigil_client::pages;
use vigil_primitives::{
    api::PAGE,
    dataset::{DatasetVersionView, DatasetView},
    AssetId, DatasetVersionId,
};

pub(super) async fn list(global: &Global) -> CommandResult {
    let context = Context::connect(global).await?;
    let view = context.view();
    let behind = |dataset: &DatasetView| dataset.id.saturating_add(1);
    let datasets = pages(0, behind, |from| view.datasets(from, PAGE)).await?;
    let json = json!({ "datasets": datasets.iter().map(dataset_json).collect::<Vec<_>>() });
    output::show(global, &json, || table(&datasets));
    Ok(())
}

fn table(datasets: &[DatasetView]) -> String {
    if datasets.is_empty() {
        return "no datasets yet: `vigil dataset register` registers one".into();
    }
    let mut table = output::table(["DATASET", "NAME", "VERSIONS", "OWNER", "OFFERED TO"]);
    for dataset in datasets {
        table.add_row([
            dataset.id.to_string(),
            text::brief(&dataset.name, 40),
            dataset.versions.to_string(),
            dataset.owner.to_string(),
            dataset.pending_owner.as_ref().map(ToString::to_string).unwrap_or_default(),
        ]);
    }
    output::align_right(&mut table, &[2]);
    output::render(&table)
}

pub(super) async fn show(global: &Global, target: Target) -> CommandResult {
    let context = Context::connect(global).await?;
    match target {
        Target::Version(id) => {
            let version = context.dataset_version(id).await?;
            let lineage = context.view().lineage(id.into()).await?;
            let payees = lineage.map(|lineage| lineage.nodes).unwrap_or_default();
            let mut json = version_json(&version);
            json["waterfall"] = waterfall_json(&payees);
            output::show(global, &json, || {
                let details = version_details(&version);
                format!("{details}\n\nof what it earns:\n{}", waterfall_text(&payees))
            });
        }
        Target::Dataset(id) => {
            let dataset = context.dataset(id).await?;
            let mut versions = Vec::new();
            for version in newest(dataset.versions) {
                // Some may have been removed.
                let id = DatasetVersionId { dataset: id, version };
                versions.extend(context.view().dataset_version(id).await?);
            }
            let mut json = dataset_json(&dataset);
            json["latest"] = versions.iter().map(version_json).collect();
            output::show(global, &json, || dataset_details(&dataset, &versions));
        }
    }
    Ok(())
}

fn dataset_details(dataset: &DatasetView, versions: &[DatasetVersionView]) -> String {
    let mut rows = vec![
        ("dataset", dataset.id.to_string()),
        ("name", text::printable(&dataset.name)),
        ("owner", dataset.owner.to_string()),
        ("versions", dataset.versions.to_string()),
    ];
    if let Some(to) = &dataset.pending_owner {
        rows.push(("offered to", to.to_string()));
    }
    let mut table = output::table(["VERSION", "STATUS", "SIZE", "CITED", "LICENCE", "ACCESS"]);
    for version in versions {
        table.add_row([
            version.id.to_string(),
            status(version.status).into(),
            output::bytes(version.spec.content.len),
            version.citations.to_string(),
            text::brief(&version.spec.terms.licence, 32),
            access_text(&version.spec.terms.access),
        ]);
    }
    output::align_right(&mut table, &[2, 3]);
    let table = if versions.is_empty() { String::new() } else { output::render(&table) };
    format!("{}\n\n{table}", output::fields(rows))
}

fn version_details(version: &DatasetVersionView) -> String {
    let spec = &version.spec;
    let mut rows = vec![
        ("asset", AssetId::from(version.id).to_string()),
        ("status", status(version.status).into()),
        ("owner", version.owner.to_string()),
        ("cited by", format!("{} versions", version.citations)),
        ("content", artifact(&spec.content)),
    ];
    rows.extend(spec.metadata.as_ref().map(|document| ("metadata", artifact(document))));
    rows.extend(terms_rows(&spec.terms));
    rows.extend(spec.sources.iter().map(|source| ("source", text::printable(source))));
    output::fields(rows)
}

fn dataset_json(dataset: &DatasetView) -> Value {
    form(vigil_rpc::datasets::Dataset::from(dataset.clone()))
}

fn version_json(version: &DatasetVersionView) -> Value {
    form(vigil_rpc::datasets::DatasetVersion::from(version.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        dataset::{Artifact, DatasetSpec},
        model::{Sources, VersionStatus},
        terms::{Access, GrantTerms, Terms},
        AccountId, ContentHash, Permill,
    };

    const HOSTILE: &[u8] = b"\x1b]0;owned\x07\xff\xe2\x80\xae";

    fn dataset() -> DatasetView {
        DatasetView {
            id: 3,
            name: HOSTILE.to_vec().try_into().unwrap(),
            owner: AccountId::new([1; 32]),
            pending_owner: Some(AccountId::new([2; 32])),
            versions: 2,
        }
    }

    fn version() -> DatasetVersionView {
        let artifact = |byte| Artifact { hash: ContentHash::repeat_byte(byte), len: 2_048 };
        DatasetVersionView {
            id: DatasetVersionId { dataset: 3, version: 1 },
            owner: AccountId::new([1; 32]),
            spec: DatasetSpec {
                content: artifact(7),
                metadata: Some(artifact(8)),
                terms: Terms {
                    licence: HOSTILE.to_vec().try_into().unwrap(),
                    licence_text: None,
                    commercial: false,
                    access: Access::Paid(GrantTerms { price: 5, duration: 9, uses: Some(4) }),
                    royalty: Permill::from_percent(2),
                },
                sources: Sources::try_from(vec![HOSTILE.to_vec().try_into().unwrap()]).unwrap(),
            },
            status: VersionStatus::Deprecated,
            citations: 6,
        }
    }

    #[test]
    fn hostile_bytes_should_not_reach_the_terminal() {
        for text in [
            table(&[dataset()]),
            dataset_details(&dataset(), &[version()]),
            version_details(&version()),
            dataset_json(&dataset()).to_string(),
            version_json(&version()).to_string(),
        ] {
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
            assert!(!text.contains('\u{202e}') && text.contains("u{1b}"), "{text:?}");
        }
    }

    #[test]
    fn a_version_should_show_content_terms_and_citations() {
        let text = version_details(&version());
        for says in ["dataset:3@1", "deprecated", "6 versions", "2.00 KiB", "not allowed", "2%"] {
            assert!(text.contains(says), "{says}: {text}");
        }
        let json = version_json(&version());
        assert_eq!(json["content"]["len"], "2048");
        assert_eq!(json["terms"]["access"]["price"], "5");
        assert!(table(&[]).contains("no datasets"));
    }
}
