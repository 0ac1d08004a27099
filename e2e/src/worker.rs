//! A worker with a key, money and a configuration file of its own.

use crate::{amount, free_port, model::packages, program, Network, Process};
use serde_json::Value;
use std::{net::TcpStream, path::Path};

/// Who gives workers their money, in turn: as many can be started at once.
pub(crate) const PAYERS: [&str; 4] = ["Alice", "Bob", "Charlie", "Dave"];

/// What a worker is like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kind<'a> {
    /// The kernel; the fastest when left out.
    pub kernel: Option<&'a str>,
    /// Of a hundred results of others it computes so many again.
    pub watch: u8,
    /// What it asks per giga multiply-accumulate; 0.01 when left out.
    pub ask: Option<&'a str>,
    /// The role of `vigil-adversary` that it plays, with its flags; none of an honest worker.
    pub adversary: Option<&'a [&'a str]>,
}

/// A running `vigil-worker`.
pub struct Worker {
    /// Its account.
    pub account: String,
    /// Base URL of its blob server.
    pub url: String,
    process: Process,
}

impl Worker {
    /// Makes a key, sends it money, writes a configuration file, starts the worker and waits until
    /// it serves all `versions`.
    pub(crate) fn start(network: &Network, number: u32, versions: &[&str], kind: Kind<'_>) -> Self {
        let file = |ending: &str| network.dir().join(format!("worker-{number}{ending}"));
        let (key, account) = network.new_key(&format!("worker-{number}"));
        let payer = PAYERS[number as usize % PAYERS.len()];
        network.vigil(&["--dev-key", payer, "account", "transfer", &account, "1000"]);

        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let config = configuration(&network.url_of(number), &key, &file(""), port, versions, kind);
        let path = file(".toml");
        std::fs::write(&path, config).expect("a configuration can be written");

        let path = path.display().to_string();
        let (name, role) = match kind.adversary {
            Some(role) => ("vigil-adversary", role),
            None => ("vigil-worker", ["run"].as_slice()),
        };
        let args = [role, &["--config", &path]].concat();
        let mut process = Process::start(&program(name), &args, &file(".log"));
        network.wait(&format!("worker {number} to serve {versions:?}"), 90, || {
            let shown = network.try_vigil(&["worker", "show", &account]).stdout;
            let serves = shown["serves"].as_array().cloned().unwrap_or_default();
            versions.iter().all(|version| serves.iter().any(|served| served == version))
        });
        assert!(process.ended().is_none(), "worker {number} has ended by itself");
        Self { account, url, process }
    }

    /// Its process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The worker as the chain shows it.
    pub fn shown(&self, network: &Network) -> Value {
        network.vigil(&["worker", "show", &self.account])
    }

    /// What it has at stake.
    pub fn bond(&self, network: &Network) -> u128 {
        amount(&self.shown(network)["bond"])
    }

    /// Whether its blob server accepts connections.
    pub fn is_reachable(&self) -> bool {
        TcpStream::connect(self.url.trim_start_matches("http://")).is_ok()
    }
}

fn configuration(
    node: &str,
    key: &str,
    data: &Path,
    port: u16,
    versions: &[&str],
    kind: Kind<'_>,
) -> String {
    let (watch, ask) = (kind.watch, kind.ask.unwrap_or("0.01"));
    let kernel = kind.kernel.map(|kernel| format!("kernel = \"{kernel}\"\n")).unwrap_or_default();
    format!(
        "node = \"{node}\"\n\
         key_file = \"{key}\"\n\
         data_dir = \"{}\"\n\
         listen = \"127.0.0.1:{port}\"\n\
         public_url = \"http://127.0.0.1:{port}\"\n\
         serve = {versions:?}\n\
         ask = \"{ask}\"\n\
         bond = \"200\"\n\
         capacity = 8\n\
         watch = {watch}\n\
         threads = 1\n\
         file_sources = [\"{}\"]\n\
         {kernel}",
        data.display(),
        packages().display(),
    )
}
