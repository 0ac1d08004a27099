//! Builds the runtime a second time, for wasm: the binary that validators run and upgrades replace.

/// With the feature `metadata-hash`, the hash of the metadata goes into it: signers that show only
/// part of a transaction, as hardware wallets do, rely on it.
#[cfg(feature = "std")]
fn main() {
    // The lock file is looked for above the output, which is elsewhere when the target folder is.
    const HINT: &str = "WASM_BUILD_WORKSPACE_HINT";
    if std::env::var_os(HINT).is_none() {
        // Not `env!`: the compiled script may be one that another checkout left in that folder.
        let here = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it");
        std::env::set_var(HINT, std::path::Path::new(&here).join(".."));
    }
    let builder = substrate_wasm_builder::WasmBuilder::init_with_defaults();
    #[cfg(feature = "metadata-hash")]
    let builder = builder.enable_metadata_hash("VGL", 12);
    builder.build();
}

/// The wasm build itself has nothing more to build.
#[cfg(not(feature = "std"))]
fn main() {}
