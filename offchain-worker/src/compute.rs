//! Running models: what is loaded, and batches of one model that jobs join and leave.

use crate::job::Key;
use std::{
    collections::HashMap,
    panic::{catch_unwind, AssertUnwindSafe},
    sync::Arc,
};
use vigil_engine::{Input, Limits, Model, Request, Run};
use vigil_primitives::{
    architecture::MAX_CONTEXT, job::DeclineReason, Architecture, ModelVersionId,
};

/// Why there is no output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// What the chain is told.
    pub(crate) reason: DeclineReason,
    /// What the operator is told.
    pub(crate) text: String,
}

/// What a job's run gave.
pub(crate) type Computed = (Key, Result<Run, Failure>);

/// Runs models. Calls block: they belong on a thread of their own.
pub(crate) trait Compute: Send + Sync + 'static {
    /// Whether the version can be run.
    fn has(&self, version: ModelVersionId) -> bool;

    /// An empty batch of the version.
    fn batch(&self, version: ModelVersionId) -> Box<dyn Batch + '_>;
}

/// Jobs of one version that are computed together.
pub(crate) trait Batch {
    /// Takes a job in, to be computed from the next step on that has memory for it. A job that
    /// can't be done fails with the next step.
    fn add(&mut self, key: Key, request: Request);

    /// Does a part of the work. The jobs that it has finished.
    fn step(&mut self) -> Vec<Computed>;

    /// Whether there is nothing to do.
    fn is_empty(&self) -> bool;
}

/// The models in memory.
pub(crate) struct Models {
    loaded: HashMap<ModelVersionId, Arc<Model>>,
    limits: Limits,
}

impl Models {
    /// None yet. A batch of a language model computes `jobs` at once and keeps the keys and values
    /// of so many tokens.
    pub(crate) fn new(jobs: usize, cache_tokens: usize) -> Self {
        // Every job that the chain takes must fit in an empty batch.
        let cache_tokens = cache_tokens.max(MAX_CONTEXT as usize);
        Self { loaded: HashMap::new(), limits: Limits { jobs, cache_tokens, ..Limits::default() } }
    }

    /// Takes a loaded model.
    pub(crate) fn add(&mut self, version: ModelVersionId, model: Model) {
        self.loaded.insert(version, Arc::new(model));
    }
}

impl Compute for Models {
    fn has(&self, version: ModelVersionId) -> bool {
        self.loaded.contains_key(&version)
    }

    fn batch(&self, version: ModelVersionId) -> Box<dyn Batch + '_> {
        let Some(model) = self.loaded.get(&version) else {
            return Box::new(Unavailable { version, jobs: Vec::new() });
        };
        match model.architecture() {
            Architecture::Encoder(_) => Box::new(Passes { model, jobs: Vec::new() }),
            Architecture::Decoder(_) => Box::new(Texts::new(model, self.limits)),
        }
    }
}

/// A failure that another worker need not have.
fn unable(text: impl Into<String>) -> Failure {
    Failure { reason: DeclineReason::VersionUnavailable, text: text.into() }
}

/// A batch of a version that is not here: every job fails.
struct Unavailable {
    version: ModelVersionId,
    jobs: Vec<Key>,
}

impl Batch for Unavailable {
    fn add(&mut self, key: Key, _request: Request) {
        self.jobs.push(key);
    }

    fn step(&mut self) -> Vec<Computed> {
        let fail = |key| (key, Err(unable(format!("version {} is not loaded", self.version))));
        self.jobs.drain(..).map(fail).collect()
    }

    fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
}

/// A batch of an encoder: a step runs all its jobs from beginning to end.
struct Passes<'a> {
    model: &'a Model,
    jobs: Vec<(Key, Request)>,
}

impl Batch for Passes<'_> {
    fn add(&mut self, key: Key, request: Request) {
        self.jobs.push((key, request));
    }

    fn step(&mut self) -> Vec<Computed> {
        let jobs = std::mem::take(&mut self.jobs);
        // One bad input must not cost the others their run.
        let (good, bad): (Vec<_>, Vec<_>) = jobs
            .into_iter()
            .map(|(key, request)| (key, check(&request, self.model).map(|()| request)))
            .partition(|(_, checked)| checked.is_ok());
        let (keys, requests): (Vec<_>, Vec<_>) =
            good.into_iter().filter_map(|(key, request)| Some((key, request.ok()?))).unzip();
        let runs = guarded(|| self.model.run_batch(&requests));
        let bad = bad.into_iter().filter_map(|(key, checked)| Some((key, Err(checked.err()?))));
        bad.chain(deal(keys, runs)).collect()
    }

    fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }
}

/// A batch of a language model: a step takes every job one token further, or puts more of its input
/// through.
struct Texts<'a> {
    model: &'a Model,
    limits: Limits,
    batch: Option<vigil_engine::Batch<&'a Model, Key>>,
    /// The jobs in it.
    inside: Vec<Key>,
    /// Jobs that came to nothing.
    failed: Vec<Computed>,
}

impl<'a> Texts<'a> {
    fn new(model: &'a Model, limits: Limits) -> Self {
        Self { model, limits, batch: None, inside: Vec::new(), failed: Vec::new() }
    }

    fn try_add(&mut self, key: Key, request: Request) -> Result<(), Failure> {
        check(&request, self.model)?;
        let (model, limits) = (self.model, self.limits);
        guarded(|| {
            if self.batch.is_none() {
                self.batch = Some(vigil_engine::Batch::new(model, limits)?);
            }
            self.batch.as_mut().map_or(Ok(()), |batch| batch.add(key, request))
        })
    }
}

impl Batch for Texts<'_> {
    fn add(&mut self, key: Key, request: Request) {
        match self.try_add(key, request) {
            Ok(()) => self.inside.push(key),
            Err(failure) => self.failed.push((key, Err(failure))),
        }
    }

    fn step(&mut self) -> Vec<Computed> {
        let mut outcomes = std::mem::take(&mut self.failed);
        let stepped = guarded(|| Ok(self.batch.as_mut().map(|batch| batch.step())));
        match stepped {
            Ok(finished) => {
                for (key, run) in finished.into_iter().flatten() {
                    self.inside.retain(|inside| *inside != key);
                    outcomes.push((key, run.map_err(|error| unable(error.to_string()))));
                }
            }
            Err(failure) => {
                // What a panic left behind is not to be trusted.
                self.batch = None;
                outcomes.extend(deal(std::mem::take(&mut self.inside), Err(failure)));
            }
        }
        outcomes
    }

    fn is_empty(&self) -> bool {
        self.inside.is_empty() && self.failed.is_empty()
    }
}

fn check(request: &Request, model: &Model) -> Result<(), Failure> {
    Input::check(request, model.architecture())
        .map_err(|error| Failure { reason: DeclineReason::InputInvalid, text: error.to_string() })
}

/// Runs something that may fail or panic.
fn guarded<T>(run: impl FnOnce() -> Result<T, vigil_engine::Error>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(result)) => Ok(result),
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

/// Gives every job its run, or all of them the failure that there was.
fn deal(keys: Vec<Key>, runs: Result<Vec<Run>, Failure>) -> Vec<Computed> {
    let (runs, failure) = match runs {
        Ok(runs) => (runs, unable("the batch gave too few outputs")),
        Err(failure) => (Vec::new(), failure),
    };
    let mut runs = runs.into_iter();
    let outcome = |key| (key, runs.next().ok_or_else(|| failure.clone()));
    keys.into_iter().map(outcome).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::{Hash, Sampling};

    fn run(byte: u8) -> Run {
        Run { output: vec![byte], tokens_out: 0, work: 1 }
    }

    fn key(id: u64) -> Key {
        Key { id, content: Hash::zero() }
    }

    #[test]
    fn deal_should_give_every_job_its_own_run() {
        let dealt = deal(vec![key(1), key(2)], Ok(vec![run(1), run(2)]));
        assert_eq!(dealt, vec![(key(1), Ok(run(1))), (key(2), Ok(run(2)))]);
    }

    #[test]
    fn deal_should_fail_every_job_when_the_batch_failed_and_the_last_when_a_run_is_missing() {
        let dealt = deal(vec![key(1), key(2)], Err(unable("no")));
        assert_eq!(dealt, vec![(key(1), Err(unable("no"))), (key(2), Err(unable("no")))]);
        let dealt = deal(vec![key(1), key(2)], Ok(vec![run(1)]));
        assert_eq!(dealt[0], (key(1), Ok(run(1))));
        assert!(dealt[1].1.as_ref().unwrap_err().text.contains("too few"));
    }

    #[test]
    fn a_panic_should_become_a_failure() {
        let failure = guarded::<()>(|| panic!("out of luck")).unwrap_err();
        assert_eq!(failure.reason, DeclineReason::VersionUnavailable);
        assert!(failure.text.contains("out of luck"), "{}", failure.text);
    }

    #[test]
    fn a_version_that_is_not_loaded_should_fail_every_job() {
        let models = Models::new(1, 1);
        let version = ModelVersionId { model: 0, version: 0 };
        assert!(!models.has(version));
        let mut batch = models.batch(version);
        assert!(batch.is_empty());
        for id in [1, 2] {
            batch.add(key(id), Request::embed([1]));
        }
        let outcomes = batch.step();
        assert_eq!(outcomes.len(), 2);
        for (_, outcome) in outcomes {
            assert_eq!(outcome.unwrap_err().reason, DeclineReason::VersionUnavailable);
        }
        assert!(batch.is_empty());
    }

    /// The repository's own language model, loaded.
    fn tales() -> Models {
        let folder = tempfile::tempdir().unwrap();
        let source = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../models/tales"));
        let package = folder.path().join("package");
        vigil_engine::pack::pack(source, &package, &Default::default()).unwrap();
        let package = vigil_engine::Package::open(&package).unwrap();
        let mut models = Models::new(2, 1);
        models.add(TALES, Model::load(&package, &Default::default()).unwrap());
        models
    }

    const TALES: ModelVersionId = ModelVersionId { model: 1, version: 0 };

    #[test]
    fn a_text_should_be_the_same_whichever_batch_it_joined_and_a_bad_job_fail_alone() {
        let models = tales();
        let drawn = Sampling::Gumbel { seed: 3, temperature: 0.9f32.to_bits(), min_p: 0 };
        let requests = [
            Request::generate([0, 50, 60], 40, Sampling::Greedy),
            Request::generate([0, 70], 12, drawn),
            Request::generate([0], 5, Sampling::Greedy),
        ];
        let mut batch = models.batch(TALES);
        let mut outcomes = HashMap::new();
        for (id, request) in (0..).zip(&requests) {
            batch.add(key(id), request.clone());
            // The others join while it is under way.
            for _ in 0..3 {
                outcomes.extend(batch.step());
            }
        }
        batch.add(key(9), Request::generate([u32::MAX], 5, Sampling::Greedy));
        while !batch.is_empty() {
            outcomes.extend(batch.step());
        }
        for (id, request) in (0..).zip(&requests) {
            let alone = models.loaded[&TALES].run(request).unwrap();
            assert_eq!(outcomes[&key(id)], Ok(alone), "{id}");
        }
        let bad = outcomes[&key(9)].clone().unwrap_err();
        assert_eq!(bad.reason, DeclineReason::InputInvalid);
    }
}
