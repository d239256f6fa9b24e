//! Waiting times: jitter within its bounds, the same in every replay, and no setting that breaks them.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn wait_ms(policy: &Policy, wait_ms: u64, uuid: u128, attempt: u32) -> i64 {
    let life = Life::draft();
    let key = InvoiceKey { uuid: Uuid::from_u128(uuid), ..life.invoice.key };
    (policy.due(life.now, Duration::from_millis(wait_ms), &key, attempt) - life.now).num_milliseconds()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn jitter_only_adds_and_only_its_share(
        ms in 0_u64..90_000_000,
        uuid in any::<u128>(),
        attempt in any::<u32>(),
        jitter_permille in 0_u32..=1_000,
    ) {
        let policy = Policy { jitter_permille, ..Policy::default() };
        let waited = wait_ms(&policy, ms, uuid, attempt);
        let (least, share) = (i64::try_from(ms).unwrap(), i64::from(jitter_permille));
        prop_assert!((least..=least + least * share / 1_000).contains(&waited), "{waited}");
        prop_assert_eq!(waited, wait_ms(&policy, ms, uuid, attempt), "a replay waits the same");
    }

    #[test]
    fn no_setting_turns_a_wait_into_none(ms in any::<u64>(), jitter_permille in any::<u32>(), uuid in any::<u128>()) {
        let policy = Policy { jitter_permille, ..Policy::default() };
        let year = 366 * 24 * 3_600_000;
        let least = i64::try_from(ms).unwrap_or(year).min(year);
        prop_assert!((least..=year).contains(&wait_ms(&policy, ms, uuid, 1)));
    }
}

#[test]
fn neighbours_and_attempts_do_not_share_their_jitter() {
    let policy = Policy::default();
    let distinct = |waits: Vec<i64>| waits.into_iter().collect::<std::collections::BTreeSet<_>>().len();
    let neighbours = distinct((0..100).map(|n| wait_ms(&policy, 3_600_000, n, 1)).collect());
    let attempts = distinct((0..100).map(|n| wait_ms(&policy, 3_600_000, 7, n)).collect());
    // Of 101 possible shares, 100 draws hit about 64.
    assert!(neighbours > 45 && attempts > 45, "{neighbours} {attempts}");
}

#[test]
fn every_number_is_a_setting() {
    let policy: Policy = serde_json::from_str(
        r#"{"ladder_ms":[1],"plateau_ms":9,"suspect_ms":[],"credentials_ms":3,"crashes_alone":0,"jitter_permille":0}"#,
    )
    .unwrap();
    assert_eq!(
        policy.retry_after_max_ms,
        Policy::default().retry_after_max_ms,
        "what is left out is as designed"
    );
    let mut life = Life { policy, ..Life::encoded() };
    for expected in [1, 9, 9] {
        life.resend();
        life.hear(not_now());
        let waits = life.invoice.due_at.unwrap() - life.now;
        assert_eq!(waits, TimeDelta::milliseconds(expected));
    }
    life.resend();
    let suspect = record(life.invoice.attempt, 1, Outcome::Suspect);
    let names: Vec<_> = life.decide(suspect).unwrap().iter().map(Event::name).collect();
    assert_eq!(names, ["dead_lettered"], "no waits, no second chance");
    life.wait(80);
    let names: Vec<_> = life.decide(start(life.now, 80)).unwrap().iter().map(Event::name).collect();
    assert_eq!(names, ["lease_expired", "dead_lettered"]);
    assert!(serde_json::from_str::<Policy>(r#"{"ladder":[1]}"#).is_err(), "a misspelt setting is told");
}
