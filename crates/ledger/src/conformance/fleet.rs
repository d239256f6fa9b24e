//! Shares of what may be under way at an endpoint: together never more than the cap.

use std::sync::Arc;
use std::time::Duration;

use super::Harness;
use super::hands::{eventually, together};
use crate::{Granted, Ledger, ShareRequest};

const HERE: &str = "direct https://authority.example";

fn request(worker: &str, turn: u64) -> ShareRequest {
    ShareRequest {
        endpoint: HERE.to_owned(),
        worker: worker.to_owned(),
        version: "1.2.3".to_owned(),
        turn,
        cap: 10,
        wanted: 64,
        keeps: 0,
        in_flight: 0,
        lasts: Duration::from_secs(3_600),
    }
}

async fn renew(ledger: &dyn Ledger, request: ShareRequest) -> Option<Granted> {
    ledger.fleet().renew(&request).await.unwrap()
}

async fn granted(ledger: &dyn Ledger, request: ShareRequest) -> u32 {
    renew(ledger, request).await.unwrap().granted
}

pub async fn a_newcomer_gets_what_others_leave(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    assert_eq!(renew(ledger, request("b", 1)).await, Some(Granted { granted: 10, fair: 10 }));
    assert_eq!(renew(ledger, request("a", 1)).await, Some(Granted { granted: 0, fair: 5 }));
    let keeps_eight = ShareRequest { keeps: 8, ..request("b", 2) };
    assert_eq!(renew(ledger, keeps_eight).await, Some(Granted { granted: 8, fair: 5 }));
    assert_eq!(granted(ledger, request("a", 2)).await, 2);
    assert_eq!(granted(ledger, request("b", 3)).await, 5, "what is under way has ended");
    assert_eq!(granted(ledger, request("a", 3)).await, 5);
    let modest = ShareRequest { wanted: 1, ..request("a", 4) };
    assert_eq!(granted(ledger, modest).await, 1, "no more than it can use");
}

pub async fn endpoints_are_shared_apart(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let elsewhere =
        ShareRequest { endpoint: "post2tax https://gateway.example".to_owned(), ..request("b", 1) };
    assert_eq!(granted(ledger, request("a", 1)).await, 10);
    assert_eq!(granted(ledger, elsewhere).await, 10);
}

pub async fn who_leaves_gives_everything_back(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    granted(ledger, request("a", 1)).await;
    ledger.fleet().leave("a").await.unwrap();
    ledger.fleet().leave("a").await.unwrap();
    assert_eq!(granted(ledger, request("b", 1)).await, 10);
}

pub async fn a_share_counts_until_it_runs_out(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let brief = ShareRequest { lasts: Duration::from_secs(3), ..request("a", 1) };
    assert_eq!(granted(ledger.as_ref(), brief).await, 10);
    let waiting = renew(ledger.as_ref(), request("b", 1)).await;
    let mut turn = 1;
    eventually("the silent one's share to run out", || {
        turn += 1;
        let (ledger, request) = (Arc::clone(&ledger), request("b", turn));
        async move { (granted(ledger.as_ref(), request).await == 10).then_some(()) }
    })
    .await;
    assert!(waiting.is_some_and(|waiting| waiting.granted == 0), "{waiting:?}");
    let late = ShareRequest { keeps: 10, ..request("a", 2) };
    assert_eq!(granted(ledger.as_ref(), late).await, 0, "what ran out cannot be kept");
}

pub async fn a_renewal_that_comes_late_changes_nothing(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    assert_eq!(granted(ledger, ShareRequest { wanted: 8, ..request("a", 7) }).await, 8);
    for turn in [6, 7] {
        assert_eq!(renew(ledger, ShareRequest { wanted: 1, ..request("a", turn) }).await, None);
    }
    assert_eq!(granted(ledger, request("b", 1)).await, 2);
}

pub async fn shares_are_listed(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    assert_eq!(ledger.fleet().submitters().await.unwrap(), []);
    let before = ledger.now().await.unwrap();
    let second =
        ShareRequest { in_flight: 3, keeps: 4, lasts: Duration::from_secs(65), ..request("أحمد", 1) };
    renew(ledger, second).await;
    renew(ledger, request("a", 1)).await;
    renew(ledger, ShareRequest { lasts: Duration::ZERO, ..request("gone", 1) }).await;
    let after = ledger.now().await.unwrap();
    let listed = ledger.fleet().submitters().await.unwrap();
    let names: Vec<_> = listed.iter().map(|share| share.worker.as_str()).collect();
    assert_eq!(names, ["a", "أحمد"]);
    let share = &listed[1];
    assert_eq!((share.endpoint.as_str(), share.version.as_str()), (HERE, "1.2.3"));
    assert_eq!((share.granted, share.in_flight), (10, 3));
    assert!((before..=after).contains(&share.seen_at));
    assert_eq!((share.until - share.seen_at).num_milliseconds(), 65_000);
}

/// Sixteen processes that renew as fast as they can, each keeping what it may have begun meanwhile: whenever one is asked, all
/// that are granted are within the cap.
pub async fn racing_submitters_never_exceed_the_cap(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let held = together(16, move |worker| {
        let ledger = Arc::clone(&ledger);
        async move {
            let name = format!("worker-{worker:02}");
            let (mut fair, mut own, mut highest) = (u32::MAX, 0, 0);
            for turn in 1..=20 {
                if (turn + worker) % 9 == 0 {
                    ledger.fleet().leave(&name).await.unwrap();
                    (own, fair) = (0, u32::MAX);
                }
                let keeps = own.min(fair);
                let told =
                    renew(ledger.as_ref(), ShareRequest { keeps, ..request(&name, turn) }).await.unwrap();
                (own, fair) = (told.granted, told.fair);
                let all = ledger.fleet().submitters().await.unwrap();
                let sum: u32 = all.iter().map(|share| share.granted).sum();
                assert!(sum <= 10, "{sum}: {all:?}");
                highest = highest.max(own);
            }
            highest
        }
    })
    .await;
    assert!(held.iter().sum::<u32>() >= 10, "nobody was granted anything: this proves nothing: {held:?}");
}
