//! Chaos on the real thing: the fleet as separate processes, a RabbitMQ cluster of three nodes and a Postgres, all connections by
//! way of proxies, retailers that publish all the time, and faults of every kind that a seed decides. In the end the evidence is
//! judged from outside. docs/chaos.md tells how to read what it prints.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests"
    )
)]

pub mod evidence;
pub mod fleet;
pub mod links;
pub mod load;
pub mod plan;
pub mod proxy;
pub mod report;
pub mod retailers;
pub mod sabotage;
pub mod services;
pub mod storm;
pub mod strike;
pub mod verdict;
