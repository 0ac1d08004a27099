use super::*;
use crate::{
    chain::fake::{audit_of, dispute, inline, job, me, Fake},
    conduct::Honest,
    executor::{
        self,
        fake::{Echo, OTHER},
    },
    server,
};
use std::sync::atomic::Ordering;
use substrate_prometheus_endpoint::Registry;
use tokio::task::JoinHandle;
use vigil_primitives::{
    dispute::{ClaimId, End, Ended, Reached, Stage, Verdict},
    job::{Output, Replica, ReplicaState, Role},
    Job, JobId, JobStatus,
};

/// A job that takes so many steps.
fn long(id: JobId, steps: u32) -> Job {
    let mut job = job(id, inline(id as u32 * 100));
    job.spec.max_tokens_out = steps;
    job
}

/// A worker that runs until it is killed or stopped.
struct Rig {
    fake: Fake,
    compute: Arc<Echo>,
    folder: tempfile::TempDir,
    task: Option<JoinHandle<Result<()>>>,
    stop: Arc<Notify>,
    arrived: Arc<Notify>,
    metrics: Option<Metrics>,
}

impl Rig {
    fn new() -> Self {
        Self {
            fake: Fake::new(),
            compute: Arc::default(),
            folder: tempfile::tempdir().unwrap(),
            task: None,
            stop: Arc::default(),
            arrived: Arc::default(),
            metrics: None,
        }
    }

    async fn started() -> Self {
        let mut rig = Self::new();
        rig.start().await;
        rig
    }

    fn blobs(&self) -> Blobs {
        Blobs::open(&self.folder.path().join("blobs")).unwrap()
    }

    async fn start(&mut self) {
        let store = Arc::new(Store::open(self.folder.path()).unwrap());
        let metrics = Metrics::new(&Registry::new()).unwrap();
        let limits = Limits {
            margin: 3,
            blob_age: Duration::from_secs(1_000),
            blob_bytes: 1 << 20,
            grace: Duration::from_secs(5),
            leave: false,
            watch: 100,
        };
        let expected = watch::channel(Expected::new()).0;
        self.metrics = Some(metrics.clone());
        let executor = Executor::new(
            self.compute.clone(),
            store.clone(),
            self.blobs(),
            metrics.clone(),
            executor::Limits { batches: 1, batch_size: 8, recheck: 100 },
        );
        let blobs = self.blobs();
        let chain = self.fake.clone();
        let (advocates, conduct) = (self.compute.clone(), Arc::new(Honest));
        let machine = Machine { executor, advocates, conduct, store, blobs };
        let mut service = Service::new(chain, machine, expected, metrics, limits);
        service.recover().await.unwrap();
        let (arrived, stop) = (self.arrived.clone(), self.stop.clone());
        self.task = Some(tokio::spawn(service.run(self.fake.heads(), arrived, stop)));
    }

    /// Ends the worker without a word, and waits until its folder is free.
    async fn kill(&mut self) {
        let task = self.task.take().unwrap();
        task.abort();
        let _ = task.await;
        for _ in 0..500 {
            if Store::open(self.folder.path()).is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the killed worker still holds its folder");
    }

    /// Makes blocks until something holds.
    async fn until(&self, what: &str, holds: impl Fn(&Fake) -> bool) {
        for _ in 0..60 {
            for _ in 0..10 {
                if holds(&self.fake) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
            self.fake.tick();
        }
        panic!("never: {what}; sent: {:?}", self.fake.state().sent);
    }

    /// Makes some blocks.
    async fn blocks(&self, count: u32) {
        for _ in 0..count {
            self.fake.tick();
            tokio::time::sleep(Duration::from_millis(15)).await;
        }
    }

    fn record(&self, folder: &std::path::Path, id: JobId) -> Option<Record> {
        let store = Store::open(folder).unwrap();
        store.all().unwrap().into_iter().find(|(key, _)| key.id == id).map(|(_, record)| record)
    }
}

fn revealed(id: JobId) -> impl Fn(&Fake) -> bool {
    move |fake| matches!(fake.status(id), JobStatus::Revealed { .. })
}

fn revealing(id: JobId) -> impl Fn(&Fake) -> bool {
    move |fake| matches!(fake.status(id), JobStatus::Revealing { .. })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_should_go_from_assignment_to_payment_and_its_salt_be_forgotten() {
    let mut rig = Rig::started().await;
    rig.fake.add(job(1, inline(5)));
    rig.until("revealed", revealed(1)).await;
    let JobStatus::Revealed { replicas, .. } = rig.fake.status(1) else { panic!("not revealed") };
    let ReplicaState::Revealed { output } = replicas[0].state else { panic!("not revealed") };
    let bytes = rig.blobs().read(&output.hash).unwrap().unwrap();
    assert_eq!(bytes, [0, 0, 0, 5, 0, 0, 0, 6]);
    rig.fake.settle(1);
    rig.blocks(8).await;
    let earned = rig.metrics.clone().unwrap().earned.get();
    assert_eq!(earned, 1.0);
    rig.kill().await;
    assert_eq!(rig.record(rig.folder.path(), 1), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commitment_should_leave_only_when_its_record_is_on_disk() {
    let rig = Rig::started().await;
    let crash = tempfile::tempdir().unwrap();
    let (from, to) = (rig.folder.path().join("jobs.redb"), crash.path().join("jobs.redb"));
    rig.fake.state().before = Some(Box::new(move |action| {
        if matches!(action, Action::Commit(..)) {
            std::fs::copy(&from, &to).unwrap();
        }
    }));
    rig.fake.add(job(1, inline(5)));
    rig.until("revealing", |fake| !fake.sent("commit").is_empty()).await;
    // What a power cut at that moment would have left reveals the commitment that was sent.
    let record = rig.record(crash.path(), 1).expect("no record was on disk");
    let key = Key::of(&job(1, inline(5)));
    let commitment = record.commitment(rig.fake.me(), &key);
    assert_eq!(rig.fake.sent("commit")[0], Action::Commit(1, commitment));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_worker_should_reveal_with_the_same_salt_after_its_restart() {
    let mut rig = Rig::started().await;
    rig.fake.add(job(1, inline(5)));
    let me = rig.fake.me().clone();
    rig.until("committed", |fake| !fake.sent("commit").is_empty()).await;
    rig.kill().await;
    // Whatever it revealed before the end is undone: the chain stands at the commitment.
    let Action::Commit(_, commitment) = rig.fake.sent("commit")[0].clone() else { panic!("odd") };
    {
        let mut state = rig.fake.state();
        let mut committed = job(1, inline(5));
        let replica = Replica {
            worker: me,
            ask: 1,
            role: Role::Worker,
            state: ReplicaState::Committed { commitment },
        };
        let replicas = vec![replica].try_into().unwrap();
        committed.status = JobStatus::Revealing { replicas, reveal_by: 200 };
        state.jobs.insert(1, committed);
        state.sent.clear();
    }
    let computed = rig.compute.sizes().len();
    rig.start().await;
    rig.until("revealed", revealed(1)).await;
    assert!(rig.fake.sent("commit").is_empty(), "nothing is committed twice");
    assert_eq!(rig.compute.sizes().len(), computed, "nothing is computed twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_before_its_commitment_arrived_should_commit_with_the_same_salt() {
    let mut rig = Rig::started().await;
    rig.fake.state().forgetful = true;
    rig.fake.add(job(1, inline(5)));
    rig.until("sent", |fake| !fake.sent("commit").is_empty()).await;
    rig.kill().await;
    rig.fake.state().forgetful = false;
    rig.start().await;
    rig.until("revealed", revealed(1)).await;
    let sent = rig.fake.sent("commit");
    assert!(sent.len() >= 2);
    assert!(sent.iter().all(|action| action == &sent[0]), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commitment_should_be_sent_again_when_a_reorganisation_took_it_back() {
    let rig = Rig::started().await;
    rig.fake.state().forgetful = true;
    rig.fake.add(job(1, inline(5)));
    rig.until("committed twice", |fake| fake.sent("commit").len() >= 2).await;
    rig.fake.state().forgetful = false;
    rig.until("revealed", revealed(1)).await;
    let sent = rig.fake.sent("commit");
    assert!(sent.iter().all(|action| action == &sent[0]), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assignment_should_be_taken_up_again_when_it_disappears_and_reappears() {
    let rig = Rig::started().await;
    rig.fake.state().forgetful = true;
    rig.fake.add(job(1, inline(5)));
    rig.until("sent", |fake| !fake.sent("commit").is_empty()).await;
    let taken = rig.fake.state().jobs.remove(&1).unwrap();
    rig.blocks(12).await;
    let before = rig.fake.sent("commit").len();
    rig.blocks(4).await;
    assert_eq!(rig.fake.sent("commit").len(), before, "nothing is sent for a job that is gone");
    rig.fake.state().forgetful = false;
    rig.fake.add(taken);
    rig.until("revealed", revealed(1)).await;
    assert_eq!(rig.compute.sizes().iter().sum::<usize>(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_job_of_the_same_number_should_be_computed_anew() {
    let rig = Rig::started().await;
    rig.fake.state().forgetful = true;
    rig.fake.add(job(1, inline(5)));
    rig.until("sent", |fake| !fake.sent("commit").is_empty()).await;
    {
        let mut state = rig.fake.state();
        state.forgetful = false;
        state.sent.clear();
        state.jobs.insert(1, job(1, inline(50)));
    }
    rig.until("revealed", revealed(1)).await;
    let Action::Reveal(_, output, _) = rig.fake.sent("reveal")[0] else { panic!("odd") };
    let expected = [0, 0, 0, 50, 0, 0, 0, 51];
    assert_eq!(output.hash, vigil_client::blobs::content_hash(&expected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_should_go_on_when_the_node_was_away() {
    let rig = Rig::started().await;
    rig.fake.add(job(1, inline(5)));
    rig.fake.state().down = true;
    rig.blocks(5).await;
    assert!(rig.fake.state().sent.is_empty());
    rig.fake.state().down = false;
    rig.until("revealing", revealing(1)).await;
    rig.fake.state().down = true;
    rig.blocks(5).await;
    rig.fake.state().down = false;
    rig.until("revealed", revealed(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_jobs_should_run_in_one_batch() {
    let rig = Rig::started().await;
    rig.compute.time.store(300, Ordering::SeqCst);
    rig.fake.add(job(1, inline(5)));
    rig.blocks(2).await;
    for id in 2..=6 {
        rig.fake.add(job(id, inline(id as u32 * 100)));
    }
    rig.blocks(2).await;
    rig.until("all revealed", |fake| (1..=6).all(|id| revealed(id)(fake))).await;
    assert_eq!(rig.compute.sizes(), [1, 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_should_join_a_running_batch_and_leave_it_before_the_others_are_done() {
    let rig = Rig::started().await;
    rig.compute.time.store(20, Ordering::SeqCst);
    rig.fake.add(long(1, 60));
    rig.until("running", |_| !rig.compute.sizes().is_empty()).await;
    rig.fake.add(long(2, 3));
    rig.until("revealed", revealed(2)).await;
    assert!(matches!(rig.fake.status(1), JobStatus::Assigned { .. }), "the long job goes on");
    rig.until("revealed", revealed(1)).await;
    // A batch of one, then of both, then of one again, and no step done twice.
    let mut sizes = rig.compute.sizes();
    sizes.dedup();
    assert_eq!(sizes, [1, 2, 1]);
    assert_eq!((rig.compute.steps_of(1), rig.compute.steps_of(2)), (60, 3));
    assert_eq!(rig.metrics.clone().unwrap().tokens.get(), 63);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_should_hold_so_many_jobs_and_take_the_next_when_one_leaves() {
    let rig = Rig::started().await;
    rig.compute.time.store(4, Ordering::SeqCst);
    for id in 1..=20 {
        rig.fake.add(long(id, 4 + id as u32));
    }
    rig.until("all revealed", |fake| (1..=20).all(|id| revealed(id)(fake))).await;
    let sizes = rig.compute.sizes();
    assert_eq!(sizes.iter().max(), Some(&8), "{sizes:?}");
    // Far fewer than one after the other: 290.
    assert!(sizes.len() < 100, "{sizes:?}");
    assert!((1..=20).all(|id| rig.compute.steps_of(id) == 4 + id as usize));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_should_have_its_turn_when_jobs_of_another_keep_coming() {
    let rig = Rig::started().await;
    rig.compute.time.store(4, Ordering::SeqCst);
    rig.fake.add(long(1, 10));
    rig.until("running", |_| !rig.compute.sizes().is_empty()).await;
    let mut other = long(2, 3);
    other.spec.version = OTHER;
    rig.fake.add(other);
    // Each of these is due later than the one before.
    for id in 3..=40 {
        let mut next = long(id, 10);
        let JobStatus::Assigned { replicas } = &mut next.status else { panic!("not assigned") };
        replicas[0].state = ReplicaState::Assigned { commit_by: 100 + id as u32 };
        rig.fake.add(next);
    }
    rig.until("revealed", revealed(2)).await;
    let steps = rig.compute.steps.lock().unwrap().clone();
    let turn = steps.iter().position(|step| step.contains(&2)).unwrap();
    assert!(turn <= 12, "{steps:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_killed_in_the_middle_of_a_batch_should_compute_what_was_not_finished() {
    let mut rig = Rig::started().await;
    rig.compute.time.store(10, Ordering::SeqCst);
    rig.fake.add(long(1, 2));
    rig.fake.add(long(2, 200));
    rig.until("revealed", revealed(1)).await;
    rig.kill().await;
    let before = rig.compute.steps_of(2);
    assert!(before < 200, "it is in the middle");
    rig.compute.time.store(1, Ordering::SeqCst);
    rig.start().await;
    rig.until("revealed", revealed(2)).await;
    assert_eq!(rig.compute.steps_of(2), before + 200, "from the beginning");
    assert_eq!(rig.compute.steps_of(1), 2, "what was finished is not done again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_input_should_be_declined_and_the_others_be_done() {
    let rig = Rig::started().await;
    rig.fake.add(job(1, inline(13)));
    rig.fake.add(job(2, inline(20)));
    rig.until("revealed", revealed(2)).await;
    rig.until("declined", |fake| matches!(fake.status(1), JobStatus::Queued)).await;
    assert_eq!(rig.fake.sent("decline"), [Action::Decline(1, DeclineReason::InputInvalid)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_is_not_loaded_should_be_declined() {
    let rig = Rig::started().await;
    let mut other = job(1, inline(5));
    other.spec.version.model = 9;
    rig.fake.add(other);
    rig.until("declined", |fake| matches!(fake.status(1), JobStatus::Queued)).await;
    assert_eq!(rig.fake.sent("decline"), [Action::Decline(1, DeclineReason::VersionUnavailable)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_input_by_hash_should_be_awaited_and_then_computed() {
    let rig = Rig::started().await;
    let bytes = vigil_primitives::job::tokens_to_bytes(&[8, 9]);
    let hash = vigil_client::blobs::content_hash(&bytes);
    rig.fake.add(job(1, Input::Blob { hash, len: 8 }));
    rig.blocks(4).await;
    assert!(rig.fake.state().sent.is_empty());
    rig.blobs().put(&bytes).unwrap();
    rig.arrived.notify_one();
    rig.until("revealed", revealed(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_should_go_from_the_draw_to_its_pay() {
    let rig = Rig::started().await;
    let other = vigil_primitives::AccountId::new([4; 32]);
    rig.fake.add(audit_of(other, 1, inline(5)));
    rig.until("revealed", |fake| fake.status(1).replicas()[1].revealed().is_some()).await;
    let output = rig.fake.status(1).replicas()[1].revealed().unwrap();
    assert_eq!(rig.blobs().read(&output.hash).unwrap().unwrap(), [0, 0, 0, 5, 0, 0, 0, 6]);
    rig.fake.settle(1);
    rig.blocks(8).await;
    let metrics = rig.metrics.clone().unwrap();
    assert_eq!((metrics.audits.get(), metrics.earned.get()), (1, 1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_is_audited_should_wait_for_the_auditor_and_then_reveal() {
    let rig = Rig::started().await;
    let other = vigil_primitives::AccountId::new([4; 32]);
    rig.fake.state().auditor = Some(other.clone());
    rig.fake.add(job(1, inline(5)));
    rig.until("audited", |fake| matches!(fake.status(1), JobStatus::Auditing { .. })).await;
    rig.blocks(6).await;
    assert!(rig.fake.sent("reveal").is_empty(), "the auditor would see it");
    assert_eq!(rig.fake.sent("commit").len(), 1);
    rig.fake.state().commit(&other, 1, Hash::repeat_byte(5)).unwrap();
    rig.until("revealed", |fake| fake.status(1).replicas()[0].revealed().is_some()).await;
    rig.fake.settle(1);
    rig.blocks(8).await;
    let metrics = rig.metrics.clone().unwrap();
    assert_eq!((metrics.audits.get(), metrics.earned.get()), (0, 0.5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_auditor_should_fetch_from_the_workers_an_input_that_it_is_not_given() {
    let rig = Rig::started().await;
    let (other, folder) = (vigil_primitives::AccountId::new([4; 32]), tempfile::tempdir().unwrap());
    let blobs = Blobs::open(folder.path()).unwrap();
    let bytes = vigil_primitives::job::tokens_to_bytes(&[8, 9]);
    let hash = blobs.put(&bytes).unwrap();
    rig.fake.add(audit_of(other.clone(), 1, Input::Blob { hash, len: 8 }));
    // Its server is away for a while.
    rig.blocks(4).await;
    assert!(rig.fake.state().sent.is_empty());
    let expected = watch::channel(Expected::new()).1;
    let metrics = Metrics::new(&Registry::new()).unwrap();
    let shared = server::Shared::new(other.clone(), blobs, expected, metrics);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, server::router(shared)).await });
    rig.fake.state().endpoints.insert(other, url);
    rig.until("revealed", |fake| fake.status(1).replicas()[1].revealed().is_some()).await;
    assert!(rig.fake.sent("decline").is_empty());
    assert_eq!(rig.blobs().read(&hash).unwrap(), Some(bytes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_should_be_declined_before_its_deadline_when_the_input_never_comes() {
    let rig = Rig::started().await;
    rig.fake.add(job(1, Input::Blob { hash: Hash::repeat_byte(1), len: 8 }));
    rig.fake.state().now = 90;
    rig.until("declined", |fake| !fake.sent("decline").is_empty()).await;
    assert_eq!(rig.fake.sent("decline"), [Action::Decline(1, DeclineReason::InputUnavailable)]);
    let now = rig.fake.state().now;
    assert!((97..100).contains(&now), "{now}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_worker_should_finish_its_jobs_and_give_new_ones_back() {
    let mut rig = Rig::started().await;
    rig.compute.time.store(200, Ordering::SeqCst);
    rig.fake.add(job(1, inline(5)));
    rig.blocks(2).await;
    rig.stop.notify_one();
    rig.fake.add(job(2, inline(30)));
    rig.until("revealed", revealed(1)).await;
    rig.until("declined", |fake| matches!(fake.status(2), JobStatus::Queued)).await;
    rig.fake.tick();
    let ended = tokio::time::timeout(Duration::from_secs(4), rig.task.take().unwrap()).await;
    ended.expect("it did not end").unwrap().unwrap();
}

/// A job whose output of 8 bytes somebody has revealed, and the bytes here.
fn revealed_output(rig: &Rig, id: JobId, worker: vigil_primitives::AccountId, byte: u8) -> Output {
    let hash = rig.blobs().put(&[byte; 8]).unwrap();
    let output = Output { hash, tokens: 0 };
    let mut job = job(id, inline(u32::from(byte)));
    let state = ReplicaState::Revealed { output };
    let replica = Replica { worker, ask: 1, role: Role::Worker, state };
    let replicas = vec![replica].try_into().unwrap();
    job.status = JobStatus::Revealed { replicas, settle_at: 1_000 };
    rig.fake.add(job);
    output
}

#[tokio::test]
async fn a_dispute_should_be_answered_when_it_is_our_turn_and_again_after_a_crash() {
    let mut rig = Rig::new();
    let output = revealed_output(&rig, 3, me(), 9);
    rig.fake.state().disputes.insert(5, dispute(3, output));
    // The first move goes into a block that is lost, and the worker is killed.
    rig.fake.state().forgetful = true;
    rig.start().await;
    rig.until("a move", |fake| !fake.sent("play").is_empty()).await;
    rig.kill().await;
    rig.fake.state().forgetful = false;
    rig.start().await;
    rig.until("the move again", |fake| fake.state().disputes[&5].moves == 1).await;
    // Now it is the other's turn: nothing is sent any more.
    let sent = rig.fake.sent("play").len();
    rig.blocks(10).await;
    assert_eq!(rig.fake.sent("play").len(), sent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opponent_that_hands_nothing_out_should_have_to_publish_it() {
    let mut rig = Rig::new();
    let other = vigil_primitives::AccountId::new([4; 32]);
    let output = revealed_output(&rig, 3, other.clone(), 9);
    let mut dispute = dispute(3, output);
    (dispute.claim_id, dispute.challenger) = (ClaimId::Job { job: 3, worker: other }, me());
    (dispute.rival, dispute.stage) = (true, Stage::Ground);
    // Bytes that nobody has here.
    let len = dispute.claim.architecture.output_len(0);
    let bytes = vec![7; len as usize];
    dispute.claim.output.hash = vigil_client::blobs::content_hash(&bytes);
    let mut proof = vigil_ops::proof::Proof::default();
    proof.open_bytes(&bytes, &[vigil_ops::proof::Bytes { offset: 0, len: len.into() }]).unwrap();
    rig.fake.state().withheld =
        vec![Default::default(), vigil_game::players::proof_of(proof).unwrap()];
    rig.fake.state().disputes.insert(5, dispute);
    rig.start().await;
    rig.until("a question", |fake| !fake.sent("play").is_empty()).await;
    assert!(rig.fake.state().now >= 11, "it has to have patience");
    rig.until("what is wrong", |fake| fake.sent("play").len() == 2).await;
    let end = End::Output;
    let moves = [Ground::Withheld { end, first: 0 }, Ground::Vector];
    let moves = moves.map(|ground| Action::Play(5, Box::new(Move::Ground(ground))));
    assert_eq!(rig.fake.sent("play"), moves);
    assert_eq!(rig.blobs().read(&vigil_client::blobs::content_hash(&bytes)).unwrap(), Some(bytes));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_is_held_back_should_have_to_be_published_and_then_be_looked_at() {
    let mut rig = Rig::new();
    let other = vigil_primitives::AccountId::new([4; 32]);
    let output = revealed_output(&rig, 2, other.clone(), 7);
    // One that is right, and whose turn comes though the other is held back.
    revealed_output(&rig, 3, other.clone(), 8);
    let len = dispute(2, output).claim.architecture.output_len(0);
    let bytes = vec![9; len as usize];
    let hash = vigil_client::blobs::content_hash(&bytes);
    if let JobStatus::Revealed { replicas, .. } =
        &mut rig.fake.state().jobs.get_mut(&2).unwrap().status
    {
        let state = ReplicaState::Revealed { output: Output { hash, tokens: 0 } };
        replicas.iter_mut().for_each(|replica| replica.state = state);
    }
    rig.start().await;
    let claim = ClaimId::Job { job: 2, worker: other };
    rig.until("a question", |fake| !fake.sent("challenge").is_empty()).await;
    let withheld = Box::new(Ground::Withheld { end: End::Output, first: 0 });
    assert_eq!(rig.fake.sent("challenge"), [Action::Challenge(claim.clone(), withheld)]);

    // The dispute begins, and ends with the bytes on chain.
    let mut open = dispute(2, output);
    (open.claim_id, open.challenger) = (claim.clone(), me());
    open.stage = Stage::Withheld { end: End::Output, first: 0 };
    rig.fake.state().disputes.insert(5, open);
    rig.blocks(4).await;
    let mut proof = vigil_ops::proof::Proof::default();
    proof.open_bytes(&bytes, &[vigil_ops::proof::Bytes { offset: 0, len: len.into() }]).unwrap();
    {
        let mut state = rig.fake.state();
        state.disputes.remove(&5);
        let proof = vigil_game::players::proof_of(proof).unwrap();
        state.published.insert((77, 5), vec![proof]);
        let ended = Ended {
            claim_id: claim.clone(),
            challenger: me(),
            token: None,
            reached: Reached::default(),
            verdict: Verdict::Published,
            moves: 1,
            costs: 0,
            opened_at: 1,
            ended_at: 77,
        };
        state.ended.insert(5, ended);
    }
    rig.until("a challenge", |fake| fake.sent("challenge").len() == 2).await;
    let wrong = Action::Challenge(claim, Box::new(Ground::Vector));
    assert_eq!(rig.fake.sent("challenge")[1], wrong);
}

#[tokio::test]
async fn a_wrong_result_of_another_should_be_challenged_and_a_right_one_not() {
    let mut rig = Rig::new();
    let other = vigil_primitives::AccountId::new([4; 32]);
    revealed_output(&rig, 1, other.clone(), 6);
    let wrong = revealed_output(&rig, 2, other.clone(), 7);
    revealed_output(&rig, 3, me(), 8);
    // The input of job 2 begins with another token than its output.
    rig.fake.state().jobs.get_mut(&2).unwrap().spec.input = inline(70);
    rig.start().await;
    let claim = ClaimId::Job { job: 2, worker: other };
    rig.until("a challenge", |fake| !fake.sent("challenge").is_empty()).await;
    rig.blocks(10).await;
    let challenge = Action::Challenge(claim, Box::new(Ground::Vector));
    assert_eq!(rig.fake.sent("challenge"), [challenge]);
    assert_eq!(wrong.tokens, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_that_computes_wrongly_should_give_its_jobs_back_and_end() {
    let mut rig = Rig::new();
    rig.compute.broken.store(true, Ordering::SeqCst);
    rig.start().await;
    rig.fake.add(job(1, inline(5)));
    rig.until("declined", |fake| !fake.sent("decline").is_empty()).await;
    rig.until("drained", |fake| !fake.sent("drain").is_empty()).await;
    assert!(rig.fake.sent("commit").is_empty());
    rig.blocks(3).await;
    let ended = tokio::time::timeout(Duration::from_secs(20), rig.task.take().unwrap()).await;
    let error = ended.expect("it goes on").unwrap().unwrap_err();
    assert!(matches!(error, Error::Critical(_)), "{error:?}");
    assert!(error.to_string().contains("computes wrongly"), "{error}");
}
