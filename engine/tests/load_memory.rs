//! A loaded model needs little more memory than its package: the weights are laid out anew, and
//! the memory that they were read through is given back as it goes.

#![cfg(target_os = "linux")]

mod common;

use common::Llama;
use std::{env, fs, process::Command};
use vigil_engine::{Model, Options, Package, Request, Sampling};

/// Names the package that a process of its own is to load.
const CHILD: &str = "VIGIL_TEST_LOAD";
/// What a process needs that loads nothing to speak of: its code, its threads, the tokenizer.
const PROCESS: u64 = 20 << 20;

/// Resident bytes now and at most so far.
fn resident() -> [u64; 2] {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    ["VmRSS:", "VmHWM:"].map(|name| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    })
}

#[test]
fn a_loaded_model_should_need_little_more_memory_than_its_package() {
    if let Some(dir) = env::var_os(CHILD) {
        let package = Package::open(dir).unwrap();
        let model = Model::load(&package, &Options { threads: 2, ..Options::default() }).unwrap();
        model.run(&Request::generate([3, 4, 5], 2, Sampling::Greedy)).unwrap();
        let [now, most] = resident();
        println!("\nresident {now} {most}");
        return;
    }
    for tied in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let llama = Llama {
            vocabulary: 40_000,
            hidden: 512,
            layers: 8,
            heads: 8,
            kv_heads: 4,
            head_width: 64,
            intermediate: 1_536,
            tied,
            float: common::Float::Bf16,
            ..Llama::default()
        };
        let size = llama.packed(dir.path()).manifest().total_len();
        let output = Command::new(env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("a_loaded_model_should_need_little_more_memory_than_its_package")
            .env(CHILD, dir.path().join("package"))
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let line = said.lines().find_map(|line| line.strip_prefix("resident ")).expect(&said);
        let [now, most] = [0, 1].map(|i| line.split(' ').nth(i).unwrap().parse::<u64>().unwrap());
        println!("package {size}, resident {now}, at most {most}");
        let bound = size + size * 15 / 100 + PROCESS;
        assert!(bound < 2 * size, "the package is too small to show anything");
        assert!(now <= bound && most <= bound, "{now} now, {most} at most, {bound} allowed");
    }
}
