use super::*;
use vigil_game::players::token_proof;
use vigil_primitives::{
    dispute::{End, Proof},
    ContentHash,
};

fn refused(who: u64, claim: &ClaimId<u64>, ground: Ground, error: Error<Test>) {
    let call = Disputes::challenge(RuntimeOrigin::signed(who), claim.clone(), Box::new(ground));
    assert_noop!(call.map(|_| ()).map_err(|refused| refused.error), error);
}

#[test]
fn a_challenge_should_hold_a_bond_and_start_the_clocks() {
    build_and_execute(|| {
        let (_, case) = decoder();
        let id = claim(case, &case.output);
        let estimate = Disputes::bond(id.clone(), 1).unwrap();
        let dispute = challenge(CHALLENGER, &id, ground(case, &case.output, 1));
        let opened = open(dispute);
        let token = case.tokens_of(&case.output)[1];
        assert_eq!(opened.token, Some(TokenAt { position: 1, id: token }));
        assert_eq!(opened.stage, Stage::Anchors);
        assert_eq!(opened.clocks.claimant, opened.clocks.challenger);
        assert!(opened.clocks.claimant > CLOCK);
        assert_eq!(opened.bond, estimate + opened.costs);
        assert_eq!(money(CHALLENGER), (opened.bond, FUNDS - opened.bond));
        assert_eq!(Pages::get()[&id].disputed, 1);
        System::assert_has_event(
            Event::Challenged {
                dispute,
                claim: id,
                challenger: CHALLENGER,
                bond: opened.bond,
                token: opened.token,
            }
            .into(),
        );
    });
}

#[test]
fn a_claim_that_is_wrong_at_first_sight_should_be_convicted_at_once() {
    build_and_execute(|| {
        let (_, case) = decoder();
        // One token of two that may be there, and no stop token.
        let output = 1u32.to_le_bytes();
        let id = claim(case, &output);
        let dispute = challenge(CHALLENGER, &id, ground(case, &output, 0));
        assert_eq!(verdict(dispute), Some(Verdict::Convicted(Fault::EndsEarly)));
        let page = Pages::get()[&id].clone();
        assert_eq!((page.disputed, page.convicted.map(|(by, _)| by)), (0, Some(CHALLENGER)));
        assert_eq!(money(CHALLENGER), (0, FUNDS));
        refused_claim(&id, ground(case, &output, 0));
    });
}

fn refused_claim(claim: &ClaimId<u64>, ground: Ground) {
    let call = Disputes::challenge(RuntimeOrigin::signed(OTHER), claim.clone(), Box::new(ground));
    assert!(call.is_err());
}

#[test]
fn a_wrong_length_should_be_proved_by_the_last_byte() {
    build_and_execute(|| {
        let (_, case) = decoder();
        // Five bytes are said to be two tokens.
        let bytes = [1u8, 2, 3, 4, 5];
        let mut wrong = case.claim(&case.output);
        wrong.output.hash = ContentHash::from(*blake3_of(&bytes));
        let id = <Scenes as crate::benchmarking::BenchmarkHelper<u64>>::claim(CLAIMANT, wrong);
        let mut opened = vigil_ops::proof::Proof::default();
        opened.open_bytes(&bytes, &[vigil_ops::proof::Bytes { offset: 4, len: 1 }]).unwrap();
        let proof = vigil_game::players::proof_of(opened).unwrap();
        let length =
            |len, proof: &Proof| Ground::Length { end: End::Output, len, proof: proof.clone() };
        refused(CHALLENGER, &id, length(8, &proof), Error::SameLength);
        refused(CHALLENGER, &id, length(6, &proof), Error::ProofTooShort);
        refused(CHALLENGER, &id, length(0, &Proof::default()), Error::ProofWrong);
        let dispute = challenge(CHALLENGER, &id, length(5, &proof));
        assert_eq!(verdict(dispute), Some(Verdict::Convicted(Fault::Length)));
    });
}

fn blake3_of(bytes: &[u8]) -> Box<[u8; 32]> {
    Box::new(vigil_ops::proof::node_of(bytes, vigil_ops::proof::Span::whole(1)))
}

#[test]
fn grounds_that_say_nothing_should_be_refused() {
    build_and_execute(|| {
        let (_, case) = decoder();
        let id = claim(case, &case.output);
        let proof = token_proof(&case.output, 0).unwrap();
        refused(CHALLENGER, &id, Ground::Vector, Error::OtherFamily);
        let beyond = Ground::Token { position: 2, proof: proof.clone() };
        refused(CHALLENGER, &id, beyond, Error::OutOfRange);
        let mut spoiled = proof.clone();
        spoiled.data[0] ^= 1;
        let token = |proof| Ground::Token { position: 0, proof };
        refused(CHALLENGER, &id, token(spoiled), Error::ProofWrong);
        refused(CHALLENGER, &id, token(Proof::default()), Error::ProofTooShort);
        let mut longer = proof.clone();
        longer.nodes.try_push(ContentHash::zero()).unwrap();
        refused(CHALLENGER, &id, token(longer), Error::ProofTooLong);
        refused(CLAIMANT, &id, token(proof.clone()), Error::OwnClaim);
        let far = Ground::Withheld { end: End::Output, first: 1 };
        refused(CHALLENGER, &id, far, Error::OutOfRange);
        let (_, encoder) = encoder();
        let vector = claim(encoder, &encoder.output);
        refused(CHALLENGER, &vector, token(proof), Error::OtherFamily);
    });
}

#[test]
fn disputes_should_be_bounded_in_all_and_by_claim() {
    build_and_execute(|| {
        let (_, case) = decoder();
        let id = claim(case, &case.output);
        let ground = || ground(case, &case.output, 0);
        challenge(CHALLENGER, &id, ground());
        refused(CHALLENGER, &id, ground(), Error::AlreadyChallenged);
        challenge(OTHER, &id, ground());
        challenge(4, &id, ground());
        refused(5, &id, ground(), Error::TooManyOfClaim);
        for who in [5, 6, 7] {
            let another = claim(case, &case.output);
            challenge(who, &another, ground());
        }
        let another = claim(case, &case.output);
        refused(5, &another, ground(), Error::TooManyDisputes);
        assert_eq!(OpenDisputes::<Test>::get(), MAX_OPEN);
    });
}

#[test]
fn withheld_bytes_should_be_published_at_the_challengers_cost() {
    build_and_execute(|| {
        let (number, case) = decoder();
        let id = claim(case, &case.output);
        for end in [End::Input, End::Output] {
            let before = money(CHALLENGER).1;
            let dispute = challenge(CHALLENGER, &id, Ground::Withheld { end, first: 0 });
            assert_eq!(stage(dispute), Stage::Withheld { end, first: 0 });
            let rules_of = open(dispute);
            let rules = Rules::new(&rules_of.claim, None).unwrap();
            let mut player = Player::new(run(number, 0), case.output.clone());
            let turn = player.answer(&rules, &rules_of.stage).unwrap();
            // Whoever has the bytes may publish them.
            assert_ok!(play(OTHER, dispute, turn));
            assert_eq!(verdict(dispute), Some(Verdict::Published));
            let paid = before - money(CHALLENGER).1;
            assert!(paid > 0 && paid < FORFEIT * 100, "{paid}");
            assert_eq!(money(CHALLENGER).0, 0);
        }
        assert_eq!(Pages::get()[&id].upheld, 2);
    });
}

#[test]
fn disputes_of_an_account_should_come_in_pages() {
    build_and_execute(|| {
        let (_, case) = decoder();
        let ids: Vec<DisputeId> = (0..3)
            .map(|_| {
                let id = claim(case, &case.output);
                challenge(CHALLENGER, &id, ground(case, &case.output, 1))
            })
            .collect();
        let page = |from, limit| -> Vec<DisputeId> {
            let page = Disputes::disputes_of(CHALLENGER, from, limit);
            page.into_iter().map(|(id, _)| id).collect()
        };
        assert_eq!(page(0, 2), ids[..2]);
        assert_eq!(page(ids[1] + 1, 2), ids[2..]);
        assert!(page(ids[2] + 1, 2).is_empty());
        assert_eq!(page(0, u32::MAX), ids);
        assert_eq!(Disputes::disputes_of(OTHER, 0, 9).len(), 0);
    });
}
