//! Datasets, their versions, and what third parties state about them.

use crate::form::{lossy, text, Artifact, Terms, VersionStatus};
use serde::{Deserialize, Serialize};
use vigil_primitives::{
    dataset::{self, DatasetVersionView, DatasetView, StatementView},
    AccountId, AssetId, BlockNumber, DatasetId, Hash,
};

/// A dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dataset {
    /// Its number.
    pub id: DatasetId,
    /// Its name.
    pub name: String,
    /// Who owns it and earns what it earns.
    pub owner: AccountId,
    /// Who has been offered it.
    pub pending_owner: Option<AccountId>,
    /// How many versions it has had; they are numbered from 0, and some may have been removed.
    pub versions: u32,
}

impl From<DatasetView> for Dataset {
    fn from(it: DatasetView) -> Self {
        Self {
            id: it.id,
            name: lossy(it.name),
            owner: it.owner,
            pending_owner: it.pending_owner,
            versions: it.versions,
        }
    }
}

/// A version of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetVersion {
    /// Its name as an asset, `dataset:dataset@version`.
    #[serde(with = "text")]
    pub id: AssetId,
    /// Who owns the dataset now.
    pub owner: AccountId,
    /// Whether it may be cited.
    pub status: VersionStatus,
    /// The data.
    pub content: Artifact,
    /// The document that describes it.
    pub metadata: Option<Artifact>,
    /// The terms of using it.
    pub terms: Terms,
    /// Where it can be fetched.
    pub sources: Vec<String>,
    /// Versions that cite it.
    pub citations: u32,
}

impl From<DatasetVersionView> for DatasetVersion {
    fn from(it: DatasetVersionView) -> Self {
        Self {
            id: it.id.into(),
            owner: it.owner,
            status: it.status.into(),
            content: it.spec.content.into(),
            metadata: it.spec.metadata.map(Into::into),
            terms: it.spec.terms.into(),
            sources: it.spec.sources.into_iter().map(lossy).collect(),
            citations: it.citations,
        }
    }
}

/// What a statement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementKind {
    /// The author has examined the data.
    Audited,
    /// The author has verified that those whom the data is about consent.
    ConsentVerified,
    /// The author disputes the data or its terms.
    Disputed,
}

impl From<dataset::StatementKind> for StatementKind {
    fn from(it: dataset::StatementKind) -> Self {
        match it {
            dataset::StatementKind::Audited => Self::Audited,
            dataset::StatementKind::ConsentVerified => Self::ConsentVerified,
            dataset::StatementKind::Disputed => Self::Disputed,
        }
    }
}

impl From<StatementKind> for dataset::StatementKind {
    fn from(it: StatementKind) -> Self {
        match it {
            StatementKind::Audited => Self::Audited,
            StatementKind::ConsentVerified => Self::ConsentVerified,
            StatementKind::Disputed => Self::Disputed,
        }
    }
}

/// A statement's place in a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementKey {
    /// Who makes it.
    pub author: AccountId,
    /// What it says.
    pub kind: StatementKind,
}

impl From<StatementKey> for (AccountId, dataset::StatementKind) {
    fn from(it: StatementKey) -> Self {
        (it.author, it.kind.into())
    }
}

/// A third party's statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// Who makes it.
    pub author: AccountId,
    /// What it says.
    pub kind: StatementKind,
    /// BLAKE3 of the document that gives reasons.
    pub document: Hash,
    /// The block in which it was made.
    pub made_at: BlockNumber,
}

impl From<StatementView> for Statement {
    fn from(it: StatementView) -> Self {
        Self {
            author: it.author,
            kind: it.kind.into(),
            document: it.statement.document,
            made_at: it.statement.made_at,
        }
    }
}

#[cfg(any(feature = "server", feature = "client"))]
mod methods {
    use super::{Dataset, DatasetVersion, Statement, StatementKey};
    use jsonrpsee::{core::RpcResult, proc_macros::rpc};
    use vigil_primitives::{DatasetId, Hash};

    /// Questions about datasets. `at` is a block's hash; without it the best block answers.
    #[cfg_attr(
        all(feature = "server", feature = "client"),
        rpc(server, client, namespace = "datasets")
    )]
    #[cfg_attr(
        all(feature = "server", not(feature = "client")),
        rpc(server, namespace = "datasets")
    )]
    #[cfg_attr(
        all(feature = "client", not(feature = "server")),
        rpc(client, namespace = "datasets")
    )]
    pub trait DatasetsApi {
        /// A dataset by number.
        #[method(name = "dataset", blocking)]
        fn dataset(&self, id: DatasetId, at: Option<Hash>) -> RpcResult<Option<Dataset>>;

        /// At most `limit` datasets, and at most 100, from number `from` on.
        #[method(name = "datasets", blocking)]
        fn datasets(
            &self,
            from: DatasetId,
            limit: u32,
            at: Option<Hash>,
        ) -> RpcResult<Vec<Dataset>>;

        /// A version, written `dataset:3@0`, or `3@0` for short.
        #[method(name = "version", blocking)]
        fn version(&self, id: String, at: Option<Hash>) -> RpcResult<Option<DatasetVersion>>;

        /// At most `limit` statements of third parties about a version, and at most 100, in the
        /// order of the storage keys, after `after`: author and kind of the last of one page ask
        /// for the next.
        #[method(name = "statements", blocking)]
        fn statements(
            &self,
            id: String,
            after: Option<StatementKey>,
            limit: u32,
            at: Option<Hash>,
        ) -> RpcResult<Vec<Statement>>;
    }
}

#[cfg(feature = "client")]
pub use methods::DatasetsApiClient;
#[cfg(feature = "server")]
pub use methods::DatasetsApiServer;
