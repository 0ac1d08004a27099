//! What an operator watches: counters and gauges for Prometheus.
//!
//! Names begin with `vigil_worker_`. They are part of what operators build on: a dashboard breaks
//! when one changes.

use crate::error::{Error, Result};
use std::net::SocketAddr;
use substrate_prometheus_endpoint::{
    init_prometheus, register, Counter, CounterVec, Gauge, Opts, PrometheusError, Registry, F64,
    U64,
};
use vigil_primitives::{Balance, UNIT};

/// The worker's metrics.
#[derive(Clone)]
pub(crate) struct Metrics {
    /// Best block seen.
    pub(crate) best_block: Gauge<U64>,
    /// Jobs engaged in.
    pub(crate) engaged: Gauge<U64>,
    /// Batches being computed.
    pub(crate) running: Gauge<U64>,
    /// Jobs by how they ended: settled, reassigned, refunded, cancelled, forgotten, lost.
    pub(crate) jobs: CounterVec<U64>,
    /// Audits made and paid.
    pub(crate) audits: Counter<U64>,
    /// Extrinsics by kind, which is the action's name, and result: included, temporary, rejected.
    pub(crate) extrinsics: CounterVec<U64>,
    /// Multiply-accumulates computed.
    pub(crate) work: Counter<U64>,
    /// Tokens generated.
    pub(crate) tokens: Counter<U64>,
    /// Earned since the start, in VGL.
    pub(crate) earned: Counter<F64>,
    /// Bytes of blobs on disk.
    pub(crate) blob_bytes: Gauge<U64>,
    /// Requests to the blob server by method and status.
    pub(crate) requests: CounterVec<U64>,
}

impl Metrics {
    /// Registers every metric.
    pub(crate) fn new(registry: &Registry) -> Result<Self> {
        Self::try_new(registry)
            .map_err(|error| Error::Critical(format!("cannot set up metrics: {error}")))
    }

    fn try_new(registry: &Registry) -> Result<Self, PrometheusError> {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            register(CounterVec::new(Opts::new(name, help), labels)?, registry)
        };
        Ok(Self {
            best_block: register(
                Gauge::new("vigil_worker_best_block", "Best block seen")?,
                registry,
            )?,
            engaged: register(Gauge::new("vigil_worker_engaged", "Jobs engaged in")?, registry)?,
            running: register(
                Gauge::new("vigil_worker_running", "Batches being computed")?,
                registry,
            )?,
            jobs: counters("vigil_worker_jobs_total", "Jobs by how they ended", &["end"])?,
            audits: register(
                Counter::new("vigil_worker_audits_total", "Audits made and paid")?,
                registry,
            )?,
            extrinsics: counters(
                "vigil_worker_extrinsics_total",
                "Extrinsics by kind and result",
                &["kind", "result"],
            )?,
            work: register(
                Counter::new("vigil_worker_work_total", "Multiply-accumulates computed")?,
                registry,
            )?,
            tokens: register(
                Counter::new("vigil_worker_tokens_total", "Tokens generated")?,
                registry,
            )?,
            earned: register(
                Counter::new("vigil_worker_earned_vgl_total", "Earned since the start, in VGL")?,
                registry,
            )?,
            blob_bytes: register(
                Gauge::new("vigil_worker_blob_bytes", "Bytes of blobs on disk")?,
                registry,
            )?,
            requests: counters(
                "vigil_worker_requests_total",
                "Requests to the blob server",
                &["method", "status"],
            )?,
        })
    }

    /// Counts an amount earned, in planck.
    pub(crate) fn earn(&self, amount: Balance) {
        self.earned.inc_by(amount as f64 / UNIT as f64);
    }
}

/// Serves the metrics until the program ends.
pub(crate) fn serve(address: SocketAddr, registry: Registry) {
    tokio::spawn(async move {
        if let Err(error) = init_prometheus(address, registry).await {
            tracing::error!("no metrics at {address}: {error}");
        }
    });
}
