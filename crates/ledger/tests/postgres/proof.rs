//! `verify` finds what somebody with access to the tables has done.

use std::collections::BTreeSet;

use invoice::InvoiceKey;
use ledger::Ledger;
use ledger::conformance::arrival;

use crate::room::{Room, started};

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
    assert!(violations.iter().any(|(_, message)| message.contains("in the counters")), "{violations:?}");
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
