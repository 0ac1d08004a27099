//! Who is drawn: of a sample of those that serve a version, one by its weight.

use rand::{seq::index, Rng};

/// So many of them, or all where there are fewer.
pub fn sample(rng: &mut impl Rng, serving: &[usize], size: usize) -> Vec<usize> {
    let size = size.min(serving.len());
    index::sample(rng, serving.len(), size).into_iter().map(|place| serving[place]).collect()
}

/// One of them by its weight. Those that weigh nothing do not fit.
pub fn by_weight(
    rng: &mut impl Rng,
    among: &[usize],
    weight: impl Fn(usize) -> u64,
) -> Option<usize> {
    let weights: Vec<_> = among.iter().map(|who| weight(*who)).collect();
    let total: u64 = weights.iter().sum();
    if total == 0 {
        return None;
    }
    let mut left = rng.random_range(0..total);
    let drawn = weights.into_iter().position(|weight| match left.checked_sub(weight) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    })?;
    Some(among[drawn])
}
