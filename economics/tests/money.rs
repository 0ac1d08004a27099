//! Money is conserved to the last unit, whoever plays.

use proptest::prelude::*;
use vigil_economics::{
    ledger::Account,
    market::{Market, Seat},
    players::Play,
    rules::{Economy, Rules},
};
use vigil_primitives::{Balance, Permill, UNIT};

const PLAYS: [Play; 21] = [
    Play::Honest,
    Play::Faulty,
    Play::Random,
    Play::Selective,
    Play::Colluding,
    Play::Withholding,
    Play::Timing,
    Play::Undercutting,
    Play::Guessing,
    Play::Asking,
    Play::Trusting,
    Play::Copying,
    Play::Challenging,
    Play::Declining,
    Play::Idling,
    Play::Fresh,
    Play::Farming,
    Play::Draining,
    Play::Pumping,
    Play::Siphoning,
    Play::Hunting,
];

fn seat() -> impl Strategy<Value = Seat> {
    (0..PLAYS.len(), 0u64..3, 20..200 as Balance).prop_map(|(play, group, price)| Seat {
        play: PLAYS[play],
        group,
        price,
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    (0u32..100_000, 1..1_000 as Balance, 0..30 as Balance, 1usize..20).prop_map(
        |(fee, bond, conviction, sample)| Rules {
            protocol_fee: Permill::from_parts(fee),
            bond: bond * UNIT,
            conviction: conviction * UNIT,
            sample,
            ..Rules::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_unit_should_come_or_go(
        seats in prop::collection::vec(seat(), 2..30),
        rules in rules(),
        replicated in 1u32..5,
        treasury in 0..UNIT,
        seed: u64,
    ) {
        let economy = Economy { replicated, treasury, odd: 3, ..Economy::default() };
        let mut market = Market::new(rules, economy, &seats, seed);
        let all = market.ledger().sum();
        for _ in 0..100 {
            market.step();
            prop_assert_eq!(market.ledger().sum(), all);
            // The escrow of every job has ended as payments and a refund.
            prop_assert_eq!(market.ledger().purse(Account::Escrow).balance, 0);
        }
        // What came to each account and went from it explains what it has.
        let begun = Market::new(rules, economy, &seats, seed);
        let workers = (0..seats.len()).map(Account::Worker);
        for account in workers.chain([Account::Requester, Account::Treasury, Account::Burned]) {
            let (before, now) = (begun.ledger().purse(account), market.ledger().purse(account));
            prop_assert_eq!(before.balance + now.received, now.balance + now.given);
        }
    }

    #[test]
    fn an_honest_player_should_lose_nothing_but_the_price_of_its_audits(
        others in prop::collection::vec(seat(), 2..20),
        seed: u64,
    ) {
        let mut seats = vec![Seat::new(Play::Honest); 4];
        seats.extend(others);
        let mut market = Market::new(Rules::default(), Economy::default(), &seats, seed);
        for _ in 0..200 {
            market.step();
        }
        for place in 0..4 {
            let worker = &market.workers()[place];
            prop_assert_eq!(worker.reputation.convicted, 0);
            // Its bond pays for audits by those that ask more than it does, and for nothing else.
            let given = market.ledger().purse(Account::Worker(place)).given;
            prop_assert_eq!(given, worker.charged);
        }
    }
}
