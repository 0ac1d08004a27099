//! What the content of a dataset hashes to. `docs/metadata.md` says how anybody recomputes it.

use crate::{
    commands::document::{hash_file, hash_part},
    error::{CommandResult, Failure},
    files::unreadable,
    global::Global,
    output::Progress,
};
use std::path::{Path, PathBuf};
use vigil_client::blobs::content_hash;
use vigil_primitives::{dataset::Artifact, ContentHash};

/// The hash and size of a file, or of a folder: then the hash is that of its listing, and the size
/// is the sum of its files'.
pub(super) fn content(global: &Global, path: &Path) -> CommandResult<Artifact> {
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if !metadata.is_dir() {
        return hash_file(global, path);
    }
    let mut files = Vec::new();
    walk(path, "", &mut files)?;
    if files.is_empty() {
        return Err(Failure::failed(format!("{} holds no files", path.display())));
    }
    // By the bytes of the names, whatever the language of this machine.
    files.sort_by(|one, other| one.name.cmp(&other.name));
    let total = files.iter().fold(0, |sum: u64, file| sum.saturating_add(file.len));
    let progress = Progress::bytes(global, total, "hashing");
    let (mut listing, mut len) = (String::new(), 0u64);
    for entry in &files {
        let artifact = hash_part(&entry.path, len, &progress)?;
        len = len.saturating_add(artifact.len);
        listing.push_str(&line(&artifact.hash, &entry.name));
    }
    Ok(Artifact { hash: content_hash(listing.as_bytes()), len })
}

/// A line of the listing, as `b3sum` prints it.
fn line(hash: &ContentHash, name: &str) -> String {
    format!("{}  {name}\n", hex::encode(hash))
}

/// A file of a folder.
struct Entry {
    /// Its path from the folder, with `/` between the parts.
    name: String,
    path: PathBuf,
    len: u64,
}

/// Adds all files of a folder to `files`.
fn walk(folder: &Path, prefix: &str, files: &mut Vec<Entry>) -> CommandResult {
    let broken = |error: std::io::Error| unreadable(folder, &error);
    for entry in std::fs::read_dir(folder).map_err(broken)? {
        let entry = entry.map_err(broken)?;
        let path = entry.path();
        let refuse = |why: &str| Failure::failed(format!("{} {why}", path.display()));
        let name = entry.file_name();
        let name = name.to_str().ok_or_else(|| {
            refuse("has a name that is not UTF-8, which no listing can hold: rename it")
        })?;
        // `b3sum` writes such names in another form.
        if name.contains(['\\', '\n', '\r']) {
            return Err(refuse("has a backslash or a line end in its name: rename it"));
        }
        let name = format!("{prefix}{name}");
        // Of the entry itself: links are not followed.
        let metadata = entry.metadata().map_err(|error| unreadable(&path, &error))?;
        if metadata.is_dir() {
            walk(&path, &format!("{name}/"), files)?;
        } else if metadata.is_file() {
            files.push(Entry { name, path, len: metadata.len() });
        } else if metadata.is_symlink() {
            return Err(refuse("is a symbolic link, which is no content: replace or remove it"));
        } else {
            return Err(refuse("is neither a file nor a folder: remove it"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;
    use std::fs;

    fn global() -> Global {
        Cli::try_parse_from(["vigil", "chain", "info"]).unwrap().global
    }

    fn of(path: &Path) -> CommandResult<Artifact> {
        content(&global(), path)
    }

    /// A folder with these files.
    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn the_content_of_a_file_should_be_its_bytes() {
        let folder = folder(&[("a.txt", "hello")]);
        let file = of(&folder.path().join("a.txt")).unwrap();
        assert_eq!(file, Artifact { hash: content_hash(b"hello"), len: 5 });
    }

    #[test]
    fn the_content_of_a_folder_should_be_its_sorted_listing() {
        // By bytes: capitals first, and "a-b" before "a/c" since '-' comes before '/'.
        let folder = folder(&[("a/c", "3"), ("a-b", "22"), ("Z", "1"), ("\u{e4}", "")]);
        fs::create_dir(folder.path().join("empty")).unwrap();
        let listing: String = [("Z", "1"), ("a-b", "22"), ("a/c", "3"), ("\u{e4}", "")]
            .map(|(name, text)| format!("{}  {name}\n", blake3::hash(text.as_bytes()).to_hex()))
            .concat();
        let expected = Artifact { hash: content_hash(listing.as_bytes()), len: 4 };
        assert_eq!(of(folder.path()).unwrap(), expected);
    }

    #[test]
    fn the_content_should_change_when_a_byte_a_name_or_a_place_does() {
        let base = of(folder(&[("a", "1"), ("b", "2")]).path()).unwrap();
        for other in
            [[("a", "1"), ("b", "3")], [("a", "1"), ("c", "2")], [("a", "1"), ("x/b", "2")]]
        {
            assert_ne!(of(folder(&other).path()).unwrap().hash, base.hash, "{other:?}");
        }
        assert_eq!(of(folder(&[("b", "2"), ("a", "1")]).path()).unwrap(), base);
    }

    #[test]
    fn what_has_no_content_should_be_refused() {
        let says = |folder: &tempfile::TempDir, says: &str| {
            let error = of(folder.path()).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        };
        says(&folder(&[]), "holds no files");
        says(&folder(&[("a\\b", "1")]), "backslash");
        says(&folder(&[("sub/a\nb", "1")]), "line end");
        let linked = folder(&[("a", "1")]);
        std::os::unix::fs::symlink("a", linked.path().join("b")).unwrap();
        says(&linked, "symbolic link");
        let error = of(Path::new("/no/such/data")).unwrap_err();
        assert_eq!(error.kind(), crate::error::Kind::NotFound);
    }
}
