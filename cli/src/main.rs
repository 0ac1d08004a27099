//! `vigil`: the command line of the Vigil chain.
//!
//! | module | holds |
//! |---|---|
//! | `cli`, `global` | what can be typed, and the flags of every command |
//! | `assets` | shares, terms, citations: what models and datasets have in common |
//! | `commands` | one module per domain, each from arguments to output |
//! | `context` | the node's connection and the signing key |
//! | `format`, `output` | how values look; tables, JSON and progress bars |
//! | `files`, `text`, `error` | reading files, safe printing, failures and exit codes |
//!
//! What a requester does, from the order to the account of the money, is
//! [`vigil_client::requester`]: here are its flags, tables and sentences.

mod assets;
mod cli;
mod commands;
mod context;
mod error;
mod files;
mod format;
mod global;
mod output;
mod text;

use clap::Parser;
use error::{CommandResult, Failure};
use std::process::ExitCode;

fn main() -> ExitCode {
    let json = std::env::args_os().any(|argument| argument == "--json");
    match run(json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::failure(&failure, json);
            ExitCode::from(failure.kind() as u8)
        }
    }
}

fn run(json: bool) -> CommandResult {
    let cli = cli::Cli::try_parse().map_err(|error| {
        if json && error.use_stderr() {
            Failure::usage(output::usage(&error))
        } else {
            error.exit()
        }
    })?;
    output::log_to_stderr();
    tokio::runtime::Runtime::new()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))?
        .block_on(cli.execute())
}
