use super::*;
use codec::MaxEncodedLen;
use frame_support::traits::Get;
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie, Dave};
use vigil_runtime::{
    configs::{keeper, treasury},
    constants::{
        money::EXISTENTIAL_DEPOSIT,
        time::{EPOCH_SLOTS, EQUIVOCATION_SESSIONS},
    },
    genesis_presets::{DEVELOPMENT, ENDOWMENT, LOCAL_TESTNET},
    AuthorityDiscovery, Babe, Balances, Grandpa, Session, Validators,
};

#[test]
fn the_development_chain_should_begin_with_one_validator() {
    chain(DEVELOPMENT).execute_with(|| {
        assert_eq!(Session::validators(), [account(Alice)]);
        assert_eq!(Validators::members().into_inner(), [account(Alice)]);
        assert_eq!(Babe::authorities().len(), 1);
        assert_eq!(Grandpa::grandpa_authorities().len(), 1);
        assert_eq!(AuthorityDiscovery::authorities().len(), 1);
        assert_eq!(pallet_sudo::Key::<Runtime>::get(), Some(account(Alice)));
    });
}

#[test]
fn the_local_chain_should_begin_with_four_validators() {
    chain(LOCAL_TESTNET).execute_with(|| {
        let mut expected = [Alice, Bob, Charlie, Dave].map(account);
        expected.sort();
        assert_eq!(Session::validators(), expected);
        assert_eq!(Babe::authorities().len(), 4);
        assert_eq!(Grandpa::grandpa_authorities().len(), 4);
        assert_eq!(AuthorityDiscovery::authorities().len(), 4);
    });
}

#[test]
fn every_development_account_should_be_endowed() {
    chain(DEVELOPMENT).execute_with(|| {
        for who in Sr25519Keyring::well_known() {
            assert_eq!(Balances::free_balance(account(who)), ENDOWMENT, "{who}");
        }
        for account in [treasury(), keeper()] {
            assert_eq!(Balances::free_balance(account), EXISTENTIAL_DEPOSIT);
        }
        let endowed = ENDOWMENT * Sr25519Keyring::well_known().count() as u128;
        assert_eq!(Balances::total_issuance(), endowed + 2 * EXISTENTIAL_DEPOSIT);
    });
}

#[test]
fn an_unknown_preset_should_not_exist() {
    assert_eq!(genesis_presets::get_preset(&"production".into()), None);
    for name in genesis_presets::preset_names() {
        assert!(genesis_presets::get_preset(&name).is_some(), "{name:?}");
    }
}

#[test]
fn a_slot_should_take_two_seconds() {
    chain(DEVELOPMENT).execute_with(|| {
        assert_eq!(Babe::slot_duration(), 2_000);
        assert_eq!(vigil_runtime::constants::time::DAYS, 43_200);
        assert_eq!(EPOCH_SLOTS * u64::from(EQUIVOCATION_SESSIONS), 7 * 43_200);
    });
}

#[test]
fn an_architecture_should_take_less_than_128_bytes() {
    assert!(vigil_primitives::Architecture::max_encoded_len() < 128);
}

#[test]
fn a_bond_should_outlast_the_longest_challenge_and_contest() {
    let unbonding: u32 = <Runtime as pallet_workers::Config>::UnbondingPeriod::get();
    let window: u32 = <Runtime as pallet_jobs::Config>::MaxChallengeWindow::get();
    let contest: u32 = <Runtime as pallet_jobs::Config>::ContestPeriod::get();
    let duration: u32 = <Runtime as pallet_jobs::Config>::MaxDuration::get();
    assert!(unbonding > window + contest + duration);
}
