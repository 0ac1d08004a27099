//! Where jobs wait: the lists of those that have vacancies, the offers that can be outbid, and the
//! lines of those whose turn it is.
//!
//! Every list is a map in the order of its keys. Nothing in this file knows the rest of the pallet:
//! `functions::queue` keeps the lists in step with the jobs and serves them.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::pallet_macros::pallet_section;
use scale_info::TypeInfo;
use vigil_primitives::{Balance, JobId, ModelVersionId};

/// Looks that a worker with room causes and that find nobody, before it leaves the line.
pub const LOOKS: u8 = 4;

/// How a job waits: what was found when its vacancies were last looked at. Those before come first.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Standing {
    /// Nobody has looked for its workers yet.
    #[codec(index = 0)]
    Fresh,
    /// No worker had a free place: it waits, by its bid, until one has.
    #[codec(index = 1)]
    Short,
    /// There was room, but not for this job: it has lost its place and waits its turn.
    #[codec(index = 2)]
    Passed,
}

/// The place of a job in a list: two numbers, big-endian, so that the order of the keys is theirs.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct Order([u8; 24]);

impl Order {
    /// The highest bid first, and of equal ones the oldest job.
    pub fn by_bid(bid: Balance, job: JobId) -> Self {
        Self::new(!bid, job)
    }

    /// In turn.
    pub fn by_turn(turn: u64, job: JobId) -> Self {
        Self::new(turn.into(), job)
    }

    /// The lowest bid first, and of equal ones the latest job: whoever is outbid first.
    pub fn by_offer(bid: Balance, job: JobId) -> Self {
        Self::new(bid, !job)
    }

    fn new(first: u128, second: u64) -> Self {
        let mut bytes = [0; 24];
        let (head, tail) = bytes.split_at_mut(16);
        head.copy_from_slice(&first.to_be_bytes());
        tail.copy_from_slice(&second.to_be_bytes());
        Self(bytes)
    }

    fn first(&self) -> u128 {
        self.0.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes))
    }

    fn second(&self) -> u64 {
        self.0.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }

    /// The job at this place of a list by bid or in turn.
    pub fn job(&self) -> JobId {
        self.second()
    }

    /// The bid at this place of a list by bid.
    pub fn bid(&self) -> Balance {
        !self.first()
    }

    /// The bid and the job at this place of the offers.
    pub fn offer(&self) -> (Balance, JobId) {
        (self.first(), !self.second())
    }
}

/// Where a job waits.
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
pub struct Place {
    /// In which list of its version.
    pub standing: Standing,
    /// Where in it.
    pub order: Order,
}

/// Whose turn it is. Versions stand in one line, workers in another.
#[derive(
    Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub enum Woken<AccountId> {
    /// A version with jobs that nobody has looked at yet.
    #[codec(index = 0)]
    Version(ModelVersionId),
    /// A worker that can take more than before.
    #[codec(index = 1)]
    Worker(AccountId),
}

impl<AccountId> Woken<AccountId> {
    /// The line it stands in.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Version(_) => Lane::Versions,
            Self::Worker(_) => Lane::Workers,
        }
    }
}

/// One of the two lines. The workers' turn comes when no version stands in line.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum Lane {
    /// First looks.
    #[codec(index = 0)]
    Versions,
    /// Further looks.
    #[codec(index = 1)]
    Workers,
}

/// What is left to do for a worker in line.
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
pub struct Round {
    /// Looks that may still find nobody.
    pub looks: u8,
    /// Where it goes on among the versions that it serves.
    pub next: u8,
}

/// The places of a line are `head..tail`.
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
pub struct Ends {
    /// The oldest place.
    pub head: u64,
    /// The next free place.
    pub tail: u64,
}

/// What of it is stored.
#[pallet_section]
mod storage {
    /// The jobs with vacancies, by version and standing, each list in its order.
    #[pallet::storage]
    pub type Waiting<T> = CountedStorageNMap<
        _,
        (
            NMapKey<Twox64Concat, ModelVersionId>,
            NMapKey<Identity, Standing>,
            NMapKey<Identity, Order>,
        ),
        (),
    >;

    /// Jobs that have not ended.
    #[pallet::storage]
    pub type OpenJobs<T> = StorageValue<_, u32, ValueQuery>;

    /// Jobs of a requester that have not ended.
    #[pallet::storage]
    pub type OpenJobsOf<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, u32, ValueQuery>;

    /// How many jobs of a version have vacancies.
    #[pallet::storage]
    pub type WaitingOf<T> = StorageMap<_, Twox64Concat, ModelVersionId, u32, ValueQuery>;

    /// The next turn of a job that has lost its place.
    #[pallet::storage]
    pub type NextTurn<T> = StorageValue<_, u64, ValueQuery>;

    /// The jobs that wait and were never assigned: who offers least is first.
    #[pallet::storage]
    pub type Offers<T> = StorageMap<_, Identity, Order, ()>;

    /// No offer lies below this one. A search begins here, so that it does not step again over
    /// what the same block has removed.
    #[pallet::storage]
    pub type LeastOffer<T> = StorageValue<_, Order, ValueQuery>;

    /// The places of the lines.
    #[pallet::storage]
    pub type Line<T: Config> =
        StorageDoubleMap<_, Identity, Lane, Twox64Concat, u64, Woken<T::AccountId>>;

    /// Where the lines begin and end.
    #[pallet::storage]
    pub type LineEnds<T> = StorageMap<_, Identity, Lane, Ends, ValueQuery>;

    /// Who stands in line.
    #[pallet::storage]
    pub type InLine<T: Config> = StorageMap<_, Blake2_128Concat, Woken<T::AccountId>, Round>;
}
