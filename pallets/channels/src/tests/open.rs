use super::*;
use sp_runtime::{Permill, TokenError};
use vigil_primitives::{
    channel::{ChannelStatus, Rent},
    samples,
};

type Refused = Error<Test>;

#[test]
fn open_should_hold_the_deposit_and_the_rent_and_fix_the_prices() {
    build_and_execute(|| {
        let id = opened();
        let channel = channel(id);
        let rent = RENT * Balance::from(LIFETIME);
        assert_eq!(held(HoldReason::Deposit, REQUESTER), DEPOSIT);
        assert_eq!(held(HoldReason::Rent, REQUESTER), rent);
        assert_eq!(channel.status, ChannelStatus::Open);
        assert_eq!(channel.rent, Rent::Running { per_block: RENT });
        assert_eq!((channel.prices.ask, channel.prices.fee), (ASK, FEE));
        assert_eq!(channel.prices.cached, Permill::from_percent(10));
        assert_eq!((worker(WORKER).covered, worker(WORKER).active), (DEPOSIT, 0));
        assert_eq!(OpenOf::<Test>::get(WORKER), 1);
        assert_event(Event::Opened {
            channel: id,
            requester: REQUESTER,
            worker: WORKER,
            version: VERSION,
            deposit: DEPOSIT,
            rent,
            expires_at: now() + LIFETIME,
        });
        // What the worker asks later is for later channels.
        let (_, profile) = (0, vigil_primitives::model::Url::truncate_from(b"http://a".to_vec()));
        let capability = worker(WORKER).capability;
        let origin = RuntimeOrigin::signed(WORKER);
        assert_ok!(Workers::update(origin, profile, [0; 32], capability, 2 * ASK, 8));
        assert_eq!(prices(id).ask, ASK);
        assert_eq!(prices(opened()).ask, 2 * ASK);
    });
}

#[test]
fn open_should_refuse_versions_and_terms_as_jobs_do() {
    build_and_execute(|| {
        let unknown = ModelVersionId { model: 9, version: 0 };
        assert_noop!(open_with(|spec| spec.version = unknown), Refused::UnknownVersion);
        let licence = Hash::repeat_byte(9);
        assert_noop!(open_with(|spec| spec.terms.licence = licence), Refused::LicenceNotAccepted);
        let private = vigil_primitives::terms::Terms { commercial: false, ..samples::open() };
        let version = publish_under(private);
        let commercial = |spec: &mut ChannelSpecOf<Test>| spec.version = version;
        assert_noop!(open_with(commercial), Refused::CommercialUseForbidden);
        assert_ok!(open_with(|spec| (spec.version, spec.terms.commercial) = (version, false)));
        assert_ok!(Models::revoke(RuntimeOrigin::signed(OWNER), VERSION.model, VERSION.version));
        assert_noop!(open_with(|_| {}), Refused::VersionRevoked);
    });
}

#[test]
fn open_should_refuse_workers_that_do_not_take_it() {
    build_and_execute(|| {
        assert_noop!(open_with(|spec| spec.worker = REQUESTER), Refused::OwnWorker);
        assert_noop!(open_with(|spec| spec.worker = STRANGER), Refused::NotOffered);
        let unserved = publish_under(samples::open());
        let other = |spec: &mut ChannelSpecOf<Test>| {
            (spec.worker, spec.version) = (OTHER, unserved);
        };
        assert_noop!(open_with(other), Refused::NotServed);
        for _ in 0..3 {
            opened();
        }
        assert_noop!(open_with(|_| {}), Refused::TooManyOpen);
        assert_ok!(Workers::drain(RuntimeOrigin::signed(OTHER)));
        assert_noop!(open_with(|spec| spec.worker = OTHER), Refused::WorkerUnavailable);
    });
}

#[test]
fn open_should_refuse_what_the_bond_does_not_cover() {
    build_and_execute(|| {
        let all = BOND / 50;
        let eager = ChannelTerms { max_deposit: all + 1, ..terms() };
        assert_ok!(Channels::set_terms(RuntimeOrigin::signed(WORKER), eager));
        assert_noop!(open_with(|spec| spec.deposit = all + 1), Refused::BondTooLow);
        assert_ok!(open_with(|spec| spec.deposit = all));
        assert_noop!(open_with(|spec| spec.deposit = MIN_DEPOSIT), Refused::BondTooLow);
        assert_ok!(open_with(|spec| (spec.worker, spec.deposit) = (OTHER, MIN_DEPOSIT)));
    });
}

#[test]
fn open_should_refuse_deposits_times_and_numbers_out_of_range() {
    build_and_execute(|| {
        let low = MIN_DEPOSIT - 1;
        assert_noop!(open_with(|spec| spec.deposit = low), Refused::DepositTooLow);
        let higher = ChannelTerms { min_deposit: DEPOSIT + 1, ..terms() };
        assert_ok!(Channels::set_terms(RuntimeOrigin::signed(OTHER), higher));
        assert_noop!(open_with(|spec| spec.worker = OTHER), Refused::DepositTooLow);
        // One requester does not take all that the bond covers.
        let modest = ChannelTerms { max_deposit: DEPOSIT - 1, ..terms() };
        assert_ok!(Channels::set_terms(RuntimeOrigin::signed(OTHER), modest));
        assert_noop!(open_with(|spec| spec.worker = OTHER), Refused::DepositTooHigh);
        for expires_at in [0, now() + MIN_LIFETIME - 1, now() + MAX_LIFETIME + 1, u64::MAX] {
            let expires = |spec: &mut ChannelSpecOf<Test>| spec.expires_at = expires_at;
            assert_noop!(open_with(expires), Refused::ExpiryOutOfRange);
        }
        assert_noop!(open_with(|spec| spec.max_answers = 0), Refused::ZeroAnswers);
    });
}

#[test]
fn open_should_refuse_what_the_requester_cannot_spend() {
    build_and_execute(|| {
        let opens = |deposit| {
            let spec = ChannelSpec { deposit, ..spec() };
            Channels::open(RuntimeOrigin::signed(STRANGER), Box::new(spec))
        };
        let rent = RENT * Balance::from(LIFETIME);
        let left = DEPOSIT + rent + ED;
        use frame_support::traits::fungible::Mutate;
        assert_ok!(<Balances as Mutate<_>>::burn_from(
            &STRANGER,
            FUNDS - left,
            frame_support::traits::tokens::Preservation::Expendable,
            frame_support::traits::tokens::Precision::Exact,
            frame_support::traits::tokens::Fortitude::Polite,
        ));
        assert_noop!(opens(DEPOSIT + 1), TokenError::FundsUnavailable);
        assert_ok!(opens(DEPOSIT));
        assert_eq!(balance(STRANGER), ED);
    });
}

#[test]
fn open_should_reserve_uses_of_the_grant_where_one_is_needed() {
    build_and_execute(|| {
        let version = publish_under(samples::listed());
        let listed = |spec: &mut ChannelSpecOf<Test>| spec.version = version;
        assert!(open_with(listed).is_err());
        grant(version, Some(MAX_ANSWERS + 1));
        let id = opened_with(listed);
        assert!(channel(id).grant.is_some());
        assert_eq!((granted(version).used, granted(version).reserved), (0, MAX_ANSWERS));
        // Two more are not left.
        assert!(open_with(|spec| (spec.version, spec.max_answers) = (version, 2)).is_err());
        assert_ok!(close_as(WORKER, id, Some(voucher(id, 7))));
        assert_eq!((granted(version).used, granted(version).reserved), (7, 0));
    });
}

#[test]
fn open_should_refuse_an_ask_that_was_raised_behind_the_requesters_back() {
    build_and_execute(|| {
        let profile = vigil_primitives::model::Url::truncate_from(b"http://a".to_vec());
        let capability = worker(WORKER).capability;
        let origin = RuntimeOrigin::signed(WORKER);
        assert_ok!(Workers::update(origin, profile, [0; 32], capability, ASK + 1, 8));
        assert_noop!(open_with(|spec| spec.max_ask = ASK), Refused::AskTooHigh);
        assert_ok!(open_with(|spec| spec.max_ask = ASK + 1));
    });
}

#[test]
fn open_should_refuse_a_grant_that_expires_before_the_channel() {
    build_and_execute(|| {
        let version = publish_under(samples::listed());
        let asset = version.into();
        let owner = RuntimeOrigin::signed(OWNER);
        let duration = u32::try_from(LIFETIME).unwrap();
        assert_ok!(Provenance::give_grant(owner, asset, REQUESTER, Some(duration), None));
        let listed = |spec: &mut ChannelSpecOf<Test>| spec.version = version;
        let expired = pallet_provenance::Error::<Test>::GrantExpired;
        assert_noop!(open_with(listed), expired);
        let in_time = |spec: &mut ChannelSpecOf<Test>| {
            (spec.version, spec.expires_at) = (version, now() + LIFETIME - 1);
        };
        assert_ok!(open_with(in_time));
    });
}
