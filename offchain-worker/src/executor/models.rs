//! The models in memory, and batches of them that requests join and leave.

use super::compute::{Batch, Compute, Computed, Failure};
use crate::key::Key;
use std::{
    collections::HashMap,
    panic::{catch_unwind, AssertUnwindSafe},
    sync::Arc,
};
use vigil_engine::{Input, Limits, Model, Package, Request, Run};
use vigil_primitives::{Architecture, ModelVersionId};

/// The models in memory.
pub struct Models {
    loaded: HashMap<ModelVersionId, Arc<Model>>,
    /// What the models were loaded from: a dispute asks for single weights.
    packages: HashMap<ModelVersionId, Package>,
    limits: Limits,
}

impl Models {
    /// Returns an empty set. A batch of a language model computes at most `batch_size` requests at
    /// once, and has memory for the keys and values of `cache_tokens` tokens: at least those of the
    /// longest request that its model takes.
    pub(crate) fn new(batch_size: usize, cache_tokens: usize) -> Self {
        let limits = Limits { jobs: batch_size, cache_tokens, ..Limits::default() };
        Self { loaded: HashMap::new(), packages: HashMap::new(), limits }
    }

    /// Adds a loaded model, and the package that it was loaded from.
    pub(crate) fn add(&mut self, version: ModelVersionId, model: Model, package: Package) {
        self.loaded.insert(version, Arc::new(model));
        self.packages.insert(version, package);
    }

    /// A model with its package.
    pub fn with_package(&self, version: ModelVersionId) -> Option<(&Model, &Package)> {
        Some((self.loaded.get(&version)?.as_ref(), self.packages.get(&version)?))
    }

    /// Bytes that the keys and values of one batch may take, with the model that needs most.
    pub(crate) fn cache_bytes(&self) -> usize {
        let bytes = |model: &Arc<Model>| model.cache_bytes(self.limits_of(model).cache_tokens);
        self.loaded.values().map(bytes).max().unwrap_or(0)
    }

    /// The limits of a batch of a model: every request that the chain takes must fit into an empty
    /// one.
    fn limits_of(&self, model: &Model) -> Limits {
        let longest = model.architecture().max_tokens_in() as usize;
        Limits { cache_tokens: self.limits.cache_tokens.max(longest), ..self.limits }
    }
}

impl Compute for Models {
    fn has(&self, version: ModelVersionId) -> bool {
        self.loaded.contains_key(&version)
    }

    fn batch(&self, version: ModelVersionId) -> Box<dyn Batch + '_> {
        let Some(model) = self.loaded.get(&version) else {
            return Box::new(MissingBatch { version, keys: Vec::new() });
        };
        match model.architecture() {
            Architecture::Encoder(_) => Box::new(EncoderBatch { model, requests: Vec::new() }),
            Architecture::Decoder(_) => Box::new(DecoderBatch::new(model, self.limits_of(model))),
        }
    }

    fn recheck(
        &self,
        version: ModelVersionId,
        request: &Request,
        output: &[u8],
        lot: u64,
    ) -> Result<bool, Failure> {
        let missing = || Failure::Unable(format!("version {version} is not loaded"));
        let (model, package) = self.with_package(version).ok_or_else(missing)?;
        guarded(|| model.recheck(package, request, output, lot))
    }
}

/// A batch of a version that is not loaded: every request fails.
struct MissingBatch {
    version: ModelVersionId,
    keys: Vec<Key>,
}

impl Batch for MissingBatch {
    fn add(&mut self, key: Key, _request: Request) {
        self.keys.push(key);
    }

    fn step(&mut self) -> Vec<Computed> {
        let failure = Failure::Unable(format!("version {} is not loaded", self.version));
        self.keys.drain(..).map(|key| (key, Err(failure.clone()))).collect()
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// A batch of an encoder. A step computes all its requests from beginning to end.
struct EncoderBatch<'a> {
    model: &'a Model,
    requests: Vec<(Key, Request)>,
}

impl Batch for EncoderBatch<'_> {
    fn add(&mut self, key: Key, request: Request) {
        self.requests.push((key, request));
    }

    fn step(&mut self) -> Vec<Computed> {
        // One bad request must not cost the others their run: the engine refuses all together.
        let (mut keys, mut requests, mut results) = (Vec::new(), Vec::new(), Vec::new());
        for (key, request) in std::mem::take(&mut self.requests) {
            match check(&request, self.model) {
                Ok(()) => {
                    keys.push(key);
                    requests.push(request);
                }
                Err(failure) => results.push((key, Err(failure))),
            }
        }
        let runs = guarded(|| self.model.run_batch(&requests));
        results.extend(pair(keys, runs));
        results
    }

    fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
}

/// A batch of a language model. A step takes every request one token further, or puts more of its
/// input through.
struct DecoderBatch<'a> {
    model: &'a Model,
    limits: Limits,
    /// Made for the first request, and again after a panic.
    batch: Option<vigil_engine::Batch<&'a Model, Key>>,
    /// The requests in it.
    inside: Vec<Key>,
    /// Requests that could not be added.
    failed: Vec<Computed>,
}

impl<'a> DecoderBatch<'a> {
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

impl Batch for DecoderBatch<'_> {
    fn add(&mut self, key: Key, request: Request) {
        match self.try_add(key, request) {
            Ok(()) => self.inside.push(key),
            Err(failure) => self.failed.push((key, Err(failure))),
        }
    }

    fn step(&mut self) -> Vec<Computed> {
        let mut results = std::mem::take(&mut self.failed);
        match guarded(|| Ok(self.batch.as_mut().map(|batch| batch.step()))) {
            Ok(finished) => {
                for (key, run) in finished.into_iter().flatten() {
                    self.inside.retain(|inside| *inside != key);
                    results.push((key, run.map_err(|error| Failure::Unable(error.to_string()))));
                }
            }
            Err(failure) => {
                // The state that a panic left behind can't be trusted.
                self.batch = None;
                results.extend(pair(std::mem::take(&mut self.inside), Err(failure)));
            }
        }
        results
    }

    fn is_empty(&self) -> bool {
        self.inside.is_empty() && self.failed.is_empty()
    }
}

fn check(request: &Request, model: &Model) -> Result<(), Failure> {
    Input::check(request, model.architecture())
        .map_err(|error| Failure::BadRequest(error.to_string()))
}

/// Runs something that may fail or panic.
fn guarded<T>(run: impl FnOnce() -> Result<T, vigil_engine::Error>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(error)) => Err(Failure::Unable(error.to_string())),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no explanation");
            Err(Failure::Unable(format!("the computation panicked: {text}")))
        }
    }
}

/// Pairs every key with its run, or all of them with the failure that there was.
fn pair(keys: Vec<Key>, runs: Result<Vec<Run>, Failure>) -> Vec<Computed> {
    let (runs, failure) = match runs {
        Ok(runs) => (runs, Failure::Unable("the batch gave too few outputs".into())),
        Err(failure) => (Vec::new(), failure),
    };
    let mut runs = runs.into_iter();
    let result = |key| (key, runs.next().ok_or_else(|| failure.clone()));
    keys.into_iter().map(result).collect()
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
    fn pair_should_give_every_request_its_own_run() {
        let results = pair(vec![key(1), key(2)], Ok(vec![run(1), run(2)]));
        assert_eq!(results, vec![(key(1), Ok(run(1))), (key(2), Ok(run(2)))]);
    }

    #[test]
    fn pair_should_fail_every_request_when_the_batch_failed_and_the_last_when_a_run_is_missing() {
        let failure = Failure::Unable("no".into());
        let results = pair(vec![key(1), key(2)], Err(failure.clone()));
        assert_eq!(results, vec![(key(1), Err(failure.clone())), (key(2), Err(failure))]);
        let results = pair(vec![key(1), key(2)], Ok(vec![run(1)]));
        assert_eq!(results[0], (key(1), Ok(run(1))));
        assert!(results[1].1.as_ref().unwrap_err().to_string().contains("too few"));
    }

    #[test]
    fn a_panic_should_become_a_failure() {
        let failure = guarded::<()>(|| panic!("out of luck")).unwrap_err();
        assert!(
            matches!(&failure, Failure::Unable(text) if text.contains("out of luck")),
            "{failure}"
        );
    }

    #[test]
    fn a_batch_should_fail_every_request_when_its_version_is_not_loaded() {
        let models = Models::new(1, 1);
        let version = ModelVersionId { model: 0, version: 0 };
        assert!(!models.has(version));
        let mut batch = models.batch(version);
        assert!(batch.is_empty());
        for id in [1, 2] {
            batch.add(key(id), Request::embed([1]));
        }
        let results = batch.step();
        assert_eq!(results.len(), 2);
        for (_, result) in results {
            assert!(matches!(result, Err(Failure::Unable(_))), "{result:?}");
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
        models.add(TALES, Model::load(&package, &Default::default()).unwrap(), package);
        models
    }

    const TALES: ModelVersionId = ModelVersionId { model: 1, version: 0 };

    #[test]
    fn a_text_should_be_the_same_whichever_batch_it_joined_and_a_bad_request_fail_alone() {
        let models = tales();
        let drawn = Sampling::Gumbel { seed: 3, temperature: 0.9f32.to_bits(), min_p: 0 };
        let requests = [
            Request::generate([0, 50, 60], 40, Sampling::Greedy),
            Request::generate([0, 70], 12, drawn),
            Request::generate([0], 5, Sampling::Greedy),
        ];
        let mut batch = models.batch(TALES);
        let mut results = HashMap::new();
        for (id, request) in (0..).zip(&requests) {
            batch.add(key(id), request.clone());
            // The others join while it is under way.
            for _ in 0..3 {
                results.extend(batch.step());
            }
        }
        batch.add(key(9), Request::generate([u32::MAX], 5, Sampling::Greedy));
        while !batch.is_empty() {
            results.extend(batch.step());
        }
        for (id, request) in (0..).zip(&requests) {
            let alone = models.loaded[&TALES].run(request).unwrap();
            assert_eq!(results[&key(id)], Ok(alone), "{id}");
        }
        assert!(matches!(results[&key(9)], Err(Failure::BadRequest(_))));
    }
}
