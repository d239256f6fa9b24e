//! API keys at every way in over HTTP: who has none does not come in, and who has one speaks for their own taxpayers only.

use std::sync::Arc;

use invoice::{Environment, IncomeSource, Registration};
use ledger::keys::{Minted, NewKey, Permission, Scope, mint};
use ledger::{KeyRing, Live, Registrations};
use producer::{Config, Intake, Producer};
use reqwest::{Client, RequestBuilder};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tests::events::{event, income_source, uuid};
use tests::fleet::{Numbers, Seams, sources};
use tokio_util::sync::CancellationToken;

const MINE: &str = "24681012";

/// A second taxpayer beside those of the tests.
fn mine() -> IncomeSource {
    IncomeSource { tax_number: MINE.to_owned(), sequence: "1111111".to_owned() }
}

fn intake(seams: &Seams) -> Intake {
    let all = sources().into_iter().map(|(source, family)| (source, Some(family)));
    let all = all.chain([(mine(), None)]).map(|(source, family)| {
        let registration = Registration {
            environment: Environment::Simulation,
            family,
            icv_start: 1,
            profile: invoice::Profile::default(),
            active: true,
        };
        (source, registration)
    });
    Intake { registrations: ledger::unchanging(all.collect::<Registrations>()), ..seams.intake() }
}

struct Room {
    place: String,
    http: Client,
    keys: tokio::sync::watch::Sender<Arc<KeyRing>>,
    seams: Seams,
    stop: CancellationToken,
}

impl Room {
    async fn open() -> Self {
        let seams = Seams::memory(&Numbers::quick(), 5);
        let (keys, ring): (_, Live<KeyRing>) = tokio::sync::watch::channel(Arc::default());
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            amqp_intake: false,
            post2tax_wait_ms: 0,
            ..Config::default()
        };
        let producer = Producer::bind_with(intake(&seams), config, ring).await.unwrap();
        let place = format!("http://{}", producer.address());
        let stop = CancellationToken::new();
        tokio::spawn(producer.run(stop.clone()));
        Self { place, http: Client::new(), keys, seams, stop }
    }

    /// A key, as the producers know it at once.
    async fn key(&self, taxpayers: &[&str], environments: &[Environment], may: &[Permission]) -> String {
        let Minted { prefix, key, hash } = mint().unwrap();
        let new = NewKey {
            prefix,
            hash,
            name: "صندوق".to_owned(),
            may: may.iter().copied().collect(),
            scope: Scope {
                taxpayers: taxpayers.iter().map(|one| (*one).to_owned()).collect(),
                environments: environments.iter().copied().collect(),
            },
            amqp_user: None,
            expires_at: None,
        };
        let by = invoice::life::Actor { name: "ليلى".to_owned(), reason: "اختبار".to_owned() };
        self.seams.ledger.keys().create_key(new, by).await.unwrap();
        self.refresh().await;
        key.expose_secret().to_owned()
    }

    async fn refresh(&self) {
        self.keys.send_replace(Arc::new(KeyRing::new(self.seams.ledger.keys().valid_keys().await.unwrap())));
    }

    fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.http.post(format!("{}{path}", self.place)).body(body)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn told(request: RequestBuilder) -> (u16, String) {
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// An event of the second taxpayer.
fn my_event(n: u64) -> Value {
    let mut event = event(n);
    event["seller"]["tax_number"] = json!(MINE);
    event["seller"]["income_source"] = json!("1111111");
    event
}

#[tokio::test]
async fn every_way_in_asks_for_the_key_and_its_scope() {
    let room = Room::open().await;
    let everything = [Permission::Publish, Permission::Read, Permission::Correct];
    let key = room.key(&[MINE], &[], &everything).await;
    let other = room.key(&[&income_source().tax_number], &[], &everything).await;
    let correction = |event: Value| {
        json!({ "return": { "number": "R-1", "reason": "خطأ" }, "original": "X-1", "invoice": event })
            .to_string()
    };
    let cloud_event = |event: Value| {
        json!([{ "specversion": "1.0", "id": "1", "source": "/t", "type": producer::EVENT_TYPE, "datacontenttype": "application/json",
            "data": event }])
        .to_string()
    };
    let batch = "application/cloudevents-batch+json";
    type Way<'a> = (&'a str, &'a str, Box<dyn Fn(u64, bool) -> String + 'a>);
    let of = |n, own| if own { my_event(n) } else { event(n) };
    let ways: Vec<Way<'_>> = vec![
        ("/v1/invoices", "application/json", Box::new(|n, own| of(n, own).to_string())),
        ("/v1/invoices", batch, Box::new(|n, own| cloud_event(of(n, own)))),
        ("/v1/invoices:batch", "application/x-ndjson", Box::new(|n, own| of(n, own).to_string())),
        ("/v1/corrections", "application/json", Box::new(|n, own| correction(of(n, own)))),
    ];
    for (n, (path, content_type, body)) in ways.iter().enumerate() {
        let n = u64::try_from(n).unwrap() * 10 + 1;
        let send = |own, key: Option<&str>| {
            let request = room.post(path, body(n, own)).header("content-type", *content_type);
            told(match key {
                Some(key) => request.bearer_auth(key),
                None => request,
            })
        };
        let (status, text) = send(true, None).await;
        assert_eq!(status, 401, "{path} without a key: {text}");
        let (_, text) = send(false, Some(&key)).await;
        assert!(text.contains("out_of_scope"), "{path} for another: {text}");
        let (status, text) = send(true, Some(&key)).await;
        assert!(status < 500 && !text.contains("out_of_scope"), "{path} for their own: {status} {text}");
        let (_, text) = send(true, Some(&other)).await;
        assert!(text.contains("out_of_scope"), "{path} by another: {text}");
    }
    // Nothing of what was refused is there.
    let known = tests::fleet::invoices(&*room.seams.ledger).await;
    assert!(!known.is_empty() && known.values().all(|invoice| invoice.source == mine()), "{known:?}");
    // What is not registered looks no different to who has no business with it.
    let mut stranger = event(90);
    stranger["seller"]["tax_number"] = json!("99999999");
    let (status, text) = told(room.post("/v1/invoices", stranger.to_string()).bearer_auth(&key)).await;
    assert_eq!((status, text.contains("out_of_scope")), (403, true), "{text}");
    // A till and a file.
    let (status, text) = told(room.post("/api/Invoice", "{}").header("license-key", "fwt_guess")).await;
    assert_eq!(status, 401, "{text}");
    let (status, text) = told(room.post("/api/Invoice", "{}").header("license-key", &key)).await;
    assert_eq!(status, 400, "{text}");
    let (status, _) = told(room.post("/v1/import/post2tax", "[]")).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn another_taxpayers_invoice_looks_unknown() {
    let room = Room::open().await;
    let mine = room.key(&[MINE], &[], &[Permission::Read, Permission::Publish]).await;
    let others: Vec<_> = sources().into_iter().map(|(source, _)| source.tax_number).collect();
    let names: Vec<_> = others.iter().map(String::as_str).collect();
    let theirs = room.key(&names, &[], &[Permission::Read, Permission::Publish]).await;
    let (status, text) = told(room.post("/v1/invoices", event(1).to_string()).bearer_auth(&theirs)).await;
    assert_eq!(status, 202, "{text}");
    let get = |uuid: uuid::Uuid, key: &str| {
        told(room.http.get(format!("{}/v1/invoices/{uuid}", room.place)).bearer_auth(key))
    };
    assert_eq!(get(uuid(1), &theirs).await.0, 200);
    let (status, hidden) = get(uuid(1), &mine).await;
    let (unknown_status, unknown) = get(uuid(2), &mine).await;
    assert_eq!((status, unknown_status), (404, 404));
    assert_eq!(hidden.replace(&uuid(1).to_string(), "U"), unknown.replace(&uuid(2).to_string(), "U"));
    // And taking its UUID tells nothing of it.
    let mut event = my_event(1);
    event["number"] = json!("MINE-1");
    let (status, text) = told(room.post("/v1/invoices", event.to_string()).bearer_auth(&mine)).await;
    assert_eq!((status, text.contains("uuid_taken")), (409, true), "{text}");
    for secret in ["differences", "draft"].into_iter().chain(names) {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn permissions_environments_and_ends_hold() {
    let room = Room::open().await;
    let reader = room.key(&[], &[], &[Permission::Read]).await;
    let publish = |key: &str| told(room.post("/v1/invoices", event(1).to_string()).bearer_auth(key));
    let (status, text) = publish(&reader).await;
    assert_eq!((status, text.contains("\"forbidden\"")), (403, true), "{text}");
    let elsewhere = room.key(&[], &[Environment::Production], &[Permission::Publish]).await;
    assert!(publish(&elsewhere).await.1.contains("out_of_scope"));
    let (status, text) = told(room.post("/v1/corrections", "{}").bearer_auth(&elsewhere)).await;
    assert_eq!((status, text.contains("--may correct")), (403, true), "{text}");
    let (status, _) =
        told(room.http.get(format!("{}/v1/invoices/{}", room.place, uuid(1))).bearer_auth(&elsewhere)).await;
    assert_eq!(status, 403);
    let here = room.key(&[], &[Environment::Simulation], &[Permission::Publish]).await;
    assert_eq!(publish(&here).await.0, 202);
    // The end of the last key is not the end of the guard.
    let all = room.seams.ledger.keys().all_keys().await.unwrap();
    for key in all {
        let by = invoice::life::Actor { name: "ليلى".to_owned(), reason: "انتهى".to_owned() };
        room.seams.ledger.keys().revoke_key(&key.prefix, by).await.unwrap();
    }
    room.refresh().await;
    assert_eq!(publish(&here).await.0, 401);
    assert_eq!(told(room.post("/v1/invoices", event(1).to_string())).await.0, 401);
}

#[tokio::test]
async fn without_keys_only_this_machines_programs_come_in() {
    let room = Room::open().await;
    let publish = || room.post("/v1/invoices", event(1).to_string());
    let (status, text) = told(publish().header("origin", "https://evil.example")).await;
    assert_eq!((status, text.contains("not_local")), (403, true), "{text}");
    let (status, text) = told(publish().header("host", "evil.example:8080")).await;
    assert_eq!((status, text.contains("not_local")), (403, true), "{text}");
    let (status, _) = told(room.post("/api/Invoice", "{}").header("origin", "null")).await;
    assert_eq!(status, 403);
    assert_eq!(told(publish().header("origin", &room.place)).await.0, 202, "the page at /docs");
    // With a key it does not matter where the request comes from: no page has the key.
    let key = room.key(&[], &[], &[Permission::Publish]).await;
    assert_eq!(told(publish().bearer_auth(&key).header("host", "fawtara.example")).await.0, 200);
}
