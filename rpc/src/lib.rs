//! The JSON form of what the chain knows, written once.
//!
//! The node answers in it, `vigil --json` prints it, and whoever reads either reads the same. Every
//! type is made from the view of the runtime API that it shows, and can be read back.
//!
//! | module | holds | methods |
//! |---|---|---|
//! | [`models`] | models and their versions | `models_*` |
//! | [`datasets`] | datasets, their versions, statements about them | `datasets_*` |
//! | [`provenance`] | lineage, grants, revenue | `provenance_*` |
//! | [`workers`] | workers and what they have computed | `workers_*` |
//! | [`jobs`] | jobs, prices, the constants that a client needs | `jobs_*` |
//! | [`disputes`] | claims, challenges, and how far they have come | `disputes_*` |
//! | [`channels`] | channels, what workers offer, receipts on chain | `channels_*` |
//! | [`audits`] | how likely jobs are audited, and what audits have found | |
//! | [`form`] | what several of them share | |
//! | [`error`] | the codes of errors | |
//!
//! # The form
//!
//! - Names are camelCase.
//! - Amounts, work and every other number that may exceed 2^53 are strings of decimal digits.
//! - Hashes, keys and bytes are `0x` hexadecimal, accounts SS58 addresses.
//! - A version of a model is `"model@version"`, an asset `"model:0@1"` or `"dataset:3@0"`.
//! - Shares are in parts per million, and their names end in `Ppm`.
//! - A choice that carries data is an object whose `kind` names it; one that carries none is its
//!   name alone, in snake_case.
//!
//! One part has a form of its own: the `architecture` of a version of a model is as its package
//! states it, in snake_case, and its `family` says which kind it is.
//!
//! The traits of the methods come with the features `server` and `client`.
//!
//! ```
//! use vigil_primitives::job;
//! use vigil_rpc::form::Contribution;
//!
//! let era = job::Contribution { jobs: 3, work: 1 << 60, earned: 5 };
//! let json = serde_json::to_string(&Contribution::from(era))?;
//! assert_eq!(json, r#"{"jobs":3,"work":"1152921504606846976","earned":"5"}"#);
//! assert_eq!(serde_json::from_str::<Contribution>(&json)?, Contribution::from(era));
//! # Ok::<(), serde_json::Error>(())
//! ```

pub mod audits;
pub mod channels;
pub mod datasets;
pub mod disputes;
pub mod error;
pub mod form;
pub mod jobs;
pub mod models;
pub mod provenance;
pub mod quotes;
pub mod workers;
