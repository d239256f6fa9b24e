use std::future::ready;
use std::sync::Mutex;

use broker::{Broker, MemoryBroker};
use bytes::Bytes;

use super::*;

fn key(number: u128) -> InvoiceKey {
    refused(Uuid::from_u128(number))
}

async fn queued(payloads: impl IntoIterator<Item = Bytes>) -> Box<dyn Subscription> {
    let broker = MemoryBroker::default();
    let message = |payload| Outgoing { queue: Queue::DeadLetter, payload, traceparent: None };
    broker.publish(payloads.into_iter().map(message).collect()).await;
    broker.subscribe(Queue::DeadLetter, 1_000).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_stranger_is_cut_and_known_by_the_whole() {
    let large = Bytes::from(vec![b'x'; EVENT_BYTES + 100]);
    let held = queued([large.clone(), Hint::new(key(1), 1).to_bytes()]).await.next_batch(2, QUIET).await;
    let records: Vec<_> = held.iter().filter_map(stranger).collect();
    let [record] = records.as_slice() else { panic!("one is no hint: {}", records.len()) };
    assert_eq!((record.body.len(), record.sha256), (EVENT_BYTES, Digest::of(&large)));
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_kept_keeps_no_other_from_it() {
    let bodies = ["first", "cursed", "last"].map(|body| Bytes::from_static(body.as_bytes()));
    let held = queued(bodies).await.next_batch(3, QUIET).await;
    let kept = Mutex::new(Vec::new());
    let store = |record: RefusedIntake| {
        let cursed = record.body == b"cursed";
        if !cursed {
            kept.lock().unwrap().push(record.body);
        }
        let refused = || LedgerError::Refused("a value that does not fit".to_owned());
        ready(if cursed { Err(refused()) } else { Ok(()) })
    };
    keep(held.iter().filter_map(stranger).collect(), store).await.unwrap();
    assert_eq!(kept.into_inner().unwrap(), [b"first".to_vec(), b"last".to_vec()]);
    let away = |_| ready(Err(LedgerError::Unavailable("restarting".to_owned())));
    let told = keep(held.iter().filter_map(stranger).collect(), away).await;
    assert!(matches!(told, Err(LedgerError::Unavailable(_))), "all of them stay where they are");
}

#[tokio::test(start_paused = true)]
async fn names_are_struck_out_and_what_is_too_much_is_not_compared() {
    let hint = |number| Hint::new(key(number), 3).to_bytes();
    let stranger = Bytes::from_static(b"an intake event");
    let mut missing = BTreeSet::from([key(1), key(2)]);
    let mut queue = queued([hint(1), hint(1), hint(7), stranger.clone()]).await;
    let wrong = strike_out(&mut *queue, 4, &mut missing).await.unwrap();
    assert_eq!(missing, [key(2)].into());
    assert_eq!(wrong, [hint(1), hint(7), stranger].iter().map(|it| Digest::of(it)).collect());
    let large = Bytes::from(vec![b'x'; BYTES_MAX / 4]);
    let mut queue = queued(vec![large; 5]).await;
    assert_eq!(strike_out(&mut *queue, 5, &mut missing).await, None);
}
