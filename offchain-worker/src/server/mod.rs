//! The blob server: outputs for everybody who knows their hash, inputs from the requester alone.
//!
//! The hash of an output is secret until its job is revealed; then it is on chain, and everybody can
//! read the output. Writing needs the requester's signature, for a blob that one of our jobs names,
//! of exactly the length that it names. Connections, their idle time and bodies are bounded.

use crate::{blobs::Blobs, metrics::Metrics};
use axum::{
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{header, HeaderMap, HeaderValue, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
    Router,
};
use futures::StreamExt;
use std::{
    collections::HashMap,
    io::{self, Write},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncSeekExt},
    sync::{watch, Notify},
};
use vigil_client::{
    blobs::{unix_time, Permit, ACCOUNT_HEADER, EXPIRES_HEADER, SIGNATURE_HEADER},
    keys::parse_address,
};
use vigil_primitives::{AccountId, ContentHash};

/// How long a body may take.
const BODY_TIME: Duration = Duration::from_secs(60);
/// How long a writer waits for us to hear of its job: a block or two.
const NEWS_TIME: Duration = Duration::from_secs(6);

/// Inputs that our jobs wait for: from the hash to length and requester of every job that has it.
pub(crate) type Expected = HashMap<ContentHash, Vec<(u64, AccountId)>>;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) worker: AccountId,
    pub(crate) blobs: Blobs,
    pub(crate) expected: watch::Receiver<Expected>,
    /// Told when an input has come.
    pub(crate) arrived: Arc<Notify>,
    pub(crate) metrics: Metrics,
    /// How long to wait for news of a job that a writer names.
    pub(crate) patience: Duration,
}

impl Shared {
    /// Returns what the handlers of a worker share. `expected` is kept up to date by the service.
    pub(crate) fn new(
        worker: AccountId,
        blobs: Blobs,
        expected: watch::Receiver<Expected>,
        metrics: Metrics,
    ) -> Self {
        let arrived = Arc::new(Notify::new());
        Self { worker, blobs, expected, arrived, metrics, patience: NEWS_TIME }
    }
}

/// An answer that is one sentence.
struct HttpError(StatusCode, String);

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        (self.0, format!("{}\n", self.1)).into_response()
    }
}

fn refuse<T>(status: StatusCode, sentence: impl Into<String>) -> Result<T, HttpError> {
    Err(HttpError(status, sentence.into()))
}

fn broken(error: io::Error) -> HttpError {
    tracing::error!("blob server: {error}");
    HttpError(StatusCode::INTERNAL_SERVER_ERROR, "the worker's disk failed".into())
}

/// Returns the routes: `/blobs/{hash}` and `/health`.
pub(crate) fn router(shared: Shared) -> Router {
    Router::new()
        .route("/blobs/{hash}", get(read).put(write))
        .route("/health", get(|| async { "ok\n" }))
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

fn parse_hash(text: &str) -> Result<ContentHash, HttpError> {
    let mut hash = [0; 32];
    let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    if !lower || hex::decode_to_slice(text, &mut hash).is_err() {
        return refuse(
            StatusCode::NOT_FOUND,
            "a blob is named by 64 lower-case hexadecimal digits",
        );
    }
    Ok(hash.into())
}

/// `GET` and `HEAD`, with one range at most.
async fn read(
    State(shared): State<Shared>,
    method: Method,
    Path(hash): Path<String>,
    headers: HeaderMap,
) -> Response {
    let response = try_read(&shared, &method, &hash, &headers).await.into_response();
    count(&shared, &method, &response);
    response
}

async fn try_read(
    shared: &Shared,
    method: &Method,
    hash: &str,
    headers: &HeaderMap,
) -> Result<Response, HttpError> {
    let hash = parse_hash(hash)?;
    let mut file = match tokio::fs::File::open(shared.blobs.path(&hash)).await {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return refuse(StatusCode::NOT_FOUND, "this worker does not have the blob");
        }
        Err(error) => return Err(broken(error)),
    };
    let len = file.metadata().await.map_err(broken)?.len();
    let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let range = range.map_or(Wanted::All, |range| parse_range(range, len));
    let mut answer = Response::builder()
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::ETAG, format!("\"{}\"", hex::encode(hash)))
        .header(header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    let (start, part) = match range {
        Wanted::All => (0, len),
        Wanted::Part(start, end) => {
            answer = answer
                .status(StatusCode::PARTIAL_CONTENT)
                .header(header::CONTENT_RANGE, format!("bytes {start}-{end}/{len}"));
            (start, end.saturating_sub(start).saturating_add(1))
        }
        Wanted::Impossible => {
            let sentence = format!("the blob has {len} bytes, the range is outside\n");
            let mut response = (StatusCode::RANGE_NOT_SATISFIABLE, sentence).into_response();
            if let Ok(value) = HeaderValue::from_str(&format!("bytes */{len}")) {
                response.headers_mut().insert(header::CONTENT_RANGE, value);
            }
            return Ok(response);
        }
    };
    answer = answer.header(header::CONTENT_LENGTH, part);
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        file.seek(io::SeekFrom::Start(start)).await.map_err(broken)?;
        Body::from_stream(tokio_util::io::ReaderStream::new(file.take(part)))
    };
    answer.body(body).map_err(|error| broken(io::Error::other(error)))
}

/// What part of a blob is wanted.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    All,
    /// First and last byte.
    Part(u64, u64),
    Impossible,
}

/// Reads a `Range` header. One that is not understood or names several ranges is ignored, as the
/// HTTP standard allows.
fn parse_range(text: &str, len: u64) -> Wanted {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|text| text.split_once('-'))
    else {
        return Wanted::All;
    };
    let end = len.saturating_sub(1);
    match (first.trim().parse::<u64>(), last.trim().parse::<u64>()) {
        (Ok(first), Ok(last)) if first > last => Wanted::All,
        (Ok(first), _) if first >= len => Wanted::Impossible,
        (Ok(first), Ok(last)) => Wanted::Part(first, last.min(end)),
        (Ok(first), Err(_)) if last.trim().is_empty() => Wanted::Part(first, end),
        (Err(_), Ok(count)) if first.trim().is_empty() => match (count, len) {
            (0, _) | (_, 0) => Wanted::Impossible,
            _ => Wanted::Part(len.saturating_sub(count), end),
        },
        _ => Wanted::All,
    }
}

/// `PUT`: an input, from its job's requester.
async fn write(
    State(shared): State<Shared>,
    Path(hash): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let response = try_write(&shared, &hash, &headers, body).await.into_response();
    count(&shared, &Method::PUT, &response);
    response
}

async fn try_write(
    shared: &Shared,
    hash: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<Response, HttpError> {
    let hash = parse_hash(hash)?;
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(len) = text(header::CONTENT_LENGTH.as_str()).and_then(|len| len.parse::<u64>().ok())
    else {
        return refuse(StatusCode::LENGTH_REQUIRED, "the header content-length is missing");
    };
    let Some(permit) = parse_permit(&text) else {
        let names = format!("{ACCOUNT_HEADER}, {EXPIRES_HEADER} and {SIGNATURE_HEADER}");
        return refuse(StatusCode::UNAUTHORIZED, format!("the headers {names} are missing or bad"));
    };
    if !permit.allows(&shared.worker, &hash, len, unix_time()) {
        return refuse(
            StatusCode::UNAUTHORIZED,
            "the signature is not for this blob, length and worker, or its time is over",
        );
    }
    expect(shared, &hash, len, &permit.account).await?;
    if shared.blobs.len(&hash) == Some(len) {
        return Ok((StatusCode::OK, "the blob is here already\n").into_response());
    }
    match tokio::time::timeout(BODY_TIME, receive(shared, hash, len, body)).await {
        Ok(result) => result?,
        Err(_) => return refuse(StatusCode::REQUEST_TIMEOUT, "the body took too long"),
    }
    shared.arrived.notify_one();
    Ok((StatusCode::CREATED, "thank you\n").into_response())
}

fn parse_permit<'a>(text: &impl Fn(&str) -> Option<&'a str>) -> Option<Permit> {
    let account = parse_address(text(ACCOUNT_HEADER)?).ok()?;
    let expires = text(EXPIRES_HEADER)?.parse().ok()?;
    let mut signature = [0; 64];
    hex::decode_to_slice(text(SIGNATURE_HEADER)?, &mut signature).ok()?;
    Some(Permit { account, expires, signature })
}

/// Checks that a job of this account awaits the blob, with this length. It waits a while for such a
/// job: the requester may have heard of the assignment before us.
async fn expect(
    shared: &Shared,
    hash: &ContentHash,
    len: u64,
    account: &AccountId,
) -> Result<(), HttpError> {
    let mut expected = shared.expected.clone();
    let known = expected.wait_for(|expected| {
        expected.get(hash).is_some_and(|jobs| jobs.iter().any(|(_, owner)| owner == account))
    });
    if !matches!(tokio::time::timeout(shared.patience, known).await, Ok(Ok(_))) {
        return refuse(
            StatusCode::FORBIDDEN,
            "no job of this account that is assigned to this worker has this input",
        );
    }
    let expected = shared.expected.borrow();
    let lens = || expected.get(hash).into_iter().flatten().map(|(len, _)| *len);
    if lens().any(|wanted| wanted == len) {
        return Ok(());
    }
    let wanted = lens().next().unwrap_or_default();
    refuse(StatusCode::PAYLOAD_TOO_LARGE, format!("the job's input has {wanted} bytes, not {len}"))
}

/// Writes a body to disk and keeps it if it has the announced length and hash.
async fn receive(
    shared: &Shared,
    hash: ContentHash,
    len: u64,
    body: Body,
) -> Result<(), HttpError> {
    let mut file = shared.blobs.incoming().map_err(broken)?;
    let mut hasher = blake3::Hasher::new();
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let Ok(chunk): Result<Bytes, _> = chunk else {
            return refuse(StatusCode::BAD_REQUEST, "the body was cut off");
        };
        hasher.update(&chunk);
        if hasher.count() > len {
            return refuse(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the body has more than the {len} bytes announced"),
            );
        }
        file.write_all(&chunk).map_err(broken)?;
    }
    if hasher.count() != len {
        return refuse(
            StatusCode::BAD_REQUEST,
            format!("the body has {} of the {len} bytes announced", hasher.count()),
        );
    }
    if hasher.finalize().as_bytes() != hash.as_fixed_bytes() {
        return refuse(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the bytes are not those of the blob named",
        );
    }
    let blobs = shared.blobs.clone();
    let kept = tokio::task::spawn_blocking(move || blobs.keep(file, &hash)).await;
    kept.map_err(|error| broken(io::Error::other(error)))?.map_err(broken)
}

fn count(shared: &Shared, method: &Method, response: &Response) {
    let status = response.status();
    shared.metrics.requests.with_label_values(&[method.as_str(), status.as_str()]).inc();
}

#[cfg(test)]
mod tests;
