//! Lets every cheat loose on a network, and prints how each was caught.

use clap::Parser;
use std::{path::PathBuf, process::ExitCode};
use vigil_e2e::{
    cheaters::{run, Options},
    Network,
};

/// Starts honest workers and one cheat after the other, has jobs computed, and tells how each cheat
/// was seen and what it lost. Fails when one was not caught, or when anybody honest lost money.
#[derive(Parser)]
#[command(name = "cheaters", version)]
struct Cli {
    /// WebSocket URL of a node of a running development network; may be repeated. A node is started
    /// when left out.
    #[arg(long, value_name = "URL")]
    node: Vec<String>,
    /// Only these cheats, by their names in the table.
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    only: Vec<String>,
    /// Leave out what waits for a clock to run out: ten minutes.
    #[arg(long)]
    fast: bool,
    /// How many cheat at the same time.
    #[arg(long, value_name = "N", default_value_t = 4)]
    at_once: usize,
    /// Write the table to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

fn main() -> ExitCode {
    let Cli { node, only, fast, at_once, json } = Cli::parse();
    let network = if node.is_empty() { Network::start() } else { Network::attach(&node) };
    let report = run(&network, &Options { only, fast, at_once });
    println!("{report}");
    if let Some(path) = json {
        if let Err(error) = std::fs::write(&path, format!("{:#}\n", report.json())) {
            eprintln!("cheaters: cannot write {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    }
    if report.faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
