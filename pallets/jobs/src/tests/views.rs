use crate::mock::*;
use frame_support::assert_ok;
use vigil_primitives::{
    architecture::BadRun,
    audit::{self, AuditRate},
    job::{NoQuote, Quote},
    pricing, JobStatus, ModelVersionId,
};

#[test]
fn job_should_show_what_was_submitted() {
    Chain::default().build_and_execute(|| {
        let spec = spec();
        let id = queued(1);
        let view = view(id);
        assert_eq!(view.spec, spec);
        assert_eq!((view.id, view.requester, view.submitted_at), (id, REQUESTER, 1));
        assert_eq!((view.tokens_in, view.attempts), (TOKENS, 0));
        assert_eq!(view.status, JobStatus::Queued);
        assert_eq!(Jobs::job(id + 1), None);
    });
}

#[test]
fn jobs_should_list_a_page_without_what_was_pruned() {
    Chain::default().build_and_execute(|| {
        let numbers = |from, limit| -> Vec<_> {
            Jobs::jobs(from, limit).into_iter().map(|job| job.id).collect()
        };
        for _ in 0..4 {
            queued(1);
        }
        assert_eq!(numbers(0, 10), [0, 1, 2, 3]);
        assert_eq!(numbers(1, 2), [1, 2]);
        assert!(numbers(4, 10).is_empty());
        assert!(numbers(0, 0).is_empty());
        for id in [0, 1] {
            assert_ok!(Jobs::cancel(RuntimeOrigin::signed(REQUESTER), id));
        }
        run_to(1 + RETENTION);
        assert_eq!(numbers(0, u32::MAX), [2, 3]);
    });
}

#[test]
fn assignments_should_show_the_open_jobs_of_a_worker() {
    Chain::default().workers(1).build_and_execute(|| {
        let mut jobs = vec![queued(1), queued(1)];
        next_block();
        jobs.sort_unstable();
        let mut shown: Vec<_> = Jobs::assignments(WORKER).into_iter().map(|job| job.id).collect();
        shown.sort_unstable();
        assert_eq!(shown, jobs);
        assert_ok!(commit(WORKER, 0, output(1)));
        assert_ok!(commit(WORKER, 1, output(1)));
        spare(0);
        assert_ok!(reveal(WORKER, 0, output(1)));
        run_to(now() + WINDOW);
        assert_eq!(Jobs::assignments(WORKER).len(), 0);
        assert!(Jobs::assignments(STRANGER).is_empty());
    });
}

#[test]
fn quote_should_be_the_price_of_the_cheapest_and_of_all_workers() {
    Chain::default().asks(&[ASK, 3 * ASK, 2 * ASK]).build_and_execute(|| {
        let total =
            |ask, replicas| pricing::total(owner_fee(), reward(ask), ProtocolFee::get(), replicas);
        // Every worker has the same record and bond: who earns more is audited more.
        let rate = |ask| {
            let reward = reward(ask);
            AuditRate::new(reward, audit::stake(reward, MIN_BOND, SLASH), PROVEN, PROVEN)
        };
        let quote = |replicas| quote_of(VERSION, TOKENS, 0, replicas).unwrap();
        let expected = Quote {
            work: architecture().work(TOKENS, 0),
            owner_fee: owner_fee(),
            split: vec![royalty(VERSION, OWNER, owner_fee())],
            lowest: Some(total(ASK, 1)),
            rewards: Some(reward(ASK)),
            highest: Some(total(3 * ASK, 1)),
            workers: 3,
            audit: Some((rate(ASK), rate(ASK))),
            wait: Some(5),
        };
        assert_eq!(quote(1), expected);
        assert_eq!(quote(2).lowest, Some(total(2 * ASK, 2)));
        assert_eq!(quote(2).rewards, Some(2 * reward(2 * ASK)));
        assert_eq!(quote(3).lowest, quote(3).highest);
        assert_eq!(quote(3).audit, Some((rate(ASK), rate(3 * ASK))));
        assert_eq!((quote(4).lowest, quote(4).rewards, quote(4).highest), (None, None, None));
    });
}

#[test]
fn a_job_at_the_quoted_price_should_find_its_workers_and_at_one_less_should_not() {
    Chain::default().asks(&[ASK, 3 * ASK, 2 * ASK]).build_and_execute(|| {
        let price = quote_of(VERSION, TOKENS, 0, 2).unwrap().lowest.unwrap();
        for max_price in [price - 1, price] {
            assert_ok!(submit_with(|spec| {
                spec.policy.replicas = 2;
                spec.max_price = max_price;
            }));
        }
        next_block();
        assert_eq!(status(0), JobStatus::Queued);
        assert_eq!(workers_of(1).len(), 2);
        run_to(30);
    });
}

#[test]
fn quote_should_say_why_there_is_none() {
    Chain::default().build_and_execute(|| {
        let unknown = ModelVersionId { model: 9, version: 0 };
        assert_eq!(quote_of(unknown, TOKENS, 0, 1), Err(NoQuote::UnknownVersion));
        for (tokens_in, max_tokens_out, bad) in [
            (0, 0, BadRun::NoInput),
            (65, 0, BadRun::InputTooLong { tokens: 65, most: 64 }),
            (TOKENS, 1, BadRun::GeneratesNothing { asked: 1 }),
        ] {
            let quote = quote_of(VERSION, tokens_in, max_tokens_out, 1);
            assert_eq!(quote, Err(NoQuote::BadRun(bad)));
        }
        // A language model has at least one token to generate, and room for so many.
        for (tokens_in, max_tokens_out, bad) in [
            (TOKENS, 0, BadRun::NoTokensOut),
            (TOKENS, 50, BadRun::TooManyTokensOut { asked: 50, tokens: TOKENS, most: 49 }),
            (65, 1, BadRun::InputTooLong { tokens: 65, most: 64 }),
        ] {
            let quote = quote_of(DECODER, tokens_in, max_tokens_out, 1);
            assert_eq!(quote, Err(NoQuote::BadRun(bad)));
        }
        assert_eq!(quote_of(DECODER, TOKENS, 49, 1).unwrap().work, decoder().work(TOKENS, 49));
        for replicas in [0, 6] {
            assert_eq!(quote_of(VERSION, TOKENS, 0, replicas), Err(NoQuote::BadPolicy));
        }
        assert_ok!(Models::revoke(RuntimeOrigin::signed(OWNER), 0, 0));
        assert_eq!(quote_of(VERSION, TOKENS, 0, 1), Err(NoQuote::Revoked));
    });
}
