//! Files that are read and written.

use crate::error::{CommandResult, Failure};
use std::path::Path;

/// Reads a file.
pub(crate) fn read(path: &Path) -> CommandResult<Vec<u8>> {
    std::fs::read(path).map_err(|error| unreadable(path, &error))
}

/// Writes a file.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> CommandResult {
    std::fs::write(path, bytes).map_err(|error| unwritable(path, &error))
}

/// A file or folder that cannot be written.
pub(crate) fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::failed(format!("cannot write {}: {error}", path.display()))
}

/// Reads a text file of the requester's.
pub(crate) fn read_text(path: &Path) -> CommandResult<String> {
    let bytes = read(path)?;
    String::from_utf8(bytes)
        .map_err(|_| Failure::failed(format!("{} is not UTF-8 text", path.display())))
}

/// A file that cannot be read.
pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    let message = format!("cannot read {}: {error}", path.display());
    if error.kind() == std::io::ErrorKind::NotFound {
        Failure::not_found(message)
    } else {
        Failure::failed(message)
    }
}

/// One text per line; empty lines do not count.
pub(crate) fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_should_skip_empty_ones() {
        assert_eq!(lines(" a \n\n\tb\r\n"), ["a", "b"]);
    }
}
