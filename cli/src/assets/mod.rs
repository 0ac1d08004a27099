//! What the commands about models and the commands about datasets have in common: shares, terms,
//! citations, and who may use an asset.
//!
//! Everything that the chain would refuse is checked here first, so that a person is told which
//! flag or which citation is at fault before anything is signed.

mod citations;
mod permission;
mod registry;
mod share;
mod terms;
mod waterfall;

pub(crate) use citations::{CitationArgs, Offspring};
pub(crate) use permission::check as check_permission;
pub(crate) use registry::{bounded_name, sources};
pub(crate) use share::{parse_percent, percent, ppm};
pub(crate) use terms::{access_text, blocks_of_days, terms_json, terms_rows, TermsArgs};
pub(crate) use waterfall::{waterfall_json, waterfall_text};

use crate::{
    context::{no_asset, Context},
    error::CommandResult,
};
use vigil_primitives::{
    model::{Artifact, Sources, VersionStatus},
    terms::Terms,
    AccountId, AssetId,
};

/// What is said of every asset, be it a version of a model or of a dataset.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// Who owns it now.
    pub(crate) owner: AccountId,
    /// Its terms.
    pub(crate) terms: Terms,
    /// Whether it may be put to new uses.
    pub(crate) status: VersionStatus,
    /// The JSON document that describes it.
    pub(crate) metadata: Option<Artifact>,
    /// Where to fetch that.
    pub(crate) sources: Sources,
}

impl Facts {
    /// Asks the chain; `None` when there is no such asset.
    pub(crate) async fn read(context: &Context, asset: AssetId) -> CommandResult<Option<Self>> {
        Ok(match asset {
            AssetId::Model(id) => context.view().version(id).await?.map(|version| Self {
                owner: version.owner,
                terms: version.spec.terms,
                status: version.status,
                metadata: version.spec.metadata,
                sources: version.spec.sources,
            }),
            AssetId::Dataset(id) => context.view().dataset_version(id).await?.map(|version| Self {
                owner: version.owner,
                terms: version.spec.terms,
                status: version.status,
                metadata: version.spec.metadata,
                sources: version.spec.sources,
            }),
        })
    }
}

impl Context {
    /// An asset that must exist.
    pub(crate) async fn asset(&self, id: AssetId) -> CommandResult<Facts> {
        Facts::read(self, id).await?.ok_or_else(|| no_asset(id))
    }
}
