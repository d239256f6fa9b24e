//! Ways in: one UUID is one document however often and wherever it is published (promise 3), and what cannot be taken
//! from the queue becomes a record, never a message in circles (promise 14).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use broker::{Broker, Hint, MemoryBroker, Outgoing, Queue};
use invoice::life::{Cause, Event, State};
use producer::Producer;
use serde_json::{Value, json};
use simulator::{Fault, Times};
use tests::events::{event, uuid};
use tests::fleet::{Fleet, Numbers, Seams, hold_promises, invoices, settled};
use tests::wait::until;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::scene::{HOUR, amending, history, key, misbehave, repriced, rule};

const REAL: Duration = Duration::from_secs(30);

/// A producer at work.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    work: JoinHandle<()>,
}

impl Door {
    pub(crate) async fn open(seams: &Seams, config: producer::Config) -> Self {
        let config = producer::Config { listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), ..config };
        let producer = Producer::bind(seams.intake(), config).await.unwrap();
        let (address, stop) = (producer.address(), CancellationToken::new());
        let work = tokio::spawn({
            let stop = stop.clone();
            async move { producer.run(stop).await.unwrap() }
        });
        Self { address, stop, work }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn close(self) {
        self.stop.cancel();
        self.work.await.unwrap();
    }
}

async fn to_queue(broker: &dyn Broker, body: impl Into<bytes::Bytes>) {
    let outgoing = Outgoing { queue: Queue::Intake, payload: body.into(), traceparent: None };
    assert_eq!(broker.publish(vec![outgoing]).await, [Ok(())]);
}

async fn post(client: &reqwest::Client, door: &Door, event: &Value) -> (u16, Value) {
    let answer = client.post(door.url("/v1/invoices")).body(event.to_string()).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn one_event_published_fifty_times_at_once_is_one_invoice() {
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 61);
    let door = Door::open(&seams, producer::Config::default()).await;
    let fleet = Fleet::start(&seams, &numbers);
    let client = reqwest::Client::new();
    let mut publishing = Vec::new();
    for n in 0..50 {
        let (client, url, broker) = (client.clone(), door.url("/v1/invoices"), Arc::clone(&seams.broker));
        // The same content in other words: spaces, and a zero that means nothing.
        let body =
            if n % 3 == 0 { format!("  {} ", repriced(event(1), "3.2500")) } else { event(1).to_string() };
        publishing.push(tokio::spawn(async move {
            if n % 2 == 0 {
                to_queue(&*broker, body).await;
                return None;
            }
            Some(client.post(url).body(body).send().await.unwrap().status().as_u16())
        }));
    }
    let mut answers: BTreeMap<u16, u32> = BTreeMap::new();
    for one in publishing {
        if let Some(status) = one.await.unwrap() {
            *answers.entry(status).or_default() += 1;
        }
    }
    let new = answers.get(&202).copied().unwrap_or_default();
    assert!(new <= 1 && new + answers.get(&200).copied().unwrap_or_default() == 25, "{answers:?}");
    until("the intake queue to be empty", REAL, || async {
        (seams.broker.depth(Queue::Intake).await.unwrap() == 0).then_some(())
    })
    .await;
    let all = settled(&*seams.ledger, 1, REAL).await;
    assert_eq!(all[&key(1)].state, State::Cleared);
    let accepted = history(&seams, key(1)).await;
    assert_eq!(accepted.iter().filter(|it| matches!(it.event, Event::Accepted { .. })).count(), 1);
    assert!(seams.ledger.refused_intake(10).await.unwrap().is_empty());
    hold_promises(&seams, &all).await;
    fleet.stop().await;
    door.close().await;
}

#[tokio::test]
async fn an_older_version_published_again_after_an_amendment_changes_nothing() {
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 62);
    let refuse = Fault::Refuse { message: "Total General Amount is Not Correct".to_owned(), status: None };
    misbehave(&seams, [rule("T-000001", Times::Total(1), refuse)]);
    let door = Door::open(&seams, producer::Config::default()).await;
    let fleet = Fleet::start(&seams, &numbers);
    let client = reqwest::Client::new();
    assert_eq!(post(&client, &door, &event(1)).await.0, 202);
    let all = settled(&*seams.ledger, 1, REAL).await;
    assert_eq!((all[&key(1)].state, all[&key(1)].cause), (State::Rejected, Some(Cause::Refused)));

    let (status, problem) = post(&client, &door, &repriced(event(1), "4.5")).await;
    assert_eq!((status, problem["code"].as_str()), (409, Some("conflict")));
    assert!(problem["detail"].as_str().unwrap().contains("\"amends\": 1"), "{problem}");
    let amendment = amending(repriced(event(1), "4.5"), 1);
    let (status, receipt) = post(&client, &door, &amendment).await;
    assert_eq!((status, receipt["document"].as_u64()), (202, Some(2)), "{receipt}");
    let old = [event(1), amendment.clone(), event(1)];
    for again in &old {
        assert_eq!(post(&client, &door, again).await.0, 200);
        to_queue(&*seams.broker, again.to_string()).await;
    }
    let all = settled(&*seams.ledger, 1, REAL).await;
    for again in &old {
        assert_eq!(post(&client, &door, again).await.0, 200);
    }
    let invoice = &all[&key(1)];
    assert_eq!((invoice.state, invoice.document, invoice.cleared_document), (State::Cleared, 2, Some(2)));
    until("the intake queue to be empty", REAL, || async {
        (seams.broker.depth(Queue::Intake).await.unwrap() == 0).then_some(())
    })
    .await;
    let after = invoices(&*seams.ledger).await;
    assert_eq!(after, all, "nothing has changed");
    hold_promises(&seams, &all).await;
    fleet.stop().await;
    door.close().await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_from_the_queue_becomes_a_record_with_its_reason() {
    let numbers = Numbers::quick();
    let broker = MemoryBroker::new(numbers.ladder.clone());
    let seams = Seams { broker: Arc::new(broker.clone()), ..Seams::memory(&numbers, 63) };
    seams.publish([event(1)]).await;
    let mut invalid = event(2);
    invalid["lines"][0]["quantity"] = json!("-1");
    let mut stranger = event(6);
    stranger["seller"]["tax_number"] = json!("99999999");
    let mut taken = event(8);
    taken["number"] = json!("T-000010");
    let conflict = repriced(event(1), "8").to_string();
    let bad = [
        "هذا ليس مستندا".to_owned(),
        "\u{0}\u{1}".to_owned(),
        invalid.to_string(),
        stranger.to_string(),
        conflict.clone(),
        taken.to_string(),
    ];
    to_queue(&broker, event(10).to_string()).await;
    for (n, body) in bad.iter().enumerate() {
        to_queue(&broker, body.clone()).await;
        to_queue(&broker, event(20 + n as u64).to_string()).await;
        // Published twice: still one record.
        to_queue(&broker, body.clone()).await;
    }
    to_queue(&broker, vec![0xff, 0xfe, 0x00]).await;
    let door = Door::open(&seams, producer::Config { batch: 64, ..producer::Config::default() }).await;
    let fleet = Fleet::start(&seams, &numbers);
    let all = settled(&*seams.ledger, 8, HOUR).await;
    assert!(all.values().all(|it| it.state == State::Cleared), "good ones in the same batch are unaffected");

    let refused = seams.ledger.refused_intake(100).await.unwrap();
    let mut codes: Vec<&str> = refused.iter().map(|record| record.code.as_str()).collect();
    codes.sort_unstable();
    let expected =
        ["conflict", "invalid", "invalid", "invalid", "invalid", "number_taken", "unknown_income_source"];
    assert_eq!(codes, expected);
    let record = refused.iter().find(|record| record.code == "conflict").unwrap();
    assert_eq!((record.uuid, record.body.as_slice()), (Some(uuid(1)), conflict.as_bytes()));
    assert!(
        record.message.contains("one UUID is one document") || record.message.contains("cleared"),
        "{record:?}"
    );
    assert!(record.faults.as_ref().is_some_and(|faults| faults.contains("unit_price")), "{record:?}");
    let invalid = refused.iter().find(|record| record.number.as_deref() == Some("T-000002")).unwrap();
    assert!(
        invalid.faults.as_ref().is_some_and(|faults| faults.contains("lines[0].quantity")),
        "{invalid:?}"
    );

    assert_eq!(
        (broker.depth(Queue::Intake).await.unwrap(), broker.unsettled(Queue::Intake)),
        (0, 0),
        "nothing circles"
    );
    // One hint each, once the survey has made up for the repeats.
    until("one hint a record", HOUR, || async {
        let depth = broker.depth(Queue::DeadLetter).await.unwrap();
        (depth == 7 && broker.unsettled(Queue::DeadLetter) == 0).then_some(())
    })
    .await;
    let mut letters = broker.subscribe(Queue::DeadLetter, 100).await.unwrap();
    let hints = letters.next_batch(100, Duration::from_millis(10)).await;
    let mut named: Vec<_> = hints.iter().map(|it| Hint::from_bytes(&it.payload).unwrap().uuid).collect();
    let mut ids: Vec<_> = refused.iter().map(|record| record.id).collect();
    named.sort_unstable();
    ids.sort_unstable();
    assert_eq!(named, ids);
    drop(hints);
    letters.close().await;
    hold_promises(&seams, &all).await;
    fleet.stop().await;
    door.close().await;
}
