//! The first block of the chains that a node can start without a file.
//!
//! Both use the well-known development keys, so neither must ever hold anything of value.

use crate::{
    configs::{keeper, treasury},
    constants::{
        money::{EXISTENTIAL_DEPOSIT, UNIT},
        time::BABE_GENESIS_EPOCH_CONFIG,
    },
    AccountId, BabeConfig, Balance, BalancesConfig, RuntimeGenesisConfig, SessionConfig,
    SessionKeys, SudoConfig, ValidatorsConfig,
};
use alloc::{vec, vec::Vec};
use frame_support::{build_struct_json_patch, BoundedVec};
use serde_json::Value;
use sp_genesis_builder::PresetId;
use sp_keyring::{Ed25519Keyring, Sr25519Keyring};

/// Name of the preset of a chain of one validator.
pub const DEVELOPMENT: &str = sp_genesis_builder::DEV_RUNTIME_PRESET;
/// Name of the preset of a chain of four validators.
pub const LOCAL_TESTNET: &str = sp_genesis_builder::LOCAL_TESTNET_RUNTIME_PRESET;

/// What every development account begins with: a million VGL.
pub const ENDOWMENT: Balance = 1_000_000 * UNIT;

/// A validator's account and its session keys, all from the same development seed.
type Authority = (Sr25519Keyring, Ed25519Keyring);

fn session_keys((sr25519, ed25519): &Authority) -> SessionKeys {
    SessionKeys {
        babe: sr25519.public().into(),
        grandpa: ed25519.public().into(),
        authority_discovery: sr25519.public().into(),
    }
}

/// The patch of a chain with these validators, all development accounts endowed, sudo by Alice.
fn genesis(authorities: &[Authority]) -> Value {
    let accounts: Vec<AccountId> =
        authorities.iter().map(|(account, _)| account.to_account_id()).collect();
    build_struct_json_patch!(RuntimeGenesisConfig {
        balances: BalancesConfig {
            balances: Sr25519Keyring::well_known()
                .map(|account| (account.to_account_id(), ENDOWMENT))
                // The treasury and the keeper of what cannot be paid exist from the start, so that
                // no amount is too small to reach them.
                .chain([treasury(), keeper()].map(|account| (account, EXISTENTIAL_DEPOSIT)))
                .collect::<Vec<_>>(),
        },
        babe: BabeConfig { epoch_config: BABE_GENESIS_EPOCH_CONFIG },
        validators: ValidatorsConfig { members: BoundedVec::truncate_from(accounts.clone()) },
        session: SessionConfig {
            keys: accounts
                .iter()
                .zip(authorities)
                .map(|(account, authority)| {
                    (account.clone(), account.clone(), session_keys(authority))
                })
                .collect::<Vec<_>>(),
        },
        sudo: SudoConfig { key: Some(Sr25519Keyring::Alice.to_account_id()) },
    })
}

/// One validator, Alice.
fn development() -> Value {
    genesis(&[(Sr25519Keyring::Alice, Ed25519Keyring::Alice)])
}

/// Four validators, Alice to Dave: the fewest of which one may fail.
fn local_testnet() -> Value {
    genesis(&[
        (Sr25519Keyring::Alice, Ed25519Keyring::Alice),
        (Sr25519Keyring::Bob, Ed25519Keyring::Bob),
        (Sr25519Keyring::Charlie, Ed25519Keyring::Charlie),
        (Sr25519Keyring::Dave, Ed25519Keyring::Dave),
    ])
}

/// The patch of a preset as JSON; `None` for an unknown name.
pub fn get_preset(id: &PresetId) -> Option<Vec<u8>> {
    let patch = match id.as_ref() {
        DEVELOPMENT => development(),
        LOCAL_TESTNET => local_testnet(),
        _ => return None,
    };
    serde_json::to_vec(&patch).ok()
}

/// Names of the presets.
pub fn preset_names() -> Vec<PresetId> {
    vec![PresetId::from(DEVELOPMENT), PresetId::from(LOCAL_TESTNET)]
}
