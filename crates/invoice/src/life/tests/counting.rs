//! What counts against an invoice, and how long it waits: the design's table, line by line.

use std::time::Duration;

use super::*;

const LADDER: [i64; 9] = [5, 30, 120, 240, 480, 960, 1_920, 3_600, 3_600];

/// The waits after each of these, one after the other.
fn waits(life: &mut Life, outcome: &Outcome, times: usize) -> Vec<i64> {
    (0..times)
        .map(|_| {
            life.resend();
            life.hear(outcome.clone());
            life.put_off()
        })
        .collect()
}

#[test]
fn outage_doubt_and_fetching_climb_the_ladder_uncharged() {
    for outcome in [not_now(), Outcome::InDoubt, Outcome::AcceptedWithoutQr] {
        let mut life = Life::encoded();
        assert_eq!(waits(&mut life, &outcome, LADDER.len()), LADDER, "{outcome:?}");
        assert_eq!((life.invoice.charged, life.invoice.state), (0, State::PendingRetry));
    }
}

#[test]
fn doubt_and_fetching_begin_at_the_foot_however_long_the_outage_was() {
    for outcome in [Outcome::InDoubt, Outcome::AcceptedWithoutQr] {
        let mut life = Life::encoded();
        waits(&mut life, &not_now(), 10);
        assert_eq!(waits(&mut life, &outcome, 3), [5, 30, 120], "{outcome:?}");
    }
    // But they do not begin anew by taking turns.
    let mut life = Life::encoded();
    waits(&mut life, &Outcome::AcceptedWithoutQr, 4);
    let turns = [Outcome::InDoubt, Outcome::AcceptedWithoutQr, Outcome::InDoubt, not_now()];
    let waited: Vec<_> = turns.iter().flat_map(|outcome| waits(&mut life, outcome, 1)).collect();
    assert_eq!(waited, [480, 960, 1_920, 3_600]);
}

#[test]
fn a_suspect_is_dead_lettered_after_the_first_send_and_five_more() {
    let mut life = Life::encoded();
    assert_eq!(waits(&mut life, &Outcome::Suspect, 5), [120, 240, 480, 960, 1_920]);
    assert_eq!(life.invoice.charged, 5);
    life.resend();
    assert_eq!(life.hear(Outcome::Suspect), ["dead_lettered"]);
    assert_eq!(
        (life.invoice.attempt, life.invoice.charged, life.invoice.cause),
        (6, 6, Some(Cause::Suspect))
    );
}

#[test]
fn what_is_not_its_fault_leaves_the_charge_as_it_is() {
    let mut life = Life::encoded();
    waits(&mut life, &Outcome::Suspect, 3);
    for outcome in [not_now(), Outcome::Credentials, Outcome::InDoubt] {
        waits(&mut life, &outcome, 50);
        assert_eq!((life.invoice.charged, life.invoice.state), (3, State::PendingRetry), "{outcome:?}");
    }
    assert_eq!(waits(&mut life, &Outcome::Suspect, 2), [960, 1_920]);
}

#[test]
fn credentials_wait_their_own_time() {
    assert_eq!(waits(&mut Life::encoded(), &Outcome::Credentials, 4), [300; 4]);
}

#[test]
fn retry_after_is_obeyed_within_reason() {
    let asked = |seconds| Outcome::NotNow { retry_after: Some(Duration::from_secs(seconds)) };
    for (seconds, waited) in [(0, 5), (4, 5), (6, 6), (90, 90), (86_400, 86_400), (u64::MAX, 86_400)] {
        assert_eq!(waits(&mut Life::encoded(), &asked(seconds), 1), [waited], "{seconds}");
    }
    // The ladder is never undercut.
    let mut life = Life::encoded();
    waits(&mut life, &not_now(), 3);
    assert_eq!(waits(&mut life, &asked(10), 1), [240]);
}

#[test]
fn after_one_silence_alone_and_after_three_alone_to_a_person() {
    let mut life = Life::submitted();
    for crashes in 1..=3 {
        assert_eq!(life.crash(), ["lease_expired", "submission_started"]);
        assert_eq!(life.invoice.crashes, crashes);
    }
    assert_eq!(life.crash(), ["lease_expired", "dead_lettered"]);
    let Invoice { attempt, crashes, charged, cause, .. } = life.invoice;
    assert_eq!((attempt, crashes, charged, cause), (4, 4, 0, Some(Cause::KillsWorker)));
    assert_eq!(life.stands(), (State::DeadLettered, Some(4), false), "it may have been sent");
}

#[test]
fn silence_counts_in_a_row() {
    for outcome in
        [not_now(), Outcome::InDoubt, Outcome::Suspect, Outcome::Credentials, Outcome::AcceptedWithoutQr]
    {
        let mut life = Life::submitted();
        life.crash();
        life.crash();
        life.hear(outcome.clone());
        assert_eq!(life.invoice.crashes, 0, "its worker lived to tell: {outcome:?}");
    }
    let mut life = Life::submitted();
    life.crash();
    life.act(Command::Release { attempt: 2, due_at: life.now });
    assert_eq!(life.invoice.crashes, 1, "given back unsent says nothing: still alone");
}

#[test]
fn ten_hours_of_outage_cost_nothing() {
    let mut life = Life::encoded();
    let end = life.now + TimeDelta::hours(10);
    while life.now < end {
        life.resend();
        life.hear(not_now());
    }
    assert_eq!((life.invoice.state, life.invoice.charged), (State::PendingRetry, 0));
    assert!(life.invoice.attempt < 20, "{}", life.invoice.attempt);
}
