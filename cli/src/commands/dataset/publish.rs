//! `vigil dataset register` and `vigil dataset publish`: a version of a dataset, from the data to
//! the chain.

use super::content::content;
use crate::{
    assets::{
        bounded_name, sources, terms_json, waterfall_json, waterfall_text, CitationArgs, Offspring,
        TermsArgs,
    },
    commands::metadata,
    context::Context,
    error::CommandResult,
    format::artifact_json,
    global::Global,
    output,
};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use vigil_client::{calls, events};
use vigil_primitives::{
    dataset::{DatasetSpec, Name},
    AssetId, DatasetId, DatasetVersionId,
};

/// Arguments of `dataset register`.
#[derive(Debug, Args)]
pub(crate) struct Register {
    /// The dataset's name.
    name: String,
    #[command(flatten)]
    version: Version,
}

/// Arguments of `dataset publish`.
#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The dataset's number.
    #[arg(value_name = "DATASET")]
    id: DatasetId,
    #[command(flatten)]
    version: Version,
}

/// What both take.
#[derive(Debug, Args)]
struct Version {
    /// The data: a file, or a folder of which every file counts. It stays on this machine.
    #[arg(long, value_name = "PATH")]
    content: PathBuf,
    /// The JSON document that describes it (see `vigil metadata check`).
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
    /// Where to fetch the metadata, and the data if it is public: a folder's URL (file, http,
    /// https) or a local folder. May be repeated.
    #[arg(long, value_name = "URL")]
    source: Vec<String>,
    #[command(flatten)]
    terms: TermsArgs,
    #[command(flatten)]
    citations: CitationArgs,
}

/// What the version is one of.
enum Of {
    /// A dataset that is registered with it.
    New(Name),
    /// A dataset that there is.
    Next(DatasetId),
}

impl Register {
    pub(super) async fn execute(self, global: &Global) -> CommandResult {
        let name = bounded_name(&self.name)?;
        self.version.execute(global, Of::New(name)).await
    }
}

impl Publish {
    pub(super) async fn execute(self, global: &Global) -> CommandResult {
        self.version.execute(global, Of::Next(self.id)).await
    }
}

impl Version {
    async fn execute(self, global: &Global, of: Of) -> CommandResult {
        let stated = self.terms.read()?;
        let sources = sources(&self.source)?;
        let metadata = match &self.metadata {
            Some(path) => Some((path, metadata::artifact(path, metadata::Kind::Dataset)?)),
            None => None,
        };
        let content = content(global, &self.content)?;

        let context = Context::signing(global).await?;
        let publisher = context.key()?.account().clone();
        let (asset, name) = match &of {
            // The chain has no number for it yet: any that is free will do.
            Of::New(name) => {
                (DatasetVersionId { dataset: DatasetId::MAX, version: 0 }, name.clone())
            }
            Of::Next(id) => {
                let dataset = super::owned(&context, *id).await?;
                let version = dataset.versions;
                (DatasetVersionId { dataset: *id, version }, dataset.name)
            }
        };
        let asset = AssetId::from(asset);
        let parameters = context.view().parameters().await?;
        let terms = stated.on_chain(parameters.block_time_ms)?;
        let offspring =
            Offspring { asset, name: &name, commercial: terms.commercial, publisher: &publisher };
        let descent = self.citations.check(&context, &offspring).await?;
        if let Some((path, document)) = &metadata {
            metadata::place(global, path, document, &sources)?;
        }

        let metadata = metadata.map(|(_, document)| document);
        let spec = DatasetSpec { content, metadata, terms, sources };
        let included = context
            .submit(match &of {
                Of::New(name) => calls::datasets::register(name, &spec, &descent.citations),
                Of::Next(id) => calls::datasets::publish(*id, &spec, &descent.citations),
            })
            .await?;
        let id = included.events.expect::<events::datasets::DatasetPublished>()?.id;
        let payees = descent.payees_of(id.into());
        output::note(global, &format!("of what it earns:\n{}", waterfall_text(&payees)));
        let json = json!({
            "asset": AssetId::from(id).to_string(),
            "dataset": id.dataset,
            "version": id.version,
            "content": artifact_json(&spec.content),
            "metadata": spec.metadata.as_ref().map(artifact_json),
            "terms": terms_json(&spec.terms),
            "waterfall": waterfall_json(&payees),
        });
        output::show(global, &json, || AssetId::from(id).to_string());
        Ok(())
    }
}
