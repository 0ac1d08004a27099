//! Disputes: what is claimed, who challenges it, and how far they have come.

use crate::{form::text, jobs::Output};
use serde::{Deserialize, Serialize};
use vigil_primitives::{
    dispute::{self, ClaimId, Descent, DisputeView},
    AccountId, Balance, BlockNumber, ChannelId, DisputeId, Hash, JobId, ModelVersionId,
};

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Dispute {
    /// It goes on.
    Open(Box<OpenDispute>),
    /// It has ended.
    Ended(Box<EndedDispute>),
}

/// A dispute that has not ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OpenDispute {
    /// Its number.
    pub id: DisputeId,
    /// Whose result of what is disputed.
    pub claim: Claim,
    /// What was run, `model@version`.
    #[serde(with = "text")]
    pub version: ModelVersionId,
    /// BLAKE3 of the input's token ids.
    pub input: Hash,
    /// Tokens of the input.
    pub tokens_in: u32,
    /// What came out, as it is claimed.
    pub output: Output,
    /// Who challenges it.
    pub challenger: AccountId,
    /// On hold of the challenger.
    #[serde(with = "text")]
    pub bond: Balance,
    /// Whether the challenger stands for another result of the same job, and has no bond.
    pub rival: bool,
    /// The disputed token of the output.
    pub token: Option<Token>,
    /// Where it stands.
    pub stage: Stage,
    /// Whose turn it is.
    pub turn: Side,
    /// The last block for the next move.
    pub deadline: BlockNumber,
    /// Blocks that each side had left for all its moves when the turn began.
    pub clocks: Clocks,
    /// Moves so far, of both.
    pub moves: u32,
    /// What they would have cost: the loser pays it.
    #[serde(with = "text")]
    pub costs: Balance,
    /// The block in which it began.
    pub opened_at: BlockNumber,
}

/// A dispute that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndedDispute {
    /// Its number.
    pub id: DisputeId,
    /// Whose result of what was disputed.
    pub claim: Claim,
    /// Who challenged it.
    pub challenger: AccountId,
    /// The disputed token of the output.
    pub token: Option<Token>,
    /// How far it came.
    pub reached: Reached,
    /// How it ended.
    pub verdict: Verdict,
    /// Moves of both.
    pub moves: u32,
    /// What they would have cost.
    #[serde(with = "text")]
    pub costs: Balance,
    /// The block in which it began.
    pub opened_at: BlockNumber,
    /// The block in which it ended.
    pub ended_at: BlockNumber,
}

/// Which claim.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Claim {
    /// What a worker has revealed for a job.
    Job {
        /// The job.
        job: JobId,
        /// The worker.
        worker: AccountId,
    },
    /// A receipt that a worker has signed for an answer of a channel.
    Receipt {
        /// The worker.
        worker: AccountId,
        /// The channel.
        channel: ChannelId,
        /// What names the receipt.
        receipt: Hash,
    },
}

impl From<ClaimId> for Claim {
    fn from(it: ClaimId) -> Self {
        match it {
            ClaimId::Job { job, worker } => Self::Job { job, worker },
            ClaimId::Receipt { worker, channel, receipt } => {
                Self::Receipt { worker, channel, receipt }
            }
        }
    }
}

/// A token of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its place, from 0.
    pub position: u32,
    /// Its id.
    pub id: u32,
}

impl From<dispute::TokenAt> for Token {
    fn from(it: dispute::TokenAt) -> Self {
        Self { position: it.position, id: it.id }
    }
}

/// A side of a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Who stands for the claim.
    Claimant,
    /// Who challenges it.
    Challenger,
}

impl From<dispute::Side> for Side {
    fn from(it: dispute::Side) -> Self {
        match it {
            dispute::Side::Claimant => Self::Claimant,
            dispute::Side::Challenger => Self::Challenger,
        }
    }
}

/// Blocks that each side has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    /// Of the claimant.
    pub claimant: BlockNumber,
    /// Of the challenger.
    pub challenger: BlockNumber,
}

/// What a row program ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// One row of an anchor.
    Record {
        /// Number of the anchor.
        anchor: u32,
        /// The row.
        row: u32,
    },
    /// The disputed token, or the vector.
    Output,
}

impl From<dispute::Target> for Target {
    fn from(it: dispute::Target) -> Self {
        match it {
            dispute::Target::Record { anchor, row } => Self::Record { anchor, row },
            dispute::Target::Output => Self::Output,
        }
    }
}

/// How far a hash tree is descended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// The first item below it.
    #[serde(with = "text")]
    pub first: u64,
    /// How many there are.
    #[serde(with = "text")]
    pub count: u64,
    /// The node.
    pub hash: Hash,
    /// The nodes below it, once the claimant has shown them.
    pub shown: Option<Vec<Hash>>,
}

impl From<Descent> for Node {
    fn from(it: Descent) -> Self {
        let (node, shown) = match it {
            Descent::Named(node) => (node, None),
            Descent::Shown { node, shown } => (node, Some(shown.into_inner())),
        };
        Self { first: node.first, count: node.count, hash: node.hash, shown }
    }
}

/// One of the two ends of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// What went in.
    Input,
    /// What came out.
    Output,
}

/// Where a dispute stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Stage {
    /// The challenger is to say what is wrong.
    Ground,
    /// The claimant is to commit to the anchors of the trace.
    Anchors,
    /// The challenger is to name the first that differs.
    Anchor {
        /// Their roots.
        roots: Vec<Hash>,
    },
    /// They look for the first row that differs.
    Rows {
        /// The anchor.
        anchor: u32,
        /// How far they are.
        node: Node,
    },
    /// The claimant is to commit to the results of a row program.
    Results {
        /// What it ends in.
        target: Target,
    },
    /// The challenger is to name the first that differs.
    Result {
        /// What the row program ends in.
        target: Target,
        /// BLAKE3 of its results.
        results: Vec<Hash>,
    },
    /// They look for a chunk of it that differs.
    Chunks {
        /// What the row program ends in.
        target: Target,
        /// The step whose result is disputed.
        step: u32,
        /// How far they are.
        node: Node,
    },
    /// The claimant is to show a chunk.
    Bytes {
        /// What the row program ends in.
        target: Target,
        /// The step whose result is disputed.
        step: u32,
        /// The chunk of it.
        #[serde(with = "text")]
        chunk: u64,
    },
    /// The challenger is to prove what an element of it is computed from.
    Element {
        /// What the row program ends in.
        target: Target,
        /// The step whose result is disputed.
        step: u32,
        /// The chunk of it.
        #[serde(with = "text")]
        chunk: u64,
        /// Its bytes.
        bytes: sp_core::Bytes,
    },
    /// The claimant is to publish a part of the input or the output.
    Withheld {
        /// Of which end.
        end: End,
        /// The first chunk of 1,024 bytes.
        first: u32,
    },
}

impl From<dispute::Stage> for Stage {
    fn from(it: dispute::Stage) -> Self {
        use dispute::Stage as It;
        match it {
            It::Ground => Self::Ground,
            It::Anchors => Self::Anchors,
            It::Anchor { roots } => Self::Anchor { roots: roots.into_inner() },
            It::Rows { anchor, descent, .. } => Self::Rows { anchor, node: descent.into() },
            It::Results { target, .. } => Self::Results { target: target.into() },
            It::Result { target, results, .. } => {
                Self::Result { target: target.into(), results: results.into_inner() }
            }
            It::Chunks { disputed, descent } => Self::Chunks {
                target: disputed.target.into(),
                step: disputed.step,
                node: descent.into(),
            },
            It::Bytes { disputed, chunk, .. } => {
                Self::Bytes { target: disputed.target.into(), step: disputed.step, chunk }
            }
            It::Element { disputed, chunk, bytes } => Self::Element {
                target: disputed.target.into(),
                step: disputed.step,
                chunk,
                bytes: bytes.into_inner().into(),
            },
            It::Withheld { end, first } => Self::Withheld {
                end: match end {
                    dispute::End::Input => End::Input,
                    dispute::End::Output => End::Output,
                },
                first,
            },
        }
    }
}

/// How far a dispute came; what is not known of it is `null`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// The anchor, while its rows were looked through.
    pub anchor: Option<u32>,
    /// What the row program ends in.
    pub target: Option<Target>,
    /// The step whose result was disputed.
    pub step: Option<u32>,
    /// The element that was computed, counted in the step's result.
    pub element: Option<u64>,
}

impl From<dispute::Reached> for Reached {
    fn from(it: dispute::Reached) -> Self {
        let target = it.target.map(Into::into);
        Self { anchor: it.anchor, target, step: it.step, element: it.element }
    }
}

/// How a dispute ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Verdict {
    /// The claim is wrong.
    Convicted {
        /// Why.
        fault: Fault,
    },
    /// The runtime has computed the element that the challenger named, and it is the claimant's.
    Vindicated,
    /// The challenger's time has run out.
    Abandoned,
    /// The bytes that were asked for are published.
    Published,
    /// Another dispute has convicted the claim.
    Moot,
}

/// Why a claim is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The runtime has computed an element and it is another.
    Element,
    /// A token is outside the vocabulary.
    Vocabulary,
    /// The output goes on behind a token that ends it.
    GoesOn,
    /// The output ends before it may.
    EndsEarly,
    /// There are not as many bytes behind a hash as the claim says.
    Length,
    /// The claimant's time has run out.
    Silence,
}

impl From<dispute::Verdict> for Verdict {
    fn from(it: dispute::Verdict) -> Self {
        use dispute::Fault as Why;
        match it {
            dispute::Verdict::Convicted(fault) => Self::Convicted {
                fault: match fault {
                    Why::Element => Fault::Element,
                    Why::Vocabulary => Fault::Vocabulary,
                    Why::GoesOn => Fault::GoesOn,
                    Why::EndsEarly => Fault::EndsEarly,
                    Why::Length => Fault::Length,
                    Why::Silence => Fault::Silence,
                },
            },
            dispute::Verdict::Vindicated => Self::Vindicated,
            dispute::Verdict::Abandoned => Self::Abandoned,
            dispute::Verdict::Published => Self::Published,
            dispute::Verdict::Moot => Self::Moot,
        }
    }
}

impl From<(DisputeId, DisputeView)> for Dispute {
    fn from((id, it): (DisputeId, DisputeView)) -> Self {
        match it {
            DisputeView::Open(it) => Self::Open(Box::new(OpenDispute {
                id,
                deadline: it.deadline(),
                turn: it.stage.turn().into(),
                claim: it.claim_id.into(),
                version: it.claim.version,
                input: it.claim.input,
                tokens_in: it.claim.tokens_in,
                output: it.claim.output.into(),
                challenger: it.challenger,
                bond: it.bond,
                rival: it.rival,
                token: it.token.map(Into::into),
                stage: it.stage.into(),
                clocks: Clocks { claimant: it.clocks.claimant, challenger: it.clocks.challenger },
                moves: it.moves,
                costs: it.costs,
                opened_at: it.opened_at,
            })),
            DisputeView::Ended(it) => Self::Ended(Box::new(EndedDispute {
                id,
                claim: it.claim_id.into(),
                challenger: it.challenger,
                token: it.token.map(Into::into),
                reached: it.reached.into(),
                verdict: it.verdict.into(),
                moves: it.moves,
                costs: it.costs,
                opened_at: it.opened_at,
                ended_at: it.ended_at,
            })),
        }
    }
}

#[cfg(any(feature = "server", feature = "client"))]
mod methods {
    use super::Dispute;
    use jsonrpsee::{core::RpcResult, proc_macros::rpc};
    use vigil_primitives::{AccountId, ChannelId, DisputeId, Hash, JobId};

    /// Questions about disputes. `at` is a block's hash; without it the best block answers.
    #[cfg_attr(
        all(feature = "server", feature = "client"),
        rpc(server, client, namespace = "disputes")
    )]
    #[cfg_attr(
        all(feature = "server", not(feature = "client")),
        rpc(server, namespace = "disputes")
    )]
    #[cfg_attr(
        all(feature = "client", not(feature = "server")),
        rpc(client, namespace = "disputes")
    )]
    pub trait DisputesApi {
        /// A dispute by number. Of one that has ended something is kept for a while.
        #[method(name = "dispute", blocking)]
        fn dispute(&self, id: DisputeId, at: Option<Hash>) -> RpcResult<Option<Dispute>>;

        /// At most `limit` disputes, and at most 100, from number `from` on.
        #[method(name = "disputes", blocking)]
        fn disputes(
            &self,
            from: DisputeId,
            limit: u32,
            at: Option<Hash>,
        ) -> RpcResult<Vec<Dispute>>;

        /// The disputes in which an account has a side, in the order of the storage keys.
        #[method(name = "of", blocking)]
        fn of(
            &self,
            account: AccountId,
            from: DisputeId,
            limit: u32,
            at: Option<Hash>,
        ) -> RpcResult<Vec<Dispute>>;

        /// The disputes about a worker's result of a job that have not ended.
        #[method(name = "about", blocking)]
        fn about(
            &self,
            job: JobId,
            worker: AccountId,
            at: Option<Hash>,
        ) -> RpcResult<Vec<DisputeId>>;

        /// What a challenge of a worker's result of a job takes as a bond, in decimal digits, at a
        /// token of the output; `null` if it can't be challenged now.
        #[method(name = "bond", blocking)]
        fn bond(
            &self,
            job: JobId,
            worker: AccountId,
            position: u32,
            at: Option<Hash>,
        ) -> RpcResult<Option<String>>;

        /// The same as `about` of a worker's receipt that is on chain, by its channel and hash.
        #[method(name = "aboutReceipt", blocking)]
        fn about_receipt(
            &self,
            worker: AccountId,
            channel: ChannelId,
            receipt: Hash,
            at: Option<Hash>,
        ) -> RpcResult<Vec<DisputeId>>;

        /// The same as `bond` of a worker's receipt that is on chain.
        #[method(name = "receiptBond", blocking)]
        fn receipt_bond(
            &self,
            worker: AccountId,
            channel: ChannelId,
            receipt: Hash,
            position: u32,
            at: Option<Hash>,
        ) -> RpcResult<Option<String>>;
    }
}

#[cfg(feature = "client")]
pub use methods::DisputesApiClient;
#[cfg(feature = "server")]
pub use methods::DisputesApiServer;
