//! What every story needs: looking an invoice up, waiting for it, doing to it what a person does. Must not know the stories.

use std::time::Duration;

use invoice::life::{Actor, Command, Context, Event, Invoice, Refusal, decide};
use invoice::{Environment, InvoiceKey};
use ledger::{Appended, Change, RecordedEvent};
use producer::{Refused, Taken};
use serde_json::Value;
use simulator::{Entry, Fault, FaultRule, Match, Times};
use tests::events::uuid;
use tests::fleet::{Numbers, Seams};

pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

pub(crate) fn key(n: u64) -> InvoiceKey {
    InvoiceKey { environment: Environment::Simulation, uuid: uuid(n) }
}

pub(crate) fn salma() -> Actor {
    Actor { name: "سلمى".to_owned(), reason: "راجعت المستند مع الدائرة".to_owned() }
}

/// A rule for the one document of this number.
pub(crate) fn rule(number: &str, times: Times, fault: Fault) -> FaultRule {
    let matching = Match { number_prefix: Some(number.to_owned()), ..Match::default() };
    FaultRule { matching, times, fault }
}

pub(crate) fn status(code: u16) -> Fault {
    Fault::Status { code, retry_after_s: None, processed: false }
}

pub(crate) fn misbehave(seams: &Seams, rules: impl IntoIterator<Item = FaultRule>) {
    seams.authority.with(|authority| rules.into_iter().for_each(|rule| authority.add_fault(rule)));
}

pub(crate) async fn look(seams: &Seams, key: InvoiceKey) -> Invoice {
    seams.ledger.load(&[key]).await.unwrap().invoices.remove(0).expect("it is in the ledger")
}

pub(crate) async fn history(seams: &Seams, key: InvoiceKey) -> Vec<RecordedEvent> {
    seams.ledger.history(key).await.unwrap()
}

/// What the authority saw of an invoice.
pub(crate) fn seen(seams: &Seams, key: InvoiceKey) -> Vec<Entry> {
    let uuid = key.uuid.to_string();
    seams.authority.with(|authority| authority.record().filter(|entry| entry.uuid == uuid).cloned().collect())
}

/// Waits until the invoice is as wanted.
pub(crate) async fn when(
    seams: &Seams,
    key: InvoiceKey,
    what: &str,
    deadline: Duration,
    is: impl Fn(&Invoice) -> bool,
) -> Invoice {
    tests::wait::until(what, deadline, || async {
        let invoice = seams.ledger.load(&[key]).await.unwrap().invoices.remove(0);
        invoice.filter(|invoice| is(invoice))
    })
    .await
}

/// Publishes one event, as the HTTP intake would.
pub(crate) async fn offer(seams: &Seams, event: &Value) -> Result<Taken, Refused> {
    let intake = seams.intake();
    let arrival = intake.check(event.to_string().as_bytes(), None)?;
    let answer = intake.take(vec![arrival]).await.expect("the ledger answers").remove(0);
    intake.announce(answer.iter().map(|taken| (taken, None))).await;
    answer
}

/// What a person wants to happen to an invoice; none says that it was overtaken.
pub(crate) async fn wish(
    seams: &Seams,
    numbers: &Numbers,
    key: InvoiceKey,
    command: Command,
) -> Result<Invoice, Refusal> {
    let loaded = seams.ledger.load(&[key]).await.unwrap();
    let invoice = loaded.invoices[0].clone().expect("it is in the ledger");
    let context = Context { now: loaded.now, policy: &numbers.policy };
    let events: Vec<Event> = decide(&invoice, command, context)?;
    let change = Change { invoice, events, at: loaded.now, documents: Vec::new(), attempt: None };
    match seams.ledger.append(vec![change]).await.unwrap().remove(0) {
        Appended::Done(invoice) => Ok(invoice),
        Appended::Outdated => panic!("nobody else touches it in this story"),
    }
}

/// The event with another price: other content, and a total that differs.
pub(crate) fn repriced(mut event: Value, price: &str) -> Value {
    event["lines"][0]["unit_price"] = Value::from(price);
    event
}

pub(crate) fn amending(mut event: Value, document: u32) -> Value {
    event["amends"] = Value::from(document);
    event
}
