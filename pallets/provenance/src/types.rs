//! What is stored of a grant.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use vigil_primitives::{grant::Grant, Balance};

/// A grant with the deposit for it.
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
pub struct GrantRecord<AccountId> {
    /// The grant.
    pub grant: Grant,
    /// Who paid the deposit: the buyer, or the owner who gave it.
    pub depositor: AccountId,
    /// Held from the depositor.
    pub deposit: Balance,
}
