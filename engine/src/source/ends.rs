//! Where a generation ends.
//!
//! Folders say it in several places, and people's folders disagree: one lists only the token that
//! ends a document while its chats end turns with another. A generation that runs to its limit is
//! paid for and worth nothing, so that the places are joined: whatever one of them calls an end is
//! one.

use super::{
    chat::{read, Chats, Word},
    MAX_JSON,
};
use crate::{package::MAX_TOKENIZER, Error, Result};
use serde::Deserialize;
use std::path::Path;
use vigil_architecture::MAX_STOP_TOKENS;

/// Special tokens that end a turn in the chat templates of the families here.
const TURN_ENDS: [&str; 7] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|end|>",
    "<|eom_id|>",
    "<end_of_turn>",
    "<|end_of_turn|>",
    "<|endoftext|>",
];

/// A token that ends a generation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StopToken {
    /// Its id.
    pub id: u32,
    /// What the tokenizer calls it, if it says.
    pub text: Option<String>,
    /// The places that call it an end.
    pub from: Vec<&'static str>,
}

/// One token id or a list.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Tokens {
    One(u32),
    Many(Vec<u32>),
}

impl Tokens {
    fn ids(&self) -> &[u32] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }
}

/// The part of `generation_config.json` that says where to stop.
#[derive(Default, Deserialize)]
struct Generation {
    eos_token_id: Option<Tokens>,
}

/// The part of `special_tokens_map.json` that says how texts end.
#[derive(Default, Deserialize)]
struct Special {
    eos_token: Option<Word>,
}

/// The part of `tokenizer.json` that gives special tokens their ids.
#[derive(Default, Deserialize)]
struct Tokenizer {
    #[serde(default)]
    added_tokens: Vec<Added>,
}

#[derive(Deserialize)]
struct Added {
    id: u32,
    content: String,
    #[serde(default)]
    special: bool,
}

/// All tokens that a place of the folder calls an end, in the order of the places.
pub(super) fn stop_tokens(
    dir: &Path,
    config: Option<&Tokens>,
    chats: &Chats,
) -> Result<Vec<StopToken>> {
    let mut ends =
        Ends { tokenizer: read(&dir.join("tokenizer.json"), MAX_TOKENIZER)?, found: vec![] };
    ends.add(config, "config.json");
    let generation: Generation = read(&dir.join("generation_config.json"), MAX_JSON)?;
    ends.add(generation.eos_token_id.as_ref(), "generation_config.json");
    if let Some(text) = &chats.eos_token {
        ends.add_text(text, "tokenizer_config.json", false);
    }
    let special: Special = read(&dir.join("special_tokens_map.json"), MAX_JSON)?;
    if let Some(word) = special.eos_token {
        ends.add_text(&word.text(), "special_tokens_map.json", false);
    }
    for template in &chats.texts {
        ends.add_turns(template);
    }
    if ends.found.len() > MAX_STOP_TOKENS {
        let ids: Vec<_> = ends.found.iter().map(|end| end.id.to_string()).collect();
        let what = format!(
            "it ends generations with {} tokens ({}), and a model can have {MAX_STOP_TOKENS}: keep \
             in eos_token_id those that it really ends with",
            ids.len(),
            ids.join(", ")
        );
        return Err(Error::source_at(dir, what));
    }
    Ok(ends.found)
}

struct Ends {
    tokenizer: Tokenizer,
    found: Vec<StopToken>,
}

impl Ends {
    fn add(&mut self, tokens: Option<&Tokens>, from: &'static str) {
        for id in tokens.map(Tokens::ids).unwrap_or_default() {
            self.add_id(*id, from);
        }
    }

    fn add_id(&mut self, id: u32, from: &'static str) {
        match self.found.iter_mut().find(|end| end.id == id) {
            Some(end) if end.from.contains(&from) => {}
            Some(end) => end.from.push(from),
            None => {
                let known = self.tokenizer.added_tokens.iter().find(|added| added.id == id);
                let text = known.map(|added| added.content.clone());
                self.found.push(StopToken { id, text, from: vec![from] });
            }
        }
    }

    fn add_text(&mut self, text: &str, from: &'static str, special: bool) {
        let mut known = self.tokenizer.added_tokens.iter();
        let found = known.find(|added| added.content == text && (added.special || !special));
        if let Some(id) = found.map(|added| added.id) {
            self.add_id(id, from);
        }
    }

    /// What ends a turn in a chat template.
    fn add_turns(&mut self, template: &str) {
        for text in TURN_ENDS.into_iter().filter(|text| template.contains(text)) {
            self.add_text(text, "the chat template", true);
        }
    }
}
