//! Each route over a road that is made up, and what they have in common.

mod relay;
mod status;
mod token;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use invoice::Environment;
use invoice::life::Outcome;
use secrecy::SecretString;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::{Credentials, Exchange, HttpRequest, Method, RelayRoute, Route, TokenRoute};

const CLIENT_ID: &str = "user-7-of-the-shop";
const SECRET_KEY: &str = "s3cr3t/KEY+7==";
const TOKEN_URL: &str = "http://[::1]/api/get_token";
const NUMBER: &str = "فاتورة-1";
const TIMEOUT: Duration = Duration::from_secs(50);

/// What a road answers, by the path that is asked.
type Script = dyn Fn(&HttpRequest) -> Exchange + Send + Sync;

/// Answers after a while as it is told to, and keeps what it was sent.
struct Canned {
    after: Duration,
    script: Box<Script>,
    seen: Mutex<Vec<HttpRequest>>,
}

#[async_trait]
impl Transport for Canned {
    async fn exchange(&self, request: HttpRequest) -> Exchange {
        let exchange = (self.script)(&request);
        self.seen.lock().unwrap().push(request);
        tokio::time::sleep(self.after).await;
        exchange
    }
}

impl Canned {
    fn new(script: impl Fn(&HttpRequest) -> Exchange + Send + Sync + 'static) -> Arc<Self> {
        Self::slow(Duration::ZERO, script)
    }

    fn slow(after: Duration, script: impl Fn(&HttpRequest) -> Exchange + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { after, script: Box::new(script), seen: Mutex::default() })
    }

    /// How often an address was asked whose path ends so.
    fn asked(&self, path: &str) -> usize {
        self.seen.lock().unwrap().iter().filter(|request| request.path().ends_with(path)).count()
    }

    fn last(&self) -> HttpRequest {
        self.seen.lock().unwrap().last().unwrap().clone()
    }
}

/// Answers from a list, one after the other.
fn in_turn(answers: Vec<Exchange>) -> impl Fn() -> Exchange + Send + Sync {
    let answers = Mutex::new(VecDeque::from(answers));
    move || answers.lock().unwrap().pop_front().expect("nobody asks so often")
}

fn answered(status: u16, body: impl Into<Bytes>) -> Exchange {
    Exchange::Answered { status, retry_after: None, body: body.into() }
}

fn credentials() -> Credentials {
    Credentials { client_id: CLIENT_ID.to_owned(), secret_key: SecretString::from(SECRET_KEY) }
}

fn routed(route: &Route) -> Endpoint {
    let url = "http://[::1]/core/invoices/";
    Endpoint::routed(Environment::Simulation, url, route, credentials(), TIMEOUT).unwrap()
}

fn token_route() -> Route {
    Route::Token(TokenRoute {
        token_url: TOKEN_URL.to_owned(),
        submit_url: "http://[::1]/api/invoice".to_owned(),
        status_url: "http://[::1]/api/invoice/".to_owned(),
    })
}

fn uuid() -> Uuid {
    "7a4452eb-0acd-4998-b630-b2b79d0ace27".parse().unwrap()
}

fn xml() -> Bytes {
    Bytes::from(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\" \
         xmlns:cbc=\"urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2\">\
         <cbc:ID>{NUMBER}</cbc:ID><cbc:UUID>{}</cbc:UUID></Invoice>",
        uuid()
    ))
}

/// An acceptance of ours in the authority's words.
fn acceptance(status: &str) -> Exchange {
    let body = json!({
        "EINV_RESULTS": {"status": "PASS", "INFO": [], "WARNINGS": [], "ERRORS": []},
        "EINV_STATUS": status, "EINV_SINGED_INVOICE": STANDARD.encode(xml()), "EINV_QR": "QR==",
        "EINV_NUM": NUMBER, "EINV_INV_UUID": uuid(),
    });
    answered(200, body.to_string())
}

async fn submit(client: &Client, endpoint: &Endpoint) -> Verdict {
    client.submit(endpoint, NUMBER, &uuid(), xml()).await
}

#[tokio::test(start_paused = true)]
async fn the_direct_route_sends_one_body_and_measures_the_time() {
    let road = Canned::slow(Duration::from_millis(1_234), |_| Exchange::Lost { reason: "reset".to_owned() });
    let client = Client::new(road.clone());
    let verdict = submit(&client, &routed(&Route::Direct)).await;
    assert_eq!(verdict.outcome, Outcome::InDoubt);
    assert_eq!(verdict.evidence.duration_ms, 1_234);
    let request = road.last();
    assert_eq!((road.seen.lock().unwrap().len(), request.method()), (1, Method::Post));
    assert_eq!(request.url(), "http://[::1]/core/invoices/");
    assert_eq!(request.header("client-id"), Some(CLIENT_ID));
    assert_eq!(request.header("secret-key"), Some(SECRET_KEY));
    assert_eq!((request.header("authorization"), request.timeout()), (None, TIMEOUT));
    let sent: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
    assert_eq!(STANDARD.decode(sent["invoice"].as_str().unwrap()).unwrap(), xml());
    assert_eq!(sent.as_object().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_route_shows_a_secret() {
    let license = tempfile("licence-9-of-the-shop");
    let relay =
        Route::Relay(RelayRoute { url: "http://[::1]/".into(), ..license_route(license.to_str().unwrap()) });
    for route in [Route::Direct, token_route(), relay] {
        let echo = format!(
            "{{\"message\":\"{CLIENT_ID} {SECRET_KEY} tok-1-of-the-shop licence-9-of-the-shop s3cr3t%2FKEY%2B7%3D%3D\"}}"
        );
        let road = Canned::new(move |request| {
            if request.path().ends_with("get_token") {
                return answered(200, r#"{"access_token":"tok-1-of-the-shop","expires_in":3600}"#);
            }
            answered(503, echo.clone())
        });
        let client = Client::new(road.clone());
        let endpoint = routed(&route);
        let verdict = client.submit(&endpoint, NUMBER, &uuid(), relay::document()).await;
        let seen = road.seen.lock().unwrap().clone();
        let shown = format!("{endpoint:?} {client:?} {verdict:?} {seen:?} {route:?}");
        assert!(shown.contains("[masked]"), "{shown}");
        let of_route = match route {
            Route::Direct => "nothing else",
            Route::Token(_) => "tok-1-of-the-shop",
            Route::Relay(_) => "licence-9-of-the-shop",
        };
        for secret in [CLIENT_ID, SECRET_KEY, "s3cr3t%2F", of_route] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
    }
    std::fs::remove_file(license).unwrap();
}

/// A file of its own with a secret in it.
fn tempfile(text: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("jofotara-test-{}", Uuid::new_v4()));
    std::fs::write(&path, format!("{text}\n")).unwrap();
    path
}

fn license_route(file: &str) -> RelayRoute {
    serde_json::from_value(json!({ "license_key_file": file })).unwrap()
}
