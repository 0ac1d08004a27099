//! The factors of one place: those with the least error of the quantised products.

use vigil_ops::math;

/// Rows of activations that errors are measured on.
pub(super) const SAMPLES: usize = 64;
/// Rows of each matrix that errors are measured on.
pub(super) const OUTPUTS: usize = 256;
/// A channel whose maximum is this much smaller than the largest is treated as that large: its
/// factor would only lift noise.
const LEAST: f32 = 1e-4;

/// Factors must bring the error below this part of what it was, or none are used: less is chance.
const WORTH: f64 = 0.8;

/// One matrix behind a place, as it was seen while it was read.
pub(super) struct Seen {
    /// Largest magnitude of each column.
    pub(super) maxima: Vec<f32>,
    /// Some rows, one after the other.
    pub(super) rows: Vec<f32>,
}

/// What was found for one place.
pub(super) struct Found {
    /// The exponent of the activations' maxima; `None` for no factors.
    pub(super) strength: Option<f32>,
    /// A factor for each channel.
    pub(super) factors: Option<Vec<f32>>,
    /// Error without factors, relative to the products.
    pub(super) before: f64,
    /// The same with them.
    pub(super) after: f64,
}

/// A place whose factors are looked for.
pub(super) struct Place<'a> {
    /// Some rows of activations.
    pub(super) rows: &'a [f32],
    /// Largest magnitude of each of their channels, over all rows.
    pub(super) maxima: &'a [f32],
    /// The matrices behind.
    pub(super) matrices: &'a [Seen],
    /// Of numbers for each column, numbers for each channel that can have a factor.
    pub(super) join: &'a dyn Fn(&[f32]) -> Vec<f32>,
    /// The reverse.
    pub(super) part: &'a dyn Fn(&[f32]) -> Vec<f32>,
    /// Further relative error that the factors have a part in.
    pub(super) further: &'a dyn Fn(Option<&[f32]>) -> f64,
}

/// Chooses the factors of a place.
pub(super) fn search(place: &Place<'_>) -> Found {
    let Place { rows, maxima, matrices, join, part, further } = *place;
    let mut weights = vec![0.0f32; maxima.len()];
    for matrix in matrices {
        weights.iter_mut().zip(&matrix.maxima).for_each(|(most, x)| *most = most.max(*x));
    }
    let (activations, weights) = (floor(join(maxima)), floor(join(&weights)));
    let products: Vec<_> =
        matrices.iter().map(|matrix| products(rows, &matrix.rows, maxima.len())).collect();
    let error = |columns: Option<&[f32]>| {
        let of = |(matrix, exact): (&Seen, &Vec<f32>)| {
            relative_error(rows, &matrix.rows, maxima.len(), columns, exact)
        };
        matrices.iter().zip(&products).map(of).sum::<f64>() / matrices.len().max(1) as f64
    };
    let before = error(None) + further(None);
    let mut best = Found { strength: None, factors: None, before, after: before };
    for quarters in 0..4u8 {
        let factors: Vec<f32> =
            activations.iter().zip(&weights).map(|(x, w)| factor(*x, *w, quarters)).collect();
        let after = error(Some(&part(&factors))) + further(Some(&factors));
        if after < best.after.min(before * WORTH) {
            let strength = Some(f32::from(quarters) / 4.0);
            best = Found { strength, factors: Some(factors), before, after };
        }
    }
    best
}

/// `x^(quarters / 4) / w^(1 - quarters / 4)`, by square roots, which are exact everywhere.
fn factor(x: f32, w: f32, quarters: u8) -> f32 {
    let power = |x: f32, quarters: u8| {
        let root = x.sqrt();
        match quarters {
            0 => 1.0,
            1 => root.sqrt(),
            2 => root,
            3 => root * root.sqrt(),
            _ => x,
        }
    };
    power(x, quarters) / power(w, 4u8.saturating_sub(quarters))
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
    let one = |x: &[f32]| -> Vec<f32> { w.chunks(width).map(|w| dot(x, w)).collect() };
    x.chunks(width).flat_map(one).collect()
}

/// Square error of the products of quantised rows, relative to the `exact` products, where `x` is
/// divided and `w` multiplied by `columns`.
fn relative_error(
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
            quantise(row);
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

/// A row as its integers and scale give it back.
pub(super) fn quantise(row: &mut [f32]) {
    let scale = math::scale_of(row.iter().fold(0.0f32, |most, x| most.max(x.abs())), math::I8_MAX);
    for x in row {
        *x = math::quantise(*x, scale, math::I8_MAX) as f32 * scale;
    }
}

/// The inner product, in the one order that `math::sum` has.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; math::LANES];
    let (a_blocks, b_blocks) = (a.chunks_exact(math::LANES), b.chunks_exact(math::LANES));
    let (a_rest, b_rest) = (a_blocks.remainder(), b_blocks.remainder());
    for (a, b) in a_blocks.zip(b_blocks) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    for ((lane, a), b) in lanes.iter_mut().zip(a_rest).zip(b_rest) {
        *lane += a * b;
    }
    math::sum_lanes(lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search_in(rows: &[f32], matrix: Seen) -> Found {
        search(&Place {
            rows,
            maxima: &seen(rows, 32).maxima,
            matrices: &[matrix],
            join: &<[f32]>::to_vec,
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
        assert_eq!((even.strength, even.factors), (None, None));
        let mut outlier = x;
        outlier.chunks_mut(32).for_each(|row| row[5] *= 50.0);
        let mut small = w;
        small.chunks_mut(32).for_each(|row| row[5] /= 50.0);
        let found = search_in(&outlier, seen(&small, 32));
        assert!(found.strength.is_some());
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
        assert_eq!((found.strength, found.before), (None, 0.0));
    }

    #[test]
    fn a_dot_product_should_count_every_element() {
        for width in [1, 15, 16, 17, 40] {
            let x: Vec<f32> = (1..=width).map(|i| i as f32).collect();
            let exact = (width * (width + 1) * (2 * width + 1) / 6) as f32;
            assert_eq!(dot(&x, &x), exact);
        }
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
