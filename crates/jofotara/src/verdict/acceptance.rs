//! Whether an acceptance is one of our own document (promise 7). Knows nothing of HTTP.
//!
//! ALREADY_SUBMITTED is believed only for our own document. SUBMITTED is the answer to the very request that it came
//! back on, so it is believed unless it names another document: then an answer was mixed up on the way, and the
//! same bytes are sent again, which brings ALREADY_SUBMITTED and the strict rules.
//!
//! | | SUBMITTED | ALREADY_SUBMITTED |
//! |---|---|---|
//! | number and UUID are both another's | in doubt | in doubt: not an answer to us |
//! | one of them is another's | in doubt | holds other |
//! | the document is another's by its own number or UUID | in doubt | holds other |
//! | the document differs elsewhere, both echoed | cleared, with a note | holds other |
//! | the document differs elsewhere, not both echoed | in doubt | holds other |
//! | the document is ours | cleared, with a note when not both echoed | the same |
//! | no document, or unreadable; both echoed | cleared, with a note | the same |
//! | no document, or unreadable; not both echoed | cleared, with a note | in doubt: nothing shows that it is ours |
//!
//! A relay returns no document at all; its row is the last but one or the last.
//!
//! What would be cleared is, without its QR, only accepted: it is fetched by sending again.

use invoice::Digest;
use invoice::life::Outcome;
use ubl::Difference;

use super::{Ruling, Sent};
use crate::answer::{Answer, Form, decode_signed};

/// SUBMITTED.
pub(super) fn submitted(answer: &Answer, sent: &Sent<'_>) -> Ruling {
    let echo = Echo::of(answer, sent);
    let returned = Returned::of(answer, sent);
    match (&echo, &returned) {
        (Echo::Other { told, .. }, _) => not_ours("SUBMITTED", told),
        (_, Returned::Foreign { difference, .. }) => not_ours("SUBMITTED", difference),
        (Echo::Partial(_), Returned::Differing { difference, .. }) => not_ours("SUBMITTED", difference),
        (Echo::Partial(_) | Echo::Both, _) => accepted(answer, echo, returned, false),
    }
}

/// ALREADY_SUBMITTED.
pub(super) fn already(answer: &Answer, sent: &Sent<'_>) -> Ruling {
    let echo = Echo::of(answer, sent);
    let returned = Returned::of(answer, sent);
    match (echo, returned) {
        (Echo::Other { both: true, told }, _) => not_ours("ALREADY_SUBMITTED", &told),
        (Echo::Other { both: false, told }, returned) => holds_other(answer, told, returned.into_document()),
        (
            Echo::Both | Echo::Partial(_),
            Returned::Foreign { document, difference } | Returned::Differing { document, difference },
        ) => holds_other(answer, difference, Some(document)),
        (Echo::Partial(told), Returned::Nothing(problem) | Returned::Unreadable { problem, .. }) => {
            not_ours("ALREADY_SUBMITTED", &format!("{told}, and {problem}"))
        }
        (echo, returned) => accepted(answer, echo, returned, true),
    }
}

/// Believed: cleared when the QR is there, else to be fetched.
fn accepted(answer: &Answer, echo: Echo, returned: Returned, already: bool) -> Ruling {
    let status = if already { "ALREADY_SUBMITTED" } else { "SUBMITTED" };
    let Some(qr) = answer.qr.clone() else {
        return Ruling::of(Outcome::AcceptedWithoutQr, format!("{status} without its QR"));
    };
    let mut notes = Vec::new();
    if let Echo::Partial(told) = echo {
        notes.push(told);
    }
    let document = match returned {
        Returned::Ours(document) => Some(document),
        // A relay never returns one: that is worth a word only where the comparison was wanted.
        Returned::Nothing(_) if answer.form == Form::Relay && !already => None,
        Returned::Nothing(problem) => {
            notes.push(problem);
            None
        }
        Returned::Unreadable { document, problem } => {
            notes.push(problem);
            Some(document)
        }
        Returned::Differing { document, difference } | Returned::Foreign { document, difference } => {
            notes.push(format!("the signed document differs from ours {difference}"));
            Some(document)
        }
    };
    let note = (!notes.is_empty()).then(|| notes.join("; "));
    let signed = document.as_deref().map(Digest::of);
    let mut message = status.to_owned();
    for warning in answer.warnings.iter().take(3) {
        message.push_str(&format!("; warning: {} {}", warning.code, warning.message));
    }
    Ruling { signed: document, ..Ruling::of(Outcome::Cleared { qr, already, note, signed }, message) }
}

fn holds_other(answer: &Answer, difference: String, held: Option<Vec<u8>>) -> Ruling {
    let message = format!("the authority holds another document: {difference}");
    Ruling { held, ..Ruling::of(Outcome::HoldsOther { qr: answer.qr.clone(), difference }, message) }
}

fn not_ours(status: &str, told: &str) -> Ruling {
    Ruling::of(Outcome::InDoubt, format!("{status}, but nothing shows that this answers our request: {told}"))
}

/// Whether number and UUID come back.
enum Echo {
    Both,
    /// What is missing; the rest is ours.
    Partial(String),
    /// What is another's, and whether both are.
    Other {
        both: bool,
        told: String,
    },
}

impl Echo {
    fn of(answer: &Answer, sent: &Sent<'_>) -> Self {
        let uuid = sent.uuid.to_string();
        let number_is_ours = answer.number.as_deref().map(|number| number == sent.number.trim());
        let uuid_is_ours = answer.uuid.as_deref().map(|told| told.eq_ignore_ascii_case(&uuid));
        let said = |text: &Option<String>| text.clone().unwrap_or_default();
        let number = format!("it names number {:?}, ours is {:?}", said(&answer.number), sent.number);
        match (number_is_ours, uuid_is_ours) {
            (Some(true), Some(true)) => Self::Both,
            (Some(false), Some(false)) => Self::Other {
                both: true,
                told: format!("{number}, and UUID {:?}, ours is {uuid:?}", said(&answer.uuid)),
            },
            (Some(false), _) => Self::Other { both: false, told: number },
            (_, Some(false)) => Self::Other {
                both: false,
                told: format!("it names UUID {:?}, ours is {uuid:?}", said(&answer.uuid)),
            },
            (None, None) => Self::Partial("it names neither number nor UUID".to_owned()),
            (None, Some(true)) => Self::Partial("it names no number".to_owned()),
            (Some(true), None) => Self::Partial("it names no UUID".to_owned()),
        }
    }
}

/// The document that came back.
enum Returned {
    /// None, or none that could be decoded; what is wrong.
    Nothing(String),
    /// It says what ours says.
    Ours(Vec<u8>),
    /// It was decoded, but could not be compared to the end.
    Unreadable { document: Vec<u8>, problem: String },
    /// Its own number or UUID is another's.
    Foreign { document: Vec<u8>, difference: String },
    /// It names ours and says something else.
    Differing { document: Vec<u8>, difference: String },
}

impl Returned {
    fn of(answer: &Answer, sent: &Sent<'_>) -> Self {
        let Some(text) = answer.signed.as_deref() else {
            return Self::Nothing(match answer.form {
                Form::Relay => "the gateway returns no document that could be compared with ours".to_owned(),
                _ => "no signed document came with it".to_owned(),
            });
        };
        let document = match decode_signed(text) {
            Ok(document) => document,
            Err(error) => return Self::Nothing(format!("the signed document cannot be decoded: {error}")),
        };
        match ubl::same_document(sent.xml, &document) {
            Ok(()) => Self::Ours(document),
            Err(Difference::TheirsUnreadable(problem)) => Self::Unreadable {
                document,
                problem: format!("the signed document cannot be read: {problem}"),
            },
            Err(Difference::OursUnreadable(problem)) => Self::Unreadable {
                document,
                problem: format!("the signed document was not compared, for ours cannot be read: {problem}"),
            },
            Err(difference) if is_foreign(&document, sent) => {
                Self::Foreign { document, difference: difference.to_string() }
            }
            Err(difference) => Self::Differing { document, difference: difference.to_string() },
        }
    }

    fn into_document(self) -> Option<Vec<u8>> {
        match self {
            Self::Nothing(_) => None,
            Self::Ours(document)
            | Self::Unreadable { document, .. }
            | Self::Foreign { document, .. }
            | Self::Differing { document, .. } => Some(document),
        }
    }
}

fn is_foreign(document: &[u8], sent: &Sent<'_>) -> bool {
    ubl::identity(document).is_ok_and(|identity| {
        identity.number.trim() != sent.number.trim()
            || !identity.uuid.trim().eq_ignore_ascii_case(&sent.uuid.to_string())
    })
}
