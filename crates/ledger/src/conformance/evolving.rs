//! Every event there is, one after the other: what is stored must be what the events say.

use std::collections::BTreeSet;
use std::sync::Arc;

use invoice::InvoiceKey;
use invoice::life::{Command, Evidence, Outcome, RequeueMode, State};

use super::Harness;
use super::arrivals::{amended, arrival};
use super::hands::{
    Numbering, accept_one, act, actor, assert_folds, cleared, drafts, encode_with, encoded, evidence, record,
    refuse, requeue, start, start_and_vanish, start_at_last, start_at_last_and_vanish,
};
use crate::{EncodeOutcome, Ledger};

/// Every field of the state, through every event: stored as it was decided, and again as the events say.
pub async fn state_and_events_agree_through_every_event(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    let (walked, answered, adopted, abandoned, hopeless) =
        (arrival(1).key, arrival(2).key, arrival(3).key, arrival(4).key, arrival(5).key);
    let mut seen = BTreeSet::new();

    // Unfit, amended, encoded; released, deferred, doubted, silent; accepted without QR, refused: a contradiction.
    drafts(ledger, [1]).await;
    let unfit = Numbering { unfit: [walked.uuid].into(), ..Numbering::default() };
    let outcomes = ledger.encode(vec![walked], Arc::new(unfit)).await.unwrap();
    assert!(matches!(outcomes[..], [EncodeOutcome::Unfit(_)]));
    check(ledger, walked, State::Rejected, &mut seen).await;
    accept_one(ledger, amended(1, 1, Some(1))).await;
    check(ledger, walked, State::Draft, &mut seen).await;
    encode_with(ledger, vec![walked], Numbering::default()).await;
    start(ledger, walked).await;
    check(ledger, walked, State::Submitted, &mut seen).await;
    let now = ledger.now().await.unwrap();
    act(ledger, walked, Command::Release { attempt: 1, due_at: now }).await;
    check(ledger, walked, State::PendingRetry, &mut seen).await;
    for outcome in
        [Outcome::Suspect, Outcome::NotNow { retry_after: None }, Outcome::Credentials, Outcome::InDoubt]
    {
        start_at_last(ledger, walked).await;
        record(ledger, walked, outcome, "لم يصل رد — 503").await;
        check(ledger, walked, State::PendingRetry, &mut seen).await;
    }
    let silent = start_at_last_and_vanish(ledger, walked).await;
    let next = start_at_last(ledger, walked).await;
    assert_eq!((next.attempt, next.in_doubt, next.crashes), (silent.attempt + 1, Some(silent.attempt), 1));
    check(ledger, walked, State::Submitted, &mut seen).await;
    let late = Command::Record {
        attempt: silent.attempt,
        document: 2,
        outcome: Outcome::Refused,
        evidence: Evidence { http_status: None, ..evidence("late") },
    };
    act(ledger, walked, late).await;
    check(ledger, walked, State::Submitted, &mut seen).await;
    record(ledger, walked, Outcome::AcceptedWithoutQr, "SUBMITTED").await;
    check(ledger, walked, State::PendingRetry, &mut seen).await;
    start_at_last(ledger, walked).await;
    record(ledger, walked, Outcome::Refused, "مرفوضة").await;
    check(ledger, walked, State::DeadLettered, &mut seen).await;
    act(ledger, walked, requeue(RequeueMode::SameBytes)).await;
    check(ledger, walked, State::PendingRetry, &mut seen).await;

    // Cleared, with everything that an answer may carry.
    encoded(ledger, [2, 3, 4, 5]).await;
    start(ledger, answered).await;
    let outcome = Outcome::Cleared {
        qr: "AQ5\u{645}\u{62a}\u{62c}\u{631}".to_owned(),
        already: true,
        note: Some("المستند المعاد غير مقروء".to_owned()),
        signed: Some(arrival(2).content),
    };
    record(ledger, answered, outcome, "ALREADY_SUBMITTED").await;
    check(ledger, answered, State::Cleared, &mut seen).await;

    // Refused, encoded anew, another document there: adopted.
    refuse(ledger, adopted).await;
    check(ledger, adopted, State::Rejected, &mut seen).await;
    act(ledger, adopted, requeue(RequeueMode::Reencode)).await;
    check(ledger, adopted, State::Draft, &mut seen).await;
    encode_with(ledger, vec![adopted], Numbering { settings: "rate='16'", ..Numbering::default() }).await;
    start(ledger, adopted).await;
    let other = Outcome::HoldsOther {
        qr: Some("QR-B".to_owned()), difference: "المجموع مختلف".to_owned()
    };
    record(ledger, adopted, other, "ALREADY_SUBMITTED").await;
    check(ledger, adopted, State::DeadLettered, &mut seen).await;
    act(ledger, adopted, Command::Adopt { qr: "QR-B".to_owned(), by: actor("نفس البيع") }).await;
    check(ledger, adopted, State::Cleared, &mut seen).await;

    // Abandoned, and cleared all the same by an answer that came late.
    start_and_vanish(ledger, abandoned).await;
    start_at_last(ledger, abandoned).await;
    record(ledger, abandoned, Outcome::Refused, "مرفوضة").await;
    act(ledger, abandoned, Command::Abandon { by: actor("ألغي البيع") }).await;
    check(ledger, abandoned, State::Abandoned, &mut seen).await;
    let late =
        Command::Record { attempt: 1, document: 1, outcome: cleared("QR"), evidence: evidence("SUBMITTED") };
    act(ledger, abandoned, late).await;
    check(ledger, abandoned, State::Cleared, &mut seen).await;

    // One that kills its workers.
    let mut invoice = start_and_vanish(ledger, hopeless).await;
    while invoice.state == State::Submitted {
        invoice = start_at_last_and_vanish(ledger, hopeless).await;
    }
    check(ledger, hopeless, State::DeadLettered, &mut seen).await;

    let all = [
        "abandoned",
        "accepted",
        "adopted",
        "amended",
        "claim_released",
        "cleared",
        "dead_lettered",
        "deferred",
        "doubted",
        "encoded",
        "found_unfit",
        "late_answer",
        "lease_expired",
        "qr_outstanding",
        "refused",
        "requeued",
        "submission_started",
    ];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
    assert_eq!(ledger.verify().await.unwrap().violations, []);
}

async fn check(ledger: &dyn Ledger, key: InvoiceKey, state: State, seen: &mut BTreeSet<&'static str>) {
    let (invoice, history) = assert_folds(ledger, key).await;
    assert_eq!(invoice.state, state);
    seen.extend(history.iter().map(|recorded| recorded.event.name()));
}
