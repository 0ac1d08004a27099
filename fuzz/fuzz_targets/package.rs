//! A whole package: one file of a good one changed, the manifest telling the truth about it or not.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::fs;
use vigil_engine::{package::check_weights, Manifest, Package, Tokenizer};
use vigil_fuzz::{folder, let_caught_panics_go, packages, Input, FILES};

fuzz_target!(|data: &[u8]| {
    let_caught_panics_go();
    let mut input = Input(data);
    let mut files = packages()[input.below(5)].clone();
    let (changed, honest) = (input.below(4), input.byte().is_multiple_of(2));
    files[changed] = input.change(&files[changed]);
    let good = Manifest::parse(&packages()[0][0]).is_ok();
    assert!(good);
    if let (true, 1..) = (honest, changed) {
        let mut manifest = Manifest::parse(&files[0]).expect("the good manifest");
        let entry = &mut manifest.files[changed - 1];
        entry.blake3 = blake3::hash(&files[changed]).to_string();
        entry.len = files[changed].len() as u64;
        files[0] = manifest.to_bytes();
        let _ = check_weights(&files[3], &manifest.architecture);
    }
    let dir = folder();
    for (name, bytes) in FILES.iter().zip(&files) {
        fs::write(dir.path().join(name), bytes).expect("a file of the package");
    }
    match Package::open(dir.path()) {
        Ok(package) => drop(Tokenizer::open(&package)),
        Err(error) => assert!(error.is_bad_package(), "{error}"),
    }
});
