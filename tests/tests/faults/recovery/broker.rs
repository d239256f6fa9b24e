//! docs/runbooks/rebuild-queues.md and docs/runbooks/move-rabbitmq.md: the queues are lost, or left behind.

use std::time::Duration;

use broker::{Broker, Ladder, Outgoing, Queue};
use invoice::life::State;
use ledger::Ledger;
use tests::processes::{Fate, FleetProcesses, Plan, RUNGS_MS, hold_promises};
use tests::services::Ground;
use tests::{events, fleet, wait};

use super::{done, kill, signed, start};

const DEADLINE: Duration = Duration::from_secs(120);

fn plan() -> Plan {
    Plan { producers: 1, encoders: 1, submitters: 1, ..Plan::default() }
}

fn ladder() -> Ladder {
    Ladder { rungs_ms: RUNGS_MS.to_vec() }
}

async fn encoded(fleet: &FleetProcesses) -> usize {
    fleet::invoices(&*fleet.ledger).await.values().filter(|invoice| invoice.xml.is_some()).count()
}

/// Nobody sweeps while no submitter runs: what happens is the command's doing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_the_queues_are_rebuilt_from_the_ledger() {
    let ground = Ground::shared().await;
    let mut fleet = FleetProcesses::start(&ground, &plan()).await;
    kill(&mut fleet, &["encoder-1", "submitter-1"]);
    fleet.publisher().publish((0..60).map(events::event), DEADLINE).await;
    let queues = fleet.queues(&ground).await;
    wait::until("the hints of all drafts", DEADLINE, || async {
        (queues.depth(Queue::Draft).await.ok()? == 60).then_some(())
    })
    .await;
    for queue in ladder().queues() {
        queues.purge(queue).await.expect("the queue can be purged");
    }
    let text = done(&fleet, &["requeue", "--all-open", "--dry-run"]).await;
    assert!(text.contains("looked at 60 open invoices: 60 would be hinted for the encoder, 0 for"), "{text}");
    assert_eq!(queues.depth(Queue::Draft).await.expect("the broker answers"), 0, "nothing was hinted");
    let text = done(&fleet, &["requeue", "--all-open", "--rate", "5000"]).await;
    assert!(text.contains("looked at 60 open invoices: 60 hinted for the encoder, 0 for"), "{text}");
    start(&mut fleet, &["encoder-1"]);
    wait::until("everything to be encoded", DEADLINE, || async {
        (encoded(&fleet).await == 60).then_some(())
    })
    .await;
    wait::until("the hints of all documents", DEADLINE, || async {
        (queues.depth(Queue::ToSubmit).await.ok()? == 60).then_some(())
    })
    .await;

    for queue in ladder().queues() {
        queues.purge(queue).await.expect("the queue can be purged");
    }
    let text = done(&fleet, &["requeue", "--all-open", "--state", "draft"]).await;
    assert!(text.contains("looked at 60 open invoices: 0 hinted for the encoder, 60 for"), "{text}");
    assert_eq!(queues.depth(Queue::ToSubmit).await.expect("the broker answers"), 60);
    queues.close().await;
    start(&mut fleet, &["submitter-1"]);
    fleet.settled(60, DEADLINE).await;
    let planned = (0..60).map(|n| (events::uuid(n), Fate::Cleared)).collect();
    hold_promises(&fleet, &ground, &planned).await;
    fleet.all_alive();
    drop(fleet);
    ground.remove().await;
}

/// The intake queue is the one that holds what nobody else has: it is emptied before the old broker is left.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fault_the_fleet_moves_to_another_broker() {
    const ROLES: [&str; 3] = ["producer-1", "encoder-1", "submitter-1"];
    let (ground, elsewhere) = (Ground::shared().await, Ground::shared().await);
    let mut fleet = FleetProcesses::start(&ground, &plan()).await;
    let old = fleet.queues(&ground).await;
    // What is under way: encoded by nobody, sent by nobody; and events that only the old broker's intake queue holds.
    kill(&mut fleet, &["encoder-1", "submitter-1"]);
    fleet.publisher().publish((0..40).map(events::event), DEADLINE).await;
    signed(&fleet, &["intake", "close"]).await;
    let message = |n| Outgoing {
        queue: Queue::Intake,
        payload: events::event(n).to_string().into_bytes().into(),
        traceparent: None,
    };
    wait::until("the producer to leave its queue alone", DEADLINE, || async {
        fleet.logs()["producer-1"].contains("events stay in the intake queue").then_some(())
    })
    .await;
    assert!(old.publish((40..50).map(message).collect()).await.iter().all(Result::is_ok));
    let text = done(&fleet, &["recover", "status"]).await;
    assert!(text.contains("10 events wait in the intake queue"), "{text}");

    // The runbook: the producer empties the old intake queue, then all go over at once.
    signed(&fleet, &["intake", "open"]).await;
    wait::until("the old intake queue to be empty", DEADLINE, || async {
        let text = done(&fleet, &["recover", "status"]).await;
        text.contains("; 0 events wait in the intake queue").then_some(())
    })
    .await;
    wait::until("all events to be in the ledger", DEADLINE, || async {
        let standing = fleet.ledger.standing().await.ok()?;
        (standing.counts.iter().map(|line| line.count).sum::<u64>() == 50).then_some(())
    })
    .await;
    kill(&mut fleet, &ROLES);
    let config = fleet.folder().join("fawtara.toml");
    let text = std::fs::read_to_string(&config).expect("the configuration");
    let moved = text.replace(&ground.amqp_url(), &elsewhere.amqp_url());
    assert_ne!(text, moved);
    std::fs::write(&config, moved).expect("the folder can be written to");
    let text = done(&fleet, &["requeue", "--all-open"]).await;
    assert!(text.contains("looked at 50 open invoices: 50 hinted for the encoder"), "{text}");
    start(&mut fleet, &ROLES);
    fleet.ready().await;
    fleet.settled(50, DEADLINE).await;
    let planned = (0..50).map(|n| (events::uuid(n), Fate::Cleared)).collect();
    hold_promises(&fleet, &elsewhere, &planned).await;
    let all = fleet::invoices(&*fleet.ledger).await;
    assert!(all.values().all(|invoice| invoice.state == State::Cleared));
    old.close().await;
    fleet.all_alive();
    drop(fleet);
    ground.remove().await;
    elsewhere.remove().await;
}
