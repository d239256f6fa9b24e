//! The document's head in a table: who sells, who buys, and of which family. Must not know the lines.

use invoice::event::{Buyer, Family, Governorate, Identification, Payment, Seller};
use invoice::{FaultCode, IncomeSource};

use super::values::Values;
use super::words;
use crate::Context;

pub(super) fn seller(values: &mut Values<'_>) -> Seller {
    let mut digits = |column| {
        if !values.has(column) {
            values.missing(column, 0);
        }
        values.digits(column).unwrap_or_default()
    };
    let (tax_number, income_source) = (digits("seller_tax_number"), digits("income_source"));
    Seller { tax_number, name: values.needed("seller_name").unwrap_or_default(), income_source }
}

/// Stated, or the seller's registration.
pub(super) fn family(values: &mut Values<'_>, seller: &Seller, context: &Context<'_>) -> Family {
    if values.has("family") {
        return values.word("family", words::FAMILIES).unwrap_or(Family::GeneralSales);
    }
    let source =
        IncomeSource { tax_number: seller.tax_number.clone(), sequence: seller.income_source.clone() };
    (context.family)(&source).unwrap_or_else(|| {
        values.missing("family", 0);
        Family::GeneralSales
    })
}

pub(super) fn payment(values: &mut Values<'_>) -> Payment {
    if !values.has("payment") {
        values.missing("payment", 0);
    }
    values.word("payment", words::PAYMENTS).unwrap_or(Payment::Cash)
}

pub(super) fn buyer(values: &mut Values<'_>) -> Option<Buyer> {
    let buyer = Buyer {
        name: values.text("buyer_name"),
        identification: identification(values),
        postal_code: values.digits("buyer_postal_code"),
        governorate: governorate(values),
        phone: values.digits("buyer_phone"),
    };
    Some(buyer).filter(|buyer| *buyer != Buyer::default())
}

fn identification(values: &mut Values<'_>) -> Option<Identification> {
    if !values.has("buyer_id") {
        return None;
    }
    let number = values.digits("buyer_id");
    if !values.has("buyer_id_type") {
        let message = "is missing: it says what buyer_id is, NIN, PN or TN";
        values.fault("buyer_id_type", 0, FaultCode::MissingField, message);
    }
    let scheme = values.word("buyer_id_type", words::SCHEMES);
    Some(Identification { scheme: scheme?, number: number? })
}

fn governorate(values: &mut Values<'_>) -> Option<Governorate> {
    let text = values.text("buyer_governorate")?;
    let code = text.strip_prefix("JO-").or_else(|| text.strip_prefix("jo-"));
    if let Some(found) = code.and_then(|code| words::find(words::GOVERNORATES, code)) {
        return Some(found);
    }
    values.word("buyer_governorate", words::GOVERNORATES)
}
