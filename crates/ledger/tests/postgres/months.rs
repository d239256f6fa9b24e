//! Months that are set aside and brought back, and databases that were filled before they could be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::NaiveDate;
use invoice::life::{Actor, Event};
use invoice::{Digest, InvoiceKey, Timestamp};
use ledger::conformance::{Numbering, actor, arrival, evidence};
use ledger::testing::TestDatabase;
use ledger::{
    Appended, Arrival, Change, DocumentKind, Ledger, LedgerError, Link, PostgresLedger, Reception, link,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::room::Room;

/// The month that the tests set aside.
fn march() -> NaiveDate {
    NaiveDate::from_ymd_opt(2020, 3, 1).unwrap()
}

fn by() -> Actor {
    actor("أقدم من خمس سنوات")
}

/// Invoices that were accepted, encoded and cleared now, and then moved to March 2020, as if they had been accepted there: chain,
/// contents, documents and checkpoint are honest.
async fn of_march(room: &mut Room, invoices: u64) -> Vec<InvoiceKey> {
    let keys: Vec<InvoiceKey> = (0..invoices).map(|n| arrival(n).key).collect();
    room.owner("SELECT fawtara_make_partition(p, '2020-03-01') FROM unnest('{events,contents,documents,attempts}'::name[]) p")
        .await
        .unwrap();
    for key in &keys {
        let invoice = room.ledger.load(&[*key]).await.unwrap().invoices.remove(0).unwrap();
        let cleared = Event::Cleared {
            attempt: 1,
            document: 1,
            qr: "QR".into(),
            already: false,
            late: false,
            note: None,
            signed: None,
            evidence: evidence("نعم"),
        };
        let at = room.ledger.now().await.unwrap();
        let change = Change { invoice, events: vec![cleared], at, documents: Vec::new(), attempt: None };
        assert!(matches!(room.ledger.append(vec![change]).await.unwrap()[..], [Appended::Done(_)]));
    }
    for key in &keys {
        back_date(room, *key).await;
    }
    assert_eq!(room.violations().await, [], "the scene itself");
    keys
}

/// Writes the stream anew with the times of 2020.
async fn back_date(room: &mut Room, key: InvoiceKey) {
    let mut head = ledger::GENESIS;
    let events: Vec<(i32, Timestamp, String)> =
        sqlx::query_as("SELECT version, at, payload::text FROM events WHERE uuid = $1 ORDER BY version")
            .bind(key.uuid)
            .fetch_all(&mut room.owner)
            .await
            .unwrap();
    let uuid = key.uuid;
    let mut sql = "SET session_replication_role = replica;".to_owned();
    for (version, _, payload) in events {
        let at: Timestamp = format!("2020-03-{:02}T08:00:00Z", 10 + version).parse().unwrap();
        head = link(&head, &Link { key, version: u32::try_from(version).unwrap(), at, payload: &payload });
        sql += &format!(
            "UPDATE events SET at = '{at}', hash = '\\x{head}', accepted_month = '2020-03-01' WHERE uuid = '{uuid}' AND version = {version};"
        );
        if version == 1 {
            sql += &format!(
                "UPDATE invoices SET accepted_at = '{at}', accepted_month = '2020-03-01' WHERE uuid = '{uuid}';"
            );
        }
        sql += &format!("UPDATE invoices SET updated_at = '{at}', head = '\\x{head}' WHERE uuid = '{uuid}';");
    }
    for table in ["identities", "contents", "documents", "attempts"] {
        sql += &format!("UPDATE {table} SET accepted_month = '2020-03-01' WHERE uuid = '{uuid}';");
    }
    sql += "SET session_replication_role = origin;";
    room.owner(&sql).await.unwrap();
}

#[tokio::test]
async fn a_month_is_set_aside_and_brought_back() {
    let mut room = Room::with(4).await;
    let keys = of_march(&mut room, 3).await;
    room.ledger.checkpoint(100).await.unwrap().unwrap();
    let before = room.ledger.archive().dossiers(&keys).await.unwrap();
    let months = room.ledger.months().await.unwrap();
    assert!(months[0].month == march() && months[0].unfinished == 0 && months[0].bytes > 0, "{months:?}");
    assert!(months.iter().any(|standing| standing.unfinished == 1), "the fourth is open: {months:?}");

    PostgresLedger::detach(room.database.url(), march(), &by()).await.unwrap();
    let verification = room.ledger.verify().await.unwrap();
    assert_eq!((verification.violations, verification.streams, verification.events), (Vec::new(), 4, 2));
    let [gone] = &verification.detached[..] else { panic!("{:?}", verification.detached) };
    assert_eq!((gone.month, gone.by.clone(), gone.invoices), (march(), by(), 3));
    assert!(gone.to_string().starts_with("2020-03 was detached on 20"), "{gone}");

    // What is asked of its invoices has an answer still: where they stand, and that the rest is not here.
    let loaded = room.ledger.load(&keys).await.unwrap();
    assert!(loaded.invoices.iter().flatten().all(|invoice| invoice.qr.is_some()));
    assert_eq!(room.ledger.history(keys[0]).await.unwrap(), []);
    assert_eq!(room.ledger.documents(&[(keys[0], 1, DocumentKind::Sent)]).await.unwrap(), [None]);
    assert_eq!(room.ledger.content(keys[0]).await.unwrap().unwrap().normal_form, "null");
    let refused = room.ledger.archive().dossiers(&keys[..1]).await.unwrap_err();
    assert!(matches!(&refused, LedgerError::Refused(text) if text.contains("attach it first")), "{refused}");
    // Whoever publishes one again, or something else under its name, hears what everybody hears.
    let other = Arrival { content: Digest::of(b"other"), normal_form: "{}".to_owned(), ..arrival(1) };
    let heard = room.ledger.accept(vec![arrival(0), other]).await.unwrap();
    assert!(matches!(&heard[..], [Reception::Repeat(_), Reception::Refused { .. }]), "{heard:?}");
    // What it holds is guarded there as well, and nobody sets it aside twice.
    let deleted = room.owner("DELETE FROM fawtara_detached.events_2020_03").await.unwrap_err();
    assert_eq!(crate::room::code(&deleted), "23001");
    let again = PostgresLedger::detach(room.database.url(), march(), &by()).await.unwrap_err();
    assert!(matches!(again, LedgerError::Refused(_)), "{again}");

    PostgresLedger::attach(room.database.url(), march(), &by()).await.unwrap();
    let verification = room.ledger.verify().await.unwrap();
    assert_eq!(
        (verification.violations, verification.detached, verification.streams),
        (Vec::new(), Vec::new(), 4)
    );
    assert_eq!(room.ledger.archive().dossiers(&keys).await.unwrap(), before);
    let deleted = room.owner("DELETE FROM events_2020_03").await.unwrap_err();
    assert_eq!(crate::room::code(&deleted), "23001");
    room.remove().await;
}

#[tokio::test]
async fn a_month_with_unfinished_invoices_stays() {
    let mut room = Room::with(2).await;
    of_march(&mut room, 1).await;
    back_date(&mut room, arrival(1).key).await;
    let refused = PostgresLedger::detach(room.database.url(), march(), &by()).await.unwrap_err();
    assert!(matches!(&refused, LedgerError::Refused(text) if text.contains("open")), "{refused}");
    assert_eq!(room.ledger.archive().detachments().await.unwrap(), []);
    assert_eq!(
        room.count("SELECT count(*) FROM pg_class WHERE relnamespace = 'fawtara_detached'::regnamespace")
            .await,
        0
    );
    let nobody = Actor { name: "".to_owned(), reason: "".to_owned() };
    let nowhere = NaiveDate::from_ymd_opt(2019, 1, 1).unwrap();
    for (month, by) in [(nowhere, by()), (march(), nobody)] {
        let refused = PostgresLedger::detach(room.database.url(), month, &by).await.unwrap_err();
        assert!(matches!(refused, LedgerError::Refused(_)), "{refused}");
    }
    // The program's own role may not.
    room.owner("SET ROLE fawtara_app").await.unwrap();
    let refused = room.owner("SELECT fawtara_detach_month('2020-03-01', 'x', 'y')").await.unwrap_err();
    assert_eq!(crate::room::code(&refused), "42501");
    room.remove().await;
}

/// Writers go on while a month leaves: none fails, and a reader that holds the tables for long makes the change wait, not them.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_write_fails_while_a_month_leaves() {
    let mut room = Room::with(3).await;
    of_march(&mut room, 3).await;
    // Somebody reads for long, and holds its locks meanwhile.
    let mut reader = PgConnection::connect(room.database.url()).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT count(*) FROM contents; SELECT count(*) FROM events")
        .execute(&mut reader)
        .await
        .unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (1..=3_u64)
        .map(|writer| {
            let (ledger, stop) = (room.ledger.clone(), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut written = 0;
                while !stop.load(Ordering::Relaxed) {
                    let first = writer * 1_000_000 + written;
                    let batch: Vec<Arrival> = (first..first + 5).map(arrival).collect();
                    let keys = batch.iter().map(|arrival| arrival.key).collect();
                    ledger.accept(batch).await.expect("accepted while a month leaves");
                    ledger
                        .encode(keys, Arc::new(Numbering::default()))
                        .await
                        .expect("encoded while a month leaves");
                    written += 5;
                }
                written
            })
        })
        .collect();
    let url = room.database.url().to_owned();
    let leaving = tokio::spawn(async move { PostgresLedger::detach(&url, march(), &by()).await });
    // It waits for the reader, gives up, and comes again; the writers pass in between.
    room.until_somebody_waits().await;
    let seen = room.count("SELECT count(*) FROM identities").await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while room.count("SELECT count(*) FROM identities").await < seen + 30 {
        assert!(tokio::time::Instant::now() < deadline, "the writers stand behind the change");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(!leaving.is_finished(), "the reader still holds the tables");
    sqlx::raw_sql("ROLLBACK").execute(&mut reader).await.unwrap();
    leaving.await.unwrap().unwrap();
    stop.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    reader.close().await.unwrap();
    let verification = room.ledger.verify().await.unwrap();
    assert_eq!((verification.violations, verification.streams), (Vec::new(), 3 + written));
    room.remove().await;
}

/// The migration copies what is there, and refuses what belongs to nobody.
#[tokio::test]
async fn a_filled_database_is_taken_along() {
    let bare = TestDatabase::create_bare().await.unwrap();
    let mut owner = PgConnection::connect(bare.url()).await.unwrap();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (before, after): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|path| path.file_name().unwrap().to_str().unwrap() < "0017");
    let mut apply = async |path: &std::path::Path| {
        let sql = std::fs::read_to_string(path).unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("BEGIN; {sql}; COMMIT"))).execute(&mut owner).await
    };
    apply_sqlx_table(bare.url()).await;
    for path in &before {
        apply(path).await.unwrap();
    }
    let mut filler = PgConnection::connect(bare.url()).await.unwrap();
    sqlx::raw_sql(
        "INSERT INTO identities SELECT 2, gen_random_uuid(), '12345678', '1', 'ف-' || g,
            date_trunc('month', date '2025-01-01' + g)::date FROM generate_series(1, 300) g;
         INSERT INTO contents SELECT environment, uuid, 1, sha256('a'), '{\"a\":  1}' FROM identities;
         INSERT INTO documents SELECT environment, uuid, 1, 'sent', 2, sha256('b'), 'b', now() FROM identities;
         INSERT INTO attempts SELECT environment, uuid, 3, 1, 1, now(), now(), 'w', 'cleared', false, '{}' FROM identities;
         INSERT INTO invoices (environment, uuid, tax_number, income_source, number, accepted_at, accepted_month, version, state,
            document, contents, updated_at, head, kind, family, payment, issue_date, currency, payable, checkpointed_version)
         SELECT environment, uuid, tax_number, income_source, number, now(), accepted_month, 4, 'cleared',
            1, sha256('a'), now(), sha256('c'), 'invoice', 'income', 'cash', accepted_month, 'JOD', 1, length(number) % 5 FROM identities;
         GRANT INSERT ON documents TO pg_monitor;",
    )
    .execute(&mut filler)
    .await
    .unwrap();
    for path in &after {
        apply(path).await.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    for table in ["contents", "documents", "attempts"] {
        let sql = format!(
            "SELECT count(*) FROM {table} t JOIN identities d USING (environment, uuid, accepted_month)
             WHERE t.tableoid::regclass::text = '{table}_' || to_char(accepted_month, 'YYYY_MM')"
        );
        let kept: i64 = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut filler).await.unwrap();
        assert_eq!(kept, 300, "{table}");
    }
    let told: (String, bool, i64, i64) = sqlx::query_as(
        "SELECT (SELECT normal_form::text FROM contents LIMIT 1), has_table_privilege('pg_monitor', 'documents', 'INSERT'),
            (SELECT sum(count)::bigint FROM settled_counts WHERE state = 'cleared'), (SELECT count(*) FROM unsealed)",
    )
    .fetch_one(&mut filler)
    .await
    .unwrap();
    // Numbers of four characters are sealed by a version of 4 already.
    assert_eq!(told, ("{\"a\":  1}".to_owned(), true, 300, 300 - 90));
    bare.remove().await.unwrap();

    let bare = TestDatabase::create_bare().await.unwrap();
    apply_sqlx_table(bare.url()).await;
    let mut owner = PgConnection::connect(bare.url()).await.unwrap();
    for path in &before {
        let sql = std::fs::read_to_string(path).unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("BEGIN; {sql}; COMMIT"))).execute(&mut owner).await.unwrap();
    }
    sqlx::raw_sql(
        "INSERT INTO documents VALUES (2, gen_random_uuid(), 1, 'sent', 2, sha256('b'), 'b', now())",
    )
    .execute(&mut owner)
    .await
    .unwrap();
    let sql = std::fs::read_to_string(&after[0]).unwrap();
    let refused =
        sqlx::raw_sql(AssertSqlSafe(format!("BEGIN; {sql}; COMMIT"))).execute(&mut owner).await.unwrap_err();
    assert!(refused.to_string().contains("1 of 1 rows of documents belong to no invoice"), "{refused}");
    bare.remove().await.unwrap();
}

/// A migration grants on the table of migrations, which is sqlx's.
async fn apply_sqlx_table(url: &str) {
    let mut owner = PgConnection::connect(url).await.unwrap();
    let table = "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL,
        installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL, execution_time bigint NOT NULL)";
    sqlx::raw_sql(table).execute(&mut owner).await.unwrap();
}

/// Counts of what has settled follow every way in and out of it, and the proof tells when they do not.
#[tokio::test]
async fn the_settled_are_counted_as_they_settle() {
    let mut room = Room::with(130).await;
    let settle = async |ledger: &PostgresLedger, n: u64, event: Event| {
        let invoice = ledger.load(&[arrival(n).key]).await.unwrap().invoices.remove(0).unwrap();
        let at = ledger.now().await.unwrap();
        let change = Change { invoice, events: vec![event], at, documents: Vec::new(), attempt: None };
        assert!(matches!(ledger.append(vec![change]).await.unwrap()[..], [Appended::Done(_)]));
    };
    let cleared = || Event::Cleared {
        attempt: 1,
        document: 1,
        qr: "QR".into(),
        already: false,
        late: true,
        note: None,
        signed: None,
        evidence: evidence("نعم"),
    };
    for n in 0..120 {
        settle(&room.ledger, n, Event::Abandoned { void_icv: Some(n + 1), by: by() }).await;
    }
    for n in 0..7 {
        settle(&room.ledger, n, cleared()).await;
    }
    let counted = async |ledger: &PostgresLedger| {
        let standing = ledger.standing().await.unwrap();
        let counts = standing.counts.iter().map(|line| (line.state.as_str(), line.count));
        counts.collect::<std::collections::BTreeMap<_, _>>()
    };
    let expected = [("abandoned", 113), ("cleared", 7), ("draft", 10)].into();
    assert_eq!(counted(&room.ledger).await, expected);
    // Folding changes nothing but the number of rows.
    assert_eq!(room.count("SELECT count(*) FROM settled_counts").await, 134);
    room.ledger.checkpoint(1_000).await.unwrap().unwrap();
    assert_eq!(room.count("SELECT count(*) FROM settled_counts").await, 2);
    assert_eq!(room.count("SELECT count(*) FROM unsealed").await, 0);
    assert_eq!(counted(&room.ledger).await, expected);
    assert_eq!(room.ledger.checkpoint(1_000).await.unwrap(), None);
    assert_eq!(room.violations().await, []);
    room.owner("UPDATE settled_counts SET count = count + 1 WHERE state = 'cleared'").await.unwrap();
    let violations = room.violations().await;
    assert!(violations[0].1.starts_with("7 invoices are cleared, but 8 are counted"), "{violations:?}");
    room.owner("SELECT fawtara_recount_settled()").await.unwrap();
    assert_eq!(room.violations().await, []);
    assert_eq!(counted(&room.ledger).await, expected);
    room.remove().await;
}
