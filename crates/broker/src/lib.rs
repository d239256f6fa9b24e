//! The broker: queues as hints. RabbitMQ for production, memory for the demo and the simulation tests.
//!
//! One trait, [`Broker`], two adapters, one conformance suite. No lapin type leaves this room. A message carries identity
//! and trace context, never the only copy of anything.

mod gather;
mod hint;
mod queue;
mod traceparent;
mod traits;
mod window;

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod memory;
pub mod rabbit;
#[cfg(feature = "conformance")]
pub mod testing;
pub mod topology;

pub use hint::{Hint, NotAHint};
pub use memory::MemoryBroker;
pub use queue::{EVENTS_EXCHANGE, Ladder, Queue};
pub use rabbit::{BrokerUrl, Examination, RabbitBroker, RabbitConfig, examine};
pub use traceparent::is_traceparent;
pub use traits::{
    Announcement, Broker, BrokerError, Delivery, Health, Outgoing, PublishError, Settle, Stale, Subscription,
    settle_all,
};
pub use window::{RungWindows, Window};
