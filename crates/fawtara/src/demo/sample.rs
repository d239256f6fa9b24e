//! The shipped sample: its events, the authority that it meets, and how each event is meant to end. It must not know how it is shown.

use std::collections::BTreeSet;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use simulator::{Device, FaultRule, Latency};

/// The events, one JSON object a line.
pub(super) const EVENTS: &[u8] = include_bytes!("../../sample/invoices.ndjson");
const AUTHORITY: &str = include_str!("../../sample/authority.json");
const EXPECTED: &str = include_str!("../../sample/expected.json");

/// The simulated authority of the demo (`sample/authority.json`).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authority {
    /// The keys of each income source, and what its seller is registered for. The keys open nothing.
    pub devices: Vec<Device>,
    /// Tax numbers of the buyers in development areas that have an exemption.
    pub development_buyers: BTreeSet<String>,
    /// How long an answer takes.
    pub latency: Latency,
    /// How it misbehaves.
    pub faults: Vec<FaultRule>,
}

impl Authority {
    /// The authority of the shipped sample.
    ///
    /// # Errors
    /// When the shipped file is damaged.
    pub fn shipped() -> anyhow::Result<Self> {
        serde_json::from_str(AUTHORITY).context("sample/authority.json")
    }
}

/// How an event of the sample is meant to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// Cleared, with a QR.
    Cleared,
    /// The authority refuses it.
    Rejected,
    /// Given up after several sends: a case for a person.
    DeadLettered,
    /// Never becomes an invoice.
    RefusedAtIntake,
    /// Known before: nothing happens.
    Repeat,
}

/// A line of the sample that is not simply cleared at the first send (`sample/expected.json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// Its line in the file, from 1.
    pub line: u64,
    /// Its number.
    pub number: String,
    /// How it ends.
    pub ends: Ends,
    /// The fault of a refused event, or the cause of what a person must look at.
    pub code: String,
    /// How often it is sent, where that is what it shows; 0 where it does not matter.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sends: u32,
    /// What it shows.
    pub why: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

/// The lines of the sample that are not simply cleared.
pub(super) fn exceptions() -> anyhow::Result<Vec<Exception>> {
    serde_json::from_str(EXPECTED).context("sample/expected.json")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use invoice::event::{Family, InvoiceEvent, Payment, Scope, TaxCategory};

    use super::*;

    fn lines() -> Vec<&'static [u8]> {
        EVENTS.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect()
    }

    /// What the events alone say: they are read, or refused for the fault that is meant.
    #[test]
    fn the_events_are_as_right_and_as_wrong_as_they_are_meant_to_be() {
        let exceptions: BTreeMap<u64, Exception> =
            exceptions().unwrap().into_iter().map(|exception| (exception.line, exception)).collect();
        let mut seen = BTreeMap::new();
        let mut cleared = 0;
        for (line, text) in (1_u64..).zip(lines()) {
            let meant = exceptions.get(&line);
            let read = invoice::read(text);
            let known_by_rules = meant.is_some_and(|meant| {
                meant.ends == Ends::RefusedAtIntake
                    && invoice::FaultCode::ALL.iter().any(|code| code.as_str() == meant.code)
            });
            match read {
                Ok(checked) => {
                    assert!(!known_by_rules, "line {line} should be refused as {}", meant.unwrap().code);
                    assert!(meant.is_none_or(|meant| meant.number == checked.event.number()), "line {line}");
                    let earlier = seen.insert(checked.event.uuid(), checked.content);
                    match meant.map(|meant| (meant.ends, meant.code.as_str())) {
                        Some((Ends::Repeat, _)) => {
                            assert_eq!(earlier, Some(checked.content), "line {line}");
                        }
                        Some((_, "conflict")) => {
                            assert!(earlier.is_some_and(|content| content != checked.content));
                        }
                        _ => {
                            assert_eq!(earlier, None, "line {line} repeats a UUID");
                        }
                    }
                }
                Err(faults) => {
                    let codes: Vec<_> = faults.iter().map(|fault| fault.code.as_str()).collect();
                    let meant = meant.unwrap_or_else(|| panic!("line {line} is wrong: {faults:?}"));
                    assert_eq!(codes, [meant.code.as_str()], "line {line}: a lesson has one fault");
                }
            }
            cleared += usize::from(meant.is_none_or(|meant| meant.ends == Ends::Cleared));
        }
        assert!(cleared >= 300, "{cleared} are meant to be cleared");
        assert!(lines().len() >= 320);
    }

    /// What a retailer would find missing.
    #[test]
    fn the_sample_shows_the_breadth_of_the_trade() {
        let events: Vec<InvoiceEvent> = lines()
            .into_iter()
            .filter_map(|line| invoice::read(line).ok())
            .filter_map(|checked| checked.event.invoice().cloned())
            .collect();
        let count =
            |wanted: &dyn Fn(&InvoiceEvent) -> bool| events.iter().filter(|event| wanted(event)).count();
        let sources: BTreeSet<_> = events.iter().map(InvoiceEvent::income_source).collect();
        assert!(sources.len() >= 4, "{sources:?}");
        assert!(count(&|event| event.family == Family::Income) > 50);
        assert!(count(&|event| event.family == Family::GeneralSales) > 150);
        assert!(count(&|event| event.payment == Payment::Receivable) > 50);
        assert!(count(&|event| event.scope == Scope::Export) > 1);
        assert!(count(&|event| event.scope == Scope::DevelopmentArea) > 1);
        assert!(count(&|event| event.currency != "JOD") > 1);
        let lines: Vec<_> = events.iter().flat_map(|event| &event.lines).collect();
        let arabic = |text: &str| text.chars().any(|c| ('\u{621}'..='\u{64a}').contains(&c));
        assert!(lines.iter().filter(|line| arabic(&line.name)).count() > 300);
        assert!(lines.iter().filter(|line| !arabic(&line.name)).count() > 100);
        assert!(lines.iter().any(|line| line.name.contains('&') && line.name.contains('<')));
        assert!(lines.iter().filter(|line| line.quantity.decimals() == 3).count() > 50, "weighed goods");
        assert!(
            lines.iter().filter(|line| line.unit_price.decimals() == 9).count() > 50,
            "shelf prices with tax"
        );
        assert!(lines.iter().filter(|line| line.discount != invoice::Amount::ZERO).count() > 30);
        let categories: BTreeSet<_> = lines
            .iter()
            .filter_map(|line| line.tax.as_ref())
            .map(|tax| format!("{:?} {}", tax.category, tax.percent))
            .collect();
        assert!(categories.len() >= 6, "{categories:?}");
        assert!(lines.iter().filter_map(|line| line.tax.as_ref()).any(|tax| tax.category == TaxCategory::O));
        let buyers: Vec<_> = events.iter().filter_map(|event| event.buyer.as_ref()).collect();
        let schemes: BTreeSet<_> = buyers
            .iter()
            .filter_map(|buyer| buyer.identification.as_ref())
            .map(|identification| format!("{:?}", identification.scheme))
            .collect();
        assert_eq!(schemes.len(), 3, "{schemes:?}");
        let places: BTreeSet<_> =
            buyers.iter().filter_map(|buyer| buyer.governorate).map(|place| format!("{place:?}")).collect();
        assert!(places.len() >= 5, "{places:?}");
    }

    #[test]
    fn every_trouble_befalls_an_event_of_the_sample_and_one_only() {
        let numbers: Vec<String> = lines()
            .iter()
            .filter_map(|line| invoice::read(line).ok())
            .map(|checked| checked.event.number().to_owned())
            .collect();
        for rule in Authority::shipped().unwrap().faults {
            let prefix = rule.matching.number_prefix.clone().unwrap();
            let hit: BTreeSet<_> = numbers.iter().filter(|number| number.starts_with(&prefix)).collect();
            assert_eq!(hit.len(), 1, "{rule:?}");
        }
    }
}
