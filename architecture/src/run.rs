//! Whether a request fits a model: asked here by whoever submits, quotes, computes or referees one.

use crate::{Architecture, Sampling};
use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;

/// Why a model cannot run a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum BadRun {
    /// The input holds no token.
    #[codec(index = 0)]
    NoInput,
    /// The input is longer than the model takes.
    #[codec(index = 1)]
    InputTooLong {
        /// Tokens of the input.
        tokens: u32,
        /// The longest input, in tokens.
        most: u32,
    },
    /// Tokens are asked of a model that generates none.
    #[codec(index = 2)]
    GeneratesNothing {
        /// Tokens that may be generated, by the request.
        asked: u32,
    },
    /// A language model may not generate even one token.
    #[codec(index = 3)]
    NoTokensOut,
    /// More tokens are asked than the model has positions for behind the input.
    #[codec(index = 4)]
    TooManyTokensOut {
        /// Tokens that may be generated, by the request.
        asked: u32,
        /// Tokens of the input.
        tokens: u32,
        /// Most tokens that the model can generate behind them.
        most: u32,
    },
    /// A model that draws no tokens is told how to draw them.
    #[codec(index = 5)]
    NothingToSample,
    /// The temperature or the least probability is out of range.
    #[codec(index = 6)]
    BadSampling,
}

impl core::fmt::Display for BadRun {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoInput => f.write_str("it has no tokens"),
            Self::InputTooLong { tokens, most } => write!(
                f,
                "it has {tokens} tokens, and the model takes at most {most}: shorten or split it"
            ),
            Self::GeneratesNothing { asked } => write!(
                f,
                "it asks for {asked} tokens of output, and the model is an encoder: ask for 0"
            ),
            Self::NoTokensOut => f.write_str("it asks for no tokens of output: ask for 1 or more"),
            Self::TooManyTokensOut { asked, tokens, most } => write!(
                f,
                "it asks for {asked} tokens of output, and behind {tokens} tokens of input the \
                 model has room for {most}: ask for fewer or shorten the input"
            ),
            Self::NothingToSample => f.write_str(
                "its sampling is out of range: an encoder draws no tokens, leave it greedy",
            ),
            Self::BadSampling => f.write_str(
                "its sampling is out of range: the temperature must be from 0.01 to 100 and min-p \
                 from 0 to 1",
            ),
        }
    }
}

impl core::error::Error for BadRun {}

impl Architecture {
    /// Checks that the model can run an input of so many tokens and generate up to so many, drawn
    /// like this: at least one token of input, none of output from an encoder and at least one
    /// from a language model, all within its positions, and a sampling in range.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn check_run(
        &self,
        tokens_in: u32,
        max_tokens_out: u32,
        sampling: Sampling,
    ) -> Result<(), BadRun> {
        self.check_input(tokens_in)?;
        let asked = max_tokens_out;
        match self {
            Self::Encoder(_) if asked > 0 => return Err(BadRun::GeneratesNothing { asked }),
            Self::Encoder(_) if sampling != Sampling::Greedy => {
                return Err(BadRun::NothingToSample)
            }
            Self::Decoder(_) if asked == 0 => return Err(BadRun::NoTokensOut),
            Self::Encoder(_) | Self::Decoder(_) => {}
        }
        let most = self.max_tokens_out(tokens_in);
        if asked > most {
            return Err(BadRun::TooManyTokensOut { asked, tokens: tokens_in, most });
        }
        if !sampling.is_valid() {
            return Err(BadRun::BadSampling);
        }
        Ok(())
    }

    /// The part of [`Self::check_run`] that concerns the input alone.
    ///
    /// # Errors
    /// There is no token, or there are more than the model takes.
    pub fn check_input(&self, tokens: u32) -> Result<(), BadRun> {
        check_input(tokens, self.max_tokens_in())
    }
}

/// [`Architecture::check_input`], of a model of which only the most tokens that it takes are known.
///
/// # Errors
/// There is no token, or there are more than `most`.
pub fn check_input(tokens: u32, most: u32) -> Result<(), BadRun> {
    match tokens {
        0 => Err(BadRun::NoInput),
        tokens if tokens > most => Err(BadRun::InputTooLong { tokens, most }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{samples, Decoder, Encoder};

    fn encoder() -> Architecture {
        Architecture::Encoder(Encoder { positions: 8, ..samples::encoder() })
    }

    fn decoder() -> Architecture {
        Architecture::Decoder(Decoder { positions: 8, ..samples::decoder() })
    }

    const WARM: Sampling =
        Sampling::Gumbel { seed: 7, temperature: 0.8f32.to_bits(), min_p: 0.05f32.to_bits() };
    const HOT: Sampling = Sampling::Gumbel { seed: 7, temperature: 1_000.0f32.to_bits(), min_p: 0 };

    #[test]
    fn check_run_should_accept_what_fits() {
        for tokens in [1, 8] {
            assert_eq!(encoder().check_run(tokens, 0, Sampling::Greedy), Ok(()));
        }
        for (tokens_in, tokens_out) in [(1, 1), (1, 8), (8, 1), (5, 4)] {
            assert_eq!(decoder().check_run(tokens_in, tokens_out, Sampling::Greedy), Ok(()));
            assert_eq!(decoder().check_run(tokens_in, tokens_out, WARM), Ok(()));
        }
    }

    #[test]
    fn check_run_should_name_what_does_not_fit() {
        let greedy = Sampling::Greedy;
        for model in [encoder(), decoder()] {
            assert_eq!(model.check_run(0, 1, greedy), Err(BadRun::NoInput));
            assert_eq!(
                model.check_run(9, 1, greedy),
                Err(BadRun::InputTooLong { tokens: 9, most: 8 })
            );
        }
        assert_eq!(encoder().check_run(1, 1, greedy), Err(BadRun::GeneratesNothing { asked: 1 }));
        assert_eq!(encoder().check_run(1, 0, WARM), Err(BadRun::NothingToSample));
        assert_eq!(decoder().check_run(1, 0, greedy), Err(BadRun::NoTokensOut));
        for asked in [5, u32::MAX] {
            let refused = Err(BadRun::TooManyTokensOut { asked, tokens: 5, most: 4 });
            assert_eq!(decoder().check_run(5, asked, greedy), refused);
        }
        assert_eq!(decoder().check_run(5, 4, HOT), Err(BadRun::BadSampling));
    }
}
