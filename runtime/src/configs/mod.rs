//! The configuration of every pallet, by domain.

mod accounts;
mod consensus;
mod inference;
mod money;

pub use accounts::ProxyType;
pub use consensus::{AuthorOutput, MaxValidators};
pub use inference::{keeper, treasury, ServiceWeight};
pub use money::{FeesToAuthor, SlowAdjustingFee, WeightToFee};

use crate::{
    constants::{block, money::SS58_PREFIX},
    AccountId, Balance, Block, Hash, Nonce, PalletInfo, Runtime, RuntimeCall, RuntimeEvent,
    RuntimeOrigin, RuntimeTask, VERSION,
};
use frame_support::{
    derive_impl, dispatch::DispatchClass, parameter_types, weights::constants::ParityDbWeight,
};
use frame_system::limits::{BlockLength, BlockWeights};
use sp_runtime::traits::AccountIdLookup;
use sp_version::RuntimeVersion;
use vigil_primitives::BlockNumber;

parameter_types! {
    /// Blocks whose hash is kept: a transaction is mortal for at most this long.
    pub const BlockHashCount: BlockNumber = 4_096;
    /// This runtime's version.
    pub const Version: RuntimeVersion = VERSION;
    /// Weights of a block and of what is in it.
    pub RuntimeBlockWeights: BlockWeights =
        BlockWeights::with_sensible_defaults(block::MAX_WEIGHT, block::NORMAL_RATIO);
    /// Bytes of a block.
    pub RuntimeBlockLength: BlockLength =
        BlockLength::builder()
            .max_length(block::MAX_BYTES)
            .modify_max_length_for_class(DispatchClass::Normal, |max| {
                *max = block::NORMAL_RATIO.mul_floor(block::MAX_BYTES);
            })
            .build();
    /// Address format.
    pub const Ss58Prefix: u16 = SS58_PREFIX;
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type AccountId = AccountId;
    type Nonce = Nonce;
    type Hash = Hash;
    type Lookup = AccountIdLookup<AccountId, ()>;
    type Block = Block;
    type BlockHashCount = BlockHashCount;
    type BlockWeights = RuntimeBlockWeights;
    type BlockLength = RuntimeBlockLength;
    type DbWeight = ParityDbWeight;
    type Version = Version;
    type AccountData = pallet_balances::AccountData<Balance>;
    type SystemWeightInfo = frame_system::weights::SubstrateWeight<Runtime>;
    type ExtensionsWeightInfo = frame_system::SubstrateExtensionsWeight<Runtime>;
    type SS58Prefix = Ss58Prefix;
}
