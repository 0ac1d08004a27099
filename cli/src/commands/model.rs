//! `vigil model`: models and their versions, from the package to the revocation.

use crate::{
    cli::Global,
    commands::{account_json, amount, amount_json, architecture, hex},
    context::{self, Context},
    error::{Failure, Outcome},
    output, text,
};
use clap::{Args, Subcommand};
use serde_json::{json, Value};
use std::path::PathBuf;
use vigil_client::{calls, Amount, Call};
use vigil_engine::package::{Package, TOKENIZER, WEIGHTS};
use vigil_primitives::{
    api::{ModelView, VersionView, PAGE},
    model::{
        Access, Artifact, Fee, Licence, Name, Sources, Terms, Url, VersionSpec, VersionStatus,
        MAX_LICENCE, MAX_NAME, MAX_SOURCES, MAX_URL,
    },
    AccountId, ModelId, Version, VersionId,
};

/// `vigil model ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Register a model without a version.
    Create {
        /// Its name.
        name: String,
    },
    /// Publish a package as the next version of a model.
    Publish(Publish),
    /// Show a model with its versions, or one version.
    Show {
        /// MODEL or MODEL@VERSION.
        #[arg(value_parser = parse_target)]
        model: Target,
    },
    /// List all models.
    List,
    /// Offer a model to another account, which then accepts it.
    #[command(visible_alias = "transfer")]
    Offer {
        /// The model's number.
        model: ModelId,
        /// The account (an address or //Name).
        #[arg(value_parser = context::parse_account)]
        to: AccountId,
    },
    /// Take over a model that was offered to you.
    Accept {
        /// The model's number.
        model: ModelId,
    },
    /// Take an offer back.
    WithdrawOffer {
        /// The model's number.
        model: ModelId,
    },
    /// Let no further worker start to serve a version. Jobs go on where it is served.
    Deprecate {
        /// The version.
        #[arg(value_name = "MODEL@VERSION")]
        version: VersionId,
    },
    /// End new jobs for a version for ever.
    Revoke {
        /// The version.
        #[arg(value_name = "MODEL@VERSION")]
        version: VersionId,
    },
}

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
    /// SPDX licence expression, for instance Apache-2.0.
    #[arg(long, value_name = "SPDX")]
    licence: String,
    /// What you earn for every job.
    #[arg(long, value_name = "AMOUNT", default_value = "0")]
    fee_per_job: Amount,
    /// What you earn for every 1,000 tokens, in proportion.
    #[arg(long, value_name = "AMOUNT", default_value = "0")]
    fee_per_1k_tokens: Amount,
    /// Do not allow commercial use.
    #[arg(long)]
    no_commercial: bool,
}

/// A model or one of its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `MODEL`.
    Model(ModelId),
    /// `MODEL@VERSION`.
    Version(VersionId),
}

fn parse_target(text: &str) -> Result<Target, &'static str> {
    if text.contains('@') {
        text.parse().map(Target::Version)
    } else {
        text.parse()
            .map(Target::Model)
            .map_err(|_| "expected MODEL or MODEL@VERSION, for instance 0 or 0@0")
    }
}

impl Command {
    /// Does what was typed.
    pub(crate) async fn execute(self, global: &Global) -> Outcome {
        let (call, done) = match self {
            Self::Create { name } => return create(global, &name).await,
            Self::Publish(publish) => return publish.execute(global).await,
            Self::Show { model } => return show(global, model).await,
            Self::List => return list(global).await,
            Self::Offer { model, to } => (
                calls::models::offer(model, &to),
                format!("model {model} is offered to {to}, who takes it with `vigil model accept {model}`"),
            ),
            Self::Accept { model } => {
                (calls::models::accept(model), format!("model {model} is yours"))
            }
            Self::WithdrawOffer { model } => {
                (calls::models::withdraw_offer(model), format!("model {model} is offered no more"))
            }
            Self::Deprecate { version } => {
                (calls::models::deprecate(version), format!("version {version} is deprecated"))
            }
            Self::Revoke { version } => {
                (calls::models::revoke(version), format!("version {version} is revoked"))
            }
        };
        submit(global, call, done).await
    }
}

async fn submit(global: &Global, call: Call, done: String) -> Outcome {
    let context = Context::signing(global).await?;
    context.submit_and_report(call, done).await
}

async fn create(global: &Global, name: &str) -> Outcome {
    let name = bounded_name(name)?;
    let context = Context::signing(global).await?;
    let id = create_model(&context, &name).await?;
    output::show(global, &json!({ "model": id }), || format!("model {id}"));
    Ok(())
}

async fn create_model(context: &Context, name: &Name) -> Outcome<ModelId> {
    let included = context.submit(calls::models::create(name)).await?;
    context::created_model(&included)
}

impl Publish {
    async fn execute(self, global: &Global) -> Outcome {
        let name = self.name.as_deref().map(bounded_name).transpose()?;
        let sources = sources(&self.source)?;
        let licence = Licence::try_from(self.licence.trim().as_bytes().to_vec())
            .ok()
            .filter(|licence| !licence.is_empty() && licence.iter().all(|byte| (0x20..0x7f).contains(byte)))
            .ok_or_else(|| {
                Failure::usage(format!(
                    "--licence takes an SPDX expression of at most {MAX_LICENCE} characters, for instance Apache-2.0"
                ))
            })?;

        let spinner = output::Progress::spinner(global, "verifying the package");
        let package = Package::open(&self.package)?;
        drop(spinner);
        let weights = file(&package, WEIGHTS)?;
        let spec = VersionSpec {
            package: package.manifest_hash().into(),
            weights,
            tokenizer: file(&package, TOKENIZER)?.hash,
            architecture: *package.architecture(),
            op_set: package.manifest().op_set,
            terms: Terms {
                licence,
                access: Access::Open,
                commercial: !self.no_commercial,
                fee: Fee { per_job: self.fee_per_job.0, per_1k_tokens: self.fee_per_1k_tokens.0 },
            },
            sources,
        };

        let context = Context::signing(global).await?;
        let signer = context.key()?.account().clone();
        let model = match (self.model, name) {
            (Some(model), _) => {
                let view = context.model(model).await?;
                if view.owner != signer {
                    return Err(Failure::rejected(format!(
                        "model {model} belongs to {}, and the key signs for {}: use the owner's key",
                        view.owner, signer
                    )));
                }
                model
            }
            (None, Some(name)) => {
                let model = create_model(&context, &name).await?;
                output::note(global, &format!("registered model {model}"));
                model
            }
            (None, None) => return Err(Failure::usage("give --model or --name")),
        };
        let included =
            context.submit(calls::models::publish(model, &spec)).await.map_err(|failure| {
                failure.about(&format!("model {model} exists, but its version was not published"))
            })?;
        let version = context::published_version(&included)?;
        let json = json!({
            "version": version.to_string(),
            "model": version.model,
            "package": hex(&spec.package),
            "architecture": spec.architecture,
            "weights_bytes": spec.weights.len,
        });
        output::show(global, &json, || format!("{version}"));
        Ok(())
    }
}

/// One file of a package as the chain knows it.
fn file(package: &Package, name: &str) -> Outcome<Artifact> {
    let entry = package.manifest().file(name);
    entry
        .and_then(|entry| Some(Artifact { hash: entry.hash()?.into(), len: entry.len }))
        .ok_or_else(|| Failure::failed(format!("the package does not name {name}: pack it again")))
}

fn bounded_name(name: &str) -> Outcome<Name> {
    let name = name.trim();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Failure::usage("a model's name is printable text, not empty"));
    }
    Name::try_from(name.as_bytes().to_vec()).map_err(|_| {
        Failure::usage(format!(
            "the name has {} bytes of UTF-8, {MAX_NAME} are allowed: choose a shorter one",
            name.len()
        ))
    })
}

/// The places to fetch from, as URLs of folders that end in `/`.
fn sources(given: &[String]) -> Outcome<Sources> {
    let urls = given.iter().map(|source| source_url(source)).collect::<Outcome<Vec<_>>>()?;
    Sources::try_from(urls).map_err(|_| {
        Failure::usage(format!("{} sources are given, {MAX_SOURCES} are allowed", given.len()))
    })
}

fn source_url(source: &str) -> Outcome<Url> {
    let url = match source.split_once("://") {
        Some(("file" | "http" | "https", rest)) if !rest.is_empty() => source.to_owned(),
        Some((scheme, _)) => {
            return Err(Failure::usage(format!(
                "a source is a file, http or https URL, not {scheme:?}: {source}"
            )))
        }
        None => {
            let path = std::fs::canonicalize(source).map_err(|error| {
                Failure::usage(format!(
                    "the source {source} is neither a URL nor a folder of this machine: {error}"
                ))
            })?;
            format!("file://{}", path.display())
        }
    };
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::usage(format!(
            "the source {source} holds blanks or letters outside ASCII: percent-encode them"
        )));
    }
    let url = if url.ends_with('/') { url } else { format!("{url}/") };
    Url::try_from(url.into_bytes()).map_err(|_| {
        Failure::usage(format!("the source {source} is longer than {MAX_URL} characters"))
    })
}

async fn list(global: &Global) -> Outcome {
    let context = Context::connect(global).await?;
    let mut models: Vec<ModelView> = Vec::new();
    loop {
        let from = models.last().map_or(0, |model| model.id.saturating_add(1));
        let page = context.view().models(from, PAGE).await?;
        let last = page.len() < PAGE as usize;
        models.extend(page);
        if last {
            break;
        }
    }
    let json = json!({ "models": models.iter().map(model_json).collect::<Vec<_>>() });
    output::show(global, &json, || {
        if models.is_empty() {
            return "no models yet: `vigil model publish` registers one".into();
        }
        let mut table = output::table(["MODEL", "NAME", "VERSIONS", "OWNER", "OFFERED TO"]);
        for model in &models {
            table.add_row([
                model.id.to_string(),
                text::brief(&model.name, 40),
                model.versions.to_string(),
                model.owner.to_string(),
                model.pending_owner.as_ref().map(ToString::to_string).unwrap_or_default(),
            ]);
        }
        output::align_right(&mut table, &[2]);
        output::render(&table)
    });
    Ok(())
}

async fn show(global: &Global, target: Target) -> Outcome {
    let context = Context::connect(global).await?;
    match target {
        Target::Version(id) => {
            let version = context.version(id).await?;
            output::show(global, &version_json(&version), || version_details(&version));
        }
        Target::Model(id) => {
            let model = context.model(id).await?;
            let mut versions = Vec::new();
            for version in newest(model.versions) {
                versions.push(context.version(VersionId { model: id, version }).await?);
            }
            let mut json = model_json(&model);
            json["latest"] = versions.iter().map(version_json).collect();
            output::show(global, &json, || model_details(&model, &versions));
        }
    }
    Ok(())
}

/// The newest versions of a model, newest first: enough for a screen.
fn newest(versions: Version) -> impl Iterator<Item = Version> {
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
            amount(version.spec.terms.fee.per_job),
            amount(version.spec.terms.fee.per_1k_tokens),
            text::brief(&version.spec.terms.licence, 32),
        ]);
    }
    output::align_right(&mut table, &[2, 3, 4]);
    let table = if versions.is_empty() { String::new() } else { output::render(&table) };
    format!("{}\n\n{table}", output::fields(rows))
}

fn version_details(version: &VersionView) -> String {
    let spec = &version.spec;
    let mut rows = vec![
        ("version", version.id.to_string()),
        ("status", status(version.status).into()),
        ("owner", version.owner.to_string()),
        ("workers", version.workers.to_string()),
        ("architecture", architecture(&spec.architecture)),
        ("operator set", spec.op_set.to_string()),
        ("package", hex(&spec.package)),
        ("weights", format!("{} ({})", hex(&spec.weights.hash), output::bytes(spec.weights.len))),
        ("tokenizer", hex(&spec.tokenizer)),
        ("licence", text::printable(&spec.terms.licence)),
        ("commercial use", if spec.terms.commercial { "allowed" } else { "not allowed" }.into()),
        ("fee per job", amount(spec.terms.fee.per_job)),
        ("fee per 1k tokens", amount(spec.terms.fee.per_1k_tokens)),
    ];
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

fn model_json(model: &ModelView) -> Value {
    json!({
        "model": model.id,
        "name": text::printable(&model.name),
        "owner": account_json(&model.owner),
        "offered_to": model.pending_owner.as_ref().map(account_json),
        "versions": model.versions,
    })
}

fn version_json(version: &VersionView) -> Value {
    let spec = &version.spec;
    json!({
        "version": version.id.to_string(),
        "status": status(version.status),
        "owner": account_json(&version.owner),
        "workers": version.workers,
        "architecture": spec.architecture,
        "op_set": spec.op_set,
        "package": hex(&spec.package),
        "weights": { "hash": hex(&spec.weights.hash), "bytes": spec.weights.len },
        "tokenizer": hex(&spec.tokenizer),
        "licence": text::printable(&spec.terms.licence),
        "commercial": spec.terms.commercial,
        "fee_per_job": amount_json(spec.terms.fee.per_job),
        "fee_per_1k_tokens": amount_json(spec.terms.fee.per_1k_tokens),
        "sources": spec.sources.iter().map(|url| text::printable(url)).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn url(source: &str) -> Outcome<String> {
        source_url(source).map(|url| String::from_utf8_lossy(&url).into_owned())
    }

    #[test]
    fn a_source_should_become_the_url_of_a_folder() {
        assert_eq!(url("https://example.org/minilm").unwrap(), "https://example.org/minilm/");
        assert_eq!(url("file:///srv/minilm/").unwrap(), "file:///srv/minilm/");
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        let path = folder.display().to_string();
        assert_eq!(url(&path).unwrap(), format!("file://{path}/"));
    }

    #[test]
    fn a_source_that_no_worker_can_fetch_should_be_refused() {
        for wrong in ["ftp://example.org/x", "https://", "no such folder", "https://a b/"] {
            assert_eq!(url(wrong).unwrap_err().kind(), Kind::Usage, "{wrong}");
        }
        let long = format!("https://example.org/{}", "x".repeat(256));
        assert!(url(&long).unwrap_err().to_string().contains("longer than 256"));
        assert!(sources(&vec!["https://a/".to_owned(); 5]).is_err());
    }

    #[test]
    fn a_name_should_be_printable_and_short() {
        assert!(bounded_name("all-MiniLM-L6-v2").is_ok());
        for wrong in ["", "  ", "a\u{1b}[31m", &"x".repeat(65)] {
            assert_eq!(bounded_name(wrong).unwrap_err().kind(), Kind::Usage, "{wrong:?}");
        }
    }

    #[test]
    fn a_target_should_be_a_model_or_a_version() {
        assert_eq!(parse_target("3"), Ok(Target::Model(3)));
        let version = VersionId { model: 3, version: 1 };
        assert_eq!(parse_target("3@1"), Ok(Target::Version(version)));
        for wrong in ["", "@", "3@", "x", "3@1@2", "-1"] {
            assert!(parse_target(wrong).is_err(), "{wrong}");
        }
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
