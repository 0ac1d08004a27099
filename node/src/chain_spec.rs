//! The chains that the node knows by name. Their first state is the runtime's own, from its genesis
//! presets, so that a specification never repeats what the runtime decides.

use sc_service::{ChainType, Properties};
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use vigil_runtime::WASM_BINARY;

/// A chain specification. Nothing is added to the generic one.
pub(crate) type ChainSpec = sc_service::GenericChainSpec;

/// One validator, for development.
pub(crate) fn development() -> Result<ChainSpec, String> {
    build("Vigil Development", "dev", ChainType::Development, DEV_RUNTIME_PRESET)
}

/// Four validators, Alice to Dave, on one machine or in one network.
pub(crate) fn local() -> Result<ChainSpec, String> {
    build("Vigil Local Testnet", "local", ChainType::Local, LOCAL_TESTNET_RUNTIME_PRESET)
}

fn build(name: &str, id: &str, kind: ChainType, preset: &str) -> Result<ChainSpec, String> {
    let wasm = WASM_BINARY.ok_or(
        "this node was built with SKIP_WASM_BUILD and has no runtime: build it again without",
    )?;
    Ok(ChainSpec::builder(wasm, None)
        .with_name(name)
        .with_id(id)
        .with_protocol_id("vigil")
        .with_chain_type(kind)
        .with_properties(properties())
        .with_genesis_config_preset_name(preset)
        .build())
}

/// What wallets show.
fn properties() -> Properties {
    let mut properties = Properties::new();
    properties.insert("tokenSymbol".into(), "VGL".into());
    properties.insert("tokenDecimals".into(), 12.into());
    properties.insert("ss58Format".into(), vigil_runtime::constants::money::SS58_PREFIX.into());
    properties
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_runtime::BuildStorage;

    #[test]
    fn every_named_chain_should_build_its_genesis() {
        for spec in [development(), local()] {
            let storage = spec.expect("the wasm runtime is built").build_storage();
            assert!(!storage.expect("the preset is complete").top.is_empty());
        }
    }
}
