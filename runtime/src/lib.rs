//! The Vigil runtime: the state transition of the chain.
//!
//! It holds no logic of its own but wiring: which pallets there are, how they are configured, how
//! they meet. Blocks are authored by BABE and finalised by GRANDPA; `models`, `provenance`,
//! `workers`, `jobs` and `channels` are what the chain is for.
//!
//! | module | holds |
//! |---|---|
//! | [`constants`] | time, money and weight: the figures everything else derives from |
//! | [`configs`] | the configuration of every pallet, by domain |
//! | [`validators`] | who validates: proof of authority by membership |
//! | [`apis`] | what a node, a worker or a frontend can ask |
//! | [`genesis_presets`] | the first block of the `development` and `local_testnet` chains |

#![cfg_attr(not(feature = "std"), no_std)]
// The macros that build a runtime generate items without documentation.
#![allow(missing_docs)]
// The runtime APIs and the dispatch of more than 20 pallets nest deeper than the default.
#![recursion_limit = "512"]

extern crate alloc;

#[cfg(feature = "std")]
include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));

pub mod apis;
#[cfg(feature = "runtime-benchmarks")]
mod benchmarks;
pub mod configs;
pub mod constants;
pub mod genesis_presets;
pub mod validators;

pub use apis::{RuntimeApi, RUNTIME_API_VERSIONS};
pub use vigil_primitives::{AccountId, Balance, BlockNumber, Hash, Nonce, Signature};

use alloc::{borrow::Cow, vec::Vec};
use sp_runtime::{
    generic, impl_opaque_keys,
    traits::{BlakeTwo256, Verify},
    MultiAddress,
};
use sp_version::RuntimeVersion;

/// This runtime's version, and the one place where it is.
#[sp_version::runtime_version]
pub const VERSION: RuntimeVersion = RuntimeVersion {
    spec_name: Cow::Borrowed("vigil"),
    impl_name: Cow::Borrowed("vigil-node"),
    authoring_version: 1,
    // Every change of behaviour raises it. Nodes run what is on chain, not what they were built
    // with, so nothing else tells two runtimes apart.
    spec_version: 8,
    impl_version: 0,
    apis: RUNTIME_API_VERSIONS,
    // Every change of a call's or a transaction extension's encoding raises it: an old signer's
    // transaction is then refused instead of being read as another.
    transaction_version: 6,
    system_version: 1,
};

/// What a node needs to know of blocks: not what is in them, so that it survives upgrades.
pub mod opaque {
    use super::{generic, BlakeTwo256, BlockNumber};
    pub use sp_runtime::OpaqueExtrinsic as UncheckedExtrinsic;

    /// Header of a block.
    pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
    /// A block whose extrinsics are bytes.
    pub type Block = generic::Block<Header, UncheckedExtrinsic>;
    /// Hash of a block.
    pub type Hash = vigil_primitives::Hash;
}

impl_opaque_keys! {
    /// The keys a validator signs with. They are in its node's keystore, its account's key is not.
    pub struct SessionKeys {
        /// Authors blocks.
        pub babe: Babe,
        /// Votes on finality.
        pub grandpa: Grandpa,
        /// Publishes the node's network address.
        pub authority_discovery: AuthorityDiscovery,
    }
}

/// How a transaction names an account.
pub type Address = MultiAddress<AccountId, ()>;
/// Header of a block.
pub type Header = generic::Header<BlockNumber, BlakeTwo256>;
/// A block.
pub type Block = generic::Block<Header, UncheckedExtrinsic>;
/// What is checked and charged before a transaction's call runs.
pub type TxExtension = (
    frame_system::CheckNonZeroSender<Runtime>,
    frame_system::CheckSpecVersion<Runtime>,
    frame_system::CheckTxVersion<Runtime>,
    frame_system::CheckGenesis<Runtime>,
    frame_system::CheckEra<Runtime>,
    frame_system::CheckNonce<Runtime>,
    frame_system::CheckWeight<Runtime>,
    pallet_transaction_payment::ChargeTransactionPayment<Runtime>,
    frame_metadata_hash_extension::CheckMetadataHash<Runtime>,
    frame_system::WeightReclaim<Runtime>,
);
/// A transaction as it arrives.
pub type UncheckedExtrinsic =
    generic::UncheckedExtrinsic<Address, RuntimeCall, Signature, TxExtension>;
/// What a transaction's signature signs.
pub type SignedPayload = generic::SignedPayload<RuntimeCall, TxExtension>;
/// Executes blocks.
pub type Executive = frame_executive::Executive<
    Runtime,
    Block,
    frame_system::ChainContext<Runtime>,
    Runtime,
    AllPalletsWithSystem,
>;
/// Public key behind a signature.
pub type Signer = <Signature as Verify>::Signer;

// A pallet's number is part of every call's encoding: numbers are never reused or moved.
#[frame_support::runtime]
mod runtime {
    /// The runtime.
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Runtime;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Timestamp = pallet_timestamp;

    // Consensus. BABE comes before the session pallet, which asks it whether a session ends; the
    // membership comes before it too, since the first session is made of it.
    #[runtime::pallet_index(2)]
    pub type Babe = pallet_babe;
    #[runtime::pallet_index(3)]
    pub type Authorship = pallet_authorship;

    // Money.
    #[runtime::pallet_index(4)]
    pub type Balances = pallet_balances;
    #[runtime::pallet_index(5)]
    pub type TransactionPayment = pallet_transaction_payment;

    // Validators.
    #[runtime::pallet_index(6)]
    pub type Validators = pallet_membership<Instance1>;
    #[runtime::pallet_index(7)]
    pub type Offences = pallet_offences;
    #[runtime::pallet_index(8)]
    pub type Historical = pallet_session::historical;
    #[runtime::pallet_index(9)]
    pub type Session = pallet_session;
    #[runtime::pallet_index(10)]
    pub type Grandpa = pallet_grandpa;
    #[runtime::pallet_index(11)]
    pub type AuthorityDiscovery = pallet_authority_discovery;
    // Behind the session pallet, which may have begun an epoch with other authors.
    #[runtime::pallet_index(12)]
    pub type Beacon = pallet_beacon;

    // Accounts and administration.
    #[runtime::pallet_index(20)]
    pub type Utility = pallet_utility;
    #[runtime::pallet_index(21)]
    pub type Multisig = pallet_multisig;
    #[runtime::pallet_index(22)]
    pub type Proxy = pallet_proxy;
    #[runtime::pallet_index(23)]
    pub type Preimage = pallet_preimage;
    #[runtime::pallet_index(24)]
    pub type Scheduler = pallet_scheduler;
    #[runtime::pallet_index(25)]
    pub type Sudo = pallet_sudo;

    // What the chain is for.
    #[runtime::pallet_index(40)]
    pub type Models = pallet_models;
    #[runtime::pallet_index(41)]
    pub type Workers = pallet_workers;
    #[runtime::pallet_index(42)]
    pub type Jobs = pallet_jobs;
    #[runtime::pallet_index(43)]
    pub type Provenance = pallet_provenance;
    #[runtime::pallet_index(44)]
    pub type Datasets = pallet_datasets;
    #[runtime::pallet_index(45)]
    pub type Disputes = pallet_disputes;
    #[runtime::pallet_index(46)]
    pub type Channels = pallet_channels;
}
