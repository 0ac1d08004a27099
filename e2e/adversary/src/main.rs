//! A worker that cheats, and a challenger that lies: what the end-to-end tests and the demo catch.
//!
//! Both are the real worker with other [`Hands`]: they register, bond, commit, reveal and play like
//! any other. `claimant` computes every job with one bit of one operator's result flipped, as broken
//! hardware would, and stands for what came out. `challenger` says of every result that it is wrong,
//! and goes as far as the rules let it. Either loses its bond.

mod challenger;
mod claimant;

use challenger::Liar;
use claimant::{Broken, Flip};
use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode, sync::Arc};
use vigil_engine::trace::Trace;
use vigil_ops::{trace::Recording, Op};
use vigil_primitives::{ModelVersionId, Sampling};
use vigil_worker::{Failure, Hands, Models};

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
    /// Serves jobs with one bit flipped in the result of one operator, and stands for the outcome.
    Claimant {
        /// The operator, by its number in the program; what the first layer's attention gives when
        /// left out.
        #[arg(long, value_name = "N")]
        op: Option<u32>,
        /// The byte of its result, counted from the last.
        #[arg(long, value_name = "N", default_value_t = 0)]
        byte: usize,
        /// The bit of the byte.
        #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u8).range(..8))]
        bit: u8,
    },
    /// Serves jobs as it should, and challenges every result that `watch` draws, right or wrong.
    Challenger,
}

fn main() -> ExitCode {
    let Cli { role, config } = Cli::parse();
    let config = config.map(|path| ["--config".into(), path.into_os_string()]);
    let args = ["vigil-adversary".into(), "run".into()];
    let worker =
        vigil_worker::Cli::parse_from(args.into_iter().chain(config.into_iter().flatten()));
    let hands = |models: Arc<Models>| match role {
        Role::Claimant { op, byte, bit } => {
            let broken = Arc::new(Broken { models, flip: Flip { op, byte, bit } });
            Hands { compute: broken.clone(), advocates: broken }
        }
        Role::Challenger => Hands { compute: models.clone(), advocates: Arc::new(Liar { models }) },
    };
    match worker.run(hands) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("vigil-adversary: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A run over known tokens that keeps every result. `fault` may change each of them before it is
/// used.
fn recording(
    models: &Models,
    version: ModelVersionId,
    (tokens, sampling): (&[u32], Sampling),
    fault: impl FnMut(u32, &Op, &mut [u8]),
) -> Result<Recording, Failure> {
    let unable = |what: String| Failure::Unable(what);
    let (model, package) = models
        .with_package(version)
        .ok_or_else(|| unable(format!("version {version} is not loaded")))?;
    let count = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
    let trace = Trace::new(model.architecture(), count, sampling);
    let trace = trace.map_err(|error| unable(error.to_string()))?;
    Recording::new(trace, tokens, package.weights(), fault).map_err(|bad| unable(bad.to_string()))
}
