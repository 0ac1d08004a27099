//! One file per topic, storage and weights against what calls really do, and the invariants.

mod buy;
mod collect;
mod cost;
mod give;
mod integrity;
mod invariants;
mod lineage;
mod removal;
mod revocation;
mod status;
mod uses;
mod views;
mod waterfall;
