//! Consumers that are alive and get nothing, although they have room and messages wait. Nobody reports that, so it is looked for;
//! a new link has new channels, and at the end of the old ones RabbitMQ gives back whatever it counted as theirs.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use tokio::time::{sleep, timeout};

use super::link::Link;
use super::slot::Slot;
use super::tap::close_channel;

/// Messages that wait now and so much later, with nothing delivered between, wait for somebody else in vain.
const AGAIN: Duration = Duration::from_secs(5);

/// Rings the link's alarm when one of these has been given nothing for `limit` while messages waited.
pub(super) async fn watch(link: Arc<Link>, slots: Vec<Arc<Slot>>, limit: Duration, patience: Duration) {
    let starves = |slot: &Slot| slot.starves().filter(|time| *time >= limit);
    let hungry: Vec<_> = slots.into_iter().filter(|slot| starves(slot).is_some()).collect();
    for slot in hungry {
        if waiting(&link, &slot.queue, patience).await.unwrap_or(0) == 0 {
            continue;
        }
        sleep(AGAIN).await;
        let count = waiting(&link, &slot.queue, patience).await.unwrap_or(0);
        if let Some(time) = starves(&slot).filter(|_| count > 0) {
            link.alarm.ring(format!(
                "the consumer of {} was given nothing for {} s although {count} messages wait",
                slot.queue,
                time.as_secs()
            ));
            return;
        }
    }
}

/// How many messages wait; none when the broker does not say.
async fn waiting(link: &Link, queue: &str, patience: Duration) -> Option<u32> {
    let passive = QueueDeclareOptions { passive: true, durable: true, ..Default::default() };
    let ask = async {
        let channel = link.consuming.create_channel().await.ok()?;
        let count = channel.queue_declare(queue.into(), passive, FieldTable::default()).await.ok();
        let count = count.map(|queue| queue.message_count());
        close_channel(&channel).await;
        count
    };
    timeout(patience, ask).await.ok().flatten()
}
