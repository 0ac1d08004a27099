use crate::{mock::*, Error, Event, ModelsOf, NextModelId};
use frame_support::{assert_noop, assert_ok};
use sp_runtime::TokenError;
use vigil_primitives::{model::Name, ModelId};

#[test]
fn create_should_hold_a_deposit_and_number_models_from_0_when_names_are_text() {
    ExtBuilder::default().build_and_execute(|| {
        assert_ok!(Registry::create(signed(ALICE), name("all-MiniLM-L6-v2")));
        assert_last_event(Event::ModelCreated {
            model: 0,
            owner: ALICE,
            name: name("all-MiniLM-L6-v2"),
        });
        assert_ok!(Registry::create(signed(BOB), name("Größer – 模型")));

        assert_eq!(model(0).owner, ALICE);
        assert_eq!(model(0).versions, 0);
        assert_eq!(model(0).pending_owner, None);
        assert_eq!(model(0).deposit, BASE + 16 * PER_BYTE);
        assert_eq!(held(ALICE), BASE + 16 * PER_BYTE);
        assert_eq!(model(1).owner, BOB);
        assert!(ModelsOf::<Test>::contains_key(BOB, 1));
    });
}

#[test]
fn create_should_refuse_when_the_name_is_empty() {
    ExtBuilder::default().build_and_execute(|| {
        for empty in ["", " ", "\u{2003} "] {
            assert_noop!(Registry::create(signed(ALICE), name(empty)), Error::<Test>::EmptyName);
        }
    });
}

#[test]
fn create_should_refuse_when_the_name_cannot_be_printed() {
    ExtBuilder::default().build_and_execute(|| {
        for bytes in [&b"\xff\xfe"[..], b"a\nb", b"\x1b[31mred", b"\0", "\u{85}".as_bytes()] {
            assert_noop!(
                Registry::create(signed(ALICE), Name::truncate_from(bytes.to_vec())),
                Error::<Test>::UnprintableName
            );
        }
    });
}

#[test]
fn create_should_refuse_when_the_deposit_cannot_be_paid() {
    ExtBuilder::default().build_and_execute(|| {
        assert_noop!(Registry::create(signed(PAUPER), name("model")), TokenError::FundsUnavailable);
    });
}

#[test]
fn create_should_refuse_when_numbers_have_run_out() {
    ExtBuilder::default().build().execute_with(|| {
        NextModelId::<Test>::put(ModelId::MAX);
        assert_noop!(Registry::create(signed(ALICE), name("model")), Error::<Test>::TooManyModels);
    });
}
