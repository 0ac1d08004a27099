//! Audits in words: how likely they are, what decides that, and what became of one.

use crate::{assets::percent, format::amount};
use vigil_primitives::{
    audit::{AuditRate, LEAST_CHANCE},
    job::{Audit, AuditState, Role},
    AccountId, Job, JobStatus,
};

/// A chance with the part that decides it: "12.3% (worker's record)".
pub(super) fn chance_text(rate: &AuditRate) -> String {
    let chance = rate.chance();
    let part = if chance == LEAST_CHANCE {
        "least"
    } else if chance == rate.worker {
        "worker's record"
    } else if chance == rate.version {
        "version's record"
    } else {
        "stake"
    };
    format!("{} ({part})", percent(chance))
}

/// The least and the highest chance, once where they are the same.
pub(super) fn range_text((least, most): &(AuditRate, AuditRate)) -> String {
    let (least, most) = (chance_text(least), chance_text(most));
    if least == most {
        least
    } else {
        format!("{least} to {most}")
    }
}

/// What is known of the audit of a job, under its names. Nothing before its workers have committed.
pub(super) fn rows(job: &Job) -> Vec<(&'static str, String)> {
    let Some(audit) = &job.audit else { return Vec::new() };
    let AuditRate { deterrence, worker, version } = audit.rate;
    let parts = format!(
        "{}: for the stake {}, the worker's record {}, the version's record {}",
        chance_text(&audit.rate),
        percent(deterrence),
        percent(worker),
        percent(version),
    );
    let mut rows = vec![
        ("audit", state_text(audit)),
        ("audit chance", parts),
        ("made likely by", audit.subject.to_string()),
    ];
    let auditor = job.status.replicas().iter().find(|replica| replica.role == Role::Auditor);
    rows.extend(auditor.map(|auditor| ("auditor", auditor.worker.to_string())));
    match (audit.state, &job.status) {
        (AuditState::Passed, JobStatus::Settled { receipt, .. }) => {
            let others = audit.network.saturating_add(audit.bond);
            let paid = amount(receipt.auditor.saturating_add(others));
            let (network, bond) = (amount(audit.network), amount(audit.bond));
            let sources = match audit.bond {
                0 => format!("of it {network} by the treasury"),
                _ => format!("of it {network} by the treasury, {bond} out of the worker's bond"),
            };
            rows.push(("paid to auditor", format!("{paid}, {sources}")));
        }
        (AuditState::Drawn, _) => {
            rows.push(("treasury pays", format!("at most {}", amount(audit.network))));
        }
        _ => {}
    }
    rows
}

/// How an audit stands, in a sentence.
fn state_text(audit: &Audit<AccountId>) -> String {
    match audit.state {
        AuditState::Spared => "none: chance has spared the job".into(),
        AuditState::Due => "due: an auditor is to be drawn".into(),
        AuditState::Drawn => "under way: an auditor runs the job too".into(),
        AuditState::Missed if audit.draws == 0 => "missed: no auditor could be drawn".into(),
        AuditState::Missed => format!("missed: auditors drawn: {}; none has answered", audit.draws),
        AuditState::Passed => "passed: the auditor has come to the same result".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        job::{Output, Receipt, Replica},
        samples::{job, replica, settled},
        Permill,
    };

    fn rate(deterrence: u32, worker: u32, version: u32) -> AuditRate {
        let [deterrence, worker, version] = [deterrence, worker, version].map(Permill::from_parts);
        AuditRate { deterrence, worker, version }
    }

    fn audit(draws: u8, state: AuditState) -> Audit<AccountId> {
        let subject = AccountId::new([2; 32]);
        Audit {
            rate: rate(2_000, 123_457, 40_000),
            subject,
            draws,
            searches: 0,
            network: 35,
            bond: 0,
            state,
        }
    }

    #[test]
    fn a_chance_should_say_what_decides_it() {
        assert_eq!(chance_text(&rate(2_000, 123_457, 40_000)), "12.3457% (worker's record)");
        assert_eq!(chance_text(&rate(2_000, 3_000, 40_000)), "4% (version's record)");
        assert_eq!(chance_text(&rate(50_000, 3_000, 40_000)), "5% (stake)");
        assert_eq!(chance_text(&rate(2_000, 3_000, 4_000)), "1% (least)");
        let (least, most) = (rate(0, 0, 0), rate(0, 1_000_000, 0));
        assert_eq!(range_text(&(least, most)), "1% (least) to 100% (worker's record)");
        assert_eq!(range_text(&(least, least)), "1% (least)");
    }

    #[test]
    fn every_state_of_an_audit_should_have_words() {
        for (state, draws, word) in [
            (AuditState::Spared, 0, "none"),
            (AuditState::Due, 1, "due"),
            (AuditState::Drawn, 1, "under way"),
            (AuditState::Missed, 0, "could be drawn"),
            (AuditState::Missed, 2, "none has answered"),
            (AuditState::Passed, 1, "passed"),
        ] {
            let text = state_text(&audit(draws, state));
            assert!(text.contains(word), "{text}");
        }
    }

    #[test]
    fn an_audited_job_should_show_who_audited_it_and_for_what() {
        let output = Output { hash: [4; 32].into(), tokens: 0 };
        let auditor = Replica { role: Role::Auditor, ..replica(5, 60, 4) };
        let receipt = Receipt { workers: 15, auditor: 25, requester: 60, ..Receipt::default() };
        let mut job = job(settled(output, vec![replica(2, 40, 4), auditor], receipt));
        assert_eq!(rows(&job), []);
        job.audit = Some(audit(1, AuditState::Passed));
        let rows = rows(&job);
        let value = |name| rows.iter().find(|(other, _)| *other == name).unwrap().1.as_str();
        assert_eq!(value("made likely by"), AccountId::new([2; 32]).to_string());
        assert_eq!(value("auditor"), AccountId::new([5; 32]).to_string());
        let paid = format!("{}, of it {} by the treasury", amount(60), amount(35));
        assert_eq!(value("paid to auditor"), paid);
        assert!(value("audit chance").contains("the version's record 4%"));
    }
}
