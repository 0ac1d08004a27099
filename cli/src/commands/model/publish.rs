//! `vigil model publish`: from a package to a version with terms and a lineage.

use super::create_model;
use crate::{
    assets::{
        bounded_name, sources, terms_json, waterfall_json, waterfall_text, CitationArgs, Offspring,
        TermsArgs,
    },
    commands::metadata::{self, Kind},
    context::{self, Context},
    error::{CommandResult, Failure},
    format::{artifact_json, hex},
    global::Global,
    output,
};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;
use vigil_client::{calls, Amount};
use vigil_engine::package::{Package, TOKENIZER, WEIGHTS};
use vigil_primitives::{
    model::ModelView,
    model::{Artifact, Fee, Name, VersionSpec},
    AccountId, ModelId, ModelVersionId,
};

/// Arguments of `model publish`.
#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The package's folder, as `vigil pack` wrote it.
    #[arg(long, value_name = "DIR")]
    package: PathBuf,
    /// Number of the model this is a version of.
    #[arg(long, value_name = "ID", required_unless_present = "name")]
    model: Option<ModelId>,
    /// Register a new model of this name first.
    #[arg(long, conflicts_with = "model")]
    name: Option<String>,
    /// Where workers fetch the package: a folder's URL (file, http, https) or a local folder.
    #[arg(long, value_name = "URL", required = true)]
    source: Vec<String>,
    /// The JSON document that describes it (see `vigil metadata check`). Its hash goes on chain.
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
    /// What you earn for every job.
    #[arg(long, value_name = "AMOUNT", default_value = "0")]
    fee_per_job: Amount,
    /// What you earn for every 1,000 tokens, in proportion.
    #[arg(long, value_name = "AMOUNT", default_value = "0")]
    fee_per_1k_tokens: Amount,
    #[command(flatten)]
    terms: TermsArgs,
    #[command(flatten)]
    citations: CitationArgs,
}

/// The model that gets a version.
enum Parent {
    /// It is there, and the signer's.
    Existing(ModelView),
    /// It is to be registered.
    New(Name),
}

impl Parent {
    fn name(&self) -> &Name {
        match self {
            Self::Existing(model) => &model.name,
            Self::New(name) => name,
        }
    }

    /// The version that is next. A number that no model will have stands for one not registered.
    fn next(&self) -> ModelVersionId {
        match self {
            Self::Existing(model) => ModelVersionId { model: model.id, version: model.versions },
            Self::New(_) => ModelVersionId { model: ModelId::MAX, version: 0 },
        }
    }
}

impl Publish {
    pub(super) async fn execute(self, global: &Global) -> CommandResult {
        let name = self.name.as_deref().map(bounded_name).transpose()?;
        let sources = sources(&self.source)?;
        let stated = self.terms.read()?;
        let document = |path: &PathBuf| metadata::artifact(path, Kind::Model);
        let document = self.metadata.as_ref().map(document).transpose()?;

        let spinner = output::Progress::spinner(global, "verifying the package");
        let package = Package::open(&self.package)?;
        drop(spinner);
        let weights = file(&package, WEIGHTS)?;
        let tokenizer = file(&package, TOKENIZER)?.hash;

        let context = Context::signing(global).await?;
        let signer = context.key()?.account().clone();
        let parent = match (self.model, name) {
            (Some(model), _) => Parent::Existing(owned(&context, model, &signer).await?),
            (None, Some(name)) => Parent::New(name),
            (None, None) => return Err(Failure::usage("give --model or --name")),
        };
        let spec = VersionSpec {
            package: package.manifest_hash().into(),
            weights,
            tokenizer,
            architecture: *package.architecture(),
            op_set: package.manifest().op_set,
            metadata: document,
            terms: stated.on_chain(context.view().parameters().await?.block_time_ms)?,
            fee: Fee { per_job: self.fee_per_job.0, per_1k_tokens: self.fee_per_1k_tokens.0 },
            sources,
        };
        let offspring = Offspring {
            asset: parent.next().into(),
            name: parent.name(),
            commercial: spec.terms.commercial,
            publisher: &signer,
        };
        let descent = self.citations.check(&context, &offspring).await?;
        if let (Some(path), Some(document)) = (&self.metadata, &spec.metadata) {
            metadata::place(global, path, document, &spec.sources)?;
        }

        // Nothing has been sent before this line.
        let model = match parent {
            Parent::Existing(model) => model.id,
            Parent::New(name) => {
                let model = create_model(&context, &name).await?;
                output::note(global, &format!("registered model {model}"));
                model
            }
        };
        let call = calls::models::publish(model, &spec, &descent.citations);
        let included = context.submit(call).await.map_err(|failure| {
            failure.about(&format!("model {model} exists, but its version was not published"))
        })?;
        let version = context::published_version(&included)?;
        let payees = descent.payees_of(version.into());
        output::note(global, &format!("of what it earns:\n{}", waterfall_text(&payees)));
        let json = json!({
            "version": version.to_string(),
            "model": version.model,
            "package": hex(&spec.package),
            "architecture": spec.architecture,
            "weights": artifact_json(&spec.weights),
            "metadata": spec.metadata.as_ref().map(artifact_json),
            "terms": terms_json(&spec.terms),
            "waterfall": waterfall_json(&payees),
        });
        output::show(global, &json, || format!("{version}"));
        Ok(())
    }
}

/// A model that must be the signer's.
async fn owned(context: &Context, model: ModelId, signer: &AccountId) -> CommandResult<ModelView> {
    let view = context.model(model).await?;
    if view.owner != *signer {
        return Err(Failure::rejected(format!(
            "model {model} belongs to {}, and the key signs for {signer}: use the owner's key",
            view.owner
        )));
    }
    Ok(view)
}

/// One file of a package as the chain knows it.
fn file(package: &Package, name: &str) -> CommandResult<Artifact> {
    let entry = package.manifest().file(name);
    entry
        .and_then(|entry| Some(Artifact { hash: entry.hash()?.into(), len: entry.len }))
        .ok_or_else(|| Failure::failed(format!("the package does not name {name}: pack it again")))
}
