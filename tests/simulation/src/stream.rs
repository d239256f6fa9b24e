//! One invoice's promises: its stream, its attempts and what the authority saw of it.

use std::collections::{BTreeMap, BTreeSet};

use invoice::Timestamp;
use invoice::life::{DeferReason, Event, Invoice, OutcomeKind, State};
use ledger::{AttemptRecord, RecordedEvent};
use simulator::Verdict;

use crate::case::Case;
use crate::checks::Book;
use crate::plan::Fate;

impl Book<'_> {
    /// Everything that one invoice shows by itself.
    pub(crate) fn stream(&mut self, case: &Case<'_>) {
        self.ends_as_planned(case);
        self.is_cleared_once(case);
        self.sends_the_same_bytes(case);
        self.keeps_its_counter(case);
        self.attempts_agree(case);
        self.only_500_is_charged(case);
        self.silence_has_a_reason(case);
        self.follows_the_rules(case);
        self.attempts_keep_their_order(case);
        self.what_was_sent_is_not_forgotten(case);
        self.only_the_paused_send_late(case);
    }

    fn ends_as_planned(&mut self, case: &Case<'_>) {
        let Some(planned) = self.world.plan.invoices.get(&case.invoice.key) else { return };
        let stands = (case.invoice.state, case.invoice.document);
        self.hold(planned.may_end_as(case.invoice), case, || {
            format!("ends as {stands:?}, planned was {:?} ({:?})", planned.ends, planned.fate)
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
        // What some buffer held back comes when it comes; and somebody else's document is no news.
        let planned = self.world.plan.invoices.get(&case.invoice.key);
        if self.world.chaos.late_requests() > 0 || planned.is_some_and(|planned| planned.fate == Fate::Taken)
        {
            return;
        }
        let sound = self.world.chaos.is_time_sound();
        for entry in case.seen.iter().filter(|entry| entry.suspicion.is_some()) {
            let lost = |number: u32| {
                let expired = |it: &&RecordedEvent| matches!(it.event, Event::LeaseExpired { attempt } if attempt == number);
                case.history.iter().find(expired).is_some_and(|it| it.at <= entry.time || !sound)
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
            let lost = matches!(event, Event::LateAnswer { outcome: OutcomeKind::Cleared, .. });
            self.hold(!lost || state.state == State::Cleared, case, || {
                "a late acceptance was only kept".to_owned()
            });
            state.evolve(event, recorded.at);
        }
        self.hold(state == *case.invoice, case, || "stands elsewhere than its events say".to_owned());
    }

    /// Each attempt begins once, in order, and not before its time.
    fn attempts_keep_their_order(&mut self, case: &Case<'_>) {
        let (mut last, mut due) = (0, None);
        for recorded in &case.history {
            match &recorded.event {
                Event::SubmissionStarted { attempt, .. } => {
                    self.hold(*attempt == last + 1, case, || {
                        format!("attempt {attempt} begins after attempt {last}")
                    });
                    let early = due.is_some_and(|due: Timestamp| recorded.at < due);
                    self.hold(!early, case, || {
                        format!("attempt {attempt} begins before {due:?}, when it was due")
                    });
                    last = *attempt;
                    due = None;
                }
                // What was to be sent at that time was another document, or none yet.
                Event::Encoded { .. } | Event::Amended { .. } => due = None,
                Event::Deferred { due_at, .. }
                | Event::Doubted { due_at, .. }
                | Event::QrOutstanding { due_at, .. }
                | Event::ClaimReleased { due_at, .. }
                | Event::Requeued { due_at, .. } => due = Some(*due_at),
                _ => {}
            }
        }
    }

    /// Promise 6, from the authority's side: whatever it has seen of an attempt, that attempt was either answered or is in
    /// doubt.
    fn what_was_sent_is_not_forgotten(&mut self, case: &Case<'_>) {
        // Requests of others must not be taken for this attempt's.
        let alone = !case.history.iter().any(|it| matches!(it.event, Event::LeaseExpired { .. }));
        if !(alone && self.world.chaos.is_time_sound() && self.world.chaos.late_requests() == 0) {
            return;
        }
        let unsent = |attempt: &&AttemptRecord| {
            attempt.outcome == OutcomeKind::NotNow && attempt.evidence.http_status.is_none()
        };
        for attempt in case.attempts.iter().filter(unsent) {
            let during = attempt.started_at..=attempt.ended_at;
            let seen = case.seen.iter().find(|entry| during.contains(&entry.time));
            self.hold(seen.is_none(), case, || {
                format!("attempt {} counts as never sent, and was seen there: {seen:?}", attempt.attempt)
            });
        }
    }
}
