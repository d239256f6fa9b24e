//! The registry: taxpayers, income sources, who changed them, and what wakes when they change.

use std::sync::Arc;

use chrono::TimeDelta;
use invoice::event::Family;
use invoice::life::Actor;
use invoice::{Environment, IncomeSource};
use serde_json::json;

use super::Harness;
use super::arrivals::arrival;
use super::hands::{Numbering, actor, drafts, encoded, load, start, together};
use crate::vault::Sealed;
use crate::{
    EncodeOutcome, Entry, Ledger, Registered, RegisteredSource, RegistryAction, RegistryChange, Schedule,
    Sweep, Taxpayer,
};

const ALL: Sweep = Sweep::ALL;

fn name(sequence: &str) -> IncomeSource {
    IncomeSource { tax_number: "12345678".to_owned(), sequence: sequence.to_owned() }
}

fn taxpayer() -> Entry {
    Entry::Taxpayer(Taxpayer::new("12345678", "متجر الياسمين"))
}

/// Every member with a value of its own.
fn full(environment: Environment, sequence: &str) -> RegisteredSource {
    let mut source = RegisteredSource::new(environment, name(sequence));
    source.family = Some(Family::GeneralSales);
    source.client_id = "0c1f-مستخدم".to_owned();
    source.secret = Some(Sealed::from_bytes((0..=u8::MAX).collect()));
    source.url = Some("https://gateway.example/core/invoices/".to_owned());
    source.route = json!({ "kind": "token", "token_url": "https://x.example/", "n": 1.50 });
    source.profile.taxable_amount = true;
    source.profile.exchange_rates.insert("USD".to_owned(), "0.709".parse().unwrap());
    source.icv_start = 5_001;
    source
}

async fn register(ledger: &dyn Ledger, entry: Entry, action: RegistryAction) -> Registered {
    let change = RegistryChange { entry, action, by: actor("تسجيل نشاط جديد") };
    ledger.taxpayers().register(change).await.unwrap()
}

async fn add(ledger: &dyn Ledger, entry: Entry) -> Registered {
    register(ledger, entry, RegistryAction::Add).await
}

pub async fn an_empty_registry_has_revision_zero(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let registry = ledger.taxpayers().registry().await.unwrap();
    assert_eq!((registry.revision, registry.taxpayers.len(), registry.sources.len()), (0, 0, 0));
    assert_eq!(ledger.taxpayers().registry_revision().await.unwrap(), 0);
    assert_eq!(ledger.taxpayers().registry_history(None, None, 10).await.unwrap(), []);
}

pub async fn what_is_registered_comes_back_exactly(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let before = ledger.now().await.unwrap();
    assert_eq!(add(ledger, taxpayer()).await, Registered::Done(1));
    let source = full(Environment::Production, "9932895");
    assert_eq!(add(ledger, Entry::Source(source.clone())).await, Registered::Done(2));
    let registry = ledger.taxpayers().registry().await.unwrap();
    let after = ledger.now().await.unwrap();
    assert_eq!(registry.revision, 2);
    assert_eq!(ledger.taxpayers().registry_revision().await.unwrap(), 2);
    let kept = registry.source(Environment::Production, &source.source).unwrap();
    assert!((before..=after).contains(&kept.created_at) && kept.created_at == kept.updated_at);
    let expected =
        RegisteredSource { revision: 2, created_at: kept.created_at, updated_at: kept.updated_at, ..source };
    assert_eq!(*kept, expected);
    assert_eq!(registry.taxpayer("12345678").unwrap().name, "متجر الياسمين");
    assert!(registry.source(Environment::Sandbox, &expected.source).is_none());
}

pub async fn a_change_replaces_and_keeps_its_record(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    add(ledger, taxpayer()).await;
    add(ledger, Entry::Source(full(Environment::Production, "9932895"))).await;
    let registry = ledger.taxpayers().registry().await.unwrap();
    let mut source = registry.sources[0].clone();
    source.secret = Some(Sealed::from_bytes(b"another-ciphertext".to_vec()));
    source.family = None;
    let rotated = register(ledger, Entry::Source(source.clone()), RegistryAction::RotateSecret).await;
    assert_eq!(rotated, Registered::Done(3));
    let mut taxpayer = registry.taxpayers[0].clone();
    taxpayer.settings = json!({ "branch": "عمّان" });
    assert_eq!(register(ledger, Entry::Taxpayer(taxpayer), RegistryAction::Set).await, Registered::Done(4));

    let registry = ledger.taxpayers().registry().await.unwrap();
    assert_eq!(registry.sources.len(), 1);
    let kept = &registry.sources[0];
    assert_eq!((kept.revision, kept.family, &kept.secret), (3, None, &source.secret));
    assert_eq!(registry.taxpayers[0].settings["branch"], "عمّان");
    let history = ledger.taxpayers().registry_history(None, None, 10).await.unwrap();
    let told: Vec<_> = history.iter().map(|record| (record.revision, record.action)).collect();
    let (add, set, rotate) = (RegistryAction::Add, RegistryAction::Set, RegistryAction::RotateSecret);
    assert_eq!(told, [(4, set), (3, rotate), (2, add), (1, add)], "the latest first");
    assert_eq!(
        history[1].what,
        json!({ "family": { "from": "general_sales", "to": null }, "secret": "replaced" })
    );
    assert_eq!(history[1].environment, Some(Environment::Production));
    assert_eq!(history[1].sequence.as_deref(), Some("9932895"));
    assert_eq!((history[0].environment, &history[0].sequence), (None, &None));
    assert_eq!(history[0].by, actor("تسجيل نشاط جديد"));
    assert!(!format!("{history:?}").contains("ciphertext"));
    let page = ledger.taxpayers().registry_history(Some("12345678"), Some(3), 1).await.unwrap();
    assert_eq!(page.iter().map(|record| record.revision).collect::<Vec<_>>(), [2]);
    assert_eq!(ledger.taxpayers().registry_history(Some("87654321"), None, 10).await.unwrap(), []);
}

pub async fn nobody_overwrites_what_they_have_not_seen(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    add(ledger.as_ref(), taxpayer()).await;
    assert_eq!(add(ledger.as_ref(), taxpayer()).await, Registered::Outdated, "it is registered already");
    let source = Entry::Source(full(Environment::Simulation, "1"));
    let results = together(8, |_| {
        let (ledger, source) = (Arc::clone(&ledger), source.clone());
        async move { add(ledger.as_ref(), source).await }
    })
    .await;
    let done = results.iter().filter(|result| matches!(result, Registered::Done(_))).count();
    let outdated = results.iter().filter(|result| **result == Registered::Outdated).count();
    assert_eq!((done, outdated), (1, 7));
    assert_eq!(ledger.taxpayers().registry_revision().await.unwrap(), 2, "no revision is used up in vain");
}

pub async fn what_is_incomplete_is_not_written(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let source = Entry::Source(full(Environment::Simulation, "1"));
    assert_eq!(add(ledger, source).await, Registered::NoTaxpayer);
    for by in [("", "reason"), ("ليلى", " ")] {
        let by = Actor { name: by.0.to_owned(), reason: by.1.to_owned() };
        let change = RegistryChange { entry: taxpayer(), action: RegistryAction::Add, by };
        assert_eq!(ledger.taxpayers().register(change).await.unwrap(), Registered::Unsigned);
    }
    assert_eq!(ledger.taxpayers().registry_revision().await.unwrap(), 0);
}

pub async fn an_income_source_is_active_in_one_environment(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    add(ledger, taxpayer()).await;
    add(ledger, Entry::Source(full(Environment::Simulation, "1"))).await;
    let production = full(Environment::Production, "1");
    let refused = add(ledger, Entry::Source(production.clone())).await;
    assert_eq!(refused, Registered::ActiveElsewhere(Environment::Simulation));
    let waiting = RegisteredSource { active: false, ..production.clone() };
    assert_eq!(add(ledger, Entry::Source(waiting)).await, Registered::Done(3));
    assert_eq!(add(ledger, Entry::Source(full(Environment::Production, "2"))).await, Registered::Done(4));

    let registry = ledger.taxpayers().registry().await.unwrap();
    let of = |environment| registry.source(environment, &name("1")).unwrap().clone();
    let rehearsed = RegisteredSource { active: false, ..of(Environment::Simulation) };
    let go = RegisteredSource { active: true, ..of(Environment::Production) };
    let activate = register(ledger, Entry::Source(go.clone()), RegistryAction::Activate).await;
    assert_eq!(activate, Registered::ActiveElsewhere(Environment::Simulation));
    let deactivate = register(ledger, Entry::Source(rehearsed), RegistryAction::Deactivate).await;
    assert_eq!(deactivate, Registered::Done(5));
    let activate = register(ledger, Entry::Source(go), RegistryAction::Activate).await;
    assert_eq!(activate, Registered::Done(6));
}

pub async fn the_next_counter_is_shown(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let source = arrival(1).source;
    add(ledger, Entry::Taxpayer(Taxpayer::new(&source.tax_number, "متجر"))).await;
    add(ledger, Entry::Source(RegisteredSource::new(arrival(1).key.environment, source.clone()))).await;
    let next = |registry: crate::Registry| registry.sources[0].next_icv;
    assert_eq!(next(ledger.taxpayers().registry().await.unwrap()), None);
    drafts(ledger, [1]).await;
    let numbering = Arc::new(Numbering { start: 40, ..Numbering::default() });
    ledger.encode(vec![arrival(1).key], numbering).await.unwrap();
    assert_eq!(next(ledger.taxpayers().registry().await.unwrap()), Some(41));
}

pub async fn drafts_of_unknown_sources_are_left(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    drafts(ledger, [1, 2]).await;
    let (first, second) = (arrival(1), arrival(2));
    assert_ne!(first.source, second.source, "the arrivals take turns");
    let unknown = [first.source.clone()].into_iter().collect();
    let stranger = Arc::new(Numbering { unknown, ..Numbering::default() });
    let outcomes = ledger.encode(vec![first.key, second.key], stranger).await.unwrap();
    assert!(
        matches!(&outcomes[0], EncodeOutcome::Skipped(Some(draft)) if draft.icv.is_none()),
        "{outcomes:?}"
    );
    assert!(matches!(&outcomes[1], EncodeOutcome::Encoded(_)), "{outcomes:?}");
    let outcomes = ledger.encode(vec![first.key], Arc::new(Numbering::default())).await.unwrap();
    assert!(matches!(&outcomes[0], EncodeOutcome::Encoded(_)), "as soon as it is known: {outcomes:?}");
    assert_eq!(ledger.verify().await.unwrap().violations, []);
}

pub async fn what_was_parked_wakes_with_its_source(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_with(Schedule { grace_ms: 3_600_000, pause_max_ms: 3_600_000 }).await;
    let ledger = ledger.as_ref();
    encoded(ledger, 1..=9).await;
    let now = ledger.now().await.unwrap();
    let keys: Vec<_> = (1..=9).map(|n| arrival(n).key).collect();
    ledger.park(&keys, now + TimeDelta::minutes(15)).await.unwrap();
    let source = arrival(1).source;
    let mine: Vec<_> = (1..=9).filter(|n| arrival(*n).source == source).map(|n| arrival(n).key).collect();
    assert!((3..9).contains(&mine.len()), "the arrivals take turns");
    // Under way: its own time has not come.
    start(ledger, mine[0]).await;
    let wake = async |limit| ledger.taxpayers().wake(mine[0].environment, &source, limit).await.unwrap();
    assert_eq!(ledger.sweep(ALL, 10).await.unwrap(), []);
    assert_eq!(wake(1).await, 1);
    assert_eq!(wake(10).await, u64::try_from(mine.len() - 2).unwrap());
    assert_eq!(wake(10).await, 0, "what is awake need not be woken");
    let mut swept: Vec<_> =
        ledger.sweep(ALL, 10).await.unwrap().into_iter().map(|swept| swept.invoice.key).collect();
    swept.sort_unstable();
    let mut expected = mine[1..].to_vec();
    expected.sort_unstable();
    assert_eq!(swept, expected);
    let version = load(ledger, mine[1]).await.version;
    assert_eq!(version, 2, "waking is no event");
}
