//! What a folder says of chats: templates, the tokens that they name, and how its author would have
//! the model generate.
//!
//! Templates lie in `tokenizer_config.json`, one or several with names, or in files of their own,
//! which go before it as they do with transformers. Of `generation_config.json` a package keeps what
//! an operator set can do; what it can't do is told, so that nobody takes the answers for those that
//! the author's settings give.

use super::{read_json, read_small, MAX_JSON};
use crate::{
    chat::ChatTemplate,
    package::{shorten, Chat, Generation, DEFAULT, MAX_NAME, MAX_TEMPLATE, MAX_TEMPLATES},
    Error, Result,
};
use serde::{de::DeserializeOwned, Deserialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fs, path::Path};
use vigil_architecture::sampling::{MAX_TEMPERATURE, MIN_TEMPERATURE};

/// Most files of `additional_chat_templates` that are looked at.
const MAX_FILES: usize = 64;

/// Keys of `generation_config.json` that say nothing of which token comes next: names of tokens,
/// what a program hands back, how it keeps its caches.
const SILENT: [&str; 22] = [
    "_from_model_config",
    "bos_token_id",
    "cache_config",
    "cache_implementation",
    "chat_format",
    "decoder_start_token_id",
    "early_stopping",
    "eos_token_id",
    "length_penalty",
    "low_memory",
    "max_matching_ngram_size",
    "num_return_sequences",
    "output_attentions",
    "output_hidden_states",
    "output_logits",
    "output_scores",
    "pad_token_id",
    "remove_invalid_values",
    "return_dict_in_generate",
    "return_legacy_cache",
    "transformers_version",
    "use_cache",
];

/// What the files say.
#[derive(Default)]
pub(super) struct Chats {
    /// All templates that there are, in use or not.
    pub(super) texts: Vec<String>,
    /// Those in use, by name.
    templates: BTreeMap<String, String>,
    bos_token: Option<String>,
    pub(super) eos_token: Option<String>,
    generation: Map<String, Value>,
}

/// The part of `tokenizer_config.json`, and of `chat_template.json`, that is about chats.
#[derive(Default, Deserialize)]
struct Config {
    bos_token: Option<Word>,
    eos_token: Option<Word>,
    chat_template: Option<Template>,
}

/// A token by its text.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Word {
    Text(String),
    Added { content: String },
}

impl Word {
    pub(super) fn text(self) -> String {
        match self {
            Self::Text(text) | Self::Added { content: text } => text,
        }
    }
}

/// One template or several with names.
#[derive(Deserialize)]
#[serde(untagged)]
enum Template {
    One(String),
    Named(Vec<NamedTemplate>),
}

#[derive(Deserialize)]
struct NamedTemplate {
    name: String,
    template: String,
}

/// A file that need not exist.
pub(super) fn read<T: DeserializeOwned + Default>(path: &Path, most: u64) -> Result<T> {
    if !path.is_file() {
        return Ok(T::default());
    }
    read_json(path, most)
}

impl Chats {
    pub(super) fn read(dir: &Path) -> Result<Self> {
        let mut chats = Self::default();
        // What comes later goes before what was there.
        for name in ["chat_template.json", "tokenizer_config.json"] {
            let config: Config = read(&dir.join(name), MAX_JSON)?;
            chats.bos_token = config.bos_token.map(Word::text).or(chats.bos_token);
            chats.eos_token = config.eos_token.map(Word::text).or(chats.eos_token);
            match config.chat_template {
                None => {}
                Some(Template::One(text)) => chats.use_only([(DEFAULT.into(), text)]),
                Some(Template::Named(named)) => {
                    chats.use_only(named.into_iter().map(|one| (one.name, one.template)));
                }
            }
        }
        let files = files(dir)?;
        if !files.is_empty() {
            chats.use_only(files);
        }
        chats.generation = read(&dir.join("generation_config.json"), MAX_JSON)?;
        Ok(chats)
    }

    /// Takes templates into use in place of those before.
    fn use_only(&mut self, templates: impl IntoIterator<Item = (String, String)>) {
        self.templates.clear();
        for (name, text) in templates {
            self.texts.push(text.clone());
            self.templates.insert(name, text);
        }
    }

    /// What of it a package keeps, if there is anything, and one sentence for what it doesn't.
    pub(super) fn keep(mut self, notes: &mut Vec<String>) -> Option<Chat> {
        self.templates.retain(|name, text| {
            let fits = text.len() <= MAX_TEMPLATE && !name.is_empty() && name.len() <= MAX_NAME;
            if !fits {
                notes.push(format!(
                    "the chat template {:?} is not kept: it has {} bytes, and a package takes \
                     {MAX_TEMPLATE} and a name of 1 to {MAX_NAME}",
                    shorten(name),
                    text.len()
                ));
            }
            fits
        });
        while self.templates.len() > MAX_TEMPLATES {
            let Some(name) = self.templates.keys().rfind(|name| *name != DEFAULT).cloned() else {
                break;
            };
            self.templates.remove(&name);
            notes.push(format!(
                "the chat template {:?} is not kept: a package takes {MAX_TEMPLATES}",
                shorten(&name)
            ));
        }
        for (name, text) in &self.templates {
            if let Err(error) = ChatTemplate::new(text, None, None) {
                notes.push(format!(
                    "the chat template {:?} is kept, and nobody can use it: {error}",
                    shorten(name)
                ));
            }
        }
        let short = |token: Option<String>| token.filter(|text| text.len() <= MAX_NAME);
        let chat = Chat {
            generation: generation(&self.generation, notes),
            templates: self.templates,
            bos_token: short(self.bos_token),
            eos_token: short(self.eos_token),
        };
        (!chat.is_empty()).then_some(chat)
    }
}

/// The templates that have files of their own, by name.
fn files(dir: &Path) -> Result<Vec<(String, String)>> {
    let text = |path: &Path| -> Result<String> {
        String::from_utf8(read_small(path, MAX_JSON)?)
            .map_err(|_| Error::source_at(path, "it is not UTF-8 text"))
    };
    let mut templates = Vec::new();
    let path = dir.join("chat_template.jinja");
    if path.is_file() {
        templates.push((DEFAULT.to_owned(), text(&path)?));
    }
    let folder = dir.join("additional_chat_templates");
    if folder.is_dir() {
        let entries = fs::read_dir(&folder).map_err(|error| Error::read(&folder, error))?;
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".jinja").map(str::to_owned))
            .collect();
        names.sort();
        if names.len() > MAX_FILES {
            return Err(Error::source_at(
                &folder,
                format!("it has {} templates, more than {MAX_FILES}", names.len()),
            ));
        }
        for name in names {
            let text = text(&folder.join(format!("{name}.jinja")))?;
            templates.push((name, text));
        }
    }
    Ok(templates)
}

/// What is kept of `generation_config.json`.
fn generation(config: &Map<String, Value>, notes: &mut Vec<String>) -> Generation {
    let mut kept = Generation::default();
    let (mut left, mut cold) = (Vec::new(), false);
    for (key, value) in config {
        let number = value.as_f64().map(|number| number as f32);
        let done = match key.as_str() {
            key if SILENT.contains(&key) || is_neutral(key, value) => true,
            "do_sample" => {
                kept.do_sample = value.as_bool();
                value.is_boolean()
            }
            // As cold as this, the likeliest token is always taken.
            "temperature" if number.is_some_and(|t| (0.0..MIN_TEMPERATURE).contains(&t)) => {
                cold = true;
                true
            }
            "temperature" => {
                let range = MIN_TEMPERATURE..=MAX_TEMPERATURE;
                kept.temperature = number.filter(|number| range.contains(number));
                kept.temperature.is_some()
            }
            "min_p" => {
                let number = number.filter(|number| (0.0..=1.0).contains(number));
                // Zero has one sign.
                kept.min_p = number.map(f32::abs);
                kept.min_p.is_some()
            }
            "max_new_tokens" => {
                let most = value.as_u64().and_then(|most| u32::try_from(most).ok());
                kept.max_new_tokens = most.filter(|most| *most > 0);
                kept.max_new_tokens.is_some()
            }
            _ => false,
        };
        if !done {
            left.push(format!("{} {}", shorten(key), shorten(&value.to_string())));
        }
    }
    if cold {
        kept.do_sample = Some(false);
    }
    if !left.is_empty() {
        notes.push(format!(
            "of generation_config.json {} is not kept: tokens are drawn by temperature and min_p \
             alone",
            shorten_list(&left)
        ));
    }
    kept
}

/// Whether a setting changes nothing.
fn is_neutral(key: &str, value: &Value) -> bool {
    let is = |number: f64| value.as_f64() == Some(number);
    match (key, value) {
        (_, Value::Null) => true,
        (_, Value::Array(list)) if list.is_empty() => true,
        ("top_p" | "typical_p" | "repetition_penalty" | "encoder_repetition_penalty", _)
        | ("num_beams" | "num_beam_groups" | "guidance_scale", _) => is(1.0),
        ("top_k" | "no_repeat_ngram_size" | "encoder_no_repeat_ngram_size", _)
        | ("min_length" | "epsilon_cutoff" | "eta_cutoff" | "diversity_penalty", _)
        | ("penalty_alpha" | "min_new_tokens" | "frequency_penalty" | "presence_penalty", _) => {
            is(0.0)
        }
        ("renormalize_logits" | "exponential_decay_length_penalty", _) => {
            value.as_bool() == Some(false)
        }
        _ => false,
    }
}

/// The first of many, joined.
fn shorten_list(list: &[String]) -> String {
    const MOST: usize = 8;
    let shown = list.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    match list.len().checked_sub(MOST) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}
