//! Assets: what can be owned, used under terms, cited and paid.
//!
//! There are two kinds, versions of models and versions of datasets, and everything about access,
//! lineage and revenue treats them alike.

use crate::{dataset::DatasetVersionId, ModelVersionId};
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

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
