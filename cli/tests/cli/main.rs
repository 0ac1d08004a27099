//! The binary as people use it.

mod common;
mod keys;
mod local;
mod text;
