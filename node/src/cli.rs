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
    fn a_specification_should_be_buildable_without_a_boot_node() {
        let cli = Cli::parse_from([
            "vigil-node",
            "build-spec",
            "--chain=local",
            "--disable-default-bootnode",
            "--raw",
        ]);
        assert!(matches!(cli.subcommand, Some(Subcommand::BuildSpec(_))));
    }
}
