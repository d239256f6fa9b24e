//! The eezi invoice and credit note: a generic invoice with a Jordan part (`customInfo.jor`).
//!
//! A document with `invoiceRefs` or `customInfo.jor.creditReason` is a credit note. What of its shape is not published (numbers, dates, the
//! seller's own fields) has the names that [`FIELDS`] says.

mod codes;
mod fields;
mod lines;

use chrono::NaiveDate;
use invoice::event::{
    Buyer, Identification, IdentificationScheme, InvoiceEvent, Kind as Sort, Prices, Seller,
};
use invoice::returns::{OriginalReference, ReturnKind};
use invoice::{Fault, FaultCode, Published, ReturnEvent, limits, normal};
use uuid::Uuid;

use crate::Context;
use crate::document::{Mapped, Names};
use crate::json::{At, Node, Reader, parse};
use crate::money::{plain, quoted};
use crate::post2tax::governorate;
use codes::Subtype;
pub use fields::FIELDS;

/// Reads one invoice or credit note.
///
/// # Errors
/// All faults, in terms of the document's own fields.
pub fn read(json: &[u8], context: &Context<'_>) -> Result<Mapped, Vec<Fault>> {
    let node = parse(json)?;
    let mut reader = Reader::default();
    let root = At::root(&node);
    let jordan = root.member("customInfo").member("jor");
    let credit = root.member("invoiceRefs").is_there() || jordan.member("creditReason").is_there();
    let head = Head::read(&mut reader, &root, &jordan, &node);
    let event = if credit {
        Published::Return(credit_note(&mut reader, head, &root, &jordan))
    } else {
        Published::Invoice(invoice(&mut reader, head, &root, &jordan, context))
    };
    if reader.faults.is_empty() {
        Ok(Mapped { event, names: Names::Fields(FIELDS) })
    } else {
        Err(reader.faults)
    }
}

/// What invoices and credit notes have in common.
struct Head {
    uuid: Option<Uuid>,
    number: String,
    issue_date: NaiveDate,
    currency: Option<String>,
    note: Option<String>,
    metadata: Option<std::collections::BTreeMap<String, String>>,
    seller: Seller,
    buyer: Option<Buyer>,
}

impl Head {
    fn read(reader: &mut Reader, root: &At<'_>, jordan: &At<'_>, node: &Node) -> Self {
        let organisation = root.member("organisation");
        let seller = Seller {
            tax_number: plain(&reader.needed(&organisation.member("taxId")).unwrap_or_default()),
            name: reader.needed(&organisation.member("name")).unwrap_or_default(),
            income_source: plain(&reader.needed(&jordan.member("incomeSource")).unwrap_or_default()),
        };
        let uuid = reader.text(&root.member("uuid"));
        Self {
            uuid: uuid.map(|text| text.parse().unwrap_or_else(|_| normal::name_based_uuid(&seller, &text))),
            number: reader.needed(&root.any(&["invoiceNumber", "number", "id"])).unwrap_or_default(),
            issue_date: reader.needed_date(&root.any(&["issueDate", "date"])).unwrap_or_default(),
            currency: reader.text(&root.any(&["currency", "currencyCode"])),
            note: reader.text(&root.any(&["note", "notes"])),
            metadata: reader.kept(node, FIELDS, fields::OTHER_NAMES),
            buyer: buyer(reader, &root.member("recipient")),
            seller,
        }
    }
}

fn invoice(
    reader: &mut Reader,
    head: Head,
    root: &At<'_>,
    jordan: &At<'_>,
    context: &Context<'_>,
) -> InvoiceEvent {
    let Subtype { family, scope } =
        codes::subtype(reader, &jordan.member("invoiceSubType")).unwrap_or_default();
    let lines = reader.list(&root.member("lines"));
    if lines.is_empty() {
        reader.fault(FaultCode::NoLines, &root.member("lines"), "has no lines: an invoice sells something");
    }
    let lines = lines.iter().take(limits::LINES + 1).map(|at| lines::sold(reader, at, family)).collect();
    InvoiceEvent {
        schema_version: limits::SCHEMA_VERSION,
        uuid: head.uuid,
        amends: None,
        kind: Sort::Invoice,
        family,
        scope,
        payment: codes::payment(reader, &means(jordan).member("code"), &context.settings.eezi)
            .unwrap_or(invoice::event::Payment::Cash),
        number: head.number,
        issue_date: head.issue_date,
        currency: head.currency.unwrap_or_else(|| "JOD".to_owned()),
        prices: Prices::Net,
        discount: None,
        note: head.note,
        metadata: head.metadata,
        seller: head.seller,
        buyer: head.buyer,
        original: None,
        lines,
    }
}

/// Their table misspells the name, so somebody will have copied it.
fn means<'n>(jordan: &At<'n>) -> At<'n> {
    jordan.any(&["paymentMeans", "paymnetMeans"])
}

fn credit_note(reader: &mut Reader, head: Head, root: &At<'_>, jordan: &At<'_>) -> ReturnEvent {
    let subtype = jordan.member("invoiceSubType");
    let subtype = subtype.is_there().then(|| codes::subtype(reader, &subtype)).flatten();
    let lines = reader.list(&root.member("lines"));
    let lines: Vec<_> =
        lines.iter().take(limits::LINES + 1).map(|at| lines::returned(reader, at, subtype)).collect();
    ReturnEvent {
        schema_version: limits::SCHEMA_VERSION,
        uuid: head.uuid,
        amends: None,
        kind: ReturnKind::Return,
        number: head.number,
        issue_date: head.issue_date,
        note: head.note,
        metadata: head.metadata,
        seller: head.seller,
        original: original(reader, root, jordan),
        lines: Some(lines).filter(|lines| !lines.is_empty()),
        family: subtype.map(|subtype| subtype.family),
        scope: subtype.map(|subtype| subtype.scope),
        // The original's: eezi's codes say more than the authority's two kinds, so that they would only contradict it.
        payment: None,
        currency: head.currency,
        // The original's, byte for byte: the authority refuses any other.
        buyer: None,
    }
}

/// The authority takes back one invoice with one document.
fn original(reader: &mut Reader, root: &At<'_>, jordan: &At<'_>) -> OriginalReference {
    let refs = root.member("invoiceRefs");
    let elements = reader.list(&refs);
    let reason = reader.needed(&jordan.member("creditReason")).unwrap_or_default();
    let mut original = OriginalReference { uuid: None, number: None, reason, total: None, lines: None };
    match elements.as_slice() {
        [] => {
            let message = "names no invoice: a credit note takes back one that was cleared";
            reader.fault(FaultCode::OriginalMissing, &refs, message);
        }
        [one] if one.is_leaf() => {
            let text = reader.needed(one);
            let is_uuid = text.as_ref().is_some_and(|text| text.parse::<Uuid>().is_ok());
            *(if is_uuid { &mut original.uuid } else { &mut original.number }) = text;
        }
        [one] => {
            original.uuid = reader.text(&one.member("uuid"));
            original.number = reader.text(&one.any(&["invoiceNumber", "number", "id"]));
            if original.uuid.is_none() && original.number.is_none() {
                let message = "names no invoice: give its uuid or its invoiceNumber";
                reader.fault(FaultCode::OriginalMissing, one, message);
            }
        }
        several => {
            let message = format!(
                "names {} invoices: the authority takes back one with one document; publish a credit note for each",
                several.len()
            );
            reader.fault(FaultCode::Unsupported, &refs, message);
        }
    }
    original
}

fn buyer(reader: &mut Reader, recipient: &At<'_>) -> Option<Buyer> {
    let address = recipient.member("address");
    let state = address.member("state");
    let buyer = Buyer {
        name: reader.text(&recipient.member("name")),
        identification: identification(reader, recipient),
        postal_code: reader.text(&address.member("postalCode")),
        governorate: state.is_there().then(|| governorate(reader, &state)).flatten(),
        phone: reader.text(&recipient.member("contact").member("phone")),
    };
    Some(buyer).filter(|buyer| *buyer != Buyer::default())
}

/// Their list of kinds is not published whole; `NAT` stands for persons, and exactly for them.
fn identification(reader: &mut Reader, recipient: &At<'_>) -> Option<Identification> {
    let kind_at = recipient.member("taxIdType");
    let kind = reader.text(&kind_at);
    let scheme = kind.as_deref().and_then(codes::identification);
    if let (Some(kind), None) = (&kind, scheme) {
        let message = format!(
            "is {}: it is NAT (national number), TIN, TN or TAX (tax number), or PN, PASSPORT or RESIDENCE \
             (somebody who is not Jordanian)",
            quoted(kind)
        );
        reader.fault(FaultCode::InvalidValue, &kind_at, message);
    }
    let person_at = recipient.member("isPerson");
    if let Some(person) = reader.text(&person_at) {
        let stated = match person.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        };
        let expected = scheme.map(|scheme| scheme == IdentificationScheme::NIN);
        if stated.is_none() || expected.is_some_and(|expected| stated != Some(expected)) {
            let message = format!("is {}: it is true exactly when taxIdType is NAT", quoted(&person));
            reader.fault(FaultCode::InvalidValue, &person_at, message);
        }
    }
    let number = plain(&reader.text(&recipient.member("taxId"))?);
    if kind.is_none() {
        reader.fault(FaultCode::MissingField, &kind_at, "is missing: it says what taxId is");
    }
    Some(Identification { scheme: scheme?, number })
}
