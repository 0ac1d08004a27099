//! The worker's view of its disputes: what the chain says of each, joined to what is under way here.
//!
//! The chain's list of disputes in which we have a side comes with every best block. For each
//! [`dispute::next`] names the next step; the service has the move computed by the [`Advocates`] and
//! sends it. A move that the chain does not show some blocks after it was sent is made again.

mod advocates;
pub(crate) mod dispute;

pub use advocates::Advocates;
pub(crate) use dispute::Step;

use dispute::Facts;
use std::collections::BTreeMap;
use vigil_primitives::{
    dispute::{ClaimId, Dispute, DisputeId},
    AccountId, BlockNumber, ContentHash, ModelVersionId,
};

/// Blocks between a move's inclusion and making it again if the chain shows no effect.
const SETTLING: BlockNumber = 3;
/// Blocks between attempts after something failed.
const RETRY: BlockNumber = 2;

/// The disputes of a worker.
pub(crate) struct Disputes {
    me: AccountId,
    now: BlockNumber,
    entries: BTreeMap<DisputeId, Entry>,
}

/// A dispute of ours.
struct Entry {
    dispute: Dispute,
    computing: bool,
    sending: bool,
    quiet_until: BlockNumber,
    /// That we can't defend it has been told.
    told: bool,
}

impl Disputes {
    /// Returns an empty list for a worker.
    pub(crate) fn new(me: AccountId) -> Self {
        Self { me, now: 0, entries: BTreeMap::new() }
    }

    /// Takes in the chain's list at a new best block. Those that are not in it have ended; their
    /// numbers are returned.
    pub(crate) fn update(
        &mut self,
        now: BlockNumber,
        list: Vec<(DisputeId, Dispute)>,
    ) -> Vec<DisputeId> {
        self.now = now;
        let ended: Vec<DisputeId> = self
            .entries
            .keys()
            .copied()
            .filter(|id| !list.iter().any(|(listed, _)| listed == id))
            .collect();
        self.entries.retain(|id, _| !ended.contains(id));
        for (id, dispute) in list {
            match self.entries.get_mut(&id) {
                Some(entry) => {
                    if entry.dispute.moves != dispute.moves {
                        entry.quiet_until = 0;
                    }
                    entry.dispute = dispute;
                }
                None => {
                    tracing::warn!(dispute = id, "a result is disputed, and we have a side");
                    let entry = Entry {
                        dispute,
                        computing: false,
                        sending: false,
                        quiet_until: 0,
                        told: false,
                    };
                    self.entries.insert(id, entry);
                }
            }
        }
        ended
    }

    /// Returns the disputes in which a move is to be made now. `knows` says whether a version is
    /// loaded.
    pub(crate) fn due(
        &mut self,
        knows: impl Fn(ModelVersionId) -> bool,
    ) -> Vec<(DisputeId, Dispute)> {
        let mut due = Vec::new();
        for (id, entry) in &mut self.entries {
            let facts = Facts {
                model: knows(entry.dispute.claim.version),
                computing: entry.computing,
                quiet: entry.sending || self.now < entry.quiet_until,
            };
            match dispute::next(dispute::turn(&entry.dispute, &self.me), facts, self.now) {
                Step::Wait => {}
                Step::Play => due.push((*id, entry.dispute.clone())),
                Step::Unable if entry.told => {}
                Step::Unable => {
                    entry.told = true;
                    let version = entry.dispute.claim.version;
                    tracing::error!(
                        dispute = id,
                        "a result of version {version} is disputed and the version is not served \
                         here: serve it again, or the dispute is lost"
                    );
                }
            }
        }
        // Whoever runs out of time first comes first.
        due.sort_by_key(|(_, dispute): &(DisputeId, Dispute)| dispute.deadline());
        due
    }

    /// Whether a dispute of ours is about a claim of another.
    pub(crate) fn is_about(&self, claim: &ClaimId) -> bool {
        let ours = |entry: &Entry| entry.dispute.challenger == self.me;
        self.entries.values().any(|entry| ours(entry) && entry.dispute.claim_id == *claim)
    }

    /// Returns the blobs that a dispute is about.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = ContentHash> + '_ {
        let ends = |entry: &Entry| [entry.dispute.claim.input, entry.dispute.claim.output.hash];
        self.entries.values().flat_map(ends)
    }

    /// How many disputes of ours have not ended.
    pub(crate) fn open(&self) -> usize {
        self.entries.len()
    }

    /// A move is being computed.
    pub(crate) fn begin_computing(&mut self, id: DisputeId) {
        self.change(id, |entry, _| entry.computing = true);
    }

    /// A move has been computed, or could not be.
    pub(crate) fn end_computing(&mut self, id: DisputeId, made: bool) {
        self.change(id, |entry, now| {
            entry.computing = false;
            if !made {
                entry.quiet_until = now.saturating_add(RETRY);
            }
        });
    }

    /// A move is on its way.
    pub(crate) fn begin_sending(&mut self, id: DisputeId) {
        self.change(id, |entry, _| entry.sending = true);
    }

    /// The move is in a block (`included`), or has failed.
    pub(crate) fn end_sending(&mut self, id: DisputeId, included: bool) {
        self.change(id, |entry, now| {
            entry.sending = false;
            let pause = if included { SETTLING } else { RETRY };
            entry.quiet_until = now.saturating_add(pause);
        });
    }

    fn change(&mut self, id: DisputeId, change: impl FnOnce(&mut Entry, BlockNumber)) {
        if let Some(entry) = self.entries.get_mut(&id) {
            change(entry, self.now);
        }
    }
}
