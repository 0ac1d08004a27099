//! A network of real programs on this machine, for end-to-end tests.
//!
//! A [`Network`] is a `vigil-node --dev` on its own ports and data folder. [`Network::worker`] starts
//! a `vigil-worker` with a key, money and a configuration file of its own, and [`Network::vigil`] runs
//! the command line against it. Every program can be killed, paused and started again as a crash or
//! a lost machine would. Nothing is simulated: the models are the one that `scripts/setup` fetches
//! and the one that this repository carries.
//!
//! [`Network::attach`] does the same around nodes that run already, and [`cheaters`] lets every cheat
//! loose on one.
//!
//! The programs are those of the same build as the tests:
//! `cargo build --release --workspace --bins`, then `cargo test --release --package vigil-e2e`.

pub mod cheaters;
mod model;
mod process;
mod worker;

pub use model::Model;
pub use process::Process;
pub use worker::{Kind, Worker};

use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// The account that owns the model in every test.
pub const OWNER: &str = "Ferdie";
/// The account that pays for jobs in every test.
pub const REQUESTER: &str = "Eve";

/// A node with everything that was started around it.
pub struct Network {
    /// The node, unless others have started it.
    node: Option<Process>,
    /// WebSocket URLs of the nodes.
    urls: Vec<String>,
    dir: TempDir,
    workers: AtomicU32,
}

/// How a command of `vigil` ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code.
    pub code: i32,
    /// What it printed, as JSON; null when it printed none.
    pub stdout: Value,
    /// What it complained of.
    pub stderr: String,
}

impl Network {
    /// Starts a development chain and waits for its first block.
    pub fn start() -> Self {
        let dir = folder();
        let rpc = free_port();
        let node = Process::start(
            &program("vigil-node"),
            &[
                "--dev",
                "--base-path",
                &dir.path().join("node").display().to_string(),
                "--rpc-port",
                &rpc.to_string(),
                "--port",
                &free_port().to_string(),
                "--no-prometheus",
                "--no-telemetry",
            ],
            &dir.path().join("node.log"),
        );
        let urls = vec![format!("ws://127.0.0.1:{rpc}")];
        let network = Self { node: Some(node), urls, dir, workers: AtomicU32::new(0) };
        network.wait("the first block", 60, || network.best() > 0);
        network
    }

    /// Uses running nodes of a development network. The command line talks to the first of them,
    /// workers to one after the other.
    pub fn attach(urls: &[String]) -> Self {
        let network =
            Self { node: None, urls: urls.to_vec(), dir: folder(), workers: AtomicU32::new(0) };
        network.wait("the first block", 60, || network.best() > 0);
        network
    }

    /// The process of the node that was started.
    pub fn node(&mut self) -> &mut Process {
        self.node.as_mut().expect("the node is one that was started here")
    }

    /// WebSocket URL of the first node.
    pub fn url(&self) -> String {
        self.url_of(0)
    }

    /// WebSocket URL of the node that worker `number` talks to.
    fn url_of(&self, number: u32) -> String {
        let place = number as usize % self.urls.len().max(1);
        self.urls.get(place).cloned().expect("a network has a node")
    }

    /// A folder that is removed with the network.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Runs a `vigil` command with `--json`.
    pub fn try_vigil(&self, args: &[&str]) -> Ended {
        let output = Command::new(program("vigil"))
            .args(["--json", "--quiet", "--node", &self.url()])
            .args(args)
            .output()
            .expect("vigil starts");
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: serde_json::from_slice(&output.stdout).unwrap_or(Value::Null),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a `vigil` command that must succeed. What it printed.
    pub fn vigil(&self, args: &[&str]) -> Value {
        let ended = self.try_vigil(args);
        assert_eq!(ended.code, 0, "vigil {args:?} failed: {}\n{}", ended.stderr, self.logs());
        ended.stdout
    }

    /// Runs a `vigil` command that must succeed, as a person does. What it printed.
    pub fn vigil_text(&self, args: &[&str]) -> String {
        let output = Command::new(program("vigil"))
            .args(["--quiet", "--node", &self.url()])
            .args(args)
            .output()
            .expect("vigil starts");
        assert!(output.status.success(), "vigil {args:?} failed: {output:?}\n{}", self.logs());
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a `vigil` command that must fail with this exit code. What it complained of.
    pub fn vigil_refused(&self, code: i32, args: &[&str]) -> String {
        let ended = self.try_vigil(args);
        assert_eq!(ended.code, code, "vigil {args:?}: {ended:?}");
        ended.stderr
    }

    /// Publishes a model. Its `MODEL@VERSION`.
    pub fn publish(&self, model: Model) -> String {
        let package = model.package();
        let source = format!("file://{}/", package.display());
        let package = package.display().to_string();
        let published = self.vigil(&[
            "--dev-key",
            OWNER,
            "model",
            "publish",
            "--package",
            &package,
            "--name",
            model.name(),
            "--source",
            &source,
            "--licence",
            "Apache-2.0",
            "--fee-per-job",
            "0.001",
            "--fee-per-1k-tokens",
            "0.01",
        ]);
        text(&published["version"])
    }

    /// Starts a worker for a version and waits until it serves it.
    pub fn worker(&self, version: &str, kernel: Option<&str>) -> Worker {
        self.worker_of(version, Kind { kernel, ..Kind::default() })
    }

    /// Starts a worker of some kind for a version and waits until it serves it.
    pub fn worker_of(&self, version: &str, kind: Kind<'_>) -> Worker {
        self.worker_of_all(&[version], kind)
    }

    /// Starts a worker of some kind for some versions and waits until it serves them.
    pub fn worker_of_all(&self, versions: &[&str], kind: Kind<'_>) -> Worker {
        let number = self.workers.fetch_add(1, Ordering::SeqCst);
        Worker::start(self, number, versions, kind)
    }

    /// Submits a job, or one per text, and returns what the command printed.
    pub fn submit_and_see(&self, model: Model, version: &str, more: &[&str]) -> Ended {
        let package = model.package().display().to_string();
        let mut args = vec![
            "--dev-key",
            REQUESTER,
            "job",
            "submit",
            "--version",
            version,
            "--package",
            &package,
        ];
        args.extend(more);
        self.try_vigil(&args)
    }

    /// Submits one job per text. Their numbers.
    pub fn submit(&self, model: Model, version: &str, texts: &[&str], more: &[&str]) -> Vec<u64> {
        let inputs = texts.iter().flat_map(|text| ["--input", text]);
        let args: Vec<_> = inputs.chain(more.iter().copied()).collect();
        let ended = self.submit_and_see(model, version, &args);
        assert_eq!(ended.code, 0, "job submit {args:?} failed: {}\n{}", ended.stderr, self.logs());
        let submitted = ended.stdout;
        let jobs = submitted["jobs"].as_array().expect("jobs are listed");
        jobs.iter().map(|job| job["id"].as_u64().expect("a job has a number")).collect()
    }

    /// A job as the chain shows it.
    pub fn job(&self, id: u64) -> Value {
        self.vigil(&["job", "show", &id.to_string()])
    }

    /// Waits until a job has this status. The job.
    pub fn job_until(&self, id: u64, status: &str, seconds: u64) -> Value {
        self.wait(&format!("job {id} to be {status}"), seconds, || {
            self.job(id)["status"]["kind"] == status
        });
        self.job(id)
    }

    /// The disputes about a job, ended ones among them.
    pub fn disputes(&self, job: u64) -> Vec<Value> {
        self.list_disputes(&["--job", &job.to_string()])
    }

    /// The disputes that are open, and those that have ended lately.
    pub(crate) fn all_disputes(&self) -> Vec<Value> {
        self.list_disputes(&[])
    }

    fn list_disputes(&self, more: &[&str]) -> Vec<Value> {
        let list = self.vigil(&[&["dispute", "list"], more].concat());
        list["disputes"].as_array().cloned().unwrap_or_default()
    }

    /// A new key: its file, in the network's folder, and its account.
    pub(crate) fn new_key(&self, name: &str) -> (String, String) {
        let key = self.dir().join(format!("{name}.key")).display().to_string();
        let account = text(&self.vigil(&["account", "new", &key])["address"]);
        (key, account)
    }

    /// Waits until the first dispute about a job has ended. The dispute.
    pub fn dispute_ended(&self, job: u64, seconds: u64) -> Value {
        let first = || self.disputes(job).into_iter().next().unwrap_or_default();
        self.wait(&format!("the dispute about job {job} to end"), seconds, || {
            first()["kind"] == "ended"
        });
        first()
    }

    /// Everything an account has, in the smallest unit.
    pub fn total(&self, account: &str) -> u128 {
        amount(&self.vigil(&["account", "balance", account])["total"])
    }

    /// Height of the best block; 0 while the node does not answer.
    pub fn best(&self) -> u64 {
        self.try_vigil(&["chain", "info"]).stdout["best"]["number"].as_u64().unwrap_or(0)
    }

    /// Waits until something holds, and fails with the programs' logs when it does not.
    pub fn wait(&self, what: &str, seconds: u64, holds: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(seconds);
        while !holds() {
            assert!(Instant::now() < end, "waited {seconds} s in vain for {what}\n{}", self.logs());
            sleep(Duration::from_millis(300));
        }
    }

    /// The end of every program's log.
    fn logs(&self) -> String {
        let mut text = String::new();
        let files = std::fs::read_dir(self.dir.path()).into_iter().flatten().flatten();
        for path in files.map(|entry| entry.path()) {
            if path.extension().is_some_and(|extension| extension == "log") {
                let log =
                    String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned();
                let lines: Vec<_> = log.lines().collect();
                let end = lines.get(lines.len().saturating_sub(25)..).unwrap_or(&lines);
                text.push_str(&format!("--- {}\n{}\n", path.display(), end.join("\n")));
            }
        }
        text
    }
}

fn folder() -> TempDir {
    TempDir::with_prefix("vigil-e2e-").expect("a temporary folder can be made")
}

/// A program of the build that the running test or program belongs to.
pub fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a program knows where it is");
    // Tests are in the folder `deps` beside the programs.
    let folder = this.parent().expect("a program is in a folder");
    let build = if folder.ends_with("deps") { folder.parent() } else { Some(folder) };
    let path = build.expect("tests are in the folder deps").join(name);
    assert!(
        path.exists(),
        "{} is missing: run `cargo build --release --workspace --bins` first",
        path.display()
    );
    path
}

/// Names of the kernels that this machine can run, the slowest first.
pub fn kernels() -> Vec<&'static str> {
    let mut kernels = vec!["scalar"];
    #[cfg(target_arch = "x86_64")]
    {
        if std::arch::is_x86_feature_detected!("avx2") {
            kernels.push("avx2");
            if std::arch::is_x86_feature_detected!("avxvnni") {
                kernels.push("avxvnni");
            }
        }
        if std::arch::is_x86_feature_detected!("avx512vnni") {
            kernels.push("avx512");
        }
    }
    kernels
}

/// A JSON string.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string")).to_owned()
}

/// An amount, which JSON carries as a string of whole smallest units.
pub fn amount(value: &Value) -> u128 {
    text(value).parse().expect("an amount is a number")
}

fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    socket.local_addr().expect("a bound socket has an address").port()
}
