//! `vigil-worker`: the program.

use clap::Parser;
use std::process::ExitCode;
use vigil_worker::{Cli, Hands};

fn main() -> ExitCode {
    match Cli::parse().run(Hands::from) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vigil-worker: {error}");
            ExitCode::FAILURE
        }
    }
}
