//! The heart of the intake, the same for every way in: check, make durable, hint.

use std::sync::Arc;

use broker::{Broker, Hint, Outgoing, Queue};
use invoice::event::Family;
use invoice::life::{Actor, Invoice, Refusal, State};
use invoice::{Amount, Environment, Fault, FaultCode, IncomeSource, InvoiceKey};
use ledger::{Arrival, Ledger, LedgerError, Reception, Summary};
use uuid::Uuid;

use crate::announcer;
use crate::config::Sources;

/// Takes events in.
#[derive(Clone)]
pub struct Intake {
    /// The truth.
    pub ledger: Arc<dyn Ledger>,
    /// The hints.
    pub broker: Arc<dyn Broker>,
    /// Whose events are taken.
    pub sources: Arc<Sources>,
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
    /// It is right, but the encoder cannot write it yet.
    #[error("{message}")]
    Unsupported {
        /// Stable code.
        code: &'static str,
        /// Where.
        path: String,
        /// What, and what to do.
        message: String,
    },
    /// Nobody has configured this income source.
    #[error(
        "income source {source_name} is not configured here: add it under [[income_sources]], or correct seller.tax_number and seller.income_source"
    )]
    UnknownSource {
        /// `tax number:sequence`.
        source_name: String,
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
    /// The ledger cannot be reached: nothing was taken; publish again later.
    #[error("the ledger is unavailable; nothing was taken: publish the same event again in a moment")]
    Unavailable,
    /// The ledger refused this very event.
    #[error("the ledger cannot store this event: {0}")]
    Unstorable(String),
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
            Self::Unsupported { .. } => "unsupported",
            Self::UnknownSource { .. } => "unknown_income_source",
            Self::WrongFamily { .. } => "wrong_family",
            Self::Conflict { .. } => "conflict",
            Self::NumberTaken { .. } => "number_taken",
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
        let checked = invoice::read(json).map_err(Refused::Invalid)?;
        let event = &checked.event;
        ubl::supports(event).map_err(|unsupported| Refused::Unsupported {
            code: unsupported.code(),
            path: unsupported.path(),
            message: unsupported.to_string(),
        })?;
        let source = event.income_source();
        let environment = self.environment(&source, event.family)?;
        // `read` always sets the UUID.
        let uuid = event.uuid.unwrap_or_else(|| invoice::normal::name_based_uuid(event));
        Ok(Arrival {
            key: InvoiceKey { environment, uuid },
            number: event.number.clone(),
            source,
            content: checked.content,
            amends: event.amends,
            by: None,
            summary: Summary {
                kind: event.kind,
                family: event.family,
                payment: event.payment,
                issue_date: event.issue_date,
                currency: event.currency.clone(),
                payable: Amount::from(checked.totals.payable),
                buyer: event.buyer.as_ref().and_then(|buyer| buyer.name.clone()),
            },
            traceparent,
            normal_form: checked.normal_form,
        })
    }

    #[allow(clippy::result_large_err, reason = "as in check")]
    fn environment(&self, source: &IncomeSource, stated: Family) -> Result<Environment, Refused> {
        let source_name = source.to_string();
        match self.sources.get(source) {
            None => Err(Refused::UnknownSource { source_name }),
            Some(registration) => match registration.family {
                Some(registered) if registered != stated => {
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
        let contents: Vec<_> = arrivals.iter().map(|arrival| arrival.normal_form.clone()).collect();
        let receptions = self.ledger.accept(arrivals).await?;
        Ok(receptions
            .into_iter()
            .zip(contents)
            .map(|(reception, content)| answer(reception, &content))
            .collect())
    }

    /// Hints for the encoder. Waits for their confirms, but not long: the sweeper makes up for one that fails (promise 1).
    pub async fn announce<'a>(&self, taken: impl Iterator<Item = (&'a Taken, Option<String>)>) {
        announcer::publish(&*self.broker, hints(taken)).await;
    }
}

/// A hint for the encoder about each event that was new, with the trace that it belongs to.
pub(crate) fn hints<'a>(taken: impl Iterator<Item = (&'a Taken, Option<String>)>) -> Vec<Outgoing> {
    let hint = |(taken, traceparent): (&Taken, _)| Outgoing {
        queue: Queue::Draft,
        payload: Hint::new(taken.invoice.key, taken.invoice.version).to_bytes(),
        traceparent,
    };
    taken.filter(|(taken, _)| taken.new).map(hint).collect()
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

fn answer(reception: Reception, content: &str) -> Result<Taken, Refused> {
    match reception {
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
