//! Files of golden vectors.

use std::{fmt::Write, fs, path::PathBuf};

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Compares with `golden/FOLDER/NAME.txt`. With `VIGIL_WRITE_GOLDEN=1` a file that is missing is
/// written; one that exists is never touched.
pub fn check(folder: &str, name: &str, text: &str) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("golden").join(folder);
    let path = folder.join(format!("{name}.txt"));
    if !path.exists() && std::env::var_os("VIGIL_WRITE_GOLDEN").is_some() {
        fs::create_dir_all(&folder).unwrap();
        fs::write(&path, text).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    for (line, (golden, now)) in golden.lines().zip(text.lines()).enumerate() {
        assert_eq!(golden, now, "{name}, line {}", line + 1);
    }
    assert_eq!(golden.len(), text.len(), "{name} has another length");
}
