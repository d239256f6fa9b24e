//! The promises, held against the evidence. Pure: no I/O, no clock.

use std::collections::{BTreeMap, BTreeSet};

use invoice::IncomeSource;
use invoice::life::State;
use uuid::Uuid;

use crate::evidence::{Clearance, Evidence, Held};
use crate::load::Fate;

/// What is wrong, each with its reason; nothing is what we hope for.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Verdict {
    /// Taken and gone: from the ledger, or the authority's clearance from ours.
    pub lost: Vec<String>,
    /// More than one clearance for one invoice.
    pub cleared_twice: Vec<String>,
    /// Neither cleared nor in front of a person, or in doubt.
    pub stuck: Vec<String>,
    /// Counters that were left out or given twice, or that differ.
    pub icv_gaps: Vec<String>,
    /// In front of a person though it is sound, or cleared though the authority should have refused it.
    pub astray: Vec<String>,
    /// Bytes or QR that differ from what the authority holds.
    pub differing: Vec<String>,
    /// Everything else that must not be.
    pub other: Vec<String>,
}

impl Verdict {
    /// Nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }

    /// The findings under their names.
    #[must_use]
    pub fn findings(&self) -> [(&'static str, &[String]); 7] {
        [
            ("lost", &self.lost),
            ("cleared twice", &self.cleared_twice),
            ("stuck", &self.stuck),
            ("ICV gaps", &self.icv_gaps),
            ("astray", &self.astray),
            ("differing", &self.differing),
            ("other", &self.other),
        ]
    }
}

/// Holds the promises against the evidence.
#[must_use]
pub fn judge(evidence: &Evidence) -> Verdict {
    let mut verdict = Verdict::default();
    let mut held = BTreeMap::new();
    for row in &evidence.ledger {
        if held.insert(row.uuid, row).is_some() {
            verdict.other.push(format!("the ledger holds {} twice", row.uuid));
        }
    }
    let cleared = cleared_once(evidence, &mut verdict);
    for (uuid, published) in &evidence.published {
        match held.get(uuid) {
            Some(row) => ended_well(row, cleared.get(uuid).copied(), published.fate, &mut verdict),
            None if published.acknowledged => {
                verdict.lost.push(format!("{uuid} was taken and is not in the ledger"));
            }
            None => verdict.stuck.push(format!("{uuid} was never taken, though it was sent until the end")),
        }
    }
    for row in held.values().filter(|row| !evidence.published.contains_key(&row.uuid)) {
        verdict.other.push(format!("the ledger holds {}, which nobody published", row.uuid));
    }
    for uuid in cleared.keys().filter(|uuid| !held.contains_key(uuid)) {
        verdict.lost.push(format!("the authority cleared {uuid}, and the ledger does not know it"));
    }
    counters(evidence, &mut verdict);
    let waiting = evidence.ledger.iter().filter(|row| waits_for_a_person(row.state)).count();
    if evidence.dead_letters != waiting as u64 {
        let hints = evidence.dead_letters;
        verdict
            .other
            .push(format!("{waiting} wait for a person, and the dead-letter queue holds {hints} hints"));
    }
    verdict.other.extend(evidence.verify.iter().map(|said| format!("verify: {said}")));
    verdict.other.extend(evidence.misbehaved.iter().cloned());
    for complaint in &evidence.complaints {
        verdict.lost.push(complaint.clone());
    }
    verdict
}

/// Whether a person has to look at it.
#[must_use]
pub fn waits_for_a_person(state: State) -> bool {
    matches!(state, State::Rejected | State::DeadLettered)
}

/// The authority's clearances by UUID; two of one invoice are told.
fn cleared_once<'a>(evidence: &'a Evidence, verdict: &mut Verdict) -> BTreeMap<Uuid, &'a Clearance> {
    let mut cleared = BTreeMap::new();
    let mut numbers = BTreeSet::new();
    for clearance in &evidence.authority {
        if cleared.insert(clearance.uuid, clearance).is_some() {
            verdict.cleared_twice.push(format!("{} was cleared twice", clearance.uuid));
        }
        if !numbers.insert((&clearance.source, &clearance.number)) {
            let Clearance { source, number, .. } = clearance;
            verdict.cleared_twice.push(format!("number {number} of {source} was cleared twice"));
        }
    }
    verdict
        .cleared_twice
        .extend(evidence.suspicious.iter().map(|entry| format!("the authority finds odd: {entry}")));
    cleared
}

fn ended_well(row: &Held, there: Option<&Clearance>, fate: Fate, verdict: &mut Verdict) {
    let Held { uuid, state, .. } = row;
    let message = row.message.as_deref().unwrap_or("no message");
    if !state.is_settled() {
        verdict.stuck.push(format!("{uuid} is {state}: {message}"));
    } else if row.in_doubt {
        verdict.stuck.push(format!("{uuid} is {state} and in doubt: {message}"));
    }
    match (fate, there) {
        (Fate::Cleared, Some(there)) if *state == State::Cleared => agree(row, there, verdict),
        (Fate::Cleared, Some(_)) => {
            verdict.lost.push(format!("the authority cleared {uuid}; here it is {state}: {message}"));
        }
        (Fate::Cleared, None) if *state == State::Cleared => {
            verdict.lost.push(format!("{uuid} is cleared here, and the authority does not know it"));
        }
        (Fate::Cleared, None) if state.is_settled() => {
            verdict.astray.push(format!("{uuid} should be cleared; it is {state}: {message}"));
        }
        (Fate::Refused, Some(_)) => verdict.astray.push(format!("{uuid} should be refused, and was cleared")),
        (Fate::Refused, None) if state.is_settled() && *state != State::Rejected => {
            verdict.astray.push(format!("{uuid} should be refused; it is {state}: {message}"));
        }
        (_, None) => {}
    }
}

/// Bytes, QR and counter are those of the authority.
fn agree(row: &Held, there: &Clearance, verdict: &mut Verdict) {
    let uuid = row.uuid;
    if row.sha256.as_ref() != Some(&there.sha256) {
        verdict.differing.push(format!("{uuid}: the authority cleared other bytes"));
    }
    if row.qr.as_ref() != Some(&there.qr) {
        verdict.differing.push(format!("{uuid}: the authority gave another QR"));
    }
    if row.icv.map(|icv| icv.to_string()).as_ref() != Some(&there.icv) {
        let here = row.icv;
        verdict.icv_gaps.push(format!("{uuid}: counter {here:?} here, {} with the authority", there.icv));
    }
    if row.source != there.source {
        verdict
            .differing
            .push(format!("{uuid}: of {} here, of {} with the authority", row.source, there.source));
    }
}

/// Each income source's counters are 1, 2, 3, … each once.
fn counters(evidence: &Evidence, verdict: &mut Verdict) {
    let mut given: BTreeMap<&IncomeSource, Vec<u64>> = BTreeMap::new();
    for row in &evidence.ledger {
        given.entry(&row.source).or_default().extend(row.icv);
    }
    for (source, mut numbers) in given {
        numbers.sort_unstable();
        let mut expected = 1;
        for number in numbers {
            if number < expected {
                verdict.icv_gaps.push(format!("{source}: counter {number} was given twice"));
                continue;
            }
            if number > expected {
                verdict
                    .icv_gaps
                    .push(format!("{source}: counters {expected} to {} were left out", number - 1));
            }
            expected = number + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Published;

    /// Four invoices of one source: three cleared, one refused. All is well.
    fn evidence() -> Evidence {
        let source = IncomeSource { tax_number: "11111111".into(), sequence: "1001001".into() };
        let mut evidence = Evidence { dead_letters: 1, ..Evidence::default() };
        for n in 1..=4 {
            let (uuid, icv) = (Uuid::from_u128(n), u64::try_from(n).unwrap());
            let fate = if n == 4 { Fate::Refused } else { Fate::Cleared };
            evidence.published.insert(uuid, Published { fate, acknowledged: true });
            let (sha256, qr) = (format!("sha{n}"), format!("qr{n}"));
            if fate == Fate::Cleared {
                evidence.authority.push(Clearance {
                    uuid,
                    source: source.clone(),
                    number: format!("T-{n}"),
                    icv: icv.to_string(),
                    sha256: sha256.clone(),
                    qr: qr.clone(),
                });
            }
            evidence.ledger.push(Held {
                uuid,
                source: source.clone(),
                state: if fate == Fate::Cleared { State::Cleared } else { State::Rejected },
                in_doubt: false,
                icv: Some(icv),
                sha256: Some(sha256),
                qr: (fate == Fate::Cleared).then_some(qr),
                message: None,
            });
        }
        evidence
    }

    /// Each deed is one that a fleet might commit; a finding names it, and few others come with it.
    #[test]
    fn every_forgery_is_found() {
        type Forge = fn(&mut Evidence);
        let forgeries: Vec<(&str, &str, Forge)> = vec![
            ("a row purged, cleared before", "lost", |it| drop(it.ledger.remove(2))),
            ("a row purged that was never sent", "lost", |it| {
                it.published
                    .insert(Uuid::from_u128(9), Published { fate: Fate::Cleared, acknowledged: true });
            }),
            ("a clearance forgotten", "lost", |it| it.ledger[1].state = State::DeadLettered),
            ("a clearance made up", "lost", |it| drop(it.authority.remove(1))),
            ("taken as new twice", "lost", |it| it.complaints.push("taken as new".into())),
            ("cleared twice", "cleared twice", |it| it.authority.push(it.authority[0].clone())),
            ("cleared twice under two UUIDs", "cleared twice", |it| {
                let mut again = it.authority[0].clone();
                again.uuid = Uuid::from_u128(77);
                it.authority.push(again);
            }),
            ("sent again with other bytes", "cleared twice", |it| it.suspicious.push("other bytes".into())),
            ("left open", "stuck", |it| {
                it.ledger[2].state = State::PendingRetry;
                it.authority.remove(2);
            }),
            ("in doubt for ever", "stuck", |it| it.ledger[3].in_doubt = true),
            ("never taken", "stuck", |it| {
                it.published
                    .insert(Uuid::from_u128(9), Published { fate: Fate::Cleared, acknowledged: false });
            }),
            ("a counter left out", "ICV gaps", |it| {
                it.ledger[3].icv = Some(5);
            }),
            ("a counter given twice", "ICV gaps", |it| it.ledger[3].icv = Some(3)),
            ("another counter at the authority", "ICV gaps", |it| it.authority[0].icv = "9".into()),
            ("given up", "astray", |it| {
                it.ledger[2].state = State::DeadLettered;
                it.authority.remove(2);
                it.dead_letters = 2;
            }),
            ("cleared though refused", "astray", |it| {
                it.published.get_mut(&Uuid::from_u128(3)).unwrap().fate = Fate::Refused;
            }),
            ("other bytes", "differing", |it| it.authority[0].sha256 = "other".into()),
            ("another QR", "differing", |it| it.ledger[0].qr = Some("other".into())),
            ("a dead letter without its hint", "other", |it| it.dead_letters = 0),
            ("a broken chain", "other", |it| it.verify = Some("version 3 of …".into())),
            ("a panic", "other", |it| it.misbehaved.push("submitter-1 panicked".into())),
            ("a row from nowhere", "other", |it| {
                it.published.remove(&Uuid::from_u128(1));
            }),
        ];
        assert!(judge(&evidence()).is_clean(), "{:?}", judge(&evidence()));
        for (deed, name, forge) in forgeries {
            let mut evidence = evidence();
            forge(&mut evidence);
            let verdict = judge(&evidence);
            let found: Vec<_> =
                verdict.findings().into_iter().filter(|(_, found)| !found.is_empty()).collect();
            assert!(found.iter().any(|(found, _)| *found == name), "{deed}: {verdict:?}");
            let all: usize = found.iter().map(|(_, found)| found.len()).sum();
            assert!(all <= 3, "{deed}: {verdict:?}");
        }
    }
}
