//! `POST /api/Invoice`: the call of the Post2Tax gateway, so that a till written for it works by changing its base address. It is
//! synchronous: the answer is the clearance, with its QR code, or the refusal.
//!
//! `license-key` is one of the producer's keys, or one of the ledger's. `client-id` and `secret-key` are not looked at, kept or logged: the credentials of an income
//! source are the submitter's, and this role does not know them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Json, Router};
use invoice::Digest;
use invoice::life::{Cause, Invoice, State as Standing};
use ledger::Arrival;
use ledger::keys::Permission;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use super::api::{Api, body, traceparent};
use super::door::{TurnedAway, lacking};
use super::problem::Problem;
use crate::caller::Caller;
use crate::intake::{Refused, Taken, count};

/// How often an invoice that a till waits for is looked at: soon at first, then gently.
const LOOK_FIRST: Duration = Duration::from_millis(50);
const LOOK_SLOW: Duration = Duration::from_secs(1);
/// Bodies above this many bytes are read on a thread of their own: other requests do not wait for them.
const LARGE: usize = 64 * 1024;
/// Faults told in one message.
const FAULTS: usize = 20;

/// The room that a request takes up until its invoice is durable; not while it waits.
#[derive(Clone)]
struct Room(Arc<std::sync::Mutex<Option<OwnedSemaphorePermit>>>);

impl Room {
    fn leave(&self) {
        if let Ok(mut permit) = self.0.lock() {
            permit.take();
        }
    }
}

/// Their route, which their servers take in any case of letters.
pub(super) fn routes(api: &Arc<Api>) -> Router<Arc<Api>> {
    let one = || post(submit).fallback(not_post);
    Router::new()
        .route("/api/Invoice", one())
        .route("/api/invoice", one())
        .layer(DefaultBodyLimit::max(invoice::limits::EVENT_BYTES + 1))
        .layer(from_fn_with_state(Arc::clone(api), admit))
}

async fn not_post() -> Response {
    refusal(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "POST /api/Invoice")
}

async fn admit(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let key = request.headers().get("license-key").and_then(|value| value.to_str().ok());
    let caller = match api.door.admit(key, request.headers()) {
        Ok(caller) => caller,
        Err(TurnedAway::NoKey) => {
            let message = "the header license-key is not a key that is valid here; it may have been revoked or have expired";
            return refusal(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message);
        }
        Err(turned_away) => return of_problem(&turned_away.problem()),
    };
    if !caller.may(Permission::Publish) {
        return of_problem(&lacking(Permission::Publish));
    }
    let Some(permit) = api.enter() else {
        let message = "too many requests at once; nothing was taken: send the same body again in a moment";
        return refusal(StatusCode::TOO_MANY_REQUESTS, "OVERLOADED", message);
    };
    let room = Room(Arc::new(std::sync::Mutex::new(Some(permit))));
    request.extensions_mut().insert(room);
    request.extensions_mut().insert(caller);
    next.run(request).await
}

async fn submit(
    State(api): State<Arc<Api>>,
    Extension(room): Extension<Room>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let body = match body(request).await {
        Ok(body) => body,
        Err(problem) => return of_problem(&problem),
    };
    let answer = take(&api, &caller, &room, body, traceparent(&headers)).await;
    count("post2tax", &answer.clone().map(|(taken, _)| taken));
    room.leave();
    match answer {
        Ok((taken, content)) => clearance(&api, taken.invoice, content).await,
        Err(Refused::Invalid(faults)) => {
            let code = faults.first().map_or("invalid", |fault| fault.code.as_str());
            let told: Vec<String> = faults.iter().take(FAULTS).map(ToString::to_string).collect();
            let more = faults.len().saturating_sub(FAULTS);
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            refusal(StatusCode::BAD_REQUEST, code, &format!("{}{more}", told.join("; ")))
        }
        Err(refused @ (Refused::Unavailable | Refused::Closed { .. })) => {
            refusal(StatusCode::SERVICE_UNAVAILABLE, refused.code(), &refused.to_string())
        }
        Err(refused) => refusal(StatusCode::BAD_REQUEST, refused.code(), &refused.to_string()),
    }
}

/// Makes the invoice durable, and tells by which content it came. A till corrects what was refused by sending it again
/// under its number: that amends it.
async fn take(
    api: &Arc<Api>,
    caller: &Caller,
    room: &Room,
    body: Bytes,
    traceparent: Option<String>,
) -> Result<(Taken, Digest), Refused> {
    let arrival = caller.judge(checked(api, room, body.clone(), traceparent.clone(), None).await)?;
    let content = arrival.content;
    let taken = match api.batcher.offer(arrival).await {
        Err(Refused::Conflict { state, document, .. }) if state.waits_for_person() => {
            let arrival = caller.judge(checked(api, room, body, traceparent, Some(document)).await)?;
            api.batcher.offer(arrival).await
        }
        answer => answer,
    };
    taken.map(|taken| (taken, content))
}

/// Reads and checks a body; it amends the given document.
async fn checked(
    api: &Arc<Api>,
    room: &Room,
    body: Bytes,
    traceparent: Option<String>,
    amends: Option<u32>,
) -> Result<Arrival, Refused> {
    let large = body.len() > LARGE;
    let (api, room) = (Arc::clone(api), room.clone());
    let work = move || {
        // Whoever disconnects frees nothing that is still in use.
        let _room = room;
        let read = api.intake.with_context(&api.formats, |context| formats::post2tax::read(&body, context));
        let mut mapped = read.map_err(Refused::Invalid)?;
        if amends.is_some() {
            mapped.event.set_amends(amends);
        }
        api.intake.check_mapped(mapped, traceparent)
    };
    if !large {
        return work();
    }
    match spawn_blocking(work).await {
        Ok(checked) => checked,
        // As if it had happened here; there is no panic when the process ends.
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(Refused::Unavailable),
        },
    }
}

/// Waits until the invoice is cleared or refused; not for ever, and not with more than the role has room for.
async fn clearance(api: &Api, mut invoice: Invoice, content: Digest) -> Response {
    let Ok(_place) = api.waiting.try_acquire() else { return pending(&invoice) };
    let deadline = Instant::now() + api.wait;
    let mut pause = LOOK_FIRST;
    loop {
        if let Some(verdict) = verdict(api, &invoice, content).await {
            return verdict;
        }
        let now = Instant::now();
        if now >= deadline {
            return pending(&invoice);
        }
        tokio::select! {
            () = api.stopping.cancelled() => return pending(&invoice),
            () = sleep_until((now + pause).min(deadline)) => {}
        }
        pause = (pause * 2).min(LOOK_SLOW);
        // An absent ledger is waited out like a slow authority: the invoice is durable.
        if let Ok(loaded) = api.intake.ledger.load(&[invoice.key]).await
            && let Some(Some(now)) = loaded.invoices.into_iter().next()
        {
            invoice = now;
        }
    }
}

async fn verdict(api: &Api, invoice: &Invoice, content: Digest) -> Option<Response> {
    if let Some(document) = superseding(invoice, content) {
        return Some(superseded(invoice, document));
    }
    match (invoice.state, &invoice.qr) {
        (Standing::Cleared, Some(qr)) => {
            let result = json!({
                "status": "SUBMITTED",
                "qrCode": qr,
                "id": invoice.number,
                "uuid": invoice.key.uuid,
            });
            Some(answer(StatusCode::OK, json!({ "error": false, "result": result }), Some(invoice)))
        }
        // A 400 would be taken for leave to issue it anew.
        (Standing::Rejected | Standing::DeadLettered | Standing::Abandoned, _) if is_held(invoice) => {
            Some(pending(invoice))
        }
        (Standing::Rejected | Standing::DeadLettered | Standing::Abandoned, _) => {
            Some(refused(api, invoice).await)
        }
        (Standing::Draft | Standing::Submitted | Standing::PendingRetry | Standing::Cleared, _) => None,
    }
}

/// Whether the authority may have something under this invoice's UUID.
fn is_held(invoice: &Invoice) -> bool {
    let other = invoice.cause == Some(Cause::AuthorityHoldsOther);
    invoice.state != Standing::Cleared && (invoice.may_be_held() || other)
}

/// The document version that counts, when it is of another content than the one that was sent.
fn superseding(invoice: &Invoice, content: Digest) -> Option<u32> {
    let counts = invoice.cleared_document.unwrap_or(invoice.document);
    let index = usize::try_from(counts).ok()?.checked_sub(1)?;
    (*invoice.contents.get(index)? != content).then_some(counts)
}

/// The QR code of other content must not stand on the receipt of this one.
fn superseded(invoice: &Invoice, document: u32) -> Response {
    let message = format!(
        "this is not the content that counts under number {}: document {document} supersedes it ({}); send the content of \
         document {document} to have its answer, and do not hand out a receipt of this one; a new sale needs a new number",
        invoice.number, invoice.state
    );
    let body = json!({ "error": true, "result": "SUPERSEDED", "message": message });
    answer(StatusCode::BAD_REQUEST, body, Some(invoice))
}

/// The authority's code when it gave one, else ours.
async fn refused(api: &Api, invoice: &Invoice) -> Response {
    let attempts = api.intake.ledger.attempts(invoice.key).await.unwrap_or_default();
    let theirs = attempts.last().and_then(|attempt| attempt.evidence.codes.first().cloned());
    let ours = invoice.cause.map_or(invoice.state.as_str(), |cause| cause.as_str());
    let code = theirs.unwrap_or_else(|| ours.to_uppercase());
    let message = invoice.message.clone().unwrap_or_else(|| format!("the invoice is {}", invoice.state));
    let body = json!({ "error": true, "result": code, "message": message });
    answer(StatusCode::BAD_REQUEST, body, Some(invoice))
}

/// Their description has no word for it. It is an error in its form, so that no till prints an invoice that is not cleared.
fn pending(invoice: &Invoice) -> Response {
    let message = match is_held(invoice) {
        false => {
            "the invoice is kept and will be sent, but it is not cleared yet: send the same body again in a moment; the \
             answer is then its QR code, and nothing is sent twice"
        }
        true if invoice.state.waits_for_person() => {
            "the authority may hold this invoice, and a person must find out: do not issue it again, neither changed nor \
             under another number; send the same body again later; once it is settled, the answer says how"
        }
        true => {
            "the authority may hold this invoice already, and is being asked: do not issue it again, neither changed nor \
             under another number; send the same body again in a moment; the answer is then its QR code"
        }
    };
    let body = json!({ "error": true, "result": "PENDING", "message": message });
    answer(StatusCode::GATEWAY_TIMEOUT, body, Some(invoice))
}

fn of_problem(problem: &Problem) -> Response {
    let (status, code, detail) = problem.told();
    refusal(status, code, detail)
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    answer(status, json!({ "error": true, "result": code.to_uppercase(), "message": message }), None)
}

fn answer(status: StatusCode, body: Value, invoice: Option<&Invoice>) -> Response {
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    if matches!(
        status,
        StatusCode::GATEWAY_TIMEOUT | StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
    ) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    // What is simulated says so, where it does not disturb the form.
    if let Some(invoice) = invoice {
        let environment = HeaderValue::from_static(invoice.key.environment.as_str());
        headers.insert(HeaderName::from_static("fawtara-environment"), environment);
    }
    response
}

#[cfg(test)]
mod tests;
