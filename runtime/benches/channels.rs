//! What a channel costs the chain, however many answers it pays for: how long its opening and its
//! settlement take, beside the time that their weights stand for, and how many answers a second all
//! blocks settle so.
//!
//! ```text
//! cargo bench -p vigil-runtime --bench channels
//! ```
//! The calls alone are compiled for this machine; whole transactions, with signature and fee, run in the
//! wasm runtime that ships, where that was built. State is in memory.

#[path = "../tests/common/market.rs"]
mod market;
#[path = "common/wasm.rs"]
mod wasm;

use frame_support::{
    assert_ok,
    dispatch::{DispatchClass, GetDispatchInfo},
    traits::fungible::Mutate,
};
use market::*;
use sp_core::{sr25519::Pair, Pair as _};
use sp_io::TestExternalities;
use sp_keyring::Sr25519Keyring::{self, Alice, Bob};
use sp_runtime::traits::Dispatchable;
use std::time::{Duration, Instant};
use vigil_primitives::{
    channel::{ChannelSpec, ChannelTerms, Totals, Usage, Voucher},
    model::Url,
    worker::{Capability, DeviceClass},
    AssetId, Balance, Permill, UNIT,
};
use vigil_runtime::{
    constants::time::SLOT_MS, Balances, Channels, Runtime, RuntimeCall, RuntimeEvent, System,
    Workers,
};
use wasm::Wasm;

/// Channels that are timed.
const SAMPLES: usize = 300;
/// Channels before those.
const WARM_UP: usize = 20;
/// Covers all of them at once.
const WEALTH: Balance = 1_000_000_000 * UNIT;
/// The tokens of every answer.
const USAGE: Usage = Usage { tokens_in: 16, cached: 0, tokens_out: 0 };
/// Asks and pays.
const REQUESTER: Sr25519Keyring = Alice;
/// Answers.
const WORKER: Sr25519Keyring = Bob;

/// Of the opening and of the settlement of a channel.
#[derive(Clone, Copy, Default)]
struct Times {
    open: Duration,
    close: Duration,
}

impl Times {
    fn both(&self) -> Duration {
        self.open + self.close
    }
}

fn main() {
    let weights = <Runtime as frame_system::Config>::BlockWeights::get();
    let normal = weights.get(DispatchClass::Normal);
    let nanos = |weight: sp_runtime::Weight| Duration::from_nanos(weight.ref_time() / 1_000);
    let block = nanos(normal.max_total.expect("it is bounded"));
    let runtime = Wasm::built();
    if runtime.is_none() {
        println!("the wasm runtime was not built: unset SKIP_WASM_BUILD\n");
    }
    println!("Transactions may take {} ms of a block of {SLOT_MS} ms.\n", block.as_millis());
    println!("| payees | answers | opened, us | settled, us | charged, us | answers/s | opened in wasm, us | settled in wasm, us | answers/s |");
    println!("|---|---|---|---|---|---|---|---|---|");
    for (payees, answers) in [(1, 1), (1, 1_000), (4, 1_000), (16, 1_000)] {
        let (times, charged) = measure(payees, answers);
        let median = |of: fn(&Times) -> Duration| {
            let mut times: Vec<_> = times.iter().map(of).collect();
            times.sort_unstable();
            times[SAMPLES / 2].as_micros()
        };
        let (open, close) = (median(|it| it.open), median(|it| it.close));
        let rate = |channel: Duration| {
            let channels = block.as_nanos() / channel.as_nanos();
            channels * u128::from(answers) * 1_000 / u128::from(SLOT_MS)
        };
        // Each of the two is a transaction.
        let by_weight = rate(charged.both() + nanos(normal.base_extrinsic) * 2);
        let charged = charged.both().as_micros();
        print!("| {payees} | {answers} | {open} | {close} | {charged} | {by_weight} |");
        match &runtime {
            Some(runtime) => {
                let whole = transactions(runtime, payees, answers);
                let (open, close) = (whole.open.as_micros(), whole.close.as_micros());
                println!(" {open} | {close} | {} |", rate(whole.both()));
            }
            None => println!(" | | |"),
        }
    }
}

/// A version with so many payees, and a worker that serves it and takes channels.
fn scene(payees: u8) -> (TestExternalities, AssetId) {
    let mut externalities = market();
    let asset = externalities.execute_with(|| {
        let asset = model_of(payees, PERCENT).0;
        let worker = WORKER.to_account_id();
        assert_ok!(Balances::mint_into(&worker, 2 * WEALTH));
        assert_ok!(Balances::mint_into(&REQUESTER.to_account_id(), WEALTH));
        let capability =
            Capability { memory_mib: 1_024, device: DeviceClass::Cpu, gmacs_per_second: 10 };
        let url = Url::truncate_from(b"http://127.0.0.1:8080".to_vec());
        assert_ok!(Workers::register(signed(&worker), url, [0; 32], capability, ASK, 64, WEALTH));
        assert_ok!(Workers::serve(signed(&worker), version(asset)));
        let terms = ChannelTerms {
            max_open: 1,
            min_deposit: 0,
            max_deposit: Balance::MAX,
            cached: Permill::one(),
            signer: pair().public(),
        };
        assert_ok!(Channels::set_terms(signed(&worker), terms));
        asset
    });
    (externalities, asset)
}

/// Opens channels of a version with so many payees, each for so many answers, and settles them. How
/// long every call took, and what it was charged.
fn measure(payees: u8, answers: u32) -> (Vec<Times>, Times) {
    let (mut externalities, asset) = scene(payees);
    let mut charged = Times::default();
    let times = (0..WARM_UP + SAMPLES)
        .map(|_| {
            let (open, weight) = timed(&mut externalities, REQUESTER, || opening(asset, answers));
            charged.open = weight;
            let (close, weight) = timed(&mut externalities, WORKER, || closing(answers));
            charged.close = weight;
            Times { open, close }
        })
        .skip(WARM_UP)
        .collect();
    (times, charged)
}

/// How long a call takes whose state is in the trie, as it would be in a block, and what it is charged.
fn timed(
    externalities: &mut TestExternalities,
    who: Sr25519Keyring,
    call: impl FnOnce() -> RuntimeCall,
) -> (Duration, Duration) {
    let call = externalities.execute_with(call);
    externalities.commit_all().expect("the state is in memory");
    externalities.execute_with(|| {
        System::reset_events();
        let most = call.get_dispatch_info().call_weight;
        let before = Instant::now();
        let done = call.dispatch(signed(&who.to_account_id()));
        let time = before.elapsed();
        let weight = done.expect("nothing stands against it").actual_weight.unwrap_or(most);
        (time, Duration::from_nanos(weight.ref_time() / 1_000))
    })
}

/// The same of whole transactions in wasm.
fn transactions(runtime: &Wasm, payees: u8, answers: u32) -> Times {
    let (mut externalities, asset) = scene(payees);
    let call = externalities.execute_with(|| opening(asset, answers));
    let opened = |event: &RuntimeEvent| {
        matches!(event, RuntimeEvent::Channels(pallet_channels::Event::Opened { .. }))
    };
    let look = |events: Vec<RuntimeEvent>| assert!(events.iter().any(opened), "{events:?}");
    let open = runtime.median(&mut externalities, REQUESTER, call, look);

    let call = externalities.execute_with(|| {
        assert_ok!(opening(asset, answers).dispatch(signed(&REQUESTER.to_account_id())));
        System::reset_events();
        closing(answers)
    });
    let settled = |event: &RuntimeEvent| {
        let RuntimeEvent::Channels(event) = event else { return false };
        matches!(event, pallet_channels::Event::Settled { receipt, .. } if receipt.answers == answers)
    };
    let look = |events: Vec<RuntimeEvent>| assert!(events.iter().any(settled), "{events:?}");
    let close = runtime.median(&mut externalities, WORKER, call, look);
    Times { open, close }
}

/// Signs for both sides.
fn pair() -> Pair {
    Pair::from_seed(&[1; 32])
}

fn opening(asset: AssetId, answers: u32) -> RuntimeCall {
    let spec = ChannelSpec {
        worker: WORKER.to_account_id(),
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
