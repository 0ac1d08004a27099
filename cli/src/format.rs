//! How values look: for people, and as JSON.

use crate::output;
use serde::Serialize;
use serde_json::{json, Value};
use vigil_client::Amount;
use vigil_primitives::{model::Artifact, AccountId, Architecture, Balance, ContentHash};

/// A hash in full: `0x` and 64 digits.
pub(crate) fn hex(hash: &ContentHash) -> String {
    format!("{hash:?}")
}

/// Reads a hash: 64 hexadecimal digits, with or without `0x` in front.
pub(crate) fn parse_hash(text: &str) -> Result<ContentHash, String> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes)
        .map_err(|_| format!("\"{text}\" is no hash: 64 hexadecimal digits are one"))?;
    Ok(bytes.into())
}

/// The first digits of a hash, enough to tell two apart by eye.
pub(crate) fn short_hex(hash: &ContentHash) -> String {
    hex(hash).chars().take(14).collect()
}

/// A file by content, for people.
pub(crate) fn artifact(artifact: &Artifact) -> String {
    format!("{} ({})", hex(&artifact.hash), output::bytes(artifact.len))
}

/// What the chain knows as JSON, in the form that a node answers in. Text that others wrote is made
/// safe to print.
pub(crate) fn form(form: impl Serialize) -> Value {
    let mut json = serde_json::to_value(form).expect("forms are made of text, numbers and lists");
    make_printable(&mut json);
    json
}

fn make_printable(json: &mut Value) {
    match json {
        Value::String(string) => *string = crate::text::printable(string.as_bytes()),
        Value::Array(list) => list.iter_mut().for_each(make_printable),
        Value::Object(fields) => fields.values_mut().for_each(make_printable),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A file by content, as JSON.
pub(crate) fn artifact_json(artifact: &Artifact) -> Value {
    form(vigil_rpc::form::Artifact::from(*artifact))
}

/// The first and last letters of an address, enough to tell two apart by eye.
pub(crate) fn short_account(account: &AccountId) -> String {
    let address = account.to_string();
    match (address.get(..8), address.get(address.len().saturating_sub(6)..)) {
        (Some(head), Some(tail)) => format!("{head}…{tail}"),
        _ => address,
    }
}

/// An account as JSON: its SS58 address.
pub(crate) fn account_json(account: &AccountId) -> Value {
    json!(account.to_string())
}

/// An amount as JSON: a string of whole smallest units, since JSON numbers lose digits.
pub(crate) fn amount_json(amount: Balance) -> Value {
    json!(amount.to_string())
}

/// An amount for people.
pub(crate) fn amount(amount: Balance) -> String {
    Amount(amount).to_string()
}

/// Multiply-accumulates for people, in giga.
pub(crate) fn work(multiply_accumulates: u64) -> String {
    let milli = multiply_accumulates / 1_000_000;
    format!("{}.{:03} G", output::count(milli / 1_000), milli % 1_000)
}

/// Vigil's account of a model family for people.
pub(crate) fn architecture(architecture: &Architecture) -> String {
    match architecture {
        Architecture::Encoder(encoder) => format!(
            "encoder, {} layers, {} wide, {} heads, {} feed-forward, {} token ids, up to {} tokens, \
             activations {}",
            encoder.layers,
            encoder.hidden,
            encoder.heads,
            encoder.intermediate,
            output::count(encoder.vocabulary.into()),
            encoder.positions,
            encoder.activations,
        ),
        Architecture::Decoder(decoder) => format!(
            "decoder, {} layers, {} wide, {} heads of {} ({} for keys and values), {} feed-forward, \
             {} token ids, up to {} tokens, activations {}",
            decoder.layers,
            decoder.hidden,
            decoder.heads,
            decoder.head_width,
            decoder.kv_heads,
            decoder.intermediate,
            output::count(decoder.vocabulary.into()),
            decoder.positions,
            decoder.activations,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_should_read_in_giga() {
        assert_eq!(work(171_048_960), "0.171 G");
        assert_eq!(work(1_234_567_000_000), "1,234.567 G");
    }

    #[test]
    fn a_hash_should_read_back_as_it_is_written() {
        let hash = ContentHash::repeat_byte(0xa5);
        assert_eq!(parse_hash(&hex(&hash)), Ok(hash));
        assert_eq!(parse_hash(&"a5".repeat(32)), Ok(hash));
        for wrong in ["", "0x", "0xa5", &"a5".repeat(33), &"g5".repeat(32)] {
            assert!(parse_hash(wrong).unwrap_err().contains(wrong));
        }
    }
}
