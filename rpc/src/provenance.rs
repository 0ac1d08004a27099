//! What assets descend from, who may use them, and what they earn.

use crate::form::{lossy, text, VersionStatus};
use serde::{Deserialize, Serialize};
use vigil_primitives::{
    grant::{self, GrantView, Unusable},
    lineage::{self, LineageView, Share},
    AccountId, AssetId, Balance, BlockNumber,
};

/// What an asset descends from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lineage {
    /// The asset itself, then its ancestors. Their shares add up to 1,000,000.
    pub nodes: Vec<Node>,
    /// The citations among them.
    pub edges: Vec<Edge>,
}

/// One asset in a lineage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// The asset.
    #[serde(with = "text")]
    pub asset: AssetId,
    /// Name of its model or dataset.
    pub name: String,
    /// Who owns it now.
    pub owner: AccountId,
    /// Whether it may be put to new uses.
    pub status: VersionStatus,
    /// Its share of the revenue of the asset that was asked about.
    pub share_ppm: u32,
}

/// One citation in a lineage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Edge {
    /// The asset that cites.
    #[serde(with = "text")]
    pub from: AssetId,
    /// The asset that is cited.
    #[serde(with = "text")]
    pub to: AssetId,
    /// The share of the first one's revenue that it promised.
    pub share_ppm: u32,
}

impl From<lineage::LineageNode> for Node {
    fn from(it: lineage::LineageNode) -> Self {
        Self {
            asset: it.asset,
            name: lossy(it.name),
            owner: it.owner,
            status: it.status.into(),
            share_ppm: it.share.deconstruct(),
        }
    }
}

impl From<lineage::LineageEdge> for Edge {
    fn from(it: lineage::LineageEdge) -> Self {
        Self { from: it.from, to: it.to, share_ppm: it.share.deconstruct() }
    }
}

impl From<LineageView> for Lineage {
    fn from(it: LineageView) -> Self {
        Self {
            nodes: it.nodes.into_iter().map(Into::into).collect(),
            edges: it.edges.into_iter().map(Into::into).collect(),
        }
    }
}

/// An asset that cites another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descendant {
    /// The asset that cites.
    #[serde(with = "text")]
    pub asset: AssetId,
    /// The share of its revenue that it promised.
    pub share_ppm: u32,
}

impl From<Share> for Descendant {
    fn from(it: Share) -> Self {
        Self { asset: it.asset, share_ppm: it.share.deconstruct() }
    }
}

/// A part of what the owners earn with a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Royalty {
    /// The asset that earned it.
    #[serde(with = "text")]
    pub asset: AssetId,
    /// Who owned the asset then.
    pub payee: AccountId,
    /// How much.
    #[serde(with = "text")]
    pub amount: Balance,
    /// `false`: it is kept, unpaid, until the payee collects it.
    pub credited: bool,
}

impl From<lineage::Royalty> for Royalty {
    fn from(it: lineage::Royalty) -> Self {
        Self { asset: it.asset, payee: it.payee, amount: it.amount, credited: it.credited }
    }
}

/// A grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Grant {
    /// Its number.
    pub id: grant::GrantId,
    /// The block in which it began.
    pub since: BlockNumber,
    /// The first block at which it is no longer good; `null`: it does not expire.
    pub expires_at: Option<BlockNumber>,
    /// Uses in all; `null`: any number.
    pub uses: Option<u32>,
    /// Uses consumed.
    pub used: u32,
    /// Uses reserved by jobs that have not ended.
    pub reserved: u32,
    /// What was paid for it.
    #[serde(with = "text")]
    pub paid: Balance,
}

impl From<grant::Grant> for Grant {
    fn from(it: grant::Grant) -> Self {
        Self {
            id: it.id,
            since: it.since,
            expires_at: it.expires_at,
            uses: it.uses,
            used: it.used,
            reserved: it.reserved,
            paid: it.paid,
        }
    }
}

/// A grant and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldGrant {
    /// What may be used.
    #[serde(with = "text")]
    pub asset: AssetId,
    /// Who may use it.
    pub holder: AccountId,
    /// For how long, and how often.
    #[serde(flatten)]
    pub grant: Grant,
}

impl From<GrantView> for HeldGrant {
    fn from(it: GrantView) -> Self {
        Self { asset: it.asset, holder: it.holder, grant: it.grant.into() }
    }
}

/// Whether an account may use an asset, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    /// Whether it may.
    pub allowed: bool,
    /// Why.
    #[serde(flatten)]
    pub reason: Reason,
}

/// Why an account may use an asset, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reason {
    /// It is open to everybody.
    Open,
    /// The account owns it.
    Owner,
    /// The account holds a grant that is good now.
    Granted {
        /// The grant.
        grant: Grant,
    },
    /// It takes no new uses: its owner revoked it.
    Revoked,
    /// The account holds no grant.
    NoGrant,
    /// The account's grant has expired.
    Expired,
    /// The account's grant has no uses left.
    Exhausted,
}

impl From<grant::Permission> for Permission {
    fn from(it: grant::Permission) -> Self {
        Self {
            allowed: it.is_allowed(),
            reason: match it {
                grant::Permission::Open => Reason::Open,
                grant::Permission::Owner => Reason::Owner,
                grant::Permission::Granted(grant) => Reason::Granted { grant: grant.into() },
                grant::Permission::Revoked => Reason::Revoked,
                grant::Permission::NoGrant => Reason::NoGrant,
                grant::Permission::Unusable(Unusable::Expired) => Reason::Expired,
                grant::Permission::Unusable(Unusable::Exhausted) => Reason::Exhausted,
            },
        }
    }
}

/// What an account has earned by an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revenue {
    /// The asset.
    #[serde(with = "text")]
    pub asset: AssetId,
    /// How much.
    #[serde(with = "text")]
    pub amount: Balance,
}

impl From<(AssetId, Balance)> for Revenue {
    fn from((asset, amount): (AssetId, Balance)) -> Self {
        Self { asset, amount }
    }
}

#[cfg(any(feature = "server", feature = "client"))]
mod methods {
    use super::{Descendant, HeldGrant, Lineage, Permission, Revenue};
    use jsonrpsee::{core::RpcResult, proc_macros::rpc};
    use vigil_primitives::{AccountId, Hash};

    /// Questions about assets: `model:0@1`, or `0@1` for short, or `dataset:3@0`. `at` is a block's
    /// hash; without it the best block answers.
    ///
    /// A listing has at most `limit` entries, and at most 100, in the order of the storage keys,
    /// after `after`: the last of one page asks for the next.
    #[cfg_attr(
        all(feature = "server", feature = "client"),
        rpc(server, client, namespace = "provenance")
    )]
    #[cfg_attr(
        all(feature = "server", not(feature = "client")),
        rpc(server, namespace = "provenance")
    )]
    #[cfg_attr(
        all(feature = "client", not(feature = "server")),
        rpc(client, namespace = "provenance")
    )]
    pub trait ProvenanceApi {
        /// What an asset descends from, with the share of its revenue that each ancestor's owner
        /// gets.
        #[method(name = "lineage", blocking)]
        fn lineage(&self, asset: String, at: Option<Hash>) -> RpcResult<Option<Lineage>>;

        /// The assets that cite `asset`, each with the share that it promised.
        #[method(name = "descendants", blocking)]
        fn descendants(
            &self,
            asset: String,
            after: Option<String>,
            limit: u32,
            at: Option<Hash>,
        ) -> RpcResult<Vec<Descendant>>;

        /// Whether an account may use an asset now; `null` when there is no such asset.
        #[method(name = "permission", blocking)]
        fn permission(
            &self,
            account: AccountId,
            asset: String,
            at: Option<Hash>,
        ) -> RpcResult<Option<Permission>>;

        /// The grants that an account holds.
        #[method(name = "grantsOf", blocking)]
        fn grants_of(
            &self,
            account: AccountId,
            after: Option<String>,
            limit: u32,
            at: Option<Hash>,
        ) -> RpcResult<Vec<HeldGrant>>;

        /// The grants of an asset.
        #[method(name = "grantsFor", blocking)]
        fn grants_for(
            &self,
            asset: String,
            after: Option<AccountId>,
            limit: u32,
            at: Option<Hash>,
        ) -> RpcResult<Vec<HeldGrant>>;

        /// What an asset has earned its owners in an era, as a string of digits.
        #[method(name = "assetRevenue", blocking)]
        fn asset_revenue(&self, asset: String, era: u32, at: Option<Hash>) -> RpcResult<String>;

        /// What an account has earned in an era by each asset.
        #[method(name = "accountRevenue", blocking)]
        fn account_revenue(
            &self,
            account: AccountId,
            era: u32,
            after: Option<String>,
            limit: u32,
            at: Option<Hash>,
        ) -> RpcResult<Vec<Revenue>>;

        /// What is kept for an account until it collects it, as a string of digits.
        #[method(name = "unpaid", blocking)]
        fn unpaid(&self, account: AccountId, at: Option<Hash>) -> RpcResult<String>;
    }
}

#[cfg(feature = "client")]
pub use methods::ProvenanceApiClient;
#[cfg(feature = "server")]
pub use methods::ProvenanceApiServer;
