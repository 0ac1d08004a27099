use crate::{mock::*, Error, Event, HoldReason, Inputs, NextJob, OpenJobs};
use frame_support::{
    assert_noop, assert_ok,
    traits::{LockableCurrency, WithdrawReasons},
};
use sp_runtime::{traits::ConstU32, BoundedVec, TokenError};
use vigil_primitives::{
    job::{tokens_to_bytes, Input, Sampling},
    ContentHash, JobStatus, ModelVersionId,
};

fn tokens(ids: &[u32]) -> Input {
    Input::Inline(tokens_to_bytes(ids).try_into().unwrap())
}

#[test]
fn submit_should_hold_the_price_and_queue_the_job() {
    Chain::default().build_and_execute(|| {
        assert_ok!(submit_with(|_| {}));
        assert_eq!(escrow_of(REQUESTER), MAX_PRICE);
        assert_eq!(balance(REQUESTER), FUNDS - MAX_PRICE);
        assert_eq!(status(0), JobStatus::Queued);
        assert_eq!((NextJob::<Test>::get(), OpenJobs::<Test>::get()), (1, 1));
        assert_eq!(Inputs::<Test>::get(0), Some(input(TOKENS)));
        assert_eq!(
            events(),
            [Event::Submitted {
                job: 0,
                requester: REQUESTER,
                version: VERSION,
                max_price: MAX_PRICE,
                waiting: 0,
            }]
        );
    });
}

#[test]
fn submit_should_take_an_input_by_hash() {
    Chain::default().build_and_execute(|| {
        let blob = Input::Blob { hash: ContentHash::repeat_byte(9), len: 4 * TOKENS };
        assert_ok!(submit_with(|spec| spec.input = blob.clone()));
        assert_eq!(view(0).spec.input, blob);
        assert_eq!(view(0).tokens_in, TOKENS);
    });
}

#[test]
fn submit_should_refuse_an_unknown_version() {
    Chain::default().build_and_execute(|| {
        for version in
            [ModelVersionId { model: 0, version: 1 }, ModelVersionId { model: 7, version: 0 }]
        {
            assert_noop!(submit_with(|spec| spec.version = version), Error::<Test>::UnknownVersion);
        }
    });
}

#[test]
fn submit_should_refuse_a_revoked_version() {
    Chain::default().build_and_execute(|| {
        assert_ok!(Models::revoke(RuntimeOrigin::signed(OWNER), 0, 0));
        assert_noop!(submit_with(|_| {}), Error::<Test>::VersionRevoked);
    });
}

#[test]
fn submit_should_take_a_deprecated_version_that_is_still_served() {
    Chain::default().build_and_execute(|| {
        assert_ok!(Models::deprecate(RuntimeOrigin::signed(OWNER), 0, 0));
        assert_ok!(submit_with(|_| {}));
    });
}

#[test]
fn submit_should_refuse_a_version_that_nobody_serves() {
    Chain::default().workers(0).build_and_execute(|| {
        assert_noop!(submit_with(|_| {}), Error::<Test>::VersionNotServed);
    });
}

#[test]
fn submit_should_refuse_an_empty_input() {
    Chain::default().build_and_execute(|| {
        let empty = [
            Input::Inline(Default::default()),
            Input::Blob { hash: ContentHash::repeat_byte(9), len: 0 },
        ];
        for input in empty {
            assert_noop!(submit_with(|spec| spec.input = input), Error::<Test>::InputEmpty);
        }
    });
}

#[test]
fn submit_should_refuse_an_input_of_broken_tokens() {
    Chain::default().build_and_execute(|| {
        let bytes: BoundedVec<u8, ConstU32<4_096>> = vec![0; 7].try_into().unwrap();
        let broken = [
            Input::Inline(bytes),
            Input::Blob { hash: ContentHash::repeat_byte(9), len: u32::MAX },
        ];
        for input in broken {
            assert_noop!(submit_with(|spec| spec.input = input), Error::<Test>::InputNotTokens);
        }
    });
}

#[test]
fn submit_should_refuse_an_input_longer_than_the_version_takes() {
    Chain::default().build_and_execute(|| {
        assert_ok!(submit_with(|spec| spec.input = input(64)));
        let long =
            [input(65), Input::Blob { hash: ContentHash::repeat_byte(9), len: u32::MAX - 3 }];
        for input in long {
            assert_noop!(submit_with(|spec| spec.input = input), Error::<Test>::InputTooLong);
        }
    });
}

#[test]
fn submit_should_refuse_a_token_out_of_vocabulary() {
    Chain::default().build_and_execute(|| {
        assert_ok!(submit_with(|spec| spec.input = tokens(&[0, 99])));
        for id in [100, u32::MAX] {
            assert_noop!(
                submit_with(|spec| spec.input = tokens(&[0, id])),
                Error::<Test>::TokenOutOfVocabulary
            );
        }
    });
}

#[test]
fn submit_should_refuse_more_tokens_than_the_version_generates() {
    Chain::default().build_and_execute(|| {
        assert_noop!(submit_with(|spec| spec.max_tokens_out = 1), Error::<Test>::TooManyTokens);
    });
}

#[test]
fn submit_should_let_a_language_model_generate_as_much_as_its_positions_hold() {
    Chain::default().build_and_execute(|| {
        // 64 positions; the last token takes none.
        let most = decoder().max_tokens_out(TOKENS);
        assert_eq!(most, 49);
        let length = |tokens_out| {
            submit_text_with(|spec| {
                spec.max_tokens_out = tokens_out;
                spec.max_price = 10 * MAX_PRICE;
            })
        };
        assert_noop!(length(most + 1), Error::<Test>::TooManyTokens);
        assert_noop!(length(u32::MAX), Error::<Test>::TooManyTokens);
        assert_noop!(length(0), Error::<Test>::TooFewTokens);
        assert_ok!(length(most));
        assert_ok!(length(1));
        assert_eq!((view(0).spec.max_tokens_out, view(1).spec.max_tokens_out), (most, 1));
    });
}

#[test]
fn submit_should_keep_the_sampling_and_refuse_one_that_is_out_of_range() {
    Chain::default().build_and_execute(|| {
        let gumbel = |temperature: f32, min_p: f32| Sampling::Gumbel {
            seed: u64::MAX,
            temperature: temperature.to_bits(),
            min_p: min_p.to_bits(),
        };
        let out_of_range =
            [(0.0, 0.0), (-1.0, 0.0), (101.0, 0.0), (1.0, 1.5), (1.0, -0.5), (f32::NAN, 0.0)];
        for (temperature, min_p) in out_of_range {
            let sampling = gumbel(temperature, min_p);
            for version in [VERSION, DECODER] {
                let tokens = if version == DECODER { TOKENS_OUT } else { 0 };
                assert_noop!(
                    submit_text_with(|spec| {
                        spec.version = version;
                        spec.max_tokens_out = tokens;
                        spec.sampling = sampling;
                    }),
                    Error::<Test>::SamplingInvalid
                );
            }
        }
        // An encoder draws nothing.
        assert_noop!(
            submit_with(|spec| spec.sampling = gumbel(1.0, 0.0)),
            Error::<Test>::SamplingInvalid
        );
        for sampling in [Sampling::Greedy, gumbel(0.01, 1.0), gumbel(100.0, 0.0)] {
            let id = NextJob::<Test>::get();
            assert_ok!(submit_text_with(|spec| spec.sampling = sampling));
            assert_eq!(view(id).spec.sampling, sampling);
        }
    });
}

#[test]
fn submit_should_price_every_token_that_may_be_generated() {
    Chain::default().build_and_execute(|| {
        let work = decoder().work(TOKENS, TOKENS_OUT);
        let reward = work.div_ceil(1_000) as u128;
        let fee = FEE.per_job + (TOKENS + TOKENS_OUT) as u128;
        let least = fee + reward + reward.div_ceil(100);
        let at = |price| submit_text_with(|spec| spec.max_price = price);
        assert_noop!(at(least - 1), Error::<Test>::PriceTooLow);
        assert_ok!(at(least));
    });
}

#[test]
fn submit_should_refuse_replicas_out_of_range() {
    Chain::default().build_and_execute(|| {
        for replicas in [0, 6, 255] {
            assert_noop!(
                submit_with(|spec| spec.policy.replicas = replicas),
                Error::<Test>::ReplicasOutOfRange
            );
        }
        assert_ok!(submit_with(|spec| spec.policy.replicas = 3));
    });
}

#[test]
fn submit_should_refuse_more_replicas_than_workers() {
    Chain::default().workers(2).build_and_execute(|| {
        let three = || submit_with(|spec| spec.policy.replicas = 3);
        assert_noop!(three(), Error::<Test>::TooFewWorkers);
        register(STRANGER, ASK, MIN_BOND, 1);
        assert_ok!(three());
        assert_ok!(Workers::drain(RuntimeOrigin::signed(WORKER)));
        assert_noop!(three(), Error::<Test>::TooFewWorkers);
    });
}

#[test]
fn submit_should_refuse_a_challenge_window_out_of_range() {
    Chain::default().build_and_execute(|| {
        for window in [0, MIN_WINDOW - 1, 101, u64::MAX] {
            assert_noop!(
                submit_with(|spec| spec.policy.challenge_window = window),
                Error::<Test>::ChallengeWindowOutOfRange
            );
        }
        assert_ok!(submit_with(|spec| spec.policy.challenge_window = 100));
    });
}

#[test]
fn submit_should_refuse_a_deadline_that_has_passed_or_is_too_far() {
    Chain::default().build_and_execute(|| {
        run_to(5);
        for deadline in [0, 4, 5] {
            assert_noop!(
                submit_with(|spec| spec.deadline = deadline),
                Error::<Test>::DeadlinePassed
            );
        }
        for deadline in [5 + MAX_DURATION + 1, u64::MAX] {
            assert_noop!(
                submit_with(|spec| spec.deadline = deadline),
                Error::<Test>::DeadlineTooFar
            );
        }
        assert_ok!(submit_with(|spec| spec.deadline = 6));
        assert_ok!(submit_with(|spec| spec.deadline = 5 + MAX_DURATION));
    });
}

#[test]
fn submit_should_refuse_a_price_below_the_fee_and_the_cheapest_workers() {
    Chain::default().build_and_execute(|| {
        // 14,336 multiply-accumulates at the lowest ask, 1,000,000 per giga: 15, and 1 of fee.
        let least = owner_fee() + 2 * 16;
        for price in [0, owner_fee(), least - 1] {
            assert_noop!(
                submit_with(|spec| {
                    spec.policy.replicas = 2;
                    spec.max_price = price;
                }),
                Error::<Test>::PriceTooLow
            );
        }
        assert_ok!(submit_with(|spec| {
            spec.policy.replicas = 2;
            spec.max_price = least;
        }));
    });
}

#[test]
fn submit_should_refuse_more_open_jobs_than_the_account_may_have() {
    Chain::default().build_and_execute(|| {
        for _ in 0..30 {
            assert_ok!(submit_with(|_| {}));
        }
        assert_noop!(submit_with(|_| {}), Error::<Test>::TooManyOpenJobsOfAccount);
        assert_ok!(Jobs::cancel(RuntimeOrigin::signed(REQUESTER), 7));
        assert_ok!(submit_with(|_| {}));
    });
}

#[test]
fn submit_should_refuse_more_open_jobs_than_the_chain_takes() {
    MaxOpenJobs::set(2);
    Chain::default().build_and_execute(|| {
        for _ in 0..2 {
            assert_ok!(submit_with(|_| {}));
        }
        assert_noop!(submit_with(|_| {}), Error::<Test>::TooManyOpenJobs);
    });
}

#[test]
fn submit_should_refuse_a_price_that_the_balance_does_not_cover() {
    Chain::default().build_and_execute(|| {
        assert_noop!(
            submit_with(|spec| spec.max_price = FUNDS - ED + 1),
            TokenError::FundsUnavailable
        );
        assert_noop!(submit_with(|spec| spec.max_price = u128::MAX), TokenError::FundsUnavailable);
        assert_ok!(submit_with(|spec| spec.max_price = FUNDS - ED));
    });
}

#[test]
fn submit_should_refuse_to_escrow_frozen_balance() {
    Chain::default().build_and_execute(|| {
        let lock = |amount| {
            Balances::set_lock(*b"vesting ", &REQUESTER, amount, WithdrawReasons::all());
        };
        lock(FUNDS - MAX_PRICE + 1);
        assert_noop!(submit_with(|_| {}), TokenError::FundsUnavailable);
        lock(FUNDS - MAX_PRICE);
        assert_ok!(submit_with(|_| {}));
    });
}

#[test]
fn submit_should_refuse_an_unsigned_origin() {
    Chain::default().build_and_execute(|| {
        assert_noop!(
            Jobs::submit(RuntimeOrigin::none(), Box::new(spec())).map_err(|error| error.error),
            sp_runtime::DispatchError::BadOrigin
        );
    });
}

#[test]
fn submit_should_lock_the_escrow_under_its_own_reason() {
    Chain::default().build_and_execute(|| {
        assert_ok!(submit_with(|_| {}));
        let holds = pallet_balances::Holds::<Test>::get(REQUESTER);
        assert_eq!(holds.len(), 1);
        assert_eq!(holds[0].id, RuntimeHoldReason::Jobs(HoldReason::Escrow));
    });
}
