//! A market of honest and cheating players, simulated with the chain's own formulas.
//!
//! The chance of an audit, who pays for it, what a slash is split into and what a record is worth
//! come from `vigil-primitives`; what the pallets do with them is told here in the same order, in a
//! few hundred lines without storage. `docs/economics.md` explains the results.
//!
//! | module | holds |
//! |---|---|
//! | [`rules`] | the constants of the runtime, and those of the simulated market |
//! | [`players`] | what each kind of player does when it is asked |
//! | [`ledger`] | accounts, to the last unit |
//! | [`draw`] | who is drawn |
//! | [`market`] | workers, requesters and the jobs between them |
//! | [`report`] | every player beside an honest one in its place |
//! | [`rates`] | tables of the formulas, without chance |
//! | [`plot`] | the picture |

pub mod draw;
pub mod ledger;
pub mod market;
pub mod players;
pub mod plot;
pub mod rates;
pub mod report;
pub mod rules;
