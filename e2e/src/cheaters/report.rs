//! The table: how each cheat was caught.

use serde_json::{json, Value};
use std::fmt;

/// What became of one cheat.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// The job in which it was caught.
    pub job: Option<u64>,
    /// How it was seen: by an audit, a replica, the requester or the clock; nothing if it was not.
    pub seen: &'static str,
    /// How it ended.
    pub verdict: String,
    /// Moves of the dispute.
    pub moves: Option<u64>,
    /// Blocks from the reveal to the verdict; of what the clock has seen, from the deadline.
    pub blocks: Option<u64>,
    /// What it has lost, in the smallest unit.
    pub slashed: u128,
    /// What the requester has got; nothing while its job goes on.
    pub outcome: Option<&'static str>,
    /// What it got wrong has changed no result.
    pub harmless: bool,
}

/// The titles, and how wide each column is.
const COLUMNS: [(&str, usize); 8] = [
    ("CHEAT", 30),
    ("SEEN BY", 14),
    ("VERDICT", 22),
    ("MOVES", 6),
    ("BLOCKS", 7),
    ("SLASHED", 12),
    ("REQUESTER HAS", 17),
    ("JOB", 5),
];

impl Row {
    /// What should not have happened.
    pub(crate) fn fault(&self) -> Option<String> {
        let problem = match self.outcome {
            _ if self.harmless => return None,
            Some("a wrong result") => "the requester has a wrong result",
            None if self.slashed > 0 => "its job has not ended",
            _ if self.slashed == 0 => "it was not caught",
            _ => return None,
        };
        Some(format!("{}: {problem}", self.name))
    }

    /// The row as text.
    pub(crate) fn line(&self) -> String {
        let number = |number: Option<u64>| number.map_or_else(String::new, |n| n.to_string());
        let cells = [
            self.name.clone(),
            if self.harmless { "nobody" } else { self.seen }.into(),
            if self.harmless { "changes no result".into() } else { self.verdict.clone() },
            number(self.moves),
            number(self.blocks),
            coins(self.slashed),
            self.outcome.unwrap_or_default().into(),
            number(self.job),
        ];
        row(cells)
    }

    fn json(&self) -> Value {
        json!({
            "cheat": self.name,
            "job": self.job,
            "seenBy": self.seen,
            "verdict": self.verdict,
            "moves": self.moves,
            "blocks": self.blocks,
            "slashed": self.slashed.to_string(),
            "requester": self.outcome,
            "harmless": self.harmless,
        })
    }
}

/// What became of all of them.
#[derive(Clone, Debug)]
pub struct Report {
    /// One for every cheat.
    pub rows: Vec<Row>,
    /// Jobs that were computed.
    pub jobs: usize,
    /// Honest workers.
    pub honest: usize,
    /// What should not have happened.
    pub faults: Vec<String>,
}

impl Report {
    /// The report as JSON.
    pub fn json(&self) -> Value {
        json!({
            "cheats": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "jobs": self.jobs,
            "honestWorkers": self.honest,
            "faults": self.faults,
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", row(COLUMNS.map(|(title, _)| title.to_owned())))?;
        for one in &self.rows {
            writeln!(f, "{}", one.line())?;
        }
        let Self { jobs, honest, faults, rows } = self;
        write!(f, "\n{} cheats in {jobs} jobs, beside {honest} honest workers. ", rows.len())?;
        if faults.is_empty() {
            return write!(f, "No requester and no honest worker has lost anything but fees.");
        }
        faults.iter().try_for_each(|fault| write!(f, "\nfault: {fault}"))
    }
}

/// A line of cells.
fn row(cells: [String; COLUMNS.len()]) -> String {
    let mut line = String::new();
    for (cell, (_, width)) in cells.iter().zip(COLUMNS) {
        line.push_str(&format!("{cell:<width$} "));
    }
    line.trim_end().to_owned()
}

/// An amount in VGL.
fn coins(amount: u128) -> String {
    match amount {
        0 => String::new(),
        amount => format!("{:.4}", amount as f64 / 1e12),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cheat_should_be_a_fault_unless_it_was_caught_and_the_requester_is_whole() {
        let caught =
            Row { slashed: 1, outcome: Some("its money back"), seen: "audit", ..Row::default() };
        assert_eq!(caught.fault(), None);
        let harmless = Row { harmless: true, ..Row::default() };
        assert_eq!(harmless.fault(), None);
        for bad in [
            Row::default(),
            Row { outcome: None, ..caught.clone() },
            Row { slashed: 0, ..caught.clone() },
            Row { outcome: Some("a wrong result"), ..caught },
        ] {
            assert!(bad.fault().is_some(), "{bad:?}");
        }
    }

    #[test]
    fn amounts_should_be_told_in_coins() {
        assert_eq!(coins(20_000_000_000_000), "20.0000");
        assert_eq!(coins(0), "");
    }
}
