//! A document as an event, or as the original of returns. Knows where things stand, not whether they are right.

use chrono::NaiveDate;
use invoice::event::{Family, InvoiceEvent, Kind, Original, Payment, Prices, Scope};
use invoice::{OriginalDocument, limits};
use uuid::Uuid;

use crate::finding::{Finding, FindingCode, Findings};

use super::tree::Element;
use super::{Reading, lexical, line, party};

/// What the type code says.
struct Type {
    kind: Kind,
    scope: Scope,
    payment: Payment,
    family: Family,
}

/// The event as far as there is one, and what could not be understood.
pub(super) fn event(reading: &Reading) -> (Option<InvoiceEvent>, Vec<Finding>) {
    let mut findings = Findings::default();
    let event = whole(reading, &mut findings);
    (event, findings.0)
}

fn whole(reading: &Reading, findings: &mut Findings) -> Option<InvoiceEvent> {
    let root = reading.root();
    let number = required(root, "cbc:ID", findings).map(str::to_owned);
    let uuid = required(root, "cbc:UUID", findings).and_then(uuid);
    let issue_date = issue_date(root, findings);
    let kind_of = document_type(root, findings);
    let currency = required(root, "cbc:DocumentCurrencyCode", findings).map(str::to_owned);
    let seller = party::seller(root, findings);
    let buyer = party::buyer(root, findings);
    let Type { kind, scope, payment, family } = kind_of?;
    let original = match kind {
        Kind::Invoice => None,
        Kind::Return => Some(reference(root, findings)),
    };
    let lines = root.children_named("cac:InvoiceLine").zip(1_usize..).map(|(element, place)| {
        line::line(element, &format!("/Invoice/cac:InvoiceLine[{place}]"), family, findings)
    });
    let lines = lines.collect();
    Some(InvoiceEvent {
        schema_version: limits::SCHEMA_VERSION,
        uuid,
        amends: None,
        kind,
        family,
        scope,
        payment,
        number: number?,
        issue_date: issue_date?,
        currency: currency?,
        prices: Prices::Net,
        discount: None,
        note: root.child("cbc:Note").map(|note| note.text.clone()).filter(|note| !note.is_empty()),
        metadata: None,
        seller,
        buyer,
        original,
        lines,
    })
}

/// The document as an original: the event's facts, with the total and the UUID as they are printed.
pub(super) fn original(reading: &Reading) -> Result<OriginalDocument, Vec<Finding>> {
    let (event, findings) = event(reading);
    let mut findings = Findings(findings);
    let total = "cac:LegalMonetaryTotal/cbc:PayableAmount";
    let printed = required(reading.root(), total, &mut findings).and_then(|text| {
        let amount = lexical::decimal(text);
        if amount.is_none() {
            let path = format!("/Invoice/{total}");
            findings.add(Finding::error(FindingCode::NotANumber, path).found(text));
        }
        amount
    });
    if event.as_ref().is_some_and(|event| event.kind == Kind::Return) {
        findings.add(Finding::error(FindingCode::Return, "/Invoice/cbc:InvoiceTypeCode"));
    }
    match (event, printed) {
        (Some(event), Some(total)) if findings.0.is_empty() => Ok(OriginalDocument {
            uuid: reading.uuid().to_owned(),
            number: event.number,
            family: event.family,
            scope: event.scope,
            payment: event.payment,
            currency: event.currency,
            total,
            buyer: event.buyer,
            lines: event.lines,
        }),
        _ => Err(findings.0),
    }
}

/// The text of an element that must be there.
fn required<'t>(root: &'t Element, path: &str, findings: &mut Findings) -> Option<&'t str> {
    let text = root.at(path).map(|element| element.text.as_str());
    if text.is_none() {
        findings.add(Finding::error(FindingCode::MissingElement, format!("/Invoice/{path}")));
    }
    text
}

/// As one of ours would be: with hyphens. Anything else is kept as text only.
fn uuid(text: &str) -> Option<Uuid> {
    if text.len() == 36 { Uuid::try_parse(text).ok() } else { None }
}

fn issue_date(root: &Element, findings: &mut Findings) -> Option<NaiveDate> {
    let text = required(root, "cbc:IssueDate", findings)?;
    let date = lexical::date(text);
    if date.is_none() {
        findings.add(Finding::error(FindingCode::NotADate, "/Invoice/cbc:IssueDate").found(text));
    }
    date
}

fn document_type(root: &Element, findings: &mut Findings) -> Option<Type> {
    let path = "/Invoice/cbc:InvoiceTypeCode";
    let code = required(root, "cbc:InvoiceTypeCode", findings)?;
    let kind = lexical::kind(code);
    if kind.is_none() {
        findings.add(Finding::error(FindingCode::UnknownCode, path).found(code).expected("388, 381"));
    }
    let name = root.child("cbc:InvoiceTypeCode").and_then(|element| element.attribute("name"));
    let (scope, payment, family) = lexical::type_name(name.unwrap_or_default());
    if scope.is_none() || payment.is_none() || family.is_none() {
        let finding = Finding::error(FindingCode::UnknownCode, format!("{path}/@name"));
        let finding = finding.expected("{0..5}{1,2}{1,2,3}");
        findings.add(match name {
            Some(name) => finding.found(name),
            None => finding,
        });
    }
    Some(Type { kind: kind?, scope: scope?, payment: payment?, family: family? })
}

/// What a return takes back, and why.
fn reference(root: &Element, findings: &mut Findings) -> Original {
    let [number, uuid, description] = [
        "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID",
        "cac:BillingReference/cac:InvoiceDocumentReference/cbc:UUID",
        "cac:BillingReference/cac:InvoiceDocumentReference/cbc:DocumentDescription",
    ]
    .map(|path| (path, required(root, path, findings).unwrap_or_default()));
    let reason = required(root, "cac:PaymentMeans/cbc:InstructionNote", findings).unwrap_or_default();
    let total = lexical::grouped(description.1);
    if total.is_none() && !description.1.is_empty() {
        let path = format!("/Invoice/{}", description.0);
        findings.add(Finding::error(FindingCode::NotANumber, path).found(description.1));
    }
    Original { uuid: uuid.1.to_owned(), number: number.1.to_owned(), total, reason: reason.to_owned() }
}
