use super::*;
use crate::{
    chain::fake::{audit_of, inline, job, me},
    executor::Failure,
};
use vigil_primitives::{
    audit::AuditRate,
    job::{Audit, AuditState, Output, Receipt, Replica, ReplicaState, Role},
    Hash, JobStatus, ModelVersionId, Permill, UNIT,
};

const HERE: Local = Local { model: true, input: true, stopping: false };

/// Jobs of which no record is on disk.
struct Rig(Jobs);

impl Rig {
    /// One job, number 1, in the list at block 10.
    fn new() -> Self {
        let mut rig = Self(Jobs::new(me(), 3));
        rig.block(10, vec![job(1, inline(5))]);
        rig
    }

    fn block(&mut self, now: BlockNumber, list: Vec<Job>) {
        self.0.update(now, list, |_| Ok(None)).unwrap();
    }

    /// The step of every job, by its number.
    fn steps(&self, local: Local) -> Vec<(u64, Step)> {
        self.0.steps(|_| local).into_iter().map(|(key, step)| (key.id, step)).collect()
    }

    /// The step of the only job of the list.
    fn step(&self, local: Local) -> Step {
        let steps = self.steps(local);
        assert_eq!(steps.len(), 1);
        steps[0].1
    }
}

fn one() -> Key {
    Key::of(&job(1, inline(5)))
}

fn record() -> Record {
    Record {
        version: ModelVersionId { model: 0, version: 0 },
        output: Output { hash: Hash::repeat_byte(9), tokens: 0 },
        salt: [7; 32],
        made: 1,
    }
}

/// Job 1, whose commitments are all there.
fn revealing(commitment: Hash) -> Job {
    let mut job = job(1, inline(5));
    let state = ReplicaState::Committed { commitment };
    let replica = Replica { worker: me(), ask: UNIT, role: Role::Worker, state };
    let replicas = vec![replica].try_into().unwrap();
    job.status = JobStatus::Revealing { replicas, reveal_by: 200 };
    job
}

/// Job 1, paid for two units of work of `worker`.
fn settled(worker: AccountId) -> Job {
    let mut job = job(1, inline(5));
    let state = ReplicaState::Revealed { output: record().output };
    job.status = JobStatus::Settled {
        output: record().output,
        replicas: vec![Replica { worker, ask: UNIT, role: Role::Worker, state }]
            .try_into()
            .unwrap(),
        receipt: Receipt { workers: 2 * UNIT, work: 2_000_000_000, ..Receipt::default() },
        royalties: Default::default(),
    };
    job
}

#[test]
fn a_job_should_wait_while_it_is_computed_and_be_committed_to_afterwards() {
    let mut rig = Rig::new();
    assert_eq!(rig.step(HERE), Step::Compute);
    let ready = Ready { key: one(), version: record().version, due: 100 };
    assert_eq!(rig.0.ready(&one()), Some(ready));
    rig.0.begin_computing(&one());
    assert_eq!(rig.step(HERE), Step::Wait);
    rig.0.end_computing(&one(), Ok(record()));
    assert_eq!(rig.step(HERE), Step::Commit);
    assert_eq!(rig.0.record(&one()), Some(&record()));
}

#[test]
fn a_job_should_be_declined_with_the_reason_of_its_failure() {
    for (failure, reason) in [
        (Failure::BadRequest("no".into()), DeclineReason::InputInvalid),
        (Failure::Unable("no".into()), DeclineReason::VersionUnavailable),
    ] {
        let mut rig = Rig::new();
        rig.0.begin_computing(&one());
        rig.0.end_computing(&one(), Err(failure.into()));
        assert_eq!(rig.step(HERE), Step::Decline(reason));
    }
}

#[test]
fn a_job_should_be_computed_again_after_a_pause_when_its_result_was_not_stored() {
    let mut rig = Rig::new();
    rig.0.begin_computing(&one());
    rig.0.end_computing(&one(), Err(Problem::NotStored("full".into())));
    assert_eq!(rig.step(HERE), Step::Wait);
    rig.block(11, vec![job(1, inline(5))]);
    assert_eq!(rig.step(HERE), Step::Wait);
    rig.block(12, vec![job(1, inline(5))]);
    assert_eq!(rig.step(HERE), Step::Compute);
}

#[test]
fn a_job_should_be_declined_when_this_machine_cannot_begin_it() {
    let mut rig = Rig::new();
    let unable = Step::Decline(DeclineReason::VersionUnavailable);
    assert_eq!(rig.step(Local { model: false, ..HERE }), unable);
    let stopping = Local { stopping: true, ..HERE };
    assert_eq!(rig.step(stopping), unable);
    rig.0.begin_computing(&one());
    rig.0.end_computing(&one(), Ok(record()));
    assert_eq!(rig.step(stopping), Step::Commit, "what is done is not given back");
    let mut invalid = Rig::new();
    invalid.0.decline(&one(), DeclineReason::InputInvalid);
    let reason = DeclineReason::InputInvalid;
    assert_eq!(invalid.step(stopping), Step::Decline(reason), "its own reason comes first");
}

#[test]
fn nothing_should_be_sent_twice_before_the_chain_had_time_to_show_it() {
    let mut rig = Rig::new();
    rig.0.end_computing(&one(), Ok(record()));
    let list = || vec![job(1, inline(5))];
    for (included, pause) in [(true, 3), (false, 2)] {
        let start = rig.0.now;
        rig.0.begin_sending(&one());
        assert_eq!(rig.step(HERE), Step::Wait);
        rig.0.end_sending(&one(), included);
        for passed in 1..pause {
            rig.block(start + passed, list());
            assert_eq!(rig.step(HERE), Step::Wait, "{included} {passed}");
        }
        rig.block(start + pause, list());
        assert_eq!(rig.step(HERE), Step::Commit, "{included}");
    }
}

#[test]
fn only_our_own_commitment_should_be_revealed() {
    let mut rig = Rig::new();
    rig.0.end_computing(&one(), Ok(record()));
    rig.block(11, vec![revealing(record().commitment(&me(), &one()))]);
    assert_eq!(rig.step(HERE), Step::Reveal);
    rig.block(12, vec![revealing(Hash::zero())]);
    assert_eq!(rig.step(HERE), Step::Lost);
    assert!(rig.0.lose(&one()));
    assert!(!rig.0.lose(&one()), "it is counted once");
}

#[test]
fn update_should_take_the_record_of_a_new_job_and_pass_on_that_it_cannot_be_read() {
    let mut jobs = Jobs::new(me(), 3);
    jobs.update(1, vec![job(1, inline(5))], |_| Ok(Some(record()))).unwrap();
    assert_eq!(jobs.record(&one()), Some(&record()));
    let list = vec![job(1, inline(5)), job(2, inline(6))];
    let broken = |_: &Key| Err(crate::error::Error::Temporary("broken".into()));
    jobs.update(2, list, broken).unwrap_err();
    assert_eq!(jobs.record(&one()), Some(&record()), "the known one was not asked for");
}

#[test]
fn a_job_should_be_left_alone_when_it_is_not_in_the_list_and_go_on_when_it_comes_back() {
    let mut rig = Rig::new();
    rig.0.end_computing(&one(), Ok(record()));
    rig.block(11, vec![job(2, inline(6))]);
    assert_eq!(rig.steps(HERE), [(2, Step::Compute)]);
    assert_eq!(rig.0.open(), 1);
    rig.block(12, vec![job(2, inline(6)), job(1, inline(5))]);
    assert_eq!(rig.steps(HERE), [(1, Step::Commit), (2, Step::Compute)]);
    assert_eq!(rig.0.open(), 2);
}

#[test]
fn another_job_of_the_same_number_should_know_nothing_of_the_first() {
    let mut rig = Rig::new();
    rig.0.end_computing(&one(), Ok(record()));
    rig.block(11, vec![job(1, inline(50))]);
    assert_eq!(rig.step(HERE), Step::Compute);
    assert_eq!(rig.0.answer(&one(), Some(job(1, inline(50))), None), Answer::Unfinished);
}

#[test]
fn awaited_inputs_should_be_those_that_listed_jobs_need_as_blobs() {
    let mut rig = Rig::new();
    let hash = Hash::repeat_byte(3);
    let awaited =
        |rig: &Rig| rig.0.awaited_inputs().map(|input| (input.hash, input.len)).collect::<Vec<_>>();
    let blob = || job(2, Input::Blob { hash, len: 8 });
    assert!(awaited(&rig).is_empty());
    rig.block(11, vec![job(1, inline(5)), blob()]);
    assert_eq!(awaited(&rig), [(hash, 8)]);
    assert_eq!(rig.0.awaited_inputs().next().unwrap().requester, &blob().requester);
    rig.block(12, vec![]);
    assert!(awaited(&rig).is_empty());
    rig.0.end_computing(&one(), Ok(record()));
    let needed = HashSet::from([hash, record().output.hash]);
    assert_eq!(rig.0.blobs(), needed, "blobs are kept while the job is known");
}

#[test]
fn a_missing_job_should_be_asked_for_every_few_blocks() {
    let mut rig = Rig::new();
    rig.block(14, vec![]);
    assert!(rig.0.missing().is_empty(), "a list may leave a job out for a block or two");
    rig.block(15, vec![]);
    assert_eq!(rig.0.missing(), [one()]);
    rig.0.begin_sending(&one());
    assert!(rig.0.missing().is_empty(), "what was sent may bring it back");
    rig.0.end_sending(&one(), false);
    assert_eq!(rig.0.answer(&one(), Some(job(1, inline(5))), None), Answer::Unfinished);
    rig.block(19, vec![]);
    assert!(rig.0.missing().is_empty());
    rig.block(20, vec![]);
    assert_eq!(rig.0.missing(), [one()]);
}

#[test]
fn a_job_should_be_forgotten_with_its_end_only_when_that_is_final() {
    let mut rig = Rig::new();
    rig.block(15, vec![]);
    let ended = settled(me());
    assert_eq!(rig.0.answer(&one(), Some(ended.clone()), None), Answer::Unfinished);
    let best = Some(ended.clone());
    let expected = Ending { word: "settled", earned: 2 * UNIT, audited: false };
    assert_eq!(rig.0.answer(&one(), best, Some(ended)), Answer::Forgotten(Some(expected)));
    assert_eq!(rig.0.spec(&one()), None);
}

#[test]
fn an_ending_should_say_what_became_of_the_job() {
    let with = |status| Job { status, ..job(1, inline(5)) };
    for (ended, word) in [
        (settled(AccountId::new([8; 32])), "reassigned"),
        (with(JobStatus::Cancelled), "cancelled"),
    ] {
        let mut rig = Rig::new();
        rig.block(15, vec![]);
        let expected = Answer::Forgotten(Some(Ending { word, earned: 0, audited: false }));
        assert_eq!(rig.0.answer(&one(), None, Some(ended)), expected);
    }
    let mut lost = Rig::new();
    lost.0.lose(&one());
    lost.block(15, vec![]);
    let answer = lost.0.answer(&one(), None, Some(settled(me())));
    assert_eq!(answer, Answer::Forgotten(None), "it has been counted");
}

/// Job 1, whose worker made an audit likely by another one. Of the two units that each asks for the
/// auditor had half a unit out of the worker's pay, or all out of the escrow where the requester has
/// asked for it.
fn audited(worker: AccountId, auditor: AccountId, by_request: bool) -> Job {
    let mut job = settled(worker.clone());
    let JobStatus::Settled { replicas, receipt, .. } = &mut job.status else { panic!("settled") };
    let run = Replica { worker: auditor, role: Role::Auditor, ..replicas[0].clone() };
    replicas.try_push(run).unwrap();
    receipt.auditor = if by_request { 2 * UNIT } else { UNIT / 2 };
    receipt.workers = if by_request { 2 * UNIT } else { 3 * UNIT / 2 };
    job.spec.policy.audited = by_request;
    let (none, all) = (Permill::zero(), Permill::one());
    job.audit = Some(Audit {
        rate: AuditRate { deterrence: none, worker: all, version: none },
        subject: worker,
        draws: 1,
        searches: 0,
        network: if by_request { 0 } else { 3 * UNIT / 2 },
        bond: 0,
        state: AuditState::Passed,
    });
    job
}

#[test]
fn what_was_earned_with_an_audit_should_be_what_the_chain_has_paid() {
    let other = AccountId::new([8; 32]);
    let ending = |job: &Job| {
        let mut jobs = Jobs::new(me(), 3);
        jobs.restore(job.clone(), record());
        match jobs.answer(&Key::of(job), None, Some(job.clone())) {
            Answer::Forgotten(Some(Ending { word: "settled", earned, audited })) => {
                (earned, audited)
            }
            odd => panic!("{odd:?}"),
        }
    };
    assert_eq!(ending(&audited(me(), other.clone(), false)), (3 * UNIT / 2, false));
    assert_eq!(ending(&audited(other.clone(), me(), false)), (2 * UNIT, true));
    assert_eq!(ending(&audited(me(), other.clone(), true)), (2 * UNIT, false));
    assert_eq!(ending(&audited(other.clone(), me(), true)), (2 * UNIT, true));
    // The worker is gone: we are paid for the result, and no more than it would have been.
    let mut alone = settled(me());
    alone.audit = audited(other, me(), false).audit;
    alone.audit.as_mut().unwrap().state = AuditState::Missed;
    if let JobStatus::Settled { receipt, .. } = &mut alone.status {
        receipt.workers = UNIT;
    }
    assert_eq!(ending(&alone), (UNIT, false));
}

#[test]
fn an_auditor_should_fetch_its_input_again_after_a_pause_when_nobody_handed_it_out() {
    let (worker, hash) = (AccountId::new([8; 32]), Hash::repeat_byte(3));
    let audit = || audit_of(worker.clone(), 1, Input::Blob { hash, len: 8 });
    let key = Key::of(&audit());
    let missing = Local { input: false, ..HERE };
    let mut rig = Rig(Jobs::new(me(), 3));
    rig.block(10, vec![audit()]);
    assert_eq!(rig.step(missing), Step::Fetch);
    let wanted = Wanted { hash, len: 8, workers: vec![worker.clone()] };
    assert_eq!(rig.0.begin_fetching(&key), Some(wanted));
    assert_eq!(rig.step(missing), Step::Wait);
    rig.0.end_fetching(&key);
    for (block, step) in [(11, Step::Wait), (12, Step::Fetch)] {
        rig.block(block, vec![audit()]);
        assert_eq!(rig.step(missing), step);
    }
    assert_eq!(rig.step(HERE), Step::Compute);
    // A worker waits for its requester: nobody else has the input.
    rig.block(13, vec![job(1, Input::Blob { hash, len: 8 })]);
    assert_eq!(rig.step(missing), Step::Wait);
}

#[test]
fn a_job_that_the_chain_does_not_know_should_be_forgotten_after_a_long_time() {
    let mut rig = Rig::new();
    rig.block(265, vec![]);
    assert_eq!(rig.0.answer(&one(), None, None), Answer::Unfinished);
    rig.block(266, vec![]);
    rig.0.begin_computing(&one());
    assert_eq!(rig.0.answer(&one(), None, None), Answer::Unfinished, "its batch will ask for it");
    rig.0.end_computing(&one(), Ok(record()));
    let expected = Ending { word: "forgotten", earned: 0, audited: false };
    assert_eq!(rig.0.answer(&one(), None, None), Answer::Forgotten(Some(expected)));
}

#[test]
fn a_restored_job_should_be_followed_whether_or_not_it_is_in_the_list() {
    let mut jobs = Jobs::new(me(), 3);
    jobs.restore(job(1, inline(5)), record());
    jobs.update(10, vec![], |_| Ok(None)).unwrap();
    assert_eq!(jobs.missing(), [one()]);
    jobs.update(11, vec![job(1, inline(5))], |_| panic!("it is known")).unwrap();
    assert_eq!(jobs.steps(|_| HERE), [(one(), Step::Commit)]);
}
