//! The flags of every command.

use clap::Args;
use std::path::PathBuf;

/// Flags of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// WebSocket URL of a node.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "VIGIL_NODE",
        default_value = "ws://127.0.0.1:9944",
        help_heading = "Global options"
    )]
    pub(crate) node: String,
    /// Key file that signs transactions, mode 0600 [env: VIGIL_KEY, unless --dev-key is given].
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        conflicts_with = "dev_key",
        help_heading = "Global options"
    )]
    pub(crate) key: Option<PathBuf>,
    /// Well-known key of a development chain: Alice, Bob, Charlie, ... Never for real money.
    #[arg(long, global = true, value_name = "NAME", help_heading = "Global options")]
    pub(crate) dev_key: Option<String>,
    /// Print JSON: one document on stdout, errors as an object on stderr.
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,
    /// Print one field of the JSON only, as text: status.receipt.workers, or jobs.0.id.
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        conflicts_with = "json",
        help_heading = "Global options"
    )]
    pub(crate) field: Option<String>,
    /// Print no progress.
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub(crate) quiet: bool,
}

impl Global {
    /// Whether the result is read by a program.
    pub(crate) fn is_for_programs(&self) -> bool {
        self.json || self.field.is_some()
    }
}
