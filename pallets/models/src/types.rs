//! What is stored of a model and a version, what is accepted, and how both change.
//!
//! Nothing here knows the pallet: transitions consume the old record and return the new one.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use vigil_primitives::{
    architecture::InvalidArchitecture,
    model::{url_scheme, Name, VersionSpec, VersionStatus},
    Balance, Version,
};

/// A model.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Model<AccountId> {
    /// Who owns it and holds its deposit.
    pub owner: AccountId,
    /// Its name, UTF-8.
    pub name: Name,
    /// How many versions it has.
    pub versions: u32,
    /// Who has been offered it. Never the owner.
    pub pending_owner: Option<AccountId>,
    /// Held from the owner for the model and all its versions.
    pub deposit: Balance,
}

/// A published version.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct PublishedVersion {
    /// What was published.
    pub spec: VersionSpec,
    /// Whether it takes new work.
    pub status: VersionStatus,
    /// Its part of the model's deposit.
    pub deposit: Balance,
}

/// Why something was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The name is empty.
    EmptyName,
    /// The name is not UTF-8, or holds a control character.
    UnprintableName,
    /// The architecture breaks a bound.
    Architecture(InvalidArchitecture),
    /// The operator set is not among the supported ones.
    UnsupportedOpSet,
    /// The architecture cannot have weights of this length.
    ImplausibleWeights,
    /// The licence is empty, has a space at an end, or is not printable ASCII.
    InvalidLicence,
    /// A source is not a URL of printable ASCII with a scheme that ends in `/`.
    InvalidSource,
    /// There is no number left for another version.
    TooManyVersions,
    /// The account already owns the model.
    AlreadyOwner,
    /// The model is not offered to the account.
    NotOffered,
    /// The model is not offered to anybody.
    NoOffer,
    /// The version is deprecated already.
    AlreadyDeprecated,
    /// The version is revoked already.
    AlreadyRevoked,
}

/// Checks that a name is text that a terminal can print: UTF-8, not empty, no control characters.
pub fn check_name(name: &[u8]) -> Result<(), Refused> {
    let text = core::str::from_utf8(name).map_err(|_| Refused::UnprintableName)?;
    if text.chars().any(char::is_control) {
        return Err(Refused::UnprintableName);
    }
    if text.trim().is_empty() {
        return Err(Refused::EmptyName);
    }
    Ok(())
}

/// Checks everything about a specification that the chain can know without the package.
pub fn check_spec(spec: &VersionSpec, op_sets: &[u16]) -> Result<(), Refused> {
    spec.architecture.validate().map_err(Refused::Architecture)?;
    if !op_sets.contains(&spec.op_set) {
        return Err(Refused::UnsupportedOpSet);
    }
    let (least, most) = spec.architecture.weights_len_bounds();
    if !(least..=most).contains(&spec.weights.len) {
        return Err(Refused::ImplausibleWeights);
    }
    check_licence(&spec.terms.licence)?;
    spec.sources.iter().try_for_each(|source| check_source(source))
}

/// SPDX expressions are short ASCII phrases; that it is a known one is for people to judge.
fn check_licence(licence: &[u8]) -> Result<(), Refused> {
    let printable = licence.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    let (Some(first), Some(last)) = (licence.first(), licence.last()) else {
        return Err(Refused::InvalidLicence);
    };
    if !printable || *first == b' ' || *last == b' ' {
        return Err(Refused::InvalidLicence);
    }
    Ok(())
}

fn check_source(source: &[u8]) -> Result<(), Refused> {
    if url_scheme(source).is_none() || source.last() != Some(&b'/') {
        return Err(Refused::InvalidSource);
    }
    Ok(())
}

impl<AccountId: PartialEq> Model<AccountId> {
    /// A model without versions.
    pub fn new(owner: AccountId, name: Name, deposit: Balance) -> Self {
        Self { owner, name, versions: 0, pending_owner: None, deposit }
    }

    /// Adds a version with its deposit and returns its number.
    pub fn publish(mut self, deposit: Balance) -> Result<(Self, Version), Refused> {
        let version = self.versions;
        self.versions = version.checked_add(1).ok_or(Refused::TooManyVersions)?;
        self.deposit = self.deposit.saturating_add(deposit);
        Ok((self, version))
    }

    /// Offers the model to `to`, instead of whoever it was offered to.
    pub fn offer(mut self, to: AccountId) -> Result<Self, Refused> {
        if to == self.owner {
            return Err(Refused::AlreadyOwner);
        }
        self.pending_owner = Some(to);
        Ok(self)
    }

    /// Takes the offer back.
    pub fn withdraw_offer(mut self) -> Result<Self, Refused> {
        self.pending_owner.take().ok_or(Refused::NoOffer)?;
        Ok(self)
    }

    /// Makes `who` the owner, if the model is offered to it, and returns the former owner.
    pub fn accept(mut self, who: AccountId) -> Result<(Self, AccountId), Refused> {
        if self.pending_owner.as_ref() != Some(&who) {
            return Err(Refused::NotOffered);
        }
        self.pending_owner = None;
        let former = core::mem::replace(&mut self.owner, who);
        Ok((self, former))
    }
}

impl PublishedVersion {
    /// A version that takes work.
    pub fn new(spec: VersionSpec, deposit: Balance) -> Self {
        Self { spec, status: VersionStatus::Active, deposit }
    }

    /// Deprecates an active version.
    pub fn deprecate(self) -> Result<Self, Refused> {
        match self.status {
            VersionStatus::Active => Ok(Self { status: VersionStatus::Deprecated, ..self }),
            VersionStatus::Deprecated => Err(Refused::AlreadyDeprecated),
            VersionStatus::Revoked => Err(Refused::AlreadyRevoked),
        }
    }

    /// Revokes an active or deprecated version.
    pub fn revoke(self) -> Result<Self, Refused> {
        match self.status {
            VersionStatus::Active | VersionStatus::Deprecated => {
                Ok(Self { status: VersionStatus::Revoked, ..self })
            }
            VersionStatus::Revoked => Err(Refused::AlreadyRevoked),
        }
    }
}
