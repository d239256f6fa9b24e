//! The contract of queues and exchange, as an AsyncAPI 3 document with AMQP bindings: queues and arguments are those that the
//! broker's room declares.

use broker::{EVENTS_EXCHANGE, Ladder, topology};
use notices::{CloudEvent, NoticeType};
use serde_json::{Map, Value, json};

/// The version of the AMQP bindings.
const BINDING: &str = "0.3.0";
const INTAKE: &str = "fawtara.intake";

pub(super) fn document() -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    let definitions = topology::definitions(&Ladder::default());
    for queue in definitions["queues"].as_array().into_iter().flatten() {
        let name = queue["name"].as_str().unwrap_or_default();
        let id = name.trim_start_matches("fawtara.").replace(['.', '-'], "_");
        channels.insert(id.clone(), channel(name, &queue["arguments"]));
        let action = if name == INTAKE { "receive" } else { "send" };
        operations.insert(format!("{action}_{id}"), operation(action, &id, name));
    }
    channels.insert("events".to_owned(), events_channel());
    operations.insert("send_events".to_owned(), json!({
        "action": "send",
        "channel": { "$ref": "#/channels/events" },
        "summary": "The fleet tells of invoices that have settled (setting events.exchange).",
        "bindings": { "amqp": { "deliveryMode": 2, "mandatory": false, "timestamp": false, "bindingVersion": BINDING } },
    }));
    json!({
        "asyncapi": "3.0.0",
        "id": "urn:fawtara",
        "info": {
            "title": "Fawtara on RabbitMQ",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Publish events to the queue fawtara.intake through the default exchange, persistent, mandatory and with \
                publisher confirms, with the property user_id set to the connection's user (where API keys name AMQP users, a message \
                without it is refused); bind a queue of your own to the exchange fawtara.events to hear what became of them. The other queues \
                are the fleet's own.",
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "rabbitmq": { "host": "127.0.0.1:5672", "protocol": "amqp", "protocolVersion": "0-9-1",
                "description": "The setting broker.url." },
        },
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages() },
    })
}

fn channel(queue: &str, arguments: &Value) -> Value {
    let messages = if queue == INTAKE {
        json!({
            "event": { "$ref": "#/components/messages/event" },
            "binaryCloudEvent": { "$ref": "#/components/messages/binaryCloudEvent" },
            "structuredCloudEvent": { "$ref": "#/components/messages/structuredCloudEvent" },
        })
    } else {
        json!({ "hint": { "$ref": "#/components/messages/hint" } })
    };
    json!({
        "address": queue,
        "description": if queue == INTAKE { "For retailers: invoice events." } else { "The fleet's own: hints." },
        "messages": messages,
        "bindings": { "amqp": {
            "is": "queue",
            "queue": { "name": queue, "durable": true, "exclusive": false, "autoDelete": false, "vhost": "/" },
            "bindingVersion": BINDING,
        } },
        "x-arguments": arguments,
    })
}

fn operation(action: &str, id: &str, queue: &str) -> Value {
    let bindings = if action == "receive" {
        json!({ "amqp": { "ack": true, "bindingVersion": BINDING } })
    } else {
        json!({ "amqp": { "deliveryMode": 2, "mandatory": true, "timestamp": false, "bindingVersion": BINDING } })
    };
    let summary = match (action, queue) {
        ("receive", _) => {
            "The producer takes events; what it cannot take becomes a record with its reason.".to_owned()
        }
        _ => format!("A role leaves a hint in {queue}; another one takes it."),
    };
    json!({
        "action": action,
        "channel": { "$ref": format!("#/channels/{id}") },
        "summary": summary,
        "bindings": bindings,
    })
}

fn events_channel() -> Value {
    let types = NoticeType::ALL.map(NoticeType::as_str);
    json!({
        "address": "{type}",
        "parameters": { "type": { "enum": types, "description": "The routing key is the type of the event." } },
        "description": "For whoever binds a queue: what became of invoices.",
        "messages": { "notice": { "$ref": "#/components/messages/notice" } },
        "bindings": { "amqp": {
            "is": "routingKey",
            "exchange": { "name": EVENTS_EXCHANGE, "type": "topic", "durable": true, "autoDelete": false, "vhost": "/" },
            "bindingVersion": BINDING,
        } },
    })
}

fn messages() -> Value {
    let trace = json!({
        "type": "object",
        "properties": { "traceparent": { "type": "string", "description": "W3C trace context." } },
    });
    let text = |description: &str| json!({ "type": "string", "description": description });
    let mut attributes = trace.clone();
    for (name, description) in [
        ("specversion", "Always 1.0."),
        ("id", "Any text."),
        ("source", "Where it comes from."),
        ("type", producer::EVENT_TYPE),
        ("subject", "When given: the UUID of the event."),
    ] {
        // Both prefixes are taken: some clients cannot write the colon.
        attributes["properties"][format!("cloudEvents:{name}")] = text(description);
    }
    attributes["required"] =
        json!(["cloudEvents:specversion", "cloudEvents:id", "cloudEvents:source", "cloudEvents:type"]);
    let message = |title: &str, content_type: &str, schema: &str, headers: &Value| {
        json!({
            "title": title,
            "contentType": content_type,
            "headers": headers,
            "payload": {
                "schemaFormat": "application/schema+json;version=draft-2020-12",
                "schema": { "$ref": schema },
            },
        })
    };
    let example = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let mut event = message("An invoice event", "application/json", "invoice-event.v1.json", &trace);
    event["examples"] =
        invoice::schema::EXAMPLES.iter().map(|text| json!({ "payload": example(text) })).collect();
    let mut notice = message(
        "What became of an invoice",
        "application/cloudevents+json",
        "invoice-notice.v1.json",
        &trace,
    );
    notice["examples"] =
        CloudEvent::examples().into_iter().map(|event| json!({ "payload": event })).collect();
    notice["description"] = "At least once, and of one invoice in order unless it is told again: the message id and the event's id are \
        the same then.".into();
    json!({
        "event": event,
        "binaryCloudEvent": message(
            "An invoice event with the attributes of a CloudEvent in headers", "application/json", "invoice-event.v1.json",
            &attributes
        ),
        "structuredCloudEvent": message(
            "An invoice event in a CloudEvent", "application/cloudevents+json", "cloud-event.v1.json", &trace
        ),
        "hint": message("Look at this invoice", "application/json", "hint.v1.json", &trace),
        "notice": notice,
    })
}
