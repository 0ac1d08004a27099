use super::*;
use codec::Decode;
use frame_support::{
    assert_ok,
    traits::{DisabledValidators, Get, Hooks, KeyOwnerProofSystem, Randomness},
};
use pallet_babe::EquivocationOffence;
use sp_consensus_babe::digests::SecondaryVRFPreDigest;
use sp_core::{crypto::VrfSecret, ed25519};
use sp_keyring::{
    Ed25519Keyring,
    Sr25519Keyring::{Alice, Bob, Charlie, Dave},
};
use sp_staking::offence::ReportOffence;
use vigil_runtime::{
    configs::AuthorOutput,
    genesis_presets::{DEVELOPMENT, LOCAL_TESTNET},
    Babe, Beacon, Grandpa, Historical, Offences, RuntimeOrigin, Session, System, Validators,
};

fn index(who: Sr25519Keyring) -> u32 {
    Session::validator_id_to_index(&account(who)).expect("it validates")
}

fn is_disabled(who: Sr25519Keyring) -> bool {
    <Session as DisabledValidators>::is_disabled(index(who))
}

fn is_member(who: Sr25519Keyring) -> bool {
    Validators::members().contains(&account(who))
}

/// Reports that `who` equivocated in the slot of `number`.
fn report(who: Sr25519Keyring, number: u64) {
    assert_ok!(Offences::report_offence(
        vec![],
        EquivocationOffence {
            slot: (FIRST_SLOT + number).into(),
            session_index: Session::current_index(),
            validator_set_count: Session::validators().len() as u32,
            offender: (account(who), ()),
        },
    ));
}

/// A header of the first slot, sealed by `who`.
fn sealed(who: Sr25519Keyring, root: u8) -> Header {
    let pre_digest = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
        authority_index: index(who),
        slot: (FIRST_SLOT + 1).into(),
    });
    let mut header = Header::new(
        1,
        Hash::zero(),
        Hash::repeat_byte(root),
        Hash::zero(),
        Digest { logs: vec![<DigestItem as CompatibleDigestItem>::babe_pre_digest(pre_digest)] },
    );
    let signature = who.pair().sign(header.hash().as_ref());
    header.digest_mut().push(<DigestItem as CompatibleDigestItem>::babe_seal(signature.into()));
    header
}

#[test]
fn two_blocks_in_one_slot_should_cost_the_seat() {
    chain(LOCAL_TESTNET).execute_with(|| {
        begin_block(1, index(Alice));
        let offender: sp_consensus_babe::AuthorityId = Bob.public().into();
        let proof = sp_consensus_babe::EquivocationProof {
            offender: offender.clone(),
            slot: (FIRST_SLOT + 1).into(),
            first_header: sealed(Bob, 1),
            second_header: sealed(Bob, 2),
        };
        let owner = Historical::prove((sp_consensus_babe::KEY_TYPE, offender)).unwrap();

        assert_ok!(Babe::report_equivocation_unsigned(
            RuntimeOrigin::none(),
            Box::new(proof),
            owner
        ));

        assert!(is_disabled(Bob) && !is_member(Bob));
        assert!(!is_disabled(Alice) && is_member(Alice));
    });
}

#[test]
fn one_block_shown_twice_should_be_no_equivocation() {
    chain(LOCAL_TESTNET).execute_with(|| {
        begin_block(1, index(Alice));
        let offender: sp_consensus_babe::AuthorityId = Bob.public().into();
        let block = sealed(Bob, 1);
        let proof = sp_consensus_babe::EquivocationProof {
            offender: offender.clone(),
            slot: (FIRST_SLOT + 1).into(),
            first_header: block.clone(),
            second_header: block,
        };
        let owner = Historical::prove((sp_consensus_babe::KEY_TYPE, offender)).unwrap();

        let result =
            Babe::report_equivocation_unsigned(RuntimeOrigin::none(), Box::new(proof), owner);

        assert_eq!(
            result.unwrap_err().error,
            pallet_babe::Error::<Runtime>::InvalidEquivocationProof.into()
        );
        assert!(!is_disabled(Bob) && is_member(Bob));
    });
}

#[test]
fn two_votes_in_one_round_should_cost_the_seat() {
    chain(LOCAL_TESTNET).execute_with(|| {
        begin_block(1, index(Alice));
        let (round, set) = (1u64, 0u64);
        let key = Ed25519Keyring::Charlie;
        let vote = |target: u8| {
            let target = (Hash::repeat_byte(target), 1u32);
            // What a prevote signs: the message with its kind, the round and the set.
            let signature: ed25519::Signature =
                key.pair().sign(&((0u8, target), round, set).encode());
            (target, signature)
        };
        let equivocation = (0u8, (round, key.public(), vote(1), vote(2))).encode();
        let proof = sp_consensus_grandpa::EquivocationProof::new(
            set,
            Decode::decode(&mut &equivocation[..]).expect("it is an equivocation"),
        );
        let offender: sp_consensus_grandpa::AuthorityId = key.public().into();
        let owner = Historical::prove((sp_consensus_grandpa::KEY_TYPE, offender)).unwrap();

        assert_ok!(Grandpa::report_equivocation_unsigned(
            RuntimeOrigin::none(),
            Box::new(proof),
            owner
        ));

        assert!(is_disabled(Charlie) && !is_member(Charlie));
    });
}

#[test]
fn the_last_validator_should_stay_whatever_it_does() {
    chain(DEVELOPMENT).execute_with(|| {
        begin_block(1, 0);
        report(Alice, 1);
        assert!(!is_disabled(Alice) && is_member(Alice));
    });
}

#[test]
fn one_validator_should_stay_when_all_offend() {
    chain(LOCAL_TESTNET).execute_with(|| {
        begin_block(1, 0);
        for who in [Alice, Bob, Charlie, Dave] {
            report(who, 1);
        }
        assert!(is_disabled(Alice) && is_disabled(Bob) && is_disabled(Charlie));
        assert!(!is_disabled(Dave));
        assert_eq!(Validators::members().into_inner(), [account(Dave)]);
    });
}

#[test]
fn an_offender_should_leave_the_set_two_sessions_later() {
    chain(LOCAL_TESTNET).execute_with(|| {
        begin_block(1, index(Alice));
        report(Bob, 1);

        Session::rotate_session();
        assert!(is_disabled(Bob), "its set was fixed before the report");

        Session::rotate_session();
        let mut others = [Alice, Charlie, Dave].map(account);
        others.sort();
        assert_eq!(Session::validators(), others);
        assert_eq!(Session::disabled_validators(), Vec::<u32>::new());
        Grandpa::on_finalize(1);
        assert_eq!(Grandpa::grandpa_authorities().len(), 3);
        assert_eq!(Babe::authorities().len(), 3);
    });
}

#[test]
fn an_offender_should_stay_disabled_when_a_set_that_was_queued_before_begins() {
    chain(LOCAL_TESTNET).execute_with(|| {
        begin_block(1, index(Alice));
        // A change of the set is queued, and only then does Bob offend.
        assert_ok!(Validators::remove_member(RuntimeOrigin::root(), account(Dave).into()));
        Session::rotate_session();
        report(Bob, 2);

        Session::rotate_session();
        assert!(Session::validators().contains(&account(Bob)));
        assert!(is_disabled(Bob), "the session pallet forgot it, the validator set did not");

        Session::rotate_session();
        assert!(!Session::validators().contains(&account(Bob)));
    });
}

#[test]
fn the_set_should_stay_when_the_membership_is_emptied() {
    chain(LOCAL_TESTNET).execute_with(|| {
        begin_block(1, index(Alice));
        assert_ok!(Validators::reset_members(RuntimeOrigin::root(), vec![]));
        for _ in 0..3 {
            Session::rotate_session();
        }
        assert_eq!(Session::validators().len(), 4);
    });
}

#[test]
fn a_member_without_keys_should_wait_until_it_has_some() {
    chain(LOCAL_TESTNET).execute_with(|| {
        begin_block(1, index(Alice));
        let newcomer = account(Sr25519Keyring::Eve);
        assert_ok!(Validators::add_member(RuntimeOrigin::root(), newcomer.clone().into()));
        for _ in 0..2 {
            Session::rotate_session();
        }
        assert_eq!(Session::validators().len(), 4);

        let keys = vigil_runtime::SessionKeys {
            babe: Sr25519Keyring::Eve.public().into(),
            grandpa: Ed25519Keyring::Eve.public().into(),
            authority_discovery: Sr25519Keyring::Eve.public().into(),
        };
        pallet_session::NextKeys::<Runtime>::insert(&newcomer, keys);
        for _ in 0..2 {
            Session::rotate_session();
        }
        assert!(Session::validators().contains(&newcomer));
    });
}

#[test]
fn an_unchanged_set_should_need_no_new_grandpa_set() {
    chain(LOCAL_TESTNET).execute_with(|| {
        begin_block(1, index(Alice));
        for _ in 0..5 {
            Session::rotate_session();
        }
        assert_eq!(Grandpa::current_set_id(), 0);
        assert_eq!(Session::current_index(), 5);
    });
}

#[test]
fn old_sessions_should_be_forgotten_when_nothing_can_be_reported_any_more() {
    chain(LOCAL_TESTNET).execute_with(|| {
        begin_block(1, index(Alice));
        let kept = vigil_runtime::constants::time::EQUIVOCATION_SESSIONS;
        for _ in 0..kept + 10 {
            Session::rotate_session();
        }
        let stored = pallet_session::historical::StoredRange::<Runtime>::get();
        assert_eq!(stored, Some((10, kept + 12)));
        assert!(System::events().len() > 10);
    });
}

/// What the beacon holds in a first block, by which of the validators and in which slot, with the
/// author's proof or without.
fn beacon(author: Sr25519Keyring, slot: u64, proven: bool) -> Hash {
    chain(LOCAL_TESTNET).execute_with(|| {
        let authority_index = index(author);
        let slot = (FIRST_SLOT + slot).into();
        let claim = match proven {
            true => {
                let transcript = sp_consensus_babe::make_vrf_transcript(&[0; 32], slot, 0);
                let vrf_signature = author.pair().vrf_sign(&transcript.into_sign_data());
                let claim = SecondaryVRFPreDigest { authority_index, slot, vrf_signature };
                PreDigest::SecondaryVRF(claim)
            }
            false => PreDigest::SecondaryPlain(SecondaryPlainPreDigest { authority_index, slot }),
        };
        Executive::initialize_block(&header(1, claim));
        assert_eq!(AuthorOutput::get().is_some(), proven);
        let (first, known_since) = Beacon::random(b"first");
        assert_eq!(known_since, 1);
        assert_ne!(first, Beacon::random(b"second").0);
        first
    })
}

#[test]
fn draws_should_depend_on_what_the_author_of_the_block_could_not_choose() {
    let one = beacon(Alice, 1, true);
    assert_eq!(one, beacon(Alice, 1, true));
    assert_ne!(one, beacon(Bob, 1, true));
    assert_ne!(one, beacon(Alice, 2, true));
    // A block without an output leaves the beacon as it was.
    assert_eq!(beacon(Alice, 1, false), beacon(Bob, 2, false));
    assert_ne!(one, beacon(Alice, 1, false));
}
