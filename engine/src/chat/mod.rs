//! Chat templates: messages become the text that a model was trained to go on with.
//!
//! A template is a program in the language of Jinja that came with a package, so a stranger may have
//! written it, to stop whoever renders it. It can do nothing but make text out of what it is given:
//! there are no files, no other templates and no clock but the caller's. What it does is counted
//! ([`ChatError::TooMuch`]): steps, bytes made, the longest text, how deep things lie. So a render
//! ends in well under a second, within a stack of a megabyte and within a hundred megabytes, whatever
//! the template is. The interpreters that there are do not hold that much (`docs/adr/0017`).
//!
//! ```
//! use vigil_engine::chat::{ChatTemplate, Message, Prompt};
//!
//! let template = "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}\n\
//!                 {% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
//! let template = ChatTemplate::new(template, None, None)?;
//! let messages = [Message { role: "user", content: "Hello" }];
//! let prompt = template.render(&Prompt::to_answer(&messages))?;
//! assert_eq!(prompt, "<|user|>Hello\n<|assistant|>");
//! # Ok::<(), vigil_engine::chat::ChatError>(())
//! ```

mod arguments;
mod arithmetic;
mod builtins;
mod clock;
mod expressions;
mod lexer;
mod methods;
mod parser;
mod run;
mod tree;
mod value;

use crate::package::{shorten, Chat, MAX_TEMPLATE};
use std::collections::BTreeMap;

/// Most text of the messages of a chat, in bytes.
pub const MAX_MESSAGES: usize = 1 << 20;

/// Why a chat has no prompt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChatError {
    /// The package has none for plain conversations.
    #[error("the package has no chat template")]
    NoTemplate,
    /// The messages are more than any model reads.
    #[error("the messages have {0} bytes of text, more than {MAX_MESSAGES}")]
    TooLong(usize),
    /// The template refuses the messages, in its author's words.
    #[error("the chat template says: {0}")]
    Refused(String),
    /// The template cannot be read.
    #[error("line {line} of the chat template: {what}")]
    Syntax {
        /// Where.
        line: usize,
        /// Why.
        what: String,
    },
    /// The template cannot do what it wants to.
    #[error("line {line} of the chat template: {what}")]
    Failed {
        /// Where.
        line: usize,
        /// Why.
        what: String,
    },
    /// The template takes more time or memory than any that is meant for chats.
    #[error("the chat template takes too much time or memory")]
    TooMuch,
}

impl ChatError {
    /// Whether other messages may have a prompt: it is not the template that is wrong.
    pub fn is_about_messages(&self) -> bool {
        matches!(self, Self::TooLong(_) | Self::Refused(_))
    }

    /// What failed, before it is known on which line.
    fn failed(what: impl Into<String>) -> Self {
        Self::Failed { line: 0, what: what.into() }
    }

    /// On this line, unless it is known better.
    fn at(self, at: usize) -> Self {
        match self {
            Self::Failed { line: 0, what } => Self::Failed { line: at, what },
            other => other,
        }
    }
}

/// Something that somebody said in a chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// `system`, `user` or `assistant`; templates may know others.
    pub role: &'a str,
    /// What was said.
    pub content: &'a str,
}

/// What a prompt is made of.
#[derive(Clone, Debug, Default)]
pub struct Prompt<'a> {
    /// What was said, the oldest first.
    pub messages: &'a [Message<'a>],
    /// Whether the prompt ends where the assistant is to speak.
    pub add_generation_prompt: bool,
    /// What it is for a template that asks (`strftime_now`), in seconds of UTC since 1970. Without
    /// it there is no clock, and the same messages always give the same prompt.
    pub now: Option<u64>,
    /// Other things that the template may ask for, such as `enable_thinking` or `tools`.
    pub variables: BTreeMap<String, serde_json::Value>,
}

impl<'a> Prompt<'a> {
    /// A prompt for the assistant to answer.
    pub fn to_answer(messages: &'a [Message<'a>]) -> Self {
        Self { messages, add_generation_prompt: true, ..Self::default() }
    }
}

/// A chat template that was read, to be rendered any number of times, by many at once.
#[derive(Debug)]
pub struct ChatTemplate {
    body: tree::Body,
    bos_token: Option<String>,
    eos_token: Option<String>,
}

impl ChatTemplate {
    /// The template of a package for plain conversations.
    ///
    /// # Errors
    /// [`ChatError::NoTemplate`], or as [`new`](Self::new).
    pub fn open(chat: &Chat) -> Result<Self, ChatError> {
        let template = chat.template().ok_or(ChatError::NoTemplate)?;
        Self::new(template, chat.bos_token.as_deref(), chat.eos_token.as_deref())
    }

    /// Reads a template, for a model whose sequences begin and end with tokens of these texts.
    ///
    /// # Errors
    /// [`ChatError::Syntax`] when it cannot be read, [`ChatError::TooMuch`] when it is longer than a
    /// package may have it.
    pub fn new(
        template: &str,
        bos_token: Option<&str>,
        eos_token: Option<&str>,
    ) -> Result<Self, ChatError> {
        if template.len() > MAX_TEMPLATE {
            return Err(ChatError::TooMuch);
        }
        Ok(Self {
            body: parser::parse(template)?,
            bos_token: bos_token.map(str::to_owned),
            eos_token: eos_token.map(str::to_owned),
        })
    }

    /// The prompt for these messages. It has the special tokens of a chat as text, the one that
    /// begins a sequence too if the template names it: tokens are made of it with
    /// [`Tokenizer::encode_prompt`](crate::Tokenizer::encode_prompt).
    ///
    /// # Errors
    /// [`ChatError::is_about_messages`] tells those that other messages would not meet.
    pub fn render(&self, prompt: &Prompt<'_>) -> Result<String, ChatError> {
        let said = |message: &Message<'_>| message.role.len().saturating_add(message.content.len());
        let text = prompt.messages.iter().map(said).fold(0, usize::saturating_add);
        if text > MAX_MESSAGES {
            return Err(ChatError::TooLong(text));
        }
        run::render(self, prompt)
    }
}

/// A name that a template made up, short enough for an error message.
fn named(name: &str) -> String {
    format!("{:?}", shorten(name))
}
