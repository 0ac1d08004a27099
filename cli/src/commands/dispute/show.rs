//! A dispute in words, and the way down as a tree.

use crate::{
    format::{amount, hex},
    output,
};
use vigil_engine::trace::{Anchor, RowProgram, Target as TraceTarget, Trace};
use vigil_primitives::{
    dispute::{
        Claim, ClaimId, Descent, Dispute, DisputeId, DisputeView, End, Ended, Fault, Reached, Side,
        Stage, Target, TokenAt, Verdict,
    },
    AccountId, Architecture, Job,
};

/// Which claim a dispute is about.
pub(super) fn claim_id(view: &DisputeView) -> &ClaimId {
    match view {
        DisputeView::Open(dispute) => &dispute.claim_id,
        DisputeView::Ended(ended) => &ended.claim_id,
    }
}

/// Who challenges, or has challenged.
pub(super) fn challenger(view: &DisputeView) -> &AccountId {
    match view {
        DisputeView::Open(dispute) => &dispute.challenger,
        DisputeView::Ended(ended) => &ended.challenger,
    }
}

/// What is said to be wrong, in a few words.
pub(super) fn title(view: &DisputeView) -> String {
    match view {
        DisputeView::Open(dispute) => match (&dispute.stage, dispute.token) {
            (Stage::Withheld { end, .. }, _) => withheld(*end),
            (Stage::Ground, _) => "another result".into(),
            (_, token) => disputed(token),
        },
        DisputeView::Ended(Ended { verdict: Verdict::Published, .. }) => "withheld bytes".into(),
        DisputeView::Ended(ended) => disputed(ended.token),
    }
}

fn withheld(end: End) -> String {
    match end {
        End::Input => "its input".into(),
        End::Output => "its output".into(),
    }
}

fn disputed(token: Option<TokenAt>) -> String {
    token.map_or("the output".into(), |token| format!("token {}", token.position))
}

/// Where it stands, in a sentence.
pub(super) fn status(view: &DisputeView) -> String {
    match view {
        DisputeView::Open(dispute) => {
            format!("{} by block {}", turn(dispute), dispute.deadline())
        }
        DisputeView::Ended(ended) => verdict(ended.verdict).into(),
    }
}

/// Whose turn it is, and what for.
pub(super) fn turn(dispute: &Dispute) -> String {
    let side = match dispute.stage.turn() {
        Side::Claimant => "claimant",
        Side::Challenger => "challenger",
    };
    let what = match &dispute.stage {
        Stage::Ground => "says what is wrong",
        Stage::Anchors => "commits to the anchors",
        Stage::Anchor { .. } => "names the first anchor that differs",
        Stage::Rows { descent: Descent::Named(_), .. } => "shows the rows below a node",
        Stage::Rows { descent: Descent::Shown { .. }, .. } => "names the first row that differs",
        Stage::Results { .. } => "commits to the results of a row",
        Stage::Result { .. } => "names the first result that differs",
        Stage::Chunks { descent: Descent::Named(_), .. } => "shows the chunks below a node",
        Stage::Chunks { descent: Descent::Shown { .. }, .. } => "names a chunk that differs",
        Stage::Bytes { .. } => "shows the chunk",
        Stage::Element { .. } => "proves one element",
        Stage::Withheld { .. } => "publishes what is asked for",
    };
    format!("the {side} {what}")
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Convicted(fault) => match fault {
            Fault::Element => "convicted: the runtime has computed another element",
            Fault::Vocabulary => "convicted: a token is outside the vocabulary",
            Fault::GoesOn => "convicted: the output goes on behind its end",
            Fault::EndsEarly => "convicted: the output ends before it may",
            Fault::Length => "convicted: there are not as many bytes as claimed",
            Fault::Silence => "convicted: the claimant's time has run out",
        },
        Verdict::Vindicated => "vindicated: the runtime has computed the same element",
        Verdict::Abandoned => "the claim holds: the challenger's time has run out",
        Verdict::Published => "the claim holds: the bytes are published",
        Verdict::Moot => "ended: another dispute has convicted the claim",
    }
}

/// What the numbers of a trace mean.
pub(super) struct Names {
    trace: Trace,
}

impl Names {
    /// Of an open dispute.
    pub(super) fn of_claim(claim: &Claim, token: Option<TokenAt>) -> Option<Self> {
        let tokens = claim.tokens_in.checked_add(token.map_or(0, |token| token.position))?;
        Some(Self { trace: Trace::new(&claim.architecture, tokens, claim.sampling).ok()? })
    }

    /// Of a dispute about a job's result that has ended.
    pub(super) fn of_job(
        job: &Job,
        architecture: &Architecture,
        token: Option<TokenAt>,
    ) -> Option<Self> {
        let tokens = job.tokens_in.checked_add(token.map_or(0, |token| token.position))?;
        Some(Self { trace: Trace::new(architecture, tokens, job.spec.sampling).ok()? })
    }

    fn program(&self, target: Target) -> Option<RowProgram> {
        self.trace.row_program(match target {
            Target::Record { anchor, row } => TraceTarget::Record { anchor, row },
            Target::Output => TraceTarget::Output,
        })
    }

    fn anchor(&self, number: u32) -> Option<String> {
        Some(match self.trace.anchor(number)? {
            Anchor::Embedding => "the embedding".into(),
            Anchor::KeyValues(layer) => format!("keys and values of layer {layer}"),
            Anchor::Stream(layer) => format!("the stream behind layer {layer}"),
        })
    }

    fn step(&self, target: Target, step: u32) -> Option<String> {
        let program = self.program(target)?;
        let (op, size) = (program.op(step)?, program.size(step)?);
        let gathered = if program.gathers(step) { ", gathered from all rows" } else { "" };
        let kind = format!("{:?}", op.kind);
        let kind = kind.split([' ', '{', '(']).next().unwrap_or_default().to_lowercase();
        Some(format!("step {step} of {}: {kind}{gathered}, {size} bytes", program.len()))
    }
}

/// The way from the output to what is disputed, one line below the other.
fn way(view: &DisputeView, names: Option<&Names>) -> Vec<String> {
    let reached = match view {
        DisputeView::Open(dispute) => dispute.reached(),
        DisputeView::Ended(ended) => ended.reached,
    };
    let token = match view {
        DisputeView::Open(dispute) => dispute.token,
        DisputeView::Ended(ended) => ended.token,
    };
    let mut lines = vec![match token {
        Some(TokenAt { position, id }) => format!("token {position} of the output, {id}"),
        None => "the output".into(),
    }];
    let anchor = |number: u32| {
        let name = names.and_then(|names| names.anchor(number));
        name.map_or(format!("anchor {number}"), |name| format!("anchor {number}: {name}"))
    };
    let Reached { anchor: looking, target, step, chunk, element } = reached;
    lines.extend(looking.map(anchor));
    match target {
        Some(Target::Record { anchor: number, row }) => {
            lines.extend([anchor(number), format!("row {row}")]);
        }
        Some(Target::Output) => lines.push("no anchor differs: the last row's own program".into()),
        None => {}
    }
    lines.extend(step.zip(target).map(|(step, target)| {
        names.and_then(|names| names.step(target, step)).unwrap_or(format!("step {step}"))
    }));
    lines.extend(chunk.map(|chunk| format!("chunk {chunk}")));
    lines.extend(element.map(|element| format!("element {element}")));
    lines
}

/// The way as a tree.
fn drawn(lines: &[String]) -> String {
    let mut text = String::new();
    for (depth, line) in lines.iter().enumerate() {
        let branch = match depth {
            0 => String::new(),
            depth => format!("\n{}└─ ", "   ".repeat(depth - 1)),
        };
        text.push_str(&branch);
        text.push_str(line);
    }
    text
}

/// A dispute under its names, and the way down.
pub(super) fn details(id: DisputeId, view: &DisputeView, names: Option<&Names>) -> String {
    let claim = claim_id(view);
    let source = match claim {
        ClaimId::Job { job, .. } => format!("job {job}"),
        ClaimId::Receipt { channel, receipt, .. } => {
            format!("channel {channel}, receipt {}", hex(receipt))
        }
    };
    let mut rows = vec![
        ("dispute", id.to_string()),
        ("status", status(view)),
        ("about", format!("{} of {source}", title(view))),
        ("claimant", claim.claimant().to_string()),
        ("challenger", challenger(view).to_string()),
    ];
    match view {
        DisputeView::Open(dispute) => {
            let bond = match dispute.rival {
                true => "none: its own result falls if it loses".into(),
                false => amount(dispute.bond),
            };
            rows.extend([
                ("challenger's bond", bond),
                ("output", format!("{}, as claimed", hex(&dispute.claim.output.hash))),
                (
                    "time left",
                    format!(
                        "claimant {} blocks, challenger {}, when the turn began",
                        dispute.clocks.claimant, dispute.clocks.challenger
                    ),
                ),
                ("moves", format!("{}, since block {}", dispute.moves, dispute.opened_at)),
                ("costs so far", format!("{}, for the loser", amount(dispute.costs))),
            ]);
        }
        DisputeView::Ended(ended) => rows.extend([
            (
                "moves",
                format!("{}, from block {} to {}", ended.moves, ended.opened_at, ended.ended_at),
            ),
            ("costs", format!("{}, of all moves", amount(ended.costs))),
        ]),
    }
    format!("{}\n\n{}", output::fields(rows), drawn(&way(view, names)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(reached: Reached, verdict: Verdict) -> DisputeView {
        DisputeView::Ended(Ended {
            claim_id: ClaimId::Job { job: 7, worker: AccountId::new([1; 32]) },
            challenger: AccountId::new([2; 32]),
            token: Some(TokenAt { position: 3, id: 99 }),
            reached,
            verdict,
            moves: 11,
            costs: 5,
            opened_at: 10,
            ended_at: 30,
        })
    }

    #[test]
    fn the_way_should_lead_down_to_the_element() {
        let reached = Reached {
            anchor: None,
            target: Some(Target::Record { anchor: 2, row: 5 }),
            step: Some(8),
            chunk: Some(1),
            element: Some(300),
        };
        let view = ended(reached, Verdict::Convicted(Fault::Element));
        let text = details(4, &view, None);
        let tree = "token 3 of the output, 99\n\
                    └─ anchor 2\n   \
                    └─ row 5\n      \
                    └─ step 8\n         \
                    └─ chunk 1\n            \
                    └─ element 300";
        assert!(text.ends_with(tree), "{text}");
        assert!(text.contains("convicted: the runtime has computed another element"), "{text}");
        assert!(text.contains("11, from block 10 to 30"), "{text}");
    }

    #[test]
    fn names_should_say_what_numbers_mean() {
        let architecture = Architecture::Decoder(vigil_primitives::samples::decoder());
        let sampling = vigil_primitives::Sampling::Greedy;
        let names = Names { trace: Trace::new(&architecture, 6, sampling).unwrap() };
        assert_eq!(names.anchor(0).unwrap(), "the embedding");
        assert_eq!(names.anchor(1).unwrap(), "keys and values of layer 0");
        let step = names.step(Target::Record { anchor: 0, row: 5 }, 0).unwrap();
        assert!(step.starts_with("step 0 of 1: lookup, "), "{step}");
        assert_eq!(names.anchor(u32::MAX), None);
    }

    #[test]
    fn a_dispute_that_got_nowhere_should_still_be_shown() {
        let text = details(0, &ended(Reached::default(), Verdict::Abandoned), None);
        assert!(text.ends_with("token 3 of the output, 99"), "{text}");
        assert!(text.contains("the challenger's time has run out"), "{text}");
    }
}
