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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use invoice::event::{Family, Kind, Payment};
    use invoice::life::{Cause, Invoice};
    use invoice::{Amount, Digest, Environment, IncomeSource, InvoiceKey, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn entry(n: u128, state: State) -> Entry {
        let key = InvoiceKey { environment: Environment::Simulation, uuid: Uuid::from_u128(n) };
        let source = IncomeSource { tax_number: "10203040".to_owned(), sequence: "1111001".to_owned() };
        let number = format!("فاتورة-{n}");
        let time = Timestamp::UNIX_EPOCH;
        let mut invoice = Invoice::accepted(key, source, number, Digest::of(b"content"), time);
        invoice.state = state;
        invoice.icv = u64::try_from(n).ok();
        invoice.xml = Some(Digest::of(b"xml"));
        invoice.qr = (state == State::Cleared).then(|| "QUJD".to_owned());
        invoice.cause = (state == State::Rejected).then_some(Cause::Refused);
        let summary = ledger::Summary {
            kind: Kind::Invoice,
            family: Family::Income,
            payment: Payment::Cash,
            issue_date: time.date_naive(),
            currency: "JOD".to_owned(),
            payable: Amount::ZERO,
            buyer: None,
        };
        Entry { invoice, summary, attempts: Vec::new() }
    }

    fn book(entries: Vec<Entry>) -> Book {
        let keys: Vec<_> = entries.iter().map(|entry| entry.invoice.key).collect();
        Book {
            answers: (1..).zip(keys.into_iter().map(Answer::Taken)).collect(),
            numbers: (1..).zip(entries.iter().map(|entry| entry.invoice.number.clone())).collect(),
            entries: entries.into_iter().map(|entry| (entry.invoice.key, entry)).collect(),
            took: Duration::from_secs(1),
        }
    }

    fn record(entries: &[&Entry]) -> simulator::Summary {
        let cleared = entries.iter().zip(0..).map(|(entry, sequence)| Cleared {
            tax_number: entry.invoice.source.tax_number.clone(),
            income_source: entry.invoice.source.sequence.clone(),
            number: entry.invoice.number.clone(),
            uuid: entry.invoice.key.uuid.to_string(),
            icv: entry.invoice.icv.unwrap().to_string(),
            sha256: entry.invoice.xml.unwrap().to_string(),
            qr: "QUJD".to_owned(),
            time: Timestamp::UNIX_EPOCH,
            sequence,
            repeats: 0,
        });
        simulator::Summary {
            requests: 0,
            turned_away: 0,
            verdicts: BTreeMap::new(),
            faults: BTreeMap::new(),
            tokens_issued: 0,
            queries: 0,
            undelivered: 0,
            cleared_count: 0,
            cleared: cleared.collect(),
            suspicious: Vec::new(),
        }
    }

    #[test]
    fn equal_records_agree() {
        let book = book(vec![entry(1, State::Cleared), entry(2, State::Rejected), entry(3, State::Cleared)]);
        let audit = compare(&book, &record(&book.standing(&[State::Cleared])));
        assert_eq!((audit.agreed, audit.whole_counters, audit.differences.len()), (2, 1, 0));
    }

    #[test]
    fn every_difference_is_told() {
        let book = book(vec![entry(1, State::Cleared), entry(2, State::Rejected), entry(3, State::Cleared)]);
        let cleared = book.standing(&[State::Cleared]);
        let told = |change: fn(&mut simulator::Summary)| {
            let mut record = record(&cleared);
            change(&mut record);
            compare(&book, &record).differences
        };
        assert_eq!(
            told(|record| record.cleared.truncate(1)),
            ["فاتورة-3: cleared here, unknown to the authority"]
        );
        assert_eq!(told(|record| record.cleared[0].icv = "7".to_owned()), ["فاتورة-1: the counter differs"]);
        assert_eq!(told(|record| record.cleared[0].qr.clear()), ["فاتورة-1: the QR differs"]);
        assert_eq!(told(|record| record.cleared[0].sha256.clear()), ["فاتورة-1: the document differs"]);
        assert_eq!(
            told(|record| record.cleared.push(record.cleared[0].clone())),
            ["فاتورة-1: the authority cleared it twice"]
        );
        let there_only = told(|record| {
            let other = Cleared { number: "فاتورة-9".to_owned(), ..record.cleared[0].clone() };
            record.cleared.push(other);
        });
        assert_eq!(there_only, ["فاتورة-9: cleared there, not here"]);
    }

    #[test]
    fn a_hole_and_a_repeat_in_the_counters_are_told() {
        let holed = book(vec![entry(1, State::Rejected), entry(3, State::Rejected)]);
        assert_eq!(
            compare(&holed, &record(&[])).differences,
            ["income source 10203040:1111001: its counters have a hole"]
        );
        let mut twice = entry(2, State::Rejected);
        twice.invoice.icv = Some(1);
        let repeated = book(vec![entry(1, State::Rejected), twice]);
        assert_eq!(compare(&repeated, &record(&[])).differences, ["فاتورة-2: counter 1 is used twice"]);
    }

    #[test]
    fn a_sample_that_ends_otherwise_is_told() {
        let exception = |line, ends, code: &str, sends| Exception {
            line,
            number: "فاتورة".to_owned(),
            ends,
            code: code.to_owned(),
            sends,
            why: "lesson".to_owned(),
        };
        let book = book(vec![entry(1, State::Cleared), entry(2, State::Rejected)]);
        let told = |plan: &[Exception]| against_plan(&book, plan);
        assert_eq!(told(&[exception(2, Ends::Rejected, "refused", 0)]), Vec::<String>::new());
        assert_eq!(told(&[]), ["line 2, فاتورة-2: rejected (refused); meant: to be cleared"]);
        assert_eq!(told(&[exception(2, Ends::Rejected, "unfit", 0)]).len(), 1, "another cause");
        assert_eq!(told(&[exception(2, Ends::RefusedAtIntake, "invalid", 0)]).len(), 1);
        let rejected = exception(2, Ends::Rejected, "refused", 0);
        assert_eq!(
            told(&[rejected.clone(), exception(1, Ends::Cleared, "retried", 2)]).len(),
            1,
            "sent too seldom"
        );
        assert_eq!(
            told(&[rejected, exception(9, Ends::Cleared, "retried", 2)]).len(),
            1,
            "a line without an answer"
        );
    }
}
