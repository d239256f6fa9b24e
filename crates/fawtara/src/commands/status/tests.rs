//! Asking a simulated authority after invoices of a ledger in memory, by each kind of route.

use std::sync::Arc;
use std::time::Duration;

use broker::MemoryBroker;
use chrono::TimeDelta;
use clap::Parser;
use console::Paging;
use encoder::DocumentEncoder;
use invoice::event::{Family, Kind};
use invoice::life::{Command, Context as Numbers, Policy, decide};
use invoice::{Amount, IncomeSource, Profile, Registration, Timestamp};
use jofotara::{Credentials, Route, TokenRoute, Verdict};
use ledger::{
    Appended, Arrival, AttemptRecord, Change, Filter, MemoryLedger, NewDocument, OriginalName, Registrations,
    Schedule, Summary,
};
use secrecy::SecretString;
use serde_json::{Value, json};
use simulator::{Authority, Device, Fault, FaultRule, Handle, InProcess, Times};

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

struct Room {
    desk: Console,
    authority: Handle,
    client: Client,
    endpoint: Endpoint,
    key: InvoiceKey,
}

fn time() -> Timestamp {
    Timestamp::from_timestamp(1_790_000_000, 0).unwrap()
}

fn source() -> IncomeSource {
    IncomeSource { tax_number: "12345678".to_owned(), sequence: "9932895".to_owned() }
}

fn token_route() -> Route {
    Route::Token(TokenRoute {
        token_url: "http://localhost/api/get_token".to_owned(),
        submit_url: "http://localhost/api/invoice".to_owned(),
        status_url: "http://localhost/api/invoice".to_owned(),
    })
}

impl Room {
    /// With an encoded invoice `فاتورة-1` that was not sent yet.
    async fn new(route: &Route) -> Self {
        let mut authority = Authority::new(simulator::Settings::default(), 1);
        authority.register(Device {
            client_id: "shop-1".into(),
            secret_key: "secret-1".into(),
            tax_number: source().tax_number,
            income_source: source().sequence,
            family: simulator::Family::Income,
            consumer_price: false,
        });
        let authority = Handle::new(authority);
        let credentials =
            Credentials { client_id: "shop-1".into(), secret_key: SecretString::from("secret-1") };
        let url = "http://localhost/core/invoices/";
        let endpoint =
            Endpoint::routed(Environment::Simulation, url, route, credentials, Duration::from_secs(50))
                .unwrap();
        let ledger = MemoryLedger::new(Arc::new(time), Schedule::default());
        let desk = Console {
            ledger: Arc::new(ledger),
            broker: Arc::new(MemoryBroker::default()),
            policy: Policy::default(),
            registrations: Arc::default(),
        };
        let key = accepted(&desk, sale()).await;
        let client = Client::new(Arc::new(InProcess::new(authority.clone(), Arc::new(time))));
        Self { desk, authority, client, endpoint, key }
    }

    async fn load(&self) -> Invoice {
        self.desk.ledger.load(&[self.key]).await.unwrap().invoices.remove(0).unwrap()
    }

    async fn decided(&self, command: Command, attempt: Option<AttemptRecord>, documents: Vec<NewDocument>) {
        let invoice = self.load().await;
        let now = invoice.due_at.map_or(time(), |due| due.max(time()));
        let events = decide(&invoice, command, Numbers { now, policy: &Policy::default() }).unwrap();
        let change = Change { invoice, events, at: now, documents, attempt };
        let appended = self.desk.ledger.append(vec![change]).await.unwrap().remove(0);
        assert!(matches!(appended, Appended::Done(_)), "{appended:?}");
    }

    /// Sends it as a submitter does, and records what came of it.
    async fn attempt(&self) {
        let lease_until = time() + TimeDelta::days(1);
        self.decided(Command::Start { lease_until, worker: "submitter-1".into() }, None, Vec::new()).await;
        let Invoice { attempt, document, number, .. } = self.load().await;
        let wanted = [(self.key, document, DocumentKind::Sent)];
        let xml = self.desk.ledger.documents(&wanted).await.unwrap().remove(0).unwrap();
        let verdict = self.client.submit(&self.endpoint, &number, &self.key.uuid, xml.bytes.into()).await;
        let Verdict { outcome, evidence, signed, .. } = verdict;
        let record = AttemptRecord {
            attempt,
            document,
            started_at: time(),
            ended_at: time(),
            worker: "submitter-1".into(),
            outcome: outcome.kind(),
            late: false,
            evidence: evidence.clone(),
        };
        let signed = signed.map(|bytes| NewDocument { document, kind: DocumentKind::Signed, bytes });
        let command = Command::Record { attempt, document, outcome, evidence };
        self.decided(command, Some(record), signed.into_iter().collect()).await;
    }

    fn once(&self, fault: Fault) {
        let rule = FaultRule { times: Times::Total(1), ..FaultRule::always(fault) };
        self.authority.with(|authority| authority.add_fault(rule));
    }

    async fn say(&self, line: &str) -> (Outcome, String) {
        let line = Line::try_parse_from(std::iter::once("status").chain(line.split_whitespace())).unwrap();
        let mut out = Vec::new();
        let endpoint = async |_: &Invoice| Ok(self.endpoint.clone());
        let outcome = run(&line.args, &self.desk, &self.client, endpoint, &mut out).await.unwrap();
        (outcome, String::from_utf8(out).unwrap())
    }

    /// The JSON answer, after which the ledger must stand as it stood.
    async fn ask(&self) -> (Outcome, Value) {
        let before = self.load().await;
        let (outcome, text) = self.say(&format!("{} --json", self.key.uuid)).await;
        assert_eq!(self.load().await, before, "nothing may be recorded");
        (outcome, serde_json::from_str(&text).unwrap())
    }

    fn requests(&self) -> u64 {
        self.authority.with(|authority| authority.summary(false).requests)
    }
}

fn sale() -> Value {
    json!({
        "schema_version": 1, "family": "income", "payment": "cash", "number": "فاتورة-1", "issue_date": "2026-03-01",
        "seller": { "tax_number": "12345678", "name": "متجر الياسمين", "income_source": "9932895" },
        "buyer": { "name": "شركة البتراء", "identification": { "scheme": "NIN", "number": "9876543210" } },
        "lines": [{ "name": "زيت زيتون بلدي", "quantity": 2, "unit_price": "3.5" }],
    })
}

/// A return of so much of the sale.
fn taking_back(number: &str, quantity: u32) -> Value {
    json!({
        "schema_version": 1, "kind": "return", "number": number, "issue_date": "2026-03-02",
        "seller": { "tax_number": "12345678", "name": "متجر الياسمين", "income_source": "9932895" },
        "original": { "number": "فاتورة-1", "reason": "بضاعة تالفة" },
        "lines": [{ "id": 1, "quantity": quantity }],
    })
}

async fn accepted(desk: &Console, event: Value) -> InvoiceKey {
    let checked = invoice::read(event.to_string().as_bytes()).unwrap();
    let key = InvoiceKey { environment: Environment::Simulation, uuid: checked.event.uuid() };
    let arrival = Arrival {
        key,
        source: checked.event.income_source(),
        number: checked.event.number().to_owned(),
        content: checked.content,
        amends: None,
        by: None,
        summary: Summary::of(&checked),
        original: OriginalName::of(&checked.event),
        normal_form: checked.normal_form,
        traceparent: None,
    };
    desk.ledger.accept(vec![arrival]).await.unwrap();
    encode(desk, key).await;
    key
}

async fn encode(desk: &Console, key: InvoiceKey) {
    let registration = Registration {
        environment: Environment::Simulation,
        family: None,
        icv_start: 1,
        profile: Profile::default(),
        active: true,
    };
    let registrations: Registrations = [(source(), registration)].into_iter().collect();
    let (_sender, live) = tokio::sync::watch::channel(Arc::new(registrations));
    desk.ledger.encode(vec![key], Arc::new(DocumentEncoder::new(live))).await.unwrap();
}

/// What a listing says that the invoice is worth.
async fn listed(desk: &Console, key: InvoiceKey) -> Option<Amount> {
    let filter = Filter { states: State::ALL.to_vec(), ..Filter::default() };
    let rows = desk.list(&filter, Paging::default()).await.unwrap().rows;
    rows.into_iter().find(|row| row.uuid == key.uuid).unwrap().payable
}

#[tokio::test]
async fn a_return_that_waits_is_told_so_and_has_no_amount_yet() {
    let mut room = Room::new(&Route::Direct).await;
    let original = room.key;
    room.key = accepted(&room.desk, taking_back("مرتجع-1", 2)).await;
    let (_, json) = room.ask().await;
    assert_eq!((&json["standing"], &json["state"]), (&json!("never_sent"), &json!("draft")), "{json}");
    assert!(json["message"].as_str().unwrap().contains("for its original, invoice فاتورة-1"), "{json}");
    assert!(json["what_to_do"].as_str().unwrap().contains("the moment its original clears"), "{json}");
    let story = room.desk.show(room.key).await.unwrap();
    assert_eq!(serde_json::to_value(&story).unwrap()["summary"], Value::Null);
    assert!(story.render().contains("not known yet: a return takes it"), "{}", story.render());
    let seven: Amount = "7".parse().unwrap();
    assert_eq!(listed(&room.desk, room.key).await, None);
    assert_eq!(listed(&room.desk, original).await, Some(seven));

    let back = std::mem::replace(&mut room.key, original);
    room.attempt().await;
    room.key = back;
    encode(&room.desk, back).await;
    room.attempt().await;
    assert_eq!(room.load().await.state, State::Cleared);
    let story = room.desk.show(back).await.unwrap();
    let summary = story.summary.clone().unwrap();
    assert_eq!((summary.payable, summary.family), (seven, Family::Income));
    assert_eq!((summary.kind, summary.buyer.as_deref()), (Kind::Return, Some("شركة البتراء")));
    assert!(story.render().contains("7 JOD, issued 2026-03-02"), "{}", story.render());
    assert_eq!(listed(&room.desk, back).await, Some(seven));
}

#[tokio::test]
async fn what_waits_for_a_person_is_not_said_to_be_sent_by_itself() {
    let mut room = Room::new(&Route::Direct).await;
    room.attempt().await;
    room.key = accepted(&room.desk, taking_back("مرتجع-9", 9)).await;
    assert_eq!(room.load().await.state, State::Rejected);
    let (outcome, json) = room.ask().await;
    assert_eq!((outcome, &json["standing"]), (Outcome::No, &json!("never_sent")), "{json}");
    let what_to_do = json["what_to_do"].as_str().unwrap();
    assert!(what_to_do.contains("waits for a person") && what_to_do.contains("Amend it"), "{json}");
    assert_eq!(listed(&room.desk, room.key).await, None, "it was never completed");
}

#[tokio::test]
async fn what_was_never_sent_is_not_sent_by_a_question() {
    for route in [Route::Direct, token_route()] {
        let room = Room::new(&route).await;
        let (outcome, json) = room.ask().await;
        assert_eq!((outcome, &json["standing"]), (Outcome::No, &json!("never_sent")), "{json}");
        assert_eq!((&json["asked"], room.requests()), (&Value::Null, 0));
        assert_eq!(room.say("فاتورة-1").await.0, Outcome::No);
    }
}

#[tokio::test]
async fn a_cleared_invoice_is_cleared_there_too() {
    for (route, asked, requests) in [(Route::Direct, "resend", 2), (token_route(), "query", 1)] {
        let room = Room::new(&route).await;
        room.attempt().await;
        assert_eq!(room.load().await.state, State::Cleared);
        let (outcome, json) = room.ask().await;
        assert_eq!(outcome, Outcome::Done, "{json}");
        assert_eq!((&json["standing"], &json["accepted"]), (&json!("cleared"), &json!(true)));
        assert_eq!((&json["asked"], &json["state"]), (&json!(asked), &json!("cleared")));
        assert_eq!(json["qr"].as_str(), room.load().await.qr.as_deref());
        assert!(json["what_to_do"].as_str().unwrap().starts_with("Nothing"), "{json}");
        assert_eq!(room.requests(), requests);
        let (_, text) = room.say("فاتورة-1").await;
        for told in ["SIMULATION", "فاتورة-1", route.kind(), "cleared", "what to do"] {
            assert!(text.contains(told), "{told} is missing in:\n{text}");
        }
    }
}

#[tokio::test]
async fn an_invoice_in_doubt_that_the_authority_has_is_told_and_left_to_the_fleet() {
    for route in [Route::Direct, token_route()] {
        let room = Room::new(&route).await;
        room.once(Fault::DropAfter);
        room.attempt().await;
        assert!(room.load().await.in_doubt.is_some());
        let (outcome, json) = room.ask().await;
        assert_eq!((outcome, &json["state"]), (Outcome::Done, &json!("pending_retry")), "{json}");
        assert!(json["what_to_do"].as_str().unwrap().contains("next attempt"), "{json}");
        assert_eq!(room.authority.with(|authority| authority.summary(false).cleared_count), 1);
    }
}

#[tokio::test]
async fn a_refused_invoice_is_not_sent_again_by_a_question() {
    let room = Room::new(&Route::Direct).await;
    room.once(Fault::Refuse { message: "Bayer name is missing".into(), status: None });
    room.attempt().await;
    assert_eq!(room.load().await.state, State::Rejected);
    let (outcome, json) = room.ask().await;
    assert_eq!((outcome, &json["standing"]), (Outcome::No, &json!("not_asked")), "{json}");
    assert!(json["message"].as_str().unwrap().contains("requeue"), "{json}");
    assert_eq!(room.requests(), 1);
    // By its UUID it may be asked for: nothing is sent.
    let room = Room::new(&token_route()).await;
    room.once(Fault::Refuse { message: "Bayer name is missing".into(), status: None });
    room.attempt().await;
    let (outcome, json) = room.ask().await;
    assert_eq!((outcome, &json["standing"]), (Outcome::No, &json!("not_there")), "{json}");
}

#[tokio::test]
async fn trouble_on_the_way_is_explained_in_the_language_asked_for() {
    let room = Room::new(&Route::Direct).await;
    room.once(Fault::DropAfter);
    room.attempt().await;
    room.once(Fault::Status { code: 403, retry_after_s: None, processed: false });
    let (outcome, text) = room.say("فاتورة-1 --lang ar").await;
    assert_eq!(outcome, Outcome::No);
    assert!(text.contains("cannot tell") && text.contains("بيانات الربط"), "{text}");
    room.once(Fault::Status { code: 403, retry_after_s: None, processed: false });
    let (_, json) = room.ask().await;
    assert_eq!(json["explanations"][0]["id"], "credentials_refused");
}

#[tokio::test]
async fn an_unknown_invoice_is_told() {
    let room = Room::new(&Route::Direct).await;
    let (outcome, text) = room.say("فاتورة-2 --json").await;
    assert_eq!(outcome, Outcome::No);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["error"], "unknown_invoice");
}
