//! Vouchers and receipts, and the one form in which both are signed.
//!
//! What is signed is readable for wallets: they sign raw bytes only inside `<Bytes>` and `</Bytes>`,
//! so everybody signs them so, and there is one form of every signature.
//!
//! ```text
//! <Bytes> SCALE(domain, genesis hash of the chain, voucher or receipt) </Bytes>
//! ```
//! The domain keeps one from passing for the other, the genesis hash one chain's from passing on
//! another, and the number of the channel inside does so for channels.

use super::{ChannelId, Totals, Usage};
use crate::{job::Output, Architecture, ContentHash, Hash, Sampling};
use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;
use sp_core::sr25519::{Public, Signature};
use sp_runtime::traits::{BlakeTwo256, Hash as _, Verify};
use vigil_architecture::BadRun;

/// Bytes of a domain.
pub type Domain = [u8; 15];

/// Domain of a [`Voucher`].
pub const VOUCHER: Domain = *b"vigil/voucher/1";
/// Domain of an [`AnswerReceipt`].
pub const RECEIPT: Domain = *b"vigil/receipt/1";

/// The bytes that a signature is made of.
pub fn signed_bytes(domain: Domain, genesis: &Hash, body: &impl Encode) -> Vec<u8> {
    let mut bytes = Vec::from(b"<Bytes>");
    (domain, genesis, body).encode_to(&mut bytes);
    bytes.extend_from_slice(b"</Bytes>");
    bytes
}

fn verify(
    domain: Domain,
    genesis: &Hash,
    body: &impl Encode,
    signer: &Public,
    signature: &Signature,
) -> bool {
    signature.verify(signed_bytes(domain, genesis, body).as_slice(), signer)
}

/// What a requester owes for the answers that it has received so far.
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
pub struct Voucher {
    /// The channel.
    pub channel: ChannelId,
    /// What the answers come to.
    pub totals: Totals,
}

impl Voucher {
    /// What the requester's signer signs.
    pub fn bytes(&self, genesis: &Hash) -> Vec<u8> {
        signed_bytes(VOUCHER, genesis, self)
    }

    /// Whether the signature is the signer's.
    pub fn verify(&self, genesis: &Hash, signer: &Public, signature: &Signature) -> bool {
        verify(VOUCHER, genesis, self, signer, signature)
    }
}

/// What a worker stands for when it has answered.
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
pub struct AnswerReceipt {
    /// The channel.
    pub channel: ChannelId,
    /// Number of the answer, from 1.
    pub number: u32,
    /// BLAKE3 of the input's token ids.
    pub input: ContentHash,
    /// The tokens.
    pub usage: Usage,
    /// Most tokens that were to be generated.
    pub max_tokens_out: u32,
    /// How tokens were to be chosen.
    pub sampling: Sampling,
    /// What came out.
    pub output: Output,
    /// What the answers come to, with this one.
    pub totals: Totals,
}

/// Why a receipt says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadReceipt {
    /// The model cannot run such a request.
    Run(BadRun),
    /// Tokens that were generated are not those of the output, or are more than were to be.
    Tokens,
    /// More tokens are cached than the input has, or some of an encoder, which keeps none.
    Cached,
    /// The number is not that of the totals.
    Number,
}

impl AnswerReceipt {
    /// What the worker's signer signs.
    pub fn bytes(&self, genesis: &Hash) -> Vec<u8> {
        signed_bytes(RECEIPT, genesis, self)
    }

    /// Whether the signature is the signer's.
    pub fn verify(&self, genesis: &Hash, signer: &Public, signature: &Signature) -> bool {
        verify(RECEIPT, genesis, self, signer, signature)
    }

    /// What a claim names it by.
    pub fn hash(&self) -> Hash {
        BlakeTwo256::hash_of(self)
    }

    /// Checks everything that a receipt must hold to by itself. One that does not is no claim: a
    /// requester refuses it, as it would refuse no receipt at all.
    pub fn check(&self, architecture: &Architecture) -> Result<(), BadReceipt> {
        let Usage { tokens_in, cached, tokens_out } = self.usage;
        architecture
            .check_run(tokens_in, self.max_tokens_out, self.sampling)
            .map_err(BadReceipt::Run)?;
        let least = architecture.min_tokens_out();
        if tokens_out != self.output.tokens || !(least..=self.max_tokens_out).contains(&tokens_out)
        {
            return Err(BadReceipt::Tokens);
        }
        let most = match architecture {
            Architecture::Encoder(_) => 0,
            Architecture::Decoder(_) => tokens_in,
        };
        if cached > most {
            return Err(BadReceipt::Cached);
        }
        if self.number == 0 || self.number != self.totals.answers {
            return Err(BadReceipt::Number);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;
    use sp_core::Pair as _;

    type Pair = sp_core::sr25519::Pair;

    fn genesis() -> Hash {
        Hash::repeat_byte(0x11)
    }

    fn voucher() -> Voucher {
        let totals = Totals { answers: 2, work: 3_000, reward: 40, owner: 5 };
        Voucher { channel: 7, totals }
    }

    fn receipt() -> AnswerReceipt {
        AnswerReceipt {
            channel: 7,
            number: 2,
            input: ContentHash::repeat_byte(0x22),
            usage: Usage { tokens_in: 16, cached: 8, tokens_out: 4 },
            max_tokens_out: 32,
            sampling: Sampling::Greedy,
            output: Output { hash: ContentHash::repeat_byte(0x33), tokens: 4 },
            totals: voucher().totals,
        }
    }

    fn hex(bytes: &[u8]) -> alloc::string::String {
        bytes.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
    }

    const TAG: &str = "3c42797465733e";
    const END: &str = "3c2f42797465733e";
    const GENESIS: &str = "1111111111111111111111111111111111111111111111111111111111111111";
    const TOTALS: &str = concat!(
        "02000000",
        "b80b0000000000000000000000000000",
        "28000000000000000000000000000000",
        "05000000000000000000000000000000",
    );

    #[test]
    fn a_voucher_should_be_signed_in_these_bytes() {
        let domain = "766967696c2f766f75636865722f31";
        let body = ["0700000000000000", TOTALS].concat();
        let expected = [TAG, domain, GENESIS, &body, END].concat();
        assert_eq!(hex(&voucher().bytes(&genesis())), expected);
    }

    #[test]
    fn a_receipt_should_be_signed_in_these_bytes() {
        let domain = "766967696c2f726563656970742f31";
        let body = [
            "0700000000000000",
            "02000000",
            &"22".repeat(32),
            "10000000",
            "08000000",
            "04000000",
            "20000000",
            "00",
            &"33".repeat(32),
            "04000000",
            TOTALS,
        ]
        .concat();
        let expected = [TAG, domain, GENESIS, &body, END].concat();
        assert_eq!(hex(&receipt().bytes(&genesis())), expected);
        // BLAKE2b-256 of the body.
        assert_eq!(hex(receipt().hash().as_bytes()), HASH);
    }

    #[test]
    fn a_signature_should_be_good_for_one_thing_only() {
        let pair = Pair::from_seed(&[1; 32]);
        let (signer, other) = (pair.public(), Pair::from_seed(&[2; 32]).public());
        let voucher = voucher();
        let signature = pair.sign(&voucher.bytes(&genesis()));
        assert!(voucher.verify(&genesis(), &signer, &signature));
        assert!(!voucher.verify(&genesis(), &other, &signature));
        assert!(!voucher.verify(&Hash::zero(), &signer, &signature));
        assert!(!Voucher { channel: 8, ..voucher }.verify(&genesis(), &signer, &signature));
        let bare = pair.sign(&voucher.encode());
        assert!(!voucher.verify(&genesis(), &signer, &bare));
        let receipt = receipt();
        assert!(!receipt.verify(&genesis(), &signer, &signature));
        let signature = pair.sign(&receipt.bytes(&genesis()));
        assert!(receipt.verify(&genesis(), &signer, &signature));
    }

    /// Signatures differ from one time to the next, so these are checked and not made.
    #[test]
    fn a_signature_that_was_made_before_should_still_be_good() {
        let signer = Pair::from_seed(&[1; 32]).public();
        assert_eq!(hex(&signer), SIGNER);
        let signature = |text: &str| {
            let bytes: Vec<u8> = (0..64)
                .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
                .collect();
            Signature::try_from(bytes.as_slice()).unwrap()
        };
        assert!(voucher().verify(&genesis(), &signer, &signature(SIGNED_VOUCHER)));
        assert!(receipt().verify(&genesis(), &signer, &signature(SIGNED_RECEIPT)));
    }

    const HASH: &str = "63980159ea9f7c57e2267752c6a7e9a277a24853c6092f4096c248015584e874";
    const SIGNER: &str = "189dac29296d31814dc8c56cf3d36a0543372bba7538fa322a4aebfebc39e056";
    const SIGNED_VOUCHER: &str = concat!(
        "4c160ce6d91f11aad67d6016583eb16e9950819929ca92ff8248fe343382fc04",
        "557ee982a8abb9435c68c787afe61387292fbbcaec69a0b41c125c9e7484b18a",
    );
    const SIGNED_RECEIPT: &str = concat!(
        "5cf3fa0b5290fe16df11cd870568ab5f708cbf3df92420520dbdcfe839a22b52",
        "94330dea6953d832e80c6508b0672511f42daf5fb2efdb537307de9eea8e6680",
    );

    #[test]
    fn a_receipt_that_says_nothing_should_be_refused() {
        let model = Architecture::Decoder(samples::decoder());
        let good = receipt();
        assert_eq!(good.check(&model), Ok(()));
        let usage = |usage| AnswerReceipt { usage, ..good };
        let Usage { tokens_in, tokens_out, .. } = good.usage;
        for (bad, why) in [
            (AnswerReceipt { max_tokens_out: 0, ..good }, BadReceipt::Run(BadRun::NoTokensOut)),
            (AnswerReceipt { max_tokens_out: 3, ..good }, BadReceipt::Tokens),
            (AnswerReceipt { number: 3, ..good }, BadReceipt::Number),
            (usage(Usage { tokens_out: 3, ..good.usage }), BadReceipt::Tokens),
            (usage(Usage { cached: 17, ..good.usage }), BadReceipt::Cached),
            (
                usage(Usage { tokens_in: 0, cached: 0, tokens_out }),
                BadReceipt::Run(BadRun::NoInput),
            ),
        ] {
            assert_eq!(bad.check(&model), Err(why), "{bad:?}");
        }
        let encoder = Architecture::Encoder(samples::encoder());
        let vector = AnswerReceipt {
            usage: Usage { tokens_in, cached: 0, tokens_out: 0 },
            max_tokens_out: 0,
            output: Output { tokens: 0, ..good.output },
            ..good
        };
        assert_eq!(vector.check(&encoder), Ok(()));
        let cached = AnswerReceipt { usage: Usage { cached: 1, ..vector.usage }, ..vector };
        assert_eq!(cached.check(&encoder), Err(BadReceipt::Cached));
    }
}
