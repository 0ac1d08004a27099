//! The constants: those of `runtime/src/configs/inference.rs`, and those of the simulated market.

use vigil_primitives::{Balance, BlockNumber, Permill, MILLI, UNIT};

/// Blocks of a day.
pub const DAY: BlockNumber = 43_200;

/// What the runtime is configured with.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// On top of every reward, for the treasury.
    pub protocol_fee: Permill,
    /// What an audited worker loses by keeping silent, at least: the cheapest way out.
    pub least: Balance,
    /// What a conviction takes, at least.
    pub conviction: Balance,
    /// Burned for a missed deadline.
    pub expiry: Balance,
    /// What a challenger loses beside the costs.
    pub forfeit: Balance,
    /// Every bond. Who loses a part of it tops it up again.
    pub bond: Balance,
    /// Blocks in which a record halves.
    pub half_life: BlockNumber,
    /// Blocks in jail for a wrong result.
    pub jail: BlockNumber,
    /// Blocks in jail for missed deadlines.
    pub short_jail: BlockNumber,
    /// So many of which, one after the other, lead there.
    pub misses: u32,
    /// Workers that a draw looks at.
    pub sample: usize,
    /// What the chance of an audit is multiplied with. One on the chain; less shows what would be
    /// if audits were fewer.
    pub frequency: Permill,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            protocol_fee: Permill::from_percent(1),
            least: UNIT,
            conviction: 20 * UNIT,
            expiry: UNIT,
            forfeit: 10 * UNIT,
            bond: 100 * UNIT,
            half_life: 30 * DAY,
            jail: DAY,
            short_jail: DAY / 24,
            misses: 3,
            sample: 16,
            frequency: Permill::one(),
        }
    }
}

/// What the chain does not decide.
#[derive(Clone, Copy, Debug)]
pub struct Economy {
    /// What workers ask for a giga multiply-accumulate, more or less.
    pub ask: Balance,
    /// Between which percentages of it each asks.
    pub spread: (Balance, Balance),
    /// What it costs any of them to compute it.
    pub cost: Balance,
    /// What all moves of a dispute cost.
    pub dispute: Balance,
    /// The largest job is two to this power, the smallest one, in giga multiply-accumulates. Every
    /// doubling is equally frequent.
    pub doublings: u32,
    /// One job in so many asks for two replicas.
    pub replicated: u32,
    /// One job in so many comes from somebody that orders from itself, beside all others, if there
    /// is such a player; as often somebody challenges a right result.
    pub odd: u32,
    /// Blocks from one job to the next.
    pub pace: BlockNumber,
    /// What the treasury begins with.
    pub treasury: Balance,
}

impl Default for Economy {
    fn default() -> Self {
        Self {
            ask: MILLI,
            spread: (80, 125),
            cost: MILLI * 8 / 10,
            dispute: MILLI,
            doublings: 10,
            replicated: 10,
            odd: 10,
            pace: 260,
            treasury: 100 * UNIT,
        }
    }
}
