//! What can be typed: the flags of a Substrate node and its maintenance subcommands.

/// The command line of the node.
#[derive(Debug, clap::Parser)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) subcommand: Option<Subcommand>,

    #[command(flatten)]
    pub(crate) run: sc_cli::RunCmd,
}

/// What the node does instead of running.
#[derive(Debug, clap::Subcommand)]
#[allow(clippy::large_enum_variant)] // parsed once
pub(crate) enum Subcommand {
    /// Make, insert and inspect keys.
    #[command(subcommand)]
    Key(sc_cli::KeySubcommand),

    /// Build a chain specification.
    BuildSpec(sc_cli::BuildSpecCmd),

    /// Export a chain specification.
    ExportChainSpec(sc_cli::ExportChainSpecCmd),

    /// Validate blocks that are already stored.
    CheckBlock(sc_cli::CheckBlockCmd),

    /// Export blocks to a file.
    ExportBlocks(sc_cli::ExportBlocksCmd),

    /// Export the state of a block as a chain specification.
    ExportState(sc_cli::ExportStateCmd),

    /// Import blocks from a file.
    ImportBlocks(sc_cli::ImportBlocksCmd),

    /// Remove the whole chain from this machine.
    PurgeChain(sc_cli::PurgeChainCmd),

    /// Take back the latest blocks.
    Revert(sc_cli::RevertCmd),

    /// Show what the database holds.
    ChainInfo(sc_cli::ChainInfoCmd),
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_command_line_should_be_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn build_spec_should_parse_when_zombienet_calls_it() {
        let cli = Cli::parse_from([
            "vigil-node",
            "build-spec",
            "--chain=local",
            "--disable-default-bootnode",
            "--raw",
        ]);
        let Some(Subcommand::BuildSpec(command)) = cli.subcommand else {
            panic!("parsed as {:?}", cli.subcommand);
        };
        assert!(command.raw && command.disable_default_bootnode);
        assert_eq!(command.shared_params.chain.as_deref(), Some("local"));
    }

    #[test]
    fn dev_should_parse_when_given_alone() {
        let cli = Cli::parse_from(["vigil-node", "--dev"]);
        assert!(cli.subcommand.is_none() && cli.run.shared_params.dev);
    }

    #[test]
    fn every_maintenance_command_should_parse_when_given_its_arguments() {
        for line in [
            "key generate",
            "export-chain-spec --chain dev",
            "check-block --dev 1",
            "export-blocks --dev --from 1 --to 2",
            "export-state --dev",
            "import-blocks --dev blocks.bin",
            "purge-chain --dev -y",
            "revert --dev 1",
            "chain-info --dev",
        ] {
            let words = std::iter::once("vigil-node").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
    }

    #[test]
    fn an_unknown_flag_should_be_refused() {
        assert!(Cli::try_parse_from(["vigil-node", "--no-such-flag"]).is_err());
    }
}
