//! Whether an output is what a model gives, in one pass over known tokens.
//!
//! To generate takes a pass for every token; to check takes one for all, since every token of the
//! output is known and only has to be the one that is drawn behind those before it.

use crate::{decoder::Rows, error::Input, Error, Model, Request, Result};
use vigil_architecture::{Architecture, Sampling};
use vigil_ops::tensor::Draw;

/// Rows whose logits are computed together.
const LOGITS: usize = 64;

/// The first thing that is wrong with an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// It has not as many bytes as such an output has.
    Length,
    /// Another vector comes out.
    Vector,
    /// Behind the tokens before this position another token is drawn.
    Token {
        /// Where, from 0.
        position: u32,
        /// What stands there.
        found: u32,
        /// What is drawn.
        right: u32,
    },
    /// It goes on behind a token that ends it.
    GoesOn {
        /// Where that token stands, from 0.
        position: u32,
    },
    /// Its last token doesn't end it, and there may be more.
    EndsEarly {
        /// Where that token stands, from 0.
        position: u32,
    },
    /// A token of it is not in the vocabulary.
    Vocabulary {
        /// Where it stands, from 0.
        position: u32,
    },
}

impl Mistake {
    /// The token that is wrong; none of a vector, or where the bytes are no tokens.
    pub fn position(self) -> Option<u32> {
        match self {
            Self::Length | Self::Vector => None,
            Self::Token { position, .. }
            | Self::GoesOn { position }
            | Self::EndsEarly { position }
            | Self::Vocabulary { position } => Some(position),
        }
    }
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length => f.write_str("it has another length than such an output has"),
            Self::Vector => f.write_str("another vector comes out"),
            Self::Token { position, found, right } => {
                write!(f, "its token {position} is {found}, and {right} is drawn there")
            }
            Self::GoesOn { position } => {
                write!(f, "it goes on behind token {position}, which ends it")
            }
            Self::EndsEarly { position } => {
                write!(f, "it ends with token {position}, which does not end it, and may be longer")
            }
            Self::Vocabulary { position } => {
                write!(f, "its token {position} is not in the vocabulary")
            }
        }
    }
}

impl Model {
    /// Finds the first mistake of an output that a request is said to have; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Input`] if the request doesn't fit the model.
    pub fn verify(&self, request: &Request, output: &[u8]) -> Result<Option<Mistake>> {
        Input::check(request, self.architecture())?;
        match self.architecture() {
            Architecture::Encoder(encoder) => {
                if output.len() != encoder.hidden as usize * size_of::<f32>() {
                    return Ok(Some(Mistake::Length));
                }
                let run = self.run(request)?;
                Ok((run.output != output).then_some(Mistake::Vector))
            }
            Architecture::Decoder(_) => {
                let (tokens, rest) = output.as_chunks();
                let tokens: Vec<u32> = tokens.iter().map(|id| u32::from_le_bytes(*id)).collect();
                if tokens.is_empty() || !rest.is_empty() {
                    return Ok(Some(Mistake::Length));
                }
                self.first_mistake(request, &tokens)
            }
        }
    }

    fn first_mistake(&self, request: &Request, output: &[u32]) -> Result<Option<Mistake>> {
        let decoder = self.decoder()?;
        let config = *decoder.config();
        // As far as it can be right at all.
        let most = request.max_tokens_out as usize;
        let stop = output.iter().position(|token| config.is_stop(*token));
        let unknown = output.iter().position(|token| *token >= config.vocabulary);
        let end = stop.map_or(output.len(), |stop| stop.saturating_add(1));
        let checked = unknown.unwrap_or(end).min(end).min(most);
        let right = self.drawn(&request.tokens, &output[..checked], request.sampling)?;
        let wrong = right.iter().zip(output).position(|(right, found)| right != found);
        let at = |position: usize| u32::try_from(position).unwrap_or(u32::MAX);
        if let Some(place) = wrong {
            let (found, right) = (output[place], right[place]);
            return Ok(Some(Mistake::Token { position: at(place), found, right }));
        }
        Ok(match (unknown, stop) {
            (Some(place), _) if place <= checked => {
                Some(Mistake::Vocabulary { position: at(place) })
            }
            (_, Some(stop)) if stop.saturating_add(1) < output.len() => {
                Some(Mistake::GoesOn { position: at(stop) })
            }
            _ if output.len() > most => Some(Mistake::Length),
            (_, None) if output.len() < most => {
                Some(Mistake::EndsEarly { position: at(output.len().saturating_sub(1)) })
            }
            _ => None,
        })
    }

    /// The tokens that are drawn behind an input and each of the tokens after it but the last.
    fn drawn(&self, input: &[u32], output: &[u32], sampling: Sampling) -> Result<Vec<u32>> {
        let decoder = self.decoder()?;
        let Some((last, before)) = input.split_last() else { return Ok(Vec::new()) };
        let mut cache = decoder.cache()?;
        for tokens in before.chunks(crate::Limits::default().chunk) {
            let rows = Rows { tokens, cache: &mut cache, draw: None, observer: None };
            self.pools().run(|| decoder.forward(&mut [rows]))?;
        }
        let known: Vec<u32> =
            std::iter::once(*last).chain(output.iter().copied()).take(output.len()).collect();
        let mut drawn = Vec::with_capacity(known.len());
        let mut position = input.len();
        for tokens in known.chunks(LOGITS) {
            let next = |row: usize| u32::try_from(position.saturating_add(row)).unwrap_or(u32::MAX);
            let draws: Vec<Draw> =
                (0..tokens.len()).map(|row| Draw { sampling, position: next(row) }).collect();
            let rows = Rows { tokens, cache: &mut cache, draw: None, observer: None };
            drawn.extend(self.pools().run(|| decoder.draw_all(rows, &draws))?);
            position = position.saturating_add(tokens.len());
        }
        if drawn.len() != output.len() {
            return Err(Error::Compute("a token without its row".into()));
        }
        Ok(drawn)
    }
}
