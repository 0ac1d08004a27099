//! What must hold of this pallet's storage at the end of every block.

use crate::pallet::*;
use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use frame_support::{
    ensure,
    traits::{fungible::hold::Inspect as _, Get},
};
use sp_runtime::TryRuntimeError;
use vigil_primitives::{holds::Sums, lineage::Lineage, AssetId, Balance};

impl<T: Config> Pallet<T> {
    /// Checks every invariant of this pallet:
    ///
    /// 1. Every lineage is that of an asset that exists, is what its citations flatten to, and its
    ///    shares add up to the whole.
    /// 2. The descendants of an asset are exactly those that cite it, with the shares that they
    ///    promised, and are counted; and whatever is cited exists.
    /// 3. Grants are listed under their asset and their holder alike, of assets that exist, with
    ///    numbers that were given, each once; no grant has used or reserved more than its uses; and
    ///    those paid for are counted. What is held from an account for grants is what their deposits
    ///    add up to.
    /// 4. What the keeper holds for unpaid amounts is what is unpaid in all, and nothing unpaid is
    ///    zero.
    /// 5. What the owners of an asset have earned by it in an era adds up to what it has earned.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        Self::check_lineages()?;
        Self::check_grants()?;
        Self::check_money()
    }

    fn check_lineages() -> Result<(), TryRuntimeError> {
        let mut cited = BTreeMap::<AssetId, u32>::new();
        for (asset, lineage) in Lineages::<T>::iter() {
            ensure!(Self::exists(asset), "provenance 1: a lineage belongs to nothing");
            ensure!(!lineage.citations.is_empty(), "provenance 1: a lineage cites nothing");
            let ancestors: Vec<_> =
                lineage.citations.iter().map(|share| Self::lineage_of(share.asset)).collect();
            ensure!(
                Lineage::new(asset, lineage.citations.clone(), &ancestors).as_ref() == Ok(&lineage),
                "provenance 1: a lineage is not what its citations flatten to"
            );
            let whole: u32 = lineage
                .waterfall
                .iter()
                .fold(0, |sum, payee| sum.saturating_add(payee.share.deconstruct()));
            ensure!(whole == 1_000_000, "provenance 1: the shares are not the whole");
            for citation in &lineage.citations {
                ensure!(Self::exists(citation.asset), "provenance 2: a cited asset does not exist");
                ensure!(
                    Descendants::<T>::get(citation.asset, asset) == Some(citation.share),
                    "provenance 2: a citation is not among the descendants"
                );
                let count = cited.entry(citation.asset).or_default();
                *count = count.saturating_add(1);
            }
        }
        let counts: BTreeMap<_, _> = CitationCount::<T>::iter().collect();
        ensure!(counts == cited, "provenance 2: citations are miscounted");
        let total = cited.values().fold(0u32, |sum, count| sum.saturating_add(*count));
        ensure!(
            Descendants::<T>::iter().count() == total as usize,
            "provenance 2: a descendant does not cite its ancestor"
        );
        Ok(())
    }

    fn check_grants() -> Result<(), TryRuntimeError> {
        let mut deposits = Sums::default();
        let mut paid = BTreeMap::<AssetId, u32>::new();
        let mut numbers = BTreeSet::new();
        let mut grants: usize = 0;
        for (holder, asset, record) in GrantsOf::<T>::iter() {
            let grant = record.grant;
            grants = grants.saturating_add(1);
            ensure!(Self::exists(asset), "provenance 3: a grant of nothing");
            ensure!(
                GrantHolders::<T>::contains_key(asset, &holder),
                "provenance 3: a holder is not listed"
            );
            ensure!(grant.id < NextGrantId::<T>::get(), "provenance 3: a number was never given");
            ensure!(numbers.insert(grant.id), "provenance 3: two grants have one number");
            let taken = grant.used.saturating_add(grant.reserved);
            ensure!(
                grant.uses.is_none_or(|uses| taken <= uses),
                "provenance 3: a grant is used more often than it allows"
            );
            if grant.paid > 0 {
                let count = paid.entry(asset).or_default();
                *count = count.saturating_add(1);
            }
            deposits.add(&record.depositor, record.deposit);
        }
        ensure!(
            GrantHolders::<T>::iter().count() == grants,
            "provenance 3: a listed holder has no grant"
        );
        let counts: BTreeMap<_, _> = PaidGrants::<T>::iter().collect();
        ensure!(counts == paid, "provenance 3: paid grants are miscounted");
        ensure!(
            Self::are_held(deposits, HoldReason::Grant),
            "provenance 3: held and recorded grants differ"
        );
        Ok(())
    }

    fn check_money() -> Result<(), TryRuntimeError> {
        let mut unpaid: Balance = 0;
        for (_, amount) in Unpaid::<T>::iter() {
            ensure!(amount > 0, "provenance 4: nothing is kept for somebody");
            unpaid = unpaid.saturating_add(amount);
        }
        let held = T::Currency::balance_on_hold(&HoldReason::Unpaid.into(), &T::Keeper::get());
        ensure!(held == unpaid, "provenance 4: the keeper does not hold what is unpaid");

        let mut earned = BTreeMap::<_, Balance>::new();
        for ((_, era, asset), amount) in AccountRevenue::<T>::iter() {
            let sum = earned.entry((asset, era)).or_default();
            *sum = sum.saturating_add(amount);
        }
        let revenue: BTreeMap<_, _> =
            AssetRevenue::<T>::iter().map(|(asset, era, amount)| ((asset, era), amount)).collect();
        ensure!(earned == revenue, "provenance 5: owners and assets have earned different sums");
        Ok(())
    }

    /// Whether every account has as much on hold as the records say.
    fn are_held(sums: Sums, reason: HoldReason) -> bool {
        let reason = reason.into();
        let held = |account: &T::AccountId| T::Currency::balance_on_hold(&reason, account);
        sums.are_held(frame_system::Account::<T>::iter_keys(), held)
    }
}
