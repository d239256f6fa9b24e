//! Rules for the lines: numbers, names, amounts (specification 2.6). Must not know seller or buyer.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use rust_decimal::Decimal;

use crate::amount::Amount;
use crate::event::{InvoiceEvent, Kind, Line, Prices};
use crate::limits;
use crate::totals::Fixed;

use super::amounts::{self, Bound};
use super::text::{self, Layout};
use super::{FaultCode, Faults, both, taxes};

pub(super) fn check(faults: &mut Faults, event: &InvoiceEvent) {
    if !check_count(faults, event.lines.len()) {
        return;
    }
    let given = event.lines.iter().any(|line| line.id.is_some());
    let ids = event.lines.iter().map(|line| line.id);
    check_numbers(faults, ids, event.kind == Kind::Return, given);
    let consumer_prices = event.lines.iter().any(|line| line.consumer_price.is_some());
    if consumer_prices && event.prices == Prices::TaxIncluded {
        let message = both!(
            "must be net: where the tax rests on the consumer price, no price of a unit includes it; give unit prices before tax",
            "يجب أن تكون net: حين تُحسب الضريبة على سعر المستهلك لا يشملها سعر الوحدة؛ ضع أسعار الوحدات قبل الضريبة"
        );
        faults.add(FaultCode::TaxIncludedNotAllowed, "prices", message);
    }
    for (index, line) in event.lines.iter().enumerate() {
        let mut own = Faults::default();
        check_name(&mut own, &line.name);
        check_amounts(&mut own, line, event.prices);
        taxes::check(&mut own, line, event.family, event.scope);
        taxes::check_consumer_price(&mut own, line, event.family, consumer_prices);
        if !own.found.is_empty() {
            faults.within(&format!("lines[{index}]"), own);
        }
    }
    if let Some(discount) = event.discount {
        amounts::check(faults, "discount", discount, Bound::Total);
    }
}

/// Whether there are as many lines as a document may have.
pub(super) fn check_count(faults: &mut Faults, count: usize) -> bool {
    let most = limits::LINES;
    if count == 0 {
        let message =
            both!("is empty: a document has at least one line", "فارغ: في كل مستند بند واحد على الأقل");
        faults.add(FaultCode::NoLines, "lines", message);
    }
    if count > most {
        let message = both!(
            "has {count} lines: a document may have {most}; split it",
            "عدد البنود {count}: أقصى ما يُسمح به {most}؛ قسّم المستند"
        );
        faults.add(FaultCode::TooManyLines, "lines", message);
    }
    count <= most
}

/// The numbers of the lines: unique, from 1; on returns mandatory, else on all lines or none.
pub(super) fn check_numbers(
    faults: &mut Faults,
    ids: impl Iterator<Item = Option<u32>>,
    of_return: bool,
    given: bool,
) {
    let mut seen = BTreeMap::new();
    for (index, id) in ids.enumerate() {
        match id {
            None if of_return => {
                let message = both!(
                    "is missing: a return's line carries the number that it has in the original",
                    "مفقود: بند المرتجع يحمل رقمه في الفاتورة الأصلية"
                );
                faults.line(index, "id", FaultCode::LineIdMissing, message);
            }
            None if given => {
                let message = both!(
                    "is missing: number all lines or none",
                    "مفقود: رقّم البنود كلها أو لا ترقّم أياً منها"
                );
                faults.line(index, "id", FaultCode::LineIdMissing, message);
            }
            None => {}
            Some(0) => {
                let message = both!("is 0: line numbers begin at 1", "قيمته 0: أرقام البنود تبدأ من 1");
                faults.line(index, "id", FaultCode::LineIdZero, message);
            }
            Some(id) => match seen.entry(id) {
                Entry::Vacant(place) => {
                    place.insert(index);
                }
                Entry::Occupied(first) => {
                    let first = first.get();
                    let message = both!(
                        "{id} is the number of lines[{first}] as well: numbers are unique",
                        "الرقم {id} هو رقم lines[{first}] أيضاً: أرقام البنود لا تتكرر"
                    );
                    faults.line(index, "id", FaultCode::LineIdRepeated, message);
                }
            },
        }
    }
}

/// The name of a line, which must say something.
pub(super) fn check_name(faults: &mut Faults, name: &str) {
    text::required(faults, "name", name, limits::NAME_CHARS, Layout::OneLine);
}

fn check_amounts(faults: &mut Faults, line: &Line, prices: Prices) {
    let quantity = amounts::check(faults, "quantity", line.quantity, Bound::Factor);
    let price = amounts::check(faults, "unit_price", line.unit_price, Bound::Factor);
    let discount = amounts::check(faults, "discount", line.discount, Bound::Line);
    let total = check_total(faults, line, prices);
    if !(quantity && price) {
        return;
    }
    let Some(gross) = amounts::product(faults, "", line.quantity, line.unit_price) else {
        return;
    };
    if !discount {
        return;
    }
    if Fixed::of(line.discount).is_none_or(|discount| discount > gross) {
        let (discount, gross) = (line.discount, gross.rounded().unwrap_or_default());
        let message = both!(
            "{discount} is more than quantity x unit price, {gross}: lower it",
            "الخصم {discount} أكثر من الكمية × سعر الوحدة، أي {gross}: خفّضه"
        );
        faults.add(FaultCode::DiscountAboveGross, "discount", message);
    } else if let Some(total) = total {
        check_sum(faults, total, gross, line.discount);
    }
}

/// The shop's total, if it is one that may stand there.
fn check_total(faults: &mut Faults, line: &Line, prices: Prices) -> Option<Amount> {
    let total = line.total?;
    if prices == Prices::Net {
        let message = both!(
            "is for prices with tax only: set prices to \"tax_included\", or leave the total out",
            "لا يرد إلا مع الأسعار الشاملة للضريبة: اجعل prices «tax_included» أو احذف المجموع"
        );
        faults.add(FaultCode::TotalNotAllowed, "total", message);
        return None;
    }
    amounts::check(faults, "total", total, Bound::Line).then_some(total)
}

/// A shop rounds its totals, to fils or to piastres; a total further away is a mistake somewhere, not a discount.
fn check_sum(faults: &mut Faults, total: Amount, gross: Fixed, discount: Amount) {
    let sum = Fixed::of(discount).and_then(|discount| gross.minus(discount)).and_then(Fixed::rounded);
    let Some(sum) = sum else { return };
    let bound = Decimal::new(1, 2);
    if (total.decimal() - sum).abs() >= bound {
        let message = both!(
            "{total} is not quantity x unit price - discount, {sum}, rounded (by less than {bound}): correct one of them",
            "المجموع {total} ليس الكمية × سعر الوحدة - الخصم، أي {sum}، مقرّباً (بأقل من {bound}): صحّح أحدها"
        );
        faults.add(FaultCode::TotalMismatch, "total", message);
    }
}
