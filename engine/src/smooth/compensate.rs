//! How errors of weights are given to others.
//!
//! The activations of a channel often follow those of others. What rounding takes from a weight can
//! then be made up for by the weights that are rounded after it, best so by the inverse of the second
//! moments of the activations: GPTQ (Frantar et al., 2023). It is done for the head alone. Behind
//! the places where factors go it gains nothing once these are chosen (docs/adr/0012).

use rayon::prelude::*;

/// Widest head that is compensated: the work grows with the cube of the width.
pub(super) const WIDEST: usize = 4_096;
/// What is added to the diagonal, as a part of its mean, so that channels that the text hardly uses
/// are not trusted.
const DAMPING: f64 = 0.01;
/// Lanes of a sum.
const LANES: usize = 8;

/// The upper factor `U` of the inverse of the second moments of `x` (rows, width): `U' U`, row by
/// row. `None` if it has none: all activations are zero, or not finite.
///
/// With `H = R R'` and `R` upper triangular, `U` is the inverse of `R`. All sums have one order.
pub(super) fn factor(x: &[f32], width: usize) -> Option<Vec<f32>> {
    let mut matrix = moments(x, width);
    let mean = (0..width).filter_map(|i| matrix.get(i * width + i)).sum::<f64>() / width as f64;
    if !(mean > 0.0 && mean.is_finite()) {
        return None;
    }
    for i in 0..width {
        *matrix.get_mut(i * width + i)? += DAMPING * mean;
    }
    decompose(&mut matrix, width)?;
    Some(invert(&matrix, width))
}

/// Mean products of channels.
fn moments(x: &[f32], width: usize) -> Vec<f64> {
    let rows = x.len().checked_div(width).unwrap_or(0).max(1) as f64;
    let mut matrix = vec![0.0f64; width.saturating_mul(width)];
    matrix.par_chunks_mut(width).enumerate().for_each(|(channel, sums)| {
        for row in x.chunks_exact(width) {
            let own = f64::from(row.get(channel).copied().unwrap_or(0.0));
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += own * f64::from(*x));
        }
        sums.iter_mut().for_each(|sum| *sum /= rows);
    });
    matrix
}

/// Replaces a symmetric, positive matrix by its upper factor `R`, from the last column to the first.
fn decompose(matrix: &mut [f64], width: usize) -> Option<()> {
    for j in (0..width).rev() {
        let (above, rest) = matrix.split_at_mut(j * width);
        let row = rest.get_mut(..width)?;
        let (own, behind) = row.split_at_mut(j + 1);
        let diagonal = own.last_mut()?;
        *diagonal = (*diagonal - dot(behind, behind)).sqrt();
        if !(*diagonal > 0.0 && diagonal.is_finite()) {
            return None;
        }
        let (diagonal, behind) = (*diagonal, &*behind);
        above.par_chunks_mut(width).for_each(|row| {
            let (own, known) = row.split_at_mut(j + 1);
            if let Some(x) = own.last_mut() {
                *x = (*x - dot(known, behind)) / diagonal;
            }
        });
    }
    Some(())
}

/// The inverse of an upper triangular matrix.
fn invert(matrix: &[f64], width: usize) -> Vec<f32> {
    let mut inverse = vec![0.0f64; width.saturating_mul(width)];
    for i in (0..width).rev() {
        let (above, below) = inverse.split_at_mut((i + 1) * width);
        let (Some(row), Some(factors)) =
            (above.get_mut(i * width..), matrix.get(i * width..(i + 1) * width))
        else {
            break;
        };
        let diagonal = factors.get(i).copied().unwrap_or(1.0);
        let part = width.div_ceil(rayon::current_num_threads()).max(64);
        row.par_chunks_mut(part).enumerate().for_each(|(number, sums)| {
            let first = number * part;
            for (below, factor) in below.chunks_exact(width).zip(factors.iter().skip(i + 1)) {
                let below = below.iter().skip(first);
                sums.iter_mut().zip(below).for_each(|(sum, x)| *sum += factor * x);
            }
            sums.iter_mut().for_each(|sum| *sum = -*sum / diagonal);
        });
        if let Some(own) = row.get_mut(i) {
            *own = 1.0 / diagonal;
        }
    }
    inverse.into_iter().map(|x| x as f32).collect()
}

/// The inner product, in one order.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0f64; LANES];
    for (a, b) in a.chunks(LANES).zip(b.chunks(LANES)) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    lanes.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_ops::{
        tensor::{round_compensated, weight_scale},
        Kernel,
    };

    /// Numbers of -1 to 1.
    fn numbers(count: usize, mut state: u32) -> Vec<f32> {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1u32 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    /// Rows of few directions, and a little of their own.
    fn activations(rows: usize, width: usize) -> Vec<f32> {
        let (directions, own) = (numbers(6 * width, 1), numbers(rows * width, 3));
        numbers(rows * 6, 2)
            .chunks(6)
            .zip(own.chunks(width))
            .flat_map(|(parts, own)| {
                (0..width).map(|c| {
                    let sum: f32 =
                        parts.iter().zip(directions.chunks(width)).map(|(p, d)| p * d[c]).sum();
                    sum + 0.05 * own[c]
                })
            })
            .collect()
    }

    #[test]
    fn a_factor_should_give_the_inverse_of_the_moments() {
        let width = 21;
        let x = activations(200, width);
        let factor = factor(&x, width).unwrap();
        let mut moments = moments(&x, width);
        let mean = (0..width).map(|i| moments[i * width + i]).sum::<f64>() / width as f64;
        (0..width).for_each(|i| moments[i * width + i] += DAMPING * mean);
        for i in 0..width {
            for j in 0..width {
                assert!(j >= i || factor[i * width + j] == 0.0, "not triangular");
                // (U' U H)[i][j]
                let entry: f64 = (0..width)
                    .map(|k| {
                        let inverse: f64 = (0..width)
                            .map(|l| {
                                f64::from(factor[l * width + i]) * f64::from(factor[l * width + k])
                            })
                            .sum();
                        inverse * moments[k * width + j]
                    })
                    .sum();
                let expected = if i == j { 1.0 } else { 0.0 };
                assert!((entry - expected).abs() < 1e-3, "{i} {j}: {entry}");
            }
        }
    }

    #[test]
    fn compensated_rows_should_keep_their_products_better() {
        let (width, outputs) = (48, 20);
        let (x, w) = (activations(300, width), numbers(width * outputs, 9));
        let factor = factor(&x, width).unwrap();
        let kernel = Kernel::best();
        let scales: Vec<f32> =
            w.chunks(width).map(|row| weight_scale(kernel, row, None).unwrap()).collect();
        let mut q = vec![0i8; w.len()];
        let plain: Vec<f32> = w
            .chunks(width)
            .zip(&scales)
            .flat_map(|(row, s)| row.iter().map(move |x| (x / s).round_ties_even() * s))
            .collect();
        let mut first = None;
        for kernel in Kernel::available() {
            round_compensated(kernel, &mut w.clone(), &scales, &factor, &mut q).unwrap();
            assert_eq!(first.get_or_insert_with(|| q.clone()), &q, "{kernel}");
        }
        let ours: Vec<f32> = q
            .chunks(width)
            .zip(&scales)
            .flat_map(|(row, s)| row.iter().map(move |q| f32::from(*q) * s))
            .collect();
        let error = |rounded: &[f32]| -> f64 {
            let of = |x: &[f32], w: &[f32], r: &[f32]| -> f64 {
                let sum = x.iter().zip(w).zip(r).map(|((x, w), r)| x * (w - r)).sum::<f32>();
                f64::from(sum * sum)
            };
            let rows = || w.chunks(width).zip(rounded.chunks(width));
            x.chunks(width).map(|x| rows().map(|(w, r)| of(x, w, r)).sum::<f64>()).sum()
        };
        assert!(error(&ours) < error(&plain) / 3.0, "{} {}", error(&ours), error(&plain));
    }

    #[test]
    fn activations_that_say_nothing_should_have_no_factor() {
        assert_eq!(factor(&[0.0; 12], 3), None);
        assert_eq!(factor(&[f32::NAN; 12], 3), None);
        assert!(factor(&[1.0; 12], 3).is_some(), "channels that are always equal");
    }
}
