//! What the roles see when somebody changes the registry, on the memory adapter.

use invoice::life::Actor;
use jofotara::Endpoint;
use ledger::vault::{MasterKey, Vault};
use ledger::{
    Entry, MemoryLedger, Registered, RegisteredSource, RegistryAction, RegistryChange, Schedule, Taxpayer,
};
use secrecy::{ExposeSecret as _, SecretString};

use super::*;
use crate::settings::{Masked, SourceSettings};
use crate::vault::place;

const TAX_NUMBER: &str = "12345678";

fn name(sequence: &str) -> IncomeSource {
    IncomeSource { tax_number: TAX_NUMBER.to_owned(), sequence: sequence.to_owned() }
}

fn vault(seed: u8) -> Vault {
    let digits: String = (0..32_u8).map(|n| format!("{:02x}", n.wrapping_add(seed))).collect();
    Vault::new(Some(MasterKey::parse(&SecretString::from(digits)).unwrap()), Vec::new())
}

/// With one income source of its own, `1`, in the simulation.
fn settings() -> Settings {
    let source = SourceSettings {
        tax_number: TAX_NUMBER.to_owned(),
        sequence: "1".to_owned(),
        environment: Environment::Simulation,
        family: None,
        icv_start: 7,
        profile: invoice::Profile::default(),
        url: None,
        route: jofotara::Route::Direct,
        client_id: "of-the-settings".to_owned(),
        secret_key: Some(Masked(SecretString::from("clear"))),
        secret_key_file: None,
        secret_key_env: None,
    };
    Settings { income_sources: vec![source], ..Settings::default() }
}

async fn ledger() -> Arc<dyn Ledger> {
    let ledger = MemoryLedger::new(crate::wiring::wall_clock(), Schedule::default());
    put(&ledger, Entry::Taxpayer(Taxpayer::new(TAX_NUMBER, "متجر الياسمين"))).await;
    Arc::new(ledger)
}

async fn put(ledger: &dyn Ledger, entry: Entry) -> u64 {
    let by = Actor { name: "ليلى".to_owned(), reason: "اختبار".to_owned() };
    let change = RegistryChange { entry, action: RegistryAction::Set, by };
    match ledger.taxpayers().register(change).await.unwrap() {
        Registered::Done(revision) => revision,
        other => panic!("{other:?}"),
    }
}

fn source(vault: &Vault, sequence: &str, secret: &str) -> RegisteredSource {
    let mut source = RegisteredSource::new(Environment::Simulation, name(sequence));
    source.client_id = format!("client-{sequence}");
    let sealed = vault.seal(&place(source.environment, &source.source), &SecretString::from(secret)).unwrap();
    source.secret = Some(sealed);
    source
}

async fn kept(ledger: &dyn Ledger, sequence: &str) -> RegisteredSource {
    let registry = ledger.taxpayers().registry().await.unwrap();
    registry.source(Environment::Simulation, &name(sequence)).unwrap().clone()
}

fn secret_of(endpoint: &Endpoint) -> String {
    endpoint.credentials().secret_key.expose_secret().to_owned()
}

async fn next<T>(live: &mut Live<T>) -> Arc<T> {
    let wait = tokio::time::timeout(Duration::from_secs(60), live.changed());
    wait.await.expect("within a minute").expect("somebody still follows");
    live.borrow_and_update().clone()
}

#[tokio::test]
async fn what_stands_in_the_ledger_overrules_the_settings() {
    let (settings, ledger) = (settings(), ledger().await);
    let alone = merged(&settings, &Registry::default());
    assert!(alone.for_intake(&name("1")).is_some_and(|found| found.active && found.icv_start == 7));
    let production =
        RegisteredSource { active: false, ..RegisteredSource::new(Environment::Production, name("1")) };
    put(&*ledger, Entry::Source(production)).await;
    let both = merged(&settings, &ledger.taxpayers().registry().await.unwrap());
    assert!(both.for_intake(&name("1")).is_some_and(|found| !found.active), "deactivated is deactivated");
    let left = both.of(Environment::Simulation, &name("1")).unwrap();
    assert_eq!((left.active, left.icv_start), (false, 7), "what is under way there still has its readings");
}

#[tokio::test]
async fn a_change_reaches_the_roles_without_a_restart() {
    let (settings, ledger, keys) = (settings(), ledger().await, vault(1));
    let registry = follow(&ledger, Duration::from_millis(10)).await.unwrap();
    let mut registrations = registrations(&settings, &registry, None);
    let book = AddressBook::new(&settings, vault(1)).unwrap();
    let mut endpoints = book.follow(&registry, Arc::clone(&ledger));
    assert_eq!(endpoints.borrow().len(), 1, "only that of the settings");
    let key = (Environment::Simulation, name("2"));

    put(&*ledger, Entry::Source(source(&keys, "2", "first"))).await;
    assert!(next(&mut registrations).await.for_intake(&name("2")).is_some_and(|found| found.active));
    let first = next(&mut endpoints).await[&key].clone();
    assert_eq!(secret_of(&first), "first");

    put(&*ledger, Entry::Source(source(&keys, "3", "neighbour"))).await;
    assert!(next(&mut endpoints).await[&key].is_same(&first), "nobody touched it");

    let sealed = source(&keys, "2", "second").secret;
    put(&*ledger, Entry::Source(RegisteredSource { secret: sealed, ..kept(&*ledger, "2").await })).await;
    let rotated = next(&mut endpoints).await[&key].clone();
    assert_eq!(secret_of(&rotated), "second");
    assert!(!rotated.is_same(&first));

    put(&*ledger, Entry::Source(RegisteredSource { active: false, ..kept(&*ledger, "2").await })).await;
    let after = next(&mut endpoints).await;
    assert!(!after.contains_key(&key), "nothing is sent for it");
    assert_eq!(after.len(), 2, "the others go on");
    while registrations.borrow_and_update().for_intake(&name("2")).is_some_and(|found| found.active) {
        next(&mut registrations).await;
    }
}

#[tokio::test]
async fn a_secret_that_does_not_open_stops_only_its_own_source() {
    let (settings, ledger, keys) = (settings(), ledger().await, vault(1));
    put(&*ledger, Entry::Source(source(&keys, "2", "fine"))).await;
    put(&*ledger, Entry::Source(source(&vault(9), "3", "under another master key"))).await;
    let moved = RegisteredSource { secret: source(&keys, "2", "fine").secret, ..source(&keys, "4", "own") };
    put(&*ledger, Entry::Source(moved)).await;
    put(&*ledger, Entry::Source(RegisteredSource { secret: None, ..source(&keys, "5", "none") })).await;
    let odd = RegisteredSource {
        route: serde_json::json!({ "kind": "carrier_pigeon" }),
        ..source(&keys, "6", "odd")
    };
    put(&*ledger, Entry::Source(odd)).await;
    let gated = RegisteredSource {
        url: Some("https://backend.jofotara.gov.jo/core/invoices/".to_owned()),
        ..source(&keys, "7", "a rehearsal must not reach the real thing")
    };
    put(&*ledger, Entry::Source(gated)).await;
    let registry = ledger.taxpayers().registry().await.unwrap();
    let mut book = AddressBook::new(&settings, keys).unwrap();
    let endpoints = book.update(&registry);
    let sequences: Vec<_> = endpoints.keys().map(|(_, source)| source.sequence.as_str()).collect();
    assert_eq!(sequences, ["1", "2"]);
    for (sequence, told) in [
        ("3", "master key"),
        ("4", "belongs to another income source"),
        ("5", "fawtara taxpayers rotate-secret"),
        ("6", "its route cannot be read"),
        ("7", "refused unless the environment says production"),
    ] {
        let source = registry.source(Environment::Simulation, &name(sequence)).unwrap();
        let error = endpoint(&settings, &vault(1), source).unwrap_err();
        assert!(format!("{error:#}").contains(told), "{sequence}: {error:#}");
    }
}

#[tokio::test]
async fn without_a_master_key_the_settings_own_sources_still_work() {
    let (settings, ledger) = (settings(), ledger().await);
    put(&*ledger, Entry::Source(source(&vault(1), "2", "sealed"))).await;
    let mut book = AddressBook::new(&settings, Vault::default()).unwrap();
    let endpoints = book.update(&ledger.taxpayers().registry().await.unwrap());
    assert_eq!(endpoints.keys().map(|(_, source)| source.sequence.as_str()).collect::<Vec<_>>(), ["1"]);
}
