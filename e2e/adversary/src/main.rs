//! Workers that cheat, and a challenger that lies: what the end-to-end tests and the demo catch.
//!
//! All of them are the real worker with other [`Hands`]: they register, bond, commit, reveal and
//! play like any other. `claimant` is wrong in every job in one way of many, and stands for what came
//! out; drawn as an auditor it is as wrong. `challenger` says of every result that it is wrong, and
//! goes as far as the rules let it. Each loses its bond.
//!
//! | module | holds |
//! |---|---|
//! | [`cheat`] | the ways of being wrong, by name |
//! | [`fault`] | what goes wrong in a run |
//! | [`words`] | outputs that no run gives |
//! | [`claimant`] | a worker whose results are wrong |
//! | [`moves`] | moves that no run gives |
//! | [`conduct`] | commitments that are copied, replayed, not revealed or not made |
//! | [`challenger`] | a challenger of right results |

mod challenger;
mod cheat;
mod claimant;
mod conduct;
mod fault;
mod moves;
mod words;

use challenger::Liar;
use cheat::Cheat;
use claimant::Claimant;
use clap::{Parser, Subcommand};
use conduct::{Dishonest, Manner};
use fault::Flip;
use moves::Moves;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};
use vigil_engine::{trace::Trace, Package};
use vigil_primitives::{Architecture, Sampling};
use vigil_worker::{Hands, Honest, Models};

/// Cheats, to be caught. For tests and the demo; never for money.
#[derive(Parser)]
#[command(name = "vigil-adversary", version, about)]
struct Cli {
    #[command(subcommand)]
    role: Role,
    /// The worker's configuration file.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Role {
    /// Lists the cheats that runs of a model can have.
    Cheats {
        /// The model's package.
        #[arg(long, value_name = "DIR")]
        package: PathBuf,
    },
    /// Serves jobs with wrong results, and stands for them.
    Claimant {
        /// The way of being wrong, as `cheats` lists it.
        #[arg(long, value_name = "NAME", default_value = "flip")]
        cheat: Cheat,
        /// Of `flip` the operator, by its number in the program; what the first layer's attention
        /// gives when left out.
        #[arg(long, value_name = "N")]
        op: Option<u32>,
        /// The byte of its result, counted from the last.
        #[arg(long, value_name = "N", default_value_t = 0)]
        byte: usize,
        /// The bit of the byte.
        #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u8).range(..8))]
        bit: u8,
        /// How it plays in disputes.
        #[arg(long, value_name = "HOW", default_value = "own")]
        moves: Moves,
        /// What goes on chain.
        #[arg(long, value_name = "HOW", default_value = "honest")]
        conduct: Manner,
    },
    /// Serves jobs as it should, and challenges every result that `watch` draws, right or wrong.
    Challenger,
}

fn main() -> ExitCode {
    let Cli { role, config } = Cli::parse();
    match run(role, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vigil-adversary: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(role: Role, config: Option<PathBuf>) -> Result<(), String> {
    if let Role::Cheats { package } = &role {
        return list(package);
    }
    let config = config.map(|path| ["--config".into(), path.into_os_string()]);
    let args = ["vigil-adversary".into(), "run".into()];
    let worker =
        vigil_worker::Cli::parse_from(args.into_iter().chain(config.into_iter().flatten()));
    let hands = |models: Arc<Models>| match role {
        Role::Claimant { cheat, op, byte, bit, moves, conduct } => {
            let flip = Flip { op, byte, bit };
            let claimant = Arc::new(Claimant { models, cheat, flip, moves });
            let conduct = Arc::new(Dishonest::new(conduct));
            Hands { compute: claimant.clone(), advocates: claimant, conduct }
        }
        Role::Challenger | Role::Cheats { .. } => Hands {
            compute: models.clone(),
            advocates: Arc::new(Liar { models }),
            conduct: Arc::new(Honest),
        },
    };
    worker.run(hands).map_err(|error| error.to_string())
}

/// Prints the names of all cheats with a model.
fn list(package: &Path) -> Result<(), String> {
    let package = Package::open(package).map_err(|error| error.to_string())?;
    let architecture = package.architecture();
    // Texts may be drawn as well, which takes more operators.
    let sampling = match architecture {
        Architecture::Decoder(_) => {
            let temperature = 1f32.to_bits();
            Sampling::Gumbel { seed: 0, temperature, min_p: 0 }
        }
        Architecture::Encoder(_) => Sampling::Greedy,
    };
    let trace = Trace::new(architecture, 2, sampling).map_err(|error| error.to_string())?;
    for (name, about) in Cheat::of(&trace) {
        println!("{name:<24} {about}");
    }
    Ok(())
}
