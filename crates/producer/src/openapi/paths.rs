//! Every route, what it takes and what it answers.

use formats::Format;
use serde_json::{Value, json};

use crate::envelope::{BATCH, STRUCTURED};

/// All paths, those of the admin port included.
pub(super) fn paths() -> Value {
    let post2tax = |id: &str| json!({ "post": post2tax(id) });
    json!({
        "/v1/invoices": { "post": publish() },
        "/v1/invoices:batch": { "post": publish_batch() },
        "/v1/invoices/{uuid}": { "get": show() },
        "/v1/corrections": { "post": correct() },
        "/v1/import/{format}": { "post": import() },
        "/api/Invoice": post2tax("post2tax"),
        "/api/invoice": post2tax("post2taxLowerCase"),
        "/openapi.json": { "get": open("openapi", "This document.", "application/json") },
        "/docs": { "get": open("docs", "This document as a page to browse.", "text/html") },
        "/docs/page.js": { "get": open("docsScript", "The page's script.", "text/javascript") },
        "/docs/page.css": { "get": open("docsStyle", "The page's looks.", "text/css") },
        "/livez": admin(&probe("livez", "The process is alive.")),
        "/readyz": admin(&probe("readyz", "The role can do its work: ledger and broker answer, and it is not stopping.")),
        "/metrics": admin(&metrics()),
    })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/responses/{name}") })
}

fn content(media_type: &str, schema: &str) -> Value {
    json!({ media_type: { "schema": { "$ref": format!("#/components/schemas/{schema}") } } })
}

fn traceparent() -> Value {
    json!({
        "name": "traceparent", "in": "header", "schema": { "type": "string" },
        "description": "W3C trace context; the invoice stays in this trace.",
    })
}

fn publish() -> Value {
    let examples: Vec<Value> =
        invoice::schema::EXAMPLES.iter().filter_map(|example| serde_json::from_str(example).ok()).collect();
    let named: serde_json::Map<String, Value> = (1..)
        .zip(examples)
        .map(|(n, value): (u32, Value)| (format!("example {n}"), json!({ "value": value })))
        .collect();
    let receipt = |description: &str| {
        json!({
            "description": description,
            "headers": {
                "Location": { "description": "Where to look the invoice up.", "schema": { "type": "string" } }
            },
            "content": content("application/json", "Receipt"),
        })
    };
    let mut repeat =
        receipt("It was known before and changed nothing; or, for a batch, one result for each event.");
    repeat["content"]["application/json"]["schema"] = json!({
        "anyOf": [
            { "$ref": "#/components/schemas/Receipt" },
            { "type": "array", "items": { "$ref": "#/components/schemas/Result" } },
        ],
    });
    json!({
        "operationId": "publish",
        "tags": ["publish"],
        "summary": "Publish an invoice or a return.",
        "description": "As the event itself, or in a CloudEvent: structured, as a batch, or with its attributes in headers `ce-*`.",
        "parameters": [
            traceparent(),
            {
                "name": "Idempotency-Key", "in": "header", "schema": { "type": "string" },
                "description": "Not needed: the event's UUID (or seller, income source and number) makes publishing twice harmless. \
                    A key that is a UUID must be the event's own; any other key is passed over.",
            },
        ],
        "requestBody": {
            "required": true,
            "content": {
                "application/json": { "schema": { "$ref": "#/components/schemas/Event" }, "examples": named },
                STRUCTURED: { "schema": { "$ref": "#/components/schemas/CloudEvent" } },
                BATCH: {
                    "schema": {
                        "type": "array", "maxItems": 256, "items": { "$ref": "#/components/schemas/CloudEvent" },
                    },
                },
            },
        },
        "responses": {
            "202": receipt("It is durable now, as a new draft."),
            "200": repeat,
            "400": reference("BadRequest"),
            "401": reference("Unauthorized"),
            "403": reference("Forbidden"),
            "408": reference("Timeout"),
            "409": reference("Conflict"),
            "413": reference("TooLarge"),
            "415": reference("Encoded"),
            "422": reference("Unprocessable"),
            "429": reference("TooMany"),
            "503": reference("Unavailable"),
        },
    })
}

fn correct() -> Value {
    let both = |description: &str| {
        let receipt = json!({ "$ref": "#/components/schemas/Receipt" });
        let schema = json!({
            "type": "object",
            "properties": { "return": receipt, "invoice": receipt },
            "required": ["return", "invoice"],
        });
        json!({ "description": description, "content": { "application/json": { "schema": schema } } })
    };
    let text = |description: &str| json!({ "type": "string", "minLength": 1, "description": description });
    let returning = json!({
        "type": "object",
        "description": "The particulars of the return.",
        "properties": {
            "number": text("Its number."),
            "reason": text("Why the invoice comes back; mandatory by the guide."),
            "issue_date": { "type": "string", "format": "date", "description": "The corrected invoice's when left out." },
            "uuid": { "type": "string", "format": "uuid", "description": "Derived from seller and number when left out." },
        },
        "required": ["number", "reason"],
        "additionalProperties": false,
    });
    let schema = json!({
        "type": "object",
        "properties": {
            "return": returning,
            "original": text("UUID or number of the cleared invoice that comes back as a whole."),
            "invoice": { "$ref": "#/components/schemas/Event" },
        },
        "required": ["return", "original", "invoice"],
        "additionalProperties": false,
    });
    json!({
        "operationId": "correct",
        "tags": ["publish"],
        "summary": "Take a cleared invoice back and issue the corrected one.",
        "description": "Both halves are made durable in one commit, or neither. A problem names the half that is wrong in `half`.",
        "parameters": [traceparent()],
        "requestBody": { "required": true, "content": { "application/json": { "schema": schema } } },
        "responses": {
            "202": both("Both are durable now."),
            "200": both("Both were known before and changed nothing."),
            "400": reference("BadRequest"),
            "401": reference("Unauthorized"),
            "403": reference("Forbidden"),
            "408": reference("Timeout"),
            "409": reference("Conflict"),
            "413": reference("TooLarge"),
            "415": reference("Encoded"),
            "422": reference("Unprocessable"),
            "429": reference("TooMany"),
            "503": reference("Unavailable"),
        },
    })
}

fn lines_out(description: &str) -> Value {
    json!({
        "description": description,
        "content": content("application/x-ndjson", "Result"),
    })
}

fn publish_batch() -> Value {
    json!({
        "operationId": "publishBatch",
        "tags": ["publish"],
        "summary": "Publish many events, one JSON object a line.",
        "description": "A stream in both directions: results come while lines are still being sent. Each line is taken or refused \
            for itself.",
        "parameters": [traceparent()],
        "requestBody": { "required": true, "content": content("application/x-ndjson", "Event") },
        "responses": {
            "200": lines_out("One result a line, in order."),
            "401": reference("Unauthorized"),
            "403": reference("Forbidden"),
            "415": reference("Encoded"),
            "429": reference("TooMany"),
        },
    })
}

fn show() -> Value {
    json!({
        "operationId": "show",
        "tags": ["look up"],
        "summary": "Look an invoice up.",
        "parameters": [
            { "name": "uuid", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } },
            {
                "name": "environment", "in": "query",
                "schema": { "type": "string", "enum": ["simulation", "sandbox", "production"] },
                "description": "Needed only when the UUID is known in several.",
            },
        ],
        "responses": {
            "200": { "description": "As it stands.", "content": content("application/json", "Invoice") },
            "400": reference("BadRequest"),
            "401": reference("Unauthorized"),
            "403": reference("Forbidden"),
            "404": reference("NotFound"),
            "409": reference("Conflict"),
            "429": reference("TooMany"),
            "503": reference("Unavailable"),
        },
    })
}

fn import() -> Value {
    json!({
        "operationId": "import",
        "tags": ["other systems"],
        "summary": "Publish documents in another system's format.",
        "parameters": [
            {
                "name": "format", "in": "path", "required": true,
                "schema": { "type": "string", "enum": Format::ALL.map(Format::as_str) },
            },
            traceparent(),
        ],
        "requestBody": {
            "required": true,
            "description": "At most 4 MiB and 10,000 documents; larger files go by `fawtara import`.",
            "content": {
                "application/json": { "schema": {} },
                "text/csv": { "schema": { "type": "string" } },
                "application/xml": { "schema": { "type": "string" } },
            },
        },
        "responses": {
            "200": lines_out("One result a document, in order."),
            "401": reference("Unauthorized"),
            "403": reference("Forbidden"),
            "404": reference("NotFound"),
            "408": reference("Timeout"),
            "413": reference("TooLarge"),
            "415": reference("Encoded"),
            "429": reference("TooMany"),
            "500": reference("Unreadable"),
        },
    })
}

fn post2tax(id: &str) -> Value {
    let answer = |description: &str| json!({ "description": description, "content": content("application/json", "Post2TaxAnswer") });
    json!({
        "operationId": id,
        "tags": ["other systems"],
        "summary": "Publish an invoice as a client of Post2Tax does, and wait for its clearance.",
        "description": "The headers client-id and secret-key are not looked at: credentials are the fleet's.",
        "security": [{ "licenseKey": [] }],
        "requestBody": {
            "required": true,
            "content": { "application/json": { "schema": { "type": "object", "description": "The body of that call." } } },
        },
        "responses": {
            "200": answer("Cleared, with the QR code."),
            "400": answer("Refused, by our rules or by the authority."),
            "401": answer("license-key is no key that is valid here."),
            "403": answer("The key is not for publishing, or a page in a browser asks where there is no key."),
            "408": answer("The body did not arrive in time."),
            "413": answer("The body is too large."),
            "415": reference("Encoded"),
            "429": answer("Too many requests at once."),
            "503": answer("The ledger cannot be reached, or a person has closed the intake."),
            "504": answer("Kept, but not cleared yet: send the same body again."),
        },
    })
}

fn open(id: &str, description: &str, media_type: &str) -> Value {
    json!({
        "operationId": id,
        "tags": ["contract"],
        "summary": description,
        "security": [],
        "responses": { "200": { "description": description, "content": { media_type: {} } } },
    })
}

fn admin(operation: &Value) -> Value {
    json!({
        "servers": [{ "url": "http://127.0.0.1:9090", "description": "The admin port of a role (admin.listen)." }],
        "get": operation,
    })
}

fn probe(id: &str, description: &str) -> Value {
    let text = json!({ "text/plain": { "schema": { "type": "string" } } });
    let mut operation = json!({
        "operationId": id,
        "tags": ["admin"],
        "summary": description,
        "security": [],
        "responses": { "200": { "description": "Yes.", "content": text } },
    });
    if id == "readyz" {
        operation["responses"]["503"] = json!({ "description": "No, and why.", "content": text });
    }
    operation
}

fn metrics() -> Value {
    json!({
        "operationId": "metrics",
        "tags": ["admin"],
        "summary": "What is counted, for Prometheus.",
        "responses": {
            "200": { "description": "The exposition.", "content": { "text/plain": { "schema": { "type": "string" } } } },
            "401": { "description": "No key that is valid here." },
            "403": { "description": "A page in a browser asks where there is no key." },
        },
    })
}
