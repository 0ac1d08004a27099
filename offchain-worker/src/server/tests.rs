use super::*;
use crate::listener::Bounded;
use substrate_prometheus_endpoint::Registry;
use vigil_client::{
    blobs::{content_hash, BlobClient, BlobError},
    Key,
};

struct Rig {
    url: String,
    worker: AccountId,
    blobs: Blobs,
    expected: watch::Sender<Expected>,
    http: reqwest::Client,
    _folder: tempfile::TempDir,
}

impl Rig {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(&folder.path().join("blobs")).unwrap();
        let worker = Key::dev("Bob").unwrap().account().clone();
        let (expected, awaited) = watch::channel(Expected::new());
        let metrics = Metrics::new(&Registry::new()).unwrap();
        let mut shared = Shared::new(worker.clone(), blobs.clone(), awaited, metrics);
        shared.patience = Duration::from_millis(300);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = router(shared);
        tokio::spawn(async move { axum::serve(Bounded::new(listener, 8), router).await });
        Self { url, worker, blobs, expected, http: reqwest::Client::new(), _folder: folder }
    }

    /// A job of Alice's waits for these bytes.
    fn await_input(&self, bytes: &[u8]) {
        let writer = (bytes.len() as u64, alice().account().clone());
        self.expected.send_modify(|e| e.entry(content_hash(bytes)).or_default().push(writer));
    }

    /// A request whose permit is for `signed`, and whose body is `body`.
    fn put(&self, key: &Key, signed: &[u8], len: u64, body: Vec<u8>) -> reqwest::RequestBuilder {
        let hash = content_hash(signed);
        let permit = Permit::sign(key, &self.worker, &hash, len, unix_time() + 60);
        self.http
            .put(format!("{}/blobs/{}", self.url, hex::encode(hash)))
            .header(ACCOUNT_HEADER, key.address())
            .header(EXPIRES_HEADER, permit.expires)
            .header(SIGNATURE_HEADER, hex::encode(permit.signature))
            .body(body)
    }

    async fn get(&self, hash: &str, range: Option<&str>) -> reqwest::Response {
        let request = self.http.get(format!("{}/blobs/{hash}", self.url));
        match range {
            Some(range) => request.header("range", range).send().await.unwrap(),
            None => request.send().await.unwrap(),
        }
    }
}

fn alice() -> Key {
    Key::dev("Alice").unwrap()
}

async fn status(request: reqwest::RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn an_awaited_input_should_be_taken_from_its_requester() {
    let rig = Rig::new().await;
    rig.await_input(b"input");
    let client = BlobClient::new();
    let hash = client.put(&rig.url, &rig.worker, "input".into(), &alice()).await.unwrap();
    assert_eq!(rig.blobs.read(&hash).unwrap().unwrap(), b"input");
    client.put(&rig.url, &rig.worker, "input".into(), &alice()).await.unwrap();
    assert_eq!(&client.get(&rig.url, &hash, 5).await.unwrap()[..], b"input");
}

#[tokio::test]
async fn a_writer_should_be_let_in_when_news_of_its_job_comes_late() {
    let rig = Rig::new().await;
    let put = rig.put(&alice(), b"input", 5, b"input".to_vec());
    let (answer, ()) = tokio::join!(put.send(), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        rig.await_input(b"input");
    });
    assert_eq!(answer.unwrap().status().as_u16(), 201);
}

#[tokio::test]
async fn a_writer_without_a_good_signature_should_be_refused() {
    let rig = Rig::new().await;
    rig.await_input(b"input");
    let url = format!("{}/blobs/{}", rig.url, hex::encode(content_hash(b"input")));
    assert_eq!(status(rig.http.put(&url).body("input")).await, 401);
    let other_blob = rig.put(&alice(), b"other", 5, b"input".to_vec()).build().unwrap();
    let mut moved = other_blob.try_clone().unwrap();
    *moved.url_mut() = url.parse().unwrap();
    assert_eq!(rig.http.execute(moved).await.unwrap().status().as_u16(), 401);
    assert_eq!(status(rig.put(&alice(), b"input", 6, b"input".to_vec())).await, 401);
    // Bob's signature is good, but no job of his has the input.
    let bob = Key::dev("Bob").unwrap();
    assert_eq!(status(rig.put(&bob, b"input", 5, b"input".to_vec())).await, 403);
    assert_eq!(status(rig.put(&alice(), b"other", 5, b"other".to_vec())).await, 403);
    assert_eq!(rig.blobs.len(&content_hash(b"input")), None);
}

#[tokio::test]
async fn wrong_bytes_and_lengths_should_be_refused_and_not_kept() {
    let rig = Rig::new().await;
    rig.await_input(b"input");
    assert_eq!(status(rig.put(&alice(), b"input", 5, b"inpuT".to_vec())).await, 422);
    assert_eq!(status(rig.put(&alice(), b"input", 9, b"too long!".to_vec())).await, 413);
    assert_eq!(rig.blobs.len(&content_hash(b"input")), None);
    let stream = futures::stream::iter([Ok::<_, io::Error>("input")]);
    let body = reqwest::Body::wrap_stream(stream);
    let request = rig.put(&alice(), b"input", 5, Vec::new()).body(body);
    assert_eq!(status(request).await, 411, "a body of unknown length");
}

#[tokio::test]
async fn a_truncated_body_should_not_be_kept() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let rig = Rig::new().await;
    rig.await_input(b"input");
    let hash = content_hash(b"input");
    let permit = Permit::sign(&alice(), &rig.worker, &hash, 5, unix_time() + 60);
    let head = format!(
        "PUT /blobs/{} HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n{ACCOUNT_HEADER}: {}\r\n\
         {EXPIRES_HEADER}: {}\r\n{SIGNATURE_HEADER}: {}\r\n\r\ninp",
        hex::encode(hash),
        alice().address(),
        permit.expires,
        hex::encode(permit.signature)
    );
    let address = rig.url.strip_prefix("http://").unwrap();
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(rig.blobs.len(&hash), None);
}

#[tokio::test]
async fn ranges_should_be_served() {
    let rig = Rig::new().await;
    let hash = hex::encode(rig.blobs.put(b"0123456789").unwrap());
    for (range, status, bytes) in [
        (None, 200, "0123456789"),
        (Some("bytes=0-0"), 206, "0"),
        (Some("bytes=3-5"), 206, "345"),
        (Some("bytes=7-"), 206, "789"),
        (Some("bytes=-2"), 206, "89"),
        (Some("bytes=8-99"), 206, "89"),
        (Some("bytes=-99"), 206, "0123456789"),
        (Some("bytes=1-2,4-5"), 200, "0123456789"),
        (Some("lines=1-2"), 200, "0123456789"),
    ] {
        let answer = rig.get(&hash, range).await;
        assert_eq!(answer.status().as_u16(), status, "{range:?}");
        assert_eq!(answer.text().await.unwrap(), bytes, "{range:?}");
    }
    let answer = rig.get(&hash, Some("bytes=10-")).await;
    assert_eq!(answer.status().as_u16(), 416);
    assert_eq!(answer.headers()["content-range"], "bytes */10");
    let answer = rig.http.head(format!("{}/blobs/{hash}", rig.url)).send().await.unwrap();
    assert_eq!(answer.headers()["content-length"], "10");
    assert!(answer.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_not_there_should_be_404() {
    let rig = Rig::new().await;
    let zero = "0".repeat(64);
    for name in [&zero[..], "0123", "..%2f..%2fjobs.redb", &"F".repeat(64), "incoming"] {
        assert_eq!(rig.get(name, None).await.status().as_u16(), 404, "{name}");
    }
    let error = BlobClient::new().get(&rig.url, &content_hash(b"no"), 9).await.unwrap_err();
    assert!(matches!(error, BlobError::NotFound { .. }), "{error}");
    let health = rig.http.get(format!("{}/health", rig.url)).send().await.unwrap();
    assert_eq!(health.text().await.unwrap(), "ok\n");
}
