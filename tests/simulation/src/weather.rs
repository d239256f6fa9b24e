//! What kind of storm a seed draws: how often what goes wrong, and with which numbers the roles meet it.

use simulator::{Authority, Fault, FaultRule, Latency, Match, Times};
use tests::faulty::Weather;
use tests::fleet::Numbers;
use tests::random::Random;

use crate::plan::{self, Fate, Plan};

pub(crate) fn weather(random: &mut Random, drafts_arrive: bool) -> Weather {
    let often = |random: &mut Random, levels: &[u64]| *random.pick(levels);
    Weather {
        ledger_before: often(random, &[0, 20, 80]),
        ledger_after: often(random, &[0, 20, 80]),
        ledger_slow: often(random, &[0, 100, 400]),
        slow_ms: often(random, &[5, 40]),
        ledger_stall: often(random, &[0, 5, 25]),
        stall_ms: 9_000,
        ledger_refuses: often(random, &[0, 0, 50]),
        channel_cut: often(random, &[0, 10, 60]),
        request_late: often(random, &[0, 0, 20]),
        hint_lost: often(random, &[0, 50, 200]),
        hint_twice: often(random, &[0, 100, 300]),
        hint_late: often(random, &[0, 100, 300]),
        late_ms: often(random, &[20, 2_000]),
        hint_unconfirmed: often(random, &[0, 50]),
        hint_refused: often(random, &[0, 50]),
        shuffled: often(random, &[0, 300]),
        drafts_arrive,
    }
}

pub(crate) fn numbers(random: &mut Random) -> Numbers {
    let mut numbers = Numbers::quick();
    numbers.submitter.lease_margin_ms = 3_000;
    // Longer than it takes to fill the dead-letter queue anew, as in production.
    numbers.submitter.survey_every_ms = 3_000;
    numbers.submitter.max_in_flight = *random.pick(&[1, 4, 16]);
    numbers.submitter.batch = *random.pick(&[1, 4, 16]);
    numbers.encoder.batch = *random.pick(&[1, 3, 16]);
    numbers.encoder.prefetch = *random.pick(&[1, 8, 64]);
    numbers.policy.original_wait_ms = *random.pick(&[2_500, 20_000]);
    numbers
}

pub(crate) fn misbehave(authority: &mut Authority, random: &mut Random, plan: &Plan) {
    let suspect = Match { number_prefix: Some(plan::SUSPECT.to_owned()), ..Match::default() };
    let status = |code, retry_after_s, processed| Fault::Status { code, retry_after_s, processed };
    let down = status(500, None, false);
    authority.add_fault(FaultRule { matching: suspect, times: Times::Always, fault: down.clone() });
    let processed = random.chance(500);
    let mut faults = vec![
        status(503, None, processed),
        status(502, None, !processed),
        status(429, Some(1), false),
        status(403, None, false),
        status(302, None, processed),
        down,
        Fault::InnerError,
        Fault::Garbage { processed },
        Fault::Html { processed: !processed },
        Fault::Empty { processed },
        Fault::DropBefore,
        Fault::DropAfter,
        Fault::Late { delay_ms: 1_500 },
        Fault::WithoutQr,
        Fault::OtherDocument,
        Fault::OtherNumber("رقم آخر".to_owned()),
    ];
    // An acceptance that does not show its document is believed: whose it is could not be seen then.
    if !plan.has(Fate::Taken) {
        faults.push(Fault::WithoutDocument);
    }
    for fault in faults {
        let chance_permille = Some(*random.pick(&[0, 5, 20, 60]));
        let matching = Match { chance_permille, ..Match::default() };
        authority.add_fault(FaultRule { matching, times: Times::Always, fault });
    }
    authority.set_latency(*random.pick(&[
        Latency::None,
        Latency::Uniform { min_ms: 0, max_ms: 200 },
        Latency::Percentiles { p50_ms: 60, p99_ms: 900 },
    ]));
}
