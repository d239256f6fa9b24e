//! A return against the original that the authority holds (guide v1.5, returns); it must not know where originals are kept.

use std::collections::BTreeMap;

use num_rational::BigRational;

use crate::decimal::{near, zero};
use crate::document::{Document, Line};
use crate::finding::Finding;

/// What must be kept of an accepted invoice so that returns can be checked against it.
#[derive(Clone, Debug)]
pub(crate) struct Sold {
    type_name: String,
    currency: String,
    party: String,
    telephone: String,
    lines: BTreeMap<String, SoldLine>,
}

#[derive(Clone, Debug)]
struct SoldLine {
    name: String,
    quantity: BigRational,
    returned: BigRational,
    price: BigRational,
    discount: BigRational,
    /// Category and percent of the general tax, none on income documents.
    rate: Option<(String, Option<BigRational>)>,
}

impl Sold {
    pub(crate) fn of(invoice: &Document) -> Self {
        let lines = invoice.lines.iter().map(|line| (line.id.clone(), SoldLine::of(line))).collect();
        Self {
            type_name: invoice.type_name.clone(),
            currency: invoice.currency.clone(),
            party: invoice.buyer.party.clone(),
            telephone: invoice.buyer.telephone.clone(),
            lines,
        }
    }

    /// Takes the quantities of an accepted return off what is left.
    pub(crate) fn give_back(&mut self, document: &Document) {
        for line in &document.lines {
            if let Some(sold) = self.lines.get_mut(&line.id) {
                sold.returned += &line.quantity;
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
            returned: zero(),
            price: line.price.clone(),
            discount: line.discount.clone(),
            rate: rate_of(line),
        }
    }

    fn check(&self, line: &Line, tolerance: &BigRational, findings: &mut Vec<Finding>) {
        let id = &line.id;
        if line.quantity > &self.quantity - &self.returned {
            findings.push(Finding::uncoded(format!("line {id}: more is returned than is left")));
        }
        if line.price != self.price || line.name != self.name || rate_of(line) != self.rate {
            findings
                .push(Finding::uncoded(format!("line {id}: price, name or tax differs from the original")));
        }
        // Nothing was sold at quantity zero, so the division is safe: quantities are checked to be above zero.
        if self.quantity > zero() {
            let share = &self.discount * &line.quantity / &self.quantity;
            if !near(&line.discount, &share, tolerance) {
                findings
                    .push(Finding::uncoded(format!("line {id}: the discount is not the part that returns")));
            }
        }
    }
}

fn rate_of(line: &Line) -> Option<(String, Option<BigRational>)> {
    line.tax.as_ref().map(|tax| (tax.general.category.clone(), tax.general.percent.clone()))
}
