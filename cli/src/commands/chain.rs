//! `vigil chain`: the chain itself.

use crate::format::form;
use crate::{
    context::Context,
    error::CommandResult,
    format::{amount, amount_json, hex},
    global::Global,
    output,
};
use clap::Subcommand;
use serde_json::json;

/// `vigil chain ...`.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Where the chain stands.
    Info,
    /// The constants that money and deadlines depend on.
    Parameters,
}

impl Command {
    /// Does what was typed.
    pub(crate) async fn execute(self, global: &Global) -> CommandResult {
        let context = Context::connect(global).await?;
        match self {
            Self::Info => info(&context).await,
            Self::Parameters => parameters(&context).await,
        }
    }
}

async fn info(context: &Context) -> CommandResult {
    let best = context.client.best_head().await?;
    let finalized = context.client.finalized_head().await?;
    let genesis = context.client.genesis_hash();
    let json = json!({
        "node": context.client.url(),
        "genesis": hex(&genesis),
        "best": { "number": best.number, "hash": hex(&best.hash) },
        "finalized": { "number": finalized.number, "hash": hex(&finalized.hash) },
    });
    output::show(&context.global, &json, || {
        output::fields([
            ("node", context.client.url().to_owned()),
            ("genesis", hex(&genesis)),
            ("best block", format!("{} {}", best.number, hex(&best.hash))),
            ("final block", format!("{} {}", finalized.number, hex(&finalized.hash))),
        ])
    });
    Ok(())
}

async fn parameters(context: &Context) -> CommandResult {
    let parameters = context.view().parameters().await?;
    let minimum = context.view().existential_deposit().await?;
    let (shortest, longest) = parameters.challenge_window;
    let mut json = form(vigil_rpc::jobs::Parameters::from(parameters.clone()));
    json["existentialDeposit"] = amount_json(minimum);
    output::show(&context.global, &json, || {
        let ppm = parameters.protocol_fee_ppm;
        output::fields([
            ("treasury", parameters.treasury.to_string()),
            ("protocol fee", format!("{}.{:04} % of rewards", ppm / 10_000, ppm % 10_000)),
            ("fee for a block of waiting", amount(parameters.waiting_fee)),
            ("smallest bond", amount(parameters.min_bond)),
            ("smallest balance", amount(minimum)),
            ("time to commit", format!("{} blocks", parameters.commit_period)),
            ("time to reveal", format!("{} blocks", parameters.reveal_period)),
            ("challenge window", format!("{shortest} to {longest} blocks")),
            ("longest job", format!("{} blocks", parameters.max_duration)),
            ("era", format!("{} blocks", parameters.era_length)),
            ("time between blocks", format!("{} ms", parameters.block_time_ms)),
        ])
    });
    Ok(())
}
