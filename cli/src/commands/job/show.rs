//! A job in words, tables and JSON.

use super::{audit, royalties::royalties_text};
use crate::{
    commands::generation::sampling_text,
    format::{amount, form, hex, short_hex, work},
    output,
};
use serde_json::Value;
use vigil_primitives::{
    job::{Input, RefundReason, ReplicaState, Role, WaitingCost},
    Job, JobStatus,
};

/// The state in one word, as JSON and tables show it.
pub(crate) fn status_word(job: &Job) -> &'static str {
    match job.status {
        JobStatus::Queued => "queued",
        JobStatus::Assigned { .. } => "assigned",
        JobStatus::Committed { .. } => "committed",
        JobStatus::Auditing { .. } => "auditing",
        JobStatus::Revealing { .. } => "revealing",
        JobStatus::Revealed { .. } => "revealed",
        JobStatus::Contested { .. } => "contested",
        JobStatus::Disputed { .. } => "disputed",
        JobStatus::Settled { .. } => "settled",
        JobStatus::Refunded { .. } => "refunded",
        JobStatus::Cancelled => "cancelled",
    }
}

/// The state in a sentence.
pub(super) fn status_sentence(job: &Job) -> String {
    let wanted = job.spec.policy.replicas;
    match &job.status {
        JobStatus::Queued => "queued: waits for a worker".into(),
        JobStatus::Assigned { replicas } => {
            let committed = replicas
                .iter()
                .filter(|replica| matches!(replica.state, ReplicaState::Committed { .. }))
                .count();
            format!("assigned: {} of {wanted} workers drawn, {committed} committed", replicas.len())
        }
        JobStatus::Committed { draw_at, .. } => {
            format!("committed: chance decides at block {draw_at} whether there is an audit")
        }
        JobStatus::Auditing { .. } => {
            "auditing: another worker runs the job too, before any result is revealed".into()
        }
        JobStatus::Revealing { replicas, reveal_by } => {
            let revealed = replicas.iter().filter(|replica| replica.revealed().is_some()).count();
            format!(
                "revealing: {revealed} of {} results revealed, by block {reveal_by}",
                replicas.len()
            )
        }
        JobStatus::Revealed { replicas, settle_at } => {
            let agree = match replicas.len() {
                1 => "one result".to_owned(),
                count => format!("{count} results agree"),
            };
            format!("revealed: {agree}, paid at block {settle_at}")
        }
        JobStatus::Contested { until, .. } => {
            format!("contested: results differ, refunded at block {until} unless decided before")
        }
        JobStatus::Disputed { .. } => {
            format!("disputed: {} about its results; it waits", disputes(job.disputes))
        }
        JobStatus::Settled { .. } if !job.convicted.is_empty() => {
            "settled, and the result was wrong: its workers were convicted".into()
        }
        JobStatus::Settled { .. } => "settled: the result is paid".into(),
        JobStatus::Refunded { reason } => format!("refunded whole: {}", refund_reason(*reason)),
        JobStatus::Cancelled => "cancelled by the requester, refunded whole".into(),
    }
}

/// Why the escrow went back.
pub(crate) fn refund_reason(reason: RefundReason) -> &'static str {
    match reason {
        RefundReason::NoWorker => "no worker could be drawn before the deadline",
        RefundReason::AttemptsExhausted => "every attempt expired or was declined by its worker",
        RefundReason::Undecided => "the workers' results differed and nothing was decided in time",
        RefundReason::Outbid => {
            "the market was full and a job with a higher bid took its place: offer more, or try later"
        }
        RefundReason::Convicted => "every result was wrong, and its workers were convicted",
    }
}

/// So many disputes in words.
fn disputes(count: u32) -> String {
    match count {
        1 => "1 dispute".into(),
        count => format!("{count} disputes"),
    }
}

/// What it costs to wait.
fn waiting_text(waiting: &WaitingCost) -> String {
    match waiting {
        WaitingCost::Running { per_block } => {
            format!("{} for every block until it is assigned", amount(*per_block))
        }
        WaitingCost::Paid { amount: paid } => format!("{} paid", amount(*paid)),
    }
}

/// The job under its names, for people.
pub(super) fn details(job: &Job) -> String {
    let spec = &job.spec;
    let input = match &spec.input {
        Input::Inline(_) => "on chain".into(),
        Input::Blob { hash, len } => {
            format!("{} by hash {}", output::bytes((*len).into()), hex(hash))
        }
    };
    let mut rows = vec![
        ("job", job.id.to_string()),
        ("status", status_sentence(job)),
        ("version", spec.version.to_string()),
        ("requester", job.requester.to_string()),
        ("input", format!("{} tokens, {input}", job.tokens_in)),
    ];
    if spec.max_tokens_out > 0 {
        rows.extend([
            ("output asked for", format!("at most {} tokens", spec.max_tokens_out)),
            ("sampling", sampling_text(&spec.sampling)),
        ]);
    }
    rows.extend([
        ("licence accepted", hex(&spec.terms.licence)),
        ("use", if spec.terms.commercial { "commercial" } else { "not commercial" }.into()),
        ("replicas", spec.policy.replicas.to_string()),
        ("audit asked for", if spec.policy.audited { "yes" } else { "no" }.into()),
        ("region", spec.policy.region.map_or_else(|| "any".into(), |region| region.to_string())),
        ("challenge window", format!("{} blocks", spec.policy.challenge_window)),
        ("highest price", amount(spec.max_price)),
        ("waiting", waiting_text(&job.waiting)),
        ("submitted", format!("block {}", job.submitted_at)),
        ("deadline", format!("block {}", spec.deadline)),
        ("attempts lost", job.attempts.to_string()),
    ]);
    if let JobStatus::Settled { output: result, receipt, .. } = &job.status {
        if result.tokens > 0 {
            rows.push(("generated", format!("{} tokens", result.tokens)));
        }
        rows.extend([
            ("output", hex(&result.hash)),
            ("work", work(receipt.work)),
            ("paid to workers", amount(receipt.workers)),
            ("paid to owners", amount(receipt.owner)),
            ("paid to treasury", amount(receipt.treasury)),
            ("back to requester", amount(receipt.requester)),
        ]);
    }
    rows.extend(audit::rows(job));
    if job.disputes > 0 {
        rows.push(("disputes", disputes(job.disputes)));
    }
    if let Some(penalty) = &job.penalty {
        rows.extend([
            ("taken from the convicted", amount(penalty.slashed)),
            ("of it burned", amount(penalty.burned)),
            ("of it to the requester", amount(penalty.damages)),
            ("of it to the challenger", amount(penalty.bounty)),
            ("of it to the treasury", amount(penalty.costs)),
        ]);
    }
    let mut text = output::fields(rows);
    if !job.status.replicas().is_empty() {
        let mut table = output::table(["WORKER", "ROLE", "ASK PER GMAC", "STATE"]);
        for replica in job.status.replicas() {
            let state = match &replica.state {
                ReplicaState::Assigned { commit_by } => {
                    format!("computing, commits by block {commit_by}")
                }
                ReplicaState::Committed { commitment } => {
                    format!("committed {}", short_hex(commitment))
                }
                ReplicaState::Revealed { output } => format!("revealed {}", hex(&output.hash)),
            };
            let role = match replica.role {
                Role::Worker => "worker",
                Role::Auditor => "auditor",
            };
            let (worker, ask) = (replica.worker.to_string(), amount(replica.ask));
            table.add_row([worker, role.into(), ask, state]);
        }
        text.push_str("\n\n");
        text.push_str(&output::render(&table));
    }
    if let JobStatus::Settled { receipt, royalties, .. } = &job.status {
        if !royalties.is_empty() {
            text.push_str("\n\n");
            text.push_str(&royalties_text(royalties, receipt.owner));
        }
    }
    text
}

/// The job as JSON.
pub(crate) fn job_json(job: &Job) -> Value {
    form(vigil_rpc::jobs::Job::from(job.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use vigil_primitives::{
        audit::AuditRate,
        job::{Audit, AuditState, Output, Receipt, Replica, Sampling},
        lineage::Royalty,
        samples::{job, replica, royalty, settled, split},
        worker::Region,
        AccountId, Permill,
    };

    fn receipt() -> Receipt {
        Receipt { workers: 40, auditor: 0, owner: 20, treasury: 10, requester: 30, work: 9 }
    }

    #[test]
    fn a_job_should_show_its_auditor_and_the_policy_that_asked_for_it() {
        let auditor = Replica { role: Role::Auditor, ..replica(5, 60, 4) };
        let drawn = vec![replica(2, 3, 4), auditor].try_into().expect("two fit");
        let mut job = job(JobStatus::Auditing { replicas: drawn });
        job.spec.policy.audited = true;
        job.spec.policy.region = Some(Region(*b"DE"));
        let none = Permill::zero();
        job.audit = Some(Audit {
            rate: AuditRate { deterrence: none, worker: Permill::one(), version: none },
            subject: AccountId::new([2; 32]),
            draws: 1,
            searches: 0,
            network: 0,
            bond: 0,
            state: AuditState::Drawn,
        });
        let text = details(&job);
        for says in ["100% (worker's record)", "under way", "  auditor  ", "DE", "yes"] {
            assert!(text.contains(says), "{says}: {text}");
        }
        let json = job_json(&job);
        assert_eq!((&json["audited"], &json["region"]), (&json!(true), &json!("DE")));
        assert_eq!(json["audit"]["rate"]["chancePpm"], 1_000_000);
        assert_eq!(json["status"]["replicas"][1]["role"], "auditor");
    }

    #[test]
    fn every_status_should_have_words_and_json() {
        let replicas: vigil_primitives::job::Replicas<_, _> =
            vec![replica(2, 3, 4)].try_into().expect("one fits");
        let output = Output { hash: [4; 32].into(), tokens: 0 };
        let receipt = receipt();
        for (status, word) in [
            (JobStatus::Queued, "queued"),
            (JobStatus::Assigned { replicas: replicas.clone() }, "assigned"),
            (JobStatus::Committed { replicas: replicas.clone(), draw_at: 9 }, "committed"),
            (JobStatus::Auditing { replicas: replicas.clone() }, "auditing"),
            (JobStatus::Revealing { replicas: replicas.clone(), reveal_by: 9 }, "revealing"),
            (JobStatus::Revealed { replicas: replicas.clone(), settle_at: 9 }, "revealed"),
            (JobStatus::Contested { replicas: replicas.clone(), until: 9 }, "contested"),
            (settled(output, vec![replica(2, 3, 4)], receipt), "settled"),
            (JobStatus::Refunded { reason: RefundReason::NoWorker }, "refunded"),
            (JobStatus::Refunded { reason: RefundReason::Outbid }, "refunded"),
            (JobStatus::Cancelled, "cancelled"),
        ] {
            let job = job(status);
            assert_eq!(job_json(&job)["status"]["kind"], word);
            assert!(status_sentence(&job).starts_with(word));
            assert!(details(&job).contains(&status_sentence(&job)));
        }
    }

    #[test]
    fn a_paid_result_should_be_called_wrong_when_it_is_and_not_when_another_one_was() {
        let output = Output { hash: [4; 32].into(), tokens: 0 };
        let mut job = job(settled(output, vec![replica(2, 3, 4)], receipt()));
        // A worker was convicted, and the result of another one paid.
        job.penalty = Some(Default::default());
        assert_eq!(status_sentence(&job), "settled: the result is paid");
        job.convicted = vec![AccountId::new([2; 32])];
        assert!(status_sentence(&job).contains("the result was wrong"));
    }

    #[test]
    fn a_job_should_show_what_waiting_costs_and_has_cost() {
        let mut job = job(JobStatus::Queued);
        job.waiting = WaitingCost::Running { per_block: 3 };
        assert_eq!(job_json(&job)["waiting"], json!({ "kind": "running", "perBlock": "3" }));
        assert!(details(&job).contains("for every block until it is assigned"));
        job.waiting = WaitingCost::Paid { amount: 12 };
        assert_eq!(job_json(&job)["waiting"], json!({ "kind": "paid", "amount": "12" }));
        assert!(details(&job).contains(&format!("{} paid", amount(12))));
    }

    #[test]
    fn a_text_should_show_what_was_asked_for_and_how_much_was_generated() {
        let mut text = job(settled(
            Output { hash: [4; 32].into(), tokens: 17 },
            vec![replica(2, 3, 4)],
            Receipt::default(),
        ));
        text.spec.max_tokens_out = 64;
        text.spec.sampling = Sampling::Gumbel { seed: 5, temperature: 0.7f32.to_bits(), min_p: 0 };
        let json = job_json(&text);
        assert_eq!(json["status"]["output"]["tokens"], 17);
        assert_eq!(json["maxTokensOut"], 64);
        assert_eq!(json["sampling"]["temperature"], 0.7);
        for says in ["at most 64 tokens", "17 tokens", "temperature 0.7, min-p 0, seed 5"] {
            assert!(details(&text).contains(says), "{says}");
        }
        let encoder = details(&job(JobStatus::Queued));
        assert!(!encoder.contains("sampling"), "{encoder}");
    }

    #[test]
    fn a_settled_job_should_show_who_was_paid_to_the_last_unit() {
        let kept = Royalty { credited: false, ..royalty(1, 9, 7) };
        let job = job(split(
            Output { hash: [4; 32].into(), tokens: 0 },
            vec![replica(2, 3, 4)],
            receipt(),
            vec![royalty(0, 8, 13), kept],
        ));
        let json = job_json(&job);
        let status = &json["status"];
        assert_eq!(status["receipt"]["workers"], "40");
        assert_eq!(status["receipt"]["requester"], "30");
        assert_eq!(status["royalties"][0]["amount"], "13");
        assert_eq!(status["royalties"][1]["asset"], "model:1@0");
        assert_eq!(status["royalties"][1]["credited"], false);
        assert_eq!(json["terms"]["licence"], format!("0x{}", "03".repeat(32)));
        assert_eq!(status["output"]["hash"], format!("0x{}", "04".repeat(32)));
        assert_eq!(json["input"]["bytes"], "0x6500000066000000");
        let details = details(&job);
        for says in ["0.00000000004 VGL", "0.000000000013", "kept until collected", "last unit"] {
            assert!(details.contains(says), "{says}: {details}");
        }
    }
}
