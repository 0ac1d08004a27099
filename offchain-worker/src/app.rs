//! The commands: what is typed, and how the parts of the worker are put together.
//!
//! This is the only place that knows all of them. The key, the folders and the database are opened
//! before the node is asked for anything, so that what is wrong with them is said at once.

use crate::{
    blobs::Blobs,
    chain::{Chain, Node},
    conduct::{Conduct, Honest},
    config::{Config, KeySource, Settings, DEFAULT},
    disputes::Advocates,
    error::{Error, Result},
    executor::{self, Compute, Executor, Models},
    listener::Bounded,
    metrics::{self, Metrics},
    packages::Packages,
    server::{self, Expected, Shared},
    service::{Limits, Machine, Service},
    setup::{self, patiently},
    store::Store,
};
use clap::{Parser, Subcommand};
use std::{path::PathBuf, sync::Arc, time::Duration};
use substrate_prometheus_endpoint::Registry;
use tokio::{
    net::TcpListener,
    signal::unix::{signal, SignalKind},
    sync::{watch, Notify},
};
use vigil_client::{Amount, Key};

/// Serves jobs of the Vigil chain with this machine's hardware, and is paid for it.
#[derive(Parser)]
#[command(name = "vigil-worker", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a configuration file with every setting, its default and what it means
    Init,
    /// Work
    Run(Box<Run>),
}

#[derive(clap::Args)]
struct Run {
    /// Configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Check the configuration, the key, the node and the balance, and end
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    settings: Settings,
}

/// What computes jobs and moves, of the models that are loaded, and what becomes of the results.
pub struct Hands {
    /// Computes jobs.
    pub compute: Arc<dyn Compute>,
    /// Computes moves of disputes.
    pub advocates: Arc<dyn Advocates>,
    /// Decides what goes on chain.
    pub conduct: Arc<dyn Conduct>,
}

impl From<Arc<Models>> for Hands {
    fn from(models: Arc<Models>) -> Self {
        Self { compute: models.clone(), advocates: models, conduct: Arc::new(Honest) }
    }
}

impl Cli {
    /// Runs the command to its end. `hands` gets the loaded models.
    ///
    /// # Errors
    /// A sentence for the operator when the worker can't go on.
    pub fn run(self, hands: impl FnOnce(Arc<Models>) -> Hands) -> Result<()> {
        let run = match self.command {
            Command::Init => {
                print!("{DEFAULT}");
                return Ok(());
            }
            Command::Run(run) => run,
        };
        let file = match &run.config {
            None => Settings::default(),
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    Error::Critical(format!("cannot read {}: {error}", path.display()))
                })?;
                Settings::parse(&text)?
            }
        };
        let settings = run.settings.or(file);
        init_logs(settings.log_json.unwrap_or(false));
        let config = settings.finish()?;
        let runtime = tokio::runtime::Runtime::new()
            .map_err(|error| Error::Critical(format!("cannot start threads: {error}")))?;
        let result = runtime.block_on(work(config, run.check, hands));
        // A computation can't be interrupted; at the next start it is done again.
        runtime.shutdown_timeout(Duration::from_secs(1));
        result
    }
}

fn init_logs(json: bool) {
    use std::io::{stderr, IsTerminal};
    use tracing_subscriber::{fmt, EnvFilter};
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let builder =
        fmt().with_env_filter(filter).with_writer(stderr).with_ansi(stderr().is_terminal());
    // Another subscriber is there only in tests.
    let _ = if json {
        builder.json().flatten_event(true).try_init()
    } else {
        builder.with_target(false).try_init()
    };
}

async fn work(config: Config, check: bool, hands: impl FnOnce(Arc<Models>) -> Hands) -> Result<()> {
    let key = load_key(&config.key)?;
    tracing::info!(account = key.address(), "vigil-worker {}", env!("CARGO_PKG_VERSION"));
    let cannot = |error| Error::Critical(format!("{}: {error}", config.data_dir.display()));
    std::fs::create_dir_all(&config.data_dir).map_err(cannot)?;
    let store = Arc::new(Store::open(&config.data_dir)?);
    let blobs = Blobs::open(&config.data_dir.join("blobs")).map_err(cannot)?;
    let packages = Packages::open(
        &config.data_dir.join("packages"),
        &config.file_sources,
        config.max_package_bytes,
    )?;
    let registry = Registry::new();
    let metrics = Metrics::new(&registry)?;
    if check {
        let node = Node::connect(&config.node, key).await?;
        return report(&node, &config).await;
    }
    let stop = on_signals()?;
    if let Some(address) = config.prometheus {
        metrics::serve(address, registry);
    }
    let serving = async {
        let node = patiently(usize::MAX, || Node::connect(&config.node, key.clone())).await?;
        store.bind(node.me(), node.genesis())?;
        let models = setup::load_models(&node, &config, &packages).await?;
        let Hands { compute, advocates, conduct } = hands(Arc::new(models));
        let (expected, awaited) = watch::channel(Expected::new());
        let shared = Shared::new(node.me().clone(), blobs.clone(), awaited, metrics.clone());
        let arrived = shared.arrived.clone();
        listen(&config, shared).await?;
        let offer = setup::offer(&config).await?;
        patiently(usize::MAX, || setup::enlist(&node, &config, offer.clone())).await?;
        let heads = node.heads();
        let limits = executor::Limits {
            batches: config.batches,
            batch_size: config.batch,
            recheck: config.recheck,
        };
        let executor =
            Executor::new(compute, store.clone(), blobs.clone(), metrics.clone(), limits);
        let limits = service_limits(&config);
        let machine = Machine { executor, advocates, conduct, store, blobs };
        let mut service = Service::new(node, machine, expected, metrics, limits);
        service.recover().await?;
        Ok::<_, Error>((service, heads, arrived))
    };
    let (service, heads, arrived) = tokio::select! {
        ready = serving => ready?,
        () = stop.notified() => return Ok(()),
    };
    tracing::info!("ready");
    service.run(heads, arrived, stop).await
}

fn load_key(source: &KeySource) -> Result<Key> {
    let key = match source {
        KeySource::File(path, password) => Key::load(path, password),
        KeySource::Dev(name) => Key::dev(name),
    };
    key.map_err(|error| Error::Critical(error.to_string()))
}

fn service_limits(config: &Config) -> Limits {
    Limits {
        margin: config.decline_margin,
        blob_age: Duration::from_secs(config.keep_hours.saturating_mul(3_600)),
        blob_bytes: config.keep_bytes,
        grace: Duration::from_secs(config.grace_secs),
        leave: config.leave,
        watch: config.watch,
    }
}

async fn listen(config: &Config, shared: Shared) -> Result<()> {
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        Error::Critical(format!("the blob server cannot listen on {}: {error}", config.listen))
    })?;
    let listener = Bounded::new(listener, config.max_connections);
    tracing::info!(address = %config.listen, "blob server");
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, server::router(shared)).await {
            tracing::error!("the blob server ended: {error}");
        }
    });
    Ok(())
}

/// Returns what is notified by the first SIGTERM or SIGINT. The second ends the program at once.
fn on_signals() -> Result<Arc<Notify>> {
    let cannot = |error| Error::Critical(format!("cannot listen for signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let stop = Arc::new(Notify::new());
    let notify = stop.clone();
    tokio::spawn(async move {
        let mut first = true;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if !first {
                tracing::warn!("ending at once; jobs under way go on at the next start");
                std::process::exit(130);
            }
            first = false;
            notify.notify_one();
        }
    });
    Ok(stop)
}

/// Prints what `--check` finds.
async fn report(node: &Node, config: &Config) -> Result<()> {
    let parameters = node.parameters().await?;
    let bond = config.bond.unwrap_or_else(|| setup::usual_bond(&parameters));
    match node.worker().await? {
        Some(worker) => println!("registered with a bond of {}", Amount(worker.bond)),
        None => {
            setup::afford(node, bond).await?;
            println!("not registered; the balance covers a bond of {}", Amount(bond));
        }
    }
    for version in &config.serve {
        match node.version(*version).await? {
            Some(view) => println!("version {version}: {:?}", view.status),
            None => return Err(Error::Critical(format!("there is no version {version}"))),
        }
    }
    println!("the configuration is good");
    Ok(())
}
