//! The agenda: disputes in which a side's time will have run out.

use super::*;
use frame_support::{pallet_macros::pallet_section, weights::WeightMeter};
use sp_runtime::traits::Saturating;
use vigil_primitives::dispute::{Fault, Side};

/// What of it is stored.
#[pallet_section]
mod storage {
    /// What becomes due in which block: of every dispute one entry.
    #[pallet::storage]
    pub type Agenda<T: Config> =
        StorageDoubleMap<_, Twox64Concat, BlockNumberFor<T>, Twox64Concat, DisputeId, ()>;

    /// The oldest block whose agenda is unfinished.
    #[pallet::storage]
    pub type AgendaCursor<T: Config> = StorageValue<_, BlockNumberFor<T>>;
}

impl<T: Config> Pallet<T> {
    /// The first block at which a dispute ends if nobody moves.
    pub(crate) fn due_at(dispute: &DisputeOf<T>) -> BlockNumberFor<T> {
        let after = dispute.deadline().saturating_add(1u32.into());
        match dispute.stage.turn() {
            Side::Claimant => after,
            // Nobody else can stand for a rival's own claim.
            Side::Challenger if dispute.rival => after,
            Side::Challenger => after.saturating_add(T::TakeoverPeriod::get()),
        }
    }

    pub(crate) fn schedule(id: DisputeId, dispute: &DisputeOf<T>) {
        Agenda::<T>::insert(Self::due_at(dispute), id, ());
    }

    pub(crate) fn unschedule(id: DisputeId, dispute: &DisputeOf<T>) {
        Agenda::<T>::remove(Self::due_at(dispute), id);
    }

    /// Ends what is due up to now, block by block, as far as the weight goes. Never skips.
    pub(crate) fn serve(now: BlockNumberFor<T>, limit: Weight) -> Weight {
        let mut meter = WeightMeter::with_limit(limit);
        let mut page = AgendaCursor::<T>::get().unwrap_or_else(|| {
            AgendaCursor::<T>::put(now);
            now
        });
        if meter.try_consume(T::WeightInfo::turn_page()).is_err() {
            return meter.consumed();
        }
        while page <= now && Self::serve_page(page, &mut meter) {
            page = page.saturating_add(1u32.into());
            if meter.try_consume(T::WeightInfo::turn_page()).is_err() {
                break;
            }
        }
        AgendaCursor::<T>::put(page);
        meter.consumed()
    }

    /// Ends the disputes of one block. Whether it came to the end of them.
    fn serve_page(page: BlockNumberFor<T>, meter: &mut WeightMeter) -> bool {
        // A conviction ends other disputes too, on this page or another.
        while let Some(id) = Agenda::<T>::iter_key_prefix(page).next() {
            if meter.try_consume(Self::time_out_weight()).is_err() {
                return false;
            }
            Agenda::<T>::remove(page, id);
            if let Some(dispute) = Disputes::<T>::get(id) {
                Self::run_out(id, dispute);
            }
        }
        true
    }

    pub(crate) fn do_time_out(id: DisputeId) -> DispatchResult {
        let dispute = Self::load(id)?;
        ensure!(Self::now() >= Self::due_at(&dispute), Error::<T>::NotDue);
        Self::run_out(id, dispute);
        Ok(())
    }

    fn run_out(id: DisputeId, dispute: DisputeOf<T>) {
        Self::unschedule(id, &dispute);
        let reached = dispute.reached();
        let verdict = match dispute.stage.turn() {
            Side::Claimant => Verdict::Convicted(Fault::Silence),
            Side::Challenger => Verdict::Abandoned,
        };
        Self::end(id, dispute, reached, verdict);
    }

    /// Weight of the end of a dispute in which a side's time has run out.
    pub(crate) fn time_out_weight() -> Weight {
        T::WeightInfo::time_out().saturating_add(Self::convict_weight())
    }

    /// Refuses a configuration under which the pallet could not keep its promises.
    pub(crate) fn check_config() {
        assert!(T::WorkPerBlock::get() > 0, "WorkPerBlock must be positive");
        assert!(T::MaxOpen::get() > 0, "MaxOpen must be positive");
        assert!(T::MaxPerClaim::get() > 0, "MaxPerClaim must be positive");
        assert!(T::History::get() > 0, "History must be positive");
        let one: BlockNumberFor<T> = 1u32.into();
        assert!(T::Clock::get() >= one, "Clock must be at least one block");
        assert!(T::TakeoverPeriod::get() >= one, "TakeoverPeriod must be at least one block");
        let least = T::WeightInfo::turn_page().saturating_add(Self::time_out_weight());
        assert!(
            least.all_lte(T::ServiceWeight::get()),
            "ServiceWeight must fit the end of a dispute"
        );
    }
}
