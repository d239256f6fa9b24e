//! The queues themselves: who gets which message next, and where it goes when it comes back. It knows no future and
//! waits for nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::gather::{Sight, after};
use crate::queue::DELIVERY_LIMIT;
use crate::{Announcement, BrokerError, Ladder, Outgoing, PublishError, Queue, is_traceparent};

/// How many announcements are kept to be looked at.
const ANNOUNCED_MAX: usize = 1_000;

/// A message somewhere in the broker.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) payload: Bytes,
    pub(super) traceparent: Option<String>,
    pub(super) user_id: Option<String>,
    /// How often it was delivered and came back.
    pub(super) returned: u32,
}

/// A queue that can be consumed.
#[derive(Default)]
struct Line {
    /// By number: what comes back takes its old place.
    ready: BTreeMap<u64, Message>,
    /// The consumers, the next one to be served first.
    turns: VecDeque<u64>,
}

/// A subscription, seen from the queue.
struct Consumer {
    queue: Queue,
    prefetch: usize,
    /// Changes when the broker restarts: what was delivered before is stale.
    generation: u64,
    last_tag: u64,
    /// Delivered and unsettled, by tag, with their number in the queue.
    unsettled: BTreeMap<u64, (u64, Message)>,
    /// Those of them that were not yet handed out.
    buffer: VecDeque<u64>,
    wake: Arc<Notify>,
}

/// A delivery on its way out: generation, tag, message.
pub(super) type Handed = (u64, u64, Message);

/// Everything.
pub(super) struct State {
    ladder: Ladder,
    lines: BTreeMap<Queue, Line>,
    rungs: Vec<VecDeque<(Instant, Message)>>,
    consumers: BTreeMap<u64, Consumer>,
    last_number: u64,
    /// Nobody can bind a queue here: the last ones are kept to be looked at.
    announced: VecDeque<Announcement>,
    restarts: u64,
    closed: bool,
}

impl State {
    pub(super) fn new(ladder: Ladder) -> Self {
        let lines = [Queue::Intake, Queue::Draft, Queue::ToSubmit, Queue::DeadLetter];
        let rungs = ladder.rungs_ms.iter().map(|_| VecDeque::new()).collect();
        Self {
            ladder,
            lines: lines.into_iter().map(|queue| (queue, Line::default())).collect(),
            rungs,
            consumers: BTreeMap::new(),
            last_number: 0,
            announced: VecDeque::new(),
            restarts: 0,
            closed: false,
        }
    }

    fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    pub(super) fn restarts(&self) -> u64 {
        self.restarts
    }

    pub(super) fn check_open(&self) -> Result<(), BrokerError> {
        if self.closed { Err(BrokerError::closed()) } else { Ok(()) }
    }

    pub(super) fn check_consumable(&self, queue: Queue) -> Result<(), BrokerError> {
        if self.lines.contains_key(&queue) { Ok(()) } else { Err(BrokerError::not_consumable(queue)) }
    }

    pub(super) fn publish(
        &mut self,
        batch: Vec<Outgoing>,
        user_id: Option<&str>,
        now: Instant,
    ) -> Vec<Result<(), PublishError>> {
        let results = batch.into_iter().map(|outgoing| self.publish_one(outgoing, user_id, now)).collect();
        self.dispatch_all();
        results
    }

    fn publish_one(
        &mut self,
        outgoing: Outgoing,
        user_id: Option<&str>,
        now: Instant,
    ) -> Result<(), PublishError> {
        if self.closed {
            return Err(PublishError::closed());
        }
        let Outgoing { queue, payload, traceparent } = outgoing;
        let traceparent = traceparent.filter(|it| is_traceparent(it));
        let message = Message { payload, traceparent, user_id: user_id.map(str::to_owned), returned: 0 };
        if let Queue::Retry(rung) = queue {
            let wait_ms = self.ladder.rungs_ms.get(rung).copied();
            let (Some(wait_ms), Some(waiting)) = (wait_ms, self.rungs.get_mut(rung)) else {
                return Err(PublishError::no_such_rung(rung));
            };
            waiting.push_back((after(now, Duration::from_millis(wait_ms)), message));
        } else {
            self.enqueue(queue, message);
        }
        Ok(())
    }

    pub(super) fn announce(&mut self, batch: Vec<Announcement>) -> Vec<Result<(), PublishError>> {
        let announce_one = |announcement| {
            if self.closed {
                return Err(PublishError::closed());
            }
            if self.announced.len() >= ANNOUNCED_MAX {
                self.announced.pop_front();
            }
            self.announced.push_back(announcement);
            Ok(())
        };
        batch.into_iter().map(announce_one).collect()
    }

    pub(super) fn announced(&self) -> Vec<Announcement> {
        self.announced.iter().cloned().collect()
    }

    fn enqueue(&mut self, queue: Queue, message: Message) {
        let number = self.number();
        if let Some(line) = self.lines.get_mut(&queue) {
            line.ready.insert(number, message);
        }
    }

    /// Moves what has waited its time into [`Queue::ToSubmit`], in the order of the time.
    pub(super) fn release_due(&mut self, now: Instant) {
        let mut released = false;
        while let Some((_, rung)) = self.first_due().filter(|(due, _)| *due <= now) {
            let Some((_, message)) = self.rungs.get_mut(rung).and_then(VecDeque::pop_front) else { break };
            self.enqueue(Queue::ToSubmit, Message { returned: 0, ..message });
            released = true;
        }
        if released {
            self.dispatch(Queue::ToSubmit);
        }
    }

    fn first_due(&self) -> Option<(Instant, usize)> {
        let heads = self.rungs.iter().enumerate();
        heads.filter_map(|(rung, waiting)| waiting.front().map(|(due, _)| (*due, rung))).min()
    }

    fn dispatch_all(&mut self) {
        let queues: Vec<_> = self.lines.keys().copied().collect();
        for queue in queues {
            self.dispatch(queue);
        }
    }

    /// Gives ready messages to the consumers in turn, as far as their prefetch allows.
    fn dispatch(&mut self, queue: Queue) {
        let Self { lines, consumers, .. } = self;
        let Some(line) = lines.get_mut(&queue) else { return };
        while !line.ready.is_empty() {
            let has_room = |id: &u64| consumers.get(id).is_some_and(|it| it.unsettled.len() < it.prefetch);
            let Some(id) = line.turns.iter().position(has_room).and_then(|at| line.turns.remove(at)) else {
                return;
            };
            line.turns.push_back(id);
            if let (Some(consumer), Some((number, message))) =
                (consumers.get_mut(&id), line.ready.pop_first())
            {
                consumer.last_tag += 1;
                consumer.unsettled.insert(consumer.last_tag, (number, message));
                consumer.buffer.push_back(consumer.last_tag);
                consumer.wake.notify_one();
            }
        }
    }

    pub(super) fn subscribe(&mut self, queue: Queue, prefetch: usize) -> (u64, Arc<Notify>) {
        let id = self.number();
        let wake = Arc::new(Notify::new());
        self.consumers.insert(
            id,
            Consumer {
                queue,
                prefetch,
                generation: id,
                last_tag: 0,
                unsettled: BTreeMap::new(),
                buffer: VecDeque::new(),
                wake: wake.clone(),
            },
        );
        if let Some(line) = self.lines.get_mut(&queue) {
            line.turns.push_back(id);
        }
        self.dispatch(queue);
        (id, wake)
    }

    pub(super) fn unsubscribe(&mut self, id: u64) {
        let Some(consumer) = self.consumers.remove(&id) else { return };
        if let Some(line) = self.lines.get_mut(&consumer.queue) {
            line.turns.retain(|turn| *turn != id);
        }
        self.give_back(consumer.queue, consumer.unsettled.into_values());
        self.dispatch_all();
    }

    /// What came back takes its old place, marked as redelivered; over the limit it goes to the dead letters, whose own
    /// limit nobody reaches.
    fn give_back(&mut self, queue: Queue, messages: impl Iterator<Item = (u64, Message)>) {
        for (number, message) in messages {
            let returned = message.returned + 1;
            if returned > DELIVERY_LIMIT && queue != Queue::DeadLetter {
                self.enqueue(Queue::DeadLetter, Message { returned: 0, ..message });
            } else if let Some(line) = self.lines.get_mut(&queue) {
                line.ready.insert(number, Message { returned, ..message });
            }
        }
    }

    /// None when the broker or the subscription is closed.
    pub(super) fn sight(&self, id: u64) -> Option<Sight> {
        let consumer = self.consumers.get(&id).filter(|_| !self.closed)?;
        let next_due = if consumer.queue == Queue::ToSubmit { self.first_due() } else { None };
        Some(Sight {
            buffered: consumer.buffer.len(),
            full: consumer.unsettled.len() >= consumer.prefetch,
            next_due: next_due.map(|(due, _)| due),
        })
    }

    pub(super) fn hand_out(&mut self, id: u64, max: usize) -> Vec<Handed> {
        let Some(consumer) = self.consumers.get_mut(&id) else { return Vec::new() };
        let Consumer { buffer, unsettled, generation, .. } = consumer;
        let tags = buffer.drain(..max.min(buffer.len()));
        tags.filter_map(|tag| unsettled.get(&tag).map(|(_, message)| (*generation, tag, message.clone())))
            .collect()
    }

    /// Takes deliveries out of the unsettled ones: this one, or this and all before. None when they are stale.
    pub(super) fn settle(&mut self, place: Place, through: bool) -> Option<Vec<(u64, Message)>> {
        let consumer = self.consumers.get_mut(&place.consumer)?;
        if consumer.generation != place.generation || !consumer.unsettled.contains_key(&place.tag) {
            return None;
        }
        if !through {
            return consumer.unsettled.remove(&place.tag).map(|one| vec![one]);
        }
        let later = consumer.unsettled.split_off(&(place.tag + 1));
        Some(std::mem::replace(&mut consumer.unsettled, later).into_values().collect())
    }

    /// After a [`State::settle`]: what was given back comes again, and there is room for more.
    pub(super) fn go_on(&mut self, consumer: u64, given_back: Vec<(u64, Message)>) {
        let Some(queue) = self.consumers.get(&consumer).map(|it| it.queue) else { return };
        self.give_back(queue, given_back.into_iter());
        self.dispatch(queue);
        self.dispatch(Queue::DeadLetter);
    }

    pub(super) fn depth(&self, queue: Queue) -> Result<u64, BrokerError> {
        let depth = match queue {
            Queue::Retry(rung) => self.rungs.get(rung).map(VecDeque::len),
            Queue::Intake | Queue::Draft | Queue::ToSubmit | Queue::DeadLetter => {
                self.lines.get(&queue).map(|line| line.ready.len())
            }
        };
        depth.map(|depth| depth as u64).ok_or_else(|| BrokerError::no_such_queue(queue))
    }

    pub(super) fn held(&self) -> usize {
        self.consumers.values().map(|it| it.unsettled.len()).sum()
    }

    pub(super) fn unsettled(&self, queue: Queue) -> usize {
        self.consumers.values().filter(|it| it.queue == queue).map(|it| it.unsettled.len()).sum()
    }

    pub(super) fn purge(&mut self, queue: Queue) {
        if let Queue::Retry(rung) = queue {
            if let Some(waiting) = self.rungs.get_mut(rung) {
                waiting.clear();
            }
        } else if let Some(line) = self.lines.get_mut(&queue) {
            line.ready.clear();
        }
    }

    pub(super) fn restart(&mut self) {
        if self.closed {
            return;
        }
        self.restarts += 1;
        self.return_everything();
        self.dispatch_all();
    }

    pub(super) fn close(&mut self) {
        self.closed = true;
        self.return_everything();
        for consumer in self.consumers.values() {
            consumer.wake.notify_one();
        }
    }

    fn return_everything(&mut self) {
        let ids: Vec<u64> = self.consumers.keys().copied().collect();
        for id in ids {
            let generation = self.number();
            let Some(consumer) = self.consumers.get_mut(&id) else { continue };
            consumer.generation = generation;
            consumer.last_tag = 0;
            consumer.buffer.clear();
            let (queue, unsettled) = (consumer.queue, std::mem::take(&mut consumer.unsettled));
            self.give_back(queue, unsettled.into_values());
        }
    }
}

/// Where a delivery stands.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) consumer: u64,
    pub(super) generation: u64,
    pub(super) tag: u64,
}
