//! Disputes as the runtime wires them: jobs, channels, workers and the referee together.

#[path = "common/market.rs"]
mod market;

use frame_support::{assert_ok, traits::fungible::Mutate as _};
use market::*;
use sp_core::{sr25519::Pair, Pair as _};
use vigil_game::{
    players::token_proof,
    samples::{cases, hash_of, Case, LyingClaimant},
    Player, Rules,
};
use vigil_primitives::{
    channel::{AnswerReceipt, ChannelId, ChannelSpec, ChannelTerms, Rent, Totals, Usage, Voucher},
    dispute::{ClaimId, DisputeId, Fault, Ground, Side, Stage, Verdict},
    job::{tokens_to_bytes, Input, JobSpec, Output, RefundReason},
    Architecture, BlockNumber, JobId, JobStatus, ModelVersionId, Permill, MILLI, UNIT,
};
use vigil_runtime::{
    AccountId, Balances, Channels, Disputes, Jobs, Runtime, RuntimeEvent, System, Workers,
};

/// A request of several tokens to a language model that generates some.
fn text() -> Case {
    let fits = |case: &Case| case.input.len() == 7 && case.tokens_of(&case.output).len() == 3;
    cases().into_iter().find(fits).expect("a case of 7 and 3 tokens")
}

/// A request to an encoder.
fn vector() -> Case {
    cases().into_iter().find(|case| case.max_tokens_out == 0).expect("a case of an encoder")
}

/// The model of a case, published and served by all workers.
fn publish(case: &Case) -> ModelVersionId {
    let mut spec = version_spec(open());
    spec.architecture = case.architecture;
    (spec.weights.hash, spec.weights.len) = (hash_of(&case.weights), case.weights.len() as u64);
    let version = version(publish_model(&MAKER, spec, &[]).expect("nothing stands against it"));
    serve(version.into());
    version
}

fn spec(case: &Case, version: ModelVersionId, replicas: u8) -> JobSpec<BlockNumber> {
    let mut spec = job_for(version.into());
    spec.input = Input::Inline(tokens_to_bytes(&case.input).try_into().expect("it fits"));
    spec.max_tokens_out = case.max_tokens_out;
    spec.sampling = case.sampling;
    spec.policy.replicas = replicas;
    spec
}

fn output(case: &Case, bytes: &[u8]) -> Output {
    Output { hash: hash_of(bytes), tokens: case.tokens_of(bytes).len() as u32 }
}

/// A wrong output, and its first wrong token.
fn wrong(case: &Case) -> (Vec<u8>, u32) {
    let mut bytes = case.output.clone();
    match case.architecture {
        Architecture::Encoder(_) => {
            bytes[5] ^= 4;
            (bytes, 0)
        }
        Architecture::Decoder(decoder) => {
            let right = u32::from_le_bytes(bytes[4..8].try_into().unwrap());
            let other = (0..).find(|token| *token != right && !decoder.is_stop(*token)).unwrap();
            bytes[4..8].copy_from_slice(&other.to_le_bytes());
            (bytes, 1)
        }
    }
}

/// A job whose workers have revealed these outputs.
fn revealed_as(case: &Case, version: ModelVersionId, outputs: &[&[u8]]) -> JobId {
    let spec = spec(case, version, outputs.len() as u8);
    let job = submit(&REQUESTER, spec).expect("nothing stands against it");
    next_block();
    let workers = workers_of(job);
    for (worker, bytes) in workers.iter().zip(outputs) {
        assert_ok!(commit(worker, job, output(case, bytes)));
    }
    decide(job, output(case, &case.output));
    for (worker, bytes) in workers.iter().zip(outputs) {
        assert_ok!(reveal(worker, job, output(case, bytes)));
    }
    job
}

fn ground(case: &Case, bytes: &[u8], position: u32) -> Ground {
    match case.architecture {
        Architecture::Encoder(_) => Ground::Vector,
        Architecture::Decoder(_) => {
            Ground::Token { position, proof: token_proof(bytes, position).unwrap() }
        }
    }
}

/// Plays a dispute about `claimed` to its end. Both sides that are right play as the worker does.
fn play(case: &Case, id: DisputeId, claimed: &[u8]) -> Verdict {
    let is_right = claimed == case.output;
    let mut liar = None;
    loop {
        let Some(dispute) = pallet_disputes::Disputes::<Runtime>::get(id) else {
            return pallet_disputes::EndedDisputes::<Runtime>::get(id).unwrap().verdict;
        };
        let claimant = dispute.claim_id.claimant().clone();
        let position = dispute.token.map_or(0, |token| token.position);
        let rules = Rules::new(&dispute.claim, dispute.token).unwrap();
        let run = case.recording(claimed, position, |_, _, _| {}).unwrap();
        let mut honest = Player::new(run, claimed.to_vec());
        let turn = match (&dispute.stage, dispute.stage.turn()) {
            // A rival whose own result is wrong objects to a token that is right.
            (Stage::Ground, _) if is_right => Some(Move::Ground(ground(case, claimed, 0))),
            (Stage::Ground, _) => Some(Move::Ground(ground(case, claimed, wrong(case).1))),
            (stage, Side::Challenger) if is_right => {
                let run = case.recording(claimed, position, |_, _, _| {}).unwrap();
                LyingChallenger::new(run, claimed.to_vec(), 3).play(&rules, stage)
            }
            (stage, Side::Challenger) => honest.challenge(&rules, stage).unwrap(),
            (stage, Side::Claimant) if is_right => honest.answer(&rules, stage).ok(),
            (stage, Side::Claimant) => {
                let liar = liar.get_or_insert_with(|| {
                    LyingClaimant::new(case, claimed, dispute.token, &[], 1).unwrap()
                });
                liar.play(&rules, stage)
            }
        };
        let who = match dispute.stage.turn() {
            Side::Claimant => claimant,
            Side::Challenger => dispute.challenger.clone(),
        };
        assert_ok!(Disputes::play(signed(&who), id, Box::new(turn.expect("a move"))));
        next_block();
    }
}

fn check_all() {
    check();
    Disputes::do_try_state().unwrap();
}

use vigil_game::samples::LyingChallenger;
use vigil_primitives::dispute::Move;

fn bond(worker: &AccountId) -> vigil_primitives::Balance {
    pallet_workers::Workers::<Runtime>::get(worker).unwrap().bond
}

#[test]
fn a_wrong_result_should_be_convicted_and_the_requester_refunded() {
    for case in [text(), vector()] {
        market().execute_with(|| {
            let version = publish(&case);
            let (claimed, position) = wrong(&case);
            let before = wealth(&REQUESTER);
            let job = revealed_as(&case, version, &[&claimed]);
            let worker = workers_of(job)[0].clone();
            let (bonded, stranger) = (bond(&worker), wealth(&STRANGER));
            let claim = ClaimId::Job { job, worker: worker.clone() };
            let ground = Box::new(ground(&case, &claimed, position));
            assert_ok!(Disputes::challenge(signed(&STRANGER), claim, ground));
            assert!(matches!(status(job), JobStatus::Disputed { .. }));
            check_all();
            assert_eq!(play(&case, 0, &claimed), Verdict::Convicted(Fault::Element));
            assert_eq!(status(job), JobStatus::Refunded { reason: RefundReason::Convicted });
            let penalty = pallet_jobs::Jobs::<Runtime>::get(job).unwrap().penalty.unwrap();
            assert_eq!(bond(&worker), bonded - penalty.slashed);
            assert!(penalty.burned >= penalty.slashed / 2 && penalty.bounty > 0);
            assert_eq!(wealth(&STRANGER), stranger + penalty.bounty);
            // All that the requester has paid is the waiting for a block.
            assert!(before - wealth(&REQUESTER) < vigil_primitives::MILLI);
            check_all();
        });
    }
}

#[test]
fn a_lying_challenger_should_lose_its_bond_and_the_worker_be_paid() {
    let case = text();
    market().execute_with(|| {
        let version = publish(&case);
        let job = revealed_as(&case, version, &[&case.output]);
        let worker = workers_of(job)[0].clone();
        let (worked, stranger) = (wealth(&worker), wealth(&STRANGER));
        let claim = ClaimId::Job { job, worker: worker.clone() };
        let ground = Box::new(ground(&case, &case.output, 1));
        assert_ok!(Disputes::challenge(signed(&STRANGER), claim, ground));
        assert_eq!(play(&case, 0, &case.output), Verdict::Vindicated);
        let forfeit = <Runtime as pallet_disputes::Config>::Forfeit::get();
        assert!(wealth(&STRANGER) < stranger - forfeit);
        assert_eq!(wealth(&worker), worked + forfeit / 2);
        settle(job);
        check_all();
    });
}

#[test]
fn results_that_differ_should_be_set_against_each_other_by_the_chain() {
    for case in [text(), vector()] {
        let (claimed, _) = wrong(&case);
        for right_first in [true, false] {
            market().execute_with(|| {
                let version = publish(&case);
                let outputs: [&[u8]; 2] = match right_first {
                    true => [&case.output, &claimed],
                    false => [&claimed, &case.output],
                };
                let job = revealed_as(&case, version, &outputs);
                assert!(matches!(status(job), JobStatus::Disputed { .. }), "{:?}", status(job));
                let workers = workers_of(job);
                let (right, liar) = match right_first {
                    true => (&workers[0], &workers[1]),
                    false => (&workers[1], &workers[0]),
                };
                check_all();
                // The first stands for its result, the second challenges it.
                let verdict = play(&case, 0, outputs[0]);
                match right_first {
                    true => assert_eq!(verdict, Verdict::Vindicated),
                    false => assert_eq!(verdict, Verdict::Convicted(Fault::Element)),
                }
                assert_eq!(workers_of(job), std::slice::from_ref(right));
                let convicted = |worker: &AccountId| {
                    pallet_workers::Workers::<Runtime>::get(worker).unwrap().reputation.convicted
                };
                assert_eq!((convicted(right), convicted(liar)), (0, 1));
                settle(job);
                check_all();
            });
        }
    }
}

#[test]
fn rivals_that_say_nothing_should_both_be_decided_by_their_clocks() {
    let case = vector();
    let (claimed, _) = wrong(&case);
    market().execute_with(|| {
        let version = publish(&case);
        let job = revealed_as(&case, version, &[&case.output, &claimed]);
        let silent = workers_of(job)[1].clone();
        while pallet_disputes::Disputes::<Runtime>::contains_key(0) {
            next_block();
        }
        let ended = pallet_disputes::EndedDisputes::<Runtime>::get(0).unwrap();
        assert_eq!((ended.challenger, ended.verdict), (silent, Verdict::Abandoned));
        // Whoever is left is paid if nobody objects.
        settle(job);
        Jobs::do_try_state().unwrap();
        check_all();
    });
}

#[test]
fn an_audit_should_convict_a_wrong_result_that_nobody_watches() {
    for case in [text(), vector()] {
        let (claimed, _) = wrong(&case);
        market().execute_with(|| {
            let version = publish(&case);
            pallet_jobs::VersionRecords::<Runtime>::remove(version);
            let job =
                submit(&REQUESTER, spec(&case, version, 1)).expect("nothing stands against it");
            next_block();
            let liar = workers_of(job).remove(0);
            assert_ok!(commit(&liar, job, output(&case, &claimed)));
            decide(job, output(&case, &case.output));
            let auditor = workers_of(job).remove(1);
            let before = [&liar, &auditor, &REQUESTER].map(wealth);
            assert_ok!(reveal(&liar, job, output(&case, &claimed)));
            assert_ok!(reveal(&auditor, job, output(&case, &case.output)));
            check_all();
            assert_eq!(play(&case, 0, &claimed), Verdict::Convicted(Fault::Element));
            settle(job);
            let JobStatus::Settled { output: result, receipt, .. } = status(job) else { panic!() };
            assert_eq!(result.hash, hash_of(&case.output), "the requester has what it asked for");
            let after = [&liar, &auditor, &REQUESTER].map(wealth);
            let penalty = pallet_jobs::Jobs::<Runtime>::get(job).unwrap().penalty.unwrap();
            assert_eq!(before[0] - after[0], penalty.slashed);
            assert_eq!(after[1] - before[1], penalty.bounty + receipt.workers);
            assert_eq!(before[2] - after[2], spec(&case, version, 1).max_price - receipt.requester);
            check_all();
        });
    }
}

/// What an answer of a channel says of a case with this output.
fn receipt(case: &Case, id: ChannelId, number: u32, bytes: &[u8]) -> AnswerReceipt {
    let channel = pallet_channels::Channels::<Runtime>::get(id).unwrap();
    let output = output(case, bytes);
    let usage = Usage { tokens_in: case.input.len() as u32, cached: 0, tokens_out: output.tokens };
    let after = |totals: Totals| totals.after(&channel.prices, &case.architecture, usage);
    AnswerReceipt {
        channel: id,
        number,
        input: hash_of(&tokens_to_bytes(&case.input)),
        usage,
        max_tokens_out: case.max_tokens_out,
        sampling: case.sampling,
        output,
        totals: (0..number).fold(Totals::default(), |totals, _| after(totals)),
    }
}

#[test]
fn a_wrong_answer_of_a_channel_should_be_convicted_and_the_requester_made_whole() {
    for (case, settles_first) in [(text(), false), (text(), true), (vector(), true)] {
        market().execute_with(|| {
            let version = publish(&case);
            let genesis = System::block_hash(0);
            let (mine, theirs) = (Pair::from_seed(&[1; 32]), Pair::from_seed(&[2; 32]));
            let worker = WORKERS[0].clone();
            let terms = ChannelTerms {
                max_open: 1,
                min_deposit: 0,
                max_deposit: 3 * UNIT,
                cached: Permill::from_percent(10),
                signer: theirs.public(),
            };
            assert_ok!(Channels::set_terms(signed(&worker), terms));
            // It covers the deposit fifty times.
            assert_ok!(Workers::bond_more(signed(&worker), 100 * UNIT));
            let before = wealth(&REQUESTER);
            let spec = ChannelSpec {
                worker: worker.clone(),
                version,
                terms: job_for(version.into()).terms,
                max_ask: UNIT,
                deposit: 2 * UNIT + 100 * MILLI,
                expires_at: now() + 1_000,
                max_answers: 2,
                signer: mine.public(),
            };
            assert_ok!(Channels::open(signed(&REQUESTER), Box::new(spec)));
            check_all();

            // Two answers, of which the second is wrong. The requester has paid for both.
            let (claimed, position) = wrong(&case);
            let right = receipt(&case, 0, 1, &case.output);
            let lie = receipt(&case, 0, 2, &claimed);
            let voucher = Voucher { channel: 0, totals: lie.totals };
            let pay = (voucher, mine.sign(&voucher.bytes(&genesis)));
            let close = || {
                assert_ok!(Channels::close(signed(&worker), 0, Some(pay)));
            };
            if settles_first {
                close();
            }
            let signature = theirs.sign(&lie.bytes(&genesis));
            // The key that signs vouchers is the requester's hand for this too.
            let hand = AccountId::from(mine.public());
            assert_ok!(Balances::mint_into(&hand, UNIT));
            assert_ok!(Channels::show(signed(&hand), lie, signature));
            let channel = pallet_channels::Channels::<Runtime>::get(0).unwrap();
            assert_eq!((channel.shown, channel.shown_by_others), (1, 0));
            let claim =
                ClaimId::Receipt { worker: worker.clone(), channel: 0, receipt: lie.hash() };
            let bonded = bond(&worker);
            let ground = Box::new(ground(&case, &claimed, position));
            assert_ok!(Disputes::challenge(signed(&STRANGER), claim.clone(), ground));
            check_all();
            assert_eq!(play(&case, 0, &claimed), Verdict::Convicted(Fault::Element));
            let convicted =
                System::events().into_iter().rev().find_map(|record| match record.event {
                    RuntimeEvent::Disputes(pallet_disputes::Event::Convicted {
                        penalty, ..
                    }) => Some(penalty),
                    _ => None,
                });
            let penalty = convicted.expect("it is convicted");
            assert_eq!(bond(&worker), bonded - penalty.slashed);
            if !settles_first {
                close();
            }
            check_all();

            // It has paid for the right answer, and for the time.
            let channel = pallet_channels::Channels::<Runtime>::get(0).unwrap();
            let price = right.totals.price(&channel.prices);
            let Rent::Paid { amount: rent } = channel.rent else { panic!("not settled") };
            assert_eq!(wealth(&REQUESTER), before - price - rent);
            assert!(Disputes::claim(claim).is_none(), "it can't be challenged again");
            // The record of what was computed is one for jobs and channels.
            let computed = Jobs::contribution(worker.clone(), version);
            let answers = if settles_first { 2 } else { 1 };
            assert_eq!((computed.jobs, channel.voids.len()), (answers, 1));
            run_to(now() + 43_300);
            assert!(Channels::channel(0).is_none());
            check_all();
        });
    }
}
