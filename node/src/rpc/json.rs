//! The forms in which chain values appear in JSON.
//!
//! Amounts and counts of work exceed what a JavaScript number holds exactly, so they are strings of
//! decimal digits. Hashes and bytes are `0x` hexadecimal, accounts are SS58 addresses, states are
//! objects with a `state` that names them.

use jsonrpsee::types::{error::INVALID_PARAMS_CODE, ErrorObjectOwned};
use serde::{Serialize, Serializer};
use std::fmt::Display;

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

/// `model@version`.
pub(crate) fn version_id<S: Serializer>(
    id: &vigil_primitives::VersionId,
    serializer: S,
) -> Result<S::Ok, S::Error> {
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

/// Reads `model@version`.
pub(crate) fn parse_version(text: &str) -> Result<vigil_primitives::VersionId, ErrorObjectOwned> {
    text.parse().map_err(invalid)
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

    #[test]
    fn contributions_should_keep_every_digit_when_written() {
        let json = serde_json::to_value(Contribution::from(vigil_primitives::job::Contribution {
            jobs: 3,
            work: u128::MAX,
            earned: (1 << 53) + 1,
        }));
        assert_eq!(
            json.unwrap(),
            serde_json::json!({
                "jobs": 3,
                "work": "340282366920938463463374607431768211455",
                "earned": "9007199254740993",
            })
        );
    }

    #[test]
    fn a_version_should_be_refused_when_it_is_not_model_at_version() {
        assert_eq!(parse_version("3@1").unwrap().version, 1);
        for wrong in ["", "3", "3@", "@1", "-1@0", "4294967296@0"] {
            assert_eq!(parse_version(wrong).unwrap_err().code(), INVALID_PARAMS_CODE, "{wrong}");
        }
    }
}
