//! Deliveries against a receiver of the tests' own: heard, failing, gone, silent, redelivered.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use broker::{
    Announcement, Broker, BrokerError, Health, MemoryBroker, Outgoing, PublishError, Queue, Subscription,
};
use chrono::NaiveDate;
use invoice::event::{Family, Kind, Payment};
use invoice::life::{Actor, Command, Context, Policy, decide};
use invoice::{Amount, Digest, Environment, IncomeSource, InvoiceKey, Timestamp};
use ledger::{Arrival, Change, Clock, Ledger, MemoryLedger, Schedule, Summary, Which};
use notices::secrets;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use uuid::Uuid;

use super::*;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SOON: Duration = Duration::from_secs(20);

/// One request as the receiver heard it: the headers in lower case, and the body.
#[derive(Debug, Clone)]
struct Request {
    headers: BTreeMap<String, String>,
    body: String,
}

fn arrival(key: InvoiceKey) -> Arrival {
    Arrival {
        key,
        source: IncomeSource { tax_number: "11111111".to_owned(), sequence: "1001001".to_owned() },
        number: format!("ف-{}", key.uuid.as_u128()),
        content: Digest::of(key.uuid.as_bytes()),
        normal_form: "{}".to_owned(),
        amends: None,
        by: None,
        summary: Summary {
            kind: Kind::Invoice,
            family: Family::Income,
            payment: Payment::Cash,
            issue_date: NaiveDate::default(),
            currency: "JOD".to_owned(),
            payable: Amount::ZERO,
            buyer: None,
        },
        traceparent: None,
        original: None,
    }
}

/// A receiver that answers with these statuses, then always with the last of them; 0 is no answer at all.
struct Receiver {
    url: String,
    heard: Arc<Mutex<Vec<Request>>>,
}

impl Receiver {
    async fn open(statuses: &'static [u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heard);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, statuses, Arc::clone(&kept)));
            }
        });
        Self { url, heard }
    }

    fn heard(&self) -> Vec<Request> {
        self.heard.lock().unwrap().clone()
    }

    /// Waits until so many requests were heard.
    async fn hears(&self, count: usize) -> Vec<Request> {
        let waiting = async {
            while self.heard().len() < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            self.heard()
        };
        timeout(SOON, waiting).await.expect("the receiver hears it in time")
    }
}

async fn answer(mut stream: TcpStream, statuses: &[u16], heard: Arc<Mutex<Vec<Request>>>) {
    // A client may open a connection and find that it needs none.
    let Some(request) = read(&mut stream).await else { return };
    let turn = {
        let mut heard = heard.lock().unwrap();
        heard.push(request);
        heard.len() - 1
    };
    let status = statuses[turn.min(statuses.len() - 1)];
    if status == 0 {
        std::future::pending::<()>().await;
    }
    let answer = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
    let _ = stream.write_all(answer.as_bytes()).await;
}

/// The whole request; none when it breaks off.
async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut read = Vec::new();
    loop {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let pairs = head.lines().filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<_, _> =
            pairs.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        if body.len() == headers["content-length"].parse::<usize>().unwrap() {
            return Some(Request { headers, body: body.to_owned() });
        }
    }
}

/// What a receiver has to do: no more than the standard's own description.
fn verified(request: &Request) -> Value {
    let id: Uuid = request.headers["webhook-id"].parse().unwrap();
    let timestamp: i64 = request.headers["webhook-timestamp"].parse().unwrap();
    let expected = secrets(SECRET).unwrap()[0].sign(id, timestamp, &request.body);
    assert_eq!(request.headers["webhook-signature"], expected);
    let event: Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!(event["id"], id.to_string());
    event
}

fn wall_clock() -> Clock {
    #[allow(clippy::disallowed_methods, reason = "signatures are checked against the real time")]
    Arc::new(chrono::Utc::now)
}

struct Scene {
    ledger: MemoryLedger,
    broker: MemoryBroker,
    telling: Telling,
}

fn listener(name: &str, url: &str) -> Listener {
    let webhook = Webhook::new(url, secrets(SECRET).unwrap()).unwrap();
    Listener { name: name.to_owned(), webhook, types: BTreeSet::new(), tax_numbers: BTreeSet::new() }
}

impl Scene {
    fn new(listeners: Vec<Listener>, retries_ms: Vec<u64>) -> Self {
        Self::with(Duration::from_secs(15), listeners, retries_ms)
    }

    /// A webhook may take so long for one message.
    fn with(timeout: Duration, listeners: Vec<Listener>, retries_ms: Vec<u64>) -> Self {
        let broker = MemoryBroker::default();
        let config = EventsConfig {
            exchange: true,
            every_ms: 5,
            webhook_retries_ms: retries_ms,
            ..EventsConfig::default()
        };
        let telling = Telling { listeners, client: WebhookClient::new(timeout, None).unwrap(), config };
        let ledger = MemoryLedger::new(wall_clock(), Schedule::default()).with_notices();
        Self { ledger, broker, telling }
    }

    async fn run(&self) {
        Teller { telling: &self.telling, ledger: &self.ledger, broker: &self.broker }.run().await;
    }

    /// An invoice that a person has given up: the shortest way to rest.
    async fn abandon(&self, n: u128) -> InvoiceKey {
        let key = InvoiceKey { environment: Environment::Simulation, uuid: Uuid::from_u128(n) };
        let arrival = arrival(key);
        self.ledger.accept(vec![arrival]).await.unwrap();
        let invoice = self.ledger.load(&[key]).await.unwrap().invoices.remove(0).unwrap();
        let at = self.ledger.now().await.unwrap();
        let by = Actor { name: "ليلى".to_owned(), reason: "مكررة".to_owned() };
        let context = Context { now: at, policy: &Policy::default() };
        let events = decide(&invoice, Command::Abandon { by }, context).unwrap();
        let change = Change { invoice, events, at, documents: Vec::new(), attempt: None };
        self.ledger.append(vec![change]).await.unwrap();
        key
    }

    /// Tells others until `done`.
    async fn tell<T>(&self, done: impl Future<Output = T>) -> T {
        tokio::select! {
            biased;
            done = done => done,
            () = self.run() => panic!("telling has ended"),
        }
    }

    /// Waits until nothing is left to be told.
    async fn all_heard(&self) {
        let waiting = async {
            loop {
                let standing = self.ledger.outbox().outbox_standing().await.unwrap();
                if standing.notices == 0 && standing.webhooks.iter().all(|webhook| webhook.waiting == 0) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(SOON, waiting).await.expect("everything is heard in time");
    }
}

#[tokio::test]
async fn exchange_and_webhook_hear_of_a_settled_invoice() {
    let receiver = Receiver::open(&[204]).await;
    let scene = Scene::new(vec![listener("erp", &receiver.url)], vec![10]);
    let key = scene.abandon(1).await;
    scene.tell(scene.all_heard()).await;
    let requests = receiver.heard();
    assert_eq!(requests.len(), 1);
    let event = verified(&requests[0]);
    assert_eq!(event["type"], "jo.fawtara.invoice.abandoned.v1");
    assert_eq!(
        (&event["subject"], &event["data"]["state"]),
        (&key.uuid.to_string().into(), &"abandoned".into())
    );
    assert_eq!(event["data"]["simulated"], true);
    let announced = scene.broker.announced();
    assert_eq!(announced.len(), 1);
    assert_eq!(announced[0].event_type, "jo.fawtara.invoice.abandoned.v1");
    assert_eq!(announced[0].id, event["id"].as_str().unwrap());
    assert_eq!(announced[0].payload, requests[0].body);
    assert_eq!(scene.ledger.outbox().deliveries(&Which::default(), 9).await.unwrap(), []);
}

#[tokio::test]
async fn failures_are_sent_again_as_the_same_message() {
    let receiver = Receiver::open(&[500, 302, 0, 200]).await;
    let listeners = vec![listener("erp", &receiver.url)];
    let scene = Scene::with(Duration::from_secs(2), listeners, vec![10, 10, 10, 10]);
    scene.abandon(1).await;
    scene.tell(scene.all_heard()).await;
    let requests = receiver.heard();
    assert_eq!(requests.len(), 4, "500, a redirect, silence, and heard at last");
    let events: Vec<_> = requests.iter().map(verified).collect();
    assert!(events.iter().all(|event| *event == events[0]), "{events:?}");
    assert_eq!(scene.broker.announced().len(), 1, "the exchange has nothing to do with it");
}

#[tokio::test]
async fn what_nobody_hears_is_given_up_and_kept() {
    let receiver = Receiver::open(&[503]).await;
    let scene = Scene::new(vec![listener("erp", &receiver.url)], vec![1, 1]);
    scene.abandon(1).await;
    scene.tell(scene.all_heard()).await;
    assert_eq!(receiver.heard().len(), 3, "once, and twice again");
    let failed = Which { failed: true, ..Which::default() };
    let kept = scene.ledger.outbox().deliveries(&failed, 9).await.unwrap();
    assert_eq!((kept.len(), kept[0].attempts, kept[0].last_status), (1, 3, Some(503)));
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_left_alone_until_somebody_says_otherwise() {
    let receiver = Receiver::open(&[410, 200]).await;
    let scene = Scene::new(vec![listener("erp", &receiver.url)], vec![1, 1, 1]);
    scene.abandon(1).await;
    let outbox = scene.ledger.outbox();
    let is_off = async || {
        let webhooks = outbox.outbox_standing().await.unwrap().webhooks;
        webhooks.first().is_some_and(|webhook| webhook.off.is_some())
    };
    let off = async {
        while !is_off().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        scene.abandon(2).await;
        // Long enough for both to have gone out, were the webhook on.
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    scene.tell(off).await;
    assert_eq!(receiver.heard().len(), 1);
    assert!(outbox.switch_webhook("erp", false, Some("ليلى"), "عاد").await.unwrap());
    scene.tell(scene.all_heard()).await;
    assert_eq!(receiver.heard().len(), 3, "nothing that came meanwhile was lost");
}

#[tokio::test]
async fn a_silent_webhook_delays_nobody_else() {
    let silent = Receiver::open(&[0]).await;
    let quick = Receiver::open(&[200]).await;
    let listeners = vec![listener("silent", &silent.url), listener("quick", &quick.url)];
    // Longer than the quick one is waited for: whoever had to wait for the silent one would be seen.
    let scene = Scene::with(SOON * 3, listeners, vec![60_000]);
    for n in 1..=3 {
        scene.abandon(n).await;
    }
    let heard = scene.tell(quick.hears(3)).await;
    let mut subjects: Vec<_> = heard.iter().map(|request| verified(request)["subject"].clone()).collect();
    subjects.dedup();
    assert_eq!(subjects.len(), 3);
}

/// Between the message and its record the process dies: the receiver hears it twice, under one id.
#[tokio::test]
async fn a_crash_between_effect_and_record_repeats_the_message_under_its_id() {
    let receiver = Receiver::open(&[0, 200]).await;
    let scene = Scene::new(vec![listener("erp", &receiver.url)], vec![1]);
    scene.abandon(1).await;
    // Dropped as soon as the receiver has heard it: nothing is recorded, the lease stays.
    scene.tell(receiver.hears(1)).await;
    let outbox = scene.ledger.outbox();
    let held = outbox.deliveries(&Which::default(), 9).await.unwrap();
    assert_eq!((held.len(), held[0].attempts), (1, 0), "held, and not recorded");
    assert_eq!(outbox.claim_deliveries("erp", 9, Duration::ZERO).await.unwrap(), []);
    // The lease runs out; a person need not wait for that.
    outbox.resend(&Which::default(), Actor { name: "x".into(), reason: "y".into() }).await.unwrap();
    scene.tell(scene.all_heard()).await;
    let requests = receiver.heard();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].headers["webhook-id"], requests[1].headers["webhook-id"]);
    assert_eq!(requests[0].body, requests[1].body);
}

#[tokio::test]
async fn nothing_is_forgotten_while_the_broker_is_away() {
    let scene = Scene::new(Vec::new(), vec![1]);
    scene.abandon(1).await;
    scene.broker.close().await;
    let waited = timeout(Duration::from_millis(100), scene.run()).await;
    assert!(waited.is_err(), "telling goes on");
    assert_eq!(scene.ledger.outbox().outbox_standing().await.unwrap().notices, 1);
}

/// Connected, and confirms every second announcement only.
struct Choosy(MemoryBroker, std::sync::atomic::AtomicU32);

#[async_trait::async_trait]
impl Broker for Choosy {
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        self.0.publish(batch).await
    }

    async fn announce(&self, batch: Vec<Announcement>) -> Vec<Result<(), PublishError>> {
        let mut results = Vec::new();
        for announcement in batch {
            let turn = self.1.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let refused = turn.is_multiple_of(2).then_some(Err(PublishError::Nacked));
            results.push(match refused {
                Some(refused) => refused,
                None => self.0.announce(vec![announcement]).await.remove(0),
            });
        }
        results
    }

    async fn subscribe(&self, queue: Queue, prefetch: u16) -> Result<Box<dyn Subscription>, BrokerError> {
        self.0.subscribe(queue, prefetch).await
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.0.depth(queue).await
    }

    async fn purge(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.0.purge(queue).await
    }

    fn health(&self) -> Health {
        self.0.health()
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

#[tokio::test]
async fn a_notice_is_kept_until_its_event_was_confirmed() {
    let scene = Scene::new(Vec::new(), vec![1]);
    for n in 1..=4 {
        scene.abandon(n).await;
    }
    let broker = Choosy(scene.broker.clone(), 0.into());
    let teller = Teller { telling: &scene.telling, ledger: &scene.ledger, broker: &broker };
    teller.dispatch().await.unwrap();
    assert_eq!(scene.broker.announced().len(), 2);
    let standing = scene.ledger.outbox().outbox_standing().await.unwrap();
    assert_eq!(standing.notices, 2, "what nobody confirmed is told again");
}

#[tokio::test]
async fn listeners_hear_only_what_they_want() {
    let receiver = Receiver::open(&[200]).await;
    let named = |name: &str, types: &[&str], sellers: &[&str]| Listener {
        types: types.iter().map(|text| (*text).to_owned()).collect(),
        tax_numbers: sellers.iter().map(|text| (*text).to_owned()).collect(),
        ..listener(name, &receiver.url)
    };
    let abandoned = "jo.fawtara.invoice.abandoned.v1";
    let listeners = vec![
        named("other-type", &["jo.fawtara.invoice.cleared.v1"], &[]),
        named("other-seller", &[], &["99999999"]),
        named("both", &[abandoned], &["11111111", "99999999"]),
    ];
    let scene = Scene::new(listeners, vec![1]);
    scene.abandon(1).await;
    scene.tell(scene.all_heard()).await;
    assert_eq!(receiver.heard().len(), 1);
}

#[test]
fn waits_are_spread_and_repeatable() {
    let key = InvoiceKey { environment: Environment::Simulation, uuid: Uuid::from_u128(1) };
    let delivery = |id: u128, attempts: u32| ledger::Delivery {
        message: ledger::NewDelivery {
            webhook: "erp".to_owned(),
            key,
            version: 2,
            id: Uuid::from_u128(id),
            event_type: String::new(),
            at: Timestamp::UNIX_EPOCH,
            body: String::new(),
        },
        attempts,
        due_at: None,
        last_status: None,
        last_error: None,
        asked: None,
    };
    let wait = |id, attempts| deliver::spread(&delivery(id, attempts), 10_000).as_millis();
    let waits: BTreeSet<_> = (0..50).map(|id| wait(id, 0)).collect();
    assert!(waits.len() > 20 && waits.iter().all(|wait| (10_000..=12_000).contains(wait)), "{waits:?}");
    assert_eq!(wait(7, 3), wait(7, 3));
}
