//! Every form as it is written, and that what is written can be read back.
//!
//! A snapshot that differs is a change that every client sees. `INSTA_UPDATE=always cargo test
//! --package vigil-rpc` writes them anew; the difference belongs into the changelog.

use serde::{de::DeserializeOwned, Serialize};
use sp_keyring::Sr25519Keyring::{Alice, Bob, Charlie};
use std::fmt::Debug;
use vigil_primitives::{
    architecture::{Activations, Pooling},
    audit, channel,
    dataset::{
        self, DatasetSpec, DatasetVersionId, DatasetVersionView, DatasetView, StatementView,
    },
    dispute::{self, ClaimId, Descent, DisputeView, Node, Stage, Target, TokenAt},
    grant::{self, GrantView, Unusable},
    job::{self, JobSpec, Policy, ReplicaState, Role},
    lineage::{self, LineageView, Share},
    model::{self, ModelView, VersionSpec, VersionStatus, VersionView},
    terms::{self, Access, GrantTerms},
    worker::{self, WorkerView},
    AccountId, Architecture, AssetId, BlockNumber, Decoder, Encoder, Hash, ModelVersionId, Permill,
};
use vigil_rpc::{audits, channels, datasets, disputes, form, jobs, models, provenance, workers};

/// The value, after it has been written and read.
fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: impl Into<T>) -> T {
    let value = value.into();
    let json = serde_json::to_string(&value).unwrap();
    let read: T = serde_json::from_str(&json).unwrap();
    assert_eq!(read, value, "{json}");
    read
}

macro_rules! snapshot {
    ($name:literal, $form:ty, [$($value:expr),+ $(,)?]) => {
        let forms: Vec<$form> = vec![$(round_trip($value)),+];
        insta::assert_json_snapshot!($name, forms);
    };
}

fn model_version(version: u32) -> ModelVersionId {
    ModelVersionId { model: 7, version }
}

fn data() -> DatasetVersionId {
    DatasetVersionId { dataset: 3, version: 0 }
}

fn artifact(byte: u8, len: u64) -> model::Artifact {
    model::Artifact { hash: Hash::repeat_byte(byte), len }
}

fn terms(access: Access, licence_text: Option<Hash>) -> terms::Terms {
    terms::Terms {
        licence: b"Apache-2.0".to_vec().try_into().unwrap(),
        licence_text,
        commercial: licence_text.is_none(),
        access,
        royalty: Permill::from_percent(2),
    }
}

fn paid(uses: Option<u32>) -> Access {
    Access::Paid(GrantTerms { price: u128::MAX, duration: 43_200, uses })
}

#[test]
fn models_should_be_written_like_this() {
    let model = |pending_owner| ModelView {
        id: 7,
        name: b"mini\xc3\xa9".to_vec().try_into().unwrap(),
        owner: Alice.to_account_id(),
        pending_owner,
        versions: 2,
    };
    snapshot!("model", models::Model, [model(None), model(Some(Bob.to_account_id()))]);
}

#[test]
fn versions_of_models_should_be_written_like_this() {
    let encoder = Architecture::Encoder(Encoder {
        vocabulary: 30_522,
        hidden: 384,
        layers: 6,
        heads: 12,
        intermediate: 1_536,
        positions: 512,
        token_types: 2,
        layer_norm_eps: 1e-12f32.to_bits(),
        pooling: Pooling::Cls,
        normalize: true,
        activations: Activations::Int8,
    });
    let decoder = Architecture::Decoder(Decoder {
        vocabulary: 49_152,
        hidden: 576,
        layers: 30,
        heads: 9,
        kv_heads: 3,
        head_width: 64,
        intermediate: 1_536,
        positions: 2_048,
        rms_norm_eps: 1e-5f32.to_bits(),
        tied_head: true,
        qkv_bias: false,
        qk_norm: false,
        activations: Activations::Int15,
        stop_tokens: [Some(0), Some(2), None, None, None, None, None, None],
    });
    let version = |architecture, status, metadata, terms| VersionView {
        id: model_version(1),
        owner: Alice.to_account_id(),
        spec: VersionSpec {
            package: Hash::repeat_byte(1),
            weights: artifact(2, u64::MAX),
            tokenizer: Hash::repeat_byte(3),
            architecture,
            op_set: 1,
            metadata,
            terms,
            fee: model::Fee { per_job: u128::MAX, per_1k_tokens: 5 },
            sources: vec![b"https://example.org/".to_vec().try_into().unwrap()].try_into().unwrap(),
        },
        status,
        workers: 3,
    };
    let text = Some(Hash::repeat_byte(9));
    snapshot!(
        "model_version",
        models::ModelVersion,
        [
            version(encoder, VersionStatus::Active, None, terms(Access::Open, None)),
            version(
                decoder,
                VersionStatus::Deprecated,
                Some(artifact(4, 900)),
                terms(Access::AllowList, text)
            ),
            version(encoder, VersionStatus::Revoked, None, terms(paid(None), None)),
            version(encoder, VersionStatus::Active, None, terms(paid(Some(100)), None)),
        ]
    );
}

#[test]
fn datasets_should_be_written_like_this() {
    let dataset = |pending_owner| DatasetView {
        id: 3,
        name: b"tales".to_vec().try_into().unwrap(),
        owner: Alice.to_account_id(),
        pending_owner,
        versions: 1,
    };
    snapshot!("dataset", datasets::Dataset, [dataset(None), dataset(Some(Bob.to_account_id()))]);

    let version = |metadata| DatasetVersionView {
        id: data(),
        owner: Alice.to_account_id(),
        spec: DatasetSpec {
            content: artifact(1, 1 << 60),
            metadata,
            terms: terms(Access::Open, None),
            sources: Default::default(),
        },
        status: VersionStatus::Active,
        citations: 4,
    };
    snapshot!(
        "dataset_version",
        datasets::DatasetVersion,
        [version(None), version(Some(artifact(2, 10)))]
    );

    let statement = |kind| StatementView {
        author: Bob.to_account_id(),
        kind,
        statement: dataset::Statement { document: Hash::repeat_byte(9), made_at: 12 },
    };
    snapshot!(
        "statement",
        datasets::Statement,
        [
            statement(dataset::StatementKind::Audited),
            statement(dataset::StatementKind::ConsentVerified),
            statement(dataset::StatementKind::Disputed),
        ]
    );
}

#[test]
fn the_last_statement_of_a_page_should_ask_for_the_next() {
    let statement = datasets::Statement {
        author: Bob.to_account_id(),
        kind: datasets::StatementKind::ConsentVerified,
        document: Hash::zero(),
        made_at: 1,
    };
    let json = serde_json::to_value(statement).unwrap();
    let key: datasets::StatementKey = serde_json::from_value(json).unwrap();
    let expected = (Bob.to_account_id(), dataset::StatementKind::ConsentVerified);
    assert_eq!(<(AccountId, dataset::StatementKind)>::from(key), expected);
}

#[test]
fn lineages_should_be_written_like_this() {
    let node = |asset, name: &[u8], parts| lineage::LineageNode {
        asset,
        name: name.to_vec().try_into().unwrap(),
        owner: Alice.to_account_id(),
        status: VersionStatus::Active,
        share: Permill::from_parts(parts),
    };
    let (model, data): (AssetId, AssetId) = (model_version(1).into(), data().into());
    let share = Permill::from_parts(50_000);
    let lineage = LineageView {
        nodes: vec![node(model, b"mini", 950_000), node(data, b"tales", 50_000)],
        edges: vec![lineage::LineageEdge { from: model, to: data, share }],
    };
    snapshot!("lineage", provenance::Lineage, [lineage]);
    snapshot!("descendant", provenance::Descendant, [Share { asset: model, share }]);
    snapshot!("revenue", provenance::Revenue, [(data, u128::MAX), (model, 0)]);
}

#[test]
fn grants_should_be_written_like_this() {
    let bought = grant::Grant {
        used: 2,
        reserved: 1,
        ..grant::Grant::new(7, 10, Some(90), Some(5), 1 << 64)
    };
    let given = grant::Grant::new(8, 10, None, None, 0);
    let held = |grant| GrantView { asset: data().into(), holder: Bob.to_account_id(), grant };
    snapshot!("grant", provenance::HeldGrant, [held(bought), held(given)]);
    snapshot!(
        "permission",
        provenance::Permission,
        [
            grant::Permission::Open,
            grant::Permission::Owner,
            grant::Permission::Granted(bought),
            grant::Permission::Revoked,
            grant::Permission::NoGrant,
            grant::Permission::Unusable(Unusable::Expired),
            grant::Permission::Unusable(Unusable::Exhausted),
        ]
    );
}

#[test]
fn workers_should_be_written_like_this() {
    let worker = |status, device| WorkerView {
        account: Alice.to_account_id(),
        bond: 1 << 100,
        status,
        endpoint: b"http://10.0.0.1:9000".to_vec(),
        encryption_key: [7; 32],
        capability: worker::Capability { memory_mib: 2_048, device, gmacs_per_second: 30 },
        ask: 5,
        capacity: 4,
        active: 1,
        answered: 0,
        unfinalised: u128::MAX,
        serves: vec![model_version(1), model_version(2)],
        region: Some(worker::Region(*b"DE")),
        reputation: worker::Reputation {
            since: 12,
            completed: 9,
            expired: 3,
            expired_in_a_row: 1,
            declined: 2,
            contested: 4,
            passed: 5,
            audits: 6,
            convicted: 1,
            work: u128::MAX,
            earned: (1 << 53) + 1,
            record: record(),
        },
        disputes: 2,
        owner: Some(worker::Owner { account: Bob.to_account_id(), confirmed: true }),
    };
    use worker::{DeviceClass::*, WorkerStatus::*};
    snapshot!(
        "worker",
        workers::Worker,
        [
            worker(Active, Cpu),
            worker(Draining, Gpu),
            worker(Jailed { until: 42 }, Cpu),
            worker(Unbonding { until: 43 }, Cpu),
        ]
    );
    let mut new = worker(Active, Cpu);
    (new.region, new.owner, new.reputation) = (None, None, worker::Reputation::new(12));
    snapshot!("new_worker", workers::Worker, [new]);
    let contribution = job::Contribution { jobs: 3, work: u128::MAX, earned: (1 << 53) + 1 };
    snapshot!("contribution", form::Contribution, [contribution]);
}

fn replica(role: Role, state: ReplicaState<BlockNumber>) -> job::Replica<AccountId, BlockNumber> {
    job::Replica { worker: Charlie.to_account_id(), ask: 1 << 64, role, state }
}

fn replicas(states: Vec<ReplicaState<BlockNumber>>) -> job::Replicas<AccountId, BlockNumber> {
    let replica = |state| replica(Role::Worker, state);
    states.into_iter().map(replica).collect::<Vec<_>>().try_into().unwrap()
}

fn royalties() -> Vec<lineage::Royalty<AccountId>> {
    let royalty = |asset, amount, credited| lineage::Royalty {
        asset,
        payee: Bob.to_account_id(),
        amount,
        credited,
    };
    vec![royalty(model_version(1).into(), 19, true), royalty(data().into(), 1, false)]
}

fn with(status: job::JobStatus<AccountId, BlockNumber>) -> job::Job {
    job::Job {
        id: 9,
        requester: Alice.to_account_id(),
        spec: JobSpec {
            version: model_version(1),
            terms: terms::AcceptedTerms { licence: Hash::repeat_byte(5), commercial: true },
            input: job::Input::Inline(vec![101, 0, 0, 0].try_into().unwrap()),
            max_tokens_out: 0,
            sampling: job::Sampling::Greedy,
            policy: Policy { replicas: 2, challenge_window: 3, audited: false, region: None },
            max_price: 1 << 64,
            deadline: 50,
        },
        tokens_in: 1,
        attempts: 0,
        submitted_at: 10,
        waiting: job::WaitingCost::Running { per_block: 1 << 64 },
        disputes: 0,
        penalty: None,
        convicted: vec![],
        audit: None,
        status,
    }
}

fn rate() -> audit::AuditRate {
    audit::AuditRate {
        deterrence: Permill::from_parts(2_000),
        worker: Permill::from_parts(123_457),
        version: Permill::from_parts(40_000),
    }
}

fn record() -> audit::Record<BlockNumber> {
    audit::Record { proven: (1 << 53) + 1, halved_at: 800 }
}

#[test]
fn audits_should_be_written_like_this() {
    let audit = |draws, network, state| job::Audit {
        rate: rate(),
        subject: Charlie.to_account_id(),
        draws,
        searches: 2,
        network,
        bond: 4,
        state,
    };
    use job::AuditState::*;
    snapshot!(
        "audit",
        audits::Audit,
        [
            audit(0, 0, Spared),
            audit(0, 0, Due),
            audit(1, 1 << 64, Drawn),
            audit(2, 0, Missed),
            audit(1, 1 << 64, Passed),
        ]
    );
    let all = Permill::one();
    let unproven = audit::AuditRate { deterrence: Permill::zero(), worker: all, version: all };
    let least = audit::AuditRate {
        deterrence: Permill::zero(),
        worker: Permill::zero(),
        version: Permill::zero(),
    };
    snapshot!("audit_rate", audits::AuditRate, [rate(), unproven, least]);
    snapshot!("record", audits::Record, [record(), audit::Record::default()]);
}

#[test]
fn a_policy_should_ask_for_nothing_that_it_leaves_out() {
    let read = |json| serde_json::from_str::<jobs::QuotePolicy>(json);
    assert_eq!(read("{}").unwrap(), jobs::QuotePolicy::default());
    let audited = jobs::QuotePolicy { audited: true, region: None };
    assert_eq!(read(r#"{"audited":true}"#).unwrap(), audited);
    let german = jobs::QuotePolicy { audited: false, region: Some("DE".into()) };
    assert_eq!(read(r#"{"region":"DE"}"#).unwrap(), german);
    assert_eq!(round_trip::<jobs::QuotePolicy>(german.clone()), german);
    assert!(read(r#"{"audit":true}"#).is_err(), "a wish that is not understood is no wish");
}

#[test]
fn jobs_should_be_written_like_this() {
    let mut drawn = with(job::JobStatus::Queued);
    drawn.spec.input = job::Input::Blob { hash: Hash::repeat_byte(8), len: 40_000 };
    drawn.spec.max_tokens_out = 100;
    drawn.waiting = job::WaitingCost::Paid { amount: 20 };
    drawn.disputes = 1;
    drawn.convicted = vec![Bob.to_account_id()];
    drawn.penalty = Some(dispute::Penalty {
        slashed: 1 << 70,
        burned: 1 << 69,
        costs: 3,
        damages: 4,
        bounty: 5,
    });
    drawn.spec.policy.audited = true;
    drawn.spec.policy.region = Some(worker::Region(*b"DE"));
    drawn.audit = Some(job::Audit {
        rate: rate(),
        subject: Charlie.to_account_id(),
        draws: 1,
        searches: 0,
        network: 0,
        bond: 0,
        state: job::AuditState::Drawn,
    });
    drawn.spec.sampling = job::Sampling::Gumbel {
        seed: u64::MAX,
        temperature: 0.8f32.to_bits(),
        min_p: 0.05f32.to_bits(),
    };
    snapshot!("job", jobs::Job, [with(job::JobStatus::Queued), drawn]);
}

#[test]
fn every_state_of_a_job_should_be_written_like_this() {
    let output = job::Output { hash: Hash::repeat_byte(4), tokens: 100 };
    let revealed = || replicas(vec![ReplicaState::Revealed { output }]);
    let receipt = job::Receipt {
        workers: 10,
        auditor: 2,
        owner: 20,
        treasury: 1,
        requester: u128::MAX,
        work: u64::MAX,
    };
    let committed = || ReplicaState::Committed { commitment: Hash::repeat_byte(9) };
    let auditor = replica(Role::Auditor, ReplicaState::Assigned { commit_by: 44 });
    let auditing = vec![replica(Role::Worker, committed()), auditor];
    use job::{JobStatus::*, RefundReason::*};
    snapshot!(
        "job_status",
        jobs::JobStatus,
        [
            Queued,
            Assigned {
                replicas: replicas(vec![ReplicaState::Assigned { commit_by: 40 }, committed(),]),
            },
            Committed { replicas: replicas(vec![committed()]), draw_at: 42 },
            Auditing { replicas: auditing.try_into().unwrap() },
            Revealing { replicas: revealed(), reveal_by: 60 },
            Revealed { replicas: revealed(), settle_at: 63 },
            Contested { replicas: revealed(), until: 360 },
            Settled {
                output,
                replicas: revealed(),
                receipt,
                royalties: royalties().try_into().unwrap(),
            },
            Refunded { reason: NoWorker },
            Refunded { reason: AttemptsExhausted },
            Refunded { reason: Undecided },
            Refunded { reason: Outbid },
            Refunded { reason: Convicted },
            Cancelled,
            Disputed { replicas: revealed(), settle_at: 63 },
        ]
    );
}

#[test]
fn quotes_and_parameters_should_be_written_like_this() {
    let least = audit::AuditRate { worker: Permill::zero(), ..rate() };
    let quote = |lowest: Option<u128>| job::Quote {
        work: u64::MAX,
        owner_fee: 20,
        split: royalties(),
        lowest,
        rewards: lowest.map(|_| 1),
        highest: lowest,
        workers: 2,
        audit: lowest.map(|_| (least, rate())),
        wait: lowest.map(|_| 5),
    };
    snapshot!("quote", jobs::Quote, [quote(Some(u128::MAX)), quote(None)]);
    let parameters = job::Parameters {
        treasury: Alice.to_account_id(),
        protocol_fee_ppm: 30_000,
        waiting_fee: 10 * vigil_primitives::MICRO,
        least_audit_chance_ppm: 10_000,
        record_half_life: 1_296_000,
        min_bond: 100 * vigil_primitives::UNIT,
        commit_period: 30,
        reveal_period: 20,
        challenge_window: (3, 14_400),
        max_duration: 43_200,
        era_length: 43_200,
        block_time_ms: 2_000,
    };
    snapshot!("parameters", jobs::Parameters, [parameters]);
}

#[test]
fn channels_should_be_written_like_this() {
    let key = |byte| sp_core::sr25519::Public::from_raw([byte; 32]);
    let totals = channel::Totals { answers: 3, work: 1 << 60, reward: u128::MAX, owner: 7 };
    let void = |byte| channel::Void { number: 2, receipt: Hash::repeat_byte(byte), cost: totals };
    let view = |rent, status| channel::ChannelView {
        id: 5,
        channel: channel::Channel {
            requester: Alice.to_account_id(),
            signer: key(1),
            worker: Bob.to_account_id(),
            worker_signer: key(2),
            version: model_version(1),
            terms: terms::AcceptedTerms { licence: Hash::repeat_byte(3), commercial: true },
            grant: Some(4),
            max_answers: 1_000,
            prices: channel::ChannelPrices {
                ask: u128::MAX,
                fee: model::Fee { per_job: 5, per_1k_tokens: 6 },
                protocol_fee: Permill::from_percent(1),
                cached: Permill::from_percent(10),
            },
            deposit: u128::MAX,
            rent,
            covered: 9,
            payees: 1,
            opened_at: 10,
            expires_at: 43_210,
            shown: 2,
            shown_by_others: 1,
            disputes: 1,
            voids: vec![void(7), void(8)].try_into().unwrap(),
            wake_at: 43_211,
            status,
        },
    };
    let running = channel::Rent::Running { per_block: u128::MAX };
    let receipt = channel::ChannelReceipt {
        worker: u128::MAX,
        owner: 7,
        treasury: 8,
        requester: 9,
        answers: 2,
        work: 1 << 60,
    };
    snapshot!(
        "channel",
        channels::Channel,
        [
            view(running, channel::ChannelStatus::Open),
            view(running, channel::ChannelStatus::Closing { until: 1_810, totals }),
            view(
                channel::Rent::Paid { amount: 5 },
                channel::ChannelStatus::Settled { totals, receipt, at: 1_810, prune_at: 45_010 },
            ),
        ]
    );
    let answer = channel::AnswerReceipt {
        channel: 5,
        number: 3,
        input: Hash::repeat_byte(4),
        usage: channel::Usage { tokens_in: 16, cached: 8, tokens_out: 4 },
        max_tokens_out: 32,
        sampling: job::Sampling::Greedy,
        output: job::Output { hash: Hash::repeat_byte(5), tokens: 4 },
        totals,
    };
    let shown = channel::ShownReceipt {
        receipt: answer,
        cost: totals,
        by: Bob.to_account_id(),
        deposit: u128::MAX,
        disputes: 1,
    };
    snapshot!("shown_receipt", channels::ShownReceipt, [shown]);
    let terms = channel::ChannelTerms {
        max_open: 8,
        min_deposit: u128::MAX,
        max_deposit: u128::MAX,
        cached: Permill::from_percent(10),
        signer: key(2),
    };
    let offer =
        channel::ChannelOffer { worker: Bob.to_account_id(), ask: u128::MAX, terms, open: 3 };
    snapshot!("channel_offer", channels::Offer, [offer]);
    let parameters = channel::ChannelParameters {
        protocol_fee: Permill::from_percent(1),
        rent: 10,
        min_deposit: u128::MAX,
        lifetime: (30, 302_400),
        challenge_window: 1_800,
        receipt_window: 43_200,
        max_open: 256,
        show_deposit: u128::MAX,
        max_shown: channel::MAX_SHOWN,
    };
    snapshot!("channel_parameters", channels::ChannelParameters, [parameters]);
    let receipt =
        ClaimId::Receipt { worker: Bob.to_account_id(), channel: 5, receipt: Hash::repeat_byte(6) };
    snapshot!("receipt_claim", disputes::Claim, [receipt]);
}

#[test]
fn disputes_should_be_written_like_this() {
    let (claim_id, token) = (
        ClaimId::Job { job: 9, worker: Bob.to_account_id() },
        Some(TokenAt { position: 3, id: 31_999 }),
    );
    let claim = dispute::Claim {
        version: model_version(1),
        architecture: Architecture::Decoder(vigil_primitives::architecture::samples::decoder()),
        weights: Hash::repeat_byte(1),
        weights_len: 2_048,
        input: Hash::repeat_byte(2),
        tokens_in: 5,
        max_tokens_out: 9,
        sampling: job::Sampling::Greedy,
        output: job::Output { hash: Hash::repeat_byte(3), tokens: 8 },
    };
    let hashes = |count: u8| (0..count).map(Hash::repeat_byte).collect::<Vec<_>>();
    let roots: dispute::Roots = hashes(2).try_into().unwrap();
    let target = Target::Record { anchor: 1, row: 6 };
    let disputed = dispute::Disputed {
        roots: roots.clone(),
        target,
        results: hashes(3).try_into().unwrap(),
        step: 2,
    };
    let node = Node { first: 4, count: 2, hash: Hash::repeat_byte(8) };
    let open = |stage| {
        let dispute = dispute::Dispute {
            claim_id: claim_id.clone(),
            claim: claim.clone(),
            challenger: Charlie.to_account_id(),
            bond: 1 << 70,
            rival: false,
            token,
            stage,
            clocks: dispute::Clocks { claimant: 300, challenger: 290 },
            since: 60,
            moves: 2,
            costs: 1 << 60,
            opened_at: 50,
        };
        (11, DisputeView::Open(Box::new(dispute)))
    };
    let ended = |verdict, reached| {
        let ended = dispute::Ended {
            claim_id: claim_id.clone(),
            challenger: Charlie.to_account_id(),
            token,
            reached,
            verdict,
            moves: 13,
            costs: 1 << 60,
            opened_at: 50,
            ended_at: 90,
        };
        (12, DisputeView::Ended(ended))
    };
    let whole = dispute::Reached {
        anchor: None,
        target: Some(target),
        step: Some(2),
        chunk: Some(0),
        element: Some(7),
    };
    let nothing = dispute::Reached::default();
    use dispute::{Fault::*, Verdict::*};
    let shown = Descent::Shown { node, shown: hashes(2).try_into().unwrap() };
    let bytes = vec![1, 2, 3].try_into().unwrap();
    snapshot!(
        "dispute",
        disputes::Dispute,
        [
            open(Stage::Ground),
            open(Stage::Anchors),
            open(Stage::Anchor { roots: roots.clone() }),
            open(Stage::Rows { roots: roots.clone(), anchor: 1, descent: Descent::Named(node) }),
            open(Stage::Results { roots: roots.clone(), target, end: Hash::zero() }),
            open(Stage::Result { roots, target, results: hashes(3).try_into().unwrap() }),
            open(Stage::Chunks { disputed: disputed.clone(), descent: shown }),
            open(Stage::Bytes { disputed: disputed.clone(), chunk: 4, hash: Hash::zero() }),
            open(Stage::Element { disputed, chunk: 4, bytes }),
            open(Stage::Withheld { end: dispute::End::Input, first: 16 }),
            ended(Convicted(Element), whole),
            ended(Convicted(Silence), nothing),
            ended(Vindicated, whole),
            ended(Abandoned, nothing),
            ended(Published, nothing),
            ended(Moot, nothing),
        ]
    );
}
