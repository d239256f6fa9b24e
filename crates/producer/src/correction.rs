//! A correction in one operation: what was cleared wrongly comes back as a whole, and is issued anew. There is no document that
//! changes a cleared one (guide v1.5), so it is always these two. Both are taken in one commit, or neither.

use invoice::life::State;
use invoice::{Fault, FaultCode, InvoiceKey};
use ledger::{Arrival, LedgerError};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::intake::{Intake, Refused, Taken};

/// What is to be corrected, and how.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// The return's own particulars.
    #[serde(rename = "return")]
    pub returning: Returning,
    /// The invoice that comes back: its UUID, or its number.
    pub original: String,
    /// The event of the corrected invoice, under a UUID and number of its own.
    pub invoice: Value,
}

/// What a return says of itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Returning {
    /// Its number.
    pub number: String,
    /// Why the invoice comes back.
    pub reason: String,
    /// Its date of issue; the corrected invoice's when left out.
    #[serde(default)]
    pub issue_date: Option<String>,
    /// Its UUID; derived from seller, income source and number when left out.
    #[serde(default)]
    pub uuid: Option<Uuid>,
}

/// Both halves, taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Corrected {
    /// The return.
    pub returned: Taken,
    /// The invoice that replaces what came back.
    pub invoice: Taken,
}

/// Which half of a correction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// The return.
    Return,
    /// The corrected invoice.
    Invoice,
}

impl Half {
    /// The member of the correction that it is.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Return => "return",
            Self::Invoice => "invoice",
        }
    }
}

/// Why a correction is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {} of the correction: {refused}; {}", .half.as_str(), if *.other_stands { "the other half stands" } else { "nothing was taken" })]
pub struct CorrectionRefused {
    /// The half that is wrong.
    pub half: Half,
    /// Why.
    pub refused: Refused,
    /// Somebody took a name in the very moment: the other half is durable.
    pub other_stands: bool,
}

impl CorrectionRefused {
    fn whole(half: Half, refused: Refused) -> Self {
        Self { half, refused, other_stands: false }
    }
}

impl Intake {
    /// Reads and checks both halves. Pure: nothing is stored.
    ///
    /// # Errors
    /// Everything that is wrong with the first half that is.
    #[allow(clippy::result_large_err, reason = "refusals are rare, and are values to be shown")]
    pub fn check_correction(
        &self,
        correction: &Correction,
        traceparent: Option<String>,
    ) -> Result<(Arrival, Arrival), CorrectionRefused> {
        let invoice = self
            .check(correction.invoice.to_string().as_bytes(), traceparent.clone())
            .map_err(|refused| CorrectionRefused::whole(Half::Invoice, refused))?;
        let wrong = |half, path: &str, message: String| {
            let fault = Fault::new(FaultCode::InvalidValue, path, message);
            CorrectionRefused::whole(half, Refused::Invalid(vec![fault]))
        };
        if invoice.original.is_some() {
            let message = "a return corrects nothing: give the event of the corrected invoice".to_owned();
            return Err(wrong(Half::Invoice, "kind", message));
        }
        let original = correction.original.trim();
        if invoice.number == original || Uuid::try_parse(original).is_ok_and(|uuid| uuid == invoice.key.uuid)
        {
            let message = format!(
                "{original} is the invoice that comes back: the corrected one needs a UUID and a number of its own"
            );
            return Err(wrong(Half::Invoice, "number", message));
        }
        let returning = self
            .check(event(correction, original).to_string().as_bytes(), traceparent)
            .map_err(|refused| CorrectionRefused::whole(Half::Return, refused))?;
        if returning.key == invoice.key || returning.number == invoice.number {
            let message =
                format!("number and UUID of return and invoice must differ; both are {}", invoice.number);
            return Err(wrong(Half::Return, "number", message));
        }
        Ok((returning, invoice))
    }

    /// Makes both halves durable in one commit, and hints.
    ///
    /// # Errors
    /// [`CorrectionRefused`] when either half has a name that is taken, when nothing can come back of the original, or when a new
    /// return would be given beside an invoice that is known; then neither is taken, unless somebody took a name in the very
    /// moment between looking and committing: the error says so.
    pub async fn correct(
        &self,
        returning: Arrival,
        invoice: Arrival,
    ) -> Result<Corrected, CorrectionRefused> {
        let failed = |error: LedgerError| {
            let refused = match error {
                LedgerError::Refused(reason) | LedgerError::Corrupt(reason) => Refused::Unstorable(reason),
                _ => Refused::Unavailable,
            };
            CorrectionRefused::whole(Half::Return, refused)
        };
        let mut known = Vec::with_capacity(2);
        for (half, arrival) in [(Half::Return, &returning), (Half::Invoice, &invoice)] {
            match self.name(arrival).await.map_err(failed)? {
                Name::Taken(refused) => return Err(CorrectionRefused::whole(half, *refused)),
                name => known.push(matches!(name, Name::Known)),
            }
        }
        // A return that is here is no new one, whatever has become of its original since.
        if let [false, invoice_known] = known[..] {
            if invoice_known {
                let (uuid, number) = (invoice.key.uuid, invoice.number);
                return Err(CorrectionRefused::whole(Half::Invoice, Refused::InvoiceKnown { uuid, number }));
            }
            if let Some(refused) = self.cannot_come_back(&returning).await.map_err(failed)? {
                return Err(CorrectionRefused::whole(Half::Return, refused));
            }
        }
        let traces = [returning.traceparent.clone(), invoice.traceparent.clone()];
        let mut answers = self.take(vec![returning, invoice]).await.map_err(failed)?.into_iter();
        let (Some(returned), Some(invoice)) = (answers.next(), answers.next()) else {
            return Err(failed(LedgerError::Corrupt("an arrival without an answer".to_owned())));
        };
        let taken = [&returned, &invoice].into_iter().zip(traces);
        self.announce(taken.filter_map(|(answer, trace)| Some((answer.as_ref().ok()?, trace)))).await;
        match (returned, invoice) {
            (Ok(returned), Ok(invoice)) => Ok(Corrected { returned, invoice }),
            (Err(refused), other) => {
                Err(CorrectionRefused { half: Half::Return, refused, other_stands: other.is_ok() })
            }
            (Ok(_), Err(refused)) => {
                Err(CorrectionRefused { half: Half::Invoice, refused, other_stands: true })
            }
        }
    }

    /// Why nothing comes back of what this whole return names; none when it can.
    async fn cannot_come_back(&self, returning: &Arrival) -> Result<Option<Refused>, LedgerError> {
        let Some(name) = &returning.original else { return Ok(None) };
        let environment = returning.key.environment;
        // Narrower than the ledger, which takes a UUID from any of the seller's income sources: the return goes out under the
        // income source of the corrected invoice, and a sale is taken back where it was made.
        let keys = match (name.as_uuid(), &name.number) {
            (Some(uuid), _) => vec![InvoiceKey { environment, uuid }],
            (None, Some(number)) => self.ledger.find(number).await?,
            (None, None) => Vec::new(),
        };
        let originals = self.ledger.load(&keys).await?.invoices.into_iter().flatten();
        let mut originals = originals.filter(|original| {
            original.key.environment == environment
                && match name.as_uuid() {
                    Some(_) => original.source == returning.source,
                    None => {
                        original.source == returning.source && Some(&original.number) == name.number.as_ref()
                    }
                }
        });
        let Some(original) = originals.next() else {
            let (original, source_name) = (name.shown(), returning.source.to_string());
            return Ok(Some(Refused::OriginalUnknown { original, source_name, environment }));
        };
        let (uuid, number, state) = (original.key.uuid, original.number, original.state);
        if state != State::Cleared {
            return Ok(Some(Refused::OriginalNotCleared { uuid, number, state }));
        }
        let content = self.ledger.content(original.key).await?;
        let is_return = content.is_some_and(|content| is_return(&content.normal_form));
        let fault = || {
            let message =
                format!("{number} is a return, which does not come back: name the invoice that was wrong");
            Fault::new(FaultCode::OriginalNotAllowed, "original", message)
        };
        Ok(is_return.then(|| Refused::Invalid(vec![fault()])))
    }

    /// Whether this arrival's names are free, its own already, or somebody else's.
    async fn name(&self, arrival: &Arrival) -> Result<Name, LedgerError> {
        if let Some(known) = self.ledger.content(arrival.key).await? {
            let invoice = known.invoice;
            if invoice.source.tax_number != arrival.source.tax_number {
                return Ok(Name::Taken(Box::new(Refused::UuidTaken { uuid: invoice.key.uuid })));
            }
            let repeat = invoice.contents.contains(&arrival.content);
            if repeat {
                return Ok(Name::Known);
            }
            return Ok(Name::Taken(Box::new(Refused::Conflict {
                uuid: invoice.key.uuid,
                state: invoice.state,
                document: invoice.document,
                reason: format!("UUID {} has other content already", invoice.key.uuid),
                differences: invoice::normal::differences(&known.normal_form, &arrival.normal_form),
            })));
        }
        let mut keys: Vec<InvoiceKey> = self.ledger.find(&arrival.number).await?;
        keys.retain(|key| key.environment == arrival.key.environment);
        let owners = self.ledger.load(&keys).await?.invoices.into_iter().flatten();
        let owner =
            owners.into_iter().find(|owner| owner.number == arrival.number && owner.source == arrival.source);
        Ok(owner
            .map_or(Name::Free, |owner| Name::Taken(Box::new(Refused::NumberTaken { by: owner.key.uuid }))))
    }
}

fn is_return(normal_form: &str) -> bool {
    let event: Option<Value> = serde_json::from_str(normal_form).ok();
    event.is_some_and(|event| event.get("kind").and_then(Value::as_str) == Some("return"))
}

/// What is known of an arrival's UUID and number.
enum Name {
    Free,
    /// It is a repeat.
    Known,
    Taken(Box<Refused>),
}

/// The event of the return: the whole original, by the seller of the corrected invoice.
fn event(correction: &Correction, original: &str) -> Value {
    let Returning { number, reason, issue_date, uuid } = &correction.returning;
    let name = if Uuid::try_parse(original).is_ok() { "uuid" } else { "number" };
    let of_invoice = |member: &str| correction.invoice.get(member).cloned().unwrap_or_default();
    let mut event = json!({
        "schema_version": 1,
        "kind": "return",
        "number": number,
        "issue_date": issue_date.as_ref().map_or_else(|| of_invoice("issue_date"), |date| json!(date)),
        "seller": of_invoice("seller"),
        "original": { name: original, "reason": reason },
    });
    if let (Some(uuid), Some(members)) = (uuid, event.as_object_mut()) {
        members.insert("uuid".to_owned(), json!(uuid));
    }
    event
}

#[cfg(test)]
mod tests;
