//! How long a settlement takes, compiled for this machine and with the state in memory, beside the
//! time that its weight stands for.
//!
//! `cargo bench -p vigil-runtime --bench settlement`

#[path = "../tests/common/market.rs"]
mod market;

use market::*;
use sp_runtime::traits::Dispatchable;
use std::time::{Duration, Instant};
use vigil_primitives::JobStatus;
use vigil_runtime::{RuntimeCall, System};

/// Settlements that are timed.
const SAMPLES: usize = 300;
/// Settlements before those.
const WARM_UP: usize = 20;

fn main() {
    println!("| payees | workers | median, us | slowest of 20, us | charged, us |");
    println!("|---|---|---|---|---|");
    for (payees, workers) in [(1, 1), (4, 1), (16, 1), (16, 5)] {
        let (mut times, charged) = measure(payees, workers);
        times.sort_unstable();
        let [median, slow, charged] =
            [times[SAMPLES / 2], times[SAMPLES * 19 / 20], charged].map(|time| time.as_micros());
        println!("| {payees} | {workers} | {median} | {slow} | {charged} |");
    }
}

/// Settles jobs of a version with so many payees, for so many workers each. How long every one
/// took, and what it was charged.
fn measure(payees: u8, workers: u8) -> (Vec<Duration>, Duration) {
    let mut externalities = market();
    let asset = externalities.execute_with(|| model_of(payees, PERCENT).0);
    let mut charged = Duration::ZERO;
    let times = (0..WARM_UP + SAMPLES)
        .map(|_| {
            let job = externalities.execute_with(|| {
                let mut spec = job_for(asset);
                spec.policy.replicas = workers;
                let job = revealed_by(&REQUESTER, spec);
                let JobStatus::Revealed { settle_at, .. } = status(job) else { unreachable!() };
                // The agenda does not see this block, so that the call below settles the job.
                System::set_block_number(settle_at);
                System::reset_events();
                job
            });
            // What the settlement reads is in the trie, as it would be in a block.
            externalities.commit_all().expect("the state is in memory");
            externalities.execute_with(|| {
                let call = RuntimeCall::Jobs(pallet_jobs::Call::poke { job });
                let before = Instant::now();
                let result = call.dispatch(signed(&STRANGER));
                let time = before.elapsed();
                let weight = result.expect("it is due").actual_weight.expect("it says so");
                assert_eq!(royalties(job).len(), usize::from(payees));
                charged = Duration::from_nanos(weight.ref_time() / 1_000);
                time
            })
        })
        .skip(WARM_UP)
        .collect();
    (times, charged)
}
