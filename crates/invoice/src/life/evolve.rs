//! Folding one event into the state. Never refuses: what was decided has happened.

use super::command::RequeueMode;
use super::event::{DeferReason, Event};
use super::state::{Cause, Invoice, State, Waiting};
use crate::Timestamp;

impl Invoice {
    /// The state after `event`, which happened `at`.
    pub fn evolve(&mut self, event: &Event, at: Timestamp) {
        self.version += 1;
        self.updated_at = at;
        match event {
            // The first event of a stream is `Invoice::accepted`; folding it again changes nothing but the version.
            Event::Accepted { .. } => {}
            Event::Amended { document, content, .. } => {
                self.document = *document;
                self.contents.push(*content);
                self.xml = None;
                self.fresh(State::Draft);
            }
            Event::Encoded { icv, xml, .. } => {
                self.icv = Some(*icv);
                self.xml = Some(*xml);
                self.waiting = None;
            }
            Event::Waiting { original, reason } => {
                let since = self.waiting.as_ref().map_or(at, |waiting| waiting.since);
                self.waiting = Some(Waiting { original: original.clone(), reason: *reason, since });
            }
            Event::FoundUnfit { message } => self.stand(State::Rejected, Cause::Unfit, message),
            Event::SubmissionStarted { attempt, lease_until, .. } => {
                self.state = State::Submitted;
                self.attempt = *attempt;
                self.lease_until = Some(*lease_until);
                self.due_at = None;
            }
            Event::ClaimReleased { due_at, .. } => self.pending(*due_at),
            Event::LeaseExpired { attempt } => {
                self.crashes += 1;
                self.doubt(*attempt, at);
            }
            Event::Cleared { document, qr, .. } => self.clear(*document, qr),
            Event::Adopted { qr, .. } => self.clear(self.document, qr),
            Event::QrOutstanding { attempt, due_at, evidence } => {
                self.heard();
                // Fetching begins at the foot of the ladder.
                self.retries = if self.qr_outstanding { self.retries + 1 } else { 1 };
                self.qr_outstanding = true;
                self.cause = None;
                self.message = Some(evidence.message.clone());
                if self.state == State::Submitted && self.attempt != *attempt {
                    // Heard late, while the next attempt holds the invoice: its lease and its answer stand.
                    self.retries = 0;
                } else {
                    self.pending(*due_at);
                }
            }
            Event::Refused { evidence, .. } => {
                self.heard();
                self.stand(State::Rejected, Cause::Refused, &evidence.message);
            }
            Event::Doubted { attempt, due_at, evidence } => {
                self.crashes = 0;
                self.retries = if self.may_be_held() { self.retries + 1 } else { 1 };
                self.doubt(*attempt, at);
                self.message = Some(evidence.message.clone());
                self.pending(*due_at);
            }
            Event::Deferred { reason, due_at, evidence, .. } => {
                self.crashes = 0;
                match reason {
                    DeferReason::Suspect => self.charged += 1,
                    DeferReason::NotNow | DeferReason::Credentials => self.retries += 1,
                }
                self.message = Some(evidence.message.clone());
                self.pending(*due_at);
            }
            Event::DeadLettered { cause, message, .. } => {
                match cause {
                    // These are answers to our own bytes: whatever was in doubt is known now.
                    Cause::AuthorityHoldsOther | Cause::Contradiction | Cause::Refused => self.heard(),
                    Cause::Suspect => self.charged += 1,
                    Cause::Unfit | Cause::KillsWorker | Cause::OriginalUnknown => {}
                }
                self.stand(State::DeadLettered, *cause, message);
            }
            Event::LateAnswer { .. } => {}
            Event::Requeued { mode, due_at, .. } => {
                if self.cause == Some(Cause::AuthorityHoldsOther) {
                    // The authority holds something under this UUID; only a new answer may let that be forgotten.
                    self.doubt(self.attempt, at);
                }
                if *mode == RequeueMode::Reencode {
                    self.xml = None;
                }
                if self.xml.is_none() {
                    self.fresh(State::Draft);
                } else {
                    self.fresh(State::PendingRetry);
                    self.due_at = Some(*due_at);
                }
            }
            Event::Abandoned { by, .. } => {
                self.fresh(State::Abandoned);
                self.message = Some(by.reason.clone());
            }
        }
    }

    /// An intelligible verdict on our bytes was heard: nothing is in doubt any more.
    fn heard(&mut self) {
        self.in_doubt = None;
        self.doubt_since = None;
        self.crashes = 0;
    }

    fn doubt(&mut self, attempt: u32, at: Timestamp) {
        self.in_doubt = Some(attempt);
        self.doubt_since.get_or_insert(at);
    }

    fn pending(&mut self, due_at: Timestamp) {
        self.state = State::PendingRetry;
        self.lease_until = None;
        self.due_at = Some(due_at);
    }

    fn stand(&mut self, state: State, cause: Cause, message: &str) {
        self.state = state;
        self.lease_until = None;
        self.due_at = None;
        self.waiting = None;
        self.cause = Some(cause);
        self.message = Some(message.to_owned());
    }

    fn clear(&mut self, document: u32, qr: &str) {
        self.heard();
        self.fresh(State::Cleared);
        self.qr_outstanding = false;
        self.qr = Some(qr.to_owned());
        self.cleared_document = Some(document);
    }

    /// A new start: counters of trouble at nought. Doubt is not trouble but knowledge, and stays.
    fn fresh(&mut self, state: State) {
        self.state = state;
        self.lease_until = None;
        self.due_at = None;
        self.waiting = None;
        self.retries = 0;
        self.charged = 0;
        self.crashes = 0;
        self.cause = None;
        self.message = None;
    }
}
