use broker::{Broker, MemoryBroker, Outgoing, Queue};
use invoice::life::Actor;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::config::Config;
use crate::intake::Intake;
use crate::testing::{event, intake, nobody, until};

fn person(reason: &str) -> Actor {
    Actor { name: "ليلى".to_owned(), reason: reason.to_owned() }
}

async fn gated(broker: Arc<MemoryBroker>) -> Intake {
    let intake = intake(broker);
    let gate = Gate::follow(&intake.ledger, Duration::from_millis(50)).await.unwrap();
    Intake { gate, ..intake }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_taken_while_intake_is_closed() {
    let intake = gated(Arc::new(MemoryBroker::default())).await;
    let arrival = intake.check(event(1).to_string().as_bytes(), None).unwrap();
    let recovery = intake.ledger.recovery();
    assert!(recovery.switch_intake(true, person("استعادة")).await.unwrap());
    until("the gate to close", async || intake.gate.refusal().is_some()).await;
    let answers = intake.take(vec![arrival.clone()]).await.unwrap();
    assert!(
        matches!(&answers[..], [Err(Refused::Closed { reason, .. })] if reason == "استعادة"),
        "{answers:?}"
    );
    assert_eq!(intake.ledger.load(&[arrival.key]).await.unwrap().invoices, [None], "nothing was taken");
    recovery.switch_intake(false, person("انتهينا")).await.unwrap();
    until("the gate to open", async || intake.gate.refusal().is_none()).await;
    assert!(intake.take(vec![arrival]).await.unwrap()[0].is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_closed_intake_leaves_messages_in_their_queue() {
    let broker = Arc::new(MemoryBroker::default());
    let intake = gated(broker.clone()).await;
    let recovery = intake.ledger.recovery();
    recovery.switch_intake(true, person("استعادة")).await.unwrap();
    until("the gate to close", async || intake.gate.refusal().is_some()).await;
    let (shutdown, config) = (CancellationToken::new(), Config::default());
    let (consumer, stop) = (intake.clone(), shutdown.clone());
    let consuming = tokio::spawn(async move { crate::amqp::run(&consumer, &config, &nobody(), &stop).await });
    let publish = async |n| {
        let payload = event(n).to_string().into_bytes().into();
        let sent = broker.publish(vec![Outgoing { queue: Queue::Intake, payload, traceparent: None }]).await;
        assert!(sent.iter().all(Result::is_ok));
    };
    let known = async |n: u64| {
        let key = intake.check(event(n).to_string().as_bytes(), None).unwrap().key;
        intake.ledger.load(&[key]).await.unwrap().invoices[0].is_some()
    };
    publish(1).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(broker.depth(Queue::Intake).await.unwrap(), 1, "it was left alone");
    recovery.switch_intake(false, person("انتهينا")).await.unwrap();
    until("the event to be taken", async || known(1).await).await;
    recovery.switch_intake(true, person("مرة أخرى")).await.unwrap();
    until("the gate to close again", async || intake.gate.refusal().is_some()).await;
    publish(2).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!known(2).await, "it is taken later");
    assert_eq!(broker.depth(Queue::Intake).await.unwrap(), 1, "it stands ready, for whoever opens intake");
    assert!(intake.ledger.refused_intake(10).await.unwrap().is_empty(), "nothing was refused");
    shutdown.cancel();
    consuming.await.unwrap().unwrap();
}
