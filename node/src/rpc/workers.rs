//! `workers_*`: the worker registry.

use super::json::{self, digits, hex, parse, unavailable, Contribution};
use crate::service::FullClient;
use jsonrpsee::{core::RpcResult, proc_macros::rpc};
use serde::Serialize;
use sp_api::ProvideRuntimeApi;
use sp_blockchain::HeaderBackend;
use std::sync::Arc;
use vigil_primitives::{
    api::WorkersApi as _,
    worker::WorkerView,
    worker::{DeviceClass, WorkerStatus},
    AccountId, BlockNumber, Hash,
};

/// Questions about workers. `at` is a block's hash; without it the best block answers.
#[rpc(server, namespace = "workers")]
pub(crate) trait WorkersApi {
    /// A worker by account.
    #[method(name = "worker", blocking)]
    fn worker(&self, account: AccountId, at: Option<Hash>) -> RpcResult<Option<Worker>>;

    /// At most `limit` workers, and at most 100, in the order of the storage keys, after `after`:
    /// the last of one page asks for the next.
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

/// Answers from the runtime.
pub(crate) struct Workers(pub(crate) Arc<FullClient>);

impl WorkersApiServer for Workers {
    fn worker(&self, account: AccountId, at: Option<Hash>) -> RpcResult<Option<Worker>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let worker = self.0.runtime_api().worker(at, account).map_err(unavailable)?;
        Ok(worker.map(Into::into))
    }

    fn workers(
        &self,
        after: Option<AccountId>,
        limit: u32,
        at: Option<Hash>,
    ) -> RpcResult<Vec<Worker>> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let workers = self.0.runtime_api().workers(at, after, limit).map_err(unavailable)?;
        Ok(workers.into_iter().map(Into::into).collect())
    }

    fn contribution(
        &self,
        worker: AccountId,
        version: String,
        at: Option<Hash>,
    ) -> RpcResult<Contribution> {
        let at = at.unwrap_or_else(|| self.0.info().best_hash);
        let version = parse(&version)?;
        let contribution =
            self.0.runtime_api().contribution(at, worker, version).map_err(unavailable)?;
        Ok(contribution.into())
    }
}

/// A worker.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Worker {
    account: AccountId,
    #[serde(serialize_with = "digits")]
    bond: u128,
    status: Status,
    endpoint: String,
    #[serde(serialize_with = "hex")]
    encryption_key: [u8; 32],
    capability: Capability,
    #[serde(serialize_with = "digits")]
    ask: u128,
    capacity: u16,
    active: u16,
    #[serde(serialize_with = "digits")]
    unfinalised: u128,
    serves: Vec<String>,
    reputation: Reputation,
}

/// Whether a worker is given jobs.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Status {
    Active,
    Draining,
    Jailed { until: BlockNumber },
    Unbonding { until: BlockNumber },
}

/// What a worker says of its hardware.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Capability {
    memory_mib: u32,
    device: &'static str,
    gmacs_per_second: u32,
}

/// How a worker has behaved.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reputation {
    completed: u32,
    expired: u32,
    expired_in_a_row: u32,
    declined: u32,
    contested: u32,
}

impl From<WorkerView> for Worker {
    fn from(it: WorkerView) -> Self {
        Self {
            account: it.account,
            bond: it.bond,
            status: match it.status {
                WorkerStatus::Active => Status::Active,
                WorkerStatus::Draining => Status::Draining,
                WorkerStatus::Jailed { until } => Status::Jailed { until },
                WorkerStatus::Unbonding { until } => Status::Unbonding { until },
            },
            endpoint: json::text(it.endpoint),
            encryption_key: it.encryption_key,
            capability: Capability {
                memory_mib: it.capability.memory_mib,
                device: match it.capability.device {
                    DeviceClass::Cpu => "cpu",
                    DeviceClass::Gpu => "gpu",
                },
                gmacs_per_second: it.capability.gmacs_per_second,
            },
            ask: it.ask,
            capacity: it.capacity,
            active: it.active,
            unfinalised: it.unfinalised,
            serves: it.serves.iter().map(ToString::to_string).collect(),
            reputation: Reputation {
                completed: it.reputation.completed,
                expired: it.reputation.expired,
                expired_in_a_row: it.reputation.expired_in_a_row,
                declined: it.reputation.declined,
                contested: it.reputation.contested,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use sp_keyring::Sr25519Keyring::Alice;
    use vigil_primitives::{worker, ModelVersionId};

    #[test]
    fn a_worker_should_show_when_its_jail_ends() {
        let worker = Worker::from(WorkerView {
            account: Alice.to_account_id(),
            bond: 100 * vigil_primitives::UNIT,
            status: WorkerStatus::Jailed { until: 42 },
            endpoint: b"http://10.0.0.1:9000".to_vec(),
            encryption_key: [7; 32],
            capability: worker::Capability {
                memory_mib: 2_048,
                device: DeviceClass::Cpu,
                gmacs_per_second: 30,
            },
            ask: 5,
            capacity: 4,
            active: 1,
            unfinalised: 6,
            serves: vec![ModelVersionId { model: 0, version: 3 }],
            reputation: worker::Reputation { completed: 9, ..Default::default() },
        });
        assert_eq!(
            serde_json::to_value(worker).unwrap(),
            json!({
                "account": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
                "bond": "100000000000000",
                "status": { "state": "jailed", "until": 42 },
                "endpoint": "http://10.0.0.1:9000",
                "encryptionKey": format!("0x{}", "07".repeat(32)),
                "capability": { "memoryMib": 2_048, "device": "cpu", "gmacsPerSecond": 30 },
                "ask": "5",
                "capacity": 4,
                "active": 1,
                "unfinalised": "6",
                "serves": ["0@3"],
                "reputation": {
                    "completed": 9,
                    "expired": 0,
                    "expiredInARow": 0,
                    "declined": 0,
                    "contested": 0,
                },
            })
        );
    }
}
