//! What can be typed: the global flags and one subcommand per domain.

use crate::{
    commands::{
        account, chain, collect, compare, dataset, dispute, grant, job, lineage, metadata, model,
        pack, revenue, run, search, verify, worker,
    },
    error::{CommandResult, Failure},
    global::Global,
};
use clap::{Args, CommandFactory, Parser, Subcommand};

/// The Vigil command line: what model owners, requesters and operators type.
#[derive(Debug, Parser)]
#[command(name = "vigil", version, about, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "\
Amounts: 1.5, 1.5VGL or 1500u (u: the smallest unit, 0.000000000001 VGL). \
In JSON, amounts are strings of whole smallest units.\n\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 rejected by the chain or refunded, \
4 not found, 5 no connection.";

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Turn a Hugging Face model folder into a package.
    Pack(pack::Pack),
    /// Run a package on this machine, without a chain.
    Run(run::Run),
    /// Measure how near a package comes to the float model it was made from.
    Compare(compare::Compare),
    /// Models and their versions.
    #[command(subcommand)]
    Model(model::Command),
    /// Datasets, their versions and statements about them.
    #[command(subcommand)]
    Dataset(dataset::Command),
    /// The right to use an asset, bought or given.
    #[command(subcommand)]
    Grant(grant::Command),
    /// Have what is kept for an account paid to it.
    Collect(collect::Collect),
    /// The JSON documents that describe models and datasets.
    #[command(subcommand)]
    Metadata(metadata::Command),
    /// What an asset descends from: a tree with shares and owners.
    Lineage(lineage::Lineage),
    /// What an account has earned with its assets, by era.
    Revenue(revenue::Revenue),
    /// Workers: the list, and what an operator does to one.
    #[command(subcommand)]
    Worker(worker::Command),
    /// Paid runs of a model.
    #[command(subcommand)]
    Job(job::Command),
    /// Disputes about results: the list, the way down of one, and challenges of your own.
    #[command(subcommand)]
    Dispute(dispute::Command),
    /// Find out on this machine whether the results of a job are right, and name what is wrong.
    Verify(verify::Verify),
    /// Rank documents for questions with paid jobs.
    Search(search::Search),
    /// Keys, balances and transfers.
    #[command(subcommand)]
    Account(account::Command),
    /// The chain itself.
    #[command(subcommand)]
    Chain(chain::Command),
    /// Print a completion script for a shell.
    Completions(Completions),
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

impl Cli {
    /// Does what was typed.
    pub(crate) async fn execute(self) -> CommandResult {
        let global = self.global;
        match self.command {
            Command::Pack(pack) => pack.execute(&global),
            Command::Run(run) => run.execute(&global),
            Command::Compare(compare) => compare.execute(&global),
            Command::Model(command) => command.execute(&global).await,
            Command::Dataset(command) => command.execute(&global).await,
            Command::Grant(command) => command.execute(&global).await,
            Command::Collect(collect) => collect.execute(&global).await,
            Command::Metadata(command) => command.execute(&global).await,
            Command::Lineage(lineage) => lineage.execute(&global).await,
            Command::Revenue(revenue) => revenue.execute(&global).await,
            Command::Worker(command) => command.execute(&global).await,
            Command::Job(command) => command.execute(&global).await,
            Command::Dispute(command) => command.execute(&global).await,
            Command::Verify(verify) => verify.execute(&global).await,
            Command::Search(search) => search.execute(&global).await,
            Command::Account(command) => command.execute(&global).await,
            Command::Chain(command) => command.execute(&global).await,
            Command::Completions(completions) => completions.execute(),
        }
    }
}

impl Completions {
    fn execute(self) -> CommandResult {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "vigil", &mut script);
        std::io::Write::write_all(&mut std::io::stdout(), &script)
            .map_err(|error| Failure::failed(format!("cannot write to standard output: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_should_be_well_formed() {
        Cli::command().debug_assert();
    }
}
