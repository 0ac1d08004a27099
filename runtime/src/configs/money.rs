//! Balances and what a transaction costs.

use crate::{
    constants::money::{BASE_FEE, BYTE_FEE, EXISTENTIAL_DEPOSIT},
    AccountId, Authorship, Balance, Balances, Runtime, RuntimeEvent, RuntimeFreezeReason,
    RuntimeHoldReason, System,
};
use frame_support::{
    parameter_types,
    traits::{
        fungible::{Balanced, Credit},
        ConstU32, ConstU8, OnUnbalanced, VariantCountOf,
    },
    weights::{
        constants::ExtrinsicBaseWeight, ConstantMultiplier, WeightToFeeCoefficient,
        WeightToFeeCoefficients, WeightToFeePolynomial,
    },
};
use pallet_transaction_payment::{FungibleAdapter, Multiplier, TargetedFeeAdjustment};
use sp_runtime::{traits::Bounded, FixedPointNumber, Perbill, Perquintill};

parameter_types! {
    /// Least balance of an account.
    pub const ExistentialDeposit: Balance = EXISTENTIAL_DEPOSIT;
}

impl pallet_balances::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type RuntimeHoldReason = RuntimeHoldReason;
    type RuntimeFreezeReason = RuntimeFreezeReason;
    type WeightInfo = pallet_balances::weights::SubstrateWeight<Runtime>;
    type Balance = Balance;
    // Dust is burned: the total issuance falls by it.
    type DustRemoval = ();
    type ExistentialDeposit = ExistentialDeposit;
    type AccountStore = System;
    type ReserveIdentifier = [u8; 8];
    type FreezeIdentifier = RuntimeFreezeReason;
    type MaxLocks = ConstU32<50>;
    type MaxReserves = ConstU32<50>;
    type MaxFreezes = VariantCountOf<RuntimeFreezeReason>;
    type DoneSlashHandler = ();
}

/// An extrinsic of the base weight costs [`BASE_FEE`], and weight is charged in proportion.
pub struct WeightToFee;

impl WeightToFeePolynomial for WeightToFee {
    type Balance = Balance;

    fn polynomial() -> WeightToFeeCoefficients<Balance> {
        let base = Balance::from(ExtrinsicBaseWeight::get().ref_time()).max(1);
        core::iter::once(WeightToFeeCoefficient {
            degree: 1,
            negative: false,
            coeff_frac: Perbill::from_rational(
                BASE_FEE.checked_rem(base).unwrap_or_default(),
                base,
            ),
            coeff_integer: BASE_FEE.checked_div(base).unwrap_or_default(),
        })
        .collect()
    }
}

parameter_types! {
    /// Fee of a byte.
    pub const ByteFee: Balance = BYTE_FEE;
    /// How full blocks are when the fees stay as they are.
    pub const TargetFullness: Perquintill = Perquintill::from_percent(25);
    /// How fast fees follow the load: ten hours of full blocks double them.
    pub AdjustmentVariable: Multiplier = Multiplier::saturating_from_rational(5, 100_000);
    /// Fees never fall below what the constants say.
    pub MinimumMultiplier: Multiplier = Multiplier::saturating_from_integer(1);
    /// Fees may rise as far as they must.
    pub MaximumMultiplier: Multiplier = Bounded::max_value();
}

/// The multiplier of fees, which follows how full blocks are.
pub type SlowAdjustingFee = TargetedFeeAdjustment<
    Runtime,
    TargetFullness,
    AdjustmentVariable,
    MinimumMultiplier,
    MaximumMultiplier,
>;

/// Fees and tips go to the author of the block: there is no inflation, and validators have no other
/// income. Without a known author they are burned.
pub struct FeesToAuthor;

impl OnUnbalanced<Credit<AccountId, Balances>> for FeesToAuthor {
    fn on_nonzero_unbalanced(credit: Credit<AccountId, Balances>) {
        if let Some(author) = Authorship::author() {
            // What can't be paid, being less than an account's least balance, is burned.
            let _ = Balances::resolve(&author, credit);
        }
    }
}

impl pallet_transaction_payment::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type OnChargeTransaction = FungibleAdapter<Balances, FeesToAuthor>;
    type OperationalFeeMultiplier = ConstU8<5>;
    type WeightToFee = WeightToFee;
    type LengthToFee = ConstantMultiplier<Balance, ByteFee>;
    type FeeMultiplierUpdate = SlowAdjustingFee;
    type WeightInfo = pallet_transaction_payment::weights::SubstrateWeight<Runtime>;
}
