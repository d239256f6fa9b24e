//! The request body of the Post2Tax gateway. It names no family, scope or category, knows no returns and no special tax, and states
//! its own totals: those are checked against the lines.

mod totals;

use invoice::event::{
    Buyer, Family, GeneralTax, Governorate, Identification, IdentificationScheme, InvoiceEvent, Kind as Sort,
    Line, Payment, Prices, Scope, Seller, TaxCategory,
};
use invoice::{Amount, Fault, FaultCode, IncomeSource, Profile, Published, limits, normal};
use uuid::Uuid;

use crate::Context;
use crate::document::{Mapped, Names};
use crate::field::{Field, Kind};
use crate::json::{At, Reader, parse};
use crate::money::{plain, quoted};

const AREAS: &[&str] = &["AM", "MN", "MD", "MA", "KA", "JA", "IR", "AZ", "AT", "AQ", "AJ", "BA"];

const fn field(
    theirs: &'static str,
    kind: Kind,
    required: bool,
    ours: &'static str,
    meaning: &'static str,
) -> Field {
    Field { theirs, kind, required, ours, meaning }
}

/// Every field of the body, in its order.
pub const FIELDS: &[Field] = &[
    field("ID", Kind::Text, true, "number", "the document's number"),
    field(
        "UUID",
        Kind::Text,
        false,
        "uuid",
        "a UUID is kept; the invoice number, or any other text, gives a UUID that always follows from it; left out, it follows from the number",
    ),
    field(
        "SerialNo",
        Kind::Text,
        false,
        Field::KEPT,
        "their counter; the one that is sent (ICV) is drawn here, without gap or repeat",
    ),
    field("InvoiceType", Kind::OneOf(&["1", "2"]), true, "payment", "1 cash, 2 credit (receivable)"),
    field("InvoiceDate", Kind::Date, true, "issue_date", "the date of issue"),
    field(
        "CountryCode",
        Kind::OneOf(&["JO"]),
        false,
        "",
        "must be JO: every address of the profile is in Jordan",
    ),
    field(
        "AreaCode",
        Kind::OneOf(AREAS),
        false,
        "buyer.governorate",
        "the buyer's governorate, `JO-` put in front; BA (Balqa), which their list lacks, is taken too",
    ),
    field(
        "CurrencyCode",
        Kind::Text,
        false,
        "currency",
        "JOD when left out; the other currencies of the guide are taken too",
    ),
    field("Supplier.ID", Kind::Text, true, "seller.income_source", "the income-source sequence"),
    field("Supplier.Name", Kind::Text, true, "seller.name", "the name as registered"),
    field("Supplier.TaxNumber", Kind::Text, true, "seller.tax_number", "the tax number"),
    field("Customer.Name", Kind::Text, false, "buyer.name", "needed on credit, and above 10,000 JOD"),
    field(
        "Customer.IdentifiedBy",
        Kind::OneOf(&["1", "2", "3"]),
        false,
        "buyer.identification.scheme",
        "1 national number (NIN), 2 document number (PN), 3 tax number (TN)",
    ),
    field(
        "Customer.Identifier",
        Kind::Text,
        false,
        "buyer.identification.number",
        "digits; without it there is no identification",
    ),
    field("Customer.PostalZone", Kind::Text, false, "buyer.postal_code", "at most 5 characters"),
    field(
        "Customer.Telephone",
        Kind::Text,
        false,
        "buyer.phone",
        "9 to 14 digits, so that 00962 may stand in front",
    ),
    field("TotalDiscountAmount", Kind::Number, false, "", "checked: the sum of the lines' discounts"),
    field("TotalTaxAmount", Kind::Number, false, "", "checked: the sum of the lines' taxes"),
    field(
        "SubTotalAmount",
        Kind::Number,
        false,
        "",
        "checked: the sum before tax, with or without the discounts taken off",
    ),
    field("TotalAmount", Kind::Number, false, "", "checked: what is to be paid"),
    field(
        "InvoiceLines[].ID",
        Kind::Text,
        false,
        Field::KEPT,
        "their item code; lines are numbered by their place",
    ),
    field("InvoiceLines[].ItemName", Kind::Text, true, "lines[].name", "the name"),
    field("InvoiceLines[].Quantity", Kind::Number, true, "lines[].quantity", "above 0"),
    field("InvoiceLines[].Price", Kind::Number, true, "lines[].unit_price", "the unit price before tax"),
    field(
        "InvoiceLines[].DiscountAmount",
        Kind::Number,
        false,
        "lines[].discount",
        "the line's discount before tax",
    ),
    field("InvoiceLines[].TaxAmount", Kind::Number, false, "", "checked: the line's tax"),
    field(
        "InvoiceLines[].TaxPercent",
        Kind::Number,
        true,
        "lines[].tax",
        "above 0: category S with that rate; 0: `producer.formats.post2tax.zero_rate_category` (Z unless set); on income documents it must be 0, and no tax is written",
    ),
    field("Note", Kind::Text, false, "note", "free text"),
];

/// Reads one body.
///
/// # Errors
/// All faults, in terms of the body's own fields.
pub fn read(json: &[u8], context: &Context<'_>) -> Result<Mapped, Vec<Fault>> {
    let node = parse(json)?;
    let mut reader = Reader::default();
    let root = At::root(&node);
    let metadata = reader.kept(&node, FIELDS, &[]);
    let seller = seller(&mut reader, &root.member("Supplier"));
    let lines = reader.list(&root.member("InvoiceLines"));
    if lines.is_empty() {
        reader.fault(
            FaultCode::NoLines,
            &root.member("InvoiceLines"),
            "has no lines: an invoice sells something",
        );
    }
    let family = family(&mut reader, &seller, &lines, &root, context);
    let number = reader.needed(&root.member("ID")).unwrap_or_default();
    check_country(&mut reader, &root.member("CountryCode"));
    let mut mapped = Vec::with_capacity(lines.len().min(limits::LINES));
    for line in lines.iter().take(limits::LINES + 1) {
        mapped.push(self::line(&mut reader, line, family, context));
    }
    let event = InvoiceEvent {
        schema_version: limits::SCHEMA_VERSION,
        uuid: uuid(&mut reader, &root.member("UUID"), &seller),
        amends: None,
        kind: Sort::Invoice,
        family,
        scope: Scope::Local,
        payment: payment(&mut reader, &root.member("InvoiceType")),
        number,
        issue_date: reader.needed_date(&root.member("InvoiceDate")).unwrap_or_default(),
        currency: reader.text(&root.member("CurrencyCode")).unwrap_or_else(|| "JOD".to_owned()),
        prices: Prices::Net,
        discount: None,
        note: reader.text(&root.member("Note")),
        metadata,
        seller,
        buyer: buyer(&mut reader, &root),
        original: None,
        lines: mapped,
    };
    if !reader.faults.is_empty() {
        return Err(reader.faults);
    }
    totals::check(&mut reader, &root, &lines, &event);
    let mapped = Mapped { event: Published::Invoice(event), names: Names::Fields(FIELDS) };
    if reader.faults.is_empty() { Ok(mapped) } else { Err(causes(&mapped, reader.faults)) }
}

/// Totals that differ because a line breaks a rule are no faults of their own: the lines' faults alone are told.
fn causes(mapped: &Mapped, differences: Vec<Fault>) -> Vec<Fault> {
    let Published::Invoice(event) = &mapped.event else { return differences };
    let mut faults = invoice::validate(event, &Profile::default());
    faults.retain(|fault| fault.path.starts_with("lines["));
    if faults.is_empty() { differences } else { mapped.explain(faults) }
}

fn seller(reader: &mut Reader, supplier: &At<'_>) -> Seller {
    let mut needed = |name| reader.needed(&supplier.member(name)).unwrap_or_default();
    Seller {
        tax_number: plain(&needed("TaxNumber")),
        name: needed("Name"),
        income_source: plain(&needed("ID")),
    }
}

/// The body does not say it: the seller's registration does, or a tax on a line.
fn family(
    reader: &mut Reader,
    seller: &Seller,
    lines: &[At<'_>],
    root: &At<'_>,
    context: &Context<'_>,
) -> Family {
    let source =
        IncomeSource { tax_number: seller.tax_number.clone(), sequence: seller.income_source.clone() };
    match (context.family)(&source) {
        Some(Family::SpecialSales) => {
            let message = "is registered for special sales tax, for which this format has no field: publish such \
                           invoices as events, or as CSV";
            reader.fault(FaultCode::Unsupported, &root.member("Supplier").member("ID"), message);
            Family::SpecialSales
        }
        Some(family) => family,
        None => {
            let mut quiet = Reader::default();
            let taxed = |line: &At<'_>| {
                quiet.amount(&line.member("TaxPercent")).is_some_and(|percent| percent != Amount::ZERO)
            };
            if !lines.iter().any(taxed) {
                let message = "is registered here without a family, and no line has a tax: whether this is an income or \
                               a general sales document cannot be told; set the family of the income source";
                reader.fault(FaultCode::MissingField, &root.member("Supplier").member("ID"), message);
            }
            Family::GeneralSales
        }
    }
}

/// A UUID as it is; any other text gives one that always follows from it. So the number itself gives the one that the event would get.
fn uuid(reader: &mut Reader, at: &At<'_>, seller: &Seller) -> Option<Uuid> {
    let text = reader.text(at)?;
    Some(text.parse().unwrap_or_else(|_| normal::name_based_uuid(seller, &text)))
}

fn check_country(reader: &mut Reader, at: &At<'_>) {
    let Some(text) = reader.text(at) else { return };
    if !text.eq_ignore_ascii_case("JO") {
        let message = format!(
            "is {}: it must be JO, since the authority's profile knows no other country",
            quoted(&text)
        );
        reader.fault(FaultCode::InvalidValue, at, message);
    }
}

fn payment(reader: &mut Reader, at: &At<'_>) -> Payment {
    let Some(text) = reader.needed(at) else { return Payment::Cash };
    match plain(&text).as_str() {
        "1" => Payment::Cash,
        "2" => Payment::Receivable,
        _ => {
            let message = format!(
                "is {}: it is 1 (cash) or 2 (credit); returns are published as events",
                quoted(&text)
            );
            reader.fault(FaultCode::InvalidValue, at, message);
            Payment::Cash
        }
    }
}

fn buyer(reader: &mut Reader, root: &At<'_>) -> Option<Buyer> {
    let customer = root.member("Customer");
    let buyer = Buyer {
        name: reader.text(&customer.member("Name")),
        identification: identification(reader, &customer),
        postal_code: reader.text(&customer.member("PostalZone")),
        governorate: governorate(reader, &root.member("AreaCode")),
        phone: reader.text(&customer.member("Telephone")),
    };
    Some(buyer).filter(|buyer| *buyer != Buyer::default())
}

fn identification(reader: &mut Reader, customer: &At<'_>) -> Option<Identification> {
    // Tills fill the kind in whether or not they know the number.
    let number = plain(&reader.text(&customer.member("Identifier"))?);
    let at = customer.member("IdentifiedBy");
    let kind = reader.needed(&at)?;
    let scheme = match plain(&kind).as_str() {
        "1" => IdentificationScheme::NIN,
        "2" => IdentificationScheme::PN,
        "3" => IdentificationScheme::TN,
        _ => {
            let message = format!(
                "is {}: it is 1 (national number), 2 (document number) or 3 (tax number)",
                quoted(&kind)
            );
            reader.fault(FaultCode::InvalidValue, &at, message);
            return None;
        }
    };
    Some(Identification { scheme, number })
}

/// `AM` or `JO-AM`.
pub(crate) fn governorate(reader: &mut Reader, at: &At<'_>) -> Option<Governorate> {
    let text = reader.text(at)?;
    let upper = text.to_ascii_uppercase();
    let code = upper.strip_prefix("JO-").unwrap_or(&upper);
    let read = serde_json::from_value(format!("JO-{code}").into()).ok();
    if read.is_none() {
        let message = format!("is {}: it is one of {}", quoted(&text), AREAS.join(", "));
        reader.fault(FaultCode::InvalidValue, at, message);
    }
    read
}

fn line(reader: &mut Reader, at: &At<'_>, family: Family, context: &Context<'_>) -> Line {
    Line {
        id: None,
        name: reader.needed(&at.member("ItemName")).unwrap_or_default(),
        quantity: reader.needed_amount(&at.member("Quantity")).unwrap_or_default(),
        unit_price: reader.needed_amount(&at.member("Price")).unwrap_or_default(),
        discount: reader.amount(&at.member("DiscountAmount")).unwrap_or_default(),
        total: None,
        tax: tax(reader, &at.member("TaxPercent"), family, context),
        special_tax: None,
        consumer_price: None,
    }
}

fn tax(reader: &mut Reader, at: &At<'_>, family: Family, context: &Context<'_>) -> Option<GeneralTax> {
    let percent = reader.needed_amount(at)?;
    if family == Family::Income {
        if percent != Amount::ZERO {
            let message = format!(
                "is {percent}: this income source is registered for income documents, which carry no tax; it must be 0"
            );
            reader.fault(FaultCode::TaxNotAllowed, at, message);
        }
        return None;
    }
    let zero = context.settings.post2tax.zero_rate_category;
    let category = if percent == Amount::ZERO { zero.into() } else { TaxCategory::S };
    Some(GeneralTax { category, percent })
}
