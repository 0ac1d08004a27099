//! What every domain's answers have in common: how errors are told, and how parameters are read.

use jsonrpsee::types::ErrorObjectOwned;
use std::{fmt::Display, str::FromStr};
use vigil_primitives::AssetId;
use vigil_rpc::error::{INVALID_PARAMS, UNAVAILABLE};

/// The runtime could not answer, for instance because the state of the block is pruned.
pub(crate) fn unavailable(error: impl Display) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(UNAVAILABLE, "the runtime gave no answer", Some(error.to_string()))
}

/// A parameter is wrong.
pub(crate) fn invalid(reason: impl Display) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(INVALID_PARAMS, reason.to_string(), None::<()>)
}

/// Reads the name of a version or an asset: `3@1`, `model:0@1`, `dataset:3@0`.
pub(crate) fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, ErrorObjectOwned> {
    text.parse().map_err(invalid)
}

/// Reads the asset that a page begins after.
pub(crate) fn parse_after(after: Option<String>) -> Result<Option<AssetId>, ErrorObjectOwned> {
    after.map(|asset| parse(&asset)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{DatasetVersionId, ModelVersionId};

    #[test]
    fn a_version_should_be_refused_when_it_is_not_model_at_version() {
        assert_eq!(parse::<ModelVersionId>("3@1").unwrap().version, 1);
        for wrong in ["", "3", "3@", "@1", "-1@0", "4294967296@0"] {
            let error = parse::<ModelVersionId>(wrong).unwrap_err();
            assert_eq!(error.code(), INVALID_PARAMS, "{wrong}");
        }
    }

    #[test]
    fn an_asset_should_be_refused_when_its_kind_is_unknown() {
        let asset = DatasetVersionId { dataset: 3, version: 0 }.into();
        assert_eq!(parse::<AssetId>("dataset:3@0").unwrap(), asset);
        let error = parse::<AssetId>("data:3@0").unwrap_err();
        assert_eq!(error.code(), INVALID_PARAMS);
        assert!(error.message().contains("dataset:DATASET@VERSION"), "{}", error.message());
    }

    #[test]
    fn a_page_should_begin_after_an_asset_or_at_the_beginning() {
        assert_eq!(parse_after(None).unwrap(), None);
        assert_eq!(
            parse_after(Some("3@1".into())).unwrap(),
            Some(ModelVersionId { model: 3, version: 1 }.into())
        );
        assert!(parse_after(Some("3".into())).is_err());
    }

    #[test]
    fn invalid_parameters_should_have_the_code_of_json_rpc() {
        assert_eq!(INVALID_PARAMS, jsonrpsee::types::error::INVALID_PARAMS_CODE);
    }
}
