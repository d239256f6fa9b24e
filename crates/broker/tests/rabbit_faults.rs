//! What RabbitMQ and the network do to a fleet, and how the adapter goes on by itself. Each test has a virtual host of its
//! own, and nothing is stopped that others use.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers as well"
)]

use std::time::Duration;

use broker::conformance::{DEADLINE, depth, nothing, numbered, outgoing, publish, take, texts};
use broker::testing::{Proxy, TestVhost, until};
use broker::{
    Broker, BrokerError, BrokerUrl, Ladder, PublishError, Queue, RabbitBroker, RabbitConfig, Stale,
    settle_all,
};
use tokio::time::{Instant, timeout};

/// A broker behind a proxy, quick to notice that nobody is there.
struct Scene {
    // In the order of their ends.
    broker: RabbitBroker,
    proxy: Proxy,
    vhost: TestVhost,
}

fn impatient(vhost: &TestVhost) -> RabbitConfig {
    RabbitConfig {
        ladder: Ladder { rungs_ms: vec![300] },
        confirm_timeout: Duration::from_secs(5),
        heartbeat: Duration::from_secs(2),
        ..vhost.config()
    }
}

/// And quick to give up a confirm.
fn hasty(vhost: &TestVhost) -> RabbitConfig {
    RabbitConfig { confirm_timeout: Duration::from_secs(1), ..impatient(vhost) }
}

impl Scene {
    async fn set() -> Self {
        Self::with(impatient).await
    }

    async fn with(config: impl FnOnce(&TestVhost) -> RabbitConfig) -> Self {
        let vhost = TestVhost::create().await;
        let proxy = Proxy::start(vhost.server_address()).await;
        let config = RabbitConfig { url: vhost.url_through(&proxy), ..config(&vhost) };
        let broker = RabbitBroker::connect(config).await.unwrap();
        Self { broker, proxy, vhost }
    }

    async fn rebuilt(&self, times: u64) {
        let again = async || {
            let health = self.broker.health();
            health.connected && health.rebuilt >= times
        };
        until("the connection stands again", DEADLINE, again).await;
    }
}

/// Publishes one message as often as it takes: during a fault it may be said to be unconfirmed.
async fn publish_at_last(broker: &RabbitBroker, queue: Queue, text: &str) {
    let confirmed = async || broker.publish(vec![outgoing(queue, text)]).await == [Ok(())];
    until("a message is confirmed", DEADLINE, confirmed).await;
}

/// A delivery is held, the connections end somehow, and everything goes on: what was held comes again, to the same
/// subscription and within its prefetch, and the old delivery is stale.
async fn goes_on_after(fault: impl AsyncFnOnce(&Scene)) {
    let scene = Scene::set().await;
    let broker = &scene.broker;
    let mut consumer = broker.subscribe(Queue::Draft, 2).await.unwrap();
    publish(broker, Queue::Draft, &numbered(5)).await;
    let held = take(&mut *consumer, 1).await;

    fault(&scene).await;
    scene.rebuilt(1).await;

    assert_eq!(held[0].settle.ack().await, Err(Stale));
    assert_eq!(settle_all(&held).await, 1);
    let again = take(&mut *consumer, 2).await;
    assert_ne!(again[0].settle.place().0, held[0].settle.place().0);
    nothing(&mut *consumer).await;
    // RabbitMQ may see the new consumer before it sees the old one's end, and then begins with what nobody held.
    let (mut came, mut batch) = (Vec::new(), again);
    loop {
        assert_eq!(settle_all(&batch).await, 0);
        came.extend(texts(&batch).into_iter().zip(batch.iter().map(|it| it.redelivered)));
        if came.len() == 5 {
            break;
        }
        batch = take(&mut *consumer, 1).await;
    }
    came.sort();
    let whole: Vec<_> = numbered(5).into_iter().zip([true, true, false, false, false]).collect();
    assert_eq!(came, whole, "each once, and the two that were under way again");

    publish_at_last(broker, Queue::Draft, "بعد العطل").await;
    assert_eq!(texts(&take(&mut *consumer, 1).await), ["بعد العطل"]);
    broker.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goes_on_after_the_server_closed_the_connections() {
    goes_on_after(async |scene| scene.vhost.close_connections().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goes_on_after_a_cut() {
    goes_on_after(async |scene| scene.proxy.cut()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goes_on_after_a_freeze_that_only_heartbeats_can_notice() {
    goes_on_after(async |scene| {
        scene.proxy.freeze();
        until("the freeze is noticed", DEADLINE, async || !scene.broker.health().connected).await;
        scene.proxy.resume();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn goes_on_after_the_queue_under_a_consumer_was_deleted() {
    let scene = Scene::set().await;
    let mut consumer = scene.broker.subscribe(Queue::Draft, 10).await.unwrap();
    scene.vhost.delete_queue("fawtara.draft").await;
    scene.rebuilt(1).await;
    publish_at_last(&scene.broker, Queue::Draft, "جديد").await;
    assert_eq!(texts(&take(&mut *consumer, 1).await), ["جديد"]);
    scene.broker.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_in_a_freeze_hears_in_time_and_works_after_it() {
    let scene = Scene::with(hasty).await;
    let mut consumer = scene.broker.subscribe(Queue::Draft, 10).await.unwrap();
    publish_at_last(&scene.broker, Queue::Draft, "قبل").await;
    scene.proxy.freeze();
    for _ in 0..5 {
        let begin = Instant::now();
        let results = scene.broker.publish(vec![outgoing(Queue::Draft, "frozen"); 3]).await;
        assert!(results.iter().all(|it| matches!(it, Err(PublishError::Unconfirmed(_)))), "{results:?}");
        assert_eq!(results.len(), 3);
        // One confirm_timeout, or the rest of one and a wait for the connection.
        assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    }
    let begin = Instant::now();
    assert!(matches!(scene.broker.depth(Queue::Draft).await, Err(BrokerError::Unavailable(_))));
    assert!(scene.broker.subscribe(Queue::Draft, 1).await.is_err());
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    assert!(!scene.broker.health().connected);

    scene.proxy.resume();
    publish_at_last(&scene.broker, Queue::Draft, "بعد").await;
    // What was not confirmed may have arrived all the same, more than once.
    let arrived = async || {
        let batch = consumer.next_batch(10, Duration::ZERO).await;
        settle_all(&batch).await;
        texts(&batch).contains(&"بعد".to_owned())
    };
    until("the last message arrives", DEADLINE, arrived).await;
    scene.broker.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_what_was_returned_is_unroutable() {
    let scene = Scene::set().await;
    scene.vhost.delete_queue("fawtara.to-submit").await;
    let gone = |place: usize| place % 7 == 3;
    let queue = |place| if gone(place) { Queue::ToSubmit } else { Queue::Draft };
    let batch = (0..500).map(|place| outgoing(queue(place), "x")).collect();
    let results = scene.broker.publish(batch).await;
    assert_eq!(results.len(), 500);
    for (place, result) in results.iter().enumerate() {
        match result {
            Err(PublishError::Unroutable(why)) if gone(place) => {
                assert!(why.contains("fawtara.to-submit"), "{why}");
            }
            Ok(()) if !gone(place) => {}
            _ => panic!("{place}: {result:?}"),
        }
    }
    // And it is declared again.
    publish_at_last(&scene.broker, Queue::ToSubmit, "y").await;
    depth(&scene.broker, Queue::Draft, 429).await;
    scene.broker.close().await;
}

/// A method frame on channel 0, as RabbitMQ sends it.
fn frame(method: &[u8]) -> Vec<u8> {
    let size = u32::try_from(method.len()).unwrap().to_be_bytes();
    [&[1, 0, 0], &size[..], method, &[0xce]].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_of_the_broker_shows_and_refuses_publishers() {
    // Shorter than the broker, which has no alarm, waits for signs of life from a client that believes in one.
    let scene = Scene::with(hasty).await;
    scene.proxy.say(&frame(&[&[0, 10, 0, 60, 13][..], b"low on memory"].concat()));
    let blocked = async || scene.broker.health().blocked.as_deref() == Some("low on memory");
    until("the alarm shows", DEADLINE, blocked).await;
    for _ in 0..3 {
        let results = scene.broker.publish(vec![outgoing(Queue::Draft, "x")]).await;
        assert_eq!(results, [Err(PublishError::Nacked)]);
    }
    scene.proxy.say(&frame(&[0, 10, 0, 61]));
    until("the alarm is over", DEADLINE, async || scene.broker.health().blocked.is_none()).await;
    publish(&scene.broker, Queue::Draft, &numbered(1)).await;
    assert_eq!(scene.broker.health().rebuilt, 0);
    scene.broker.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_too_often_ends_with_the_dead_letters() {
    let scene = Scene::set().await;
    publish(&scene.broker, Queue::Draft, &["سمّ".to_owned()]).await;
    let mut consumer = scene.broker.subscribe(Queue::Draft, 1).await.unwrap();
    for time in 0..=20 {
        let taken = take(&mut *consumer, 1).await;
        assert_eq!(taken[0].redelivered, time > 0);
        assert_eq!(taken[0].settle.requeue().await, Ok(()));
    }
    nothing(&mut *consumer).await;
    let mut dead_letters = scene.broker.subscribe(Queue::DeadLetter, 1).await.unwrap();
    assert_eq!(texts(&take(&mut *dead_letters, 1).await), ["سمّ"]);
    scene.broker.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_broker_leaves_nothing_behind() {
    let scene = Scene::set().await;
    let consumer = scene.broker.subscribe(Queue::Draft, 1).await.unwrap();
    let vhost = scene.vhost;
    drop(scene.broker);
    drop(consumer);
    let gone = async || {
        let connections = vhost.rabbitmqctl(&["list_connections", "vhost"]).await;
        !connections.contains(vhost.name())
    };
    until("its connections are gone", DEADLINE, gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_nodes_any_that_answers_is_used() {
    let vhost = TestVhost::create().await;
    let [silent, first, second] = [
        Proxy::start(vhost.server_address()).await,
        Proxy::start(vhost.server_address()).await,
        Proxy::start(vhost.server_address()).await,
    ];
    silent.freeze();
    // Nobody listens on the second of them.
    let nodes = format!("{},127.0.0.1:1,{},{}", silent.address(), first.address(), second.address());
    let (user, place) =
        vhost.url_text().rsplit_once('@').map(|(user, _)| (user.to_owned(), vhost.name())).unwrap();
    let url = BrokerUrl::new(format!("{user}@{nodes}/{place}"));
    let broker = RabbitBroker::connect(RabbitConfig { url, ..impatient(&vhost) }).await.unwrap();
    let mut consumer = broker.subscribe(Queue::Draft, 10).await.unwrap();
    publish(&broker, Queue::Draft, &numbered(1)).await;
    settle_all(&take(&mut *consumer, 1).await).await;
    for (ill, well) in [(&first, &second), (&second, &first)] {
        well.resume();
        ill.freeze();
        ill.cut();
        publish_at_last(&broker, Queue::Draft, "بعد").await;
        // Once at least; what was not confirmed may have arrived as well.
        let arrived = async || {
            let batch = consumer.next_batch(10, Duration::ZERO).await;
            settle_all(&batch).await == 0 && texts(&batch).contains(&"بعد".to_owned())
        };
        until("the message arrives by another node", DEADLINE, arrived).await;
    }
    broker.close().await;
}

/// RabbitMQ tries again every three minutes to hand over what it could not.
#[tokio::test(flavor = "multi_thread")]
async fn slow_a_retry_whose_target_is_gone_waits_for_it() {
    let scene = Scene::set().await;
    scene.vhost.delete_queue("fawtara.to-submit").await;
    publish(&scene.broker, Queue::Retry(0), &["مؤجل".to_owned()]).await;
    // The rung has tried, in vain, once its wait of 300 ms is over; nothing shows when.
    assert!(timeout(Duration::from_secs(3), std::future::pending::<()>()).await.is_err());
    let again = RabbitBroker::connect(impatient(&scene.vhost)).await.unwrap();
    let mut consumer = again.subscribe(Queue::ToSubmit, 10).await.unwrap();
    let arrived = timeout(Duration::from_secs(240), consumer.next_batch(10, Duration::ZERO)).await;
    assert_eq!(texts(&arrived.expect("it arrives after all")), ["مؤجل"]);
    again.close().await;
    scene.broker.close().await;
}

/// Deliveries that RabbitMQ made and that never came: its consumer is busy for it, idle for us, and alive.
#[tokio::test(flavor = "multi_thread")]
async fn slow_a_consumer_that_is_given_nothing_is_rebuilt() {
    let scene = Scene::set().await;
    scene.proxy.swallow_deliveries(true);
    let mut consumer = scene.broker.subscribe(Queue::Draft, 2).await.unwrap();
    publish(&scene.broker, Queue::Draft, &numbered(5)).await;
    depth(&scene.broker, Queue::Draft, 3).await;
    scene.proxy.swallow_deliveries(false);
    let rebuilt = async || scene.broker.health().rebuilt == 1;
    until("the starving consumer is seen", Duration::from_secs(120), rebuilt).await;
    let taken = take(&mut *consumer, 2).await;
    assert_eq!(texts(&taken), numbered(2));
    assert!(taken.iter().all(|it| it.redelivered));
    scene.broker.close().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn slow_many_faults_leave_no_threads_behind() {
    let io_threads = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
        let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
        names.filter(|name| name.starts_with("lapin")).count()
    };
    let scene = Scene::set().await;
    for time in 1..=4 {
        scene.proxy.cut();
        scene.rebuilt(time).await;
    }
    scene.proxy.freeze();
    until("the freeze is noticed", DEADLINE, async || !scene.broker.health().connected).await;
    // Long enough for attempts to connect that hear nothing.
    let attempts = timeout(Duration::from_secs(13), std::future::pending::<()>());
    assert!(attempts.await.is_err());
    scene.proxy.resume();
    scene.rebuilt(5).await;
    until("only two threads are left", DEADLINE, async || io_threads() == 2).await;
    scene.broker.close().await;
    until("no thread is left", DEADLINE, async || io_threads() == 0).await;
}
