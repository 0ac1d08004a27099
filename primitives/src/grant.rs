//! A grant: the right of one account to use one asset, for a time and a number of uses.
//!
//! A use is a settled job, an answer of a channel that is paid, or a citation. A job reserves a use when
//! it is submitted and consumes it when it is settled; a job that fails gives it back. A channel
//! reserves as many uses as it can have answers.

use crate::{terms::GrantTerms, AssetId, Balance, BlockNumber};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::U256;

/// Number of a grant. An account that is granted an asset again gets another one.
pub type GrantId = u64;

/// A grant.
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
pub struct Grant {
    /// Its number.
    pub id: GrantId,
    /// When it began.
    pub since: BlockNumber,
    /// The first block at which it is no longer good. `None`: it does not expire.
    pub expires_at: Option<BlockNumber>,
    /// Uses in all. `None`: any number.
    pub uses: Option<u32>,
    /// Uses consumed.
    pub used: u32,
    /// Uses reserved by jobs and channels that have not ended.
    pub reserved: u32,
    /// What has been paid for it; 0 when it was given.
    pub paid: Balance,
}

/// Why a grant cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum Unusable {
    /// Its time is over.
    #[codec(index = 0)]
    Expired,
    /// Its uses are consumed or reserved.
    #[codec(index = 1)]
    Exhausted,
}

impl Grant {
    /// A grant that begins now.
    pub fn new(
        id: GrantId,
        now: BlockNumber,
        duration: Option<BlockNumber>,
        uses: Option<u32>,
        paid: Balance,
    ) -> Self {
        let expires_at = duration.map(|blocks| now.saturating_add(blocks));
        Self { id, since: now, expires_at, uses, used: 0, reserved: 0, paid }
    }

    /// Whether it can be used now.
    pub fn check(&self, now: BlockNumber) -> Result<(), Unusable> {
        self.check_uses(now, 1)
    }

    /// Whether it can be used so often now.
    fn check_uses(&self, now: BlockNumber, uses: u32) -> Result<(), Unusable> {
        if self.expires_at.is_some_and(|end| end <= now) {
            return Err(Unusable::Expired);
        }
        if self.uses_left().is_some_and(|left| left < uses) {
            return Err(Unusable::Exhausted);
        }
        Ok(())
    }

    /// Uses neither consumed nor reserved. `None`: any number.
    pub fn uses_left(&self) -> Option<u32> {
        let taken = self.used.saturating_add(self.reserved);
        self.uses.map(|uses| uses.saturating_sub(taken))
    }

    /// Reserves uses for a job or a channel, for which it has to be good still at `last`.
    pub fn reserve(mut self, last: BlockNumber, uses: u32) -> Result<Self, Unusable> {
        self.check_uses(last, uses)?;
        self.reserved = self.reserved.checked_add(uses).ok_or(Unusable::Exhausted)?;
        Ok(self)
    }

    /// What had reserved uses has ended, and `consumed` so many of them.
    pub fn end_use(mut self, reserved: u32, consumed: u32) -> Self {
        self.reserved = self.reserved.saturating_sub(reserved);
        self.used = self.used.saturating_add(consumed.min(reserved));
        self
    }

    /// Consumes a use at once.
    pub fn consume(mut self, now: BlockNumber) -> Result<Self, Unusable> {
        self.check(now)?;
        self.used = self.used.saturating_add(1);
        Ok(self)
    }

    /// Adds what has been bought once more to a grant whose time is not over.
    pub fn extend(mut self, terms: &GrantTerms) -> Self {
        self.expires_at = self.expires_at.map(|end| end.saturating_add(terms.duration));
        self.uses = match (self.uses, terms.uses) {
            (Some(uses), Some(more)) => Some(uses.saturating_add(more)),
            _ => None,
        };
        self.paid = self.paid.saturating_add(terms.price);
        self
    }

    /// What is given back when the grant is taken away: of what was paid, the unused part of its
    /// time or of its uses, whichever is less, rounded up. Reserved uses count as used.
    pub fn refund(&self, now: BlockNumber) -> Balance {
        let time =
            self.expires_at.map(|end| (end.saturating_sub(now), end.saturating_sub(self.since)));
        let uses = self.uses_left().zip(self.uses);
        [time, uses]
            .into_iter()
            .flatten()
            .map(|(left, all)| part_ceil(self.paid, left, all))
            .fold(self.paid, Balance::min)
    }
}

/// `amount x left / all`, rounded up, and never more than `amount`.
fn part_ceil(amount: Balance, left: u32, all: u32) -> Balance {
    let all = U256::from(all.max(1));
    let product = U256::from(amount).saturating_mul(left.into());
    let rounded = product.saturating_add(all.saturating_sub(1.into()));
    let part: Balance =
        rounded.checked_div(all).unwrap_or_default().try_into().unwrap_or(Balance::MAX);
    part.min(amount)
}

/// A grant and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct GrantView<AccountId = crate::AccountId> {
    /// What may be used.
    pub asset: AssetId,
    /// Who may use it.
    pub holder: AccountId,
    /// For how long, and how often.
    pub grant: Grant,
}

/// Whether an account may use an asset, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum Permission {
    /// It is open to everybody.
    #[codec(index = 0)]
    Open,
    /// The account owns it.
    #[codec(index = 1)]
    Owner,
    /// The account holds a grant that is good now.
    #[codec(index = 2)]
    Granted(Grant),
    /// It takes no new uses: its owner revoked it.
    #[codec(index = 3)]
    Revoked,
    /// The account holds no grant.
    #[codec(index = 4)]
    NoGrant,
    /// The account's grant is not good any more.
    #[codec(index = 5)]
    Unusable(Unusable),
}

impl Permission {
    /// Whether the account may use the asset.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Self::Open | Self::Owner | Self::Granted(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TERMS: GrantTerms = GrantTerms { price: 1_000, duration: 100, uses: Some(10) };

    fn bought() -> Grant {
        Grant::new(1, 50, Some(TERMS.duration), TERMS.uses, TERMS.price)
    }

    #[test]
    fn a_grant_should_end_at_its_block() {
        assert_eq!(bought().check(149), Ok(()));
        assert_eq!(bought().check(150), Err(Unusable::Expired));
        let given = Grant::new(1, 0, None, None, 0);
        assert_eq!(given.check(BlockNumber::MAX), Ok(()));
    }

    #[test]
    fn reserved_uses_should_not_be_used_twice() {
        let mut grant = bought();
        for _ in 0..10 {
            grant = grant.reserve(60, 1).unwrap();
        }
        assert_eq!(grant.reserve(60, 1), Err(Unusable::Exhausted));
        assert_eq!(grant.consume(60), Err(Unusable::Exhausted));
        let failed = grant.end_use(1, 0);
        assert_eq!(failed.uses_left(), Some(1));
        let settled = grant.end_use(1, 1);
        assert_eq!((settled.uses_left(), settled.used, settled.reserved), (Some(0), 1, 9));
    }

    #[test]
    fn many_uses_should_be_reserved_together_or_not_at_all() {
        assert_eq!(bought().reserve(60, 11), Err(Unusable::Exhausted));
        let grant = bought().reserve(60, 7).unwrap();
        assert_eq!(grant.reserve(60, 4), Err(Unusable::Exhausted));
        let ended = grant.end_use(7, 2);
        assert_eq!((ended.uses_left(), ended.used, ended.reserved), (Some(8), 2, 0));
        // An account of any number of uses can't reserve more than can be counted.
        let any = Grant::new(1, 0, None, None, 0).reserve(0, u32::MAX).unwrap();
        assert_eq!(any.reserve(0, 1), Err(Unusable::Exhausted));
    }

    #[test]
    fn a_refund_should_be_the_lesser_of_time_and_uses() {
        assert_eq!(bought().refund(50), 1_000);
        assert_eq!(bought().refund(100), 500);
        let used = Grant { used: 5, reserved: 2, ..bought() };
        assert_eq!(used.refund(60), 300);
        assert_eq!(used.refund(140), 100);
        assert_eq!(bought().refund(150), 0);
        assert_eq!(Grant { paid: 0, ..bought() }.refund(60), 0);
        assert_eq!(Grant { paid: 7, ..bought() }.refund(149), 1, "rounded up");
    }

    #[test]
    fn extending_should_add_time_uses_and_price() {
        let extended = bought().extend(&TERMS);
        assert_eq!(
            (extended.expires_at, extended.uses, extended.paid),
            (Some(250), Some(20), 2_000)
        );
        assert_eq!(extended.refund(150), 1_000);
    }

    proptest! {
        #[test]
        fn a_refund_should_never_exceed_what_was_paid_nor_rise(
            paid: Balance,
            duration in 1u32..,
            uses in proptest::option::of(1u32..),
            used: u32,
            now: u32,
            later: u32,
        ) {
            let grant = Grant { used, ..Grant::new(0, 0, Some(duration), uses, paid) };
            let (first, second) = (now.min(later), now.max(later));
            prop_assert!(grant.refund(first) <= paid);
            prop_assert!(grant.refund(second) <= grant.refund(first));
        }
    }
}
