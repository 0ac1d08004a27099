//! Runs the reproducible operators inside a wasm runtime and compares them with the native ones
