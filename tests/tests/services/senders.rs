//! Who publishes over AMQP: RabbitMQ vouches for the user of a message, and the keys say for whom that user may publish.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use broker::testing::TestUser;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Connection};
use ledger::{Ledger, RefusedIntake};
use serde_json::Value;
use tests::events;
use tests::processes::{FleetProcesses, Plan, said};
use tests::services::Ground;
use tests::wait;

const DEADLINE: Duration = Duration::from_secs(60);

async fn connected(url: &str) -> Channel {
    let connection = Connection::connect(url, Default::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    channel
}

/// Publishes an event under the name of this user; whether the broker has taken it.
async fn publish(channel: &Channel, user: Option<&str>, event: &Value) -> bool {
    let mut properties = BasicProperties::default().with_delivery_mode(2);
    if let Some(user) = user {
        properties = properties.with_user_id(user.into());
    }
    let (options, body) = (BasicPublishOptions { mandatory: true, ..Default::default() }, event.to_string());
    let sent =
        channel.basic_publish("".into(), "fawtara.intake".into(), options, body.as_bytes(), properties);
    match sent.await {
        Ok(confirm) => confirm.await.is_ok_and(|confirm| confirm.is_ack()),
        Err(_) => false,
    }
}

/// The user that a URL names.
fn user_of(url: &str) -> String {
    url.split_once("://").and_then(|(_, rest)| rest.split([':', '@']).next()).unwrap().to_owned()
}

/// Waits until so many events have come to an end at the intake: how many were taken, and the records of the others.
async fn everything(fleet: &FleetProcesses, count: u64, deadline: Duration) -> (u64, Vec<RefusedIntake>) {
    wait::until(&format!("{count} events to be taken or refused"), deadline, || async {
        let standing = fleet.ledger.standing().await.expect("the ledger answers");
        let refused = fleet.ledger.refused_intake(99).await.expect("the ledger answers");
        let taken: u64 = standing.counts.iter().map(|line| line.count).sum();
        (taken + refused.len() as u64 == count).then_some((taken, refused))
    })
    .await
}

fn codes(records: &[RefusedIntake]) -> Vec<&str> {
    records.iter().map(|record| record.code.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_of_the_broker_publishes_for_its_own_taxpayers_only() {
    let ground = Ground::shared().await;
    let Ground::Shared { vhost, .. } = &ground else { unreachable!("it is shared") };
    let user = TestUser::publisher(vhost).await;
    let plan = Plan { producers: 1, encoders: 1, submitters: 1, ..Plan::default() };
    let fleet = FleetProcesses::start(&ground, &plan).await;
    let house = connected(&ground.amqp_url()).await;
    let till = connected(user.url_text()).await;
    let house_user = user_of(&ground.amqp_url());
    // As long as no key names a user, whoever may write to the queue publishes for everybody.
    assert!(publish(&till, None, &events::event(0)).await);
    fleet.settled(1, DEADLINE).await;
    let ours = events::general_source().tax_number;
    let key = ["--amqp-user", user.name(), "--taxpayer", &ours, "--by", "ليلى", "--reason", "صندوق"];
    let made = fleet.run(&[&["keys", "create", "--name", "till", "--json"], &key[..]].concat()).await;
    assert!(made.status.success(), "{}", said(&made));
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");

    // The key has arrived once a message without a user is refused; until then such messages are taken.
    let published = AtomicU64::new(100);
    let unnamed = wait::until("the producer to know the key", DEADLINE, || async {
        let n = published.fetch_add(1, Ordering::Relaxed);
        assert!(publish(&house, None, &events::event(n)).await);
        let refused = everything(&fleet, n - 98, DEADLINE).await.1;
        (!refused.is_empty()).then_some(refused)
    })
    .await;
    let count = published.load(Ordering::Relaxed) - 99;
    assert_eq!(codes(&unnamed), ["unknown_sender"]);
    assert!(unnamed[0].message.contains("user_id"), "{}", unnamed[0].message);

    assert!(publish(&till, Some(user.name()), &events::event(1)).await, "for its own taxpayer");
    assert!(publish(&till, Some(user.name()), &events::event(2)).await, "the broker knows no taxpayers");
    assert!(publish(&house, Some(&house_user), &events::event(3)).await, "a user without a key");
    let (taken, refused) = everything(&fleet, count + 3, DEADLINE).await;
    assert_eq!((taken, refused.len()), (count, 3));
    let of = |number: &str| refused.iter().find(|record| record.number.as_deref() == Some(number)).unwrap();
    assert_eq!(
        (of("T-000002").code.as_str(), of("T-000003").code.as_str()),
        ("out_of_scope", "unknown_sender")
    );
    assert_eq!(of("T-000002").body, events::event(2).to_string().into_bytes(), "nothing is lost");
    assert!(of("T-000002").message.contains(user.name()), "{}", of("T-000002").message);
    fleet.settled(count, DEADLINE).await;

    // The broker is what makes the name worth something: it takes no message that names somebody else.
    assert!(!publish(&connected(user.url_text()).await, Some(&house_user), &events::event(4)).await);

    // Revoked: the queue goes on, and what the user publishes is kept as a record.
    let prefix = made["prefix"].as_str().unwrap();
    let revoked = fleet.run(&["keys", "revoke", prefix, "--by", "ليلى", "--reason", "سُرق"]).await;
    assert!(revoked.status.success(), "{}", said(&revoked));
    let published = AtomicU64::new(0);
    wait::until("the producer to know of the end", DEADLINE, || async {
        let n = published.fetch_add(1, Ordering::Relaxed);
        assert!(publish(&till, Some(user.name()), &events::event(2 * n + 201)).await);
        let (_, refused) = everything(&fleet, count + 4 + n, DEADLINE).await;
        let theirs = refused.iter().filter(|record| record.code == "unknown_sender");
        theirs.map(|record| &record.message).any(|message| message.contains(user.name())).then_some(())
    })
    .await;
    drop(fleet);
    drop(user);
    ground.remove().await;
}
