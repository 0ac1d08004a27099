//! What a job would cost, and the constants that a client needs.

use crate::{
    audits::AuditRate,
    form::{optional_text, text},
    provenance::Royalty,
};
use serde::{Deserialize, Serialize};
use vigil_primitives::{job, AccountId, Balance, BlockNumber};

/// What a job would cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Quote {
    /// Multiply-accumulates of one replica at most.
    #[serde(with = "text")]
    pub work: u64,
    /// To the owners at most.
    #[serde(with = "text")]
    pub owner_fee: Balance,
    /// The parts of it, as things stand now. They add up to it.
    pub split: Vec<Royalty>,
    /// Total at which as many workers as replicas would take the job; `null` when fewer could take
    /// it now.
    #[serde(with = "optional_text")]
    pub lowest: Option<Balance>,
    /// What the workers are paid of `lowest` together; `null` with it.
    #[serde(with = "optional_text")]
    pub rewards: Option<Balance>,
    /// Total at which every worker seen would take the job; `null` with `lowest`.
    #[serde(with = "optional_text")]
    pub highest: Option<Balance>,
    /// Workers seen, in a bounded sample, that serve the version and have room now.
    pub workers: u32,
    /// How likely the cheapest of them are audited for it: the least and the most audited of as many
    /// as the job needs; `null` with `lowest`.
    pub audit: Option<(AuditRate, AuditRate)>,
    /// Blocks from the submission to the result, without an audit; `null` with `lowest`.
    pub wait: Option<BlockNumber>,
}

impl From<job::Quote> for Quote {
    fn from(it: job::Quote) -> Self {
        Self {
            work: it.work,
            owner_fee: it.owner_fee,
            split: it.split.into_iter().map(Into::into).collect(),
            lowest: it.lowest,
            rewards: it.rewards,
            highest: it.highest,
            workers: it.workers,
            audit: it.audit.map(|(least, most)| (least.into(), most.into())),
            wait: it.wait,
        }
    }
}

/// The constants that a client needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Parameters {
    /// Where protocol fees go.
    pub treasury: AccountId,
    /// Protocol fee on rewards.
    pub protocol_fee_ppm: u32,
    /// What a job costs for every block that it waits for its first worker.
    #[serde(with = "text")]
    pub waiting_fee: Balance,
    /// The least chance of an audit.
    pub least_audit_chance_ppm: u32,
    /// Blocks after which records have halved.
    pub record_half_life: BlockNumber,
    /// Smallest bond of a worker.
    #[serde(with = "text")]
    pub min_bond: Balance,
    /// Blocks a worker has from its draw to its commitment, beside the time for the work.
    pub commit_period: BlockNumber,
    /// Blocks a worker has to reveal its commitment.
    pub reveal_period: BlockNumber,
    /// Shortest challenge window.
    pub min_challenge_window: BlockNumber,
    /// Longest challenge window.
    pub max_challenge_window: BlockNumber,
    /// Most blocks from submission to deadline.
    pub max_duration: BlockNumber,
    /// Blocks of one era of contribution totals.
    pub era_length: BlockNumber,
    /// Milliseconds between blocks.
    pub block_time_ms: u64,
}

impl From<job::Parameters> for Parameters {
    fn from(it: job::Parameters) -> Self {
        let (min_challenge_window, max_challenge_window) = it.challenge_window;
        Self {
            treasury: it.treasury,
            protocol_fee_ppm: it.protocol_fee_ppm,
            waiting_fee: it.waiting_fee,
            least_audit_chance_ppm: it.least_audit_chance_ppm,
            record_half_life: it.record_half_life,
            min_bond: it.min_bond,
            commit_period: it.commit_period,
            reveal_period: it.reveal_period,
            min_challenge_window,
            max_challenge_window,
            max_duration: it.max_duration,
            era_length: it.era_length,
            block_time_ms: it.block_time_ms,
        }
    }
}
