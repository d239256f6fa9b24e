//! The gateway Post2Tax as its users see it: figures in JSON, checked against one another, made into a document and
//! judged like any other. Written from the gateway's description alone; it must not know the client that sends to it.
//!
//! The description leaves open whether `SubTotalAmount` is before or after discount: either is taken.

mod xml;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use num_rational::BigRational;
use serde::Deserialize;
use serde_json::{Number, Value, json};

use crate::answer::{Answer, AnswerShape, Rendered};
use crate::decimal::{Decimal, hundred, near, zero};
use crate::document::Family;
use crate::finding::Finding;
use crate::inspection::{Inspection, Judgement, inspect_text};
use crate::settings::Settings;

/// The governorates of its description; Balqa is not among them.
const AREAS: [&str; 11] = ["AM", "MN", "MD", "MA", "KA", "JA", "IR", "AZ", "AT", "AQ", "AJ"];

/// What a client sends. Members that are not described are ignored, as servers of this kind do.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Figures {
    #[serde(rename = "ID")]
    id: String,
    #[serde(rename = "UUID")]
    uuid: String,
    serial_no: String,
    invoice_type: u8,
    invoice_date: String,
    country_code: String,
    #[serde(default)]
    area_code: Option<String>,
    currency_code: String,
    supplier: Supplier,
    customer: Customer,
    total_discount_amount: Number,
    total_tax_amount: Number,
    sub_total_amount: Number,
    total_amount: Number,
    invoice_lines: Vec<Line>,
    #[serde(default)]
    note: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Supplier {
    #[serde(rename = "ID")]
    id: String,
    name: String,
    tax_number: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Customer {
    name: String,
    identified_by: Option<u8>,
    identifier: Option<String>,
    postal_zone: Option<String>,
    telephone: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Line {
    #[serde(rename = "ID")]
    id: String,
    item_name: String,
    quantity: Number,
    price: Number,
    discount_amount: Number,
    tax_amount: Number,
    tax_percent: Number,
}

/// A line's figures as numbers.
struct Sums {
    gross: BigRational,
    discount: BigRational,
    tax: BigRational,
}

/// Inspects the figures of a seller of this family: their sums first, then the document that they make.
pub(crate) fn inspect(
    body: &[u8],
    content_type: Option<&str>,
    family: Family,
    settings: &Settings,
) -> Inspection {
    let kind = content_type.and_then(|value| value.split(';').next()).unwrap_or("").trim();
    if body.len() > settings.max_body_bytes || !kind.eq_ignore_ascii_case("application/json") {
        return unreadable("the request is too large or is not JSON");
    }
    let Ok(figures) = serde_json::from_slice::<Figures>(body) else {
        return unreadable("the body is not JSON with the members of an invoice");
    };
    match check(&figures, settings) {
        Err(message) => unreadable(message),
        Ok(findings) => {
            let mut inspection = inspect_text(&xml::write(&figures, family), settings);
            if !findings.is_empty() {
                inspection.judgement = Judgement::Malformed { by_schema: false, findings };
            }
            inspection
        }
    }
}

fn unreadable(message: &'static str) -> Inspection {
    Inspection { judgement: Judgement::Unreadable(message), ..Inspection::empty() }
}

/// What is wrong with the figures by themselves; an error where they are no figures at all.
fn check(figures: &Figures, settings: &Settings) -> Result<Vec<Finding>, &'static str> {
    let mut findings = Vec::new();
    let mut unless = |fits: bool, message: &str| {
        if !fits {
            findings.push(Finding::coded("INVALID_DATA", message));
        }
    };
    unless(matches!(figures.invoice_type, 1 | 2), "InvoiceType must be 1 or 2");
    unless(figures.country_code == "JO", "CountryCode must be JO");
    unless(figures.currency_code == "JOD", "CurrencyCode must be JOD");
    let area = figures.area_code.as_deref();
    unless(area.is_none_or(|area| AREAS.contains(&area)), "AreaCode is not on the list");
    let kind = figures.customer.identified_by;
    unless(kind.is_none_or(|kind| (1..=3).contains(&kind)), "IdentifiedBy must be 1, 2 or 3");
    let lines = figures.invoice_lines.iter().map(sums).collect::<Result<Vec<_>, _>>()?;
    unless(!lines.is_empty(), "InvoiceLines must hold a line");
    let tolerance = settings.tolerance.value();
    for (line, sums) in figures.invoice_lines.iter().zip(&lines) {
        let net = &sums.gross - &sums.discount;
        let tax = &net * value(&line.tax_percent)? / hundred();
        unless(near(&sums.tax, &tax, tolerance), "TaxAmount of a line is not its base times TaxPercent");
    }
    let total = |of: fn(&Sums) -> &BigRational| lines.iter().map(of).fold(zero(), |sum, one| sum + one);
    let (gross, discount, tax) = (total(|s| &s.gross), total(|s| &s.discount), total(|s| &s.tax));
    let net = &gross - &discount;
    // The lines' own rounding may add up, the totals' comes on top of it.
    let double = tolerance + tolerance;
    let fits =
        |printed: &Number, exact: &BigRational| value(printed).map(|printed| near(&printed, exact, &double));
    unless(fits(&figures.total_discount_amount, &discount)?, "TotalDiscountAmount differs from the lines");
    unless(fits(&figures.total_tax_amount, &tax)?, "TotalTaxAmount differs from the lines");
    let sub = &figures.sub_total_amount;
    unless(fits(sub, &gross)? || fits(sub, &net)?, "SubTotalAmount differs from the lines");
    unless(fits(&figures.total_amount, &(&net + &tax))?, "TotalAmount differs from the lines");
    Ok(findings)
}

fn sums(line: &Line) -> Result<Sums, &'static str> {
    Ok(Sums {
        gross: value(&line.quantity)? * value(&line.price)?,
        discount: value(&line.discount_amount)?,
        tax: value(&line.tax_amount)?,
    })
}

/// The exact value of a JSON number; none with an exponent, which no amount needs.
fn value(number: &Number) -> Result<BigRational, &'static str> {
    let decimal: Decimal =
        number.to_string().parse().map_err(|_| "an amount is not a plain decimal number")?;
    Ok(decimal.value().clone())
}

/// An answer in the gateway's words.
pub(crate) fn render(answer: &Answer, shape: AnswerShape, now: DateTime<Utc>) -> Rendered {
    let (status, body) = match answer {
        Answer::Accepted(accepted) => {
            let status = if accepted.already { "ALREADY_SUBMITTED" } else { "SUBMITTED" };
            let result = json!({
                "status": status, "qrCode": accepted.qr, "id": accepted.number, "uuid": accepted.uuid,
            });
            (200, json!({ "error": false, "result": result }))
        }
        Answer::Refused { findings, status, .. } => {
            let code = findings.first().map_or("ERROR", |finding| finding.code);
            let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
            (status.unwrap_or(400), refusal(code, &messages.join("; ")))
        }
        Answer::Plain { status, message } => (*status, refusal(&format!("HTTP_{status}"), message)),
        Answer::Raw { .. } => return answer.render(shape, now),
    };
    Rendered { status, content_type: "application/json", body: Bytes::from(body.to_string()) }
}

fn refusal(code: &str, message: &str) -> Value {
    json!({ "error": true, "result": code, "message": message })
}

#[cfg(test)]
mod tests;
