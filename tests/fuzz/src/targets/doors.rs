//! The producer's ways in, behind their sockets: HTTP requests and messages of the intake queue.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use broker::MemoryBroker;
use invoice::{Environment, IncomeSource, Profile, Registration, Timestamp};
use ledger::{MemoryLedger, Registrations, Schedule, unchanging};
use producer::hostile::http::Request;
use producer::hostile::{Answered, Doors};
use producer::{Config, Gate, Intake};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::laws;

/// After so many requests everything begins anew: what was taken is kept in memory.
const LIFETIME: usize = 500;

struct Room {
    runtime: Runtime,
    doors: Doors,
    left: usize,
}

thread_local! {
    static ROOM: RefCell<Option<Room>> = const { RefCell::new(None) };
}

impl Room {
    fn new() -> Self {
        let runtime = super::runtime();
        let registration = Registration {
            environment: Environment::Simulation,
            family: None,
            icv_start: 1,
            profile: Profile::default(),
            active: true,
        };
        let sources = [("11111111", "1001001"), ("10203040", "1111001"), ("12345678", "9932895")];
        let registrations = Registrations::from_iter(sources.map(|(tax_number, sequence)| {
            let source = IncomeSource { tax_number: tax_number.to_owned(), sequence: sequence.to_owned() };
            (source, registration.clone())
        }));
        let intake = Intake {
            ledger: Arc::new(MemoryLedger::new(Arc::new(|| Timestamp::UNIX_EPOCH), Schedule::default())),
            broker: Arc::new(MemoryBroker::default()),
            registrations: unchanging(registrations),
            gate: Gate::open(),
        };
        let config = Config { linger_ms: 0, post2tax_wait_ms: 1, ..Config::default() };
        let (doors, work) = Doors::new(intake, &config);
        runtime.spawn(work);
        Self { runtime, doors, left: LIFETIME }
    }
}

fn within(use_it: impl FnOnce(&Room)) {
    ROOM.with_borrow_mut(|room| {
        let mut own = match room.take() {
            Some(own) if own.left > 0 => own,
            _ => Room::new(),
        };
        own.left -= 1;
        use_it(&own);
        *room = Some(own);
    });
}

/// First line and headers up to a blank line, then the body. What no HTTP parser would let through is passed over.
fn request(bytes: &[u8]) -> Option<Request<Vec<u8>>> {
    let end = bytes.windows(2).position(|window| window == b"\n\n");
    let (head, body) = end.map_or((bytes, &[][..]), |end| (&bytes[..end], &bytes[end + 2..]));
    let head = std::str::from_utf8(head).ok()?;
    let mut lines = head.split('\n');
    let mut first = lines.next()?.split(' ');
    let mut request = Request::builder().method(first.next()?).uri(first.next()?);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        request = request.header(name.trim(), value.trim());
    }
    request.body(body.to_vec()).ok()
}

pub(super) fn http(bytes: &[u8]) {
    let Some(request) = request(bytes) else { return };
    within(|room| {
        let answered = room.runtime.block_on(room.doors.http(request));
        answered_lawfully(&answered, bytes.len());
    });
}

fn answered_lawfully(answered: &Answered, asked: usize) {
    let status = answered.status;
    assert!(!status.is_server_error(), "{status}: {}", shown(answered));
    let Some(body) = &answered.body else { panic!("{status}: the answer broke off") };
    // A document to read, the schema and the page of the interface are as long as they are.
    assert!(body.len() <= 512 * 1024 + 64 * asked, "{asked} bytes are answered with {}", body.len());
    if status.is_client_error() {
        let json = answered
            .headers
            .get("content-type")
            .is_some_and(|value| value.as_bytes().starts_with(b"application/"));
        assert!(json, "{status} without a reason that a program can read: {}", shown(answered));
        let Ok(Value::Object(problem)) = serde_json::from_slice(body) else {
            panic!("{status}: no object: {}", shown(answered));
        };
        assert!(!problem.is_empty());
        for member in ["title", "detail"] {
            if let Some(Value::String(text)) = problem.get(member) {
                laws::message(text);
            }
        }
    }
}

fn shown(answered: &Answered) -> String {
    let body = answered.body.as_deref().unwrap_or_default();
    format!("{:.2000}", String::from_utf8_lossy(body))
}

/// Header lines up to a blank line, of which `content-type` is a property; then the body.
pub(super) fn amqp(bytes: &[u8]) {
    let end = bytes.windows(2).position(|window| window == b"\n\n");
    let (head, body) = end.map_or((&[][..], bytes), |end| (&bytes[..end], &bytes[end + 2..]));
    let head = String::from_utf8_lossy(head);
    let mut attributes: BTreeMap<String, String> = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .take(64)
        .collect();
    let content_type = attributes.remove("content-type");
    within(|room| match room.doors.amqp(content_type.as_deref(), &attributes, body) {
        Ok(arrival) => assert!(!arrival.number.is_empty()),
        Err(record) => {
            laws::message(&record.message);
            assert!(!record.code.is_empty());
            assert!(record.body.len() <= invoice::limits::EVENT_BYTES);
            assert!(record.number.as_ref().is_none_or(|number| number.chars().count() <= 100));
            assert!(record.faults.as_ref().is_none_or(|faults| faults.len() <= 4 << 20));
        }
    });
}
