use proptest::prelude::*;

use super::*;

const QUICK: Duration = Duration::from_millis(200);

fn pace(max: u16) -> Pace {
    Pace::new(PaceConfig::default(), max)
}

/// One round trip: as many requests as are allowed, all answered after `latency`. Gives how many that were.
fn round(pace: &mut Pace, now: &mut Instant, latency: Duration) -> u32 {
    let (allowed, started) = (pace.limit(), *now);
    *now += latency;
    (0..allowed).for_each(|_| pace.succeed(Call { started, latency, busy: true }, *now));
    allowed
}

#[tokio::test(start_paused = true)]
async fn it_doubles_to_half_of_what_was_borne_before_an_outage_and_then_grows_by_one() {
    let (mut pace, mut now) = (pace(64), Instant::now());
    let before: Vec<u32> = (0..8).map(|_| round(&mut pace, &mut now, QUICK)).collect();
    assert_eq!(before, [1, 2, 4, 8, 16, 32, 64, 64]);
    pace.collapse(now);
    let after: Vec<u32> = (0..9).map(|_| round(&mut pace, &mut now, QUICK)).collect();
    assert_eq!(after, [1, 2, 4, 8, 16, 32, 32, 33, 34]);
}

#[tokio::test(start_paused = true)]
async fn a_round_trip_of_failures_is_one_decrease() {
    let (mut pace, mut now) = (pace(64), Instant::now());
    (0..7).for_each(|_| {
        round(&mut pace, &mut now, QUICK);
    });
    let sent = now;
    for after_ms in [200, 210, 400] {
        pace.fail(sent, sent + Duration::from_millis(after_ms));
        assert_eq!(pace.limit(), 44, "0.7 of 64, once");
    }
    pace.fail(sent + QUICK, sent + 3 * QUICK);
    assert_eq!(pace.limit(), 31, "what was sent after it is news");
    let late = Call { started: sent, latency: QUICK, busy: true };
    pace.succeed(late, sent + 4 * QUICK);
    assert_eq!(pace.limit(), 31, "what was sent before it proves nothing");
}

#[tokio::test(start_paused = true)]
async fn latency_well_above_the_usual_is_a_sign_of_overload() {
    let (mut pace, mut now) = (pace(32), Instant::now());
    (0..20).for_each(|_| {
        round(&mut pace, &mut now, QUICK);
    });
    assert_eq!(pace.limit(), 32);
    // One slow document among many says nothing.
    let started = now;
    for slow in 0..40 {
        let latency = if slow % 10 == 0 { Duration::from_secs(20) } else { QUICK };
        pace.succeed(Call { started, latency, busy: true }, now);
    }
    assert_eq!(pace.limit(), 32);
    round(&mut pace, &mut now, Duration::from_secs(2));
    assert_eq!(pace.limit(), 22);
    // Slower for good: after five minutes it is what is usual.
    for _ in 0..600 {
        round(&mut pace, &mut now, Duration::from_secs(2));
    }
    assert_eq!(pace.limit(), 32);
}

#[tokio::test(start_paused = true)]
async fn what_was_never_tried_is_not_allowed() {
    let (mut pace, now) = (pace(64), Instant::now());
    for _ in 0..1_000 {
        pace.succeed(Call { started: now, latency: QUICK, busy: false }, now);
    }
    assert_eq!(pace.limit(), 1);
}

#[derive(Debug, Clone)]
enum Step {
    Succeed { age_ms: u64, latency_ms: u64, busy: bool },
    Fail { age_ms: u64 },
    Collapse,
    Wait { ms: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let success = (0..60_000_u64, 0..60_000_u64, any::<bool>());
    prop_oneof![
        6 => success.prop_map(|(age_ms, latency_ms, busy)| Step::Succeed { age_ms, latency_ms, busy }),
        2 => (0..60_000_u64).prop_map(|age_ms| Step::Fail { age_ms }),
        1 => Just(Step::Collapse),
        2 => (0..120_000_u64).prop_map(|ms| Step::Wait { ms }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever happens: within its bounds, never more than one up for one answer, never down twice for what was sent before
    /// the first time, and no memory that grows.
    #[test]
    fn it_stays_within_its_bounds(
        min in 0..20_u16,
        max in 0..100_u16,
        decrease_permille in 0..2_000_u16,
        latency_factor in 0..10_u16,
        steps in proptest::collection::vec(step(), 0..400),
    ) {
        let config = PaceConfig { min, decrease_permille, latency_factor, ..PaceConfig::default() };
        let mut pace = Pace::new(config, max);
        let epoch = Instant::now();
        let mut now = epoch + Duration::from_secs(100);
        let mut lowered = epoch;
        let most = u32::from(max.max(1));
        let least = u32::from(min.max(1)).min(most);
        for step in steps {
            let before = pace.limit();
            match step {
                Step::Succeed { age_ms, latency_ms, busy } => {
                    let started = now.checked_sub(Duration::from_millis(age_ms)).unwrap_or(epoch);
                    pace.succeed(Call { started, latency: Duration::from_millis(latency_ms), busy }, now);
                    prop_assert!(pace.limit() <= before + 1);
                    prop_assert!(busy || pace.limit() <= before);
                    prop_assert!(started >= lowered || pace.limit() == before);
                }
                Step::Fail { age_ms } => {
                    let started = now.checked_sub(Duration::from_millis(age_ms)).unwrap_or(epoch);
                    pace.fail(started, now);
                    prop_assert!(pace.limit() <= before);
                    prop_assert!(started >= lowered || pace.limit() == before);
                    if started >= lowered {
                        lowered = now;
                    }
                }
                Step::Collapse => {
                    pace.collapse(now);
                    prop_assert_eq!(pace.limit(), least);
                    lowered = now;
                }
                Step::Wait { ms } => now += Duration::from_millis(ms),
            }
            if pace.limit() < before {
                lowered = now;
            }
            prop_assert!((least..=most).contains(&pace.limit()));
            prop_assert!(pace.latencies.window.len() < WINDOW && pace.latencies.stretches.len() <= STRETCHES);
        }
    }
}
