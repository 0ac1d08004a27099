//! What must hold of the registry's storage at the end of every block.

use crate::{pallet::*, types::check_spec};
use alloc::collections::BTreeMap;
use frame_support::{ensure, traits::fungible::hold::Inspect as _};
use sp_runtime::TryRuntimeError;
use vigil_primitives::{registry::check_name, Balance};

impl<T: Config> Pallet<T> {
    /// Checks every invariant of this pallet:
    ///
    /// 1. The models are numbered from 0 to [`NextModelId`] without a gap.
    /// 2. A model's versions are numbered from 0 to its count without a gap, and every version
    ///    belongs to a model.
    /// 3. A model's deposit covers its versions' deposits.
    /// 4. What is held from an account for models is what its models' deposits add up to.
    /// 5. [`ModelsOf`] lists every model under its owner and nothing else.
    /// 6. No model is offered to its owner.
    /// 7. Every name, and every specification but for its operator set, is still one that would
    ///    be accepted.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let mut models: u32 = 0;
        let mut versions: u32 = 0;
        let mut deposits = BTreeMap::<_, Balance>::new();

        for (id, model) in Models::<T>::iter() {
            models = models.saturating_add(1);
            versions = versions.saturating_add(model.versions);
            ensure!(id < NextModelId::<T>::get(), "models 1: a number was never given");
            ensure!(model.pending_owner.as_ref() != Some(&model.owner), "models 6: own offer");
            ensure!(
                ModelsOf::<T>::contains_key(&model.owner, id),
                "models 5: the owner's list lacks a model"
            );
            ensure!(check_name(&model.name).is_ok(), "models 7: bad name");

            let mut parts: Balance = 0;
            for number in 0..model.versions {
                let version = Versions::<T>::get(id, number)
                    .ok_or("models 2: a version between 0 and the count is missing")?;
                parts = parts.saturating_add(version.deposit);
                ensure!(
                    check_spec(&version.spec, &[version.spec.op_set], T::Layout::weights_len)
                        .is_ok(),
                    "models 7: bad specification"
                );
            }
            ensure!(model.deposit >= parts, "models 3: the versions' deposits exceed the model's");
            let sum = deposits.entry(model.owner).or_default();
            *sum = sum.saturating_add(model.deposit);
        }

        ensure!(models == NextModelId::<T>::get(), "models 1: a number is missing");
        ensure!(
            Versions::<T>::iter_keys().count() == usize::try_from(versions).unwrap_or(usize::MAX),
            "models 2: a version belongs to no model"
        );
        for (owner, id, ()) in ModelsOf::<T>::iter() {
            let listed = Models::<T>::get(id).is_some_and(|model| model.owner == owner);
            ensure!(listed, "models 5: a list holds somebody else's model");
        }
        for (owner, sum) in deposits {
            let held = T::Currency::balance_on_hold(&HoldReason::Deposit.into(), &owner);
            ensure!(held == sum, "models 4: held and recorded deposits differ");
        }
        Ok(())
    }
}
