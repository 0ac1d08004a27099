//! Which token a row of logits gives.

use super::{area, check_kernel, check_length, multiversion, threads, KernelError};
use crate::{
    math::{exp, from_order_key, gumbel, order_key},
    Kernel,
};
use vigil_architecture::Sampling;

/// More than the greatest Gumbel noise, which is `-ln(2^-24)` = 16.6...
const MOST_NOISE: f32 = 17.0;

/// How one row's token is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Greedy, or with which noise.
    pub sampling: Sampling,
    /// The position that the drawn token will have in its sequence.
    pub position: u32,
}

/// Draws a token from every row of `logits` (`[rows, vocabulary]`): `tokens` has one per draw.
pub fn sample(
    kernel: Kernel,
    logits: &[f32],
    draws: &[Draw],
    tokens: &mut [u32],
) -> Result<(), KernelError> {
    check_kernel(kernel)?;
    let vocabulary = logits.len().checked_div(draws.len()).unwrap_or(0);
    if vocabulary == 0 || vocabulary > u32::MAX as usize {
        return Err(KernelError::WrongDimension("the vocabulary"));
    }
    check_length("the logits", logits.len(), area(draws.len(), vocabulary)?)?;
    check_length("the tokens", tokens.len(), draws.len())?;
    if draws.iter().any(|draw| !draw.sampling.is_valid()) {
        return Err(KernelError::WrongDimension("the temperature or min-p"));
    }
    let tokens = threads::Shared::new(tokens);
    threads::each(draws.len(), |row| {
        let logits = &logits[row * vocabulary..][..vocabulary];
        // SAFETY: every task has a token of its own.
        let token = unsafe { tokens.slice(row, 1) };
        token[0] = draw(kernel, draws[row], logits);
    });
    Ok(())
}

fn draw(kernel: Kernel, draw: Draw, logits: &[f32]) -> u32 {
    let greatest = greatest_key(kernel, logits);
    let Sampling::Gumbel { seed, temperature, min_p } = draw.sampling else {
        let first = logits.iter().position(|logit| order_key(*logit) == greatest);
        return first.unwrap_or(0) as u32;
    };
    let (temperature, min_p) = (f32::from_bits(temperature), f32::from_bits(min_p));
    let highest = from_order_key(greatest);
    let (mut best, mut best_key, mut token) = (f32::NEG_INFINITY, i32::MIN, 0);
    for (id, logit) in (0u32..).zip(logits) {
        let scaled = (*logit - highest) / temperature;
        // No noise lifts it above the best so far: rounding keeps the order.
        if scaled + MOST_NOISE < best {
            continue;
        }
        let perturbed = if exp(scaled) >= min_p {
            scaled + gumbel(seed, draw.position, id)
        } else {
            f32::NEG_INFINITY
        };
        if order_key(perturbed) > best_key {
            (best, best_key, token) = (perturbed, order_key(perturbed), id);
        }
    }
    token
}

multiversion! {
    fn greatest_key(logits: &[f32]) -> i32 = greatest_key_body;
}

#[inline(always)]
fn greatest_key_body(logits: &[f32]) -> i32 {
    logits.iter().fold(i32::MIN, |max, logit| order_key(*logit).max(max))
}
