//! The only door for events from outside: bytes in, a checked and normalised event out, or all that is wrong with it.

use crate::digest::Digest;
use crate::event::{InvoiceEvent, Kind};
use crate::key::IncomeSource;
use crate::limits;
use crate::profile::{Profile, Slash};
use crate::published::Published;
use crate::returns::ReturnEvent;
use crate::settle::{Settled, settle};

use super::format::{Event, Format};
use super::{Fault, FaultCode, both, examine, returns, structure};

/// An event that keeps all rules, in its normal form, with what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The event, normalised: UUID and line numbers set, texts trimmed, telephone number reduced to its digits.
    pub event: Published,
    /// The document that an invoice becomes; none for a return, which is completed from its original later.
    pub document: Option<Settled>,
    /// The digest of `normal_form`: one UUID, one content.
    pub content: Digest,
    /// The event as canonical JSON without `amends`: what the ledger keeps for comparison.
    pub normal_form: String,
}

/// Reads one event: structure and types only, no rules. Its `kind` says whether it is an invoice or a return.
///
/// Refuses more than [`limits::EVENT_BYTES`], what is not UTF-8 or has half a surrogate pair, unknown, missing and repeated
/// members, and anything after the event. Structural faults are listed all at once, each with its path.
pub fn parse(json: &[u8]) -> Result<Published, Vec<Fault>> {
    if json.len() > limits::EVENT_BYTES {
        let (found, most) = (json.len(), limits::EVENT_BYTES);
        let message = both!(
            "{found} bytes are more than an event may have, {most}",
            "حجم الحدث {found} بايت، وأقصى ما يُسمح به {most}"
        );
        return Err(vec![Fault::new(FaultCode::TooLarge, "", message)]);
    }
    let text = std::str::from_utf8(json).map_err(|error| {
        let place = error.valid_up_to();
        let message = both!(
            "byte {place} is not UTF-8: send the event as UTF-8",
            "البايت {place} ليس بترميز UTF-8: أرسل الحدث بترميز UTF-8"
        );
        vec![Fault::new(FaultCode::InvalidUnicode, "", message)]
    })?;
    // Some editors put a byte order mark in front of UTF-8 files.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Nearly all events are invoices: they are read once, and whatever else is looked at again.
    let read = match plain::<InvoiceEvent>(text) {
        Ok(event) if event.kind == Kind::Invoice => return Ok(Published::Invoice(event)),
        Ok(_) => None,
        Err(reason) => Some(reason),
    };
    match (Format::of(text), read) {
        (Format::Return, _) => plain::<ReturnEvent>(text)
            .map(Published::Return)
            .map_err(|reason| reason.explain::<ReturnEvent>(text)),
        (Format::Invoice, Some(reason)) => Err(reason.explain::<InvoiceEvent>(text)),
        (Format::Invoice, None) => Err(NotPlain::Shape.explain::<InvoiceEvent>(text)),
    }
}

/// Why a text is not read.
enum NotPlain {
    /// serde's words.
    Unread(String),
    /// Something follows the event.
    Followed(serde_json::Error),
    /// serde reads it, and yet it is not written as the schema says.
    Shape,
}

impl NotPlain {
    fn explain<T: Event>(self, text: &str) -> Vec<Fault> {
        match self {
            Self::Unread(reason) => structure::explain::<T>(text, &reason),
            Self::Followed(error) => structure::trailing(&error),
            Self::Shape => structure::explain::<T>(text, "is not written as the schema says"),
        }
    }
}

/// The event, if the text is one and nothing else.
fn plain<T: Event>(text: &str) -> Result<T, NotPlain> {
    let mut source = serde_json::Deserializer::from_str(text);
    let event = T::deserialize(&mut source).map_err(|error| NotPlain::Unread(error.to_string()))?;
    source.end().map_err(NotPlain::Followed)?;
    if structure::is_plain(text, event.shape()) { Ok(event) } else { Err(NotPlain::Shape) }
}

/// Reads, checks and normalises one event by the readings of guide v1.5.
pub fn read(json: &[u8]) -> Result<Checked, Vec<Fault>> {
    check(parse(json)?, &Profile::default())
}

/// Reads, checks and normalises one event by the readings that its income source has.
pub fn read_with(json: &[u8], profile: impl FnOnce(&IncomeSource) -> Profile) -> Result<Checked, Vec<Fault>> {
    let event = parse(json)?;
    let profile = profile(&event.income_source());
    check(event, &profile)
}

/// Checks and normalises an event that is in hand already.
pub fn check(mut event: Published, profile: &Profile) -> Result<Checked, Vec<Fault>> {
    match &event {
        Published::Invoice(invoice) => {
            let (faults, settled) = examine(invoice, profile);
            if !faults.is_empty() || settled.is_none() {
                return Err(faults);
            }
        }
        Published::Return(event) => {
            let faults = returns::examine(event, profile);
            if !faults.is_empty() {
                return Err(faults);
            }
        }
    }
    event.normalise();
    if profile.slash == Slash::Underscore {
        // Before the content is fixed: ledger, document and answer then know one and the same number.
        event.replace_slashes();
    }
    let normal_form = event.normal_form();
    // Calculated anew, with the numbers that the lines have now.
    let document = event
        .invoice()
        .map(|invoice| settle(invoice, profile).map_err(|error| vec![error.fault()]))
        .transpose()?;
    Ok(Checked { content: Digest::of(normal_form.as_bytes()), event, document, normal_form })
}
