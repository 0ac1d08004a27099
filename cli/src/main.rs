//! `vigil`: the command line of the Vigil chain.
//!
//! | module | holds |
//! |---|---|
//! | `cli` | what can be typed |
//! | `assets` | shares, terms, citations: what models and datasets have in common |
//! | `commands` | one module per domain, each from arguments to output |
//! | `context` | the node's connection and the signing key |
//! | `follow` | jobs from submission to their output |
//! | `output` | tables, JSON and progress bars |
//! | `text`, `error` | safe printing, failures and exit codes |

mod assets;
mod cli;
mod commands;
mod context;
mod error;
mod follow;
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
