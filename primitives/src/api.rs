//! The runtime APIs: what a worker, a command line or a frontend asks the chain, one trait per domain.
//!
//! Each has a version of its own. A client needs only those that it uses, at the version that
//! brought what it uses or a later one, so that a new domain or a new question locks nobody out. From the
//! first release on a method keeps its meaning for ever, and a change of one is a new method.
//!
//! Listings return at most [`PAGE`] entries, fewer if `limit` is smaller.

use crate::{
    audit::Record,
    channel::{
        ChannelId, ChannelOffer, ChannelParameters, ChannelSide, ChannelTerms, ChannelView,
        ShownReceipt,
    },
    dataset::{
        DatasetId, DatasetVersionId, DatasetVersionView, DatasetView, StatementKind, StatementView,
    },
    dispute::{Claim, ClaimId, DisputeId, DisputeView},
    grant::{GrantView, Permission},
    job::{Contribution, Job, JobId, NoQuote, Parameters, Quote, QuoteRequest},
    lineage::{LineageView, Share},
    model::{ModelId, ModelVersionId, ModelView, VersionView},
    worker::WorkerView,
    AccountId, AssetId, Balance, BlockNumber,
};
use alloc::vec::Vec;

/// Most entries of one page of a listing.
pub const PAGE: u32 = 100;

sp_api::decl_runtime_apis! {
    /// What the chain knows of models.
    #[api_version(1)]
    pub trait ModelsApi {
        /// A model.
        fn model(id: ModelId) -> Option<ModelView>;
        /// Models from number `from` on.
        fn models(from: ModelId, limit: u32) -> Vec<ModelView>;
        /// A version.
        fn version(id: ModelVersionId) -> Option<VersionView>;
    }

    /// What the chain knows of datasets and of what is said about them.
    #[api_version(1)]
    pub trait DatasetsApi {
        /// A dataset.
        fn dataset(id: DatasetId) -> Option<DatasetView>;
        /// Datasets from number `from` on.
        fn datasets(from: DatasetId, limit: u32) -> Vec<DatasetView>;
        /// A version of a dataset.
        fn dataset_version(id: DatasetVersionId) -> Option<DatasetVersionView>;
        /// Statements about a version of a dataset, in the order of the storage keys, after
        /// `after`.
        fn statements(
            id: DatasetVersionId,
            after: Option<(AccountId, StatementKind)>,
            limit: u32,
        ) -> Vec<StatementView>;
    }

    /// What assets descend from, who may use them, and what they earn.
    #[api_version(1)]
    pub trait ProvenanceApi {
        /// What an asset descends from, with shares and owners.
        fn lineage(asset: AssetId) -> Option<LineageView>;
        /// The assets that cite `asset`, each with the share that it gives, in the order of the
        /// storage keys, after `after`.
        fn descendants(asset: AssetId, after: Option<AssetId>, limit: u32) -> Vec<Share>;
        /// Whether an account may use an asset now; `None` when there is no such asset.
        fn permission(account: AccountId, asset: AssetId) -> Option<Permission>;
        /// The grants that an account holds, in the order of the storage keys, after `after`.
        fn grants_of(account: AccountId, after: Option<AssetId>, limit: u32) -> Vec<GrantView>;
        /// The grants of an asset, in the order of the storage keys, after `after`.
        fn grants_for(asset: AssetId, after: Option<AccountId>, limit: u32) -> Vec<GrantView>;
        /// What an asset has earned its owners in an era.
        fn asset_revenue(asset: AssetId, era: u32) -> Balance;
        /// What an account has earned in an era by each asset, in the order of the storage keys,
        /// after `after`.
        fn account_revenue(
            account: AccountId,
            era: u32,
            after: Option<AssetId>,
            limit: u32,
        ) -> Vec<(AssetId, Balance)>;
        /// What is kept for an account until it is collected.
        fn unpaid(account: AccountId) -> Balance;
    }

    /// What the chain knows of workers.
    #[api_version(2)]
    pub trait WorkersApi {
        /// A worker.
        fn worker(account: AccountId) -> Option<WorkerView>;
        /// Workers, in the order of the storage keys, after `after`.
        fn workers(after: Option<AccountId>, limit: u32) -> Vec<WorkerView>;
        /// What `worker` has computed and earned with a version.
        fn contribution(worker: AccountId, version: ModelVersionId) -> Contribution;
    }

    /// Jobs, what they cost and what they have brought about.
    #[api_version(2)]
    pub trait JobsApi {
        /// A job, until it is pruned.
        fn job(id: JobId) -> Option<Job>;
        /// Jobs from number `from` on that are not pruned.
        fn jobs(from: JobId, limit: u32) -> Vec<Job>;
        /// The jobs that `worker` is engaged in.
        fn assignments(worker: AccountId) -> Vec<Job>;
        /// What a job would cost now, how likely it is audited, and how long it takes.
        fn quote(request: QuoteRequest) -> Result<Quote, NoQuote>;
        /// What audits have found right of a version, in rewards.
        fn version_record(version: ModelVersionId) -> Record<BlockNumber>;
        /// What everybody has computed and earned in an era.
        fn era_total(era: u32) -> Contribution;
        /// The constants a client needs.
        fn parameters() -> Parameters;
    }

    /// Disputes, and what can be disputed.
    #[api_version(1)]
    pub trait DisputesApi {
        /// A dispute. Of one that has ended something is kept for a while.
        fn dispute(id: DisputeId) -> Option<DisputeView>;
        /// Disputes from number `from` on, of which something is kept.
        fn disputes(from: DisputeId, limit: u32) -> Vec<(DisputeId, DisputeView)>;
        /// The disputes from number `from` on in which an account has a side.
        fn disputes_of(
            account: AccountId,
            from: DisputeId,
            limit: u32,
        ) -> Vec<(DisputeId, DisputeView)>;
        /// The disputes about a claim that have not ended.
        fn disputes_about(claim: ClaimId) -> Vec<DisputeId>;
        /// What a claim says, if it can be challenged now.
        fn claim(claim: ClaimId) -> Option<Claim>;
        /// What a challenge of a claim takes as a bond, of a language model at a token of its output;
        /// `None` if it can't be challenged now.
        fn challenge_bond(claim: ClaimId, position: u32) -> Option<Balance>;
    }

    /// Channels: what workers offer, what is open, and what can be disputed of it.
    #[api_version(1)]
    pub trait ChannelsApi {
        /// A channel, until it is pruned.
        fn channel(id: ChannelId) -> Option<ChannelView>;
        /// The channels in which an account has this side, in the order of the storage keys, after
        /// `after`.
        fn channels_of(
            account: AccountId,
            side: ChannelSide,
            after: Option<ChannelId>,
            limit: u32,
        ) -> Vec<ChannelView>;
        /// The receipts of a channel that are on chain.
        fn channel_receipts(id: ChannelId) -> Vec<ShownReceipt>;
        /// The terms on which a worker takes channels, and how many it has open.
        fn channel_terms(worker: AccountId) -> Option<(ChannelTerms, u16)>;
        /// Workers that would take a channel of a version now, from a bounded sample.
        fn channel_offers(version: ModelVersionId) -> Vec<ChannelOffer>;
        /// The constants a client of channels needs.
        fn channel_parameters() -> ChannelParameters;
    }

    /// What every domain was asked before each had an interface of its own. Its version tells a
    /// client of that time, in one sentence, that it is too old.
    #[api_version(2)]
    pub trait VigilApi {
        /// The names of the interfaces that took its place.
        fn domains() -> Vec<Vec<u8>>;
    }
}
