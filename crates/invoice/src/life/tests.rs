//! Tests of the life cycle: one invoice, driven by hand, by chance and by a world of workers around an authority.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test names the cases that it is about")]

mod counting;
mod doubt;
mod invariants;
mod late;
mod persons;
mod policy;
mod random;
mod stream;
mod table;
mod transitions;
mod waiting;
mod world;

use chrono::TimeDelta;
use uuid::Uuid;

use super::*;
use crate::{Digest, Environment, IncomeSource, InvoiceKey, Timestamp};

/// One invoice, its stream and the ledger's clock. Every event that it takes is held against the invariants.
#[derive(Debug, Clone)]
struct Life {
    invoice: Invoice,
    stream: Vec<(Timestamp, Event)>,
    now: Timestamp,
    policy: Policy,
}

impl Life {
    /// A draft, just accepted.
    fn draft() -> Self {
        let now = "2026-11-22T08:00:00Z".parse().unwrap();
        let key = InvoiceKey { environment: Environment::Simulation, uuid: Uuid::from_u128(0xFA) };
        let source = IncomeSource { tax_number: "12345678".to_owned(), sequence: "9932895".to_owned() };
        Self {
            invoice: Invoice::accepted(key, source, "فاتورة-1".to_owned(), content(1), now),
            stream: vec![(now, Event::Accepted { content: content(1) })],
            now,
            policy: Policy { jitter_permille: 0, ..Policy::default() },
        }
    }

    /// A draft with counter 7 and fixed bytes.
    fn encoded() -> Self {
        let mut life = Self::draft();
        life.encode();
        life
    }

    /// An invoice that its first attempt holds.
    fn submitted() -> Self {
        let mut life = Self::encoded();
        life.start();
        life
    }

    /// An invoice whose first attempt heard this.
    fn after(outcome: Outcome) -> Self {
        let mut life = Self::submitted();
        life.hear(outcome);
        life
    }

    fn decide(&self, command: Command) -> Result<Vec<Event>, Refusal> {
        decide(&self.invoice, command, Context { now: self.now, policy: &self.policy })
    }

    /// Decides and folds.
    fn attempt(&mut self, command: Command) -> Result<Vec<Event>, Refusal> {
        let events = self.decide(command)?;
        self.append(&events);
        Ok(events)
    }

    /// Folds what was decided.
    fn append(&mut self, events: &[Event]) {
        for event in events {
            let before = self.invoice.clone();
            self.invoice.evolve(event, self.now);
            self.stream.push((self.now, event.clone()));
            invariants::hold(&before, event, &self.invoice, self.now);
        }
    }

    /// Decides and folds what must not be refused; gives the names of the events.
    #[track_caller]
    fn act(&mut self, command: Command) -> Vec<&'static str> {
        self.attempt(command).unwrap().iter().map(Event::name).collect()
    }

    #[track_caller]
    fn refuse(&self, command: Command) -> Refusal {
        self.decide(command).unwrap_err()
    }

    fn encode(&mut self) {
        let xml = bytes(self.invoice.document, self.invoice.version);
        self.act(Command::Encode { icv: 7, xml });
    }

    /// Starts an attempt that holds the invoice for 80 seconds.
    #[track_caller]
    fn start(&mut self) -> Vec<&'static str> {
        self.act(start(self.now, 80))
    }

    /// Waits until it is due, and starts.
    #[track_caller]
    fn resend(&mut self) {
        self.now = self.invoice.due_at.unwrap_or(self.now).max(self.now);
        self.start();
    }

    /// The attempt that holds the invoice hears this.
    #[track_caller]
    fn hear(&mut self, outcome: Outcome) -> Vec<&'static str> {
        self.act(record(self.invoice.attempt, self.invoice.document, outcome))
    }

    /// The lease runs out, and the next attempt starts.
    #[track_caller]
    fn crash(&mut self) -> Vec<&'static str> {
        self.wait(80);
        self.start()
    }

    fn wait(&mut self, seconds: i64) {
        self.now += TimeDelta::seconds(seconds);
    }

    /// How long it is put off, in seconds.
    #[track_caller]
    fn put_off(&self) -> i64 {
        (self.invoice.due_at.unwrap() - self.now).num_seconds()
    }

    /// What stands: state, attempt in doubt, QR outstanding.
    fn stands(&self) -> (State, Option<u32>, bool) {
        (self.invoice.state, self.invoice.in_doubt, self.invoice.qr_outstanding)
    }

    /// The state, folded from the stream alone.
    fn refolded(&self) -> Invoice {
        let Invoice { key, source, number, .. } = self.invoice.clone();
        let (accepted, rest) = self.stream.split_first().unwrap();
        let (at, Event::Accepted { content }) = accepted else { panic!("{accepted:?}") };
        let mut invoice = Invoice::accepted(key, source, number, *content, *at);
        for (at, event) in rest {
            invoice.evolve(event, *at);
        }
        invoice
    }
}

/// Content number `n`, as a digest.
fn content(n: u32) -> Digest {
    Digest::of(format!("مضمون {n}").as_bytes())
}

/// The bytes that an encoder makes of a document version; other settings make others.
fn bytes(document: u32, settings: u32) -> Digest {
    Digest::of(format!("<Invoice>{document}/{settings}</Invoice>").as_bytes())
}

fn wait(original: u32, reason: WaitReason) -> Command {
    Command::Wait { original: format!("فاتورة-{original}"), reason }
}

fn actor() -> Actor {
    Actor { name: "ليلى".to_owned(), reason: "بعد مراجعة الزبون".to_owned() }
}

fn evidence() -> Evidence {
    Evidence {
        http_status: Some(200),
        duration_ms: 840,
        codes: vec!["invoice-hash".to_owned()],
        message: "رد الدائرة".to_owned(),
        excerpt: "{\"EINV_RESULTS\":{}}".to_owned(),
    }
}

fn start(now: Timestamp, seconds: i64) -> Command {
    Command::Start { lease_until: now + TimeDelta::seconds(seconds), worker: "submitter-1".to_owned() }
}

fn record(attempt: u32, document: u32, outcome: Outcome) -> Command {
    Command::Record { attempt, document, outcome, evidence: evidence() }
}

fn amend(n: u32, amends: u32) -> Command {
    Command::Receive { content: content(n), amends: Some(amends), by: Some(actor()) }
}

fn requeue(mode: RequeueMode) -> Command {
    Command::Requeue { mode, by: actor() }
}

fn abandon() -> Command {
    Command::Abandon { by: actor() }
}

fn adopt() -> Command {
    Command::Adopt { qr: "QR-آخر".to_owned(), by: actor() }
}

fn cleared() -> Outcome {
    Outcome::Cleared { qr: "QR-رمز".to_owned(), already: false, note: None, signed: Some(bytes(1, 0)) }
}

fn holds_other() -> Outcome {
    Outcome::HoldsOther {
        qr: Some("QR-آخر".to_owned()), difference: "المجموع مختلف".to_owned()
    }
}

fn not_now() -> Outcome {
    Outcome::NotNow { retry_after: None }
}

/// One outcome of every class.
fn every_outcome() -> [Outcome; 8] {
    [
        cleared(),
        Outcome::AcceptedWithoutQr,
        holds_other(),
        Outcome::Refused,
        Outcome::InDoubt,
        not_now(),
        Outcome::Suspect,
        Outcome::Credentials,
    ]
}
