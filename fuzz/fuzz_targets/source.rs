//! A Hugging Face folder: one file of a good one changed, or put in beside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::fs;
use vigil_engine::{
    pack::{pack, PackOptions},
    Error,
};
use vigil_fuzz::{folder, write_source, Input};

const FILES: [&str; 8] = [
    "config.json",
    "model.safetensors",
    "generation_config.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "model.safetensors.index.json",
    "modules.json",
    "1_Pooling/config.json",
];

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let dir = folder();
    let (from, to) = (dir.path().join("source"), dir.path().join("package"));
    write_source(input.below(5), &from);
    let path = from.join(FILES[input.below(FILES.len())]);
    let good = fs::read(&path).unwrap_or_else(|_| b"{\"eos_token_id\": [1, 2]}".to_vec());
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, input.change(&good)).expect("a file of the folder");
    let context = (input.byte() > 200).then(|| input.byte().into());
    let options = PackOptions { context, ..PackOptions::default() };
    match pack(&from, &to, &options) {
        Ok(report) => assert_eq!(report.manifest_hash, report.manifest.hash()),
        Err(error) => {
            // An index may name files that are not there.
            let refused = matches!(error, Error::Source { .. } | Error::Io { .. });
            assert!(refused, "{error}");
            assert!(!to.exists());
        }
    }
});
