//! Where the money of jobs went.
//!
//! | file | holds |
//! |---|---|
//! | `ledger` | what the receipts of a set of jobs say that everybody was paid |
//! | `books` | what everybody had before and has after, and whether the receipts explain it |

mod books;
mod ledger;

pub use books::{Account, Books, BooksError};
pub use ledger::{total_royalties, Earned, Entry, Ledger, LedgerError, Role};
