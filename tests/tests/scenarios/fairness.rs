//! Who is served when more waits than can be sent: taxpayers in turn, fresh invoices beside retries.

use std::time::Duration;

use invoice::InvoiceKey;
use invoice::life::{Command, Context, Evidence, Outcome, State, decide};
use ledger::{Appended, Change};
use simulator::Latency;
use tests::events::event;
use tests::fleet::{Fleet, Numbers, Seams};
use tokio::time::Instant;

use crate::scene::{HOUR, MINUTE, key};

/// An authority that takes 100 ms for each document, and a submitter that sends 16 at once: 160 a second.
fn narrow(seed: u64) -> (Numbers, Seams) {
    let mut numbers = Numbers::real();
    numbers.submitter.max_in_flight = 16;
    numbers.submitter.check_seals = false;
    let seams = Seams::memory(&numbers, seed);
    seams.authority.with(|it| it.set_latency(Latency::Fixed { ms: 100 }));
    (numbers, seams)
}

/// The keys of the large taxpayer's events, which are the even ones, and of the small one's.
fn large(count: u64) -> Vec<u64> {
    (0..count).map(|n| 2 * n).collect()
}

fn small(count: u64) -> Vec<u64> {
    (0..count).map(|n| 2 * n + 1).collect()
}

async fn publish(seams: &Seams, numbers: &[u64]) {
    for piece in numbers.chunks(500) {
        seams.publish(piece.iter().map(|n| event(*n))).await;
    }
}

/// Waits until all of these are cleared; how long that took.
async fn cleared(seams: &Seams, numbers: &[u64]) -> Duration {
    let start = Instant::now();
    let keys: Vec<InvoiceKey> = numbers.iter().map(|n| key(*n)).collect();
    tests::wait::until("all to be cleared", HOUR, || async {
        let loaded = seams.ledger.load(&keys).await.unwrap();
        let cleared = |invoice: &Option<_>| {
            invoice.as_ref().is_some_and(|it: &invoice::life::Invoice| it.state == State::Cleared)
        };
        loaded.invoices.iter().all(cleared).then_some(())
    })
    .await;
    start.elapsed()
}

async fn count(seams: &Seams, state: State) -> usize {
    let standing = seams.ledger.standing().await.unwrap();
    let lines = standing.counts.iter().filter(|line| line.state == state);
    lines.map(|line| usize::try_from(line.count).unwrap()).sum()
}

#[tokio::test(start_paused = true)]
async fn a_hundred_do_not_wait_behind_five_thousand() {
    overtake(5_000).await;
}

#[tokio::test(start_paused = true)]
async fn slow_a_hundred_do_not_wait_behind_twenty_thousand() {
    overtake(20_000).await;
}

/// A hundred come when `many` of another taxpayer wait.
async fn overtake(many: u64) {
    let (numbers, seams) = narrow(61);
    let fleet = Fleet::start(&seams, &numbers);
    publish(&seams, &small(100)).await;
    let alone = cleared(&seams, &small(100)).await;
    fleet.stop().await;

    let (numbers, seams) = narrow(62);
    let fleet = Fleet::start(&seams, &numbers);
    publish(&seams, &large(many)).await;
    // Under full load, and far from done.
    tokio::time::sleep(Duration::from_secs(10)).await;
    publish(&seams, &small(100)).await;
    let among = cleared(&seams, &small(100)).await;
    println!("{alone:?} alone, {among:?} behind {many}");
    let left = usize::try_from(many).unwrap() + 100 - count(&seams, State::Cleared).await;
    assert!(left > 2_000, "only {left} were left: this proves nothing");
    assert!(among < alone * 4, "{among:?}, against {alone:?} alone");
    for queue in numbers.ladder.queues() {
        let depth = seams.broker.depth(queue).await.unwrap();
        assert!(depth <= 1_000, "{depth} hints on {queue:?}");
    }
    fleet.kill();
}

/// Has all of these tried once in vain, as an outage leaves them: due again in five seconds or a little more.
async fn try_in_vain(seams: &Seams, numbers: &Numbers, keys: &[InvoiceKey]) {
    for piece in keys.chunks(500) {
        for step in 0..2 {
            let loaded = seams.ledger.load(piece).await.unwrap();
            let changes = loaded.invoices.into_iter().flatten().map(|invoice| {
                let command = if step == 0 {
                    let lease_until = loaded.now + chrono::TimeDelta::minutes(5);
                    Command::Start { lease_until, worker: "gone".to_owned() }
                } else {
                    let outcome = Outcome::NotNow { retry_after: None };
                    Command::Record { attempt: 1, document: 1, outcome, evidence: Evidence::default() }
                };
                let context = Context { now: loaded.now, policy: &numbers.policy };
                let events = decide(&invoice, command, context).unwrap();
                Change { invoice, events, at: loaded.now, documents: Vec::new(), attempt: None }
            });
            let appended = seams.ledger.append(changes.collect()).await.unwrap();
            assert!(appended.iter().all(|it| matches!(it, Appended::Done(_))));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn fresh_invoices_do_not_wait_behind_retries() {
    const RETRIES: u64 = 1_200;
    let (numbers, seams) = narrow(63);
    let stop = tokio_util::sync::CancellationToken::new();
    let encoder = seams.encoder(&numbers);
    let token = stop.clone();
    let encoding = tokio::spawn(async move { encoder.run(token).await });
    // No dispatcher is at work yet: only as many are hinted as a queue takes by itself.
    let mut keys = Vec::new();
    for piece in large(RETRIES).chunks(100) {
        publish(&seams, piece).await;
        let piece: Vec<InvoiceKey> = piece.iter().map(|n| key(*n)).collect();
        tests::wait::until("all to be encoded", MINUTE, || async {
            let loaded = seams.ledger.load(&piece).await.unwrap();
            loaded.invoices.iter().flatten().all(|it| it.xml.is_some()).then_some(())
        })
        .await;
        keys.extend(piece);
    }
    stop.cancel();
    encoding.await.unwrap().unwrap();
    seams.broker.purge(broker::Queue::ToSubmit).await.unwrap();
    try_in_vain(&seams, &numbers, &keys).await;
    // All are due, and their grace is over.
    tokio::time::sleep(2 * MINUTE).await;

    let fleet = Fleet::start(&seams, &numbers);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let fresh: Vec<u64> = (RETRIES..RETRIES + 100).map(|n| 2 * n).collect();
    publish(&seams, &fresh).await;
    let took = cleared(&seams, &fresh).await;
    let retries = count(&seams, State::PendingRetry).await;
    println!("{took:?} beside {retries} retries");
    assert!(retries > 500, "only {retries} were left: this proves nothing");
    // At 160 a second they take 0.6 s alone, and the retries before them 7.
    assert!(took < Duration::from_secs(4), "{took:?}");
    // And the retries do not wait for ever either.
    publish(&seams, &(0..500).map(|n| 2 * (RETRIES + 100 + n)).collect::<Vec<_>>()).await;
    cleared(&seams, &large(RETRIES)).await;
    fleet.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_dead_letter_queue_agrees_by_name_too() {
    let mut numbers = Numbers::quick();
    numbers.submitter.reconcile_every_ms = 10_000;
    let seams = Seams::memory(&numbers, 64);
    let fleet = Fleet::start(&seams, &numbers);
    seams.publish((0..6).map(event)).await;
    tests::fleet::settled(&*seams.ledger, 6, MINUTE).await;
    for n in 6..9 {
        let mut event = event(n);
        event["number"] = format!("BAD-{n}").into();
        let message = "الرقم الضريبي غير صحيح".to_owned();
        let refuse = simulator::Fault::Refuse { message, status: None };
        let rule = crate::scene::rule(&format!("BAD-{n}"), simulator::Times::Always, refuse);
        crate::scene::misbehave(&seams, [rule]);
        seams.publish([event]).await;
    }
    let all = tests::fleet::settled(&*seams.ledger, 9, MINUTE).await;
    let waiting: Vec<InvoiceKey> =
        all.values().filter(|it| it.state.waits_for_person()).map(|it| it.key).collect();
    assert_eq!(waiting.len(), 3, "{all:?}");
    let depth = || async { seams.broker.depth(broker::Queue::DeadLetter).await.unwrap() };
    tests::wait::until("three hints", MINUTE, || async { (depth().await == 3).then_some(()) }).await;
    // One is lost, one is there twice, and one is of an invoice that is cleared: three, of which one is right.
    seams.broker.purge(broker::Queue::DeadLetter).await.unwrap();
    let hint = |key| broker::Outgoing {
        queue: broker::Queue::DeadLetter,
        payload: broker::Hint::new(key, 3).to_bytes(),
        traceparent: None,
    };
    seams.broker.publish(vec![hint(waiting[0]), hint(waiting[0]), hint(key(0))]).await;
    tests::wait::until("the right three", MINUTE, || async {
        let mut queue = seams.broker.subscribe(broker::Queue::DeadLetter, 100).await.unwrap();
        let held = queue.next_batch(100, Duration::from_millis(10)).await;
        let mut names: Vec<InvoiceKey> =
            held.iter().map(|it| broker::Hint::from_bytes(&it.payload).unwrap().key()).collect();
        names.sort_unstable();
        queue.close().await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        (names == waiting).then_some(())
    })
    .await;
    fleet.stop().await;
}
