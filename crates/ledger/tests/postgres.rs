//! What only the Postgres adapter can promise: rights and guards, proof against whoever can write to the tables,
//! sessions that are left clean, partitions, and errors that say what helps.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; the lints spare only functions that are tests themselves"
)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use invoice::InvoiceKey;
use invoice::life::{Event, Invoice};
use ledger::conformance::{Numbering, actor, arrival, evidence};
use ledger::testing::TestDatabase;
use ledger::{
    APP_ROLE, Appended, Arrival, Change, EncodeOutcome, Ledger, LedgerError, PostgresConfig, PostgresLedger,
    Reception, Schedule,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// A database, a ledger in it, and a session of its owner beside.
struct Room {
    database: TestDatabase,
    ledger: PostgresLedger,
    owner: PgConnection,
}

impl Room {
    async fn new() -> Self {
        let database = TestDatabase::create().await.unwrap();
        let ledger = database.ledger(Schedule::default()).await.unwrap();
        let owner = PgConnection::connect(database.url()).await.unwrap();
        Self { database, ledger, owner }
    }

    /// With this many encoded invoices, numbered from 0.
    async fn with(invoices: u64) -> Self {
        let room = Self::new().await;
        let batch = (0..invoices).map(arrival).collect();
        room.ledger.accept(batch).await.unwrap();
        let keys = (0..invoices).map(|n| arrival(n).key).collect();
        room.ledger.encode(keys, Arc::new(Numbering::default())).await.unwrap();
        room
    }

    async fn owner(&mut self, sql: &str) -> Result<u64, sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.owner).await.map(|done| done.rows_affected())
    }

    /// As somebody who can switch the guards off.
    async fn tamper(&mut self, sql: &str) {
        self.owner("SET session_replication_role = replica").await.unwrap();
        assert!(self.owner(sql).await.unwrap() > 0, "{sql}: nothing was there to tamper with");
        self.owner("SET session_replication_role = origin").await.unwrap();
    }

    async fn count(&mut self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.owner).await.unwrap()
    }

    /// What the proof says, as text.
    async fn violations(&self) -> Vec<(Option<InvoiceKey>, String)> {
        let verification = self.ledger.verify().await.unwrap();
        verification.violations.into_iter().map(|violation| (violation.key, violation.message)).collect()
    }

    async fn remove(self) {
        self.ledger.close().await;
        self.owner.close().await.unwrap();
        self.database.remove().await.unwrap();
    }
}

fn code(error: &sqlx::Error) -> String {
    error.as_database_error().and_then(|error| error.code()).unwrap_or_default().into_owned()
}

fn started(invoice: &Invoice, at: invoice::Timestamp) -> Change {
    let event = Event::SubmissionStarted {
        attempt: invoice.attempt + 1,
        document: invoice.document,
        lease_until: at + chrono::TimeDelta::seconds(80),
        worker: "submitter-1".to_owned(),
        xml: invoice.xml.unwrap(),
    };
    Change { invoice: invoice.clone(), events: vec![event], at, documents: Vec::new(), attempt: None }
}

#[tokio::test]
async fn nobody_changes_or_deletes_what_is_append_only() {
    let mut room = Room::with(1).await;
    room.ledger.checkpoint(10).await.unwrap().unwrap();
    let month: String = sqlx::query_scalar("SELECT tableoid::regclass::text FROM events LIMIT 1")
        .fetch_one(&mut room.owner)
        .await
        .unwrap();
    assert_ne!(month, "events_default", "the month of acceptance has its partition");
    let attempts = [
        "UPDATE events SET payload = '{}'",
        "DELETE FROM events",
        "TRUNCATE events",
        "UPDATE identities SET number = 'x'",
        "DELETE FROM identities",
        "UPDATE documents SET bytes = ''",
        "DELETE FROM documents",
        "UPDATE contents SET normal_form = '{}'",
        "TRUNCATE contents",
        "UPDATE checkpoints SET hash = sha256('')",
        "DELETE FROM checkpoint_heads",
    ]
    .map(str::to_owned);
    let on_partition = [
        format!("UPDATE {month} SET payload = '{{}}'"),
        format!("DELETE FROM {month}"),
        format!("TRUNCATE {month}"),
        "TRUNCATE events_default".to_owned(),
    ];
    for sql in attempts.iter().chain(&on_partition) {
        let refused = room.owner(sql).await.unwrap_err();
        assert_eq!(code(&refused), "23001", "the owner: {sql}");
    }
    room.owner(&format!("SET ROLE {APP_ROLE}")).await.unwrap();
    let more = ["DELETE FROM invoices", "DELETE FROM icv_assignments", "UPDATE icv_assignments SET icv = 9"]
        .map(str::to_owned);
    for sql in attempts.iter().chain(&on_partition).chain(&more) {
        let refused = room.owner(sql).await.unwrap_err();
        assert_eq!(code(&refused), "42501", "the program's role: {sql}");
    }
    room.owner("RESET ROLE").await.unwrap();
    assert_eq!(room.violations().await, []);
    room.remove().await;
}

#[tokio::test]
async fn the_program_works_with_the_lesser_role() {
    let room = Room::with(1).await;
    let examination = room.ledger.examine(room.ledger.now().await.unwrap()).await.unwrap();
    assert_eq!(examination.role, APP_ROLE);
    assert_ne!(examination.login, APP_ROLE);
    assert_eq!(examination.excess_rights, [""; 0]);
    assert_eq!(examination.missing_rights, [""; 0]);
    assert_eq!(examination.unguarded, [""; 0]);
    // And so it may be told otherwise.
    let config = PostgresConfig { role: None, ..PostgresConfig::new(room.database.url()) };
    let ledger = PostgresLedger::connect(config).await.unwrap();
    let examination = ledger.examine(ledger.now().await.unwrap()).await.unwrap();
    assert_eq!(examination.role, examination.login);
    assert!(examination.excess_rights.contains(&"DELETE events".to_owned()), "{examination:?}");
    ledger.close().await;
    room.remove().await;
}

#[tokio::test]
async fn an_examination_tells_what_is_amiss() {
    let bare = TestDatabase::create_bare().await.unwrap();
    let ledger = bare.ledger(Schedule::default()).await.unwrap();
    let local = ledger.now().await.unwrap() - chrono::TimeDelta::seconds(90);
    let examination = ledger.examine(local).await.unwrap();
    assert!(!examination.is_migrated());
    assert!((90_000..95_000).contains(&examination.clock_ahead_ms), "{}", examination.clock_ahead_ms);
    assert!(
        matches!(ledger.accept(vec![arrival(1)]).await, Err(LedgerError::Unavailable(_))),
        "not migrated yet"
    );
    let applied = PostgresLedger::migrate(bare.url()).await.unwrap();
    assert_eq!(applied, examination.migrations.missing);
    assert_eq!(PostgresLedger::migrate(bare.url()).await.unwrap(), []);

    let examination = ledger.examine(local).await.unwrap();
    assert_eq!(examination.migrations.applied, applied);
    assert_eq!((examination.missing_partitions, examination.strays_in_default), (Vec::new(), false));
    assert!(examination.is_utf8 && examination.server_version_num >= ledger::SERVER_VERSION_MIN);
    assert_eq!(examination.durability.len(), 3);

    let mut owner = PgConnection::connect(bare.url()).await.unwrap();
    sqlx::raw_sql(
        "ALTER TABLE events DISABLE TRIGGER append_only;
         INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', true, '', 0);
         UPDATE _sqlx_migrations SET checksum = '' WHERE version = 2;
         GRANT UPDATE ON documents TO fawtara_app; REVOKE INSERT ON attempts FROM fawtara_app;",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    let examination = ledger.examine(local).await.unwrap();
    assert_eq!(examination.unguarded, ["events"]);
    assert_eq!(examination.excess_rights, ["UPDATE documents"]);
    assert_eq!(examination.missing_rights, ["INSERT attempts"]);
    let versions =
        |migrations: &[ledger::Migration]| migrations.iter().map(|m| m.version).collect::<Vec<_>>();
    assert_eq!(versions(&examination.migrations.unknown), [9999]);
    assert_eq!(versions(&examination.migrations.altered), [2]);
    ledger.close().await;
    bare.remove().await.unwrap();
}

/// Roles belong to the cluster: databases that are migrated at once must not trip over each other's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn databases_are_migrated_side_by_side() {
    let made: Vec<_> = (0..4).map(|_| tokio::spawn(TestDatabase::create())).collect();
    for database in made {
        database.await.unwrap().unwrap().remove().await.unwrap();
    }
    // And several programs may bring the same one up to date.
    let bare = Arc::new(TestDatabase::create_bare().await.unwrap());
    let migrated: Vec<_> = (0..4)
        .map(|_| {
            let bare = bare.clone();
            tokio::spawn(async move { PostgresLedger::migrate(bare.url()).await })
        })
        .collect();
    for result in migrated {
        result.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_proof_finds_a_changed_event() {
    let mut room = Room::with(3).await;
    let key = arrival(1).key;
    room.tamper(&format!(
        "UPDATE events SET payload = replace(payload::text, '\"icv\":', '\"icv\":7')::json WHERE uuid = '{}' AND version = 2",
        key.uuid
    ))
    .await;
    let violations = room.violations().await;
    assert!(
        violations.contains(&(Some(key), "the hash does not match the event".to_owned())),
        "{violations:?}"
    );
    assert!(
        violations.contains(&(Some(key), "the state is not what the events say: icv".to_owned())),
        "{violations:?}"
    );
    assert!(violations.iter().all(|(blamed, _)| *blamed == Some(key)), "{violations:?}");
    room.remove().await;
}

/// Whoever removes the tail and puts the state back leaves no trace in the stream; the checkpoint remembers.
#[tokio::test]
async fn the_proof_finds_a_missing_tail() {
    let mut room = Room::with(3).await;
    let key = arrival(1).key;
    let uuid = key.uuid;
    let before = room.ledger.load(&[key]).await.unwrap();
    let change = started(before.invoices[0].as_ref().unwrap(), before.now);
    room.ledger.append(vec![change]).await.unwrap();
    room.tamper(&format!("DELETE FROM events WHERE uuid = '{uuid}' AND version = 3")).await;
    let violations = room.violations().await;
    assert!(
        violations.contains(&(Some(key), "the events end with 2, the invoice stands at 3".to_owned())),
        "{violations:?}"
    );
    room.tamper(&format!(
        "UPDATE invoices i SET version = 2, state = 'draft', attempt = 0, lease_until = NULL, updated_at = e.at, head = e.hash
         FROM events e WHERE e.uuid = i.uuid AND e.version = 2 AND i.uuid = '{uuid}'"
    ))
    .await;
    assert_eq!(room.violations().await, [], "the stream by itself looks honest");
    room.remove().await;

    let mut room = Room::with(3).await;
    room.ledger.checkpoint(100).await.unwrap().unwrap();
    room.tamper(&format!("DELETE FROM events WHERE uuid = '{uuid}' AND version = 2")).await;
    room.tamper(&format!(
        "UPDATE invoices i SET version = 1, icv = NULL, xml = NULL, updated_at = e.at, head = e.hash
         FROM events e WHERE e.uuid = i.uuid AND e.version = 1 AND i.uuid = '{uuid}'"
    ))
    .await;
    room.tamper(&format!("DELETE FROM icv_assignments WHERE uuid = '{uuid}'")).await;
    let violations = room.violations().await;
    let sealed = (Some(key), "checkpoint 1 sealed another event here, or it is missing".to_owned());
    assert!(violations.contains(&sealed), "{violations:?}");
    assert!(violations.iter().any(|(_, message)| message.contains("hole in the counters")), "{violations:?}");
    room.remove().await;
}

#[tokio::test]
async fn the_proof_finds_a_missing_stream() {
    let mut room = Room::with(3).await;
    let (events, state) = (arrival(0).key, arrival(1).key);
    room.tamper(&format!("DELETE FROM events WHERE uuid = '{}'", events.uuid)).await;
    room.tamper(&format!("DELETE FROM invoices WHERE uuid = '{}'", state.uuid)).await;
    let violations = room.violations().await;
    let lost = |key: InvoiceKey, message: &str| (Some(key), message.to_owned());
    assert!(
        violations.contains(&lost(events, "the stream is missing: it has an identity and no events")),
        "{violations:?}"
    );
    assert!(
        violations.contains(&lost(state, "the invoice is missing: it has an identity and no state")),
        "{violations:?}"
    );
    room.remove().await;

    // With every trace of it gone, only the checkpoint knows.
    let mut room = Room::with(3).await;
    room.ledger.checkpoint(100).await.unwrap().unwrap();
    let key = arrival(2).key;
    for table in ["events", "invoices", "identities", "contents", "documents", "icv_assignments"] {
        room.tamper(&format!("DELETE FROM {table} WHERE uuid = '{}'", key.uuid)).await;
    }
    let sealed = lost(key, "checkpoint 1 sealed another event here, or it is missing");
    assert!(room.violations().await.contains(&sealed));
    // Nor can it be forgotten there.
    room.tamper(&format!("DELETE FROM checkpoint_heads WHERE uuid = '{}'", key.uuid)).await;
    let violations = room.violations().await;
    assert!(
        violations.contains(&(None, "checkpoint 1 does not match what it seals".to_owned())),
        "{violations:?}"
    );
    room.remove().await;
}

#[tokio::test]
async fn the_proof_finds_whatever_else_was_touched() {
    let acts = [
        (
            "UPDATE invoices SET state = 'cleared', wake_at = NULL WHERE uuid = '{}'",
            "what the events say: state",
        ),
        ("UPDATE invoices SET message = 'x' WHERE uuid = '{}'", "what the events say: message"),
        (
            "UPDATE documents SET bytes = '\\x00' WHERE uuid = '{}'",
            "the sent document of version 1 does not match",
        ),
        (
            "UPDATE documents SET bytes = '', sha256 = sha256('') WHERE uuid = '{}'",
            "not the one that was encoded",
        ),
        ("DELETE FROM documents WHERE uuid = '{}'", "not the one that was encoded"),
        (
            "UPDATE contents SET normal_form = '{\"a\":1}' WHERE uuid = '{}'",
            "the content of document version 1",
        ),
        ("DELETE FROM contents WHERE uuid = '{}'", "not those that were accepted"),
        ("UPDATE identities SET number = 'غيرها' WHERE uuid = '{}'", "not those of the identity"),
        ("DELETE FROM identities WHERE uuid = '{}'", "the invoice has no identity"),
        (
            "UPDATE icv_assignments SET uuid = gen_random_uuid() WHERE uuid = '{}'",
            "is not assigned to this invoice",
        ),
        ("UPDATE events SET type = 'cleared' WHERE uuid = '{}' AND version = 2", "is kept as \"cleared\""),
        (
            "UPDATE events SET at = at + interval '1 us' WHERE uuid = '{}' AND version = 2",
            "hash does not match",
        ),
        (
            "UPDATE events SET payload = '{\"type\":\"later\"}' WHERE uuid = '{}' AND version = 2",
            "cannot be read",
        ),
        ("DELETE FROM events WHERE uuid = '{}' AND version = 1", "does not begin with an acceptance"),
    ];
    let count = u64::try_from(acts.len()).unwrap();
    let mut room = Room::with(count + 1).await;
    for (n, (sql, _)) in (0..).zip(acts) {
        room.tamper(&sql.replace("'{}'", &format!("'{}'", arrival(n).key.uuid))).await;
    }
    let violations = room.violations().await;
    for (n, (sql, expected)) in (0..).zip(acts) {
        let key = arrival(n).key;
        let found =
            violations.iter().any(|(blamed, message)| *blamed == Some(key) && message.contains(expected));
        assert!(found, "{sql}: {violations:?}");
    }
    let honest = Some(arrival(count).key);
    assert!(violations.iter().all(|(blamed, _)| *blamed != honest), "{violations:?}");
    room.remove().await;
}

/// The future's answer, if it comes before it has been polled this often; it is dropped where it stands else.
async fn within_polls<F: Future>(polls: u64, future: F) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    let mut left = polls;
    std::future::poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(context).map(Some)
    })
    .await
}

/// Futures that are dropped at any point leave nothing open behind, and nothing half done (pitfall of `begin`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_futures_leave_no_transaction_open() {
    let mut room = Room::new().await;
    let (mut encoded, mut claimed) = (0, 0);
    for n in 0..120_u64 {
        let arrivals: Vec<Arrival> = (3 * n..3 * n + 3).map(arrival).collect();
        let keys: Vec<InvoiceKey> = arrivals.iter().map(|arrival| arrival.key).collect();
        let polls = n % 12;
        within_polls(polls, room.ledger.accept(arrivals.clone())).await;
        room.ledger.accept(arrivals).await.unwrap();
        encoded += u64::from(
            within_polls(polls, room.ledger.encode(keys.clone(), Arc::new(Numbering::default())))
                .await
                .is_some(),
        );
        let outcomes = room.ledger.encode(keys.clone(), Arc::new(Numbering::default())).await.unwrap();
        assert!(outcomes.iter().all(|outcome| !matches!(outcome, EncodeOutcome::Unfit(_))));
        let loaded = room.ledger.load(&keys).await.unwrap();
        let changes = loaded.invoices.iter().flatten().map(|invoice| started(invoice, loaded.now)).collect();
        claimed += u64::from(within_polls(polls, room.ledger.append(changes)).await.is_some());
    }
    // Some came to their end and some did not, else this has shown nothing.
    assert!((1..120).contains(&encoded) && (1..120).contains(&claimed), "{encoded} {claimed}");
    let leaks = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'";
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while room.count(leaks).await > 0 {
        assert!(tokio::time::Instant::now() < deadline, "sessions stay busy or idle in transaction");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(
        room.count("SELECT count(*) FROM invoices WHERE xml IS NOT NULL").await,
        360,
        "what was told is true"
    );
    assert_eq!(room.violations().await, []);
    room.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_session_costs_time_only() {
    let mut room = Room::with(4).await;
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    for n in 10..20 {
        assert!(room.count(kill).await > 0);
        let reception =
            ledger::patiently(std::future::pending(), || room.ledger.accept(vec![arrival(n)])).await;
        assert!(matches!(reception.unwrap()[..], [Reception::Accepted(_) | Reception::Repeat(_)]));
    }
    assert_eq!(room.violations().await, []);
    room.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_has_an_end_and_says_why() {
    let mut room = Room::with(1).await;
    let config = PostgresConfig {
        max_connections: 1,
        acquire_timeout: Duration::from_millis(300),
        lock_timeout: Duration::from_millis(1_500),
        ..PostgresConfig::new(room.database.url())
    };
    let ledger = PostgresLedger::connect(config).await.unwrap();
    room.owner("BEGIN; SELECT 1 FROM invoices FOR UPDATE").await.unwrap();
    let loaded = ledger.load(&[arrival(0).key]).await.unwrap();
    let change = started(loaded.invoices[0].as_ref().unwrap(), loaded.now);
    let held = tokio::spawn({
        let (ledger, change) = (ledger.clone(), change.clone());
        async move { ledger.append(vec![change]).await }
    });
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while room.count(waiting).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    match ledger.now().await {
        Err(LedgerError::Unavailable(why)) => assert!(why.contains("1 of at most 1 are open"), "{why}"),
        other => panic!("{other:?}"),
    }
    match held.await.unwrap() {
        Err(LedgerError::Unavailable(why)) => assert!(why.contains("55P03"), "{why}"),
        other => panic!("{other:?}"),
    }
    room.owner("COMMIT").await.unwrap();
    assert!(matches!(ledger.append(vec![change]).await.unwrap()[..], [Appended::Done(_)]));
    ledger.close().await;
    room.remove().await;
}

#[tokio::test]
async fn an_encoder_that_panics_harms_its_own_batch_only() {
    struct Panicking;
    impl ledger::Encode for Panicking {
        fn icv_start(&self, _: &invoice::IncomeSource) -> u64 {
            1
        }
        fn encode(&self, _: &ledger::Draft, _: u64) -> Result<Vec<u8>, ledger::Unfit> {
            panic!("خطأ في المرمز")
        }
    }
    let room = Room::new().await;
    room.ledger.accept(vec![arrival(1)]).await.unwrap();
    let result = room.ledger.encode(vec![arrival(1).key], Arc::new(Panicking)).await;
    assert!(matches!(result, Err(LedgerError::Refused(_))), "{result:?}");
    let encoded = room.ledger.encode(vec![arrival(1).key], Arc::new(Numbering::default())).await.unwrap();
    assert!(
        matches!(&encoded[..], [EncodeOutcome::Encoded(invoice)] if invoice.icv == Some(1)),
        "{encoded:?}"
    );
    room.remove().await;
}

#[tokio::test]
async fn a_strange_answer_stops_no_invoice() {
    let room = Room::with(1).await;
    let loaded = room.ledger.load(&[arrival(0).key]).await.unwrap();
    let invoice = loaded.invoices[0].clone().unwrap();
    let refused = Event::Refused { attempt: 1, evidence: evidence("رد\0غريب") };
    let change =
        Change { invoice, events: vec![refused], at: loaded.now, documents: Vec::new(), attempt: None };
    let appended = room.ledger.append(vec![change]).await.unwrap();
    let [Appended::Done(invoice)] = &appended[..] else { panic!("{appended:?}") };
    assert_eq!(invoice.message.as_deref(), Some("رد\u{fffd}غريب"));
    assert_eq!(room.violations().await, []);
    room.remove().await;
}

#[tokio::test]
async fn the_number_of_an_abandoned_invoice_is_void_with_its_reason() {
    let mut room = Room::with(2).await;
    let loaded = room.ledger.load(&[arrival(0).key]).await.unwrap();
    let invoice = loaded.invoices[0].clone().unwrap();
    let icv = invoice.icv;
    let abandoned = Event::Abandoned { void_icv: icv, by: actor("بيع ملغى") };
    let change =
        Change { invoice, events: vec![abandoned], at: loaded.now, documents: Vec::new(), attempt: None };
    room.ledger.append(vec![change]).await.unwrap();
    let voids: Vec<(i64, Option<String>)> =
        sqlx::query_as("SELECT icv, void_reason FROM icv_assignments WHERE void_reason IS NOT NULL")
            .fetch_all(&mut room.owner)
            .await
            .unwrap();
    assert_eq!(voids, [(i64::try_from(icv.unwrap()).unwrap(), Some("بيع ملغى".to_owned()))]);
    assert_eq!(room.violations().await, []);
    room.remove().await;
}

#[tokio::test]
async fn months_without_a_partition_lose_nothing() {
    let mut room = Room::new().await;
    // As if nobody had made partitions since the migration.
    room.owner(
        "DO $$ DECLARE p regclass; BEGIN
            FOR p IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'events'::regclass LOOP
                IF p::text <> 'events_default' THEN EXECUTE format('DROP TABLE %s', p); END IF;
            END LOOP;
        END $$",
    )
    .await
    .unwrap();
    room.ledger.accept(vec![arrival(1)]).await.unwrap();
    let examination = room.ledger.examine(room.ledger.now().await.unwrap()).await.unwrap();
    assert_eq!(examination.missing_partitions.len(), 2);
    assert!(examination.strays_in_default);
    // The months to come get theirs; this one stays in the net, since nothing may move an event.
    room.ledger.maintain().await.unwrap();
    room.ledger.accept(vec![arrival(2)]).await.unwrap();
    let examination = room.ledger.examine(room.ledger.now().await.unwrap()).await.unwrap();
    assert_eq!(examination.missing_partitions.len(), 1);
    let verification = room.ledger.verify().await.unwrap();
    assert_eq!((verification.streams, verification.violations), (2, Vec::new()));
    assert_eq!(room.ledger.history(arrival(1).key).await.unwrap().len(), 1);

    let refused =
        room.owner(&format!("SET ROLE {APP_ROLE}; CREATE TABLE public.mine (a integer)")).await.unwrap_err();
    assert_eq!(code(&refused), "42501", "the role makes partitions through the function alone");
    room.remove().await;
}

/// The pages of the proof neither lose nor repeat a stream.
#[tokio::test]
async fn the_proof_reads_every_page() {
    let room = Room::new().await;
    room.ledger.accept((0..1_203).map(arrival).collect()).await.unwrap();
    let verification = room.ledger.verify().await.unwrap();
    assert_eq!((verification.streams, verification.events), (1_203, 1_203));
    let uuids: BTreeSet<_> = (0..1_203).map(|n| arrival(n).key.uuid).collect();
    assert_eq!(uuids.len(), 1_203);
    room.remove().await;
}
