//! What a registry keeps of a model or a dataset, what it accepts, and how ownership and status
//! change.
//!
//! Transitions consume the old record and return the new one. Models and datasets share them, so
//! that both are named, offered, accepted and revoked by the same rules: [`Registry`] applies them
//! to the records of a pallet.

mod records;

pub use records::Registry;

use crate::{
    model::{url_scheme, Name, Sources, VersionStatus},
    Balance, Version,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// A model or a dataset.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Entry<AccountId> {
    /// Who owns it and holds its deposit.
    pub owner: AccountId,
    /// Its name, UTF-8.
    pub name: Name,
    /// How many versions it has had.
    pub versions: u32,
    /// Who has been offered it. Never the owner.
    pub pending_owner: Option<AccountId>,
    /// Held from the owner for it and all its versions.
    pub deposit: Balance,
}

/// A published version of a model or a dataset.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Published<Spec> {
    /// What was published.
    pub spec: Spec,
    /// Whether it takes new uses.
    pub status: VersionStatus,
    /// Its part of the entry's deposit.
    pub deposit: Balance,
}

/// Why something was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryError {
    /// There is no such entry or version.
    NotFound,
    /// The account does not own it.
    NotOwner,
    /// There is no number left for another entry.
    TooManyEntries,
    /// The name is empty.
    EmptyName,
    /// The name is not UTF-8, or holds a control character.
    UnprintableName,
    /// A source is not a URL of printable ASCII with a scheme that ends in `/`.
    InvalidSource,
    /// There is no number left for another version.
    TooManyVersions,
    /// The account already owns it.
    AlreadyOwner,
    /// It is not offered to the account.
    NotOffered,
    /// It is not offered to anybody.
    NoOffer,
    /// The version is deprecated already.
    AlreadyDeprecated,
    /// The version is revoked already.
    AlreadyRevoked,
}

/// Checks that a name is text that a terminal can print: UTF-8, not empty, no control characters.
pub fn check_name(name: &[u8]) -> Result<(), RegistryError> {
    let text = core::str::from_utf8(name).map_err(|_| RegistryError::UnprintableName)?;
    if text.chars().any(char::is_control) {
        return Err(RegistryError::UnprintableName);
    }
    if text.trim().is_empty() {
        return Err(RegistryError::EmptyName);
    }
    Ok(())
}

/// Checks that every source is the URL of a folder.
pub fn check_sources(sources: &Sources) -> Result<(), RegistryError> {
    let is_folder = |source: &[u8]| url_scheme(source).is_some() && source.last() == Some(&b'/');
    if !sources.iter().all(|source| is_folder(source)) {
        return Err(RegistryError::InvalidSource);
    }
    Ok(())
}

/// The deposit for a record of so many bytes.
pub fn deposit(base: Balance, per_byte: Balance, bytes: usize) -> Balance {
    let bytes = Balance::try_from(bytes).unwrap_or(Balance::MAX);
    per_byte.saturating_mul(bytes).saturating_add(base)
}

impl<Spec> Published<Spec> {
    /// A version that takes uses.
    pub fn new(spec: Spec, deposit: Balance) -> Self {
        Self { spec, status: VersionStatus::Active, deposit }
    }
}

impl<AccountId: PartialEq> Entry<AccountId> {
    /// An entry without versions.
    pub fn new(owner: AccountId, name: Name, deposit: Balance) -> Self {
        Self { owner, name, versions: 0, pending_owner: None, deposit }
    }

    /// Adds a version with its deposit and returns its number.
    pub fn publish(mut self, deposit: Balance) -> Result<(Self, Version), RegistryError> {
        let version = self.versions;
        self.versions = version.checked_add(1).ok_or(RegistryError::TooManyVersions)?;
        self.deposit = self.deposit.saturating_add(deposit);
        Ok((self, version))
    }

    /// Offers it to `to`, instead of whoever it was offered to.
    pub fn offer(mut self, to: AccountId) -> Result<Self, RegistryError> {
        if to == self.owner {
            return Err(RegistryError::AlreadyOwner);
        }
        self.pending_owner = Some(to);
        Ok(self)
    }

    /// Takes the offer back.
    pub fn withdraw_offer(mut self) -> Result<Self, RegistryError> {
        self.pending_owner.take().ok_or(RegistryError::NoOffer)?;
        Ok(self)
    }

    /// Makes `who` the owner, if it is offered to it, and returns the former owner.
    pub fn accept(mut self, who: AccountId) -> Result<(Self, AccountId), RegistryError> {
        if self.pending_owner.as_ref() != Some(&who) {
            return Err(RegistryError::NotOffered);
        }
        self.pending_owner = None;
        let former = core::mem::replace(&mut self.owner, who);
        Ok((self, former))
    }
}

impl VersionStatus {
    /// Deprecates an active version.
    pub fn deprecate(self) -> Result<Self, RegistryError> {
        match self {
            Self::Active => Ok(Self::Deprecated),
            Self::Deprecated => Err(RegistryError::AlreadyDeprecated),
            Self::Revoked => Err(RegistryError::AlreadyRevoked),
        }
    }

    /// Revokes an active or deprecated version.
    pub fn revoke(self) -> Result<Self, RegistryError> {
        match self {
            Self::Active | Self::Deprecated => Ok(Self::Revoked),
            Self::Revoked => Err(RegistryError::AlreadyRevoked),
        }
    }
}
