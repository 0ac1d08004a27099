//! A typed client of the Vigil chain, shared by the worker and the command line.
//!
//! Both sides of every exchange speak the types of `vigil-primitives`. Runtime calls go out as
//! SCALE and come back as those types; extrinsics are the SCALE of those types behind a pallet and
//! a call found by name in the node's own metadata; events are decoded the same way. So there is no
//! generated code and no metadata file that could grow old, and a chain that does not fit is
//! refused with a sentence instead of being misread.
//!
//! | module | holds |
//! |---|---|
//! | [`Client`] | the connection: it survives node restarts |
//! | [`api`] | the runtime APIs, and which versions of them are needed |
//! | [`view`] | what the chain knows at one block |
//! | [`pages()`] | the whole of a listing that the chain answers page by page |
//! | [`calls`] | every extrinsic of models, datasets, grants, workers and jobs |
//! | [`requester`] | paid runs, from the order to the verified output and the account of the money |
//! | [`citations`] | whether the chain would let a version cite what it is to cite |
//! | [`submit`] | signing, sending, following: many at once, none lost |
//! | [`published`] | bytes that a claimant had to publish on chain |
//! | [`events`] | what an extrinsic brought about |
//! | [`blocks`] | the stream of new best blocks |
//! | [`keys`] | key files, keystores and addresses |
//! | [`blobs`] | inputs and outputs over HTTP, by hash |
//! | [`amount`] | amounts of the token as people write them |
//! | [`error`] | what can go wrong, sorted by what to do about it |
//!
//! ```no_run
//! use vigil_client::{calls::balances, Client, Key, Until};
//! use vigil_primitives::MILLI;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::connect("ws://127.0.0.1:9944").await?;
//! let (alice, bob) = (Key::dev("Alice")?, Key::dev("Bob")?);
//! let transfer = balances::transfer_keep_alive(bob.account(), MILLI);
//! let included = client.submit(&transfer, &alice, Until::Finalized).await?;
//! println!("in block {}", included.block.number);
//! println!("{:?}", client.finalized().await?.balances(bob.account()).await?);
//! # Ok(())
//! # }
//! ```

pub mod amount;
pub mod api;
pub mod blobs;
pub mod blocks;
pub mod calls;
pub mod citations;
mod connection;
pub mod error;
pub mod events;
pub mod keys;
mod nonces;
mod pages;
pub mod published;
pub mod requester;
pub mod submit;
pub mod view;

pub use amount::Amount;
pub use api::Api;
pub use blocks::{Block, Blocks};
pub use calls::Call;
pub use connection::{Client, Options};
pub use error::{Error, Reaction, Result};
pub use events::{Event, Events};
pub use keys::Key;
pub use pages::pages;
pub use submit::{Included, Pending, Until};
pub use view::{Balances, View};
