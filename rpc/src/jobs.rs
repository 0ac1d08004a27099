//! Jobs, and the questions about them.

pub use crate::quotes::{Parameters, Quote};

use crate::{
    audits::Audit,
    form::{text, Penalty},
    provenance::Royalty,
};
use serde::{de::Error as _, Deserialize, Deserializer, Serialize};
use vigil_primitives::{
    job::{self, ReplicaState},
    sampling::decimal,
    terms, AccountId, Balance, BlockNumber, Hash, JobId, ModelVersionId,
};

/// A job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its number.
    pub id: JobId,
    /// Who pays.
    pub requester: AccountId,
    /// What is run, `model@version`.
    #[serde(with = "text")]
    pub version: ModelVersionId,
    /// The terms that the requester accepted.
    pub terms: AcceptedTerms,
    /// Where its token ids are.
    pub input: Input,
    /// Tokens of the input.
    pub tokens_in: u32,
    /// Most tokens that may be generated.
    pub max_tokens_out: u32,
    /// How they are chosen.
    pub sampling: Sampling,
    /// Workers that run it.
    pub replicas: u8,
    /// Blocks from the agreement of all results to the payment, at least.
    pub challenge_window: BlockNumber,
    /// Whether the requester has asked for an audit.
    pub audited: bool,
    /// The country that its workers have to be in.
    pub region: Option<String>,
    /// What the requester pays at most: its escrow.
    #[serde(with = "text")]
    pub max_price: Balance,
    /// Last block in which workers may be drawn.
    pub deadline: BlockNumber,
    /// Assignments lost so far.
    pub attempts: u8,
    /// The block in which it was submitted.
    pub submitted_at: BlockNumber,
    /// What it costs to wait for its first worker, beside the escrow.
    pub waiting: WaitingCost,
    /// Disputes about its results that have not ended.
    pub disputes: u32,
    /// Where the stakes of results that were wrong went.
    pub penalty: Option<Penalty>,
    /// Workers that were paid for a result which is wrong.
    pub convicted: Vec<AccountId>,
    /// Whether it is audited; `null` until its workers have committed.
    pub audit: Option<Audit>,
    /// Where it stands.
    pub status: JobStatus,
}

/// What a job costs for the time that it waits for its first worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum WaitingCost {
    /// It has not been assigned yet.
    Running {
        /// For every block.
        #[serde(with = "text")]
        per_block: Balance,
    },
    /// It has been assigned, or has ended.
    Paid {
        /// What went to the treasury.
        #[serde(with = "text")]
        amount: Balance,
    },
}

impl From<job::WaitingCost> for WaitingCost {
    fn from(it: job::WaitingCost) -> Self {
        match it {
            job::WaitingCost::Running { per_block } => Self::Running { per_block },
            job::WaitingCost::Paid { amount } => Self::Paid { amount },
        }
    }
}

/// The terms that a requester accepted. Every job states both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedTerms {
    /// The version's `terms.licenceHash`.
    pub licence: Hash,
    /// Whether the output is used commercially.
    pub commercial: bool,
}

impl From<terms::AcceptedTerms> for AcceptedTerms {
    fn from(it: terms::AcceptedTerms) -> Self {
        Self { licence: it.licence, commercial: it.commercial }
    }
}

/// Where a job's token ids are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Input {
    /// On chain.
    Inline {
        /// u32 each, little-endian.
        bytes: sp_core::Bytes,
    },
    /// With the requester and the workers.
    Blob {
        /// BLAKE3 of the bytes.
        hash: Hash,
        /// How many bytes.
        len: u32,
    },
}

impl From<job::Input> for Input {
    fn from(it: job::Input) -> Self {
        match it {
            job::Input::Inline(bytes) => Self::Inline { bytes: bytes.into_inner().into() },
            job::Input::Blob { hash, len } => Self::Blob { hash, len },
        }
    }
}

/// How a language model chooses its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Sampling {
    /// The likeliest token.
    Greedy,
    /// Drawn with noise that the seed decides.
    Gumbel {
        /// The same seed draws the same tokens.
        #[serde(with = "text")]
        seed: u64,
        /// From 0.01 to 100.
        #[serde(deserialize_with = "float")]
        temperature: f64,
        /// Tokens less likely than this share of the likeliest are never drawn.
        #[serde(deserialize_with = "float")]
        min_p: f64,
    },
}

/// Reads a number with a point. Where some crate of a program has serde_json keep numbers to the last
/// digit, as Substrate's do, a tagged choice holds them in a form that `f64` alone does not read.
fn float<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    number.as_f64().ok_or_else(|| D::Error::custom(format!("{number} is out of range")))
}

impl From<job::Sampling> for Sampling {
    fn from(it: job::Sampling) -> Self {
        match it {
            job::Sampling::Greedy => Self::Greedy,
            job::Sampling::Gumbel { seed, temperature, min_p } => {
                Self::Gumbel { seed, temperature: decimal(temperature), min_p: decimal(min_p) }
            }
        }
    }
}

/// Where a job stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum JobStatus {
    /// No worker has been drawn yet.
    Queued,
    /// Workers have been drawn; their commitments come in.
    Assigned {
        /// The workers.
        replicas: Vec<Replica>,
    },
    /// Every replica has committed. Chance decides whether there is an audit.
    Committed {
        /// The workers.
        replicas: Vec<Replica>,
        /// When it decides.
        draw_at: BlockNumber,
    },
    /// An auditor has been drawn, and its commitment is awaited.
    Auditing {
        /// The workers and the auditor.
        replicas: Vec<Replica>,
    },
    /// All have committed; they reveal.
    Revealing {
        /// The workers.
        replicas: Vec<Replica>,
        /// Last block for it.
        reveal_by: BlockNumber,
    },
    /// All revealed outputs agree.
    Revealed {
        /// The workers that revealed.
        replicas: Vec<Replica>,
        /// When payment is due.
        settle_at: BlockNumber,
    },
    /// Revealed outputs differ.
    Contested {
        /// The workers that revealed.
        replicas: Vec<Replica>,
        /// When the requester is refunded if nothing has been decided.
        until: BlockNumber,
    },
    /// Paid.
    Settled {
        /// The result.
        output: Output,
        /// The workers that were paid.
        replicas: Vec<Replica>,
        /// Who was paid what.
        receipt: Receipt,
        /// The parts of what the owners were paid.
        royalties: Vec<Royalty>,
    },
    /// The whole escrow went back to the requester.
    Refunded {
        /// Why.
        reason: RefundReason,
    },
    /// Taken back by the requester while queued.
    Cancelled,
    /// A result is disputed.
    Disputed {
        /// The workers that revealed, less those that were convicted.
        replicas: Vec<Replica>,
        /// When payment would have been due, if all outputs agree.
        settle_at: BlockNumber,
    },
}

/// Why an escrow went back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundReason {
    /// No worker could be drawn before the deadline.
    NoWorker,
    /// Every attempt expired or was declined.
    AttemptsExhausted,
    /// Replicas differed and no decision came in time.
    Undecided,
    /// The market was full, and a job that offers more took the place of this one.
    Outbid,
    /// Every result was wrong.
    Convicted,
}

impl From<job::RefundReason> for RefundReason {
    fn from(it: job::RefundReason) -> Self {
        match it {
            job::RefundReason::NoWorker => Self::NoWorker,
            job::RefundReason::AttemptsExhausted => Self::AttemptsExhausted,
            job::RefundReason::Undecided => Self::Undecided,
            job::RefundReason::Outbid => Self::Outbid,
            job::RefundReason::Convicted => Self::Convicted,
        }
    }
}

/// A worker of a job, or its auditor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// Its account.
    pub worker: AccountId,
    /// What it runs the job for.
    pub role: Role,
    /// Its price per giga multiply-accumulate.
    #[serde(with = "text")]
    pub ask: Balance,
    /// How far it has come.
    #[serde(flatten)]
    pub progress: Progress,
}

/// What a worker runs a job for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The result.
    Worker,
    /// The audit.
    Auditor,
}

impl From<job::Role> for Role {
    fn from(it: job::Role) -> Self {
        match it {
            job::Role::Worker => Self::Worker,
            job::Role::Auditor => Self::Auditor,
        }
    }
}

/// How far a worker has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub enum Progress {
    /// It has been drawn.
    Assigned {
        /// Last block for its commitment.
        commit_by: BlockNumber,
    },
    /// It has committed to an output.
    Committed {
        /// The commitment.
        commitment: Hash,
    },
    /// It has revealed its output.
    Revealed {
        /// The output.
        output: Output,
    },
}

impl From<job::Replica<AccountId, BlockNumber>> for Replica {
    fn from(it: job::Replica<AccountId, BlockNumber>) -> Self {
        Self {
            worker: it.worker,
            ask: it.ask,
            role: it.role.into(),
            progress: match it.state {
                ReplicaState::Assigned { commit_by } => Progress::Assigned { commit_by },
                ReplicaState::Committed { commitment } => Progress::Committed { commitment },
                ReplicaState::Revealed { output } => Progress::Revealed { output: output.into() },
            },
        }
    }
}

/// What a run produced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Output {
    /// BLAKE3 of its bytes.
    pub hash: Hash,
    /// Tokens generated.
    pub tokens: u32,
}

impl From<job::Output> for Output {
    fn from(it: job::Output) -> Self {
        Self { hash: it.hash, tokens: it.tokens }
    }
}

/// Who was paid what. The parts add up to the escrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// To the workers together.
    #[serde(with = "text")]
    pub workers: Balance,
    /// To the auditor, out of the escrow.
    #[serde(with = "text")]
    pub auditor: Balance,
    /// To the owners of the version and of all that it descends from.
    #[serde(with = "text")]
    pub owner: Balance,
    /// To the treasury.
    #[serde(with = "text")]
    pub treasury: Balance,
    /// Back to the requester.
    #[serde(with = "text")]
    pub requester: Balance,
    /// Multiply-accumulates of one replica.
    #[serde(with = "text")]
    pub work: u64,
}

impl From<job::Receipt> for Receipt {
    fn from(it: job::Receipt) -> Self {
        Self {
            workers: it.workers,
            auditor: it.auditor,
            owner: it.owner,
            treasury: it.treasury,
            requester: it.requester,
            work: it.work,
        }
    }
}

fn replicas(replicas: job::Replicas<AccountId, BlockNumber>) -> Vec<Replica> {
    replicas.into_iter().map(Into::into).collect()
}

impl From<job::JobStatus<AccountId, BlockNumber>> for JobStatus {
    fn from(it: job::JobStatus<AccountId, BlockNumber>) -> Self {
        use job::JobStatus as Status;
        match it {
            Status::Queued => Self::Queued,
            Status::Assigned { replicas: all } => Self::Assigned { replicas: replicas(all) },
            Status::Committed { replicas: all, draw_at } => {
                Self::Committed { replicas: replicas(all), draw_at }
            }
            Status::Auditing { replicas: all } => Self::Auditing { replicas: replicas(all) },
            Status::Revealing { replicas: all, reveal_by } => {
                Self::Revealing { replicas: replicas(all), reveal_by }
            }
            Status::Revealed { replicas: all, settle_at } => {
                Self::Revealed { replicas: replicas(all), settle_at }
            }
            Status::Contested { replicas: all, until } => {
                Self::Contested { replicas: replicas(all), until }
            }
            Status::Settled { output, replicas: all, receipt, royalties } => Self::Settled {
                output: output.into(),
                replicas: replicas(all),
                receipt: receipt.into(),
                royalties: royalties.into_iter().map(Into::into).collect(),
            },
            Status::Refunded { reason } => Self::Refunded { reason: reason.into() },
            Status::Cancelled => Self::Cancelled,
            Status::Disputed { replicas: all, settle_at } => {
                Self::Disputed { replicas: replicas(all), settle_at }
            }
        }
    }
}

impl From<job::Job> for Job {
    fn from(it: job::Job) -> Self {
        let spec = it.spec;
        Self {
            id: it.id,
            requester: it.requester,
            version: spec.version,
            terms: spec.terms.into(),
            input: spec.input.into(),
            tokens_in: it.tokens_in,
            max_tokens_out: spec.max_tokens_out,
            sampling: spec.sampling.into(),
            replicas: spec.policy.replicas,
            challenge_window: spec.policy.challenge_window,
            audited: spec.policy.audited,
            region: spec.policy.region.map(|it| it.to_string()),
            max_price: spec.max_price,
            deadline: spec.deadline,
            attempts: it.attempts,
            submitted_at: it.submitted_at,
            waiting: it.waiting.into(),
            disputes: it.disputes,
            penalty: it.penalty.map(Into::into),
            convicted: it.convicted,
            audit: it.audit.map(Into::into),
            status: it.status.into(),
        }
    }
}

/// What a requester may ask of the runs of a job. Whatever is left out is not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct QuotePolicy {
    /// An auditor for certain, who is paid like a worker.
    pub audited: bool,
    /// Workers of a country, by the two letters of ISO 3166-1.
    pub region: Option<String>,
}

#[cfg(any(feature = "server", feature = "client"))]
mod methods {
    use super::{Job, Parameters, Quote, QuotePolicy};
    use crate::audits::Record;
    use crate::form::Contribution;
    use jsonrpsee::{core::RpcResult, proc_macros::rpc};
    use vigil_primitives::{AccountId, Hash, JobId};

    /// Questions about jobs. `at` is a block's hash; without it the best block answers.
    #[cfg_attr(
        all(feature = "server", feature = "client"),
        rpc(server, client, namespace = "jobs")
    )]
    #[cfg_attr(all(feature = "server", not(feature = "client")), rpc(server, namespace = "jobs"))]
    #[cfg_attr(all(feature = "client", not(feature = "server")), rpc(client, namespace = "jobs"))]
    pub trait JobsApi {
        /// A job by number, until it is pruned.
        #[method(name = "job", blocking)]
        fn job(&self, id: JobId, at: Option<Hash>) -> RpcResult<Option<Job>>;

        /// At most `limit` jobs, and at most 100, from number `from` on.
        #[method(name = "jobs", blocking)]
        fn jobs(&self, from: JobId, limit: u32, at: Option<Hash>) -> RpcResult<Vec<Job>>;

        /// The jobs that a worker is engaged in.
        #[method(name = "assignments", blocking)]
        fn assignments(&self, worker: AccountId, at: Option<Hash>) -> RpcResult<Vec<Job>>;

        /// What a job for a version, written `model@version`, would cost now, how likely it is
        /// audited, and how long it takes.
        #[method(name = "quote", blocking)]
        fn quote(
            &self,
            version: String,
            tokens_in: u32,
            max_tokens_out: u32,
            replicas: u8,
            policy: Option<QuotePolicy>,
            at: Option<Hash>,
        ) -> RpcResult<Quote>;

        /// What audits have found right of a version, written `model@version`.
        #[method(name = "versionRecord", blocking)]
        fn version_record(&self, version: String, at: Option<Hash>) -> RpcResult<Record>;

        /// What everybody has computed and earned in an era.
        #[method(name = "eraTotal", blocking)]
        fn era_total(&self, era: u32, at: Option<Hash>) -> RpcResult<Contribution>;

        /// The constants that a client needs.
        #[method(name = "parameters", blocking)]
        fn parameters(&self, at: Option<Hash>) -> RpcResult<Parameters>;
    }
}

#[cfg(feature = "client")]
pub use methods::JobsApiClient;
#[cfg(feature = "server")]
pub use methods::JobsApiServer;
