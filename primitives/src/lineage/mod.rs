//! What a version descends from, and how its revenue is split among its ancestors.
//!
//! A version cites other versions, each with a share of its revenue. When it is published the
//! shares are flattened into one list, its *waterfall*: the version itself first, then everything
//! it descends from, each once. The shares of a waterfall add up to the whole exactly. What a cited
//! version owes its own ancestors comes out of the share that it was given.
//!
//! ```
//! use vigil_primitives::{
//!     lineage::{split, Lineage, Share, Shares},
//!     AssetId, Permill,
//! };
//!
//! let corpus: AssetId = "dataset:0@0".parse()?;
//! let model: AssetId = "model:0@0".parse()?;
//! let citation = Share { asset: corpus, share: Permill::from_percent(10) };
//! let citations = Shares::truncate_from(vec![citation]);
//! let lineage = Lineage::new(model, citations, &[Lineage::root(corpus)]).expect("a valid lineage");
//!
//! // Parts are rounded down, and the version takes what is left: nothing is lost.
//! assert_eq!(split(&lineage.waterfall, 99), [(model, 90), (corpus, 9)]);
//! # Ok::<(), &'static str>(())
//! ```

mod consent;

pub use consent::{descend, CitationError, Consents, Descent};

use crate::{
    asset::AssetId,
    model::{Name, VersionStatus},
    Balance,
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::{bounded::BoundedVec, ConstU32};
use sp_runtime::{traits::Saturating, Permill, Perquintill};

/// Most payees of a version, itself included.
pub const MAX_PAYEES: u32 = 16;
/// Longest chain of citations: what cites nothing has depth 0.
pub const MAX_DEPTH: u8 = 4;

/// An asset's share of a version's revenue.
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
pub struct Share {
    /// The asset.
    pub asset: AssetId,
    /// Its share, in parts per million.
    pub share: Permill,
}

/// At most one share for each payee.
pub type Shares = BoundedVec<Share, ConstU32<MAX_PAYEES>>;

/// What a version descends from. It never changes.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Lineage {
    /// What it cites, with the shares that it promised.
    pub citations: Shares,
    /// Who is paid: the version itself, then all its ancestors. The shares add up to the whole.
    pub waterfall: Shares,
    /// Length of the longest chain of citations below it.
    pub depth: u8,
}

/// What the owner of one asset earned: by a job, or by the sale of a grant.
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
pub struct Royalty<AccountId = crate::AccountId> {
    /// The asset.
    pub asset: AssetId,
    /// Who owned it at the time.
    pub payee: AccountId,
    /// How much.
    pub amount: Balance,
    /// Whether it could be credited; otherwise it is kept until the payee collects it.
    pub credited: bool,
}

/// The parts of an owner's fee.
pub type Royalties<AccountId> = BoundedVec<Royalty<AccountId>, ConstU32<MAX_PAYEES>>;

/// Why citations make no lineage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidLineage {
    /// A share is zero.
    ZeroShare,
    /// An asset is cited twice.
    DuplicateCitation,
    /// The shares add up to more than the whole.
    SharesExceedWhole,
    /// There are more than [`MAX_PAYEES`] payees, the version itself included.
    TooManyPayees,
    /// The chain of citations is longer than [`MAX_DEPTH`].
    TooDeep,
    /// A share is so small that an ancestor of the cited asset would get nothing.
    ShareTooSmall,
}

impl Lineage {
    /// The lineage of an asset that descends from nothing: all is its own.
    pub fn root(asset: AssetId) -> Self {
        let own = Share { asset, share: Permill::one() };
        Self {
            citations: Shares::default(),
            waterfall: Shares::truncate_from([own].into()),
            depth: 0,
        }
    }

    /// Flattens the citations of `asset`. `ancestors` are the lineages of the cited assets, in the
    /// order of `citations`.
    pub fn new(
        asset: AssetId,
        citations: Shares,
        ancestors: &[Lineage],
    ) -> Result<Self, InvalidLineage> {
        let mut own = Permill::one();
        let mut depth: u8 = 0;
        let mut rest = citations.iter();
        while let Some(citation) = rest.next() {
            if citation.share.is_zero() {
                return Err(InvalidLineage::ZeroShare);
            }
            if rest.as_slice().iter().any(|other| other.asset == citation.asset) {
                return Err(InvalidLineage::DuplicateCitation);
            }
            own = sub(own, citation.share).ok_or(InvalidLineage::SharesExceedWhole)?;
        }

        let mut waterfall = Shares::default();
        give(&mut waterfall, asset, own)?;
        for (citation, ancestor) in citations.iter().zip(ancestors) {
            depth = depth.max(ancestor.depth.saturating_add(1));
            // The first of a waterfall is the asset itself: it gets what the others leave.
            let mut left = citation.share;
            for payee in ancestor.waterfall.iter().skip(1) {
                let part = part_of(citation.share, payee.share);
                if part.is_zero() && !payee.share.is_zero() {
                    return Err(InvalidLineage::ShareTooSmall);
                }
                left = sub(left, part).ok_or(InvalidLineage::SharesExceedWhole)?;
                give(&mut waterfall, payee.asset, part)?;
            }
            give(&mut waterfall, citation.asset, left)?;
        }
        if depth > MAX_DEPTH {
            return Err(InvalidLineage::TooDeep);
        }
        Ok(Self { citations, waterfall, depth })
    }
}

/// Splits `amount` by a waterfall. Every part is rounded down but the first, the version's own,
/// which takes the rest: the parts add up to `amount`.
pub fn split(waterfall: &[Share], amount: Balance) -> Vec<(AssetId, Balance)> {
    let mut parts: Vec<_> =
        waterfall.iter().map(|payee| (payee.asset, payee.share.mul_floor(amount))).collect();
    let others = parts.iter().skip(1).fold(0, |sum: Balance, (_, part)| sum.saturating_add(*part));
    if let Some((_, own)) = parts.first_mut() {
        *own = amount.saturating_sub(others);
    }
    parts
}

/// The gross share that each asset below `root` has of its revenue: what the asset keeps and what
/// it passes on to its own ancestors. `edges` are all citations of `root` and its ancestors.
///
/// Royalties are demanded of it. They hold down the whole chain, so that nobody pays less by citing
/// a version of its own, or of a friend's, in between.
pub fn gross_shares(root: AssetId, edges: &[LineageEdge]) -> Vec<(AssetId, Perquintill)> {
    let mut gross = Vec::new();
    let mut level = Vec::from([(root, Perquintill::one())]);
    for _ in 0..=MAX_DEPTH {
        let mut below = Vec::new();
        for (asset, part) in level {
            for edge in edges.iter().filter(|edge| edge.from == asset) {
                let share = Perquintill::from_parts(edge.share.mul_floor(part.deconstruct()));
                add(&mut below, edge.to, share);
            }
        }
        for (asset, share) in &below {
            add(&mut gross, *asset, *share);
        }
        level = below;
    }
    gross
}

/// Whether a gross share is at least a royalty.
pub fn pays(share: Perquintill, royalty: Permill) -> bool {
    share >= Perquintill::from_rational(royalty.deconstruct().into(), 1_000_000u64)
}

fn add(sums: &mut Vec<(AssetId, Perquintill)>, asset: AssetId, share: Perquintill) {
    match sums.iter_mut().find(|(known, _)| *known == asset) {
        Some((_, sum)) => *sum = sum.saturating_add(share),
        None => sums.push((asset, share)),
    }
}

/// Adds to an asset's share, or makes it a payee.
fn give(waterfall: &mut Shares, asset: AssetId, share: Permill) -> Result<(), InvalidLineage> {
    match waterfall.iter_mut().find(|payee| payee.asset == asset) {
        // Within the whole: everything given was taken off it first.
        Some(payee) => {
            let sum = payee.share.deconstruct().saturating_add(share.deconstruct());
            payee.share = Permill::from_parts(sum);
            Ok(())
        }
        None => {
            waterfall.try_push(Share { asset, share }).map_err(|_| InvalidLineage::TooManyPayees)
        }
    }
}

fn sub(from: Permill, share: Permill) -> Option<Permill> {
    from.deconstruct().checked_sub(share.deconstruct()).map(Permill::from_parts)
}

/// The product of two shares, rounded down. `Permill`'s own multiplication rounds to the nearest.
fn part_of(share: Permill, of: Permill) -> Permill {
    Permill::from_parts(of.mul_floor(share.deconstruct()))
}

/// One asset in a lineage.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct LineageNode<AccountId = crate::AccountId> {
    /// The asset.
    pub asset: AssetId,
    /// Name of its model or dataset, UTF-8.
    pub name: Name,
    /// Who owns it now.
    pub owner: AccountId,
    /// Whether it may be put to new uses.
    pub status: VersionStatus,
    /// Its share of the revenue of the asset that was asked about.
    pub share: Permill,
}

/// One citation in a lineage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct LineageEdge {
    /// The asset that cites.
    pub from: AssetId,
    /// The asset that is cited.
    pub to: AssetId,
    /// The share of `from`'s revenue that it promised.
    pub share: Permill,
}

/// What an asset descends from: all its ancestors, and every citation among them.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct LineageView<AccountId = crate::AccountId> {
    /// The asset itself, then its ancestors. Their shares add up to the whole.
    pub nodes: Vec<LineageNode<AccountId>>,
    /// The citations.
    pub edges: Vec<LineageEdge>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dataset::DatasetVersionId, ModelVersionId};
    use alloc::{collections::BTreeMap, vec};
    use proptest::prelude::*;

    fn asset(number: u32) -> AssetId {
        ModelVersionId { model: number, version: 0 }.into()
    }

    fn shares(parts: &[(u32, u32)]) -> Shares {
        let shares = parts
            .iter()
            .map(|(number, ppm)| Share { asset: asset(*number), share: Permill::from_parts(*ppm) });
        shares.collect::<Vec<_>>().try_into().unwrap()
    }

    /// The lineage of `asset` over `known`, which holds those of all it cites.
    fn lineage(
        known: &[Lineage],
        number: u32,
        citations: &[(u32, u32)],
    ) -> Result<Lineage, InvalidLineage> {
        let ancestors: Vec<_> =
            citations.iter().map(|(cited, _)| known[*cited as usize].clone()).collect();
        Lineage::new(asset(number), shares(citations), &ancestors)
    }

    #[test]
    fn a_root_should_keep_everything() {
        let root = Lineage::new(asset(0), Shares::default(), &[]).unwrap();
        assert_eq!(root, Lineage::root(asset(0)));
        assert_eq!(root.waterfall, shares(&[(0, 1_000_000)]));
    }

    #[test]
    fn a_cited_asset_should_pay_its_ancestors_out_of_its_share() {
        let dataset = Lineage::root(asset(0));
        let base = lineage(core::slice::from_ref(&dataset), 1, &[(0, 200_000)]).unwrap();
        let derived = lineage(&[dataset, base], 2, &[(1, 100_000), (0, 50_000)]).unwrap();
        assert_eq!(derived.depth, 2);
        // 10 % to the base model, a fifth of it on to the dataset, which is cited directly too.
        assert_eq!(derived.waterfall, shares(&[(2, 850_000), (0, 70_000), (1, 80_000)]));
    }

    #[test]
    fn rounding_should_favour_the_cited_asset() {
        let dataset = Lineage::root(asset(0));
        let base = lineage(core::slice::from_ref(&dataset), 1, &[(0, 333_333)]).unwrap();
        let derived = lineage(&[dataset, base], 2, &[(1, 10)]).unwrap();
        assert_eq!(derived.waterfall, shares(&[(2, 999_990), (0, 3), (1, 7)]));
    }

    #[test]
    fn each_fault_should_have_its_own_error() {
        let mut known: Vec<_> = (0..16).map(|number| Lineage::root(asset(number))).collect();
        let wrong = |known: &[Lineage], citations: &[(u32, u32)]| {
            lineage(known, 99, citations).unwrap_err()
        };
        assert_eq!(wrong(&known, &[(0, 0)]), InvalidLineage::ZeroShare);
        assert_eq!(wrong(&known, &[(0, 1), (0, 1)]), InvalidLineage::DuplicateCitation);
        assert_eq!(wrong(&known, &[(0, 500_000), (1, 500_001)]), InvalidLineage::SharesExceedWhole);
        assert!(lineage(&known, 99, &[(0, 500_000), (1, 500_000)]).is_ok(), "the whole is allowed");

        let all: Vec<_> = (0..16).map(|number| (number, 1)).collect();
        assert_eq!(wrong(&known, &all), InvalidLineage::TooManyPayees);
        assert_eq!(lineage(&known, 99, &all[1..]).unwrap().waterfall.len(), 16);

        for number in 16..20 {
            known.push(
                lineage(&known, number, &[(if number == 16 { 0 } else { number - 1 }, 500_000)])
                    .unwrap(),
            );
        }
        assert_eq!(known[19].depth, 4);
        assert_eq!(wrong(&known, &[(19, 500_000)]), InvalidLineage::TooDeep);
        assert_eq!(wrong(&known, &[(16, 1)]), InvalidLineage::ShareTooSmall);
    }

    #[test]
    fn an_asset_that_gave_everything_away_can_be_cited() {
        let dataset = Lineage::root(asset(0));
        let base = lineage(core::slice::from_ref(&dataset), 1, &[(0, 1_000_000)]).unwrap();
        let derived = lineage(&[dataset, base], 2, &[(1, 100_000)]).unwrap();
        assert_eq!(derived.waterfall, shares(&[(2, 900_000), (0, 100_000), (1, 0)]));
    }

    #[test]
    fn a_split_should_give_the_dust_to_the_version() {
        let payees = shares(&[(2, 850_000), (0, 70_000), (1, 80_000)]);
        assert_eq!(split(&payees, 99), vec![(asset(2), 86), (asset(0), 6), (asset(1), 7)]);
        assert_eq!(split(&payees, 0), vec![(asset(2), 0), (asset(0), 0), (asset(1), 0)]);
        assert_eq!(split(&[], 5), vec![]);
    }

    #[test]
    fn a_gross_share_should_hold_what_is_passed_on() {
        // 3 cites 2 and 0, 2 cites 1, 1 cites 0.
        let edge = |from, to, percent| LineageEdge {
            from: asset(from),
            to: asset(to),
            share: Permill::from_percent(percent),
        };
        let edges = [edge(3, 2, 10), edge(3, 0, 1), edge(2, 1, 50), edge(1, 0, 20)];
        let gross = gross_shares(asset(3), &edges);
        for (number, parts) in [(2, 100_000), (1, 50_000), (0, 20_000)] {
            let share = Perquintill::from_rational(parts, 1_000_000u64);
            assert!(gross.contains(&(asset(number), share)), "{number}: {gross:?}");
        }
        assert_eq!(gross.len(), 3);
    }

    #[test]
    fn kinds_of_assets_should_not_be_confused() {
        let model = asset(3);
        let dataset = AssetId::Dataset(DatasetVersionId { dataset: 3, version: 0 });
        let citations =
            Shares::truncate_from(vec![Share { asset: dataset, share: Permill::from_percent(10) }]);
        let lineage = Lineage::new(model, citations, &[Lineage::root(dataset)]).unwrap();
        assert_eq!(lineage.waterfall.len(), 2);
    }

    proptest! {
        /// Random graphs, each asset citing any of those before it.
        #[test]
        fn every_lineage_should_be_whole_bounded_and_unique(
            graph in proptest::collection::vec(
                proptest::collection::vec((any::<prop::sample::Index>(), 1u32..400_000), 0..6),
                1..24,
            ),
            amount: Balance,
        ) {
            let mut known: Vec<Lineage> = Vec::new();
            for citations in graph {
                let number = known.len() as u32;
                let citations: Vec<_> = if known.is_empty() {
                    Vec::new()
                } else {
                    citations.iter().map(|(index, ppm)| (index.index(known.len()) as u32, *ppm)).collect()
                };
                let lineage = match lineage(&known, number, &citations) {
                    Ok(lineage) => lineage,
                    Err(_) => Lineage::root(asset(number)),
                };
                let sum: u32 = lineage.waterfall.iter().map(|s| s.share.deconstruct()).sum();
                prop_assert_eq!(sum, 1_000_000);
                prop_assert!(lineage.depth <= MAX_DEPTH);
                prop_assert_eq!(lineage.waterfall[0].asset, asset(number));
                let unique: BTreeMap<_, _> =
                    lineage.waterfall.iter().map(|s| (s.asset, s.share)).collect();
                prop_assert_eq!(unique.len(), lineage.waterfall.len());
                // Everything that is cited is paid at least what its ancestors leave of its share.
                for citation in &lineage.citations {
                    prop_assert!(unique.contains_key(&citation.asset));
                }
                let parts = split(&lineage.waterfall, amount);
                prop_assert_eq!(parts.iter().map(|(_, part)| part).sum::<Balance>(), amount);
                for ((_, part), payee) in parts.iter().zip(&lineage.waterfall).skip(1) {
                    prop_assert_eq!(*part, payee.share.mul_floor(amount));
                }
                known.push(lineage);
            }
        }
    }
}
