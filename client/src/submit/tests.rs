use super::*;
use codec::{Compact, Encode};
use scale_info::{meta_type, TypeInfo};
use sp_runtime::{generic::Era, traits::Verify, MultiAddress, MultiSignature};
use std::sync::Arc;
use subxt::{
    config::substrate::SpecVersionForRange, ext::frame_metadata::v16, rpcs::UserError, Metadata,
    OfflineClient, OfflineClientAtBlock,
};
use vigil_primitives::{job::Output, AccountId};

/// Pallet `Jobs` as far as these tests go.
#[allow(dead_code, non_camel_case_types)]
#[derive(TypeInfo)]
enum JobsCall {
    #[codec(index = 3)]
    reveal { job: u64, output: Output, salt: [u8; 32] },
    #[codec(index = 5)]
    poke { job: u32 },
}

#[allow(dead_code)]
#[derive(TypeInfo)]
enum Mode {
    Disabled,
    Enabled,
}

const GENESIS: Hash = Hash::repeat_byte(0xaa);
const BIRTH: Block = Block { number: 300, hash: Hash::repeat_byte(0xbb) };

/// A client of a chain with the transaction extensions of Vigil.
fn offline() -> OfflineClientAtBlock<SubstrateConfig> {
    let extension =
        |identifier, ty, implicit| v16::TransactionExtensionMetadata { identifier, ty, implicit };
    let (none, hash) = (meta_type::<()>(), meta_type::<Hash>());
    let extensions = vec![
        extension("CheckNonZeroSender", none, none),
        extension("CheckSpecVersion", none, meta_type::<u32>()),
        extension("CheckTxVersion", none, meta_type::<u32>()),
        extension("CheckGenesis", none, hash),
        extension("CheckMortality", meta_type::<Era>(), hash),
        extension("CheckNonce", meta_type::<Compact<u32>>(), none),
        extension("CheckWeight", none, none),
        extension("ChargeTransactionPayment", meta_type::<Compact<u128>>(), none),
        extension("CheckMetadataHash", meta_type::<Mode>(), meta_type::<Option<[u8; 32]>>()),
        extension("WeightReclaim", none, none),
    ];
    let order = (0..extensions.len() as u32).map(Compact).collect();
    let pallet = v16::PalletMetadata {
        name: "Jobs",
        storage: None,
        calls: Some(v16::PalletCallMetadata {
            ty: meta_type::<JobsCall>(),
            deprecation_info: v16::EnumDeprecationInfo::nothing_deprecated(),
        }),
        event: None,
        constants: Vec::new(),
        error: None,
        associated_types: Vec::new(),
        view_functions: Vec::new(),
        index: 42,
        docs: Vec::new(),
        deprecation_info: v16::ItemDeprecationInfo::NotDeprecated,
    };
    let extrinsic = v16::ExtrinsicMetadata {
        versions: vec![4, 5],
        address_ty: meta_type::<MultiAddress<AccountId, ()>>(),
        call_ty: meta_type::<JobsCall>(),
        signature_ty: meta_type::<MultiSignature>(),
        transaction_extensions_by_version: [(0u8, order)].into_iter().collect(),
        transaction_extensions: extensions,
    };
    let outer = v16::OuterEnums {
        call_enum_ty: meta_type::<JobsCall>(),
        event_enum_ty: none,
        error_enum_ty: none,
    };
    let custom = v16::CustomMetadata { map: Default::default() };
    let metadata = v16::RuntimeMetadataV16::new(vec![pallet], extrinsic, vec![], outer, custom);
    let metadata = Metadata::from_v16(metadata).unwrap();
    let versions =
        SpecVersionForRange { block_range: 0..u64::MAX, spec_version: 7, transaction_version: 9 };
    let config = SubstrateConfig::builder()
        .set_genesis_hash(GENESIS)
        .set_metadata_for_spec_versions([(7, Arc::new(metadata))])
        .set_spec_version_for_block_ranges([versions])
        .build();
    OfflineClient::new_with_config(config).at_block(0u64).unwrap()
}

#[test]
fn an_extrinsic_should_be_what_the_runtime_verifies() {
    let key = Key::dev("Alice").unwrap();
    let output = Output { hash: Hash::repeat_byte(1), tokens: 0 };
    let call = crate::calls::jobs::reveal(5, &output, [2; 32]);
    let bytes = sign(&offline(), &call, &key, 6, BIRTH).unwrap();

    let call = (42u8, 3u8, 5u64, output, [2u8; 32]).encode();
    let extra = (Era::mortal(128, 300), Compact(6u32), Compact(0u128), 0u8).encode();
    let implicit = (7u32, 9u32, GENESIS, BIRTH.hash, None::<[u8; 32]>).encode();
    let signed = [&call[..], &extra, &implicit].concat();

    let body = Vec::<u8>::decode(&mut &bytes[..]).unwrap();
    let mut rest = &body[..];
    assert_eq!(u8::decode(&mut rest).unwrap(), 0x84, "signed, version 4");
    let address = MultiAddress::<AccountId, ()>::decode(&mut rest).unwrap();
    assert_eq!(address, MultiAddress::Id(key.account().clone()));
    let signature = MultiSignature::decode(&mut rest).unwrap();
    assert!(signature.verify(&signed[..], key.account()));
    assert_eq!(rest, [&extra[..], &call].concat());
}

#[test]
fn a_call_should_be_refused_when_the_chain_takes_other_arguments() {
    let key = Key::dev("Alice").unwrap();
    let refused = |call: Call| {
        let error = sign(&offline(), &call, &key, 0, BIRTH).unwrap_err();
        assert!(matches!(error, Error::Incompatible(_)), "{error}");
    };
    refused(crate::calls::jobs::poke(1));
    refused(crate::calls::jobs::cancel(1));
    refused(crate::calls::workers::drain());
    refused(Call::new("Jobs", "reveal", 2, (1u64, 2u64)));
    refused(Call::new("Jobs", "reveal", 3, (1u64, [0u8; 36], [0u8; 33])));
}

fn answer(code: i32, data: &str) -> SendError {
    let data = format!("\"{data}\"");
    let error: UserError = serde_json::from_str(&format!(
        r#"{{"code":{code},"message":"Invalid Transaction","data":{data}}}"#
    ))
    .unwrap();
    refusal(RpcError::User(error))
}

#[test]
fn refusals_should_be_told_apart_by_code_and_text() {
    assert!(matches!(answer(1010, "Transaction is outdated"), SendError::Stale));
    assert!(matches!(answer(1010, "Transaction has a bad signature"), SendError::BadProof));
    assert!(matches!(
        answer(1010, "Inability to pay some fees (e.g. account balance too low)"),
        SendError::Other(Error::InsufficientFunds { .. })
    ));
    assert!(matches!(answer(1012, ""), SendError::Other(Error::Banned)));
    assert!(matches!(answer(1013, ""), SendError::Known));
    assert!(matches!(answer(1014, "priority"), SendError::NonceTaken));
    assert!(matches!(answer(1016, ""), SendError::Other(Error::PoolFull)));
    let lost = refusal(RpcError::DisconnectedWillReconnect("closed".into()));
    assert!(matches!(lost, SendError::Lost(Error::Disconnected(_))));
}

#[test]
fn token_errors_should_say_what_is_missing() {
    let error = DispatchError::Token(sp_runtime::TokenError::FundsUnavailable);
    let error = plain_dispatch_error(error, Hash::zero());
    assert_eq!(error.to_string(), "Chain::FundsUnavailable: Funds are unavailable");
}

#[test]
fn fee_should_be_read_from_its_event() {
    let mut fields = vec![7; 32];
    fields.extend(1_234u128.to_le_bytes());
    fields.extend(5u128.to_le_bytes());
    let event =
        Event { pallet: "TransactionPayment".into(), name: "TransactionFeePaid".into(), fields };
    let included = |events| Included {
        extrinsic: Default::default(),
        block: Block { number: 1, hash: Default::default() },
        index: 0,
        events: Events(events),
    };
    assert_eq!(included(vec![event.clone()]).fee(), 1_234);
    assert_eq!(included(vec![]).fee(), 0);
    assert_eq!(included(vec![Event { fields: vec![1], ..event }]).fee(), 0);
}
