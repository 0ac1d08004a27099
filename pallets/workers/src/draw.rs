//! Random choices from a seed: a sample without repetition, and one of several by weight.
//!
//! Nothing here knows workers. Every number is a fresh hash of the seed, 128 bits of it reduced to
//! the range: the bias is below 2^-64 for every range in use.

use alloc::vec::Vec;
use sp_runtime::traits::{BlakeTwo256, Hash};

/// What a number is drawn for, so that no two come from the same hash.
const SAMPLE: u8 = 0;
const CHOICE: u8 = 1;

/// `min(size, count)` different numbers below `count`, each set of them equally likely.
///
/// Floyd's algorithm: one random number per element, whatever `count` is.
pub(crate) fn sample(seed: &[u8; 32], count: u32, size: u32) -> Vec<u32> {
    let size = size.min(count);
    let mut chosen = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    for last in count.saturating_sub(size)..count {
        let bound = u64::from(last).saturating_add(1);
        let drawn = u32::try_from(number(seed, SAMPLE, last, bound)).unwrap_or(last);
        chosen.push(if chosen.contains(&drawn) { last } else { drawn });
    }
    chosen
}

/// The position of one of `weights`, drawn in proportion to them; `None` when all are 0. With one
/// seed, every `turn` is a draw of its own.
pub(crate) fn choose(
    seed: &[u8; 32],
    turn: u32,
    weights: impl Iterator<Item = u64> + Clone,
) -> Option<usize> {
    let total = weights.clone().fold(0u64, u64::saturating_add);
    if total == 0 {
        return None;
    }
    let mut left = number(seed, CHOICE, turn, total);
    for (position, weight) in weights.enumerate() {
        match left.checked_sub(weight) {
            Some(rest) => left = rest,
            None => return Some(position),
        }
    }
    None
}

/// A number below `bound`.
fn number(seed: &[u8; 32], purpose: u8, index: u32, bound: u64) -> u64 {
    let hash = BlakeTwo256::hash_of(&(seed, purpose, index));
    let bits = hash.as_bytes().first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes));
    bits.checked_rem(bound.into()).and_then(|rest| u64::try_from(rest).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seed(n: u32) -> [u8; 32] {
        BlakeTwo256::hash_of(&n).0
    }

    proptest! {
        #[test]
        fn sample_should_hold_different_numbers_below_the_count(
            n: u32,
            count in 0u32..100,
            size in 0u32..40,
        ) {
            let mut chosen = sample(&seed(n), count, size);
            prop_assert_eq!(chosen.len() as u32, size.min(count));
            prop_assert!(chosen.iter().all(|number| *number < count));
            chosen.sort();
            chosen.dedup();
            prop_assert_eq!(chosen.len() as u32, size.min(count));
        }
    }

    #[test]
    fn sample_should_choose_every_number_equally_often_when_seeds_vary() {
        let mut counts = [0u32; 10];
        for n in 0..10_000 {
            for number in sample(&seed(n), 10, 3) {
                counts[number as usize] += 1;
            }
        }
        // 3,000 expected, standard deviation 46.
        assert!(counts.iter().all(|count| (2_770..3_230).contains(count)), "{counts:?}");
    }

    #[test]
    fn sample_should_reach_every_number_when_the_count_is_the_largest() {
        let chosen = sample(&seed(0), u32::MAX, 16);
        assert_eq!(chosen.len(), 16);
        assert!(chosen.iter().any(|number| *number > u32::MAX / 2));
    }

    #[test]
    fn choose_should_follow_the_weights_when_seeds_vary() {
        let weights = [0, 10, 30, 60];
        let mut counts = [0u32; 4];
        for n in 0..10_000 {
            counts[choose(&seed(n), 0, weights.into_iter()).unwrap()] += 1;
        }
        assert_eq!(counts[0], 0);
        for (count, weight) in counts.iter().zip(weights) {
            let expected = weight as u32 * 100;
            assert!(count.abs_diff(expected) < 250, "{counts:?}");
        }
    }

    #[test]
    fn choose_should_choose_nothing_when_there_is_no_weight() {
        assert_eq!(choose(&seed(0), 0, [].into_iter()), None);
        assert_eq!(choose(&seed(0), 0, [0, 0].into_iter()), None);
    }

    #[test]
    fn choose_should_draw_anew_when_the_turn_is_another() {
        let same = (0..1_000)
            .filter(|n| {
                let choice = |turn| choose(&seed(*n), turn, [1, 1].into_iter());
                choice(0) == choice(1)
            })
            .count();
        // 500 expected, standard deviation 16.
        assert!((420..580).contains(&same), "{same}");
    }
}
