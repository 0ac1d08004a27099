//! Who may run a version: its licence, commercial use, and grants with their quotas.

use crate::{mock::*, types::JobSpecOf, Error, Jobs as JobStore};
use frame_support::{assert_noop, assert_ok};
use vigil_primitives::{
    job::RefundReason,
    terms::{AcceptedTerms, Access, GrantTerms, Terms},
    traits::Grants,
    Hash, JobStatus, ModelVersionId,
};

/// Terms under which only those may use a version who hold a grant.
fn listed() -> Terms {
    Terms { access: Access::AllowList, ..terms() }
}

fn paid() -> Terms {
    let grant = GrantTerms { price: 1, duration: 10, uses: Some(2) };
    Terms { access: Access::Paid(grant), ..terms() }
}

/// A version on the allow-list of which the requester stands for so many uses.
fn version_with_quota(uses: u32) -> ModelVersionId {
    let version = publish_under(listed(), &[]);
    grant(version, REQUESTER, None, Some(uses));
    version
}

fn submit_for(who: AccountId, version: ModelVersionId) -> sp_runtime::DispatchResult {
    submit_as(who, JobSpecOf::<Test> { version, ..spec() })
}

#[test]
fn submit_should_refuse_when_another_licence_is_accepted() {
    Chain::default().build_and_execute(|| {
        let text = Hash::repeat_byte(5);
        let own = publish_under(Terms { licence_text: Some(text), ..terms() }, &[]);
        let accept = |version, licence| {
            submit_with(|spec| {
                spec.version = version;
                spec.terms.licence = licence;
            })
        };
        let spdx = terms().licence_hash();
        for (version, wrong) in
            [(VERSION, text), (VERSION, Hash::zero()), (own, spdx), (own, Hash::zero())]
        {
            assert_noop!(accept(version, wrong), Error::<Test>::LicenceNotAccepted);
        }
        assert_ok!(accept(VERSION, spdx));
        assert_ok!(accept(own, text));
        assert_eq!(view(1).spec.terms, AcceptedTerms { licence: text, commercial: true });
    });
}

#[test]
fn submit_should_refuse_commercial_use_when_the_terms_forbid_it() {
    Chain::default().build_and_execute(|| {
        let version = publish_under(Terms { commercial: false, ..terms() }, &[]);
        let submit = |commercial| {
            submit_with(|spec| {
                spec.version = version;
                spec.terms.commercial = commercial;
            })
        };
        assert_noop!(submit(true), Error::<Test>::CommercialUseForbidden);
        assert_ok!(submit(false));
        // Where it is allowed it is not demanded.
        assert_ok!(submit_with(|spec| spec.terms.commercial = false));
    });
}

#[test]
fn submit_should_refuse_when_there_is_no_grant() {
    Chain::default().build_and_execute(|| {
        for terms in [listed(), paid()] {
            let version = publish_under(terms, &[]);
            grant(version, STRANGER, None, None);
            assert_noop!(submit_for(REQUESTER, version), ProvenanceError::NoGrant);
            assert_ok!(submit_for(STRANGER, version));
        }
    });
}

#[test]
fn submit_should_refuse_when_the_grant_has_expired() {
    Chain::default().build_and_execute(|| {
        let version = publish_under(paid(), &[]);
        grant(version, REQUESTER, Some(3), None);
        assert_ok!(submit_for(REQUESTER, version));
        run_to(3);
        assert_ok!(submit_for(REQUESTER, version));
        run_to(4);
        assert_noop!(submit_for(REQUESTER, version), ProvenanceError::GrantExpired);
    });
}

#[test]
fn submit_should_refuse_when_the_quota_is_exhausted_by_open_jobs() {
    Chain::default().build_and_execute(|| {
        let version = version_with_quota(2);
        assert_ok!(submit_for(REQUESTER, version));
        assert_ok!(submit_for(REQUESTER, version));
        assert_eq!(uses(version, REQUESTER), (0, 2));
        assert_noop!(submit_for(REQUESTER, version), ProvenanceError::GrantExhausted);
    });
}

#[test]
fn submit_should_leave_the_grant_alone_when_the_price_cannot_be_held() {
    Chain::default().build_and_execute(|| {
        let version = version_with_quota(2);
        let submit = || {
            submit_with(|spec| {
                spec.version = version;
                spec.max_price = FUNDS;
            })
        };
        assert_noop!(submit(), sp_runtime::TokenError::FundsUnavailable);
        assert_eq!(uses(version, REQUESTER), (0, 0));
    });
}

#[test]
fn submit_should_need_no_grant_when_the_requester_owns_the_version() {
    Chain::default().build_and_execute(|| {
        let version = publish_under(listed(), &[]);
        assert_ok!(submit_for(OWNER, version));
        assert_eq!(job(0).grant, None);
        // A job outlives the ownership that it was submitted under.
        assert_ok!(Models::offer(RuntimeOrigin::signed(OWNER), 0, STRANGER));
        assert_ok!(Models::accept(RuntimeOrigin::signed(STRANGER), 0));
        assert_noop!(submit_for(OWNER, version), ProvenanceError::NoGrant);
    });
}

#[test]
fn submit_should_use_no_grant_when_the_version_is_open() {
    Chain::default().build_and_execute(|| {
        grant(VERSION, REQUESTER, None, Some(1));
        assert_ok!(submit_for(REQUESTER, VERSION));
        assert_eq!(job(0).grant, None);
        assert_eq!(uses(VERSION, REQUESTER), (0, 0));
    });
}

#[test]
fn settlement_should_consume_a_use() {
    Chain::default().build_and_execute(|| {
        let version = version_with_quota(1);
        let id = revealed_of(version, 2);
        assert!(job(id).grant.is_some());
        assert_eq!(uses(version, REQUESTER), (0, 1));
        run_to(now() + WINDOW);
        assert!(matches!(status(id), JobStatus::Settled { .. }));
        assert_eq!(uses(version, REQUESTER), (1, 0));
        assert_noop!(submit_for(REQUESTER, version), ProvenanceError::GrantExhausted);
    });
}

#[test]
fn cancelling_should_give_the_use_back() {
    Chain::default().build_and_execute(|| {
        let version = version_with_quota(1);
        assert_ok!(submit_for(REQUESTER, version));
        assert_ok!(Jobs::cancel(RuntimeOrigin::signed(REQUESTER), 0));
        assert_eq!(uses(version, REQUESTER), (0, 0));
        assert_ok!(submit_for(REQUESTER, version));
    });
}

#[test]
fn every_refund_should_give_the_use_back() {
    let refunds: [(RefundReason, fn(ModelVersionId)); 4] = [
        // It offers less than any worker asks.
        (RefundReason::NoWorker, |version| {
            assert_ok!(submit_with(|spec| {
                spec.version = version;
                spec.max_price = CHEAP;
            }));
            run_to(now() + 25);
        }),
        (RefundReason::Outbid, |version| {
            MaxOpenJobs::set(1);
            assert_ok!(submit_for(REQUESTER, version));
            priced(2 * MAX_PRICE);
            MaxOpenJobs::set(40);
        }),
        (RefundReason::AttemptsExhausted, |version| {
            let id = assigned_of(version, 1);
            JobStore::<Test>::mutate(id, |job| job.as_mut().unwrap().attempts = 3);
            run_to(now() + COMMIT_PERIOD + 2);
        }),
        (RefundReason::Undecided, |version| {
            let id = assigned_of(version, 2);
            let workers = workers_of(id);
            for (worker, n) in workers.iter().zip(1..) {
                assert_ok!(commit(*worker, id, output(n)));
            }
            spare(id);
            for (worker, n) in workers.iter().zip(1..) {
                assert_ok!(reveal(*worker, id, output(n)));
            }
            assert_eq!(uses(version, REQUESTER), (0, 1), "held while contested");
            run_to(now() + CONTESTED_FOR);
        }),
    ];
    for (reason, end) in refunds {
        Chain::default().build_and_execute(|| {
            let version = version_with_quota(1);
            end(version);
            assert_eq!(status(0), JobStatus::Refunded { reason });
            assert_eq!(uses(version, REQUESTER), (0, 0), "{reason:?}");
            assert_ok!(submit_for(REQUESTER, version));
        });
    }
}

#[test]
fn a_job_should_be_settled_when_its_grant_was_taken_away_meanwhile() {
    Chain::default().build_and_execute(|| {
        let version = version_with_quota(2);
        let id = assigned_of(version, 1);
        take_grant(version, REQUESTER);
        Jobs::do_try_state().unwrap();
        // Another grant: uses of the old one are none of its.
        grant(version, REQUESTER, None, Some(1));
        let worker = workers_of(id)[0];
        assert_ok!(commit(worker, id, output(1)));
        spare(id);
        assert_ok!(reveal(worker, id, output(1)));
        run_to(now() + WINDOW);
        assert!(matches!(status(id), JobStatus::Settled { .. }));
        assert_eq!(uses(version, REQUESTER), (0, 0));
    });
}

#[test]
fn a_job_should_be_settled_when_its_grant_has_expired_meanwhile() {
    Chain::default().build_and_execute(|| {
        let version = publish_under(listed(), &[]);
        grant(version, REQUESTER, Some(2), Some(1));
        let id = revealed_of(version, 1);
        run_to(now() + WINDOW);
        assert!(matches!(status(id), JobStatus::Settled { .. }));
        assert_eq!(uses(version, REQUESTER), (1, 0));
    });
}

#[test]
fn try_state_should_fail_when_fewer_uses_are_reserved_than_jobs_have() {
    Chain::default().build().execute_with(|| {
        let version = version_with_quota(3);
        assert_ok!(submit_for(REQUESTER, version));
        // Those of a channel.
        let asset = version.into();
        let grant = <Provenance as Grants<_>>::reserve(asset, &REQUESTER, 1, 0).unwrap();
        assert_ok!(Jobs::do_try_state());
        <Provenance as Grants<_>>::end_use(asset, &REQUESTER, grant, 2, 0);
        assert_eq!(
            Jobs::do_try_state(),
            Err("uses reserved of a grant are fewer than its open jobs".into())
        );
    });
}

#[test]
fn try_state_should_fail_when_a_job_of_an_open_version_has_a_grant() {
    Chain::default().build().execute_with(|| {
        let id = queued(1);
        JobStore::<Test>::mutate(id, |job| job.as_mut().unwrap().grant = Some(0));
        assert_eq!(Jobs::do_try_state(), Err("an open version needs no grant".into()));
    });
}
