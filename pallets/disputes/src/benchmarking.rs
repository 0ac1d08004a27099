//! The worst case of every call. What [`Claims`] and [`Packages`] do weighs what they say themselves.
//!
//! [`Claims`]: vigil_primitives::traits::Claims
//! [`Packages`]: vigil_primitives::traits::Packages

use crate::*;
use alloc::boxed::Box;
use frame_benchmarking::v2::*;
use frame_support::traits::{fungible::Mutate, Get};
use frame_system::{Pallet as System, RawOrigin};
use vigil_game::{
    players::token_proof,
    samples::{cases, flawed, hash_of, Case, LyingChallenger},
    Player, Rules,
};
use vigil_primitives::{
    dispute::{Claim, End, Side, Stage},
    Architecture, Balance, ContentHash,
};

/// Makes claims and packages that a challenge can be about.
pub trait BenchmarkHelper<AccountId> {
    /// A claim that can be challenged now.
    fn claim(claimant: AccountId, claim: Claim) -> ClaimId<AccountId>;

    /// A version whose weights have this hash and length.
    fn version(architecture: Architecture, weights: ContentHash, len: u64) -> ModelVersionId;
}

/// An account that can pay any bond of these benchmarks.
fn funded<T: Config>(name: &'static str) -> Result<T::AccountId, BenchmarkError> {
    let who = account(name, 0, 0);
    T::Currency::mint_into(&who, Balance::from(u64::MAX))?;
    Ok(who)
}

/// A request of 66 tokens to a language model that generates two.
fn case() -> Result<Case, BenchmarkError> {
    let fits = |case: &Case| case.input.len() == 66 && case.tokens_of(&case.output).len() == 2;
    cases().into_iter().find(fits).ok_or(BenchmarkError::Stop("no case"))
}

/// A right claim, its claimant and whoever challenges it.
struct Scene<T: Config> {
    case: Case,
    claim: ClaimIdOf<T>,
    claimant: T::AccountId,
    challenger: T::AccountId,
}

impl<T: Config> Scene<T> {
    fn new() -> Result<Self, BenchmarkError> {
        let (claimant, challenger) = (funded::<T>("claimant")?, funded::<T>("challenger")?);
        let case = case()?;
        let claim = T::BenchmarkHelper::claim(claimant.clone(), case.claim(&case.output));
        Ok(Self { case, claim, claimant, challenger })
    }

    fn ground(&self) -> Result<Box<Ground>, BenchmarkError> {
        let proof = token_proof(&self.case.output, 1).ok_or(BenchmarkError::Stop("no proof"))?;
        Ok(Box::new(Ground::Token { position: 1, proof }))
    }

    /// A dispute that has come to a stage, and the move that follows.
    fn at(&self, until: fn(&Stage) -> bool) -> Result<(DisputeId, Move), BenchmarkError> {
        let id = NextDispute::<T>::get();
        let origin = RawOrigin::Signed(self.challenger.clone());
        Pallet::<T>::challenge(origin.into(), self.claim.clone(), self.ground()?)
            .map_err(|refused| refused.error)?;
        let run = self.case.recording(&self.case.output, 1, |_, _, _| {});
        let run = run.map_err(|_| BenchmarkError::Stop("no run"))?;
        let mut honest = Player::new(run.clone(), self.case.output.clone());
        let mut liar = LyingChallenger::new(run, self.case.output.clone(), 1);
        loop {
            let dispute = Disputes::<T>::get(id).ok_or(BenchmarkError::Stop("it has ended"))?;
            let rules = Rules::new(&dispute.claim, dispute.token);
            let rules = rules.ok_or(BenchmarkError::Stop("no trace"))?;
            let turn = match dispute.stage.turn() {
                Side::Claimant => honest.answer(&rules, &dispute.stage).ok(),
                Side::Challenger => liar.play(&rules, &dispute.stage),
            };
            let turn = turn.ok_or(BenchmarkError::Stop("no move"))?;
            if until(&dispute.stage) {
                return Ok((id, turn));
            }
            let origin = RawOrigin::Signed(self.player(&dispute.stage));
            Pallet::<T>::play(origin.into(), id, Box::new(turn))
                .map_err(|refused| refused.error)?;
        }
    }

    fn player(&self, stage: &Stage) -> T::AccountId {
        match stage.turn() {
            Side::Claimant => self.claimant.clone(),
            Side::Challenger => self.challenger.clone(),
        }
    }
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn challenge() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new()?;
        let ground = scene.ground()?;

        #[extrinsic_call]
        _(RawOrigin::Signed(scene.challenger), scene.claim, ground);

        assert_eq!(OpenDisputes::<T>::get(), 1);
        Ok(())
    }

    #[benchmark]
    fn play_nodes() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new()?;
        let (id, turn) = scene.at(|stage| matches!(stage, Stage::Results { .. }))?;

        #[extrinsic_call]
        play(RawOrigin::Signed(scene.claimant), id, Box::new(turn));

        assert!(Disputes::<T>::get(id).is_some_and(|d| d.stage.turn() == Side::Challenger));
        Ok(())
    }

    #[benchmark]
    fn play_name() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new()?;
        let (id, turn) = scene.at(|stage| matches!(stage, Stage::Result { .. }))?;

        #[extrinsic_call]
        play(RawOrigin::Signed(scene.challenger), id, Box::new(turn));

        assert!(Disputes::<T>::get(id).is_some_and(|d| d.stage.turn() == Side::Claimant));
        Ok(())
    }

    #[benchmark]
    fn play_bytes() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new()?;
        let (id, turn) = scene.at(|stage| matches!(stage, Stage::Bytes { .. }))?;

        #[extrinsic_call]
        play(RawOrigin::Signed(scene.claimant), id, Box::new(turn));

        assert!(Disputes::<T>::get(id).is_some_and(|d| d.stage.turn() == Side::Challenger));
        Ok(())
    }

    /// One element, from operands of the tiny model: what a proof of more weighs is added to it.
    #[benchmark]
    fn play_element() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new()?;
        let (id, turn) = scene.at(|stage| matches!(stage, Stage::Element { .. }))?;

        #[extrinsic_call]
        play(RawOrigin::Signed(scene.challenger), id, Box::new(turn));

        assert_eq!(EndedDisputes::<T>::get(id).map(|e| e.verdict), Some(Verdict::Vindicated));
        Ok(())
    }

    #[benchmark]
    fn play_publish() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new()?;
        let id = NextDispute::<T>::get();
        let ground = Box::new(Ground::Withheld { end: End::Input, first: 0 });
        let origin = RawOrigin::Signed(scene.challenger.clone());
        Pallet::<T>::challenge(origin.into(), scene.claim.clone(), ground)
            .map_err(|refused| refused.error)?;
        let dispute = Disputes::<T>::get(id).ok_or(BenchmarkError::Stop("it has ended"))?;
        let rules = Rules::new(&dispute.claim, None).ok_or(BenchmarkError::Stop("no trace"))?;
        let run = scene.case.recording(&scene.case.output, 0, |_, _, _| {});
        let run = run.map_err(|_| BenchmarkError::Stop("no run"))?;
        let turn = Player::new(run, scene.case.output.clone()).answer(&rules, &dispute.stage);
        let turn = turn.map_err(|_| BenchmarkError::Stop("no move"))?;

        #[extrinsic_call]
        play(RawOrigin::Signed(scene.claimant), id, Box::new(turn));

        assert_eq!(EndedDisputes::<T>::get(id).map(|e| e.verdict), Some(Verdict::Published));
        Ok(())
    }

    #[benchmark]
    fn time_out() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new()?;
        let (id, _) = scene.at(|stage| matches!(stage, Stage::Anchors))?;
        let due = Disputes::<T>::get(id).map(|dispute| Pallet::<T>::due_at(&dispute));
        System::<T>::set_block_number(due.ok_or(BenchmarkError::Stop("it has ended"))?);

        #[extrinsic_call]
        _(RawOrigin::Signed(scene.challenger), id);

        assert_eq!(OpenDisputes::<T>::get(), 0);
        Ok(())
    }

    #[benchmark]
    fn take_over() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new()?;
        let (id, _) = scene.at(|stage| matches!(stage, Stage::Anchor { .. }))?;
        let deadline = Disputes::<T>::get(id).map(|dispute| dispute.deadline());
        let deadline = deadline.ok_or(BenchmarkError::Stop("it has ended"))?;
        System::<T>::set_block_number(deadline + 1u32.into());
        let other = funded::<T>("other")?;

        #[extrinsic_call]
        _(RawOrigin::Signed(other.clone()), id);

        assert!(Disputes::<T>::get(id).is_some_and(|dispute| dispute.challenger == other));
        Ok(())
    }

    #[benchmark]
    fn condemn() -> Result<(), BenchmarkError> {
        let scene = Scene::<T>::new()?;
        let (weights, tensor, element, proof) =
            flawed(&scene.case).ok_or(BenchmarkError::Stop("no matrix"))?;
        let (hash, len) = (hash_of(&weights), weights.len() as u64);
        let version = T::BenchmarkHelper::version(scene.case.architecture, hash, len);

        #[extrinsic_call]
        _(RawOrigin::Signed(scene.challenger), version, tensor, element, Box::new(proof));

        Ok(())
    }

    #[benchmark]
    fn turn_page() -> Result<(), BenchmarkError> {
        #[block]
        {
            Pallet::<T>::serve(System::<T>::block_number(), T::ServiceWeight::get());
        }
        assert!(AgendaCursor::<T>::get().is_some());
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
