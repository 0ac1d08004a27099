//! Builds the runtime a second time, for wasm: the binary that validators run and upgrades replace.

#[cfg(all(feature = "std", not(feature = "metadata-hash")))]
fn main() {
    substrate_wasm_builder::WasmBuilder::build_using_defaults();
}

/// With the hash of the metadata inside, which signers without a screen for every call need.
#[cfg(all(feature = "std", feature = "metadata-hash"))]
fn main() {
    substrate_wasm_builder::WasmBuilder::init_with_defaults()
        .enable_metadata_hash("VGL", 12)
        .build();
}

/// The wasm build itself has nothing more to build.
#[cfg(not(feature = "std"))]
fn main() {}
