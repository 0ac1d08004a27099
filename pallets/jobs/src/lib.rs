//! Jobs: escrow, assignment, commit, reveal, expiry and settlement
