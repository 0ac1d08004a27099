//! Running models: what is loaded, and jobs of one model in one batch.

use std::{
    collections::HashMap,
    panic::{catch_unwind, AssertUnwindSafe},
    sync::Arc,
};
use vigil_engine::{Input, Model, Request, Run};
use vigil_primitives::{job::DeclineReason, VersionId};

/// Why there is no output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What the chain is told.
    pub(crate) reason: DeclineReason,
    /// What the operator is told.
    pub(crate) text: String,
}

/// Runs models. Calls block: they belong on a thread of their own.
pub(crate) trait Compute: Send + Sync + 'static {
    /// Whether the version can be run.
    fn has(&self, version: VersionId) -> bool;

    /// Runs a version on some inputs; there is a result for each.
    fn run(&self, version: VersionId, inputs: &[&[u32]]) -> Vec<Result<Run, Failure>>;
}

/// The models in memory.
#[derive(Default)]
pub(crate) struct Models(HashMap<VersionId, Arc<Model>>);

impl Models {
    /// Takes a loaded model.
    pub(crate) fn add(&mut self, version: VersionId, model: Model) {
        self.0.insert(version, Arc::new(model));
    }
}

impl Compute for Models {
    fn has(&self, version: VersionId) -> bool {
        self.0.contains_key(&version)
    }

    fn run(&self, version: VersionId, inputs: &[&[u32]]) -> Vec<Result<Run, Failure>> {
        let Some(model) = self.0.get(&version) else {
            let text = format!("version {version} is not loaded");
            let failure = Failure { reason: DeclineReason::VersionUnavailable, text };
            return vec![Err(failure); inputs.len()];
        };
        // One bad input must not cost the others their run.
        let requests: Vec<_> = inputs.iter().map(|tokens| Request::embed(*tokens)).collect();
        let checks: Vec<_> = requests
            .iter()
            .map(|request| {
                Input::check(request, model.architecture()).map_err(|error| Failure {
                    reason: DeclineReason::InputInvalid,
                    text: error.to_string(),
                })
            })
            .collect();
        let good: Vec<_> = requests
            .into_iter()
            .zip(&checks)
            .filter(|(_, check)| check.is_ok())
            .map(|(request, _)| request)
            .collect();
        let runs = guarded(|| model.run_batch(&good));
        merge(checks, runs)
    }
}

/// Runs something that may fail or panic.
fn guarded(
    run: impl FnOnce() -> Result<Vec<Run>, vigil_engine::Error>,
) -> Result<Vec<Run>, Failure> {
    let unable = |text| Failure { reason: DeclineReason::VersionUnavailable, text };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(runs)) => Ok(runs),
        Ok(Err(error)) => Err(unable(error.to_string())),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .cloned()
                .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let text = text.unwrap_or_else(|| "no explanation".into());
            Err(unable(format!("the computation panicked: {text}")))
        }
    }
}

/// Puts the runs of the good inputs back into their places.
fn merge(
    checks: Vec<Result<(), Failure>>,
    runs: Result<Vec<Run>, Failure>,
) -> Vec<Result<Run, Failure>> {
    let (mut runs, failure) = match runs {
        Ok(runs) => (runs.into_iter(), None),
        Err(failure) => (Vec::new().into_iter(), Some(failure)),
    };
    let missing = failure.unwrap_or_else(|| Failure {
        reason: DeclineReason::VersionUnavailable,
        text: "the batch gave too few outputs".into(),
    });
    checks
        .into_iter()
        .map(|check| check.and_then(|()| runs.next().ok_or_else(|| missing.clone())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(byte: u8) -> Run {
        Run { output: vec![byte], tokens_out: 0, work: 1 }
    }

    fn bad() -> Failure {
        Failure { reason: DeclineReason::InputInvalid, text: "bad".into() }
    }

    #[test]
    fn merge_should_give_every_input_its_own_result() {
        let merged = merge(vec![Ok(()), Err(bad()), Ok(())], Ok(vec![run(1), run(2)]));
        assert_eq!(merged, vec![Ok(run(1)), Err(bad()), Ok(run(2))]);
    }

    #[test]
    fn merge_should_fail_the_good_inputs_when_the_batch_failed() {
        let failure = Failure { reason: DeclineReason::VersionUnavailable, text: "no".into() };
        let merged = merge(vec![Ok(()), Err(bad())], Err(failure.clone()));
        assert_eq!(merged, vec![Err(failure), Err(bad())]);
    }

    #[test]
    fn a_panic_should_become_a_failure() {
        let failure = guarded(|| panic!("out of luck")).unwrap_err();
        assert_eq!(failure.reason, DeclineReason::VersionUnavailable);
        assert!(failure.text.contains("out of luck"), "{}", failure.text);
    }

    #[test]
    fn run_should_say_that_a_version_is_unavailable_when_it_is_not_loaded() {
        let models = Models::default();
        let version = VersionId { model: 0, version: 0 };
        assert!(!models.has(version));
        let results = models.run(version, &[&[1], &[2]]);
        assert_eq!(results.len(), 2);
        assert!(results
            .iter()
            .all(|r| r.as_ref().unwrap_err().reason == DeclineReason::VersionUnavailable));
    }
}
