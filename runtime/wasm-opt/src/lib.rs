//! What the build of the wasm runtime needs of Binaryen, without Binaryen.
//!
//! `substrate-wasm-builder` asks the crate `wasm-opt` for two things at optimisation level 0: to
//! strip DWARF, and to lower the sign-extension operators, so that the runtime is plain wasm. The
//! real crate compiles Binaryen for this, 242 files of C++ that take longer than anything else in
//! a build from nothing. This one has the part of its interface that the builder calls, and is
//! patched in by the workspace's `Cargo.toml`:
//!
//! - The sections of DWARF are left out; every other byte is copied as it is.
//! - The target `wasm32v1-none` has no sign-extension operators, so there is nothing to lower.
//!   Instead the module is validated against plain wasm, and anything beyond is an error.
//!
//! ```
//! use wasm_opt::{OptimizationOptions, Pass};
//!
//! let folder = std::env::temp_dir();
//! let (from, to) = (folder.join("vigil-wasm-opt-in.wasm"), folder.join("vigil-wasm-opt-out.wasm"));
//! std::fs::write(&from, b"\0asm\x01\0\0\0")?;
//! OptimizationOptions::new_opt_level_0()
//!     .mvp_features_only()
//!     .add_pass(Pass::StripDwarf)
//!     .run(&from, &to)?;
//! assert_eq!(std::fs::read(&to)?, b"\0asm\x01\0\0\0");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{fs, io, path::Path};
use wasmparser::{BinaryReaderError, Parser, Payload, Validator, WasmFeatures};

/// What is done to a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// Leave out the sections of DWARF.
    StripDwarf,
    /// Have no sign-extension operators: an error when there are any.
    SignextLowering,
}

/// What is done to a module, in the builder's own order of calls.
#[derive(Clone, Debug)]
pub struct OptimizationOptions {
    strip: bool,
}

/// Why there is no module.
#[derive(Debug, thiserror::Error)]
pub enum OptimizationError {
    /// It could not be read.
    #[error("the module cannot be read")]
    Read(#[source] io::Error),
    /// It is not plain wasm.
    #[error("the module is not plain wasm, which the runtime must be")]
    Validate(#[from] BinaryReaderError),
    /// It could not be written.
    #[error("the module cannot be written")]
    Write(#[source] io::Error),
}

impl OptimizationOptions {
    /// Nothing but the passes that are added.
    pub fn new_opt_level_0() -> Self {
        Self { strip: false }
    }

    /// The module must be plain wasm: it always must.
    pub fn mvp_features_only(&mut self) -> &mut Self {
        self
    }

    /// Keep the names of functions: they always are.
    pub fn debug_info(&mut self, _keep: bool) -> &mut Self {
        self
    }

    /// Adds a pass.
    pub fn add_pass(&mut self, pass: Pass) -> &mut Self {
        self.strip |= pass == Pass::StripDwarf;
        self
    }

    /// Reads a module, applies the passes and writes it.
    ///
    /// # Errors
    /// It cannot be read or written, or is not plain wasm.
    pub fn run(
        &self,
        infile: impl AsRef<Path>,
        outfile: impl AsRef<Path>,
    ) -> Result<(), OptimizationError> {
        let module = fs::read(infile).map_err(OptimizationError::Read)?;
        Validator::new_with_features(WasmFeatures::WASM1).validate_all(&module)?;
        let module = if self.strip { strip(&module)? } else { module };
        fs::write(outfile, module).map_err(OptimizationError::Write)
    }
}

/// The module without the sections of DWARF.
fn strip(module: &[u8]) -> Result<Vec<u8>, BinaryReaderError> {
    let mut kept = Vec::with_capacity(module.len());
    // A section begins, with its number and its length, where the one before it ends.
    let mut start = 0;
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        let end = match &payload {
            Payload::Version { range, .. } => range.end,
            payload => match payload.as_section() {
                Some((_, contents)) => contents.end,
                None => continue,
            },
        };
        let is_dwarf = matches!(&payload, Payload::CustomSection(section)
            if section.name().starts_with(".debug_"));
        if !is_dwarf {
            kept.extend_from_slice(&module[start..end]);
        }
        start = end;
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &[u8] = b"\0asm\x01\0\0\0";

    fn custom(name: &str, content: &[u8]) -> Vec<u8> {
        let length = 1 + name.len() + content.len();
        [&[0, length as u8, name.len() as u8], name.as_bytes(), content].concat()
    }

    /// A function without arguments that gives an i32, with this body.
    fn function(body: &[u8]) -> Vec<u8> {
        let length = body.len() as u8;
        let code = [&[10, length + 3, 1, length + 1, 0], body].concat();
        [&[1, 5, 1, 0x60, 0, 1, 0x7f, 3, 2, 1, 0], &code[..]].concat()
    }

    #[test]
    fn strip_should_leave_out_dwarf_and_keep_every_other_byte() {
        let code = function(&[0x41, 7, 0x0b]);
        let (version, names) = (custom("runtime_version", b"vigil"), custom("name", b""));
        let with = [
            HEADER,
            &custom(".debug_info", b"abc"),
            &code,
            &version,
            &custom(".debug_line", b""),
            &names,
        ]
        .concat();
        assert_eq!(strip(&with).unwrap(), [HEADER, &code, &version, &names].concat());
        assert_eq!(strip(HEADER).unwrap(), HEADER);
    }

    #[test]
    fn run_should_refuse_what_is_not_plain_wasm() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("in"), folder.path().join("out"));
        let run = |module: &[u8]| {
            fs::write(&from, module).unwrap();
            OptimizationOptions::new_opt_level_0().add_pass(Pass::SignextLowering).run(&from, &to)
        };
        let plain = [HEADER, &function(&[0x41, 7, 0x0b])].concat();
        run(&plain).unwrap();
        assert_eq!(fs::read(&to).unwrap(), plain);
        // i32.extend8_s
        let extended = [HEADER, &function(&[0x41, 7, 0xc0, 0x0b])].concat();
        assert!(matches!(run(&extended), Err(OptimizationError::Validate(_))));
        assert!(matches!(run(b"\0asm"), Err(OptimizationError::Validate(_))));
        let missing = OptimizationOptions::new_opt_level_0().run(folder.path().join("no"), &to);
        assert!(matches!(missing, Err(OptimizationError::Read(_))));
    }
}
