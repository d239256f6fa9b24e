//! From a return event and its original to the whole document: names, prices and taxes copied, discount and special tax in proportion,
//! whole at the last. Must not know how much others have reserved but by what it is told.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::event::{Buyer, InvoiceEvent, Kind, Line, Original, Prices};
use crate::limits;
use crate::normal;
use crate::validate::{Fault, FaultCode, Message, both};

use super::share::{gross, proportional};
use super::{OriginalDocument, OriginalReference, ReturnEvent, ReturnLine};

/// What came back of one line: earlier, or now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReturnedLine {
    /// Quantity.
    pub quantity: Amount,
    /// Discount that went back with it.
    pub discount: Amount,
    /// Special tax that went back with it.
    pub special_tax: Amount,
}

impl ReturnedLine {
    /// Both together; none beyond what can be counted exactly.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Option<Self> {
        Some(Self {
            quantity: plus(self.quantity, other.quantity)?,
            discount: plus(self.discount, other.discount)?,
            special_tax: plus(self.special_tax, other.special_tax)?,
        })
    }
}

/// What came back of an original, by line number.
pub type Returned = BTreeMap<u32, ReturnedLine>;

/// The whole document of a return, and what it takes back.
///
/// `earlier` is what all other returns of this original have taken back, or reserved. The parts of all returns of a line sum up
/// to its discount and its special tax exactly, for the last one takes the rest; no part is ever below 0 or above what it is
/// taken off (guide v1.5, returns).
///
/// # Errors
/// All faults: lines that the original does not have, more than is left, statements that differ from the original.
pub fn complete(
    event: &ReturnEvent,
    original: &OriginalDocument,
    earlier: &Returned,
) -> Result<(InvoiceEvent, Returned), Vec<Fault>> {
    let mut faults = Faults::default();
    compare_heads(&mut faults, event, original);
    let lines = match &event.lines {
        Some(stated) => stated_lines(&mut faults, stated, original, earlier),
        None => lines_that_are_left(&mut faults, original, earlier),
    };
    if !faults.found.is_empty() {
        return Err(faults.found);
    }
    let returned = lines.iter().map(|(line, back)| (line.id.unwrap_or_default(), *back)).collect();
    let lines = lines.into_iter().map(|(line, _)| line).collect();
    Ok((document(event, original, lines), returned))
}

fn document(event: &ReturnEvent, original: &OriginalDocument, lines: Vec<Line>) -> InvoiceEvent {
    InvoiceEvent {
        schema_version: event.schema_version,
        uuid: event.uuid.or_else(|| Some(normal::name_based_uuid(&event.seller, &event.number))),
        amends: event.amends,
        kind: Kind::Return,
        family: original.family,
        scope: original.scope,
        payment: original.payment,
        number: event.number.clone(),
        issue_date: event.issue_date,
        currency: original.currency.clone(),
        prices: Prices::Net,
        discount: None,
        note: event.note.clone(),
        metadata: event.metadata.clone(),
        seller: event.seller.clone(),
        buyer: original.buyer.clone(),
        original: Some(Original {
            uuid: original.uuid.clone(),
            number: original.number.clone(),
            total: Some(original.total),
            reason: event.original.reason.clone(),
        }),
        lines,
    }
}

/// Everything of the original that has not come back yet, in its order.
fn lines_that_are_left(
    faults: &mut Faults,
    original: &OriginalDocument,
    earlier: &Returned,
) -> Vec<(Line, ReturnedLine)> {
    let mut lines = Vec::new();
    for sold in &original.lines {
        let back = earlier.get(&sold.id.unwrap_or_default()).copied().unwrap_or_default();
        match minus(sold.quantity, back.quantity) {
            Some(left) if left > Amount::ZERO => {
                lines.extend(come_back(faults, "lines", sold, back, left));
            }
            _ => {}
        }
    }
    if lines.is_empty() && faults.found.is_empty() {
        let number = &original.number;
        let message = both!(
            "everything of invoice {number} has come back already, or is reserved by other returns: abandon this return, or the others",
            "أُرجع كل ما في الفاتورة {number} أو هو محجوز لمرتجعات أخرى: اترك هذا المرتجع أو تلك"
        );
        faults.add(FaultCode::NothingLeft, "lines", message);
    }
    lines
}

fn stated_lines(
    faults: &mut Faults,
    stated: &[ReturnLine],
    original: &OriginalDocument,
    earlier: &Returned,
) -> Vec<(Line, ReturnedLine)> {
    let sold: BTreeMap<u32, &Line> =
        original.lines.iter().filter_map(|line| line.id.map(|id| (id, line))).collect();
    let mut seen = BTreeSet::new();
    let mut lines = Vec::with_capacity(stated.len());
    for (index, line) in stated.iter().enumerate() {
        let path = format!("lines[{index}]");
        let Some(sold) = sold.get(&line.id) else {
            let (number, id) = (&original.number, line.id);
            let message = both!(
                "invoice {number} has no line {id}: give the number that the line has there",
                "لا بند برقم {id} في الفاتورة {number}: ضع رقم البند فيها"
            );
            faults.add(FaultCode::LineNotInOriginal, format!("{path}.id"), message);
            continue;
        };
        if !seen.insert(line.id) {
            let id = line.id;
            let message = both!(
                "line {id} stands twice: give its whole quantity once",
                "البند {id} مذكور مرتين: ضع كميته كلها مرة واحدة"
            );
            faults.add(FaultCode::LineIdRepeated, format!("{path}.id"), message);
            continue;
        }
        let back = earlier.get(&line.id).copied().unwrap_or_default();
        if let Some((line_back, now)) = quantity_comes_back(faults, &path, line, sold, back) {
            compare_line(faults, &path, line, &line_back);
            lines.push((line_back, now));
        }
    }
    lines
}

fn quantity_comes_back(
    faults: &mut Faults,
    path: &str,
    line: &ReturnLine,
    sold: &Line,
    back: ReturnedLine,
) -> Option<(Line, ReturnedLine)> {
    if line.quantity <= Amount::ZERO {
        let quantity = line.quantity;
        let message = both!(
            "{quantity} is not above 0: leave out what does not come back",
            "الكمية {quantity} ليست فوق الصفر: احذف ما لا يُرجع"
        );
        faults.add(FaultCode::NotPositive, format!("{path}.quantity"), message);
        return None;
    }
    let left = minus(sold.quantity, back.quantity).unwrap_or_default().max(Amount::ZERO);
    if line.quantity > left {
        let (quantity, id, sold, back) = (line.quantity, line.id, sold.quantity, back.quantity);
        let is = if left.decimal() == Decimal::ONE { "is" } else { "are" };
        let message = both!(
            "{quantity} of line {id} would come back, but only {left} {is} left: {sold} was sold, and {back} has come back or is reserved by other returns",
            "المطلوب إرجاعه من البند {id} هو {quantity} ولم يبقَ سوى {left}: بيع منه {sold}، وأُرجع أو حُجز لمرتجعات أخرى {back}"
        );
        faults.add(FaultCode::MoreThanLeft, format!("{path}.quantity"), message);
        return None;
    }
    come_back(faults, path, sold, back, line.quantity)
}

/// The line as it comes back in this quantity, which is not more than what is left.
fn come_back(
    faults: &mut Faults,
    path: &str,
    sold: &Line,
    back: ReturnedLine,
    quantity: Amount,
) -> Option<(Line, ReturnedLine)> {
    let Some(now) = parts(sold, back, quantity) else {
        let id = sold.id.unwrap_or_default();
        let message =
            both!("the parts of line {id} cannot be calculated exactly", "لا يمكن حساب أجزاء البند {id} بدقة");
        faults.add(FaultCode::AmountTooLarge, path.to_owned(), message);
        return None;
    };
    let line = Line {
        quantity,
        discount: now.discount,
        special_tax: sold.special_tax.map(|_| now.special_tax),
        total: None,
        ..sold.clone()
    };
    Some((line, now))
}

/// Discount and special tax in proportion to the quantity; what is left of them with what is left of it.
fn parts(sold: &Line, back: ReturnedLine, quantity: Amount) -> Option<ReturnedLine> {
    let left = minus(sold.quantity, back.quantity)?;
    let later = minus(left, quantity)?;
    let discount = {
        let left = minus(sold.discount, back.discount)?.max(Amount::ZERO);
        // A discount is not more than what it is taken off: neither now nor later.
        let least = minus(left, gross(later, sold.unit_price)?)?.max(Amount::ZERO);
        let most = left.min(gross(quantity, sold.unit_price)?);
        let share =
            if later == Amount::ZERO { left } else { proportional(sold.discount, quantity, sold.quantity)? };
        share.max(least).min(most)
    };
    let special_tax = {
        let whole = sold.special_tax.unwrap_or_default();
        let left = minus(whole, back.special_tax)?.max(Amount::ZERO);
        let share = if later == Amount::ZERO { left } else { proportional(whole, quantity, sold.quantity)? };
        share.min(left)
    };
    Some(ReturnedLine { quantity, discount, special_tax })
}

/// What the event states of the original besides the lines.
fn compare_heads(faults: &mut Faults, event: &ReturnEvent, original: &OriginalDocument) {
    let OriginalReference { uuid, number, total, .. } = &event.original;
    if let Some(uuid) = uuid
        && !super::same_uuid(uuid, &original.uuid)
    {
        faults.differs("original.uuid", uuid, &original.uuid);
    }
    faults.compare("original.number", number.as_ref(), &original.number);
    faults.compare("original.total", total.as_ref(), &original.total);
    faults.compare("currency", event.currency.as_ref(), &original.currency);
    faults.compare_name("family", event.family.as_ref(), &original.family);
    faults.compare_name("scope", event.scope.as_ref(), &original.scope);
    faults.compare_name("payment", event.payment.as_ref(), &original.payment);
    if let Some(stated) = &event.buyer {
        compare_buyer(faults, stated, original.buyer.as_ref().unwrap_or(&Buyer::default()));
    }
}

/// What is stated of the buyer; what is left out is the original's.
fn compare_buyer(faults: &mut Faults, stated: &Buyer, theirs: &Buyer) {
    let none = || "none".to_owned();
    let text = |value: &Option<String>| value.clone().unwrap_or_else(none);
    let pairs = [
        ("buyer.name", stated.name.clone(), text(&theirs.name)),
        ("buyer.postal_code", stated.postal_code.clone(), text(&theirs.postal_code)),
        (
            "buyer.phone",
            stated.phone.as_deref().map(crate::phone::reduced),
            theirs.phone.as_deref().map_or_else(none, crate::phone::reduced),
        ),
        (
            "buyer.governorate",
            stated.governorate.map(|value| format!("{value:?}")),
            theirs.governorate.map_or_else(none, |value| format!("{value:?}")),
        ),
        (
            "buyer.identification",
            stated.identification.as_ref().map(|value| format!("{:?} {}", value.scheme, value.number)),
            theirs
                .identification
                .as_ref()
                .map_or_else(none, |value| format!("{:?} {}", value.scheme, value.number)),
        ),
    ];
    for (path, stated, theirs) in pairs {
        faults.compare(path, stated.as_ref(), &theirs);
    }
}

/// What the event states of a line besides its quantity, against the line as it comes back.
fn compare_line(faults: &mut Faults, path: &str, stated: &ReturnLine, back: &Line) {
    let at = |field: &str| format!("{path}.{field}");
    faults.compare(&at("name"), stated.name.as_ref(), &back.name);
    faults.compare(&at("unit_price"), stated.unit_price.as_ref(), &back.unit_price);
    faults.compare(&at("discount"), stated.discount.as_ref(), &back.discount);
    faults.compare(&at("special_tax"), stated.special_tax.as_ref(), &back.special_tax.unwrap_or_default());
    let tax = |line: &Option<crate::event::GeneralTax>| {
        line.as_ref().map_or_else(|| "none".to_owned(), |tax| format!("{:?} {} %", tax.category, tax.percent))
    };
    faults.compare(&at("tax"), stated.tax.is_some().then(|| tax(&stated.tax)).as_ref(), &tax(&back.tax));
    let price = |price: Option<Amount>| price.map_or_else(|| "none".to_owned(), |price| price.to_string());
    faults.compare(
        &at("consumer_price"),
        stated.consumer_price.map(|stated| price(Some(stated))).as_ref(),
        &price(back.consumer_price),
    );
}

fn plus(a: Amount, b: Amount) -> Option<Amount> {
    a.decimal().checked_add(b.decimal()).map(Amount::from)
}

fn minus(a: Amount, b: Amount) -> Option<Amount> {
    a.decimal().checked_sub(b.decimal()).map(Amount::from)
}

/// The faults found so far; bounded.
#[derive(Default)]
pub(super) struct Faults {
    pub(super) found: Vec<Fault>,
}

impl Faults {
    pub(super) fn add(&mut self, code: FaultCode, path: impl Into<String>, message: impl Into<Message>) {
        if self.found.len() < limits::FAULTS {
            self.found.push(Fault::new(code, path, message));
        }
    }

    pub(super) fn compare<T: PartialEq + std::fmt::Display>(
        &mut self,
        path: &str,
        stated: Option<&T>,
        original: &T,
    ) {
        if let Some(stated) = stated.filter(|stated| *stated != original) {
            self.differs(path, stated, original);
        }
    }

    fn compare_name<T: PartialEq + Serialize>(&mut self, path: &str, stated: Option<&T>, original: &T) {
        if let Some(stated) = stated.filter(|stated| *stated != original) {
            let name = |value: &T| match serde_json::to_value(value) {
                Ok(serde_json::Value::String(name)) => name,
                other => format!("{other:?}"),
            };
            self.differs(path, &name(stated), &name(original));
        }
    }

    fn differs(&mut self, path: &str, stated: &impl std::fmt::Display, original: &impl std::fmt::Display) {
        let message = both!(
            "{stated} is stated, but the original has {original}: leave it out, or correct it",
            "المذكور {stated}، وفي الفاتورة الأصلية {original}: احذفه أو صحّحه"
        );
        self.add(FaultCode::DiffersFromOriginal, path, message);
    }
}

#[cfg(test)]
mod tests;
