//! A retailer's publisher: sends events to any producer that answers, and sends again what was not answered.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

/// Publishes over HTTP.
#[derive(Clone)]
pub struct Publisher {
    producers: Vec<String>,
    key: Option<String>,
    http: reqwest::Client,
    next: usize,
}

/// What publishers were told, all in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// 202: new.
    pub taken: u64,
    /// 200: known before.
    pub repeats: u64,
    /// Not answered, or told to come again.
    pub unanswered: u64,
}

/// The most events in one request.
const LINES: usize = 100;

impl Publisher {
    pub(super) fn new(producers: Vec<String>, key: Option<String>) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client");
        Self { producers, key, http, next: 0 }
    }

    /// Publishes in batches until every event has been taken; a batch goes to one producer after the other.
    ///
    /// # Panics
    /// When an event is refused, or not all are taken by the deadline.
    pub async fn publish(&mut self, events: impl IntoIterator<Item = Value>, deadline: Duration) -> Tally {
        let end = Instant::now() + deadline;
        let mut left: VecDeque<String> = events.into_iter().map(|event| event.to_string()).collect();
        let mut tally = Tally::default();
        while !left.is_empty() {
            assert!(Instant::now() < end, "{} events are still not taken after {deadline:?}", left.len());
            let batch: Vec<_> = left.drain(..left.len().min(LINES)).collect();
            let answers = self.send(&batch).await;
            let mut again = Vec::new();
            for (event, answer) in batch.into_iter().zip(answers) {
                match answer.as_ref().and_then(|answer| answer["status"].as_u64()) {
                    Some(202) => tally.taken += 1,
                    Some(200) => tally.repeats += 1,
                    None | Some(429 | 503) => again.push(event),
                    Some(_) => panic!("refused: {answer:?}\n{event}"),
                }
            }
            if !again.is_empty() {
                tally.unanswered += again.len() as u64;
                left.extend(again);
                sleep(Duration::from_millis(50)).await;
            }
        }
        tally
    }

    /// One answer for each line, as far as they came.
    async fn send(&mut self, lines: &[String]) -> Vec<Option<Value>> {
        let producer = &self.producers[self.next % self.producers.len()];
        self.next += 1;
        let mut answers = vec![None; lines.len()];
        let mut request = self.http.post(format!("{producer}/v1/invoices:batch")).body(lines.join("\n"));
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let Ok(mut response) = request.send().await else { return answers };
        let mut text = Vec::new();
        // A producer that dies leaves half an answer: what it has said counts.
        while let Ok(Some(chunk)) = response.chunk().await {
            text.extend_from_slice(&chunk);
        }
        for answer in
            text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        {
            let place = answer["line"].as_u64().and_then(|line| usize::try_from(line).ok()?.checked_sub(1));
            if let Some(slot) = place.and_then(|place| answers.get_mut(place)) {
                *slot = Some(answer);
            }
        }
        answers
    }

    /// Publishes one event to one producer; the HTTP status and the body.
    ///
    /// # Panics
    /// When the producer does not answer.
    pub async fn publish_one(&self, producer: usize, event: &Value) -> (u16, Value) {
        let mut request =
            self.http.post(format!("{}/v1/invoices", self.producers[producer])).body(event.to_string());
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.expect("the producer answers");
        let status = response.status().as_u16();
        (status, serde_json::from_str(&response.text().await.expect("a body")).expect("JSON"))
    }
}
