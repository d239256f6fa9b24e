use std::time::Duration;

use broker::MemoryBroker;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::batcher::Batcher;
use crate::config::Config;
use crate::testing::{intake, until};

/// Room for one request.
fn narrow() -> Arc<Api> {
    let intake = intake(Arc::new(MemoryBroker::default()));
    // Nothing is published here, so nobody drives the batcher.
    let (batcher, _) = Batcher::new(intake.clone(), 4, Duration::ZERO, CancellationToken::new());
    let config = Config { max_requests: 1, batch: 4, ..Config::default() };
    Arc::new(Api::new(intake, batcher, &config, CancellationToken::new()))
}

fn held(api: &Api) -> Held {
    (Room::new(api.enter().unwrap()), Arc::new(api.begin_import().unwrap()))
}

/// No answer is left that could hold anything: the client is gone.
#[tokio::test]
async fn work_holds_its_room_by_itself_and_ends_when_nobody_takes_its_results() {
    let api = narrow();
    let body = Bytes::from(format!("[{}]", vec!["1"; 5_000].join(",")));
    let work = Work {
        caller: Caller::anybody(),
        api: Arc::clone(&api),
        format: Format::Event,
        body,
        trace: None,
        _held: held(&api),
    };
    let (checked, mut results) = mpsc::channel(1);
    let work = spawn_blocking(move || work.check(&checked));
    assert_eq!(results.recv().await.unwrap().len(), 4, "batch by batch");
    assert!(api.enter().is_none() && !work.is_finished());
    drop(results);
    work.await.unwrap();
    until("room", async || api.enter().is_some()).await;
}

/// 1,000 faults in each of many documents are not all in memory at once.
#[tokio::test]
async fn a_batch_ends_early_when_it_is_heavy_with_faults() {
    let api = narrow();
    let lines = vec!["{}"; 600].join(",");
    let document = format!("{{\"InvoiceLines\":[{lines}]}}");
    let body = Bytes::from(format!("[{document},{document},{document}]"));
    let work = Work {
        caller: Caller::anybody(),
        api: Arc::clone(&api),
        format: Format::Post2Tax,
        body,
        trace: None,
        _held: held(&api),
    };
    let (checked, mut results) = mpsc::channel(1);
    spawn_blocking(move || work.check(&checked));
    let mut sizes = Vec::new();
    while let Some(batch) = results.recv().await {
        sizes.push(batch.len());
    }
    assert_eq!(sizes, [1, 1, 1]);
}

#[tokio::test]
async fn answers_that_break_off_say_so() {
    let api = narrow();
    let (_, results) = mpsc::channel(1);
    let work = tokio::spawn(async { panic!("a defect") });
    let _held = held(&api);
    let mut answers = Answers { api, results, work: Some(work), last: 6, _held };
    let last = String::from_utf8(answers.next().await.unwrap()).unwrap();
    assert!(last.contains("unreadable_body") && last.contains("\"line\":7"), "{last}");
    assert!(answers.next().await.is_none());
}
