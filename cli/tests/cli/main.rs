//! The binary as people use it.

mod assets;
mod common;
mod datasets;
mod keys;
mod local;
mod text;
