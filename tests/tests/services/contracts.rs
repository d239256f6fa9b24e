//! The published examples, published for real: by HTTP and AMQP, in every envelope; and what the fleet tells of them, heard on
//! the exchange and by a signed webhook.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection};
use ledger::Ledger;
use serde_json::{Value, json};
use tests::events;
use tests::processes::{FleetProcesses, Plan, said};
use tests::services::Ground;
use tests::wait;
use tokio::net::TcpListener;

const DEADLINE: Duration = Duration::from_secs(60);
const TYPE: &str = "jo.fawtara.invoice.event.v1";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// What a receiver heard: headers by their names in lower case, and the body.
type Heard = (BTreeMap<String, String>, String);

/// A receiver of webhooks that refuses what it is told of an invoice the first time: of several messages under way at once
/// nobody knows which comes first.
async fn receiver() -> (String, Arc<Mutex<Vec<Heard>>>) {
    let heard = Arc::new(Mutex::new(Vec::<Heard>::new()));
    let kept = Arc::clone(&heard);
    let hear = async move |headers: HeaderMap, body: String| {
        let headers: BTreeMap<_, _> = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
            .collect();
        let mut kept = kept.lock().unwrap();
        let again = kept.iter().any(|(earlier, _)| earlier["webhook-id"] == headers["webhook-id"]);
        let refused = body.contains("jo.fawtara.invoice.") && !again;
        kept.push((headers, body));
        if refused { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NO_CONTENT }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().route("/hook", post(hear))).into_future());
    (url, heard)
}

/// The published example of this name, as one of the tests' own sellers would publish it.
fn example(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/examples").join(name);
    let mut example: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let event = if example.get("specversion").is_some() { &mut example["data"] } else { &mut example };
    if event["family"] == "income" {
        let source = events::income_source();
        event["seller"]["tax_number"] = json!(source.tax_number);
        event["seller"]["income_source"] = json!(source.sequence);
    } else {
        let source = events::general_source();
        event["seller"]["tax_number"] = json!(source.tax_number);
        event["seller"]["income_source"] = json!(source.sequence);
    }
    example
}

async fn by_amqp(channel: &Channel, body: &Value, content_type: &str, attributes: &[(&str, &str)]) {
    let mut headers = FieldTable::default();
    for (name, value) in attributes {
        headers.insert((*name).into(), AMQPValue::LongString((*value).into()));
    }
    let properties = BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type(content_type.into())
        .with_headers(headers);
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let body = body.to_string();
    let confirm =
        channel.basic_publish("".into(), "fawtara.intake".into(), options, body.as_bytes(), properties);
    assert!(confirm.await.unwrap().await.unwrap().is_ack());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn examples_are_taken_by_every_way_and_what_becomes_of_them_is_told() {
    let ground = Ground::shared().await;
    let (url, heard) = receiver().await;
    let secret = std::env::temp_dir().join(format!("fawtara-webhook-{}", uuid::Uuid::new_v4()));
    std::fs::write(&secret, SECRET).unwrap();
    let more = format!(
        "[events]\nexchange = true\nevery_ms = 50\nwebhook_retries_ms = [100, 100]\n\
         [[webhooks]]\nname = \"erp\"\nurl = \"{url}\"\nsecret_file = {:?}\n",
        secret.display().to_string()
    );
    let fleet = FleetProcesses::start(&ground, &Plan { more, ..Plan::default() }).await;
    let connection = Connection::connect(&ground.amqp_url(), Default::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let (none, durable) =
        (FieldTable::default(), QueueDeclareOptions { durable: true, ..Default::default() });
    channel.queue_declare("erp".into(), durable, none.clone()).await.unwrap();
    let (key, bind) = ("jo.fawtara.invoice.#", QueueBindOptions::default());
    channel.queue_bind("erp".into(), "fawtara.events".into(), key.into(), bind, none).await.unwrap();

    // Structured and binary by AMQP; the last one is no CloudEvent of ours.
    let enveloped = example("cloud-event.json");
    let cleared = enveloped["data"]["uuid"].as_str().unwrap().to_owned();
    by_amqp(&channel, &enveloped, "application/cloudevents+json", &[]).await;
    let attributes = |kind| {
        [
            ("cloudEvents:specversion", "1.0"),
            ("cloudEvents_id", "1"),
            ("cloudEvents:source", "/x"),
            ("cloudEvents:type", kind),
        ]
    };
    let second = example("invoice-event-2.json");
    by_amqp(&channel, &second, "application/json", &attributes(TYPE)).await;
    by_amqp(&channel, &events::event(900), "application/json", &attributes("com.example.order")).await;
    // By HTTP every example is taken, or known already.
    for n in 1..=5 {
        let event = example(&format!("invoice-event-{n}.json"));
        let (status, answer) = fleet.publisher().publish_one(0, &event).await;
        assert!(matches!(status, 200 | 202), "example {n}: {status} {answer}");
    }
    let refused = wait::until("the refused envelope", DEADLINE, || async {
        fleet.ledger.refused_intake(9).await.expect("the ledger answers").into_iter().next()
    })
    .await;
    assert_eq!(
        (refused.code.as_str(), refused.number),
        ("envelope", Some("T-000900".to_owned())),
        "{}",
        refused.message
    );

    let messages = wait::until("exchange and webhook to tell of it", DEADLINE, || async {
        let heard = heard.lock().unwrap().clone();
        heard.iter().filter(|(_, body)| body.contains(&cleared)).nth(1).is_some().then_some(heard)
    })
    .await;
    let about: Vec<&Heard> = messages.iter().filter(|(_, body)| body.contains(&cleared)).collect();
    for (headers, body) in &about {
        signed(headers, body);
    }
    let event: Value = serde_json::from_str(&about[0].1).unwrap();
    assert_eq!(event["type"], "jo.fawtara.invoice.cleared.v1", "{event}");
    assert!(event["data"]["qr"].as_str().is_some_and(|qr| !qr.is_empty()), "{event}");

    let announced = wait::until("the exchange to tell of it", DEADLINE, || async {
        let got = channel.basic_get("erp".into(), BasicGetOptions { no_ack: true }).await.unwrap()?;
        let announced: Value = serde_json::from_slice(&got.delivery.data).unwrap();
        (announced["subject"] == cleared).then_some((announced, got.delivery))
    })
    .await;
    assert_eq!(announced.0, event, "the same event by both ways");
    assert_eq!(announced.1.routing_key.as_str(), "jo.fawtara.invoice.cleared.v1");

    let listed = fleet.run(&["webhooks", "list"]).await;
    assert!(listed.status.success() && said(&listed).contains("erp  on"), "{}", said(&listed));
    let tried = fleet.run(&["webhooks", "test", "erp"]).await;
    assert!(tried.status.success() && said(&tried).contains("HTTP 204"), "{}", said(&tried));
    std::fs::remove_file(&secret).unwrap();
    drop(fleet);
    ground.remove().await;
}

/// The signature is what Standard Webhooks says, computed from its description alone.
fn signed(headers: &BTreeMap<String, String>, body: &str) {
    let key = base64::engine::general_purpose::STANDARD.decode(SECRET.trim_start_matches("whsec_")).unwrap();
    let signed = format!("{}.{}.{body}", headers["webhook-id"], headers["webhook-timestamp"]);
    let signature = aws_lc_rs::hmac::sign(
        &aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &key),
        signed.as_bytes(),
    );
    let expected = format!("v1,{}", base64::engine::general_purpose::STANDARD.encode(signature));
    assert_eq!(headers["webhook-signature"], expected);
}
