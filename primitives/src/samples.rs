//! What owners state and what becomes of jobs, for tests and benchmarks.

use crate::{
    dataset::DatasetSpec,
    job::{
        tokens_to_bytes, Input, JobSpec, Output, Policy, Receipt, Replica, ReplicaState, Role,
        Sampling, WaitingCost,
    },
    lineage::{Royalty, Share, Shares},
    model::{Artifact, Fee, Name, Sources, Url, VersionSpec, MAX_NAME, MAX_SOURCES, MAX_URL},
    terms::{AcceptedTerms, Access, GrantTerms, Licence, Terms, MAX_LICENCE},
    AccountId, Architecture, AssetId, Balance, BlockNumber, ContentHash, DatasetId,
    DatasetVersionId, Job, JobStatus, ModelVersionId, Permill, OP_SET,
};
use alloc::{vec, vec::Vec};

pub use vigil_architecture::samples::{all, decoder, encoder};

/// Terms of this access, without a royalty.
pub fn terms(access: Access) -> Terms {
    Terms {
        licence: Licence::truncate_from(b"Apache-2.0".to_vec()),
        licence_text: None,
        commercial: true,
        access,
        royalty: Permill::zero(),
    }
}

/// Terms that are open to everybody.
pub fn open() -> Terms {
    terms(Access::Open)
}

/// Terms of an allow-list.
pub fn listed() -> Terms {
    terms(Access::AllowList)
}

/// Terms of grants that are sold.
pub fn paid(price: Balance, duration: BlockNumber, uses: Option<u32>) -> Terms {
    terms(Access::Paid(GrantTerms { price, duration, uses }))
}

/// A version of a model under open terms, without a fee, whose weights are so long.
pub fn version_spec(architecture: Architecture, weights_len: u64) -> VersionSpec {
    VersionSpec {
        package: ContentHash::repeat_byte(1),
        weights: Artifact { hash: ContentHash::repeat_byte(2), len: weights_len },
        tokenizer: ContentHash::repeat_byte(3),
        architecture,
        op_set: OP_SET,
        metadata: None,
        terms: terms(Access::Open),
        fee: Fee::default(),
        sources: Sources::default(),
    }
}

/// A version of a dataset under these terms.
pub fn dataset_spec(terms: Terms) -> DatasetSpec {
    DatasetSpec {
        content: Artifact { hash: ContentHash::repeat_byte(1), len: 40_000 },
        metadata: Some(Artifact { hash: ContentHash::repeat_byte(2), len: 500 }),
        terms,
        sources: Sources::default(),
    }
}

/// The same with a source.
pub fn sourced_dataset_spec(terms: Terms) -> DatasetSpec {
    let url = Url::truncate_from(b"https://example.org/data/".to_vec());
    DatasetSpec { sources: Sources::truncate_from(vec![url]), ..dataset_spec(terms) }
}

/// The first version of a dataset.
pub fn dataset(dataset: DatasetId) -> AssetId {
    DatasetVersionId { dataset, version: 0 }.into()
}

/// Citations with shares in parts per million.
pub fn shares(citations: &[(AssetId, u32)]) -> Shares {
    let share =
        |(asset, ppm): &(AssetId, u32)| Share { asset: *asset, share: Permill::from_parts(*ppm) };
    Shares::truncate_from(citations.iter().map(share).collect())
}

/// The largest version of a dataset, with this access.
pub fn largest_dataset_spec(access: Access) -> DatasetSpec {
    let artifact = Artifact { hash: ContentHash::repeat_byte(1), len: u64::MAX };
    DatasetSpec {
        content: artifact,
        metadata: Some(artifact),
        terms: largest_terms(access),
        sources: largest_sources(),
    }
}

/// The longest terms with this access.
pub fn largest_terms(access: Access) -> Terms {
    Terms {
        licence: Licence::truncate_from(filled(b"", b"", MAX_LICENCE)),
        licence_text: Some(ContentHash::repeat_byte(5)),
        ..terms(access)
    }
}

/// As many sources as there may be, each as long as it may be.
pub fn largest_sources() -> Sources {
    let url = Url::truncate_from(filled(b"https://", b"/", MAX_URL));
    Sources::truncate_from(vec![url; MAX_SOURCES as usize])
}

/// A name.
pub fn name(text: &str) -> Name {
    Name::truncate_from(text.as_bytes().to_vec())
}

/// The longest name.
pub fn longest_name() -> Name {
    Name::truncate_from(filled(b"", b"", MAX_NAME))
}

/// Job 7 of account 1, of two tokens, in this state, with an escrow of 100.
pub fn job(status: JobStatus<AccountId, BlockNumber>) -> Job {
    Job {
        id: 7,
        requester: AccountId::new([1; 32]),
        spec: JobSpec {
            version: ModelVersionId { model: 0, version: 0 },
            terms: AcceptedTerms { licence: [3; 32].into(), commercial: false },
            input: Input::Inline(sp_runtime::BoundedVec::truncate_from(tokens_to_bytes(&[
                101, 102,
            ]))),
            max_tokens_out: 0,
            sampling: Sampling::Greedy,
            policy: Policy { replicas: 1, challenge_window: 5, audited: false, region: None },
            max_price: 100,
            deadline: 50,
        },
        tokens_in: 2,
        attempts: 0,
        submitted_at: 10,
        waiting: WaitingCost::Paid { amount: 0 },
        disputes: 0,
        penalty: None,
        convicted: Vec::new(),
        audit: None,
        status,
    }
}

/// A worker that has revealed an output of this hash.
pub fn replica(worker: u8, ask: Balance, hash: u8) -> Replica<AccountId, BlockNumber> {
    Replica {
        worker: AccountId::new([worker; 32]),
        ask,
        role: Role::Worker,
        state: ReplicaState::Revealed { output: Output { hash: [hash; 32].into(), tokens: 0 } },
    }
}

/// The status of a job that was paid. An owner that is paid is account 8.
pub fn settled(
    output: Output,
    replicas: Vec<Replica<AccountId, BlockNumber>>,
    receipt: Receipt,
) -> JobStatus<AccountId, BlockNumber> {
    split(output, replicas, receipt, vec![royalty(0, 8, receipt.owner)])
}

/// The status of a job whose owners were paid these parts.
pub fn split(
    output: Output,
    replicas: Vec<Replica<AccountId, BlockNumber>>,
    receipt: Receipt,
    royalties: Vec<Royalty>,
) -> JobStatus<AccountId, BlockNumber> {
    let replicas = sp_runtime::BoundedVec::truncate_from(replicas);
    let royalties = sp_runtime::BoundedVec::truncate_from(royalties);
    JobStatus::Settled { output, replicas, receipt, royalties }
}

/// What an account earned with the first version of a model.
pub fn royalty(model: u32, payee: u8, amount: Balance) -> Royalty {
    let asset = ModelVersionId { model, version: 0 }.into();
    Royalty { asset, payee: AccountId::new([payee; 32]), amount, credited: true }
}

/// So many bytes of printable ASCII between a start and an end.
fn filled(start: &[u8], end: &[u8], len: u32) -> Vec<u8> {
    let mut bytes = start.to_vec();
    bytes.resize((len as usize).saturating_sub(end.len()), b'x');
    bytes.extend_from_slice(end);
    bytes
}
