//! The Vigil node.
fn main() {}
