//! BABE, GRANDPA, sessions, offences: who makes blocks and what happens to those who make two.

use crate::{
    constants::time::{EPOCH_SLOTS, EQUIVOCATION_SESSIONS, EQUIVOCATION_WINDOW, SLOT_MS},
    validators::{KeepOneEnabled, ValidatorSet},
    AccountId, Babe, Balance, Balances, Historical, Offences, Runtime, RuntimeCall, RuntimeEvent,
    Session, SessionKeys, UncheckedExtrinsic,
};
use frame_support::{
    parameter_types,
    traits::{ConstU32, ConstU64, Get, KeyOwnerProofSystem},
    weights::{constants::RocksDbWeight, Weight},
};
use frame_system::{
    offchain::{CreateBare, CreateTransactionBase},
    EnsureRoot,
};
use pallet_membership::Instance1;
use sp_consensus_babe::RANDOMNESS_VRF_CONTEXT;
use sp_core::crypto::{KeyTypeId, Wraps};
use sp_runtime::traits::{ConvertInto, OpaqueKeys};
use sp_session::MembershipProof;

use crate::constants::money::deposit;

/// Most validators there can be.
pub type MaxValidators = ConstU32<100>;

parameter_types! {
    /// How long the pool keeps a report of an equivocation.
    pub const ReportLongevity: u64 = EQUIVOCATION_WINDOW as u64;
    /// Held while session keys are registered: an entry per validator, and one per key's owner.
    pub const KeyDeposit: Balance = deposit(4, 96 + 3 * 68);
}

impl pallet_timestamp::Config for Runtime {
    type Moment = u64;
    type OnTimestampSet = Babe;
    // BABE holds a block's time to its slot; this only forbids two blocks in the same half slot.
    type MinimumPeriod = ConstU64<{ SLOT_MS / 2 }>;
    type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Runtime>;
}

impl pallet_babe::Config for Runtime {
    type EpochDuration = ConstU64<EPOCH_SLOTS>;
    type ExpectedBlockTime = ConstU64<SLOT_MS>;
    type EpochChangeTrigger = pallet_babe::ExternalTrigger;
    type DisabledValidators = Session;
    type WeightInfo = ();
    type MaxAuthorities = MaxValidators;
    type MaxNominators = ConstU32<0>;
    type KeyOwnerProof = MembershipProof;
    type EquivocationReportSystem =
        pallet_babe::EquivocationReportSystem<Self, Offences, Historical, ReportLongevity>;
}

/// The output of the verifiable random function of this block's author, by which the author won its
/// slot. The seal proves it; nodes have checked that before the block is executed.
pub struct AuthorOutput;

impl Get<Option<[u8; 32]>> for AuthorOutput {
    fn get() -> Option<[u8; 32]> {
        let claim = pallet_babe::Initialized::<Runtime>::get()??;
        let signature = claim.vrf_signature()?;
        let author = usize::try_from(claim.authority_index()).ok()?;
        let authorities = pallet_babe::Authorities::<Runtime>::get();
        let (authority, _) = authorities.get(author)?;
        let transcript = sp_consensus_babe::make_vrf_transcript(
            &pallet_babe::Randomness::<Runtime>::get(),
            pallet_babe::CurrentSlot::<Runtime>::get(),
            pallet_babe::EpochIndex::<Runtime>::get(),
        );
        let public = authority.as_inner_ref();
        public.make_bytes(RANDOMNESS_VRF_CONTEXT, &transcript, &signature.pre_output).ok()
    }
}

parameter_types! {
    /// One operation on the curve, which a machine does in 0.1 ms, and some reads.
    pub MixWeight: Weight = RocksDbWeight::get()
        .reads_writes(6, 1)
        .saturating_add(Weight::from_parts(1_000_000_000, 8_192));
}

impl pallet_beacon::Config for Runtime {
    type Source = AuthorOutput;
    type MixWeight = MixWeight;
}

impl pallet_grandpa::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
    type MaxAuthorities = MaxValidators;
    type MaxNominators = ConstU32<0>;
    type MaxSetIdSessionEntries = ConstU64<{ EQUIVOCATION_SESSIONS as u64 }>;
    type KeyOwnerProof =
        <Historical as KeyOwnerProofSystem<(KeyTypeId, pallet_grandpa::AuthorityId)>>::Proof;
    type EquivocationReportSystem =
        pallet_grandpa::EquivocationReportSystem<Self, Offences, Historical, ReportLongevity>;
}

/// Reports of equivocations are transactions that the node itself makes, without a signature.
impl<C> CreateTransactionBase<C> for Runtime
where
    RuntimeCall: From<C>,
{
    type Extrinsic = UncheckedExtrinsic;
    type RuntimeCall = RuntimeCall;
}

impl<C> CreateBare<C> for Runtime
where
    RuntimeCall: From<C>,
{
    fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
        UncheckedExtrinsic::new_bare(call)
    }
}

impl pallet_authorship::Config for Runtime {
    type FindAuthor = pallet_session::FindAccountFromAuthorIndex<Self, Babe>;
    type EventHandler = ();
}

impl pallet_authority_discovery::Config for Runtime {
    type MaxAuthorities = MaxValidators;
}

impl pallet_session::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type ValidatorId = AccountId;
    // Anybody may register keys, against a deposit: a validator does so before it is admitted.
    type ValidatorIdOf = ConvertInto;
    type ShouldEndSession = Babe;
    type NextSessionRotation = Babe;
    type SessionManager = pallet_session::historical::NoteHistoricalRoot<Self, ValidatorSet>;
    type SessionHandler = <SessionKeys as OpaqueKeys>::KeyTypeIdProviders;
    type Keys = SessionKeys;
    type DisablingStrategy = KeepOneEnabled;
    type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
    type Currency = Balances;
    type KeyDeposit = KeyDeposit;
}

impl pallet_session::historical::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    // Nothing is at stake but the seat, so the account identifies a validator entirely.
    type FullIdentification = ();
    type FullIdentificationOf = ValidatorSet;
}

impl pallet_offences::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type IdentificationTuple = pallet_session::historical::IdentificationTuple<Self>;
    type OnOffenceHandler = ValidatorSet;
}

impl pallet_membership::Config<Instance1> for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type AddOrigin = EnsureRoot<AccountId>;
    type RemoveOrigin = EnsureRoot<AccountId>;
    type SwapOrigin = EnsureRoot<AccountId>;
    type ResetOrigin = EnsureRoot<AccountId>;
    type PrimeOrigin = EnsureRoot<AccountId>;
    // The next session reads the membership; nothing has to be told of a change.
    type MembershipInitialized = ();
    type MembershipChanged = ();
    type MaxMembers = MaxValidators;
    type WeightInfo = pallet_membership::weights::SubstrateWeight<Runtime>;
}
