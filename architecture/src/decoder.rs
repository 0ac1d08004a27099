//! The Llama, Mistral and Qwen family: causal language models.

use crate::{
    activations::Activations,
    architecture::{check_limits, InvalidArchitecture, MAX_HEAD_WIDTH, MAX_WIDTH, MIX_PRODUCTS},
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use serde::{Deserialize, Serialize};

/// Most tokens that end a generation.
pub const MAX_STOP_TOKENS: usize = 8;

/// Hyperparameters of the Llama, Mistral and Qwen family (RMSNorm before each block, rotary
/// positions from a table in the package, grouped-query attention, SwiGLU).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    Serialize,
    Deserialize,
)]
pub struct Decoder {
    /// Number of token ids. Ids are in `0..vocabulary`.
    pub vocabulary: u32,
    /// Width of a token's vector.
    pub hidden: u32,
    /// Number of transformer layers.
    pub layers: u16,
    /// Query heads per layer; a multiple of `kv_heads`.
    pub heads: u16,
    /// Key and value heads per layer.
    pub kv_heads: u16,
    /// Width of one head; even. `heads * head_width` may differ from `hidden`.
    pub head_width: u16,
    /// Width of the feed-forward layer.
    pub intermediate: u32,
    /// Longest sequence, input and output together, in tokens.
    pub positions: u32,
    /// Bits of the f32 added to the mean square in normalisation.
    pub rms_norm_eps: u32,
    /// Whether the head that gives the logits is the token table itself.
    pub tied_head: bool,
    /// Whether the query, key and value projections have a bias.
    pub qkv_bias: bool,
    /// Whether every query and key head is normalised before it is rotated.
    pub qk_norm: bool,
    /// How finely the rows that go into projections are quantised.
    pub activations: Activations,
    /// Tokens that end a generation when they are drawn.
    pub stop_tokens: [Option<u32>; MAX_STOP_TOKENS],
}

impl Decoder {
    /// Width of all query heads together.
    pub fn query_width(&self) -> u32 {
        u32::from(self.heads).saturating_mul(self.head_width.into())
    }

    /// Width of all key heads, and of all value heads, together.
    pub fn kv_width(&self) -> u32 {
        u32::from(self.kv_heads).saturating_mul(self.head_width.into())
    }

    /// Whether `token` ends a generation.
    pub fn is_stop(&self, token: u32) -> bool {
        self.stop_tokens.contains(&Some(token))
    }

    /// Weights of the matrix products of one layer.
    fn layer(&self) -> u64 {
        let hidden = u64::from(self.hidden);
        let attention = u64::from(self.query_width())
            .saturating_add(self.kv_width().into())
            .saturating_mul(2)
            .saturating_mul(hidden);
        let feed_forward = hidden.saturating_mul(self.intermediate.into()).saturating_mul(3);
        attention.saturating_add(feed_forward)
    }

    pub(crate) fn validate(&self) -> Result<(), InvalidArchitecture> {
        use InvalidArchitecture::*;
        let dimensions = [
            self.vocabulary,
            self.hidden,
            self.layers.into(),
            self.heads.into(),
            self.kv_heads.into(),
            self.head_width.into(),
            self.intermediate,
            self.positions,
        ];
        if dimensions.contains(&0) {
            return Err(ZeroDimension);
        }
        if !self.heads.is_multiple_of(self.kv_heads)
            || !self.head_width.is_multiple_of(2)
            || u32::from(self.head_width) > MAX_HEAD_WIDTH
        {
            return Err(HeadsDoNotDivide);
        }
        if self.hidden.max(self.intermediate).max(self.query_width()) > MAX_WIDTH {
            return Err(TooWide);
        }
        check_limits(self.positions, self.vocabulary, self.layers, self.rms_norm_eps)?;
        if self.stop_tokens.iter().flatten().any(|token| *token >= self.vocabulary) {
            return Err(StopTokenOutOfVocabulary);
        }
        Ok(())
    }

    /// Every position but the last output's goes through all layers, looks at itself and at those
    /// before it (one score and one weighted value per query channel each), and every output
    /// takes one product with the head. Products with the matrices are taken as often as an
    /// activation has limbs.
    pub(crate) fn work(&self, tokens_in: u32, tokens_out: u32) -> u64 {
        let rows = u64::from(tokens_in).saturating_add(tokens_out.into()).saturating_sub(1);
        let pairs = rows.saturating_mul(rows.saturating_add(1)) / 2;
        let attention = pairs
            .saturating_mul(self.query_width().into())
            .saturating_mul(MIX_PRODUCTS.saturating_add(1));
        let limbs = self.activations.limbs();
        let head =
            u64::from(self.vocabulary).saturating_mul(self.hidden.into()).saturating_mul(limbs);
        self.layer()
            .saturating_mul(limbs)
            .saturating_mul(rows)
            .saturating_add(attention)
            .saturating_mul(self.layers.into())
            .saturating_add(head.saturating_mul(tokens_out.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Architecture;

    /// SmolLM2-135M.
    fn smollm() -> Decoder {
        Decoder {
            vocabulary: 49_152,
            hidden: 576,
            layers: 30,
            heads: 9,
            kv_heads: 3,
            head_width: 64,
            intermediate: 1_536,
            positions: 4_096,
            rms_norm_eps: 1e-5f32.to_bits(),
            tied_head: true,
            qkv_bias: false,
            qk_norm: false,
            activations: Activations::Int15,
            stop_tokens: [Some(0), Some(2), None, None, None, None, None, None],
        }
    }

    #[test]
    fn work_should_count_the_multiply_accumulates_of_smollm() {
        // One token in and one out: 30 layers x (2 x 576 x (576 + 192) + 3 x 576 x 1536 + 3 x 576)
        // and the head.
        let matrices = 2 * 576 * (576 + 192) + 3 * 576 * 1_536;
        let int8 = Decoder { activations: Activations::Int8, ..smollm() };
        assert_eq!(int8.work(1, 1), 30 * (matrices + 3 * 576) + 576 * 49_152);
        assert_eq!(smollm().work(1, 1), 30 * (2 * matrices + 3 * 576) + 2 * 576 * 49_152);
        // Two in, three out: four rows, ten pairs.
        let rows = 4 * 2 * matrices + 10 * 3 * 576;
        assert_eq!(smollm().work(2, 3), 30 * rows + 3 * 2 * 576 * 49_152);
    }

    #[test]
    fn a_run_should_fit_the_positions_without_the_last_output() {
        let architecture = Architecture::Decoder(smollm());
        assert_eq!(architecture.max_tokens_out(4_096), 1);
        assert_eq!(architecture.max_tokens_out(1), 4_096);
        assert_eq!(architecture.max_tokens_out(4_097), 0);
        assert_eq!(architecture.output_len(5), 20);
    }

    #[test]
    fn validate_should_name_what_is_wrong() {
        let check = |change: fn(&mut Decoder)| {
            let mut decoder = smollm();
            change(&mut decoder);
            Architecture::Decoder(decoder).validate()
        };
        assert_eq!(check(|_| {}), Ok(()));
        assert_eq!(check(|d| d.kv_heads = 0), Err(InvalidArchitecture::ZeroDimension));
        assert_eq!(check(|d| d.kv_heads = 2), Err(InvalidArchitecture::HeadsDoNotDivide));
        assert_eq!(check(|d| d.head_width = 63), Err(InvalidArchitecture::HeadsDoNotDivide));
        assert_eq!(check(|d| d.head_width = 258), Err(InvalidArchitecture::HeadsDoNotDivide));
        assert_eq!(check(|d| d.intermediate = 70_000), Err(InvalidArchitecture::TooWide));
        assert_eq!(check(|d| d.positions = 32_769), Err(InvalidArchitecture::ContextTooLong));
        assert_eq!(
            check(|d| d.stop_tokens[1] = Some(49_152)),
            Err(InvalidArchitecture::StopTokenOutOfVocabulary)
        );
        assert_eq!(check(|d| d.rms_norm_eps = 0), Err(InvalidArchitecture::BadEpsilon));
    }
}
