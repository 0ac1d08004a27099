//! Ownership that pays, with the four pallets as the runtime wires them: what no pallet can test
//! alone.

mod grants;
mod invariants;
#[path = "../common/market.rs"]
mod market;
mod publisher;
mod refusals;
mod settlement;
mod storage;
