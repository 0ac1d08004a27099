//! `config.json`: as it comes, and a good one changed, against the architecture of its model.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vigil_engine::{package::check_config, Manifest};
use vigil_fuzz::{packages, Input};

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let [manifest, config, ..] = &packages()[input.below(5)];
    let architecture = Manifest::parse(manifest).expect("a good manifest").architecture;
    let changed = input.change(config);
    for bytes in [input.0, &changed] {
        if let Err(error) = check_config(bytes, &architecture) {
            assert!(error.is_bad_package());
            assert!(error.to_string().len() < 2_000, "{error}");
        }
    }
});
