//! What went wrong, in one sentence and one exit code.
//!
//! A script decides by the exit code, a person by the sentence: what is wrong, then what to do.

use serde_json::{json, Value};
use std::fmt;

/// The sort of a failure. Its number is the process's exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The command could not do what was asked.
    Failed = 1,
    /// What was typed makes no sense.
    Usage = 2,
    /// The chain refused the transaction, or the job ended without a result.
    Rejected = 3,
    /// The thing asked for does not exist.
    NotFound = 4,
    /// The node, or a worker's blob server, cannot be reached.
    Connection = 5,
}

impl Kind {
    /// The word for it in JSON.
    fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Rejected => "rejected",
            Self::NotFound => "not_found",
            Self::Connection => "connection",
        }
    }
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    message: String,
}

/// What every command returns.
pub(crate) type CommandResult<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure of the given sort. `message` is one sentence: what is wrong, and what to do.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// The command could not do what was asked.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// What was typed makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The chain refused.
    pub(crate) fn rejected(message: impl Into<String>) -> Self {
        Self::new(Kind::Rejected, message)
    }

    /// There is no such thing.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }

    /// The same failure, saying what it is about.
    pub(crate) fn about(mut self, what: &str) -> Self {
        self.message = format!("{what}: {}", self.message);
        self
    }

    /// Its sort, which is the exit code.
    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The JSON of `--json` mode.
    pub(crate) fn to_json(&self) -> Value {
        json!({ "error": {
            "kind": self.kind.name(),
            "code": self.kind as u8,
            "message": self.message,
        }})
    }
}

impl From<vigil_engine::Error> for Failure {
    fn from(error: vigil_engine::Error) -> Self {
        let kind = match &error {
            vigil_engine::Error::Io { source, .. }
                if source.kind() == std::io::ErrorKind::NotFound =>
            {
                Kind::NotFound
            }
            vigil_engine::Error::Source { path, .. }
            | vigil_engine::Error::Package { path, .. }
                if !path.exists() =>
            {
                Kind::NotFound
            }
            _ => Kind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<vigil_client::Error> for Failure {
    fn from(error: vigil_client::Error) -> Self {
        use vigil_client::Error as Client;
        let kind = match &error {
            Client::Unreachable { .. }
            | Client::Disconnected(_)
            | Client::Timeout { .. }
            | Client::WrongChain { .. }
            | Client::UnknownApi { .. }
            | Client::Incompatible(_) => Kind::Connection,
            Client::BadUrl { .. } => Kind::Usage,
            Client::Dispatch { name, .. } if name == "NotFound" => Kind::NotFound,
            error if error.reaction() == vigil_client::Reaction::Rejected => Kind::Rejected,
            _ => Kind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A message may quote a path or a peer's words: it stays on one line.
        f.write_str(&crate::text::printable(self.message.as_bytes()))
    }
}
