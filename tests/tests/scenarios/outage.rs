//! Outages: the authority's, a credential pair's, and the queues'. None of them is an invoice's fault (promise 9).

use std::sync::Arc;

use broker::Queue;
use invoice::IncomeSource;
use invoice::life::State;
use simulator::{FaultRule, Verdict};
use tests::events::{event, general_source};
use tests::faulty::{self, Chaos, Weather};
use tests::fleet::{Fleet, Numbers, Seams, hold_promises, invoices, register, settled};
use tests::life::Life;
use tests::random::Random;
use tokio::time::{Instant, sleep};

use crate::scene::{HOUR, MINUTE, history, key, misbehave, offer, status, when};

/// The hints of all queues together, waiting on their rungs included.
async fn depths(seams: &Seams, numbers: &Numbers) -> u64 {
    let mut sum = 0;
    for queue in numbers.ladder.queues() {
        sum += seams.broker.depth(queue).await.unwrap();
    }
    sum
}

#[tokio::test(start_paused = true)]
async fn ten_hours_without_the_authority_cost_time_and_nothing_else() {
    const COUNT: u64 = 500;
    let numbers = Numbers::real();
    let seams = Seams::memory(&numbers, 21);
    seams.authority.with(|authority| authority.set_down(true));
    let fleet = Fleet::start(&seams, &numbers);
    seams.publish((0..COUNT).map(event)).await;
    let mut deepest = 0;
    for minute in 0..600 {
        sleep(MINUTE).await;
        let standing = seams.ledger.standing().await.unwrap();
        let open: u64 = standing.counts.iter().filter(|it| !it.state.is_settled()).map(|it| it.count).sum();
        let depth = depths(&seams, &numbers).await;
        deepest = deepest.max(depth);
        assert_eq!(open, COUNT, "in minute {minute}");
        assert!(depth * 10 <= open * 11, "{depth} hints for {open} open invoices in minute {minute}");
    }
    assert!(deepest > 0, "nothing was ever hinted: this proves nothing");
    let waiting = invoices(&*seams.ledger).await;
    assert!(waiting.values().all(|it| it.charged == 0 && it.crashes == 0 && it.in_doubt.is_none()));

    seams.authority.with(|authority| authority.set_down(false));
    let back = Instant::now();
    let all = settled(&*seams.ledger, 500, 3 * HOUR).await;
    assert!(all.values().all(|it| it.state == State::Cleared));
    println!("all cleared {:?} after the authority came back; at most {deepest} hints", back.elapsed());
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}

#[tokio::test(start_paused = true)]
async fn hints_that_the_broker_refused_cost_seconds_and_not_an_hour() {
    let numbers = Numbers::real();
    let seams = Seams::memory(&numbers, 29);
    let weather = Weather { hint_refused: 1_000, ..Weather::default() };
    let chaos = Chaos::new(weather, None, Random::new(29));
    let faulty = faulty::over(&seams, &chaos, &Life::new("worker-1", None));
    let fleet = Fleet::start(&faulty, &numbers);
    faulty.publish((0..300).map(event)).await;
    // The connection stands all the time, and no queue takes anything.
    sleep(2 * HOUR).await;
    assert!(invoices(&*seams.ledger).await.values().all(|it| it.xml.is_none()));
    chaos.calm();
    let all = settled(&*seams.ledger, 300, MINUTE).await;
    assert!(all.values().all(|it| it.state == State::Cleared));
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_500_for_all_is_charged_to_nobody() {
    let numbers = Numbers::real();
    let seams = Seams::memory(&numbers, 22);
    let fleet = Fleet::start(&seams, &numbers);
    seams.publish((0..30).map(event)).await;
    settled(&*seams.ledger, 30, HOUR).await;
    // It has worked, and then fails for everybody.
    misbehave(&seams, [FaultRule::always(status(500))]);
    seams.publish((30..90).map(event)).await;
    sleep(5 * HOUR).await;
    let waiting = invoices(&*seams.ledger).await;
    assert!(waiting.values().all(|it| it.state != State::DeadLettered));
    seams.authority.with(simulator::Authority::clear_faults);
    let all = settled(&*seams.ledger, 90, 3 * HOUR).await;
    let mut charged = 0;
    for key in all.keys() {
        let events = history(&seams, *key).await;
        charged += events.iter().filter(|it| format!("{:?}", it.event).contains("Suspect")).count();
    }
    // The first few cannot be known for what they are while others passed a moment ago.
    assert!(charged <= 2, "{charged} were charged");
    assert!(all.values().all(|it| it.state == State::Cleared));
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_pair_stops_its_own_income_source_only() {
    let numbers = Numbers::real();
    let seams = Seams::memory(&numbers, 23);
    let IncomeSource { sequence, .. } = general_source();
    seams.authority.with(|authority| {
        authority.forget_devices();
        register(authority);
        authority.register(simulator::Device {
            client_id: format!("client-{sequence}"),
            secret_key: "another-secret".to_owned(),
            tax_number: "22222222".to_owned(),
            income_source: sequence.clone(),
            family: simulator::Family::General,
            consumer_price: false,
        });
    });
    let fleet = Fleet::start(&seams, &numbers);
    seams.publish((0..40).map(event)).await;
    for n in (0..40).step_by(2) {
        when(&seams, key(n), "the other source to clear", MINUTE, |it| it.state == State::Cleared).await;
    }
    sleep(HOUR).await;
    seams.publish((40..60).map(event)).await;
    sleep(HOUR).await;
    let all = invoices(&*seams.ledger).await;
    for (key, invoice) in &all {
        let stopped = invoice.source == general_source();
        let wanted = if stopped { !invoice.state.is_settled() } else { invoice.state == State::Cleared };
        assert!(wanted && invoice.charged == 0, "{key} is {}", invoice.state);
    }
    let forbidden =
        seams.authority.with(|it| it.record().filter(|it| it.verdict == Verdict::Forbidden).count());
    // What was in flight when it became known, and then one probe each five minutes.
    assert!(forbidden <= 20 + 26, "{forbidden} requests with a pair that is refused");
    seams.authority.with(register);
    let all = settled(&*seams.ledger, 60, HOUR).await;
    assert!(all.values().all(|it| it.state == State::Cleared && it.charged == 0));
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}

#[tokio::test(start_paused = true)]
async fn purging_every_queue_in_mid_run_changes_nothing() {
    let numbers = Numbers::quick();
    let seams = Seams::memory(&numbers, 24);
    seams.authority.with(|it| it.set_latency(simulator::Latency::Uniform { min_ms: 50, max_ms: 400 }));
    misbehave(
        &seams,
        [FaultRule {
            matching: simulator::Match { every: std::num::NonZero::new(4), ..Default::default() },
            times: simulator::Times::PerDocument(1),
            fault: status(503),
        }],
    );
    let fleet = Fleet::start(&seams, &numbers);
    let publishing = tokio::spawn({
        let seams = seams.clone();
        async move {
            for n in 0..200 {
                offer(&seams, &event(n)).await.unwrap();
                sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    });
    let mut purged = 0;
    for _ in 0..40 {
        sleep(std::time::Duration::from_millis(70)).await;
        for queue in numbers.ladder.queues().into_iter().filter(|queue| *queue != Queue::Intake) {
            purged += Arc::clone(&seams.broker).purge(queue).await.unwrap();
        }
    }
    publishing.await.unwrap();
    assert!(purged > 20, "only {purged} hints were lost: this proves little");
    let all = settled(&*seams.ledger, 200, HOUR).await;
    assert!(all.values().all(|it| it.state == State::Cleared && it.charged == 0));
    hold_promises(&seams, &all).await;
    fleet.stop().await;
}
