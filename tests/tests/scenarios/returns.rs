//! A return follows its invoice (promise 10), told from the publisher's event to the authority's record.

use std::sync::Arc;
use std::time::Duration;

use invoice::life::{Cause, Command, Invoice, RequeueMode, State, WaitReason};
use ledger::DocumentKind;
use serde_json::{Value, json};
use simulator::{Fault, Times, Verdict};
use tests::events::{event, uuid};
use tests::fleet::{Fleet, Numbers, Seams};

use crate::scene::{MINUTE, amending, key, look, misbehave, offer, repriced, rule, salma, seen, when, wish};

/// A return of the `original`-th event, under the `n`-th UUID and number.
fn return_of(n: u64, original: u64, lines: Value) -> Value {
    let mut back = event(n);
    let sold = event(original);
    let sale = back.as_object_mut().unwrap();
    for member in ["family", "payment", "lines"] {
        sale.remove(member);
    }
    back["seller"] = sold["seller"].clone();
    back["kind"] = json!("return");
    back["original"] = json!({ "uuid": uuid(original), "reason": "بضاعة تالفة" });
    if !lines.is_null() {
        back["lines"] = lines;
    }
    back
}

fn all_of(n: u64, original: u64) -> Value {
    return_of(n, original, Value::Null)
}

fn part_of(n: u64, original: u64, quantity: &str) -> Value {
    return_of(n, original, json!([{ "id": 1, "quantity": quantity }]))
}

fn refusal() -> Fault {
    Fault::Refuse { message: "الرقم الضريبي غير صحيح".to_owned(), status: None }
}

struct Story {
    numbers: Numbers,
    seams: Seams,
    fleet: Fleet,
}

impl Story {
    /// Patient enough that only a hint, not the sweeper, can be what releases a return in time.
    fn begin(seed: u64) -> Self {
        let mut numbers = Numbers::quick();
        numbers.schedule.pause_max_ms = 3_600_000;
        Self::with(numbers, seed)
    }

    fn with(numbers: Numbers, seed: u64) -> Self {
        let seams = Seams::memory(&numbers, seed);
        let fleet = Fleet::start(&seams, &numbers);
        Self { numbers, seams, fleet }
    }

    async fn publish(&self, event: &Value) {
        assert!(offer(&self.seams, event).await.unwrap().new);
    }

    async fn is(&self, n: u64, state: State) -> Invoice {
        when(&self.seams, key(n), state.as_str(), MINUTE, |invoice| invoice.state == state).await
    }

    async fn waits(&self, n: u64, reason: WaitReason) -> Invoice {
        let waits =
            |invoice: &Invoice| invoice.waiting.as_ref().is_some_and(|waiting| waiting.reason == reason);
        when(&self.seams, key(n), reason.as_str(), MINUTE, waits).await
    }

    async fn end(self, streams: u64) {
        self.fleet.stop().await;
        let verification = self.seams.ledger.verify().await.unwrap();
        assert_eq!((verification.violations, verification.streams), (Vec::new(), streams));
    }
}

#[tokio::test(start_paused = true)]
async fn a_return_that_comes_before_its_invoice_waits_and_clears_the_moment_that_clears() {
    let story = Story::begin(71);
    story.publish(&all_of(11, 1)).await;
    let waiting = story.waits(11, WaitReason::Unknown).await;
    assert_eq!(waiting.state, State::Draft);
    story.publish(&event(1)).await;
    let original = story.is(1, State::Cleared).await;
    let back = story.is(11, State::Cleared).await;
    assert!(back.updated_at - original.updated_at < chrono::TimeDelta::seconds(5), "released, not swept");
    assert_eq!((original.icv, back.icv), (Some(1), Some(2)), "who waits takes no number");
    let entry = seen(&story.seams, key(11)).pop().unwrap();
    assert_eq!((entry.verdict, entry.number.as_str()), (Verdict::Submitted, "T-000011"));
    let sent = async |n| {
        let found = story.seams.ledger.documents(&[(key(n), 1, DocumentKind::Sent)]).await.unwrap().remove(0);
        String::from_utf8(found.unwrap().bytes).unwrap()
    };
    let buyer = |xml: &str| {
        let start = xml.find("<cac:AccountingCustomerParty>").unwrap();
        xml[start..xml.find("</cac:AccountingCustomerParty>").unwrap()].to_owned()
    };
    let (sale, back) = (sent(1).await, sent(11).await);
    assert_eq!(buyer(&back), buyer(&sale), "the buyer's block, byte for byte");
    assert!(back.contains(">381<") && back.contains("بضاعة تالفة"));
    story.end(2).await;
}

#[tokio::test(start_paused = true)]
async fn an_invoice_that_is_refused_and_mended_releases_its_return() {
    let story = Story::begin(72);
    misbehave(&story.seams, [rule("T-000001", Times::Total(1), refusal())]);
    story.publish(&event(1)).await;
    story.publish(&all_of(11, 1)).await;
    story.is(1, State::Rejected).await;
    story.waits(11, WaitReason::Rejected).await;
    story.publish(&amending(repriced(event(1), "4.000"), 1)).await;
    story.is(1, State::Cleared).await;
    story.is(11, State::Cleared).await;
    let xml =
        story.seams.ledger.documents(&[(key(11), 1, DocumentKind::Sent)]).await.unwrap().remove(0).unwrap();
    assert!(String::from_utf8(xml.bytes).unwrap().contains(">4.000<"), "the version that was cleared");
    story.end(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_return_of_an_abandoned_invoice_is_rejected() {
    let story = Story::begin(73);
    misbehave(&story.seams, [rule("T-000001", Times::Always, refusal())]);
    story.publish(&event(1)).await;
    story.publish(&all_of(11, 1)).await;
    story.waits(11, WaitReason::Rejected).await;
    let desk = console::Console {
        ledger: story.seams.ledger.clone(),
        broker: story.seams.broker.clone(),
        policy: story.numbers.policy.clone(),
        registrations: Arc::default(),
    };
    desk.abandon(key(1), &salma()).await.unwrap();
    let rejected = story.is(11, State::Rejected).await;
    assert_eq!((rejected.cause, rejected.icv), (Some(Cause::Unfit), None));
    assert!(rejected.message.unwrap().contains("abandoned"));
    story.end(2).await;
}

#[tokio::test(start_paused = true)]
async fn an_invoice_that_never_comes_leaves_its_return_to_a_person() {
    let mut numbers = Numbers::quick();
    numbers.policy.original_wait_ms = 20_000;
    let story = Story::with(numbers, 74);
    story.publish(&all_of(11, 1)).await;
    story.waits(11, WaitReason::Unknown).await;
    let given_up = story.is(11, State::DeadLettered).await;
    assert_eq!(given_up.cause, Some(Cause::OriginalUnknown));
    let waited = given_up.updated_at - given_up.accepted_at;
    assert!(waited >= chrono::TimeDelta::seconds(20) && waited < chrono::TimeDelta::seconds(30), "{waited}");
    // It comes after all, and a person sends the return again.
    story.publish(&event(1)).await;
    story.is(1, State::Cleared).await;
    wish(
        &story.seams,
        &story.numbers,
        key(11),
        Command::Requeue { mode: RequeueMode::SameBytes, by: salma() },
    )
    .await
    .unwrap();
    story.is(11, State::Cleared).await;
    story.end(2).await;
}

#[tokio::test(start_paused = true)]
async fn partial_returns_clear_until_everything_has_come_back() {
    let story = Story::begin(75);
    let mut sale = event(1);
    sale["lines"][0]["quantity"] = json!("7");
    sale["lines"][0]["discount"] = json!("1");
    story.publish(&sale).await;
    story.is(1, State::Cleared).await;
    for n in 11..17 {
        story.publish(&part_of(n, 1, "1")).await;
        story.is(n, State::Cleared).await;
    }
    let mut by_number = all_of(17, 1);
    by_number["original"] = json!({ "number": "T-000001", "reason": "بضاعة تالفة" });
    story.publish(&by_number).await;
    story.is(17, State::Cleared).await;
    story.publish(&part_of(18, 1, "0.000000001")).await;
    let rejected = story.is(18, State::Rejected).await;
    assert!(rejected.message.unwrap().contains("more_than_left"));
    story.publish(&all_of(19, 1)).await;
    assert!(story.is(19, State::Rejected).await.message.unwrap().contains("nothing_left"));
    story.end(10).await;
}

#[tokio::test(start_paused = true)]
async fn returns_that_come_together_never_take_back_more_than_was_sold() {
    let story = Story::begin(76);
    for n in 11..31 {
        story.publish(&part_of(n, 1, "0.3")).await;
    }
    story.publish(&event(1)).await;
    story.is(1, State::Cleared).await;
    let mut cleared = 0;
    for n in 11..31 {
        let ended = when(&story.seams, key(n), "settled", MINUTE, |invoice| invoice.state.is_settled()).await;
        assert!(ended.state == State::Cleared || ended.cause == Some(Cause::Unfit), "{ended:?}");
        cleared += u32::from(ended.state == State::Cleared);
    }
    assert_eq!(cleared, 6, "of 2 sold, 0.3 at a time");
    assert!(
        story
            .seams
            .authority
            .with(|authority| authority.record().all(|entry| entry.verdict == Verdict::Submitted))
    );
    story.end(21).await;
}

#[tokio::test(start_paused = true)]
async fn what_a_return_states_otherwise_than_its_invoice_is_refused() {
    let story = Story::begin(77);
    story.publish(&event(1)).await;
    story.is(1, State::Cleared).await;
    let mut wrong = return_of(11, 1, json!([{ "id": 1, "quantity": "1", "unit_price": "3" }]));
    wrong["currency"] = json!("USD");
    story.publish(&wrong).await;
    let rejected = story.is(11, State::Rejected).await;
    let message = rejected.message.unwrap();
    assert!(
        message.contains("currency: USD is stated") && message.contains("lines[0].unit_price"),
        "{message}"
    );
    assert!(seen(&story.seams, key(11)).is_empty(), "never sent");
    story.publish(&amending(part_of(11, 1, "1"), 1)).await;
    story.is(11, State::Cleared).await;
    story.end(2).await;
}

/// Cleared before this ledger began: the first return tells what it was.
#[tokio::test(start_paused = true)]
async fn an_invoice_from_before_our_time_comes_back_in_parts() {
    let story = Story::begin(78);
    // Another fleet clears it; this one never hears of it.
    let before = Seams { ledger: Seams::memory(&story.numbers, 0).ledger, ..story.seams.clone() };
    let old = Fleet::start(&before, &story.numbers);
    let sale = event(1);
    assert!(offer(&before, &sale).await.unwrap().new);
    when(&before, key(1), "cleared", MINUTE, |invoice| invoice.state == State::Cleared).await;
    old.stop().await;

    let mut told = part_of(11, 1, "0.5");
    told["family"] = sale["family"].clone();
    told["payment"] = sale["payment"].clone();
    told["original"]["number"] = sale["number"].clone();
    told["original"]["lines"] = json!([{
        "id": 1, "name": sale["lines"][0]["name"], "quantity": "2", "unit_price": "3.250", "discount": "0.5",
        "tax": sale["lines"][0]["tax"],
    }]);
    story.publish(&told).await;
    story.is(11, State::Cleared).await;
    let mut rest = all_of(12, 1);
    rest["original"] = json!({ "number": sale["number"], "reason": "إلغاء البيع" });
    story.publish(&rest).await;
    story.is(12, State::Cleared).await;
    story.publish(&part_of(13, 1, "1")).await;
    assert!(story.is(13, State::Rejected).await.message.unwrap().contains("more_than_left"));
    story.end(3).await;
}

/// What was adopted is what comes back, though we had sent something else.
#[tokio::test(start_paused = true)]
async fn an_adopted_invoice_comes_back_as_the_authority_holds_it() {
    let story = Story::begin(79);
    let before = Seams { ledger: Seams::memory(&story.numbers, 0).ledger, ..story.seams.clone() };
    let old = Fleet::start(&before, &story.numbers);
    assert!(offer(&before, &repriced(event(1), "2.000")).await.unwrap().new);
    when(&before, key(1), "cleared", MINUTE, |invoice| invoice.state == State::Cleared).await;
    old.stop().await;
    story.publish(&event(1)).await;
    let held = story.is(1, State::DeadLettered).await;
    assert_eq!(held.cause, Some(Cause::AuthorityHoldsOther));
    story.publish(&all_of(11, 1)).await;
    story.waits(11, WaitReason::DeadLettered).await;
    let desk = console::Console {
        ledger: story.seams.ledger.clone(),
        broker: story.seams.broker.clone(),
        policy: story.numbers.policy.clone(),
        registrations: Arc::default(),
    };
    desk.adopt(key(1), &salma()).await.unwrap();
    story.is(11, State::Cleared).await;
    let xml =
        story.seams.ledger.documents(&[(key(11), 1, DocumentKind::Sent)]).await.unwrap().remove(0).unwrap();
    assert!(String::from_utf8(xml.bytes).unwrap().contains(">2.000<"), "the price that the authority holds");
    assert_eq!(look(&story.seams, key(1)).await.state, State::Cleared);
    tokio::time::sleep(Duration::from_millis(1)).await;
    story.end(2).await;
}
