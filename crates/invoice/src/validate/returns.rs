//! Rules for a return event, as far as it alone can tell (specification 2.10). Must not know the original of a return that
//! only names it.

use rust_decimal::Decimal;

use crate::amount::Amount;
use crate::event::{Family, InvoiceEvent, Kind, Line, Payment, Prices, Scope};
use crate::limits;
use crate::profile::Profile;
use crate::returns::{OriginalReference, OutsideLine, ReturnEvent, ReturnLine};

use super::amounts::{self, Bound};
use super::text::{self, Layout};
use super::{Fault, FaultCode, Faults, both, calculate, document, lines, metadata, parties, taxes};

/// All faults of a return event.
pub(super) fn examine(event: &ReturnEvent, profile: &Profile) -> Vec<Fault> {
    let faults = &mut Faults::default();
    let (version, amends) = (event.schema_version, event.amends);
    document::check_head(faults, version, event.uuid, amends, &event.number, event.issue_date);
    if let Some(currency) = &event.currency {
        document::check_currency(faults, currency);
    }
    if let Some(note) = &event.note {
        text::bounded(faults, "note", note, limits::NOTE_CHARS, Layout::Lines);
    }
    metadata::check(faults, event.metadata.as_ref());
    parties::check_seller(faults, &event.seller);
    if let Some(buyer) = &event.buyer {
        parties::check_buyer(faults, buyer, profile);
    }
    check_original(faults, event);
    if let Some(lines) = &event.lines {
        check_lines(faults, lines, event);
    }
    if let Some(outside) = &event.original.lines {
        check_outside(faults, event, outside, profile);
    }
    std::mem::take(&mut faults.found)
}

fn check_original(faults: &mut Faults, event: &ReturnEvent) {
    let original = &event.original;
    let said =
        |text: &Option<String>| text.as_deref().map(str::trim).filter(|text| !text.is_empty()).is_some();
    if !said(&original.uuid) && !said(&original.number) {
        let message = both!(
            "names no invoice: give the uuid or the number of the one that is taken back",
            "لا يذكر فاتورة: ضع uuid أو number للفاتورة المطلوب إرجاعها"
        );
        faults.add(FaultCode::OriginalMissing, "original", message);
    }
    for (path, text) in [("original.uuid", &original.uuid), ("original.number", &original.number)] {
        if let Some(text) = text {
            text::bounded(faults, path, text, limits::NUMBER_CHARS, Layout::OneLine);
        }
    }
    text::required(faults, "original.reason", &original.reason, limits::REASON_CHARS, Layout::OneLine);
    if let Some(path) = itself(event) {
        document::itself(faults, path);
    }
    if let Some(total) = original.total {
        amounts::check(faults, "original.total", total, Bound::Total);
    }
}

/// Where a return names itself. Its own number with another UUID is somebody else's document.
fn itself(event: &ReturnEvent) -> Option<&'static str> {
    let OriginalReference { uuid, number, .. } = &event.original;
    if let Some(uuid) = uuid.as_deref().map(str::trim).filter(|uuid| !uuid.is_empty()) {
        return (event.uuid.is_some() && uuid.parse().ok() == event.uuid).then_some("original.uuid");
    }
    number.as_ref().filter(|number| number.trim() == event.number.trim()).map(|_| "original.number")
}

fn check_lines(faults: &mut Faults, returned: &[ReturnLine], event: &ReturnEvent) {
    if !lines::check_count(faults, returned.len()) {
        return;
    }
    lines::check_numbers(faults, returned.iter().map(|line| Some(line.id)), true, true);
    for (index, line) in returned.iter().enumerate() {
        let mut own = Faults::default();
        check_line(&mut own, line, event);
        if !own.found.is_empty() {
            faults.within(&format!("lines[{index}]"), own);
        }
    }
}

/// The quantity, and what is stated besides: that it is the original's is seen when the original is at hand.
fn check_line(faults: &mut Faults, line: &ReturnLine, event: &ReturnEvent) {
    amounts::check(faults, "quantity", line.quantity, Bound::Factor);
    if let Some(name) = &line.name {
        text::bounded(faults, "name", name, limits::NAME_CHARS, Layout::OneLine);
    }
    for (path, amount, bound) in [
        ("unit_price", line.unit_price, Bound::Factor),
        ("discount", line.discount, Bound::Line),
        ("special_tax", line.special_tax, Bound::Line),
        ("consumer_price", line.consumer_price, Bound::Factor),
    ] {
        if let Some(amount) = amount {
            amounts::check(faults, path, amount, bound);
        }
    }
    match &line.tax {
        Some(_) if event.family == Some(Family::Income) => taxes::not_on_income(faults),
        Some(tax) => taxes::check_rate(faults, tax, event.scope.unwrap_or_default()),
        None => {}
    }
}

/// An original from before our time: all that it says of itself, by the rules of any invoice.
fn check_outside(faults: &mut Faults, event: &ReturnEvent, outside: &[OutsideLine], profile: &Profile) {
    let OriginalReference { uuid, number, .. } = &event.original;
    let given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.trim().is_empty());
    for (path, given) in [
        ("original.uuid", given(uuid)),
        ("original.number", given(number)),
        ("family", event.family.is_some()),
        ("payment", event.payment.is_some()),
    ] {
        if !given {
            let message = both!(
                "is missing: it is mandatory where the original's lines are given",
                "مفقود: هو إلزامي حين تُذكر بنود الفاتورة الأصلية"
            );
            faults.add(FaultCode::MissingField, path, message);
        }
    }
    let (Some(family), Some(payment)) = (event.family, event.payment) else { return };
    let original = original_of(event, outside, family, payment);
    let mut own = Faults::default();
    let settled = calculate(&mut own, &original, profile);
    if let (Some(settled), Some(stated)) = (&settled, event.original.total) {
        check_total(&mut own, stated, settled.totals.payable, outside.len());
    }
    let known = own.found.is_empty();
    if known {
        check_returned(&mut own, outside);
    }
    faults.within("original", own);
    for (index, line) in event.lines.iter().flatten().enumerate().filter(|_| known) {
        check_rest(faults, index, line, outside);
    }
    parties::check_presence(faults, &original, settled.as_ref().map(|settled| &settled.totals), profile);
}

/// The outside original as the invoice that it was.
fn original_of(
    event: &ReturnEvent,
    outside: &[OutsideLine],
    family: Family,
    payment: Payment,
) -> InvoiceEvent {
    InvoiceEvent {
        schema_version: limits::SCHEMA_VERSION,
        uuid: None,
        amends: None,
        kind: Kind::Invoice,
        family,
        scope: event.scope.unwrap_or(Scope::Local),
        payment,
        number: event.original.number.clone().unwrap_or_default(),
        issue_date: event.issue_date,
        currency: event.currency.clone().unwrap_or_else(|| "JOD".to_owned()),
        prices: Prices::Net,
        discount: None,
        note: None,
        metadata: None,
        seller: event.seller.clone(),
        buyer: event.buyer.clone(),
        original: None,
        lines: outside.iter().map(line_of).collect(),
    }
}

/// Other systems round otherwise: to three decimals a line, or to piastres in all. More than that is another invoice.
fn check_total(faults: &mut Faults, stated: Amount, calculated: Decimal, lines: usize) {
    let lines = Decimal::from(u32::try_from(lines).unwrap_or(u32::MAX));
    let bound = Decimal::new(1, 2) + Decimal::new(1, 3) * lines;
    let difference = stated.decimal().checked_sub(calculated);
    if difference.is_none_or(|difference| difference.abs() > bound) {
        let message = both!(
            "{stated} is not what its lines come to, {calculated}: correct one of them",
            "المجموع {stated} ليس حاصل بنوده، أي {calculated}: صحّح أحدهما"
        );
        faults.add(FaultCode::TotalMismatch, "total", message);
    }
}

/// What came back earlier, against what was sold.
fn check_returned(faults: &mut Faults, outside: &[OutsideLine]) {
    for (index, line) in outside.iter().enumerate() {
        for (field, part, whole, bound) in [
            ("returned", line.returned, line.quantity, Bound::Part),
            ("returned_discount", line.returned_discount, line.discount.unwrap_or_default(), Bound::Line),
            (
                "returned_special_tax",
                line.returned_special_tax,
                line.special_tax.unwrap_or_default(),
                Bound::Line,
            ),
        ] {
            let Some(part) = part else { continue };
            let path = format!("lines[{index}].{field}");
            if amounts::check(faults, &path, part, bound) && part > whole {
                let message = both!(
                    "{part} is more than there was, {whole}: lower it",
                    "القيمة {part} أكثر مما كان، أي {whole}: خفّضها"
                );
                faults.add(FaultCode::MoreThanLeft, &path, message);
            }
        }
    }
    if outside.iter().all(|line| line.returned == Some(line.quantity)) {
        let message = both!(
            "have come back already, all of them: nothing is left to return",
            "أُرجعت كلها من قبل: لم يبقَ ما يُرجع"
        );
        faults.add(FaultCode::NothingLeft, "lines", message);
    }
}

/// A line that comes back, against what is left of it.
fn check_rest(faults: &mut Faults, index: usize, line: &ReturnLine, outside: &[OutsideLine]) {
    let (id, quantity) = (line.id, line.quantity);
    let Some(sold) = outside.iter().find(|sold| sold.id == id) else {
        let message = both!(
            "{id} is the number of no line of the original: correct it",
            "الرقم {id} ليس رقم أي بند في الفاتورة الأصلية: صحّحه"
        );
        faults.line(index, "id", FaultCode::LineNotInOriginal, message);
        return;
    };
    let rest = sold.quantity.decimal() - sold.returned.unwrap_or_default().decimal();
    if quantity.decimal() > rest {
        let message = both!(
            "{quantity} is more than is left of the line, {rest}: lower it",
            "الكمية {quantity} أكثر مما بقي من البند، أي {rest}: خفّضها"
        );
        faults.line(index, "quantity", FaultCode::MoreThanLeft, message);
    }
}

/// The line as the invoice had it.
fn line_of(told: &OutsideLine) -> Line {
    Line {
        id: Some(told.id),
        name: told.name.clone(),
        quantity: told.quantity,
        unit_price: told.unit_price,
        discount: told.discount.unwrap_or_default(),
        total: None,
        tax: told.tax.clone(),
        special_tax: told.special_tax,
        consumer_price: told.consumer_price,
    }
}
