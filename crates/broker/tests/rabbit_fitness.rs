//! What a RabbitMQ must be like, and what is said when it is not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers as well"
)]

use std::time::Duration;

use broker::testing::TestVhost;
use broker::{
    Announcement, Broker, BrokerError, BrokerUrl, EVENTS_EXCHANGE, Ladder, PublishError, Queue, RabbitBroker,
    RabbitConfig, examine, topology,
};
use lapin::BasicProperties;
use lapin::options::{BasicGetOptions, BasicPublishOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

const SOON: Duration = Duration::from_secs(8);

async fn refusal(config: RabbitConfig) -> BrokerError {
    let refused = timeout(SOON, RabbitBroker::connect(config)).await.expect("a refusal in time");
    refused.expect_err("this broker is not to be had")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_with_other_arguments_is_unfit_and_named() {
    let vhost = TestVhost::create().await;
    let file = std::env::temp_dir().join(format!("{}.json", vhost.name()));
    let queue = format!(
        r#"{{"queues":[{{"name":"fawtara.draft","vhost":"{}","durable":true,"auto_delete":false,"arguments":{{}}}}]}}"#,
        vhost.name()
    );
    std::fs::write(&file, queue).unwrap();
    vhost.rabbitmqctl(&["import_definitions", file.to_str().unwrap()]).await;
    std::fs::remove_file(&file).unwrap();
    match refusal(vhost.config()).await {
        BrokerError::Unfit(why) => assert!(why.contains("delete_queue fawtara.draft"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_definitions_declare_what_the_program_declares() {
    let vhost = TestVhost::create().await;
    let file = std::env::temp_dir().join(format!("{}.json", vhost.name()));
    let definitions = topology::definitions(&Ladder::default()).to_string();
    let definitions = definitions.replace(r#""vhost":"/""#, &format!(r#""vhost":"{}""#, vhost.name()));
    std::fs::write(&file, definitions.replace(r#""name":"/""#, &format!(r#""name":"{}""#, vhost.name())))
        .unwrap();
    vhost.rabbitmqctl(&["import_definitions", file.to_str().unwrap()]).await;
    std::fs::remove_file(&file).unwrap();
    let listed = vhost.rabbitmqctl(&["list_queues", "--vhost", vhost.name(), "name", "type"]).await;
    assert_eq!(
        listed.lines().filter(|line| line.starts_with("fawtara.") && line.contains("quorum")).count(),
        11
    );
    let broker = RabbitBroker::connect(vhost.config()).await.unwrap();
    assert_eq!(broker.depth(Queue::Retry(6)).await, Ok(0));
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_a_missing_vhost_are_unfit_at_once() {
    let vhost = TestVhost::create().await;
    let place = vhost.server_address();
    for (url, hint) in [
        (format!("amqp://fawtara-nobody:geheim@{place}/{}", vhost.name()), "set_permissions"),
        (vhost.url_of("fawtara_no_such_vhost"), "add_vhost"),
    ] {
        let config = RabbitConfig { url: url.clone().into(), ..vhost.config() };
        match refusal(config).await {
            BrokerError::Unfit(why) => assert!(why.contains(hint) && !why.contains("geheim"), "{why}"),
            other => panic!("{other:?}"),
        }
        assert!(matches!(examine(&url.into(), None).await, Err(BrokerError::Unfit(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_permissions_is_unfit() {
    let vhost = TestVhost::create().await;
    vhost.permit("^amq\\.gen.*", "^$", "^$").await;
    assert!(matches!(refusal(vhost.config()).await, BrokerError::Unfit(_)));
    let found = examine(&vhost.url(), None).await.unwrap();
    assert!(!found.is_fit());
    assert!(matches!(found.declare, Err(BrokerError::Unfit(_))), "{found:?}");
    assert!(matches!(found.publish, Err(BrokerError::Unfit(_))), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_with_what_is_needed_and_no_more_is_fit() {
    let vhost = TestVhost::create().await;
    vhost.permit("^fawtara\\.", "^(fawtara\\.|amq\\.default$)", "^fawtara\\.").await;
    let found = examine(&vhost.url(), None).await.unwrap();
    assert!(found.is_fit(), "{found:?}");
    assert_eq!(found.product, "RabbitMQ");
    let broker = RabbitBroker::connect(vhost.config()).await.unwrap();
    assert!(broker.subscribe(Queue::Draft, 1).await.is_ok());
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_unavailable_in_time() {
    // A listener that accepts and says nothing; then the same port with nobody on it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: BrokerUrl = format!("amqp://guest:guest@{}", listener.local_addr().unwrap()).into();
    let config = RabbitConfig { connect_timeout: Duration::from_secs(2), ..RabbitConfig::new(url.clone()) };
    assert!(matches!(refusal(config.clone()).await, BrokerError::Unavailable(_)));
    drop(listener);
    let begin = Instant::now();
    assert!(matches!(refusal(config).await, BrokerError::Unavailable(_)));
    assert!(begin.elapsed() < Duration::from_secs(4));
    assert!(matches!(examine(&url, None).await, Err(BrokerError::Unavailable(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_wrong_is_said_though_the_last_attempt_ran_out_of_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: BrokerUrl = format!("amqp://guest:guest@{}", listener.local_addr().unwrap()).into();
    tokio::spawn(async move {
        // No proper greeting for the first one, and none at all for those after it.
        let (mut first, _) = listener.accept().await.unwrap();
        first.write_all(b"BUSY").await.unwrap();
        drop(first);
        std::future::pending::<()>().await;
        drop(listener);
    });
    let config = RabbitConfig { connect_timeout: Duration::from_secs(3), ..RabbitConfig::new(url) };
    match refusal(config).await {
        BrokerError::Unavailable(why) => assert!(!why.contains("in time"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_broker_is_unfit() {
    for url in ["", "not an address", "http://127.0.0.1"] {
        assert!(matches!(refusal(RabbitConfig::new(url.into())).await, BrokerError::Unfit(_)), "{url}");
    }
}

/// Waits for the broker's own clock, and changes a setting of the whole node: only where the node is private.
#[tokio::test(flavor = "multi_thread")]
async fn slow_consumer_timeout_is_survived() {
    if std::env::var_os("FAWTARA_TEST_SERVICES_DIR").is_none() {
        eprintln!("skipped: RabbitMQ is not private to the tests");
        return;
    }
    let vhost = TestVhost::create().await;
    vhost.rabbitmqctl(&["eval", "application:set_env(rabbit, consumer_timeout, 60000)."]).await;
    let broker = RabbitBroker::connect(vhost.config()).await.unwrap();
    let mut consumer = broker.subscribe(Queue::Draft, 1).await.unwrap();
    vhost.rabbitmqctl(&["eval", "application:set_env(rabbit, consumer_timeout, 1800000)."]).await;
    let hint = broker::Outgoing { queue: Queue::Draft, payload: "x".into(), traceparent: None };
    assert_eq!(broker.publish(vec![hint]).await, [Ok::<(), PublishError>(())]);
    let held = consumer.next_batch(1, Duration::ZERO).await;
    // The server closes the channel, and the connection stays.
    let again = timeout(Duration::from_secs(200), consumer.next_batch(1, Duration::ZERO)).await.unwrap();
    assert!(again[0].redelivered);
    assert!(held[0].settle.ack().await.is_err());
    assert_eq!(again[0].settle.ack().await, Ok(()));
    broker.close().await;
}

/// Whoever binds a queue to the exchange hears what is announced, whole and in order, with what makes it a CloudEvent; and
/// headers of a CloudEvent on the way in are told apart from others.
#[tokio::test(flavor = "multi_thread")]
async fn a_bound_queue_hears_announcements() {
    let vhost = TestVhost::create().await;
    let broker = RabbitBroker::connect(vhost.config()).await.unwrap();
    let listener = lapin::Connection::connect(&vhost.url_text(), Default::default()).await.unwrap();
    let channel = listener.create_channel().await.unwrap();
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare("erp".into(), durable, FieldTable::default()).await.unwrap();
    let key = "jo.fawtara.invoice.cleared.*".into();
    let (options, none) = (QueueBindOptions::default(), FieldTable::default());
    channel.queue_bind("erp".into(), EVENTS_EXCHANGE.into(), key, options, none).await.unwrap();

    let announcement = |n: u32, event: &str| Announcement {
        event_type: format!("jo.fawtara.invoice.{event}.v1"),
        id: format!("id-{n}"),
        payload: format!("{n}").into(),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    };
    let batch = vec![announcement(1, "cleared"), announcement(2, "rejected"), announcement(3, "cleared")];
    assert_eq!(broker.announce(batch).await, [Ok(()), Ok(()), Ok(())]);
    for n in [1, 3] {
        let got = channel.basic_get("erp".into(), BasicGetOptions { no_ack: true }).await.unwrap().unwrap();
        let properties = &got.delivery.properties;
        assert_eq!(got.delivery.data, n.to_string().as_bytes());
        assert_eq!(
            properties.message_id().as_ref().map(lapin::types::ShortString::as_str),
            Some(&*format!("id-{n}"))
        );
        let content_type = properties.content_type().as_ref().map(lapin::types::ShortString::as_str);
        assert_eq!(
            (content_type, *properties.delivery_mode()),
            (Some("application/cloudevents+json"), Some(2))
        );
        assert!(properties.headers().as_ref().unwrap().inner().contains_key("traceparent"));
    }
    assert!(channel.basic_get("erp".into(), BasicGetOptions { no_ack: true }).await.unwrap().is_none());

    // The other way round.
    let mut headers = FieldTable::default();
    for (name, value) in [("cloudEvents:type", "a"), ("cloudEvents_Source", "/b"), ("x-other", "c")] {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    let properties = BasicProperties::default().with_headers(headers);
    let options = BasicPublishOptions::default();
    channel.basic_publish("".into(), "fawtara.intake".into(), options, b"{}", properties).await.unwrap();
    let mut intake = broker.subscribe(Queue::Intake, 1).await.unwrap();
    let taken = timeout(SOON, intake.next_batch(1, Duration::ZERO)).await.unwrap();
    let attributes: Vec<_> = taken[0].cloud_event.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(attributes, [("source", "/b"), ("type", "a")]);
    intake.close().await;

    // Gone with the exchange goes no announcement: it is made anew.
    channel.exchange_delete(EVENTS_EXCHANGE.into(), Default::default()).await.unwrap();
    let deadline = Instant::now() + SOON * 2;
    while broker.announce(vec![announcement(4, "cleared")]).await != [Ok(())] {
        assert!(Instant::now() < deadline, "the exchange does not come back");
    }
    broker.close().await;
}
