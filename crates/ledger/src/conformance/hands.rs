//! What the cases do again and again: deciding, committing, waiting, comparing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use invoice::life::{
    Actor, Command, Context, Event, Evidence, Invoice, Outcome, Policy, RequeueMode, decide,
};
use invoice::{Environment, IncomeSource, InvoiceKey, Timestamp};
use uuid::Uuid;

use super::arrivals::arrival;
use crate::{
    Appended, Arrival, Change, Draft, Encode, EncodeOutcome, Encoding, Ledger, Reception, RecordedEvent,
    Unencoded,
};

/// An encoder that writes counter and normal form down, and finds those unfit that it is told to.
#[derive(Debug, Clone)]
pub struct Numbering {
    /// Where every counter starts.
    pub start: u64,
    /// Whose drafts are unfit.
    pub unfit: BTreeSet<Uuid>,
    /// Income sources that nobody has registered here.
    pub unknown: BTreeSet<IncomeSource>,
    /// Stands for the settings: other settings make other bytes.
    pub settings: &'static str,
}

impl Default for Numbering {
    fn default() -> Self {
        Self { start: 1, unfit: BTreeSet::new(), unknown: BTreeSet::new(), settings: "" }
    }
}

impl Encode for Numbering {
    fn icv_start(&self, _: Environment, source: &IncomeSource) -> Option<u64> {
        (!self.unknown.contains(source)).then_some(self.start)
    }

    fn encode(&self, draft: &Draft, icv: u64) -> Result<Encoding, Unencoded> {
        if self.unfit.contains(&draft.invoice.key.uuid) {
            return Err(Unencoded::unfit("المبلغ لا يطابق البنود"));
        }
        Ok(format!("<Invoice icv='{icv}' {}>{}</Invoice>", self.settings, draft.normal_form)
            .into_bytes()
            .into())
    }
}

/// A person with a reason.
#[must_use]
pub fn actor(reason: &str) -> Actor {
    Actor { name: "ليلى".to_owned(), reason: reason.to_owned() }
}

/// What was heard of the authority.
#[must_use]
pub fn evidence(message: &str) -> Evidence {
    Evidence {
        http_status: Some(200),
        duration_ms: 321,
        codes: vec!["XSD_1".to_owned()],
        message: message.to_owned(),
        excerpt: r#"{"EINV_STATUS":"…"}"#.to_owned(),
    }
}

pub(super) fn cleared(qr: &str) -> Outcome {
    Outcome::Cleared { qr: qr.to_owned(), already: false, note: None, signed: None }
}

/// Accepts the arrivals with these numbers and gives the drafts, in order.
pub(super) async fn drafts(ledger: &dyn Ledger, numbers: impl IntoIterator<Item = u64>) -> Vec<Invoice> {
    accept_new(ledger, numbers.into_iter().map(arrival).collect()).await
}

pub(super) async fn accept_new(ledger: &dyn Ledger, arrivals: Vec<Arrival>) -> Vec<Invoice> {
    let receptions = ledger.accept(arrivals).await.unwrap();
    receptions
        .into_iter()
        .map(|reception| match reception {
            Reception::Accepted(invoice) => invoice,
            other => panic!("not accepted: {other:?}"),
        })
        .collect()
}

pub(super) async fn accept_one(ledger: &dyn Ledger, arrival: Arrival) -> Reception {
    let mut receptions = ledger.accept(vec![arrival]).await.unwrap();
    assert_eq!(receptions.len(), 1);
    receptions.remove(0)
}

/// Accepts and encodes the arrivals with these numbers.
pub(super) async fn encoded(ledger: &dyn Ledger, numbers: impl IntoIterator<Item = u64>) -> Vec<Invoice> {
    let keys = drafts(ledger, numbers).await.iter().map(|draft| draft.key).collect();
    encode_with(ledger, keys, Numbering::default()).await
}

/// Encodes these drafts, all of which must be fit.
pub(super) async fn encode_with(
    ledger: &dyn Ledger,
    keys: Vec<InvoiceKey>,
    encoder: Numbering,
) -> Vec<Invoice> {
    let outcomes = ledger.encode(keys, Arc::new(encoder)).await.unwrap();
    outcomes
        .into_iter()
        .map(|outcome| match outcome {
            EncodeOutcome::Encoded(invoice) => invoice,
            other => panic!("not encoded: {other:?}"),
        })
        .collect()
}

pub(super) fn start_command(now: Timestamp, lease: TimeDelta) -> Command {
    Command::Start { lease_until: now + lease, worker: "submitter-1".to_owned() }
}

/// Decides `command` on the invoice as it stands and commits what comes of it.
pub(super) async fn act(ledger: &dyn Ledger, key: InvoiceKey, command: Command) -> Invoice {
    let invoice = load(ledger, key).await;
    let now = ledger.now().await.unwrap();
    let policy = Policy::default();
    let events = decide(&invoice, command, Context { now, policy: &policy }).unwrap();
    append(ledger, change(invoice, events, now)).await
}

/// Begins an attempt that holds the invoice for an hour.
pub(super) async fn start(ledger: &dyn Ledger, key: InvoiceKey) -> Invoice {
    let now = ledger.now().await.unwrap();
    act(ledger, key, start_command(now, TimeDelta::hours(1))).await
}

/// Begins an attempt whose lease has run out already.
pub(super) async fn start_and_vanish(ledger: &dyn Ledger, key: InvoiceKey) -> Invoice {
    let now = ledger.now().await.unwrap();
    act(ledger, key, start_command(now, TimeDelta::seconds(-1))).await
}

/// Begins an attempt as if all waiting were over: the ledger's clock cannot be turned.
pub(super) async fn start_at_last(ledger: &dyn Ledger, key: InvoiceKey) -> Invoice {
    start_in_the_future(ledger, key, TimeDelta::hours(2)).await
}

pub(super) async fn start_at_last_and_vanish(ledger: &dyn Ledger, key: InvoiceKey) -> Invoice {
    start_in_the_future(ledger, key, TimeDelta::seconds(-1)).await
}

async fn start_in_the_future(ledger: &dyn Ledger, key: InvoiceKey, lease: TimeDelta) -> Invoice {
    let invoice = load(ledger, key).await;
    let now = ledger.now().await.unwrap();
    let policy = Policy::default();
    let context = Context { now: now + TimeDelta::hours(1), policy: &policy };
    let events = decide(&invoice, start_command(now, lease), context).unwrap();
    append(ledger, change(invoice, events, now)).await
}

/// Records what the current attempt came to.
pub(super) async fn record(ledger: &dyn Ledger, key: InvoiceKey, outcome: Outcome, message: &str) -> Invoice {
    let invoice = load(ledger, key).await;
    let command = Command::Record {
        attempt: invoice.attempt,
        document: invoice.document,
        outcome,
        evidence: evidence(message),
    };
    act(ledger, key, command).await
}

/// Sends the encoded invoice, and the authority refuses it.
pub(super) async fn refuse(ledger: &dyn Ledger, key: InvoiceKey) -> Invoice {
    start(ledger, key).await;
    record(ledger, key, Outcome::Refused, "الرقم الضريبي غير صحيح").await
}

/// Sends the encoded invoice, and the authority clears it.
pub(super) async fn clear(ledger: &dyn Ledger, key: InvoiceKey) -> Invoice {
    start(ledger, key).await;
    record(ledger, key, cleared("QR"), "SUBMITTED").await
}

/// Makes a waiting invoice due at once, as a person may.
pub(super) fn requeue(mode: RequeueMode) -> Command {
    Command::Requeue { mode, by: actor("أعيد بعد تصحيح الإعدادات") }
}

pub(super) fn change(invoice: Invoice, events: Vec<Event>, at: Timestamp) -> Change {
    Change { invoice, events, at, documents: Vec::new(), attempt: None }
}

/// Commits one change, which must not be outdated.
pub(super) async fn append(ledger: &dyn Ledger, change: Change) -> Invoice {
    match ledger.append(vec![change]).await.unwrap().remove(0) {
        Appended::Done(invoice) => invoice,
        Appended::Outdated => panic!("outdated"),
    }
}

pub(super) async fn load(ledger: &dyn Ledger, key: InvoiceKey) -> Invoice {
    ledger.load(&[key]).await.unwrap().invoices.remove(0).unwrap()
}

/// The state that the events of a stream fold into.
pub(super) fn fold(invoice: &Invoice, history: &[RecordedEvent]) -> Invoice {
    let (first, rest) = history.split_first().unwrap();
    let Event::Accepted { content } = first.event else { panic!("begins with {:?}", first.event) };
    let mut folded =
        Invoice::accepted(invoice.key, invoice.source.clone(), invoice.number.clone(), content, first.at);
    for recorded in rest {
        folded.evolve(&recorded.event, recorded.at);
        assert_eq!(folded.version, recorded.version);
    }
    folded
}

/// Fails unless the stored state is what the stored events say; gives both.
pub(super) async fn assert_folds(ledger: &dyn Ledger, key: InvoiceKey) -> (Invoice, Vec<RecordedEvent>) {
    let invoice = load(ledger, key).await;
    let history = ledger.history(key).await.unwrap();
    assert_eq!(fold(&invoice, &history), invoice);
    (invoice, history)
}

/// Fails unless everything that the ledger holds proves honest.
pub(super) async fn assert_verifies(ledger: &dyn Ledger, streams: u64) {
    let verification = ledger.verify().await.unwrap();
    assert_eq!(verification.violations, []);
    assert_eq!(verification.streams, streams);
}

/// Runs so many tasks at once and gives what they came to, in order.
pub(super) async fn together<T, F>(tasks: u64, task: impl Fn(u64) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let running: Vec<_> = (0..tasks).map(|number| tokio::spawn(task(number))).collect();
    let mut ended = Vec::with_capacity(running.len());
    for task in running {
        ended.push(task.await.unwrap());
    }
    ended
}

/// Asks again and again until it gives something; fails after ten seconds.
pub(super) async fn eventually<T, F>(what: &str, mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let ask_on = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), ask_on)
        .await
        .unwrap_or_else(|_| panic!("not within ten seconds: {what}"))
}
