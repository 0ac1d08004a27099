//! One file per call, claims, the agenda, what is paid, and the invariants.

mod agenda;
mod claims;
mod close;
mod dispute_close;
mod integrity;
mod invariants;
mod open;
mod set_terms;
mod settle;
mod show;
mod top_up;
mod views;

// The pallet, not its storage of the same name.
use crate::mock::Channels;
use crate::{mock::*, *};
use frame_support::{assert_noop, assert_ok};
