//! Packages that strangers made: every way of being wrong is one clear error, without a panic and
//! without memory for what a file merely claims.

mod common;

use common::{Bert, Llama};
use std::{
    alloc::{GlobalAlloc, Layout, System},
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};
use tempfile::TempDir;
use vigil_architecture::{Architecture, Decoder};
use vigil_engine::{
    package::{
        Chat, Generation, Manifest, Package, CHAT, CONFIG, DEFAULT, FILES, MANIFEST, MAX_CHAT,
        MAX_MANIFEST, MAX_TEMPLATE, TOKENIZER, WEIGHTS,
    },
    verify_file, Error, FileEntry, Tokenizer,
};

/// The system's allocator, with the largest single allocation of the whole test run.
struct Watched;

static LARGEST: AtomicUsize = AtomicUsize::new(0);
/// Far above what a package of 60 kB needs, far below what the hostile ones claim.
const MODEST: usize = 4 << 20;

#[global_allocator]
static ALLOCATOR: Watched = Watched;

// SAFETY: everything is handed to the system's allocator as it comes.
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// A good package, to be spoilt.
struct Victim {
    dir: PathBuf,
    _temporary: TempDir,
}

impl Victim {
    fn new() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let dir = Bert::default().packed(temporary.path()).dir().to_owned();
        Self { dir, _temporary: temporary }
    }

    fn decoder(llama: &Llama) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let dir = llama.packed(temporary.path()).dir().to_owned();
        Self { dir, _temporary: temporary }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    fn manifest(&self) -> Manifest {
        Manifest::parse(&self.read(MANIFEST)).unwrap()
    }

    /// Writes `manifest` after `change`, as its author would.
    fn change_manifest(&self, change: impl FnOnce(&mut Manifest)) -> &Self {
        let mut manifest = self.manifest();
        change(&mut manifest);
        fs::write(self.path(MANIFEST), manifest.to_bytes()).unwrap();
        self
    }

    /// Writes the manifest with another decoder in it.
    fn change_decoder(&self, change: impl FnOnce(&mut Decoder)) -> &Self {
        self.change_manifest(|manifest| {
            let Architecture::Decoder(decoder) = &mut manifest.architecture else {
                panic!("not a decoder")
            };
            change(decoder);
        })
    }

    /// Replaces a file and names the new one in the manifest: a lie that hashes don't catch.
    fn replace(&self, name: &str, bytes: &[u8]) -> &Self {
        fs::write(self.path(name), bytes).unwrap();
        self.change_manifest(|manifest| {
            let entry = manifest.files.iter_mut().find(|entry| entry.name == name).unwrap();
            entry.blake3 = blake3::hash(bytes).to_string();
            entry.len = bytes.len() as u64;
        })
    }

    /// Replaces the header of the weights by its text after `change`, keeping the file's length.
    fn change_header(&self, change: impl FnOnce(&str) -> String) -> &Self {
        let file = self.read(WEIGHTS);
        let len = 8 + u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
        let header = change(std::str::from_utf8(&file[8..len]).unwrap().trim_end());
        let mut changed = (header.len() as u64).to_le_bytes().to_vec();
        changed.extend(header.into_bytes());
        changed.extend(&file[len..]);
        changed.resize(file.len(), 0);
        self.replace(WEIGHTS, &changed)
    }

    #[track_caller]
    fn refusal(&self) -> String {
        match Package::open(&self.dir) {
            Ok(_) => panic!("the package opened"),
            Err(error @ Error::Package { .. }) => {
                assert!(error.is_bad_package() && !error.is_bad_input());
                let message = error.to_string();
                assert!(message.len() < 600, "{} characters: {message}", message.len());
                let largest = LARGEST.load(Ordering::Relaxed);
                assert!((1..MODEST).contains(&largest), "{largest} bytes were allocated at once");
                message
            }
            Err(other) => panic!("expected a bad package, got {other}"),
        }
    }

    #[track_caller]
    fn assert_refused(&self, parts: &[&str]) {
        let message = self.refusal();
        for part in parts {
            assert!(message.contains(part), "{part:?} is not in {message:?}");
        }
    }
}

/// Offset in the file of a tensor's first byte.
fn place(file: &[u8], tensor: &str) -> usize {
    let (header, metadata) = safetensors::SafeTensors::read_metadata(file).unwrap();
    8 + header + metadata.info(tensor).unwrap().data_offsets.0
}

#[test]
fn a_flipped_bit_anywhere_in_the_manifest_should_be_refused() {
    let victim = Victim::new();
    let manifest = victim.read(MANIFEST);
    for at in 0..manifest.len() {
        let mut flipped = manifest.clone();
        flipped[at] ^= 1 << (at % 7);
        fs::write(victim.path(MANIFEST), &flipped).unwrap();
        victim.refusal();
    }
    fs::write(victim.path(MANIFEST), &manifest).unwrap();
    Package::open(&victim.dir).unwrap();
}

#[test]
fn a_flipped_bit_in_a_file_should_be_refused_by_name() {
    for name in FILES {
        let victim = Victim::new();
        let good = victim.read(name);
        for at in [0, 9, good.len() / 2, good.len() - 1] {
            let mut flipped = good.clone();
            flipped[at] ^= 0x10;
            fs::write(victim.path(name), &flipped).unwrap();
            victim.assert_refused(&[name, "BLAKE3", "fetch it again"]);
            let entry = victim.manifest().file(name).unwrap().clone();
            assert!(verify_file(victim.path(name), &entry).unwrap_err().is_bad_package());
        }
    }
}

#[test]
fn a_file_that_is_cut_off_or_too_long_or_gone_should_be_refused_by_name() {
    for name in FILES {
        let victim = Victim::new();
        let good = victim.read(name);
        let entry = victim.manifest().file(name).unwrap().clone();
        verify_file(victim.path(name), &entry).unwrap();
        for len in [0, good.len() / 2, good.len() - 1] {
            fs::write(victim.path(name), &good[..len]).unwrap();
            victim.assert_refused(&[name, &format!("it has {len} bytes")]);
            assert!(verify_file(victim.path(name), &entry).unwrap_err().is_bad_package());
        }
        fs::write(victim.path(name), [&good[..], b"more"].concat()).unwrap();
        victim.assert_refused(&[name, "the manifest says"]);
        fs::remove_file(victim.path(name)).unwrap();
        let error = Package::open(&victim.dir).err().unwrap();
        assert!(matches!(error, Error::Io { .. }), "{error}");
        assert!(error.to_string().contains(name));
        fs::create_dir(victim.path(name)).unwrap();
        victim.assert_refused(&[name, "not a regular file"]);
    }
}

#[test]
fn weights_with_a_nan_an_infinity_or_a_negative_scale_should_be_refused() {
    for (tensor, value, said) in [
        ("layers.001.attention.key.scale", f32::NAN, "NaN"),
        ("layers.000.feed_forward.up.bias", f32::INFINITY, "inf"),
        ("embeddings.norm.weight", f32::NEG_INFINITY, "-inf"),
        ("embeddings.word.scale", -0.5, "not negative"),
    ] {
        let victim = Victim::new();
        let mut weights = victim.read(WEIGHTS);
        let at = place(&weights, tensor) + 8;
        weights[at..at + 4].copy_from_slice(&value.to_le_bytes());
        victim.replace(WEIGHTS, &weights).assert_refused(&[WEIGHTS, tensor, "element 2", said]);
    }
}

#[test]
fn a_weight_of_minus_128_should_be_refused() {
    let victim = Victim::new();
    let mut weights = victim.read(WEIGHTS);
    let tensor = "layers.001.attention.output.weight";
    let at = place(&weights, tensor) + 5;
    weights[at] = 0x80;
    victim.replace(WEIGHTS, &weights).assert_refused(&[WEIGHTS, tensor, "-128", "element 5"]);
}

#[test]
fn a_header_of_another_layout_should_be_refused_with_the_tensor_that_differs() {
    let said = |change: &dyn Fn(&str) -> String| {
        let victim = Victim::new();
        victim.change_header(change);
        let message = victim.refusal();
        assert!(message.contains(WEIGHTS), "{message}");
        message
    };
    // 10 GB claimed in a file of 60 kB.
    let claim = said(&|header| header.replacen("\"shape\":[40,32]", "\"shape\":[40,268435456]", 1));
    assert!(
        claim.contains("embeddings.word.weight") && claim.contains("[40, 268435456]"),
        "{claim}"
    );
    let shape = said(&|header| header.replacen("\"shape\":[64,32]", "\"shape\":[32,64]", 1));
    assert!(shape.contains("shape [32, 64]") && shape.contains("[64, 32]"), "{shape}");
    let dtype = said(&|header| header.replacen("\"dtype\":\"I8\"", "\"dtype\":\"U8\"", 1));
    assert!(dtype.contains("U8") && dtype.contains("I8"), "{dtype}");
    let missing = said(&|header| {
        header.replacen("layers.001.attention.key.bias", "layers.001.attention.key.bios", 1)
    });
    assert!(missing.contains("layers.001.attention.key.bias is missing"), "{missing}");
    let extra = said(&|header| {
        format!(
            "{},\"evil\":{{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,0]}}}}",
            &header[..header.len() - 1]
        )
    });
    assert!(extra.contains("\"evil\""), "{extra}");
    let spaced = said(&|header| header.replacen("{", "{ ", 1));
    assert!(spaced.contains("canonical"), "{spaced}");
    let offsets = said(&|header| header.replacen("[0,128]", "[4,132]", 1));
    assert!(offsets.contains("canonical"), "{offsets}");
    assert!(said(&|_| "[]".into()).contains("not a safetensors header"));
}

#[test]
fn a_header_length_that_is_a_lie_should_be_refused() {
    for (len, said) in [(u64::MAX, "claims"), (1 << 40, "claims"), (0, "header")] {
        let victim = Victim::new();
        let mut weights = victim.read(WEIGHTS);
        weights[..8].copy_from_slice(&len.to_le_bytes());
        victim.replace(WEIGHTS, &weights).assert_refused(&[WEIGHTS, said]);
    }
}

#[test]
fn an_architecture_that_does_not_fit_the_weights_should_be_refused_before_they_are_read() {
    let change = |change: fn(&mut vigil_architecture::Encoder)| {
        let victim = Victim::new();
        victim.change_manifest(|manifest| {
            let Architecture::Encoder(encoder) = &mut manifest.architecture else {
                panic!("not an encoder")
            };
            change(encoder);
        });
        victim.refusal()
    };
    assert!(change(|e| e.layers = 3).contains("the architecture needs exactly"));
    // 68 GB of token table, in a file that says it has 60 kB.
    assert!(change(|e| (e.vocabulary, e.hidden) = (1 << 20, 1 << 16)).contains("not valid"));
    let huge = change(|e| (e.vocabulary, e.hidden, e.heads) = (1 << 20, 1 << 16, 1 << 12));
    assert!(huge.contains("the architecture needs exactly"), "{huge}");
    assert!(change(|e| e.heads = 0).contains("not valid"));
    assert!(change(|e| e.layer_norm_eps = f32::NAN.to_bits()).contains("not valid"));
    // Same sizes, another model than config.json describes.
    assert!(change(|e| e.heads = 2).contains("differ from the architecture"));
    assert!(change(|e| e.layer_norm_eps = 1e-5f32.to_bits()).contains("differ"));
}

#[test]
fn a_file_that_is_only_claimed_to_be_large_should_be_refused_before_it_is_mapped() {
    let victim = Victim::new();
    // Manifest, architecture and configuration agree on 68 GB; only the file is small.
    let config = String::from_utf8(victim.read(CONFIG)).unwrap();
    let config = config
        .replace("\"vocab_size\": 40", "\"vocab_size\": 1048576")
        .replace("\"hidden_size\": 32", "\"hidden_size\": 65536")
        .replace("\"num_attention_heads\": 4", "\"num_attention_heads\": 4096");
    victim.replace(CONFIG, config.as_bytes()).change_manifest(|manifest| {
        let Architecture::Encoder(encoder) = &mut manifest.architecture else {
            panic!("not an encoder")
        };
        (encoder.vocabulary, encoder.hidden, encoder.heads) = (1 << 20, 1 << 16, 1 << 12);
    });
    let needed: u64 = victim.refusal().rsplit("exactly ").next().unwrap().parse().unwrap();
    assert!(needed > 10_000_000_000);
    let text = String::from_utf8(victim.read(MANIFEST)).unwrap();
    let len = victim.path(WEIGHTS).metadata().unwrap().len();
    let text = text.replace(&format!("\"len\": {len}"), &format!("\"len\": {needed}"));
    fs::write(victim.path(MANIFEST), text).unwrap();
    victim.assert_refused(&[WEIGHTS, &format!("it has {len} bytes, the manifest says {needed}")]);
}

#[test]
fn unknown_formats_and_operator_sets_should_be_named() {
    let victim = Victim::new();
    victim.change_manifest(|manifest| manifest.op_set = 7).assert_refused(&[
        MANIFEST,
        "operator set 7",
        "computes 1",
    ]);
    let victim = Victim::new();
    victim
        .change_manifest(|manifest| manifest.format = "vigil-package-9".into())
        .assert_refused(&["vigil-package-9", "vigil-package-1"]);
    let victim = Victim::new();
    let text = String::from_utf8(victim.read(MANIFEST)).unwrap();
    fs::write(victim.path(MANIFEST), text.replace("\"encoder\"", "\"oracle\"")).unwrap();
    victim.assert_refused(&["oracle"]);
}

#[test]
fn a_manifest_should_name_no_file_but_its_own() {
    for name in ["../x", "/etc/passwd", "weights.safetensors/../../x", "", "a\0b"] {
        let victim = Victim::new();
        victim.change_manifest(|manifest| manifest.files[2].name = name.into()).assert_refused(&[
            MANIFEST,
            "it names the file",
            "a package has only",
        ]);
    }
    let victim = Victim::new();
    victim.change_manifest(|manifest| drop(manifest.files.remove(1))).assert_refused(&["once"]);
    let victim = Victim::new();
    let twice = |manifest: &mut Manifest| manifest.files.push(manifest.files[0].clone());
    victim.change_manifest(twice).assert_refused(&["once"]);
    let victim = Victim::new();
    victim.change_manifest(|manifest| manifest.files.swap(0, 1)).assert_refused(&["order"]);
}

#[test]
fn lengths_and_hashes_in_a_manifest_should_be_bounded() {
    for (index, len) in [(0, u64::MAX), (0, 0), (1, 1 << 40), (2, 10 << 30), (2, 0)] {
        let victim = Victim::new();
        victim.change_manifest(|manifest| manifest.files[index].len = len).assert_refused(&[
            MANIFEST,
            FILES[index],
            &len.to_string(),
        ]);
    }
    for hash in ["", "zz", &"A".repeat(64), &"g".repeat(64), &"a".repeat(65)] {
        let victim = Victim::new();
        victim
            .change_manifest(|manifest| manifest.files[0].blake3 = hash.into())
            .assert_refused(&["64 lower-case"]);
    }
}

#[test]
fn a_manifest_that_is_huge_or_not_canonical_should_be_refused() {
    let victim = Victim::new();
    let good = victim.read(MANIFEST);
    let padded = [&good[..], &vec![b' '; MAX_MANIFEST]].concat();
    assert!(Manifest::parse(&padded).unwrap_err().to_string().contains("more than 65536"));
    fs::write(victim.path(MANIFEST), &padded).unwrap();
    victim.assert_refused(&[MANIFEST, "65536"]);
    // A sparse terabyte is not read either.
    fs::File::create(victim.path(MANIFEST)).unwrap().set_len(1 << 40).unwrap();
    victim.assert_refused(&[MANIFEST, "65536"]);

    let compact = serde_json::to_vec(&Manifest::parse(&good).unwrap()).unwrap();
    assert!(Manifest::parse(&compact).unwrap_err().to_string().contains("canonical"));
    let without_newline = &good[..good.len() - 1];
    assert!(Manifest::parse(without_newline).unwrap_err().to_string().contains("canonical"));
    for bytes in [&b""[..], b"{", b"null", b"\xff\xfe", "[".repeat(60_000).as_bytes()] {
        assert!(Manifest::parse(bytes).unwrap_err().is_bad_package());
    }
}

#[test]
fn long_strings_of_a_stranger_should_not_fill_the_log() {
    let victim = Victim::new();
    let long = "x".repeat(50_000);
    victim.change_manifest(|manifest| manifest.files[0].name = long.clone());
    victim.assert_refused(&["xxx..."]);
    let victim = Victim::new();
    victim.change_manifest(|manifest| manifest.format = long).assert_refused(&["xxx..."]);
}

#[test]
fn a_configuration_that_is_not_the_models_should_be_refused() {
    let victim = Victim::new();
    let text = String::from_utf8(victim.read(CONFIG)).unwrap();
    let other = text.replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 9");
    assert_ne!(text, other);
    victim.replace(CONFIG, other.as_bytes()).assert_refused(&[CONFIG, "differ"]);
    victim.replace(CONFIG, b"{}").assert_refused(&[CONFIG, "does not parse"]);
}

#[test]
fn a_tokenizer_that_is_not_one_should_be_refused_when_it_is_needed() {
    let victim = Victim::new();
    victim.replace(TOKENIZER, b"{\"version\": \"1.0\"}");
    let package = Package::open(&victim.dir).unwrap();
    let error = Tokenizer::open(&package).err().unwrap();
    assert!(error.is_bad_package() && error.to_string().contains(TOKENIZER), "{error}");
}

#[test]
fn a_folder_without_a_manifest_should_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let error = Package::open(dir.path()).err().unwrap();
    assert!(matches!(error, Error::Io { action: "read", .. }), "{error}");
    assert!(error.to_string().contains(MANIFEST));
}

#[test]
fn an_entry_made_by_hand_should_verify_nothing_without_a_hash() {
    let dir = tempfile::tempdir().unwrap();
    let path: &Path = &dir.path().join("file");
    fs::write(path, b"bytes").unwrap();
    let entry = |blake3: &str| FileEntry { name: "file".into(), blake3: blake3.into(), len: 5 };
    verify_file(path, &entry(&blake3::hash(b"bytes").to_string())).unwrap();
    assert!(verify_file(path, &entry("")).unwrap_err().is_bad_package());
}

#[test]
fn rotations_outside_the_circle_should_be_refused() {
    for (tensor, value, said) in [
        ("embeddings.rotary.cos", 1.000_000_1, "from -1 to 1"),
        ("embeddings.rotary.sin", -2.0, "from -1 to 1"),
        ("embeddings.rotary.cos", f32::NAN, "finite"),
        ("embeddings.rotary.sin", f32::INFINITY, "finite"),
        ("layers.001.attention.norm.weight", f32::NAN, "finite"),
        ("layers.000.feed_forward.gate.scale", -1.0, "not negative"),
    ] {
        let victim = Victim::decoder(&Llama::default());
        let mut weights = victim.read(WEIGHTS);
        let at = place(&weights, tensor) + 8;
        weights[at..at + 4].copy_from_slice(&f32::to_le_bytes(value));
        victim.replace(WEIGHTS, &weights).assert_refused(&[WEIGHTS, tensor, "element 2", said]);
    }
    let victim = Victim::decoder(&Llama::default());
    let mut weights = victim.read(WEIGHTS);
    let at = place(&weights, "layers.001.feed_forward.gate.weight") + 7;
    weights[at] = 0x80;
    victim.replace(WEIGHTS, &weights).assert_refused(&["gate.weight", "-128", "element 7"]);
}

#[test]
fn a_decoder_that_is_not_valid_should_be_refused() {
    let change = |change: fn(&mut Decoder)| {
        let victim = Victim::decoder(&Llama::default());
        victim.change_decoder(change);
        let message = victim.refusal();
        assert!(message.contains(MANIFEST), "{message}");
        message
    };
    assert!(change(|d| d.kv_heads = 3).contains("heads do not divide"));
    assert!(change(|d| d.kv_heads = 0).contains("zero"));
    assert!(change(|d| d.head_width = 9).contains("heads do not divide"));
    assert!(change(|d| d.positions = 32_769).contains("longer than 32,768"));
    assert!(change(|d| d.rms_norm_eps = f32::NAN.to_bits()).contains("normalisation"));
    assert!(change(|d| d.stop_tokens[1] = Some(48)).contains("stop token"));
    assert!(change(|d| d.stop_tokens[1] = d.stop_tokens[0]).contains("stop token 2"));
    assert!(
        change(|d| (d.stop_tokens[0], d.stop_tokens[1]) = (None, Some(2))).contains("stop token 2")
    );
    // Valid by itself, but not the file's.
    assert!(change(|d| d.vocabulary = 49).contains("needs exactly"));
    assert!(change(|d| d.qk_norm = true).contains("needs exactly"));
    assert!(change(|d| d.tied_head = true).contains("needs exactly"));
    let huge = change(|d| (d.vocabulary, d.hidden, d.layers) = (1 << 20, 1 << 16, 256));
    assert!(huge.contains("needs exactly"), "{huge}");
}

#[test]
fn a_configuration_that_is_not_the_decoders_should_be_refused() {
    // The same sizes, another model: only the configuration gives it away.
    let victim = Victim::decoder(&Llama::default());
    let heads = |d: &mut Decoder| (d.heads, d.kv_heads, d.head_width) = (2, 1, 16);
    victim.change_decoder(heads);
    victim.assert_refused(&[MANIFEST, "needs exactly"]);

    let with = |change: fn(&mut Decoder), config: &[(&str, &str)], kind: &Llama| {
        let victim = Victim::decoder(kind);
        let mut text = String::from_utf8(victim.read(CONFIG)).unwrap();
        for (from, to) in config {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        victim.replace(CONFIG, text.as_bytes()).change_decoder(change);
        let message = victim.refusal();
        assert!(message.contains(CONFIG), "{message}");
        message
    };
    let llama = Llama::default();
    let eps = with(|d| d.rms_norm_eps = 1e-6f32.to_bits(), &[], &llama);
    assert!(eps.contains("differ from the architecture") && eps.contains("rms_norm_eps"), "{eps}");
    let heads = [("\"num_key_value_heads\": 2", "\"num_key_value_heads\": 4")];
    assert!(with(|_| {}, &heads, &llama).contains(": num_key_value_heads"));
    let width = [("\"head_dim\": 8", "\"head_dim\": 16")];
    assert!(with(|_| {}, &width, &llama).contains(": head_dim"));
    let tied = [("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true")];
    assert!(with(|_| {}, &tied, &llama).contains(": tie_word_embeddings"));
    let kind = [("\"model_type\": \"llama\"", "\"model_type\": \"qwen2\"")];
    assert!(with(|_| {}, &kind, &llama).contains("biases"));
    let kind = [("\"model_type\": \"llama\"", "\"model_type\": \"qwen3\"")];
    assert!(with(|_| {}, &kind, &llama).contains("norms"));
    let rope = [("\"rope_scaling\": null", "\"rope_scaling\": {\"type\": \"yarn\"}")];
    assert!(with(|_| {}, &rope, &llama).contains("yarn"));
    let encoder = [("\"model_type\": \"llama\"", "\"model_type\": \"bert\"")];
    assert!(with(|_| {}, &encoder, &llama).contains(CONFIG));
    // A context longer than the model's.
    let context = [("\"max_position_embeddings\": 96", "\"max_position_embeddings\": 95")];
    assert!(with(|_| {}, &context, &llama).contains(": max_position_embeddings"));
    let window = [("\"sliding_window\": 96", "\"sliding_window\": 95")];
    assert!(with(|_| {}, &window, &Llama::kinds()[1]).contains(": max_position_embeddings"));
}

#[test]
fn a_decoders_header_should_be_the_canonical_one() {
    let victim = Victim::decoder(&Llama::default());
    victim.change_header(|header| {
        header.replacen("embeddings.rotary.cos", "embeddings.rotary.cot", 1)
    });
    victim.assert_refused(&[WEIGHTS, "embeddings.rotary.cos is missing"]);
    let victim = Victim::decoder(&Llama::default());
    // 96 positions of 4 pairs are 1,536 bytes.
    victim.change_header(|header| header.replacen("\"shape\":[96,4]", "\"shape\":[48,8]", 1));
    victim.assert_refused(&["embeddings.rotary.cos", "[48, 8]", "[96, 4]"]);
}

#[test]
fn a_tokenizer_that_its_parser_panics_on_should_be_refused() {
    let victim = Victim::decoder(&Llama::default());
    let text = String::from_utf8(victim.read(TOKENIZER)).unwrap();
    let other = text.replace("\"decoder\": null", "\"decoder\": 5");
    assert_ne!(text, other);
    victim.replace(TOKENIZER, other.as_bytes());
    let error = Tokenizer::open(&Package::open(&victim.dir).unwrap()).err().unwrap();
    assert!(error.is_bad_package() && error.to_string().contains("does not parse"), "{error}");
}

#[test]
fn a_tokenizer_with_ids_beyond_the_vocabulary_should_be_refused_when_it_is_needed() {
    let victim = Victim::decoder(&Llama::default());
    let text = String::from_utf8(victim.read(TOKENIZER)).unwrap();
    let other = text.replace("\"w39\": 39", "\"w39\": 48");
    assert_ne!(text, other);
    victim.replace(TOKENIZER, other.as_bytes());
    let package = Package::open(&victim.dir).unwrap();
    let error = Tokenizer::open(&package).err().unwrap();
    assert!(error.is_bad_package() && error.to_string().contains("has id 48"), "{error}");
}

#[test]
fn a_tokenizer_should_not_make_much_text_of_few_tokens() {
    let victim = Victim::decoder(&Llama::default());
    let good: serde_json::Value = serde_json::from_slice(&victim.read(TOKENIZER)).unwrap();
    let refused = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut tokenizer = good.clone();
        change(&mut tokenizer);
        victim.replace(TOKENIZER, tokenizer.to_string().as_bytes());
        let package = Package::open(&victim.dir).unwrap();
        let error = Tokenizer::open(&package).err().unwrap();
        assert!(error.is_bad_package());
        error.to_string()
    };
    let long = "w".repeat(1_025);
    let message = refused(&|tokenizer| tokenizer["model"]["vocab"][&long] = 40.into());
    assert!(message.contains("has 1025 bytes") && message.len() < 400, "{message}");
    // One makes five of one, and two of them one in twenty-five.
    let replace =
        serde_json::json!({"type": "Replace", "pattern": {"Regex": "."}, "content": "wwwww"});
    let message = refused(&|tokenizer| {
        let decoders = [&replace, &replace];
        tokenizer["decoder"] = serde_json::json!({"type": "Sequence", "decoders": decoders});
    });
    assert!(message.contains("makes 25 bytes"), "{message}");
}

/// A package of a language model with something to say about chats.
fn talkative() -> Victim {
    let generation = Some(serde_json::json!({"do_sample": true, "temperature": 0.5}));
    let victim = Victim::decoder(&Llama { generation, ..Llama::default() });
    let package = Package::open(&victim.dir).unwrap();
    let expected =
        Generation { do_sample: Some(true), temperature: Some(0.5), ..Generation::default() };
    assert_eq!(package.chat().map(|chat| chat.generation), Some(expected));
    victim
}

#[test]
fn what_a_package_says_of_chats_should_be_hashed_as_the_rest() {
    let victim = talkative();
    let good = victim.read(CHAT);
    for at in [0, good.len() / 2, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 0x10;
        fs::write(victim.path(CHAT), &flipped).unwrap();
        victim.assert_refused(&[CHAT, "BLAKE3", "fetch it again"]);
    }
    fs::write(victim.path(CHAT), &good[1..]).unwrap();
    victim.assert_refused(&[CHAT, "the manifest says"]);
    fs::remove_file(victim.path(CHAT)).unwrap();
    assert!(Package::open(&victim.dir).err().unwrap().to_string().contains(CHAT));
    // A package that says nothing of chats is one too.
    victim.change_manifest(|manifest| drop(manifest.files.pop()));
    assert_eq!(Package::open(&victim.dir).unwrap().chat(), None);
}

#[test]
fn a_stranger_should_not_say_more_of_chats_than_anybody_reads() {
    let victim = talkative();
    let text = String::from_utf8(victim.read(CHAT)).unwrap();
    let template = |template: String| {
        let chat = Chat { templates: [(DEFAULT.into(), template)].into(), ..Chat::default() };
        [serde_json::to_vec_pretty(&chat).unwrap(), b"\n".to_vec()].concat()
    };
    for (bytes, said) in [
        (b"{}".to_vec(), "does not parse"),
        (b"\xff\xff".to_vec(), "does not parse"),
        ("[".repeat(60_000).into_bytes(), "does not parse"),
        (text.replace("bos_token", "pad_token").into_bytes(), "does not parse"),
        (text.replace("0.5", "0.50").into_bytes(), "canonical"),
        (text.replace("0.5", "500.0").into_bytes(), "out of range"),
        (template("x".repeat(MAX_TEMPLATE + 1)), "65537 bytes"),
    ] {
        victim.replace(CHAT, &bytes).assert_refused(&[CHAT, said]);
    }
    let good = template("{{ messages }}".into());
    victim.replace(CHAT, &good);
    let package = Package::open(&victim.dir).unwrap();
    assert_eq!(package.chat().and_then(Chat::template), Some("{{ messages }}"));
    // Longer than any may be: refused by the manifest, before it is read.
    let long = |manifest: &mut Manifest| manifest.files[3].len = MAX_CHAT + 1;
    victim.change_manifest(long).assert_refused(&[MANIFEST, CHAT, "1048577"]);
}

#[test]
fn a_manifest_should_name_what_is_said_of_chats_once_and_last() {
    let change = |change: &dyn Fn(&mut Vec<FileEntry>)| {
        let victim = talkative();
        victim.change_manifest(|manifest| change(&mut manifest.files));
        victim.refusal()
    };
    assert!(change(&|files| files.swap(2, 3)).contains("last"));
    assert!(change(&|files| files.push(files[3].clone())).contains("last"));
    assert!(change(&|files| drop(files.remove(0))).contains("once"));
    // Nobody chats with an encoder.
    let victim = Victim::new();
    victim.change_manifest(|manifest| {
        let chat = FileEntry { name: CHAT.into(), ..manifest.files[0].clone() };
        manifest.files.push(chat);
    });
    victim.assert_refused(&[MANIFEST, CHAT, "encoder"]);
}
