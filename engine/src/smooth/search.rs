//! The factors of one place: those with the least error of the quantised products.

use rayon::prelude::*;
use vigil_architecture::Activations;
use vigil_ops::{math, tensor::float_products, Kernel};

/// Rows of activations that errors are measured on.
const SAMPLES: usize = 64;
/// Rows of each matrix that errors are measured on.
pub(super) const OUTPUTS: usize = 256;
/// A channel whose maximum is this much smaller than the largest is treated as that large: its
/// factor would only lift noise.
const LEAST: f32 = 1e-4;

/// Factors must bring the error below this part of what it was, or none are used: less is chance.
pub(super) const WORTH: f64 = 0.8;

/// Steps of [`balance`].
const STEPS: u16 = 200;

/// One matrix behind a place, as it was seen while it was read.
pub(super) struct Seen {
    /// Largest magnitude of each column.
    pub(super) maxima: Vec<f32>,
    /// Some rows, one after the other.
    pub(super) rows: Vec<f32>,
}

/// How the factors of a place were made.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Factors {
    /// `max|x|^a / max|w|^(1 - a)` with this `a`.
    Power(f32),
    /// Those that leave the least error of rounded weights.
    Balanced,
}

/// What was found for one place.
pub(super) struct Found {
    /// How the factors are made; `None` for no factors.
    pub(super) chosen: Option<Factors>,
    /// A factor for each channel.
    pub(super) factors: Option<Vec<f32>>,
    /// Error without factors, relative to the products.
    pub(super) before: f64,
    /// The same with them.
    pub(super) after: f64,
}

/// Joins the numbers of columns that share a channel, two at a time.
pub(super) type Join = fn(f32, f32) -> f32;

/// A place whose factors are looked for.
pub(super) struct Place<'a> {
    /// How finely the activations will be quantised.
    pub(super) activations: Activations,
    /// What was seen of them.
    pub(super) input: &'a Input,
    /// The matrices behind.
    pub(super) matrices: &'a [Seen],
    /// Of numbers for each column, numbers for each channel that can have a factor.
    pub(super) join: &'a dyn Fn(&[f32], Join) -> Vec<f32>,
    /// The reverse.
    pub(super) part: &'a dyn Fn(&[f32]) -> Vec<f32>,
    /// Further relative error that the factors have a part in.
    pub(super) further: &'a dyn Fn(Option<&[f32]>) -> f64,
}

/// What goes into a product.
pub(super) struct Input {
    /// Largest magnitude of each channel.
    pub(super) maxima: Vec<f32>,
    /// Mean square of each channel.
    pub(super) squares: Vec<f32>,
    /// Some rows.
    pub(super) rows: Vec<f32>,
}

impl Input {
    pub(super) fn of(x: &[f32], width: usize) -> Self {
        let (mut maxima, mut squares) = (vec![0.0f32; width], vec![0.0f32; width]);
        let mut rows = Vec::new();
        let count = x.len().checked_div(width).unwrap_or(0).max(1);
        let every = count.div_ceil(SAMPLES).max(1);
        for (index, row) in x.chunks(width).enumerate() {
            maxima.iter_mut().zip(row).for_each(|(most, x)| *most = most.max(x.abs()));
            squares.iter_mut().zip(row).for_each(|(sum, x)| *sum += x * x);
            if index.is_multiple_of(every) {
                rows.extend_from_slice(row);
            }
        }
        squares.iter_mut().for_each(|sum| *sum /= count as f32);
        Self { maxima, squares, rows }
    }
}

/// Chooses the factors of a place.
pub(super) fn search(place: &Place<'_>) -> Found {
    let Place { activations, input, matrices, join, part, further } = *place;
    let width = input.maxima.len();
    let mut weights = vec![0.0f32; width];
    for matrix in matrices {
        weights.iter_mut().zip(&matrix.maxima).for_each(|(most, x)| *most = most.max(*x));
    }
    let (x, w) = (floor(join(&input.maxima, f32::max)), floor(join(&weights, f32::max)));
    let exact: Vec<_> =
        matrices.iter().map(|matrix| products(&input.rows, &matrix.rows, width)).collect();
    let error = |columns: Option<&[f32]>| {
        let of = |(matrix, exact): (&Seen, &Vec<f32>)| {
            relative_error(activations, &input.rows, &matrix.rows, width, columns, exact)
        };
        matrices.iter().zip(&exact).map(of).sum::<f64>() / matrices.len().max(1) as f64
    };
    let powers = (0..4u8).map(|quarters| {
        let factors = x.iter().zip(&w).map(|(x, w)| factor(*x, *w, quarters)).collect();
        (Factors::Power(f32::from(quarters) / 4.0), factors)
    });
    let rows: Vec<f32> = matrices
        .iter()
        .flat_map(|matrix| matrix.rows.chunks(width))
        .flat_map(|row| join(&row.iter().map(|w| w.abs()).collect::<Vec<_>>(), f32::max))
        .collect();
    let balanced = balance(&join(&input.squares, |a, b| a + b), &rows);
    let before = error(None) + further(None);
    let mut best = Found { chosen: None, factors: None, before, after: before };
    for (chosen, factors) in powers.chain([(Factors::Balanced, balanced)]) {
        let after = error(Some(&part(&factors))) + further(Some(&factors));
        if after < best.after.min(before * WORTH) {
            best = Found { chosen: Some(chosen), factors: Some(factors), before, after };
        }
    }
    best
}

/// The factors `d` of columns with the least error of products of rounded weights: of activations
/// with these mean squares, and rows of magnitudes of weights.
///
/// A row `r` is rounded in steps of `m_r = max_c w_rc d_c`, and what is rounded of column `c` meets
/// activations divided by `d_c`: the error is in proportion to `sum_c(x_c^2 / d_c^2) sum_r(m_r^2)`.
/// It falls in the direction of each column's share of the first sum, less its share of the rows that
/// it alone makes coarse; steps become smaller, and the best of them is taken.
fn balance(squares: &[f32], rows: &[f32]) -> Vec<f32> {
    let width = squares.len();
    let most = squares.iter().fold(0.0f32, |most, x| most.max(*x));
    let squares: Vec<f32> = squares.iter().map(|x| x.max(most * LEAST * LEAST)).collect();
    let (mut logs, mut best, mut least) = (vec![0.0f32; width], vec![1.0f32; width], f64::MAX);
    for step in 0..STEPS {
        let factors: Vec<f32> = logs.iter().map(|log| math::exp(*log)).collect();
        let shares: Vec<f32> = squares.iter().zip(&factors).map(|(x, d)| x / (d * d)).collect();
        let coarsest: Vec<(usize, f32)> =
            rows.par_chunks(width).map(|row| coarsest(row, &factors)).collect();
        let whole: f64 = shares.iter().map(|share| f64::from(*share)).sum();
        let steps: f64 = coarsest.iter().map(|(_, m)| f64::from(m * m)).sum();
        if !(whole * steps > 0.0 && (whole * steps).is_finite()) {
            break;
        }
        if whole * steps < least {
            (best, least) = (factors, whole * steps);
        }
        let mut blame = vec![0.0f64; width];
        for (column, m) in coarsest {
            if let Some(blame) = blame.get_mut(column) {
                *blame += f64::from(m * m) / steps;
            }
        }
        let rate = 0.15 / (1.0 + f32::from(step) / 10.0).sqrt();
        for ((log, blame), share) in logs.iter_mut().zip(blame).zip(&shares) {
            let slope = (blame - f64::from(*share) / whole) * width as f64;
            *log -= rate * slope.clamp(-1.0, 1.0) as f32;
        }
    }
    best
}

/// The column that makes a row coarsest, and how coarse.
fn coarsest(row: &[f32], factors: &[f32]) -> (usize, f32) {
    let mut most = (0, 0.0f32);
    for (column, (w, factor)) in row.iter().zip(factors).enumerate() {
        if w * factor > most.1 {
            most = (column, w * factor);
        }
    }
    most
}

/// `x^(quarters / 4) / w^(1 - quarters / 4)`.
fn factor(x: f32, w: f32, quarters: u8) -> f32 {
    power(x, quarters) / power(w, 4u8.saturating_sub(quarters))
}

/// `x^(quarters / 4)`, by square roots, which are exact everywhere.
pub(super) fn power(x: f32, quarters: u8) -> f32 {
    let root = x.sqrt();
    match quarters {
        0 => 1.0,
        1 => root.sqrt(),
        2 => root,
        3 => root * root.sqrt(),
        _ => x,
    }
}

/// Maxima without the smallest, and without zeros.
fn floor(mut maxima: Vec<f32>) -> Vec<f32> {
    let most = maxima.iter().fold(0.0f32, |most, x| most.max(*x));
    let least = if most > 0.0 { most * LEAST } else { 1.0 };
    maxima.iter_mut().for_each(|x| *x = x.max(least));
    maxima
}

/// The products of every row of `x` with every row of `w`.
pub(super) fn products(x: &[f32], w: &[f32], width: usize) -> Vec<f32> {
    let (kernel, outputs) = (Kernel::best(), w.len().checked_div(width).unwrap_or(0).max(1));
    let mut out = vec![0.0; x.len().checked_div(width).unwrap_or(0).saturating_mul(outputs)];
    for (x, out) in x.chunks_exact(width).zip(out.chunks_exact_mut(outputs)) {
        // Refuses lengths only, which are right by construction.
        let _ = float_products(kernel, x, w, out);
    }
    out
}

/// Square error of the products of quantised rows, relative to the `exact` products, where `x` is
/// divided and `w` multiplied by `columns`.
fn relative_error(
    activations: Activations,
    x: &[f32],
    w: &[f32],
    width: usize,
    columns: Option<&[f32]>,
    exact: &[f32],
) -> f64 {
    let scaled = |rows: &[f32], divide: bool| -> Vec<f32> {
        let mut rows = rows.to_vec();
        for row in rows.chunks_mut(width) {
            for (x, factor) in row.iter_mut().zip(columns.into_iter().flatten()) {
                *x = if divide { *x / factor } else { *x * factor };
            }
            quantise(row, if divide { math::limit(activations) } else { math::I8_MAX });
        }
        rows
    };
    difference(&products(&scaled(x, true), &scaled(w, false), width), exact)
}

/// Square error relative to the `exact` numbers.
pub(super) fn difference(found: &[f32], exact: &[f32]) -> f64 {
    let (mut error, mut whole) = (0.0f64, 0.0f64);
    for (found, exact) in found.iter().zip(exact) {
        let (found, exact) = (f64::from(*found), f64::from(*exact));
        error += (found - exact) * (found - exact);
        whole += exact * exact;
    }
    if whole > 0.0 {
        error / whole
    } else {
        0.0
    }
}

/// A row as its integers, up to `limit`, and scale give it back.
pub(super) fn quantise(row: &mut [f32], limit: f32) {
    let scale = math::scale_of(row.iter().fold(0.0f32, |most, x| most.max(x.abs())), limit);
    for x in row {
        *x = math::quantise(*x, scale, limit) as f32 * scale;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search_in(rows: &[f32], matrix: Seen) -> Found {
        search(&Place {
            activations: Activations::Int8,
            input: &Input::of(rows, 32),
            matrices: &[matrix],
            join: &|x, _| x.to_vec(),
            part: &<[f32]>::to_vec,
            further: &|_| 0.0,
        })
    }

    /// Numbers of -1 to 1.
    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1u32 << 23) as f32 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    fn seen(rows: &[f32], width: usize) -> Seen {
        let mut maxima = vec![0.0f32; width];
        for row in rows.chunks(width) {
            maxima.iter_mut().zip(row).for_each(|(most, x)| *most = most.max(x.abs()));
        }
        Seen { maxima, rows: rows.to_vec() }
    }

    #[test]
    fn an_outlier_should_be_moved_and_even_channels_left_alone() {
        let (x, w) = (numbers(32 * 48, 1), numbers(32 * 40, 2));
        let even = search_in(&x, seen(&w, 32));
        assert_eq!((even.chosen, even.factors), (None, None));
        let mut outlier = x;
        outlier.chunks_mut(32).for_each(|row| row[5] *= 50.0);
        let mut small = w;
        small.chunks_mut(32).for_each(|row| row[5] /= 50.0);
        let found = search_in(&outlier, seen(&small, 32));
        assert!(found.chosen.is_some());
        assert!(found.after < found.before / 20.0, "{} to {}", found.before, found.after);
        let factors = found.factors.unwrap();
        assert!(factors[5] > 5.0 * factors[4], "{factors:?}");
    }

    #[test]
    fn dead_channels_should_have_factors_that_are_numbers() {
        let mut x = numbers(32 * 8, 3);
        x.chunks_mut(32).for_each(|row| (row[0], row[7]) = (0.0, 90.0));
        let found = search_in(&x, seen(&numbers(32 * 8, 4), 32));
        assert!(found.factors.unwrap().iter().all(|x| x.is_normal() && *x > 0.0));
        let zero = vec![0.0; 64];
        let found = search_in(&zero, seen(&zero, 32));
        assert_eq!((found.chosen, found.before), (None, 0.0));
    }

    #[test]
    fn balanced_factors_should_leave_less_error_than_even_ones() {
        // Some columns of the weights are large, and others meet large activations.
        let width = 40;
        let mut rows = numbers(width * 64, 5);
        rows.chunks_mut(width).for_each(|row| row[..4].iter_mut().for_each(|w| *w *= 20.0));
        rows.iter_mut().for_each(|w| *w = w.abs());
        let squares: Vec<f32> = (0..width).map(|c| if c >= 36 { 100.0 } else { 1.0 }).collect();
        let error = |factors: &[f32]| {
            let shares: f32 = squares.iter().zip(factors).map(|(x, d)| x / (d * d)).sum();
            let steps: f32 = rows.chunks(width).map(|row| coarsest(row, factors).1.powi(2)).sum();
            shares * steps
        };
        let factors = balance(&squares, &rows);
        assert!(error(&factors) < error(&vec![1.0; width]) / 20.0);
        assert!(factors[0] < factors[10] && factors[39] > factors[10], "{factors:?}");
        // Nothing to weigh, and nothing to weigh it with.
        assert!(balance(&[0.0; 3], &[0.0; 6]).iter().all(|factor| *factor == 1.0));
    }

    #[test]
    fn factors_should_be_powers_of_the_maxima() {
        for (quarters, expected) in
            [(0, 1.0 / 81.0), (1, 2.0 / 27.0), (2, 4.0 / 9.0), (3, 8.0 / 3.0)]
        {
            assert!((factor(16.0, 81.0, quarters) / expected - 1.0f32).abs() < 1e-6);
        }
    }
}
