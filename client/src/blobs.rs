//! Inputs and outputs over HTTP, by hash.
//!
//! A worker's blob server hands out bytes under their BLAKE3 hash, so whoever reads checks what
//! came and trusts nobody. Writing is for the requester of a job alone, who signs for it: the
//! signature names the worker, the hash, the length and a time of expiry, and is good for nothing
//! else.

use crate::keys::{self, Key};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use vigil_primitives::{AccountId, ContentHash};

pub use bytes::Bytes;

/// Header with the writer's account, an SS58 address.
pub const ACCOUNT_HEADER: &str = "vigil-account";
/// Header with the second (Unix time) after which the signature is void.
pub const EXPIRES_HEADER: &str = "vigil-expires";
/// Header with the signature: 128 hex digits.
pub const SIGNATURE_HEADER: &str = "vigil-signature";
/// Longest time a signature may be valid.
pub const MAX_VALIDITY: Duration = Duration::from_secs(600);

/// What is signed begins with this, so that the signature can't be taken for any other.
const DOMAIN: &[u8] = b"vigil blob put 1\n";
/// How long a signature of [`BlobClient::put`] is valid.
const VALIDITY: Duration = Duration::from_secs(300);
/// Most of a server's explanation that is repeated.
const MAX_REASON: usize = 500;

/// Why a blob could not be fetched or handed over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The base address is not one.
    #[error("{0} is no http or https address")]
    BadUrl(String),
    /// The server cannot be reached, or the connection broke.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// Where.
        url: String,
        /// Why.
        reason: String,
    },
    /// The server does not have the blob.
    #[error("{url} does not have blob {hash:x}")]
    NotFound {
        /// Where.
        url: String,
        /// Which.
        hash: ContentHash,
    },
    /// The server refused.
    #[error("{url} answered {status}: {reason}")]
    Refused {
        /// Where.
        url: String,
        /// HTTP status.
        status: u16,
        /// The server's explanation.
        reason: String,
    },
    /// More bytes than allowed.
    #[error("{url} sends more than the {limit} bytes allowed")]
    TooLong {
        /// Where.
        url: String,
        /// The limit.
        limit: u64,
    },
    /// Other bytes than asked for.
    #[error("{url} sent other bytes than those of blob {hash:x}")]
    WrongHash {
        /// Where.
        url: String,
        /// Which blob was asked for.
        hash: ContentHash,
    },
}

impl BlobError {
    /// Whether trying again later makes sense.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::NotFound { .. } => true,
            Self::Refused { status, .. } => matches!(status, 404 | 408 | 429 | 500..=599),
            _ => false,
        }
    }
}

/// The right to write one blob to one worker, signed by the requester.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// The writer.
    pub account: AccountId,
    /// Unix time in seconds after which the permit is void.
    pub expires: u64,
    /// sr25519 signature.
    pub signature: [u8; 64],
}

impl Permit {
    /// Signs a permit to write the blob of this hash and length to `worker`.
    pub fn sign(key: &Key, worker: &AccountId, hash: &ContentHash, len: u64, expires: u64) -> Self {
        let signature = key.sign(&message(worker, hash, len, expires));
        Self { account: key.account().clone(), expires, signature }
    }

    /// Whether the permit is for this blob and worker and valid at `now` (Unix time, seconds).
    pub fn allows(&self, worker: &AccountId, hash: &ContentHash, len: u64, now: u64) -> bool {
        let latest = now.saturating_add(MAX_VALIDITY.as_secs());
        (now..=latest).contains(&self.expires)
            && keys::verify(
                &self.account,
                &message(worker, hash, len, self.expires),
                &self.signature,
            )
    }
}

fn message(worker: &AccountId, hash: &ContentHash, len: u64, expires: u64) -> Vec<u8> {
    let worker: &[u8] = worker.as_ref();
    [DOMAIN, worker, hash.as_bytes(), &len.to_le_bytes(), &expires.to_le_bytes()].concat()
}

/// Seconds since 1970.
pub fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

/// BLAKE3 of some bytes: their address.
pub fn content_hash(bytes: &[u8]) -> ContentHash {
    ContentHash::from(*blake3::hash(bytes).as_bytes())
}

/// Fetches blobs from workers and hands blobs to them.
#[derive(Clone, Debug)]
pub struct BlobClient {
    http: reqwest::Client,
}

impl Default for BlobClient {
    fn default() -> Self {
        Self::new()
    }
}

impl BlobClient {
    /// A client that gives up after 10 s without a connection, 30 s without a byte, or 10 minutes.
    pub fn new() -> Self {
        Self::with(reqwest::redirect::Policy::none())
    }

    /// As [`Self::new`], but it follows so many redirections, as web servers that are no worker's
    /// make them.
    pub fn following(redirections: usize) -> Self {
        Self::with(reqwest::redirect::Policy::limited(redirections))
    }

    fn with(redirections: reqwest::redirect::Policy) -> Self {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(30))
            .timeout(Duration::from_secs(600))
            .redirect(redirections)
            .user_agent(concat!("vigil/", env!("CARGO_PKG_VERSION")))
            .build()
            .unwrap_or_default();
        Self { http }
    }

    /// Fetches the blob of this hash from the server at `base_url`, at most `max_len` bytes.
    ///
    /// The bytes are hashed as they arrive; what is returned has the hash.
    pub async fn get(
        &self,
        base_url: &str,
        hash: &ContentHash,
        max_len: u64,
    ) -> Result<Bytes, BlobError> {
        self.get_file(&blob_url(base_url, hash)?, hash, max_len).await
    }

    /// Fetches the file at `url`, of which the hash is known, as [`Self::get`] does a blob.
    pub async fn get_file(
        &self,
        url: &str,
        hash: &ContentHash,
        max_len: u64,
    ) -> Result<Bytes, BlobError> {
        check_url(url)?;
        let broken = |error: reqwest::Error| unreachable(url, &error);
        let mut response = self.http.get(url).send().await.map_err(broken)?;
        if response.status() == reqwest::StatusCode::NOT_FOUND {
            return Err(BlobError::NotFound { url: url.into(), hash: *hash });
        }
        if response.status() != reqwest::StatusCode::OK {
            return Err(refused(url, response).await);
        }
        let too_long = || BlobError::TooLong { url: url.into(), limit: max_len };
        if response.content_length().is_some_and(|len| len > max_len) {
            return Err(too_long());
        }
        let mut hasher = blake3::Hasher::new();
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            let len = bytes.len().saturating_add(chunk.len());
            if u64::try_from(len).map_or(true, |len| len > max_len) {
                return Err(too_long());
            }
            hasher.update(&chunk);
            bytes.extend_from_slice(&chunk);
        }
        if hasher.finalize().as_bytes() != hash.as_fixed_bytes() {
            return Err(BlobError::WrongHash { url: url.into(), hash: *hash });
        }
        Ok(bytes.into())
    }

    /// Hands a blob to the worker at `base_url`. `key` is that of the job's requester.
    pub async fn put(
        &self,
        base_url: &str,
        worker: &AccountId,
        bytes: Bytes,
        key: &Key,
    ) -> Result<ContentHash, BlobError> {
        let hash = content_hash(&bytes);
        let url = blob_url(base_url, &hash)?;
        let len = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let expires = unix_time().saturating_add(VALIDITY.as_secs());
        let permit = Permit::sign(key, worker, &hash, len, expires);
        let response = self
            .http
            .put(&url)
            .header(ACCOUNT_HEADER, key.address())
            .header(EXPIRES_HEADER, permit.expires)
            .header(SIGNATURE_HEADER, hex::encode(permit.signature))
            .body(bytes)
            .send()
            .await
            .map_err(|error| unreachable(&url, &error))?;
        if response.status().is_success() {
            return Ok(hash);
        }
        Err(refused(&url, response).await)
    }
}

/// The address of a blob on a server.
fn blob_url(base_url: &str, hash: &ContentHash) -> Result<String, BlobError> {
    check_url(base_url)?;
    Ok(format!("{}/blobs/{}", base_url.trim_end_matches('/'), hex::encode(hash)))
}

fn check_url(url: &str) -> Result<(), BlobError> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(());
    }
    Err(BlobError::BadUrl(url.into()))
}

fn unreachable(url: &str, error: &reqwest::Error) -> BlobError {
    let mut reason = error as &dyn std::error::Error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    BlobError::Unreachable { url: url.into(), reason: reason.to_string() }
}

async fn refused(url: &str, mut response: reqwest::Response) -> BlobError {
    let status = response.status().as_u16();
    let mut reason = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        reason.extend_from_slice(&chunk);
        if reason.len() >= MAX_REASON {
            break;
        }
    }
    reason.truncate(MAX_REASON);
    let reason = String::from_utf8_lossy(&reason);
    // A server is not trusted with the reader's terminal.
    let reason = reason.chars().filter(|c| !c.is_control()).collect();
    BlobError::Refused { url: url.into(), status, reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        net::TcpListener,
    };

    /// A server that answers one request with these bytes.
    fn serve(answer: Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let (mut socket, _) = listener.accept().unwrap();
            let _ = socket.read(&mut [0; 4096]);
            let _ = socket.write_all(&answer);
        });
        format!("http://{address}/")
    }

    fn ok(body: &[u8], claimed: usize) -> Vec<u8> {
        let mut answer =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {claimed}\r\n\r\n").into_bytes();
        answer.extend(body);
        answer
    }

    #[tokio::test]
    async fn get_should_return_the_bytes_when_hash_and_length_fit() {
        let url = serve(ok(b"hello", 5));
        let bytes = BlobClient::new().get(&url, &content_hash(b"hello"), 5).await.unwrap();
        assert_eq!(&bytes[..], b"hello");
    }

    #[tokio::test]
    async fn get_file_should_follow_redirections_when_it_may() {
        let file = serve(ok(b"hello", 5));
        let moved = format!("HTTP/1.1 302 Found\r\nlocation: {file}x\r\ncontent-length: 0\r\n\r\n");
        let hash = content_hash(b"hello");
        let url = format!("{}metadata.json", serve(moved.clone().into_bytes()));
        let bytes = BlobClient::following(1).get_file(&url, &hash, 5).await.unwrap();
        assert_eq!(&bytes[..], b"hello");
        let url = format!("{}metadata.json", serve(moved.into_bytes()));
        let error = BlobClient::new().get_file(&url, &hash, 5).await.unwrap_err();
        assert!(matches!(error, BlobError::Refused { status: 302, .. }), "{error}");
        let error = BlobClient::new().get_file("file:///etc/x", &hash, 5).await.unwrap_err();
        assert!(matches!(error, BlobError::BadUrl(_)), "{error}");
    }

    #[tokio::test]
    async fn get_should_refuse_other_bytes() {
        let url = serve(ok(b"hellO", 5));
        let error = BlobClient::new().get(&url, &content_hash(b"hello"), 5).await.unwrap_err();
        assert!(matches!(error, BlobError::WrongHash { .. }), "{error}");
    }

    #[tokio::test]
    async fn get_should_refuse_too_many_bytes_whether_announced_or_not() {
        let url = serve(ok(b"hello", 5));
        let error = BlobClient::new().get(&url, &content_hash(b"hello"), 4).await.unwrap_err();
        assert!(matches!(error, BlobError::TooLong { .. }), "{error}");
        let url = serve(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello".to_vec());
        let error = BlobClient::new().get(&url, &content_hash(b"hello"), 4).await.unwrap_err();
        assert!(matches!(error, BlobError::TooLong { .. }), "{error}");
    }

    #[tokio::test]
    async fn get_should_be_temporary_when_the_body_is_cut_off_or_missing() {
        let url = serve(ok(b"hel", 5));
        let error = BlobClient::new().get(&url, &content_hash(b"hello"), 5).await.unwrap_err();
        assert!(matches!(error, BlobError::Unreachable { .. }) && error.is_temporary(), "{error}");
        let url = serve(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec());
        let error = BlobClient::new().get(&url, &content_hash(b"hello"), 5).await.unwrap_err();
        assert!(matches!(error, BlobError::NotFound { .. }) && error.is_temporary(), "{error}");
    }

    #[test]
    fn a_permit_should_be_good_for_what_it_names_alone() {
        let (alice, worker) = (Key::dev("Alice").unwrap(), Key::dev("Bob").unwrap());
        let worker = worker.account();
        let hash = content_hash(b"input");
        let permit = Permit::sign(&alice, worker, &hash, 5, 1_000);
        assert!(permit.allows(worker, &hash, 5, 900));
        assert!(!permit.allows(worker, &hash, 6, 900));
        assert!(!permit.allows(worker, &content_hash(b"other"), 5, 900));
        assert!(!permit.allows(alice.account(), &hash, 5, 900));
        assert!(!permit.allows(worker, &hash, 5, 1_001), "expired");
        assert!(!permit.allows(worker, &hash, 5, 300), "valid for too long");
        let forged = Permit { account: worker.clone(), ..permit };
        assert!(!forged.allows(worker, &hash, 5, 900));
    }
}
