//! `package.json`: as it comes, and a good one changed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vigil_engine::Manifest;
use vigil_fuzz::{packages, Input};

fn check(bytes: &[u8]) {
    if let Ok(manifest) = Manifest::parse(bytes) {
        assert_eq!(manifest.to_bytes(), bytes, "a manifest has one way to be written");
        assert!(manifest.architecture.validate().is_ok());
    }
}

fuzz_target!(|data: &[u8]| {
    check(data);
    let mut input = Input(data);
    let good = &packages()[input.below(5)][0];
    check(&input.change(good));
});
