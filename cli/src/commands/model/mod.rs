//! `vigil model`: models and their versions, from the package to the revocation.

mod publish;
mod show;

#[cfg(test)]
pub(crate) use show::tests;
pub(crate) use show::{newest, status};

use crate::{
    assets::bounded_name,
    context::{self, Context},
    error::CommandResult,
    global::Global,
    output, text,
};
use clap::Subcommand;
use serde_json::json;
use show::model_json;
use vigil_client::{calls, pages, Call};
use vigil_primitives::{
    api::PAGE, model::ModelView, model::Name, AccountId, ModelId, ModelVersionId,
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
    Publish(Box<publish::Publish>),
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
        version: ModelVersionId,
    },
    /// End new jobs for a version for ever.
    Revoke {
        /// The version.
        #[arg(value_name = "MODEL@VERSION")]
        version: ModelVersionId,
    },
}

/// A model or one of its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// `MODEL`.
    Model(ModelId),
    /// `MODEL@VERSION`.
    Version(ModelVersionId),
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
    pub(crate) async fn execute(self, global: &Global) -> CommandResult {
        let (call, done) = match self {
            Self::Create { name } => return create(global, &name).await,
            Self::Publish(publish) => return publish.execute(global).await,
            Self::Show { model } => return show::show(global, model).await,
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

async fn submit(global: &Global, call: Call, done: String) -> CommandResult {
    let context = Context::signing(global).await?;
    context.submit_and_report(call, done).await
}

async fn create(global: &Global, name: &str) -> CommandResult {
    let name = bounded_name(name)?;
    let context = Context::signing(global).await?;
    let id = create_model(&context, &name).await?;
    output::show(global, &json!({ "model": id }), || format!("model {id}"));
    Ok(())
}

async fn create_model(context: &Context, name: &Name) -> CommandResult<ModelId> {
    let included = context.submit(calls::models::create(name)).await?;
    context::created_model(&included)
}

async fn list(global: &Global) -> CommandResult {
    let context = Context::connect(global).await?;
    let view = context.view();
    let behind = |model: &ModelView| model.id.saturating_add(1);
    let models = pages(0, behind, |from| view.models(from, PAGE)).await?;
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

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_target_should_be_a_model_or_a_version() {
        assert_eq!(parse_target("3"), Ok(Target::Model(3)));
        let version = ModelVersionId { model: 3, version: 1 };
        assert_eq!(parse_target("3@1"), Ok(Target::Version(version)));
        for wrong in ["", "@", "3@", "x", "3@1@2", "-1"] {
            assert!(parse_target(wrong).is_err(), "{wrong}");
        }
    }
}
