//! Simulates the market and prints what each player comes to.

use anyhow::Result;
use clap::Parser;
use std::path::PathBuf;
use vigil_economics::{
    plot, rates,
    report::{Report, Runs},
};

/// Every way to play beside honesty in its place, with the chain's own formulas.
#[derive(Parser)]
struct Options {
    #[command(flatten)]
    runs: Runs,
    /// Draws the picture into this file.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Prints the tables of the formulas instead, which know no chance.
    #[arg(long)]
    rates: bool,
}

fn main() -> Result<()> {
    let options = Options::parse();
    if options.rates {
        print!("{}", rates::tables());
        return Ok(());
    }
    let report = Report::run(options.runs);
    print!("{report}");
    options.svg.map_or(Ok(()), |file| plot::draw(&file, &report))
}
