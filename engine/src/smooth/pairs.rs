//! Factors between queries and keys.
//!
//! A channel of the keys that is much larger than the others costs them their precision, and so does
//! one of the queries. What one is divided by the other can be multiplied by: a score is a sum of
//! their products. Two channels that turn together have one factor, and so do the query heads that
//! read one key head.

use super::search::{difference, products, quantise, Factors, Found, SAMPLES, WORTH};
use vigil_architecture::Decoder;
use vigil_ops::math;

/// Chooses factors for queries, which keys are divided by: one for each channel of a key head, of all
/// heads one after the other, or of one head that all share where heads are normalised.
pub(super) fn search(decoder: &Decoder, query: &[f32], key: &[f32]) -> Found {
    let heads = Heads {
        decoder,
        query: sample(query, decoder.query_width()),
        key: sample(key, decoder.kv_width()),
    };
    let exact = heads.scores(None);
    let before = difference(&heads.rounded(None), &exact);
    let mut best = Found { chosen: None, factors: None, before, after: before };
    let ratios = heads.ratios();
    for quarters in 1..=4u8 {
        let factors: Vec<f32> = ratios.iter().map(|ratio| power(*ratio, quarters)).collect();
        let after = difference(&heads.rounded(Some(&factors)), &exact);
        if after < best.after.min(before * WORTH) {
            let chosen = Some(Factors::Power(f32::from(quarters) / 4.0));
            best = Found { chosen, factors: Some(factors), before, after };
        }
    }
    best
}

/// `x^(quarters / 4)`, by square roots, which are exact everywhere.
fn power(x: f32, quarters: u8) -> f32 {
    let root = x.sqrt();
    match quarters {
        1 => root.sqrt(),
        2 => root,
        3 => root * root.sqrt(),
        _ => x,
    }
}

/// Some rows.
fn sample(x: &[f32], width: u32) -> Vec<Vec<f32>> {
    let width = width as usize;
    let every = x.len().checked_div(width).unwrap_or(0).div_ceil(SAMPLES).max(1);
    x.chunks(width).step_by(every).map(<[f32]>::to_vec).collect()
}

/// What becomes of a row of the key head of this number, or of a query head that reads it.
type Round<'a> = &'a dyn Fn(&mut [f32], usize, bool);

struct Heads<'a> {
    decoder: &'a Decoder,
    query: Vec<Vec<f32>>,
    key: Vec<Vec<f32>>,
}

impl Heads<'_> {
    fn width(&self) -> usize {
        usize::from(self.decoder.head_width).max(1)
    }

    /// Query heads that read a key head.
    fn group(&self) -> usize {
        usize::from(self.decoder.heads.checked_div(self.decoder.kv_heads).unwrap_or(1)).max(1)
    }

    /// Head `head` of every row.
    fn head(rows: &[Vec<f32>], head: usize, width: usize) -> Vec<f32> {
        rows.iter()
            .flat_map(|row| row.chunks(width).nth(head).unwrap_or_default())
            .copied()
            .collect()
    }

    /// How much larger each pair of channels is in keys than in queries, both relative to the
    /// largest pair of their head.
    fn ratios(&self) -> Vec<f32> {
        /// Pairs that are smaller than this part of the largest are treated as that large.
        const LEAST: f32 = 1e-3;
        let (width, group) = (self.width(), self.group());
        let maxima = |rows: &[Vec<f32>], heads: std::ops::Range<usize>| {
            let mut most = vec![0.0f32; width];
            for head in heads {
                for row in Self::head(rows, head, width).chunks(width) {
                    most.iter_mut().zip(row).for_each(|(most, x)| *most = most.max(x.abs()));
                }
            }
            let (low, high) = most.split_at(width / 2);
            let pairs: Vec<f32> = low.iter().zip(high).map(|(a, b)| a.max(*b)).collect();
            let whole = pairs.iter().fold(f32::MIN_POSITIVE, |most, x| most.max(*x));
            let floored = pairs.iter().map(move |pair| (pair / whole).max(LEAST));
            floored.clone().chain(floored).collect::<Vec<f32>>()
        };
        let kv_heads = usize::from(self.decoder.kv_heads);
        let of = |first: usize, count: usize| {
            let key = maxima(&self.key, first..first.saturating_add(count));
            let queries = first.saturating_mul(group);
            let query =
                maxima(&self.query, queries..queries.saturating_add(count.saturating_mul(group)));
            key.into_iter().zip(query).map(|(key, query)| key / query)
        };
        match self.decoder.qk_norm {
            true => of(0, kv_heads).collect(),
            false => (0..kv_heads).flat_map(|head| of(head, 1)).collect(),
        }
    }

    fn scores(&self, round: Option<Round<'_>>) -> Vec<f32> {
        let (width, group) = (self.width(), self.group());
        let mut scores = Vec::new();
        for head in 0..usize::from(self.decoder.heads) {
            let mut query = Self::head(&self.query, head, width);
            let mut key = Self::head(&self.key, head / group, width);
            if let Some(round) = round {
                query.chunks_mut(width).for_each(|row| round(row, head / group, true));
                key.chunks_mut(width).for_each(|row| round(row, head / group, false));
            }
            scores.extend(products(&query, &key, width));
        }
        scores
    }

    /// Scores of queries and keys as they are quantised once they have these factors.
    fn rounded(&self, factors: Option<&[f32]>) -> Vec<f32> {
        let width = self.width();
        self.scores(Some(&|row, head, query| {
            let first = if self.decoder.qk_norm { 0 } else { head.saturating_mul(width) };
            let factors = factors.and_then(|factors| factors.get(first..)).unwrap_or_default();
            for (x, factor) in row.iter_mut().zip(factors) {
                *x = if query { *x * factor } else { *x / factor };
            }
            quantise(row, math::I8_MAX);
        }))
    }
}
