//! The one suite that both adapters must pass, so that they cannot drift apart. For tests only; it knows nothing of any
//! adapter.
//!
//! A test file of an adapter says `broker::conformance_suite!(MyHarness::new().await);` and gets one test for each case.
//! No case steers the clock: what needs time to pass uses a short ladder, and waits with a deadline.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    missing_docs,
    reason = "a test suite: it fails by panicking, each case is handed its own harness, and its name is its document"
)]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, timeout_at};

use crate::{Broker, Delivery, Ladder, Outgoing, Queue, Subscription};

pub mod closing;
pub mod consuming;
pub mod publishing;
pub mod settling;
pub mod waiting;

/// After so long nothing more is to be expected of a broker that works.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// What an adapter brings to be tested.
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// An empty broker that nobody else uses, with these waits.
    async fn fresh_with(&self, ladder: Ladder) -> Arc<dyn Broker>;

    /// An empty broker that nobody else uses, whose rungs wait 300 ms and three seconds.
    async fn fresh(&self) -> Arc<dyn Broker> {
        self.fresh_with(Ladder { rungs_ms: vec![300, 3_000] }).await
    }

    /// Called once after the case, also when it failed: removes what [`Harness::fresh_with`] made.
    async fn finish(&self) {}
}

/// Runs one case, lets the harness clean up, and then fails if the case did.
///
/// # Panics
/// When the case does.
pub async fn check<C, F>(harness: impl Harness, case: C)
where
    C: FnOnce(Arc<dyn Broker>) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let ended = tokio::spawn(case(harness.fresh().await)).await;
    harness.finish().await;
    if let Err(error) = ended {
        std::panic::resume_unwind(error.into_panic());
    }
}

/// A message with this text.
#[must_use]
pub fn outgoing(queue: Queue, text: impl Into<String>) -> Outgoing {
    Outgoing { queue, payload: text.into().into(), traceparent: None }
}

/// The numbers as texts, Arabic ones among them.
#[must_use]
pub fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("فاتورة {number}")).collect()
}

/// Publishes texts, all of which must arrive.
///
/// # Panics
/// When one does not.
pub async fn publish(broker: &dyn Broker, queue: Queue, texts: &[String]) {
    let batch = texts.iter().map(|text| outgoing(queue, text)).collect();
    let results = broker.publish(batch).await;
    assert_eq!(results.len(), texts.len());
    for result in results {
        assert_eq!(result, Ok(()));
    }
}

/// Takes so many deliveries, in as many batches as it needs.
///
/// # Panics
/// When they do not come in time.
pub async fn take(subscription: &mut dyn Subscription, count: usize) -> Vec<Delivery> {
    let deadline = Instant::now() + DEADLINE;
    let mut taken = Vec::new();
    while taken.len() < count {
        let more = subscription.next_batch(count - taken.len(), Duration::ZERO);
        let Ok(batch) = timeout_at(deadline, more).await else {
            panic!("only {} of {count} deliveries came: {:?}", taken.len(), texts(&taken));
        };
        assert!(!batch.is_empty(), "the subscription has ended");
        taken.extend(batch);
    }
    taken
}

/// Nothing comes for a short while.
///
/// # Panics
/// When something does.
pub async fn nothing(subscription: &mut dyn Subscription) {
    let waited =
        tokio::time::timeout(Duration::from_millis(250), subscription.next_batch(100, Duration::ZERO));
    if let Ok(batch) = waited.await {
        panic!("nothing was to come, but {:?} did", texts(&batch));
    }
}

/// What the deliveries say.
#[must_use]
pub fn texts(deliveries: &[Delivery]) -> Vec<String> {
    deliveries.iter().map(|it| String::from_utf8_lossy(&it.payload).into_owned()).collect()
}

/// Waits until so many messages are ready in a queue.
///
/// # Panics
/// When that does not happen in time.
pub async fn depth(broker: &dyn Broker, queue: Queue, expected: u64) {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let depth = broker.depth(queue).await;
        if depth == Ok(expected) {
            return;
        }
        assert!(Instant::now() < deadline, "the depth of {queue:?} is {depth:?}, not {expected}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// One `#[tokio::test]` for each case of the suite, in a module for each subject. The expression gives a
/// [`conformance::Harness`](crate::conformance::Harness); it is evaluated once for each test, inside an `async fn`.
#[macro_export]
macro_rules! conformance_suite {
    ($harness:expr) => {
        $crate::conformance_cases! { $harness;
            publishing {
                keeps_the_order_of_a_batch,
                carries_text_and_headers,
                carries_no_trace_that_is_none,
                carries_large_and_empty_payloads,
                publishes_thousands_at_once,
                announcements_need_no_listener,
                an_empty_batch_has_no_results,
                an_unknown_rung_is_unroutable_and_harms_no_other,
                publishers_do_not_disturb_one_another,
            }
            consuming {
                a_batch_has_at_most_its_maximum,
                a_batch_gathers_until_it_is_full,
                a_batch_lingers_no_longer_than_told,
                a_full_prefetch_ends_the_linger,
                the_prefetch_bounds_what_is_unsettled,
                a_cancelled_wait_loses_nothing,
                competing_consumers_take_each_message_once,
                a_rung_is_not_for_consuming,
            }
            settling {
                what_is_acknowledged_is_gone,
                what_is_requeued_comes_again_in_its_place,
                a_delivery_is_settled_once,
                a_batch_is_settled_as_a_whole,
                a_batch_with_holes_is_settled_around_them,
                acknowledging_through_spares_what_follows,
                a_dropped_subscription_gives_back_what_is_unsettled,
                a_closed_subscription_gives_back_what_is_unsettled,
            }
            waiting {
                a_rung_releases_after_its_wait_and_not_before,
                a_long_rung_does_not_block_a_short_one,
                a_rung_keeps_order_and_trace,
                what_waits_is_counted_and_purged,
                purging_leaves_what_is_delivered,
            }
            closing {
                closing_ends_every_wait,
                a_closed_broker_refuses,
            }
        }
    };
}

/// The machinery behind [`conformance_suite!`].
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_cases {
    ($harness:expr; $($subject:ident { $($case:ident),* $(,)? })*) => { $(
        mod $subject {
            #[allow(unused_imports, reason = "the harness may stand beside the suite, or be named by its full path")]
            use super::*;
            $(
                #[::tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    $crate::conformance::check($harness, $crate::conformance::$subject::$case).await;
                }
            )*
        }
    )* };
}
