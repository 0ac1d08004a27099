//! How the pallets meet each other.
//!
//! No pallet names another pallet: each states here what it needs, and the runtime wires them.

use crate::{
    asset::Asset,
    dataset::{DatasetId, DatasetVersionId},
    dispute::{Claim, ClaimId, Fault, Penalty},
    grant::GrantId,
    job::Role,
    lineage::{Royalties, Royalty, Shares, MAX_PAYEES},
    model::{ModelId, ModelVersionId, Name, VersionSpec, VersionStatus},
    terms::{AcceptedTerms, Access, Terms},
    worker::Region,
    Architecture, AssetId, Balance, BlockNumber,
};
use alloc::vec::Vec;
use sp_runtime::{DispatchError, DispatchResult, Weight};

/// Why a version can't be used for pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotUsable {
    /// Its owner revoked it.
    Revoked,
    /// The licence that is accepted is not the version's.
    LicenceNotAccepted,
    /// Its terms forbid commercial use.
    CommercialUseForbidden,
}

/// A published version with its owner and status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredVersion<AccountId> {
    /// Who owns the model now.
    pub owner: AccountId,
    /// What was published.
    pub spec: VersionSpec,
    /// Whether it takes new work.
    pub status: VersionStatus,
}

impl<AccountId: PartialEq> RegisteredVersion<AccountId> {
    /// Whether a requester that accepts these terms may use the version, apart from a grant.
    pub fn check_use(&self, accepted: &AcceptedTerms) -> Result<(), NotUsable> {
        let terms = &self.spec.terms;
        if self.status == VersionStatus::Revoked {
            return Err(NotUsable::Revoked);
        }
        if accepted.licence != terms.licence_hash() {
            return Err(NotUsable::LicenceNotAccepted);
        }
        if accepted.commercial && !terms.commercial {
            return Err(NotUsable::CommercialUseForbidden);
        }
        Ok(())
    }

    /// Reserves uses of the requester's grant, where the terms ask for one that is still good in so
    /// many blocks. An owner needs none.
    pub fn reserve_uses<Book: Grants<AccountId>>(
        &self,
        id: ModelVersionId,
        requester: &AccountId,
        uses: u32,
        blocks: BlockNumber,
    ) -> Result<Option<GrantId>, DispatchError> {
        match self.spec.terms.access {
            Access::Open => Ok(None),
            Access::AllowList | Access::Paid(_) if self.owner == *requester => Ok(None),
            Access::AllowList | Access::Paid(_) => {
                Book::reserve(id.into(), requester, uses, blocks).map(Some)
            }
        }
    }
}

/// How long the files of packages are.
pub trait PackageLayout {
    /// Exact length of `weights.safetensors`, in bytes, for an architecture that passes `validate`.
    fn weights_len(architecture: &Architecture) -> u64;
}

/// The model registry as workers and jobs see it.
pub trait ModelRegistry<AccountId> {
    /// The version, if it was ever published.
    fn version(id: ModelVersionId) -> Option<RegisteredVersion<AccountId>>;

    /// Who owns the model now.
    fn owner(model: ModelId) -> Option<AccountId>;

    /// What the model is called.
    fn name(_model: ModelId) -> Option<Name> {
        None
    }
}

/// The registry of datasets as whoever keeps the lineage of all assets sees it.
pub trait DatasetRegistry<AccountId> {
    /// What counts of a version, if it was published and not removed.
    fn version(id: DatasetVersionId) -> Option<Asset<AccountId>>;

    /// Whether there is such a version, without reading the whole of it.
    fn exists(id: DatasetVersionId) -> bool;

    /// Who owns the dataset now.
    fn owner(dataset: DatasetId) -> Option<AccountId>;

    /// What the dataset is called.
    fn name(dataset: DatasetId) -> Option<Name>;
}

/// Where versions come from: what a registry tells whoever keeps the lineage of all assets.
pub trait Provenance<AccountId> {
    /// Records what `asset`, which `publisher` is about to publish under `terms`, descends from,
    /// and consumes a use of each grant that the consent rests on. Refuses citations that are
    /// malformed, unknown, revoked or without consent. How many bytes it has stored, for the
    /// deposit.
    fn record(
        asset: AssetId,
        publisher: &AccountId,
        terms: &Terms,
        citations: Shares,
    ) -> Result<u32, DispatchError>;

    /// Weight of one [`Self::record`] of so many citations.
    fn record_weight(citations: u32) -> Weight;

    /// Whether grants that were paid for stand in the way of revoking the asset: they are to be
    /// taken back first, which refunds what is unused of them.
    fn has_paid_grants(asset: AssetId) -> bool;

    /// Whether anybody holds a grant of the asset.
    fn has_grants(asset: AssetId) -> bool;

    /// How many versions cite the asset.
    fn citations(asset: AssetId) -> u32;

    /// Takes back what an asset that is removed has cited.
    fn forget(asset: AssetId);

    /// Most weight of one [`Self::forget`], with the questions before it.
    fn forget_weight() -> Weight;
}

/// Splits what is earned with an asset among everybody it descends from.
pub trait Waterfall<AccountId> {
    /// Who earns which part of `amount`: the owners, now, of the asset and of all its ancestors,
    /// at most [`MAX_PAYEES`] of them. The parts add up to `amount`;
    /// for an asset that was never published there are none.
    fn split(asset: AssetId, amount: Balance) -> Vec<Royalty<AccountId>>;

    /// Records what an asset and its owner have earned.
    fn earned(royalty: &Royalty<AccountId>);

    /// Weight of one [`Self::split`] among so many payees, with [`Self::earned`] for each.
    fn split_weight(payees: u32) -> Weight;

    /// How many payees [`Self::split`] of this asset has.
    fn payees(asset: AssetId) -> u32;

    /// Splits `amount` and pays every part by `pay`. Whoever gets nothing is not in the list.
    fn pay<E>(
        asset: AssetId,
        amount: Balance,
        mut pay: impl FnMut(&AccountId, Balance) -> Result<Payment, E>,
    ) -> Result<Royalties<AccountId>, E> {
        let mut left = amount;
        let mut royalties = Royalties::default();
        for mut royalty in Self::split(asset, amount).into_iter().take(MAX_PAYEES as usize) {
            // The parts add up to the amount; whatever splits it, no more than that is paid.
            royalty.amount = royalty.amount.min(left);
            left = left.saturating_sub(royalty.amount);
            if royalty.amount == 0 {
                continue;
            }
            let payment = pay(&royalty.payee, royalty.amount)?;
            if let Payment::Returned(_) = payment {
                continue;
            }
            royalty.credited = payment == Payment::Credited;
            Self::earned(&royalty);
            // Within the bound: no more than so many are taken.
            let _ = royalties.try_push(royalty);
        }
        Ok(royalties)
    }
}

/// The grants that jobs and channels run under.
pub trait Grants<AccountId> {
    /// Reserves uses of the grant that `who` holds of the asset. Refuses when there is none, or
    /// it has not as many left, or has expired in so many blocks from now.
    fn reserve(
        asset: AssetId,
        who: &AccountId,
        uses: u32,
        blocks: BlockNumber,
    ) -> Result<GrantId, DispatchError>;

    /// What had reserved uses has ended, and `consumed` so many of them. Nothing happens when the
    /// grant is no longer there.
    fn end_use(asset: AssetId, who: &AccountId, grant: GrantId, reserved: u32, consumed: u32);

    /// Uses of a grant that jobs and channels have reserved; `None` when it is no longer there.
    fn reserved(asset: AssetId, who: &AccountId, grant: GrantId) -> Option<u32>;

    /// Weight of one [`Self::reserve`], and of one [`Self::end_use`].
    fn use_weight() -> Weight;
}

/// What became of a payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payment {
    /// The payee has it.
    Credited,
    /// It is kept for the payee.
    Kept,
    /// It could not be kept either: whoever pays has it still.
    Returned(DispatchError),
}

impl Payment {
    /// How much of `amount` went to the payee, or is kept for it.
    pub fn of(self, amount: Balance) -> Balance {
        match self {
            Self::Credited | Self::Kept => amount,
            Self::Returned(_) => 0,
        }
    }
}

/// Keeps what a payee cannot be credited with until it collects it.
pub trait UnpaidBook<AccountId> {
    /// Pays `amount` by `transfer`: one payee never holds up all others. What an account cannot be
    /// credited with is kept for it. `whole` runs a step wholly or not at all.
    fn pay(
        payee: &AccountId,
        amount: Balance,
        transfer: impl Fn(&AccountId) -> DispatchResult,
        whole: impl Fn(&dyn Fn() -> DispatchResult) -> DispatchResult,
    ) -> Payment {
        if amount == 0 || whole(&|| transfer(payee)).is_ok() {
            return Payment::Credited;
        }
        let keep = || {
            transfer(&Self::keeper())?;
            Self::keep(payee, amount)
        };
        match whole(&keep) {
            Ok(()) => Payment::Kept,
            Err(error) => Payment::Returned(error),
        }
    }

    /// The account that keeps it, on hold.
    fn keeper() -> AccountId;

    /// Records that `amount`, which the keeper has just been credited with, belongs to `payee`, and
    /// puts it on hold.
    fn keep(payee: &AccountId, amount: Balance) -> DispatchResult;

    /// Weight of one [`Self::keep`].
    fn keep_weight() -> Weight;
}

/// What a job needs of the workers.
#[derive(Clone, Copy, Debug)]
pub struct Vacancy<'a, AccountId> {
    /// The version to run.
    pub version: ModelVersionId,
    /// Different workers needed, of as many owners: as many are drawn, or none.
    pub replicas: u8,
    /// Multiply-accumulates of each at most.
    pub work: u64,
    /// The most that each may earn.
    pub budget: Balance,
    /// Whether that rises to what three quarters of those who serve the version would earn at most: as
    /// [`highest_pay`](crate::audit::highest_pay) says.
    pub stretch: bool,
    /// Workers that must not be drawn, nor others of their owners.
    pub exclude: &'a [AccountId],
    /// A worker that is known to have room: it is looked at when a random sample is not enough.
    pub roomy: Option<&'a AccountId>,
    /// What they are needed for. An auditor may be one more than its places: nobody gets around
    /// audits by keeping everybody else busy.
    pub role: Role,
    /// Where they have to be.
    pub region: Option<Region>,
    /// Randomness of the draw.
    pub seed: [u8; 32],
}

/// A worker drawn for a job. It holds a place and the reward counts against its bond until
/// [`WorkerPool::release`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engagement<AccountId> {
    /// The worker.
    pub worker: AccountId,
    /// Its price per giga multiply-accumulate.
    pub ask: Balance,
    /// What it earns at most: `pricing::reward(ask, work)`.
    pub reward: Balance,
}

/// Why a vacancy was not filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfilled {
    /// None of the workers that were looked at has a free place, for whatever job.
    Full,
    /// Some have, but too few of them can take this job.
    Unfit,
}

/// What a search for workers came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search<AccountId> {
    /// As many workers as were needed, all different and engaged; or why nobody was engaged.
    pub found: Result<Vec<Engagement<AccountId>>, Unfilled>,
    /// What the search weighed, at most [`WorkerPool::engage_weight`].
    pub weight: Weight,
}

/// What a worker has done, when it is paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Completion {
    /// Multiply-accumulates.
    pub work: u64,
    /// What it was paid.
    pub paid: Balance,
    /// What an audit has found right, in rewards.
    pub proven: Balance,
}

/// What the chain knows of a worker when it decides about an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reliance {
    /// What it loses at least if a result that earns so much is wrong.
    pub stake: Balance,
    /// What audits have found right of it, in rewards.
    pub proven: Balance,
}

/// Why a bond does not cover a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotCovered {
    /// The account is no worker, or takes nothing new.
    Unavailable,
    /// The worker does not serve the version.
    NotServed,
    /// The bond is too small beside what it covers already.
    BondTooLow,
}

/// How an engagement ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The job was settled and the worker paid.
    Completed(Completion),
    /// The worker was the auditor of a job that was settled, and was paid.
    Audited(Completion),
    /// The job ended without fault of the worker and without pay.
    Released,
    /// The worker's result is wrong, and it has been convicted.
    Convicted,
    /// The worker gave the job back in time.
    Declined,
    /// The worker missed a deadline: a small slash, and jail after repeats.
    Expired,
    /// Replicas differed and nothing was decided.
    Undecided,
}

/// What an active worker offers now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Its price per giga multiply-accumulate.
    pub ask: Balance,
    /// Places for more jobs.
    pub free_places: u16,
    /// The versions it serves, at most [`MAX_SERVED`](crate::worker::MAX_SERVED).
    pub serves: Vec<ModelVersionId>,
}

/// The workers as jobs see them.
pub trait WorkerPool<AccountId> {
    /// Draws as many workers as a job needs and engages them. Only a bounded number is looked at:
    /// a random sample of those that serve the version and, when that is not enough, the one known
    /// to have room and those with the lowest asks.
    fn engage(vacancy: &Vacancy<'_, AccountId>) -> Search<AccountId>;

    /// A worker has revealed its result: its place is free again, and its bond covers the reward
    /// until the release.
    fn answered(worker: &AccountId);

    /// Ends an engagement. `reward` is the engagement's, and `answered` whether it was
    /// [answered](Self::answered).
    fn release(worker: &AccountId, reward: Balance, answered: bool, outcome: Outcome);

    /// Weight of one [`Self::answered`].
    fn answered_weight() -> Weight;

    /// Most weight of one [`Self::engage`].
    fn engage_weight() -> Weight;

    /// Weight of one [`Self::release`], whatever the outcome.
    fn release_weight() -> Weight;

    /// Weight of one [`Self::release`] with this outcome: at most [`Self::release_weight`], and
    /// far less when the outcome cannot send the worker to jail.
    fn release_weight_of(_outcome: Outcome) -> Weight {
        Self::release_weight()
    }

    /// How many active workers serve the version.
    fn serving(version: ModelVersionId) -> u32;

    /// The lowest ask of an active worker that serves the version, whether it has a free place or
    /// not; `None` when nobody serves it.
    fn lowest_ask(version: ModelVersionId) -> Option<Balance>;

    /// What a worker offers; `None` when it takes no jobs, or is none.
    fn room(worker: &AccountId) -> Option<Room>;

    /// Workers that serve the version and could take a job in that region now, with their asks,
    /// from a bounded sample.
    fn offers(version: ModelVersionId, region: Option<Region>) -> Vec<(Balance, AccountId)>;

    /// What there is to rely on when `worker` says what earns `reward`.
    fn reliance(worker: &AccountId, reward: Balance) -> Reliance;

    /// Puts the bond of an active worker that serves the version behind what it may earn by a channel,
    /// beside the rewards of jobs. It takes no place. The worker's ask.
    fn cover(
        worker: &AccountId,
        version: ModelVersionId,
        amount: Balance,
    ) -> Result<Balance, NotCovered>;

    /// So much of what was [covered](Self::cover) needs no cover any more. Until all of it does, the
    /// worker can't leave.
    fn uncover(worker: &AccountId, amount: Balance);

    /// What the worker's bond covers for channels.
    fn covered(worker: &AccountId) -> Balance;

    /// Weight of one [`Self::cover`] or one [`Self::uncover`].
    fn cover_weight() -> Weight;
}

/// The permanent record of who has computed and earned what.
pub trait Contributions<AccountId> {
    /// Records that a worker was paid `earned` for so many jobs or answers, which took so many
    /// multiply-accumulates.
    fn record(
        worker: &AccountId,
        version: ModelVersionId,
        answers: u32,
        work: u128,
        earned: Balance,
    );

    /// Weight of one [`Self::record`].
    fn record_weight() -> Weight;
}

/// The jobs that wait for workers, as the workers see them.
pub trait Market<AccountId> {
    /// A worker can take more than before: it has joined those who serve a version, lowered its
    /// ask, added to its places or its bond, or got a place back. What waits for it is looked at
    /// later: this remembers the worker and no more.
    fn room(worker: &AccountId);

    /// Weight of one [`Self::room`], whatever the worker serves.
    fn room_weight() -> Weight;
}

impl<AccountId> Market<AccountId> for () {
    fn room(_worker: &AccountId) {}

    fn room_weight() -> Weight {
        Weight::zero()
    }
}

/// What a conviction comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conviction<'a, AccountId> {
    /// Who has convicted the claim: the bounty is its.
    pub by: &'a AccountId,
    /// Why it is wrong.
    pub fault: Fault,
    /// Disputes about the claim that have ended with it.
    pub disputes: u32,
    /// What all moves about the claim would have cost.
    pub costs: Balance,
}

/// Claims that can be challenged: what they say, and what stands behind them.
pub trait Claims<AccountId> {
    /// What a claim says, if it can be challenged now.
    fn claim(id: &ClaimId<AccountId>) -> Result<Claim, DispatchError>;

    /// A dispute about the claim has begun. Until as many have ended, whatever depends on the claim
    /// waits, and so does the claimant's stake.
    fn disputed(id: &ClaimId<AccountId>) -> DispatchResult;

    /// A dispute about the claim has ended, and the claim holds.
    fn upheld(id: &ClaimId<AccountId>);

    /// The claim is wrong. All disputes about it have ended. Nothing can stand in the way.
    fn convicted(id: &ClaimId<AccountId>, conviction: Conviction<'_, AccountId>) -> Penalty;

    /// Weight of one [`Self::claim`] and one [`Self::disputed`].
    fn dispute_weight() -> Weight;

    /// Most weight of one [`Self::upheld`].
    fn uphold_weight() -> Weight;

    /// Most weight of one [`Self::convicted`].
    fn convict_weight() -> Weight;
}

/// What the chain does with packages that break the rules of op_sets.
pub trait Packages {
    /// Revokes a version and burns its deposit: how much.
    fn condemn(id: ModelVersionId) -> Result<Balance, DispatchError>;

    /// Weight of one [`Self::condemn`].
    fn condemn_weight() -> Weight;
}

/// What a worker is convicted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offence {
    /// Its result is wrong.
    Wrong,
    /// It was audited and did not show what it had committed to.
    Silent,
}

/// What is taken from a convicted worker, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Slash<'a, AccountId> {
    /// What for.
    pub offence: Offence,
    /// What the worker, or whoever it may stand for, would gain by the claim.
    pub reward: Balance,
    /// What is owed to the treasury for the moves.
    pub costs: Balance,
    /// The treasury.
    pub treasury: &'a AccountId,
    /// What is owed to whoever paid for the claim.
    pub damages: Balance,
    /// Who paid.
    pub requester: &'a AccountId,
    /// Who gets the bounty.
    pub winner: &'a AccountId,
}

/// The stakes that stand behind claims.
pub trait Stakes<AccountId> {
    /// A dispute about a claim of the worker has begun: its bond stays where it is.
    fn disputed(worker: &AccountId);

    /// So many disputes about claims of the worker have ended.
    fn decided(worker: &AccountId, disputes: u32);

    /// A claim of the worker is wrong: takes a part of its bond, and jails it. Whatever can't be
    /// credited is burned.
    fn convict(worker: &AccountId, slash: Slash<'_, AccountId>) -> Penalty;

    /// Pays out of a worker's bond: how much. A bond that has become too small sends it to jail until
    /// it is topped up.
    fn charge(worker: &AccountId, payee: &AccountId, amount: Balance) -> Balance;

    /// Weight of one [`Self::charge`].
    fn charge_weight() -> Weight;

    /// Weight of one [`Self::disputed`] or one [`Self::decided`].
    fn dispute_weight() -> Weight;

    /// Weight of one [`Self::convict`].
    fn convict_weight() -> Weight;
}

/// Decides jobs whose replicas differ. Until it does, they end by a timeout and a full refund.
pub trait Disputes<AccountId> {
    /// Two claims about one job differ, and one of them at least is wrong. A dispute of the first,
    /// challenged by the claimant of the second, whose own claim falls if it loses.
    fn contested(claim: ClaimId<AccountId>, rival: AccountId) -> DispatchResult;

    /// Weight of one [`Self::contested`].
    fn contested_weight() -> Weight;
}

impl<AccountId> Disputes<AccountId> for () {
    fn contested(_claim: ClaimId<AccountId>, _rival: AccountId) -> DispatchResult {
        Ok(())
    }

    fn contested_weight() -> Weight {
        Weight::zero()
    }
}
