//! How a language model is asked to continue a text, and what its output says.

use crate::error::{CommandResult, Failure};
use clap::Args;
use vigil_client::requester::Generation as Asked;
use vigil_engine::{Request, Tokenizer};
use vigil_primitives::{
    architecture::BadRun, job::bytes_to_tokens, sampling::decimal, Architecture, Sampling,
};

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
    /// What is asked of a language model.
    pub(crate) fn asked(&self) -> Asked {
        let sampling = match self.temperature {
            None => Sampling::Greedy,
            Some(temperature) => Sampling::Gumbel {
                seed: self.seed,
                temperature: temperature.to_bits(),
                min_p: self.min_p.to_bits(),
            },
        };
        Asked { max_tokens: self.max_tokens, sampling }
    }

    /// What a run of `tokens` is asked for. Refuses what no worker would run.
    pub(crate) fn request(
        &self,
        tokens: Vec<u32>,
        architecture: &Architecture,
    ) -> CommandResult<Request> {
        let tokens_in = u32::try_from(tokens.len()).unwrap_or(u32::MAX);
        let max_tokens_out = self.max_tokens_out(tokens_in, architecture)?;
        Ok(Request { tokens, max_tokens_out, sampling: self.asked().sampling })
    }

    /// Most tokens that a run behind so many tokens may generate. Refuses what no worker would run.
    pub(crate) fn max_tokens_out(
        &self,
        tokens_in: u32,
        architecture: &Architecture,
    ) -> CommandResult<u32> {
        let asked = self.asked();
        let out = asked.max_tokens_out(tokens_in, architecture);
        architecture
            .check_run(tokens_in, out, asked.sampling)
            .map_err(|reason| bad_run("the input", reason))?;
        Ok(out)
    }
}

/// Why a model cannot run an input, with the flag that is at fault.
pub(crate) fn bad_run(input: &str, reason: BadRun) -> Failure {
    match reason {
        BadRun::GeneratesNothing { .. } | BadRun::NothingToSample => Failure::usage(
            "the model is an encoder and generates nothing: leave --max-tokens and --temperature \
             out",
        ),
        BadRun::TooManyTokensOut { asked, tokens, most } => Failure::usage(format!(
            "--max-tokens {asked} is too much: behind {tokens} tokens of input the model has room \
             for {most}"
        )),
        BadRun::BadSampling => Failure::usage(
            "--temperature must be 0.01 to 100 and --min-p 0 to 1; for the likeliest token \
             always, leave --temperature out",
        ),
        BadRun::NoInput | BadRun::InputTooLong { .. } | BadRun::NoTokensOut => {
            Failure::failed(format!("{input} cannot be run: {reason}"))
        }
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
    use vigil_primitives::samples;

    fn decoder() -> Architecture {
        Architecture::Decoder(samples::decoder())
    }

    fn encoder() -> Architecture {
        Architecture::Encoder(samples::encoder())
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
        assert_eq!(asked(None, None).asked().sampling, Sampling::Greedy);
        let gumbel = asked(None, Some(0.8)).asked().sampling;
        assert_eq!(sampling_text(&gumbel), "temperature 0.8, min-p 0.05, seed 7");
        for wrong in [0.0, -1.0, 101.0, f32::NAN] {
            let failure = asked(None, Some(wrong)).max_tokens_out(10, &decoder()).unwrap_err();
            assert_eq!(failure.kind(), Kind::Usage);
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
