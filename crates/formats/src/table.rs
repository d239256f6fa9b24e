//! Tables for people with spreadsheets: CSV with a header row, one row for each line of a document, the rows of a document together.
//!
//! Column names and words may be English or Arabic, digits Arabic-Indic; a comma, a semicolon or a tab may stand between cells. Faults
//! name the cell as a spreadsheet does (`F12`).

mod cells;
mod columns;
mod groups;
mod head;
mod lines;
mod template;
mod values;
mod words;

use invoice::event::{InvoiceEvent, Kind, Prices, Scope};
use invoice::returns::{OriginalReference, ReturnKind};
use invoice::{Fault, FaultCode, Published, ReturnEvent, limits};

use crate::Context;
use crate::document::{Document, Mapped, Names};

pub(crate) use cells::Cells;
pub use columns::{COLUMNS, Column, markdown};
pub use template::template;

use groups::{Group, Groups};
use values::Values;

/// Every document of a table.
pub(crate) fn documents<'a>(
    bytes: &'a [u8],
    context: &'a Context<'a>,
) -> Box<dyn Iterator<Item = Document> + Send + 'a> {
    match Groups::open(bytes) {
        Ok(groups) => Box::new(
            groups.map(move |group| Document { place: group.first_row(), result: document(&group, context) }),
        ),
        Err(faults) => Box::new(std::iter::once(Document { place: 1, result: Err(faults) })),
    }
}

/// How many documents a table has, counted up to `most`.
pub(crate) fn count(bytes: &[u8], most: usize) -> usize {
    // A header that is refused is answered like one document.
    Groups::open(bytes).map_or(1, |groups| groups.take(most).count())
}

fn document(group: &Group, context: &Context<'_>) -> Result<Mapped, Vec<Fault>> {
    let mut values = Values::new(group);
    values.faults.extend(group.faults.iter().cloned());
    let kind = values.word("kind", words::KINDS);
    let returns = ["original_number", "original_uuid", "return_reason"];
    let kind = kind.unwrap_or_else(|| {
        let any = returns.iter().any(|column| values.has(column));
        if any { Kind::Return } else { Kind::Invoice }
    });
    let event = match kind {
        Kind::Invoice => Published::Invoice(invoice(&mut values, context)),
        Kind::Return => Published::Return(credit_note(&mut values)),
    };
    if values.faults.is_empty() {
        Ok(Mapped { event, names: Names::Cells(group.cells()) })
    } else {
        values.faults.truncate(limits::FAULTS);
        Err(values.faults)
    }
}

fn invoice(values: &mut Values<'_>, context: &Context<'_>) -> InvoiceEvent {
    let seller = head::seller(values);
    let family = head::family(values, &seller, context);
    for column in ["original_number", "original_uuid", "original_total", "return_reason"] {
        if values.has(column) {
            let message = "belongs to returns: clear it, or write \"return\" as the kind";
            values.fault(column, 0, FaultCode::OriginalNotAllowed, message);
        }
    }
    InvoiceEvent {
        schema_version: limits::SCHEMA_VERSION,
        uuid: values.uuid("uuid"),
        amends: values.whole("amends"),
        kind: Kind::Invoice,
        family,
        scope: values.word("scope", words::SCOPES).unwrap_or(Scope::Local),
        payment: head::payment(values),
        number: values.needed("number").unwrap_or_default(),
        issue_date: values.date("issue_date").unwrap_or_default(),
        currency: values.text("currency").map_or_else(|| "JOD".to_owned(), |code| code.to_ascii_uppercase()),
        prices: values.word("prices", words::PRICES).unwrap_or(Prices::Net),
        discount: values.amount("document_discount", 0),
        note: values.text("note"),
        metadata: lines::metadata(values),
        seller,
        buyer: head::buyer(values),
        original: None,
        lines: (0..values.rows()).map(|row| lines::sold(values, row, family)).collect(),
    }
}

fn credit_note(values: &mut Values<'_>) -> ReturnEvent {
    let seller = head::seller(values);
    let original = OriginalReference {
        uuid: values.text("original_uuid"),
        number: values.text("original_number"),
        reason: values.needed("return_reason").unwrap_or_default(),
        total: values.amount("original_total", 0),
        lines: None,
    };
    if original.uuid.is_none() && original.number.is_none() {
        let message = "is missing: a return names the invoice that it takes back, by number or UUID";
        values.fault("original_number", 0, FaultCode::OriginalMissing, message);
    }
    ReturnEvent {
        schema_version: limits::SCHEMA_VERSION,
        uuid: values.uuid("uuid"),
        amends: values.whole("amends"),
        kind: ReturnKind::Return,
        number: values.needed("number").unwrap_or_default(),
        issue_date: values.date("issue_date").unwrap_or_default(),
        note: values.text("note"),
        metadata: lines::metadata(values),
        seller,
        original,
        lines: lines::returned(values),
        family: values.word("family", words::FAMILIES),
        scope: values.word("scope", words::SCOPES),
        payment: values.word("payment", words::PAYMENTS),
        currency: values.text("currency").map(|code| code.to_ascii_uppercase()),
        buyer: head::buyer(values),
    }
}
