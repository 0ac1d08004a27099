//! What accounts can do beyond single transactions, and administration until there is governance.

use crate::{
    configs::RuntimeBlockWeights, constants::money::deposit, AccountId, Balance, Balances,
    OriginCaller, Preimage, Runtime, RuntimeCall, RuntimeEvent, RuntimeHoldReason, RuntimeOrigin,
    System,
};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
    parameter_types,
    traits::{
        fungible::HoldConsideration, ConstU32, EqualPrivilegeOnly, InstanceFilter,
        LinearStoragePrice,
    },
    weights::Weight,
};
use frame_system::EnsureRoot;
use scale_info::TypeInfo;
use sp_runtime::traits::BlakeTwo256;

impl pallet_utility::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type PalletsOrigin = OriginCaller;
    type WeightInfo = pallet_utility::weights::SubstrateWeight<Runtime>;
}

parameter_types! {
    /// Reserved for an open multisig call.
    pub const MultisigDepositBase: Balance = deposit(1, 88);
    /// The same for every signatory that must approve.
    pub const MultisigDepositFactor: Balance = deposit(0, 32);
}

impl pallet_multisig::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type DepositBase = MultisigDepositBase;
    type DepositFactor = MultisigDepositFactor;
    type MaxSignatories = ConstU32<100>;
    type WeightInfo = pallet_multisig::weights::SubstrateWeight<Runtime>;
    type BlockNumberProvider = System;
}

/// What a proxy may do for the account it stands in for.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub enum ProxyType {
    /// Everything.
    #[default]
    #[codec(index = 0)]
    Any,
    /// Everything that spends nothing of the account's balance but fees and deposits.
    #[codec(index = 1)]
    NonTransfer,
    /// What a worker's daemon does every day: its key, which lies on a machine that faces the
    /// network, can neither take the bond nor make the worker leave.
    #[codec(index = 2)]
    Worker,
}

impl InstanceFilter<RuntimeCall> for ProxyType {
    // Lists of what is allowed: what is added to the runtime later is not, until somebody has
    // thought about it.
    fn filter(&self, call: &RuntimeCall) -> bool {
        use pallet_channels::Call as Channels;
        use pallet_jobs::Call as Jobs;
        use pallet_provenance::Call as Provenance;
        use pallet_workers::Call as Workers;
        match self {
            Self::Any => true,
            Self::NonTransfer => match call {
                RuntimeCall::Jobs(call) => !matches!(call, Jobs::submit { .. }),
                // The deposit of a channel is spent by vouchers.
                RuntimeCall::Channels(call) => {
                    !matches!(call, Channels::open { .. } | Channels::top_up { .. })
                }
                // A grant is bought, and refunded when it is taken away.
                RuntimeCall::Provenance(call) => {
                    !matches!(call, Provenance::buy_grant { .. } | Provenance::revoke_grant { .. })
                }
                call => matches!(
                    call,
                    RuntimeCall::System(..)
                        | RuntimeCall::Session(..)
                        | RuntimeCall::Multisig(..)
                        | RuntimeCall::Proxy(..)
                        | RuntimeCall::Utility(..)
                        | RuntimeCall::Models(..)
                        | RuntimeCall::Datasets(..)
                        | RuntimeCall::Workers(..)
                ),
            },
            Self::Worker => matches!(
                call,
                RuntimeCall::Jobs(
                    Jobs::commit { .. }
                        | Jobs::reveal { .. }
                        | Jobs::decline { .. }
                        | Jobs::poke { .. }
                ) | RuntimeCall::Channels(
                    Channels::set_terms { .. }
                        | Channels::close { .. }
                        | Channels::dispute_close { .. }
                ) | RuntimeCall::Workers(
                    Workers::update { .. }
                        | Workers::serve { .. }
                        | Workers::unserve { .. }
                        | Workers::drain { .. }
                        | Workers::resume { .. }
                        | Workers::unjail { .. }
                ) | RuntimeCall::Utility(..)
            ),
        }
    }

    fn is_superset(&self, other: &Self) -> bool {
        match self {
            Self::Any => true,
            Self::NonTransfer => other != &Self::Any,
            Self::Worker => other == &Self::Worker,
        }
    }
}

parameter_types! {
    /// Reserved for an account that has proxies.
    pub const ProxyDepositBase: Balance = deposit(1, 8);
    /// The same for every proxy.
    pub const ProxyDepositFactor: Balance = deposit(0, 33);
    /// Reserved for an account that has announced calls.
    pub const AnnouncementDepositBase: Balance = deposit(1, 8);
    /// The same for every announcement.
    pub const AnnouncementDepositFactor: Balance = deposit(0, 66);
}

impl pallet_proxy::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type Currency = Balances;
    type ProxyType = ProxyType;
    type ProxyDepositBase = ProxyDepositBase;
    type ProxyDepositFactor = ProxyDepositFactor;
    type MaxProxies = ConstU32<32>;
    type WeightInfo = pallet_proxy::weights::SubstrateWeight<Runtime>;
    type MaxPending = ConstU32<32>;
    type CallHasher = BlakeTwo256;
    type AnnouncementDepositBase = AnnouncementDepositBase;
    type AnnouncementDepositFactor = AnnouncementDepositFactor;
    type BlockNumberProvider = System;
}

parameter_types! {
    /// Held for a preimage.
    pub const PreimageDepositBase: Balance = deposit(2, 64);
    /// The same for every byte.
    pub const PreimageDepositFactor: Balance = deposit(0, 1);
    /// Why it is held.
    pub const PreimageHoldReason: RuntimeHoldReason =
        RuntimeHoldReason::Preimage(pallet_preimage::HoldReason::Preimage);
}

impl pallet_preimage::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = pallet_preimage::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type ManagerOrigin = EnsureRoot<AccountId>;
    type Consideration = HoldConsideration<
        AccountId,
        Balances,
        PreimageHoldReason,
        LinearStoragePrice<PreimageDepositBase, PreimageDepositFactor, Balance>,
    >;
}

parameter_types! {
    /// What scheduled calls may use of a block.
    pub SchedulerWeight: Weight = RuntimeBlockWeights::get().max_block.saturating_div(2);
}

impl pallet_scheduler::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeOrigin = RuntimeOrigin;
    type PalletsOrigin = OriginCaller;
    type RuntimeCall = RuntimeCall;
    type MaximumWeight = SchedulerWeight;
    type ScheduleOrigin = EnsureRoot<AccountId>;
    type OriginPrivilegeCmp = EqualPrivilegeOnly;
    type MaxScheduledPerBlock = ConstU32<50>;
    type WeightInfo = pallet_scheduler::weights::SubstrateWeight<Runtime>;
    type Preimages = Preimage;
    type BlockNumberProvider = System;
}

impl pallet_sudo::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeCall = RuntimeCall;
    type WeightInfo = pallet_sudo::weights::SubstrateWeight<Runtime>;
}
