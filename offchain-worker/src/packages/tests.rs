use super::*;
use serde_json::{json, Value};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use vigil_engine::{
    pack::{pack, PackOptions},
    package::{CONFIG, FILES},
};
use vigil_primitives::{
    model::{Artifact, Fee},
    terms::{Access, Terms},
};

const HIDDEN: usize = 32;
const INTERMEDIATE: usize = 64;

/// A package of a tiny model, and what the chain says of it.
fn package(folder: &Path) -> VersionSpec {
    let (source, target) = (folder.join("hf"), folder.join("package"));
    fs::create_dir(&source).unwrap();
    let config = json!({
        "architectures": ["BertModel"], "hidden_act": "gelu", "hidden_size": HIDDEN,
        "intermediate_size": INTERMEDIATE, "layer_norm_eps": 1e-12,
        "max_position_embeddings": 24, "model_type": "bert", "num_attention_heads": 4,
        "num_hidden_layers": 1, "type_vocab_size": 2, "vocab_size": 8,
    });
    fs::write(source.join("config.json"), config.to_string()).unwrap();
    fs::write(source.join("tokenizer.json"), tokenizer().to_string()).unwrap();
    fs::write(source.join("model.safetensors"), weights()).unwrap();
    let report = pack(&source, &target, &PackOptions::default()).unwrap();
    let file = |name| report.manifest.file(name).unwrap();
    VersionSpec {
        package: report.manifest_hash.into(),
        weights: Artifact { hash: file(WEIGHTS).hash().unwrap().into(), len: file(WEIGHTS).len },
        tokenizer: file(TOKENIZER).hash().unwrap().into(),
        architecture: report.manifest.architecture,
        op_set: report.manifest.op_set,
        metadata: None,
        terms: Terms {
            licence: Default::default(),
            licence_text: None,
            commercial: true,
            access: Access::Open,
            royalty: Default::default(),
        },
        fee: Fee::default(),
        sources: Default::default(),
    }
}

fn tokenizer() -> Value {
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": {"type": "BertNormalizer", "clean_text": true,
            "handle_chinese_chars": true, "strip_accents": null, "lowercase": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": null, "decoder": null,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": {"[PAD]": 0, "[UNK]": 1, "a": 2}},
    })
}

/// A safetensors file of BERT's tensors.
fn weights() -> Vec<u8> {
    let (h, f) = (HIDDEN, INTERMEDIATE);
    let mut shapes = vec![
        ("embeddings.word_embeddings.weight".to_owned(), vec![8, h]),
        ("embeddings.position_embeddings.weight".into(), vec![24, h]),
        ("embeddings.token_type_embeddings.weight".into(), vec![2, h]),
    ];
    let mut norm = |stem: &str| {
        shapes.push((format!("{stem}.LayerNorm.weight"), vec![h]));
        shapes.push((format!("{stem}.LayerNorm.bias"), vec![h]));
    };
    norm("embeddings");
    norm("encoder.layer.0.attention.output");
    norm("encoder.layer.0.output");
    for (name, rows, columns) in [
        ("attention.self.query", h, h),
        ("attention.self.key", h, h),
        ("attention.self.value", h, h),
        ("attention.output.dense", h, h),
        ("intermediate.dense", f, h),
        ("output.dense", h, f),
    ] {
        shapes.push((format!("encoder.layer.0.{name}.weight"), vec![rows, columns]));
        shapes.push((format!("encoder.layer.0.{name}.bias"), vec![rows]));
    }
    let (mut header, mut data) = (BTreeMap::new(), Vec::new());
    for (name, shape) in shapes {
        let start = data.len();
        for i in 0..shape.iter().product::<usize>() {
            data.extend((((i * 37 + start) % 101) as f32 / 50.0 - 1.0).to_le_bytes());
        }
        let entry = json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]});
        header.insert(name, entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    [&(header.len() as u64).to_le_bytes()[..], &header, &data].concat()
}

/// What a server does with a request for a file.
#[derive(Clone, Copy, Default)]
struct Fault {
    /// Closes after so many bytes of the body.
    cut: Option<usize>,
    /// Says so many bytes more than there are, and sends them.
    extra: usize,
    /// Flips a bit of the byte at this place.
    flip: Option<usize>,
}

/// A web server of one folder, with faults, that remembers what was asked.
#[derive(Clone, Default)]
struct Web {
    folder: PathBuf,
    faults: Arc<Mutex<BTreeMap<&'static str, Fault>>>,
    asked: Arc<Mutex<Vec<(String, u64)>>>,
}

impl Web {
    async fn serve(folder: PathBuf) -> (Self, String) {
        let web = Self { folder, ..Self::default() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/model/", listener.local_addr().unwrap());
        let server = web.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let mut request = vec![0; 8192];
                let len = socket.read(&mut request).await.unwrap_or(0);
                let answer = server.answer(&String::from_utf8_lossy(&request[..len]));
                let _ = socket.write_all(&answer).await;
            }
        });
        (web, url)
    }

    fn answer(&self, request: &str) -> Vec<u8> {
        let name = request.split(' ').nth(1).unwrap_or_default().trim_start_matches("/model/");
        let range = request.lines().find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok()
        });
        let start: u64 = range.unwrap_or(0);
        self.asked.lock().unwrap().push((name.into(), start));
        let Ok(mut bytes) = fs::read(self.folder.join(name)) else {
            return b"HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
                .into();
        };
        let fault = self.faults.lock().unwrap().get(name).copied().unwrap_or_default();
        if let Some(place) = fault.flip {
            bytes[place] ^= 1;
        }
        bytes.extend(vec![0; fault.extra]);
        let total = bytes.len();
        let mut body = bytes.split_off(start as usize);
        let head = match start {
            0 => "200 OK\r\n".to_owned(),
            _ => format!("206 Partial\r\ncontent-range: bytes {start}-{}/{total}\r\n", total - 1),
        };
        let head =
            format!("HTTP/1.1 {head}connection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        body.truncate(fault.cut.unwrap_or(usize::MAX));
        [head.as_bytes(), &body].concat()
    }

    fn fault(&self, name: &'static str, fault: Fault) {
        self.faults.lock().unwrap().insert(name, fault);
    }
}

struct Rig {
    folder: tempfile::TempDir,
    spec: VersionSpec,
    web: Web,
}

impl Rig {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut spec = package(folder.path());
        let (web, url) = Web::serve(folder.path().join("package")).await;
        from(&mut spec, &[&url]);
        Self { folder, spec, web }
    }

    fn packages(&self, local: &[PathBuf], most: u64) -> Packages {
        Packages::open(&self.folder.path().join("store"), local, most).unwrap()
    }

    async fn get(&self) -> Result<Package> {
        self.packages(&[], 1 << 30).get(&self.spec).await
    }

    async fn error(&self) -> String {
        match self.get().await {
            Ok(_) => panic!("the package was taken"),
            Err(error) => error.to_string(),
        }
    }

    fn stored(&self) -> bool {
        self.folder.path().join("store").join(hex::encode(self.spec.package)).exists()
    }
}

fn from(spec: &mut VersionSpec, sources: &[&str]) {
    let urls: Vec<_> =
        sources.iter().map(|url| url.as_bytes().to_vec().try_into().unwrap()).collect();
    spec.sources = urls.try_into().unwrap();
}

#[tokio::test]
async fn a_package_should_be_fetched_once_and_then_be_here() {
    let rig = Rig::new().await;
    let package = rig.get().await.unwrap();
    assert_eq!(package.manifest_hash(), rig.spec.package.0);
    let asked = rig.web.asked.lock().unwrap().len();
    assert_eq!(asked, 1 + FILES.len());
    rig.get().await.unwrap();
    assert_eq!(rig.web.asked.lock().unwrap().len(), asked, "nothing is fetched twice");
}

#[tokio::test]
async fn a_flipped_bit_in_any_file_should_be_refused() {
    let rig = Rig::new().await;
    for name in [MANIFEST, CONFIG, TOKENIZER, WEIGHTS] {
        rig.web.fault(name, Fault { flip: Some(40), ..Fault::default() });
        let error = rig.error().await;
        assert!(error.contains(name), "{name}: {error}");
        assert!(!rig.stored(), "{name}");
        rig.web.fault(name, Fault::default());
    }
    rig.get().await.unwrap();
}

#[tokio::test]
async fn a_stored_package_should_be_fetched_again_when_it_is_damaged() {
    let rig = Rig::new().await;
    let package = rig.get().await.unwrap();
    let path = package.dir().join(WEIGHTS);
    drop(package);
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    rig.get().await.unwrap();
}

#[tokio::test]
async fn a_file_longer_than_announced_should_be_refused() {
    let rig = Rig::new().await;
    rig.web.fault(WEIGHTS, Fault { extra: 1, ..Fault::default() });
    let error = rig.error().await;
    assert!(error.contains("more than"), "{error}");
    assert!(!rig.stored());
}

#[tokio::test]
async fn a_download_should_go_on_where_it_broke_off() {
    let rig = Rig::new().await;
    rig.web.fault(WEIGHTS, Fault { cut: Some(1_000), ..Fault::default() });
    let error = rig.get().await.err().unwrap();
    assert!(error.is_temporary(), "{error}");
    rig.web.fault(WEIGHTS, Fault::default());
    rig.web.asked.lock().unwrap().clear();
    rig.get().await.unwrap();
    let asked = rig.web.asked.lock().unwrap().clone();
    assert!(asked.contains(&(WEIGHTS.into(), 1_000)), "{asked:?}");
    assert!(!asked.iter().any(|(name, _)| name == TOKENIZER), "{asked:?}");
}

#[tokio::test]
async fn a_manifest_that_differs_from_the_chain_should_be_refused() {
    let rig = Rig::new().await;
    let packages = rig.packages(&[], 1 << 30);
    let change = |change: fn(&mut VersionSpec)| {
        let mut spec = rig.spec.clone();
        change(&mut spec);
        spec
    };
    for (spec, word) in [
        (change(|spec| spec.package.0[0] ^= 1), MANIFEST),
        (change(|spec| spec.weights.hash.0[0] ^= 1), WEIGHTS),
        (change(|spec| spec.weights.len += 1), WEIGHTS),
        (change(|spec| spec.tokenizer.0[0] ^= 1), TOKENIZER),
        (change(|spec| spec.op_set += 1), "operator set"),
    ] {
        let error = packages.get(&spec).await.err().unwrap();
        assert!(matches!(error, Error::Critical(_)), "{error}");
        assert!(error.to_string().contains(word), "{word}: {error}");
    }
}

#[tokio::test]
async fn a_package_larger_than_allowed_should_be_refused_before_it_is_fetched() {
    let rig = Rig::new().await;
    let error = rig.packages(&[], 1_000).get(&rig.spec).await.err().unwrap();
    assert!(error.to_string().contains("max_package_bytes"), "{error}");
    assert_eq!(rig.web.asked.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn local_files_should_be_read_from_allowed_folders_alone() {
    let mut rig = Rig::new().await;
    let here = rig.folder.path().join("package");
    let url = format!("file://{}/", here.display());
    from(&mut rig.spec, &[&url]);
    let error = rig.error().await;
    assert!(error.contains("file_sources"), "{error}");
    let elsewhere = tempfile::tempdir().unwrap();
    let other = rig.packages(&[elsewhere.path().into()], 1 << 30);
    assert!(other.get(&rig.spec).await.is_err());
    // A link in the allowed folder that leads out of it is no way in.
    std::os::unix::fs::symlink(&here, elsewhere.path().join("link")).unwrap();
    let mut linked = rig.spec.clone();
    from(&mut linked, &[&format!("file://{}/link/", elsewhere.path().display())]);
    assert!(other.get(&linked).await.is_err());
    rig.packages(&[here], 1 << 30).get(&rig.spec).await.unwrap();
}

#[tokio::test]
async fn the_next_source_should_be_tried_when_one_fails() {
    let mut rig = Rig::new().await;
    let good = String::from_utf8(rig.spec.sources[0].to_vec()).unwrap();
    from(&mut rig.spec, &["http://127.0.0.1:1/", "gopher://x/", &good]);
    rig.get().await.unwrap();
}

#[test]
fn a_missing_path_and_a_forbidden_one_should_get_the_same_answer() {
    let missing = Source::parse("file:///no/such/folder/", &[]).unwrap_err().to_string();
    let forbidden = Source::parse("file:///etc/", &[]).unwrap_err().to_string();
    assert_eq!(missing, forbidden);
}
