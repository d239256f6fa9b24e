//! What each part of the fleet may do in the database, and what not.

use std::collections::BTreeMap;

use ledger::conformance::arrival;
use ledger::{APP_ROLE, Ledger, Part, PostgresConfig, PostgresLedger};
use sqlx::Row as _;

use crate::room::{Room, code};

async fn ledger_of(room: &Room, part: Part) -> PostgresLedger {
    let config = PostgresConfig {
        roles: part.roles(),
        max_connections: 2,
        ..PostgresConfig::new(room.database.url())
    };
    PostgresLedger::connect(config).await.unwrap()
}

#[tokio::test]
async fn each_part_works_with_its_own_role() {
    let room = Room::with(1).await;
    for part in Part::ALL.into_iter().chain([Part::Whole]) {
        let ledger = ledger_of(&room, part).await;
        let examination = ledger.examine(ledger.now().await.unwrap()).await.unwrap();
        assert_eq!(examination.role, part.role());
        assert_eq!(examination.excess_rights, [""; 0], "{part:?}");
        assert_eq!(examination.missing_rights, [""; 0], "{part:?}");
        // What all of them read.
        ledger.load(&[arrival(0).key]).await.unwrap();
        ledger.taxpayers().registry().await.unwrap();
        ledger.keys().valid_keys().await.unwrap();
        ledger.close().await;
    }
    room.remove().await;
}

#[tokio::test]
async fn no_part_may_do_what_is_anothers() {
    let mut room = Room::with(1).await;
    let producer = "fawtara_producer";
    let encoder = "fawtara_encoder";
    let submitter = "fawtara_submitter";
    let operator = "fawtara_operator";
    let attempt = "INSERT INTO attempts SELECT * FROM attempts_like";
    let event = |kind: &str| {
        format!(
            "INSERT INTO events (accepted_month, environment, uuid, version, at, type, payload, hash) \
             SELECT accepted_month, environment, uuid, 99, now(), '{kind}', '{{}}', sha256('x') FROM invoices"
        )
    };
    room.owner("CREATE TABLE attempts_like (LIKE attempts)").await.unwrap();
    room.owner(
        "INSERT INTO attempts_like (accepted_month, environment, uuid, version, attempt, document, started_at, ended_at, worker, \
         outcome, late, evidence) \
         SELECT accepted_month, environment, uuid, 2, 1, 1, now(), now(), 'w', 'cleared', false, '{}' FROM invoices",
    )
    .await
    .unwrap();
    room.owner(&format!("GRANT SELECT ON attempts_like TO {producer}, {encoder}, {submitter}, {operator}"))
        .await
        .unwrap();
    let everybody = [producer, encoder, submitter, operator];
    let mut forbidden: Vec<(&str, String)> = vec![
        (producer, attempt.to_owned()),
        (encoder, attempt.to_owned()),
        (operator, attempt.to_owned()),
        (producer, event("cleared")),
        (producer, event("encoded")),
        (producer, event("abandoned")),
        (encoder, event("cleared")),
        (encoder, event("accepted")),
        (submitter, event("encoded")),
        (submitter, event("adopted")),
        (operator, event("cleared")),
        (operator, event("submission_started")),
        (producer, "INSERT INTO documents SELECT * FROM documents".to_owned()),
        (producer, "SELECT secret FROM income_sources".to_owned()),
        (producer, "SELECT * FROM income_sources".to_owned()),
        (encoder, "SELECT secret FROM income_sources".to_owned()),
        (producer, "UPDATE icv_counters SET next_icv = 1".to_owned()),
        (submitter, "UPDATE icv_counters SET next_icv = 1".to_owned()),
        (producer, "INSERT INTO icv_assignments SELECT * FROM icv_assignments".to_owned()),
        (producer, "INSERT INTO checkpoints SELECT * FROM checkpoints".to_owned()),
        (producer, "UPDATE api_keys SET revoked_at = NULL".to_owned()),
        (
            producer,
            "INSERT INTO intake_switches (closed, at, by_name, by_reason) VALUES (false, now(), '', '')"
                .to_owned(),
        ),
        (producer, "SELECT * FROM webhook_deliveries".to_owned()),
        (submitter, "UPDATE income_sources SET active = false".to_owned()),
        (submitter, "INSERT INTO identities SELECT * FROM identities".to_owned()),
        (submitter, "INSERT INTO api_key_history SELECT * FROM api_key_history".to_owned()),
    ];
    for role in everybody {
        for table in [
            "events",
            "invoices",
            "identities",
            "documents",
            "attempts",
            "icv_assignments",
            "api_keys",
            "taxpayers",
        ] {
            forbidden.push((role, format!("DELETE FROM {table}")));
            forbidden.push((role, format!("TRUNCATE {table}")));
        }
        for table in [
            "events",
            "contents",
            "documents",
            "attempts",
            "identities",
            "registry_history",
            "api_key_history",
        ] {
            forbidden.push((
                role,
                format!("UPDATE {table} SET xmin = xmin").replace("xmin = xmin", first_column(table)),
            ));
        }
    }
    for (role, sql) in &forbidden {
        room.owner(&format!("SET ROLE {role}")).await.unwrap();
        let refused = room.owner(sql).await.map(|_| ()).expect_err(&format!("{role} may: {sql}"));
        assert_eq!(code(&refused), "42501", "{role}: {sql}: {refused}");
        room.owner("RESET ROLE").await.unwrap();
    }
    // What is allowed of the same kind goes through, so that the refusals above are about the role and not about the statement.
    for (role, sql) in [(submitter, attempt.to_owned()), (submitter, event("cleared"))] {
        room.owner(&format!("BEGIN; SET LOCAL ROLE {role}")).await.unwrap();
        room.owner(&sql).await.unwrap();
        room.owner("ROLLBACK").await.unwrap();
    }
    room.remove().await;
}

fn first_column(table: &str) -> &'static str {
    match table {
        "registry_history" | "api_key_history" => "revision = revision",
        _ => "uuid = uuid",
    }
}

/// Together they are no more than the role of a process that does everything.
#[tokio::test]
async fn no_part_has_a_right_that_the_whole_lacks() {
    let mut room = Room::with(0).await;
    let rows = sqlx::query(
        "SELECT grantee::text, table_name::text, column_name::text, privilege_type::text FROM information_schema.column_privileges \
         WHERE grantee LIKE 'fawtara_%' AND table_schema = 'public'",
    )
    .fetch_all(&mut room.owner)
    .await
    .unwrap();
    let mut rights: BTreeMap<String, Vec<(String, String, String)>> = BTreeMap::new();
    for row in rows {
        rights.entry(row.get(0)).or_default().push((row.get(1), row.get(2), row.get(3)));
    }
    let whole = rights.get(APP_ROLE).unwrap();
    for part in Part::ALL {
        let own = rights.get(part.role()).unwrap();
        let more: Vec<_> = own.iter().filter(|right| !whole.contains(right)).collect();
        assert_eq!(more, [] as [&(String, String, String); 0], "{part:?}");
    }
    room.remove().await;
}
