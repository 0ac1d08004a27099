//! One file per topic, storage and weights against what calls really do, and the invariants.

mod buy;
mod collect;
mod cost;
mod give;
mod integrity;
mod invariants;
mod lineage;
mod owners;
mod register;
mod removal;
mod revocation;
mod statements;
mod status;
mod uses;
mod views;
mod waterfall;
