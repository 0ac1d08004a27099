//! A lineage as a graph for Graphviz.

use crate::{assets::percent, format::short_account, text};
use vigil_primitives::{lineage::LineageView, AssetId};

/// The graph: an edge for every citation, from what cites to what is cited.
pub(super) fn draw(lineage: &LineageView) -> String {
    let mut lines = vec!["digraph lineage {".to_owned(), "  node [shape=box];".to_owned()];
    for node in &lineage.nodes {
        let name = escape(&text::printable(&node.name));
        let label = format!(
            "{name}\\n{}\\nof {}\\ngets {}",
            node.asset,
            short_account(&node.owner),
            percent(node.share)
        );
        // Data and models are told apart at a glance.
        let shape = match node.asset {
            AssetId::Model(_) => "box",
            AssetId::Dataset(_) => "cylinder",
        };
        lines.push(format!("  \"{}\" [label=\"{label}\", shape={shape}];", node.asset));
    }
    for edge in &lineage.edges {
        let share = percent(edge.share);
        lines.push(format!("  \"{}\" -> \"{}\" [label=\"{share}\"];", edge.from, edge.to));
    }
    lines.push("}".into());
    lines.join("\n")
}

/// A text within a quoted label: quotes end it, backslashes begin escapes and ampersands entities.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;")
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{diamond, lineage},
        *,
    };

    #[test]
    fn every_asset_and_every_citation_should_be_in_the_graph() {
        let text = draw(&diamond());
        assert!(text.starts_with("digraph lineage {\n") && text.ends_with("\n}"), "{text}");
        assert_eq!(text.matches(" -> ").count(), 4);
        assert_eq!(text.matches("gets ").count(), 4);
        assert!(text.contains("\"model:3@0\" -> \"model:1@0\" [label=\"10%\"];"), "{text}");
        assert!(text.contains("[label=\"bottom\\nmodel:0@0\\nof "), "{text}");
    }

    #[test]
    fn a_hostile_name_should_stay_within_its_label() {
        let names = [
            "\"]; a -> b [label=\"",
            "\\",
            "\\\"",
            "ends in \\",
            "\\N\\G",
            "a\nb",
            "&lt;b&gt;",
            "</td>",
            "\u{1b}[2J\u{202e}",
        ];
        for name in names {
            let text = draw(&lineage(&[(0, name, 1_000_000)], &[]));
            assert_eq!(text.lines().count(), 4, "{name:?}: {text}");
            let line = text.lines().nth(2).expect("the asset's line");
            let label = quoted(line.split_once("label=").expect("a label").1);
            let (label, rest) = label.unwrap_or_else(|| panic!("{name:?}: {line}"));
            assert_eq!(rest, ", shape=box];", "{name:?}: {line}");
            assert!(!label.contains(char::is_control), "{name:?}: {line}");
            assert!(label.contains("\\nmodel:0@0\\nof "), "{name:?}: {line}");
        }
    }

    /// What stands between the quotes at the beginning of a text, and what follows, as Graphviz
    /// reads it: a backslash takes the character behind it with it.
    fn quoted(text: &str) -> Option<(&str, &str)> {
        let inner = text.strip_prefix('"')?;
        let mut characters = inner.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '\\' => {
                    characters.next();
                }
                '"' => return Some((&inner[..at], &inner[at + 1..])),
                _ => {}
            }
        }
        None
    }
}
