//! Builds the guest for `wasm32v1-none`.
//!
//! With the toolchain of this build, or with the rustup toolchain that `WASM_BUILD_TOOLCHAIN`
//! names, as the runtime's own build does. `SKIP_WASM_BUILD` leaves the module empty, for checks
//! that do not run it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

const TARGET: &str = "wasm32v1-none";

fn main() -> ExitCode {
    for path in ["guest", "../src", "../Cargo.toml", "../../architecture/src"] {
        println!("cargo::rerun-if-changed={path}");
    }
    for variable in ["WASM_BUILD_TOOLCHAIN", "SKIP_WASM_BUILD"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            println!("cargo::error={reason}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo gives no OUT_DIR")?);
    let module = out.join("guest.wasm");
    let write = |e: std::io::Error| format!("cannot write {}: {e}", module.display());
    if env::var_os("SKIP_WASM_BUILD").is_some() {
        return fs::write(&module, []).map_err(write);
    }
    check_target()?;
    let directory = out.join("guest");
    // Not `env!`: the compiled script may be one that another checkout left in the target folder.
    let here = env::var_os("CARGO_MANIFEST_DIR").ok_or("cargo gives no CARGO_MANIFEST_DIR")?;
    let manifest = Path::new(&here).join("guest").join("Cargo.toml");
    let mut cargo = tool("cargo", "CARGO");
    cargo.args(["build", "--release", "--locked", "--target", TARGET, "--manifest-path"]);
    cargo.arg(manifest).arg("--target-dir").arg(&directory);
    let output = cargo.output().map_err(|e| format!("cannot run cargo: {e}"))?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        return Err(format!("the operators do not build for {TARGET}; see the output above"));
    }
    let built = directory.join(TARGET).join("release").join("vigil_ops_guest.wasm");
    fs::copy(built, &module).map(|_| ()).map_err(write)
}

/// Says what to do when the target is not installed, before cargo says it in fifty lines.
fn check_target() -> Result<(), String> {
    let output = tool("rustc", "RUSTC")
        .args(["--print", "target-libdir", "--target", TARGET])
        .output()
        .map_err(|e| format!("cannot run rustc: {e}"))?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let has_core = fs::read_dir(libraries).is_ok_and(|entries| {
        entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
    });
    if has_core {
        Ok(())
    } else {
        Err(format!(
            "the {TARGET} target is missing: run `rustup target add {TARGET}`, or name a rustup \
             toolchain that has it in WASM_BUILD_TOOLCHAIN"
        ))
    }
}

/// `cargo` or `rustc` of the chosen toolchain, without what this build has set for its own target.
fn tool(name: &str, variable: &str) -> Command {
    let mut command = match env::var("WASM_BUILD_TOOLCHAIN") {
        Ok(toolchain) if !toolchain.is_empty() => {
            let mut command = Command::new("rustup");
            command.args(["run", &toolchain, name]);
            command
        }
        _ => Command::new(env::var_os(variable).unwrap_or_else(|| name.into())),
    };
    for variable in [
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_BUILD_TARGET",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_TARGET_DIR",
        "RUSTC",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTDOC",
        "RUSTFLAGS",
    ] {
        command.env_remove(variable);
    }
    command
}
