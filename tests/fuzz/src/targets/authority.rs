//! What comes back from the authority, or from whatever stands in front of it. The great law: nothing but an answer that fits what was
//! sent clears an invoice, and whatever is heard, the invoice's life goes on.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use invoice::life::{Command, Context, Invoice, Outcome, Policy, State, decide};
use invoice::{Digest, Environment, IncomeSource, InvoiceKey, Timestamp};
use jofotara::{
    Client, Credentials, Endpoint, Exchange, HttpRequest, Route, Sent, TokenRoute, Transport, Verdict,
};
use secrecy::SecretString;
use serde_json::json;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::laws;

const NUMBER: &str = "فاتورة-1";
const UUID: Uuid = Uuid::from_u128(0x7a44_52eb_0acd_4998_b630_b2b7_9d0a_ce27);
const CLIENT_ID: &str = "user-7-of-the-shop";
const SECRET: &str = "s3cr3t/KEY+7==";
/// A document of the writer's.
const XML: &str = include_str!("../../../../crates/ubl/tests/golden/guide_3_general.xml");

fn credentials() -> Credentials {
    Credentials { client_id: CLIENT_ID.to_owned(), secret_key: SecretString::from(SECRET) }
}

/// What was sent: that document, by its own number.
fn ours() -> (String, Uuid) {
    match ubl::identity(XML.as_bytes()) {
        Ok(identity) => (identity.number, identity.uuid.parse().unwrap_or(UUID)),
        Err(_) => (NUMBER.to_owned(), UUID),
    }
}

/// The status in the first line, the wait in the second, then the body.
pub(super) fn answer(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let head = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let mut words = head.split_whitespace();
    let status = words.next().and_then(|word| word.parse().ok()).unwrap_or(200);
    let retry_after = words.next().and_then(|word| word.parse().ok()).map(Duration::from_secs);
    let body = Bytes::copy_from_slice(parts.next().unwrap_or_default());
    heard(&Exchange::Answered { status, retry_after, body });
}

/// The input is the document that comes with an acceptance of ours.
pub(super) fn returned(bytes: &[u8]) {
    if let Some(note) = jofotara::seal::check(bytes, "QR==").note() {
        laws::message(&note);
    }
    let (number, uuid) = ours();
    let body = json!({
        "EINV_RESULTS": {"status": "PASS", "INFO": [], "WARNINGS": [], "ERRORS": []},
        "EINV_STATUS": if bytes.len().is_multiple_of(2) { "SUBMITTED" } else { "ALREADY_SUBMITTED" },
        "EINV_SINGED_INVOICE": STANDARD.encode(bytes), "EINV_QR": "QR==", "EINV_NUM": number, "EINV_INV_UUID": uuid,
    });
    let body = Bytes::from(body.to_string());
    heard(&Exchange::Answered { status: 200, retry_after: None, body });
}

fn heard(exchange: &Exchange) {
    let (number, uuid) = ours();
    let credentials = credentials();
    let sent = Sent { number: &number, uuid: &uuid, xml: XML.as_bytes(), credentials: &credentials };
    let verdict = jofotara::interpret(exchange, &sent);
    believed(exchange, &verdict);
    lawful(&verdict);
    lived(verdict);
}

/// Nothing clears but what names the invoice, or gives its very document back.
fn believed(exchange: &Exchange, verdict: &Verdict) {
    let Outcome::Cleared { qr, already, .. } = &verdict.outcome else { return };
    assert!(!qr.trim().is_empty(), "cleared without a QR");
    let Exchange::Answered { body, .. } = exchange else { panic!("cleared without an answer") };
    assert!(!body.is_empty());
    if *already {
        let signed = verdict.signed.as_deref().unwrap_or_default();
        let same = ubl::same_document(XML.as_bytes(), signed);
        let damaged = matches!(&same, Err(ubl::Difference::TheirsUnreadable(_)));
        assert!(same.is_ok() || damaged, "ALREADY_SUBMITTED believed with another document: {same:?}");
    }
}

fn lawful(verdict: &Verdict) {
    let evidence = &verdict.evidence;
    laws::message(&evidence.message);
    let kept =
        serde_json::to_string(evidence).unwrap_or_else(|error| panic!("evidence is not kept: {error}"));
    assert!(kept.len() <= 128 * 1024, "evidence of {} bytes", kept.len());
    assert!(!kept.contains(SECRET) && !kept.contains("s3cr3t\\/KEY"), "the secret stands in the evidence");
    if let Outcome::HoldsOther { difference, .. } = &verdict.outcome {
        laws::message(difference);
    }
    if let Outcome::Cleared { note: Some(note), .. } = &verdict.outcome {
        laws::message(note);
    }
}

/// The invoice that heard it: one event at least, which can be stored and read, and folds into a state.
fn lived(verdict: Verdict) {
    let policy = Policy::default();
    let now = Timestamp::UNIX_EPOCH;
    let source = IncomeSource { tax_number: "11111111".to_owned(), sequence: "1001001".to_owned() };
    let key = InvoiceKey { environment: Environment::Simulation, uuid: UUID };
    let mut invoice = Invoice::accepted(key, source, NUMBER.to_owned(), Digest::of(b"content"), now);
    let context = Context { now, policy: &policy };
    let lease_until = now + Duration::from_secs(60);
    let cleared = matches!(verdict.outcome, Outcome::Cleared { .. });
    let commands = [
        Command::Encode { icv: 1, xml: Digest::of(XML.as_bytes()) },
        Command::Start { lease_until, worker: "fuzz".to_owned() },
        Command::Record { attempt: 1, document: 1, outcome: verdict.outcome, evidence: verdict.evidence },
    ];
    for command in commands {
        let events =
            decide(&invoice, command, context).unwrap_or_else(|refusal| panic!("refused: {refusal}"));
        assert!(!events.is_empty(), "an answer that leaves no trace");
        for event in events {
            super::ledger::kept(&event);
            invoice.evolve(&event, now);
        }
    }
    assert_ne!(invoice.state, State::Submitted, "an answer that leaves the invoice where it was");
    assert_eq!(invoice.state == State::Cleared, cleared);
    assert!(
        invoice.due_at.is_none_or(|due| due <= now + Duration::from_secs(7 * 86_400)),
        "put off for ever"
    );
}

/// Answers with what it is given, in turn.
struct Canned(Mutex<Vec<Exchange>>);

#[async_trait]
impl Transport for Canned {
    async fn exchange(&self, _: HttpRequest) -> Exchange {
        let mut left = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        left.pop().unwrap_or(Exchange::Lost { reason: "nobody answers".to_owned() })
    }
}

thread_local! {
    static RUNTIME: RefCell<Runtime> = RefCell::new(super::runtime());
}

/// Where the answers of one input end.
const NEXT: &[u8] = b"\n--\n";

/// Answers of the token service and of the authority behind it; then the same, as Post2Tax's.
pub(super) fn routes(bytes: &[u8]) {
    let mut answers = Vec::new();
    let mut rest = bytes;
    while answers.len() < 6 && !rest.is_empty() {
        let end = rest.windows(NEXT.len()).position(|window| window == NEXT);
        let (one, after) = end.map_or((rest, &[][..]), |end| (&rest[..end], &rest[end + NEXT.len()..]));
        rest = after;
        let (status, body) = match one.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                (std::str::from_utf8(&one[..end]).ok().and_then(|text| text.parse().ok()), &one[end + 1..])
            }
            None => (None, one),
        };
        answers.push(Exchange::Answered {
            status: status.unwrap_or(200),
            retry_after: None,
            body: Bytes::copy_from_slice(body),
        });
    }
    answers.reverse();
    let token = Route::Token(TokenRoute {
        token_url: "http://[::1]/api/get_token".to_owned(),
        submit_url: "http://[::1]/api/invoice".to_owned(),
        status_url: "http://[::1]/api/invoice/".to_owned(),
    });
    let (number, uuid) = ours();
    for route in [token, Route::Direct] {
        let endpoint = Endpoint::routed(
            Environment::Simulation,
            "http://[::1]/core/invoices/",
            &route,
            credentials(),
            Duration::from_secs(50),
        );
        let endpoint = endpoint.unwrap_or_else(|error| panic!("{error}"));
        let client = Client::new(Arc::new(Canned(Mutex::new(answers.clone()))));
        RUNTIME.with_borrow(|runtime| {
            runtime.block_on(async {
                let verdict =
                    client.submit(&endpoint, &number, &uuid, Bytes::from_static(XML.as_bytes())).await;
                lawful(&verdict);
                lived(verdict);
                let report =
                    client.status(&endpoint, &number, &uuid, Bytes::from_static(XML.as_bytes())).await;
                lawful(&report.verdict);
            });
        });
    }
}
