//! `vigil dataset`: datasets and their versions, from the data to the removal, and what third
//! parties state about them.

mod content;
mod publish;
mod show;
mod statements;

use crate::{
    commands::{document, model::status},
    context::{self, Context},
    error::{CommandResult, Failure},
    format::{artifact, artifact_json, hex},
    global::Global,
    output,
};
use clap::Subcommand;
use serde_json::json;
use std::path::{Path, PathBuf};
use vigil_client::calls;
use vigil_primitives::{
    dataset::{DatasetVersionView, DatasetView},
    model::VersionStatus,
    AccountId, AssetId, DatasetId, DatasetVersionId,
};

/// `vigil dataset ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Register a dataset with its first version. The data stays where it is.
    Register(Box<publish::Register>),
    /// Publish the next version of a dataset.
    Publish(Box<publish::Publish>),
    /// What some data hashes to, and its size, as a version would state it.
    Hash {
        /// A file, or a folder of which every file counts.
        path: PathBuf,
    },
    /// Whether some data is the content of a version.
    Verify {
        /// The version.
        #[arg(value_name = "DATASET@VERSION", value_parser = parse_version)]
        version: DatasetVersionId,
        /// A file, or a folder of which every file counts.
        path: PathBuf,
    },
    /// Show a dataset with its versions, or one version.
    Show {
        /// DATASET or DATASET@VERSION.
        #[arg(value_parser = parse_target)]
        dataset: Target,
    },
    /// List all datasets.
    List,
    /// Offer a dataset to another account, which then accepts it.
    #[command(visible_alias = "transfer")]
    Offer {
        /// The dataset's number.
        dataset: DatasetId,
        /// The account (an address or //Name).
        #[arg(value_parser = context::parse_account)]
        to: AccountId,
    },
    /// Take over a dataset that was offered to you.
    Accept {
        /// The dataset's number.
        dataset: DatasetId,
    },
    /// Take an offer back.
    WithdrawOffer {
        /// The dataset's number.
        dataset: DatasetId,
    },
    /// Mark a version as one not to build on any more, and end the sale of grants.
    Deprecate {
        /// The version.
        #[arg(value_name = "DATASET@VERSION", value_parser = parse_version)]
        version: DatasetVersionId,
    },
    /// End new citations of a version for ever. Those that there are go on earning.
    Revoke {
        /// The version.
        #[arg(value_name = "DATASET@VERSION", value_parser = parse_version)]
        version: DatasetVersionId,
    },
    /// Remove a revoked version that nothing cites, and get its deposit back.
    Remove {
        /// The version.
        #[arg(value_name = "DATASET@VERSION", value_parser = parse_version)]
        version: DatasetVersionId,
    },
    /// State something about a version of somebody else's dataset.
    Attest {
        /// The version.
        #[arg(value_name = "DATASET@VERSION", value_parser = parse_version)]
        version: DatasetVersionId,
        /// What is stated.
        #[arg(value_enum)]
        kind: statements::Kind,
        /// The document that says more: a file, or its BLAKE3.
        #[arg(long, value_name = "FILE|0xHASH", value_parser = document::parse)]
        document: document::Document,
    },
    /// Take a statement of yours back, and get its deposit back.
    WithdrawStatement {
        /// The version.
        #[arg(value_name = "DATASET@VERSION", value_parser = parse_version)]
        version: DatasetVersionId,
        /// What was stated.
        #[arg(value_enum)]
        kind: statements::Kind,
    },
    /// List what third parties state about a version.
    Statements {
        /// The version.
        #[arg(value_name = "DATASET@VERSION", value_parser = parse_version)]
        version: DatasetVersionId,
    },
}

/// A dataset or one of its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `DATASET`.
    Dataset(DatasetId),
    /// `DATASET@VERSION`.
    Version(DatasetVersionId),
}

/// A version, with `dataset:` in front of it or not.
fn parse_version(text: &str) -> Result<DatasetVersionId, &'static str> {
    text.strip_prefix("dataset:").unwrap_or(text).parse()
}

fn parse_target(text: &str) -> Result<Target, &'static str> {
    if text.contains('@') {
        return parse_version(text).map(Target::Version);
    }
    text.strip_prefix("dataset:")
        .unwrap_or(text)
        .parse()
        .map(Target::Dataset)
        .map_err(|_| "expected DATASET or DATASET@VERSION, for instance 0 or 0@0")
}

impl Command {
    /// Does what was typed.
    pub(crate) async fn execute(self, global: &Global) -> CommandResult {
        match self {
            Self::Register(register) => register.execute(global).await,
            Self::Publish(publish) => publish.execute(global).await,
            Self::Hash { path } => hash(global, &path),
            Self::Verify { version, path } => verify(global, version, &path).await,
            Self::Show { dataset } => show::show(global, dataset).await,
            Self::List => show::list(global).await,
            Self::Offer { dataset, to } => offer(global, dataset, to).await,
            Self::Accept { dataset } => accept(global, dataset).await,
            Self::WithdrawOffer { dataset } => withdraw_offer(global, dataset).await,
            Self::Deprecate { version } => deprecate(global, version).await,
            Self::Revoke { version } => revoke(global, version).await,
            Self::Remove { version } => remove(global, version).await,
            Self::Attest { version, kind, document } => {
                statements::attest(global, version, kind, &document).await
            }
            Self::WithdrawStatement { version, kind } => {
                statements::withdraw(global, version, kind).await
            }
            Self::Statements { version } => statements::list(global, version).await,
        }
    }
}

fn hash(global: &Global, path: &Path) -> CommandResult {
    let content = content::content(global, path)?;
    output::show(global, &artifact_json(&content), || {
        output::fields([("blake3", hex(&content.hash)), ("bytes", content.len.to_string())])
    });
    Ok(())
}

async fn verify(global: &Global, id: DatasetVersionId, path: &Path) -> CommandResult {
    let context = Context::connect(global).await?;
    let published = context.dataset_version(id).await?.spec.content;
    let found = content::content(global, path)?;
    let json = json!({
        "asset": AssetId::from(id).to_string(),
        "matches": found == published,
        "published": artifact_json(&published),
        "found": artifact_json(&found),
    });
    output::show(global, &json, || {
        output::fields([("published", artifact(&published)), ("found", artifact(&found))])
    });
    if found == published {
        output::note(global, &format!("{} is the content of dataset {id}", path.display()));
        return Ok(());
    }
    Err(Failure::failed(format!("{} is not the content of dataset {id}", path.display())))
}

/// A dataset that the signing key must own.
async fn owned(context: &Context, id: DatasetId) -> CommandResult<DatasetView> {
    let dataset = context.dataset(id).await?;
    let signer = context.key()?.account();
    if dataset.owner != *signer {
        return Err(Failure::rejected(format!(
            "dataset {id} belongs to {}, and the key signs for {signer}: use the owner's key",
            dataset.owner
        )));
    }
    Ok(dataset)
}

/// A version of a dataset that the signing key must own.
async fn owned_version(
    context: &Context,
    id: DatasetVersionId,
) -> CommandResult<DatasetVersionView> {
    let version = context.dataset_version(id).await?;
    owned(context, id.dataset).await?;
    Ok(version)
}

async fn offer(global: &Global, id: DatasetId, to: AccountId) -> CommandResult {
    let context = Context::signing(global).await?;
    if owned(&context, id).await?.owner == to {
        return Err(Failure::rejected(format!("dataset {id} belongs to {to} already")));
    }
    let done =
        format!("dataset {id} is offered to {to}, who takes it with `vigil dataset accept {id}`");
    context.submit_and_report(calls::datasets::offer(id, &to), done).await
}

async fn accept(global: &Global, id: DatasetId) -> CommandResult {
    let context = Context::signing(global).await?;
    let dataset = context.dataset(id).await?;
    let signer = context.key()?.account();
    if dataset.pending_owner.as_ref() != Some(signer) {
        let to = match &dataset.pending_owner {
            Some(other) => format!("is offered to {other}"),
            None => "is not offered to anybody".into(),
        };
        return Err(Failure::rejected(format!(
            "dataset {id} {to}, and the key signs for {signer}"
        )));
    }
    context.submit_and_report(calls::datasets::accept(id), format!("dataset {id} is yours")).await
}

async fn withdraw_offer(global: &Global, id: DatasetId) -> CommandResult {
    let context = Context::signing(global).await?;
    if owned(&context, id).await?.pending_owner.is_none() {
        return Err(Failure::rejected(format!("dataset {id} is not offered to anybody")));
    }
    let done = format!("dataset {id} is offered no more");
    context.submit_and_report(calls::datasets::withdraw_offer(id), done).await
}

async fn deprecate(global: &Global, id: DatasetVersionId) -> CommandResult {
    let context = Context::signing(global).await?;
    let version = owned_version(&context, id).await?;
    if version.status != VersionStatus::Active {
        let status = status(version.status);
        return Err(Failure::rejected(format!("dataset {id} is {status} already")));
    }
    let done = format!("dataset {id} is deprecated");
    context.submit_and_report(calls::datasets::deprecate(id), done).await
}

async fn revoke(global: &Global, id: DatasetVersionId) -> CommandResult {
    let context = Context::signing(global).await?;
    if owned_version(&context, id).await?.status == VersionStatus::Revoked {
        return Err(Failure::rejected(format!("dataset {id} is revoked already")));
    }
    let paid = super::grant::holders(&context, id.into()).await?;
    if let Some(grant) = paid.iter().find(|grant| grant.grant.paid > 0) {
        return Err(Failure::rejected(format!(
            "{} holds a grant of dataset {id} that was paid for: take it back first with `vigil \
             grant revoke dataset:{id} {}`, which refunds what is unused of it",
            grant.holder, grant.holder
        )));
    }
    let done = format!("dataset {id} is revoked");
    context.submit_and_report(calls::datasets::revoke(id), done).await
}

async fn remove(global: &Global, id: DatasetVersionId) -> CommandResult {
    let context = Context::signing(global).await?;
    let version = owned_version(&context, id).await?;
    if version.status != VersionStatus::Revoked {
        return Err(Failure::rejected(format!(
            "dataset {id} is {}, and only a revoked version can be removed: revoke it first",
            status(version.status)
        )));
    }
    if version.citations > 0 {
        return Err(Failure::rejected(format!(
            "{} versions cite dataset {id}, so it stays: see `vigil lineage dataset:{id}`",
            version.citations
        )));
    }
    if let Some(grant) = super::grant::holders(&context, id.into()).await?.first() {
        return Err(Failure::rejected(format!(
            "{} holds a grant of dataset {id}: take it back first with `vigil grant revoke \
             dataset:{id} {}`",
            grant.holder, grant.holder
        )));
    }
    let done = format!("dataset {id} is removed, and its deposit is yours again");
    context.submit_and_report(calls::datasets::remove(id), done).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_should_be_a_dataset_or_a_version() {
        let version = DatasetVersionId { dataset: 3, version: 1 };
        for text in ["3@1", "dataset:3@1"] {
            assert_eq!(parse_target(text), Ok(Target::Version(version)));
            assert_eq!(parse_version(text), Ok(version));
        }
        for text in ["3", "dataset:3"] {
            assert_eq!(parse_target(text), Ok(Target::Dataset(3)));
            assert!(parse_version(text).is_err());
        }
        for wrong in ["", "@", "3@", "x", "3@1@2", "-1", "model:3@1", "dataset:"] {
            assert!(parse_target(wrong).is_err(), "{wrong}");
        }
    }
}
