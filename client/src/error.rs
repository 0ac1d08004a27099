//! What can go wrong, sorted by what to do about it.

use vigil_primitives::Hash;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What to do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Try again later: nothing is wrong with the request.
    Temporary,
    /// The chain says no. The same request will fail again unless something changes.
    Rejected,
    /// Wrong chain, wrong key, wrong program: a person has to act.
    Fatal,
}

/// Why a request to the chain failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No node answers at this address.
    #[error("no node answers at {url}: {reason}; is it running, and is its RPC port open?")]
    Unreachable {
        /// Where.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// The connection was lost and has not come back in time.
    #[error("the connection to the node was lost: {0}")]
    Disconnected(String),
    /// The node took too long.
    #[error("the node did not answer {what} within {seconds} s")]
    Timeout {
        /// What was asked.
        what: &'static str,
        /// How long we waited.
        seconds: u64,
    },
    /// The node answered with an error of its own.
    #[error("the node refused {what}: {reason}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// What the node said.
        reason: String,
    },
    /// The pool has seen this very transaction too often of late.
    #[error("the transaction is temporarily banned by the node's pool; try again in half an hour")]
    Banned,
    /// The pool is full.
    #[error("the node's transaction pool is full; try again later or add a tip")]
    PoolFull,
    /// The nonce was used by another transaction.
    #[error(
        "the account's nonce was used by another transaction; is the key in use by another program?"
    )]
    StaleNonce,
    /// The transaction left the pool without having been included.
    #[error("the transaction left the node's pool without being included: {0}")]
    Dropped(&'static str),
    /// The blocks in which the transaction was valid have passed.
    #[error("the transaction was not included while it was valid; it never will be")]
    Expired,
    /// The transaction is in the best chain but finality does not come.
    #[error("the transaction is in a block, but no finality came within {0} s")]
    NotFinalized(u64),

    /// The account cannot pay the transaction's fee.
    #[error("{account} cannot pay the transaction fee; send it some VGL")]
    InsufficientFunds {
        /// SS58 address of the account.
        account: String,
    },
    /// The call was executed and failed.
    #[error("{pallet}::{name}: {doc}")]
    Dispatch {
        /// The pallet, or the kind of error when it comes from none.
        pallet: String,
        /// The pallet's name of the error.
        name: String,
        /// The pallet's explanation.
        doc: String,
        /// The block which holds the failed extrinsic.
        block: Hash,
    },
    /// The transaction breaks a rule of the chain.
    #[error("the chain refuses the transaction: {0}")]
    Invalid(String),

    /// The URL is not one of a node.
    #[error("{url} is no node URL: {reason}; expected for instance ws://127.0.0.1:9944")]
    BadUrl {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The node runs another chain.
    #[error("the node at {url} runs the chain \"{found}\", not \"vigil\"")]
    WrongChain {
        /// Where.
        url: String,
        /// The chain it runs.
        found: String,
    },
    /// The chain's runtime lacks an API, or has too old a version of it.
    #[error("the chain {}, and this program needs version {needed} of it: update the node, or use the program that came with it", if *found == 0 { format!("has no {api}") } else { format!("speaks version {found} of {api}") })]
    UnknownApi {
        /// Its name.
        api: &'static str,
        /// The chain's version; 0 when it has no such API.
        found: u32,
        /// The least version that this program can use.
        needed: u32,
    },
    /// The chain's calls, events or types are not the ones this program knows.
    #[error("the chain does not fit this program ({0}); update the older of the two")]
    Incompatible(String),
}

impl Error {
    /// What to do about it.
    pub fn reaction(&self) -> Reaction {
        match self {
            Self::Unreachable { .. }
            | Self::Disconnected(_)
            | Self::Timeout { .. }
            | Self::Refused { .. }
            | Self::Banned
            | Self::PoolFull
            | Self::StaleNonce
            | Self::Dropped(_)
            | Self::Expired
            | Self::NotFinalized(_) => Reaction::Temporary,
            Self::InsufficientFunds { .. } | Self::Dispatch { .. } | Self::Invalid(_) => {
                Reaction::Rejected
            }
            Self::BadUrl { .. }
            | Self::WrongChain { .. }
            | Self::UnknownApi { .. }
            | Self::Incompatible(_) => Reaction::Fatal,
        }
    }

    /// Whether trying again later makes sense.
    pub fn is_temporary(&self) -> bool {
        self.reaction() == Reaction::Temporary
    }

    /// Whether a call failed with this error of this pallet.
    pub fn is_dispatch(&self, pallet: &str, name: &str) -> bool {
        matches!(self, Self::Dispatch { pallet: p, name: n, .. } if p == pallet && n == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_api_should_name_the_side_to_update() {
        let missing = Error::UnknownApi { api: "JobsApi", found: 0, needed: 1 }.to_string();
        assert!(missing.starts_with("the chain has no JobsApi"), "{missing}");
        let older = Error::UnknownApi { api: "JobsApi", found: 1, needed: 2 }.to_string();
        assert!(older.starts_with("the chain speaks version 1 of JobsApi"), "{older}");
        assert!(older.contains("update the node"), "{older}");
    }

    #[test]
    fn is_dispatch_should_compare_pallet_and_name() {
        let error = Error::Dispatch {
            pallet: "Jobs".into(),
            name: "NotFound".into(),
            doc: String::new(),
            block: Hash::zero(),
        };
        assert!(error.is_dispatch("Jobs", "NotFound"));
        assert!(!error.is_dispatch("Models", "NotFound"));
        assert_eq!(error.reaction(), Reaction::Rejected);
    }
}
