//! One file per call, claims, the agenda, and the invariants.
