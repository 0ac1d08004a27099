//! Grants: what they allow jobs and citations, what they cost, and how they end.

use crate::market::*;
use frame_support::{assert_ok, traits::tokens::Preservation};
use sp_runtime::{DispatchError, TokenError};
use vigil_primitives::{
    dispute::{ClaimId, Ground},
    grant::Permission,
    grant::{Grant, Unusable},
    job::RefundReason,
    terms::{Access, GrantTerms},
    AccountId, AssetId, Balance, JobId, JobStatus,
};
use vigil_runtime::{Balances, Disputes, Jobs, Models, Provenance, Runtime, Workers};

type Error = pallet_provenance::Error<Runtime>;
type DatasetError = pallet_datasets::Error<Runtime>;

/// Uses of a grant that are consumed, and that jobs have reserved.
fn uses(asset: AssetId, holder: &AccountId) -> (u32, u32) {
    let grant = grant(asset, holder).expect("it is held");
    (grant.used, grant.reserved)
}

/// A model that the requester has bought a grant of.
fn bought_model() -> AssetId {
    let asset = model_under(&MAKER, for_sale(), &[]);
    assert_ok!(Provenance::buy_grant(signed(&REQUESTER), asset));
    asset
}

fn submitted(asset: AssetId) -> JobId {
    submit(&REQUESTER, job_for(asset)).expect("nothing stands against it")
}

#[test]
fn a_quota_should_be_consumed_by_a_settled_job() {
    run(|| {
        let asset = bought_model();
        let job = revealed(asset);
        assert_eq!(uses(asset, &REQUESTER), (0, 1));
        settle(job);
        assert_eq!(uses(asset, &REQUESTER), (1, 0));
    });
}

#[test]
fn a_quota_should_not_be_consumed_by_a_cancelled_job() {
    run(|| {
        let asset = bought_model();
        let job = submitted(asset);
        assert_eq!(uses(asset, &REQUESTER), (0, 1));
        assert_ok!(Jobs::cancel(signed(&REQUESTER), job));
        assert_eq!(uses(asset, &REQUESTER), (0, 0));
    });
}

#[test]
fn a_quota_should_not_be_consumed_by_a_refunded_job() {
    run(|| {
        let asset = bought_model();
        let mut spec = job_for(asset);
        spec.deadline = now() + 2;
        let job = submit(&REQUESTER, spec).unwrap();
        for worker in &WORKERS {
            assert_ok!(Workers::drain(signed(worker)));
        }
        run_to(now() + 4);
        assert_eq!(status(job), JobStatus::Refunded { reason: RefundReason::NoWorker });
        assert_eq!(uses(asset, &REQUESTER), (0, 0));
    });
}

#[test]
fn a_quota_should_be_consumed_by_a_contested_job_only_when_it_is_paid() {
    run(|| {
        let asset = bought_model();
        let mut spec = job_for(asset);
        spec.policy.replicas = 2;
        let job = submit(&REQUESTER, spec).unwrap();
        next_block();
        disagree(job);
        assert!(matches!(status(job), JobStatus::Disputed { .. }));
        assert_eq!(uses(asset, &REQUESTER), (0, 1));
        // The chain has set one against the other, who says nothing: the first holds.
        run_to(now() + 500);
        assert!(matches!(status(job), JobStatus::Settled { .. }));
        assert_eq!(uses(asset, &REQUESTER), (1, 0));
    });
}

#[test]
fn a_quota_should_not_be_consumed_by_a_convicted_job() {
    run(|| {
        let asset = bought_model();
        let job = submitted(asset);
        next_block();
        answer(job, OUTPUT);
        let worker = workers_of(job)[0].clone();
        let claim = ClaimId::Job { job, worker };
        assert_ok!(Disputes::challenge(signed(&STRANGER), claim, Box::new(Ground::Vector)));
        assert_eq!(uses(asset, &REQUESTER), (0, 1));
        // The worker is silent.
        run_to(now() + 500);
        assert_eq!(status(job), JobStatus::Refunded { reason: RefundReason::Convicted });
        assert_eq!(uses(asset, &REQUESTER), (0, 0));
    });
}

#[test]
fn open_jobs_should_count_against_the_quota() {
    run(|| {
        let asset = bought_model();
        let jobs: Vec<_> = (0..4).map(|_| submitted(asset)).collect();
        assert_eq!(submit(&REQUESTER, job_for(asset)), Err(Error::GrantExhausted.into()));
        assert_ok!(Jobs::cancel(signed(&REQUESTER), jobs[0]));
        submitted(asset);
    });
}

#[test]
fn the_owner_should_need_no_grant_for_its_own_model() {
    run(|| {
        let asset = model_under(&MAKER, for_sale(), &[]);
        let job = submit(&MAKER, job_for(asset)).unwrap();
        next_block();
        answer(job, OUTPUT);
        settle(job);
        assert_eq!(grant(asset, &MAKER), None);
    });
}

#[test]
fn a_job_should_keep_its_right_when_its_grant_is_revoked_or_over() {
    run(|| {
        let asset = bought_model();
        let revoked = revealed(asset);
        assert_ok!(Provenance::revoke_grant(signed(&MAKER), asset, REQUESTER, None));
        settle(revoked);

        assert_ok!(Provenance::buy_grant(signed(&REQUESTER), asset));
        let mut spec = job_for(asset);
        spec.policy.challenge_window = GRANT.duration + 10;
        let expired = submit(&REQUESTER, spec).unwrap();
        next_block();
        answer(expired, OUTPUT);
        run_to(now() + GRANT.duration + 11);
        assert!(matches!(status(expired), JobStatus::Settled { .. }));
        assert_eq!(uses(asset, &REQUESTER), (1, 0));
    });
}

#[test]
fn a_grant_taken_and_bought_again_should_not_be_charged_for_an_older_job() {
    run(|| {
        let asset = bought_model();
        let job = revealed(asset);
        assert_ok!(Provenance::revoke_grant(signed(&MAKER), asset, REQUESTER, None));
        assert_ok!(Provenance::buy_grant(signed(&REQUESTER), asset));
        settle(job);
        assert_eq!(uses(asset, &REQUESTER), (0, 0));
    });
}

#[test]
fn the_price_of_a_grant_should_be_split_by_the_datasets_waterfall() {
    run(|| {
        let raw = dataset(&CURATOR, open());
        let clean = register(&MAKER, for_sale(), &[(raw, 33 * PERCENT)]).unwrap();
        let before = [&CURATOR, &MAKER, &STRANGER].map(wealth);

        assert_ok!(Provenance::buy_grant(signed(&STRANGER), clean));

        let upstream = GRANT.price * 33 / 100;
        assert_eq!(wealth(&CURATOR), before[0] + upstream);
        assert_eq!(wealth(&MAKER), before[1] + GRANT.price - upstream);
        assert_eq!(wealth(&STRANGER), before[2] - GRANT.price);
        assert_eq!(Provenance::asset_revenue(raw, 0), upstream);
        assert_eq!(Provenance::asset_revenue(clean, 0), GRANT.price - upstream);
    });
}

#[test]
fn a_part_of_the_price_that_cannot_be_received_should_be_kept() {
    run(|| {
        let raw = dataset(&CURATOR, open());
        let clean = register(&MAKER, for_sale(), &[(raw, 10)]).unwrap();
        let small = GRANT.price * 10 / 1_000_000;
        assert!(small < LEAST);
        assert_ok!(without_account(&CURATOR, || {
            Provenance::buy_grant(signed(&STRANGER), clean)
        }));
        assert_eq!(Provenance::unpaid(&CURATOR), small);
        assert_eq!(kept(), small);
    });
}

#[test]
fn buying_again_should_extend_the_grant() {
    run(|| {
        let asset = bought_model();
        let first = grant(asset, &REQUESTER).unwrap();
        run_to(now() + 10);
        assert_ok!(Provenance::buy_grant(signed(&REQUESTER), asset));
        assert_eq!(grant(asset, &REQUESTER), Some(first.extend(&GRANT)));
    });
}

/// Takes the requester's grant away. What it got back.
fn refund(asset: AssetId) -> Balance {
    let held = grant(asset, &REQUESTER).unwrap();
    let before = [wealth(&MAKER), wealth(&REQUESTER)];
    assert_ok!(Provenance::revoke_grant(signed(&MAKER), asset, REQUESTER, None));
    let refund = held.refund(now());
    assert_eq!(wealth(&MAKER), before[0] - refund);
    assert_eq!(wealth(&REQUESTER), before[1] + refund);
    assert_eq!((grant(asset, &REQUESTER), deposits(&REQUESTER)), (None, 0));
    refund
}

#[test]
fn revoking_a_grant_should_refund_its_unused_part() {
    run(|| {
        let asset = bought_model();
        assert_eq!(refund(asset), GRANT.price, "nothing is used");

        let asset = bought_model();
        settled(asset);
        // One of four uses is gone, and less of the time.
        assert_eq!(refund(asset), (GRANT.price * 3).div_ceil(4));

        let asset = bought_model();
        run_to(now() + 60);
        // All uses are left, but only 40 of 100 blocks.
        assert_eq!(refund(asset), (GRANT.price * 40).div_ceil(100));
    });
}

#[test]
fn an_owner_without_money_should_not_revoke_a_grant() {
    run(|| {
        let asset = bought_model();
        let all = <Balances as frame_support::traits::fungible::Inspect<_>>::reducible_balance(
            &MAKER,
            Preservation::Preserve,
            frame_support::traits::tokens::Fortitude::Polite,
        );
        assert_ok!(Balances::transfer_keep_alive(signed(&MAKER), HEIR.into(), all));
        let refused = Provenance::revoke_grant(signed(&MAKER), asset, REQUESTER, None);
        assert_eq!(refused, Err(DispatchError::Token(TokenError::FundsUnavailable)));
        assert!(grant(asset, &REQUESTER).is_some());
    });
}

#[test]
fn an_asset_should_not_be_revoked_while_paid_grants_are_on_record() {
    run(|| {
        let asset = bought_model();
        let data = dataset(&CURATOR, for_sale());
        assert_ok!(Provenance::buy_grant(signed(&STRANGER), data));
        let models = pallet_models::Error::<Runtime>::PaidGrants;
        assert_eq!(revoke(asset), Err(models.into()));
        assert_eq!(revoke(data), Err(DatasetError::GrantsOutstanding.into()));

        assert_ok!(Provenance::revoke_grant(signed(&MAKER), asset, REQUESTER, None));
        assert_ok!(revoke(asset));
        run_to(now() + GRANT.duration);
        assert_ok!(Provenance::remove_grant(signed(&CURATOR), data, STRANGER));
        assert_ok!(revoke(data));
    });
}

#[test]
fn a_gift_should_put_an_account_on_the_allow_list() {
    run(|| {
        let asset = model_under(&MAKER, terms(Access::AllowList), &[]);
        assert_eq!(submit(&REQUESTER, job_for(asset)), Err(Error::NoGrant.into()));
        assert_eq!(Provenance::permission(&REQUESTER, asset), Some(Permission::NoGrant));

        assert_ok!(Provenance::give_grant(signed(&MAKER), asset, REQUESTER, None, None));
        assert!(Provenance::permission(&REQUESTER, asset).unwrap().is_allowed());
        settled(asset);

        assert_ok!(Provenance::revoke_grant(signed(&MAKER), asset, REQUESTER, None));
        assert_eq!(submit(&REQUESTER, job_for(asset)), Err(Error::NoGrant.into()));
        assert_eq!(deposits(&MAKER), deposit_of_models(&MAKER), "the gift's deposit came back");
    });
}

fn deposit_of_models(owner: &AccountId) -> Balance {
    pallet_models::Models::<Runtime>::iter_values()
        .filter(|model| model.owner == *owner)
        .map(|model| model.deposit)
        .sum()
}

#[test]
fn a_citation_should_consume_a_use() {
    run(|| {
        let data = dataset(&CURATOR, for_sale());
        assert_ok!(Provenance::buy_grant(signed(&MAKER), data));
        for used in 1..=4 {
            model(&MAKER, &[(data, PERCENT)]);
            assert_eq!(uses(data, &MAKER), (used, 0));
        }
        let refused = publish_model(&MAKER, version_spec(open()), &[(data, PERCENT)]);
        assert_eq!(refused, Err(Error::GrantExhausted.into()));
        assert_eq!(
            Provenance::permission(&MAKER, data),
            Some(Permission::Unusable(Unusable::Exhausted))
        );
    });
}

#[test]
fn a_new_owner_should_honour_the_grants_that_were_sold() {
    run(|| {
        let asset = bought_model();
        let held: Grant = grant(asset, &REQUESTER).unwrap();
        assert_ok!(hand_over(asset, &HEIR));
        assert_eq!(grant(asset, &REQUESTER), Some(held));
        settled(asset);
        let before = wealth(&HEIR);
        assert_ok!(Provenance::revoke_grant(signed(&HEIR), asset, REQUESTER, None));
        assert_eq!(wealth(&HEIR), before - (GRANT.price * 3).div_ceil(4));
    });
}

#[test]
fn a_deprecated_asset_should_sell_no_grants_but_honour_those_that_are() {
    run(|| {
        let asset = bought_model();
        let id = version(asset);
        assert_ok!(Models::deprecate(signed(&MAKER), id.model, id.version));
        assert_eq!(Provenance::buy_grant(signed(&STRANGER), asset), Err(Error::NotForSale.into()));
        settled(asset);
    });
}

#[test]
fn a_grant_should_be_good_up_to_its_last_block() {
    run(|| {
        let once = GrantTerms { uses: None, ..GRANT };
        let asset = model_under(&MAKER, terms(Access::Paid(once)), &[]);
        assert_ok!(Provenance::buy_grant(signed(&REQUESTER), asset));
        let end = now() + GRANT.duration;
        run_to(end - 1);
        submitted(asset);
        assert_eq!(
            Provenance::remove_grant(signed(&STRANGER), asset, REQUESTER),
            Err(Error::NotOver.into())
        );
        run_to(end);
        assert_eq!(submit(&REQUESTER, job_for(asset)), Err(Error::GrantExpired.into()));
        run_to(end + 10);
        assert_ok!(Provenance::remove_grant(signed(&STRANGER), asset, REQUESTER));
        assert_eq!(deposits(&REQUESTER), 0);
    });
}
