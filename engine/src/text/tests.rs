use super::*;
use proptest::prelude::*;
use serde_json::{json, Value};
use std::collections::BTreeMap;

/// Families, flags, skins, Hangul, Hebrew with points, and a replacement character that is meant.
const TEXTS: [&str; 6] = [
    "I 👩‍👩‍👧‍👦 you 🇰🇷👍🏽!",
    "안녕하세요, 세계",
    "שָׁלוֹם עוֹלָם",
    "a \u{fffd} that is meant",
    "naïve – “café” €5",
    " \n\t two  blanks ",
];

/// A tokenizer of these tokens in this order, with a decoder.
fn tokenizer(tokens: &[String], decoder: Value) -> tokenizers::Tokenizer {
    let end = "</s>".to_owned();
    let vocabulary: BTreeMap<_, _> = [&end].into_iter().chain(tokens).zip(0u32..).collect();
    let special = json!([{"id": 0, "content": end, "single_word": false, "lstrip": false,
        "rstrip": false, "normalized": false, "special": true}]);
    let file = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": special,
        "normalizer": null, "pre_tokenizer": null, "post_processor": null, "decoder": decoder,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": end},
    });
    tokenizers::Tokenizer::from_bytes(file.to_string()).unwrap()
}

fn sequence(decoders: Vec<Value>) -> Value {
    json!({"type": "Sequence", "decoders": decoders})
}

/// The decoder of Llama 2, Mistral and Phi 3.
fn llama() -> Value {
    sequence(vec![
        json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
        json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}),
    ])
}

/// That of Gemma, which takes no blank away.
fn gemma() -> Value {
    sequence(vec![
        json!({"type": "Replace", "pattern": {"String": "▁"}, "content": " "}),
        json!({"type": "ByteFallback"}),
        json!({"type": "Fuse"}),
    ])
}

fn byte_level_decoder() -> Value {
    json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
           "use_regex": true})
}

/// A text in pieces of so many bytes, again and again.
fn pieces<'a>(text: &'a str, lengths: &[usize]) -> Vec<&'a [u8]> {
    let mut rest = text.as_bytes();
    let mut pieces = Vec::new();
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (piece, after) = rest.split_at((*length).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// Tokens as byte-level vocabularies write them.
fn in_bytes(text: &str, lengths: &[usize]) -> Vec<String> {
    let characters: HashMap<u8, char> =
        byte_level().into_iter().map(|(character, byte)| (byte, character)).collect();
    let token = |piece: &[u8]| piece.iter().map(|byte| characters[byte]).collect();
    pieces(text, lengths).into_iter().map(token).collect()
}

/// Tokens as vocabularies with byte fallback write them: what is no whole text is in single bytes.
fn with_fallback(text: &str, lengths: &[usize]) -> Vec<String> {
    let token = |piece: &[u8]| match std::str::from_utf8(piece) {
        Ok(text) => vec![text.replace(' ', "▁")],
        Err(_) => piece.iter().map(|byte| format!("<0x{byte:02X}>")).collect(),
    };
    pieces(text, lengths).into_iter().flat_map(token).collect()
}

/// The tokens of a text with ids, each once.
struct Written {
    tokenizer: tokenizers::Tokenizer,
    ids: Vec<u32>,
}

fn written(tokens: &[String], decoder: Value) -> Written {
    let mut known: Vec<String> = tokens.to_vec();
    known.sort();
    known.dedup();
    let tokenizer = tokenizer(&known, decoder);
    let ids = tokens.iter().map(|token| tokenizer.token_to_id(token).unwrap()).collect();
    Written { tokenizer, ids }
}

impl Written {
    fn whole(&self, ids: &[u32]) -> String {
        TextStream::new(&self.tokenizer, &Scheme::of(&self.tokenizer)).whole(ids)
    }

    /// The text in the pieces in which it comes.
    fn streamed(&self, ids: &[u32]) -> Vec<String> {
        let scheme = Scheme::of(&self.tokenizer);
        let mut stream = TextStream::new(&self.tokenizer, &scheme);
        let mut pieces: Vec<_> = ids.iter().filter_map(|id| stream.step(*id)).collect();
        pieces.extend(stream.finish());
        pieces
    }

    /// Cuts the tokens everywhere: whatever is shown is the beginning of the text, without a
    /// character that is not in it, and the same as a stream and as a whole.
    #[track_caller]
    fn check(&self, text: &str) {
        for end in 0..=self.ids.len() {
            let ids = &self.ids[..end];
            let whole = self.whole(ids);
            assert_eq!(self.streamed(ids).concat(), whole);
            assert!(text.starts_with(&whole), "{whole:?} of {text:?}");
        }
        assert_eq!(self.whole(&self.ids), text);
        assert_eq!(self.tokenizer.decode(&self.ids, true).unwrap(), text, "as others decode it");
    }
}

#[test]
fn no_cut_should_split_a_character() {
    for text in TEXTS {
        for lengths in [&[1][..], &[2], &[3], &[4], &[5, 1, 2], &[1, 7]] {
            written(&in_bytes(text, lengths), byte_level_decoder()).check(text);
            written(&with_fallback(text, lengths), gemma()).check(text);
            let padded = format!(" {text}");
            written(&with_fallback(&padded, lengths), llama()).check(text);
        }
    }
}

/// The tokenizer of `models/tales`, which knows some characters of other languages by their bytes.
#[test]
fn the_tokenizer_of_the_tales_should_split_no_character() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/tales/tokenizer.json");
    let tokenizer = tokenizers::Tokenizer::from_file(file).unwrap();
    for text in TEXTS {
        let ids = tokenizer.encode_fast(text, false).unwrap().get_ids().to_vec();
        assert!(ids.len() > text.chars().count() / 2, "{text:?} has {} tokens", ids.len());
        Written { tokenizer: tokenizer.clone(), ids }.check(text);
    }
}

#[test]
fn a_piece_should_come_with_the_last_byte_of_its_character() {
    let family = "a👩‍👧";
    let written = written(&in_bytes(family, &[1]), byte_level_decoder());
    let scheme = Scheme::of(&written.tokenizer);
    let mut stream = TextStream::new(&written.tokenizer, &scheme);
    let pieces: Vec<_> = written.ids.iter().map(|id| stream.step(*id)).collect();
    let shown: Vec<_> = pieces.iter().map(|piece| piece.as_deref().unwrap_or("")).collect();
    let expected = ["a", "", "", "", "👩", "", "", "\u{200d}", "", "", "", "👧"];
    assert_eq!(shown, expected);
    assert_eq!(stream.finish(), None);
}

#[test]
fn bytes_that_no_character_has_should_be_replaced_where_they_are() {
    let tokens: Vec<String> =
        ["<0xE2>", "<0x82>", "a", "<0xFF>", "<0xEF>", "<0xBF>", "<0xBD>"].map(Into::into).into();
    let written = written(&tokens, gemma());
    let [e2, x82, a, xff, ef, bf, bd] = written.ids[..] else { panic!() };
    let shown = |ids: &[u32]| {
        let whole = written.whole(ids);
        assert_eq!(written.streamed(ids).concat(), whole);
        whole
    };
    // Cut off: dropped. Broken: replaced.
    assert_eq!(shown(&[a, e2]), "a");
    assert_eq!(shown(&[a, e2, x82]), "a");
    assert_eq!(shown(&[e2, x82, a]), "\u{fffd}a");
    assert_eq!(shown(&[xff, a]), "\u{fffd}a");
    assert_eq!(shown(&[a, xff]), "a\u{fffd}");
    assert_eq!(shown(&[x82, x82, a]), "\u{fffd}\u{fffd}a");
    // The character itself, when a model writes it.
    assert_eq!(shown(&[ef, bf, bd]), "\u{fffd}");
    assert_eq!(shown(&[ef, bf, bd, ef, bf]), "\u{fffd}");
    // Special tokens and ids that nobody knows stand between bytes without a text.
    assert_eq!(shown(&[ef, 0, bf, 99, bd]), "\u{fffd}");
    assert_eq!(shown(&[]), "");
}

#[test]
fn one_blank_at_the_beginning_should_be_taken_away() {
    let tokens: Vec<String> = ["▁", "▁▁▁", "a", "▁a", "<0x20>"].map(Into::into).into();
    let written = written(&tokens, llama());
    let [one, three, a, word, byte] = written.ids[..] else { panic!() };
    for (ids, text) in [
        (&[three, a][..], "  a"),
        (&[one, word], " a"),
        (&[a, word], "a a"),
        (&[word, word], "a a"),
        (&[byte, a], "a"),
        (&[byte, byte], " "),
        (&[one], ""),
    ] {
        assert_eq!(written.whole(ids), text);
        assert_eq!(written.streamed(ids).concat(), text);
        assert_eq!(written.tokenizer.decode(ids, true).unwrap(), text);
    }
}

/// Decoders of all kinds.
fn decoders() -> Vec<Value> {
    vec![
        Value::Null,
        byte_level_decoder(),
        llama(),
        gemma(),
        json!({"type": "WordPiece", "prefix": "##", "cleanup": true}),
        json!({"type": "WordPiece", "prefix": "##", "cleanup": false}),
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always",
               "split": true}),
        json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never",
               "split": true}),
        json!({"type": "BPEDecoder", "suffix": "</w>"}),
        json!({"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|",
               "cleanup": true}),
        sequence(vec![
            json!({"type": "Fuse"}),
            json!({"type": "Strip", "content": " ", "start": 1, "stop": 0}),
            json!({"type": "Strip", "content": "a", "start": 1, "stop": 0}),
        ]),
        sequence(vec![
            json!({"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always",
                   "split": true}),
            json!({"type": "Replace", "pattern": {"String": "a"}, "content": "bb"}),
        ]),
    ]
}

const TOKENS: [&str; 14] =
    ["▁", "▁▁", "▁a", "a", "b", "##a", "##ing", "n't", ".", "a</w>", "b</w>", "<pad>", "|", "do"];

proptest! {
    #[test]
    fn every_decoder_should_give_what_it_gives_elsewhere(
        kind in 0..12usize,
        picked in prop::collection::vec(0u32..=14, 0..12),
    ) {
        let decoder = decoders().swap_remove(kind);
        let tokenizer = tokenizer(&TOKENS.map(Into::into), decoder.clone());
        let scheme = Scheme::of(&tokenizer);
        let whole = TextStream::new(&tokenizer, &scheme).whole(&picked);
        prop_assert_eq!(&whole, &tokenizer.decode(&picked, true).unwrap(), "{}", decoder);
        let mut stream = TextStream::new(&tokenizer, &scheme);
        let mut streamed: String = picked.iter().filter_map(|id| stream.step(*id)).collect();
        streamed.extend(stream.finish());
        prop_assert_eq!(streamed, whole);
    }

    #[test]
    fn any_text_in_any_pieces_should_come_whole(
        text in "[ -~\u{a0}-\u{2fff}\u{1f300}-\u{1faff}]{0,24}",
        lengths in prop::collection::vec(1..9usize, 1..6),
    ) {
        written(&in_bytes(&text, &lengths), byte_level_decoder()).check(&text);
        written(&with_fallback(&text, &lengths), gemma()).check(&text);
    }
}

#[test]
fn a_decoder_that_gives_up_should_give_no_text() {
    // It strips a token of one letter from both sides, and panics.
    let strip = json!({"type": "Strip", "content": "a", "start": 1, "stop": 1});
    let tokenizer = tokenizer(&["a".into(), "b".into()], strip);
    let scheme = Scheme::of(&tokenizer);
    assert_eq!(TextStream::new(&tokenizer, &scheme).whole(&[1, 2]), "");
    assert_eq!(TextStream::new(&tokenizer, &scheme).whole(&[2]), "b");
}

/// Long answers take time by their length, not by its square.
#[test]
fn a_long_text_should_come_without_decoding_it_again() {
    let word = written(&["안".into(), "▁".into()], gemma());
    let scheme = Scheme::of(&word.tokenizer);
    let mut stream = TextStream::new(&word.tokenizer, &scheme);
    let mut length = 0;
    for step in 0..1_000_000 {
        length += stream.step(word.ids[step % 2]).map_or(0, |piece| piece.len());
        assert!(stream.ids.is_empty() && stream.text.held.is_empty());
    }
    assert_eq!(length, 2_000_000);
}
