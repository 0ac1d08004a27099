//! Why a run cannot be ordered, or has no output.

use vigil_primitives::{
    architecture::BadRun,
    grant::Permission,
    job::{NoQuote, MAX_INLINE_INPUT},
    terms::{Access, Licence},
    AccountId, Balance, BlockNumber, ContentHash, Job, JobId, ModelVersionId,
};

/// What the calls of a [`Requester`](super::Requester) return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a run cannot be ordered, or has no output. Nothing has been paid, unless it says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The chain cannot be asked, or refuses.
    #[error(transparent)]
    Chain(#[from] crate::Error),
    /// There is no key to sign with.
    #[error("there is no key to sign with")]
    NoKey,
    /// There is no such version.
    #[error("there is no version {0}")]
    UnknownVersion(ModelVersionId),
    /// There is no such job, or its record has been pruned.
    #[error("there is no job {0}, or its record has been pruned")]
    UnknownJob(JobId),
    /// The version takes no new jobs.
    #[error("version {0} is revoked and takes no new jobs: choose another one")]
    Revoked(ModelVersionId),
    /// The version has another licence than the one that was accepted.
    #[error("version {version} has the licence with the hash {found:?}, not {accepted:?}")]
    OtherLicence {
        /// The version.
        version: ModelVersionId,
        /// Its licence, as its owner wrote it: not safe to print.
        licence: Licence,
        /// The hash of that.
        found: ContentHash,
        /// The hash that was accepted.
        accepted: ContentHash,
    },
    /// The version forbids commercial use.
    #[error("version {0} forbids commercial use: choose another version for it")]
    CommercialUseForbidden(ModelVersionId),
    /// The requester may not use the version.
    #[error("{account} may not use version {version}")]
    NoAccess {
        /// The version.
        version: ModelVersionId,
        /// Who asks.
        account: AccountId,
        /// Who owns the version, and can give a grant.
        owner: AccountId,
        /// Who has access.
        access: Box<Access>,
        /// Why not the requester.
        permission: Box<Permission>,
    },
    /// The requester's grant has fewer uses left than there are inputs: each reserves one.
    #[error(
        "{needed} runs need as many uses of the grant of version {version}, and {left} are left"
    )]
    TooFewUses {
        /// The version.
        version: ModelVersionId,
        /// Uses that are needed.
        needed: usize,
        /// Uses that are left.
        left: u32,
    },
    /// The model cannot run an input.
    #[error("input {input} cannot be run: {reason}")]
    BadRun {
        /// Which input, from 0.
        input: usize,
        /// Why.
        reason: BadRun,
    },
    /// An input holds a token that the model does not know.
    #[error("token id {token} is not in the vocabulary: ids go from 0 to {}", vocabulary.saturating_sub(1))]
    UnknownToken {
        /// Which input, from 0.
        input: usize,
        /// The token.
        token: u32,
        /// Tokens that the model knows.
        vocabulary: u32,
    },
    /// An input is too long to be written on chain.
    #[error("input {input} has {bytes} bytes of token ids, more than the {MAX_INLINE_INPUT} that the chain carries: hand it over by hash")]
    TooLongForChain {
        /// Which input, from 0.
        input: usize,
        /// Bytes of its token ids.
        bytes: usize,
    },
    /// There is no quote.
    #[error("there is no quote for version {version}: {}", no_quote(reason))]
    NoQuote {
        /// The version.
        version: ModelVersionId,
        /// Why.
        reason: NoQuote,
    },
    /// No worker serves the version.
    #[error("no worker serves version {0}: start one, or wait for one")]
    NobodyServes(ModelVersionId),
    /// Workers serve the version, and none of them can take a job now.
    #[error("all {workers} workers of version {version} are busy or lack the bond: try again later, or offer a price and wait")]
    AllBusy {
        /// The version.
        version: ModelVersionId,
        /// How many.
        workers: u32,
    },
    /// The chain does not allow the challenge window.
    #[error("a challenge window of {asked} blocks is out of range: the chain allows {shortest} to {longest}")]
    WindowOutOfRange {
        /// What was asked for, in blocks.
        asked: BlockNumber,
        /// The shortest, in blocks.
        shortest: BlockNumber,
        /// The longest, in blocks.
        longest: BlockNumber,
    },
    /// The account cannot pay for it.
    #[error("{runs} runs need more in escrow and for waiting than the {spendable} units that {account} can spend")]
    Unaffordable {
        /// How many runs.
        runs: usize,
        /// What they need, in the smallest unit; `None` when that is more than there is.
        needed: Option<Balance>,
        /// What the account can spend, in the smallest unit.
        spendable: Balance,
        /// Who would pay.
        account: AccountId,
    },
    /// The job has no output: it has not ended, or ended without one.
    #[error("job {} has no output", .0.id)]
    NoOutput(Box<Job>),
    /// The job's input is not on chain, and nobody hands it out.
    #[error("no worker hands out the input of job {job}: {}", reasons.join("; "))]
    InputUnavailable {
        /// The job.
        job: JobId,
        /// What each worker said.
        reasons: Vec<String>,
    },
    /// Nobody hands out an output that was revealed.
    #[error("no worker of job {job} hands out its output {hash:?}: {}", reasons.join("; "))]
    OutputUnavailable {
        /// The job.
        job: JobId,
        /// BLAKE3 of the output.
        hash: ContentHash,
        /// What each worker that revealed it said.
        reasons: Vec<String>,
    },
}

fn no_quote(reason: &NoQuote) -> String {
    match reason {
        NoQuote::UnknownVersion => "there is no such version".into(),
        NoQuote::Revoked => "it is revoked and takes no new jobs".into(),
        NoQuote::BadRun(bad) => format!("it cannot run this request: {bad}"),
        NoQuote::BadPolicy => {
            "the chain does not allow this number of replicas, or this region".into()
        }
    }
}
