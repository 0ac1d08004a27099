//! The worker's settings: one file, and flags that override it.
//!
//! [`Settings`] is what is written in either, and its documentation is the help of the flags: what
//! each setting means, its unit and its default. The defaults themselves are those of
//! `default.toml`, which `vigil-worker init` prints. [`Config`] is what the rest of the program
//! gets: complete and checked.

use crate::error::{Error, Result};
use serde::Deserialize;
use std::{net::SocketAddr, path::PathBuf};
use vigil_client::Amount;
use vigil_engine::Kernel;
use vigil_primitives::{
    model::{Url, MAX_URL},
    worker::{MAX_CAPACITY, MAX_SERVED},
    Balance, ModelVersionId,
};

/// The documented default configuration, as `vigil-worker init` prints it.
pub(crate) const DEFAULT: &str = include_str!("default.toml");

/// Settings as written. Every field is optional.
#[derive(Clone, Debug, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// WebSocket address of a node [default: ws://127.0.0.1:9944]
    #[arg(long, value_name = "URL")]
    pub(crate) node: Option<String>,
    /// File with the worker's key, mode 0600; this or dev_key must be set
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// File with the password of an encrypted key file, mode 0600 [default: ask at the terminal]
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
    /// Environment variable with the password of an encrypted key file [default: ask at the
    /// terminal]
    #[arg(long, value_name = "NAME")]
    pub(crate) password_env: Option<String>,
    /// Public development key instead of a key file, for instance Alice [default: none]
    #[arg(long, value_name = "NAME")]
    pub(crate) dev_key: Option<String>,
    /// Folder for packages, inputs, outputs and the job database [default: vigil-worker-data]
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address the blob server listens on [default: 0.0.0.0:9955]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<SocketAddr>,
    /// Base URL under which requesters reach the blob server [default: http://127.0.0.1:9955]
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Connections of the blob server at the same time [default: 256]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_connections: Option<usize>,
    /// Versions to serve, MODEL@VERSION; repeat or separate with commas [default: none]
    #[arg(long, value_name = "MODEL@VERSION", value_delimiter = ',')]
    pub(crate) serve: Option<Vec<String>>,
    /// Price per giga multiply-accumulate, in VGL [default: 0.001]
    #[arg(long, value_name = "VGL")]
    pub(crate) ask: Option<String>,
    /// Jobs engaged in at the same time, 1 to 256 [default: 16]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) capacity: Option<u16>,
    /// Bond, in VGL [default: half more than the chain's smallest]
    #[arg(long, value_name = "VGL")]
    pub(crate) bond: Option<String>,
    /// Memory for models that is told to the chain, in MiB [default: this machine's]
    #[arg(long, value_name = "MIB")]
    pub(crate) memory_mib: Option<u32>,
    /// Threads of one computation [default: one for each processor]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) threads: Option<usize>,
    /// Kernel [default: the fastest that the processor has]
    #[arg(long, value_name = "NAME")]
    pub(crate) kernel: Option<String>,
    /// Batches computed at the same time [default: 1]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) batches: Option<usize>,
    /// Most jobs of one batch [default: 32]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) batch: Option<usize>,
    /// Most tokens of one batch whose keys and values are kept in memory, and never fewer than the
    /// longest job of its version has [default: 32768]
    #[arg(long, value_name = "NUMBER")]
    pub(crate) cache_tokens: Option<usize>,
    /// Blocks before the deadline at which a job without input is given back [default: 3]
    #[arg(long, value_name = "BLOCKS")]
    pub(crate) decline_margin: Option<u32>,
    /// Largest package that is fetched, in bytes [default: 17179869184]
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_package_bytes: Option<u64>,
    /// Folders that file:// sources may be read from; repeat for several [default: none]
    #[arg(long, value_name = "DIR")]
    pub(crate) file_sources: Option<Vec<PathBuf>>,
    /// Hours for which outputs and inputs are kept [default: 72]
    #[arg(long, value_name = "HOURS")]
    pub(crate) keep_hours: Option<u64>,
    /// Most bytes of outputs and inputs kept [default: 10737418240]
    #[arg(long, value_name = "BYTES")]
    pub(crate) keep_bytes: Option<u64>,
    /// Of a hundred results of others, so many are computed again, and challenged where they are
    /// wrong [default: 0]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) watch: Option<u8>,
    /// Of a hundred runs of its own, so many have a row computed again before the worker stands for
    /// them: a machine that computes wrongly is noticed before it costs the bond [default: 5]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) recheck: Option<u8>,
    /// Address of the Prometheus endpoint [default: none]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) prometheus: Option<SocketAddr>,
    /// Seconds that a shutdown waits for jobs under way [default: 120]
    #[arg(long, value_name = "SECONDS")]
    pub(crate) grace_secs: Option<u64>,
    /// At a shutdown, tell the chain to send no new jobs [default: false]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) leave: Option<bool>,
    /// Log as JSON lines [default: false]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) log_json: Option<bool>,
}

/// Where the key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeySource {
    /// A key file, and where its password comes from.
    File(PathBuf, vigil_client::keys::Password),
    /// A public development key.
    Dev(String),
}

/// Settings, complete and checked. A field means what its setting means.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) node: String,
    pub(crate) key: KeySource,
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    /// The setting `public_url`.
    pub(crate) endpoint: Url,
    pub(crate) max_connections: usize,
    pub(crate) serve: Vec<ModelVersionId>,
    /// In planck, like `bond`.
    pub(crate) ask: Balance,
    pub(crate) capacity: u16,
    /// `None` for half more than the chain's smallest.
    pub(crate) bond: Option<Balance>,
    pub(crate) memory_mib: u32,
    pub(crate) threads: usize,
    /// `None` for the fastest.
    pub(crate) kernel: Option<Kernel>,
    pub(crate) batches: usize,
    pub(crate) batch: usize,
    pub(crate) cache_tokens: usize,
    pub(crate) decline_margin: u32,
    pub(crate) max_package_bytes: u64,
    pub(crate) file_sources: Vec<PathBuf>,
    pub(crate) keep_hours: u64,
    pub(crate) keep_bytes: u64,
    pub(crate) watch: u8,
    pub(crate) recheck: u8,
    pub(crate) prometheus: Option<SocketAddr>,
    pub(crate) grace_secs: u64,
    pub(crate) leave: bool,
}

macro_rules! or {
    ($first:ident, $second:ident: $($field:ident)*) => {
        Settings { $($field: $first.$field.or($second.$field),)* }
    };
}

impl Settings {
    /// Reads a file.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        toml::from_str(text)
            .map_err(|error| Error::Critical(format!("the configuration is wrong: {error}")))
    }

    /// Returns these settings, and those of `other` where these say nothing.
    pub(crate) fn or(self, other: Self) -> Self {
        // A key named on the command line replaces the file's, of whichever kind that is.
        let other = match self.dev_key.is_some() || self.key_file.is_some() {
            true => Self { dev_key: None, key_file: None, ..other },
            false => other,
        };
        or!(self, other: node key_file password_file password_env dev_key data_dir listen
            public_url max_connections serve ask capacity bond memory_mib threads kernel batches
            batch cache_tokens decline_margin max_package_bytes file_sources keep_hours keep_bytes
            watch recheck prometheus grace_secs leave log_json)
    }

    /// Completes and checks the settings.
    pub(crate) fn finish(self) -> Result<Config> {
        let defaults = Self { key_file: None, ..Self::parse(DEFAULT)? };
        let settings = self.or(defaults);
        let key = settings.key()?;
        let ask = amount("ask", &need("ask", settings.ask)?)?;
        let bond = settings.bond.map(|bond| amount("bond", &bond)).transpose()?;
        let kernel = settings.kernel.map(|name| parse_kernel(&name)).transpose()?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Config {
            node: need("node", settings.node)?,
            key,
            data_dir: need("data_dir", settings.data_dir)?,
            listen: need("listen", settings.listen)?,
            endpoint: parse_endpoint(&need("public_url", settings.public_url)?)?,
            max_connections: positive("max_connections", settings.max_connections)?,
            serve: parse_versions(&settings.serve.unwrap_or_default())?,
            ask,
            capacity: parse_capacity(need("capacity", settings.capacity)?)?,
            bond,
            memory_mib: settings.memory_mib.unwrap_or_else(memory_mib),
            threads: positive("threads", Some(settings.threads.unwrap_or(cores)))?,
            kernel,
            batches: positive("batches", settings.batches)?,
            batch: positive("batch", settings.batch)?,
            cache_tokens: parse_cache(need("cache_tokens", settings.cache_tokens)?)?,
            decline_margin: need("decline_margin", settings.decline_margin)?,
            max_package_bytes: need("max_package_bytes", settings.max_package_bytes)?,
            file_sources: settings.file_sources.unwrap_or_default(),
            keep_hours: need("keep_hours", settings.keep_hours)?,
            keep_bytes: need("keep_bytes", settings.keep_bytes)?,
            watch: settings.watch.unwrap_or(0).min(100),
            recheck: need("recheck", settings.recheck)?.min(100),
            prometheus: settings.prometheus,
            grace_secs: need("grace_secs", settings.grace_secs)?,
            leave: settings.leave.unwrap_or(false),
        })
    }

    fn key(&self) -> Result<KeySource> {
        use vigil_client::keys::Password;
        let password = match (&self.password_file, &self.password_env) {
            (Some(_), Some(_)) => {
                return wrong("set password_file or password_env, not both");
            }
            (Some(file), None) => Password::File(file.clone()),
            (None, Some(name)) => Password::Env(name.clone()),
            (None, None) => Password::Prompt,
        };
        match (&self.key_file, &self.dev_key) {
            (Some(file), None) => Ok(KeySource::File(file.clone(), password)),
            (None, Some(name)) => Ok(KeySource::Dev(name.clone())),
            (Some(_), Some(_)) => wrong("set key_file or dev_key, not both"),
            (None, None) => wrong("no key: set key_file to a file with the worker's key"),
        }
    }
}

fn wrong<T>(sentence: impl Into<String>) -> Result<T> {
    Err(Error::Critical(sentence.into()))
}

fn need<T>(name: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::Critical(format!("the setting {name} is missing")))
}

fn positive(name: &str, value: Option<usize>) -> Result<usize> {
    match need(name, value)? {
        0 => wrong(format!("{name} must be at least 1")),
        value => Ok(value),
    }
}

fn parse_kernel(name: &str) -> Result<Kernel> {
    let kernel: Kernel = name
        .parse()
        .map_err(|_| Error::Critical(format!("kernel = \"{name}\" is unknown: {}", kernels())))?;
    if !kernel.is_available() {
        return wrong(format!("this processor has no kernel \"{name}\": {}", kernels()));
    }
    Ok(kernel)
}

fn kernels() -> String {
    let names: Vec<_> = Kernel::available().iter().map(ToString::to_string).collect();
    format!("it has {}", names.join(", "))
}

fn parse_endpoint(url: &str) -> Result<Url> {
    if !(url.starts_with("http://") || url.starts_with("https://")) {
        return wrong(format!("public_url = \"{url}\" must begin with http:// or https://"));
    }
    Url::try_from(url.as_bytes().to_vec())
        .map_err(|_| Error::Critical(format!("public_url has more than {MAX_URL} bytes")))
}

fn parse_versions(texts: &[String]) -> Result<Vec<ModelVersionId>> {
    let mut versions = Vec::new();
    for text in texts {
        let version =
            text.parse().map_err(|error| Error::Critical(format!("serve: \"{text}\": {error}")))?;
        if !versions.contains(&version) {
            versions.push(version);
        }
    }
    if versions.len() > MAX_SERVED as usize {
        return wrong(format!("a worker serves at most {MAX_SERVED} versions"));
    }
    Ok(versions)
}

fn parse_capacity(capacity: u16) -> Result<u16> {
    if (1..=MAX_CAPACITY).contains(&capacity) {
        Ok(capacity)
    } else {
        wrong(format!("capacity must be 1 to {MAX_CAPACITY}"))
    }
}

/// Checks that a batch has memory for some job.
fn parse_cache(tokens: usize) -> Result<usize> {
    match tokens {
        0 => wrong("cache_tokens must be at least 1"),
        _ => Ok(tokens),
    }
}

fn amount(name: &str, text: &str) -> Result<Balance> {
    let Amount(amount) =
        text.parse().map_err(|error| Error::Critical(format!("{name} = \"{text}\": {error}")))?;
    Ok(amount)
}

/// Returns the memory of this machine, in MiB; 0 if the system doesn't tell.
fn memory_mib() -> u32 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    kib.map_or(0, |kib| u32::try_from(kib / 1_024).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigil_primitives::UNIT;

    fn settings(text: &str) -> Result<Config> {
        Settings::parse(text)?.finish()
    }

    fn error(text: &str) -> String {
        settings(text).unwrap_err().to_string()
    }

    #[test]
    fn the_default_file_should_be_complete_but_for_the_versions() {
        let config = settings(DEFAULT).unwrap();
        assert_eq!(config.node, "ws://127.0.0.1:9944");
        assert!(config.serve.is_empty());
        assert!(config.file_sources.is_empty(), "no local folder is trusted by default");
        assert_eq!(config.bond, None);
    }

    #[test]
    fn the_help_of_every_setting_should_name_its_default() {
        use clap::Args;
        let defaults: toml::Table = toml::from_str(DEFAULT).unwrap();
        let command = Settings::augment_args(clap::Command::new("run"));
        for argument in command.get_arguments().filter(|argument| argument.get_id() != "key_file") {
            let name = argument.get_id().as_str();
            let help = argument.get_help().unwrap().to_string();
            let (_, default) = help.split_once(" [default: ").expect(name);
            let expected = match defaults.get(name) {
                // It has no value, or one that is found out at the start: the file shows another.
                None => {
                    assert!(DEFAULT.contains(&format!("\n#{name} = ")), "{name}");
                    continue;
                }
                Some(toml::Value::Array(values)) if values.is_empty() => "none".to_owned(),
                Some(toml::Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
            };
            assert_eq!(default, format!("{expected}]"), "{name}");
        }
    }

    #[test]
    fn flags_should_override_the_file() {
        let file = Settings::parse("key_file = \"k\"\nask = \"1\"\nserve = [\"0@0\"]").unwrap();
        let flags = Settings {
            ask: Some("2".into()),
            dev_key: Some("Alice".into()),
            ..Settings::default()
        };
        let config = flags.or(file).finish().unwrap();
        assert_eq!(config.ask, 2 * UNIT);
        assert_eq!(config.key, KeySource::Dev("Alice".into()));
        assert_eq!(config.serve, vec![ModelVersionId { model: 0, version: 0 }]);
    }

    #[test]
    fn finish_should_name_the_setting_that_is_wrong() {
        let with = |line: &str| error(&format!("dev_key = \"Alice\"\n{line}"));
        assert!(error("").contains("no key"));
        assert!(with("key_file = \"k\"").contains("not both"));
        assert!(with("serve = [\"zero\"]").contains("MODEL@VERSION"));
        assert!(with("ask = \"-1\"").contains("ask"));
        assert!(with("ask = \"0.0000000000001\"").contains("ask"));
        assert!(with("capacity = 0").contains("capacity"));
        assert!(with("capacity = 257").contains("256"));
        assert!(with("threads = 0").contains("threads"));
        assert!(with("cache_tokens = 0").contains("at least 1"));
        assert!(with("kernel = \"magic\"").contains("scalar"));
        assert!(with("public_url = \"ftp://x\"").contains("public_url"));
        assert!(with("colour = \"red\"").contains("colour"));
    }
}
