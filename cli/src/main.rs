//! The Vigil command line.
fn main() {}
