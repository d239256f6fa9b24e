//! Ports below 32768: above it the kernel hands ports to outgoing connections, and a process that restarts may find its own
//! taken.

use std::net::TcpListener;

/// Hands out ports that nobody listens on. Tests that run at once in processes of their own begin at different places.
pub struct Ports {
    next: u16,
}

const FIRST: u16 = 8_200;
const PER_TEST: u16 = 16;
const TESTS: u32 = 200;

impl Ports {
    /// Those of this process.
    #[allow(clippy::new_without_default, reason = "where it begins depends on the process")]
    #[must_use]
    pub fn new() -> Self {
        let place = u16::try_from(std::process::id() % TESTS).expect("it is less than 200");
        Self { next: FIRST + place * PER_TEST }
    }

    /// The next one.
    ///
    /// # Panics
    /// When all are taken.
    pub fn free(&mut self) -> u16 {
        for _ in 0..u32::from(PER_TEST) * TESTS {
            let port = self.next;
            self.next += 1;
            if TcpListener::bind(("127.0.0.1", port)).is_ok() {
                return port;
            }
        }
        panic!("no free port from {FIRST} on");
    }
}
