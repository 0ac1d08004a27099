//! What the chain knows of a worker.

use crate::{
    audit::{halvings, unproven, Record},
    Balance, ModelVersionId,
};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use core::fmt;
use scale_info::TypeInfo;
use sp_runtime::traits::AtLeast32BitUnsigned;

/// Most versions a worker serves at the same time.
pub const MAX_SERVED: u32 = 32;
/// Most jobs a worker runs at the same time.
pub const MAX_CAPACITY: u16 = 256;
/// A worker's unfinalised rewards times this never exceed its bond.
pub const BOND_COVER: Balance = 50;

/// The kind of hardware a worker computes with.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum DeviceClass {
    /// Processor cores.
    #[codec(index = 0)]
    Cpu,
    /// A graphics processor.
    #[codec(index = 1)]
    Gpu,
}

/// What a worker says of its hardware. Informative: payment never depends on it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Capability {
    /// Memory for models, in MiB.
    pub memory_mib: u32,
    /// Kind of device.
    pub device: DeviceClass,
    /// Measured speed, in giga multiply-accumulates per second.
    pub gmacs_per_second: u32,
}

/// Whether a worker is given jobs.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum WorkerStatus<BlockNumber> {
    /// Takes jobs.
    #[codec(index = 0)]
    Active,
    /// Finishes what it has, takes nothing new.
    #[codec(index = 1)]
    Draining,
    /// Missed too many deadlines. May return by `unjail` from this block on.
    #[codec(index = 2)]
    Jailed {
        /// First block at which the worker may unjail itself.
        until: BlockNumber,
    },
    /// Leaving. The bond can be withdrawn from this block on.
    #[codec(index = 3)]
    Unbonding {
        /// First block at which the bond can be withdrawn.
        until: BlockNumber,
    },
}

/// A country, by the two letters of ISO 3166-1.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Region(pub [u8; 2]);

impl Region {
    /// Whether it is two capital letters. Which of them are countries is nobody's decision here.
    pub fn is_valid(&self) -> bool {
        self.0.iter().all(u8::is_ascii_uppercase)
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self([first, second]) = *self;
        write!(f, "{}{}", char::from(first), char::from(second))
    }
}

impl core::str::FromStr for Region {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let upper = text.to_ascii_uppercase();
        let region = upper.as_bytes().try_into().map(Self).ok().filter(Self::is_valid);
        region.ok_or("expected the two letters of a country, for instance DE")
    }
}

/// How a worker has behaved. What counts for or against it halves with time; the sums of work and
/// earnings, and convictions, stay. It belongs to the account and cannot be handed on.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Reputation<BlockNumber = crate::BlockNumber> {
    /// Since when it is a worker.
    pub since: BlockNumber,
    /// Jobs settled and paid.
    pub completed: u32,
    /// Deadlines missed.
    pub expired: u32,
    /// Deadlines missed since the last completed job or the last jail.
    pub expired_in_a_row: u32,
    /// Jobs given back before the deadline.
    pub declined: u32,
    /// Jobs whose replicas differed.
    pub contested: u32,
    /// Results of it that an audit has found right.
    pub passed: u32,
    /// Audits it has made.
    pub audits: u32,
    /// Results that were wrong.
    pub convicted: u32,
    /// Multiply-accumulates it was paid for.
    pub work: u128,
    /// What it was paid.
    pub earned: Balance,
    /// What audits have found right, in rewards.
    pub record: Record<BlockNumber>,
}

impl<BlockNumber: AtLeast32BitUnsigned + Copy> Reputation<BlockNumber> {
    /// Of a worker that begins.
    pub fn new(since: BlockNumber) -> Self {
        Self {
            since,
            completed: 0,
            expired: 0,
            expired_in_a_row: 0,
            declined: 0,
            contested: 0,
            passed: 0,
            audits: 0,
            convicted: 0,
            work: 0,
            earned: 0,
            record: Record { proven: 0, halved_at: since },
        }
    }

    /// As it stands at `now`, when what counts halves every `half_life` blocks.
    pub fn at(mut self, now: BlockNumber, half_life: BlockNumber) -> Self {
        let (periods, _) = halvings(self.record.halved_at, now, half_life);
        let counters = [
            &mut self.completed,
            &mut self.expired,
            &mut self.declined,
            &mut self.contested,
            &mut self.passed,
            &mut self.audits,
        ];
        for counter in counters {
            *counter = counter.checked_shr(periods).unwrap_or(0);
        }
        self.record = self.record.at(now, half_life);
        self
    }

    /// A result of it was wrong, or it kept silent when it was audited: it begins anew.
    pub fn fall(mut self) -> Self {
        self.record.proven = 0;
        self
    }
}

/// The reliability of a worker that never missed.
pub const MAX_RELIABILITY: u64 = 1_000;

/// How much a worker is trusted to finish a job, from 1 to [`MAX_RELIABILITY`].
///
/// ```text
/// 1000 (completed + 4)
/// ------------------------------------------------------  >>  misses in a row (at most 8)
/// completed + 4 + 4 missed + declined + 2 contested + 100 convicted
/// ```
/// A missed deadline weighs as much as four completed jobs, and until the next job is completed each
/// one in a row halves the result: an outage is felt at once, whatever the record before. A decline
/// may be the requester's fault and weighs little. A wrong result weighs as much as a hundred jobs.
/// Completed jobs only make up for faults: what a record is worth is counted in money, since jobs can
/// be as small as one likes ([`trust`]).
pub fn reliability<BlockNumber: Copy>(reputation: &Reputation<BlockNumber>) -> u64 {
    let Reputation { completed, expired, expired_in_a_row, declined, contested, convicted, .. } =
        *reputation;
    // Sums of a few u32 times small factors stay far below u64::MAX.
    let good = u64::from(completed).saturating_add(4);
    let all = good
        .saturating_add(u64::from(expired).saturating_mul(4))
        .saturating_add(declined.into())
        .saturating_add(u64::from(contested).saturating_mul(2))
        .saturating_add(u64::from(convicted).saturating_mul(100));
    let share = good.saturating_mul(MAX_RELIABILITY).checked_div(all).unwrap_or(0);
    share.checked_shr(expired_in_a_row.min(8)).unwrap_or(0).max(1)
}

/// How far a record vouches for a reward, from 500 without one to 1,000.
pub fn trust<BlockNumber: Copy>(reputation: &Reputation<BlockNumber>, reward: Balance) -> u64 {
    let parts = u64::from(unproven(reward, reputation.record.proven).deconstruct());
    // Parts per million: half of what is unproven is taken off.
    1_000u64.saturating_sub(parts / 2_000)
}

/// Whom a worker belongs to, as it says.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Owner<AccountId = crate::AccountId> {
    /// The owner.
    pub account: AccountId,
    /// Whether the owner says so too. Before that it has no effect.
    pub confirmed: bool,
}

/// A worker.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct WorkerView<AccountId = crate::AccountId, BlockNumber = crate::BlockNumber> {
    /// Its account.
    pub account: AccountId,
    /// What it has at stake.
    pub bond: Balance,
    /// Whether it is given jobs.
    pub status: WorkerStatus<BlockNumber>,
    /// Base URL of its blob server.
    pub endpoint: Vec<u8>,
    /// X25519 public key for inputs that only it may read.
    pub encryption_key: [u8; 32],
    /// What it says of its hardware.
    pub capability: Capability,
    /// Price per giga multiply-accumulate.
    pub ask: Balance,
    /// Jobs it runs at the same time.
    pub capacity: u16,
    /// Jobs it is engaged in.
    pub active: u16,
    /// Those of them whose result it has revealed: they take no place any more.
    pub answered: u16,
    /// Rewards of those jobs.
    pub unfinalised: Balance,
    /// Versions it serves.
    pub serves: Vec<ModelVersionId>,
    /// Where it says that it is, with a part of its bond for that.
    pub region: Option<Region>,
    /// How it has behaved.
    pub reputation: Reputation<BlockNumber>,
    /// Disputes about its results that have not ended: its bond stays until they have.
    pub disputes: u32,
    /// Whom it belongs to, if it has said so. Two workers of one owner are never in one job.
    pub owner: Option<Owner<AccountId>>,
}
