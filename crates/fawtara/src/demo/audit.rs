//! The comparisons at the end: our ledger with the authority's own record, and the sample with what was meant to become
//! of it. It must not know how they are shown.

use std::collections::{BTreeMap, BTreeSet};

use invoice::life::State;
use simulator::Cleared;

use super::book::{Answer, Book, Entry};
use super::sample::{Ends, Exception};

/// What the comparison of the two records found.
#[derive(Default)]
pub(super) struct Audit {
    /// Documents that both hold as cleared, equal in everything.
    pub(super) agreed: usize,
    /// Income sources whose counters run from 1 without hole or repeat.
    pub(super) whole_counters: usize,
    /// What does not agree, for people.
    pub(super) differences: Vec<String>,
}

/// Compares the ledger with the record that the authority kept.
pub(super) fn compare(book: &Book, summary: &simulator::Summary) -> Audit {
    let mut audit = Audit::default();
    let mut held = BTreeMap::new();
    for cleared in &summary.cleared {
        if held.insert((cleared.uuid.clone(), cleared.number.clone()), cleared).is_some() {
            audit.differences.push(format!("{}: the authority cleared it twice", cleared.number));
        }
    }
    for entry in book.entries.values().filter(|entry| entry.is_cleared()) {
        match held.remove(&(entry.invoice.key.uuid.to_string(), entry.invoice.number.clone())) {
            None => audit
                .differences
                .push(format!("{}: cleared here, unknown to the authority", entry.invoice.number)),
            Some(theirs) => match difference(entry, theirs) {
                None => audit.agreed += 1,
                Some(what) => audit.differences.push(format!("{}: {what} differs", entry.invoice.number)),
            },
        }
    }
    audit
        .differences
        .extend(held.values().map(|theirs| format!("{}: cleared there, not here", theirs.number)));
    for odd in &summary.suspicious {
        audit.differences.push(format!("{}: the authority finds it odd: {:?}", odd.number, odd.suspicion));
    }
    check_counters(book, &mut audit);
    audit
}

fn difference(entry: &Entry, theirs: &Cleared) -> Option<&'static str> {
    let invoice = &entry.invoice;
    let same = |ours: Option<String>, theirs: &str| ours.is_some_and(|ours| ours == theirs);
    if invoice.source.tax_number != theirs.tax_number || invoice.source.sequence != theirs.income_source {
        Some("the seller")
    } else if !same(invoice.icv.map(|icv| icv.to_string()), &theirs.icv) {
        Some("the counter")
    } else if !same(invoice.xml.map(|xml| xml.to_string()), &theirs.sha256) {
        Some("the document")
    } else if !same(invoice.qr.clone(), &theirs.qr) {
        Some("the QR")
    } else {
        None
    }
}

/// Promise 8 of the design: from 1, no hole, no repeat.
fn check_counters(book: &Book, audit: &mut Audit) {
    let mut counters: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for entry in book.entries.values() {
        let Some(icv) = entry.invoice.icv else { continue };
        if !counters.entry(entry.invoice.source.to_string()).or_default().insert(icv) {
            audit.differences.push(format!("{}: counter {icv} is used twice", entry.invoice.number));
        }
    }
    for (source, used) in counters {
        if (1..).zip(&used).all(|(expected, icv)| expected == *icv) {
            audit.whole_counters += 1;
        } else {
            audit.differences.push(format!("income source {source}: its counters have a hole"));
        }
    }
}

/// Where the sample ended otherwise than it is meant to.
pub(super) fn against_plan(book: &Book, exceptions: &[Exception]) -> Vec<String> {
    let planned: BTreeMap<u64, &Exception> =
        exceptions.iter().map(|exception| (exception.line, exception)).collect();
    let mut differences = Vec::new();
    for (line, answer) in &book.answers {
        let number = book.numbers.get(line).map_or("?", String::as_str);
        let plan = planned.get(line);
        if let Some(seen) = deviation(book, answer, plan.copied()) {
            let meant = plan.map_or("to be cleared", |plan| plan.why.as_str());
            differences.push(format!("line {line}, {number}: {seen}; meant: {meant}"));
        }
    }
    for exception in exceptions.iter().filter(|exception| !book.answers.contains_key(&exception.line)) {
        differences.push(format!("line {}, {}: was never answered", exception.line, exception.number));
    }
    differences
}

/// What was seen, when it is not what was planned.
fn deviation(book: &Book, answer: &Answer, plan: Option<&Exception>) -> Option<String> {
    let ends = plan.map_or(Ends::Cleared, |plan| plan.ends);
    match answer {
        Answer::Refused { codes, .. } => {
            let meant = plan.is_some_and(|plan| ends == Ends::RefusedAtIntake && codes.contains(&plan.code));
            (!meant).then(|| format!("refused at the intake ({})", codes.join(", ")))
        }
        Answer::Repeat => (ends != Ends::Repeat).then(|| "taken for a repeat".to_owned()),
        Answer::Taken(key) => {
            let Some(entry) = book.entries.get(key) else { return Some("lost".to_owned()) };
            let state = match ends {
                Ends::Cleared => State::Cleared,
                Ends::Rejected => State::Rejected,
                Ends::DeadLettered => State::DeadLettered,
                Ends::RefusedAtIntake | Ends::Repeat => return Some("accepted".to_owned()),
            };
            let cause = entry.invoice.cause.map(invoice::life::Cause::as_str);
            let told = state == State::Cleared || plan.is_none_or(|plan| cause == Some(&plan.code));
            if entry.invoice.state != state || !told {
                return Some(format!("{} ({})", entry.invoice.state, cause.unwrap_or("no cause")));
            }
            let least = plan.map_or(0, |plan| plan.sends);
            (entry.sends() < least).then(|| format!("sent {} times instead of {least}", entry.sends()))
        }
    }
}
