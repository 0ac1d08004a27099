//! What a channel costs the chain, however many answers it pays for: how long its opening and its
//! settlement take, compiled for this machine and with the state in memory, beside the time that their
//! weights stand for, and how many answers a second all blocks settle so.
//!
//! `cargo bench -p vigil-runtime --bench channels`

#[path = "../tests/common/market.rs"]
mod market;

use frame_support::{
    assert_ok,
    dispatch::{DispatchClass, GetDispatchInfo},
    traits::{fungible::Mutate, Get},
};
use market::*;
use sp_core::{sr25519::Pair, Pair as _};
use sp_io::TestExternalities;
use sp_runtime::traits::Dispatchable;
use std::time::{Duration, Instant};
use vigil_primitives::{
    channel::{ChannelSpec, ChannelTerms, Totals, Usage, Voucher},
    AssetId, Balance, Permill, UNIT,
};
use vigil_runtime::{
    constants::time::SLOT_MS, Balances, Channels, Runtime, RuntimeCall, System, Workers,
};

/// Channels that are timed.
const SAMPLES: usize = 300;
/// Channels before those.
const WARM_UP: usize = 20;
/// Covers all of them at once.
const WEALTH: Balance = 1_000_000_000 * UNIT;
/// The tokens of every answer.
const USAGE: Usage = Usage { tokens_in: 16, cached: 0, tokens_out: 0 };

/// Of the opening and of the settlement of a channel.
#[derive(Clone, Copy, Default)]
struct Times {
    open: Duration,
    close: Duration,
}

fn main() {
    println!("| payees | answers | opened in, us | settled in, us | charged, us | channels a block | answers/s |");
    println!("|---|---|---|---|---|---|---|");
    for (payees, answers) in [(1, 1), (1, 1_000), (4, 1_000), (16, 1_000)] {
        let (times, charged) = measure(payees, answers);
        let median = |of: fn(&Times) -> Duration| {
            let mut times: Vec<_> = times.iter().map(of).collect();
            times.sort_unstable();
            times[SAMPLES / 2].as_micros()
        };
        let (open, close) = (median(|it| it.open), median(|it| it.close));
        let each = charged.open + charged.close;
        // A channel is two transactions: the opening and the settlement.
        let weights = <Runtime as frame_system::Config>::BlockWeights::get();
        let normal = weights.get(DispatchClass::Normal);
        let block = normal.max_total.expect("it is bounded").ref_time() / 1_000;
        let base = Duration::from_nanos(2 * normal.base_extrinsic.ref_time() / 1_000);
        let count = u128::from(block) / (each + base).as_nanos();
        let rate = count * u128::from(answers) * 1_000 / u128::from(SLOT_MS);
        let charged = each.as_micros();
        println!("| {payees} | {answers} | {open} | {close} | {charged} | {count} | {rate} |");
    }
}

/// Opens channels of a version with so many payees, each for so many answers, and settles them. How
/// long that took, and what it was charged.
fn measure(payees: u8, answers: u32) -> (Vec<Times>, Times) {
    let mut externalities = market();
    let asset = externalities.execute_with(|| {
        let asset = model_of(payees, PERCENT).0;
        let (worker, requester) = (&WORKERS[0], &REQUESTER);
        assert_ok!(Balances::mint_into(worker, 2 * WEALTH));
        assert_ok!(Balances::mint_into(requester, WEALTH));
        assert_ok!(Workers::bond_more(signed(worker), WEALTH));
        let terms = ChannelTerms {
            max_open: 1,
            min_deposit: 0,
            max_deposit: Balance::MAX,
            cached: Permill::one(),
            signer: pair().public(),
        };
        assert_ok!(Channels::set_terms(signed(worker), terms));
        asset
    });
    let mut charged = Times::default();
    let times = (0..WARM_UP + SAMPLES)
        .map(|_| {
            let (open, weight) = timed(&mut externalities, &REQUESTER, || opening(asset, answers));
            charged.open = weight;
            let (close, weight) = timed(&mut externalities, &WORKERS[0], || closing(answers));
            charged.close = weight;
            Times { open, close }
        })
        .skip(WARM_UP)
        .collect();
    (times, charged)
}

/// Signs for both sides.
fn pair() -> Pair {
    Pair::from_seed(&[1; 32])
}

fn opening(asset: AssetId, answers: u32) -> RuntimeCall {
    let spec = ChannelSpec {
        worker: WORKERS[0].clone(),
        version: version(asset),
        terms: job_for(asset).terms,
        max_ask: ASK,
        // More than the owner's fee and the reward of every answer.
        deposit: Balance::from(answers) * 2 * UNIT,
        expires_at: now() + 1_000,
        max_answers: answers,
        signer: pair().public(),
    };
    RuntimeCall::Channels(pallet_channels::Call::open { spec: Box::new(spec) })
}

fn closing(answers: u32) -> RuntimeCall {
    let id = pallet_channels::NextChannel::<Runtime>::get() - 1;
    let prices = Channels::channel(id).expect("it is open").channel.prices;
    let after = |totals: Totals, _| totals.after(&prices, &architecture(), USAGE);
    let voucher = Voucher { channel: id, totals: (0..answers).fold(Totals::default(), after) };
    let signature = pair().sign(&voucher.bytes(&System::block_hash(0)));
    let voucher = Some((voucher, signature));
    RuntimeCall::Channels(pallet_channels::Call::close { channel: id, voucher })
}

/// How long a call takes whose state is in the trie, as it would be in a block, and what it is charged.
fn timed(
    externalities: &mut TestExternalities,
    who: &vigil_primitives::AccountId,
    call: impl FnOnce() -> RuntimeCall,
) -> (Duration, Duration) {
    let call = externalities.execute_with(call);
    externalities.commit_all().expect("the state is in memory");
    externalities.execute_with(|| {
        System::reset_events();
        let most = call.get_dispatch_info().call_weight;
        let before = Instant::now();
        let done = call.dispatch(signed(who));
        let time = before.elapsed();
        let weight = done.expect("nothing stands against it").actual_weight.unwrap_or(most);
        (time, Duration::from_nanos(weight.ref_time() / 1_000))
    })
}
