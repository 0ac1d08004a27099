//! Bytes that a claimant had to publish on chain, read out of the blocks that hold them.
//!
//! The chain checks them and keeps nothing: they are in the transaction that published them. Wherever
//! that lies, alone or inside of another call, it is found by the bytes that every such call begins
//! with. What is found is only a candidate: whoever reads it checks it against the claim's hashes.

use crate::{
    connection::Client,
    error::{Error, Result},
};
use codec::{Decode, Encode};
use vigil_primitives::{
    dispute::{DisputeId, Move, Proof},
    BlockNumber,
};

impl Client {
    /// The first of what may have been published in a dispute in the block of this height that
    /// `fits`. Whoever wrote the block may have put anything in it: no more than one is held at once.
    ///
    /// # Errors
    /// The node does not answer, or no longer has the block.
    pub async fn published(
        &self,
        block: BlockNumber,
        dispute: DisputeId,
        fits: &mut (dyn FnMut(&Proof) -> bool + Send),
    ) -> Result<bool> {
        let missing = || Error::Refused {
            what: "a block with published bytes",
            reason: format!("it has no block {block}"),
        };
        let hash = self.block_hash(block).await?.ok_or_else(missing)?;
        let methods = &self.inner.methods;
        let found = self.request("a block", || methods.chain_get_block(Some(hash))).await?;
        let extrinsics = found.ok_or_else(missing)?.block.extrinsics;
        let at = self.at_block(self.head_of(hash).await?).await?;
        let metadata = at.metadata();
        let unknown = || Error::Incompatible("it has no call Disputes.play".into());
        let pallet = metadata.pallet_by_name("Disputes").ok_or_else(unknown)?;
        let call = pallet.call_variant_by_name("play").ok_or_else(unknown)?;
        let beginning = beginning([pallet.call_index(), call.index], dispute);
        let mut found = extrinsics.iter().flat_map(|bytes| candidates(&bytes.0, &beginning));
        Ok(found.any(|proof| fits(&proof)))
    }
}

/// How a call begins that publishes something in a dispute.
fn beginning(call: [u8; 2], dispute: DisputeId) -> Vec<u8> {
    let mut bytes = (call, dispute).encode();
    bytes.extend(Move::Publish(Proof::default()).encode().first());
    bytes
}

/// Every proof that stands behind these bytes.
fn candidates<'a>(bytes: &'a [u8], beginning: &'a [u8]) -> impl Iterator<Item = Proof> + 'a {
    let places = bytes.windows(beginning.len()).enumerate();
    let found = places.filter(move |(_, window)| *window == beginning);
    found.filter_map(move |(place, _)| {
        let mut rest = bytes.get(place.saturating_add(beginning.len())..)?;
        Proof::decode(&mut rest).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(byte: u8) -> Proof {
        Proof {
            nodes: vec![[byte; 32].into()].try_into().unwrap(),
            data: vec![byte; 40].try_into().unwrap(),
        }
    }

    #[test]
    fn what_was_published_should_be_found_wherever_the_call_lies() {
        let begins = beginning([9, 2], 5);
        let call = |id: DisputeId, byte| ([9u8, 2], id, Move::Publish(proof(byte))).encode();
        // Signed, and in a batch of two calls of which one is about another dispute.
        let extrinsic = [vec![0x84; 99], call(6, 1), call(5, 2), vec![1, 2, 3]].concat();
        assert_eq!(candidates(&extrinsic, &begins).collect::<Vec<_>>(), [proof(2)]);
    }

    #[test]
    fn other_moves_and_cut_bytes_should_be_passed_over() {
        let begins = beginning([9, 2], 5);
        let name = ([9u8, 2], 5 as DisputeId, Move::Node(3)).encode();
        assert_eq!(candidates(&name, &begins).count(), 0);
        let mut cut = ([9u8, 2], 5 as DisputeId, Move::Publish(proof(2))).encode();
        cut.truncate(40);
        assert_eq!(candidates(&cut, &begins).count(), 0);
        assert_eq!(candidates(&[], &begins).count(), 0);
    }
}
