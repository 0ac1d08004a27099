use super::*;
use crate::{
    chain::fake::{parameters, Fake, VERSION},
    config::Settings,
};
use vigil_primitives::{
    model::{ModelVersionId, VersionView},
    samples, AccountId, Architecture,
};

fn config(extra: &str) -> Config {
    let text = format!("dev_key = \"Alice\"\nserve = [\"0@0\"]\n{extra}");
    Settings::parse(&text).unwrap().finish().unwrap()
}

fn offer(config: &Config) -> Offer {
    let capability = Capability { memory_mib: 1, device: DeviceClass::Cpu, gmacs_per_second: 100 };
    Offer {
        endpoint: config.endpoint.clone(),
        capability,
        ask: config.ask,
        capacity: config.capacity,
    }
}

fn chain(status: VersionStatus) -> Fake {
    let fake = Fake::new();
    let architecture = Architecture::Encoder(vigil_primitives::Encoder {
        vocabulary: 40,
        hidden: 32,
        heads: 4,
        intermediate: 64,
        positions: 24,
        ..samples::encoder()
    });
    let spec = samples::version_spec(architecture, 1);
    let owner = AccountId::new([1; 32]);
    fake.state().versions.push(VersionView { id: VERSION, owner, spec, status, workers: 0 });
    fake
}

fn names(fake: &Fake) -> Vec<&'static str> {
    fake.state().sent.iter().map(Action::name).collect()
}

async fn enlist_with(fake: &Fake, extra: &str) -> Result<()> {
    let config = config(extra);
    enlist(fake, &config, offer(&config)).await
}

#[tokio::test]
async fn a_new_worker_should_register_with_more_than_the_smallest_bond_and_serve() {
    let fake = chain(VersionStatus::Active);
    enlist_with(&fake, "").await.unwrap();
    assert_eq!(names(&fake), ["register", "serve"]);
    assert_eq!(fake.state().worker.as_ref().unwrap().bond, parameters().min_bond * 3 / 2);
    enlist_with(&fake, "").await.unwrap();
    assert_eq!(names(&fake), ["register", "serve"], "nothing is said twice");
}

#[tokio::test]
async fn too_small_a_balance_should_be_told_with_what_is_missing() {
    let fake = chain(VersionStatus::Active);
    fake.state().spendable = 40 * UNIT;
    let error = enlist_with(&fake, "").await.unwrap_err();
    assert!(matches!(error, Error::Critical(_)));
    assert!(error.to_string().contains("send it 110.1 VGL more"), "{error}");
    assert!(names(&fake).is_empty());
}

#[tokio::test]
async fn too_small_a_bond_should_be_refused() {
    let fake = chain(VersionStatus::Active);
    let error = enlist_with(&fake, "bond = \"5\"").await.unwrap_err();
    assert!(error.to_string().contains("smallest of 100 VGL"), "{error}");
}

#[tokio::test]
async fn what_changed_should_be_brought_to_the_chain() {
    let fake = chain(VersionStatus::Active);
    enlist_with(&fake, "").await.unwrap();
    fake.state().sent.clear();
    let worker = || fake.state().worker.clone().unwrap();
    enlist_with(&fake, "ask = \"7\"\nbond = \"180\"").await.unwrap();
    assert_eq!(names(&fake), ["bond_more", "update"]);
    assert_eq!((worker().ask, worker().bond), (7 * UNIT, 180 * UNIT));
    fake.state().worker.as_mut().unwrap().status = WorkerStatus::Draining;
    fake.state().worker.as_mut().unwrap().serves.push(ModelVersionId { model: 5, version: 5 });
    fake.state().sent.clear();
    enlist_with(&fake, "ask = \"7\"").await.unwrap();
    assert_eq!(names(&fake), ["resume", "unserve"]);
    assert_eq!(worker().serves, [VERSION]);
}

#[tokio::test]
async fn a_deprecated_version_should_be_served_on_but_not_begun() {
    let fake = chain(VersionStatus::Deprecated);
    let error = enlist_with(&fake, "").await.unwrap_err();
    assert!(error.to_string().contains("deprecated"), "{error}");
    fake.state().worker.as_mut().unwrap().serves.push(VERSION);
    enlist_with(&fake, "").await.unwrap();
}

#[tokio::test]
async fn a_worker_that_is_leaving_should_be_told_so() {
    let fake = chain(VersionStatus::Active);
    enlist_with(&fake, "").await.unwrap();
    fake.state().worker.as_mut().unwrap().status = WorkerStatus::Unbonding { until: 500 };
    let error = enlist_with(&fake, "").await.unwrap_err();
    assert!(error.to_string().contains("block 500"), "{error}");
}

#[test]
fn the_speed_should_be_told_again_only_when_it_is_off_by_a_quarter() {
    let config = config("");
    let offered = offer(&config);
    let mut worker = WorkerView {
        account: AccountId::new([1; 32]),
        bond: 0,
        status: WorkerStatus::Active,
        endpoint: offered.endpoint.to_vec(),
        encryption_key: [0; 32],
        capability: offered.capability,
        ask: offered.ask,
        capacity: offered.capacity,
        active: 0,
        answered: 0,
        unfinalised: 0,
        serves: Vec::new(),
        region: None,
        reputation: Default::default(),
        disputes: 0,
        owner: None,
    };
    assert!(!differs(&worker, &offered));
    worker.capability.gmacs_per_second = 90;
    assert!(!differs(&worker, &offered));
    worker.capability.gmacs_per_second = 70;
    assert!(differs(&worker, &offered));
}

#[tokio::test]
async fn patiently_should_repeat_what_is_temporary_alone() {
    let tries = std::cell::Cell::new(0);
    let attempt = |error: fn() -> Error| {
        tries.set(tries.get() + 1);
        let result = if tries.get() < 2 { Err(error()) } else { Ok(()) };
        std::future::ready(result)
    };
    patiently(9, || attempt(|| Error::Temporary("soon".into()))).await.unwrap();
    assert_eq!(tries.replace(0), 2);
    patiently(9, || attempt(|| Error::Critical("never".into()))).await.unwrap_err();
    assert_eq!(tries.get(), 1);
}

#[test]
fn models_that_do_not_fit_into_memory_should_be_refused_before_they_are_served() {
    let config = |memory: u32| config(&format!("memory_mib = {memory}\nbatches = 2"));
    let gib = 1u64 << 30;
    // 1 GiB of weights and twice 512 MiB of keys and values.
    assert!(check_memory(&config(2_048), gib, gib / 2).is_ok());
    let error = check_memory(&config(2_047), gib, gib / 2).unwrap_err();
    assert!(matches!(error, Error::Critical(_)));
    let said = error.to_string();
    for part in ["1024 MiB", "2047 MiB", "cache_tokens"] {
        assert!(said.contains(part), "{said}");
    }
}
