//! The input or the output of a claim, put together from what its claimant had to publish.

use vigil_game::rules::{published, read_published};
use vigil_ops::proof::CHUNK;
use vigil_primitives::dispute::{Claim, End, Ground, Proof};

/// An end of a claim that nobody hands out.
#[derive(Clone, Debug)]
pub struct Withheld {
    claim: Claim,
    end: End,
    bytes: Vec<u8>,
}

impl Withheld {
    /// Nothing of it yet.
    pub fn new(claim: Claim, end: End) -> Self {
        Self { claim, end, bytes: Vec::new() }
    }

    /// Which it is.
    pub fn end(&self) -> End {
        self.end
    }

    /// What has to be asked for next; `None` when all is there.
    pub fn ground(&self) -> Option<Ground> {
        let first = u32::try_from((self.bytes.len() as u64).div_ceil(CHUNK)).ok()?;
        published(&self.claim, self.end, first)?;
        Some(Ground::Withheld { end: self.end, first })
    }

    /// Takes in what may have been published, if it is the next part. Whether it is.
    pub fn take_in(&mut self, proof: &Proof) -> bool {
        let Some(Ground::Withheld { first, .. }) = self.ground() else { return false };
        let Ok(bytes) = read_published(&self.claim, self.end, first, proof) else { return false };
        self.bytes.extend_from_slice(&bytes);
        true
    }

    /// The bytes, when all are there. They have the claim's hash.
    pub fn bytes(&self) -> Option<&[u8]> {
        self.ground().is_none().then_some(&self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_game::{
        players::proof_of,
        samples::{cases, hash_of},
    };
    use vigil_ops::proof::{self, Bytes};

    /// A claim with an output of three parts.
    fn claim() -> (Claim, Vec<u8>) {
        let case = cases().into_iter().find(|case| case.max_tokens_out > 0).unwrap();
        let output: Vec<u8> = (0..40_000u32).map(|byte| (byte % 251) as u8).collect();
        let mut claim = case.claim(&case.output);
        (claim.output.hash, claim.output.tokens) = (hash_of(&output), 10_000);
        (claim, output)
    }

    fn part(output: &[u8], offset: u64) -> Proof {
        let len = (output.len() as u64 - offset).min(16 * CHUNK);
        let mut proof = proof::Proof::default();
        proof.open_bytes(output, &[Bytes { offset, len }]).unwrap();
        proof_of(proof).unwrap()
    }

    #[test]
    fn parts_should_be_asked_for_in_order_and_give_the_whole() {
        let (claim, output) = claim();
        let mut withheld = Withheld::new(claim, End::Output);
        for number in 0..3 {
            let asked = Ground::Withheld { end: End::Output, first: number * 16 };
            assert_eq!(withheld.ground(), Some(asked));
            assert_eq!(withheld.bytes(), None);
            // Another part, and nothing at all, change nothing.
            let other = part(&output, u64::from((number + 1) % 3) * 16 * CHUNK);
            assert!(!withheld.take_in(&other) && !withheld.take_in(&Proof::default()));
            let right = part(&output, u64::from(number) * 16 * CHUNK);
            assert!(withheld.take_in(&right));
        }
        assert_eq!(withheld.ground(), None);
        assert_eq!(withheld.bytes(), Some(output.as_slice()));
    }
}
