//! One bad invoice harms only itself (promise 14).

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use invoice::life::{Cause, OutcomeKind, State};
use jofotara::{Exchange, HttpRequest, Transport};
use serde_json::json;
use tests::events::event;
use tests::faulty::{self, Chaos, Weather};
use tests::fleet::{Numbers, Seams, hold_promises, settled};
use tests::life::Life;
use tests::random::Random;
use tokio_util::sync::CancellationToken;

use crate::scene::{HOUR, key};

/// A road on which the process dies with the one document that is large.
struct Deadly {
    inner: Arc<dyn Transport>,
    life: Life,
}

/// Larger than any other document of the story, as Base64.
const LARGE: usize = 8_000;

#[async_trait]
impl Transport for Deadly {
    async fn exchange(&self, request: HttpRequest) -> Exchange {
        if request.body().len() > LARGE {
            self.life.kill();
        }
        self.life.step().await;
        self.inner.exchange(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn an_invoice_that_kills_its_workers_is_taken_out_after_four_and_its_neighbours_clear() {
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 41);
    seams.authority.with(|it| it.set_latency(simulator::Latency::Uniform { min_ms: 10, max_ms: 200 }));
    let chaos = Chaos::new(Weather::default(), None, Random::new(41));
    let stop = CancellationToken::new();
    let encoding = tokio::spawn({
        let (encoder, stop) = (seams.encoder(&numbers), stop.clone());
        async move { encoder.run(stop).await.unwrap() }
    });
    let submitting = tokio::spawn({
        let (seams, numbers, stop) = (seams.clone(), numbers.clone(), stop.clone());
        async move {
            let mut deaths = 0;
            while !stop.is_cancelled() {
                let life = Life::new(format!("submitter-{deaths}"), None);
                let mut mortal = faulty::over(&seams, &chaos, &life);
                mortal.transport = Arc::new(Deadly { inner: mortal.transport, life: life.clone() });
                let submitter = mortal.submitter(&numbers, life.name());
                let mut work = tokio::spawn(submitter.run(stop.clone()));
                tokio::select! {
                    biased;
                    () = life.died() => {
                        deaths += 1;
                        work.abort();
                    }
                    end = &mut work => end.unwrap().unwrap(),
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            deaths
        }
    });
    let mut poison = event(7);
    poison["lines"] = (0..20)
        .map(|n| {
            let mut line = poison["lines"][0].clone();
            line["name"] = json!(format!("سمّ {n}"));
            line
        })
        .collect();
    let others = (0..40).filter(|n| *n != 7).map(event);
    seams.publish(others.chain([poison])).await;
    let all = settled(&*seams.ledger, 40, HOUR).await;
    stop.cancel();
    assert_eq!(submitting.await.unwrap(), 4, "one death in company and three alone");
    encoding.await.unwrap();

    let invoice = &all[&key(7)];
    assert_eq!((invoice.state, invoice.cause), (State::DeadLettered, Some(Cause::KillsWorker)));
    assert_eq!((invoice.attempt, invoice.charged), (4, 0));
    let attempts = seams.ledger.attempts(key(7)).await.unwrap();
    assert!(attempts.iter().all(|attempt| attempt.outcome == OutcomeKind::Crashed), "{attempts:?}");
    for (other, invoice) in all.iter().filter(|(other, _)| **other != key(7)) {
        assert_eq!((invoice.state, invoice.charged), (State::Cleared, 0), "{other}");
    }
    hold_promises(&seams, &all).await;
}
