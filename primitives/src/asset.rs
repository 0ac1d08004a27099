//! Assets: what can be owned, used under terms, cited and paid.
//!
//! There are two kinds, versions of models and versions of datasets, and everything about access,
//! lineage and revenue treats them alike.

use crate::{
    dataset::DatasetVersionId,
    grant::{Grant, Permission},
    model::VersionStatus,
    terms::{Access, Terms},
    BlockNumber, ModelVersionId,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// A version of a model or of a dataset, written `model:0@1` or `dataset:3@0`.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum AssetId {
    /// A version of a model.
    #[codec(index = 0)]
    Model(ModelVersionId),
    /// A version of a dataset.
    #[codec(index = 1)]
    Dataset(DatasetVersionId),
}

impl From<ModelVersionId> for AssetId {
    fn from(id: ModelVersionId) -> Self {
        Self::Model(id)
    }
}

impl From<DatasetVersionId> for AssetId {
    fn from(id: DatasetVersionId) -> Self {
        Self::Dataset(id)
    }
}

impl core::fmt::Display for AssetId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Model(id) => write!(f, "model:{id}"),
            Self::Dataset(id) => write!(f, "dataset:{id}"),
        }
    }
}

impl core::str::FromStr for AssetId {
    type Err = &'static str;

    /// A bare `0@1` is a version of a model, as it is everywhere else.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str =
            "expected model:MODEL@VERSION or dataset:DATASET@VERSION, for instance dataset:0@0";
        match text.split_once(':') {
            Some(("dataset", id)) => id.parse().map(Self::Dataset),
            Some(("model", id)) => id.parse().map(Self::Model),
            Some(_) => return Err(WRONG),
            None => text.parse().map(Self::Model),
        }
        .map_err(|_| WRONG)
    }
}

/// What counts of an asset, of whichever kind, for its use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asset<AccountId> {
    /// Who owns it now.
    pub owner: AccountId,
    /// Whether it takes new uses.
    pub status: VersionStatus,
    /// Its terms.
    pub terms: Terms,
}

impl<AccountId: PartialEq> Asset<AccountId> {
    /// Whether `who` may use it at block `now`. `grant` tells the grant that `who` holds of it; it
    /// is asked only when that matters.
    pub fn permission(
        &self,
        who: &AccountId,
        now: BlockNumber,
        grant: impl FnOnce() -> Option<Grant>,
    ) -> Permission {
        if self.status == VersionStatus::Revoked {
            return Permission::Revoked;
        }
        if self.owner == *who {
            return Permission::Owner;
        }
        if self.terms.access == Access::Open {
            return Permission::Open;
        }
        match grant() {
            None => Permission::NoGrant,
            Some(grant) => match grant.check(now) {
                Ok(()) => Permission::Granted(grant),
                Err(unusable) => Permission::Unusable(unusable),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{grant::Unusable, terms::Licence};
    use alloc::string::ToString;
    use sp_runtime::Permill;

    #[test]
    fn a_grant_should_matter_only_to_others_of_what_is_not_open() {
        let terms = |access| Terms {
            licence: Licence::truncate_from(b"MIT".to_vec()),
            licence_text: None,
            commercial: true,
            access,
            royalty: Permill::zero(),
        };
        let asset =
            |access| Asset { owner: 1, status: VersionStatus::Active, terms: terms(access) };
        let unasked = || -> Option<Grant> { panic!("the grant does not matter") };
        assert_eq!(asset(Access::AllowList).permission(&1, 0, unasked), Permission::Owner);
        assert_eq!(asset(Access::Open).permission(&2, 0, unasked), Permission::Open);
        let revoked = Asset { status: VersionStatus::Revoked, ..asset(Access::Open) };
        assert_eq!(revoked.permission(&1, 0, unasked), Permission::Revoked);

        let listed = asset(Access::AllowList);
        let grant = Grant::new(0, 0, Some(5), None, 0);
        assert_eq!(listed.permission(&2, 4, || None), Permission::NoGrant);
        assert_eq!(listed.permission(&2, 4, || Some(grant)), Permission::Granted(grant));
        let expired = Permission::Unusable(Unusable::Expired);
        assert_eq!(listed.permission(&2, 5, || Some(grant)), expired);
    }

    #[test]
    fn an_asset_should_be_read_as_it_is_written() {
        let model = AssetId::from(ModelVersionId { model: 2, version: 1 });
        let dataset = AssetId::from(DatasetVersionId { dataset: 7, version: 0 });
        assert_eq!(model.to_string(), "model:2@1");
        assert_eq!(dataset.to_string(), "dataset:7@0");
        for asset in [model, dataset] {
            assert_eq!(asset.to_string().parse(), Ok(asset));
        }
        assert_eq!("2@1".parse(), Ok(model));
    }

    #[test]
    fn other_texts_should_be_refused() {
        for wrong in ["", "2", "model:2", "dataset:", "data:0@0", "dataset:0@0@0", "dataset:-1@0"] {
            assert!(wrong.parse::<AssetId>().is_err(), "{wrong}");
        }
    }
}
