//! `chat.json`: how to talk with a language model, as its author published it.
//!
//! Chat templates, the texts of the tokens that they name, and how the author would have the model
//! generate. No run depends on it: it is for whoever turns messages into tokens and chooses a
//! sampling. Like the manifest it is canonical JSON, and a stranger may have written it.

use super::manifest::shorten;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use vigil_architecture::{
    sampling::{MAX_TEMPERATURE, MIN_TEMPERATURE},
    Sampling,
};

/// Longest template, in bytes.
pub const MAX_TEMPLATE: usize = 64 << 10;
/// Most templates of a package.
pub const MAX_TEMPLATES: usize = 8;
/// Longest name of a template and longest text of a token, in bytes.
pub(crate) const MAX_NAME: usize = 256;
/// Name of the template for plain conversations.
pub const DEFAULT: &str = "default";

/// What a package knows of chats.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chat {
    /// Jinja templates by name; plain conversations take [`DEFAULT`].
    pub templates: BTreeMap<String, String>,
    /// The text of the token that begins a sequence, which templates name.
    pub bos_token: Option<String>,
    /// The text of the token that ends one.
    pub eos_token: Option<String>,
    /// How the author would have the model generate.
    pub generation: Generation,
}

/// What an author says of generation, as far as an operator set can do it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// Whether tokens are drawn, or always the likeliest is taken.
    pub do_sample: Option<bool>,
    /// At this temperature.
    pub temperature: Option<f32>,
    /// Tokens less likely than this share of the likeliest are never drawn.
    pub min_p: Option<f32>,
    /// Most tokens to generate.
    pub max_new_tokens: Option<u32>,
}

impl Generation {
    /// The sampling that the author means, with a seed of the caller's; `None` if nothing is said.
    /// A temperature without a word on whether to draw is meant.
    pub fn sampling(&self, seed: u64) -> Option<Sampling> {
        let draws = self.do_sample.or(self.temperature.map(|_| true))?;
        Some(if draws {
            Sampling::Gumbel {
                seed,
                temperature: self.temperature.unwrap_or(1.0).to_bits(),
                min_p: self.min_p.unwrap_or(0.0).to_bits(),
            }
        } else {
            Sampling::Greedy
        })
    }
}

impl Chat {
    /// Whether there is nothing that anybody would read it for.
    pub(crate) fn is_empty(&self) -> bool {
        self.templates.is_empty() && self.generation == Generation::default()
    }

    /// The template for plain conversations: [`DEFAULT`], or the only one that there is.
    pub fn template(&self) -> Option<&str> {
        let only = || self.templates.values().next().filter(|_| self.templates.len() == 1);
        self.templates.get(DEFAULT).or_else(only).map(String::as_str)
    }

    /// Reads canonical bytes, and checks every length and number.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let chat: Self =
            serde_json::from_slice(bytes).map_err(|error| format!("it does not parse: {error}"))?;
        chat.check()?;
        if chat.to_bytes() != bytes {
            return Err("it is not in canonical form: pack the model again".into());
        }
        Ok(chat)
    }

    /// The canonical bytes.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Strings, finite numbers and a map of strings always serialise.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    fn check(&self) -> Result<(), String> {
        if self.templates.len() > MAX_TEMPLATES {
            let found = self.templates.len();
            return Err(format!("it has {found} chat templates, at most {MAX_TEMPLATES} are kept"));
        }
        for (name, template) in &self.templates {
            if name.is_empty() || name.len() > MAX_NAME {
                return Err(format!("a chat template cannot be called {:?}", shorten(name)));
            }
            if template.len() > MAX_TEMPLATE {
                let len = template.len();
                return Err(format!(
                    "the chat template {:?} has {len} bytes, more than {MAX_TEMPLATE}",
                    shorten(name)
                ));
            }
        }
        for token in [&self.bos_token, &self.eos_token].into_iter().flatten() {
            if token.len() > MAX_NAME {
                return Err(format!("a token's text has more than {MAX_NAME} bytes"));
            }
        }
        let Generation { temperature, min_p, max_new_tokens, .. } = self.generation;
        let temperatures = MIN_TEMPERATURE..=MAX_TEMPERATURE;
        if temperature.is_some_and(|temperature| !temperatures.contains(&temperature))
            || min_p.is_some_and(|min_p| !(0.0..=1.0).contains(&min_p) || min_p.is_sign_negative())
            || max_new_tokens == Some(0)
        {
            return Err("its temperature, min_p or max_new_tokens is out of range".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat() -> Chat {
        Chat {
            templates: [(DEFAULT.to_owned(), "{{ messages }}\n\"é\"".to_owned())].into(),
            bos_token: Some("<s>".into()),
            eos_token: None,
            generation: Generation {
                do_sample: Some(true),
                temperature: Some(0.7),
                min_p: None,
                max_new_tokens: Some(2_048),
            },
        }
    }

    #[test]
    fn canonical_bytes_should_read_back() {
        let chat = chat();
        let bytes = chat.to_bytes();
        assert_eq!(Chat::parse(&bytes), Ok(chat));
        assert!(String::from_utf8(bytes).unwrap().contains("\"temperature\": 0.7,"));
    }

    #[test]
    fn anything_else_should_be_refused() {
        let refused = |change: &dyn Fn(&mut Chat)| {
            let mut chat = chat();
            change(&mut chat);
            Chat::parse(&chat.to_bytes()).unwrap_err()
        };
        let long = |len| "x".repeat(len);
        for (change, said) in [
            (
                &(|c: &mut Chat| drop(c.templates.insert("a".into(), long(MAX_TEMPLATE + 1))))
                    as &dyn Fn(&mut Chat),
                "65537 bytes",
            ),
            (&|c| drop(c.templates.insert(String::new(), String::new())), "called"),
            (&|c| c.templates.extend((0..8).map(|n| (n.to_string(), String::new()))), "9 chat"),
            (&|c| c.bos_token = Some(long(MAX_NAME + 1)), "token's text"),
            (&|c| c.generation.temperature = Some(0.0), "out of range"),
            (&|c| c.generation.temperature = Some(101.0), "out of range"),
            (&|c| c.generation.min_p = Some(1.5), "out of range"),
            (&|c| c.generation.min_p = Some(-0.0), "out of range"),
            (&|c| c.generation.max_new_tokens = Some(0), "out of range"),
        ] {
            let message = refused(change);
            assert!(message.contains(said), "{said:?} is not in {message:?}");
            assert!(message.len() < 300, "{message}");
        }
        let text = String::from_utf8(chat().to_bytes()).unwrap();
        for (other, said) in [
            (text.replace("bos_token", "bos"), "does not parse"),
            (text.replace("\"eos_token\": null", "\"eos_token\": \"a\", \"x\": 1"), "parse"),
            (text.replace("0.7", "0.70"), "canonical"),
            (text.replace("0.7", "1e999"), "parse"),
            (text.trim_end().to_owned(), "canonical"),
        ] {
            let message = Chat::parse(other.as_bytes()).unwrap_err();
            assert!(message.contains(said), "{said:?} is not in {message:?}");
        }
    }

    #[test]
    fn a_sampling_should_be_what_the_author_says() {
        let said = |do_sample, temperature: Option<f32>| {
            Generation { do_sample, temperature, ..Generation::default() }.sampling(7)
        };
        let drawn = |temperature: f32| {
            Some(Sampling::Gumbel { seed: 7, temperature: temperature.to_bits(), min_p: 0 })
        };
        assert_eq!(said(None, None), None);
        assert_eq!(said(Some(false), Some(0.7)), Some(Sampling::Greedy));
        assert_eq!(said(Some(true), None), drawn(1.0));
        assert_eq!(said(Some(true), Some(0.7)), drawn(0.7));
        assert_eq!(said(None, Some(0.7)), drawn(0.7));
    }
}
