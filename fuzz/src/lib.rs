//! What the fuzz targets share: good folders, and changes to their bytes.
//!
//! Random bytes hardly ever get past the first brace of a JSON file. A target therefore takes a
//! good file and changes it as its input says, so that every check behind is reached.

#[path = "../../engine/tests/common/mod.rs"]
mod common;
#[path = "../../game/tests/common/mod.rs"]
pub mod games;

pub use common::{Bert, Llama};

use std::{
    fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};
use tempfile::TempDir;
use vigil_engine::package::{Package, CONFIG, MANIFEST, TOKENIZER, WEIGHTS};

/// The files of a package, the manifest first.
pub const FILES: [&str; 4] = [MANIFEST, CONFIG, TOKENIZER, WEIGHTS];

/// A model small enough to be changed thousands of times a second.
fn llama(number: usize) -> Llama {
    let kinds = Llama::kinds();
    let kind = kinds[number % kinds.len()].clone();
    Llama { hidden: 8, head_width: 4, intermediate: 8, layers: 1, positions: 8, ..kind }
}

/// Writes the Hugging Face folder of one of five models.
pub fn write_source(number: usize, dir: &Path) {
    match number % 5 {
        4 => Bert {
            hidden: 8,
            heads: 2,
            intermediate: 8,
            layers: 1,
            positions: 8,
            ..Bert::default()
        }
        .write(dir),
        number => llama(number).write(dir),
    }
}

/// Lets panics go that are caught: a parser that is not ours panics on some files, and the engine makes
/// an error of that. One that nobody catches still ends the run.
pub fn let_caught_panics_go() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    // The fuzzer's own hook ends the run before anybody can catch anything.
    ONCE.call_once(|| drop(std::panic::take_hook()));
}

/// The files of the packages of five models.
pub fn packages() -> &'static [[Vec<u8>; 4]] {
    static PACKAGES: OnceLock<Vec<[Vec<u8>; 4]>> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        (0..5)
            .map(|number| {
                let dir = folder();
                let (from, to) = (dir.path().join("source"), dir.path().join("package"));
                write_source(number, &from);
                vigil_engine::pack::pack(&from, &to, &Default::default()).expect("a good folder");
                Package::open(&to).expect("a good package");
                FILES.map(|name| fs::read(to.join(name)).expect("a file of the package"))
            })
            .collect()
    })
}

/// A folder in memory where there is one.
pub fn folder() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    let parent = if memory.is_dir() { memory } else { std::env::temp_dir() };
    tempfile::tempdir_in(parent).expect("a temporary folder")
}

/// Input that is taken piece by piece; zeros where it has ended.
pub struct Input<'a>(pub &'a [u8]);

impl Input<'_> {
    /// One byte.
    pub fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *byte
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        let number = u32::from_le_bytes([self.byte(), self.byte(), self.byte(), 0]);
        number as usize % end.max(1)
    }

    /// `good` with up to eight changes: bytes replaced, put in, taken out, or the end cut off.
    pub fn change(&mut self, good: &[u8]) -> Vec<u8> {
        let mut bytes = good.to_vec();
        for _ in 0..self.byte() % 9 {
            let at = self.below(bytes.len() + 1);
            let count = usize::from(self.byte() % 16);
            let end = (at + count).min(bytes.len());
            match self.byte() % 4 {
                0 => drop(bytes.drain(at..end)),
                1 => {
                    drop(bytes.splice(at..at, (0..count).map(|_| self.byte()).collect::<Vec<_>>()))
                }
                2 => bytes[at..end].iter_mut().for_each(|byte| *byte = self.byte()),
                _ => bytes.truncate(at.max(good.len() / 2)),
            }
        }
        bytes
    }
}
