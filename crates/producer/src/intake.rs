//! The heart of the intake, the same for every way in: check, make durable, hint.

use std::sync::Arc;

use broker::{Broker, Hint, Outgoing, Queue, Window};
use invoice::event::Family;
use invoice::life::{Actor, Invoice, Refusal, State, Step};
use invoice::{Environment, Fault, FaultCode, IncomeSource, InvoiceKey, Profile, Timestamp};
use ledger::{Arrival, Ledger, LedgerError, Live, OriginalName, Reception, Registrations, Summary};
use uuid::Uuid;

use crate::announcer::{self, Fresh};
use crate::envelope::{Message, Opened};
use crate::gate::Gate;

/// The fields of the event that say whose it is.
pub(crate) const TAX_NUMBER: &str = "seller.tax_number";
pub(crate) const SEQUENCE: &str = "seller.income_source";
/// The longest part of a name of somebody else's that is repeated.
pub(crate) const USER_CHARS: usize = 100;

/// Takes events in.
#[derive(Clone)]
pub struct Intake {
    /// The truth.
    pub ledger: Arc<dyn Ledger>,
    /// The hints.
    pub broker: Arc<dyn Broker>,
    /// Whose events are taken.
    pub registrations: Live<Registrations>,
    /// Whether any are taken at all.
    pub gate: Gate,
}

/// An event that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The invoice as it stands.
    pub invoice: Invoice,
    /// The event was new (or amended the invoice); otherwise it was a repeat and changed nothing.
    pub new: bool,
}

/// Why an event is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// It breaks rules; all that it breaks.
    #[error("{}", first(.0))]
    Invalid(Vec<Fault>),
    /// Nobody has configured this income source.
    #[error(
        "income source {source_name} is not registered here: add it with `fawtara taxpayers add` (or under [[income_sources]] of the settings), or correct {tax_number} and {sequence}"
    )]
    UnknownSource {
        /// `tax number:sequence`.
        source_name: String,
        /// Where its tax number stands, in terms of what was sent.
        tax_number: String,
        /// Where its sequence stands.
        sequence: String,
    },
    /// The income source is known, and deactivated.
    #[error(
        "income source {source_name} is deactivated ({environment}): activate it with `fawtara taxpayers activate`, or publish \
         under the income source that is in use now"
    )]
    InactiveSource {
        /// `tax number:sequence`.
        source_name: String,
        /// Where its invoices went.
        environment: Environment,
    },
    /// The seller is registered for another family.
    #[error(
        "income source {source_name} is registered for {registered:?} documents, not {stated:?}: the authority would refuse it as not authorized"
    )]
    WrongFamily {
        /// `tax number:sequence`.
        source_name: String,
        /// What is configured.
        registered: Family,
        /// What the event says.
        stated: Family,
    },
    /// Other content under a UUID that is taken.
    #[error("{reason}")]
    Conflict {
        /// The invoice that has it.
        uuid: Uuid,
        /// Where that stands.
        state: State,
        /// Its current document version.
        document: u32,
        /// Why this is no permitted amendment.
        reason: String,
        /// What differs from its current document version.
        differences: Vec<String>,
    },
    /// The number belongs to another UUID.
    #[error(
        "this seller, income source and number belong to invoice {by} already: a document keeps its UUID for ever; publish with that UUID, or give a new number"
    )]
    NumberTaken {
        /// Whose it is.
        by: Uuid,
    },
    /// The UUID belongs to a document of another seller, of which nothing is told.
    #[error(
        "UUID {uuid} belongs to a document of another seller already: give this one a UUID of its own (or none, so that it gets \
         one from seller, income source and number)"
    )]
    UuidTaken {
        /// Which.
        uuid: Uuid,
    },
    /// The caller's key is not for this taxpayer, or not in this environment.
    #[error(
        "this key is not for documents of income source {source_name}: use a key whose taxpayers and environments include it \
         (`fawtara keys list` shows them)"
    )]
    OutOfScope {
        /// `tax number:sequence`, as the event says it.
        source_name: String,
    },
    /// Over AMQP: whoever published it has no key, or does not say who they are.
    #[error("{}", sender(.user.as_deref()))]
    UnknownSender {
        /// The broker's user, as the message names it.
        user: Option<String>,
    },
    /// The CloudEvent around it is wrong.
    #[error("the CloudEvent is wrong{}: {message}", at(.attribute))]
    Envelope {
        /// Which attribute; empty when it is none by itself.
        attribute: String,
        /// What, and what to do.
        message: String,
    },
    /// A correction of what this ledger does not have.
    #[error(
        "{original} is not known here as an invoice of income source {source_name} ({environment}): correct \"original\"; an invoice \
         from before this system comes back by a return that describes it in original.lines"
    )]
    OriginalUnknown {
        /// As it was named.
        original: String,
        /// `tax number:sequence`.
        source_name: String,
        /// Where it was looked for.
        environment: Environment,
    },
    /// A correction of what is not cleared, so that nothing can come back.
    #[error("{number} is not cleared but {state}: {}", instead(*.state))]
    OriginalNotCleared {
        /// The invoice that was to come back.
        uuid: Uuid,
        /// Its number.
        number: String,
        /// Where it stands.
        state: State,
    },
    /// A new return beside a corrected invoice that is here already.
    #[error(
        "invoice {number} is known already with this content, so it replaces nothing: give the corrected invoice a number and \
         UUID of its own, or publish the return alone"
    )]
    InvoiceKnown {
        /// Which.
        uuid: Uuid,
        /// Its number.
        number: String,
    },
    /// The header `Idempotency-Key` names another invoice.
    #[error(
        "Idempotency-Key is {given}, but the UUID of the event is {uuid}: the UUID is what makes publishing twice harmless here; \
         send that, or leave the header out"
    )]
    OtherKey {
        /// The UUID in the header.
        given: Uuid,
        /// The event's.
        uuid: Uuid,
    },
    /// A person has closed intake: nothing was taken; publish again later.
    #[error(
        "intake is closed since {since}: {reason}; nothing was taken: publish the same event again when it is open (a person opens \
         it with `fawtara intake open`)"
    )]
    Closed {
        /// Since when.
        since: Timestamp,
        /// Why, in the words of whoever closed it.
        reason: String,
    },
    /// The ledger cannot be reached: nothing is known to have been taken; publish again later.
    #[error(
        "the ledger is unavailable; nothing is known to have been taken: publish the same event again in a moment"
    )]
    Unavailable,
    /// The ledger refused this very event.
    #[error("the ledger cannot store this event: {0}")]
    Unstorable(String),
}

/// What there is to do instead of correcting an invoice that stands there.
fn instead(state: State) -> &'static str {
    match state {
        State::Draft | State::Submitted | State::PendingRetry => {
            "send the correction again once it is cleared (or publish the corrected event with \"amends\" if it is refused)"
        }
        State::Rejected => {
            "nothing of it counts, so nothing comes back: publish the corrected event under its UUID and number with \"amends\""
        }
        State::DeadLettered => {
            "a person settles it first (fawtara dead-letters); correct it if it turns out to be cleared, amend it otherwise"
        }
        State::Abandoned => "it was given up and nothing comes back: publish the corrected invoice alone",
        State::Cleared => "send the correction again",
    }
}

fn at(attribute: &str) -> String {
    if attribute.is_empty() { String::new() } else { format!(" ({attribute})") }
}

fn sender(user: Option<&str>) -> String {
    match user {
        None => "the message does not say who published it: set its property user_id to the AMQP user of the connection, and \
                 publish it again"
            .to_owned(),
        Some(user) => format!(
            "AMQP user {:?} may not publish here, or no longer: make a key for it with `fawtara keys create --amqp-user` \
             (`fawtara keys list --all` shows those that there were), and publish it again",
            invoice::excerpt(user, USER_CHARS)
        ),
    }
}

fn first(faults: &[Fault]) -> String {
    match faults {
        [] => "the event is not valid".to_owned(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    }
}

impl Refused {
    /// The stable code: in problem types, refused-intake records and metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(faults) if faults.iter().any(|fault| fault.code == FaultCode::TooLarge) => {
                "too_large"
            }
            Self::Invalid(_) => "invalid",
            Self::UnknownSource { .. } => "unknown_income_source",
            Self::InactiveSource { .. } => "inactive_income_source",
            Self::WrongFamily { .. } => "wrong_family",
            Self::Conflict { .. } => "conflict",
            Self::NumberTaken { .. } => "number_taken",
            Self::UuidTaken { .. } => "uuid_taken",
            Self::OutOfScope { .. } => "out_of_scope",
            Self::UnknownSender { .. } => "unknown_sender",
            Self::Envelope { .. } => "envelope",
            Self::OriginalUnknown { .. } => "original_unknown",
            Self::OriginalNotCleared { .. } => "original_not_cleared",
            Self::InvoiceKnown { .. } => "invoice_known",
            Self::OtherKey { .. } => "idempotency_key",
            Self::Closed { .. } => "intake_closed",
            Self::Unavailable => "unavailable",
            Self::Unstorable(_) => "unstorable",
        }
    }
}

impl Intake {
    /// Reads and checks one event. Pure: nothing is stored.
    ///
    /// # Errors
    /// [`Refused`] with everything that is wrong.
    #[allow(
        clippy::result_large_err,
        reason = "refusals are rare, and are values to be shown, not passed through layers"
    )]
    pub fn check(&self, json: &[u8], traceparent: Option<String>) -> Result<Arrival, Refused> {
        let checked = invoice::read_with(json, |source| self.profile(source)).map_err(Refused::Invalid)?;
        self.arrival(checked, traceparent)
    }

    /// What is checked already, as it goes to the ledger.
    #[allow(clippy::result_large_err, reason = "as in check")]
    pub(crate) fn arrival(
        &self,
        checked: invoice::Checked,
        traceparent: Option<String>,
    ) -> Result<Arrival, Refused> {
        let event = &checked.event;
        let source = event.income_source();
        let environment = self.environment(&source, event.family())?;
        Ok(Arrival {
            key: InvoiceKey { environment, uuid: event.uuid() },
            number: event.number().to_owned(),
            source,
            content: checked.content,
            amends: event.amends(),
            by: None,
            summary: Summary::of(&checked),
            original: OriginalName::of(&checked.event),
            traceparent,
            normal_form: checked.normal_form,
        })
    }

    /// The readings that this income source has; those of guide v1.5 when it is a stranger, who is refused afterwards.
    pub(crate) fn profile(&self, source: &IncomeSource) -> Profile {
        let registrations = self.registrations.borrow();
        registrations.for_intake(source).map(|registration| registration.profile.clone()).unwrap_or_default()
    }

    /// Reads and checks one event as a transport brought it: in the envelope of a CloudEvent, or without one.
    #[allow(clippy::result_large_err, reason = "as in check")]
    pub(crate) fn check_message(
        &self,
        message: &Message<'_>,
        traceparent: Option<String>,
    ) -> Result<Arrival, Refused> {
        let mut opened = Opened::of(message)?;
        let traceparent = traceparent.or_else(|| opened.traceparent.take());
        let arrival = self.check(&opened.event, traceparent)?;
        opened.agree(&arrival)?;
        Ok(arrival)
    }

    #[allow(clippy::result_large_err, reason = "as in check")]
    pub(crate) fn environment(
        &self,
        source: &IncomeSource,
        stated: Option<Family>,
    ) -> Result<Environment, Refused> {
        let source_name = source.to_string();
        match self.registrations.borrow().for_intake(source) {
            None => Err(Refused::UnknownSource {
                source_name,
                tax_number: TAX_NUMBER.to_owned(),
                sequence: SEQUENCE.to_owned(),
            }),
            Some(registration) if !registration.active => {
                Err(Refused::InactiveSource { source_name, environment: registration.environment })
            }
            Some(registration) => match (registration.family, stated) {
                (Some(registered), Some(stated)) if registered != stated => {
                    Err(Refused::WrongFamily { source_name, registered, stated })
                }
                _ => Ok(registration.environment),
            },
        }
    }

    /// An amendment by a person goes the same way as any event, with their name and reason.
    ///
    /// # Errors
    /// As for [`Intake::check`].
    #[allow(clippy::result_large_err, reason = "as in check")]
    pub fn check_amendment(&self, json: &[u8], document: u32, by: Actor) -> Result<Arrival, Refused> {
        let mut arrival = self.check(json, None)?;
        arrival.amends = Some(document);
        arrival.by = Some(by);
        Ok(arrival)
    }

    /// Makes arrivals durable; one answer each, in order. Hints are not published yet: see [`Intake::announce`].
    ///
    /// # Errors
    /// The ledger's own: nothing is known to have been taken.
    pub async fn take(&self, arrivals: Vec<Arrival>) -> Result<Vec<Result<Taken, Refused>>, LedgerError> {
        if let Some(refused) = self.gate.refusal() {
            return Ok(arrivals.iter().map(|_| Err(refused.clone())).collect());
        }
        let asked = arrivals.iter().map(|arrival| (arrival.source.clone(), arrival.normal_form.clone()));
        let asked: Vec<_> = asked.collect();
        let receptions = self.ledger.accept(arrivals).await?;
        Ok(receptions
            .into_iter()
            .zip(asked)
            .map(|(reception, (source, content))| answer(reception, &source, &content))
            .collect())
    }

    /// Hints for the encoder. Waits for their confirms, but not long: the sweeper makes up for one that fails (promise 1).
    pub async fn announce<'a>(&self, taken: impl Iterator<Item = (&'a Taken, Option<String>)>) {
        let fresh = hints(taken);
        if !fresh.is_empty() {
            let window = Window::new(Arc::clone(&self.broker), Queue::Draft);
            announcer::announce(&*self.ledger, &*self.broker, &window, std::iter::once(fresh)).await;
        }
    }
}

/// A hint for the encoder about each event that was new, with the trace that it belongs to; and about a repeat of what was never
/// taken up: its first publisher may have heard nothing, nor the broker.
pub(crate) fn hints<'a>(taken: impl Iterator<Item = (&'a Taken, Option<String>)>) -> Fresh {
    let mut fresh = Fresh { hints: Vec::new(), at: Timestamp::UNIX_EPOCH, again: Vec::new() };
    for (Taken { invoice, new }, traceparent) in taken {
        let payload = Hint::new(invoice.key, invoice.version).to_bytes();
        let hint = Outgoing { queue: Queue::Draft, payload, traceparent };
        if *new {
            fresh.at = fresh.at.max(invoice.updated_at);
            fresh.hints.push(hint);
        } else if invoice.waits_for() == Some(Step::Encode) && invoice.waiting.is_none() {
            fresh.again.push(hint);
        }
    }
    fresh
}

/// Counts what became of an event, by the way on which it came.
pub(crate) fn count(via: &'static str, answer: &Result<Taken, Refused>) {
    let result = match answer {
        Ok(taken) if taken.new => "taken",
        Ok(_) => "repeat",
        Err(refused) => refused.code(),
    };
    telemetry::metrics().intake.add(1, &[telemetry::label("via", via), telemetry::label("result", result)]);
}

fn answer(reception: Reception, source: &IncomeSource, content: &str) -> Result<Taken, Refused> {
    match reception {
        Reception::IdentityChanged { invoice } | Reception::Refused { invoice, .. }
            if invoice.source.tax_number != source.tax_number =>
        {
            Err(Refused::UuidTaken { uuid: invoice.key.uuid })
        }
        Reception::Accepted(invoice) | Reception::Amended(invoice) => Ok(Taken { invoice, new: true }),
        Reception::Repeat(invoice) => Ok(Taken { invoice, new: false }),
        Reception::NumberTaken { by } => Err(Refused::NumberTaken { by }),
        Reception::IdentityChanged { invoice } => Err(Refused::Conflict {
            uuid: invoice.key.uuid,
            state: invoice.state,
            document: invoice.document,
            reason: format!(
                "an amendment keeps seller, income source and number (here {} and number {})",
                invoice.source, invoice.number
            ),
            differences: Vec::new(),
        }),
        Reception::Refused { invoice, refusal, current } => Err(Refused::Conflict {
            uuid: invoice.key.uuid,
            state: invoice.state,
            document: invoice.document,
            reason: conflict(&invoice, &refusal),
            differences: invoice::normal::differences(&current, content),
        }),
    }
}

/// What the publisher can do about a conflict.
fn conflict(invoice: &Invoice, refusal: &Refusal) -> String {
    match refusal {
        Refusal::OtherContent { document, state } if state.waits_for_person() => format!(
            "{refusal}: to amend the invoice, publish the corrected event with \"amends\": {document}"
        ),
        Refusal::OtherContent { state: State::Cleared, .. } => format!(
            "{refusal}: a cleared invoice is not changed; publish a new document under a new UUID and number"
        ),
        Refusal::OtherContent { .. } => {
            format!("{refusal}: one UUID is one document; give a new document a new UUID and number")
        }
        _ => format!("invoice {}: {refusal}", invoice.number),
    }
}

#[cfg(test)]
mod tests;
