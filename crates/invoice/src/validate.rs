//! The rules that an event must keep, as far as the event alone can tell (guide v1.5; specification, sections 2 and 3).
//! All faults at once. Must not know the clock, the ledger or the XML.

mod document;
mod fault;
mod lines;
mod parties;
mod reader;
mod structure;
mod text;

pub use fault::{Fault, FaultCode};
pub use reader::{Checked, check, parse, read};

use crate::event::InvoiceEvent;
use crate::limits;
use crate::totals::Totals;

/// All faults of `event` (the first [`limits::FAULTS`] of them); none means that it can become a document, as far as the
/// event alone can tell.
///
/// It does not matter whether the event is normalised already. Not known here, and so not checked: the taxpayer's
/// registration, a date in the future (there is no clock), the original of a return, and whether a total in a foreign
/// currency exceeds the 10,000 JOD above which a cash buyer must be named (the guide gives no rate; specification 2.9).
#[must_use]
pub fn validate(event: &InvoiceEvent) -> Vec<Fault> {
    examine(event).0
}

/// The faults, and the totals when the lines are fit to be calculated.
fn examine(event: &InvoiceEvent) -> (Vec<Fault>, Option<Totals>) {
    let mut faults = Faults::default();
    document::check(&mut faults, event);
    parties::check_seller(&mut faults, &event.seller);
    if let Some(buyer) = &event.buyer {
        parties::check_buyer(&mut faults, buyer);
    }
    let before = faults.found.len();
    lines::check(&mut faults, event);
    let calculable = faults.found.len() == before && before < limits::FAULTS;
    let totals = if calculable { document::totals(&mut faults, event) } else { None };
    parties::check_presence(&mut faults, event, totals.as_ref());
    (faults.found, totals)
}

/// The faults found so far; bounded.
#[derive(Default)]
struct Faults {
    found: Vec<Fault>,
}

impl Faults {
    fn add(&mut self, code: FaultCode, path: &str, message: impl Into<String>) {
        if self.found.len() < limits::FAULTS {
            self.found.push(Fault::new(code, path, message));
        }
    }

    /// A fault in a line, or in one of its fields.
    fn line(&mut self, index: usize, field: &str, code: FaultCode, message: impl Into<String>) {
        let dot = if field.is_empty() { "" } else { "." };
        self.add(code, &format!("lines[{index}]{dot}{field}"), message);
    }
}

#[cfg(test)]
mod tests;
