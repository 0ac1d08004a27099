use crate::{mock::*, Contributions, EraContributions, EraTotals, Event, OpenJobs};
use frame_support::assert_ok;
use vigil_primitives::{job::Contribution, pricing, JobStatus};

fn receipt(id: u64) -> vigil_primitives::job::Receipt {
    let JobStatus::Settled { receipt, .. } = status(id) else { panic!("not settled") };
    receipt
}

fn settled(replicas: u8) -> u64 {
    let id = revealed(replicas);
    run_to(now() + WINDOW);
    assert!(matches!(status(id), JobStatus::Settled { .. }));
    id
}

#[test]
fn settlement_should_pay_everybody_to_the_last_unit() {
    Chain::default().asks(&[ASK, 2 * ASK]).build_and_execute(|| {
        let deposit = FUNDS - balance(OWNER);
        let id = settled(2);
        let (cheap, dear) = (reward(ASK), reward(2 * ASK));
        // 1 % of each reward, rounded up.
        let protocol = cheap.div_ceil(100) + dear.div_ceil(100);
        assert_eq!(balance(WORKER), FUNDS - MIN_BOND + cheap);
        assert_eq!(balance(WORKER + 1), FUNDS - MIN_BOND + dear);
        assert_eq!(balance(OWNER), FUNDS - deposit + owner_fee());
        assert_eq!(balance(TREASURY), FUNDS + protocol);
        let price = cheap + dear + owner_fee() + protocol;
        assert_eq!(balance(REQUESTER), FUNDS - price);
        assert_eq!(escrow_of(REQUESTER), 0);

        let receipt = receipt(id);
        assert_eq!(receipt.workers, cheap + dear);
        assert_eq!(receipt.owner, owner_fee());
        assert_eq!(receipt.treasury, protocol);
        assert_eq!(receipt.requester, MAX_PRICE - price);
        assert_eq!(receipt.work, architecture().work(TOKENS, 0));
        let settled = Event::Settled { job: id, output: output(1), receipt };
        assert_eq!(events().last(), Some(&settled));
        assert_eq!(OpenJobs::<Test>::get(), 0);
    });
}

#[test]
fn settlement_should_pay_for_the_tokens_that_were_generated_and_give_the_rest_back() {
    Chain::default().build_and_execute(|| {
        let deposit = FUNDS - balance(OWNER);
        let mut returned = Vec::new();
        for tokens in [1, 3, TOKENS_OUT] {
            let before = (balance(OWNER), balance(REQUESTER), balance(TREASURY));
            let id = revealed_text(2, tokens);
            let JobStatus::Revealed { settle_at, .. } = status(id) else { panic!("not revealed") };
            // The window has room for the work.
            assert!(settle_at >= now() + MIN_WINDOW + decoder().work(TOKENS, tokens) / 10_000);
            run_to(settle_at);
            let receipt = receipt(id);
            let work = decoder().work(TOKENS, tokens);
            let reward = pricing::reward(ASK, work);
            let fee = pricing::owner_fee(&FEE, TOKENS, tokens);
            assert_eq!(receipt.work, work);
            assert_eq!(receipt.workers, 2 * reward);
            assert_eq!(receipt.owner, fee);
            assert_eq!(receipt.treasury, 2 * reward.div_ceil(100));
            let price = receipt.workers + receipt.owner + receipt.treasury;
            assert_eq!(receipt.requester, MAX_PRICE - price);
            assert_eq!(balance(OWNER), before.0 + fee);
            assert_eq!(balance(REQUESTER), before.1 - price);
            assert_eq!(balance(TREASURY), before.2 + receipt.treasury);
            returned.push(receipt.requester);
            let output = text(1, tokens);
            assert_eq!(events().last(), Some(&Event::Settled { job: id, output, receipt }));
        }
        assert!(returned.is_sorted_by(|more, less| more > less), "{returned:?}");
        assert!(balance(OWNER) > FUNDS - deposit);
        for account in [WORKER, WORKER + 1, WORKER + 2] {
            assert_eq!(worker(account).unfinalised, 0);
        }
    });
}

#[test]
fn settlement_should_give_the_workers_their_places_back() {
    Chain::default().build_and_execute(|| {
        let id = settled(3);
        for account in workers_of(id) {
            let record = worker(account);
            assert_eq!((record.active, record.unfinalised), (0, 0));
            assert_eq!(record.reputation.completed, 1);
        }
        assert_eq!(crate::AssignedTo::<Test>::iter().count(), 0);
    });
}

#[test]
fn a_single_result_should_be_paid_after_its_challenge_window() {
    Chain::default().build_and_execute(|| {
        let id = revealed(1);
        run_to(now() + WINDOW - 1);
        assert!(matches!(status(id), JobStatus::Revealed { .. }));
        next_block();
        assert!(matches!(status(id), JobStatus::Settled { .. }));
    });
}

#[test]
fn the_owner_at_settlement_should_earn_the_fee_of_submission() {
    Chain::default().build_and_execute(|| {
        let id = revealed(1);
        assert_ok!(Models::offer(RuntimeOrigin::signed(OWNER), 0, STRANGER));
        assert_ok!(Models::accept(RuntimeOrigin::signed(STRANGER), 0));
        let (before, former) = (balance(STRANGER), balance(OWNER));
        run_to(now() + WINDOW);
        assert_eq!(receipt(id).owner, owner_fee());
        assert_eq!(balance(STRANGER), before + owner_fee());
        assert_eq!(balance(OWNER), former);
    });
}

#[test]
fn a_job_of_a_revoked_version_should_be_finished_and_paid() {
    Chain::default().build_and_execute(|| {
        let id = assigned(1);
        assert_ok!(Models::revoke(RuntimeOrigin::signed(OWNER), 0, 0));
        assert_ok!(commit(workers_of(id)[0], id, output(1)));
        spare(id);
        assert_ok!(reveal(workers_of(id)[0], id, output(1)));
        run_to(now() + WINDOW);
        assert!(matches!(status(id), JobStatus::Settled { .. }));
    });
}

#[test]
fn everybody_should_be_paid_when_one_account_plays_all_parts() {
    Chain::default().workers(0).build_and_execute(|| {
        let total = |account| balance(account) + escrow_of(account);
        register(OWNER, ASK, MIN_BOND, 1);
        trust(OWNER);
        TreasuryAccount::set(OWNER);
        let before = total(OWNER);
        assert_ok!(Jobs::submit(RuntimeOrigin::signed(OWNER), Box::new(spec())));
        next_block();
        assert_ok!(commit(OWNER, 0, output(1)));
        spare(0);
        assert_ok!(reveal(OWNER, 0, output(1)));
        run_to(now() + WINDOW);
        assert_eq!(receipt(0).workers, reward(ASK));
        assert_eq!(total(OWNER), before);
    });
}

#[test]
fn contributions_should_be_recorded_by_version_and_by_era() {
    Chain::default().workers(1).build_and_execute(|| {
        settled(1);
        run_to(100);
        settled(1);
        let one = Contribution {
            jobs: 1,
            work: architecture().work(TOKENS, 0).into(),
            earned: reward(ASK),
        };
        let two = Contribution { jobs: 2, work: 2 * one.work, earned: 2 * one.earned };
        assert_eq!(Contributions::<Test>::get(WORKER, VERSION), two);
        for era in [0, 1] {
            assert_eq!(EraContributions::<Test>::get(era, WORKER), one);
            assert_eq!(EraTotals::<Test>::get(era), one);
        }
        assert_eq!(Jobs::contribution(WORKER, VERSION), two);
        assert_eq!(Jobs::era_total(1), one);
    });
}

#[test]
fn every_price_that_is_taken_should_cover_what_is_paid() {
    // The dearest worker that the budget admits takes the last unit and no more.
    let budget = pricing::budget(MAX_PRICE, owner_fee(), ProtocolFee::get(), 3).unwrap();
    let ask = budget * pricing::GIGA as u128 / architecture().work(TOKENS, 0) as u128;
    Chain::default().asks(&[ask; 3]).build_and_execute(|| {
        let receipt = receipt(settled(3));
        assert!(receipt.requester < 10, "{receipt:?}");
    });
}
