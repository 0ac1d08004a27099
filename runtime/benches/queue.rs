//! What jobs that no worker would take cost everybody else: the latency of an ordinary job and the
//! time of a block's hooks, with the runtime compiled for this machine and its state in memory.
//!
//! `cargo bench -p vigil-runtime --bench queue`

#[path = "../tests/common/market.rs"]
mod market;

use frame_support::{assert_ok, traits::fungible::Mutate};
use market::*;
use sp_io::TestExternalities;
use std::time::{Duration, Instant};
use vigil_primitives::{AccountId, AssetId, Balance, JobId, MICRO, UNIT};
use vigil_runtime::{Balances, Jobs};

/// Ordinary jobs that are timed, one after the other.
const SAMPLES: usize = 60;
/// Jobs that one account of the crowd submits: as many as it may.
const EACH: u32 = 10_000;
/// What they offer: the owner's fee and a tenth of what a worker asks.
const TOO_LITTLE: Balance = UNIT + MICRO;
/// What the crowd sees of a market that holds 100,000: one place is left.
const CROWDS: [u32; 5] = [0, 1_000, 10_000, 50_000, 99_999];

fn main() {
    println!("| jobs that nobody takes | each submitted in, us | drawn after, blocks | hooks of that block, us | hooks of a block without news, us |");
    println!("|---|---|---|---|---|");
    for size in CROWDS {
        let mut externalities = market();
        let asset = externalities.execute_with(|| model(&MAKER, &[]));
        let submitting = crowd(&mut externalities, asset, size);
        externalities.commit_all().expect("the state is in memory");
        let mut quiet = Vec::new();
        let mut drawing = Vec::new();
        let mut blocks = Vec::new();
        for _ in 0..SAMPLES {
            externalities.execute_with(|| {
                quiet.push(timed(next_block));
                let job = submit(&REQUESTER, job_for(asset)).expect("there is a place left");
                let (after, time) = drawn(job);
                blocks.push(after);
                drawing.push(time);
                // Its worker and its place in the market are free again.
                answer(job, OUTPUT);
                settle(job);
            });
            externalities.commit_all().expect("the state is in memory");
        }
        let median = |times: &mut Vec<Duration>| {
            times.sort_unstable();
            times[times.len() / 2].as_micros()
        };
        let slowest = blocks.iter().max().expect("there are samples");
        let each = submitting.as_micros() / u128::from(size.max(1));
        let (quiet, drawing) = (median(&mut quiet), median(&mut drawing));
        println!("| {size} | {each} | {slowest} | {drawing} | {quiet} |");
    }
}

/// Fills the market with jobs that wait, and lets their turns pass. How long submitting took.
fn crowd(externalities: &mut TestExternalities, asset: AssetId, size: u32) -> Duration {
    let mut time = Duration::ZERO;
    for first in (0..size).step_by(EACH as usize) {
        let who = AccountId::new([100 + (first / EACH) as u8; 32]);
        externalities.execute_with(|| {
            assert_ok!(Balances::mint_into(&who, 100 * FUNDS));
            time += timed(|| {
                for _ in first..size.min(first + EACH) {
                    let mut spec = job_for(asset);
                    spec.max_price = TOO_LITTLE;
                    spec.deadline = now() + vigil_runtime::constants::time::DAYS - 1;
                    submit(&who, spec).expect("it waits");
                }
            });
        });
        externalities.commit_all().expect("the state is in memory");
    }
    externalities.execute_with(|| {
        next_block();
        next_block();
    });
    time
}

fn timed(what: impl FnOnce()) -> Duration {
    let start = Instant::now();
    what();
    start.elapsed()
}

/// After how many blocks a worker is drawn, and how long the hooks of that block took.
fn drawn(job: JobId) -> (u32, Duration) {
    for blocks in 1..=10 {
        let time = timed(next_block);
        if !workers_of(job).is_empty() {
            return (blocks, time);
        }
    }
    panic!("job {job} is not drawn: {:?}", Jobs::job(job).map(|job| job.status));
}
