//! What is kept of things that come seldom: strange answers, void numbers, months without a partition.

use invoice::life::Event;
use ledger::conformance::{actor, arrival, evidence};
use ledger::{APP_ROLE, Appended, Change, Ledger};

use crate::room::{Room, code};

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
