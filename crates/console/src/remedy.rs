//! Why an invoice stands where it stands, and what to do about it, in plain words. Decides nothing. What the authority's
//! own words mean is the catalogue's to say, wherever it knows them.

use invoice::life::{Cause, Evidence, Invoice, State, WaitReason, Waiting};
use jofotara::catalogue::{Explanation, explain};
use serde::Serialize;

use crate::text::{clean, time};

/// What a person needs to know first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// Why it stands there.
    pub why: String,
    /// What to do.
    pub what_to_do: String,
    /// What the authority's words mean, in English and Arabic; the known ones first.
    pub explanations: Vec<Explanation>,
}

impl Advice {
    fn new(why: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self { why: why.into(), what_to_do: what_to_do.into(), explanations: Vec::new() }
    }
}

/// Why the invoice stands where it stands, and what to do, as far as the invoice alone tells.
#[must_use]
pub fn advise(invoice: &Invoice) -> Advice {
    advise_heard(invoice, None)
}

/// The same with what was heard at its latest attempt, which tells the authority's codes.
#[must_use]
pub fn advise_heard(invoice: &Invoice, heard: Option<&Evidence>) -> Advice {
    let message = clean(invoice.message.as_deref().unwrap_or("no message"));
    let mut advice = match (invoice.state, invoice.cause) {
        (State::Draft, _) => draft(invoice),
        (State::Submitted, _) => {
            let until = invoice.lease_until.map(time).unwrap_or_default();
            let why =
                format!("Attempt {} is being sent; it holds the invoice until {until}.", invoice.attempt);
            Advice::new(why, "Wait for the answer.")
        }
        (State::PendingRetry, _) => pending(invoice, &message),
        (State::Rejected | State::DeadLettered, Some(cause)) => {
            Advice::new(format!("{}: {message}", said(cause)), of_cause(cause))
        }
        (State::Rejected | State::DeadLettered, None) => {
            Advice::new(message, "Amend, requeue or abandon it.")
        }
        (State::Abandoned, _) => Advice::new(
            format!("A person gave it up: {message}"),
            "Nothing. If the sale was real, publish it anew under a new UUID and number.",
        ),
        (State::Cleared, _) => cleared(invoice),
    };
    advice.explanations = explanations(invoice, heard);
    let remedies: Vec<&str> =
        advice.explanations.iter().filter(|it| it.is_known()).map(|it| it.remedy.en).collect();
    if invoice.state.waits_for_person() && !remedies.is_empty() {
        advice.what_to_do = remedies.join(" ");
    }
    let adoptable = invoice.cause == Some(Cause::AuthorityHoldsOther);
    if invoice.state.waits_for_person() && invoice.may_be_held() && !adoptable {
        advice.what_to_do = held(invoice);
    }
    advice
}

/// What the authority's last words mean, where its words are why the invoice stands there.
fn explanations(invoice: &Invoice, heard: Option<&Evidence>) -> Vec<Explanation> {
    let spoken = match (invoice.state, invoice.cause) {
        (State::Rejected | State::DeadLettered, cause) => {
            matches!(cause, Some(Cause::Refused | Cause::Suspect | Cause::Contradiction))
        }
        (State::PendingRetry, _) => true,
        _ => false,
    };
    if !spoken {
        return Vec::new();
    }
    let found = match heard {
        Some(Evidence { http_status, codes, message, .. }) => explain(*http_status, codes, message),
        None => explain(None, &[], invoice.message.as_deref().unwrap_or_default()),
    };
    let all = found.into_iter().map(Explanation::from);
    // What waits by itself needs no word for what is not known.
    all.filter(|it| it.is_known() || invoice.state != State::PendingRetry).collect()
}

/// Where the original of a waiting return stands.
pub(crate) fn stands(reason: WaitReason) -> &'static str {
    match reason {
        WaitReason::Unknown => "nobody knows yet",
        WaitReason::Open => "is on its way",
        WaitReason::Rejected => "is rejected",
        WaitReason::DeadLettered => "is dead-lettered",
    }
}

fn waiting(waiting: &Waiting) -> Advice {
    let Waiting { original, reason, since } = waiting;
    let what = match reason {
        WaitReason::Unknown => {
            "Nothing, if the original is still to come. Otherwise amend the return: name the original's UUID or number as it was \
             published, or give original.lines if it is from before this system's time."
        }
        WaitReason::Open => "Nothing: it goes on the moment its original clears.",
        WaitReason::Rejected | WaitReason::DeadLettered => {
            "Mend the original: the return goes on the moment that clears, and is rejected if it is abandoned."
        }
    };
    let why = format!(
        "It waits since {} for its original, invoice {original}, which {}.",
        time(*since),
        stands(*reason)
    );
    Advice::new(why, what)
}

fn draft(invoice: &Invoice) -> Advice {
    if let Some(wait) = &invoice.waiting {
        return waiting(wait);
    }
    match (invoice.xml, invoice.icv) {
        (Some(_), Some(icv)) => Advice::new(
            format!("It is encoded, with counter {icv}, and waits to be sent."),
            "Nothing. If it stays so, see whether a submitter runs and whether the authority is reachable.",
        ),
        _ => Advice::new(
            "It is accepted and waits to be encoded.",
            "Nothing. If it stays so, see whether an encoder runs.",
        ),
    }
}

fn pending(invoice: &Invoice, message: &str) -> Advice {
    let due = invoice.due_at.map(time).unwrap_or_default();
    if let Some(attempt) = invoice.in_doubt {
        let since = invoice.doubt_since.map(time).unwrap_or_default();
        return Advice::new(
            format!(
                "In doubt since {since}: no answer to attempt {attempt} was heard, so the authority may have it. Last: {message}"
            ),
            format!(
                "Wait: the same bytes go out again at {due}, and the answer to them settles it. Until then nothing may change."
            ),
        );
    }
    if invoice.qr_outstanding {
        return Advice::new(
            format!("The authority has accepted it, but gave no QR yet. Last: {message}"),
            format!("Wait: the QR is asked for again at {due}, for as long as that takes."),
        );
    }
    Advice::new(
        format!("It is to be sent again at {due}. Last: {message}"),
        "Nothing. If many wait so, see whether the authority is down or a credential is refused.",
    )
}

fn cleared(invoice: &Invoice) -> Advice {
    match invoice.cleared_document {
        Some(document) if document != invoice.document => Advice::new(
            format!(
                "The authority cleared document version {document}; the current one is {}.",
                invoice.document
            ),
            "Give the buyer the version that was cleared. What the amendment was to correct needs a return and a new invoice.",
        ),
        _ => Advice::new("The authority has cleared it; the QR is kept.", "Nothing."),
    }
}

/// For what may lie with the authority only one way is open.
fn held(invoice: &Invoice) -> String {
    match invoice.in_doubt {
        Some(attempt) => format!(
            "Requeue it with the same bytes. Attempt {attempt} is in doubt: the authority may have the document, so it \
             cannot be amended, encoded anew or abandoned before the same bytes have been answered."
        ),
        None => "Requeue it with the same bytes, and ask the authority if that goes on: it accepted the document once, so \
                 it cannot be amended, encoded anew or abandoned."
            .to_owned(),
    }
}

fn said(cause: Cause) -> &'static str {
    match cause {
        Cause::Unfit => "It cannot become a document",
        Cause::Refused => "The authority refused it",
        Cause::Suspect => "The authority failed on it again and again",
        Cause::KillsWorker => "It was given up for the safety of the others",
        Cause::AuthorityHoldsOther => "The authority holds another document under this UUID",
        Cause::Contradiction => "The authority contradicts itself",
        Cause::OriginalUnknown => "Its original never came",
    }
}

/// What to do about all that stand for this cause.
#[must_use]
pub(crate) fn of_cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Unfit => "Amend it: correct what the message names. It has not been sent.",
        Cause::Refused => {
            "Amend it: correct what the authority's message names. If the fault lay outside the document (registration, \
             income source, credentials), mend that and requeue it with the same bytes."
        }
        Cause::Suspect => {
            "Check tax number, income source and rates, and amend it; if they are right, requeue it with the same bytes \
             once the authority is well."
        }
        Cause::KillsWorker => {
            "Show it to whoever runs the submitters: processes died while they held it. When that is mended, requeue it \
             with the same bytes."
        }
        Cause::AuthorityHoldsOther => {
            "Compare what the authority holds with ours. Adopt it if it is this sale; if it is this sale with other \
             figures, adopt it, return it and issue anew. Amending does not help: the UUID is taken."
        }
        Cause::OriginalUnknown => {
            "See whether the original was published, and under which number and UUID. Correct the return's original by amending \
             it; or publish the original and requeue the return; if the original is from before this system's time, amend the \
             return with original.lines."
        }
        Cause::Contradiction => {
            "Requeue it with the same bytes; if the authority refuses again, ask the authority: it accepted them once."
        }
    }
}

/// What to do about refused intake with this code.
#[must_use]
pub(crate) fn of_intake(code: &str) -> &'static str {
    match code {
        "malformed" => "The publisher must send an event as the schema says; then resolve this record.",
        "invalid" | "too_large" => {
            "Have the event corrected as the faults say and published again; then resolve this record."
        }
        "conflict" => {
            "Its UUID has other content: amend that invoice if it may be amended, or have a new UUID and number given; then resolve this record."
        }
        "number_taken" => {
            "Its number belongs to another UUID: have it published with that UUID or a new number; then resolve this record."
        }
        "inactive_income_source" => {
            "Activate the income source (`fawtara taxpayers activate`) or have the event published under the one in use; then resolve this record."
        }
        "unknown_income_source" | "wrong_family" => {
            "Configure the income source, or have the event corrected; have it published again; then resolve this record."
        }
        _ => "Have the event corrected and published again; then resolve this record.",
    }
}
