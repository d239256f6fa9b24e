use std::sync::Arc;
use std::sync::atomic::Ordering;

use broker::{Broker, MemoryBroker};
use bytes::Bytes;

use super::*;
use crate::testing::{Moody, event, intake, nobody, until};

async fn publish(broker: &dyn Broker, bodies: Vec<Vec<u8>>) {
    let outgoing = |body| Outgoing { queue: Queue::Intake, payload: Bytes::from(body), traceparent: None };
    let results = broker.publish(bodies.into_iter().map(outgoing).collect()).await;
    assert!(results.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn an_absent_broker_is_waited_for_and_what_is_too_large_is_refused() {
    let broker = Arc::new(Moody::default());
    broker.late.store(3, Ordering::Relaxed);
    let mut large = event(1).to_string().into_bytes();
    large.resize(invoice::limits::EVENT_BYTES + 100, b' ');
    publish(&*broker, vec![event(2).to_string().into_bytes(), large.clone()]).await;

    let intake = intake(broker.clone());
    let stop = CancellationToken::new();
    let (config, keys) = (Config::default(), nobody());
    let work = async {
        until("a refusal", async || intake.ledger.standing().await.unwrap().refused_intake == 1).await;
        until("the acks", async || broker.inner.unsettled(Queue::Intake) == 0).await;
        stop.cancel();
    };
    let (worked, ()) = tokio::join!(run(&intake, &config, &keys, &stop), work);
    worked.unwrap();

    assert_eq!(broker.late.load(Ordering::Relaxed), 0);
    let refused = intake.ledger.refused_intake(10).await.unwrap().remove(0);
    assert_eq!(refused.code, "too_large");
    assert_eq!(refused.sha256, Digest::of(&large));
    assert_eq!(refused.body, large[..invoice::limits::EVENT_BYTES]);
    assert_eq!(intake.ledger.find("ف-000002").await.unwrap().len(), 1);
    assert_eq!(broker.depth(Queue::DeadLetter).await.unwrap(), 1);
    assert_eq!(broker.depth(Queue::Draft).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_broker_once_asked_to_stop() {
    let broker = Arc::new(Moody::default());
    broker.late.store(u32::MAX, Ordering::Relaxed);
    let stop = CancellationToken::new();
    let intake = intake(broker);
    let (config, keys) = (Config::default(), nobody());
    let stopping = async {
        tokio::time::sleep(PAUSE * 10).await;
        stop.cancel();
    };
    let (worked, ()) = tokio::join!(run(&intake, &config, &keys, &stop), stopping);
    worked.unwrap();
}

/// Keys by which these users publish, each for these taxpayers.
fn users(named: &[(&str, &[&str])]) -> KeyRing {
    let key = |(user, taxpayers): &(&str, &[&str])| {
        let minted = ledger::keys::mint().unwrap();
        ledger::keys::ApiKey {
            prefix: minted.prefix,
            hash: minted.hash,
            name: "صندوق".to_owned(),
            may: [ledger::keys::Permission::Publish].into(),
            scope: ledger::keys::Scope {
                taxpayers: taxpayers.iter().map(|one| (*one).to_owned()).collect(),
                ..Default::default()
            },
            amqp_user: Some((*user).to_owned()),
            expires_at: None,
            created_at: invoice::Timestamp::UNIX_EPOCH,
            created_by: "هند".to_owned(),
            replaces: None,
            revoked: None,
            last_used_at: None,
        }
    };
    KeyRing::new(ledger::keys::ValidKeys {
        revision: 1,
        names_amqp_users: true,
        keys: named.iter().map(key).collect(),
        ..Default::default()
    })
}

#[tokio::test(start_paused = true)]
async fn a_user_of_the_broker_publishes_for_their_own_taxpayers_only() {
    const SHOP: &str = "11111111";
    let broker = Arc::new(MemoryBroker::default());
    let intake = intake(broker.clone());
    let ring = users(&[("till", &[SHOP]), ("other", &["99999999"]), ("house", &[]), ("leaver", &[SHOP])]);
    let (sender, keys) = tokio::sync::watch::channel(Arc::new(ring));
    let (stop, config) = (CancellationToken::new(), Config::default());
    let publish_as = |user: &str, n| {
        let payload = Bytes::from(event(n).to_string());
        let sent =
            broker.publish_as(user, vec![Outgoing { queue: Queue::Intake, payload, traceparent: None }]);
        assert_eq!(sent, [Ok(())]);
    };
    let settled = async |invoices: u64, refused| {
        until("everything to be taken or refused", async || {
            let standing = intake.ledger.standing().await.unwrap();
            let known: u64 = standing.counts.iter().map(|line| line.count).sum();
            (known, standing.refused_intake) == (invoices, refused) && broker.unsettled(Queue::Intake) == 0
        })
        .await;
    };
    let work = async {
        publish_as("till", 1);
        publish_as("house", 2);
        publish_as("leaver", 3);
        publish_as("other", 4);
        publish_as("stranger", 5);
        publish(&*broker, vec![event(6).to_string().into_bytes()]).await;
        settled(3, 3).await;
        // Revoked without a restart; and after the last of them the queue is open to nobody, not to everybody.
        sender.send_replace(Arc::new(users(&[("till", &[SHOP])])));
        publish_as("leaver", 7);
        publish_as("till", 8);
        settled(4, 4).await;
        sender.send_replace(Arc::new(users(&[])));
        publish_as("till", 9);
        publish(&*broker, vec![event(10).to_string().into_bytes()]).await;
        settled(4, 6).await;
        stop.cancel();
    };
    let (worked, ()) = tokio::join!(run(&intake, &config, &keys, &stop), work);
    worked.unwrap();

    let mut refused = intake.ledger.refused_intake(10).await.unwrap();
    refused.sort_by_key(|record| record.number.clone());
    let told: Vec<_> =
        refused.iter().map(|record| (record.number.as_deref().unwrap(), record.code.as_str())).collect();
    let wanted = [
        ("ف-000004", "out_of_scope"),
        ("ف-000005", "unknown_sender"),
        ("ف-000006", "unknown_sender"),
        ("ف-000007", "unknown_sender"),
        ("ف-000009", "unknown_sender"),
        ("ف-000010", "unknown_sender"),
    ];
    assert_eq!(told, wanted);
    for (record, words) in refused.iter().zip(["\"other\"", "\"stranger\"", "user_id", "\"leaver\""]) {
        assert!(record.message.contains(words), "{words}: {}", record.message);
    }
    assert!(
        refused.iter().zip([4, 5, 6]).all(|(record, n)| record.body == event(n).to_string().into_bytes())
    );
    assert_eq!(broker.depth(Queue::DeadLetter).await.unwrap(), 6, "a person is told of each");
}
