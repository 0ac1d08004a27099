//! What third parties state about datasets.

use crate::{mock::*, Error, Event, HoldReason, Statements};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;
use vigil_primitives::{
    dataset::StatementKind::{Audited, ConsentVerified, Disputed},
    ContentHash, DatasetVersionId,
};

const ID: DatasetVersionId = DatasetVersionId { dataset: 0, version: 0 };

fn withdraw(
    who: AccountId,
    kind: vigil_primitives::dataset::StatementKind,
) -> frame_support::dispatch::DispatchResult {
    Registry::withdraw_statement(signed(who), 0, 0, kind)
}

#[test]
fn attest_should_keep_one_statement_of_each_kind_and_author() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(attest(BOB, 0, Audited));
        let document = ContentHash::repeat_byte(9);
        assert_last_event(Event::StatementMade { id: ID, author: BOB, kind: Audited, document });
        let one = held(HoldReason::Statement, BOB);
        assert!(one > BASE);
        assert_ok!(attest(BOB, 0, Disputed));
        assert_eq!(held(HoldReason::Statement, BOB), 2 * one);
        assert_ok!(attest(CAROL, 0, Audited));
        assert_eq!(Statements::<Test>::iter_prefix(ID).count(), 3);
    });
}

#[test]
fn attest_should_replace_a_statement_when_made_again() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(attest(BOB, 0, Audited));
        let one = held(HoldReason::Statement, BOB);
        System::set_block_number(5);
        let document = ContentHash::repeat_byte(3);
        assert_ok!(Registry::attest(signed(BOB), 0, 0, Audited, document));
        let record = Statements::<Test>::get(ID, (BOB, Audited)).unwrap();
        assert_eq!((record.statement.document, record.statement.made_at), (document, 5));
        assert_eq!(held(HoldReason::Statement, BOB), one);
        assert_eq!(Statements::<Test>::iter_prefix(ID).count(), 1);
    });
}

#[test]
fn attest_should_refuse_the_owner_and_what_is_not_there() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_noop!(attest(ALICE, 0, Audited), Error::<Test>::OwnStatement);
        assert_noop!(attest(BOB, 1, Audited), Error::<Test>::NotFound);
        let document = ContentHash::zero();
        let second = Registry::attest(signed(BOB), 0, 1, Audited, document);
        assert_eq!(second, Err(Error::<Test>::NotFound.into()));
        assert_noop!(attest(PAUPER, 0, Audited), TokenError::FundsUnavailable);
        // The former owner is a third party like any other.
        transfer(0, ALICE, BOB);
        assert_ok!(attest(ALICE, 0, ConsentVerified));
        assert_noop!(attest(BOB, 0, Audited), Error::<Test>::OwnStatement);
    });
}

#[test]
fn withdraw_statement_should_return_the_deposit_to_the_author_alone() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(attest(BOB, 0, Audited));
        assert_noop!(withdraw(ALICE, Audited), Error::<Test>::NotFound);
        assert_noop!(withdraw(CAROL, Audited), Error::<Test>::NotFound);
        assert_noop!(withdraw(BOB, Disputed), Error::<Test>::NotFound);
        assert_ok!(withdraw(BOB, Audited));
        assert_last_event(Event::StatementWithdrawn { id: ID, author: BOB, kind: Audited });
        assert_eq!(Balances::free_balance(BOB), FUNDS);
        assert_noop!(withdraw(BOB, Audited), Error::<Test>::NotFound);
    });
}

#[test]
fn a_statement_should_survive_the_dataset_and_still_be_withdrawn() {
    ExtBuilder::default().dataset(ALICE, open()).build_and_execute(|| {
        assert_ok!(attest(BOB, 0, Disputed));
        Registry::revoke(signed(ALICE), 0, 0).unwrap();
        assert_ok!(attest(CAROL, 0, Disputed));
        assert_ok!(Registry::remove(signed(ALICE), 0, 0));
        assert_eq!(Statements::<Test>::iter_prefix(ID).count(), 2);
        assert_noop!(attest(BOB, 0, Disputed), Error::<Test>::NotFound);
        Registry::do_try_state().unwrap();
        assert_ok!(withdraw(BOB, Disputed));
        assert_ok!(withdraw(CAROL, Disputed));
        assert_eq!(Balances::free_balance(BOB), FUNDS);
        assert_eq!(Balances::free_balance(CAROL), FUNDS);
    });
}
