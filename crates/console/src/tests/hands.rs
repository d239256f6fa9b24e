//! What the tests do again and again: a desk with invoices in every state.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use broker::{Broker, MemoryBroker, Queue};
use chrono::TimeDelta;
use invoice::life::{Actor, Command, Context, Evidence, Invoice, Outcome, Policy, decide};
use invoice::{InvoiceKey, Timestamp};
use ledger::conformance::{Numbering, actor, arrival, evidence};
use ledger::{Appended, Change, EncodeOutcome, Ledger, MemoryLedger, Reception, Schedule};

use crate::Console;

pub(super) const HELD_QR: &str = "QR-لما-عند-الدائرة";

/// A desk on memory adapters, whose clock moves by a second with every look.
pub(super) struct Desk {
    pub(super) console: Console,
    pub(super) broker: MemoryBroker,
}

impl Desk {
    pub(super) fn new() -> Self {
        let begin = Timestamp::from_timestamp(1_790_000_000, 0).unwrap();
        let looks = AtomicI64::new(0);
        let clock = Arc::new(move || begin + TimeDelta::seconds(looks.fetch_add(1, Ordering::Relaxed)));
        let broker = MemoryBroker::default();
        let console = Console {
            ledger: Arc::new(MemoryLedger::new(clock, Schedule::default())),
            broker: Arc::new(broker.clone()),
            policy: Policy::default(),
            registrations: Arc::default(),
        };
        Self { console, broker }
    }

    pub(super) fn ledger(&self) -> &dyn Ledger {
        self.console.ledger.as_ref()
    }

    pub(super) async fn depth(&self, queue: Queue) -> u64 {
        self.broker.depth(queue).await.unwrap()
    }

    pub(super) async fn load(&self, key: InvoiceKey) -> Invoice {
        self.ledger().load(&[key]).await.unwrap().invoices.remove(0).unwrap()
    }

    pub(super) async fn draft(&self, n: u64) -> InvoiceKey {
        match self.ledger().accept(vec![arrival(n)]).await.unwrap().remove(0) {
            Reception::Accepted(invoice) => invoice.key,
            other => panic!("not accepted: {other:?}"),
        }
    }

    pub(super) async fn encoded(&self, n: u64) -> InvoiceKey {
        let key = self.draft(n).await;
        self.encode(key).await;
        key
    }

    pub(super) async fn encode(&self, key: InvoiceKey) {
        let outcome =
            self.ledger().encode(vec![key], Arc::new(Numbering::default())).await.unwrap().remove(0);
        assert!(matches!(outcome, EncodeOutcome::Encoded(_)), "{outcome:?}");
    }

    /// Decides and commits, as a role would.
    pub(super) async fn command(&self, key: InvoiceKey, command: Command) -> Invoice {
        let invoice = self.load(key).await;
        let now = self.ledger().now().await.unwrap();
        let events = decide(&invoice, command, Context { now, policy: &Policy::default() }).unwrap();
        let change = Change { invoice, events, at: now, documents: Vec::new(), attempt: None };
        match self.ledger().append(vec![change]).await.unwrap().remove(0) {
            Appended::Done(invoice) => invoice,
            Appended::Outdated => panic!("outdated"),
        }
    }

    /// Sends again when due, whatever the time.
    pub(super) async fn start(&self, key: InvoiceKey) {
        let due = self.load(key).await.due_at;
        let now = self.ledger().now().await.unwrap();
        let now = due.map_or(now, |due| now.max(due));
        let invoice = self.load(key).await;
        let lease_until = now + TimeDelta::hours(1);
        let command = Command::Start { lease_until, worker: "submitter-1".to_owned() };
        let events = decide(&invoice, command, Context { now, policy: &Policy::default() }).unwrap();
        let change = Change { invoice, events, at: now, documents: Vec::new(), attempt: None };
        assert!(matches!(self.ledger().append(vec![change]).await.unwrap().remove(0), Appended::Done(_)));
    }

    pub(super) async fn attempt(&self, key: InvoiceKey, outcome: Outcome, evidence: Evidence) -> Invoice {
        self.start(key).await;
        let invoice = self.load(key).await;
        let Invoice { attempt, document, .. } = invoice;
        self.command(key, Command::Record { attempt, document, outcome, evidence }).await
    }

    pub(super) async fn rejected(&self, n: u64) -> InvoiceKey {
        let key = self.encoded(n).await;
        self.attempt(key, Outcome::Refused, evidence("الرقم الضريبي للمشتري غير صحيح")).await;
        key
    }

    /// Dead-lettered as `suspect`, in doubt if `doubted`.
    pub(super) async fn suspect(&self, n: u64, doubted: bool) -> InvoiceKey {
        let key = self.encoded(n).await;
        if doubted {
            self.attempt(key, Outcome::InDoubt, evidence("no answer within 50 s")).await;
        }
        while !self.load(key).await.state.waits_for_person() {
            self.attempt(key, Outcome::Suspect, evidence("HTTP 500")).await;
        }
        key
    }

    pub(super) async fn held_elsewhere(&self, n: u64, qr: Option<&str>) -> InvoiceKey {
        let key = self.encoded(n).await;
        let outcome = Outcome::HoldsOther {
            qr: qr.map(str::to_owned),
            difference: "المبلغ: ours 10, theirs 12".to_owned(),
        };
        self.attempt(key, outcome, evidence("ALREADY_SUBMITTED")).await;
        key
    }

    pub(super) async fn cleared(&self, n: u64) -> InvoiceKey {
        let key = self.encoded(n).await;
        self.attempt(key, clearance(), evidence("SUBMITTED")).await;
        key
    }
}

pub(super) fn clearance() -> Outcome {
    Outcome::Cleared { qr: "QR".to_owned(), already: false, note: None, signed: None }
}

pub(super) fn layla() -> Actor {
    actor("صُحِّح في البوابة")
}

pub(super) fn nobody() -> Actor {
    Actor { name: " ".to_owned(), reason: "x".to_owned() }
}
