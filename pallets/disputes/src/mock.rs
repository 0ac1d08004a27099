//! The pallet with balances, and claims that a test makes up.

use crate as pallet_disputes;
use crate::{benchmarking::BenchmarkHelper, weights::HandSet, *};
use frame_support::{
    assert_ok, construct_runtime, derive_impl, parameter_types,
    traits::{
        fungible::{Inspect, InspectHold, Mutate},
        tokens::{Fortitude, Precision, Preservation},
        ConstU128, ConstU32, ConstU64, Hooks,
    },
    weights::{constants::RocksDbWeight, Weight},
};
use sp_io::TestExternalities;
use sp_runtime::{traits::Convert, BuildStorage, DispatchError, DispatchResult};
use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};
use vigil_game::{
    players::token_proof,
    samples::{cases, Case},
};
use vigil_ops::trace::Recording;
use vigil_primitives::{
    dispute::{Claim, ClaimId, Penalty, Stage},
    model::{VersionSpec, VersionStatus},
    samples,
    traits::{Claims, Conviction, ModelRegistry, Packages, RegisteredVersion},
    Architecture, ContentHash, ModelId, ModelVersionId,
};

pub(crate) type AccountId = u64;
type Block = frame_system::mocking::MockBlock<Test>;

construct_runtime!(
    pub enum Test {
        System: frame_system,
        Balances: pallet_balances,
        Disputes: pallet_disputes,
    }
);

/// Who stands for claims.
pub(crate) const CLAIMANT: AccountId = 1;
/// Who challenges them.
pub(crate) const CHALLENGER: AccountId = 2;
/// Another one.
pub(crate) const OTHER: AccountId = 3;
/// Where costs go.
pub(crate) const TREASURY: AccountId = 9;
/// What everybody has at the start.
pub(crate) const FUNDS: Balance = 1_000_000_000;
/// What a challenger forfeits.
pub(crate) const FORFEIT: Balance = 10_001;
/// Blocks of a clock, beside the time for the work.
pub(crate) const CLOCK: u64 = 20;
/// Blocks in which a seat is free.
pub(crate) const TAKEOVER: u64 = 5;
/// Most disputes.
pub(crate) const MAX_OPEN: u32 = 6;
/// Most about one claim.
pub(crate) const MAX_PER_CLAIM: u32 = 3;
/// Ended disputes that are kept.
pub(crate) const HISTORY: u32 = 4;
/// What a convicted claimant loses.
pub(crate) const STAKE: Balance = 1_000;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = Block;
    type AccountData = pallet_balances::AccountData<Balance>;
}

#[derive_impl(pallet_balances::config_preludes::TestDefaultConfig)]
impl pallet_balances::Config for Test {
    type Balance = Balance;
    type AccountStore = System;
    type ExistentialDeposit = ConstU128<1>;
}

/// A weight and a length as money.
pub struct Fees;

impl Convert<(Weight, u32), Balance> for Fees {
    fn convert((weight, len): (Weight, u32)) -> Balance {
        Balance::from(weight.ref_time() / 1_000_000) + Balance::from(len)
    }
}

impl pallet_disputes::Config for Test {
    type RuntimeHoldReason = RuntimeHoldReason;
    type Currency = Balances;
    type Claims = Book;
    type Models = Shelf;
    type Packages = Shelf;
    type Fees = Fees;
    type Treasury = ConstU64<TREASURY>;
    type Forfeit = ConstU128<FORFEIT>;
    type Clock = ConstU64<CLOCK>;
    type WorkPerBlock = ConstU64<1_000_000>;
    type TakeoverPeriod = ConstU64<TAKEOVER>;
    type MaxOpen = ConstU32<MAX_OPEN>;
    type MaxPerClaim = ConstU32<MAX_PER_CLAIM>;
    type History = ConstU32<HISTORY>;
    type ServiceWeight = ServiceWeight;
    type WeightInfo = HandSet<RocksDbWeight>;
    type BenchmarkHelper = Scenes;
}

/// A claim, and what has been said of it.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub claim: Claim,
    /// Disputes that have begun and not ended.
    pub disputed: u32,
    /// Disputes after which the claim held.
    pub upheld: u32,
    /// What all moves cost, once it is convicted, and who has done so.
    pub convicted: Option<(AccountId, Balance)>,
}

parameter_types! {
    pub static ServiceWeight: Weight = Weight::from_parts(1_000_000_000_000, u64::MAX);
    pub(crate) static Pages: BTreeMap<ClaimId<AccountId>, Page> = BTreeMap::new();
    pub static Versions: BTreeMap<ModelVersionId, VersionSpec> = BTreeMap::new();
    pub static Condemned: Vec<ModelVersionId> = vec![];
}

/// Claims, as a test makes them up.
pub struct Book;

impl Book {
    fn change(id: &ClaimId<AccountId>, change: impl FnOnce(&mut Page)) {
        Pages::mutate(|pages| change(pages.get_mut(id).expect("a claim that nobody made")));
    }
}

impl Claims<AccountId> for Book {
    fn claim(id: &ClaimId<AccountId>) -> Result<Claim, DispatchError> {
        match Pages::get().get(id) {
            Some(page) if page.convicted.is_none() => Ok(page.claim.clone()),
            _ => Err(DispatchError::Other("no claim")),
        }
    }

    fn disputed(id: &ClaimId<AccountId>) -> DispatchResult {
        Self::change(id, |page| page.disputed += 1);
        Ok(())
    }

    fn upheld(id: &ClaimId<AccountId>) {
        Self::change(id, |page| {
            page.disputed -= 1;
            page.upheld += 1;
        });
    }

    fn convicted(id: &ClaimId<AccountId>, conviction: Conviction<'_, AccountId>) -> Penalty {
        Self::change(id, |page| {
            page.disputed -= conviction.disputes;
            page.convicted = Some((*conviction.by, conviction.costs));
        });
        let _ = Balances::burn_from(
            id.claimant(),
            STAKE,
            Preservation::Expendable,
            Precision::Exact,
            Fortitude::Force,
        );
        Penalty { slashed: STAKE, burned: STAKE, ..Default::default() }
    }

    fn dispute_weight() -> Weight {
        Weight::from_parts(1_000_000, 0)
    }

    fn uphold_weight() -> Weight {
        Weight::from_parts(1_000_000, 0)
    }

    fn convict_weight() -> Weight {
        Weight::from_parts(2_000_000, 0)
    }
}

/// Versions, as a test makes them up.
pub struct Shelf;

impl ModelRegistry<AccountId> for Shelf {
    fn version(id: ModelVersionId) -> Option<RegisteredVersion<AccountId>> {
        let spec = Versions::get().get(&id).cloned()?;
        Some(RegisteredVersion { owner: OTHER, spec, status: VersionStatus::Active })
    }

    fn owner(_: ModelId) -> Option<AccountId> {
        Some(OTHER)
    }
}

impl Packages for Shelf {
    fn condemn(id: ModelVersionId) -> Result<Balance, DispatchError> {
        Condemned::mutate(|condemned| condemned.push(id));
        Ok(7)
    }

    fn condemn_weight() -> Weight {
        Weight::from_parts(1_000_000, 0)
    }
}

/// The scenes of the benchmarks.
pub struct Scenes;

impl BenchmarkHelper<AccountId> for Scenes {
    fn claim(claimant: AccountId, claim: Claim) -> ClaimId<AccountId> {
        let job = Pages::get().len() as u64;
        let id = ClaimId::Job { job, worker: claimant };
        let page = Page { claim, disputed: 0, upheld: 0, convicted: None };
        Pages::mutate(|pages| pages.insert(id.clone(), page));
        id
    }

    fn version(architecture: Architecture, weights: ContentHash, len: u64) -> ModelVersionId {
        let id = ModelVersionId { model: 1, version: 0 };
        let mut spec = samples::version_spec(architecture, len);
        spec.weights.hash = weights;
        Versions::mutate(|versions| versions.insert(id, spec));
        id
    }
}

/// Small requests with their right results.
pub(crate) static CASES: LazyLock<Vec<Case>> = LazyLock::new(cases);

/// Right runs, by case and position.
pub(crate) static RUNS: LazyLock<HashMap<(usize, u32), Recording>> = LazyLock::new(|| {
    let positions = |case: &Case| 0..case.tokens_of(&case.output).len().max(1) as u32;
    let runs = CASES.iter().enumerate().flat_map(|(number, case)| {
        positions(case).map(move |position| {
            let run = case.recording(&case.output, position, |_, _, _| {}).unwrap();
            ((number, position), run)
        })
    });
    runs.collect()
});

/// A chain at its first block, with money for everybody.
pub(crate) fn new_test_ext() -> TestExternalities {
    let storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    let mut externalities = TestExternalities::new(storage);
    externalities.execute_with(|| {
        Pages::set(BTreeMap::new());
        Versions::set(BTreeMap::new());
        Condemned::set(vec![]);
        ServiceWeight::set(Weight::from_parts(1_000_000_000_000, u64::MAX));
        System::set_block_number(1);
        for who in [CLAIMANT, CHALLENGER, OTHER, 4, 5, 6, 7] {
            Balances::mint_into(&who, FUNDS).unwrap();
        }
        Balances::mint_into(&TREASURY, 1).unwrap();
    });
    externalities
}

/// Runs a test, and checks every invariant behind it.
pub(crate) fn build_and_execute(test: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        test();
        Disputes::do_try_state().unwrap();
    });
}

/// Goes on to a block, with the hooks of every block between.
pub(crate) fn run_to(block: u64) {
    while System::block_number() < block {
        let next = System::block_number() + 1;
        System::set_block_number(next);
        <Disputes as Hooks<u64>>::on_initialize(next);
    }
}

/// A claim of the claimant that the output of a case is this.
pub(crate) fn claim(case: &Case, output: &[u8]) -> ClaimId<AccountId> {
    Scenes::claim(CLAIMANT, case.claim(output))
}

/// The ground of a challenge of this output at a position.
pub(crate) fn ground(case: &Case, output: &[u8], position: u32) -> Ground {
    match case.architecture {
        Architecture::Encoder(_) => Ground::Vector,
        Architecture::Decoder(_) => {
            Ground::Token { position, proof: token_proof(output, position).unwrap() }
        }
    }
}

/// Challenges a claim.
pub(crate) fn challenge(who: AccountId, claim: &ClaimId<AccountId>, ground: Ground) -> DisputeId {
    let id = NextDispute::<Test>::get();
    let origin = RuntimeOrigin::signed(who);
    assert_ok!(Disputes::challenge(origin, claim.clone(), Box::new(ground)));
    id
}

/// Makes a move.
pub(crate) fn play(who: AccountId, dispute: DisputeId, turn: Move) -> DispatchResult {
    let result = Disputes::play(RuntimeOrigin::signed(who), dispute, Box::new(turn));
    result.map(|_| ()).map_err(|refused| refused.error)
}

/// A dispute that has not ended.
pub(crate) fn open(id: DisputeId) -> DisputeOf<Test> {
    DisputesOf::get(id).expect("it has not ended")
}

/// How a dispute has ended.
pub(crate) fn verdict(id: DisputeId) -> Option<Verdict> {
    EndedDisputes::<Test>::get(id).map(|ended| ended.verdict)
}

/// The stage of a dispute.
pub(crate) fn stage(id: DisputeId) -> Stage {
    open(id).stage
}

pub(crate) type DisputesOf = crate::pallet::Disputes<Test>;

/// What an account has on hold, and what it can use.
pub(crate) fn money(who: AccountId) -> (Balance, Balance) {
    let held = Balances::balance_on_hold(&HoldReason::Challenge.into(), &who);
    (held, Balances::balance(&who))
}
