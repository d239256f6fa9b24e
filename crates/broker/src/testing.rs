//! What tests need to work with a real RabbitMQ and against its connections: virtual hosts and users of their own, and a
//! proxy that cuts and freezes. For tests only.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "for tests: it fails by panicking, with what is missing"
)]

mod proxy;
mod user;
mod vhost;

pub use proxy::Proxy;
pub use user::TestUser;
pub use vhost::TestVhost;

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Waits until a condition holds, looking often.
///
/// # Panics
/// When it does not hold in time; the message says what was waited for.
pub async fn until(what: &str, timeout: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + timeout;
    while !holds().await {
        assert!(Instant::now() < deadline, "waited {timeout:?} in vain until {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
