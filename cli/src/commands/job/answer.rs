//! The output of a job or a local run: an embedding or a text.

use crate::{commands::generation::Generated, text};
use serde_json::{json, Value};
use vigil_engine::Tokenizer;
use vigil_primitives::Architecture;

/// What the bytes of an output say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    /// Of an encoder.
    Embedding(Vec<f32>),
    /// Of a language model.
    Text(Generated),
}

impl Answer {
    /// Reads an output. With a tokenizer, tokens become text.
    pub(crate) fn read(
        architecture: &Architecture,
        output: &[u8],
        tokenizer: Option<&Tokenizer>,
    ) -> Self {
        match Generated::read(architecture, output, tokenizer) {
            Some(generated) => Self::Text(generated),
            None => Self::Embedding(embedding(output)),
        }
    }

    /// Adds it to a JSON object: `embedding`, or `generated` and `tokens_generated`.
    pub(crate) fn add_to(&self, object: &mut Value) {
        match self {
            Self::Embedding(embedding) => object["embedding"] = json!(embedding),
            Self::Text(generated) => {
                object["generated"] = json!(generated.text);
                object["tokensGenerated"] = json!(generated.tokens);
            }
        }
    }

    /// Its name and itself, for people.
    pub(crate) fn row(&self) -> (&'static str, String) {
        match self {
            Self::Embedding(embedding) => ("embedding", summarise(embedding)),
            Self::Text(generated) => ("generated", text::paragraphs(generated.shown().as_bytes())),
        }
    }
}

/// An embedding in a few words.
fn summarise(embedding: &[f32]) -> String {
    let first: Vec<_> = embedding.iter().take(4).map(|value| format!("{value:.6}")).collect();
    let more = if embedding.len() > 4 { ", ..." } else { "" };
    format!("{} floats: {}{more}", embedding.len(), first.join(", "))
}

/// The floats of an encoder's output: f32, little-endian.
pub(crate) fn embedding(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|float| f32::from_le_bytes(*float)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_embedding_should_be_little_endian_floats() {
        let bytes: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|float| float.to_le_bytes()).collect();
        assert_eq!(embedding(&bytes), [1.5, -2.0]);
        assert_eq!(summarise(&[1.5, -2.0]), "2 floats: 1.500000, -2.000000");
        assert!(summarise(&[0.0; 384]).starts_with("384 floats: 0.000000"));
    }

    #[test]
    fn a_text_should_be_printed_inert_with_its_lines() {
        let text = Some("one\n\u{1b}[31mtwo".to_owned());
        let answer = Answer::Text(Generated { tokens: vec![5, 6], text });
        assert_eq!(answer.row(), ("generated", "one\n\\u{1b}[31mtwo".into()));
        let mut object = json!({});
        answer.add_to(&mut object);
        assert_eq!(object["tokensGenerated"], json!([5, 6]));
        assert_eq!(object["generated"], "one\n\u{1b}[31mtwo");
    }
}
