//! What others are to be told: every settlement once noted, told in order, given up by nobody but a person's rule.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use invoice::InvoiceKey;
use invoice::life::{Cause, Command, RequeueMode, State};
use uuid::Uuid;

use super::Harness;
use super::arrivals::{amended, arrival};
use super::hands::{
    Numbering, accept_one, act, actor, clear, drafts, encode_with, encoded, eventually, load, refuse,
    requeue, start, together,
};
use crate::{Attempted, Delivery, EncodeOutcome, Ledger, NewDelivery, Notice, OutboxStanding, Which};

const LEASE: Duration = Duration::from_secs(3600);
/// Over before anybody can look.
const NO_LEASE: Duration = Duration::ZERO;

async fn claim(ledger: &dyn Ledger, lease: Duration) -> Vec<Notice> {
    ledger.outbox().claim_notices(100, lease).await.unwrap()
}

fn name(notice: &Notice) -> (InvoiceKey, u32) {
    (notice.key, notice.version)
}

/// A message about the `n`-th invoice.
fn message(webhook: &str, n: u64, version: u32) -> NewDelivery {
    NewDelivery {
        webhook: webhook.to_owned(),
        key: arrival(n).key,
        version,
        id: Uuid::from_u128(u128::from(n) << 32 | u128::from(version)),
        event_type: "jo.fawtara.invoice.cleared.v1".to_owned(),
        at: "2026-11-22T08:00:00Z".parse::<invoice::Timestamp>().unwrap()
            + TimeDelta::minutes(i64::from(version)),
        body: format!(r#"{{"رقم":{n}}}"#),
    }
}

async fn hand_over(ledger: &dyn Ledger, messages: Vec<NewDelivery>) {
    ledger.outbox().settle_notices(&[], messages).await.unwrap();
}

async fn due(ledger: &dyn Ledger, webhook: &str, lease: Duration) -> Vec<Delivery> {
    ledger.outbox().claim_deliveries(webhook, 100, lease).await.unwrap()
}

fn versions(deliveries: &[Delivery]) -> Vec<u32> {
    deliveries.iter().map(|delivery| delivery.message.version).collect()
}

fn unheard(again_in: Option<Duration>) -> Attempted {
    Attempted::Unheard { again_in, status: Some(500), error: "مشغول".to_owned() }
}

pub async fn every_settlement_is_noted_once(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_noting().await;
    let ledger = ledger.as_ref();
    encoded(ledger, [1, 2]).await;
    drafts(ledger, [3, 4]).await;
    assert_eq!(claim(ledger, NO_LEASE).await, [], "nothing has settled yet");
    let cleared = clear(ledger, arrival(1).key).await;
    let refused = refuse(ledger, arrival(2).key).await;
    act(ledger, arrival(3).key, Command::Abandon { by: actor("مكررة") }).await;
    let unfit = Numbering { unfit: [arrival(4).key.uuid].into(), ..Numbering::default() };
    let outcome = ledger.encode(vec![arrival(4).key], Arc::new(unfit)).await.unwrap().remove(0);
    assert!(matches!(outcome, EncodeOutcome::Unfit(_)), "{outcome:?}");

    let mut notices = claim(ledger, LEASE).await;
    notices.sort_by_key(|notice| notice.key);
    let mut keys: Vec<_> = (1..=4).map(|n| arrival(n).key).collect();
    keys.sort_unstable();
    assert_eq!(notices.iter().map(|notice| notice.key).collect::<Vec<_>>(), keys);
    let of = |n: u64| notices.iter().find(|notice| notice.key == arrival(n).key).unwrap();
    let states: Vec<_> = (1..=4).map(|n| of(n).state).collect();
    assert_eq!(states, [State::Cleared, State::Rejected, State::Abandoned, State::Rejected]);
    let told = of(1);
    assert_eq!((told.version, told.at, told.document), (cleared.version, cleared.updated_at, 1));
    assert_eq!((told.icv, told.qr.as_deref(), told.cause), (cleared.icv, Some("QR"), None));
    let arrived = arrival(1);
    assert_eq!((&told.source, &told.number), (&arrived.source, &arrived.number));
    assert_eq!((told.payable, &told.currency), (arrived.summary.payable, &arrived.summary.currency));
    assert_eq!((told.kind, &told.traceparent), (arrived.summary.kind, &arrived.traceparent));
    let told = of(2);
    assert_eq!((told.cause, told.message.clone()), (Some(Cause::Refused), refused.message));
    assert_eq!((told.codes.as_slice(), told.qr.as_deref()), (["XSD_1".to_owned()].as_slice(), None));
    assert_eq!(of(4).cause, Some(Cause::Unfit));
    assert_eq!(claim(ledger, LEASE).await, [], "somebody holds them");
}

pub async fn nothing_is_noted_when_nobody_asks(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, [1]).await;
    clear(ledger, arrival(1).key).await;
    assert_eq!(claim(ledger, NO_LEASE).await, []);
    assert_eq!(ledger.outbox().outbox_standing().await.unwrap(), OutboxStanding::default());
}

pub async fn what_was_not_told_comes_again_until_it_was(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_noting().await;
    let ledger = ledger.as_ref();
    encoded(ledger, [1, 2, 3]).await;
    for n in 1..=3 {
        clear(ledger, arrival(n).key).await;
    }
    let standing = ledger.outbox().outbox_standing().await.unwrap();
    assert_eq!(standing.notices, 3);
    assert_eq!(standing.oldest, Some(load(ledger, arrival(1).key).await.updated_at));
    let first = claim(ledger, NO_LEASE).await;
    assert_eq!(first.len(), 3);
    let again = eventually("the lease to run out", || async {
        let again = claim(ledger, NO_LEASE).await;
        (again.len() == 3).then_some(again)
    })
    .await;
    let told: Vec<_> = again.iter().take(2).map(name).collect();
    ledger.outbox().settle_notices(&told, Vec::new()).await.unwrap();
    let last = eventually("the third one", || async {
        let last = claim(ledger, NO_LEASE).await;
        (!last.is_empty()).then_some(last)
    })
    .await;
    assert_eq!(last.iter().map(name).collect::<Vec<_>>(), [name(&again[2])]);
    ledger.outbox().settle_notices(&told, Vec::new()).await.unwrap();
    assert_eq!(ledger.outbox().claim_notices(1, LEASE).await.unwrap().len(), 1, "telling twice is harmless");
}

pub async fn an_invoice_is_told_of_in_order(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_noting().await;
    let ledger = ledger.as_ref();
    let key = encoded(ledger, [1]).await.remove(0).key;
    let refused = refuse(ledger, key).await;
    accept_one(ledger, amended(1, 1, Some(1))).await;
    encode_with(ledger, vec![key], Numbering::default()).await;
    let cleared = clear(ledger, key).await;
    let held = claim(ledger, LEASE).await;
    assert_eq!(held.iter().map(name).collect::<Vec<_>>(), [(key, refused.version)], "the earliest alone");
    assert_eq!(claim(ledger, LEASE).await, [], "the later one waits for it");
    ledger.outbox().settle_notices(&[(key, refused.version)], Vec::new()).await.unwrap();
    let next = claim(ledger, LEASE).await;
    assert_eq!(next.iter().map(name).collect::<Vec<_>>(), [(key, cleared.version)]);
    assert_eq!((next[0].document, next[0].state), (2, State::Cleared));
}

pub async fn a_second_rest_in_the_same_place_is_told_again(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_noting().await;
    let ledger = ledger.as_ref();
    let key = encoded(ledger, [1]).await.remove(0).key;
    refuse(ledger, key).await;
    act(ledger, key, requeue(RequeueMode::SameBytes)).await;
    start(ledger, key).await;
    super::hands::record(ledger, key, invoice::life::Outcome::Refused, "مرفوضة ثانية").await;
    assert_eq!(ledger.outbox().outbox_standing().await.unwrap().notices, 2);
}

pub async fn dispatchers_share_the_notices(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_noting().await;
    encoded(ledger.as_ref(), 0..40).await;
    for n in 0..40 {
        clear(ledger.as_ref(), arrival(n).key).await;
    }
    let claims = together(4, |_| {
        let ledger = Arc::clone(&ledger);
        async move {
            let mut mine = Vec::new();
            loop {
                let claimed = ledger.outbox().claim_notices(3, LEASE).await.unwrap();
                if claimed.is_empty() {
                    return mine;
                }
                mine.extend(claimed.iter().map(name));
            }
        }
    })
    .await;
    let mut all: Vec<_> = claims.concat();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!((count, all.len()), (40, 40), "each exactly once");
}

pub async fn deliveries_replace_their_notice(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_noting().await;
    let ledger = ledger.as_ref();
    encoded(ledger, [1]).await;
    let version = clear(ledger, arrival(1).key).await.version;
    claim(ledger, NO_LEASE).await;
    let messages = vec![message("erp", 1, version), message("shop", 1, version)];
    let outbox = ledger.outbox();
    for _ in 0..2 {
        outbox.settle_notices(&[(arrival(1).key, version)], messages.clone()).await.unwrap();
    }
    let standing = outbox.outbox_standing().await.unwrap();
    assert_eq!(standing.notices, 0);
    let waiting: Vec<_> =
        standing.webhooks.iter().map(|w| (w.webhook.as_str(), w.waiting, w.failed)).collect();
    assert_eq!(waiting, [("erp", 1, 0), ("shop", 1, 0)], "handed over twice, kept once");
    assert_eq!(standing.webhooks[0].oldest, Some(messages[0].at));
    let taken = due(ledger, "erp", LEASE).await;
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].message, messages[0]);
    assert_eq!((taken[0].attempts, &taken[0].last_error), (0, &None));
    assert_eq!(due(ledger, "erp", LEASE).await, [], "somebody holds it");
    outbox.record_deliveries(vec![(taken[0].clone(), Attempted::Heard)]).await.unwrap();
    assert_eq!(outbox.deliveries(&Which::default(), 10).await.unwrap().len(), 1);
    // Recorded twice, as after an answer of the ledger that was lost.
    outbox.record_deliveries(vec![(taken[0].clone(), unheard(None))]).await.unwrap();
    assert_eq!(outbox.deliveries(&Which::default(), 10).await.unwrap().len(), 1);
}

pub async fn a_failed_delivery_waits_and_is_given_up_at_last(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_noting().await;
    let ledger = ledger.as_ref();
    let outbox = ledger.outbox();
    hand_over(ledger, vec![message("erp", 1, 3)]).await;
    let first = due(ledger, "erp", NO_LEASE).await.remove(0);
    outbox.record_deliveries(vec![(first, unheard(Some(LEASE)))]).await.unwrap();
    assert_eq!(due(ledger, "erp", LEASE).await, [], "not before its time");
    let kept = outbox.deliveries(&Which::default(), 10).await.unwrap().remove(0);
    assert_eq!((kept.attempts, kept.last_status), (1, Some(500)));
    assert_eq!(kept.last_error.as_deref(), Some("مشغول"));
    assert!(kept.due_at.is_some());
    outbox.record_deliveries(vec![(kept, unheard(None))]).await.unwrap();
    let failed = Which { failed: true, ..Which::default() };
    let given_up = outbox.deliveries(&failed, 10).await.unwrap().remove(0);
    assert_eq!((given_up.attempts, given_up.due_at), (2, None));
    assert_eq!(outbox.outbox_standing().await.unwrap().webhooks[0].failed, 1);
    assert_eq!(due(ledger, "erp", LEASE).await, []);
    // A person has it sent again.
    let other = Which { webhook: Some("shop".to_owned()), ..failed.clone() };
    assert_eq!(outbox.resend(&other, actor("x")).await.unwrap(), 0);
    assert_eq!(outbox.resend(&failed, actor("عاد النظام")).await.unwrap(), 1);
    let again = due(ledger, "erp", LEASE).await.remove(0);
    assert_eq!((again.attempts, again.asked), (0, Some(actor("عاد النظام"))));
}

pub async fn a_first_attempt_waits_for_those_before_it(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_noting().await;
    let ledger = ledger.as_ref();
    hand_over(ledger, vec![message("erp", 1, 5), message("erp", 1, 3), message("shop", 1, 5)]).await;
    let first = due(ledger, "erp", LEASE).await;
    assert_eq!(versions(&first), [3]);
    assert_eq!(versions(&due(ledger, "shop", LEASE).await), [5], "another webhook is another matter");
    assert_eq!(due(ledger, "erp", LEASE).await, []);
    // Once tried in vain it holds nobody up.
    let attempted = first.into_iter().map(|delivery| (delivery, unheard(Some(LEASE)))).collect();
    ledger.outbox().record_deliveries(attempted).await.unwrap();
    assert_eq!(versions(&due(ledger, "erp", LEASE).await), [5]);
}

pub async fn nothing_goes_to_a_webhook_that_is_off(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_noting().await;
    let ledger = ledger.as_ref();
    let outbox = ledger.outbox();
    hand_over(ledger, vec![message("erp", 1, 3)]).await;
    assert!(!outbox.switch_webhook("erp", false, Some("ليلى"), "كان يعمل").await.unwrap(), "it was on");
    assert!(outbox.switch_webhook("erp", true, None, "410 Gone").await.unwrap());
    assert!(!outbox.switch_webhook("erp", true, None, "410 Gone").await.unwrap(), "it was off already");
    assert_eq!(due(ledger, "erp", NO_LEASE).await, []);
    let standing = outbox.outbox_standing().await.unwrap().webhooks.remove(0);
    assert_eq!((standing.waiting, standing.off.map(|(_, reason)| reason)), (1, Some("410 Gone".to_owned())));
    assert!(outbox.switch_webhook("erp", false, Some("ليلى"), "عاد").await.unwrap());
    assert_eq!(due(ledger, "erp", NO_LEASE).await.len(), 1, "what came meanwhile was kept");
    assert_eq!(outbox.outbox_standing().await.unwrap().webhooks[0].off, None);
}

pub async fn deliveries_are_chosen_and_forgotten(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh_noting().await;
    let ledger = ledger.as_ref();
    let outbox = ledger.outbox();
    let messages: Vec<_> = [("erp", 1, 2), ("erp", 2, 4), ("shop", 1, 2)]
        .into_iter()
        .map(|(webhook, n, version)| message(webhook, n, version))
        .collect();
    hand_over(ledger, messages.clone()).await;
    let count = async |which: Which| outbox.deliveries(&which, 10).await.unwrap().len();
    assert_eq!(count(Which::default()).await, 3);
    assert_eq!(outbox.deliveries(&Which::default(), 2).await.unwrap().len(), 2);
    assert_eq!(count(Which { webhook: Some("erp".to_owned()), ..Which::default() }).await, 2);
    assert_eq!(count(Which { id: Some(messages[0].id), ..Which::default() }).await, 2);
    assert_eq!(count(Which { failed: true, ..Which::default() }).await, 0);
    assert_eq!(outbox.forget_deliveries(messages[1].at).await.unwrap(), 2);
    assert_eq!(count(Which::default()).await, 1);
}
