//! How datasets, lineages, grants and revenue appear in JSON.

use super::super::json::{self, digits, hex, id, Artifact, Terms};
use serde::{Deserialize, Serialize};
use vigil_primitives::{
    dataset, grant,
    lineage::{self, Share},
    AccountId, AssetId, BlockNumber, DatasetId, Hash,
};

/// A dataset.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Dataset {
    id: DatasetId,
    name: String,
    owner: AccountId,
    pending_owner: Option<AccountId>,
    versions: u32,
}

impl From<dataset::DatasetView> for Dataset {
    fn from(it: dataset::DatasetView) -> Self {
        Self {
            id: it.id,
            name: json::text(it.name),
            owner: it.owner,
            pending_owner: it.pending_owner,
            versions: it.versions,
        }
    }
}

/// A version of a dataset.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DatasetVersion {
    #[serde(serialize_with = "id")]
    id: AssetId,
    owner: AccountId,
    status: &'static str,
    content: Artifact,
    metadata: Option<Artifact>,
    terms: Terms,
    sources: Vec<String>,
    /// Versions that cite it.
    citations: u32,
}

impl From<dataset::DatasetVersionView> for DatasetVersion {
    fn from(it: dataset::DatasetVersionView) -> Self {
        Self {
            id: it.id.into(),
            owner: it.owner,
            status: json::status(it.status),
            content: it.spec.content.into(),
            metadata: it.spec.metadata.map(Into::into),
            terms: it.spec.terms.into(),
            sources: it.spec.sources.into_iter().map(json::text).collect(),
            citations: it.citations,
        }
    }
}

/// What a statement says.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StatementKind {
    Audited,
    ConsentVerified,
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
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct StatementKey {
    author: AccountId,
    kind: StatementKind,
}

impl From<StatementKey> for (AccountId, dataset::StatementKind) {
    fn from(it: StatementKey) -> Self {
        (it.author, it.kind.into())
    }
}

/// A third party's statement.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Statement {
    author: AccountId,
    kind: StatementKind,
    #[serde(serialize_with = "hex")]
    document: Hash,
    made_at: BlockNumber,
}

impl From<dataset::StatementView> for Statement {
    fn from(it: dataset::StatementView) -> Self {
        Self {
            author: it.author,
            kind: it.kind.into(),
            document: it.statement.document,
            made_at: it.statement.made_at,
        }
    }
}

/// What an asset descends from.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Lineage {
    /// The asset itself, then its ancestors. Their shares add up to 1,000,000.
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

/// One asset in a lineage.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Node {
    #[serde(serialize_with = "id")]
    asset: AssetId,
    name: String,
    owner: AccountId,
    status: &'static str,
    share_ppm: u32,
}

/// One citation in a lineage.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Edge {
    #[serde(serialize_with = "id")]
    from: AssetId,
    #[serde(serialize_with = "id")]
    to: AssetId,
    share_ppm: u32,
}

impl From<lineage::LineageView> for Lineage {
    fn from(it: lineage::LineageView) -> Self {
        let node = |node: lineage::LineageNode| Node {
            asset: node.asset,
            name: json::text(node.name),
            owner: node.owner,
            status: json::status(node.status),
            share_ppm: node.share.deconstruct(),
        };
        let edge = |edge: lineage::LineageEdge| Edge {
            from: edge.from,
            to: edge.to,
            share_ppm: edge.share.deconstruct(),
        };
        Self {
            nodes: it.nodes.into_iter().map(node).collect(),
            edges: it.edges.into_iter().map(edge).collect(),
        }
    }
}

/// An asset that cites another.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descendant {
    #[serde(serialize_with = "id")]
    asset: AssetId,
    share_ppm: u32,
}

impl From<Share> for Descendant {
    fn from(it: Share) -> Self {
        Self { asset: it.asset, share_ppm: it.share.deconstruct() }
    }
}

/// A grant.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Grant {
    id: grant::GrantId,
    since: BlockNumber,
    /// `null`: it does not expire.
    expires_at: Option<BlockNumber>,
    /// `null`: any number.
    uses: Option<u32>,
    used: u32,
    reserved: u32,
    #[serde(serialize_with = "digits")]
    paid: u128,
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
#[derive(Clone, Debug, Serialize)]
pub(crate) struct HeldGrant {
    #[serde(serialize_with = "id")]
    asset: AssetId,
    holder: AccountId,
    #[serde(flatten)]
    grant: Grant,
}

impl From<grant::GrantView> for HeldGrant {
    fn from(it: grant::GrantView) -> Self {
        Self { asset: it.asset, holder: it.holder, grant: it.grant.into() }
    }
}

/// Whether an account may use an asset, and why.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Permission {
    allowed: bool,
    #[serde(flatten)]
    because: Because,
}

/// Why an account may use an asset, or not.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Because {
    Open,
    Owner,
    Granted { grant: Grant },
    Revoked,
    NoGrant,
    Expired,
    Exhausted,
}

impl From<grant::Permission> for Permission {
    fn from(it: grant::Permission) -> Self {
        Self {
            allowed: it.is_allowed(),
            because: match it {
                grant::Permission::Open => Because::Open,
                grant::Permission::Owner => Because::Owner,
                grant::Permission::Granted(grant) => Because::Granted { grant: grant.into() },
                grant::Permission::Revoked => Because::Revoked,
                grant::Permission::NoGrant => Because::NoGrant,
                grant::Permission::Unusable(grant::Unusable::Expired) => Because::Expired,
                grant::Permission::Unusable(grant::Unusable::Exhausted) => Because::Exhausted,
            },
        }
    }
}

/// What an account has earned by an asset.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Revenue {
    #[serde(serialize_with = "id")]
    asset: AssetId,
    #[serde(serialize_with = "digits")]
    amount: u128,
}

impl From<(AssetId, u128)> for Revenue {
    fn from((asset, amount): (AssetId, u128)) -> Self {
        Self { asset, amount }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json, to_value};
    use sp_keyring::Sr25519Keyring::{Alice, Bob};
    use sp_runtime::Permill;
    use vigil_primitives::{
        dataset::DatasetSpec,
        model::{self, VersionStatus},
        terms::{self, Access},
        DatasetVersionId, ModelVersionId,
    };

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    fn data(dataset: u32) -> AssetId {
        DatasetVersionId { dataset, version: 0 }.into()
    }

    fn model(model: u32) -> AssetId {
        ModelVersionId { model, version: 1 }.into()
    }

    fn bought() -> grant::Grant {
        grant::Grant {
            used: 2,
            reserved: 1,
            ..grant::Grant::new(7, 10, Some(90), Some(5), 1 << 64)
        }
    }

    #[test]
    fn a_dataset_should_show_who_has_been_offered_it() {
        let dataset = Dataset::from(dataset::DatasetView {
            id: 3,
            name: b"caf\xc3\xa9".to_vec().try_into().unwrap(),
            owner: Alice.to_account_id(),
            pending_owner: Some(Bob.to_account_id()),
            versions: 2,
        });
        assert_eq!(
            to_value(dataset).unwrap(),
            json!({
                "id": 3,
                "name": "café",
                "owner": ALICE,
                "pendingOwner": BOB,
                "versions": 2,
            })
        );
    }

    #[test]
    fn a_version_of_a_dataset_should_be_named_as_an_asset() {
        let terms = terms::Terms {
            licence: b"CC-BY-4.0".to_vec().try_into().unwrap(),
            licence_text: None,
            commercial: true,
            access: Access::Open,
            royalty: Permill::from_percent(2),
        };
        let version = DatasetVersion::from(dataset::DatasetVersionView {
            id: DatasetVersionId { dataset: 3, version: 0 },
            owner: Alice.to_account_id(),
            spec: DatasetSpec {
                content: model::Artifact { hash: Hash::repeat_byte(1), len: u64::MAX },
                metadata: None,
                terms: terms.clone(),
                sources: vec![b"https://example.org/".to_vec().try_into().unwrap()]
                    .try_into()
                    .unwrap(),
            },
            status: VersionStatus::Revoked,
            citations: 4,
        });
        assert_eq!(
            to_value(version).unwrap(),
            json!({
                "id": "dataset:3@0",
                "owner": ALICE,
                "status": "revoked",
                "content": {
                    "hash": format!("0x{}", "01".repeat(32)),
                    "len": u64::MAX.to_string(),
                },
                "metadata": null,
                "terms": to_value(Terms::from(terms)).unwrap(),
                "sources": ["https://example.org/"],
                "citations": 4,
            })
        );
    }

    #[test]
    fn the_last_statement_of_a_page_should_ask_for_the_next() {
        let statement = Statement::from(dataset::StatementView {
            author: Bob.to_account_id(),
            kind: dataset::StatementKind::ConsentVerified,
            statement: dataset::Statement { document: Hash::repeat_byte(9), made_at: 12 },
        });
        let json = to_value(statement).unwrap();
        assert_eq!(
            json,
            json!({
                "author": BOB,
                "kind": "consent_verified",
                "document": format!("0x{}", "09".repeat(32)),
                "madeAt": 12,
            })
        );
        let key: StatementKey = from_value(json).unwrap();
        let expected = (Bob.to_account_id(), dataset::StatementKind::ConsentVerified);
        assert_eq!(<(AccountId, dataset::StatementKind)>::from(key), expected);
    }

    #[test]
    fn a_lineage_should_show_shares_in_parts_per_million() {
        let node = |asset, name: &[u8], parts| lineage::LineageNode {
            asset,
            name: name.to_vec().try_into().unwrap(),
            owner: Alice.to_account_id(),
            status: VersionStatus::Active,
            share: Permill::from_parts(parts),
        };
        let lineage = Lineage::from(lineage::LineageView {
            nodes: vec![node(model(1), b"mini", 950_000), node(data(0), b"tales", 50_000)],
            edges: vec![lineage::LineageEdge {
                from: model(1),
                to: data(0),
                share: Permill::from_parts(50_000),
            }],
        });
        let shown = |asset: &str, name: &str, parts: u32| {
            json!({
                "asset": asset,
                "name": name,
                "owner": ALICE,
                "status": "active",
                "sharePpm": parts,
            })
        };
        assert_eq!(
            to_value(lineage).unwrap(),
            json!({
                "nodes": [shown("model:1@1", "mini", 950_000), shown("dataset:0@0", "tales", 50_000)],
                "edges": [{ "from": "model:1@1", "to": "dataset:0@0", "sharePpm": 50_000 }],
            })
        );
    }

    #[test]
    fn a_descendant_should_show_what_it_promised() {
        let share = Share { asset: model(2), share: Permill::from_percent(1) };
        assert_eq!(
            to_value(Descendant::from(share)).unwrap(),
            json!({ "asset": "model:2@1", "sharePpm": 10_000 })
        );
    }

    #[test]
    fn a_grant_should_show_what_is_left_of_it() {
        let held = HeldGrant::from(grant::GrantView {
            asset: data(3),
            holder: Bob.to_account_id(),
            grant: bought(),
        });
        assert_eq!(
            to_value(held).unwrap(),
            json!({
                "asset": "dataset:3@0",
                "holder": BOB,
                "id": 7,
                "since": 10,
                "expiresAt": 100,
                "uses": 5,
                "used": 2,
                "reserved": 1,
                "paid": "18446744073709551616",
            })
        );
    }

    #[test]
    fn every_permission_should_say_whether_and_why() {
        use grant::Unusable::{Exhausted, Expired};
        for (permission, allowed, state) in [
            (grant::Permission::Open, true, "open"),
            (grant::Permission::Owner, true, "owner"),
            (grant::Permission::Revoked, false, "revoked"),
            (grant::Permission::NoGrant, false, "no_grant"),
            (grant::Permission::Unusable(Expired), false, "expired"),
            (grant::Permission::Unusable(Exhausted), false, "exhausted"),
        ] {
            assert_eq!(
                to_value(Permission::from(permission)).unwrap(),
                json!({ "allowed": allowed, "state": state })
            );
        }
        let granted = to_value(Permission::from(grant::Permission::Granted(bought()))).unwrap();
        assert_eq!(granted["allowed"], true);
        assert_eq!(granted["state"], "granted");
        assert_eq!(granted["grant"]["expiresAt"], 100);
    }

    #[test]
    fn revenue_should_keep_every_digit() {
        let revenue = Revenue::from((data(0), u128::MAX));
        assert_eq!(
            to_value(revenue).unwrap(),
            json!({ "asset": "dataset:0@0", "amount": u128::MAX.to_string() })
        );
    }
}
