use crate::{mock::*, Error, Event, Models, WeightInfo};
use codec::{Encode, MaxEncodedLen};
use frame_support::{assert_noop, assert_ok, dispatch::GetDispatchInfo};
use sp_runtime::TokenError;
use vigil_primitives::{
    architecture::{Architecture, Decoder, Encoder},
    model::{Artifact, Sources, Url, VersionSpec, VersionStatus},
    terms::{Access, GrantTerms, Licence},
    traits::{PackageLayout, Provenance},
    ContentHash, ModelVersionId,
};

/// A specification with one thing changed.
fn with(change: impl FnOnce(&mut VersionSpec)) -> VersionSpec {
    let mut changed = spec();
    change(&mut changed);
    changed
}

fn assert_refused(spec: VersionSpec, error: Error<Test>) {
    assert_noop!(publish(ALICE, 0, spec), error);
}

#[test]
fn publish_should_number_versions_from_0_and_hold_deposits_when_the_owner_calls() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        let before = held(ALICE);
        assert_ok!(publish(ALICE, 0, spec()));
        assert_last_event(Event::VersionPublished {
            id: ModelVersionId { model: 0, version: 0 },
            package: spec().package,
        });
        assert_ok!(publish(ALICE, 0, spec()));

        let deposit = deposit(spec().encoded_size());
        assert_eq!(model(0).versions, 2);
        assert_eq!(version(0, 1).spec, spec());
        assert_eq!(version(0, 1).status, VersionStatus::Active);
        assert_eq!(version(0, 1).deposit, deposit);
        assert_eq!(held(ALICE), before + 2 * deposit);
        assert_eq!(model(0).deposit, held(ALICE));
    });
}

#[test]
fn publish_should_accept_when_there_are_no_sources() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        assert_ok!(publish(ALICE, 0, with(|s| s.sources = Sources::default())));
    });
}

#[test]
fn publish_should_refuse_when_there_is_no_such_model() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        assert_noop!(publish(ALICE, 1, spec()), Error::<Test>::NotFound);
    });
}

#[test]
fn publish_should_refuse_when_somebody_else_calls() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        assert_noop!(publish(BOB, 0, spec()), Error::<Test>::NotOwner);
    });
}

#[test]
fn publish_should_refuse_when_the_deposit_cannot_be_paid() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        DepositPerByte::set(FUNDS);
        assert_noop!(publish(ALICE, 0, spec()), TokenError::FundsUnavailable);
    });
}

#[test]
fn publish_should_refuse_when_version_numbers_have_run_out() {
    ExtBuilder::default().model(ALICE).build().execute_with(|| {
        Models::<Test>::mutate(0, |model| model.as_mut().unwrap().versions = u32::MAX);
        assert_refused(spec(), Error::TooManyVersions);
    });
}

#[test]
fn publish_should_name_the_cause_when_the_architecture_is_invalid() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        type Change = fn(&mut Encoder);
        let cases: [(Change, Error<Test>); 7] = [
            (|e| e.layers = 0, Error::ZeroDimension),
            (|e| e.heads = 5, Error::HeadsDoNotDivide),
            (|e| e.intermediate = 65_537, Error::TooWide),
            (|e| e.positions = 32_769, Error::ContextTooLong),
            (|e| e.vocabulary = (1 << 20) + 1, Error::VocabularyTooLarge),
            (|e| e.layers = 257, Error::TooManyLayers),
            (|e| e.layer_norm_eps = f32::NAN.to_bits(), Error::BadEpsilon),
        ];
        for (change, error) in cases {
            let mut encoder = encoder();
            change(&mut encoder);
            assert_refused(with(|s| s.architecture = Architecture::Encoder(encoder)), error);
        }
    });
}

#[test]
fn publish_should_name_the_cause_when_a_language_model_is_invalid() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        type Change = fn(&mut Decoder);
        let cases: [(Change, Error<Test>); 11] = [
            (|d| d.kv_heads = 0, Error::ZeroDimension),
            (|d| d.kv_heads = 3, Error::HeadsDoNotDivide),
            (|d| d.head_width = 7, Error::HeadsDoNotDivide),
            (|d| d.head_width = 258, Error::HeadsDoNotDivide),
            (|d| d.intermediate = 65_537, Error::TooWide),
            (|d| (d.heads, d.head_width) = (512, 256), Error::TooWide),
            (|d| d.positions = 32_769, Error::ContextTooLong),
            (|d| d.vocabulary = (1 << 20) + 1, Error::VocabularyTooLarge),
            (|d| d.layers = 257, Error::TooManyLayers),
            (|d| d.rms_norm_eps = 0, Error::BadEpsilon),
            (|d| d.stop_tokens[2] = Some(100), Error::StopTokenOutOfVocabulary),
        ];
        for (change, error) in cases {
            let mut decoder = decoder();
            change(&mut decoder);
            assert_refused(with(|s| s.architecture = Architecture::Decoder(decoder)), error);
        }
    });
}

#[test]
fn publish_should_take_a_language_model_whose_weights_have_its_length_only() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        for tied_head in [true, false] {
            let architecture = Architecture::Decoder(Decoder { tied_head, ..decoder() });
            let exact = Layout::weights_len(&architecture);
            let sized = |len| {
                with(|s| {
                    s.architecture = architecture;
                    s.weights.len = len;
                })
            };
            for len in [0, exact - 1, exact + 1] {
                assert_refused(sized(len), Error::WrongWeightsLength);
            }
            assert_ok!(publish(ALICE, 0, sized(exact)));
        }
        assert_eq!(version(0, 1).spec.architecture.vocabulary(), 100);
    });
}

#[test]
fn publish_should_refuse_when_the_op_set_is_unknown() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        for op_set in [0, 2, u16::MAX] {
            assert_refused(with(|s| s.op_set = op_set), Error::UnsupportedOpSet);
        }
    });
}

#[test]
fn publish_should_refuse_when_the_weights_have_another_length() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        let exact = Layout::weights_len(&spec().architecture);
        for len in [0, 1, exact - 1, exact + 1, exact + 1_024, 10 << 30, u64::MAX] {
            assert_refused(with(|s| s.weights.len = len), Error::WrongWeightsLength);
        }
        assert_ok!(publish(ALICE, 0, with(|s| s.weights.len = exact)));
    });
}

#[test]
fn publish_should_refuse_when_the_licence_is_no_phrase() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        for bad in ["", " ", " MIT", "MIT ", "MIT\n", "Ápache-2.0"] {
            assert_refused(with(|s| s.terms.licence = licence(bad)), Error::InvalidLicence);
        }
        let not_text = Licence::truncate_from(vec![0xff]);
        assert_refused(with(|s| s.terms.licence = not_text), Error::InvalidLicence);
        assert_ok!(publish(ALICE, 0, with(|s| s.terms.licence = licence("MIT OR Apache-2.0"))));
    });
}

#[test]
fn publish_should_refuse_when_a_paid_grant_would_grant_nothing() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        let good = GrantTerms { price: 1, duration: 1, uses: Some(1) };
        for (grant, error) in [
            (GrantTerms { price: 0, ..good }, Error::FreeGrant),
            (GrantTerms { duration: 0, ..good }, Error::ZeroDuration),
            (GrantTerms { uses: Some(0), ..good }, Error::ZeroUses),
        ] {
            assert_refused(with(|s| s.terms.access = Access::Paid(grant)), error);
        }
        for access in [
            Access::Open,
            Access::AllowList,
            Access::Paid(good),
            Access::Paid(GrantTerms { uses: None, ..good }),
        ] {
            assert_ok!(publish(ALICE, 0, with(|s| s.terms.access = access)));
        }
        assert_eq!(version(0, 2).spec.terms.access, Access::Paid(good));
    });
}

#[test]
fn publish_should_keep_the_metadata_when_there_is_some() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        let metadata = Artifact { hash: ContentHash::repeat_byte(9), len: 1_234 };
        assert_ok!(publish(ALICE, 0, spec()));
        assert_ok!(publish(ALICE, 0, with(|s| s.metadata = Some(metadata))));
        assert_eq!(version(0, 0).spec.metadata, None);
        assert_eq!(version(0, 1).spec.metadata, Some(metadata));
        let bytes = Artifact::max_encoded_len() as u128;
        assert_eq!(version(0, 1).deposit, version(0, 0).deposit + bytes * PER_BYTE);
    });
}

#[test]
fn publish_should_have_the_citations_recorded_and_hold_a_deposit_for_them() {
    ExtBuilder::default().model(ALICE).model(ALICE).build_and_execute(|| {
        let before = held(ALICE);
        assert_ok!(publish(ALICE, 1, spec()));
        let id = ModelVersionId { model: 1, version: 1 };
        assert_eq!(recorded(id), None);
        let spec = with(|s| s.terms.commercial = false);
        assert_ok!(publish_citing(ALICE, 1, spec.clone(), citations(3)));
        let expected =
            Recorded { publisher: ALICE, terms: spec.terms.clone(), citations: citations(3) };
        assert_eq!(recorded(id), Some(expected));

        let bytes = spec.encoded_size();
        assert_eq!(version(1, 0).deposit, deposit(bytes));
        assert_eq!(version(1, 1).deposit, deposit(bytes + 3 * CITATION as usize));
        assert_eq!(held(ALICE), before + version(1, 0).deposit + version(1, 1).deposit);
    });
}

#[test]
fn publish_should_leave_nothing_behind_when_the_citations_are_refused() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        let before = held(ALICE);
        RefuseRecords::set(true);
        assert_noop!(publish_citing(ALICE, 0, spec(), citations(1)), NO_CONSENT);
        assert_eq!((held(ALICE), model(0).versions), (before, 0));
        assert_eq!(recorded(ModelVersionId { model: 0, version: 0 }), None);
    });
}

#[test]
fn publish_should_leave_nothing_recorded_when_the_deposit_cannot_be_paid() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        DepositPerByte::set(FUNDS);
        assert_noop!(publish_citing(ALICE, 0, spec(), citations(1)), TokenError::FundsUnavailable);
        assert_eq!(recorded(ModelVersionId { model: 0, version: 0 }), None);
    });
}

#[test]
fn publish_should_not_have_anything_recorded_when_the_specification_is_refused() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        assert_refused(with(|s| s.op_set = 0), Error::UnsupportedOpSet);
        assert_noop!(publish(BOB, 0, spec()), Error::<Test>::NotOwner);
        assert_eq!(recorded(ModelVersionId { model: 0, version: 0 }), None);
    });
}

#[test]
fn publish_should_weigh_more_when_there_are_more_citations() {
    let weight = |count| {
        let spec = Box::new(spec());
        let call = crate::Call::<Test>::publish { model: 0, spec, citations: citations(count) };
        call.get_dispatch_info().call_weight
    };
    for count in [0, 1, 15] {
        let expected = <<Test as crate::Config>::WeightInfo as WeightInfo>::publish(2)
            .saturating_add(RecordedProvenance::record_weight(count));
        assert_eq!(weight(count), expected);
    }
}

#[test]
fn publish_should_refuse_when_a_source_is_no_folder_url() {
    ExtBuilder::default().model(ALICE).build_and_execute(|| {
        for bad in ["", "example.org/", "https://", "https://example.org/model", "ftp:/x/"] {
            let sources = vec![url("https://example.org/good/"), url(bad)];
            assert_refused(
                with(|s| s.sources = Sources::truncate_from(sources)),
                Error::InvalidSource,
            );
        }
        let not_text = vec![Url::truncate_from(b"https://ex\xe4mple.org/".to_vec())];
        assert_refused(
            with(|s| s.sources = Sources::truncate_from(not_text)),
            Error::InvalidSource,
        );
    });
}
