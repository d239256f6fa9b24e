//! What this program cannot read (damaged, or written by a newer one) harms none of its neighbours.

use invoice::InvoiceKey;
use invoice::life::State;
use ledger::conformance::arrival;
use ledger::{DocumentKind, Filter, Ledger, Sweep};

use crate::room::Room;

/// As a newer program may leave the first of three invoices, which all are due.
async fn room_with_a_stranger(encoded: bool, change: &str) -> Room {
    let mut room = if encoded { Room::with(3).await } else { Room::new().await };
    room.ledger.accept((0..3).map(arrival).collect()).await.unwrap();
    drop_rules(&mut room, "invoices").await;
    room.owner("UPDATE invoices SET wake_at = now() - interval '1 second'").await.unwrap();
    let stranger = format!("UPDATE invoices SET {change} WHERE uuid = '{}'", arrival(0).key.uuid);
    assert_eq!(room.owner(&stranger).await.unwrap(), 1);
    room
}

/// A newer program has rules of its own.
async fn drop_rules(room: &mut Room, table: &str) {
    room.owner(&format!(
        "DO $$ DECLARE rule name; BEGIN
            FOR rule IN SELECT conname FROM pg_constraint WHERE conrelid = '{table}'::regclass AND contype = 'c'
            LOOP EXECUTE format('ALTER TABLE {table} DROP CONSTRAINT %I', rule); END LOOP;
        END $$"
    ))
    .await
    .unwrap();
}

fn neighbours() -> Vec<InvoiceKey> {
    let mut keys = vec![arrival(1).key, arrival(2).key];
    keys.sort();
    keys
}

fn sorted(keys: impl Iterator<Item = InvoiceKey>) -> Vec<InvoiceKey> {
    let mut keys: Vec<_> = keys.collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn a_sweep_a_listing_and_the_counts_go_on_without_it() {
    let room = room_with_a_stranger(true, "state = 'notarised'").await;
    let swept = room.ledger.sweep(Sweep::ALL, 10).await.unwrap();
    assert_eq!(sorted(swept.iter().map(|swept| swept.invoice.key)), neighbours());
    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = room.ledger.list(&Filter::default(), after, 1).await.unwrap();
        listed.extend(page.rows.into_iter().map(|row| row.invoice.key));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(sorted(listed.into_iter()), neighbours());
    let counts = room.ledger.standing().await.unwrap().counts;
    assert!(matches!(&counts[..], [only] if only.state == State::Draft && only.count == 2), "{counts:?}");
    room.remove().await;
}

#[tokio::test]
async fn returns_are_woken_without_it() {
    let mut room = room_with_a_stranger(false, "kind = 'proforma'").await;
    let original = arrival(7);
    room.ledger.accept(vec![original.clone()]).await.unwrap();
    let returns = format!(
        "INSERT INTO returns (environment, uuid, document, tax_number, original_uuid)
        SELECT environment, uuid, 1, '{}', '{}' FROM invoices WHERE uuid <> '{1}'",
        original.source.tax_number, original.key.uuid
    );
    assert_eq!(room.owner(&returns).await.unwrap(), 3);
    let woken = room.ledger.dependants(&[original.key]).await.unwrap();
    assert_eq!(sorted(woken.iter().map(|woken| woken.invoice.key)), neighbours());
    room.remove().await;
}

#[tokio::test]
async fn documents_are_read_without_it() {
    let mut room = Room::with(3).await;
    drop_rules(&mut room, "documents").await;
    room.tamper(&format!("UPDATE documents SET sha256 = '\\x00' WHERE uuid = '{}'", arrival(0).key.uuid))
        .await;
    let wanted: Vec<_> = (0..3).map(|n| (arrival(n).key, 1, DocumentKind::Sent)).collect();
    let documents = room.ledger.documents(&wanted).await.unwrap();
    assert_eq!(documents.iter().map(Option::is_some).collect::<Vec<_>>(), [false, true, true]);
    room.remove().await;
}
