//! The document against the table of elements. Knows no element by name.

use std::collections::BTreeMap;

use invoice::Profile;
use invoice::profile::CurrencyId;

use crate::finding::{Finding, FindingCode, Findings, Severity};
use crate::read::tree::Element;
use crate::read::{Reading, is_decimal};

use super::elements::{Documents, INVOICE, Rule};

/// What the whole document is judged by.
struct Judge<'a> {
    /// The document's type; none when its code cannot be understood.
    document: Option<Documents>,
    currency_id: &'a str,
}

/// Compares every element with the table.
pub(super) fn structure(reading: &Reading, profile: &Profile, findings: &mut Findings) {
    let root = reading.root();
    let currency_id = match profile.currency_id {
        CurrencyId::Jo => "JO",
        CurrencyId::Iso => root.text_at("cbc:DocumentCurrencyCode"),
    };
    let document = reading.document_type().map(|(kind, family)| Documents::of(kind, family));
    Judge { document, currency_id }.inside(root, &INVOICE, "/Invoice", findings);
}

impl Judge<'_> {
    /// What stands in an element: known children in order, each as often as it may.
    fn inside(&self, element: &Element, rule: &Rule, path: &str, findings: &mut Findings) {
        if !rule.children.is_empty() && !element.text.is_empty() {
            findings.add(Finding::error(FindingCode::StrayText, path).found(&element.text));
        }
        let mut counts = vec![0_usize; rule.children.len()];
        let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
        let mut furthest = 0;
        for child in &element.children {
            let known = rule.children.iter().position(|rule| child.is_named(rule.name));
            let Some(index) = known else {
                let name = child.qualified();
                let count = unknown.entry(name.clone()).or_default();
                *count = count.saturating_add(1);
                findings
                    .add(Finding::warning(FindingCode::UnknownElement, place(path, &name, *count, false)));
                continue;
            };
            let (Some(rule), Some(count)) = (rule.children.get(index), counts.get_mut(index)) else {
                continue;
            };
            *count = count.saturating_add(1);
            let at = place(path, rule.name, *count, rule.many);
            if index < furthest {
                findings.add(Finding::error(FindingCode::MisplacedElement, &at));
            }
            furthest = furthest.max(index);
            if *count == 2 && !rule.many {
                findings.add(Finding::error(FindingCode::RepeatedElement, &at));
            }
            self.one(child, rule, &at, findings);
            self.inside(child, rule, &at, findings);
        }
        for (child, count) in rule.children.iter().zip(counts) {
            let required = match self.document {
                Some(document) => child.required.hold(document),
                None => child.required.hold(Documents::ALL),
            };
            if required && count == 0 {
                let finding = graded(child, FindingCode::MissingElement, &place(path, child.name, 1, false));
                findings.add(match child.text {
                    Some(text) => finding.expected(text),
                    None => finding,
                });
            }
        }
    }

    /// The element itself: whether it belongs to the document, its text, its attributes.
    fn one(&self, element: &Element, rule: &Rule, path: &str, findings: &mut Findings) {
        if self.document.is_some_and(|document| !rule.allowed.hold(document)) {
            findings.add(graded(rule, FindingCode::NotInFamily, path));
        }
        let is_amount = rule.name.ends_with("Amount");
        let is_number = is_amount || rule.name.ends_with("Quantity") || rule.name.ends_with("Percent");
        if is_number && !is_decimal(&element.text) {
            findings.add(Finding::error(FindingCode::NotANumber, path).found(&element.text));
        } else if let Some(text) = rule.text.filter(|text| !same_text(&element.text, text, is_number)) {
            findings.add(graded(rule, FindingCode::FixedText, path).found(&element.text).expected(text));
        }
        for (name, value) in rule.attributes {
            let found = element.attribute(name);
            if found != Some(value) {
                let finding = graded(rule, FindingCode::FixedAttribute, &format!("{path}/@{name}"));
                findings.add(or_nothing(finding.expected(*value), found));
            }
        }
        if is_amount {
            let found = element.attribute("currencyID");
            if found != Some(self.currency_id) {
                let finding = Finding::error(FindingCode::CurrencyId, format!("{path}/@currencyID"));
                findings.add(or_nothing(finding.expected(self.currency_id), found));
            }
        }
    }
}

fn or_nothing(finding: Finding, found: Option<&str>) -> Finding {
    match found {
        Some(found) => finding.found(found),
        None => finding,
    }
}

/// The same text, or the same number.
fn same_text(found: &str, text: &str, number: bool) -> bool {
    found == text || number && found.trim_end_matches('0').trim_end_matches('.') == text
}

fn graded(rule: &Rule, code: FindingCode, path: &str) -> Finding {
    let severity = if rule.mild { Severity::Warning } else { Severity::Error };
    Finding { severity, ..Finding::error(code, path) }
}

/// The path of a child: with its position where there may be several, or are.
fn place(path: &str, name: &str, position: usize, many: bool) -> String {
    if many || position > 1 { format!("{path}/{name}[{position}]") } else { format!("{path}/{name}") }
}
