//! Audits, and what they have found.

use crate::form::text;
use serde::{Deserialize, Serialize};
use vigil_primitives::{audit, job, AccountId, Balance, BlockNumber};

/// Whether a job is audited, why, and what that costs the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// The chance it had, with its parts.
    pub rate: AuditRate,
    /// The worker that made it so likely.
    pub subject: AccountId,
    /// Auditors drawn so far.
    pub draws: u8,
    /// Searches that have found nobody.
    pub searches: u8,
    /// What the treasury pays: at most, while the audit is open; what it has paid, once it is done.
    #[serde(with = "text")]
    pub network: Balance,
    /// What the subject has paid out of its bond.
    #[serde(with = "text")]
    pub bond: Balance,
    /// How it stands.
    pub state: AuditState,
}

/// How an audit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditState {
    /// Chance has spared the job.
    Spared,
    /// An auditor is to be drawn.
    Due,
    /// An auditor is engaged, or has answered.
    Drawn,
    /// There should have been one, but nobody could be drawn, or nobody answered.
    Missed,
    /// The auditor has come to the same result, and was paid.
    Passed,
}

impl From<job::AuditState> for AuditState {
    fn from(it: job::AuditState) -> Self {
        match it {
            job::AuditState::Spared => Self::Spared,
            job::AuditState::Due => Self::Due,
            job::AuditState::Drawn => Self::Drawn,
            job::AuditState::Missed => Self::Missed,
            job::AuditState::Passed => Self::Passed,
        }
    }
}

impl From<job::Audit<AccountId>> for Audit {
    fn from(it: job::Audit<AccountId>) -> Self {
        Self {
            rate: it.rate.into(),
            subject: it.subject,
            draws: it.draws,
            searches: it.searches,
            network: it.network,
            bond: it.bond,
            state: it.state.into(),
        }
    }
}

/// How likely a result is audited: the highest of its parts, in parts per million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRate {
    /// The chance itself.
    pub chance_ppm: u32,
    /// What makes a wrong result a loss.
    pub deterrence_ppm: u32,
    /// What the worker's record falls short of.
    pub worker_ppm: u32,
    /// What the version's record falls short of.
    pub version_ppm: u32,
}

impl From<audit::AuditRate> for AuditRate {
    fn from(it: audit::AuditRate) -> Self {
        Self {
            chance_ppm: it.chance().deconstruct(),
            deterrence_ppm: it.deterrence.deconstruct(),
            worker_ppm: it.worker.deconstruct(),
            version_ppm: it.version.deconstruct(),
        }
    }
}

/// What audits have found right, in rewards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Rewards of the runs.
    #[serde(with = "text")]
    pub proven: Balance,
    /// When it was halved last.
    pub halved_at: BlockNumber,
}

impl From<audit::Record<BlockNumber>> for Record {
    fn from(it: audit::Record<BlockNumber>) -> Self {
        Self { proven: it.proven, halved_at: it.halved_at }
    }
}
