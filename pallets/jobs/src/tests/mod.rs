//! One file per call, one per hook, one for each promise of the market, and the invariants under
//! random sequences.

mod agenda;
mod audit;
mod cancel;
mod commit;
mod crowds;
mod decline;
mod dispute;
mod fairness;
mod invariants;
mod outbid;
mod poke;
mod queue;
mod reveal;
mod settle;
mod submit;
mod terms;
mod views;
mod waiting;
mod wake;
mod waterfall;
