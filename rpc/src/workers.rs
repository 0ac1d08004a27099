//! Workers, and what they have computed.

use crate::{
    audits::Record,
    form::{lossy, text},
};
use serde::{Deserialize, Serialize};
use vigil_primitives::{
    worker::{self, WorkerView},
    AccountId, Balance, BlockNumber, Hash,
};

/// A worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Worker {
    /// Its account.
    pub account: AccountId,
    /// What it has at stake.
    #[serde(with = "text")]
    pub bond: Balance,
    /// Whether it is given jobs.
    pub status: WorkerStatus,
    /// Base URL of its blob server.
    pub endpoint: String,
    /// X25519 public key for inputs that only it may read.
    pub encryption_key: Hash,
    /// What it says of its hardware.
    pub capability: Capability,
    /// Its price per giga multiply-accumulate.
    #[serde(with = "text")]
    pub ask: Balance,
    /// Jobs it runs at the same time.
    pub capacity: u16,
    /// Jobs it is engaged in.
    pub active: u16,
    /// Those of them whose result it has revealed: they take no place any more.
    pub answered: u16,
    /// Rewards of those jobs.
    #[serde(with = "text")]
    pub unfinalised: Balance,
    /// Versions it serves, each `model@version`.
    pub serves: Vec<String>,
    /// The country it says it is in, by the two letters of ISO 3166-1.
    pub region: Option<String>,
    /// How it has behaved.
    pub reputation: Reputation,
    /// Disputes about its results that have not ended: its bond stays until they have.
    pub disputes: u32,
    /// Whom it belongs to, if it has said so. Two workers of one owner are never in one job.
    pub owner: Option<Owner>,
}

/// Whom a worker belongs to, as it says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The owner.
    pub account: AccountId,
    /// Whether the owner says so too. Before that it has no effect.
    pub confirmed: bool,
}

/// Whether a worker is given jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum WorkerStatus {
    /// It is.
    Active,
    /// It pauses.
    Draining,
    /// It is not, for faults.
    Jailed {
        /// First block at which it may return.
        until: BlockNumber,
    },
    /// It is leaving.
    Unbonding {
        /// First block at which it can withdraw its bond.
        until: BlockNumber,
    },
}

impl From<worker::WorkerStatus<BlockNumber>> for WorkerStatus {
    fn from(it: worker::WorkerStatus<BlockNumber>) -> Self {
        match it {
            worker::WorkerStatus::Active => Self::Active,
            worker::WorkerStatus::Draining => Self::Draining,
            worker::WorkerStatus::Jailed { until } => Self::Jailed { until },
            worker::WorkerStatus::Unbonding { until } => Self::Unbonding { until },
        }
    }
}

/// What a worker says of its hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capability {
    /// Memory for models, in MiB.
    pub memory_mib: u32,
    /// Kind of device.
    pub device: DeviceClass,
    /// Measured speed, in giga multiply-accumulates per second.
    pub gmacs_per_second: u32,
}

/// A kind of device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceClass {
    /// The machine's own processor.
    Cpu,
    /// A graphics processor.
    Gpu,
}

impl From<worker::DeviceClass> for DeviceClass {
    fn from(it: worker::DeviceClass) -> Self {
        match it {
            worker::DeviceClass::Cpu => Self::Cpu,
            worker::DeviceClass::Gpu => Self::Gpu,
        }
    }
}

/// How a worker has behaved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reputation {
    /// Since when it is a worker.
    pub since: BlockNumber,
    /// Jobs settled and paid.
    pub completed: u32,
    /// Deadlines missed.
    pub expired: u32,
    /// Deadlines missed since the last completed job or the last jail.
    pub expired_in_a_row: u32,
    /// Jobs given back before the deadline.
    pub declined: u32,
    /// Jobs whose replicas differed.
    pub contested: u32,
    /// Results of it that an audit has found right.
    pub passed: u32,
    /// Audits it has made.
    pub audits: u32,
    /// Results that were wrong.
    pub convicted: u32,
    /// Multiply-accumulates it was paid for.
    #[serde(with = "text")]
    pub work: u128,
    /// What it was paid.
    #[serde(with = "text")]
    pub earned: Balance,
    /// What audits have found right.
    pub record: Record,
}

impl From<worker::Reputation> for Reputation {
    fn from(it: worker::Reputation) -> Self {
        Self {
            since: it.since,
            completed: it.completed,
            expired: it.expired,
            expired_in_a_row: it.expired_in_a_row,
            declined: it.declined,
            contested: it.contested,
            passed: it.passed,
            audits: it.audits,
            convicted: it.convicted,
            work: it.work,
            earned: it.earned,
            record: it.record.into(),
        }
    }
}

impl From<WorkerView> for Worker {
    fn from(it: WorkerView) -> Self {
        Self {
            account: it.account,
            bond: it.bond,
            status: it.status.into(),
            endpoint: lossy(it.endpoint),
            encryption_key: it.encryption_key.into(),
            capability: Capability {
                memory_mib: it.capability.memory_mib,
                device: it.capability.device.into(),
                gmacs_per_second: it.capability.gmacs_per_second,
            },
            ask: it.ask,
            capacity: it.capacity,
            active: it.active,
            answered: it.answered,
            unfinalised: it.unfinalised,
            serves: it.serves.iter().map(ToString::to_string).collect(),
            region: it.region.map(|it| it.to_string()),
            reputation: it.reputation.into(),
            disputes: it.disputes,
            owner: it.owner.map(|it| Owner { account: it.account, confirmed: it.confirmed }),
        }
    }
}

#[cfg(any(feature = "server", feature = "client"))]
mod methods {
    use super::Worker;
    use crate::form::Contribution;
    use jsonrpsee::{core::RpcResult, proc_macros::rpc};
    use vigil_primitives::{AccountId, Hash};

    /// Questions about workers. `at` is a block's hash; without it the best block answers.
    #[cfg_attr(
        all(feature = "server", feature = "client"),
        rpc(server, client, namespace = "workers")
    )]
    #[cfg_attr(
        all(feature = "server", not(feature = "client")),
        rpc(server, namespace = "workers")
    )]
    #[cfg_attr(
        all(feature = "client", not(feature = "server")),
        rpc(client, namespace = "workers")
    )]
    pub trait WorkersApi {
        /// A worker by account.
        #[method(name = "worker", blocking)]
        fn worker(&self, account: AccountId, at: Option<Hash>) -> RpcResult<Option<Worker>>;

        /// At most `limit` workers, and at most 100, in the order of the storage keys, after
        /// `after`: the last of one page asks for the next.
        #[method(name = "workers", blocking)]
        fn workers(
            &self,
            after: Option<AccountId>,
            limit: u32,
            at: Option<Hash>,
        ) -> RpcResult<Vec<Worker>>;

        /// What a worker has computed and earned with a version, written `model@version`.
        #[method(name = "contribution", blocking)]
        fn contribution(
            &self,
            worker: AccountId,
            version: String,
            at: Option<Hash>,
        ) -> RpcResult<Contribution>;
    }
}

#[cfg(feature = "client")]
pub use methods::WorkersApiClient;
#[cfg(feature = "server")]
pub use methods::WorkersApiServer;
