//! CloudEvents 1.0 around an invoice event: structured (the event is a member of a JSON object) or binary (its attributes are
//! headers). Knows neither HTTP nor AMQP, and nothing of what the event says.
//!
//! An envelope that is wrong is refused like an event that is wrong; whatever it says beyond the standard is passed over.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ledger::Arrival;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::intake::Refused;

/// The media type of one event in structured mode.
pub(crate) const STRUCTURED: &str = "application/cloudevents+json";
/// The media type of several events in structured mode, over HTTP only.
pub(crate) const BATCH: &str = "application/cloudevents-batch+json";
/// What all media types of CloudEvents begin with.
const FAMILY: &str = "application/cloudevents";

/// The type of everything that is published here, returns included: they share one schema.
pub const EVENT_TYPE: &str = "jo.fawtara.invoice.event.v1";

/// A message as it arrived.
pub(crate) struct Message<'a> {
    pub(crate) content_type: Option<&'a str>,
    /// The attributes of binary mode, without the prefix that the transport gives them.
    pub(crate) attributes: &'a BTreeMap<String, String>,
    pub(crate) body: &'a [u8],
}

/// A message without its envelope.
#[derive(Debug)]
pub(crate) struct Opened<'a> {
    /// The event's JSON.
    pub(crate) event: Cow<'a, [u8]>,
    /// The trace that the envelope names.
    pub(crate) traceparent: Option<String>,
    subject: Option<Uuid>,
}

/// What a content type says, without its parameters.
pub(crate) fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

impl<'a> Opened<'a> {
    /// Takes the event out of its envelope, if it has one.
    #[allow(clippy::result_large_err, reason = "as in Intake::check")]
    pub(crate) fn of(message: &Message<'a>) -> Result<Self, Refused> {
        let media_type = message.content_type.map(media_type).unwrap_or_default();
        if media_type == STRUCTURED {
            return Self::structured(message.body);
        }
        if media_type.starts_with(FAMILY) {
            let told =
                format!("{media_type} is not taken here; send {STRUCTURED}, or the attributes as headers");
            return Err(wrong("content-type", told));
        }
        if message.attributes.is_empty() {
            return Ok(Self { event: message.body.into(), traceparent: None, subject: None });
        }
        check_json("content-type", message.content_type)?;
        let attribute = |name: &str| Ok(message.attributes.get(name).cloned());
        Self::with(&attribute, message.body.into())
    }

    /// Takes the event out of a JSON object.
    #[allow(clippy::result_large_err, reason = "as in Intake::check")]
    pub(crate) fn structured(body: &'a [u8]) -> Result<Self, Refused> {
        let Members(members) = serde_json::from_slice(body)
            .map_err(|error| wrong("", format!("the envelope is not a JSON object: {error}")))?;
        let text = |name: &str| match members.get(name).map(|raw| raw.get()) {
            None | Some("null") => Ok(None),
            Some(raw) => serde_json::from_str::<String>(raw)
                .map(Some)
                .map_err(|_| wrong(name, "it must be a text".to_owned())),
        };
        check_json("datacontenttype", text("datacontenttype")?.as_deref())?;
        let event = match (members.get("data"), text("data_base64")?) {
            (Some(data), None) => Cow::from(data.get().as_bytes()),
            (None, Some(encoded)) => BASE64
                .decode(encoded)
                .map_err(|error| wrong("data_base64", format!("it is not Base64: {error}")))?
                .into(),
            (Some(_), Some(_)) => {
                return Err(wrong("data_base64", "data and data_base64 exclude each other".to_owned()));
            }
            (None, None) => return Err(wrong("data", "the event is missing: it belongs here".to_owned())),
        };
        Self::with(&text, event)
    }

    #[allow(clippy::result_large_err, reason = "as in Intake::check")]
    fn with(
        attribute: &dyn Fn(&str) -> Result<Option<String>, Refused>,
        event: Cow<'a, [u8]>,
    ) -> Result<Self, Refused> {
        let required = |name: &str| match attribute(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(wrong(name, "this attribute is required, and not empty".to_owned())),
        };
        let version = required("specversion")?;
        if version != "1.0" {
            return Err(wrong("specversion", format!("{version:?} is not known here; send \"1.0\"")));
        }
        required("id")?;
        required("source")?;
        let stated = required("type")?;
        if stated != EVENT_TYPE {
            return Err(wrong("type", format!("{stated:?} is not known here; send {EVENT_TYPE}")));
        }
        if let Some(time) = attribute("time")?
            && time.parse::<invoice::Timestamp>().is_err()
        {
            return Err(wrong("time", format!("{time:?} is not a time such as 2026-11-22T08:00:00Z")));
        }
        let subject = attribute("subject")?.map(|subject| {
            let told =
                format!("{subject:?} is not a UUID; the subject is the UUID of the invoice, or left out");
            subject.parse::<Uuid>().map_err(|_| wrong("subject", told))
        });
        let traceparent = attribute("traceparent")?.filter(|trace| broker::is_traceparent(trace));
        Ok(Self { event, traceparent, subject: subject.transpose()? })
    }

    /// Refuses an envelope that speaks of something else than what is in it.
    #[allow(clippy::result_large_err, reason = "as in Intake::check")]
    pub(crate) fn agree(&self, arrival: &Arrival) -> Result<(), Refused> {
        let uuid = arrival.key.uuid;
        if let Some(subject) = self.subject
            && subject != uuid
        {
            return Err(wrong("subject", format!("it is {subject}, but the UUID of the event is {uuid}")));
        }
        Ok(())
    }
}

/// So many characters of what is wrong are repeated; escaped, they may become eight times as many.
pub(crate) const WORDS: usize = 200;

#[allow(clippy::needless_pass_by_value, reason = "every caller makes it for this alone")]
fn wrong(attribute: &str, message: String) -> Refused {
    Refused::Envelope { attribute: attribute.to_owned(), message: invoice::excerpt(&message, WORDS) }
}

#[allow(clippy::result_large_err, reason = "as in Intake::check")]
fn check_json(attribute: &str, content_type: Option<&str>) -> Result<(), Refused> {
    match content_type.map(media_type) {
        Some(stated) if stated != "application/json" && !stated.ends_with("+json") => {
            Err(wrong(attribute, format!("{stated} is not taken here; the event is application/json")))
        }
        _ => Ok(()),
    }
}

/// The members of an object as they stand. One that comes twice is no envelope: its readers could differ over it.
struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'de> serde::Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;

        impl<'de> Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    let twice = format!("{name:?} stands there twice");
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom(twice));
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Reader)
    }
}

#[cfg(test)]
mod tests;
