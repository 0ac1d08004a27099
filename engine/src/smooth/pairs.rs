//! Factors between queries and keys.
//!
//! A channel of the keys that is much larger than the others costs them their precision, and so does
//! one of the queries. What one is divided by the other can be multiplied by: a score is a sum of
//! their products. Two channels that turn together have one factor, and so do the query heads that
//! read one key head.

use super::{
    group, head_of,
    search::{difference, power, products, quantise, Factors, Found, Input, WORTH},
};
use vigil_architecture::Decoder;
use vigil_ops::math;

/// Chooses factors for queries, which keys are divided by: one for each channel of a key head, of all
/// heads one after the other, or of one head that all share where heads are normalised.
pub(super) fn search(decoder: &Decoder, query: &[f32], key: &[f32]) -> Found {
    let heads = Heads {
        decoder,
        query: Input::of(query, decoder.query_width() as usize).rows,
        key: Input::of(key, decoder.kv_width() as usize).rows,
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

/// What becomes of a row of the key head of this number, or of a query head that reads it.
type Round<'a> = &'a dyn Fn(&mut [f32], usize, bool);

struct Heads<'a> {
    decoder: &'a Decoder,
    query: Vec<f32>,
    key: Vec<f32>,
}

impl Heads<'_> {
    fn width(&self) -> usize {
        usize::from(self.decoder.head_width).max(1)
    }

    /// A query head of every row.
    fn query(&self, head: usize) -> Vec<f32> {
        head_of(&self.query, self.decoder.query_width() as usize, self.width(), head)
    }

    /// A key head of every row.
    fn key(&self, head: usize) -> Vec<f32> {
        head_of(&self.key, self.decoder.kv_width() as usize, self.width(), head)
    }

    /// How much larger each pair of channels is in keys than in queries, both relative to the
    /// largest pair of their head.
    fn ratios(&self) -> Vec<f32> {
        /// Pairs that are smaller than this part of the largest are treated as that large.
        const LEAST: f32 = 1e-3;
        let (width, group) = (self.width(), group(self.decoder));
        let maxima = |heads: std::ops::Range<usize>, of: &dyn Fn(usize) -> Vec<f32>| {
            let mut most = vec![0.0f32; width];
            for head in heads {
                for row in of(head).chunks(width) {
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
            let end = first.saturating_add(count);
            let key = maxima(first..end, &|head| self.key(head));
            let queries = first.saturating_mul(group)..end.saturating_mul(group);
            let query = maxima(queries, &|head| self.query(head));
            key.into_iter().zip(query).map(|(key, query)| key / query)
        };
        match self.decoder.qk_norm {
            true => of(0, kv_heads).collect(),
            false => (0..kv_heads).flat_map(|head| of(head, 1)).collect(),
        }
    }

    fn scores(&self, round: Option<Round<'_>>) -> Vec<f32> {
        let (width, group) = (self.width(), group(self.decoder));
        let mut scores = Vec::new();
        for head in 0..usize::from(self.decoder.heads) {
            let mut query = self.query(head);
            let mut key = self.key(head / group);
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
