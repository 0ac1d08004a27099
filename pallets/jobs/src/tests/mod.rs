//! One file per call, one per hook, and the invariants under random sequences.

mod agenda;
mod cancel;
mod commit;
mod decline;
mod invariants;
mod poke;
mod queue;
mod reveal;
mod settle;
mod submit;
mod terms;
mod views;
mod waterfall;
