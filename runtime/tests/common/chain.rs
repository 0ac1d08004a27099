//! A chain as its genesis makes it, without a node.

#![allow(unreachable_pub)]

use frame_support::traits::BuildGenesisConfig;
use sp_io::TestExternalities;
use vigil_runtime::{genesis_presets, RuntimeGenesisConfig};

/// The chain of a preset, before its first block.
pub fn chain(preset: &str) -> TestExternalities {
    let patch = genesis_presets::get_preset(&preset.into()).expect("the preset exists");
    let mut default = serde_json::to_value(RuntimeGenesisConfig::default()).unwrap();
    merge(&mut default, serde_json::from_slice(&patch).unwrap());
    let config: RuntimeGenesisConfig = serde_json::from_value(default).unwrap();
    let mut externalities = TestExternalities::default();
    externalities.execute_with(|| config.build());
    externalities
}

/// Puts a preset's values in place of the default ones, as a chain specification does.
fn merge(into: &mut serde_json::Value, patch: serde_json::Value) {
    match (into, patch) {
        (serde_json::Value::Object(into), serde_json::Value::Object(patch)) => {
            for (key, value) in patch {
                merge(into.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (into, patch) => *into = patch,
    }
}
