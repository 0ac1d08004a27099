//! Key files, keystores and addresses.
//!
//! A key comes from a file that nobody but its owner may read. The file holds a secret URI (a
//! mnemonic or a hex seed, with an optional derivation path) or an account exported by polkadot-js,
//! which is encrypted. Well-known development keys are used only when asked for by name. No secret
//! is ever printed.
//!
//! ```
//! use vigil_client::{keys, keys::Password, Key};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("owner.key");
//! let key = Key::generate(&path)?;
//! let signature = key.sign(b"a message");
//!
//! // The file holds a mnemonic: no password is asked for.
//! let again = Key::load(&path, &Password::Prompt)?;
//! assert_eq!(again.address(), key.address());
//! assert!(keys::verify(again.account(), b"a message", &signature));
//! assert_eq!(keys::parse_address(&key.address())?, *key.account());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use sp_core::{
    crypto::{Pair as _, Ss58AddressFormat, Ss58Codec, Zeroize},
    sr25519,
};
use std::{
    fs::{File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    str::FromStr,
};
use subxt_signer::{
    polkadot_js_compat::{self, decrypt_json},
    sr25519::{self as signer, Keypair},
    SecretUri,
};
use vigil_primitives::AccountId;

/// SS58 prefix of the chain's addresses.
pub const SS58_PREFIX: u16 = 42;
/// Largest key file read.
const MAX_FILE: u64 = 64 * 1024;
/// Shortest base64 of a polkadot-js secret: salt, parameters and nonce alone are longer.
const MIN_ENCODED: usize = 200;

/// An sr25519 key pair and its account.
#[derive(Clone)]
pub struct Key {
    pair: Keypair,
    account: AccountId,
}

/// Where the password of an encrypted keystore comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Password {
    /// An environment variable.
    Env(String),
    /// The first line of a file that only its owner may read.
    File(PathBuf),
    /// The terminal.
    #[default]
    Prompt,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("cannot use the key file {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others may read the file.
    #[error("the key file {path} can be read by others (mode {mode:04o}); run: chmod 600 {path}")]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// There is a file already.
    #[error("{0} exists; a key is never overwritten")]
    Exists(PathBuf),
    /// The file holds neither of the formats.
    #[error(
        "{0} holds no key: expected a mnemonic, 0x and 64 hex digits, or a polkadot-js account"
    )]
    NotAKey(PathBuf),
    /// The file holds a path without a secret, which derives from a public phrase.
    #[error("{0} holds a public development key; ask for one by its name with --dev-key instead")]
    DevKeyInFile(PathBuf),
    /// No such development key.
    #[error("\"{0}\" names no development key: expected a name such as Alice")]
    BadDevName(String),
    /// The keystore does not open with the password.
    #[error("wrong password for the keystore {0}")]
    WrongPassword(PathBuf),
    /// The keystore is damaged or of an unknown kind.
    #[error("cannot read the keystore {path}: {reason}")]
    BadKeystore {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is no password.
    #[error("no password for the keystore: {0}")]
    NoPassword(String),
    /// Not an address.
    #[error("{0} is no address of this chain (SS58 with prefix 42, or 0x and 64 hex digits)")]
    BadAddress(String),
}

impl Key {
    /// The well-known key of this name: for development chains only, everybody has it.
    pub fn dev(name: &str) -> Result<Self, KeyError> {
        let bad = || KeyError::BadDevName(name.into());
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(bad());
        }
        let uri = SecretUri::from_str(&format!("//{name}")).map_err(|_| bad())?;
        Ok(Self::from_pair(Keypair::from_uri(&uri).map_err(|_| bad())?))
    }

    /// Reads a key file. `password` is asked for only when the file is an encrypted keystore.
    pub fn load(path: &Path, password: &Password) -> Result<Self, KeyError> {
        let mut text = read_private(path)?;
        let key = Self::parse(path, &text, password);
        text.zeroize();
        key
    }

    /// Makes a new key from a random mnemonic of 12 words and writes the mnemonic to `path`, which
    /// must not exist, with mode 0600.
    pub fn generate(path: &Path) -> Result<Self, KeyError> {
        let io = |source| KeyError::Io { path: path.into(), source };
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let mut file = file.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => KeyError::Exists(path.into()),
            _ => io(error),
        })?;
        let (_, mut phrase, mut seed) = sr25519::Pair::generate_with_phrase(None);
        seed.zeroize();
        let key = Self::from_uri(path, &phrase);
        let written = writeln!(file, "{phrase}").and_then(|()| file.sync_all());
        phrase.zeroize();
        written.map_err(io)?;
        key
    }

    fn parse(path: &Path, text: &str, password: &Password) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.starts_with('{') {
            return Self::from_keystore(path, text, password);
        }
        // A secret URI without a secret stands for a phrase that everybody knows.
        if text.is_empty() {
            return Err(KeyError::NotAKey(path.into()));
        }
        if text.starts_with('/') {
            return Err(KeyError::DevKeyInFile(path.into()));
        }
        Self::from_uri(path, text)
    }

    fn from_uri(path: &Path, text: &str) -> Result<Self, KeyError> {
        let not_a_key = || KeyError::NotAKey(path.into());
        // A bare hex seed may come with or without 0x.
        let bare = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let mut uri = if bare { format!("0x{text}") } else { text.to_owned() };
        let parsed = SecretUri::from_str(&uri).map_err(|_| not_a_key());
        uri.zeroize();
        Ok(Self::from_pair(Keypair::from_uri(&parsed?).map_err(|_| not_a_key())?))
    }

    fn from_keystore(path: &Path, text: &str, password: &Password) -> Result<Self, KeyError> {
        let bad = |reason: String| KeyError::BadKeystore { path: path.into(), reason };
        let json: serde_json::Value =
            serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        let encoded = json.get("encoded").and_then(|encoded| encoded.as_str()).unwrap_or_default();
        if encoded.len() < MIN_ENCODED {
            return Err(bad("the field \"encoded\" is missing or cut off".into()));
        }
        let mut password = password.read(path)?;
        let result = decrypt_json(text, &password);
        password.zeroize();
        match result {
            Ok(pair) => Ok(Self::from_pair(pair)),
            Err(polkadot_js_compat::Error::Secretbox(_)) => {
                Err(KeyError::WrongPassword(path.into()))
            }
            Err(error) => Err(bad(error.to_string())),
        }
    }

    fn from_pair(pair: Keypair) -> Self {
        let account = AccountId::new(pair.public_key().0);
        Self { pair, account }
    }

    /// The account.
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// SS58 address of the account.
    pub fn address(&self) -> String {
        address(&self.account)
    }

    /// An sr25519 signature of `message`.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.pair.sign(message).0
    }

    pub(crate) fn signer(&self) -> &Keypair {
        &self.pair
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("account", &self.address()).finish_non_exhaustive()
    }
}

impl Password {
    fn read(&self, keystore: &Path) -> Result<String, KeyError> {
        match self {
            Self::Env(name) => std::env::var(name).map_err(|_| {
                KeyError::NoPassword(format!("the environment variable {name} is not set"))
            }),
            Self::File(path) => {
                let mut text = read_private(path)?;
                let line = text.lines().next().unwrap_or_default().to_owned();
                text.zeroize();
                Ok(line)
            }
            Self::Prompt => {
                rpassword::prompt_password(format!("Password of {}: ", keystore.display()))
                    .map_err(|error| KeyError::NoPassword(error.to_string()))
            }
        }
    }
}

/// SS58 address of an account.
pub fn address(account: &AccountId) -> String {
    account.to_ss58check_with_version(Ss58AddressFormat::custom(SS58_PREFIX))
}

/// The account of an SS58 address or of `0x` and 64 hex digits.
pub fn parse_address(text: &str) -> Result<AccountId, KeyError> {
    let bad = || KeyError::BadAddress(text.into());
    if let Some(digits) = text.strip_prefix("0x") {
        let mut bytes = [0; 32];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| bad())?;
        return Ok(AccountId::new(bytes));
    }
    match AccountId::from_ss58check_with_version(text) {
        Ok((account, format)) if format == Ss58AddressFormat::custom(SS58_PREFIX) => Ok(account),
        _ => Err(bad()),
    }
}

/// Whether `signature` is `account`'s sr25519 signature of `message`.
pub fn verify(account: &AccountId, message: &[u8], signature: &[u8; 64]) -> bool {
    let public = signer::PublicKey(*account.as_ref());
    signer::verify(&signer::Signature(*signature), message, &public)
}

/// The text of a file that only its owner may read.
fn read_private(path: &Path) -> Result<String, KeyError> {
    let io = |source| KeyError::Io { path: path.into(), source };
    // The mode is taken from the open file, so that it is the mode of what is read.
    let file = File::open(path).map_err(io)?;
    let mode = file.metadata().map_err(io)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyError::OpenToOthers { path: path.into(), mode });
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(io)?;
    String::from_utf8(bytes).map_err(|error| {
        error.into_bytes().zeroize();
        KeyError::NotAKey(path.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    const ALICE: &str = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
    /// Alice's key as polkadot-js exports it under the password "whoisalice".
    const KEYSTORE: &str = r#"{
        "encoded": "DumgApKCTqoCty1OZW/8WS+sgo6RdpHhCwAkA2IoDBMAgAAAAQAAAAgAAAB6IG/q24EeVf0JqWqcBd5m2tKq5BlyY84IQ8oamLn9DZe9Ouhgunr7i36J1XxUnTI801axqL/ym1gil0U8440Qvj0lFVKwGuxq38zuifgoj0B3Yru0CI6QKEvQPU5xxj4MpyxdSxP+2PnTzYao0HDH0fulaGvlAYXfqtU89xrx2/z9z7IjSwS3oDFPXRQ9kAdDebtyCVreZ9Otw9v3",
        "encoding": {
            "content": ["pkcs8", "sr25519"],
            "type": ["scrypt", "xsalsa20-poly1305"],
            "version": "3"
        },
        "address": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY",
        "meta": { "name": "Alice" }
    }"#;
    const PHRASE: &str = "bottom drive obey lake curtain smoke basket hold race lonely fit walk";

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    fn load(text: &str, mode: u32) -> Result<Key, KeyError> {
        let (_folder, path) = file(text, mode);
        Key::load(&path, &Password::Env("VIGIL_NO_SUCH_PASSWORD".into()))
    }

    #[test]
    fn load_should_refuse_a_file_that_others_can_read_and_tell_chmod() {
        for mode in [0o644, 0o640, 0o604, 0o660, 0o610] {
            let error = load(PHRASE, mode).unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{mode:o}: {error}");
        }
        load(PHRASE, 0o600).unwrap();
        load(PHRASE, 0o400).unwrap();
    }

    #[test]
    fn load_should_read_mnemonics_seeds_and_derivation_paths() {
        let alice = "0xe5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a";
        assert_eq!(load(alice, 0o600).unwrap().address(), ALICE);
        assert_eq!(load(&alice[2..], 0o600).unwrap().address(), ALICE);
        assert_eq!(load(&format!("{PHRASE}//Alice\n"), 0o600).unwrap().address(), ALICE);
    }

    #[test]
    fn load_should_refuse_a_bare_path_when_the_file_holds_no_secret() {
        assert!(matches!(load("//Alice", 0o600), Err(KeyError::DevKeyInFile(_))));
        assert!(matches!(load("", 0o600), Err(KeyError::NotAKey(_))));
        assert!(matches!(load("hello world", 0o600), Err(KeyError::NotAKey(_))));
        assert!(matches!(load("0x1234", 0o600), Err(KeyError::NotAKey(_))));
    }

    #[test]
    fn load_should_refuse_a_keystore_that_is_cut_off() {
        for text in ["{", "{}", r#"{"encoded":"AAAA"}"#] {
            let error = load(text, 0o600).unwrap_err();
            assert!(matches!(error, KeyError::BadKeystore { .. }), "{error}");
        }
    }

    #[test]
    fn load_should_open_a_keystore_with_the_right_password_alone() {
        let (_folder, path) = file(KEYSTORE, 0o600);
        let (_other, password) = file("whoisalice\n", 0o600);
        let key = Key::load(&path, &Password::File(password.clone())).unwrap();
        assert_eq!(key.address(), ALICE);
        fs::write(&password, "whoisbob\n").unwrap();
        let error = Key::load(&path, &Password::File(password.clone())).unwrap_err();
        assert!(matches!(error, KeyError::WrongPassword(_)), "{error}");
        fs::set_permissions(&password, fs::Permissions::from_mode(0o644)).unwrap();
        let error = Key::load(&path, &Password::File(password)).unwrap_err();
        assert!(matches!(error, KeyError::OpenToOthers { .. }), "{error}");
        let error = Key::load(&path, &Password::Env("VIGIL_NO_SUCH_PASSWORD".into())).unwrap_err();
        assert!(matches!(error, KeyError::NoPassword(_)), "{error}");
    }

    #[test]
    fn debug_should_show_the_address_alone() {
        let (_folder, path) = file(PHRASE, 0o600);
        let key = Key::load(&path, &Password::Prompt).unwrap();
        assert_eq!(format!("{key:?}"), format!("Key {{ account: \"{}\", .. }}", key.address()));
    }

    #[test]
    fn generate_should_write_a_private_file_that_loads_to_the_same_account() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let key = Key::generate(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(Key::load(&path, &Password::Prompt).unwrap().account(), key.account());
        assert!(matches!(Key::generate(&path), Err(KeyError::Exists(_))));
    }

    #[test]
    fn dev_should_give_the_well_known_accounts() {
        assert_eq!(Key::dev("Alice").unwrap().address(), ALICE);
        assert!(Key::dev("").is_err());
        assert!(Key::dev("Alice//stash").is_err());
    }

    #[test]
    fn parse_address_should_take_this_chains_addresses_only() {
        let alice = Key::dev("Alice").unwrap();
        assert_eq!(&parse_address(ALICE).unwrap(), alice.account());
        let account: &[u8] = alice.account().as_ref();
        assert_eq!(
            &parse_address(&format!("0x{}", hex::encode(account))).unwrap(),
            alice.account()
        );
        let polkadot = alice.account().to_ss58check_with_version(Ss58AddressFormat::custom(0));
        assert!(parse_address(&polkadot).is_err());
        assert!(parse_address("5Grwva").is_err());
        assert!(parse_address("0x12").is_err());
    }

    #[test]
    fn verify_should_accept_the_signers_signature_alone() {
        let (alice, bob) = (Key::dev("Alice").unwrap(), Key::dev("Bob").unwrap());
        let mut signature = alice.sign(b"text");
        assert!(verify(alice.account(), b"text", &signature));
        assert!(!verify(bob.account(), b"text", &signature));
        assert!(!verify(alice.account(), b"other", &signature));
        signature[0] ^= 1;
        assert!(!verify(alice.account(), b"text", &signature));
    }
}
