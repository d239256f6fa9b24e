//! Originals from before this system's time: described by the first return of one, and held against what later ones say. Must not
//! know where descriptions are kept.

use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::event::{InvoiceEvent, Kind, Line, Prices};
use crate::profile::Profile;
use crate::totals::Totals;
use crate::validate::{Fault, FaultCode, both};

use super::complete::Faults;
use super::share::proportional;
use super::{OriginalDocument, OutsideLine, ReturnEvent, Returned, ReturnedLine};

/// An original that this system never cleared, and what of it had come back before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outside {
    /// As the authority holds it, by the word of the retailer.
    pub document: OriginalDocument,
    /// What had come back.
    pub returned: Returned,
}

impl Outside {
    /// What `event` tells of its original; none when it tells no lines.
    ///
    /// # Errors
    /// What is missing, or cannot be calculated.
    pub fn told_by(event: &ReturnEvent, profile: &Profile) -> Result<Option<Self>, Vec<Fault>> {
        let Some(told) = &event.original.lines else { return Ok(None) };
        let (Some(uuid), Some(number), Some(family), Some(payment)) =
            (&event.original.uuid, &event.original.number, event.family, event.payment)
        else {
            let message = both!(
                "an original from before this system's time needs original.uuid, original.number, family and payment",
                "الفاتورة الأصلية السابقة لهذا النظام تحتاج إلى original.uuid وoriginal.number وfamily وpayment"
            );
            return Err(vec![Fault::new(FaultCode::MissingField, "original", message)]);
        };
        let mut faults = Faults::default();
        let returned = told
            .iter()
            .enumerate()
            .filter_map(|(index, line)| Some((line.id, returned(&mut faults, index, line)?)))
            .collect();
        let mut document = OriginalDocument {
            uuid: uuid.clone(),
            number: number.clone(),
            family,
            scope: event.scope.unwrap_or_default(),
            payment,
            currency: event.currency.clone().unwrap_or_else(|| "JOD".to_owned()),
            total: Amount::ZERO,
            buyer: event.buyer.clone(),
            lines: told.iter().map(line).collect(),
        };
        match (event.original.total, Totals::of(&sale(event, &document), profile)) {
            // What was printed counts: other systems round otherwise.
            (Some(total), _) => document.total = total,
            (None, Ok(totals)) => document.total = totals.payable.into(),
            (None, Err(error)) => {
                faults.add(FaultCode::AmountTooLarge, "original.lines", error.to_string());
            }
        }
        if faults.found.is_empty() { Ok(Some(Self { document, returned })) } else { Err(faults.found) }
    }

    /// Where this description says something else than `document`, which counts. What had come back is not compared: by now more may have.
    #[must_use]
    pub fn differences(&self, document: &OriginalDocument) -> Vec<Fault> {
        let mut faults = Faults::default();
        for (index, told) in self.document.lines.iter().enumerate() {
            let path = format!("original.lines[{index}]");
            let id = told.id.unwrap_or_default();
            let Some(known) = document.lines.iter().find(|line| line.id == told.id) else {
                let message = both!(
                    "the original has no line {id}: leave original.lines out, or correct them",
                    "لا بند برقم {id} في الفاتورة الأصلية: احذف original.lines أو صحّحها"
                );
                faults.add(FaultCode::LineNotInOriginal, format!("{path}.id"), message);
                continue;
            };
            let shown = |line: &Line| {
                let tax = line.tax.as_ref().map(|tax| format!("{:?} {} %", tax.category, tax.percent));
                let other = |amount: Option<Amount>| amount.filter(|amount| *amount != Amount::ZERO);
                format!(
                    "{} x {} at {}, discount {}, tax {}, special tax {}, consumer price {}",
                    line.quantity,
                    line.name,
                    line.unit_price,
                    line.discount,
                    tax.as_deref().unwrap_or("none"),
                    other(line.special_tax).unwrap_or_default(),
                    other(line.consumer_price).unwrap_or_default(),
                )
            };
            faults.compare(&path, Some(&shown(told)), &shown(known));
        }
        if self.document.lines.len() < document.lines.len() && faults.found.is_empty() {
            let (known, told) = (document.lines.len(), self.document.lines.len());
            let message = both!(
                "the original has {known} lines, not {told}: leave original.lines out, or give all",
                "بنود الفاتورة الأصلية {known} وليست {told}: احذف original.lines أو اذكرها كلها"
            );
            faults.add(FaultCode::DiffersFromOriginal, "original.lines", message);
        }
        faults.found
    }
}

/// What had come back of a line, in proportion where it is not said.
fn returned(faults: &mut Faults, index: usize, line: &OutsideLine) -> Option<ReturnedLine> {
    let quantity = line.returned.unwrap_or_default();
    if quantity < Amount::ZERO || quantity > line.quantity {
        let sold = line.quantity;
        let message = both!(
            "{quantity} cannot have come back of {sold}: give what had come back before this system's time",
            "لا يمكن أن يكون قد أُرجع {quantity} من {sold}: ضع ما أُرجع قبل هذا النظام"
        );
        faults.add(FaultCode::MoreThanLeft, format!("original.lines[{index}].returned"), message);
        return None;
    }
    let share = |stated: Option<Amount>, whole: Amount| {
        stated.or_else(|| proportional(whole, quantity, line.quantity)).map(|share| share.min(whole))
    };
    let discount = share(line.returned_discount, line.discount.unwrap_or_default());
    let special_tax = share(line.returned_special_tax, line.special_tax.unwrap_or_default());
    let (Some(discount), Some(special_tax)) = (discount, special_tax) else {
        let message =
            both!("what had come back cannot be calculated exactly", "لا يمكن حساب ما أُرجع من قبل بدقة");
        faults.add(FaultCode::AmountTooLarge, format!("original.lines[{index}]"), message);
        return None;
    };
    Some(ReturnedLine { quantity, discount, special_tax })
}

fn line(told: &OutsideLine) -> Line {
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

/// The sale that the original was, to calculate its total.
fn sale(event: &ReturnEvent, document: &OriginalDocument) -> InvoiceEvent {
    InvoiceEvent {
        schema_version: event.schema_version,
        uuid: None,
        amends: None,
        kind: Kind::Invoice,
        family: document.family,
        scope: document.scope,
        payment: document.payment,
        number: document.number.clone(),
        issue_date: event.issue_date,
        currency: document.currency.clone(),
        prices: Prices::Net,
        discount: None,
        note: None,
        metadata: None,
        seller: event.seller.clone(),
        buyer: document.buyer.clone(),
        original: None,
        lines: document.lines.clone(),
    }
}

#[cfg(test)]
mod tests;
