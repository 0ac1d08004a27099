//! `jobs_*`: jobs, prices and the constants a client needs.

use super::json::{digits, hex, id, invalid, parse, unavailable, Contribution};
use crate::service::FullClient;
use jsonrpsee::{core::RpcResult, proc_macros::rpc};
use serde::Serialize;
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;
use std::sync::Arc;
use vigil_primitives::{
    api::JobsApi as _,
    job::NoQuote,
    job::{self, Input, RefundReason, ReplicaState, Sampling, WaitingCost},
    lineage,
    sampling::decimal,
    terms, AccountId, AssetId, BlockNumber, Hash, JobId, JobStatus, ModelVersionId,
};

/// Questions about jobs. `at` is a block's hash; without it the best block answers.
#[rpc(server, namespace = "jobs")]
pub(crate) trait JobsApi {
    /// A job by number, until it is pruned.
    #[method(name = "job", blocking)]
    fn job(&self, id: JobId, at: Option<Hash>) -> RpcResult<Option<Job>>;

    /// At most `limit` jobs, and at most 100, from number `from` on.
    #[method(name = "jobs", blocking)]
    fn jobs(&self, from: JobId, limit: u32, at: Option<Hash>) -> RpcResult<Vec<Job>>;

    /// The jobs that a worker is engaged in.
    #[method(name = "assignments", blocking)]
    fn assignments(&self, worker: AccountId, at: Option<Hash>) -> RpcResult<Vec<Job>>;

    /// What a job for a version, written `model@version`, would cost now.
    #[method(name = "quote", blocking)]
    fn quote(
        &self,
        version: String,
        tokens_in: u32,
        max_tokens_out: u32,
        replicas: u8,
        at: Option<Hash>,
    ) -> RpcResult<Quote>;

    /// What everybody has computed and earned in an era.
    #[method(name = "eraTotal", blocking)]
    fn era_total(&self, era: u32, at: Option<Hash>) -> RpcResult<Contribution>;

    /// The constants a client needs.
    #[method(name = "parameters", blocking)]
    fn parameters(&self, at: Option<Hash>) -> RpcResult<Parameters>;
}

/// Answers from the runtime.
pub(crate) struct Jobs(pub(crate) Arc<FullClient>);

impl JobsApiServer for Jobs {
    fn job(&self, id: JobId, at: Option<Hash>) -> RpcResult<Option<Job>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let job = self.0.runtime_api().job(at, id).map_err(unavailable)?;
        Ok(job.map(Into::into))
    }

    fn jobs(&self, from: JobId, limit: u32, at: Option<Hash>) -> RpcResult<Vec<Job>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let jobs = self.0.runtime_api().jobs(at, from, limit).map_err(unavailable)?;
        Ok(jobs.into_iter().map(Into::into).collect())
    }

    fn assignments(&self, worker: AccountId, at: Option<Hash>) -> RpcResult<Vec<Job>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let jobs = self.0.runtime_api().assignments(at, worker).map_err(unavailable)?;
        Ok(jobs.into_iter().map(Into::into).collect())
    }

    fn quote(
        &self,
        version: String,
        tokens_in: u32,
        max_tokens_out: u32,
        replicas: u8,
        at: Option<Hash>,
    ) -> RpcResult<Quote> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let version = parse(&version)?;
        self.0
            .runtime_api()
            .quote(at, version, tokens_in, max_tokens_out, replicas)
            .map_err(unavailable)?
            .map(Into::into)
            .map_err(|reason| {
                invalid(match reason {
                    NoQuote::UnknownVersion => String::from("there is no such version"),
                    NoQuote::Revoked => "the version is revoked and takes no new jobs".into(),
                    NoQuote::BadRun(bad) => format!("the version cannot run this request: {bad}"),
                    NoQuote::BadPolicy => "replicas out of range: 1 to 5".into(),
                })
            })
    }

    fn era_total(&self, era: u32, at: Option<Hash>) -> RpcResult<Contribution> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        Ok(self.0.runtime_api().era_total(at, era).map_err(unavailable)?.into())
    }

    fn parameters(&self, at: Option<Hash>) -> RpcResult<Parameters> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        Ok(self.0.runtime_api().parameters(at).map_err(unavailable)?.into())
    }
}

/// A job.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Job {
    id: JobId,
    requester: AccountId,
    #[serde(serialize_with = "id")]
    version: ModelVersionId,
    terms: AcceptedTerms,
    input: JobInput,
    tokens_in: u32,
    max_tokens_out: u32,
    sampling: HowToSample,
    replicas: u8,
    challenge_window: BlockNumber,
    #[serde(serialize_with = "digits")]
    max_price: u128,
    deadline: BlockNumber,
    attempts: u8,
    submitted_at: BlockNumber,
    waiting: Waiting,
    status: Status,
}

/// What it costs a job to wait for its first worker.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum Waiting {
    /// So much for every block.
    Running {
        #[serde(serialize_with = "digits")]
        per_block: u128,
    },
    /// It does not wait for its first worker any more.
    Paid {
        #[serde(serialize_with = "digits")]
        amount: u128,
    },
}

impl From<WaitingCost> for Waiting {
    fn from(it: WaitingCost) -> Self {
        match it {
            WaitingCost::Running { per_block } => Self::Running { per_block },
            WaitingCost::Paid { amount } => Self::Paid { amount },
        }
    }
}

/// The terms that the requester accepted. Every job states both.
#[derive(Clone, Debug, Serialize)]
struct AcceptedTerms {
    /// The version's `terms.licenceHash`.
    #[serde(serialize_with = "hex")]
    licence: Hash,
    commercial: bool,
}

impl From<terms::AcceptedTerms> for AcceptedTerms {
    fn from(it: terms::AcceptedTerms) -> Self {
        Self { licence: it.licence, commercial: it.commercial }
    }
}

/// Where a job's token ids are.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum JobInput {
    /// On chain: u32 each, little-endian.
    Inline {
        #[serde(serialize_with = "hex")]
        bytes: Vec<u8>,
    },
    /// With the requester and the workers.
    Blob {
        #[serde(serialize_with = "hex")]
        hash: Hash,
        len: u32,
    },
}

/// How a language model chooses its tokens.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum HowToSample {
    /// The likeliest token.
    Greedy,
    /// Drawn with noise that the seed decides.
    Gumbel {
        #[serde(serialize_with = "digits")]
        seed: u64,
        temperature: f64,
        min_p: f64,
    },
}

impl From<Sampling> for HowToSample {
    fn from(it: Sampling) -> Self {
        match it {
            Sampling::Greedy => Self::Greedy,
            Sampling::Gumbel { seed, temperature, min_p } => {
                Self::Gumbel { seed, temperature: decimal(temperature), min_p: decimal(min_p) }
            }
        }
    }
}

/// Where a job stands.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum Status {
    Queued,
    Assigned { workers: Vec<Replica> },
    Revealing { workers: Vec<Replica>, reveal_by: BlockNumber },
    Revealed { workers: Vec<Replica>, settle_at: BlockNumber },
    Contested { workers: Vec<Replica>, until: BlockNumber },
    Settled { output: Output, workers: Vec<Replica>, receipt: Receipt, royalties: Vec<Royalty> },
    Refunded { reason: &'static str },
    Cancelled,
}

/// A worker of a job.
#[derive(Clone, Debug, Serialize)]
struct Replica {
    worker: AccountId,
    #[serde(serialize_with = "digits")]
    ask: u128,
    #[serde(flatten)]
    progress: Progress,
}

/// How far a worker has come.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case", rename_all_fields = "camelCase")]
enum Progress {
    Assigned {
        commit_by: BlockNumber,
    },
    Committed {
        #[serde(serialize_with = "hex")]
        commitment: Hash,
    },
    Revealed {
        output: Output,
    },
}

/// What a run produced.
#[derive(Clone, Debug, Serialize)]
struct Output {
    #[serde(serialize_with = "hex")]
    hash: Hash,
    tokens: u32,
}

/// Who was paid what.
#[derive(Clone, Debug, Serialize)]
struct Receipt {
    #[serde(serialize_with = "digits")]
    workers: u128,
    #[serde(serialize_with = "digits")]
    owner: u128,
    #[serde(serialize_with = "digits")]
    treasury: u128,
    #[serde(serialize_with = "digits")]
    requester: u128,
    #[serde(serialize_with = "digits")]
    work: u64,
}

/// A part of what the owners earn.
#[derive(Clone, Debug, Serialize)]
struct Royalty {
    #[serde(serialize_with = "id")]
    asset: AssetId,
    payee: AccountId,
    #[serde(serialize_with = "digits")]
    amount: u128,
    /// `false`: kept until the payee claims it.
    credited: bool,
}

impl From<lineage::Royalty> for Royalty {
    fn from(it: lineage::Royalty) -> Self {
        Self { asset: it.asset, payee: it.payee, amount: it.amount, credited: it.credited }
    }
}

impl From<job::Output> for Output {
    fn from(it: job::Output) -> Self {
        Self { hash: it.hash, tokens: it.tokens }
    }
}

impl From<job::Replica<AccountId, BlockNumber>> for Replica {
    fn from(it: job::Replica<AccountId, BlockNumber>) -> Self {
        Self {
            worker: it.worker,
            ask: it.ask,
            progress: match it.state {
                ReplicaState::Assigned { commit_by } => Progress::Assigned { commit_by },
                ReplicaState::Committed { commitment } => Progress::Committed { commitment },
                ReplicaState::Revealed { output } => Progress::Revealed { output: output.into() },
            },
        }
    }
}

fn workers(replicas: job::Replicas<AccountId, BlockNumber>) -> Vec<Replica> {
    replicas.into_iter().map(Into::into).collect()
}

impl From<JobStatus<AccountId, BlockNumber>> for Status {
    fn from(it: JobStatus<AccountId, BlockNumber>) -> Self {
        match it {
            JobStatus::Queued => Self::Queued,
            JobStatus::Assigned { replicas } => Self::Assigned { workers: workers(replicas) },
            JobStatus::Revealing { replicas, reveal_by } => {
                Self::Revealing { workers: workers(replicas), reveal_by }
            }
            JobStatus::Revealed { replicas, settle_at } => {
                Self::Revealed { workers: workers(replicas), settle_at }
            }
            JobStatus::Contested { replicas, until } => {
                Self::Contested { workers: workers(replicas), until }
            }
            JobStatus::Settled { output, replicas, receipt, royalties } => Self::Settled {
                output: output.into(),
                workers: workers(replicas),
                receipt: Receipt {
                    workers: receipt.workers,
                    owner: receipt.owner,
                    treasury: receipt.treasury,
                    requester: receipt.requester,
                    work: receipt.work,
                },
                royalties: royalties.into_iter().map(Into::into).collect(),
            },
            JobStatus::Refunded { reason } => Self::Refunded {
                reason: match reason {
                    RefundReason::NoWorker => "no_worker",
                    RefundReason::AttemptsExhausted => "attempts_exhausted",
                    RefundReason::Undecided => "undecided",
                    RefundReason::Outbid => "outbid",
                },
            },
            JobStatus::Cancelled => Self::Cancelled,
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
            input: match spec.input {
                Input::Inline(bytes) => JobInput::Inline { bytes: bytes.into_inner() },
                Input::Blob { hash, len } => JobInput::Blob { hash, len },
            },
            tokens_in: it.tokens_in,
            max_tokens_out: spec.max_tokens_out,
            sampling: spec.sampling.into(),
            replicas: spec.policy.replicas,
            challenge_window: spec.policy.challenge_window,
            max_price: spec.max_price,
            deadline: spec.deadline,
            attempts: it.attempts,
            submitted_at: it.submitted_at,
            waiting: it.waiting.into(),
            status: it.status.into(),
        }
    }
}

/// What a job would cost.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Quote {
    #[serde(serialize_with = "digits")]
    work: u64,
    #[serde(serialize_with = "digits")]
    owner_fee: u128,
    split: Vec<Royalty>,
    lowest: Option<String>,
    rewards: Option<String>,
    highest: Option<String>,
    workers: u32,
}

impl From<job::Quote> for Quote {
    fn from(it: job::Quote) -> Self {
        Self {
            work: it.work,
            owner_fee: it.owner_fee,
            split: it.split.into_iter().map(Into::into).collect(),
            lowest: it.lowest.map(|price| price.to_string()),
            rewards: it.rewards.map(|sum| sum.to_string()),
            highest: it.highest.map(|price| price.to_string()),
            workers: it.workers,
        }
    }
}

/// The constants a client needs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Parameters {
    treasury: AccountId,
    protocol_fee_ppm: u32,
    #[serde(serialize_with = "digits")]
    waiting_fee: u128,
    #[serde(serialize_with = "digits")]
    min_bond: u128,
    commit_period: BlockNumber,
    reveal_period: BlockNumber,
    min_challenge_window: BlockNumber,
    max_challenge_window: BlockNumber,
    max_duration: BlockNumber,
    era_length: BlockNumber,
    block_time_ms: u64,
}

impl From<job::Parameters> for Parameters {
    fn from(it: job::Parameters) -> Self {
        let (min_challenge_window, max_challenge_window) = it.challenge_window;
        Self {
            treasury: it.treasury,
            protocol_fee_ppm: it.protocol_fee_ppm,
            waiting_fee: it.waiting_fee,
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, Value};
    use sp_keyring::Sr25519Keyring::{Alice, Bob};
    use vigil_primitives::{
        job::{JobSpec, Policy},
        DatasetVersionId,
    };

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    const BOB: &str = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty";

    fn with(status: JobStatus<AccountId, BlockNumber>) -> Value {
        serde_json::to_value(Job::from(job::Job {
            id: 9,
            requester: Alice.to_account_id(),
            spec: JobSpec {
                version: ModelVersionId { model: 1, version: 2 },
                terms: terms::AcceptedTerms { licence: Hash::repeat_byte(5), commercial: true },
                input: Input::Inline(vec![101, 0, 0, 0].try_into().unwrap()),
                max_tokens_out: 0,
                sampling: Sampling::Greedy,
                policy: Policy { replicas: 2, challenge_window: 3 },
                max_price: 1 << 64,
                deadline: 50,
            },
            tokens_in: 1,
            attempts: 0,
            submitted_at: 10,
            waiting: WaitingCost::Running { per_block: 1 << 64 },
            status,
        }))
        .unwrap()
    }

    fn replica(state: ReplicaState<BlockNumber>) -> job::Replicas<AccountId, BlockNumber> {
        vec![job::Replica { worker: Bob.to_account_id(), ask: 5, state }].try_into().unwrap()
    }

    fn royalty(asset: impl Into<AssetId>, amount: u128, credited: bool) -> lineage::Royalty {
        lineage::Royalty { asset: asset.into(), payee: Bob.to_account_id(), amount, credited }
    }

    #[test]
    fn a_queued_job_should_show_what_was_asked() {
        assert_eq!(
            with(JobStatus::Queued),
            json!({
                "id": 9,
                "requester": ALICE,
                "version": "1@2",
                "terms": { "licence": format!("0x{}", "05".repeat(32)), "commercial": true },
                "input": { "kind": "inline", "bytes": "0x65000000" },
                "tokensIn": 1,
                "maxTokensOut": 0,
                "sampling": { "kind": "greedy" },
                "replicas": 2,
                "challengeWindow": 3,
                "maxPrice": "18446744073709551616",
                "deadline": 50,
                "attempts": 0,
                "submittedAt": 10,
                "waiting": { "kind": "running", "perBlock": "18446744073709551616" },
                "status": { "state": "queued" },
            })
        );
    }

    #[test]
    fn sampling_should_show_its_parameters_as_they_were_written() {
        let gumbel = Sampling::Gumbel {
            seed: u64::MAX,
            temperature: 0.8f32.to_bits(),
            min_p: 0.05f32.to_bits(),
        };
        assert_eq!(
            serde_json::to_value(HowToSample::from(gumbel)).unwrap(),
            json!({
                "kind": "gumbel",
                "seed": "18446744073709551615",
                "temperature": 0.8,
                "minP": 0.05,
            })
        );
    }

    #[test]
    fn an_assigned_job_should_show_until_when_each_worker_must_commit() {
        let replicas = replica(ReplicaState::Assigned { commit_by: 40 });
        assert_eq!(
            with(JobStatus::Assigned { replicas })["status"],
            json!({
                "state": "assigned",
                "workers": [{ "worker": BOB, "ask": "5", "state": "assigned", "commitBy": 40 }],
            })
        );
    }

    #[test]
    fn a_committed_worker_should_show_its_commitment() {
        let replicas = replica(ReplicaState::Committed { commitment: Hash::repeat_byte(9) });
        let json = with(JobStatus::Revealing { replicas, reveal_by: 60 });
        assert_eq!(json["status"]["revealBy"], 60);
        assert_eq!(json["status"]["workers"][0]["commitment"], format!("0x{}", "09".repeat(32)));
    }

    #[test]
    fn a_settled_job_should_show_its_output_and_who_was_paid() {
        let output = job::Output { hash: Hash::repeat_byte(4), tokens: 0 };
        let replicas = replica(ReplicaState::Revealed { output });
        let receipt = job::Receipt {
            workers: 10,
            owner: 20,
            treasury: 1,
            requester: u128::MAX,
            work: u64::MAX,
        };
        let royalties = vec![
            royalty(ModelVersionId { model: 1, version: 2 }, 19, true),
            royalty(DatasetVersionId { dataset: 3, version: 0 }, 1, false),
        ];
        let royalties = royalties.try_into().unwrap();
        let status = &with(JobStatus::Settled { output, replicas, receipt, royalties })["status"];
        assert_eq!(status["state"], "settled");
        assert_eq!(status["output"]["hash"], format!("0x{}", "04".repeat(32)));
        assert_eq!(status["workers"][0]["output"], status["output"]);
        assert_eq!(
            status["receipt"],
            json!({
                "workers": "10",
                "owner": "20",
                "treasury": "1",
                "requester": u128::MAX.to_string(),
                "work": u64::MAX.to_string(),
            })
        );
        assert_eq!(
            status["royalties"],
            json!([
                { "asset": "model:1@2", "payee": BOB, "amount": "19", "credited": true },
                { "asset": "dataset:3@0", "payee": BOB, "amount": "1", "credited": false },
            ])
        );
    }

    #[test]
    fn every_way_to_end_without_pay_should_have_a_name() {
        for (reason, name) in [
            (RefundReason::NoWorker, "no_worker"),
            (RefundReason::AttemptsExhausted, "attempts_exhausted"),
            (RefundReason::Undecided, "undecided"),
            (RefundReason::Outbid, "outbid"),
        ] {
            assert_eq!(
                with(JobStatus::Refunded { reason })["status"],
                json!({ "state": "refunded", "reason": name })
            );
        }
        assert_eq!(with(JobStatus::Cancelled)["status"], json!({ "state": "cancelled" }));
    }

    #[test]
    fn a_quote_should_say_null_when_nobody_can_take_the_job() {
        let quote = job::Quote {
            work: 7,
            owner_fee: 8,
            split: vec![royalty(ModelVersionId { model: 1, version: 2 }, 8, true)],
            lowest: Some(9),
            rewards: Some(1),
            highest: Some(9),
            workers: 0,
        };
        assert_eq!(
            serde_json::to_value(Quote::from(quote)).unwrap(),
            json!({
                "work": "7",
                "ownerFee": "8",
                "split": [{ "asset": "model:1@2", "payee": BOB, "amount": "8", "credited": true }],
                "lowest": "9",
                "rewards": "1",
                "highest": "9",
                "workers": 0,
            })
        );
    }
}
