//! Which queues and exchanges there are and with which arguments: declared at every start, and rendered for `deploy/`. It knows no
//! connection.
//!
//! All queues are quorum queues. Arguments that a broker of version 3.10 would accept and ignore are not used.

use serde_json::{Value, json};

use crate::queue::DELIVERY_LIMIT;
use crate::{EVENTS_EXCHANGE, Ladder, Queue};

/// The queue of the dead letters has to have a limit of its own, or RabbitMQ 4 gives it one of 20 and drops what is
/// over it. This one is never reached: it is the last stop, and nothing may fall out of it.
const LAST_STOP_LIMIT: i64 = 1_000_000_000;

/// A queue as it must be declared.
pub(crate) struct Declaration {
    pub(crate) name: String,
    /// In the order of their keys.
    pub(crate) arguments: Vec<(&'static str, Argument)>,
}

/// The value of a queue argument.
pub(crate) enum Argument {
    Text(String),
    Number(i64),
}

/// Every queue of the house.
pub(crate) fn declarations(ladder: &Ladder) -> Vec<Declaration> {
    let declare =
        |queue| Some(Declaration { name: ladder.name(queue)?, arguments: arguments(ladder, queue) });
    ladder.queues().into_iter().filter_map(declare).collect()
}

fn arguments(ladder: &Ladder, queue: Queue) -> Vec<(&'static str, Argument)> {
    let text = |text: &str| Argument::Text(text.to_owned());
    let mut arguments = vec![("x-queue-type", text("quorum"))];
    // At least once, or a message can vanish between two queues; without reject-publish a broker falls back silently.
    let mut dead_letter_to = |target: Queue| {
        arguments.push(("x-dead-letter-exchange", text("")));
        arguments.push(("x-dead-letter-routing-key", text(&ladder.name(target).unwrap_or_default())));
        arguments.push(("x-dead-letter-strategy", text("at-least-once")));
        arguments.push(("x-overflow", text("reject-publish")));
    };
    match queue {
        Queue::Intake | Queue::Draft | Queue::ToSubmit => {
            dead_letter_to(Queue::DeadLetter);
            arguments.push(("x-delivery-limit", Argument::Number(i64::from(DELIVERY_LIMIT))));
        }
        Queue::Retry(rung) => {
            dead_letter_to(Queue::ToSubmit);
            let wait_ms = ladder.rungs_ms.get(rung).copied().unwrap_or_default();
            arguments.push(("x-message-ttl", Argument::Number(i64::try_from(wait_ms).unwrap_or(i64::MAX))));
        }
        Queue::DeadLetter => arguments.push(("x-delivery-limit", Argument::Number(LAST_STOP_LIMIT))),
    }
    arguments.sort_by_key(|(key, _)| *key);
    arguments
}

/// The queues and the exchange as a definitions file of RabbitMQ, for the virtual host `/`: what `deploy/rabbitmq/definitions.json` holds.
#[must_use]
pub fn definitions(ladder: &Ladder) -> Value {
    let queue = |declaration: Declaration| {
        let value = |argument| match argument {
            Argument::Text(text) => json!(text),
            Argument::Number(number) => json!(number),
        };
        let arguments =
            declaration.arguments.into_iter().map(|(key, argument)| (key.to_owned(), value(argument)));
        json!({
            "name": declaration.name,
            "vhost": "/",
            "durable": true,
            "auto_delete": false,
            "arguments": Value::Object(arguments.collect()),
        })
    };
    json!({
        "vhosts": [{ "name": "/" }],
        "exchanges": [{
            "name": EVENTS_EXCHANGE,
            "vhost": "/",
            "type": "topic",
            "durable": true,
            "auto_delete": false,
            "internal": false,
            "arguments": {},
        }],
        "queues": declarations(ladder).into_iter().map(queue).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_definitions_file_agrees() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/rabbitmq/definitions.json");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        let there: Value = serde_json::from_str(&text).unwrap_or_default();
        assert_eq!(
            there,
            definitions(&Ladder::default()),
            "the topology has changed; run: cargo run -p broker --example definitions > deploy/rabbitmq/definitions.json"
        );
    }

    #[test]
    fn every_queue_that_dead_letters_does_so_at_least_once() {
        for queue in declarations(&Ladder::default()) {
            let keys: Vec<_> = queue.arguments.iter().map(|(key, _)| *key).collect();
            let dead_letters = keys.contains(&"x-dead-letter-exchange");
            assert_eq!(dead_letters, keys.contains(&"x-dead-letter-strategy"), "{}", queue.name);
            assert_eq!(dead_letters, keys.contains(&"x-overflow"), "{}", queue.name);
            assert_eq!(dead_letters, queue.name != "fawtara.dead-letter");
        }
    }
}
