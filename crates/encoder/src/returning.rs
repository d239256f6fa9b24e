//! From the draft of a return to its bytes: its original completes it, once that is cleared. Knows no counter and no lock.

use invoice::event::Kind;
use invoice::life::{Invoice, WaitReason};
use invoice::returns::{Outside, Returned, complete};
use invoice::rules::Language;
use invoice::{OriginalDocument, Profile, ReturnEvent, Settled, Totals};
use ledger::{Completed, Description, Draft, Encoding, OriginalStanding, Summary, Told, Unencoded};

use crate::document::{unfit, write};

/// What a return is completed by.
struct Basis {
    document: OriginalDocument,
    /// The original's own block, byte for byte; none where only its description is known.
    buyer: Option<String>,
    /// What of it has come back, or is reserved.
    returned: Returned,
    /// What is to be kept of an original that is not ours.
    told: Option<Told>,
}

/// The document of a return, or why there is none (yet).
pub(crate) fn encode(
    event: &ReturnEvent,
    draft: &Draft,
    icv: u64,
    profile: &Profile,
) -> Result<Encoding, Unencoded> {
    let basis = match &draft.original {
        Some(OriginalStanding::Ours { invoice, kind, document, returned }) => {
            let bytes = ready(invoice, *kind)?.and(document.as_deref());
            ours(event, invoice, bytes.map(Vec::as_slice), returned, profile)?
        }
        Some(OriginalStanding::Elsewhere { description, returned }) => {
            elsewhere(event, description.as_ref(), returned, profile)?
        }
        None => return Err(waits_for_unknown(event)),
    };
    let (completed, returned) =
        complete(event, &basis.document, &basis.returned).map_err(|faults| unfit(&faults))?;
    let totals = Totals::of(&completed, profile).map_err(|error| Unencoded::unfit(error.to_string()))?;
    let settled = Settled { event: completed, totals };
    let bytes = write(&settled, icv, profile, basis.buyer.as_deref())?;
    let summary = Summary::of_document(&settled.event, settled.totals.payable.into());
    let completed = Completed { summary, returned, description: basis.told };
    Ok(Encoding { bytes, completed: Some(Box::new(completed)) })
}

/// Whether the original can be returned now.
fn ready(original: &Invoice, kind: Kind) -> Result<Option<()>, Unencoded> {
    let Invoice { number, key, state, .. } = original;
    if kind == Kind::Return {
        let message = format!(
            "its original, number {number}, is a return itself: what was taken back by mistake is sold again by a new invoice"
        );
        return Err(Unencoded::unfit(message));
    }
    match WaitReason::of(*state) {
        Some(reason) => Err(Unencoded::Waits { original: number.clone(), reason }),
        None if original.cleared_document.is_some() => Ok(Some(())),
        None => {
            let message = format!(
                "its original, invoice {number} ({}), was abandoned and never cleared ({}): if it was moved, amend original.uuid to its new one; otherwise there is nothing to \
                 return, and the return is abandoned as well",
                key.uuid,
                original.message.as_deref().unwrap_or("no reason is known")
            );
            Err(Unencoded::unfit(message))
        }
    }
}

/// An original that we cleared: its document counts, whatever the event says of it.
fn ours(
    event: &ReturnEvent,
    original: &Invoice,
    bytes: Option<&[u8]>,
    returned: &Returned,
    profile: &Profile,
) -> Result<Basis, Unencoded> {
    let number = &original.number;
    let Some(bytes) = bytes else {
        let message = format!(
            "the document that the authority holds of its original, invoice {number}, is not known here: a person adopted it by its \
             QR alone; return it on the authority's portal, and abandon this one"
        );
        return Err(Unencoded::unfit(message));
    };
    let unreadable = |reason: String| {
        Unencoded::unfit(format!(
            "the document of its original, invoice {number}, does not say what can come back: {reason}"
        ))
    };
    let reading = ubl::read(bytes).map_err(|error| unreadable(error.to_string()))?;
    let document = reading.original().map_err(|findings| {
        let shown =
            findings.iter().map(|finding| format!("{}: {}", finding.path, finding.what(Language::En)));
        unreadable(shown.collect::<Vec<_>>().join("; "))
    })?;
    if let Some(told) = Outside::told_by(event, profile).map_err(|faults| unfit(&faults))? {
        let differences = told.differences(&document);
        if !differences.is_empty() {
            return Err(unfit(&differences));
        }
    }
    let buyer = Some(reading.buyer().to_owned()).filter(|buyer| !buyer.is_empty());
    Ok(Basis { document, buyer, returned: returned.clone(), told: None })
}

/// An original that is not ours: by the word of the first return of it, or of this one.
fn elsewhere(
    event: &ReturnEvent,
    description: Option<&Description>,
    returned: &Returned,
    profile: &Profile,
) -> Result<Basis, Unencoded> {
    let told = Outside::told_by(event, profile).map_err(|faults| unfit(&faults))?;
    let kept = description
        .map(|description| serde_json::from_str::<Outside>(&description.text))
        .transpose()
        .map_err(|error| {
            Unencoded::unfit(format!("the kept description of its original cannot be read: {error}"))
        })?;
    let fixed = description.is_some_and(|description| description.fixed);
    let (outside, new) = match (told, kept) {
        (Some(told), Some(kept)) if fixed => {
            let differences = told.differences(&kept.document);
            if !differences.is_empty() {
                return Err(unfit(&differences));
            }
            (kept, false)
        }
        (Some(told), _) => (told, true),
        (None, Some(kept)) => (kept, false),
        (None, None) => return Err(waits_for_unknown(event)),
    };
    let told = if new {
        let text = serde_json::to_string(&outside)
            .map_err(|error| Unencoded::unfit(format!("the description of its original: {error}")))?;
        Some(Told {
            number: outside.document.number.clone(),
            income_source: event.seller.income_source.clone(),
            text,
        })
    } else {
        None
    };
    let mut sum = outside.returned;
    for (line, more) in returned {
        let entry = sum.entry(*line).or_default();
        *entry = entry
            .plus(more)
            .ok_or_else(|| Unencoded::unfit("what has come back of its original cannot be counted"))?;
    }
    Ok(Basis { document: outside.document, buyer: None, returned: sum, told })
}

fn waits_for_unknown(event: &ReturnEvent) -> Unencoded {
    let original = event.original.number.clone().or_else(|| event.original.uuid.clone()).unwrap_or_default();
    Unencoded::Waits { original, reason: WaitReason::Unknown }
}
