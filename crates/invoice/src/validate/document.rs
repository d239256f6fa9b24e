//! Rules for the document's head and its total (specification 2.2, 2.3, 2.9, 2.10). Must not know the single line.

use chrono::{Datelike, NaiveDate};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::amount::Amount;
use crate::event::{Family, InvoiceEvent, Kind, Original, Scope};
use crate::limits;
use crate::profile::{Profile, ZoneScopes};
use crate::settle::{Settled, settle};

use super::amounts::{self, Bound};
use super::text::{self, Layout, quoted};
use super::{FaultCode, Faults, both};

pub(super) fn check(faults: &mut Faults, event: &InvoiceEvent, profile: &Profile) {
    check_head(faults, event.schema_version, event.uuid, event.amends, &event.number, event.issue_date);
    check_currency(faults, &event.currency);
    check_scope(faults, event, profile);
    if let Some(note) = &event.note {
        text::bounded(faults, "note", note, limits::NOTE_CHARS, Layout::Lines);
    }
    match (event.kind, &event.original) {
        (Kind::Invoice, None) => {}
        (Kind::Invoice, Some(_)) => {
            let message = both!(
                "only a return names an original: remove it, or set kind to \"return\"",
                "لا يذكر فاتورةً أصليةً إلا المرتجع: احذف الحقل أو اجعل kind «return»"
            );
            faults.add(FaultCode::OriginalNotAllowed, "original", message);
        }
        (Kind::Return, None) => {
            let message = both!(
                "is missing: a return names the invoice that it takes back, and the reason",
                "مفقود: على المرتجع أن يذكر الفاتورة التي يُرجعها وسبب الإرجاع"
            );
            faults.add(FaultCode::OriginalMissing, "original", message);
        }
        (Kind::Return, Some(original)) => check_original(faults, event, original),
    }
}

/// What the heads of invoices and returns have in common.
pub(super) fn check_head(
    faults: &mut Faults,
    version: u32,
    uuid: Option<Uuid>,
    amends: Option<u32>,
    number: &str,
    date: NaiveDate,
) {
    let known = limits::SCHEMA_VERSION;
    if version != known {
        let message = both!(
            "is {version}: this version understands {known}",
            "قيمته {version}: هذا الإصدار يفهم {known} فقط"
        );
        faults.add(FaultCode::UnsupportedVersion, "schema_version", message);
    }
    if uuid.is_some_and(|uuid| uuid.is_nil()) {
        let message = both!(
            "is the nil UUID: give a real one, or leave it out",
            "معرّف UUID صفري: ضع معرّفاً حقيقياً أو احذف الحقل"
        );
        faults.add(FaultCode::NilUuid, "uuid", message);
    }
    if amends == Some(0) {
        let message = both!(
            "is 0: document versions count from 1; leave it out unless the event amends a refused document",
            "قيمته 0: إصدارات المستند تبدأ من 1؛ احذفه ما لم يكن الحدث تعديلاً لمستند مرفوض"
        );
        faults.add(FaultCode::InvalidAmends, "amends", message);
    }
    text::required(faults, "number", number, limits::NUMBER_CHARS, Layout::OneLine);
    text::visible(faults, "number", number);
    let (first, last) = (limits::FIRST_YEAR, limits::LAST_YEAR);
    if !(first..=last).contains(&date.year()) {
        let message = both!(
            "{date} is not between {first}-01-01 and {last}-12-31: correct the date",
            "التاريخ {date} ليس بين {first}-01-01 و{last}-12-31: صحّح التاريخ"
        );
        faults.add(FaultCode::DateOutOfRange, "issue_date", message);
    }
}

pub(super) fn check_currency(faults: &mut Faults, currency: &str) {
    if !limits::CURRENCIES.contains(&currency) {
        let (list, shown) = (limits::CURRENCIES.join(", "), quoted(currency));
        let message = both!(
            "{shown} is none of the currencies that are taken: {list}",
            "{shown} ليست من العملات المقبولة: {list}"
        );
        faults.add(FaultCode::UnknownCurrency, "currency", message);
    }
}

/// Scopes 3 to 5 are every family's by guide v1.5; the other reading leaves them to general sales (specification 2.3).
fn check_scope(faults: &mut Faults, event: &InvoiceEvent, profile: &Profile) {
    let zone = matches!(event.scope, Scope::Transit | Scope::ForeignTrade | Scope::FreeZone);
    if zone && profile.zone_scopes == ZoneScopes::GeneralSalesOnly && event.family != Family::GeneralSales {
        let message = both!(
            "transit, foreign trade and free zone are for general sales only by this taxpayer's settings (zone_scopes): correct scope or family",
            "العبور والتجارة الخارجية والمنطقة الحرة لفواتير المبيعات العامة فقط بحسب إعدادات هذا المكلّف (zone_scopes): صحّح scope أو family"
        );
        faults.add(FaultCode::ScopeNotAllowed, "scope", message);
    }
}

fn check_original(faults: &mut Faults, event: &InvoiceEvent, original: &Original) {
    text::required(faults, "original.uuid", &original.uuid, limits::NUMBER_CHARS, Layout::OneLine);
    text::required(faults, "original.number", &original.number, limits::NUMBER_CHARS, Layout::OneLine);
    text::required(faults, "original.reason", &original.reason, limits::REASON_CHARS, Layout::OneLine);
    if event.uuid.is_some_and(|uuid| original.uuid.trim().parse() == Ok(uuid)) {
        itself(faults, "original.uuid");
    }
    if let Some(total) = original.total {
        amounts::check(faults, "original.total", total, Bound::Total);
    }
}

/// A return that names itself.
pub(super) fn itself(faults: &mut Faults, path: &str) {
    let message = both!(
        "is the return's own: name the invoice that is taken back",
        "يعود إلى المرتجع نفسه: اذكر الفاتورة المطلوب إرجاعها"
    );
    faults.add(FaultCode::OriginalIsItself, path, message);
}

/// The document of lines without faults, if it is within its bound as a whole.
pub(super) fn settled(faults: &mut Faults, event: &InvoiceEvent, profile: &Profile) -> Option<Settled> {
    match settle(event, profile) {
        Ok(settled) if settled.totals.payable <= Decimal::from(limits::DOCUMENT_AMOUNT) => Some(settled),
        Ok(settled) => {
            let (payable, most) = (Amount::from(settled.totals.payable), limits::DOCUMENT_AMOUNT);
            let message = both!(
                "come to {payable}: a document may come to {most} at most; split it",
                "مجموع البنود {payable}: أقصى ما يُسمح به للمستند {most}؛ قسّمه"
            );
            faults.add(FaultCode::AmountTooLarge, "lines", message);
            None
        }
        Err(error) => {
            let fault = error.fault();
            faults.add(fault.code, &fault.path, super::Message { en: fault.message, ar: fault.message_ar });
            None
        }
    }
}
