use super::*;
use codec::Decode;
use frame_support::traits::InstanceFilter;
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie};
use sp_runtime::{
    traits::Checkable,
    transaction_validity::{InvalidTransaction, TransactionValidityError},
};
use vigil_primitives::ModelVersionId;
use vigil_runtime::{
    configs::ProxyType,
    constants::money::{BASE_FEE, MILLI, UNIT},
    genesis_presets::{DEVELOPMENT, ENDOWMENT},
    Balances, System,
};

fn transfer(to: Sr25519Keyring, value: u128) -> RuntimeCall {
    RuntimeCall::Balances(pallet_balances::Call::transfer_keep_alive {
        dest: account(to).into(),
        value,
    })
}

#[test]
fn a_transaction_should_be_the_same_when_encoded_and_decoded() {
    chain(DEVELOPMENT).execute_with(|| {
        let transaction = signed(transfer(Bob, UNIT), Charlie, 7);
        let bytes = transaction.encode();
        let decoded = UncheckedExtrinsic::decode(&mut &bytes[..]).unwrap();
        assert_eq!(decoded.encode(), bytes);
        assert_eq!(decoded.function, transaction.function);
        decoded
            .check(&frame_system::ChainContext::<Runtime>::default())
            .expect("its signature still holds");
    });
}

#[test]
fn the_author_should_earn_the_fee_of_a_transfer() {
    chain(DEVELOPMENT).execute_with(|| {
        begin_block(1, 0);
        let issued = Balances::total_issuance();
        Executive::apply_extrinsic(signed(transfer(Bob, UNIT), Charlie, 0)).unwrap().unwrap();

        assert_eq!(Balances::free_balance(account(Bob)), ENDOWMENT + UNIT);
        let fee = ENDOWMENT - UNIT - Balances::free_balance(account(Charlie));
        assert!((BASE_FEE..MILLI).contains(&fee), "a transfer costs {fee}");
        assert_eq!(Balances::free_balance(account(Alice)), ENDOWMENT + fee);
        assert_eq!(Balances::total_issuance(), issued);
        assert_eq!(System::account_nonce(account(Charlie)), 1);
    });
}

#[test]
fn a_transaction_should_be_refused_when_it_is_stale_or_forged() {
    chain(DEVELOPMENT).execute_with(|| {
        begin_block(1, 0);
        let refused = |transaction| match Executive::apply_extrinsic(transaction) {
            Err(TransactionValidityError::Invalid(reason)) => reason,
            other => panic!("{other:?}"),
        };
        Executive::apply_extrinsic(signed(transfer(Bob, UNIT), Charlie, 0)).unwrap().unwrap();
        assert_eq!(refused(signed(transfer(Bob, UNIT), Charlie, 0)), InvalidTransaction::Stale);

        let honest = signed(transfer(Bob, UNIT), Charlie, 1);
        let forged = UncheckedExtrinsic { function: transfer(Bob, 2 * UNIT), ..honest };
        assert_eq!(refused(forged), InvalidTransaction::BadProof);
    });
}

#[test]
fn a_workers_hot_key_should_reach_neither_bond_nor_balance() {
    let commit = RuntimeCall::Jobs(pallet_jobs::Call::decline {
        job: 0,
        reason: vigil_primitives::job::DeclineReason::VersionUnavailable,
    });
    let leave = RuntimeCall::Workers(pallet_workers::Call::unbond {});
    let asset = ModelVersionId { model: 0, version: 0 }.into();
    let collect = RuntimeCall::Provenance(pallet_provenance::Call::collect { payee: account(Bob) });
    let buy = RuntimeCall::Provenance(pallet_provenance::Call::buy_grant { asset });
    for (call, worker, non_transfer) in [
        (commit, true, true),
        (leave, false, true),
        (collect, false, true),
        (buy, false, false),
        (transfer(Bob, 1), false, false),
    ] {
        assert!(ProxyType::Any.filter(&call));
        assert_eq!(ProxyType::NonTransfer.filter(&call), non_transfer, "{call:?}");
        assert_eq!(ProxyType::Worker.filter(&call), worker, "{call:?}");
    }
}

#[test]
fn a_proxy_type_should_only_contain_what_it_allows() {
    use ProxyType::{Any, NonTransfer, Worker};
    for (broad, narrow) in [(Any, NonTransfer), (Any, Worker), (NonTransfer, Worker)] {
        assert!(broad.is_superset(&narrow) && !narrow.is_superset(&broad), "{broad:?} {narrow:?}");
    }
}
