//! The Vigil worker.
fn main() {}
