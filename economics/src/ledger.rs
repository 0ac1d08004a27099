//! Accounts, to the last unit.

use vigil_primitives::{Balance, UNIT};

/// Whose money it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// All requesters but the next.
    Requester,
    /// The requester that is one person with some workers.
    Dealer,
    /// What is held for the job at hand.
    Escrow,
    /// Protocol fees, costs of disputes.
    Treasury,
    /// Nobody's any more.
    Burned,
    /// A worker with its bond, which it fills up again from the rest.
    Worker(usize),
}

/// What a purse holds and has seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct Purse {
    /// Now.
    pub balance: Balance,
    /// All that came.
    pub received: Balance,
    /// All that went.
    pub given: Balance,
}

/// All accounts. Money moves by [`take`](Self::take) and [`give`](Self::give), one by one, so that a
/// formula that loses a unit shows in the [`sum`](Self::sum).
#[derive(Clone, Debug)]
pub struct Ledger {
    purses: Vec<Purse>,
}

/// Accounts before the workers.
const OTHERS: usize = 5;
/// So much that nobody but the treasury runs out.
const DEEP: Balance = 10_000_000 * UNIT;

impl Ledger {
    /// With so many workers, and so much in the treasury.
    pub fn new(workers: usize, treasury: Balance) -> Self {
        let mut ledger = Self { purses: vec![Purse::default(); OTHERS + workers] };
        let everybody = (0..workers).map(Account::Worker);
        for account in everybody.chain([Account::Requester, Account::Dealer]) {
            ledger.purse_mut(account).balance = DEEP;
        }
        ledger.purse_mut(Account::Treasury).balance = treasury;
        ledger
    }

    /// All money, burned or not.
    pub fn sum(&self) -> Balance {
        self.purses.iter().map(|purse| purse.balance).sum()
    }

    /// What an account holds and has seen.
    pub fn purse(&self, account: Account) -> Purse {
        self.purses[index(account)]
    }

    /// Takes `amount`, or what there is. How much.
    #[must_use]
    pub fn take(&mut self, from: Account, amount: Balance) -> Balance {
        let purse = self.purse_mut(from);
        let taken = amount.min(purse.balance);
        purse.balance -= taken;
        purse.given += taken;
        taken
    }

    /// Gives what was taken elsewhere.
    pub fn give(&mut self, to: Account, amount: Balance) {
        let purse = self.purse_mut(to);
        purse.balance += amount;
        purse.received += amount;
    }

    /// Both.
    pub fn pay(&mut self, from: Account, to: Account, amount: Balance) -> Balance {
        let taken = self.take(from, amount);
        self.give(to, taken);
        taken
    }

    fn purse_mut(&mut self, account: Account) -> &mut Purse {
        &mut self.purses[index(account)]
    }
}

fn index(account: Account) -> usize {
    match account {
        Account::Requester => 0,
        Account::Dealer => 1,
        Account::Escrow => 2,
        Account::Treasury => 3,
        Account::Burned => 4,
        Account::Worker(number) => OTHERS + number,
    }
}
