//! Every constant of the chain that others derive from: time, money, weight.

/// How time passes on the chain. [`SLOT_MS`](time::SLOT_MS) is the one figure, all else follows.
pub mod time {
    use vigil_primitives::BlockNumber;

    /// Milliseconds of a slot. Slots always hold a block, so blocks come at this pace.
    ///
    /// It can't be changed on a running chain: BABE counts slots from the Unix epoch.
    pub const SLOT_MS: u64 = 2_000;

    /// Blocks in a minute.
    pub const MINUTES: BlockNumber = (60_000 / SLOT_MS) as BlockNumber;
    /// Blocks in an hour.
    pub const HOURS: BlockNumber = 60 * MINUTES;
    /// Blocks in a day.
    pub const DAYS: BlockNumber = 24 * HOURS;

    /// Slots of an epoch, which is also a session: the validator set changes at its end.
    pub const EPOCH_SLOTS: u64 = (20 * MINUTES) as u64;

    /// How long an equivocation can be reported, and how long what proves it is kept.
    pub const EQUIVOCATION_WINDOW: BlockNumber = 7 * DAYS;
    /// The same in sessions.
    pub const EQUIVOCATION_SESSIONS: u32 = EQUIVOCATION_WINDOW / EPOCH_SLOTS as BlockNumber;

    /// The chance that a slot has a primary author is 1 in 4; every other slot falls to a
    /// secondary author, whose VRF keeps the randomness of each block fresh.
    pub const BABE_GENESIS_EPOCH_CONFIG: sp_consensus_babe::BabeEpochConfiguration =
        sp_consensus_babe::BabeEpochConfiguration {
            c: (1, 4),
            allowed_slots: sp_consensus_babe::AllowedSlots::PrimaryAndSecondaryVRFSlots,
        };
}

/// Amounts.
pub mod money {
    pub use vigil_primitives::{MICRO, MILLI, UNIT};

    use vigil_primitives::Balance;

    /// Letters of the token.
    pub const TOKEN: &str = "VGL";
    /// Decimals of the token.
    pub const DECIMALS: u8 = 12;
    /// Address format: the generic one, until a prefix is registered.
    pub const SS58_PREFIX: u16 = 42;

    /// Least balance of an account: a thousandth of a VGL.
    pub const EXISTENTIAL_DEPOSIT: Balance = MILLI;

    /// Deposit for keeping `items` storage entries with `bytes` bytes in all.
    pub const fn deposit(items: u32, bytes: u32) -> Balance {
        (items as Balance)
            .saturating_mul(20 * MILLI)
            .saturating_add((bytes as Balance).saturating_mul(MILLI / 10))
    }

    /// Fee for one extrinsic that does nothing, without its length.
    pub const BASE_FEE: Balance = 10 * MICRO;
    /// Fee for one byte of an extrinsic.
    pub const BYTE_FEE: Balance = MICRO / 100;
}

/// What fits into a block.
pub mod block {
    use super::time::SLOT_MS;
    use frame_support::weights::{constants::WEIGHT_REF_TIME_PER_MILLIS, Weight};
    use sp_runtime::Perbill;

    /// A third of the slot may go into executing a block. Every validator executes it again
    /// before building on it, and it must reach them within the same slot.
    pub const MAX_WEIGHT: Weight =
        Weight::from_parts(SLOT_MS * WEIGHT_REF_TIME_PER_MILLIS / 3, u64::MAX);

    /// Share of a block that transactions of users fill. The rest is for operational calls: what
    /// repairs a chain must fit into a block that is otherwise full.
    pub const NORMAL_RATIO: Perbill = Perbill::from_percent(75);

    /// Bytes of a block. An upgrade of the runtime must fit.
    pub const MAX_BYTES: u32 = 4 * 1024 * 1024;
}
