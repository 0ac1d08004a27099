//! Real networks: a node, workers and the command line, started by each test for itself.
//!
//! One program, so that tests wait for their blocks beside each other.

mod audits;
mod cheaters;
mod disputes;
mod jobs;
mod ownership;
mod recovery;
mod text;
