//! A return against the original that the authority holds (guide v1.5, returns); it must not know where originals are kept.

use std::collections::BTreeMap;

use num_rational::BigRational;

use crate::decimal::{Decimal, near, zero};
use crate::document::{Document, Line};
use crate::finding::Finding;

/// What must be kept of an accepted invoice so that returns can be checked against it.
#[derive(Clone, Debug)]
pub(crate) struct Sold {
    type_name: String,
    currency: String,
    party: String,
    telephone: String,
    payable: BigRational,
    /// Boxed, since a node of the map has room for eleven and most invoices have few lines.
    lines: BTreeMap<String, Box<SoldLine>>,
}

#[derive(Clone, Debug)]
struct SoldLine {
    name: String,
    quantity: BigRational,
    returned: Given,
    price: BigRational,
    discount: BigRational,
    /// None on documents that carry no special tax.
    special_tax: Option<BigRational>,
    consumer_price: Option<BigRational>,
    /// Category and percent of the general tax, none on income documents.
    rate: Option<(String, Option<BigRational>)>,
}

/// What has come back of a line.
#[derive(Clone, Debug)]
struct Given {
    quantity: BigRational,
    discount: BigRational,
    special_tax: BigRational,
}

impl Sold {
    pub(crate) fn of(invoice: &Document) -> Self {
        let lines =
            invoice.lines.iter().map(|line| (line.id.clone(), Box::new(SoldLine::of(line)))).collect();
        Self {
            type_name: invoice.type_name.clone(),
            currency: invoice.currency.clone(),
            party: invoice.buyer.party.clone(),
            telephone: invoice.buyer.telephone.clone(),
            payable: invoice.payable.clone(),
            lines,
        }
    }

    /// Takes what an accepted return brings off what is left.
    pub(crate) fn give_back(&mut self, document: &Document) {
        for line in &document.lines {
            if let Some(sold) = self.lines.get_mut(&line.id) {
                sold.returned.quantity += &line.quantity;
                sold.returned.discount += &line.discount;
                sold.returned.special_tax += special_of(line).unwrap_or_else(zero);
            }
        }
    }

    /// What is wrong with a return of this invoice.
    pub(crate) fn check(&self, document: &Document, tolerance: &BigRational) -> Vec<Finding> {
        let mut findings = Vec::new();
        if document.type_name != self.type_name {
            findings.push(Finding::type_code("the type of the return differs from the original invoice"));
        }
        if document.currency != self.currency {
            findings.push(Finding::uncoded("the currency of the return differs from the original invoice"));
        }
        // The guide's own example of a return leaves the telephone out, so it is compared only where it is given.
        let telephone = &document.buyer.telephone;
        if document.buyer.party != self.party || !(telephone.is_empty() || *telephone == self.telephone) {
            findings.push(Finding::buyer_mismatch());
        }
        if let Some(original) = &document.original {
            let total = original.total.parse::<Decimal>();
            if !total.is_ok_and(|total| near(total.value(), &self.payable, tolerance)) {
                let message = "the total of the original invoice is not the one it was accepted with";
                findings.push(Finding::uncoded(message));
            }
        }
        for line in &document.lines {
            match self.lines.get(&line.id) {
                Some(sold) => sold.check(line, tolerance, &mut findings),
                None => findings.push(Finding::uncoded(format!("line {} is not in the original", line.id))),
            }
        }
        findings
    }
}

impl SoldLine {
    fn of(line: &Line) -> Self {
        Self {
            name: line.name.clone(),
            quantity: line.quantity.clone(),
            returned: Given { quantity: zero(), discount: zero(), special_tax: zero() },
            price: line.price.clone(),
            discount: line.discount.clone(),
            special_tax: special_of(line),
            consumer_price: line.consumer_price.clone(),
            rate: rate_of(line),
        }
    }

    fn check(&self, line: &Line, tolerance: &BigRational, findings: &mut Vec<Finding>) {
        let id = &line.id;
        let left = &self.quantity - &self.returned.quantity;
        if line.quantity > left {
            findings.push(Finding::uncoded(format!("line {id}: more is returned than is left")));
        }
        let same = line.price == self.price
            && line.name == self.name
            && line.consumer_price == self.consumer_price
            && rate_of(line) == self.rate;
        if !same {
            findings
                .push(Finding::uncoded(format!("line {id}: price, name or tax differs from the original")));
        }
        let whole = line.quantity == left;
        // Nothing was sold at quantity zero, so the division is safe: quantities are checked to be above zero.
        let part = |sold: &BigRational, returned: &BigRational, now: &BigRational| {
            // The last one brings what rounding has left of it.
            near(now, &(sold * &line.quantity / &self.quantity), tolerance)
                || whole && near(now, &(sold - returned), tolerance)
        };
        if self.quantity <= zero() {
            return;
        }
        if !part(&self.discount, &self.returned.discount, &line.discount) {
            findings.push(Finding::uncoded(format!("line {id}: the discount is not the part that returns")));
        }
        let special = match (&self.special_tax, special_of(line)) {
            (Some(sold), Some(now)) => part(sold, &self.returned.special_tax, &now),
            (sold, now) => sold.is_none() && now.is_none(),
        };
        if !special {
            findings
                .push(Finding::uncoded(format!("line {id}: the special tax is not the part that returns")));
        }
    }
}

fn special_of(line: &Line) -> Option<BigRational> {
    line.tax.as_ref()?.special.as_ref().map(|special| special.amount.clone())
}

fn rate_of(line: &Line) -> Option<(String, Option<BigRational>)> {
    line.tax.as_ref().map(|tax| (tax.general.category.clone(), tax.general.percent.clone()))
}
