//! Models and their immutable versions.

use crate::{terms::Terms, Architecture, Balance, ContentHash};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{bounded::BoundedVec, ConstU32};

/// Number of a model, given at its creation.
pub type ModelId = u32;
/// Number of a version within its model, from 0.
pub type Version = u32;

/// Longest name of a model, in bytes of UTF-8.
pub const MAX_NAME: u32 = 64;
/// Most places a version's package can be fetched from.
pub const MAX_SOURCES: u32 = 4;
/// Longest URL, in bytes.
pub const MAX_URL: u32 = 256;

/// Name of a model.
pub type Name = BoundedVec<u8, ConstU32<MAX_NAME>>;
/// A URL. For a package, the folder that holds `package.json`, ending in `/`.
pub type Url = BoundedVec<u8, ConstU32<MAX_URL>>;
/// Places a package can be fetched from.
pub type Sources = BoundedVec<Url, ConstU32<MAX_SOURCES>>;

/// One version of one model, written `model@version`.
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
pub struct ModelVersionId {
    /// The model.
    pub model: ModelId,
    /// The version within the model.
    pub version: Version,
}

impl core::fmt::Display for ModelVersionId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}@{}", self.model, self.version)
    }
}

impl core::str::FromStr for ModelVersionId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "expected MODEL@VERSION, for instance 0@0";
        let (model, version) = text.split_once('@').ok_or(WRONG)?;
        Ok(Self {
            model: model.parse().map_err(|_| WRONG)?,
            version: version.parse().map_err(|_| WRONG)?,
        })
    }
}

/// The scheme of a URL: what stands before `://`.
///
/// `None` when the bytes are no URL that a registry accepts: printable ASCII without spaces, a
/// lower-case scheme that begins with a letter, and something behind it.
pub fn url_scheme(url: &[u8]) -> Option<&[u8]> {
    if !url.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    let end = url.windows(3).position(|window| window == b"://")?;
    let (scheme, rest) = (url.get(..end)?, url.get(end.saturating_add(3)..)?);
    let in_scheme =
        |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(byte);
    let valid = scheme.first().is_some_and(u8::is_ascii_lowercase)
        && scheme.iter().all(in_scheme)
        && !rest.is_empty();
    valid.then_some(scheme)
}

/// A file by content.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Artifact {
    /// BLAKE3 of the bytes.
    pub hash: ContentHash,
    /// Number of bytes.
    pub len: u64,
}

/// What the owner of a model asks for its use.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Fee {
    /// For every job.
    pub per_job: Balance,
    /// For every 1,000 tokens in and out, charged in proportion and rounded up.
    pub per_1k_tokens: Balance,
}

/// Everything an owner states when publishing a version.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct VersionSpec {
    /// BLAKE3 of `package.json`, which names every file of the package.
    pub package: ContentHash,
    /// `weights.safetensors`.
    pub weights: Artifact,
    /// BLAKE3 of `tokenizer.json`.
    pub tokenizer: ContentHash,
    /// Family and hyperparameters.
    pub architecture: Architecture,
    /// The operator set that defines the output bytes.
    pub op_set: u16,
    /// The JSON document that describes it (see `docs/metadata.md`).
    pub metadata: Option<Artifact>,
    /// Terms of use.
    pub terms: Terms,
    /// What the owner is paid.
    pub fee: Fee,
    /// Where to fetch the package, and the metadata.
    pub sources: Sources,
}

/// Whether a version, of a model or of a dataset, may be put to new uses.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum VersionStatus {
    /// In use.
    #[codec(index = 0)]
    Active,
    /// A model: still served where it is served, but no worker may start to serve it. A dataset: can
    /// still be cited by those who may. No grants are sold.
    #[codec(index = 1)]
    Deprecated,
    /// No new jobs and no new citations. Jobs already submitted finish, and citations go on earning.
    #[codec(index = 2)]
    Revoked,
}

/// A model.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct ModelView<AccountId = crate::AccountId> {
    /// Its number.
    pub id: ModelId,
    /// Its name, UTF-8.
    pub name: Name,
    /// Who owns it and earns its fees.
    pub owner: AccountId,
    /// Who has been offered it.
    pub pending_owner: Option<AccountId>,
    /// How many versions it has; they are numbered from 0.
    pub versions: u32,
}

/// A version of a model.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct VersionView<AccountId = crate::AccountId> {
    /// Its number.
    pub id: ModelVersionId,
    /// Who owns the model now.
    pub owner: AccountId,
    /// What was published.
    pub spec: VersionSpec,
    /// Whether it takes new work.
    pub status: VersionStatus,
    /// Workers that serve it.
    pub workers: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_scheme_should_name_the_scheme_when_the_url_has_one() {
        assert_eq!(url_scheme(b"https://example.org/x/"), Some(&b"https"[..]));
        assert_eq!(url_scheme(b"file:///srv/package/"), Some(&b"file"[..]));
        assert_eq!(url_scheme(b"git+ssh://host"), Some(&b"git+ssh"[..]));
    }

    #[test]
    fn url_scheme_should_refuse_when_the_bytes_are_no_url() {
        for bad in [
            &b""[..],
            b"example.org",
            b"://example.org",
            b"https://",
            b"HTTPS://example.org",
            b"1http://example.org",
            b"ht tp://example.org",
            b"https://example.org/a b",
            b"https://example.org/\n",
            "https://ex\u{e4}mple.org".as_bytes(),
        ] {
            assert_eq!(url_scheme(bad), None, "{:?}", core::str::from_utf8(bad));
        }
    }
}
