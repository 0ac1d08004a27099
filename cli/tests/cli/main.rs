//! The binary as people use it.

mod assets;
mod common;
mod keys;
mod local;
mod text;
