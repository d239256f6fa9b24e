//! The fleet's own events, as CloudEvents 1.0 in structured JSON. Pure: time and content are handed in.

use invoice::event::Kind;
use invoice::life::{Cause, State};
use invoice::{Amount, Environment, IncomeSource, InvoiceKey, Timestamp};
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// The name of the published schema of a notice.
pub const NOTICE_SCHEMA_ID: &str = "urn:fawtara:schema:invoice-notice:1";

/// The type of the event that tries a webhook out.
pub const TEST_EVENT_TYPE: &str = "jo.fawtara.webhook.test.v1";

/// The namespace of the ids of our events. Fixed for ever: an event that is told again has the id that it had.
const NAMESPACE: Uuid = Uuid::from_u128(0x6f2d_41c8_0b7e_5a93_9d54_c1e8_7a20_f3b6);

/// Which of our events it is: one for each way in which an invoice can come to rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NoticeType {
    /// The authority has cleared it; its QR is in the event.
    Cleared,
    /// The authority, or our own late check, refused it: it waits for a correction.
    Rejected,
    /// It was given up, or is a case for a person.
    DeadLettered,
    /// A person gave it up.
    Abandoned,
}

impl NoticeType {
    /// Every one of them.
    pub const ALL: [Self; 4] = [Self::Cleared, Self::Rejected, Self::DeadLettered, Self::Abandoned];

    /// The one that tells of an invoice that came to rest in `state`; none while it is under way.
    #[must_use]
    pub fn of(state: State) -> Option<Self> {
        match state {
            State::Cleared => Some(Self::Cleared),
            State::Rejected => Some(Self::Rejected),
            State::DeadLettered => Some(Self::DeadLettered),
            State::Abandoned => Some(Self::Abandoned),
            State::Draft | State::Submitted | State::PendingRetry => None,
        }
    }

    /// The `type` of the CloudEvent, the routing key, and the name in the settings of a webhook.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cleared => "jo.fawtara.invoice.cleared.v1",
            Self::Rejected => "jo.fawtara.invoice.rejected.v1",
            Self::DeadLettered => "jo.fawtara.invoice.dead-lettered.v1",
            Self::Abandoned => "jo.fawtara.invoice.abandoned.v1",
        }
    }

    fn state(self) -> State {
        match self {
            Self::Cleared => State::Cleared,
            Self::Rejected => State::Rejected,
            Self::DeadLettered => State::DeadLettered,
            Self::Abandoned => State::Abandoned,
        }
    }
}

/// An invoice has come to rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvoiceNotice {
    /// The invoice's UUID.
    pub uuid: Uuid,
    /// The seller's number.
    pub number: String,
    /// Where it went.
    pub environment: Environment,
    /// True unless it went to the authority's real interface: then nothing of it is real.
    pub simulated: bool,
    /// Whose invoice it is.
    pub seller: NoticeSeller,
    /// Sale or return.
    pub kind: Kind,
    /// Where it came to rest.
    #[schemars(with = "String", extend("enum" = ["cleared", "rejected", "dead_lettered", "abandoned"]))]
    pub state: State,
    /// The version of the invoice's history that this tells of. Notices may come twice, and later than newer ones: of two
    /// about one invoice the one with the higher version holds.
    pub version: u32,
    /// Its document version: 1, and one more with each amendment.
    pub document: u32,
    /// The invoice counter, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icv: Option<u64>,
    /// The text of the authority's QR code; set exactly when the invoice is cleared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr: Option<String>,
    /// Why it waits for a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub cause: Option<Cause>,
    /// The authority's codes, as far as it gave any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
    /// What the authority, or our own check, said; for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The payable amount in `currency`, as decimal text. 0 for a return that was never encoded.
    pub payable: Amount,
    /// The document's currency.
    pub currency: String,
}

/// Whose invoice it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoticeSeller {
    /// The seller's tax number.
    pub tax_number: String,
    /// The income-source sequence.
    pub income_source: String,
}

/// A CloudEvent 1.0 in structured mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CloudEvent {
    /// Always 1.0.
    #[schemars(extend("const" = "1.0"))]
    pub specversion: String,
    /// The event's name: the same whenever it is told again.
    pub id: Uuid,
    /// `/fawtara/` and environment, tax number, income source.
    pub source: String,
    /// What happened.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = NoticeType::ALL.map(NoticeType::as_str)))]
    pub event_type: String,
    /// The invoice's UUID.
    pub subject: Uuid,
    /// When it happened.
    pub time: Timestamp,
    /// Always application/json.
    pub datacontenttype: String,
    /// The schema of `data`.
    pub dataschema: String,
    /// The W3C trace that the invoice was published in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// What there is to tell.
    pub data: InvoiceNotice,
}

impl CloudEvent {
    /// The event that tells of an invoice that came to rest at `time`; none while it is under way.
    #[must_use]
    pub fn of(notice: InvoiceNotice, time: Timestamp, traceparent: Option<String>) -> Option<Self> {
        let event_type = NoticeType::of(notice.state)?.as_str();
        let NoticeSeller { tax_number, income_source } = &notice.seller;
        let name = format!("{}/{}/{}/{event_type}", notice.environment, notice.uuid, notice.version);
        Some(Self {
            specversion: "1.0".to_owned(),
            id: Uuid::new_v5(&NAMESPACE, name.as_bytes()),
            source: format!("/fawtara/{}/{tax_number}/{income_source}", notice.environment),
            event_type: event_type.to_owned(),
            subject: notice.uuid,
            time,
            datacontenttype: "application/json".to_owned(),
            dataschema: NOTICE_SCHEMA_ID.to_owned(),
            traceparent,
            data: notice,
        })
    }

    /// Its JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts, numbers and dates: nothing in it can fail to be written.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// One of each type, for documentation and tests.
    #[must_use]
    pub fn examples() -> Vec<Self> {
        let time = Timestamp::UNIX_EPOCH + chrono::TimeDelta::seconds(1_795_334_400);
        let examples = NoticeType::ALL.into_iter().zip(1_u32..).filter_map(|(kind, n)| {
            let cleared = kind == NoticeType::Cleared;
            let waits = kind.state().waits_for_person();
            let key = InvoiceKey {
                environment: Environment::Simulation,
                uuid: Uuid::new_v5(&NAMESPACE, kind.as_str().as_bytes()),
            };
            let source = IncomeSource { tax_number: "12345678".to_owned(), sequence: "9932895".to_owned() };
            let notice = InvoiceNotice {
                uuid: key.uuid,
                number: format!("INV-2026-{n:04}"),
                environment: key.environment,
                simulated: true,
                seller: NoticeSeller { tax_number: source.tax_number, income_source: source.sequence },
                kind: Kind::Invoice,
                state: kind.state(),
                version: 3 + n,
                document: 1,
                icv: Some(u64::from(n)),
                qr: cleared.then(|| "AQ5EZW1vIFNlbGxlcg==".to_owned()),
                cause: match kind {
                    NoticeType::Rejected => Some(Cause::Refused),
                    NoticeType::DeadLettered => Some(Cause::Suspect),
                    NoticeType::Cleared | NoticeType::Abandoned => None,
                },
                codes: if waits { vec!["invalid-tax-number".to_owned()] } else { Vec::new() },
                message: waits.then(|| "الرقم الضريبي للمشتري غير صحيح".to_owned()),
                payable: "23.200".parse().unwrap_or(Amount::ZERO),
                currency: "JOD".to_owned(),
            };
            Self::of(notice, time, None)
        });
        examples.collect()
    }
}

/// An event that says nothing, to try a webhook out.
#[must_use]
pub fn test_event(webhook: &str, id: Uuid, time: Timestamp) -> String {
    json!({
        "specversion": "1.0",
        "id": id,
        "source": "/fawtara/webhooks",
        "type": TEST_EVENT_TYPE,
        "time": time,
        "datacontenttype": "application/json",
        "data": { "webhook": webhook },
    })
    .to_string()
}

/// The JSON Schema (2020-12) of our events as they are published and sent to webhooks.
#[must_use]
pub fn notice_schema() -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<CloudEvent>().to_value();
    if let Value::Object(root) = &mut schema {
        root.insert("$id".to_owned(), NOTICE_SCHEMA_ID.into());
        root.insert("title".to_owned(), "Fawtara invoice notice, version 1".into());
        root.insert("examples".to_owned(), json!(CloudEvent::examples()));
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_told_again_has_the_id_that_it_had() {
        let example = CloudEvent::examples().remove(0);
        let again = |change: fn(&mut InvoiceNotice)| {
            let mut notice = example.data.clone();
            change(&mut notice);
            CloudEvent::of(notice, Timestamp::UNIX_EPOCH, None).unwrap().id
        };
        assert_eq!(again(|_| {}), example.id);
        assert_eq!(example.id.to_string(), "565c0d19-479b-5325-895e-86bda2fa8d9a", "fixed for ever");
        for change in [
            (|notice| notice.version += 1) as fn(&mut InvoiceNotice),
            |notice| notice.environment = Environment::Production,
            |notice| notice.uuid = Uuid::nil(),
            |notice| notice.state = State::Abandoned,
        ] {
            assert_ne!(again(change), example.id);
        }
    }

    #[test]
    fn only_settled_invoices_are_told_of() {
        for state in State::ALL {
            assert_eq!(NoticeType::of(*state).is_some(), state.is_settled(), "{state}");
            assert!(NoticeType::of(*state).is_none_or(|kind| kind.state() == *state));
        }
    }

    #[test]
    fn the_examples_satisfy_the_schema_and_come_back() {
        let schema = notice_schema();
        jsonschema::meta::validate(&schema).expect("a valid schema");
        let validator = jsonschema::validator_for(&schema).unwrap();
        let examples = CloudEvent::examples();
        assert_eq!(examples.len(), NoticeType::ALL.len());
        for example in examples {
            let json = example.to_json();
            let value: Value = serde_json::from_str(&json).unwrap();
            assert!(validator.is_valid(&value), "{value}");
            assert_eq!(value["data"]["qr"].is_string(), value["type"] == "jo.fawtara.invoice.cleared.v1");
            assert_eq!(serde_json::from_str::<CloudEvent>(&json).unwrap(), example);
        }
        assert!(!validator.is_valid(&json!({ "specversion": "0.3" })));
    }

    #[test]
    fn a_notice_says_where_it_comes_from() {
        let event = CloudEvent::examples().remove(1);
        assert_eq!(event.source, "/fawtara/simulation/12345678/9932895");
        assert_eq!(event.subject, event.data.uuid);
        assert!(event.to_json().contains(r#""payable":"23.2""#), "{}", event.to_json());
    }
}
