//! Nonces of transactions in flight.
//!
//! Transactions of one account are signed and handed to the pool one after the other, and followed
//! at the same time. The next nonce is the first one from the chain's on that none of ours in
//! flight holds: so when one is dropped, the next transaction fills its gap.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
};
use vigil_primitives::{AccountId, Nonce};

/// The nonces of every account that this client signs for.
#[derive(Default)]
pub(crate) struct Nonces(Mutex<HashMap<AccountId, Arc<Account>>>);

/// The nonces of one account.
#[derive(Default)]
pub(crate) struct Account {
    /// Held from choosing a nonce until the pool has taken the transaction.
    pub(crate) order: tokio::sync::Mutex<()>,
    in_flight: Mutex<BTreeSet<Nonce>>,
}

/// A nonce in flight. Dropping it frees the nonce.
pub(crate) struct Ticket {
    account: Arc<Account>,
    pub(crate) nonce: Nonce,
}

impl Nonces {
    pub(crate) fn account(&self, account: &AccountId) -> Arc<Account> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.entry(account.clone()).or_default().clone()
    }
}

impl Account {
    /// The next nonce. `chain` is the account's nonce at the best block, `pool` the one after its
    /// transactions in the pool. With `foreign`, another program is known to use the account.
    pub(crate) fn take(self: &Arc<Self>, chain: Nonce, pool: Nonce, foreign: bool) -> Ticket {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        let floor = if foreign || in_flight.is_empty() { chain.max(pool) } else { chain };
        let mut nonce = floor;
        while in_flight.contains(&nonce) {
            nonce = nonce.saturating_add(1);
        }
        in_flight.insert(nonce);
        Ticket { account: self.clone(), nonce }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let in_flight = &self.account.in_flight;
        in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.nonce);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Arc<Account> {
        Nonces::default().account(&[1; 32].into())
    }

    #[test]
    fn nonces_should_follow_each_other_when_many_are_in_flight() {
        let account = account();
        let tickets: Vec<_> = (0..43).map(|_| account.take(5, 5, false)).collect();
        let nonces: Vec<_> = tickets.iter().map(|ticket| ticket.nonce).collect();
        assert_eq!(nonces, (5..48).collect::<Vec<_>>());
    }

    #[test]
    fn take_should_fill_the_gap_when_a_transaction_was_dropped() {
        let account = account();
        let first = account.take(0, 0, false);
        let second = account.take(0, 1, false);
        let third = account.take(0, 2, false);
        drop(second);
        assert_eq!(account.take(0, 1, false).nonce, 1);
        drop((first, third));
    }

    #[test]
    fn take_should_go_behind_the_pool_when_another_program_uses_the_account() {
        let account = account();
        assert_eq!(account.take(3, 7, false).nonce, 7);
        let ours = account.take(3, 3, false);
        assert_eq!(ours.nonce, 3);
        assert_eq!(account.take(3, 7, true).nonce, 7);
    }
}
