use super::*;

fn target() -> Target {
    Target::new(&Config { window: 1_000, ..Config::default() })
}

/// Works off `rate` hints a second, with turns every 200 ms and more to come all the time; the depth after each turn.
fn work(target: &mut Target, rate: u64, turns: usize) -> Vec<u64> {
    let mut now = Instant::now();
    let mut depth = 0;
    let mut depths = Vec::new();
    for _ in 0..turns {
        let room = target.room(depth, now);
        if room > 0 {
            target.filled(depth, room, now);
        }
        depth += u64::from(room);
        depths.push(depth);
        depth = depth.saturating_sub(rate / 5);
        now += Duration::from_millis(200);
    }
    depths
}

#[tokio::test(start_paused = true)]
async fn a_queue_holds_half_a_second_of_work() {
    for (rate, held) in [(10, TARGET_MIN), (200, TARGET_MIN), (1_000, 500), (1_600, 800), (10_000, 1_000)] {
        let depths = work(&mut target(), rate, 60);
        let last = &depths[40..];
        let most = *last.iter().max().unwrap();
        assert!(most <= held + held / 10 && most >= held - held / 10, "{most} at {rate} a second");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_start_is_made_up_for() {
    let mut target = target();
    work(&mut target, 20, 60);
    assert_eq!(target.hints, TARGET_MIN);
    let depths = work(&mut target, 4_000, 6);
    assert_eq!(depths.last(), Some(&1_000), "{depths:?}");
}

#[tokio::test(start_paused = true)]
async fn publishers_cannot_keep_it_from_its_queue() {
    let mut target = target();
    assert!(target.room(Window::CLOSES, Instant::now()) > 0);
    assert_eq!(target.room(TARGET_MIN, Instant::now()), 0);
    assert_eq!(target.room(u64::MAX, Instant::now()), 0);
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_its_consumers_does_not_fill_a_queue() {
    let mut target = target();
    work(&mut target, 4_000, 20);
    let depths = work(&mut target, 0, 100);
    assert!(depths.iter().all(|depth| *depth <= 1_000));
    assert_eq!(target.hints, TARGET_MIN, "what does not drain is not topped up");
}

#[test]
fn retries_have_their_share() {
    assert_eq!(share_of(1_000, 25), 250);
    assert_eq!(share_of(3, 25), 1, "never nothing");
    assert_eq!(share_of(10, 0), 1);
    assert_eq!(share_of(10, 100), 10);
    assert_eq!(share_of(0, 25), 0);
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_is_probed_again_however_often_it_is_looked_at() {
    let mut probed = BTreeMap::new();
    let mut hinted = 0;
    for _ in 0..15 {
        let probes = BTreeMap::from([(Arc::from("direct https://istd.test"), ())]);
        hinted += due_for_probe(&mut probed, probes, Instant::now()).len();
        tokio::time::advance(BUSY).await;
    }
    assert_eq!(hinted, 3, "once a second, in three seconds");
}
