//! Prints `deploy/rabbitmq/definitions.json`: the queues of the default ladder.

use std::io::Write;

fn main() -> std::io::Result<()> {
    let definitions = broker::topology::definitions(&broker::Ladder::default());
    writeln!(std::io::stdout(), "{definitions:#}")
}
