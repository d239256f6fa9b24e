use invoice::Environment;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const DOWN: Outcome = Outcome::NotNow { retry_after: None };

fn lane(granted: u32) -> Arc<Lane> {
    let lane = Lane::new("direct https://authority.example".into(), &Config::default(), Arc::default());
    lane.grant(Share { granted, until: Some(Instant::now() + 3_600 * SECOND) });
    Arc::new(lane)
}

fn ended(number: u128, slot: &Slot) -> Ended {
    let key = InvoiceKey { environment: Environment::Simulation, uuid: uuid::Uuid::from_u128(number) };
    let call = Call { started: Instant::now(), latency: Duration::from_millis(200), busy: slot.is_busy() };
    Ended { key, tried_before: None, call }
}

fn enter(lane: &Arc<Lane>) -> Option<Slot> {
    match lane.enter(Instant::now()) {
        Entry::In(slot) => Some(slot),
        Entry::Wait(_) => None,
    }
}

/// As many requests as are let in, all with this outcome; how many that were.
fn round(lane: &Arc<Lane>, outcome: &Outcome) -> usize {
    let mut slots: Vec<_> = std::iter::from_fn(|| enter(lane)).collect();
    for (number, slot) in slots.iter_mut().enumerate() {
        let ended = ended(number as u128, slot);
        slot.end();
        slot.lane().judge(outcome.clone(), &ended, Instant::now());
    }
    slots.len()
}

#[tokio::test(start_paused = true)]
async fn what_is_under_way_keeps_to_the_share_and_to_its_time() {
    let lane = lane(3);
    (0..4).for_each(|_| {
        round(&lane, &Outcome::Refused);
    });
    assert_eq!(round(&lane, &Outcome::Refused), 3, "the pace would allow more");
    let slot = enter(&lane).unwrap();
    assert_eq!((lane.spare(Instant::now()), lane.load().0), (2, 1));
    drop(slot);
    assert_eq!(lane.load().0, 0);
    lane.grant(Share { granted: 3, until: Some(Instant::now() + SECOND) });
    let slot = enter(&lane).unwrap();
    assert!(slot.is_covered(Instant::now()));
    tokio::time::advance(SECOND).await;
    assert!(!slot.is_covered(Instant::now()), "others may have it by the time the answer comes");
    assert!(enter(&lane).is_none());
    assert_eq!(lane.flow(Instant::now()), Flow::Open, "other processes may have a share");
}

#[tokio::test(start_paused = true)]
async fn who_must_go_alone_keeps_nobody_else_away() {
    let lane = lane(0);
    let now = Instant::now();
    for _ in 0..100 {
        assert!(lane.trusted_from(now) > now, "without a share, and before it ever answered");
    }
    assert_eq!(lane.flow(now), Flow::Open, "others are hinted as ever");
}

#[tokio::test(start_paused = true)]
async fn a_pledge_bounds_what_begins_but_never_what_is_under_way() {
    let lane = lane(8);
    (0..6).for_each(|_| {
        round(&lane, &Outcome::Refused);
    });
    let slots: Vec<_> = (0..6).filter_map(|_| enter(&lane)).collect();
    assert_eq!(lane.pledge(4), 6, "what is under way is kept");
    assert_eq!(lane.spare(Instant::now()), 0);
    drop(slots);
    assert_eq!(lane.pledge(4), 4);
    assert_eq!(round(&lane, &Outcome::Refused), 4);
    assert_eq!(lane.pledge(u32::MAX), 4, "more only by the ledger's word");
}

#[tokio::test(start_paused = true)]
async fn one_probe_finds_out_and_one_that_was_not_sent_is_given_back() {
    let lane = lane(64);
    (0..6).for_each(|_| {
        round(&lane, &Outcome::Refused);
    });
    round(&lane, &DOWN);
    assert!(enter(&lane).is_none());
    assert_eq!(lane.flow(Instant::now()), Flow::Closed);
    tokio::time::advance(5 * SECOND).await;
    assert_eq!(lane.flow(Instant::now()), Flow::Probe);
    let unsent = enter(&lane).expect("the probe");
    assert!(enter(&lane).is_none(), "one probe at a time");
    assert_eq!(lane.flow(Instant::now()), Flow::Closed);
    drop(unsent);
    assert_eq!(lane.flow(Instant::now()), Flow::Probe);
    assert_eq!(round(&lane, &Outcome::Refused), 1);
    assert_eq!(lane.flow(Instant::now()), Flow::Open);
    assert_eq!(round(&lane, &Outcome::Refused), 2, "from the least on, twice as many each time");
}

#[tokio::test(start_paused = true)]
async fn who_must_wait_comes_back_one_after_the_other() {
    let lane = lane(64);
    while round(&lane, &DOWN) > 0 {}
    let now = Instant::now();
    let turns: Vec<_> = (0..500)
        .filter_map(|_| match lane.enter(now) {
            Entry::Wait(turn) => Some(turn),
            Entry::In(_) => None,
        })
        .collect();
    assert_eq!(turns.len(), 500);
    let reopens = now + 5 * SECOND;
    assert!(turns.iter().all(|turn| (reopens..=reopens + TURNS_MAX).contains(turn)));
    let first_second = turns.iter().filter(|turn| **turn < reopens + SECOND).count();
    assert!(first_second <= 20, "{first_second} of 500 come back within a second");
    // All 500 turns do not fit: the last ones begin at the front again, and are put off once more if they must.
    let full = self::lane(1);
    let slot = enter(&full);
    assert!(slot.is_some() && full.flow(now) == Flow::Open);
    for _ in 0..50 {
        assert!(enter(&full).is_none());
    }
    assert_eq!(full.flow(now), Flow::Closed, "more than it can send are parked already");
    tokio::time::advance(4 * SECOND).await;
    assert_eq!(full.flow(Instant::now()), Flow::Open);
}
