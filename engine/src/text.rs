//! Text out of token ids, as they arrive.
//!
//! A token is bytes, and a character may have several tokens. The decoder of a `tokenizer.json` is
//! therefore taken apart into what it does to one token, and the bytes of all are read as one text:
//! a character comes when its last byte does, nothing is decoded twice, and the pieces together are
//! the text of the whole. An answer that ends inside a character, as one that is cut off does, ends
//! before that character. Bytes that no character begins or goes on with are replaced, one
//! replacement character for each such stretch, as in every other reading of UTF-8.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use tokenizers::{decoders::DecoderWrapper, Decoder};

/// Turns token ids into text one by one: see [`Tokenizer::decode_stream`](crate::Tokenizer).
pub struct TextStream<'a> {
    tokenizer: &'a tokenizers::Tokenizer,
    scheme: &'a Scheme,
    /// Whether no token has had a text yet.
    first: bool,
    /// The token that is shown when it is known whether another follows.
    last: Option<String>,
    /// Characters at the beginning that may still have to go.
    strip: usize,
    text: Utf8,
    /// All ids, where only the whole of them has a text.
    ids: Vec<u32>,
}

impl<'a> TextStream<'a> {
    pub(crate) fn new(tokenizer: &'a tokenizers::Tokenizer, scheme: &'a Scheme) -> Self {
        Self {
            tokenizer,
            scheme,
            first: true,
            last: None,
            strip: scheme.strip.map_or(0, |(_, most)| most),
            text: Utf8::default(),
            ids: Vec::new(),
        }
    }

    /// The text that `id` completes. Special tokens have none, nor do ids that are not known.
    pub fn step(&mut self, id: u32) -> Option<String> {
        let mut out = String::new();
        self.push(id, &mut out);
        Some(out).filter(|out| !out.is_empty())
    }

    /// What is left when no more tokens come. Bytes of a character that is not whole are dropped.
    pub fn finish(mut self) -> Option<String> {
        let mut out = String::new();
        self.end(&mut out);
        Some(out).filter(|out| !out.is_empty())
    }

    /// The text of all these ids.
    pub(crate) fn whole(mut self, ids: &[u32]) -> String {
        let mut out = String::new();
        for id in ids {
            self.push(*id, &mut out);
        }
        self.end(&mut out);
        out
    }

    fn push(&mut self, id: u32, out: &mut String) {
        let scheme = self.scheme;
        match &scheme.tokens {
            Tokens::Together => self.ids.push(id),
            Tokens::Each { steps, suffix } => {
                let added = self.tokenizer.get_added_vocabulary();
                let token = added.simple_id_to_token(id).or_else(|| self.tokenizer.id_to_token(id));
                let Some(token) = token.filter(|token| !added.is_special_token(token)) else {
                    return;
                };
                match suffix {
                    None => self.token(steps, token, out),
                    // What ends a word is a blank, but not behind the last one.
                    Some(suffix) => {
                        if let Some(before) = self.last.replace(token) {
                            self.token(steps, before.replace(suffix, " "), out);
                        }
                    }
                }
            }
        }
    }

    fn end(&mut self, out: &mut String) {
        let scheme = self.scheme;
        match &scheme.tokens {
            Tokens::Together => {
                // Fails for no id: those that it doesn't know are left out. A stranger may have
                // written the decoder, and some panic.
                let decode = || self.tokenizer.decode(&self.ids, true).unwrap_or_default();
                let decode = std::panic::AssertUnwindSafe(decode);
                out.push_str(&std::panic::catch_unwind(decode).unwrap_or_default());
            }
            Tokens::Each { steps, suffix } => {
                if let (Some(last), Some(suffix)) = (self.last.take(), suffix) {
                    self.token(steps, last.replace(suffix, ""), out);
                }
            }
        }
    }

    /// Appends what a token completes.
    fn token(&mut self, steps: &[Step], mut token: String, out: &mut String) {
        let first = std::mem::replace(&mut self.first, false);
        let mut bytes = None;
        for step in steps {
            match step.apply(token, first) {
                Piece::Text(text) => token = text,
                Piece::Bytes(found) => {
                    bytes = Some(found);
                    token = String::new();
                    break;
                }
            }
        }
        let bytes = bytes.unwrap_or_else(|| token.into_bytes());
        let start = out.len();
        self.text.push(&bytes, out);
        if let Some((blank, _)) = self.scheme.strip {
            while self.strip > 0 && out.len() > start {
                if !out[start..].starts_with(blank) {
                    self.strip = 0;
                    break;
                }
                out.replace_range(start..start + blank.len_utf8(), "");
                self.strip -= 1;
            }
        }
    }
}

/// Most that decoders may make of one character, in bytes.
const MAX_GROWTH: usize = 16;

/// Refuses a decoder that a stranger wrote to make much text of few tokens.
pub(crate) fn check_growth(tokenizer: &tokenizers::Tokenizer) -> Result<(), String> {
    let decoders = tokenizer.get_decoder().map(flat).unwrap_or_default();
    let growth = decoders.into_iter().map(|decoder| match decoder {
        DecoderWrapper::Replace(replace) => replace.content.len().max(1),
        _ => 1,
    });
    let growth = growth.fold(1, usize::saturating_mul);
    if growth > MAX_GROWTH {
        return Err(format!(
            "the tokenizer's decoder makes {growth} bytes of one character, more than {MAX_GROWTH}"
        ));
    }
    Ok(())
}

/// How a tokenizer's ids become text.
pub(crate) struct Scheme {
    tokens: Tokens,
    /// A character that the text does not begin with, and how many of it are taken away.
    strip: Option<(char, usize)>,
}

enum Tokens {
    /// Each has its bytes.
    Each {
        steps: Vec<Step>,
        /// What stands at the end of a word.
        suffix: Option<String>,
    },
    /// Only all of them together have a text.
    Together,
}

/// One thing that a decoder does to a token.
enum Step {
    /// A blank before every token but the first.
    Blank,
    /// Characters that stand for bytes.
    ByteLevel(HashMap<char, u8>),
    /// Tokens such as `<0xE2>` are a byte.
    ByteFallback,
    /// Each token by itself, whatever stands around it.
    Alone(DecoderWrapper),
    /// The first token in one way, all others in another.
    Placed(DecoderWrapper),
}

enum Piece {
    Text(String),
    Bytes(Vec<u8>),
}

impl Scheme {
    pub(crate) fn of(tokenizer: &tokenizers::Tokenizer) -> Self {
        let together = Self { tokens: Tokens::Together, strip: None };
        let mut steps = Vec::new();
        let mut scheme = Self { tokens: Tokens::Together, strip: None };
        let mut suffix = None;
        let Some(decoder) = tokenizer.get_decoder() else {
            let tokens = Tokens::Each { steps: vec![Step::Blank], suffix: None };
            return Self { tokens, strip: None };
        };
        // Once tokens are one text, what comes after is about the text.
        let mut fused = false;
        for decoder in flat(decoder) {
            match decoder {
                DecoderWrapper::Strip(strip) if fused => {
                    if strip.stop > 0 || scheme.strip.is_some() {
                        return together;
                    }
                    scheme.strip = Some((strip.content, strip.start));
                }
                DecoderWrapper::Fuse(_) => fused = true,
                _ if fused => return together,
                DecoderWrapper::ByteLevel(_) => {
                    steps.push(Step::ByteLevel(byte_level()));
                    fused = true;
                }
                DecoderWrapper::ByteFallback(_) => steps.push(Step::ByteFallback),
                DecoderWrapper::Replace(_) => steps.push(Step::Alone(decoder.clone())),
                DecoderWrapper::Strip(strip) if strip.stop == 0 => {
                    steps.push(Step::Alone(decoder.clone()));
                }
                DecoderWrapper::Metaspace(_) | DecoderWrapper::WordPiece(_) => {
                    steps.push(Step::Placed(decoder.clone()));
                }
                // It has to see a token before anything else does.
                DecoderWrapper::BPE(bpe) if steps.is_empty() && suffix.is_none() => {
                    suffix = Some(bpe.suffix.clone());
                }
                _ => return together,
            }
        }
        scheme.tokens = Tokens::Each { steps, suffix };
        scheme
    }
}

impl Step {
    fn apply(&self, token: String, first: bool) -> Piece {
        // Decoders that are called like this never fail; a token that one could not take is kept.
        let alone = |decoder: &DecoderWrapper, tokens: Vec<String>| {
            decoder.decode_chain(tokens).ok().and_then(|mut texts| texts.pop())
        };
        Piece::Text(match self {
            Self::Blank if first => token,
            Self::Blank => format!(" {token}"),
            Self::ByteLevel(bytes) => {
                let found: Option<Vec<u8>> =
                    token.chars().map(|character| bytes.get(&character).copied()).collect();
                return Piece::Bytes(found.unwrap_or_else(|| token.into_bytes()));
            }
            Self::ByteFallback => match byte(&token) {
                Some(byte) => return Piece::Bytes(vec![byte]),
                None => token,
            },
            Self::Alone(decoder) => alone(decoder, vec![token.clone()]).unwrap_or(token),
            Self::Placed(decoder) => {
                let before = (!first).then(String::new);
                let tokens = before.into_iter().chain([token.clone()]).collect();
                alone(decoder, tokens).unwrap_or(token)
            }
        })
    }
}

/// The decoders of a sequence, in sequences too.
fn flat(decoder: &DecoderWrapper) -> Vec<&DecoderWrapper> {
    match decoder {
        DecoderWrapper::Sequence(sequence) => {
            sequence.get_decoders().iter().flat_map(flat).collect()
        }
        decoder => vec![decoder],
    }
}

/// The byte that a token such as `<0xE2>` stands for.
fn byte(token: &str) -> Option<u8> {
    let digits = token.strip_prefix("<0x")?.strip_suffix('>')?;
    let hexadecimal = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    hexadecimal.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

/// The characters that stand for bytes in byte-level vocabularies, as those of GPT-2 do: printable
/// ones of Latin-1 for themselves, and for the others in their order those from 256 on.
fn byte_level() -> HashMap<char, u8> {
    let own = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let printable = (0..=u8::MAX).filter(own).map(|byte| (char::from(byte), byte));
    let others = (0..=u8::MAX).filter(|byte| !own(byte));
    let others = ('\u{100}'..).zip(others);
    printable.chain(others).collect()
}

/// Bytes that become text when they are whole characters.
#[derive(Default)]
struct Utf8 {
    /// The beginning of a character: at most three bytes.
    held: Vec<u8>,
}

impl Utf8 {
    /// Appends what these bytes complete.
    fn push(&mut self, bytes: &[u8], out: &mut String) {
        self.held.extend_from_slice(bytes);
        let held = std::mem::take(&mut self.held);
        let mut rest = held.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => return out.push_str(text),
                Err(error) => {
                    let (valid, after) = rest.split_at(error.valid_up_to());
                    out.push_str(&String::from_utf8_lossy(valid));
                    match error.error_len() {
                        Some(wrong) => {
                            out.push(char::REPLACEMENT_CHARACTER);
                            rest = &after[wrong..];
                        }
                        None => {
                            self.held = after.to_vec();
                            return;
                        }
                    }
                }
            }
        }
    }
}
