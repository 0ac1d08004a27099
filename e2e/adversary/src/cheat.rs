//! The ways of being wrong, by name.

use std::{fmt, str::FromStr};
use vigil_engine::trace::Trace;
use vigil_ops::program::Kind;
use vigil_primitives::Architecture;

/// One way of being wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cheat {
    /// None: the result is right.
    Honest,
    /// One bit of one operator's result is flipped, which flags name.
    Flip,
    /// One bit of the first result of an operator of this kind is flipped.
    Kind(String),
    /// The first product that becomes f32 again is twice what it is.
    Scale,
    /// The rows of what their position goes into are each taken for the next.
    Position,
    /// The keys and values of later rows are those of earlier ones, as with a stale page.
    Stale,
    /// The second half of the layers is left out.
    Smaller,
    /// The rows of the token table are in the opposite order.
    Other,
    /// Anything of the right length.
    Random,
    /// The end is missing.
    Truncated,
    /// A text ends in its middle.
    Early,
    /// A text goes on behind its end.
    Late,
    /// The likeliest token where one was to be drawn.
    Sampling,
}

/// Those that have one word, with what is said of them.
const PLAIN: &[(&str, Cheat, &str)] = &[
    ("honest", Cheat::Honest, "nothing is wrong with the result"),
    ("flip", Cheat::Flip, "one bit of one result, which --op, --byte and --bit name"),
    ("scale", Cheat::Scale, "a product doubled"),
    ("position", Cheat::Position, "rows shifted by one where their position comes in"),
    ("stale", Cheat::Stale, "keys and values of earlier rows in the place of later ones"),
    ("smaller", Cheat::Smaller, "half of the layers left out"),
    ("other", Cheat::Other, "the embeddings of another model"),
    ("random", Cheat::Random, "random bytes"),
    ("truncated", Cheat::Truncated, "the end missing"),
    ("early", Cheat::Early, "a stop token too early"),
    ("late", Cheat::Late, "tokens behind a stop token"),
    ("sampling", Cheat::Sampling, "the likeliest token where one is drawn"),
];

/// What the name of a kind begins with.
const KIND: &str = "kind:";

impl Cheat {
    /// Those that runs of this trace can have, with what is said of them.
    pub(crate) fn of(trace: &Trace) -> Vec<(String, String)> {
        let text = matches!(trace.architecture(), Architecture::Decoder(_));
        let fits = |cheat: &Cheat| match cheat {
            Self::Early | Self::Late | Self::Sampling => text,
            Self::Smaller => trace.architecture().layers() > 1,
            _ => true,
        };
        let plain = PLAIN.iter().filter(|(_, cheat, _)| fits(cheat));
        let mut all: Vec<_> =
            plain.map(|(name, _, about)| (name.to_string(), about.to_string())).collect();
        let program = trace.program();
        let ops = (0..).map_while(|index| program.as_ref()?.op(index));
        // The tokens are committed to elsewhere: with the job.
        for op in ops.filter(|op| op.kind != Kind::Tokens) {
            let name = format!("{KIND}{}", kind_name(&op.kind));
            if all.iter().all(|(other, _)| *other != name) {
                all.push((name, "one bit of the first such result".into()));
            }
        }
        all
    }
}

/// The name of an operator's kind, without its parameters: `head-abs-max`.
pub(crate) fn kind_name(kind: &Kind) -> String {
    let debug = format!("{kind:?}");
    let mut name = String::new();
    for letter in debug.chars().take_while(char::is_ascii_alphanumeric) {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

impl FromStr for Cheat {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if let Some(kind) = name.strip_prefix(KIND).filter(|kind| !kind.is_empty()) {
            return Ok(Self::Kind(kind.into()));
        }
        let found = PLAIN.iter().find(|(plain, ..)| *plain == name);
        let known =
            || "no such cheat: `vigil-adversary cheats --package DIR` lists them".to_owned();
        found.map(|(_, cheat, _)| cheat.clone()).ok_or_else(known)
    }
}

impl fmt::Display for Cheat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind(kind) => write!(f, "{KIND}{kind}"),
            plain => {
                let found = PLAIN.iter().find(|(_, cheat, _)| cheat == plain);
                f.write_str(found.map_or("", |(name, ..)| name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_ops::samples::tiny_models;

    #[test]
    fn names_should_lead_back_to_the_cheat() {
        for (architecture, sampling) in tiny_models() {
            let trace = Trace::new(&architecture, 3, sampling).unwrap();
            let all = Cheat::of(&trace);
            assert!(all.len() > 20, "{all:?}");
            for (name, _) in all {
                assert_eq!(name.parse::<Cheat>().unwrap().to_string(), name);
            }
        }
        assert!("kind:".parse::<Cheat>().is_err());
        assert!("better".parse::<Cheat>().is_err());
    }

    #[test]
    fn kinds_should_be_named_without_their_parameters() {
        assert_eq!(kind_name(&Kind::HeadAbsMax { width: 32 }), "head-abs-max");
        assert_eq!(kind_name(&Kind::Gelu), "gelu");
    }
}
