//! Correcting an invoice by hand: other content under the same name, checked as every event is. Knows no settings: whether
//! the seller is registered for the new family is the authority's to say.

use invoice::life::{Actor, Command, Context, Invoice, decide};
use invoice::{Checked, InvoiceKey, Published};
use ledger::{Arrival, OriginalName, Reception, Summary};
use serde::Serialize;

use crate::action::{Done, Hinted};
use crate::desk::{Console, signed};
use crate::error::ConsoleError;

/// A correction that would be taken, and what it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Amendment {
    /// The invoice as it stands.
    pub invoice: Invoice,
    /// The document version that it amends.
    pub amends: u32,
    /// What changes: `lines[0].quantity: ours "2", theirs "3"`; ours is what stands, theirs what is new.
    pub differences: Vec<String>,
    #[serde(skip)]
    arrival: Arrival,
}

impl Console {
    /// Checks a correction without making it: rules, identity, version, state.
    ///
    /// The event names the current document version itself if it names any: `amends` left out means the current one. A UUID
    /// left out means this invoice's.
    ///
    /// # Errors
    /// Everything that [`Console::amend`] would be refused for.
    pub async fn amendment(
        &self,
        key: InvoiceKey,
        json: &[u8],
        by: &Actor,
    ) -> Result<Amendment, ConsoleError> {
        signed(by)?;
        let content = self.ledger.content(key).await?;
        let Some(current) = content else { return Err(ConsoleError::Unknown { text: key.uuid.to_string() }) };
        let mut event = invoice::parse(json).map_err(ConsoleError::Invalid)?;
        match &mut event {
            Published::Invoice(event) => event.uuid.get_or_insert(key.uuid),
            Published::Return(event) => event.uuid.get_or_insert(key.uuid),
        };
        let registration = self.registrations.of(key.environment, &current.invoice.source);
        let profile = registration.map(|registration| registration.profile.clone()).unwrap_or_default();
        let checked = invoice::check(event, &profile).map_err(ConsoleError::Invalid)?;
        same_identity(&current.invoice, &checked.event)?;
        if let Some(document) = version_of(&current.invoice, &checked) {
            return Err(ConsoleError::NothingNew { document });
        }
        let amends = checked.event.amends().unwrap_or(current.invoice.document);
        let command =
            Command::Receive { content: checked.content, amends: Some(amends), by: Some(by.clone()) };
        let context = Context { now: current.invoice.updated_at, policy: &self.policy };
        if let Err(refusal) = decide(&current.invoice, command, context) {
            return Err(ConsoleError::Refused { invoice: Box::new(current.invoice), refusal });
        }
        let differences = invoice::normal::differences(&current.normal_form, &checked.normal_form);
        let arrival = arrival(key, checked, amends, by.clone());
        Ok(Amendment { invoice: current.invoice, amends, differences, arrival })
    }

    /// Makes a correction: the invoice is a draft again, with one more document version. Gives what changed as well.
    ///
    /// # Errors
    /// [`ConsoleError::Invalid`], [`ConsoleError::IdentityChanged`],
    /// [`ConsoleError::NothingNew`] for the content; otherwise as for [`Console::act`].
    pub async fn amend(
        &self,
        key: InvoiceKey,
        json: &[u8],
        by: &Actor,
    ) -> Result<(Done, Vec<String>), ConsoleError> {
        let amendment = self.amendment(key, json, by).await?;
        let differences = amendment.differences.clone();
        Ok((self.make(amendment).await?, differences))
    }

    /// Makes a correction that was checked; refused when the invoice has moved on since.
    ///
    /// # Errors
    /// As for [`Console::amend`].
    pub async fn make(&self, amendment: Amendment) -> Result<Done, ConsoleError> {
        let Amendment { invoice: seen, arrival, .. } = amendment;
        let content = arrival.content;
        let mut receptions = self.ledger.accept(vec![arrival]).await?;
        let done = match receptions.pop() {
            Some(Reception::Amended(invoice) | Reception::Accepted(invoice)) => invoice,
            Some(Reception::Repeat(invoice)) => {
                let place = invoice.contents.iter().position(|known| *known == content);
                // Somebody else made the very same correction in between.
                return match place {
                    Some(_) if invoice.version != seen.version => Err(self.overtaken(&seen, invoice).await?),
                    place => Err(ConsoleError::NothingNew { document: nth(place.unwrap_or_default()) }),
                };
            }
            Some(Reception::Refused { invoice, .. }) if invoice.version != seen.version => {
                return Err(self.overtaken(&seen, invoice).await?);
            }
            Some(Reception::Refused { invoice, refusal, .. }) => {
                return Err(ConsoleError::Refused { invoice: Box::new(invoice), refusal });
            }
            Some(Reception::NumberTaken { by }) => return Err(ConsoleError::NumberTaken { by }),
            Some(Reception::IdentityChanged { invoice }) => {
                let changed = vec![format!("it is number {} of {}", invoice.number, invoice.source)];
                return Err(ConsoleError::IdentityChanged { changed });
            }
            None => {
                let error = ledger::LedgerError::Corrupt("an arrival without an answer".to_owned());
                return Err(error.into());
            }
        };
        let changed = [(done, None)];
        let hinted = self.hint(&changed).await.first().copied().unwrap_or(Hinted::NotNeeded);
        let [(invoice, _)] = changed;
        Ok(Done { invoice, hinted, held: None })
    }
}

fn same_identity(invoice: &Invoice, event: &Published) -> Result<(), ConsoleError> {
    let source = event.income_source();
    let pairs = [
        ("uuid", invoice.key.uuid.to_string(), event.uuid().to_string()),
        ("number", invoice.number.clone(), event.number().to_owned()),
        ("seller.tax_number", invoice.source.tax_number.clone(), source.tax_number),
        ("seller.income_source", invoice.source.sequence.clone(), source.sequence),
    ];
    let changed: Vec<String> = pairs
        .into_iter()
        .filter(|(_, ours, theirs)| ours != theirs)
        .map(|(path, ours, theirs)| format!("{path} is {ours:?}, not {theirs:?}"))
        .collect();
    if changed.is_empty() { Ok(()) } else { Err(ConsoleError::IdentityChanged { changed }) }
}

/// The document version that has this content already.
fn version_of(invoice: &Invoice, checked: &Checked) -> Option<u32> {
    invoice.contents.iter().position(|known| *known == checked.content).map(nth)
}

fn nth(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1)
}

fn arrival(key: InvoiceKey, checked: Checked, amends: u32, by: Actor) -> Arrival {
    Arrival {
        key,
        source: checked.event.income_source(),
        number: checked.event.number().to_owned(),
        content: checked.content,
        amends: Some(amends),
        by: Some(by),
        summary: Summary::of(&checked),
        original: OriginalName::of(&checked.event),
        normal_form: checked.normal_form,
        traceparent: None,
    }
}
