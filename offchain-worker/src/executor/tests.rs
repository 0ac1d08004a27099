use super::{
    fake::{Echo, ONE, OTHER},
    *,
};
use std::{sync::atomic::Ordering, time::Duration};
use substrate_prometheus_endpoint::Registry;
use vigil_client::blobs::content_hash;
use vigil_primitives::{job::Output, Hash, Sampling};

/// An executor over [`Echo`], and its folder.
struct Rig {
    executor: Executor,
    echo: Arc<Echo>,
    store: Arc<Store>,
    blobs: Blobs,
    folder: tempfile::TempDir,
}

impl Rig {
    fn new(batches: usize, batch_size: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let echo = Arc::new(Echo::default());
        let store = Arc::new(Store::open(folder.path()).unwrap());
        let blobs = Blobs::open(&folder.path().join("blobs")).unwrap();
        let metrics = Metrics::new(&Registry::new()).unwrap();
        let limits = Limits { batches, batch_size, recheck: 100 };
        let executor = Executor::new(echo.clone(), store.clone(), blobs.clone(), metrics, limits);
        Self { executor, echo, store, blobs, folder }
    }

    /// Like [`new`](Self::new), with steps that take a while.
    fn slow(batches: usize, batch_size: usize) -> Self {
        let rig = Self::new(batches, batch_size);
        rig.echo.time.store(5, Ordering::SeqCst);
        rig
    }

    /// Offers requests of so many steps. Returns the numbers of those that were taken in.
    fn admit(&mut self, ready: &[Ready], steps: u32) -> Vec<u64> {
        let request =
            |key: &Key| Some(Request::generate([key.id as u32 * 100], steps, Sampling::Greedy));
        self.executor.admit(ready.to_vec(), request).iter().map(|key| key.id).collect()
    }

    async fn next(&mut self) -> Event {
        let event = tokio::time::timeout(Duration::from_secs(20), self.executor.next()).await;
        event.expect("nothing happened").unwrap()
    }

    /// The next result.
    async fn finished(&mut self) -> Finished {
        loop {
            if let Event::Finished(finished) = self.next().await {
                return finished;
            }
        }
    }

    /// Waits until nothing runs. Returns the numbers of the requests that were finished.
    async fn finish(&mut self) -> Vec<u64> {
        let mut finished = Vec::new();
        while !self.executor.is_idle() {
            if let Event::Finished(Finished { key, .. }) = self.next().await {
                finished.push(key.id);
            }
        }
        // The last results may come after the end of their batch.
        while let Ok(Finished { key, .. }) = self.executor.results.try_recv() {
            finished.push(key.id);
        }
        finished.sort_unstable();
        finished
    }
}

fn key(id: u64) -> Key {
    Key { id, content: Hash::zero() }
}

fn ready(id: u64, version: ModelVersionId, due: BlockNumber) -> Ready {
    Ready { key: key(id), version, due }
}

#[tokio::test]
async fn admit_should_take_what_is_due_first_when_there_is_not_room_for_all() {
    let mut rig = Rig::slow(1, 2);
    let all = [ready(1, ONE, 30), ready(2, ONE, 10), ready(3, ONE, 20), ready(4, ONE, 20)];
    assert_eq!(rig.admit(&all, 3), [2, 3], "and the smaller number of two that are due together");
    assert_eq!(rig.finish().await, [2, 3]);
    assert_eq!(rig.admit(&[all[0], all[3]], 3), [4, 1]);
    assert_eq!(rig.finish().await, [1, 4]);
}

#[tokio::test]
async fn admit_should_let_nobody_overtake_a_version_that_waits_for_a_batch() {
    let mut rig = Rig::slow(1, 8);
    assert_eq!(rig.admit(&[ready(1, ONE, 1)], 10), [1]);
    let waiting = [ready(2, OTHER, 5), ready(3, ONE, 6)];
    assert!(rig.admit(&waiting, 1).is_empty(), "the batch of the other version has room");
    assert_eq!(rig.admit(&[ready(4, ONE, 4)], 1), [4], "it is due before");
    rig.finish().await;
    assert_eq!(rig.admit(&waiting, 1), [2]);
    rig.finish().await;
}

#[tokio::test]
async fn admit_should_pass_over_a_version_when_its_own_batch_is_full() {
    let mut rig = Rig::slow(2, 2);
    let full = [ready(1, ONE, 1), ready(2, ONE, 1), ready(3, OTHER, 1)];
    assert_eq!(rig.admit(&full, 10), [1, 2, 3]);
    let waiting = [ready(4, ONE, 2), ready(5, OTHER, 3)];
    assert_eq!(rig.admit(&waiting, 1), [5], "the first waits for a batch that it has");
    rig.finish().await;
}

#[tokio::test]
async fn admit_should_begin_a_second_batch_of_a_version_when_the_first_is_full() {
    let mut rig = Rig::slow(2, 1);
    let all = [ready(1, ONE, 1), ready(2, ONE, 2), ready(3, ONE, 3)];
    assert_eq!(rig.admit(&all, 10), [1, 2]);
    assert_eq!(rig.executor.running.len(), 2);
    assert_eq!(rig.finish().await, [1, 2]);
}

#[tokio::test]
async fn admit_should_ask_for_a_request_only_when_there_is_room_and_leave_out_what_has_none() {
    let mut rig = Rig::slow(1, 1);
    let mut asked = Vec::new();
    let admitted =
        rig.executor.admit(vec![ready(1, ONE, 1), ready(2, ONE, 2), ready(3, ONE, 3)], |key| {
            asked.push(key.id);
            (key.id != 1).then(|| Request::generate([1], 5, Sampling::Greedy))
        });
    assert_eq!(admitted, [key(2)]);
    assert_eq!(asked, [1, 2]);
    rig.finish().await;
}

#[tokio::test]
async fn requests_should_join_a_batch_while_it_runs() {
    let mut rig = Rig::slow(1, 8);
    rig.admit(&[ready(1, ONE, 1)], 40);
    while rig.echo.sizes().is_empty() {
        tokio::task::yield_now().await;
    }
    rig.admit(&[ready(2, ONE, 1)], 3);
    assert_eq!(rig.finished().await.key, key(2), "it leaves before the other is done");
    assert_eq!(rig.finished().await.key, key(1));
    let mut sizes = rig.echo.sizes();
    sizes.dedup();
    assert_eq!(sizes, [1, 2, 1]);
}

#[tokio::test]
async fn a_result_should_be_on_disk_when_it_is_told() {
    let mut rig = Rig::new(1, 8);
    rig.admit(&[ready(1, ONE, 1)], 2);
    let Finished { key: found, version, result } = rig.finished().await;
    let record = result.unwrap();
    assert_eq!((found, version, record.version), (key(1), ONE, ONE));
    let output = [0, 0, 0, 100];
    assert_eq!(record.output, Output { hash: content_hash(&output), tokens: 2 });
    assert_eq!(rig.store.get(&key(1)).unwrap(), Some(record.clone()));
    assert_eq!(rig.blobs.read(&record.output.hash).unwrap().unwrap(), output);
}

#[tokio::test]
async fn every_record_should_have_a_salt_of_its_own_and_one_that_exists_keep_it() {
    let mut rig = Rig::new(1, 8);
    rig.admit(&[ready(1, ONE, 1), ready(2, ONE, 2)], 0);
    let first = rig.finished().await.result.unwrap();
    let second = rig.finished().await.result.unwrap();
    assert_ne!(first.salt, second.salt);
    assert_ne!(first.salt, [0; 32]);
    rig.finish().await;
    rig.admit(&[ready(1, ONE, 1)], 0);
    assert_eq!(rig.finished().await.result.unwrap(), first);
}

#[tokio::test]
async fn a_bad_request_should_fail_alone() {
    let mut rig = Rig::slow(1, 8);
    let all = vec![ready(1, ONE, 1), ready(2, ONE, 2)];
    rig.executor.admit(all, |key| Some(Request::embed([12 + key.id as u32])));
    let mut results = [rig.finished().await, rig.finished().await];
    results.sort_by_key(|finished| finished.key);
    let failure = Failure::BadRequest("token 13".into());
    assert_eq!(results[0].result, Err(Problem::NotComputed(failure)));
    assert!(results[1].result.is_ok());
    assert_eq!(rig.store.get(&key(1)).unwrap(), None);
}

#[tokio::test]
async fn a_result_should_say_so_when_it_cannot_be_stored_and_be_computed_again() {
    let mut rig = Rig::new(1, 8);
    let blobs = rig.folder.path().join("blobs");
    std::fs::remove_dir_all(&blobs).unwrap();
    rig.admit(&[ready(1, ONE, 1)], 0);
    let result = rig.finished().await.result;
    assert!(matches!(result, Err(Problem::NotStored(_))), "{result:?}");
    assert_eq!(rig.store.get(&key(1)).unwrap(), None);
    rig.finish().await;
    Blobs::open(&blobs).unwrap();
    rig.admit(&[ready(1, ONE, 1)], 0);
    assert!(rig.finished().await.result.is_ok());
}

#[tokio::test]
async fn close_should_end_every_batch_after_the_step_that_it_is_in() {
    let mut rig = Rig::slow(2, 8);
    rig.admit(&[ready(1, ONE, 1), ready(2, OTHER, 2)], 1_000_000);
    rig.executor.close();
    assert!(rig.finish().await.is_empty());
    assert!(rig.echo.steps_of(1) < 1_000 && rig.echo.steps_of(2) < 1_000);
    // What comes later begins a batch of its own.
    assert_eq!(rig.admit(&[ready(3, ONE, 3)], 1), [3]);
    assert_eq!(rig.finish().await, [3]);
}

#[tokio::test]
async fn a_run_that_comes_out_different_should_not_be_recorded() {
    let mut rig = Rig::new(1, 2);
    rig.echo.broken.store(true, Ordering::SeqCst);
    assert_eq!(rig.admit(&[ready(1, ONE, 1)], 1), [1]);
    let finished = rig.finished().await;
    assert_eq!(finished.result, Err(Problem::NotComputed(Failure::Broken)));
    assert!(rig.store.all().unwrap().is_empty());
}
