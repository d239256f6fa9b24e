//! What Postgres does for each statement of the ledger, read from its own plans of the very statements, on a ledger with half a
//! million invoices (a tenth of that in the quick run) nearly all of which have settled: none may read more rows than it has a use for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use invoice::life::State;
use invoice::{Environment, InvoiceKey};
use ledger::conformance::{Numbering, actor, arrival};
use ledger::testing::TestDatabase;
use ledger::{Appended, DocumentKind, Filter, Issued, Ledger, PostgresConfig, PostgresLedger, Sweep};
use serde_json::Value;
use sqlx::{Connection, PgConnection};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::room::started;

/// Months that they are spread over: each is a partition of four tables.
const MONTHS: u32 = 24;
/// Invoices in a batch.
const BATCH: u64 = 200;
/// The most rows that any part of a plan may read: some for each invoice of a batch, or all that is unfinished.
const ROWS_MAX: f64 = 3_000.0;

/// Keeps the plans that the server sends as notices.
#[derive(Clone, Default)]
struct Plans(Arc<Mutex<Vec<Value>>>);

struct Message(String);

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl Subscriber for Plans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::postgres::notice"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        if let Some((_, plan)) = message.0.split_once("plan:\n") {
            let plan = serde_json::from_str(plan).unwrap_or_else(|error| panic!("{error}: {plan}"));
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(plan);
        }
    }
}

/// What one part of a plan read: which relation, how, and how many rows it had in its hands.
fn readings(plan: &Value, found: &mut Vec<(String, String, f64)>) {
    let number = |name: &str| plan[name].as_f64().unwrap_or_default();
    if let Some(relation) = plan["Relation Name"].as_str()
        && plan["Node Type"].as_str().is_some_and(|node| node.ends_with("Scan"))
    {
        let rows = number("Actual Rows")
            + number("Rows Removed by Filter")
            + number("Rows Removed by Index Recheck");
        let how = plan["Index Name"].as_str().or(plan["Node Type"].as_str()).unwrap_or_default();
        found.push((relation.to_owned(), how.to_owned(), rows * number("Actual Loops").max(1.0)));
    }
    for part in parts(plan) {
        readings(part, found);
    }
}

fn parts(plan: &Value) -> impl Iterator<Item = &Value> {
    plan["Plans"].as_array().into_iter().flatten()
}

/// The indexes of a plan. A bitmap names its index in another part than its table.
fn indexes(plan: &Value, used: &mut BTreeSet<String>) {
    used.extend(plan["Index Name"].as_str().map(str::to_owned));
    for part in parts(plan) {
        indexes(part, used);
    }
}

/// A ledger whose every statement is explained.
async fn explained(database: &TestDatabase) -> PostgresLedger {
    let options = [
        "session_preload_libraries=auto_explain",
        "auto_explain.log_min_duration=0",
        "auto_explain.log_analyze=on",
        "auto_explain.log_timing=off",
        "auto_explain.log_format=json",
        "auto_explain.log_level=notice",
    ];
    let options: Vec<String> = options
        .iter()
        .map(|option| option.split_once('=').unwrap())
        .map(|(name, value)| format!("options[{name}]={value}"))
        .collect();
    let url = format!("{}?{}", database.url(), options.join("&"));
    PostgresLedger::connect(PostgresConfig { notices: true, max_connections: 2, ..PostgresConfig::new(url) })
        .await
        .unwrap()
}

#[tokio::test]
async fn no_statement_reads_more_than_it_needs() {
    check(60_000).await;
}

#[tokio::test]
async fn slow_no_statement_reads_more_of_a_large_ledger() {
    check(500_000).await;
}

/// A backlog is looked at up to a bound, however large it is.
#[tokio::test]
async fn slow_the_counts_of_a_backlog_are_bounded() {
    let database = TestDatabase::create().await.unwrap();
    database.fill(0..150_000, 2).await.unwrap();
    let mut owner = PgConnection::connect(database.url()).await.unwrap();
    for sql in [
        "UPDATE invoices SET state = 'draft', xml = NULL, wake_at = now() WHERE state = 'cleared'",
        "VACUUM (ANALYZE) invoices",
    ] {
        sqlx::raw_sql(sql).execute(&mut owner).await.unwrap();
    }
    owner.close().await.unwrap();
    let plans = Plans::default();
    tracing::subscriber::set_global_default(plans.clone()).unwrap();
    let ledger = explained(&database).await;
    let counts = ledger.standing().await.unwrap().counts;
    ledger.parked(100_000).await.unwrap();
    ledger.close().await;
    database.remove().await.unwrap();

    let count = |state| counts.iter().filter(|line| line.state == state).map(|line| line.count).sum::<u64>();
    assert_eq!(count(State::Draft), 100_000 + 75, "of those without bytes, and all that have some");
    assert_eq!(count(State::Rejected), 75, "what waits for a person is exact");
    let mut found = Vec::new();
    for plan in plans.0.lock().unwrap().iter() {
        readings(&plan["Plan"], &mut found);
    }
    let most = found.iter().map(|(.., rows)| *rows).fold(0.0, f64::max);
    assert!((75.0..101_000.0).contains(&most), "{most} rows: {found:?}");
}

/// Every statement, on a ledger with so many invoices that have been there for long; one of 1,000 of them is unfinished.
async fn check(old: u64) {
    let database = TestDatabase::create().await.unwrap();
    database.fill(0..old, MONTHS).await.unwrap();
    let plans = Plans::default();
    tracing::subscriber::set_global_default(plans.clone()).unwrap();
    let ledger = explained(&database).await;
    everything(&ledger).await;
    ledger.close().await;
    database.remove().await.unwrap();

    let plans = plans.0.lock().unwrap();
    assert!(plans.len() > 60, "too few plans came: {}", plans.len());
    let mut worst: BTreeMap<(String, String), (f64, String)> = BTreeMap::new();
    let mut used = BTreeSet::new();
    for plan in plans.iter() {
        let mut found = Vec::new();
        readings(&plan["Plan"], &mut found);
        indexes(&plan["Plan"], &mut used);
        for (relation, how, rows) in found {
            let text = plan["Query Text"].as_str().unwrap_or_default();
            let entry = worst.entry((relation, how)).or_default();
            if rows >= entry.0 {
                *entry = (rows, format!("{text}\n{:#}", plan["Plan"]));
            }
        }
    }
    // The indexes of the large tables have their use; others are read by `verify`, or small here.
    for index in [
        "invoices_pkey",
        "invoices_waiting",
        "invoices_settled",
        "invoices_settled_of",
        "identities_pkey",
        "identities_number_tax_number_income_source_environment_key",
    ] {
        assert!(used.contains(index), "{index} is not used: {used:?}");
    }
    let too_many: Vec<String> = worst
        .iter()
        .filter(|(_, (rows, _))| *rows > ROWS_MAX)
        .map(|((relation, how), (rows, text))| format!("{rows} rows of {relation} by {how}:\n{text}"))
        .collect();
    assert!(too_many.is_empty(), "{}", too_many.join("\n\n"));
}

/// Every operation that runs while the fleet does, with what it has to do on a busy day.
async fn everything(ledger: &PostgresLedger) {
    let keys: Vec<InvoiceKey> = (0..BATCH).map(|n| arrival(n).key).collect();
    ledger.accept((0..BATCH).map(arrival).collect()).await.unwrap();
    // Repeats, other content under the same name, and a number that is taken.
    let mut again: Vec<_> = (0..BATCH).map(arrival).collect();
    again[1].content = invoice::Digest::of(b"other");
    again[2].key.uuid = uuid::Uuid::from_u128(9);
    ledger.accept(again).await.unwrap();
    ledger.encode(keys.clone(), Arc::new(Numbering::default())).await.unwrap();
    let loaded = ledger.load(&keys).await.unwrap();
    let changes = loaded.invoices.iter().flatten().map(|invoice| started(invoice, loaded.now)).collect();
    let claimed = ledger.append(changes).await.unwrap();
    assert!(claimed.iter().all(|appended| matches!(appended, Appended::Done(_))));
    let wanted: Vec<_> = keys.iter().map(|key| (*key, 1, DocumentKind::Sent)).collect();
    assert!(ledger.documents(&wanted).await.unwrap().iter().all(Option::is_some));
    ledger.dependants(&keys).await.unwrap();
    while ledger.checkpoint(10_000).await.unwrap().is_some() {}
    ledger.standing().await.unwrap();
    ledger.parked(1_000).await.unwrap();
    ledger.sweep(Sweep::ALL, 100).await.unwrap();
    ledger.park(&keys, loaded.now).await.unwrap();
    ledger.sweep(Sweep::ALL, 100).await.unwrap();
    ledger.maintain().await.unwrap();

    for key in &keys[..2] {
        ledger.history(*key).await.unwrap();
        ledger.attempts(*key).await.unwrap();
        ledger.content(*key).await.unwrap();
    }
    assert_eq!(ledger.find("OLD-7777").await.unwrap().len(), 1);
    assert_eq!(ledger.find(&keys[0].uuid.to_string()).await.unwrap().len(), 1);
    let waiting = Filter { states: vec![State::Rejected, State::DeadLettered], ..Filter::default() };
    let settled = Filter { states: vec![State::Cleared], ..Filter::default() };
    let of_one = Filter { tax_number: Some("20000999".to_owned()), ..settled.clone() };
    let open =
        Filter { states: vec![State::Draft, State::Submitted, State::PendingRetry], ..Filter::default() };
    for filter in [
        waiting.clone(),
        Filter { tax_number: Some("20000000".to_owned()), ..waiting.clone() },
        Filter { search: Some("الضريبي".to_owned()), ..waiting },
        Filter { in_doubt: true, ..open.clone() },
        open,
        settled.clone(),
        of_one,
        Filter { environment: Some(Environment::Simulation), ..settled },
        Filter::default(),
    ] {
        let page = ledger.list(&filter, None, 100).await.unwrap();
        assert!(!page.rows.is_empty() || filter.in_doubt, "{filter:?}");
        if page.next.is_some() {
            ledger.list(&filter, page.next, 100).await.unwrap();
        }
    }
    let year = Issued {
        from: "2020-01-01".parse().unwrap(),
        to: "2100-01-01".parse().unwrap(),
        environment: None,
        tax_number: None,
    };
    let page = ledger.archive().issued(&year, None, 200).await.unwrap();
    assert_eq!(ledger.archive().dossiers(&page.keys[..30]).await.unwrap().len(), 30);
    ledger.archive().issued(&year, page.next, 200).await.unwrap();
    ledger.archive().detachments().await.unwrap();
    ledger.refused_intake(10).await.unwrap();
    ledger.refused_ids(10).await.unwrap();
    ledger.resolve_intake(uuid::Uuid::nil(), actor("لا شيء")).await.unwrap();
    ledger.outbox().outbox_standing().await.unwrap();
}
