//! The wasm runtime that ships, and whole transactions in it: with signature, nonce and fee.

use codec::{Decode, Encode};
use sc_executor::WasmExecutor;
use sp_core::traits::{CallContext, CodeExecutor, RuntimeCode, WrappedRuntimeCode};
use sp_io::TestExternalities;
use sp_keyring::Sr25519Keyring;
use sp_runtime::{generic::Era, traits::BlakeTwo256, traits::Hash as _, ApplyExtrinsicResult};
use std::{
    borrow::Cow,
    time::{Duration, Instant},
};
use vigil_runtime::{
    Address, RuntimeCall, RuntimeEvent, SignedPayload, System, TxExtension, UncheckedExtrinsic,
    VERSION,
};

/// How often each transaction is executed.
const REPEATS: usize = 20;

/// The wasm runtime, as a node executes it.
pub(crate) struct Wasm {
    executor: WasmExecutor<sp_io::SubstrateHostFunctions>,
    code: &'static [u8],
    hash: Vec<u8>,
}

impl Wasm {
    /// `None` where it was not built.
    pub(crate) fn built() -> Option<Self> {
        let code = vigil_runtime::WASM_BINARY?;
        let executor = WasmExecutor::builder().build();
        Some(Self { executor, code, hash: BlakeTwo256::hash(code).encode() })
    }

    /// The median time of a transaction. What it changes is forgotten, but for the events, which are
    /// looked at.
    pub(crate) fn median(
        &self,
        chain: &mut TestExternalities,
        who: Sr25519Keyring,
        call: RuntimeCall,
        look: impl Fn(Vec<RuntimeEvent>),
    ) -> Duration {
        let transaction = chain.execute_with(|| sign(who, call)).encode();
        chain.commit_all().expect("the state is in memory");
        let fetcher = WrappedRuntimeCode(Cow::Borrowed(self.code));
        let code =
            RuntimeCode { code_fetcher: &fetcher, heap_pages: None, hash: self.hash.clone() };
        let mut times: Vec<Duration> = (0..=REPEATS)
            .map(|_| {
                let mut state = chain.ext();
                let before = Instant::now();
                let (result, _) = self.executor.call(
                    &mut state,
                    &code,
                    "BlockBuilder_apply_extrinsic",
                    &transaction,
                    CallContext::Onchain { import: true },
                );
                let time = before.elapsed();
                let result = result.expect("the runtime does not panic");
                let applied = ApplyExtrinsicResult::decode(&mut &result[..]).expect("a result");
                applied.expect("it is valid").expect("it succeeds");
                drop(state);
                chain.execute_with(|| {
                    look(System::read_events_no_consensus().map(|record| record.event).collect());
                });
                chain.reset_overlay();
                time
            })
            // The first compiles.
            .skip(1)
            .collect();
        times.sort_unstable();
        times[times.len() / 2]
    }
}

fn sign(who: Sr25519Keyring, call: RuntimeCall) -> UncheckedExtrinsic {
    let account = who.to_account_id();
    let extension: TxExtension = (
        frame_system::CheckNonZeroSender::new(),
        frame_system::CheckSpecVersion::new(),
        frame_system::CheckTxVersion::new(),
        frame_system::CheckGenesis::new(),
        frame_system::CheckEra::from(Era::Immortal),
        frame_system::CheckNonce::from(System::account_nonce(&account)),
        frame_system::CheckWeight::new(),
        pallet_transaction_payment::ChargeTransactionPayment::from(0),
        frame_metadata_hash_extension::CheckMetadataHash::new(false),
        frame_system::WeightReclaim::new(),
    );
    let genesis = System::block_hash(0);
    let (spec, transactions) = (VERSION.spec_version, VERSION.transaction_version);
    let implicit = ((), spec, transactions, genesis, genesis, (), (), (), None, ());
    let payload = SignedPayload::from_raw(call.clone(), extension.clone(), implicit);
    let signature = payload.using_encoded(|payload| who.sign(payload));
    UncheckedExtrinsic::new_signed(call, Address::Id(account), signature.into(), extension)
}
