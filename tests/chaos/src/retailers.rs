//! Retailers: they publish at a steady rate, over HTTP to all producers and by AMQP, send again whatever was not answered, and
//! some of what was. Must not know of faults.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use broker::{Broker, BrokerUrl, Ladder, Outgoing, Queue, RabbitBroker, RabbitConfig};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};

use crate::fleet::RUNGS_MS;
use crate::load::{Event, Load};

/// Publishers over HTTP.
const WORKERS: usize = 4;
/// Events in one request, at most.
const BATCH: usize = 25;
/// Events that wait for a publisher; then no more are made.
const WAITING: usize = 2_000;
/// How often events are made.
const TICK: Duration = Duration::from_millis(100);
/// One event in so many goes by AMQP.
const BY_AMQP: u64 = 6;
/// So many in a thousand are sent again though they were taken.
const REPEATS_PERMILLE: u64 = 50;
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Before what was not answered is sent again.
const PAUSE: Duration = Duration::from_millis(100);

/// Publishes `rate` events a second until `end`, and returns when all of them were taken.
pub async fn publish(
    load: Arc<Load>,
    producers: Vec<String>,
    amqp: String,
    rate: u64,
    end: Instant,
    seed: u64,
) {
    let (by_http, http_events) = mpsc::channel(WAITING);
    let (by_amqp, amqp_events) = mpsc::channel(WAITING);
    let mut workers = JoinSet::new();
    let http_events = Arc::new(Mutex::new(http_events));
    for worker in 0..WORKERS {
        let (load, events) = (load.clone(), http_events.clone());
        let front = Front::new(producers.clone(), worker);
        workers.spawn(async move { over_http(&load, &events, front).await });
    }
    workers.spawn(over_amqp(load.clone(), amqp_events, amqp));
    make(&load, rate, end, seed, &by_http, &by_amqp).await;
    drop((by_http, by_amqp));
    while workers.join_next().await.is_some() {}
}

async fn make(
    load: &Load,
    rate: u64,
    end: Instant,
    seed: u64,
    by_http: &mpsc::Sender<Sent>,
    by_amqp: &mpsc::Sender<Sent>,
) {
    let mut random = tests::random::Random::new(seed ^ 0x7e7a_11e5);
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let begun = Instant::now();
    let mut made = 0;
    while Instant::now() < end {
        ticks.tick().await;
        // By the clock, so that what was held up is made up for.
        let due = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_mul(rate) / 1_000;
        while made < due && Instant::now() < end {
            let sent = Sent { event: load.next(), was_known: false };
            let to = if random.chance(1_000 / BY_AMQP) { by_amqp } else { by_http };
            // Full: retailers wait until somebody takes their events again.
            tokio::select! {
                sent = to.send(sent) => if sent.is_err() { return },
                () = sleep_until(end + Duration::from_secs(120)) => return,
            }
            made += 1;
            if random.chance(REPEATS_PERMILLE)
                && let Some(event) = load.repeat()
            {
                let to = if random.chance(300) { by_amqp } else { by_http };
                // Not worth waiting for.
                let _ = to.try_send(Sent { event, was_known: true });
            }
        }
    }
}

/// An event, and whether a producer had said before that it has it.
struct Sent {
    event: Event,
    was_known: bool,
}

async fn over_http(load: &Load, events: &Mutex<mpsc::Receiver<Sent>>, mut front: Front) {
    let mut left: VecDeque<Sent> = VecDeque::new();
    loop {
        if left.is_empty() {
            match events.lock().await.recv().await {
                Some(sent) => left.push_back(sent),
                None => return,
            }
        }
        // Whoever holds the lock waits for something new; what is left over here must not wait for that.
        if let Ok(mut events) = events.try_lock() {
            while left.len() < BATCH
                && let Ok(sent) = events.try_recv()
            {
                left.push_back(sent);
            }
        }
        let batch: Vec<Sent> = left.drain(..left.len().min(BATCH)).collect();
        let bodies: Vec<String> = batch.iter().map(|sent| sent.event.body.to_string()).collect();
        let answers = front.send(&bodies).await;
        let mut unanswered = 0;
        for (sent, answer) in batch.into_iter().zip(answers) {
            match answer.as_ref().and_then(|answer| answer.get("status")?.as_u64()) {
                Some(status @ (200 | 202)) => load.taken(sent.event.uuid, status == 202, sent.was_known),
                None | Some(429 | 503) => {
                    unanswered += 1;
                    left.push_back(sent);
                }
                Some(_) => load.refused(sent.event.uuid, &answer.unwrap_or_default().to_string()),
            }
        }
        if unanswered > 0 {
            load.unanswered(unanswered);
            sleep(PAUSE).await;
        }
    }
}

/// The producers, in turn.
pub struct Front {
    producers: Vec<String>,
    http: reqwest::Client,
    next: usize,
}

impl Front {
    /// Beginning with one of them.
    #[must_use]
    pub fn new(producers: Vec<String>, first: usize) -> Self {
        let http = reqwest::Client::builder().timeout(PATIENCE).build().unwrap_or_default();
        Self { producers, http, next: first }
    }

    /// One answer for each line, as far as they came.
    async fn send(&mut self, lines: &[String]) -> Vec<Option<Value>> {
        let mut answers = vec![None; lines.len()];
        self.next += 1;
        let Some(producer) = self.producers.get(self.next % self.producers.len().max(1)) else {
            return answers;
        };
        let request = self.http.post(format!("{producer}/v1/invoices:batch")).body(lines.join("\n"));
        let Ok(mut response) = request.send().await else { return answers };
        let mut text = Vec::new();
        // A producer that dies leaves half an answer: what it has said counts.
        while let Ok(Some(chunk)) = response.chunk().await {
            text.extend_from_slice(&chunk);
        }
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let Ok(answer) = serde_json::from_slice::<Value>(line) else { continue };
            let place = answer.get("line").and_then(Value::as_u64);
            let place = place.and_then(|line| usize::try_from(line).ok()?.checked_sub(1));
            if let Some(slot) = place.and_then(|place| answers.get_mut(place)) {
                *slot = Some(answer);
            }
        }
        answers
    }

    /// Publishes one event, as often as it takes until `end`; whether it was taken.
    pub async fn insist(&mut self, load: &Load, event: &Event, end: Instant) -> bool {
        let bodies = [event.body.to_string()];
        while Instant::now() < end {
            let answer = self.send(&bodies).await.pop().flatten();
            let status = answer.as_ref().and_then(|answer| answer.get("status")?.as_u64());
            if let Some(status @ (200 | 202)) = status {
                load.taken(event.uuid, status == 202, false);
                return true;
            }
            sleep(PAUSE).await;
        }
        false
    }
}

async fn over_amqp(load: Arc<Load>, mut events: mpsc::Receiver<Sent>, url: String) {
    let mut broker = None;
    let mut left: Vec<Sent> = Vec::new();
    loop {
        if left.is_empty() && events.recv_many(&mut left, BATCH).await == 0 {
            return;
        }
        let connected = match broker.take() {
            Some(connected) => connected,
            None => match connect(&url, "a retailer").await {
                Ok(connected) => connected,
                Err(_) => {
                    sleep(PAUSE).await;
                    continue;
                }
            },
        };
        let message = |sent: &Sent| Outgoing {
            queue: Queue::Intake,
            payload: sent.event.body.to_string().into_bytes().into(),
            traceparent: None,
        };
        let confirmed = connected.publish(left.iter().map(message).collect()).await;
        let mut again = Vec::new();
        for (sent, confirmed) in left.drain(..).zip(confirmed) {
            match confirmed {
                Ok(()) => load.queued(sent.event.uuid),
                Err(_) => again.push(sent),
            }
        }
        left = again;
        if !left.is_empty() {
            load.unanswered(left.len() as u64);
            sleep(PAUSE).await;
        }
        broker = Some(connected);
    }
}

/// A connection to the fleet's queues.
///
/// # Errors
/// When the broker cannot be reached.
pub async fn connect(url: &str, name: &str) -> anyhow::Result<RabbitBroker> {
    let mut config = RabbitConfig::new(BrokerUrl::new(url));
    // Both declare the queues.
    config.ladder = Ladder { rungs_ms: RUNGS_MS.to_vec() };
    name.clone_into(&mut config.name);
    Ok(RabbitBroker::connect(config).await?)
}
