//! The rules of ownership and status, applied to the records of a pallet.

use super::{check_name, Entry, Published, RegistryError};
use crate::{
    model::{Name, VersionStatus},
    Balance, Version,
};
use sp_runtime::{DispatchError, DispatchResult};

/// A registry of models or of datasets. A pallet says where its records lie and how deposits are
/// held; what may be done with them, and by whom, is written here once for both.
///
/// A method that fails may have written already. Whoever calls it undoes that, as FRAME does for
/// calls.
pub trait Registry {
    /// An account.
    type AccountId: Clone + PartialEq;
    /// What an owner states of a version.
    type Spec;
    /// Why the pallet refuses.
    type Error: From<RegistryError> + Into<DispatchError>;

    /// The number that the next entry gets.
    fn next_id() -> u32;

    /// Sets the number that the next entry gets.
    fn set_next_id(id: u32);

    /// An entry.
    fn entry(id: u32) -> Option<Entry<Self::AccountId>>;

    /// Stores an entry.
    fn set_entry(id: u32, entry: Entry<Self::AccountId>);

    /// A version of an entry.
    fn published(id: u32, version: Version) -> Option<Published<Self::Spec>>;

    /// Stores a version of an entry.
    fn set_published(id: u32, version: Version, published: Published<Self::Spec>);

    /// The deposit for a record of so many bytes.
    fn deposit(bytes: usize) -> Balance;

    /// Holds a deposit.
    fn hold(who: &Self::AccountId, amount: Balance) -> DispatchResult;

    /// Gives a deposit back.
    fn release(who: &Self::AccountId, amount: Balance) -> DispatchResult;

    /// Adds an entry without versions, with its deposit, and returns its number.
    fn create_entry(owner: &Self::AccountId, name: &Name) -> Result<u32, DispatchError> {
        check_name(name).map_err(refuse::<Self>)?;
        let id = Self::next_id();
        let next =
            id.checked_add(1).ok_or_else(|| refuse::<Self>(RegistryError::TooManyEntries))?;
        let deposit = Self::deposit(name.len());
        Self::hold(owner, deposit)?;
        Self::set_next_id(next);
        Self::set_entry(id, Entry::new(owner.clone(), name.clone(), deposit));
        Ok(id)
    }

    /// Adds a version of `bytes` to `entry`, which `who` owns, with its deposit.
    fn add_version(
        who: &Self::AccountId,
        id: u32,
        entry: Entry<Self::AccountId>,
        spec: Self::Spec,
        bytes: usize,
    ) -> DispatchResult {
        let deposit = Self::deposit(bytes);
        let (entry, version) = entry.publish(deposit).map_err(refuse::<Self>)?;
        Self::hold(who, deposit)?;
        Self::set_entry(id, entry);
        Self::set_published(id, version, Published::new(spec, deposit));
        Ok(())
    }

    /// The entry, if `who` owns it.
    fn owned(who: &Self::AccountId, id: u32) -> Result<Entry<Self::AccountId>, Self::Error> {
        let entry = Self::entry(id).ok_or(RegistryError::NotFound)?;
        if entry.owner != *who {
            return Err(RegistryError::NotOwner.into());
        }
        Ok(entry)
    }

    /// Offers an entry of `who` to `to`.
    fn make_offer(who: &Self::AccountId, id: u32, to: Self::AccountId) -> Result<(), Self::Error> {
        Self::set_entry(id, Self::owned(who, id)?.offer(to)?);
        Ok(())
    }

    /// Takes back the offer of an entry of `who`.
    fn take_offer_back(who: &Self::AccountId, id: u32) -> Result<(), Self::Error> {
        Self::set_entry(id, Self::owned(who, id)?.withdraw_offer()?);
        Ok(())
    }

    /// Makes `who` the owner of an entry that is offered to it, with the deposit, and returns the
    /// former owner.
    fn take_over(who: &Self::AccountId, id: u32) -> Result<Self::AccountId, DispatchError> {
        let entry = Self::entry(id).ok_or_else(|| refuse::<Self>(RegistryError::NotFound))?;
        let (entry, from) = entry.accept(who.clone()).map_err(refuse::<Self>)?;
        Self::hold(who, entry.deposit)?;
        Self::release(&from, entry.deposit)?;
        Self::set_entry(id, entry);
        Ok(from)
    }

    /// Changes the status of a version of an entry that `who` owns.
    fn change_status(
        who: &Self::AccountId,
        id: u32,
        version: Version,
        change: impl FnOnce(VersionStatus) -> Result<VersionStatus, Self::Error>,
    ) -> Result<(), Self::Error> {
        Self::owned(who, id)?;
        let mut published = Self::published(id, version).ok_or(RegistryError::NotFound)?;
        published.status = change(published.status)?;
        Self::set_published(id, version, published);
        Ok(())
    }
}

/// A refusal as the pallet's own.
fn refuse<R: Registry + ?Sized>(reason: RegistryError) -> DispatchError {
    R::Error::from(reason).into()
}
