//! The heart of the intake, the same for every way in: check, make durable, hint.

use std::sync::Arc;

use broker::{Broker, Hint, Outgoing, Queue, Window};
use invoice::event::Family;
use invoice::life::{Actor, Invoice, Refusal, State, Step};
use invoice::{Environment, IncomeSource, InvoiceKey, Profile, Timestamp};
use ledger::{Arrival, Ledger, LedgerError, Live, OriginalName, Reception, Registrations, Summary};

use crate::announcer::{self, Fresh};
use crate::envelope::{Message, Opened};
use crate::gate::Gate;

pub use refused::Refused;
pub(crate) use refused::USER_CHARS;

mod refused;

/// The fields of the event that say whose it is.
pub(crate) const TAX_NUMBER: &str = "seller.tax_number";
pub(crate) const SEQUENCE: &str = "seller.income_source";

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
