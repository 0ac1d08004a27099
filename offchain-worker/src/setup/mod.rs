//! What happens once, before the event loop: models are loaded, the speed is measured, and the chain
//! is brought to what the configuration says.
//!
//! Everything is idempotent. A worker that is started again changes only what differs.

use crate::{
    chain::{Action, Chain, Offer},
    config::Config,
    error::{Error, Result},
    executor::Models,
    packages::Packages,
};
use backon::{ExponentialBuilder, Retryable};
use std::{future::Future, time::Duration};
use vigil_client::{keys, Amount};
use vigil_engine::{measure_speed, Kernel, Model, Options};
use vigil_primitives::{
    job::Parameters,
    model::VersionStatus,
    worker::{Capability, DeviceClass, WorkerStatus, WorkerView},
    Balance, ModelVersionId, UNIT,
};

/// Kept back for transaction fees when the bond is checked against the balance.
const FEES: Balance = UNIT / 10;

/// Repeats `attempt` while it fails temporarily, at most `attempts` times, with growing pauses.
pub(crate) async fn patiently<T, F, R>(attempts: usize, attempt: F) -> Result<T>
where
    F: FnMut() -> R,
    R: Future<Output = Result<T>>,
{
    let pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(1))
        .with_max_delay(Duration::from_secs(30))
        .with_max_times(attempts)
        .with_jitter();
    attempt
        .retry(pauses)
        .when(Error::is_temporary)
        .notify(|error, pause| tracing::warn!("{error}; next attempt in {} s", pause.as_secs()))
        .await
}

/// Fetches, verifies and loads the models that the configuration names.
pub(crate) async fn load_models<C: Chain>(
    chain: &C,
    config: &Config,
    packages: &Packages,
) -> Result<Models> {
    let mut models = Models::new(config.batch, config.cache_tokens);
    let mut weights = 0u64;
    for version in &config.serve {
        let found = patiently(8, || chain.version(*version)).await?;
        let Some(view) = found else {
            return Err(Error::Critical(format!("there is no version {version} on this chain")));
        };
        tracing::info!(%version, "verifying the package");
        let package = patiently(8, || packages.get(&view.spec)).await?;
        weights = weights.saturating_add(view.spec.weights.len);
        let options = Options { kernel: config.kernel, threads: config.threads };
        let load = move || Ok((Model::load(&package, &options)?, package));
        let loaded = tokio::task::spawn_blocking(load).await;
        let (model, package) =
            loaded.map_err(|error| Error::Critical(error.to_string()))?.map_err(
                |error: vigil_engine::Error| Error::Critical(format!("version {version}: {error}")),
            )?;
        tracing::info!(%version, kernel = %model.kernel(), "loaded");
        models.add(*version, model, package);
    }
    check_memory(config, weights, models.cache_bytes() as u64)?;
    Ok(models)
}

/// Refuses to serve what does not fit into memory: a worker that is ended by the system in the middle
/// of its jobs is slashed for them.
fn check_memory(config: &Config, weights: u64, cache: u64) -> Result<()> {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let caches = cache.saturating_mul(config.batches as u64);
    let needed = mib(weights).saturating_add(mib(caches));
    tracing::info!(weights = mib(weights), caches = mib(caches), "memory of the models, in MiB");
    // 0 is a system that does not tell.
    if config.memory_mib == 0 || needed <= config.memory_mib.into() {
        return Ok(());
    }
    Err(Error::Critical(format!(
        "the models take {} MiB and the keys and values of their jobs up to {} MiB, together more \
         than the {} MiB of memory: serve fewer versions or lower batches or cache_tokens",
        mib(weights),
        mib(caches),
        config.memory_mib
    )))
}

/// Measures this machine and returns what it offers.
pub(crate) async fn offer(config: &Config) -> Result<Offer> {
    let (kernel, threads) = (config.kernel.unwrap_or_else(Kernel::best), config.threads);
    let speed = tokio::task::spawn_blocking(move || measure_speed(kernel, threads)).await;
    let capability = Capability {
        memory_mib: config.memory_mib,
        device: DeviceClass::Cpu,
        gmacs_per_second: speed.unwrap_or_default(),
    };
    Ok(Offer {
        endpoint: config.endpoint.clone(),
        capability,
        ask: config.ask,
        capacity: config.capacity,
    })
}

/// The bond where none is configured: half more than the smallest, so that what the first audits take
/// out of it does not stop the worker.
pub(crate) fn usual_bond(parameters: &Parameters) -> Balance {
    parameters.min_bond.saturating_add(parameters.min_bond / 2)
}

/// Brings the chain's record of this worker to what the configuration says.
pub(crate) async fn enlist<C: Chain>(chain: &C, config: &Config, offer: Offer) -> Result<()> {
    let parameters = chain.parameters().await?;
    let bond = config.bond.unwrap_or_else(|| usual_bond(&parameters));
    if bond < parameters.min_bond {
        return Err(Error::Critical(format!(
            "the bond of {} is below the chain's smallest of {}",
            Amount(bond),
            Amount(parameters.min_bond)
        )));
    }
    let served = match chain.worker().await? {
        None => {
            afford(chain, bond).await?;
            tracing::info!(bond = %Amount(bond), "registering");
            chain.send(Action::Register(offer, bond)).await?;
            Vec::new()
        }
        Some(worker) => {
            revise(chain, &worker, offer, bond).await?;
            worker.serves
        }
    };
    for version in served.iter().filter(|version| !config.serve.contains(version)) {
        tracing::info!(%version, "ending to serve");
        chain.send(Action::Unserve(*version)).await?;
    }
    for version in config.serve.iter().filter(|version| !served.contains(version)) {
        serve(chain, *version).await?;
    }
    Ok(())
}

/// Begins to serve a version.
async fn serve<C: Chain>(chain: &C, version: ModelVersionId) -> Result<()> {
    let status = chain.version(version).await?.map(|view| view.status);
    if status != Some(VersionStatus::Active) {
        return Err(Error::Critical(format!(
            "version {version} is deprecated or revoked: nobody may start to serve it; remove it \
             from the versions to serve"
        )));
    }
    tracing::info!(%version, "beginning to serve");
    chain.send(Action::Serve(version)).await
}

/// Brings the record of a registered worker to what is offered.
async fn revise<C: Chain>(
    chain: &C,
    worker: &WorkerView,
    offer: Offer,
    bond: Balance,
) -> Result<()> {
    if let WorkerStatus::Unbonding { until } = worker.status {
        return Err(Error::Critical(format!(
            "this worker is leaving; withdraw its bond from block {until} on, then start again"
        )));
    }
    if bond > worker.bond {
        let missing = bond.saturating_sub(worker.bond);
        afford(chain, missing).await?;
        tracing::info!(amount = %Amount(missing), "adding to the bond");
        chain.send(Action::BondMore(missing)).await?;
    }
    if differs(worker, &offer) {
        tracing::info!("updating the offer");
        chain.send(Action::Update(offer)).await?;
    }
    if worker.status == WorkerStatus::Draining {
        tracing::info!("taking jobs again");
        chain.send(Action::Resume).await?;
    }
    Ok(())
}

/// Whether the offer on chain is out of date. The measured speed varies from run to run, so it
/// counts only when it is off by more than a quarter.
fn differs(worker: &WorkerView, offer: &Offer) -> bool {
    let (old, new) = (worker.capability, offer.capability);
    let speed = new.gmacs_per_second.abs_diff(old.gmacs_per_second);
    worker.endpoint[..] != offer.endpoint[..]
        || worker.ask != offer.ask
        || worker.capacity != offer.capacity
        || old.memory_mib != new.memory_mib
        || old.device != new.device
        || speed > old.gmacs_per_second / 4
}

/// Checks that the account can pay a bond and the fees of its transactions.
pub(crate) async fn afford<C: Chain>(chain: &C, bond: Balance) -> Result<()> {
    let have = chain.spendable().await?;
    let need = bond.saturating_add(FEES);
    if have >= need {
        return Ok(());
    }
    Err(Error::Critical(format!(
        "the bond of {} needs {} on {} with fees, which can spend {}: send it {} more",
        Amount(bond),
        Amount(need),
        keys::address(chain.me()),
        Amount(have),
        Amount(need.saturating_sub(have))
    )))
}

#[cfg(test)]
mod tests;
