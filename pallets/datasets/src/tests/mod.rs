//! One file per topic. Any sequence of calls keeps every invariant, of this pallet and of the keeper of
//! lineage and grants together: that is tested beside the latter.

mod cost;
mod integrity;
mod owners;
mod register;
mod statements;
mod status;
mod views;
