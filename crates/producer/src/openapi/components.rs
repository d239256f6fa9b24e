//! What the paths have in common: who may come in, what is answered, and what that looks like.

use invoice::life::{Cause, State};
use serde_json::{Map, Value, json};

use crate::envelope::EVENT_TYPE;

/// Who may come in.
pub(super) fn security() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key made with `fawtara keys create`, or one of producer.keys (for the admin port: admin.keys). None is \
                needed while there is none at all, which only a listener on loopback may be.",
        },
        "licenseKey": {
            "type": "apiKey",
            "in": "header",
            "name": "license-key",
            "description": "The same keys, in the header that clients of Post2Tax send.",
        },
    })
}

/// Every refusal has this form.
pub(super) fn responses() -> Value {
    let problem = |description: &str| {
        json!({
            "description": description,
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
        })
    };
    let later = |description: &str| {
        let mut response = problem(description);
        response["headers"] = json!({
            "Retry-After": { "description": "Seconds to wait.", "schema": { "type": "integer" } }
        });
        response
    };
    let mut encoded = problem("The body is compressed (`encoded_body`); nothing was taken.");
    encoded["headers"] =
        json!({ "Accept-Encoding": { "description": "Always identity.", "schema": { "type": "string" } } });
    json!({
        "BadRequest": problem(
            "What was sent cannot be read: a body that broke off (`unreadable_body`), an address that cannot be taken apart \
             (`unfit_address`), a UUID that is none (`not_a_uuid`), a batch that is none (`envelope`)."
        ),
        "Unauthorized": problem("No key that is valid here (`unauthorized`)."),
        "Forbidden": problem(
            "The key is not for this (`forbidden`), or not for this taxpayer or environment (`out_of_scope`); nothing was taken. Or a \
             page in a browser asks where there is no key (`not_local`)."
        ),
        "NotFound": problem(
            "Nothing of that name is known here: no invoice (`unknown_invoice`), no format (`unknown_format`)."
        ),
        "Timeout": problem("The body did not arrive in time (`body_timeout`); nothing was taken."),
        "Conflict": problem(
            "Other content under a UUID that is taken (`conflict`; by another seller: `uuid_taken`), or a number that belongs to another \
             UUID (`number_taken`). Of a correction: its original is not cleared (`original_not_cleared`), or its invoice is known \
             (`invoice_known`). Looking up: the UUID is known in several environments (`which_environment`)."
        ),
        "TooLarge": problem("More bytes than one event may have (`too_large`); nothing was taken."),
        "Encoded": encoded,
        "Unprocessable": problem(
            "The event breaks rules (`invalid`: `faults` names all of them), or its envelope does (`envelope`); its income source is not \
             registered (`unknown_income_source`), deactivated (`inactive_income_source`) or registered for other documents \
             (`wrong_family`); the header Idempotency-Key names another invoice (`idempotency_key`); the ledger cannot store it \
             (`unstorable`). Of a correction: it is none (`malformed`), or its original is not known (`original_unknown`). Nothing was \
             taken."
        ),
        "TooMany": later("Too many requests at once (`overloaded`); nothing was taken."),
        "Unreadable": problem("The body broke off (`unreadable_body`); what has no result was not taken."),
        "Unavailable": later(
            "The ledger cannot be reached (`unavailable`) or did not answer in time (`overdue`): nothing is known to have been taken. Or \
             a person has closed the intake (`intake_closed`): nothing was taken. Publish the same event again."
        ),
    })
}

/// The shapes of what is answered.
pub(super) fn schemas() -> Map<String, Value> {
    let mut schemas = Map::new();
    for (name, schema) in [
        ("Receipt", receipt()),
        (
            "Result",
            json!({
                "description": "What became of one event of several: a receipt, or a problem.",
                "anyOf": [{ "$ref": "#/components/schemas/Receipt" }, { "$ref": "#/components/schemas/Problem" }],
                "properties": {
                    "line": { "type": "integer", "minimum": 1, "description": "Which line or row, from 1." },
                    "status": { "type": "integer", "description": "The HTTP status that the event alone would have had." },
                },
                "required": ["status"],
            }),
        ),
        ("Problem", problem()),
        ("Fault", fault()),
        ("Invoice", invoice()),
        ("CloudEvent", cloud_event()),
        ("Post2TaxAnswer", post2tax()),
    ] {
        schemas.insert(name.to_owned(), schema);
    }
    schemas
}

fn states() -> Vec<&'static str> {
    State::ALL.iter().map(|state| state.as_str()).collect()
}

fn uuid() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

fn environment() -> Value {
    json!({ "type": "string", "enum": ["simulation", "sandbox", "production"] })
}

fn receipt() -> Value {
    json!({
        "description": "The event is durable.",
        "type": "object",
        "properties": {
            "uuid": uuid(),
            "environment": environment(),
            "number": { "type": "string", "description": "The seller's number." },
            "state": { "type": "string", "enum": states(), "description": "Where the invoice stands." },
            "document": { "type": "integer", "minimum": 1, "description": "Its document version." },
            "repeat": { "type": "boolean", "description": "The event was known before, and changed nothing." },
        },
        "required": ["uuid", "environment", "number", "state", "document", "repeat"],
    })
}

fn problem() -> Value {
    json!({
        "description": "A refusal as RFC 9457 has it.",
        "type": "object",
        "properties": {
            "type": { "type": "string", "format": "uri", "description": "urn:fawtara:problem: and the code." },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "code": {
                "type": "string",
                "description": "Stable; for programs. Each answer names those that it may have, for the lines of a batch too. An address \
                    or a method that is not served is answered with `no_such_route` or `method_not_allowed`.",
            },
            "detail": { "type": "string", "description": "What, where, and how to mend it; for people." },
            "faults": { "type": "array", "items": { "$ref": "#/components/schemas/Fault" } },
            "uuid": uuid(),
            "state": { "type": "string", "enum": states() },
            "document": { "type": "integer", "minimum": 1, "description": "The current document version: to amend it, name it in `amends`." },
            "differences": {
                "type": "array", "items": { "type": "string" },
                "description": "What differs from the current document version.",
            },
        },
        "required": ["type", "title", "status", "code", "detail"],
    })
}

fn fault() -> Value {
    json!({
        "type": "object",
        "properties": {
            "code": { "type": "string", "description": "Stable; for programs." },
            "path": { "type": "string", "description": "Where in the event." },
            "message": { "type": "string", "description": "What, and how to mend it." },
        },
        "required": ["code", "path", "message"],
    })
}

fn invoice() -> Value {
    let causes: Vec<_> = Cause::ALL.iter().map(|cause| json!(cause.as_str())).chain([Value::Null]).collect();
    let or_null =
        |kind: &str, description: &str| json!({ "type": [kind, "null"], "description": description });
    json!({
        "description": "An invoice as it stands.",
        "type": "object",
        "properties": {
            "uuid": uuid(),
            "environment": environment(),
            "number": { "type": "string" },
            "seller": {
                "type": "object",
                "properties": { "tax_number": { "type": "string" }, "income_source": { "type": "string" } },
                "required": ["tax_number", "income_source"],
            },
            "state": { "type": "string", "enum": states() },
            "document": { "type": "integer", "minimum": 1 },
            "icv": or_null("integer", "The invoice counter, once it has one."),
            "qr": or_null("string", "The text of the authority's QR code, once cleared."),
            "in_doubt": { "type": "boolean", "description": "An answer of the authority was not heard: the same bytes are sent again." },
            "cause": { "enum": causes, "description": "Why it waits for a person." },
            "message": or_null("string", "What the authority, or our own check, said."),
            "explanations": {
                "type": "array", "items": { "type": "object" },
                "description": "What the authority's last words mean and what to do, in Arabic and English.",
            },
            "due_at": or_null("string", "When it is sent again."),
            "accepted_at": { "type": "string", "format": "date-time" },
            "updated_at": { "type": "string", "format": "date-time" },
            "attempts": {
                "type": "array", "items": { "type": "object" },
                "description": "Every attempt at the authority, oldest first, with what was heard.",
            },
        },
        "required": ["uuid", "environment", "number", "seller", "state", "document", "qr", "in_doubt", "attempts"],
    })
}

fn cloud_event() -> Value {
    json!({
        "description": "A CloudEvent 1.0 in structured mode with an event in it. Attributes beyond these are passed over.",
        "type": "object",
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string", "minLength": 1 },
            "source": { "type": "string", "minLength": 1 },
            "type": { "const": EVENT_TYPE },
            "subject": { "type": "string", "format": "uuid", "description": "When given: the UUID of the event." },
            "time": { "type": "string", "format": "date-time" },
            "datacontenttype": { "type": "string", "description": "application/json, when given." },
            "traceparent": { "type": "string", "maxLength": 128 },
            "data": { "$ref": "#/components/schemas/Event" },
            "data_base64": { "type": "string", "contentEncoding": "base64", "description": "The event's JSON, instead of `data`." },
        },
        "required": ["specversion", "id", "source", "type"],
    })
}

fn post2tax() -> Value {
    json!({
        "description": "The answer that clients of Post2Tax expect.",
        "type": "object",
        "properties": {
            "error": { "type": "boolean" },
            "result": {
                "description": "With QR code when cleared; else a code.",
                "anyOf": [
                    {
                        "type": "object",
                        "properties": {
                            "status": { "const": "SUBMITTED" },
                            "qrCode": { "type": "string" },
                            "id": { "type": "string" },
                            "uuid": uuid(),
                        },
                        "required": ["status", "qrCode", "id", "uuid"],
                    },
                    { "type": "string" },
                ],
            },
            "message": { "type": "string" },
        },
        "required": ["error", "result"],
    })
}
