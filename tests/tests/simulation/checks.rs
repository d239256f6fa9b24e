//! The promises, checked from outside: the ledger against the plan, against itself, and against the authority's own record.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use invoice::life::{DeferReason, Event, Invoice, OutcomeKind, State};
use invoice::{Digest, IncomeSource, InvoiceKey};
use ledger::{AttemptRecord, RecordedEvent};
use simulator::{Cleared, Entry, Verdict};

use crate::world::World;

/// A promise that does not hold.
#[derive(Debug)]
pub(crate) struct Violation {
    pub(crate) key: Option<InvoiceKey>,
    pub(crate) message: String,
}

/// One invoice, as the ledger and the authority have it.
struct Case<'a> {
    invoice: &'a Invoice,
    history: Vec<RecordedEvent>,
    attempts: Vec<AttemptRecord>,
    seen: Vec<Entry>,
    cleared: Vec<Cleared>,
}

/// What was found in one run: violations, and a digest of all that happened.
pub(crate) struct Findings {
    pub(crate) violations: Vec<Violation>,
    pub(crate) digest: Digest,
}

struct Book<'a> {
    world: &'a World,
    violations: Vec<Violation>,
}

/// Checks everything.
pub(crate) async fn check(world: &World) -> Findings {
    let all = tests::fleet::invoices(&*world.seams.ledger).await;
    let mut book = Book { world, violations: Vec::new() };
    book.mishaps();
    book.yes_is_durable(&all);
    let mut digest = Digest::of(b"run");
    for invoice in all.values() {
        let case = world.case(invoice).await;
        digest = Digest::of_parts(&[digest.as_bytes(), case.text().as_bytes()]);
        book.ends_as_planned(&case);
        book.is_cleared_once(&case);
        book.sends_the_same_bytes(&case);
        book.keeps_its_counter(&case);
        book.attempts_agree(&case);
        book.only_500_is_charged(&case);
        book.silence_has_a_reason(&case);
        book.follows_the_rules(&case);
        book.only_the_paused_send_late(&case);
    }
    book.counters(&all);
    book.authority(&all);
    book.ledger_is_whole().await;
    book.waits_for_a_person().await;
    Findings { violations: book.violations, digest }
}

impl World {
    async fn case<'a>(&self, invoice: &'a Invoice) -> Case<'a> {
        let ledger = &self.seams.ledger;
        let uuid = invoice.key.uuid.to_string();
        let seen = |entry: &&Entry| entry.uuid == uuid;
        let seen = self.seams.authority.with(|it| it.record().filter(seen).cloned().collect());
        let mut cleared = self.seams.authority.with(|it| it.summary(true).cleared);
        cleared.retain(|cleared| cleared.uuid == uuid);
        Case {
            invoice,
            history: ledger.history(invoice.key).await.expect("memory answers"),
            attempts: ledger.attempts(invoice.key).await.expect("memory answers"),
            seen,
            cleared,
        }
    }

    /// Everything about one invoice, for whoever must find out what went wrong.
    pub(crate) async fn story(&self, key: InvoiceKey) -> String {
        let loaded = self.seams.ledger.load(&[key]).await.expect("memory answers");
        match loaded.invoices.first() {
            Some(Some(invoice)) => self.case(invoice).await.text(),
            _ => format!("{key} is not in the ledger\n"),
        }
    }
}

impl Case<'_> {
    /// A line for each event, attempt and request.
    fn text(&self) -> String {
        let mut text =
            format!("invoice {} {} {}\n", self.invoice.key, self.invoice.number, self.invoice.state);
        for RecordedEvent { version, at, event, .. } in &self.history {
            let json = serde_json::to_string(event).expect("an event has a text");
            writeln!(text, "  event {version:>2} {} {json}", at.format("%T%.6f")).expect("memory");
        }
        for AttemptRecord { attempt, worker, outcome, late, started_at, ended_at, evidence, .. } in
            &self.attempts
        {
            let (from, to) = (started_at.format("%T%.6f"), ended_at.format("%T%.6f"));
            let said = &evidence.message;
            writeln!(text, "  attempt {attempt} {from} {to} {worker} {outcome} late={late} {said}")
                .expect("memory");
        }
        for entry in &self.seen {
            let Entry { sequence, time, verdict, http_status, fault, delivered, sha256, .. } = entry;
            let at = time.format("%T%.6f");
            writeln!(
                text,
                "  seen {sequence} {at} {verdict:?} {http_status:?} {fault:?} delivered={delivered} {sha256}"
            )
            .expect("memory");
        }
        text
    }

    fn documents_fixed(&self) -> BTreeMap<u32, (u64, Digest)> {
        let mut fixed = BTreeMap::new();
        for recorded in &self.history {
            if let Event::Encoded { document, icv, xml } = recorded.event {
                fixed.insert(document, (icv, xml));
            }
        }
        fixed
    }

    fn starts(&self) -> impl Iterator<Item = (u32, &str, Digest)> {
        self.history.iter().filter_map(|recorded| match &recorded.event {
            Event::SubmissionStarted { attempt, worker, xml, .. } => Some((*attempt, worker.as_str(), *xml)),
            _ => None,
        })
    }
}

impl Book<'_> {
    fn hold(&mut self, holds: bool, case: &Case<'_>, message: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(Violation { key: Some(case.invoice.key), message: message() });
        }
    }

    fn hold_all(&mut self, holds: bool, message: impl FnOnce() -> String) {
        if !holds {
            self.violations.push(Violation { key: None, message: message() });
        }
    }

    fn mishaps(&mut self) {
        let mishaps = self.world.mishaps.lock().unwrap().clone();
        self.violations.extend(mishaps.into_iter().map(|message| Violation { key: None, message }));
    }

    /// Promise 1.
    fn yes_is_durable(&mut self, all: &BTreeMap<InvoiceKey, Invoice>) {
        let yes = self.world.yes.lock().unwrap().clone();
        for (key, said) in yes {
            let kept = all.get(&key).is_some_and(|invoice| {
                invoice.accepted_at == said.accepted_at && invoice.contents.starts_with(&said.contents)
            });
            if !kept {
                let message = "a publisher heard yes, and the ledger does not have that event".to_owned();
                self.violations.push(Violation { key: Some(key), message });
            }
        }
        for key in self.world.plan.keys().filter(|key| !all.contains_key(key)) {
            let message = "was published and never taken".to_owned();
            self.violations.push(Violation { key: Some(*key), message });
        }
        for key in all.keys().filter(|key| !self.world.plan.contains_key(key)) {
            let message = "is in the ledger, and nobody published it".to_owned();
            self.violations.push(Violation { key: Some(*key), message });
        }
    }

    fn ends_as_planned(&mut self, case: &Case<'_>) {
        let Some(planned) = self.world.plan.get(&case.invoice.key) else { return };
        let stands = (case.invoice.state, case.invoice.document);
        self.hold(stands == planned.ends(), case, || {
            format!("ends as {stands:?}, planned was {:?} ({:?})", planned.ends(), planned.fate)
        });
    }

    /// Nothing is cleared twice, and both sides agree.
    fn is_cleared_once(&mut self, case: &Case<'_>) {
        let Case { invoice, cleared, .. } = case;
        let expected = usize::from(invoice.state == State::Cleared);
        self.hold(cleared.len() == expected, case, || {
            format!("is {} here and cleared {} times there", invoice.state, cleared.len())
        });
        let accepted = case.seen.iter().filter(|entry| entry.verdict == Verdict::Submitted).count();
        self.hold(accepted == expected, case, || format!("was accepted {accepted} times"));
        let Some(there) = cleared.first() else { return };
        self.hold(invoice.qr.as_deref() == Some(&there.qr), case, || "has another QR than there".to_owned());
        self.hold(invoice.icv.map(|icv| icv.to_string()) == Some(there.icv.clone()), case, || {
            format!("has counter {:?} here, {} there", invoice.icv, there.icv)
        });
        let fixed = case.documents_fixed();
        let xml = invoice
            .cleared_document
            .and_then(|document| fixed.get(&document))
            .map(|(_, xml)| xml.to_string());
        self.hold(xml.as_ref() == Some(&there.sha256), case, || {
            format!("cleared {xml:?} here, {} there", there.sha256)
        });
    }

    /// Promise 4.
    fn sends_the_same_bytes(&mut self, case: &Case<'_>) {
        let fixed: BTreeSet<String> =
            case.documents_fixed().values().map(|(_, xml)| xml.to_string()).collect();
        let strange = case.seen.iter().find(|entry| !fixed.contains(&entry.sha256));
        self.hold(strange.is_none(), case, || format!("sent bytes that were never fixed: {strange:?}"));
        let requests = case.seen.len();
        let starts = case.starts().count();
        self.hold(requests <= starts, case, || format!("{requests} requests, and only {starts} attempts"));
    }

    /// Promise 8, for one invoice.
    fn keeps_its_counter(&mut self, case: &Case<'_>) {
        let counters: BTreeSet<u64> = case.documents_fixed().values().map(|(icv, _)| *icv).collect();
        self.hold(counters.len() <= 1, case, || format!("had the counters {counters:?}"));
        self.hold(counters.first().copied() == case.invoice.icv, case, || {
            format!("was encoded as {counters:?}, stands as {:?}", case.invoice.icv)
        });
    }

    /// Promise 13: every attempt is kept, and what it heard was said.
    fn attempts_agree(&mut self, case: &Case<'_>) {
        let kept: BTreeSet<u32> = case.attempts.iter().map(|attempt| attempt.attempt).collect();
        let missing: Vec<u32> = (1..case.invoice.attempt).filter(|number| !kept.contains(number)).collect();
        self.hold(missing.is_empty(), case, || format!("nothing is kept of the attempts {missing:?}"));
        let heard = |attempt: &&AttemptRecord| attempt.evidence.http_status.is_some();
        let heard: BTreeSet<u32> =
            case.attempts.iter().filter(heard).map(|attempt| attempt.attempt).collect();
        let said = case.seen.iter().filter(|entry| entry.delivered).count();
        self.hold(heard.len() <= said, case, || format!("heard {} answers, {said} were given", heard.len()));
        let mut in_time = BTreeSet::new();
        for attempt in case.attempts.iter().filter(|attempt| !attempt.late) {
            let twice = !in_time.insert(attempt.attempt);
            self.hold(!twice, case, || format!("attempt {} ended twice", attempt.attempt));
        }
        let twice = case.attempts.iter().find(|one| {
            let same = |other: &&AttemptRecord| {
                other.attempt == one.attempt && other.outcome != OutcomeKind::Crashed
            };
            one.outcome != OutcomeKind::Crashed && case.attempts.iter().filter(same).count() > 1
        });
        self.hold(twice.is_none(), case, || format!("the answer to one attempt is kept twice: {twice:?}"));
    }

    /// The table of what counts against an invoice.
    fn only_500_is_charged(&mut self, case: &Case<'_>) {
        let charged = case.history.iter().filter(|recorded| match &recorded.event {
            Event::Deferred { reason, .. } => *reason == DeferReason::Suspect,
            Event::DeadLettered { cause, .. } => *cause == invoice::life::Cause::Suspect,
            _ => false,
        });
        let charged = charged.count();
        let failed = case.seen.iter().filter(|entry| {
            entry.delivered
                && (entry.http_status == Some(500) || entry.fault.as_deref() == Some("inner_error"))
        });
        let failed = failed.count();
        self.hold(charged <= failed, case, || format!("was charged {charged} times for {failed} failures"));
    }

    /// A lease runs out only when something happened to whoever held it.
    fn silence_has_a_reason(&mut self, case: &Case<'_>) {
        let workers: BTreeMap<u32, &str> =
            case.starts().map(|(attempt, worker, _)| (attempt, worker)).collect();
        for recorded in &case.history {
            let Event::LeaseExpired { attempt } = recorded.event else { continue };
            let worker = workers.get(&attempt).copied().unwrap_or_default();
            self.hold(self.world.was_harmed(worker), case, || {
                format!("attempt {attempt} fell silent, though nothing had happened to {worker}")
            });
        }
    }

    /// No lease stops a process that was paused before its POST; nothing else may send what the authority finds suspicious.
    fn only_the_paused_send_late(&mut self, case: &Case<'_>) {
        for entry in case.seen.iter().filter(|entry| entry.suspicion.is_some()) {
            let lost = |number: u32| {
                let expired = |it: &&RecordedEvent| matches!(it.event, Event::LeaseExpired { attempt } if attempt == number);
                case.history.iter().find(expired).is_some_and(|it| it.at <= entry.time)
            };
            let paused = case.starts().any(|(attempt, worker, xml)| {
                xml.to_string() == entry.sha256 && lost(attempt) && self.world.was_harmed(worker)
            });
            let is_answer = entry.verdict == Verdict::AlreadySubmitted;
            self.hold(paused && is_answer, case, || format!("suspicious: {entry:?}"));
        }
    }

    /// Promises 5 and 6, from the stream alone.
    fn follows_the_rules(&mut self, case: &Case<'_>) {
        let Some(first) = case.history.first() else { return };
        let Invoice { key, source, number, contents, .. } = case.invoice;
        let mut state = Invoice::accepted(*key, source.clone(), number.clone(), contents[0], first.at);
        for recorded in case.history.iter().skip(1) {
            let event = &recorded.event;
            let name = event.name();
            let held = state.may_be_held();
            let changes = matches!(event, Event::Amended { .. } | Event::Abandoned { .. });
            self.hold(!(held && changes), case, || format!("{name} while the authority may hold it"));
            let over = state.state == State::Cleared && !matches!(event, Event::LateAnswer { .. });
            self.hold(!over, case, || format!("{name} after it was cleared"));
            state.evolve(event, recorded.at);
        }
        self.hold(state == *case.invoice, case, || "stands elsewhere than its events say".to_owned());
    }

    /// Promise 8, over all.
    fn counters(&mut self, all: &BTreeMap<InvoiceKey, Invoice>) {
        let mut counters: BTreeMap<&IncomeSource, Vec<u64>> = BTreeMap::new();
        for invoice in all.values() {
            counters.entry(&invoice.source).or_default().extend(invoice.icv);
        }
        for (source, mut numbers) in counters {
            numbers.sort_unstable();
            let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
            self.hold_all(numbers == expected, || format!("the counters of {source} are {numbers:?}"));
        }
    }

    fn authority(&mut self, all: &BTreeMap<InvoiceKey, Invoice>) {
        let summary = self.world.seams.authority.with(|authority| authority.summary(true));
        let unknown = summary
            .cleared
            .iter()
            .find(|cleared| !all.keys().any(|key| key.uuid.to_string() == cleared.uuid));
        self.hold_all(unknown.is_none(), || format!("cleared there, unknown here: {unknown:?}"));
    }

    async fn ledger_is_whole(&mut self) {
        let verification = self.world.seams.ledger.verify().await.expect("memory answers");
        self.hold_all(verification.violations.is_empty(), || format!("{:?}", verification.violations));
    }

    /// What waits for a person stands in the dead-letter queue once each, refused intake too.
    async fn waits_for_a_person(&mut self) {
        let (hints, waiting) = (self.world.dead_letters().await, self.world.waiting_for_person().await);
        self.hold_all(hints == waiting, || {
            format!("{hints} hints in dead-letter, {waiting} wait for a person")
        });
        let refused = self.world.seams.ledger.refused_intake(1_000).await.expect("memory answers");
        let strangers = self.world.strangers;
        self.hold_all(refused.len() as u64 == strangers, || {
            format!("{} refused-intake records of {strangers} strangers", refused.len())
        });
    }
}
