//! What several domains share.

use serde::{Deserialize, Serialize};
use vigil_primitives::{
    job, model, penalty,
    terms::{self, GrantTerms},
    Balance, BlockNumber, Hash,
};

/// Numbers and identities as strings: whatever is written and read as text.
pub mod text {
    use serde::{de::Error, Deserialize, Deserializer, Serializer};
    use std::{borrow::Cow, fmt::Display, str::FromStr};

    /// Writes a value as its text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(value: &impl Display, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    /// Reads what [`serialize`] writes.
    ///
    /// # Errors
    /// There is no string, or it is not the text of a value.
    pub fn deserialize<'de, D, T>(from: D) -> Result<T, D::Error>
    where
        D: Deserializer<'de>,
        T: FromStr<Err: Display>,
    {
        Cow::<str>::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// As [`text`], of what may be absent: `null`.
pub mod optional_text {
    use serde::{de::Error, Deserialize, Deserializer, Serializer};
    use std::{borrow::Cow, fmt::Display, str::FromStr};

    /// Writes a value as its text, or `null`.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        value: &Option<impl Display>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.collect_str(value),
            None => to.serialize_none(),
        }
    }

    /// Reads what [`serialize`] writes.
    ///
    /// # Errors
    /// There is neither a string nor `null`, or the string is not the text of a value.
    pub fn deserialize<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
    where
        D: Deserializer<'de>,
        T: FromStr<Err: Display>,
    {
        let text = Option::<Cow<'_, str>>::deserialize(from)?;
        text.map(|text| text.parse().map_err(D::Error::custom)).transpose()
    }
}

/// Text that the chain keeps as bytes. The pallets check that names are UTF-8; of anything else,
/// what is not is shown as the replacement character.
pub fn lossy(bytes: impl AsRef<[u8]>) -> String {
    String::from_utf8_lossy(bytes.as_ref()).into_owned()
}

/// Whether a version may be put to new uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VersionStatus {
    /// It may.
    Active,
    /// It may by those who know it; its owner recommends another one.
    Deprecated,
    /// It may not.
    Revoked,
}

impl From<model::VersionStatus> for VersionStatus {
    fn from(it: model::VersionStatus) -> Self {
        match it {
            model::VersionStatus::Active => Self::Active,
            model::VersionStatus::Deprecated => Self::Deprecated,
            model::VersionStatus::Revoked => Self::Revoked,
        }
    }
}

/// A file by content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// BLAKE3 of its bytes.
    pub hash: Hash,
    /// Its length in bytes.
    #[serde(with = "text")]
    pub len: u64,
}

impl From<model::Artifact> for Artifact {
    fn from(it: model::Artifact) -> Self {
        Self { hash: it.hash, len: it.len }
    }
}

/// Terms of use of a version of a model or a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// SPDX identifier of the licence.
    pub licence: String,
    /// BLAKE3 of the licence's text, where the owner gave one.
    pub licence_text: Option<Hash>,
    /// What a requester accepts, in the `terms` of a job.
    pub licence_hash: Hash,
    /// Whether it may be used commercially.
    pub commercial: bool,
    /// Who may use it.
    pub access: Access,
    /// The least share of its revenue that a version must give which cites this one.
    pub royalty_ppm: u32,
}

/// Who may use a version, and cite it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Access {
    /// Everybody.
    Open,
    /// Those to whom the owner has given a grant.
    AllowList,
    /// Those who have bought a grant, too.
    Paid {
        /// What a grant costs.
        #[serde(with = "text")]
        price: Balance,
        /// For how many blocks it is good.
        duration: BlockNumber,
        /// For how many uses; `null`: any number.
        uses: Option<u32>,
    },
}

impl From<terms::Access> for Access {
    fn from(it: terms::Access) -> Self {
        match it {
            terms::Access::Open => Self::Open,
            terms::Access::AllowList => Self::AllowList,
            terms::Access::Paid(GrantTerms { price, duration, uses }) => {
                Self::Paid { price, duration, uses }
            }
        }
    }
}

impl From<terms::Terms> for Terms {
    fn from(it: terms::Terms) -> Self {
        Self {
            licence_hash: it.licence_hash(),
            licence: lossy(it.licence),
            licence_text: it.licence_text,
            commercial: it.commercial,
            access: it.access.into(),
            royalty_ppm: it.royalty.deconstruct(),
        }
    }
}

/// What has been computed and earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    /// Jobs settled.
    pub jobs: u64,
    /// Multiply-accumulates.
    #[serde(with = "text")]
    pub work: u128,
    /// Paid for them.
    #[serde(with = "text")]
    pub earned: Balance,
}

impl From<job::Contribution> for Contribution {
    fn from(it: job::Contribution) -> Self {
        Self { jobs: it.jobs, work: it.work, earned: it.earned }
    }
}

/// Where the stakes of wrong results went. Parts of it add up to `slashed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Penalty {
    /// Taken from the workers: all of the following.
    #[serde(with = "text")]
    pub slashed: Balance,
    /// Burned, at least half.
    #[serde(with = "text")]
    pub burned: Balance,
    /// To the treasury, for the moves.
    #[serde(with = "text")]
    pub costs: Balance,
    /// To whoever had paid.
    #[serde(with = "text")]
    pub damages: Balance,
    /// To whoever has convicted the workers.
    #[serde(with = "text")]
    pub bounty: Balance,
}

impl From<penalty::Penalty> for Penalty {
    fn from(it: penalty::Penalty) -> Self {
        Self {
            slashed: it.slashed,
            burned: it.burned,
            costs: it.costs,
            damages: it.damages,
            bounty: it.bounty,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_number_should_be_refused() {
        let read = |work: &str| {
            let json = format!(r#"{{"jobs":3,"work":{work},"earned":"5"}}"#);
            serde_json::from_str::<Contribution>(&json).ok()
        };
        assert_eq!(read(r#""7""#).map(|contribution| contribution.work), Some(7));
        for wrong in [r#""""#, r#""1.5""#, r#""-1""#, r#""0x7""#, "7", "null"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
