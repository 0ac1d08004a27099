//! The models that tests publish.

use crate::program;
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, OnceLock, PoisonError},
};
use tempfile::TempDir;

/// A model with a Hugging Face folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// all-MiniLM-L6-v2, which `scripts/setup` fetches: gives texts embeddings.
    MiniLm,
    /// The language model of this repository: goes on with tales.
    Tales,
}

impl Model {
    /// Its name on chain.
    pub fn name(self) -> &'static str {
        match self {
            Self::MiniLm => "all-MiniLM-L6-v2",
            Self::Tales => "tales",
        }
    }

    /// Its Hugging Face folder.
    pub fn folder(self) -> PathBuf {
        let (variable, usual) = match self {
            Self::MiniLm => {
                let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
                ("VIGIL_MINILM", home.join(".cache/vigil/models/all-MiniLM-L6-v2"))
            }
            Self::Tales => {
                let here = Path::new(env!("CARGO_MANIFEST_DIR"));
                ("VIGIL_TALES", here.join("../models/tales"))
            }
        };
        let path = std::env::var_os(variable).map_or(usual, PathBuf::from);
        assert!(
            path.join("config.json").exists(),
            "no model in {}: run scripts/setup, or name its folder in {variable}",
            path.display()
        );
        path
    }

    /// Its package, made once.
    pub fn package(self) -> PathBuf {
        // Two tests may need it at the same time.
        static PACKING: Mutex<()> = Mutex::new(());
        let _turn = PACKING.lock().unwrap_or_else(PoisonError::into_inner);
        let path = packages().join(self.name());
        if !path.exists() {
            let packed = Command::new(program("vigil"))
                .args(["--quiet", "pack"])
                .args([self.folder(), path.clone()])
                .output()
                .expect("vigil starts");
            assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
        }
        path
    }

    /// What this machine computes for a text, without a chain: a run as `vigil run` prints it.
    pub fn run(self, input: &str, kernel: &str, more: &[&str]) -> Value {
        let run = Command::new(program("vigil"))
            .args(["--json", "run", "--input", input, "--kernel", kernel, "--package"])
            .arg(self.package())
            .args(more)
            .output()
            .expect("vigil starts");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        let run: Value = serde_json::from_slice(&run.stdout).expect("vigil run prints JSON");
        run["runs"][0].clone()
    }
}

/// The folder of all packages, which workers may read.
pub(crate) fn packages() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    FOLDER
        .get_or_init(|| {
            TempDir::with_prefix("vigil-packages-").expect("a temporary folder can be made")
        })
        .path()
}
