//! The Vigil worker: serves jobs with local hardware and is paid for it.
//!
//! The engine computes and the shared client talks to the chain; what lies between is here.
//! `service` is the event loop, `jobs` what it knows and the table that it follows, `executor` what
//! computes, `store` what survives a crash, `server` what requesters reach.

mod app;
mod blobs;
mod chain;
mod config;
mod disputes;
mod error;
mod executor;
mod jobs;
mod key;
mod listener;
mod metrics;
mod packages;
mod server;
mod service;
mod setup;
mod store;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match app::Cli::parse().run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vigil-worker: {error}");
            ExitCode::FAILURE
        }
    }
}
