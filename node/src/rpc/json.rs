//! The forms in which chain values appear in JSON.
//!
//! Amounts and counts of work exceed what a JavaScript number holds exactly, so they are strings of
//! decimal digits. Hashes and bytes are `0x` hexadecimal, accounts are SS58 addresses, states are
//! objects with a `state` that names them.

use jsonrpsee::types::{error::INVALID_PARAMS_CODE, ErrorObjectOwned};
use serde::{Serialize, Serializer};
use std::{fmt::Display, str::FromStr};
use vigil_primitives::{
    model::{self, VersionStatus},
    terms::{self, GrantTerms},
    BlockNumber, Hash,
};

/// Code of an error of the node itself.
const INTERNAL: i32 = 1;

/// Writes a number as a string of digits.
pub(crate) fn digits<S: Serializer>(
    number: &impl Display,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

/// Bytes as `0x` hexadecimal.
pub(crate) fn hex<S: Serializer>(
    bytes: &impl AsRef<[u8]>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&sp_core::bytes::to_hex(bytes.as_ref(), false))
}

/// Text that the chain keeps as bytes. The pallets check that it is UTF-8.
pub(crate) fn text(bytes: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(bytes.as_ref()).into_owned()
}

/// The name of a version or an asset: `model@version`, `model:0@1`, `dataset:3@0`.
pub(crate) fn id<S: Serializer>(id: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// The runtime could not answer, for instance because the state of the block is pruned.
pub(crate) fn unavailable(error: impl Display) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(INTERNAL, "the runtime gave no answer", Some(error.to_string()))
}

/// A parameter is wrong.
pub(crate) fn invalid(reason: impl Display) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(INVALID_PARAMS_CODE, reason.to_string(), None::<()>)
}

/// Reads what [`id`] writes.
pub(crate) fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, ErrorObjectOwned> {
    text.parse().map_err(invalid)
}

/// Whether a version may be put to new uses.
pub(crate) fn status(status: VersionStatus) -> &'static str {
    match status {
        VersionStatus::Active => "active",
        VersionStatus::Deprecated => "deprecated",
        VersionStatus::Revoked => "revoked",
    }
}

/// A file by content.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Artifact {
    #[serde(serialize_with = "hex")]
    hash: Hash,
    #[serde(serialize_with = "digits")]
    len: u64,
}

impl From<model::Artifact> for Artifact {
    fn from(it: model::Artifact) -> Self {
        Self { hash: it.hash, len: it.len }
    }
}

/// Terms of use of a version of a model or a dataset.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Terms {
    licence: String,
    /// BLAKE3 of the licence's text, where the owner gave one.
    licence_text: Option<Hash>,
    /// What a requester accepts, in the `terms` of a job.
    licence_hash: Hash,
    commercial: bool,
    access: Access,
    royalty_ppm: u32,
}

/// Who may use a version, and cite it.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Access {
    Open,
    AllowList,
    Paid {
        #[serde(serialize_with = "digits")]
        price: u128,
        duration: BlockNumber,
        /// `null`: any number.
        uses: Option<u32>,
    },
}

impl From<terms::Terms> for Terms {
    fn from(it: terms::Terms) -> Self {
        Self {
            licence_hash: it.licence_hash(),
            licence: text(it.licence),
            licence_text: it.licence_text,
            commercial: it.commercial,
            access: match it.access {
                terms::Access::Open => Access::Open,
                terms::Access::AllowList => Access::AllowList,
                terms::Access::Paid(GrantTerms { price, duration, uses }) => {
                    Access::Paid { price, duration, uses }
                }
            },
            royalty_ppm: it.royalty.deconstruct(),
        }
    }
}

/// What has been computed and earned.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Contribution {
    /// Jobs settled.
    jobs: u64,
    /// Multiply-accumulates.
    #[serde(serialize_with = "digits")]
    work: u128,
    /// Paid for them.
    #[serde(serialize_with = "digits")]
    earned: u128,
}

impl From<vigil_primitives::job::Contribution> for Contribution {
    fn from(it: vigil_primitives::job::Contribution) -> Self {
        Self { jobs: it.jobs, work: it.work, earned: it.earned }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, Value};
    use sp_runtime::Permill;
    use vigil_primitives::{AssetId, DatasetVersionId, ModelVersionId};

    #[test]
    fn contributions_should_keep_every_digit_when_written() {
        let json = serde_json::to_value(Contribution::from(vigil_primitives::job::Contribution {
            jobs: 3,
            work: u128::MAX,
            earned: (1 << 53) + 1,
        }));
        assert_eq!(
            json.unwrap(),
            json!({
                "jobs": 3,
                "work": "340282366920938463463374607431768211455",
                "earned": "9007199254740993",
            })
        );
    }

    #[test]
    fn a_version_should_be_refused_when_it_is_not_model_at_version() {
        assert_eq!(parse::<ModelVersionId>("3@1").unwrap().version, 1);
        for wrong in ["", "3", "3@", "@1", "-1@0", "4294967296@0"] {
            let error = parse::<ModelVersionId>(wrong).unwrap_err();
            assert_eq!(error.code(), INVALID_PARAMS_CODE, "{wrong}");
        }
    }

    #[test]
    fn an_asset_should_be_refused_when_its_kind_is_unknown() {
        let asset = DatasetVersionId { dataset: 3, version: 0 }.into();
        assert_eq!(parse::<AssetId>("dataset:3@0").unwrap(), asset);
        let error = parse::<AssetId>("data:3@0").unwrap_err();
        assert_eq!(error.code(), INVALID_PARAMS_CODE);
        assert!(error.message().contains("dataset:DATASET@VERSION"), "{}", error.message());
    }

    #[test]
    fn terms_should_show_what_a_requester_accepts_and_what_a_grant_costs() {
        let terms = terms::Terms {
            licence: b"LicenseRef-Tales".to_vec().try_into().unwrap(),
            licence_text: Some(Hash::repeat_byte(7)),
            commercial: false,
            access: terms::Access::Paid(GrantTerms { price: 1 << 64, duration: 50, uses: None }),
            royalty: Permill::from_percent(5),
        };
        let text = format!("0x{}", "07".repeat(32));
        assert_eq!(
            serde_json::to_value(Terms::from(terms.clone())).unwrap(),
            json!({
                "licence": "LicenseRef-Tales",
                "licenceText": text,
                "licenceHash": text,
                "commercial": false,
                "access": {
                    "kind": "paid",
                    "price": "18446744073709551616",
                    "duration": 50,
                    "uses": null,
                },
                "royaltyPpm": 50_000,
            })
        );

        let public = terms::Terms { licence_text: None, access: terms::Access::AllowList, ..terms };
        let hash = public.licence_hash();
        let json = serde_json::to_value(Terms::from(public)).unwrap();
        assert_eq!(json["licenceText"], Value::Null);
        assert_eq!(json["licenceHash"], json!(hash));
        assert_eq!(json["access"], json!({ "kind": "allow_list" }));
    }
}
