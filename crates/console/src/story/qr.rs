//! What the QR of an invoice says, beside what our own document says. For display: nothing follows from it.

use invoice::life::Invoice;
use invoice::{Checked, Published};
use jofotara::qr::{QrContent, decode};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::text::{clean, short};

/// A QR text, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QrReading {
    /// What it says, as far as it could be read.
    #[serde(flatten)]
    pub content: QrContent,
    /// Where it says something else than our document.
    pub differences: Vec<String>,
}

impl QrReading {
    /// Of the QR text of an invoice whose content is `checked`, where that can be read.
    pub(super) fn of(text: &str, invoice: &Invoice, checked: Option<&Checked>) -> Self {
        let content = decode(text);
        let mut differences = Vec::new();
        let mut compare = |what: &str, theirs: Option<&str>, ours: &str, same: bool| {
            if let Some(theirs) = theirs.filter(|_| !same) {
                differences.push(format!(
                    "its {what} is {:?}, ours is {:?}",
                    short(theirs, 100),
                    short(ours, 100)
                ));
            }
        };
        let is = |theirs: &Option<String>, ours: &str| theirs.as_deref() == Some(ours.trim());
        compare("number", content.number.as_deref(), &invoice.number, is(&content.number, &invoice.number));
        let tax_number = &invoice.source.tax_number;
        compare("tax number", content.tax_number.as_deref(), tax_number, is(&content.tax_number, tax_number));
        if let Some(Checked { event: Published::Invoice(event), document: Some(document), .. }) = checked {
            let date = event.issue_date.format("%Y-%m-%d").to_string();
            let told = content.date.as_deref();
            compare("date", told, &date, told.is_some_and(|told| told.starts_with(&date)));
            let totals = &document.totals;
            let payable = totals.payable;
            compare(
                "total",
                content.total.as_deref(),
                &payable.to_string(),
                equals(&content.total, &[payable]),
            );
            // Nothing says whether special tax is part of the sum of the tax.
            let taxes = [totals.tax, totals.tax + totals.special_tax];
            compare("tax", content.tax.as_deref(), &totals.tax.to_string(), equals(&content.tax, &taxes));
            let name = event.seller.name.trim();
            // A length is one byte, so that long names must be cut somehow.
            let same = content.seller.as_deref().is_some_and(|told| {
                told == name || (told.len() > 200 && name.starts_with(told.trim_end_matches('\u{fffd}')))
            });
            compare("seller", content.seller.as_deref(), name, same);
        }
        Self { content, differences }
    }

    /// The lines under the QR text: what it says in one, every difference in one of its own.
    pub(super) fn lines(&self) -> Vec<(&'static str, String)> {
        let QrContent { number, date, total, tax, tax_number, seller, stopped, .. } = &self.content;
        let facts = [
            ("number", number),
            ("date", date),
            ("total", total),
            ("tax", tax),
            ("seller's tax number", tax_number),
            ("seller", seller),
        ];
        let facts: Vec<String> = facts
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name} {}", clean(value.as_deref()?))))
            .collect();
        let mut lines = Vec::new();
        if !facts.is_empty() {
            lines.push(("QR says", facts.join(", ")));
        }
        if let Some(stopped) = &stopped {
            lines.push(("QR damaged", format!("{}; what stands before was read", clean(stopped))));
        }
        lines.extend(self.differences.iter().map(|difference| ("QR DIFFERS", difference.clone())));
        lines
    }
}

fn equals(told: &Option<String>, ours: &[Decimal]) -> bool {
    told.as_deref().and_then(|told| told.parse::<Decimal>().ok()).is_some_and(|told| ours.contains(&told))
}
