//! A market that is full prefers who offers more.

use crate::{mock::*, Error, Event, NextJob, Offers, OpenJobs};
use frame_support::{assert_noop, assert_ok, dispatch::GetDispatchInfo};
use sp_runtime::TokenError;
use vigil_primitives::{
    job::{DeclineReason, RefundReason},
    JobStatus,
};

const OUTBID: JobStatus<AccountId, u64> = JobStatus::Refunded { reason: RefundReason::Outbid };

/// A market with room for so many jobs.
fn market_of(count: u32) -> Chain {
    MaxOpenJobs::set(count);
    Chain::default()
}

#[test]
fn a_higher_bid_should_take_the_place_of_the_lowest_in_a_full_market() {
    market_of(3).build_and_execute(|| {
        WaitingFee::set(10);
        let jobs = [20_000, 10_000, 30_000].map(priced);
        let higher = priced(15_000);
        assert_eq!(jobs.map(|id| status(id) == OUTBID), [false, true, false]);
        assert_eq!(status(higher), JobStatus::Queued);
        assert_eq!(OpenJobs::<Test>::get(), 3);
        assert_eq!(escrow_of(REQUESTER), 20_000 + 30_000 + 15_000);
        assert_eq!(Offers::<Test>::iter_keys().count(), 3);
        let (job, requester, reason) = (jobs[1], REQUESTER, RefundReason::Outbid);
        let events = events();
        let [.., waited, refunded, submitted] = &events[..] else { panic!("too few events") };
        assert_eq!(waited, &Event::Waited { job, paid: 0, returned: 200 });
        assert_eq!(refunded, &Event::Refunded { job, requester, amount: 10_000, reason });
        assert!(matches!(submitted, Event::Submitted { job, .. } if *job == higher));
    });
}

#[test]
fn a_bid_that_is_no_higher_should_be_refused_in_a_full_market() {
    market_of(2).build_and_execute(|| {
        priced(20_000);
        priced(30_000);
        for price in [20_000, 19_999] {
            assert_noop!(
                submit_with(|spec| spec.max_price = price),
                Error::<Test>::TooManyOpenJobs
            );
        }
    });
}

#[test]
fn bids_should_be_compared_for_the_same_work() {
    market_of(1).build_and_execute(|| {
        let small = priced(20_000);
        let long = |price| {
            submit_with(|spec| {
                spec.input = input(4 * TOKENS);
                spec.max_price = price;
            })
        };
        // Eight times the work and less than eight times the price.
        assert_noop!(long(100_000), Error::<Test>::TooManyOpenJobs);
        assert_ok!(long(200_000));
        assert_eq!(status(small), OUTBID);
    });
}

#[test]
fn of_equal_bids_the_latest_should_give_way() {
    market_of(3).build_and_execute(|| {
        let jobs = [10_000; 3].map(priced);
        priced(20_000);
        assert_eq!(jobs.map(|id| status(id) == OUTBID), [false, false, true]);
    });
}

#[test]
fn jobs_should_be_outbid_in_the_order_of_their_bids_in_one_block() {
    market_of(20).build_and_execute(|| {
        let prices = [7, 3, 11, 5, 2, 13, 4, 8, 1, 10, 6, 9, 12, 15, 14, 17, 16, 20, 19, 18];
        let jobs = prices.map(|price| priced(10_000 + 100 * price));
        for gone in 1..=20 {
            priced(100_000);
            let outbid = jobs.iter().zip(prices).filter(|(id, _)| status(**id) == OUTBID);
            assert!(outbid.clone().all(|(_, price)| price <= gone));
            assert_eq!(outbid.count(), gone as usize);
            Jobs::do_try_state().unwrap();
        }
        assert_noop!(submit_with(|spec| spec.max_price = 100_000), Error::<Test>::TooManyOpenJobs);
    });
}

#[test]
fn a_lower_bid_should_be_found_that_came_after_others_were_outbid() {
    market_of(2).build_and_execute(|| {
        priced(10_000);
        let high = priced(50_000);
        priced(40_000);
        assert_ok!(Jobs::cancel(RuntimeOrigin::signed(REQUESTER), high));
        let low = priced(20_000);
        priced(30_000);
        assert_eq!(status(low), OUTBID);
    });
}

#[test]
fn a_job_that_was_assigned_should_not_be_outbid_even_when_it_waits_again() {
    market_of(2).build_and_execute(|| {
        let jobs = [assigned(1), assigned(1)];
        let refused = || {
            assert_noop!(
                submit_with(|spec| spec.max_price = FUNDS / 2),
                Error::<Test>::TooManyOpenJobs
            );
        };
        refused();
        for id in jobs {
            let worker = RuntimeOrigin::signed(workers_of(id)[0]);
            assert_ok!(Jobs::decline(worker, id, DeclineReason::VersionUnavailable));
            assert_eq!(status(id), JobStatus::Queued);
        }
        refused();
    });
}

#[test]
fn a_submission_that_fails_should_outbid_nobody() {
    market_of(1).build_and_execute(|| {
        priced(20_000);
        assert_noop!(submit_with(|spec| spec.max_price = FUNDS), TokenError::FundsUnavailable);
        MaxOpenJobsPerAccount::set(1);
        assert_noop!(
            submit_as(STRANGER, crate::types::JobSpecOf::<Test> { max_price: CHEAP, ..spec() }),
            Error::<Test>::TooManyOpenJobs
        );
        assert_ok!(submit_as(STRANGER, spec()));
        assert_eq!(status(0), OUTBID);
    });
}

#[test]
fn only_a_submission_that_outbids_should_weigh_as_much_as_was_declared() {
    market_of(1).build_and_execute(|| {
        let weigh = || {
            let call = crate::Call::<Test>::submit { spec: Box::new(spec()) };
            let declared = call.get_dispatch_info().call_weight;
            let spec = Box::new(spec());
            let used = Jobs::submit(RuntimeOrigin::signed(REQUESTER), spec).unwrap();
            (used.actual_weight.unwrap(), declared)
        };
        let (used, declared) = weigh();
        assert!(used.all_lt(declared));
        assert_ok!(Jobs::cancel(RuntimeOrigin::signed(REQUESTER), 0));
        priced(CHEAP);
        let (used, declared) = weigh();
        assert_eq!(used, declared);
        assert_eq!(NextJob::<Test>::get(), 3);
    });
}
