//! Every extrinsic of models, datasets, grants, workers, jobs and disputes.
//!
//! A [`Call`] is a pallet's name, a call's name and the SCALE of the arguments. The indices come
//! from the node's metadata when it is signed, and the arguments are then decoded once against that
//! metadata, so that a chain with other arguments is refused before anything is sent.

use codec::Encode;
use subxt::{
    ext::scale_encode::{self, EncodeAsFields, FieldIter, TypeResolver},
    transactions::Payload,
};

/// An extrinsic that has not been signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pallet: &'static str,
    name: &'static str,
    arguments: Arguments,
}

/// SCALE-encoded arguments of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    fields: usize,
    bytes: Vec<u8>,
}

impl Call {
    /// A call of any pallet. `arguments` is a tuple of the `fields` arguments of the call.
    pub fn new(
        pallet: &'static str,
        name: &'static str,
        fields: usize,
        arguments: impl Encode,
    ) -> Self {
        Self { pallet, name, arguments: Arguments { fields, bytes: arguments.encode() } }
    }

    /// Name of the pallet.
    pub fn pallet(&self) -> &'static str {
        self.pallet
    }

    /// Name of the call.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl Payload for Call {
    type CallData = Arguments;

    fn pallet_name(&self) -> &str {
        self.pallet
    }

    fn call_name(&self) -> &str {
        self.name
    }

    fn call_data(&self) -> &Arguments {
        &self.arguments
    }
}

impl EncodeAsFields for Arguments {
    fn encode_as_fields_to<R: TypeResolver>(
        &self,
        fields: &mut dyn FieldIter<'_, R::TypeId>,
        _types: &R,
        out: &mut Vec<u8>,
    ) -> Result<(), scale_encode::Error> {
        let expected = fields.count();
        if expected != self.fields {
            return Err(scale_encode::Error::custom_string(format!(
                "the chain takes {expected} arguments, this program has {}",
                self.fields
            )));
        }
        out.extend_from_slice(&self.bytes);
        Ok(())
    }
}

/// Calls of pallet `Models`.
pub mod models {
    use super::Call;
    use vigil_primitives::{
        lineage::Shares,
        model::{Name, VersionSpec},
        AccountId, ModelId, ModelVersionId,
    };

    const PALLET: &str = "Models";

    /// Registers a model. Its number is in the event `ModelCreated`.
    pub fn create(name: &Name) -> Call {
        Call::new(PALLET, "create", 1, (name,))
    }

    /// Publishes the next version of a model, which descends from what `citations` name.
    pub fn publish(model: ModelId, spec: &VersionSpec, citations: &Shares) -> Call {
        Call::new(PALLET, "publish", 3, (model, spec, citations))
    }

    /// Offers a model to another account.
    pub fn offer(model: ModelId, to: &AccountId) -> Call {
        Call::new(PALLET, "offer", 2, (model, to))
    }

    /// Takes over a model that was offered to the signer.
    pub fn accept(model: ModelId) -> Call {
        Call::new(PALLET, "accept", 1, (model,))
    }

    /// Takes an offer back.
    pub fn withdraw_offer(model: ModelId) -> Call {
        Call::new(PALLET, "withdraw_offer", 1, (model,))
    }

    /// Marks a version as one that no further worker should serve.
    pub fn deprecate(version: ModelVersionId) -> Call {
        Call::new(PALLET, "deprecate", 2, (version.model, version.version))
    }

    /// Ends new jobs for a version.
    pub fn revoke(version: ModelVersionId) -> Call {
        Call::new(PALLET, "revoke", 2, (version.model, version.version))
    }
}

/// Calls of pallet `Datasets`: datasets and statements about them.
pub mod datasets {
    use super::Call;
    use vigil_primitives::{
        dataset::{DatasetSpec, StatementKind},
        lineage::Shares,
        model::Name,
        AccountId, ContentHash, DatasetId, DatasetVersionId,
    };

    const PALLET: &str = "Datasets";

    /// Registers a dataset with its first version. Its number is in the event `DatasetRegistered`.
    pub fn register(name: &Name, spec: &DatasetSpec, citations: &Shares) -> Call {
        Call::new(PALLET, "register", 3, (name, spec, citations))
    }

    /// Publishes the next version of a dataset.
    pub fn publish(dataset: DatasetId, spec: &DatasetSpec, citations: &Shares) -> Call {
        Call::new(PALLET, "publish", 3, (dataset, spec, citations))
    }

    /// Offers a dataset to another account.
    pub fn offer(dataset: DatasetId, to: &AccountId) -> Call {
        Call::new(PALLET, "offer", 2, (dataset, to))
    }

    /// Takes over a dataset that was offered to the signer.
    pub fn accept(dataset: DatasetId) -> Call {
        Call::new(PALLET, "accept", 1, (dataset,))
    }

    /// Takes an offer back.
    pub fn withdraw_offer(dataset: DatasetId) -> Call {
        Call::new(PALLET, "withdraw_offer", 1, (dataset,))
    }

    /// Marks a version as one that should not be cited any more, and ends the sale of grants.
    pub fn deprecate(id: DatasetVersionId) -> Call {
        Call::new(PALLET, "deprecate", 2, (id.dataset, id.version))
    }

    /// Ends new citations of a version. Those that there are go on earning.
    pub fn revoke(id: DatasetVersionId) -> Call {
        Call::new(PALLET, "revoke", 2, (id.dataset, id.version))
    }

    /// Removes a revoked version that nothing cites, and gives its deposit back.
    pub fn remove(id: DatasetVersionId) -> Call {
        Call::new(PALLET, "remove", 2, (id.dataset, id.version))
    }

    /// States something about a version of somebody else's dataset.
    pub fn attest(id: DatasetVersionId, kind: StatementKind, document: ContentHash) -> Call {
        Call::new(PALLET, "attest", 4, (id.dataset, id.version, kind, document))
    }

    /// Takes a statement of the signer back.
    pub fn withdraw_statement(id: DatasetVersionId, kind: StatementKind) -> Call {
        Call::new(PALLET, "withdraw_statement", 3, (id.dataset, id.version, kind))
    }
}

/// Calls of pallet `Provenance`: grants and unpaid amounts.
pub mod provenance {
    use super::Call;
    use vigil_primitives::{AccountId, AssetId, BlockNumber, ContentHash};

    const PALLET: &str = "Provenance";

    /// Buys a grant at the asset's price, or extends one that was bought.
    pub fn buy_grant(asset: AssetId) -> Call {
        Call::new(PALLET, "buy_grant", 1, (asset,))
    }

    /// Gives an account a grant of the signer's asset.
    pub fn give_grant(
        asset: AssetId,
        to: &AccountId,
        duration: Option<BlockNumber>,
        uses: Option<u32>,
    ) -> Call {
        Call::new(PALLET, "give_grant", 4, (asset, to, duration, uses))
    }

    /// Takes a grant away and refunds its unused part. `evidence` is BLAKE3 of a document.
    pub fn revoke_grant(asset: AssetId, holder: &AccountId, evidence: Option<ContentHash>) -> Call {
        Call::new(PALLET, "revoke_grant", 3, (asset, holder, evidence))
    }

    /// Removes the signer's own grant, or anybody's that is over, and gives its deposit back.
    pub fn remove_grant(asset: AssetId, holder: &AccountId) -> Call {
        Call::new(PALLET, "remove_grant", 2, (asset, holder))
    }

    /// Pays an account what is kept for it.
    pub fn collect(payee: &AccountId) -> Call {
        Call::new(PALLET, "collect", 1, (payee,))
    }
}

/// Calls of pallet `Workers`.
pub mod workers {
    use super::Call;
    use vigil_primitives::{
        model::Url,
        worker::{Capability, Region},
        AccountId, Balance, ModelVersionId,
    };

    const PALLET: &str = "Workers";

    /// Registers the signer as a worker. `ask` is per giga multiply-accumulate.
    pub fn register(
        endpoint: &Url,
        encryption_key: [u8; 32],
        capability: Capability,
        ask: Balance,
        capacity: u16,
        bond: Balance,
    ) -> Call {
        let arguments = (endpoint, encryption_key, capability, ask, capacity, bond);
        Call::new(PALLET, "register", 6, arguments)
    }

    /// Changes what a worker says of itself.
    pub fn update(
        endpoint: &Url,
        encryption_key: [u8; 32],
        capability: Capability,
        ask: Balance,
        capacity: u16,
    ) -> Call {
        Call::new(PALLET, "update", 5, (endpoint, encryption_key, capability, ask, capacity))
    }

    /// Adds to the bond.
    pub fn bond_more(amount: Balance) -> Call {
        Call::new(PALLET, "bond_more", 1, (amount,))
    }

    /// Starts to serve a version.
    pub fn serve(version: ModelVersionId) -> Call {
        Call::new(PALLET, "serve", 1, (version,))
    }

    /// Ends serving a version.
    pub fn unserve(version: ModelVersionId) -> Call {
        Call::new(PALLET, "unserve", 1, (version,))
    }

    /// Takes no new jobs.
    pub fn drain() -> Call {
        Call::new(PALLET, "drain", 0, ())
    }

    /// Takes jobs again after [`drain`].
    pub fn resume() -> Call {
        Call::new(PALLET, "resume", 0, ())
    }

    /// Starts to leave: the bond can be withdrawn after the unbonding period.
    pub fn unbond() -> Call {
        Call::new(PALLET, "unbond", 0, ())
    }

    /// Takes the bond back after the unbonding period.
    pub fn withdraw() -> Call {
        Call::new(PALLET, "withdraw", 0, ())
    }

    /// Takes jobs again after a jail term.
    pub fn unjail() -> Call {
        Call::new(PALLET, "unjail", 0, ())
    }

    /// Says whom the signer's worker belongs to. It counts when the owner confirms it.
    pub fn name_owner(owner: Option<&AccountId>) -> Call {
        Call::new(PALLET, "name_owner", 1, (owner,))
    }

    /// Says in which country the signer's worker is, or nothing of it any more. A deposit is held
    /// from the first word on until the worker has left.
    pub fn declare_region(region: Option<Region>) -> Call {
        Call::new(PALLET, "declare_region", 1, (region,))
    }

    /// Confirms that a worker belongs to the signer.
    pub fn confirm_worker(worker: &AccountId) -> Call {
        Call::new(PALLET, "confirm_worker", 1, (worker,))
    }
}

/// Calls of pallet `Disputes`.
pub mod disputes {
    use super::Call;
    use vigil_primitives::{
        dispute::{ClaimId, DisputeId, Ground, Move, Proof},
        ModelVersionId,
    };

    const PALLET: &str = "Disputes";

    /// Challenges a claim, with a bond. The number of the dispute is in the event `Challenged`.
    pub fn challenge(claim: &ClaimId, ground: &Ground) -> Call {
        Call::new(PALLET, "challenge", 2, (claim, ground))
    }

    /// Makes a move.
    pub fn play(dispute: DisputeId, turn: &Move) -> Call {
        Call::new(PALLET, "play", 2, (dispute, turn))
    }

    /// Ends a dispute in which a side's time has run out.
    pub fn time_out(dispute: DisputeId) -> Call {
        Call::new(PALLET, "time_out", 1, (dispute,))
    }

    /// Takes the seat of a challenger whose clock has run out, with a bond.
    pub fn take_over(dispute: DisputeId) -> Call {
        Call::new(PALLET, "take_over", 1, (dispute,))
    }

    /// Shows that a package breaks the rules.
    pub fn condemn(version: ModelVersionId, tensor: u32, element: u64, proof: &Proof) -> Call {
        Call::new(PALLET, "condemn", 4, (version, tensor, element, proof))
    }
}

/// Calls of pallet `Jobs`.
pub mod jobs {
    use super::Call;
    use vigil_primitives::{
        job::{DeclineReason, JobSpec, Output},
        BlockNumber, Hash, JobId,
    };

    const PALLET: &str = "Jobs";

    /// Submits a job and holds its price. Its number is in the event `Submitted`.
    pub fn submit(spec: &JobSpec<BlockNumber>) -> Call {
        Call::new(PALLET, "submit", 1, (spec,))
    }

    /// Takes back a job that no worker has been drawn for.
    pub fn cancel(job: JobId) -> Call {
        Call::new(PALLET, "cancel", 1, (job,))
    }

    /// Commits to an output. See [`vigil_primitives::job::commitment`].
    pub fn commit(job: JobId, commitment: Hash) -> Call {
        Call::new(PALLET, "commit", 2, (job, commitment))
    }

    /// Reveals a commitment.
    pub fn reveal(job: JobId, output: &Output, salt: [u8; 32]) -> Call {
        Call::new(PALLET, "reveal", 3, (job, output, salt))
    }

    /// Gives a job back.
    pub fn decline(job: JobId, reason: DeclineReason) -> Call {
        Call::new(PALLET, "decline", 2, (job, reason))
    }

    /// Moves a job on whose time has run out.
    pub fn poke(job: JobId) -> Call {
        Call::new(PALLET, "poke", 1, (job,))
    }
}

/// Calls of pallet `Balances`.
pub mod balances {
    use super::Call;
    use codec::Compact;
    use sp_runtime::MultiAddress;
    use vigil_primitives::{AccountId, Balance};

    /// Sends money; fails rather than let the sender's account fall under the minimum.
    pub fn transfer_keep_alive(to: &AccountId, amount: Balance) -> Call {
        let to = MultiAddress::<AccountId, ()>::Id(to.clone());
        Call::new("Balances", "transfer_keep_alive", 2, (to, Compact(amount)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{
        dataset::DatasetSpec,
        job::Output,
        lineage::{Share, Shares},
        model::{Artifact, Sources},
        terms::{Access, Licence, Terms},
        DatasetVersionId, Hash, ModelVersionId, Permill,
    };

    #[test]
    fn arguments_should_be_the_scale_of_each_in_order() {
        let output = Output { hash: Hash::repeat_byte(7), tokens: 0 };
        let call = jobs::reveal(3, &output, [9; 32]);
        let mut expected = 3u64.encode();
        expected.extend([7; 32]);
        expected.extend(0u32.encode());
        expected.extend([9; 32]);
        assert_eq!(call.arguments.bytes, expected);
        assert_eq!(call.arguments.fields, 3);
    }

    #[test]
    fn a_grant_should_be_given_with_the_asset_first_and_its_bounds_last() {
        let asset = DatasetVersionId { dataset: 3, version: 1 }.into();
        let call = provenance::give_grant(asset, &[7; 32].into(), Some(9), None);
        let mut expected = vec![1, 3, 0, 0, 0, 1, 0, 0, 0];
        expected.extend([7; 32]);
        expected.extend([1, 9, 0, 0, 0]);
        expected.push(0);
        assert_eq!(call.arguments, Arguments { fields: 4, bytes: expected });
        assert_eq!((call.pallet(), call.name()), ("Provenance", "give_grant"));
    }

    #[test]
    fn citations_should_follow_the_version_in_parts_per_million() {
        let asset = ModelVersionId { model: 2, version: 0 }.into();
        let cited = Share { asset, share: Permill::from_percent(5) };
        let citations = Shares::try_from(vec![cited]).unwrap();
        let id = DatasetVersionId { dataset: 4, version: 0 };
        let spec = DatasetSpec {
            content: Artifact { hash: Hash::repeat_byte(5), len: 6 },
            metadata: None,
            terms: Terms {
                licence: Licence::try_from(b"MIT".to_vec()).unwrap(),
                licence_text: None,
                commercial: true,
                access: Access::AllowList,
                royalty: Permill::from_parts(1),
            },
            sources: Sources::default(),
        };
        let call = datasets::publish(id.dataset, &spec, &citations);
        let mut expected = vec![4, 0, 0, 0];
        // The content, no metadata.
        expected.extend([5; 32]);
        expected.extend(6u64.to_le_bytes());
        expected.push(0);
        // The terms: a licence of three bytes without a text, commercial, by grant, the royalty.
        expected.extend([12, b'M', b'I', b'T', 0, 1, 1]);
        expected.extend(1u32.to_le_bytes());
        // No source, one citation.
        expected.extend([0, 4]);
        expected.extend([0, 2, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend(50_000u32.to_le_bytes());
        assert_eq!(call.arguments, Arguments { fields: 3, bytes: expected });
    }

    #[test]
    fn a_transfer_should_name_the_account_by_id_and_the_amount_compact() {
        let call = balances::transfer_keep_alive(&[1; 32].into(), 1);
        let mut expected = vec![0];
        expected.extend([1; 32]);
        expected.push(4);
        assert_eq!(call.arguments.bytes, expected);
    }
}
