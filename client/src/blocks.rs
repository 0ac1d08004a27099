//! The stream of new best blocks.
//!
//! A block may come twice, and blocks may be left out after a pause: what counts is the state at
//! the newest one. The stream survives restarts of the node, and never ends.

use crate::{connection::Client, error::Result};
use std::time::Duration;
use vigil_primitives::{BlockNumber, Hash};

/// Without a block for this long, the subscription is made anew.
const SILENCE: Duration = Duration::from_secs(60);
/// Pause between attempts to subscribe.
const PAUSE: Duration = Duration::from_secs(1);

/// A block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its height.
    pub number: BlockNumber,
    /// Its hash.
    pub hash: Hash,
}

/// New best blocks. See [`Client::blocks`].
pub struct Blocks {
    client: Client,
    headers: Option<crate::connection::Headers>,
}

impl Blocks {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, headers: None }
    }

    /// The next best block. Waits through any restart of the node.
    pub async fn next(&mut self) -> Block {
        loop {
            match self.step().await {
                Ok(Some(block)) => return block,
                Ok(None) => {}
                Err(error) => {
                    tracing::warn!("waiting for the node: {error}");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn step(&mut self) -> Result<Option<Block>> {
        let mut headers = match self.headers.take() {
            Some(headers) => headers,
            None => self.client.subscribe_heads().await?,
        };
        let item = match tokio::time::timeout(SILENCE, headers.next()).await {
            Err(_) => return Ok(None),
            Ok(None) => {
                tokio::time::sleep(PAUSE).await;
                return Ok(None);
            }
            Ok(Some(item)) => item,
        };
        match item {
            Ok(header) => {
                self.headers = Some(headers);
                Ok(Some(Block { number: header.number, hash: header.hash() }))
            }
            Err(error) => {
                tracing::debug!("the subscription to blocks ended: {error}");
                Ok(None)
            }
        }
    }
}
