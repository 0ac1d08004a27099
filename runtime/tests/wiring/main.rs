//! The wiring: what no pallet can test alone.

mod channels;
#[path = "../common/chain.rs"]
mod common;
mod genesis;
mod market;
mod transactions;
mod types;
mod validators;
mod weights;

use codec::Encode;
use common::chain;
use sp_consensus_babe::digests::{CompatibleDigestItem, PreDigest, SecondaryPlainPreDigest};
use sp_core::Pair;
use sp_keyring::Sr25519Keyring;
use sp_runtime::{
    generic::{Digest, DigestItem, Era},
    traits::{Block as _, Header as _},
};
use vigil_primitives::api::runtime_decl_for_vigil_api::VigilApi;
use vigil_runtime::{
    constants::time::SLOT_MS, genesis_presets, AccountId, Block, Executive, Hash, Header, Runtime,
    RuntimeCall, SignedPayload, TxExtension, UncheckedExtrinsic, VERSION,
};

/// The slot of the first block.
const FIRST_SLOT: u64 = 900_000_000;

/// Begins block `number` as authority `author`: its header and its timestamp.
fn begin_block(number: u32, author: u32) -> Header {
    let slot = FIRST_SLOT + u64::from(number);
    let pre_digest = PreDigest::SecondaryPlain(SecondaryPlainPreDigest {
        authority_index: author,
        slot: slot.into(),
    });
    let header = header(number, pre_digest);
    Executive::initialize_block(&header);
    let now = RuntimeCall::Timestamp(pallet_timestamp::Call::set { now: slot * SLOT_MS });
    Executive::apply_extrinsic(UncheckedExtrinsic::new_bare(now)).unwrap().unwrap();
    header
}

/// The header of a block whose author claims its slot so.
fn header(number: u32, claim: PreDigest) -> Header {
    Header::new(
        number,
        Hash::zero(),
        Hash::zero(),
        Hash::repeat_byte(number as u8),
        Digest { logs: vec![<DigestItem as CompatibleDigestItem>::babe_pre_digest(claim)] },
    )
}

/// Everything a transaction carries beside its call.
fn extension(nonce: u32, tip: u128) -> TxExtension {
    (
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckEra::from(Era::Immortal),
        frame_system::CheckNonce::from(nonce),
        frame_system::CheckWeight::new(),
        pallet_transaction_payment::ChargeTransactionPayment::from(tip),
        frame_metadata_hash_extension::CheckMetadataHash::new(false),
        frame_system::WeightReclaim::new(),
    )
}

/// A transaction signed as a wallet does it, with only the chain's public values.
fn signed(call: RuntimeCall, by: Sr25519Keyring, nonce: u32) -> UncheckedExtrinsic {
    let extension = extension(nonce, 0);
    let genesis = frame_system::Pallet::<Runtime>::block_hash(0);
    let implicit = (
        (),
        VERSION.spec_version,
        VERSION.transaction_version,
        genesis,
        genesis,
        (),
        (),
        (),
        None,
        (),
    );
    let payload = SignedPayload::from_raw(call.clone(), extension.clone(), implicit);
    let signature = payload.using_encoded(|bytes| by.pair().sign(bytes));
    UncheckedExtrinsic::new_signed(call, by.to_account_id().into(), signature.into(), extension)
}

fn account(who: Sr25519Keyring) -> AccountId {
    who.to_account_id()
}

/// The types a node and the runtime must agree on.
#[test]
fn blocks_should_decode_as_opaque_blocks_when_encoded() {
    use codec::Decode;
    let header = Header::new(1, Hash::zero(), Hash::zero(), Hash::zero(), Digest::default());
    let block = Block::new(
        header,
        vec![UncheckedExtrinsic::new_bare(RuntimeCall::Timestamp(pallet_timestamp::Call::set {
            now: 1,
        }))],
    );
    let opaque = vigil_runtime::opaque::Block::decode(&mut &block.encode()[..]).unwrap();
    assert_eq!(opaque.encode(), block.encode());
}

/// A client of the time before every domain had an interface of its own is told so by the version of
/// the old one, and by its answer where to look.
#[test]
fn the_interface_of_old_clients_should_name_every_domain() {
    use vigil_primitives::api::*;
    assert_eq!(VERSION.api_version(&runtime_decl_for_vigil_api::ID), Some(2));
    let domains = [
        ("ModelsApi", runtime_decl_for_models_api::ID),
        ("DatasetsApi", runtime_decl_for_datasets_api::ID),
        ("ProvenanceApi", runtime_decl_for_provenance_api::ID),
        ("WorkersApi", runtime_decl_for_workers_api::ID),
        ("JobsApi", runtime_decl_for_jobs_api::ID),
        ("DisputesApi", runtime_decl_for_disputes_api::ID),
        ("ChannelsApi", runtime_decl_for_channels_api::ID),
    ];
    assert_eq!(Runtime::domains(), domains.map(|(name, _)| name.as_bytes().to_vec()));
    assert!(domains.iter().all(|(_, id)| VERSION.api_version(id).is_some()));
}
