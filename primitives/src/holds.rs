//! What records say is on hold, against what is.

use crate::Balance;
use alloc::{collections::BTreeMap, vec::Vec};
use codec::Encode;

/// Sums by account. Accounts have no order of their own here: their encoding does.
///
/// ```
/// use vigil_primitives::holds::Sums;
///
/// let (alice, bob, carol) = (1u64, 2, 3);
/// let mut sums = Sums::default();
/// sums.add(&alice, 40);
/// sums.add(&alice, 2);
/// let held = |account: &u64| if *account == alice { 42 } else { 0 };
/// assert!(sums.clone().are_held([alice, bob], held));
/// assert!(!sums.clone().are_held([alice, bob], |_| 42), "nothing is recorded of Bob");
/// sums.add(&carol, 1);
/// assert!(!sums.are_held([alice, bob], held), "Carol has no account");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sums(BTreeMap<Vec<u8>, Balance>);

impl Sums {
    /// Adds what is recorded of an account.
    pub fn add(&mut self, account: &impl Encode, amount: Balance) {
        let sum = self.0.entry(account.encode()).or_default();
        *sum = sum.saturating_add(amount);
    }

    /// Whether every account has as much on hold as the records say: whoever is in none has nothing.
    /// `accounts` are all that there are.
    pub fn are_held<Account: Encode>(
        mut self,
        accounts: impl IntoIterator<Item = Account>,
        held: impl Fn(&Account) -> Balance,
    ) -> bool {
        accounts
            .into_iter()
            .all(|account| held(&account) == self.0.remove(&account.encode()).unwrap_or_default())
            && self.0.into_values().all(|sum| sum == 0)
    }
}
