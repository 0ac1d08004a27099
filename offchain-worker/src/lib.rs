//! The Vigil worker: serves jobs with local hardware and is paid for it.
//!
//! The engine computes and the shared client talks to the chain; what lies between is here.
//! `service` is the event loop, `jobs` what it knows and the table that it follows, `executor` what
//! computes, `store` what survives a crash, `server` what requesters reach.
//!
//! It is a library so that [`Hands`] of another kind can be put to the same work.

mod app;
mod blobs;
mod chain;
mod conduct;
mod config;
mod disputes;
mod error;
mod executor;
mod jobs;
mod key;
mod listener;
mod metrics;
mod packages;
mod server;
mod service;
mod setup;
mod store;

pub use app::{Cli, Hands};
pub use conduct::{Conduct, Honest};
pub use disputes::Advocates;
pub use error::Error;
pub use executor::{Batch, Compute, Computed, Failure, Models};
pub use key::Key;
