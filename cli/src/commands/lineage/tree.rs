//! A lineage as a tree in the terminal.
//!
//! A lineage is a graph: an ancestor that is reached in two ways is drawn whole the first time, and
//! by its name afterwards.

use crate::{assets::percent, format::short_account, text};
use std::collections::HashSet;
use vigil_primitives::{
    lineage::MAX_DEPTH,
    lineage::{LineageEdge, LineageView},
    model::VersionStatus,
    AssetId,
};

/// Draws what `root` descends from: each citation with the share that it promises, each asset with
/// the share of the root's revenue that it gets.
pub(super) fn draw(root: AssetId, lineage: &LineageView) -> String {
    let mut tree = Tree { lineage, drawn: HashSet::new(), lines: Vec::new() };
    tree.lines.push(tree.describe(root));
    tree.drawn.insert(root);
    tree.branches(root, "", 0);
    tree.lines.push(String::new());
    tree.lines.push(format!(
        "an arrow carries the share that is promised, \"gets\" is the share of {root}'s revenue"
    ));
    tree.lines.join("\n")
}

struct Tree<'a> {
    lineage: &'a LineageView,
    drawn: HashSet<AssetId>,
    lines: Vec<String>,
}

impl Tree<'_> {
    /// Draws what `asset` cites, each line behind `margin`.
    fn branches(&mut self, asset: AssetId, margin: &str, depth: u8) {
        let lineage = self.lineage;
        let citations: Vec<&LineageEdge> =
            lineage.edges.iter().filter(|edge| edge.from == asset).collect();
        for (index, edge) in citations.iter().enumerate() {
            let last = index + 1 == citations.len();
            let (branch, below) = if last { ("└", "   ") } else { ("├", "│  ") };
            let first = self.drawn.insert(edge.to);
            let what = if first { self.describe(edge.to) } else { self.again(edge.to) };
            self.lines.push(format!("{margin}{branch}─{}─> {what}", percent(edge.share)));
            // The chain allows no more; a node that says otherwise cannot make this run away.
            if first && depth < MAX_DEPTH {
                self.branches(edge.to, &format!("{margin}{below}"), depth + 1);
            }
        }
    }

    /// An asset with its name, its owner and what it gets.
    fn describe(&self, asset: AssetId) -> String {
        let Some(node) = self.lineage.nodes.iter().find(|node| node.asset == asset) else {
            return asset.to_string();
        };
        let status = match node.status {
            VersionStatus::Active => "",
            VersionStatus::Deprecated => ", deprecated",
            VersionStatus::Revoked => ", revoked",
        };
        format!(
            "{asset} \"{}\" of {} gets {}{status}",
            text::brief(&node.name, 40),
            short_account(&node.owner),
            percent(node.share)
        )
    }

    /// An asset that has been drawn before.
    fn again(&self, asset: AssetId) -> String {
        format!("{asset} (see above)")
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{asset, diamond, lineage},
        *,
    };

    #[test]
    fn a_root_should_be_one_line() {
        let text = draw(asset(0), &lineage(&[(0, "alone", 1_000_000)], &[]));
        assert!(text.starts_with("model:0@0 \"alone\" of "), "{text}");
        assert!(text.lines().next().is_some_and(|line| line.ends_with("gets 100%")), "{text}");
        assert!(!text.contains('─'), "{text}");
    }

    #[test]
    fn a_diamond_should_be_drawn_once() {
        let text = draw(asset(3), &diamond());
        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("model:3@0 \"top\""), "{text}");
        assert!(lines[1].starts_with("├─10%─> model:1@0 \"left\""), "{text}");
        assert!(lines[1].ends_with("gets 8%"), "{text}");
        assert!(lines[2].starts_with("│  └─20%─> model:0@0 \"bottom\""), "{text}");
        assert!(lines[2].ends_with("gets 6%"), "{text}");
        assert!(lines[3].starts_with("└─20%─> model:2@0 \"right\""), "{text}");
        assert_eq!(lines[4], "   └─20%─> model:0@0 (see above)", "{text}");
        assert_eq!(text.matches("bottom").count(), 1);
    }

    #[test]
    fn four_generations_should_all_be_drawn() {
        let nodes: Vec<_> = (0..5).map(|number| (number, "generation", 200_000)).collect();
        let edges: Vec<_> = (1..5).map(|number| (number, number - 1, 800_000)).collect();
        let text = draw(asset(4), &lineage(&nodes, &edges));
        assert_eq!(text.matches("generation").count(), 5, "{text}");
        assert!(text.contains("\n         └─80%─> model:0@0"), "{text}");
    }

    #[test]
    fn a_hostile_name_should_not_reach_the_terminal() {
        let names = "\u{1b}[2J\u{202e}\r\n";
        let text = draw(asset(0), &lineage(&[(0, names, 1_000_000)], &[]));
        let unsafe_ = |character: char| character.is_control() && character != '\n';
        assert!(!text.contains(unsafe_) && !text.contains('\u{202e}'), "{text:?}");
        assert_eq!(text.lines().count(), 3, "{text}");
    }

    #[test]
    fn a_graph_that_is_none_should_be_drawn_all_the_same() {
        // A circle, a chain that is too long, and a citation of something that is not there.
        let edges: Vec<_> = (0..40).map(|number| (number, number + 1, 1)).collect();
        let text = draw(asset(0), &lineage(&[(0, "first", 1)], &edges));
        assert!(text.lines().count() < 10, "{text}");
        let circle = lineage(&[(0, "a", 1), (1, "b", 1)], &[(0, 1, 1), (1, 0, 1), (1, 1, 1)]);
        let text = draw(asset(0), &circle);
        assert_eq!(text.matches("see above").count(), 2, "{text}");
    }
}
