//! Who is drawn: a sample of those that fit, and one of it by weight.

use rand::{seq::index, Rng};
use vigil_primitives::{audit, worker::Reputation, Balance, Permill};

/// How much a worker is trusted to finish a job, from 1 to 1,000: `reliability` of
/// `pallets/workers/src/types.rs`.
pub fn reliability(reputation: &Reputation) -> u64 {
    let good = u64::from(reputation.completed) + 4;
    let all = good
        + 4
        + 4 * u64::from(reputation.expired)
        + u64::from(reputation.declined)
        + 2 * u64::from(reputation.contested)
        + 100 * u64::from(reputation.convicted);
    ((good * 1_000 / all) >> reputation.expired_in_a_row.min(8)).max(1)
}

/// Between a half, for who has no record, and one: in parts per million.
pub fn trust(reward: Balance, proven: Balance) -> u64 {
    let unproven: Permill = audit::unproven(reward, proven);
    1_000_000 - u64::from(unproven.deconstruct()) / 2
}

/// One of `fit` by its weight, out of a sample of so many; of all, where the sample holds none that
/// fits. Those that do not fit weigh nothing.
pub fn choose(rng: &mut impl Rng, weights: &[u64], sample: usize) -> Option<usize> {
    let size = sample.min(weights.len());
    let sampled = index::sample(rng, weights.len(), size).into_vec();
    by_weight(rng, weights, &sampled).or_else(|| {
        let everybody: Vec<_> = (0..weights.len()).collect();
        by_weight(rng, weights, &everybody)
    })
}

fn by_weight(rng: &mut impl Rng, weights: &[u64], among: &[usize]) -> Option<usize> {
    let total: u64 = among.iter().map(|place| weights[*place]).sum();
    if total == 0 {
        return None;
    }
    let mut left = rng.random_range(0..total);
    among.iter().copied().find(|place| match left.checked_sub(weights[*place]) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    })
}
