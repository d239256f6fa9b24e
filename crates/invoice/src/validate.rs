//! The rules that an event must keep, as far as the event alone can tell (guide v1.5; specification, sections 2 and 3).
//! All faults at once. Must not know the clock, the ledger or the XML.

mod amounts;
mod document;
mod fault;
mod format;
mod lines;
mod metadata;
mod parties;
mod reader;
mod returns;
mod structure;
mod taxes;
mod text;

pub(crate) use fault::both;
pub use fault::{Fault, FaultCode, Message};
pub use reader::{Checked, check, parse, read, read_with};

use crate::event::InvoiceEvent;
use crate::limits;
use crate::profile::Profile;
use crate::settle::Settled;

/// All faults of `event` (the first [`limits::FAULTS`] of them); none means that it can become a document, as far as the
/// event alone can tell.
///
/// It does not matter whether the event is normalised already. Not known here, and so not checked: the taxpayer's
/// registration, a date in the future (there is no clock), the original of a return, and whether a total in a foreign
/// currency exceeds the 10,000 JOD above which a cash buyer must be named, unless the profile has a rate for that currency
/// (the guide gives none; specification 2.9).
#[must_use]
pub fn validate(event: &InvoiceEvent, profile: &Profile) -> Vec<Fault> {
    examine(event, profile).0
}

/// The faults, and the document when the lines are fit to be calculated.
fn examine(event: &InvoiceEvent, profile: &Profile) -> (Vec<Fault>, Option<Settled>) {
    let mut faults = Faults::default();
    document::check(&mut faults, event, profile);
    metadata::check(&mut faults, event.metadata.as_ref());
    parties::check_seller(&mut faults, &event.seller);
    if let Some(buyer) = &event.buyer {
        parties::check_buyer(&mut faults, buyer, profile);
    }
    let settled = calculate(&mut faults, event, profile);
    parties::check_presence(&mut faults, event, settled.as_ref().map(|settled| &settled.totals), profile);
    (faults.found, settled)
}

/// The rules for the lines, and what they come to when they keep them.
fn calculate(faults: &mut Faults, event: &InvoiceEvent, profile: &Profile) -> Option<Settled> {
    let before = faults.found.len();
    lines::check(faults, event);
    let calculable = faults.found.len() == before && before < limits::FAULTS;
    if calculable { document::settled(faults, event, profile) } else { None }
}

/// The faults found so far; bounded.
#[derive(Default)]
struct Faults {
    found: Vec<Fault>,
}

impl Faults {
    fn add(&mut self, code: FaultCode, path: &str, message: impl Into<Message>) {
        if self.found.len() < limits::FAULTS {
            self.found.push(Fault::new(code, path, message));
        }
    }

    /// A fault in a line, or in one of its fields.
    fn line(&mut self, index: usize, field: &str, code: FaultCode, message: impl Into<Message>) {
        let dot = if field.is_empty() { "" } else { "." };
        self.add(code, &format!("lines[{index}]{dot}{field}"), message);
    }

    /// Takes over the faults of a part, each at its place within `prefix`.
    fn within(&mut self, prefix: &str, part: Self) {
        for mut fault in part.found {
            if self.found.len() < limits::FAULTS {
                let dot = if fault.path.is_empty() || prefix.is_empty() { "" } else { "." };
                fault.path = format!("{prefix}{dot}{}", fault.path);
                self.found.push(fault);
            }
        }
    }
}

#[cfg(test)]
mod tests;
