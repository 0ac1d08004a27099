//! # Beacon: the randomness of all blocks, mixed
//!
//! Every block brings an output of its author's verifiable random function, which nobody else knew
//! before and which the author could not choose. The beacon mixes each into the one value that it
//! keeps, at the very start of the block:
//!
//! ```text
//! value(n) = H(value(n - 1), output(n))
//! ```
//!
//! So a draw in block `n` about something that was written into block `n - k` depends on the outputs
//! of the `k` blocks since. Whoever would know it beforehand has to be the author of them all; whoever
//! is the author of the last alone can only keep its block back, and then another author's output
//! takes its place. What either can gain is in `docs/economics.md`.
//!
//! The pallet has no calls. It has to stand behind the consensus in the runtime, and before whoever
//! draws.

#![cfg_attr(not(feature = "std"), no_std)]

pub use pallet::*;

#[cfg(test)]
mod tests;

// FRAME's macros expand to these; the hook below does not.
#[allow(clippy::expect_used, clippy::unreachable)]
#[frame_support::pallet]
pub mod pallet {
    use frame_support::{pallet_prelude::*, traits::Randomness};
    use frame_system::pallet_prelude::*;
    use sp_runtime::traits::Hash;

    /// The in-code storage version.
    const STORAGE_VERSION: StorageVersion = StorageVersion::new(1);

    /// The beacon.
    #[pallet::pallet]
    #[pallet::storage_version(STORAGE_VERSION)]
    pub struct Pallet<T>(_);

    /// What the runtime decides.
    #[pallet::config]
    pub trait Config: frame_system::Config {
        /// What the author of this block could not choose, available from the block's start on;
        /// `None` in a block without it.
        type Source: Get<Option<[u8; 32]>>;

        /// Weight of reading the source and mixing it in.
        type MixWeight: Get<Weight>;
    }

    /// The outputs of all blocks until now, mixed.
    #[pallet::storage]
    pub type Value<T: Config> = StorageValue<_, T::Hash, ValueQuery>;

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn on_initialize(_now: BlockNumberFor<T>) -> Weight {
            // A block without an output leaves the value to those that come: it is not made from
            // what its author could choose, as the block's hash is.
            if let Some(output) = T::Source::get() {
                Value::<T>::mutate(|value| *value = T::Hashing::hash_of(&(*value, output)));
            }
            T::MixWeight::get()
        }
    }

    impl<T: Config> Randomness<T::Hash, BlockNumberFor<T>> for Pallet<T> {
        /// A hash of the value and the subject, and since when it can be known: this block's start.
        fn random(subject: &[u8]) -> (T::Hash, BlockNumberFor<T>) {
            let now = frame_system::Pallet::<T>::block_number();
            (T::Hashing::hash_of(&(Value::<T>::get(), subject)), now)
        }
    }
}
