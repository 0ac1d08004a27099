//! Packages, and their reproducible execution with candle.
//!
//! The engine turns a Hugging Face folder into a package, verifies packages that strangers made,
//! and runs them so that the output bytes are the same on every machine. It knows no chain and no
//! network: the worker and the command line do.
//!
//! | module | holds |
//! |---|---|
//! | [`pack`] | a Hugging Face folder becomes a package, the same bytes on any machine |
//! | [`package`] | the manifest, the layout of the weights, verification |
//! | [`tokenizer`] | text to token ids and back |
//! | [`chat`] | messages to the text that a model was trained to go on with |
//! | [`model`] | a loaded package and its runs |
//! | [`trace`] | a run again, for a dispute: anchors, row programs, proofs |
//! | [`float`] | the float models that accuracy is measured against |
//! | [`report`](mod@report) | what a package loses against its float model |
//! | [`error`] | what can go wrong, sorted by what the caller does about it |
//!
//! ```
//! use std::path::Path;
//! use vigil_engine::{
//!     pack::{pack, PackOptions},
//!     Model, Options, Package, Request, Sampling, Tokenizer,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let out = folder.path().join("tales");
//! pack(Path::new("../models/tales"), &out, &PackOptions::default())?;
//!
//! // Opening verifies every byte: whoever made it is not trusted.
//! let package = Package::open(&out)?;
//! let tokenizer = Tokenizer::open(&package)?;
//! let model = Model::load(&package, &Options::default())?;
//! let tokens = tokenizer.encode("Once upon a time")?;
//! let request = Request { tokens, max_tokens_out: 5, sampling: Sampling::Greedy };
//!
//! // Token ids, four bytes each: the same on every machine.
//! let run = model.run(&request)?;
//! assert_eq!(run.output.len(), 4 * run.tokens_out as usize);
//! # Ok(())
//! # }
//! ```

mod batch;
pub mod chat;
mod decoder;
mod encoder;
pub mod error;
pub mod float;
mod kernels;
pub mod model;
pub mod pack;
pub mod package;
mod pool;
mod reader;
mod recheck;
pub mod report;
mod smooth;
mod source;
mod speed;
mod text;
pub mod tokenizer;
pub mod trace;
mod verify;

pub use batch::{Batch, Limits};
pub use error::{Error, Input, Result};
pub use float::{cosine, FloatDecoder, FloatEncoder};
pub use model::{Model, Options, Request, Run};
pub use package::{verify_file, FileEntry, Manifest, Package};
pub use report::{measure, report, Comparison, DecoderReport, EncoderReport, Report};
pub use smooth::{Calibration, Choice, Factors, Site};
pub use source::StopToken;
pub use speed::measure_speed;
pub use text::TextStream;
pub use tokenizer::Tokenizer;
pub use verify::Mistake;
pub use vigil_architecture::{Activations, Sampling};
pub use vigil_ops::Kernel;
