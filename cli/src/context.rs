//! The node's connection and the signing key: what every command that meets the chain needs.

use crate::{
    error::{CommandResult, Failure, Kind},
    format::hex,
    global::Global,
    output,
};
use serde_json::json;
use std::path::{Path, PathBuf};
use vigil_client::{
    events,
    keys::{self, KeyError, Password},
    requester::Requester,
    Call, Client, Included, Key, Until, View,
};
use vigil_primitives::{
    dataset::{DatasetVersionView, DatasetView},
    model::{ModelView, VersionView},
    AccountId, AssetId, DatasetId, DatasetVersionId, Job, JobId, ModelId, ModelVersionId,
};

/// Environment variable with the password of an encrypted key file.
const PASSWORD: &str = "VIGIL_PASSWORD";
/// Environment variable with the path of the key file.
const KEY: &str = "VIGIL_KEY";

/// A connected command.
pub(crate) struct Context {
    /// What was asked for.
    pub(crate) global: Global,
    /// The node.
    pub(crate) client: Client,
    key: Option<Key>,
}

impl Context {
    /// Connects to the node. No key is needed.
    pub(crate) async fn connect(global: &Global) -> CommandResult<Self> {
        let client = Client::connect(&global.node).await?;
        Ok(Self { global: global.clone(), client, key: None })
    }

    /// Loads the signing key, then connects: a wrong key is said before anything else happens.
    pub(crate) async fn signing(global: &Global) -> CommandResult<Self> {
        let key = signer(global)?;
        let client = Client::connect(&global.node).await?;
        Ok(Self { global: global.clone(), client, key: Some(key) })
    }

    /// The state at the best block.
    pub(crate) fn view(&self) -> View<'_> {
        self.client.best()
    }

    /// Whoever orders runs, with the key if there is one.
    pub(crate) fn requester(&self) -> Requester {
        match &self.key {
            Some(key) => Requester::new(self.client.clone(), key.clone()),
            None => Requester::watching(self.client.clone()),
        }
    }

    /// The key that signs.
    pub(crate) fn key(&self) -> CommandResult<&Key> {
        self.key.as_ref().ok_or_else(no_key)
    }

    /// A model that must exist.
    pub(crate) async fn model(&self, id: ModelId) -> CommandResult<ModelView> {
        let model = self.view().model(id).await?;
        model.ok_or_else(|| {
            Failure::not_found(format!("there is no model {id}: see `vigil model list`"))
        })
    }

    /// A version that must exist.
    pub(crate) async fn version(&self, id: ModelVersionId) -> CommandResult<VersionView> {
        let version = self.view().version(id).await?;
        version.ok_or_else(|| no_version(id))
    }

    /// A dataset that must exist.
    pub(crate) async fn dataset(&self, id: DatasetId) -> CommandResult<DatasetView> {
        let dataset = self.view().dataset(id).await?;
        dataset.ok_or_else(|| {
            Failure::not_found(format!("there is no dataset {id}: see `vigil dataset list`"))
        })
    }

    /// A version of a dataset that must exist.
    pub(crate) async fn dataset_version(
        &self,
        id: DatasetVersionId,
    ) -> CommandResult<DatasetVersionView> {
        let version = self.view().dataset_version(id).await?;
        version.ok_or_else(|| no_asset(id.into()))
    }

    /// A job that must exist.
    pub(crate) async fn job(&self, id: JobId) -> CommandResult<Job> {
        let job = self.view().job(id).await?;
        job.ok_or_else(|| {
            Failure::not_found(format!("there is no job {id}, or its record has been pruned"))
        })
    }

    /// Signs and sends a call and waits until it is final.
    pub(crate) async fn submit(&self, call: Call) -> CommandResult<Included> {
        let what = format!("waiting for {}.{} to be final", call.pallet(), call.name());
        let spinner = output::Progress::spinner(&self.global, what);
        let included = self.client.submit(&call, self.key()?, Until::Finalized).await?;
        drop(spinner);
        Ok(included)
    }

    /// [`Self::submit`], then says what has been done.
    pub(crate) async fn submit_and_report(&self, call: Call, done: String) -> CommandResult {
        let (pallet, name) = (call.pallet(), call.name());
        let included = self.submit(call).await?;
        output::show(&self.global, &receipt(&included, &format!("{pallet}.{name}")), || done);
        Ok(())
    }
}

/// There is no such version.
pub(crate) fn no_version(id: ModelVersionId) -> Failure {
    let message = format!("there is no version {id}: see `vigil model show {}`", id.model);
    Failure::not_found(message)
}

/// There is no such asset.
pub(crate) fn no_asset(id: AssetId) -> Failure {
    let list = match id {
        AssetId::Model(id) => format!("vigil model show {}", id.model),
        AssetId::Dataset(id) => format!("vigil dataset show {}", id.dataset),
    };
    Failure::not_found(format!("there is no {id}: see `{list}`"))
}

/// A transaction in a block, as JSON.
fn receipt(included: &Included, call: &str) -> serde_json::Value {
    json!({
        "call": call,
        "block": included.block.number,
        "blockHash": hex(&included.block.hash),
        "extrinsic": hex(&included.extrinsic),
    })
}

/// The number of the model that a transaction registered.
pub(crate) fn created_model(included: &Included) -> CommandResult<ModelId> {
    Ok(included.events.expect::<events::models::ModelCreated>()?.model)
}

/// The version that a transaction published.
pub(crate) fn published_version(included: &Included) -> CommandResult<ModelVersionId> {
    Ok(included.events.expect::<events::models::VersionPublished>()?.id)
}

/// The key that the flags name.
pub(crate) fn signer(global: &Global) -> CommandResult<Key> {
    if let Some(name) = &global.dev_key {
        return Key::dev(name).map_err(Failure::from);
    }
    let from_environment =
        || std::env::var_os(KEY).filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = global.key.clone().or_else(from_environment).ok_or_else(no_key)?;
    load(&path)
}

/// Reads a key file; the password of an encrypted one comes from the environment or the terminal.
pub(crate) fn load(path: &Path) -> CommandResult<Key> {
    let password = match std::env::var_os(PASSWORD) {
        Some(_) => Password::Env(PASSWORD.into()),
        None => Password::Prompt,
    };
    Ok(Key::load(path, &password)?)
}

/// There is no key to sign with.
pub(crate) fn no_key() -> Failure {
    Failure::usage(
        "no key to sign with: give --key FILE, set VIGIL_KEY, \
         or name a development key with --dev-key",
    )
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let kind = match &error {
            KeyError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Kind::NotFound
            }
            KeyError::BadDevName(_) | KeyError::BadAddress(_) => Kind::Usage,
            _ => Kind::Failed,
        };
        Self::new(kind, error.to_string())
    }
}

/// An account argument: an address, or `//Name` for a development key's account.
pub(crate) fn parse_account(text: &str) -> Result<AccountId, String> {
    match text.strip_prefix("//") {
        Some(name) => Key::dev(name).map(|key| key.account().clone()),
        None => keys::parse_address(text),
    }
    .map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parse_account_should_take_addresses_and_development_names() {
        let alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        assert_eq!(parse_account(alice), parse_account("//Alice"));
        for wrong in ["", "Alice", "//", "//Alice//stash", "0x12", "5Grwva"] {
            assert!(parse_account(wrong).is_err(), "{wrong}");
        }
    }
}
