//! What the chain knows at one block.

use crate::{
    api::Api,
    connection::Client,
    error::{Error, Result},
    pages,
};
use codec::{Decode, DecodeAll, Encode};
use sp_io::hashing::{blake2_128, twox_128};
use vigil_primitives::{
    api::PAGE,
    asset::Asset,
    audit::Record,
    dataset::{DatasetVersionView, DatasetView, StatementKind, StatementView},
    dispute::{Claim, ClaimId, DisputeId, DisputeView},
    grant::{GrantView, Permission},
    job::{Contribution, NoQuote, Parameters, Quote, QuoteRequest},
    lineage::{LineageView, Share},
    model::{ModelView, VersionView},
    worker::WorkerView,
    AccountId, AssetId, Balance, BlockNumber, DatasetId, DatasetVersionId, Hash, Job, JobId,
    ModelId, ModelVersionId, Nonce,
};

/// The state at one block, or at whichever block is the best when asked.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    client: &'a Client,
    at: Option<Hash>,
}

/// The money of an account, in the smallest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balances {
    /// Not held; some of it may be frozen.
    pub free: Balance,
    /// Held as deposits, bonds and escrows.
    pub held: Balance,
    /// The part of the sum that can't be transferred.
    pub frozen: Balance,
}

impl Balances {
    /// What can be spent while the account keeps the chain's minimum.
    pub fn spendable(&self, minimum: Balance) -> Balance {
        let untouchable = self.frozen.saturating_sub(self.held).max(minimum);
        self.free.saturating_sub(untouchable)
    }
}

impl<'a> View<'a> {
    pub(crate) fn new(client: &'a Client, at: Option<Hash>) -> Self {
        Self { client, at }
    }

    /// A model.
    pub async fn model(&self, id: ModelId) -> Result<Option<ModelView>> {
        self.call("ModelsApi_model", id).await
    }

    /// Models from number `from` on.
    pub async fn models(&self, from: ModelId, limit: u32) -> Result<Vec<ModelView>> {
        self.call("ModelsApi_models", (from, limit)).await
    }

    /// A version.
    pub async fn version(&self, id: ModelVersionId) -> Result<Option<VersionView>> {
        self.call("ModelsApi_version", id).await
    }

    /// A worker.
    pub async fn worker(&self, account: &AccountId) -> Result<Option<WorkerView>> {
        self.call("WorkersApi_worker", account).await
    }

    /// Workers after `after`, in the chain's order.
    pub async fn workers(&self, after: Option<&AccountId>, limit: u32) -> Result<Vec<WorkerView>> {
        self.call("WorkersApi_workers", (after, limit)).await
    }

    /// A job; `None` when there is none or it has been pruned.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>> {
        self.call("JobsApi_job", id).await
    }

    /// Jobs from number `from` on.
    pub async fn jobs(&self, from: JobId, limit: u32) -> Result<Vec<Job>> {
        self.call("JobsApi_jobs", (from, limit)).await
    }

    /// The jobs a worker is engaged in.
    pub async fn assignments(&self, worker: &AccountId) -> Result<Vec<Job>> {
        self.call("JobsApi_assignments", worker).await
    }

    /// A dispute. Of one that has ended something is kept for a while.
    pub async fn dispute(&self, id: DisputeId) -> Result<Option<DisputeView>> {
        self.call("DisputesApi_dispute", id).await
    }

    /// Disputes from number `from` on.
    pub async fn disputes(
        &self,
        from: DisputeId,
        limit: u32,
    ) -> Result<Vec<(DisputeId, DisputeView)>> {
        self.call("DisputesApi_disputes", (from, limit)).await
    }

    /// All disputes in which an account has a side: the chain bounds how many there are.
    pub async fn disputes_of(&self, account: &AccountId) -> Result<Vec<(DisputeId, DisputeView)>> {
        let behind = |(id, _): &(DisputeId, DisputeView)| id.saturating_add(1);
        pages(0, behind, |from| self.call("DisputesApi_disputes_of", (account, from, PAGE))).await
    }

    /// The disputes about a claim that have not ended.
    pub async fn disputes_about(&self, claim: &ClaimId) -> Result<Vec<DisputeId>> {
        self.call("DisputesApi_disputes_about", claim).await
    }

    /// What a claim says, if it can be challenged now.
    pub async fn claim(&self, claim: &ClaimId) -> Result<Option<Claim>> {
        self.call("DisputesApi_claim", claim).await
    }

    /// What a challenge of a claim takes as a bond; `None` if it can't be challenged now.
    pub async fn challenge_bond(&self, claim: &ClaimId, position: u32) -> Result<Option<Balance>> {
        self.call("DisputesApi_challenge_bond", (claim, position)).await
    }

    /// What a worker has computed and earned with a version.
    pub async fn contribution(
        &self,
        worker: &AccountId,
        version: ModelVersionId,
    ) -> Result<Contribution> {
        self.call("WorkersApi_contribution", (worker, version)).await
    }

    /// What everybody has computed and earned in an era.
    pub async fn era_total(&self, era: u32) -> Result<Contribution> {
        self.call("JobsApi_era_total", era).await
    }

    /// What a job would cost, how likely it is audited, and how long it takes.
    pub async fn quote(&self, request: QuoteRequest) -> Result<Result<Quote, NoQuote>> {
        self.call("JobsApi_quote", request).await
    }

    /// What audits have found right of a version, in rewards.
    pub async fn version_record(&self, version: ModelVersionId) -> Result<Record<BlockNumber>> {
        self.call("JobsApi_version_record", version).await
    }

    /// A dataset.
    pub async fn dataset(&self, id: DatasetId) -> Result<Option<DatasetView>> {
        self.call("DatasetsApi_dataset", id).await
    }

    /// Datasets from number `from` on.
    pub async fn datasets(&self, from: DatasetId, limit: u32) -> Result<Vec<DatasetView>> {
        self.call("DatasetsApi_datasets", (from, limit)).await
    }

    /// A version of a dataset.
    pub async fn dataset_version(
        &self,
        id: DatasetVersionId,
    ) -> Result<Option<DatasetVersionView>> {
        self.call("DatasetsApi_dataset_version", id).await
    }

    /// Statements about a version of a dataset, after `after` in the chain's order.
    pub async fn statements(
        &self,
        id: DatasetVersionId,
        after: Option<(&AccountId, StatementKind)>,
        limit: u32,
    ) -> Result<Vec<StatementView>> {
        self.call("DatasetsApi_statements", (id, after, limit)).await
    }

    /// What an asset descends from.
    pub async fn lineage(&self, asset: AssetId) -> Result<Option<LineageView>> {
        self.call("ProvenanceApi_lineage", asset).await
    }

    /// What counts of an asset for its use.
    pub async fn asset(&self, id: AssetId) -> Result<Option<Asset<AccountId>>> {
        Ok(match id {
            AssetId::Model(id) => self.version(id).await?.map(|version| Asset {
                owner: version.owner,
                status: version.status,
                terms: version.spec.terms,
            }),
            AssetId::Dataset(id) => self.dataset_version(id).await?.map(|version| Asset {
                owner: version.owner,
                status: version.status,
                terms: version.spec.terms,
            }),
        })
    }

    /// The assets that cite `asset`, after `after` in the chain's order.
    pub async fn descendants(
        &self,
        asset: AssetId,
        after: Option<AssetId>,
        limit: u32,
    ) -> Result<Vec<Share>> {
        self.call("ProvenanceApi_descendants", (asset, after, limit)).await
    }

    /// Whether an account may use an asset; `None` when there is no such asset.
    pub async fn permission(
        &self,
        account: &AccountId,
        asset: AssetId,
    ) -> Result<Option<Permission>> {
        self.call("ProvenanceApi_permission", (account, asset)).await
    }

    /// The grants that an account holds, after `after` in the chain's order.
    pub async fn grants_of(
        &self,
        account: &AccountId,
        after: Option<AssetId>,
        limit: u32,
    ) -> Result<Vec<GrantView>> {
        self.call("ProvenanceApi_grants_of", (account, after, limit)).await
    }

    /// The grants of an asset, after `after` in the chain's order.
    pub async fn grants_for(
        &self,
        asset: AssetId,
        after: Option<&AccountId>,
        limit: u32,
    ) -> Result<Vec<GrantView>> {
        self.call("ProvenanceApi_grants_for", (asset, after, limit)).await
    }

    /// What an asset has earned its owners in an era.
    pub async fn asset_revenue(&self, asset: AssetId, era: u32) -> Result<Balance> {
        self.call("ProvenanceApi_asset_revenue", (asset, era)).await
    }

    /// What an account has earned in an era by each asset, after `after` in the chain's order.
    pub async fn account_revenue(
        &self,
        account: &AccountId,
        era: u32,
        after: Option<AssetId>,
        limit: u32,
    ) -> Result<Vec<(AssetId, Balance)>> {
        self.call("ProvenanceApi_account_revenue", (account, era, after, limit)).await
    }

    /// What is kept for an account until it is collected.
    pub async fn unpaid(&self, account: &AccountId) -> Result<Balance> {
        self.call("ProvenanceApi_unpaid", account).await
    }

    /// The chain's constants.
    pub async fn parameters(&self) -> Result<Parameters> {
        self.call("JobsApi_parameters", ()).await
    }

    /// Number of transactions the account has made.
    pub async fn nonce(&self, account: &AccountId) -> Result<Nonce> {
        self.call("AccountNonceApi_account_nonce", account).await
    }

    /// The money of an account; zeros when there is no such account.
    pub async fn balances(&self, account: &AccountId) -> Result<Balances> {
        /// `frame_system::AccountInfo` with `pallet_balances::AccountData`.
        type Info = (Nonce, u32, u32, u32, [Balance; 4]);

        let methods = &self.client.inner.methods;
        let key = account_key(account);
        let request = || methods.state_get_storage(&key, self.at);
        let Some(bytes) = self.client.request("the account", request).await? else {
            return Ok(Balances::default());
        };
        let (_, _, _, _, [free, held, frozen, _]) = Info::decode(&mut &bytes[..])
            .map_err(|error| Error::Incompatible(format!("System.Account: {error}")))?;
        Ok(Balances { free, held, frozen })
    }

    /// The smallest balance an account may have.
    pub async fn existential_deposit(&self) -> Result<Balance> {
        let block = match self.at {
            None => self.client.best_head().await?,
            Some(hash) => self.client.head_of(hash).await?,
        };
        let at = self.client.at_block(block).await?;
        at.metadata_ref()
            .pallet_by_name("Balances")
            .and_then(|pallet| pallet.constant_by_name("ExistentialDeposit"))
            .and_then(|constant| Balance::decode_all(&mut constant.value()).ok())
            .ok_or_else(|| Error::Incompatible("no Balances.ExistentialDeposit".into()))
    }

    /// Calls a method of the runtime. The answer must be the SCALE of `T` and nothing more.
    async fn call<T: Decode>(&self, method: &'static str, arguments: impl Encode) -> Result<T> {
        let arguments = arguments.encode();
        let methods = &self.client.inner.methods;
        let answer = self
            .client
            .request(method, || methods.state_call(method, Some(&arguments), self.at))
            .await;
        let bytes = match (answer, Api::of(method)) {
            // The chain is older or newer than this program: say which, and what to update.
            (Err(Error::Incompatible(reason)), Some(api)) => {
                self.client.require(&[api]).await?;
                return Err(Error::Incompatible(reason));
            }
            (answer, _) => answer?,
        };
        T::decode_all(&mut &bytes[..])
            .map_err(|error| Error::Incompatible(format!("the answer of {method}: {error}")))
    }
}

/// Storage key of `System.Account` of an account.
fn account_key(account: &AccountId) -> Vec<u8> {
    let bytes: &[u8] = account.as_ref();
    [&twox_128(b"System")[..], &twox_128(b"Account"), &blake2_128(bytes), bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_key_should_be_that_of_the_system_pallet() {
        let alice = crate::Key::dev("Alice").unwrap();
        assert_eq!(
            hex::encode(account_key(alice.account())),
            "26aa394eea5630e07c48ae0c9558cef7b99d880ec681799c0cf30e8886371da9\
             de1e86a9a8c739864cf3cc5ec2bea59fd43593c715fdd31c61141abd04a99fd6\
             822c8558854ccde39a5684e7a56da27d"
        );
    }

    #[test]
    fn spendable_should_leave_the_minimum_and_what_is_frozen() {
        let balances = Balances { free: 100, held: 30, frozen: 50 };
        assert_eq!(balances.spendable(1), 80);
        assert_eq!(balances.spendable(40), 60);
        assert_eq!(Balances::default().spendable(1), 0);
    }
}
