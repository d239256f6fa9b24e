//! Who may do what, and what `doctor` and `migrate` say of it.

use std::sync::Arc;

use ledger::conformance::arrival;
use ledger::testing::TestDatabase;
use ledger::{APP_ROLE, Ledger, LedgerError, PostgresConfig, PostgresLedger, Schedule};
use sqlx::{Connection, PgConnection};

use crate::room::{Room, code};

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
    let config = PostgresConfig { roles: Vec::new(), ..PostgresConfig::new(room.database.url()) };
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
    let not_migrated = ledger.accept(vec![arrival(1)]).await.unwrap_err();
    assert!(matches!(not_migrated, LedgerError::Unavailable(_)), "{not_migrated:?}");
    assert!(not_migrated.to_string().contains("run `fawtara migrate`"), "{not_migrated}");
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
