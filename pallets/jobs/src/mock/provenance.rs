//! A double of what keeps lineage, grants and unpaid amounts, as small as jobs need it: the vocabulary's
//! own rules over bare storage, without deposits, consent or calls. A test writes its storage.

// A pallet's items are public, and a test's modules are not.
#![allow(unreachable_pub)]

use super::{version_spec, AccountId, Balances, Models, RuntimeOrigin, Test, Workers, OWNER};
use frame_support::{
    assert_ok,
    pallet_prelude::*,
    traits::fungible::{InspectHold, MutateHold},
};
use sp_runtime::{Permill, SaturatedConversion};
use std::collections::BTreeMap;
use vigil_primitives::{
    grant::{Grant, GrantId, Unusable},
    lineage::{self, Lineage, Royalty, Share, Shares, MAX_PAYEES},
    model::VersionSpec,
    terms::Terms,
    traits::{Grants, ModelRegistry, Provenance, UnpaidBook, Waterfall},
    AssetId, Balance, DatasetVersionId, ModelVersionId,
};

pub(crate) use pallet::*;

/// Keeps what payees cannot be credited with.
pub(crate) const KEEPER: AccountId = 900;
/// Weight of everything that the double does.
pub(crate) const DOUBLE_WEIGHT: Weight = Weight::from_parts(1_000_000, 1_000);

#[frame_support::pallet(dev_mode)]
pub(crate) mod pallet {
    use super::*;

    #[pallet::pallet]
    pub struct Pallet<T>(_);

    #[pallet::config]
    pub trait Config: frame_system::Config<AccountId = AccountId> + pallet_models::Config {
        /// What unpaid amounts are kept in.
        type Currency: MutateHold<AccountId, Balance = Balance, Reason = Self::HoldReasons>;
        /// The runtime's reasons for a hold.
        type HoldReasons: From<HoldReason>;
    }

    #[pallet::composite_enum]
    pub enum HoldReason {
        /// What is kept until it is collected.
        Unpaid,
    }

    #[pallet::error]
    pub enum Error<T> {
        NoGrant,
        GrantExpired,
        GrantExhausted,
        InvalidLineage,
        NothingKept,
    }

    /// What versions descend from. Those that are not here have no ancestors.
    #[pallet::storage]
    pub type Lineages<T> = StorageMap<_, Twox64Concat, AssetId, Lineage>;

    /// Who owns a dataset.
    #[pallet::storage]
    pub type DatasetOwners<T> = StorageMap<_, Twox64Concat, u32, AccountId>;

    /// The number of the next grant.
    #[pallet::storage]
    pub type NextGrant<T> = StorageValue<_, GrantId, ValueQuery>;

    /// The grants.
    #[pallet::storage]
    pub type Held<T> = StorageMap<_, Twox64Concat, (AssetId, AccountId), Grant>;

    /// What is kept for whom.
    #[pallet::storage]
    pub type Kept<T> = StorageMap<_, Twox64Concat, AccountId, Balance, ValueQuery>;

    /// Whether nothing can be kept.
    #[pallet::storage]
    pub type KeepFails<T> = StorageValue<_, bool, ValueQuery>;

    /// What assets have earned their owners.
    #[pallet::storage]
    pub type Earned<T> = StorageMap<_, Twox64Concat, (AssetId, AccountId), Balance, ValueQuery>;
}

pub(crate) type ProvenanceError = Error<Test>;

/// Publishes another version of the encoder under these terms, which all workers then serve.
pub(crate) fn publish_under(terms: Terms, cited: &[(AssetId, u32)]) -> ModelVersionId {
    let version = pallet_models::Models::<Test>::get(0).unwrap().versions;
    let id = ModelVersionId { model: 0, version };
    let spec = VersionSpec { terms, ..version_spec() };
    assert_ok!(Models::publish(RuntimeOrigin::signed(OWNER), 0, Box::new(spec), citations(cited)));
    for worker in pallet_workers::Workers::<Test>::iter_keys() {
        assert_ok!(Workers::serve(RuntimeOrigin::signed(worker), id));
    }
    id
}

/// Citations with shares in parts per million.
pub(crate) fn citations(shares: &[(AssetId, u32)]) -> Shares {
    let shares =
        shares.iter().map(|(asset, ppm)| Share { asset: *asset, share: Permill::from_parts(*ppm) });
    Shares::truncate_from(shares.collect())
}

/// A dataset that `owner` owns.
pub(crate) fn dataset(number: u32, owner: AccountId) -> AssetId {
    DatasetOwners::<Test>::insert(number, owner);
    DatasetVersionId { dataset: number, version: 0 }.into()
}

/// Gives `who` a grant of a version from now on.
pub(crate) fn grant(
    version: ModelVersionId,
    who: AccountId,
    blocks: Option<u32>,
    uses: Option<u32>,
) {
    let id = NextGrant::<Test>::mutate(|next| {
        *next += 1;
        *next
    });
    let grant = Grant::new(id, Pallet::<Test>::now(), blocks, uses, 0);
    Held::<Test>::insert((AssetId::from(version), who), grant);
}

/// Takes a grant away.
pub(crate) fn take_grant(version: ModelVersionId, who: AccountId) {
    Held::<Test>::remove((AssetId::from(version), who));
}

/// How many uses of its grant `who` has consumed and reserved.
pub(crate) fn uses(version: ModelVersionId, who: AccountId) -> (u32, u32) {
    let grant = Held::<Test>::get((AssetId::from(version), who)).expect("no such grant");
    (grant.used, grant.reserved)
}

/// From now on nothing can be kept.
pub(crate) fn keeping_fails() {
    KeepFails::<Test>::put(true);
}

/// What an asset has earned an owner.
pub(crate) fn earned(asset: AssetId, owner: AccountId) -> Balance {
    Earned::<Test>::get((asset, owner))
}

/// What is kept for an account.
pub(crate) fn kept(payee: AccountId) -> Balance {
    Kept::<Test>::get(payee)
}

/// A part of an owner's fee that was credited.
pub(crate) fn royalty(
    asset: impl Into<AssetId>,
    payee: AccountId,
    amount: Balance,
) -> Royalty<AccountId> {
    Royalty { asset: asset.into(), payee, amount, credited: true }
}

/// What all assets have earned all their owners.
pub(crate) fn all_earned() -> BTreeMap<(AssetId, AccountId), Balance> {
    Earned::<Test>::iter().collect()
}

/// What is kept for everybody together.
pub(crate) fn all_kept() -> Balance {
    Kept::<Test>::iter_values().sum()
}

/// The uses consumed of every grant.
pub(crate) fn all_used() -> BTreeMap<(AssetId, AccountId, GrantId), u32> {
    Held::<Test>::iter()
        .map(|((asset, holder), grant)| ((asset, holder, grant.id), grant.used))
        .collect()
}

/// What is on hold is what is kept, and no grant is used more often than it allows.
pub(crate) fn check() {
    let held = Balances::balance_on_hold(&HoldReason::Unpaid.into(), &KEEPER);
    assert_eq!(all_kept(), held, "kept and held differ");
    for ((asset, holder), grant) in Held::<Test>::iter() {
        let within = grant.uses.is_none_or(|uses| grant.used + grant.reserved <= uses);
        assert!(within, "{holder} uses {asset} too often: {grant:?}");
    }
}

impl<T: Config> Pallet<T> {
    fn lineage(asset: AssetId) -> Lineage {
        Lineages::<T>::get(asset).unwrap_or_else(|| Lineage::root(asset))
    }

    fn owner(asset: AssetId) -> Option<AccountId> {
        match asset {
            AssetId::Model(id) => pallet_models::Pallet::<T>::owner(id.model),
            AssetId::Dataset(id) => DatasetOwners::<T>::get(id.dataset),
        }
    }

    fn now() -> u32 {
        frame_system::Pallet::<T>::block_number().saturated_into()
    }
}

impl<T: Config> Provenance<AccountId> for Pallet<T> {
    fn record(
        asset: AssetId,
        _publisher: &AccountId,
        _terms: &Terms,
        citations: Shares,
    ) -> Result<u32, DispatchError> {
        let ancestors: Vec<_> =
            citations.iter().map(|citation| Self::lineage(citation.asset)).collect();
        let lineage =
            Lineage::new(asset, citations, &ancestors).map_err(|_| Error::<T>::InvalidLineage)?;
        Lineages::<T>::insert(asset, lineage);
        Ok(0)
    }

    fn record_weight(_citations: u32) -> Weight {
        DOUBLE_WEIGHT
    }

    fn has_paid_grants(_asset: AssetId) -> bool {
        false
    }
}

impl<T: Config> Waterfall<AccountId> for Pallet<T> {
    fn split(asset: AssetId, amount: Balance) -> Vec<Royalty<AccountId>> {
        lineage::split(&Self::lineage(asset).waterfall, amount)
            .into_iter()
            .filter_map(|(asset, amount)| {
                let payee = Self::owner(asset)?;
                Some(Royalty { asset, payee, amount, credited: true })
            })
            .collect()
    }

    fn earned(royalty: &Royalty<AccountId>) {
        Earned::<T>::mutate((royalty.asset, royalty.payee), |sum| *sum += royalty.amount);
    }

    fn split_weight(payees: u32) -> Weight {
        DOUBLE_WEIGHT * u64::from(payees)
    }

    fn payees(asset: AssetId) -> u32 {
        Self::lineage(asset).waterfall.len() as u32
    }

    fn benchmark_lineage(version: ModelVersionId, payees: u32) {
        let share = Permill::from_rational(1, MAX_PAYEES);
        let citations = (1..payees)
            .map(|number| Share { asset: dataset(number, 1_000 + u64::from(number)), share })
            .collect();
        let asset = version.into();
        let citations = Shares::truncate_from(citations);
        let ancestors: Vec<_> = citations.iter().map(|cited| Lineage::root(cited.asset)).collect();
        Lineages::<T>::insert(asset, Lineage::new(asset, citations, &ancestors).unwrap());
    }
}

impl<T: Config> Grants<AccountId> for Pallet<T> {
    fn reserve(asset: AssetId, who: &AccountId) -> Result<GrantId, DispatchError> {
        let grant = Held::<T>::get((asset, who)).ok_or(Error::<T>::NoGrant)?;
        let grant = grant.reserve(Self::now()).map_err(|unusable| match unusable {
            Unusable::Expired => Error::<T>::GrantExpired,
            Unusable::Exhausted => Error::<T>::GrantExhausted,
        })?;
        Held::<T>::insert((asset, who), grant);
        Ok(grant.id)
    }

    fn end_use(asset: AssetId, who: &AccountId, id: GrantId, consumed: bool) {
        Held::<T>::mutate((asset, who), |held| {
            *held = held.map(|grant| if grant.id == id { grant.end_use(consumed) } else { grant });
        });
    }

    fn reserved(asset: AssetId, who: &AccountId, id: GrantId) -> Option<u32> {
        Held::<T>::get((asset, who)).filter(|grant| grant.id == id).map(|grant| grant.reserved)
    }

    fn use_weight() -> Weight {
        DOUBLE_WEIGHT
    }

    fn benchmark_grant(asset: AssetId, who: &AccountId) {
        Held::<T>::insert((asset, who), Grant::new(0, Self::now(), None, None, 0));
    }
}

impl<T: Config> UnpaidBook<AccountId> for Pallet<T> {
    fn keeper() -> AccountId {
        KEEPER
    }

    fn keep(payee: &AccountId, amount: Balance) -> DispatchResult {
        ensure!(!KeepFails::<T>::get(), Error::<T>::NothingKept);
        <T as Config>::Currency::hold(&HoldReason::Unpaid.into(), &KEEPER, amount)?;
        Kept::<T>::mutate(payee, |kept| *kept += amount);
        Ok(())
    }

    fn keep_weight() -> Weight {
        DOUBLE_WEIGHT
    }
}
