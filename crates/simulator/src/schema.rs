//! Checks a tree against the profile's element order and fixed values; it must not know amounts from one another.

mod table;

use crate::decimal::Decimal;
use crate::finding::Finding;
use crate::xml::Element;

/// Whether an element must be there, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needed {
    /// Required by the UBL 2.1 schema.
    Schema,
    /// Optional in UBL 2.1, required by the guide.
    Profile,
    /// Optional in both.
    Optional,
}

/// What the text of an element must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Any text, also none.
    Free,
    /// Any text but none.
    Filled,
    /// Exactly this text.
    Fixed(&'static str),
    /// `xsd:date`, of which the guide wants `yyyy-mm-dd`.
    Date,
    /// `xsd:decimal` with at most nine decimals (guide v1.5).
    Decimal,
    /// `xsd:decimal` that can only be zero.
    Zero,
    /// `xsd:boolean`, of which the guide wants `false`.
    False,
}

/// An attribute that an element may carry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute {
    name: &'static str,
    needed: Needed,
    /// The values allowed; none listed means any.
    allowed: &'static [&'static str],
}

/// What stands inside an element.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Leaf(Kind, &'static [Attribute]),
    Node(&'static [Rule]),
}

/// One element of the profile at its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    name: &'static str,
    needed: Needed,
    many: bool,
    shape: Shape,
}

/// What is wrong with the structure of a document.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Breaches of the UBL 2.1 schema, or elements that the profile does not know.
    pub(crate) schema: Vec<String>,
    /// Breaches of the guide's profile in a document that the schema would pass.
    pub(crate) profile: Vec<Finding>,
}

/// Checks a whole document from its root.
pub(crate) fn check(root: &Element) -> Report {
    let mut report = Report::default();
    if root.name != "Invoice" {
        report.schema.push(format!("{} is not an Invoice", root.name));
        return report;
    }
    let mut declared: Vec<(&str, &str)> =
        root.attributes.iter().map(|(name, uri)| (name.as_str(), uri.as_str())).collect();
    declared.sort_unstable();
    if declared != table::NAMESPACES {
        report
            .schema
            .push("the root must declare the four namespaces of the profile and nothing else".into());
    }
    check_children(root, table::INVOICE, &mut report);
    report
}

fn check_children(parent: &Element, rules: &'static [Rule], report: &mut Report) {
    if !parent.text.trim().is_empty() {
        report.schema.push(format!("text inside {}", parent.name));
    }
    // How often each rule was met; the position in the table must never go back.
    let mut met = vec![0usize; rules.len()];
    let mut reached = 0;
    for child in &parent.children {
        let Some(place) = rules.iter().position(|rule| rule.name == child.name) else {
            report.schema.push(format!("{} is not known in {}", child.name, parent.name));
            continue;
        };
        if place < reached {
            report.schema.push(format!("{} is out of order in {}", child.name, parent.name));
        }
        reached = reached.max(place);
        let (Some(rule), Some(count)) = (rules.get(place), met.get_mut(place)) else { continue };
        *count += 1;
        if *count == 2 && !rule.many {
            report.schema.push(format!("{} is repeated in {}", child.name, parent.name));
        }
        check_element(child, rule, report);
    }
    for (rule, count) in rules.iter().zip(met) {
        if count == 0 {
            missing(rule.needed, &format!("{} in {}", rule.name, parent.name), report);
        }
    }
}

fn check_element(element: &Element, rule: &Rule, report: &mut Report) {
    match rule.shape {
        Shape::Node(rules) => {
            check_attributes(element, &[], report);
            check_children(element, rules, report);
        }
        Shape::Leaf(kind, attributes) => {
            if let Some(child) = element.children.first() {
                report.schema.push(format!("{} is not known in {}", child.name, element.name));
            }
            check_attributes(element, attributes, report);
            check_text(element, kind, report);
        }
    }
}

fn check_attributes(element: &Element, known: &'static [Attribute], report: &mut Report) {
    for (name, value) in &element.attributes {
        match known.iter().find(|attribute| attribute.name == name) {
            None => report.schema.push(format!("the attribute {name} is not known in {}", element.name)),
            Some(attribute)
                if attribute.allowed.is_empty() || attribute.allowed.contains(&value.as_str()) => {}
            Some(attribute) => report.profile.push(Finding::uncoded(format!(
                "{}: {name} must be {}",
                element.name,
                attribute.allowed.join(" or ")
            ))),
        }
    }
    for attribute in known {
        if element.attribute(attribute.name).is_none() {
            missing(
                attribute.needed,
                &format!("the attribute {} of {}", attribute.name, element.name),
                report,
            );
        }
    }
}

fn check_text(element: &Element, kind: Kind, report: &mut Report) {
    let name = &element.name;
    let text = element.text.trim();
    match kind {
        Kind::Free => {}
        Kind::Filled => {
            if text.is_empty() {
                report.profile.push(Finding::uncoded(format!("{name} is missing")));
            }
        }
        Kind::Fixed(value) => {
            if text != value {
                report.profile.push(Finding::uncoded(format!("{name} must be {value}")));
            }
        }
        Kind::Date => {
            if !is_date(text) {
                report.schema.push(format!("{name} is not a date yyyy-mm-dd"));
            }
        }
        Kind::Decimal | Kind::Zero => match text.parse::<Decimal>() {
            Err(_) => report.schema.push(format!("{name} is not a decimal number")),
            Ok(decimal) if decimal.decimals() > 9 => {
                report.profile.push(Finding::uncoded(format!("{name} has more than 9 decimals")));
            }
            Ok(decimal) if kind == Kind::Zero && *decimal.value() != crate::decimal::zero() => {
                report.profile.push(Finding::uncoded(format!("{name} must be 0")));
            }
            Ok(_) => {}
        },
        Kind::False => match text {
            "false" | "0" => {}
            "true" | "1" => report.profile.push(Finding::uncoded(format!("{name} must be false"))),
            _ => report.schema.push(format!("{name} is neither true nor false")),
        },
    }
}

fn missing(needed: Needed, what: &str, report: &mut Report) {
    match needed {
        Needed::Schema => report.schema.push(format!("{what} is missing")),
        Needed::Profile => report.profile.push(Finding::uncoded(format!("{what} is missing"))),
        Needed::Optional => {}
    }
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn report(xml: &str) -> Report {
        check(&crate::xml::parse(xml, crate::xml::Limits { depth: 16, elements: 1000 }).unwrap().root)
    }

    #[test]
    fn the_samples_are_in_order() {
        for xml in [sample::income(), sample::general(), sample::special(), sample::general_return()] {
            let report = report(&xml);
            assert!(report.schema.is_empty() && report.profile.is_empty(), "{report:?}");
        }
    }

    #[test]
    fn refuses_what_the_schema_refuses() {
        let note = "<cbc:Note>ملاحظات</cbc:Note>";
        let id = "<cbc:ID>INV-1</cbc:ID>";
        for (from, to) in [
            (note, "<cbc:Unknown>x</cbc:Unknown>"),
            (note, "<cbc:Note><cbc:ID>1</cbc:ID></cbc:Note>"),
            (note, "<cbc:Note>1</cbc:Note><cbc:Note>2</cbc:Note>"),
            (note, "<cbc:Note colour=\"red\">x</cbc:Note>"),
            (note, "x"),
            (id, ""),
            (id, &format!("{note}{id}")),
            ("2026-03-01", "01-03-2026"),
            ("2026-03-01", "2026-02-30"),
            ("2026-03-01", "2026-3-1"),
            (">64.000<", ">64,000<"),
            (" currencyID=\"JO\">64.000<", ">64.000<"),
            (">false<", ">no<"),
            ("CommonBasicComponents-2", "CommonBasicComponents-3"),
            ("<cac:Country>", "<cac:Country xmlns:x=\"urn:x\">"),
            ("<Invoice ", "<Invoice xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "),
        ] {
            let xml = sample::with(&sample::income(), from, to);
            assert!(!report(&xml).schema.is_empty(), "{from} -> {to}");
        }
        let credit_note =
            sample::income().replace("<Invoice ", "<CreditNote ").replace("</Invoice", "</CreditNote");
        assert!(!report(&credit_note).schema.is_empty());
    }

    #[test]
    fn refuses_neighbours_that_have_changed_places() {
        let (first, second) =
            ("<cbc:TaxCurrencyCode>JOD</cbc:TaxCurrencyCode>", "<cbc:Note>ملاحظات</cbc:Note>");
        let currency = "<cbc:DocumentCurrencyCode>JOD</cbc:DocumentCurrencyCode>";
        let xml = sample::income();
        for (from, to) in [
            (format!("{currency}{first}"), format!("{first}{currency}")),
            (format!("{second}{currency}"), format!("{currency}{second}")),
        ] {
            assert_eq!(report(&sample::with(&xml, &from, &to)).schema.len(), 1, "{to}");
        }
    }

    #[test]
    fn refuses_what_only_the_guide_refuses() {
        for (from, to) in [
            ("reporting:1.0", "reporting:2.0"),
            ("<cbc:ProfileID>reporting:1.0</cbc:ProfileID>", ""),
            ("<cbc:ID>INV-1</cbc:ID>", "<cbc:ID> </cbc:ID>"),
            (" currencyID=\"JO\">64.000<", " currencyID=\"JOD\">64.000<"),
            (">64.000<", ">64.0000000001<"),
            ("<cbc:ID>ICV</cbc:ID>", "<cbc:ID>PIH</cbc:ID>"),
            (">false<", ">true<"),
            ("unitCode=\"PCE\"", "unitCode=\"KGM\""),
            (" unitCode=\"PCE\"", ""),
            (">DISCOUNT<", ">discount<"),
            ("<cbc:CompanyID>12345678</cbc:CompanyID>", ""),
            ("schemeID=\"TN\"", "schemeID=\"TIN\""),
        ] {
            let report = report(&sample::with(&sample::income(), from, to));
            assert!(report.schema.is_empty(), "{from} -> {to}: {:?}", report.schema);
            assert!(!report.profile.is_empty(), "{from} -> {to}");
        }
    }
}
