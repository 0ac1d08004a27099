//! What a client asks before it submits a job: what it would cost, how likely it is audited, how long
//! it takes, and the constants behind that.

use crate::{
    audit::AuditRate, lineage::Royalty, worker::Region, AccountId, Balance, BlockNumber,
    ModelVersionId,
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode};
use scale_info::TypeInfo;
use vigil_architecture::BadRun;

/// What a job would cost.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Quote<AccountId = crate::AccountId> {
    /// Multiply-accumulates of one replica at most.
    pub work: u64,
    /// To the owners at most.
    pub owner_fee: Balance,
    /// The parts of it, as things stand now. They add up to it.
    pub split: Vec<Royalty<AccountId>>,
    /// Total at which as many workers as replicas would take the job; `None` when fewer could take
    /// it now.
    pub lowest: Option<Balance>,
    /// What the workers are paid of `lowest` together; the treasury gets what is left of it without
    /// the owners' fee. `None` with `lowest`.
    pub rewards: Option<Balance>,
    /// Total at which every worker seen would take the job; `None` with `lowest`.
    pub highest: Option<Balance>,
    /// Workers seen, in a bounded sample, that serve the version and have room now.
    pub workers: u32,
    /// How likely the cheapest of them are audited for it: as the least and the most audited of as
    /// many as the job needs. `None` with `lowest`.
    pub audit: Option<(AuditRate, AuditRate)>,
    /// Blocks from the submission to the result, when as many as the job needs have room now: one
    /// for the draw, those that the work is expected to take, and those until it is revealed,
    /// without an audit. `None` with `lowest`.
    pub wait: Option<BlockNumber>,
}

/// What a quote is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct QuoteRequest {
    /// The version to run.
    pub version: ModelVersionId,
    /// Tokens in the input.
    pub tokens_in: u32,
    /// Most tokens to generate.
    pub max_tokens_out: u32,
    /// Workers that run the job independently.
    pub replicas: u8,
    /// Whether an auditor is to be drawn for certain.
    pub audited: bool,
    /// Where the workers have to be.
    pub region: Option<Region>,
}

/// Why there is no quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub enum NoQuote {
    /// No such version.
    UnknownVersion,
    /// The version takes no new jobs.
    Revoked,
    /// The version cannot run so many tokens.
    BadRun(BadRun),
    /// Replicas out of range.
    BadPolicy,
}

/// The constants a client needs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Parameters {
    /// Where protocol fees go.
    pub treasury: AccountId,
    /// Protocol fee on rewards, in parts per million.
    pub protocol_fee_ppm: u32,
    /// What a job costs for every block that it waits for its first worker.
    pub waiting_fee: Balance,
    /// The least chance of an audit, in parts per million.
    pub least_audit_chance_ppm: u32,
    /// Blocks after which records have halved.
    pub record_half_life: BlockNumber,
    /// Smallest bond of a worker.
    pub min_bond: Balance,
    /// Blocks a worker has from its draw to its commitment.
    pub commit_period: BlockNumber,
    /// Blocks a worker has to reveal its commitment.
    pub reveal_period: BlockNumber,
    /// Shortest and longest challenge window.
    pub challenge_window: (BlockNumber, BlockNumber),
    /// Longest time from submission to deadline.
    pub max_duration: BlockNumber,
    /// Blocks of one era of contribution totals.
    pub era_length: BlockNumber,
    /// Milliseconds between blocks.
    pub block_time_ms: u64,
}
