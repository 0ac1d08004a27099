//! Weights that are set by hand.

use core::marker::PhantomData;
use sp_core::Get;
use sp_runtime::Weight;
use sp_weights::RuntimeDbWeight;

/// Weights of the calls of a pallet, with the costs of the database that the runtime counts with.
///
/// The figures are deliberately several times higher than the storage accesses and computation of
/// the worst case suggest, until they are measured in wasm on reference hardware. Nobody pays too
/// little by them, and no block holds more than it can execute.
pub struct HandSet<Db>(PhantomData<Db>);

impl<Db: Get<RuntimeDbWeight>> HandSet<Db> {
    /// So many microseconds of computation, KiB of proof, reads and writes.
    pub fn figure(micros: u64, kib: u64, reads: u64, writes: u64) -> Weight {
        Weight::from_parts(micros.saturating_mul(1_000_000), kib.saturating_mul(1_024))
            .saturating_add(Db::get().reads_writes(reads, writes))
    }

    /// The same with 8 KiB of proof for every read.
    pub fn high(micros: u64, reads: u64, writes: u64) -> Weight {
        Self::figure(micros, reads.saturating_mul(8), reads, writes)
    }
}
