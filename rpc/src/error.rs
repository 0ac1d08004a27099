//! The codes of errors, beside those of JSON-RPC itself.

/// A parameter is wrong: the message says which and why. JSON-RPC's own code.
pub const INVALID_PARAMS: i32 = -32_602;

/// The node could not answer, for instance because the state of the block is pruned: the data says
/// why.
pub const UNAVAILABLE: i32 = 1;
