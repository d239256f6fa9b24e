//! A correction in one operation: what was cleared wrongly comes back as a whole, and is issued anew. There is no document that
//! changes a cleared one (guide v1.5), so it is always these two. Both are taken in one commit, or neither.

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
    /// [`CorrectionRefused`] when either half has a name that is taken; then neither is taken, unless somebody took the name in
    /// the very moment between looking and committing: the error says so.
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
        for (half, arrival) in [(Half::Return, &returning), (Half::Invoice, &invoice)] {
            if let Some(refused) = self.taken_name(arrival).await.map_err(failed)? {
                return Err(CorrectionRefused::whole(half, refused));
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

    /// Whose name this arrival would have, if it is somebody else's. A repeat has its own.
    async fn taken_name(&self, arrival: &Arrival) -> Result<Option<Refused>, LedgerError> {
        if let Some(known) = self.ledger.content(arrival.key).await? {
            let invoice = known.invoice;
            let repeat = invoice.contents.contains(&arrival.content);
            return Ok((!repeat).then(|| Refused::Conflict {
                uuid: invoice.key.uuid,
                state: invoice.state,
                document: invoice.document,
                reason: format!("UUID {} has other content already", invoice.key.uuid),
                differences: invoice::normal::differences(&known.normal_form, &arrival.normal_form),
            }));
        }
        let mut keys: Vec<InvoiceKey> = self.ledger.find(&arrival.number).await?;
        keys.retain(|key| key.environment == arrival.key.environment);
        let owners = self.ledger.load(&keys).await?.invoices.into_iter().flatten();
        let owner =
            owners.into_iter().find(|owner| owner.number == arrival.number && owner.source == arrival.source);
        Ok(owner.map(|owner| Refused::NumberTaken { by: owner.key.uuid }))
    }
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
