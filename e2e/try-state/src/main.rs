//! Checks what always holds of the state behind every block of a running network.
//!
//! For each finalised block the whole state is read from a node, its root is compared with the one in
//! the block's header, and `try_state` of every pallet is run on it.
//!
//! What it says goes to standard error: the library that reads states has standard output for itself.

use clap::Parser;
use frame_remote_externalities::{Builder, Mode, OnlineConfig};
use frame_support::traits::{TryState, TryStateSelect};
use std::process::ExitCode;
use substrate_rpc_client::{ws_client, ChainApi, FinalizedHeaders, WsClient};
use tokio::signal::unix::{signal, SignalKind};
use vigil_runtime::{AllPalletsWithSystem, Block, Hash, Header};

/// Blocks after which it says how far it is.
const TOLD: u32 = 50;

/// Follows a network until it is ended with SIGTERM or Ctrl-C. Fails at the first block behind which
/// something does not hold, and says what.
#[derive(Parser)]
#[command(name = "try-state", version)]
struct Cli {
    /// WebSocket URL of a node, which keeps the state of the last blocks.
    #[arg(long, value_name = "URL")]
    node: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    // What does not hold is told by the pallets, in the log.
    tracing_subscriber::fmt().with_env_filter("error").with_writer(std::io::stderr).init();
    let Cli { node } = Cli::parse();
    let mut checked = 0;
    let ended = tokio::select! {
        ended = follow(&node, &mut checked) => ended,
        () = asked_to_end() => Ok(()),
    };
    match ended {
        Ok(()) if checked > 0 => {
            eprintln!("Behind each of {checked} blocks everything held.");
            ExitCode::SUCCESS
        }
        Ok(()) => {
            eprintln!("try-state: no block was checked");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("try-state: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Checks the state behind every block from now on. Ends with an error only.
async fn follow(node: &str, checked: &mut u32) -> Result<(), String> {
    let client = ws_client(node).await?;
    let heads = <WsClient as ChainApi<(), Hash, Header, ()>>::subscribe_finalized_heads(&client)
        .await
        .map_err(|error| format!("{node} tells of no blocks: {error}"))?;
    let mut headers = FinalizedHeaders::<Block, _, _>::new(&client, heads);
    while let Some(header) = headers.next().await {
        check(node, &header).await.map_err(|error| format!("block {}: {error}", header.number))?;
        *checked = checked.saturating_add(1);
        if checked.is_multiple_of(TOLD) {
            eprintln!("{checked} blocks, up to {}", header.number);
        }
    }
    Err(format!("{node} is gone"))
}

/// Checks the state behind one block.
async fn check(node: &str, header: &Header) -> Result<(), String> {
    let config = OnlineConfig {
        at: Some(header.hash()),
        transport_uris: vec![node.to_owned()],
        child_trie: false,
        ..OnlineConfig::default()
    };
    let builder = Builder::<Block>::new().mode(Mode::Online(config));
    let mut state = builder.build().await.map_err(|error| error.to_string())?;
    state.execute_with(|| {
        AllPalletsWithSystem::try_state(header.number, TryStateSelect::All)
            .map_err(|error| format!("{error:?}"))
    })
}

/// Waits for a signal to end.
async fn asked_to_end() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
