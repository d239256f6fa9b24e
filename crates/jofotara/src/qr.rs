//! What a QR text says, read for display (specification 4.1). The text itself is passed on unchanged, always: nothing
//! depends on what is read here, and a text that cannot be read is no fault of the invoice.
//!
//! The text is Base64 of tags, each a byte of number, a byte of length and a value. The order of the tags changed between
//! 2023 and guide v1.5, so date and total are told apart by their shape. Nothing says which orders are still to come.

#[cfg(test)]
mod tests;

use base64::Engine as _;
use serde::Serialize;
use uuid::Uuid;

use crate::lenient::TOLERANT;

/// The longest text that is read, in characters; ten full tags have 3,428.
const MAX_CHARS: usize = 16 * 1024;

/// One tag as it stands there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tag {
    /// Its number.
    pub tag: u8,
    /// Its value; bytes that are no UTF-8 are replaced.
    pub value: String,
}

/// In which order the tags stand, as far as that can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As in guide v1.5: 4 is the total, 7 the date.
    Guide15,
    /// As in the answer of 2023: 4 is the date, 7 the total.
    Answer2023,
    /// Neither can be told.
    Unknown,
}

/// What was read of a QR text. Whatever is empty or missing there is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QrContent {
    /// Every tag, in order.
    pub tags: Vec<Tag>,
    /// Where and why reading ended before the end; absent when all was read.
    pub stopped: Option<String>,
    /// The order of the tags.
    pub order: Order,
    /// A UUID, in the first tag. In the answer of 2023 it was the portal's own, not the document's.
    pub uuid: Option<Uuid>,
    /// The invoice number.
    pub number: Option<String>,
    /// The date as it stands there, usually `YYYY-MM-DD`.
    pub date: Option<String>,
    /// The total with tax, as it stands there.
    pub total: Option<String>,
    /// The sum of the tax, as it stands there.
    pub tax: Option<String>,
    /// The seller's tax number.
    pub tax_number: Option<String>,
    /// The seller's name.
    pub seller: Option<String>,
    /// The signature, Base64.
    pub signature: Option<String>,
}

impl QrContent {
    /// Whether anything was read at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }
}

/// Reads a QR text as far as it can be read. Never fails: what is damaged gives what stands before the damage.
#[must_use]
pub fn decode(text: &str) -> QrContent {
    let (tags, stopped) = tags(text);
    let value = |wanted: u8| {
        let found = tags.iter().find(|tag| tag.tag == wanted).map(|tag| tag.value.trim());
        found.filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let (fourth, seventh) = (value(4), value(7));
    let is = |value: &Option<String>, shape: fn(&str) -> bool| value.as_deref().is_some_and(shape);
    let order = if is(&fourth, is_date) || (is(&seventh, is_amount) && !is(&fourth, is_amount)) {
        Order::Answer2023
    } else if is(&fourth, is_amount) || is(&seventh, is_date) {
        Order::Guide15
    } else {
        Order::Unknown
    };
    let (date, total) = match order {
        Order::Guide15 => (seventh, fourth),
        Order::Answer2023 => (fourth, seventh),
        Order::Unknown => (None, None),
    };
    QrContent {
        uuid: value(1).and_then(|text| Uuid::try_parse(&text).ok()),
        number: value(5),
        date,
        total,
        tax: value(6).filter(|text| is_amount(text)),
        tax_number: value(8),
        seller: value(9),
        signature: value(10),
        order,
        stopped,
        tags,
    }
}

/// The tags up to the first damage, and where that is.
fn tags(text: &str) -> (Vec<Tag>, Option<String>) {
    if text.len() > MAX_CHARS {
        return (Vec::new(), Some(format!("it has {} bytes, more than {MAX_CHARS}", text.len())));
    }
    let text: String = text.split_whitespace().collect();
    if text.is_empty() {
        return (Vec::new(), Some("it is empty".to_owned()));
    }
    let (bytes, mut stopped) = base64(&text);
    let mut tags = Vec::new();
    let mut rest = bytes.as_slice();
    while let [tag, length, tail @ ..] = rest {
        let Some((value, tail)) = tail.split_at_checked(usize::from(*length)) else {
            stopped = stopped.or_else(|| {
                Some(format!("tag {tag} announces {length} bytes, and only {} are left", tail.len()))
            });
            return (tags, stopped);
        };
        tags.push(Tag { tag: *tag, value: String::from_utf8_lossy(value).into_owned() });
        rest = tail;
    }
    if let [tag] = rest {
        stopped = stopped.or_else(|| Some(format!("tag {tag} has no length")));
    }
    (tags, stopped)
}

/// The bytes up to the first character that is no Base64, and where that stands.
fn base64(text: &str) -> (Vec<u8>, Option<String>) {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let sound = text.bytes().take_while(allowed).count();
    let stopped = (sound < text.len()).then(|| format!("character {} is no Base64", sound + 1));
    let sound = text.get(..sound).unwrap_or_default();
    match TOLERANT.decode(sound) {
        Ok(bytes) => (bytes, stopped),
        // The last group may be damaged; the ones before are whole.
        Err(_) => {
            let padless = sound.find('=').map_or(sound, |end| sound.get(..end).unwrap_or_default());
            let whole = padless.get(..padless.len() / 4 * 4).unwrap_or_default();
            let bytes = TOLERANT.decode(whole).unwrap_or_default();
            (bytes, stopped.or_else(|| Some(format!("after {} characters it is no Base64", whole.len()))))
        }
    }
}

/// `2024-06-13`, perhaps with a time behind it, and perhaps damaged in its day.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let digits = |part: Option<&str>, count: usize| {
        part.is_some_and(|part| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit()))
    };
    digits(parts.next(), 4) && digits(parts.next(), 2) && parts.next().is_some()
}

fn is_amount(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole.strip_prefix('-').unwrap_or(whole)) && digits(fraction)
}
