//! The operators of a run.

/// Elements of a row that one partial sum covers.
pub const BLOCK: u32 = 1_024;
/// Tokens that one partial sum covers.
pub const TOKEN_BLOCK: u32 = 64;
