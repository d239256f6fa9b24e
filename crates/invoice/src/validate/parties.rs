//! Rules for seller and buyer (specification 2.5). Must not know lines or amounts beyond the document's total.

use rust_decimal::Decimal;

use crate::event::{Buyer, IdentificationScheme, InvoiceEvent, Kind, Payment, Scope, Seller};
use crate::profile::{IdentificationRule, PhoneRule, Profile};
use crate::totals::Totals;
use crate::{limits, phone};

use super::text::{self, Layout, quoted};
use super::{FaultCode, Faults, Message, both};

pub(super) fn check_seller(faults: &mut Faults, seller: &Seller) {
    text::digits(faults, "seller.tax_number", &seller.tax_number, &limits::TAX_NUMBER_DIGITS);
    text::required(faults, "seller.name", &seller.name, limits::NAME_CHARS, Layout::OneLine);
    text::digits(faults, "seller.income_source", &seller.income_source, &limits::INCOME_SOURCE_DIGITS);
}

pub(super) fn check_buyer(faults: &mut Faults, buyer: &Buyer, profile: &Profile) {
    if let Some(name) = &buyer.name {
        text::bounded(faults, "buyer.name", name, limits::NAME_CHARS, Layout::OneLine);
    }
    if let Some(identification) = &buyer.identification {
        let (path, number) = ("buyer.identification.number", &identification.number);
        let letters = profile.identification == IdentificationRule::AlphanumericPn
            && identification.scheme == IdentificationScheme::PN;
        if letters {
            text::alphanumeric(faults, path, number, &limits::IDENTIFICATION_DIGITS);
        } else {
            text::digits(faults, path, number, &limits::IDENTIFICATION_DIGITS);
        }
    }
    if let Some(code) = &buyer.postal_code {
        text::bounded(faults, "buyer.postal_code", code, limits::POSTAL_CODE_CHARS, Layout::OneLine);
    }
    if let Some(phone) = buyer.phone.as_deref().map(str::trim).filter(|phone| !phone.is_empty()) {
        check_phone(faults, phone, profile.phone);
    }
}

fn check_phone(faults: &mut Faults, phone: &str, rule: PhoneRule) {
    let path = "buyer.phone";
    text::bounded(faults, path, phone, limits::PHONE_CHARS, Layout::OneLine);
    let found = phone::reduced(phone).len();
    let count = phone::lengths(rule);
    // By the one reading that is lax, the document leaves such a number out.
    if !count.contains(&found) && rule != PhoneRule::OmitUnfit {
        let (least, most, shown) = (count.start(), count.end(), quoted(phone));
        let message = both!(
            "{shown} has {found} digits: it must have {least} to {most}, or be left out",
            "{shown} عدد أرقامه {found}: يجب أن يكون من {least} إلى {most} أو أن يُحذف الحقل"
        );
        faults.add(FaultCode::DigitCount, path, message);
    }
}

/// What the guide wants to know of the buyer of such a document. `totals` is absent when the lines are at fault.
///
/// A return without any buyer is let pass: its buyer must equal the original's (specification 2.10) and is copied from it.
pub(super) fn check_presence(
    faults: &mut Faults,
    event: &InvoiceEvent,
    totals: Option<&Totals>,
    profile: &Profile,
) {
    let buyer = event.buyer.as_ref().filter(|buyer| **buyer != Buyer::default());
    if event.kind == Kind::Return && buyer.is_none() {
        return;
    }
    let named = buyer.and_then(|buyer| buyer.name.as_deref()).is_some_and(|name| !name.trim().is_empty());
    if !named && let Some(Message { en, ar }) = name_needed(event, totals, profile) {
        let message = both!("is missing: {en}; name the buyer", "مفقود: {ar}؛ اذكر اسم المشتري");
        faults.add(FaultCode::BuyerNameMissing, "buyer.name", message);
    }
    let scheme =
        buyer.and_then(|buyer| buyer.identification.as_ref()).map(|identification| identification.scheme);
    if event.scope == Scope::DevelopmentArea && scheme != Some(IdentificationScheme::TN) {
        let message = both!(
            "is missing: a development-area document needs the buyer's tax number; give it with the scheme TN",
            "مفقود: فاتورة المناطق التنموية تتطلب الرقم الضريبي للمشتري؛ ضعه مع scheme بقيمة TN"
        );
        faults.add(FaultCode::BuyerTaxNumberMissing, "buyer.identification", message);
    }
}

fn name_needed(event: &InvoiceEvent, totals: Option<&Totals>, profile: &Profile) -> Option<Message> {
    if event.payment == Payment::Receivable {
        return Some(both!("a receivable needs a debtor", "فاتورة الذمم تتطلب مديناً معروفاً"));
    }
    let payable = totals?.payable;
    let limit = limits::NAMELESS_JOD;
    let currency = &event.currency;
    if currency == "JOD" {
        return (payable > Decimal::from(limit)).then(|| {
            both!(
                "a cash sale of {payable} JOD is above {limit} JOD",
                "بيع نقدي بقيمة {payable} دينار يتجاوز {limit} دينار"
            )
        });
    }
    let rate = profile.exchange_rates.get(currency)?;
    // Near the limit the product has few digits, and is exact; one that cannot be held is far above.
    let above =
        payable.checked_mul(rate.decimal()).is_none_or(|equivalent| equivalent > Decimal::from(limit));
    above.then(|| {
        both!(
            "a cash sale of {payable} {currency} at {rate} JOD is above {limit} JOD",
            "بيع نقدي بقيمة {payable} {currency} بسعر صرف {rate} دينار يتجاوز {limit} دينار"
        )
    })
}
