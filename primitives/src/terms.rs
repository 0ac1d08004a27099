//! The terms on which a version of a model or a dataset may be used and cited.
//!
//! Terms are part of a version and never change. The runtime enforces them: when a job is
//! submitted, and when another version cites this one.

use crate::{Balance, BlockNumber, ContentHash, Hash};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{bounded::BoundedVec, ConstU32};
use sp_runtime::{
    traits::{BlakeTwo256, Hash as _},
    Permill,
};

/// Longest SPDX licence expression, in bytes.
pub const MAX_LICENCE: u32 = 64;

/// SPDX licence expression.
pub type Licence = BoundedVec<u8, ConstU32<MAX_LICENCE>>;

/// What a grant costs and how far it reaches.
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
pub struct GrantTerms {
    /// Price of a grant. It is paid to everybody the asset descends from, as a job's fee is.
    pub price: Balance,
    /// Blocks that a grant lasts.
    pub duration: BlockNumber,
    /// Uses that a grant allows: settled jobs and citations. `None`: any number.
    pub uses: Option<u32>,
}

/// Who may use a version, and cite it.
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
pub enum Access {
    /// Everybody.
    #[codec(index = 0)]
    Open,
    /// Those to whom the owner has given a grant.
    #[codec(index = 1)]
    AllowList,
    /// Those who have bought a grant, or been given one.
    #[codec(index = 2)]
    Paid(GrantTerms),
}

/// The terms of using a version.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Terms {
    /// SPDX licence expression, for instance `Apache-2.0`.
    pub licence: Licence,
    /// BLAKE3 of the licence's full text. Needed where the expression names no public licence.
    pub licence_text: Option<ContentHash>,
    /// Whether commercial use is allowed. What cites a version that forbids it forbids it too.
    pub commercial: bool,
    /// Who may use it.
    pub access: Access,
    /// The least share of its revenue that a version which descends from this one must give it,
    /// directly or through others, with what it passes on to its own ancestors.
    pub royalty: Permill,
}

/// What a requester states about the terms when submitting a job.
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
pub struct AcceptedTerms {
    /// Hash of the licence that the requester accepts: [`Terms::licence_hash`].
    pub licence: Hash,
    /// Whether the use is commercial.
    pub commercial: bool,
}

/// Why terms are not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidTerms {
    /// The licence is empty, has a space at an end, or is not printable ASCII.
    Licence,
    /// A paid grant costs nothing: such a version is open, or its grants are given.
    FreeGrant,
    /// A paid grant would not last a block.
    ZeroDuration,
    /// A paid grant would allow no use.
    ZeroUses,
}

impl Terms {
    /// What a requester accepts: the hash of the licence's text where the owner gave one, otherwise
    /// BLAKE2b-256 of the SPDX expression.
    pub fn licence_hash(&self) -> Hash {
        self.licence_text.unwrap_or_else(|| BlakeTwo256::hash(&self.licence))
    }

    /// Checks everything that terms must hold to by themselves.
    pub fn check(&self) -> Result<(), InvalidTerms> {
        // That the expression is a known one is for people to judge.
        let printable = self.licence.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
        let (Some(first), Some(last)) = (self.licence.first(), self.licence.last()) else {
            return Err(InvalidTerms::Licence);
        };
        if !printable || *first == b' ' || *last == b' ' {
            return Err(InvalidTerms::Licence);
        }
        match self.access {
            Access::Paid(GrantTerms { price: 0, .. }) => Err(InvalidTerms::FreeGrant),
            Access::Paid(GrantTerms { duration: 0, .. }) => Err(InvalidTerms::ZeroDuration),
            Access::Paid(GrantTerms { uses: Some(0), .. }) => Err(InvalidTerms::ZeroUses),
            Access::Open | Access::AllowList | Access::Paid(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn terms(licence: &str, access: Access) -> Terms {
        Terms {
            licence: Licence::try_from(Vec::from(licence)).unwrap(),
            licence_text: None,
            commercial: true,
            access,
            royalty: Permill::zero(),
        }
    }

    #[test]
    fn a_licence_hash_should_be_the_texts_where_there_is_one() {
        let plain = terms("Apache-2.0", Access::Open);
        assert_eq!(plain.licence_hash(), BlakeTwo256::hash(b"Apache-2.0"));
        let text = Hash::repeat_byte(7);
        assert_eq!(Terms { licence_text: Some(text), ..plain }.licence_hash(), text);
    }

    #[test]
    fn check_should_refuse_licences_that_are_no_short_ascii_phrase() {
        for wrong in ["", " ", " MIT", "MIT ", "M\nIT", "M\u{e4}T"] {
            assert_eq!(terms(wrong, Access::Open).check(), Err(InvalidTerms::Licence), "{wrong:?}");
        }
        assert_eq!(terms("MIT OR Apache-2.0", Access::AllowList).check(), Ok(()));
    }

    #[test]
    fn check_should_refuse_grants_that_grant_nothing() {
        let good = GrantTerms { price: 1, duration: 1, uses: Some(1) };
        for (grant, expected) in [
            (good, Ok(())),
            (GrantTerms { uses: None, ..good }, Ok(())),
            (GrantTerms { price: 0, ..good }, Err(InvalidTerms::FreeGrant)),
            (GrantTerms { duration: 0, ..good }, Err(InvalidTerms::ZeroDuration)),
            (GrantTerms { uses: Some(0), ..good }, Err(InvalidTerms::ZeroUses)),
        ] {
            assert_eq!(terms("MIT", Access::Paid(grant)).check(), expected, "{grant:?}");
        }
    }
}
