//! A chain in memory, for tests: it checks commitments as the real one does.

use super::{Action, Chain};
use crate::error::{Error, Result};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::sync::watch;
use vigil_client::Block;
use vigil_primitives::{
    audit::AuditRate,
    dispute::{Claim, ClaimId, Clocks, Dispute, DisputeId, Ended, Ground, Move, Proof, Stage},
    job::{
        commitment, Audit, AuditState, Input, JobSpec, Output, Parameters, Policy, Receipt,
        Replica, ReplicaState, Role, Sampling, WaitingCost,
    },
    model::VersionView,
    terms::AcceptedTerms,
    worker::{Reputation, WorkerStatus, WorkerView},
    AccountId, Architecture, Balance, BlockNumber, Hash, Job, JobId, JobStatus, ModelVersionId,
    Permill, UNIT,
};

/// The version of every job of the fake.
pub(crate) const VERSION: ModelVersionId = ModelVersionId { model: 0, version: 0 };

/// A chain in memory. Clones share it.
#[derive(Clone)]
pub(crate) struct Fake {
    me: AccountId,
    state: Arc<Mutex<State>>,
    heads: watch::Sender<Option<Block>>,
}

/// What the chain holds.
pub(crate) struct State {
    pub(crate) now: BlockNumber,
    pub(crate) jobs: BTreeMap<JobId, Job>,
    pub(crate) disputes: BTreeMap<DisputeId, Dispute>,
    /// Disputes that have ended.
    pub(crate) ended: BTreeMap<DisputeId, Ended>,
    /// What claimants publish when they are asked to.
    pub(crate) withheld: Vec<Proof>,
    /// What was published, by blocks and disputes.
    pub(crate) published: BTreeMap<(BlockNumber, DisputeId), Vec<Proof>>,
    pub(crate) worker: Option<WorkerView>,
    /// Who audits what is committed to; nobody, unless it is set.
    pub(crate) auditor: Option<AccountId>,
    /// Where the blob servers of others are.
    pub(crate) endpoints: BTreeMap<AccountId, String>,
    pub(crate) versions: Vec<VersionView>,
    pub(crate) spendable: Balance,
    /// Every action that was sent, taken or not.
    pub(crate) sent: Vec<Action>,
    /// Whether the node is away.
    pub(crate) down: bool,
    /// Whether actions are taken in but have no effect: they went into a block that was lost.
    pub(crate) forgetful: bool,
    /// Called before an action is taken in.
    #[allow(clippy::type_complexity)]
    pub(crate) before: Option<Box<dyn FnMut(&Action) + Send>>,
}

pub(crate) fn me() -> AccountId {
    AccountId::new([7; 32])
}

/// A job with this input of 8 bytes, assigned to [`me`] until block 100.
pub(crate) fn job(id: JobId, input: Input) -> Job {
    let replicas = vec![assigned(me(), Role::Worker)].try_into().unwrap();
    Job {
        id,
        requester: AccountId::new([1; 32]),
        spec: JobSpec {
            version: VERSION,
            terms: AcceptedTerms { licence: Hash::zero(), commercial: true },
            input,
            max_tokens_out: 0,
            sampling: Sampling::Greedy,
            policy: Policy { replicas: 1, challenge_window: 5, audited: false, region: None },
            max_price: UNIT,
            deadline: 1_000,
        },
        tokens_in: 2,
        attempts: 0,
        submitted_at: 0,
        waiting: WaitingCost::Paid { amount: 0 },
        disputes: 0,
        penalty: None,
        convicted: Vec::new(),
        audit: None,
        status: JobStatus::Assigned { replicas },
    }
}

/// A run of a job that is to be committed to until block 100.
fn assigned(worker: AccountId, role: Role) -> Replica<AccountId, BlockNumber> {
    Replica { worker, ask: UNIT, role, state: ReplicaState::Assigned { commit_by: 100 } }
}

/// A job with this input that `worker` has committed to, and that we are to audit.
pub(crate) fn audit_of(worker: AccountId, id: JobId, input: Input) -> Job {
    let committed = ReplicaState::Committed { commitment: Hash::repeat_byte(5) };
    let theirs = Replica { state: committed, ..assigned(worker, Role::Worker) };
    let replicas = vec![theirs, assigned(me(), Role::Auditor)].try_into().unwrap();
    Job { status: JobStatus::Auditing { replicas }, ..job(id, input) }
}

/// The claim that an output came out of two tokens.
pub(crate) fn claimed(output: Output) -> Claim {
    Claim {
        version: VERSION,
        architecture: Architecture::Encoder(vigil_primitives::architecture::samples::encoder()),
        weights: Hash::zero(),
        weights_len: 0,
        input: Hash::zero(),
        tokens_in: 2,
        max_tokens_out: 0,
        sampling: Sampling::Greedy,
        output,
    }
}

/// A dispute about our result of a job, in which it is our turn.
pub(crate) fn dispute(job: JobId, output: Output) -> Dispute {
    Dispute {
        claim_id: ClaimId::Job { job, worker: me() },
        claim: claimed(output),
        challenger: AccountId::new([8; 32]),
        bond: UNIT,
        rival: false,
        token: None,
        stage: Stage::Anchors,
        clocks: Clocks { claimant: 100, challenger: 100 },
        since: 1,
        moves: 0,
        costs: 0,
        opened_at: 1,
    }
}

/// Two token ids, on chain.
pub(crate) fn inline(token: u32) -> Input {
    let bytes = vigil_primitives::job::tokens_to_bytes(&[token, token + 1]);
    Input::Inline(bytes.try_into().unwrap())
}

pub(crate) fn parameters() -> Parameters {
    Parameters {
        treasury: AccountId::new([9; 32]),
        protocol_fee_ppm: 0,
        waiting_fee: 0,
        least_audit_chance_ppm: 10_000,
        record_half_life: 1_000,
        min_bond: 100 * UNIT,
        commit_period: 30,
        reveal_period: 30,
        challenge_window: (1, 10),
        max_duration: 1_000,
        era_length: 100,
        block_time_ms: 2_000,
    }
}

impl Fake {
    pub(crate) fn new() -> Self {
        let state = State {
            now: 1,
            jobs: BTreeMap::new(),
            disputes: BTreeMap::new(),
            ended: BTreeMap::new(),
            withheld: Vec::new(),
            published: BTreeMap::new(),
            worker: None,
            auditor: None,
            endpoints: BTreeMap::new(),
            versions: Vec::new(),
            spendable: 1_000 * UNIT,
            sent: Vec::new(),
            down: false,
            forgetful: false,
            before: None,
        };
        let heads = watch::channel(None).0;
        Self { me: me(), state: Arc::new(Mutex::new(state)), heads }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn heads(&self) -> watch::Receiver<Option<Block>> {
        self.heads.subscribe()
    }

    pub(crate) fn add(&self, job: Job) {
        self.state().jobs.insert(job.id, job);
    }

    /// Makes a block.
    pub(crate) fn tick(&self) {
        let mut state = self.state();
        state.now += 1;
        let number = state.now;
        state.draw_auditors();
        drop(state);
        self.heads.send_replace(Some(Block { number, hash: Hash::zero() }));
    }

    pub(crate) fn status(&self, id: JobId) -> JobStatus<AccountId, BlockNumber> {
        self.state().jobs[&id].status.clone()
    }

    pub(crate) fn sent(&self, name: &str) -> Vec<Action> {
        self.state().sent.iter().filter(|action| action.name() == name).cloned().collect()
    }

    /// Pays a job whose output was revealed: its worker, unless it was audited, all that it asks;
    /// its auditor half of that out of the worker's pay, and as much out of the treasury.
    pub(crate) fn settle(&self, id: JobId) {
        let mut state = self.state();
        let job = state.jobs.get_mut(&id).unwrap();
        let replicas = job.status.replicas().to_vec().try_into().unwrap();
        let output = Output { hash: Hash::zero(), tokens: 0 };
        let audited = job.status.replicas().iter().any(|replica| replica.role == Role::Auditor);
        let auditor = if audited { UNIT / 2 } else { 0 };
        let workers = UNIT - auditor;
        let receipt = Receipt { workers, auditor, work: 1_000_000_000, ..Receipt::default() };
        let subject = job.status.replicas()[0].worker.clone();
        let (none, all) = (Permill::zero(), Permill::one());
        let rate = AuditRate { deterrence: none, worker: all, version: none };
        job.audit = audited.then_some(Audit {
            rate,
            subject,
            draws: 1,
            searches: 0,
            network: UNIT / 2,
            bond: 0,
            state: AuditState::Passed,
        });
        let royalties = Default::default();
        job.status = JobStatus::Settled { output, replicas, receipt, royalties };
    }

    fn up(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.state();
        match state.down {
            true => Err(Error::Temporary("the node is away".into())),
            false => Ok(state),
        }
    }
}

impl State {
    fn apply(&mut self, me: &AccountId, action: Action) -> Result<()> {
        match action {
            Action::Play(id, turn) => {
                let dispute = self.disputes.get_mut(&id);
                let unknown = || Error::Reset("no such dispute".into());
                let dispute = dispute.ok_or_else(unknown)?;
                if let Move::Ground(Ground::Withheld { .. }) = *turn {
                    self.published.insert((self.now, id), self.withheld.clone());
                    dispute.advance(Stage::Ground, self.now);
                    return Ok(());
                }
                let stage = Stage::Anchor { roots: Default::default() };
                dispute.advance(stage, self.now);
            }
            Action::Challenge(..) => {}
            Action::Register(offer, bond) => {
                self.worker = Some(WorkerView {
                    account: me.clone(),
                    bond,
                    status: WorkerStatus::Active,
                    endpoint: offer.endpoint.to_vec(),
                    encryption_key: [0; 32],
                    capability: offer.capability,
                    ask: offer.ask,
                    capacity: offer.capacity,
                    active: 0,
                    answered: 0,
                    unfinalised: 0,
                    serves: Vec::new(),
                    region: None,
                    reputation: Reputation::default(),
                    disputes: 0,
                    owner: None,
                });
            }
            Action::Update(offer) => {
                let worker = self.worker()?;
                worker.endpoint = offer.endpoint.to_vec();
                (worker.ask, worker.capacity) = (offer.ask, offer.capacity);
                worker.capability = offer.capability;
            }
            Action::BondMore(amount) => self.worker()?.bond += amount,
            Action::Serve(version) => self.worker()?.serves.push(version),
            Action::Unserve(version) => self.worker()?.serves.retain(|other| *other != version),
            Action::Drain => self.worker()?.status = WorkerStatus::Draining,
            Action::Resume | Action::Unjail => self.worker()?.status = WorkerStatus::Active,
            Action::Commit(id, commitment) => self.commit(me, id, commitment)?,
            Action::Reveal(id, output, salt) => self.reveal(me, id, output, salt)?,
            Action::Decline(id, _) => self.decline(me, id)?,
        }
        Ok(())
    }

    fn worker(&mut self) -> Result<&mut WorkerView> {
        self.worker.as_mut().ok_or_else(|| Error::Reset("no such worker".into()))
    }

    fn replica(&mut self, me: &AccountId, id: JobId) -> Result<(&mut Job, usize)> {
        let job = self.jobs.get_mut(&id).ok_or_else(|| Error::Reset("no such job".into()))?;
        let index = job.status.replicas().iter().position(|replica| &replica.worker == me);
        index.map(|index| (job, index)).ok_or_else(|| Error::Reset("not a worker of it".into()))
    }

    pub(crate) fn commit(&mut self, me: &AccountId, id: JobId, commitment: Hash) -> Result<()> {
        let draw_at = self.now + 1;
        let (job, index) = self.replica(me, id)?;
        let audited = matches!(job.status, JobStatus::Auditing { .. });
        let (JobStatus::Assigned { replicas } | JobStatus::Auditing { replicas }) = &mut job.status
        else {
            return Err(Error::Reset("not assigned".into()));
        };
        if !matches!(replicas[index].state, ReplicaState::Assigned { .. }) {
            return Err(Error::Reset("already committed".into()));
        }
        replicas[index].state = ReplicaState::Committed { commitment };
        let all = |r: &Replica<_, _>| matches!(r.state, ReplicaState::Committed { .. });
        if replicas.iter().all(all) {
            let replicas = replicas.clone();
            job.status = match audited {
                true => JobStatus::Revealing { replicas, reveal_by: 200 },
                false => JobStatus::Committed { replicas, draw_at },
            };
        }
        Ok(())
    }

    /// Jobs that are committed to are revealed, or audited first.
    fn draw_auditors(&mut self) {
        for job in self.jobs.values_mut() {
            let JobStatus::Committed { replicas, draw_at } = &mut job.status else { continue };
            if *draw_at > self.now {
                continue;
            }
            let mut replicas = replicas.clone();
            job.status = match self.auditor.clone() {
                Some(auditor) => {
                    replicas.try_push(assigned(auditor, Role::Auditor)).unwrap();
                    JobStatus::Auditing { replicas }
                }
                None => JobStatus::Revealing { replicas, reveal_by: 200 },
            };
        }
    }

    fn reveal(&mut self, me: &AccountId, id: JobId, output: Output, salt: [u8; 32]) -> Result<()> {
        let (job, index) = self.replica(me, id)?;
        let JobStatus::Revealing { replicas, .. } = &mut job.status else {
            return Err(Error::Reset("not revealing".into()));
        };
        let ReplicaState::Committed { commitment: found } = replicas[index].state else {
            return Err(Error::Reset("not committed".into()));
        };
        if found != commitment(&output, &salt, me, id) {
            return Err(Error::Reset("the reveal does not fit the commitment".into()));
        }
        replicas[index].state = ReplicaState::Revealed { output };
        if replicas.iter().all(|replica| replica.revealed().is_some()) {
            job.status = JobStatus::Revealed { replicas: replicas.clone(), settle_at: 300 };
        }
        Ok(())
    }

    fn decline(&mut self, me: &AccountId, id: JobId) -> Result<()> {
        self.replica(me, id)?.0.status = JobStatus::Queued;
        Ok(())
    }
}

impl Chain for Fake {
    fn me(&self) -> &AccountId {
        &self.me
    }

    async fn assignments(&self) -> Result<Vec<Job>> {
        let state = self.up()?;
        let ours = |job: &&Job| {
            !job.status.is_final()
                && job.status.replicas().iter().any(|replica| replica.worker == self.me)
        };
        Ok(state.jobs.values().filter(ours).cloned().collect())
    }

    async fn job(&self, id: JobId, _finalized: bool) -> Result<Option<Job>> {
        Ok(self.up()?.jobs.get(&id).cloned())
    }

    async fn jobs(&self, from: JobId) -> Result<Vec<Job>> {
        Ok(self.up()?.jobs.range(from..).map(|(_, job)| job.clone()).collect())
    }

    async fn disputes(&self) -> Result<Vec<(DisputeId, Dispute)>> {
        let state = self.up()?;
        Ok(state.disputes.iter().map(|(id, dispute)| (*id, dispute.clone())).collect())
    }

    async fn published(
        &self,
        block: BlockNumber,
        dispute: DisputeId,
        fits: &mut (dyn FnMut(&Proof) -> bool + Send),
    ) -> Result<bool> {
        let state = self.up()?;
        Ok(state.published.get(&(block, dispute)).is_some_and(|all| all.iter().any(fits)))
    }

    async fn ended(&self, id: DisputeId) -> Result<Option<Ended>> {
        Ok(self.up()?.ended.get(&id).cloned())
    }

    async fn claim(&self, id: &ClaimId) -> Result<Option<Claim>> {
        let ClaimId::Job { job, worker } = id else { return Ok(None) };
        let state = self.up()?;
        let job = state.jobs.get(job);
        let replicas = job.map_or(&[][..], |job| job.status.replicas());
        let output = replicas.iter().find(|r| r.worker == *worker).and_then(Replica::revealed);
        Ok(output.map(claimed))
    }

    async fn endpoint(&self, worker: &AccountId) -> Result<Option<String>> {
        Ok(self.up()?.endpoints.get(worker).cloned())
    }

    async fn worker(&self) -> Result<Option<WorkerView>> {
        Ok(self.up()?.worker.clone())
    }

    async fn version(&self, id: ModelVersionId) -> Result<Option<VersionView>> {
        Ok(self.up()?.versions.iter().find(|version| version.id == id).cloned())
    }

    async fn parameters(&self) -> Result<Parameters> {
        drop(self.up()?);
        Ok(parameters())
    }

    async fn spendable(&self) -> Result<Balance> {
        Ok(self.up()?.spendable)
    }

    async fn send(&self, action: Action) -> Result<()> {
        tokio::task::yield_now().await;
        let mut state = self.up()?;
        if let Some(mut before) = state.before.take() {
            before(&action);
            state.before = Some(before);
        }
        state.sent.push(action.clone());
        if state.forgetful {
            return Ok(());
        }
        state.apply(&self.me, action)
    }
}
