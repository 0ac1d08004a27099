//! Models, datasets, workers, jobs and channels: what the chain is for, and how they meet.

use crate::{
    constants::{
        block,
        money::{deposit, MICRO, MILLI, UNIT},
        time::{DAYS, HOURS, MINUTES},
    },
    AccountId, Balance, Balances, Beacon, BlockNumber, Channels, Datasets, Disputes, Jobs, Models,
    Provenance, Runtime, RuntimeHoldReason, TransactionPayment, Workers,
};
use alloc::{vec, vec::Vec};
use frame_support::{
    parameter_types,
    traits::{ConstU16, ConstU32, ConstU64},
    weights::{constants::RocksDbWeight, Weight},
    PalletId,
};
use frame_system::EnsureRoot;
use sp_runtime::{
    traits::{AccountIdConversion, Convert},
    DispatchError, DispatchResult, Permill,
};
use vigil_ops::weights::Weights;
use vigil_primitives::{
    dispute::{Claim, ClaimId, Penalty},
    traits::{Claims, Conviction, PackageLayout},
    Architecture, OP_SET,
};

/// The account that protocol fees go to. No key opens it; root spends from it.
pub fn treasury() -> AccountId {
    PalletId(*b"vgl/trsy").into_account_truncating()
}

/// The account that keeps, on hold, what a payee could not be credited with until it collects it. No
/// key opens it.
pub fn keeper() -> AccountId {
    PalletId(*b"vgl/keep").into_account_truncating()
}

/// What the hand-set weights add for every access to the database.
type DbWeight = <Runtime as frame_system::Config>::DbWeight;

/// Blocks after which half of a record counts: what a worker did a year ago says little.
const RECORD_HALF_LIFE: BlockNumber = 30 * DAYS;

/// Blocks of one era, by which contributions and revenue are added up.
const ERA_LENGTH: BlockNumber = DAYS;

parameter_types! {
    /// Held for a record of a registry: a model, a dataset, a version, a grant, a statement.
    pub const RegistryDepositBase: Balance = deposit(2, 0);
    /// The same for every byte of it.
    pub const RegistryDepositPerByte: Balance = deposit(0, 1);
    /// The operator sets that the runtime knows.
    pub OpSets: Vec<u16> = vec![OP_SET];
}

/// The layout of packages is the operators': they read the weights.
pub struct WeightsLayout;

impl PackageLayout for WeightsLayout {
    fn weights_len(architecture: &Architecture) -> u64 {
        Weights::new(architecture).file_len()
    }
}

impl pallet_models::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Provenance = Provenance;
    type DepositBase = RegistryDepositBase;
    type DepositPerByte = RegistryDepositPerByte;
    type Layout = WeightsLayout;
    type OpSets = OpSets;
    type WeightInfo = pallet_models::weights::HandSet<RocksDbWeight>;
}

impl pallet_datasets::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Provenance = Provenance;
    type DepositBase = RegistryDepositBase;
    type DepositPerByte = RegistryDepositPerByte;
    type WeightInfo = pallet_datasets::weights::HandSet<RocksDbWeight>;
}

parameter_types! {
    /// Keeps what could not be paid.
    pub Keeper: AccountId = keeper();
}

impl pallet_provenance::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Models = Models;
    type Datasets = Datasets;
    type Keeper = Keeper;
    type DepositBase = RegistryDepositBase;
    type DepositPerByte = RegistryDepositPerByte;
    type EraLength = ConstU32<ERA_LENGTH>;
    type WeightInfo = pallet_provenance::weights::HandSet<RocksDbWeight>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::Scenes;
}

/// Blocks that a worker's bond stays after it has left. A result can be challenged for as long as
/// the longest [challenge window](MAX_CHALLENGE_WINDOW), and the dispute that follows takes days too.
const UNBONDING_PERIOD: BlockNumber = 7 * DAYS;

parameter_types! {
    /// Smallest bond of a worker. It covers rewards of a fiftieth of it at a time.
    pub const MinBond: Balance = 100 * UNIT;
    /// Lowest ask per giga multiply-accumulate.
    pub const MinAsk: Balance = MICRO;
    /// Highest ask per giga multiply-accumulate: far above any, and low enough that no reward
    /// leaves the range of a balance.
    pub const MaxAsk: Balance = 1_000 * UNIT;
    /// Burned from the bond for a missed deadline. Taken, at least, from a worker that is audited and
    /// does not reveal: audits are as frequent as this makes them need to be.
    pub const ExpirySlash: Balance = UNIT;
    /// Taken from the bond for a wrong result, at least.
    pub const ConvictionSlash: Balance = 20 * UNIT;
    /// Held for a worker's word about where it is.
    pub const RegionDeposit: Balance = 50 * UNIT;
}

impl pallet_workers::Config for Runtime {
    type Currency = Balances;
    type RuntimeHoldReason = RuntimeHoldReason;
    type Models = Models;
    type Market = Jobs;
    type MinBond = MinBond;
    type MinAsk = MinAsk;
    type MaxAsk = MaxAsk;
    type UnbondingPeriod = ConstU32<UNBONDING_PERIOD>;
    type JailPeriod = ConstU32<HOURS>;
    type MaxMissesInARow = ConstU32<3>;
    type ExpirySlash = ExpirySlash;
    type ConvictionSlash = ConvictionSlash;
    type ConvictionJailPeriod = ConstU32<DAYS>;
    type RecordHalfLife = ConstU32<RECORD_HALF_LIFE>;
    type RegionDeposit = RegionDeposit;
    type RegionOrigin = EnsureRoot<AccountId>;
    type SampleSize = ConstU32<16>;
    type WeightInfo = pallet_workers::weights::HandSet<DbWeight>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::Scenes;
}

/// Multiply-accumulates that a worker, or whoever disputes its result, is expected to do in a block: with
/// ten giga per second it keeps its deadlines.
const WORK_PER_BLOCK: u64 = 20_000_000_000;

/// Longest challenge window a requester may choose.
const MAX_CHALLENGE_WINDOW: BlockNumber = DAYS;

parameter_types! {
    /// Where protocol fees go.
    pub Treasury: AccountId = treasury();
    /// On top of every reward.
    pub const ProtocolFee: Permill = Permill::from_percent(1);
    /// For every block that a job waits: nothing to speak of for one that is served, and 0.432 VGL
    /// for one that is not and waits for a day.
    pub const WaitingFee: Balance = 10 * MICRO;
    /// Most of a block's start that jobs may use: the rest of the block is left to transactions,
    /// without which no job goes on. Half of it must fit the heaviest transition, which the
    /// hand-set weights make heavy.
    pub ServiceWeight: Weight = block::MAX_WEIGHT.saturating_div(2);
}

impl pallet_jobs::Config for Runtime {
    type RuntimeHoldReason = RuntimeHoldReason;
    type Currency = Balances;
    type Models = Models;
    type Waterfall = Provenance;
    type Grants = Provenance;
    type Unpaid = Provenance;
    type Workers = Workers;
    type Disputes = Disputes;
    type Stakes = Workers;
    type Randomness = Beacon;
    type Treasury = Treasury;
    type ProtocolFee = ProtocolFee;
    type MinAsk = MinAsk;
    type CommitPeriod = ConstU32<MINUTES>;
    type WorkPerBlock = ConstU64<WORK_PER_BLOCK>;
    type RevealPeriod = ConstU32<{ MINUTES / 2 }>;
    type MinChallengeWindow = ConstU32<3>;
    type MaxChallengeWindow = ConstU32<MAX_CHALLENGE_WINDOW>;
    type ContestPeriod = ConstU32<{ 10 * MINUTES }>;
    type Retention = ConstU32<DAYS>;
    type RetryPeriod = ConstU32<{ 10 * MINUTES }>;
    type MaxDuration = ConstU32<DAYS>;
    type WaitingFee = WaitingFee;
    type MaxOpenJobs = ConstU32<100_000>;
    type MaxOpenJobsPerAccount = ConstU32<10_000>;
    type RecordHalfLife = ConstU32<RECORD_HALF_LIFE>;
    type EraLength = ConstU32<ERA_LENGTH>;
    type ServiceWeight = ServiceWeight;
    type WeightInfo = pallet_jobs::weights::HandSet<DbWeight>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::Scenes;
}

parameter_types! {
    /// What a challenger forfeits when it loses, beside the costs of all moves.
    pub const Forfeit: Balance = 10 * UNIT;
    /// Most of a block's start for disputes whose time has run out: a conviction is heavy by its
    /// hand-set weight, and one must fit.
    pub DisputeServiceWeight: Weight = block::MAX_WEIGHT.saturating_div(4);
}

/// What a call costs, without a tip.
pub struct CallFee;

impl Convert<(Weight, u32), Balance> for CallFee {
    fn convert((weight, len): (Weight, u32)) -> Balance {
        TransactionPayment::weight_to_fee(weight)
            .saturating_add(TransactionPayment::length_to_fee(len))
    }
}

/// Claims come from jobs and from channels.
pub struct ClaimSources;

impl Claims<AccountId> for ClaimSources {
    fn claim(id: &ClaimId) -> Result<Claim, DispatchError> {
        match id {
            ClaimId::Job { .. } => Jobs::claim(id),
            ClaimId::Receipt { .. } => <Channels as Claims<AccountId>>::claim(id),
        }
    }

    fn disputed(id: &ClaimId) -> DispatchResult {
        match id {
            ClaimId::Job { .. } => Jobs::disputed(id),
            ClaimId::Receipt { .. } => Channels::disputed(id),
        }
    }

    fn upheld(id: &ClaimId) {
        match id {
            ClaimId::Job { .. } => Jobs::upheld(id),
            ClaimId::Receipt { .. } => Channels::upheld(id),
        }
    }

    fn convicted(id: &ClaimId, conviction: Conviction<'_, AccountId>) -> Penalty {
        match id {
            ClaimId::Job { .. } => Jobs::convicted(id, conviction),
            ClaimId::Receipt { .. } => Channels::convicted(id, conviction),
        }
    }

    fn dispute_weight() -> Weight {
        Jobs::dispute_weight().max(Channels::dispute_weight())
    }

    fn uphold_weight() -> Weight {
        Jobs::uphold_weight().max(Channels::uphold_weight())
    }

    fn convict_weight() -> Weight {
        Jobs::convict_weight().max(Channels::convict_weight())
    }
}

impl pallet_disputes::Config for Runtime {
    type RuntimeHoldReason = RuntimeHoldReason;
    type Currency = Balances;
    type Claims = ClaimSources;
    type Models = Models;
    type Packages = Models;
    type Fees = CallFee;
    type Treasury = Treasury;
    type Forfeit = Forfeit;
    type Clock = ConstU32<{ 10 * MINUTES }>;
    type WorkPerBlock = ConstU64<WORK_PER_BLOCK>;
    type TakeoverPeriod = ConstU32<{ 2 * MINUTES }>;
    type MaxOpen = ConstU32<1_000>;
    type MaxPerClaim = ConstU32<4>;
    type History = ConstU32<1_000>;
    type ServiceWeight = DisputeServiceWeight;
    type WeightInfo = pallet_disputes::weights::HandSet<DbWeight>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::Scenes;
}

/// Longest time from the opening of a channel to its expiry.
const CHANNEL_LIFETIME: BlockNumber = 7 * DAYS;

parameter_types! {
    /// For every block that a channel takes one of its worker's places: 0.432 VGL for a day.
    pub const ChannelRent: Balance = 10 * MICRO;
    /// Smallest deposit of a channel.
    pub const ChannelMinDeposit: Balance = 10 * MILLI;
    /// Held of whoever puts a receipt on chain.
    pub const ShowDeposit: Balance = deposit(1, 400);
    /// Most of a block's start that channels may use: two of the heaviest settlements, by their
    /// hand-set weight.
    pub ChannelServiceWeight: Weight = block::MAX_WEIGHT.saturating_div(16);
}

impl pallet_channels::Config for Runtime {
    type RuntimeHoldReason = RuntimeHoldReason;
    type Currency = Balances;
    type Models = Models;
    type Waterfall = Provenance;
    type Grants = Provenance;
    type Unpaid = Provenance;
    type Workers = Workers;
    type Stakes = Workers;
    type Contributions = Jobs;
    type Treasury = Treasury;
    type ProtocolFee = ProtocolFee;
    type Rent = ChannelRent;
    type MinDeposit = ChannelMinDeposit;
    type ShowDeposit = ShowDeposit;
    type MinLifetime = ConstU32<MINUTES>;
    type MaxLifetime = ConstU32<CHANNEL_LIFETIME>;
    // A worker that was away for a while still brings its voucher.
    type ChallengeWindow = ConstU32<HOURS>;
    type ReceiptWindow = ConstU32<DAYS>;
    type RetryPeriod = ConstU32<{ 10 * MINUTES }>;
    type MaxOpenPerWorker = ConstU16<256>;
    type ServiceWeight = ChannelServiceWeight;
    type WeightInfo = pallet_channels::weights::HandSet<DbWeight>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = crate::benchmarks::Scenes;
}
