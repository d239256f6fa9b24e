//! Moving an invoice to another income source of the same seller: given up here, its counter void with the reason, and a draft
//! there under a name and a counter of its own. Must not know how income sources are registered; it is told.
//!
//! A UUID keeps its identity for ever, and seller, income source and number belong to it. What moves is therefore the content:
//! the old invoice is abandoned first, then the new one is taken in. Between the two nothing can be cleared twice, and
//! whoever was interrupted there does it again and ends in the same place, since the new UUID follows from the new identity.

use invoice::life::{Actor, Event, Invoice, State};
use invoice::{Checked, IncomeSource, InvoiceKey, Published, Registration};
use ledger::{Arrival, LedgerError, OriginalName, Reception, Summary};
use serde::Serialize;

use crate::action::{Action, Hinted};
use crate::desk::{Console, signed};
use crate::error::ConsoleError;

/// An invoice that has moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Relocated {
    /// The old one, given up.
    pub from: Invoice,
    /// The new one.
    pub to: Invoice,
    /// Whether the encoder knows already.
    pub hinted: Hinted,
}

impl Console {
    /// Moves an invoice to income source `to`, registered as `registration`.
    ///
    /// # Errors
    /// [`ConsoleError::CannotMove`] for a move that makes no sense; otherwise all that an abandonment is refused for
    /// (in doubt, held by the authority, under way, cleared), and what new content is refused for.
    pub async fn relocate(
        &self,
        key: InvoiceKey,
        to: &IncomeSource,
        registration: &Registration,
        by: &Actor,
    ) -> Result<Relocated, ConsoleError> {
        signed(by)?;
        let content = self.ledger.content(key).await?;
        let Some(current) = content else { return Err(ConsoleError::Unknown { text: key.uuid.to_string() }) };
        let old = current.invoice;
        fits(&old, to, registration)?;
        let checked = moved(&current.normal_form, to, registration)?;
        let arrival = arrival(key, checked, by);
        self.is_free(&old, &arrival).await?;
        let from = self.give_up(old, &arrival, by).await?;
        let new = arrival.key;
        let taken = match self.ledger.accept(vec![arrival]).await?.pop() {
            Some(Reception::Accepted(invoice) | Reception::Repeat(invoice)) => invoice,
            Some(Reception::NumberTaken { by }) => return Err(ConsoleError::NumberTaken { by }),
            // Taken by somebody else since it was looked at.
            Some(_) => return Err(cannot(format!("another invoice has the UUID {} now", new.uuid))),
            None => return Err(LedgerError::Corrupt("an arrival without an answer".to_owned()).into()),
        };
        let changed = [(taken, None)];
        let hinted = self.hint(&changed).await.first().copied().unwrap_or(Hinted::NotNeeded);
        let [(to, _)] = changed;
        Ok(Relocated { from, to, hinted })
    }

    /// Whether the new name and number are nobody else's; looked at before anything is given up.
    async fn is_free(&self, old: &Invoice, arrival: &Arrival) -> Result<(), ConsoleError> {
        let known = self.ledger.load(&[arrival.key]).await?.invoices.into_iter().next().flatten();
        if let Some(known) = known
            && !known.contents.contains(&arrival.content)
        {
            return Err(cannot(format!(
                "invoice {} of {} has that number there, with other content",
                known.key.uuid, known.source
            )));
        }
        for key in self.ledger.find(&old.number).await? {
            let other = self.ledger.load(&[key]).await?.invoices.into_iter().next().flatten();
            if let Some(other) = other
                && other.key.environment == old.key.environment
                && other.source == arrival.source
                && other.key != arrival.key
            {
                return Err(ConsoleError::NumberTaken { by: other.key.uuid });
            }
        }
        Ok(())
    }

    /// The old invoice, abandoned: now, or by an earlier move to the same place that was interrupted.
    async fn give_up(&self, old: Invoice, arrival: &Arrival, by: &Actor) -> Result<Invoice, ConsoleError> {
        let place = format!("moved to {} as {}", arrival.source, arrival.key.uuid);
        if old.state == State::Abandoned {
            let history = self.ledger.history(old.key).await?;
            let begun = history.iter().rev().any(|recorded| {
                matches!(&recorded.event, Event::Abandoned { by, .. } if by.reason.starts_with(&place))
            });
            if begun {
                return Ok(old);
            }
        }
        let by = Actor { name: by.name.clone(), reason: format!("{place}: {}", by.reason) };
        Ok(self.act(old.key, Action::Abandon, &by).await?.invoice)
    }
}

fn cannot(reason: String) -> ConsoleError {
    ConsoleError::CannotMove { reason }
}

fn fits(old: &Invoice, to: &IncomeSource, registration: &Registration) -> Result<(), ConsoleError> {
    if old.source.tax_number != to.tax_number {
        return Err(cannot(format!(
            "it is an invoice of taxpayer {}, not {}",
            old.source.tax_number, to.tax_number
        )));
    }
    if old.source == *to {
        return Err(cannot(format!("it belongs to {to} already")));
    }
    if registration.environment != old.key.environment {
        return Err(cannot(format!(
            "it belongs to {}, and {to} is registered in {}",
            old.key.environment, registration.environment
        )));
    }
    if !registration.active {
        return Err(cannot(format!("{to} is deactivated")));
    }
    Ok(())
}

/// The content as an event of the other income source, checked by that one's readings.
fn moved(normal_form: &str, to: &IncomeSource, registration: &Registration) -> Result<Checked, ConsoleError> {
    let Published::Invoice(mut event) =
        invoice::parse(normal_form.as_bytes()).map_err(ConsoleError::Invalid)?
    else {
        return Err(cannot("a return stays with its original".to_owned()));
    };
    if let Some(registered) = registration.family
        && registered != event.family
    {
        return Err(cannot(format!("{to} is registered for another family of documents")));
    }
    event.uuid = None;
    event.amends = None;
    event.seller.income_source.clone_from(&to.sequence);
    invoice::check(Published::Invoice(event), &registration.profile).map_err(ConsoleError::Invalid)
}

fn arrival(old: InvoiceKey, checked: Checked, by: &Actor) -> Arrival {
    Arrival {
        key: InvoiceKey { environment: old.environment, uuid: checked.event.uuid() },
        source: checked.event.income_source(),
        number: checked.event.number().to_owned(),
        content: checked.content,
        amends: None,
        by: Some(by.clone()),
        summary: Summary::of(&checked),
        original: OriginalName::of(&checked.event),
        normal_form: checked.normal_form,
        traceparent: None,
    }
}
