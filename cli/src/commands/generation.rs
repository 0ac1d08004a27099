//! How a language model is asked to continue a text, and what its output says.

use crate::error::{CommandResult, Failure};
use clap::Args;
use vigil_engine::{Request, Tokenizer};
use vigil_primitives::{job::bytes_to_tokens, sampling::decimal, Architecture, Sampling};

/// Most tokens that are generated unless something else was typed.
const USUAL: u32 = 256;

/// How a language model generates. Encoders take none of it.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "Language models")]
pub(crate) struct Generation {
    /// Most tokens to generate; 256, or as many as fit, when left out.
    ///
    /// A stop token of the model ends the output before. What is not generated is not paid.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_tokens: Option<u32>,
    /// Draw tokens at this temperature, 0.01 to 100; always the likeliest one when left out.
    #[arg(long, value_name = "T")]
    temperature: Option<f32>,
    /// Never draw a token that is less likely than this share of the likeliest, 0 to 1.
    #[arg(long, value_name = "P", default_value_t = 0.0, requires = "temperature")]
    min_p: f32,
    /// The same seed draws the same tokens, on every machine.
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "temperature")]
    seed: u64,
}

impl Generation {
    /// What a run of `tokens` is asked for. Refuses what no worker would run.
    pub(crate) fn request(
        &self,
        tokens: Vec<u32>,
        architecture: &Architecture,
    ) -> CommandResult<Request> {
        let tokens_in = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        let max_tokens_out = self.max_tokens_out(tokens_in, architecture)?;
        Ok(Request { tokens, max_tokens_out, sampling: self.sampling()? })
    }

    /// Most tokens that a run behind so many tokens may generate.
    pub(crate) fn max_tokens_out(
        &self,
        tokens_in: u32,
        architecture: &Architecture,
    ) -> CommandResult<u32> {
        if let Architecture::Encoder(_) = architecture {
            if self.max_tokens.is_some() || self.temperature.is_some() {
                return Err(Failure::usage(
                    "the model is an encoder and generates nothing: leave --max-tokens and \
                     --temperature out",
                ));
            }
            return Ok(0);
        }
        let room = architecture.max_tokens_out(tokens_in);
        let asked = self.max_tokens.unwrap_or(USUAL.min(room));
        if room == 0 {
            return Err(Failure::failed(format!(
                "the input has {tokens_in} tokens, and the model takes at most {}: shorten it",
                architecture.max_tokens_in()
            )));
        }
        if asked > room {
            return Err(Failure::usage(format!(
                "--max-tokens {asked} is too much: behind {tokens_in} tokens of input the model \
                 has room for {room}"
            )));
        }
        Ok(asked)
    }

    /// How tokens are chosen.
    pub(crate) fn sampling(&self) -> CommandResult<Sampling> {
        let Some(temperature) = self.temperature else { return Ok(Sampling::Greedy) };
        let sampling = Sampling::Gumbel {
            seed: self.seed,
            temperature: temperature.to_bits(),
            min_p: self.min_p.to_bits(),
        };
        if !sampling.is_valid() {
            return Err(Failure::usage(
                "--temperature must be 0.01 to 100 and --min-p 0 to 1; for the likeliest token \
                 always, leave --temperature out",
            ));
        }
        Ok(sampling)
    }
}

/// A sampling for people.
pub(crate) fn sampling_text(sampling: &Sampling) -> String {
    match sampling {
        Sampling::Greedy => "greedy".into(),
        Sampling::Gumbel { seed, temperature, min_p } => {
            format!("temperature {}, min-p {}, seed {seed}", decimal(*temperature), decimal(*min_p))
        }
    }
}

/// What a language model generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Generated {
    /// The tokens.
    pub(crate) tokens: Vec<u32>,
    /// Their text, when the tokenizer was at hand.
    pub(crate) text: Option<String>,
}

impl Generated {
    /// Reads the output of a run; `None` for an encoder's.
    pub(crate) fn read(
        architecture: &Architecture,
        output: &[u8],
        tokenizer: Option<&Tokenizer>,
    ) -> Option<Self> {
        match architecture {
            Architecture::Encoder(_) => None,
            Architecture::Decoder(_) => {
                let tokens = bytes_to_tokens(output)?;
                let text = tokenizer.map(|tokenizer| tokenizer.decode(&tokens));
                Some(Self { tokens, text })
            }
        }
    }

    /// The text, or the token ids where there is no tokenizer. Not made safe to print.
    pub(crate) fn shown(&self) -> String {
        self.text.clone().unwrap_or_else(|| {
            let ids: Vec<_> = self.tokens.iter().map(u32::to_string).collect();
            format!("token ids {}", ids.join(","))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use vigil_primitives::{architecture::Pooling, Decoder, Encoder};

    fn decoder() -> Architecture {
        Architecture::Decoder(Decoder {
            vocabulary: 100,
            hidden: 8,
            layers: 1,
            heads: 2,
            kv_heads: 1,
            head_width: 4,
            intermediate: 16,
            positions: 64,
            rms_norm_eps: 1e-5f32.to_bits(),
            tied_head: true,
            qkv_bias: false,
            qk_norm: false,
            stop_tokens: [None; 4],
        })
    }

    fn encoder() -> Architecture {
        Architecture::Encoder(Encoder {
            vocabulary: 100,
            hidden: 8,
            layers: 1,
            heads: 2,
            intermediate: 16,
            positions: 64,
            token_types: 2,
            layer_norm_eps: 1e-12f32.to_bits(),
            pooling: Pooling::Mean,
            normalize: true,
        })
    }

    fn asked(max_tokens: Option<u32>, temperature: Option<f32>) -> Generation {
        Generation { max_tokens, temperature, min_p: 0.05, seed: 7 }
    }

    #[test]
    fn a_generation_should_fit_behind_its_input() {
        let most = |asked: Generation, tokens| asked.max_tokens_out(tokens, &decoder());
        assert_eq!(most(asked(Some(5), None), 10).unwrap(), 5);
        assert_eq!(most(asked(None, None), 10).unwrap(), 55, "as many as fit");
        assert_eq!(most(asked(Some(1), None), 64).unwrap(), 1);
        let long = most(asked(Some(56), None), 10).unwrap_err();
        assert!(long.to_string().contains("room for 55"), "{long}");
        assert!(most(asked(None, None), 65).is_err());
    }

    #[test]
    fn an_encoder_should_be_asked_for_nothing() {
        let most = |asked: Generation| asked.max_tokens_out(10, &encoder());
        assert_eq!(most(Generation::default()).unwrap(), 0);
        for asked in [asked(Some(1), None), asked(None, Some(1.0))] {
            assert_eq!(most(asked).unwrap_err().kind(), Kind::Usage);
        }
    }

    #[test]
    fn a_sampling_should_be_greedy_unless_there_is_a_temperature() {
        assert_eq!(asked(None, None).sampling().unwrap(), Sampling::Greedy);
        let gumbel = asked(None, Some(0.8)).sampling().unwrap();
        assert_eq!(sampling_text(&gumbel), "temperature 0.8, min-p 0.05, seed 7");
        for wrong in [0.0, -1.0, 101.0, f32::NAN] {
            assert_eq!(asked(None, Some(wrong)).sampling().unwrap_err().kind(), Kind::Usage);
        }
    }

    #[test]
    fn an_output_should_be_shown_as_ids_without_a_tokenizer() {
        let generated = Generated::read(&decoder(), &[5, 0, 0, 0, 7, 1, 0, 0], None).unwrap();
        assert_eq!(generated.tokens, [5, 263]);
        assert_eq!(generated.shown(), "token ids 5,263");
        assert_eq!(Generated::read(&encoder(), &[0; 32], None), None);
    }
}
