//! Rules for seller and buyer (specification 2.5). Must not know lines or amounts beyond the document's total.

use rust_decimal::Decimal;

use crate::event::{Buyer, IdentificationScheme, InvoiceEvent, Kind, Payment, Scope, Seller};
use crate::limits;
use crate::normal::phone_digits;
use crate::totals::Totals;

use super::text::{self, Layout, quoted};
use super::{FaultCode, Faults};

pub(super) fn check_seller(faults: &mut Faults, seller: &Seller) {
    text::digits(faults, "seller.tax_number", &seller.tax_number, &limits::TAX_NUMBER_DIGITS);
    text::required(faults, "seller.name", &seller.name, limits::NAME_CHARS, Layout::OneLine);
    text::digits(faults, "seller.income_source", &seller.income_source, &limits::INCOME_SOURCE_DIGITS);
}

pub(super) fn check_buyer(faults: &mut Faults, buyer: &Buyer) {
    if let Some(name) = &buyer.name {
        text::bounded(faults, "buyer.name", name, limits::NAME_CHARS, Layout::OneLine);
    }
    if let Some(identification) = &buyer.identification {
        let path = "buyer.identification.number";
        text::digits(faults, path, &identification.number, &limits::IDENTIFICATION_DIGITS);
    }
    if let Some(code) = &buyer.postal_code {
        text::bounded(faults, "buyer.postal_code", code, limits::POSTAL_CODE_CHARS, Layout::OneLine);
    }
    if let Some(phone) = buyer.phone.as_deref().map(str::trim).filter(|phone| !phone.is_empty()) {
        check_phone(faults, phone);
    }
}

fn check_phone(faults: &mut Faults, phone: &str) {
    let path = "buyer.phone";
    text::bounded(faults, path, phone, limits::PHONE_CHARS, Layout::OneLine);
    let found = phone_digits(phone).len();
    let (least, most) = (limits::PHONE_DIGITS.start(), limits::PHONE_DIGITS.end());
    if !limits::PHONE_DIGITS.contains(&found) {
        let message =
            format!("{} has {found} digits: it must have {least} to {most}, or be left out", quoted(phone));
        faults.add(FaultCode::DigitCount, path, message);
    }
}

/// What the guide wants to know of the buyer of such a document. `totals` is absent when the lines are at fault.
///
/// A return without any buyer is let pass: its buyer must equal the original's (specification 2.10) and is copied from it.
pub(super) fn check_presence(faults: &mut Faults, event: &InvoiceEvent, totals: Option<&Totals>) {
    let buyer = event.buyer.as_ref().filter(|buyer| **buyer != Buyer::default());
    if event.kind == Kind::Return && buyer.is_none() {
        return;
    }
    let named = buyer.and_then(|buyer| buyer.name.as_deref()).is_some_and(|name| !name.trim().is_empty());
    if !named && let Some(reason) = name_needed(event, totals) {
        let message = format!("is missing: {reason}; name the buyer");
        faults.add(FaultCode::BuyerNameMissing, "buyer.name", message);
    }
    let scheme =
        buyer.and_then(|buyer| buyer.identification.as_ref()).map(|identification| identification.scheme);
    if event.scope == Scope::DevelopmentArea && scheme != Some(IdentificationScheme::TN) {
        let message = "is missing: a development-area document needs the buyer's tax number; give it with the scheme TN";
        faults.add(FaultCode::BuyerTaxNumberMissing, "buyer.identification", message);
    }
}

fn name_needed(event: &InvoiceEvent, totals: Option<&Totals>) -> Option<String> {
    if event.payment == Payment::Receivable {
        return Some("a receivable needs a debtor".to_owned());
    }
    let payable = totals?.payable;
    let limit = limits::NAMELESS_JOD;
    (event.currency == "JOD" && payable > Decimal::from(limit))
        .then(|| format!("a cash sale of {payable} JOD is above {limit} JOD"))
}
