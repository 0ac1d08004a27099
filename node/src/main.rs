//! `vigil-node`: a validator or a full node of the Vigil chain.
//!
//! | file | holds |
//! |---|---|
//! | `cli.rs` | the flags and subcommands |
//! | `command.rs` | what each of them does |
//! | `chain_spec.rs` | the chains the node knows by name |
//! | `service.rs` | the parts of a running node, and how they are joined |
//! | `rpc/` | JSON-RPC for frontends |

// The service's own error type is what it is.
#![allow(clippy::result_large_err)]

mod chain_spec;
mod cli;
mod command;
mod rpc;
mod service;

fn main() -> sc_cli::Result<()> {
    command::run()
}
