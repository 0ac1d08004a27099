//! The chains that the node knows by name. Their first state is the runtime's own, from its genesis
//! presets, so that a specification never repeats what the runtime decides.

use sc_service::{ChainType, Properties};
use sp_genesis_builder::{DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use vigil_runtime::{
    constants::money::{DECIMALS, SS58_PREFIX, TOKEN},
    WASM_BINARY,
};

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
    properties.insert("tokenSymbol".into(), TOKEN.into());
    properties.insert("tokenDecimals".into(), DECIMALS.into());
    properties.insert("ss58Format".into(), SS58_PREFIX.into());
    properties
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_runtime::BuildStorage;

    #[test]
    fn every_named_chain_should_build_its_genesis_from_the_runtime() {
        for spec in [development(), local()] {
            let spec = spec.unwrap();
            let top = spec.build_storage().unwrap().top;
            let code = top.get(sp_core::storage::well_known_keys::CODE).map(Vec::as_slice);
            assert_eq!(code, WASM_BINARY);
            assert!(top.len() > 50, "{} has only {} entries", spec.name(), top.len());
        }
    }

    #[test]
    fn a_raw_specification_should_read_back_when_written() {
        let json = development().unwrap().as_json(true).unwrap();
        let again = ChainSpec::from_json_bytes(json.into_bytes()).unwrap();
        assert_eq!(again.id(), "dev");
        assert_eq!(again.properties()["tokenSymbol"], "VGL");
    }
}
