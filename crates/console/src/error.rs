//! Why something at the console did not happen, and what the person can do about it.

use invoice::life::{Actor, Invoice, Refusal, State};
use invoice::{Environment, Fault, IncomeSource};
use ledger::LedgerError;
use serde::Serialize;
use uuid::Uuid;

use crate::text::{clean, time};

/// One of several invoices that a name can mean.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// Where it goes.
    pub environment: Environment,
    /// Its name.
    pub uuid: Uuid,
    /// Whose it is.
    pub source: IncomeSource,
    /// The seller's number.
    pub number: String,
    /// Where it stands.
    pub state: State,
}

impl From<Invoice> for Candidate {
    fn from(invoice: Invoice) -> Self {
        Self {
            environment: invoice.key.environment,
            uuid: invoice.key.uuid,
            source: invoice.source,
            number: invoice.number,
            state: invoice.state,
        }
    }
}

/// Why nothing was shown or changed. Unless it is [`ConsoleError::Ledger`], nothing has changed for certain.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConsoleError {
    /// No invoice has this UUID or number.
    #[error("no invoice with the UUID or number {text:?} is known here")]
    Unknown {
        /// What was looked for.
        text: String,
    },
    /// Several have it.
    #[error("{text:?} is not one invoice but {}: {}", .candidates.len(), listed(.candidates))]
    Ambiguous {
        /// What was looked for.
        text: String,
        /// All that it can mean.
        candidates: Vec<Candidate>,
    },
    /// The life cycle does not allow it.
    #[error("{}", .refusal)]
    Refused {
        /// The invoice as it stands.
        invoice: Box<Invoice>,
        /// Why not.
        refusal: Refusal,
    },
    /// Somebody or something else changed the invoice first, and it stands elsewhere now.
    #[error("{}", overtaken(.invoice, .by.as_ref()))]
    Overtaken {
        /// The invoice as it stands now.
        invoice: Box<Invoice>,
        /// The person who was quicker; none when it was the fleet.
        by: Option<Actor>,
    },
    /// The invoice changed again and again in the moment of the decision.
    #[error("the invoice is being changed by others all the time; nothing was done")]
    Contended,
    /// Without name or reason.
    #[error("{0}")]
    Anonymous(Refusal),
    /// The new content breaks rules; all that it breaks.
    #[error("the new content has {} fault(s): {}", .0.len(), first(.0))]
    Invalid(Vec<Fault>),
    /// An amendment keeps UUID, seller, income source and number.
    #[error("an amendment keeps the invoice's identity, but {}", .changed.join("; "))]
    IdentityChanged {
        /// What differs, in words.
        changed: Vec<String>,
    },
    /// The new content is what the invoice has already, or had in an earlier version.
    #[error("the new content equals document version {document} of this invoice: it changes nothing")]
    NothingNew {
        /// Which version has it.
        document: u32,
    },
    /// The number belongs to another UUID.
    #[error("this seller's number belongs to invoice {by}")]
    NumberTaken {
        /// Whose it is.
        by: Uuid,
    },
    /// The invoice cannot move there.
    #[error("it cannot move there: {reason}")]
    CannotMove {
        /// Why not.
        reason: String,
    },
    /// What the authority holds is not our document under another counter.
    #[error("the authority's document differs in more than its counter: {difference}")]
    DiffersElsewhere {
        /// The first difference apart from the counter.
        difference: String,
    },
    /// The authority returned no document that could be compared.
    #[error("the authority's answer held no document, so nothing shows that it differs in the counter alone")]
    NotCompared,
    /// A margin that is none.
    #[error("a margin of {margin} is not between 1 and {}", crate::recover::MARGIN_MAX)]
    Margin {
        /// What was asked for.
        margin: u64,
    },
    /// No counter and no registration has this name.
    #[error("income source {name} is neither registered here, nor has it a counter")]
    UnknownSource {
        /// What was looked for.
        name: IncomeSource,
    },
    /// No open record of refused intake has this id.
    #[error("no open record of refused intake has the id {id}")]
    UnknownIntake {
        /// What was looked for.
        id: Uuid,
    },
    /// The ledger could not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl ConsoleError {
    /// The stable code: for scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown_invoice",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Refused { refusal: Refusal::InDoubt { .. }, .. } => "in_doubt",
            Self::Refused { refusal: Refusal::HeldByAuthority, .. } => "held_by_authority",
            Self::Refused { refusal: Refusal::NoQr, .. } => "no_held_qr",
            Self::Refused { .. } => "refused",
            Self::Overtaken { .. } => "overtaken",
            Self::Contended => "contended",
            Self::Anonymous(_) => "anonymous",
            Self::Invalid(_) => "invalid",
            Self::IdentityChanged { .. } => "identity_changed",
            Self::NothingNew { .. } => "nothing_new",
            Self::NumberTaken { .. } => "number_taken",
            Self::CannotMove { .. } => "cannot_move",
            Self::DiffersElsewhere { .. } => "differs_elsewhere",
            Self::NotCompared => "not_compared",
            Self::Margin { .. } => "margin",
            Self::UnknownSource { .. } => "unknown_income_source",
            Self::UnknownIntake { .. } => "unknown_intake",
            Self::Ledger(_) => "ledger",
        }
    }

    /// What the person can do now.
    #[must_use]
    pub fn what_to_do(&self) -> String {
        match self {
            Self::Unknown { .. } => {
                "Check the UUID or number, and the environment; what was refused at the door is in the list of refused intake.".into()
            }
            Self::Ambiguous { .. } => "Name it by its UUID, and by its environment where that differs.".into(),
            Self::Refused { invoice, refusal } => refused(invoice, refusal),
            Self::Overtaken { .. } => "Look at it again before you do anything more.".into(),
            Self::Contended => "Look at it and try again in a moment.".into(),
            Self::Anonymous(_) => "Say who you are and why you do this: both are kept with the change.".into(),
            Self::Invalid(faults) => faults.iter().map(|fault| clean(&fault.to_string())).collect::<Vec<_>>().join("\n"),
            Self::IdentityChanged { .. } => {
                "Correct the event; if number, seller or income source were wrong, abandon this invoice and publish a new one under a new UUID.".into()
            }
            Self::NothingNew { .. } => "Change what is wrong, or requeue the invoice as it is.".into(),
            Self::NumberTaken { .. } => "Look at that invoice first.".into(),
            Self::CannotMove { .. } => {
                "Name an active income source of the same taxpayer, in the same environment: `fawtara taxpayers list` shows all.".into()
            }
            Self::DiffersElsewhere { .. } | Self::NotCompared => {
                "Compare the two documents (`fawtara show --document sent`, `--document held`) and adopt it by its name if it is this sale.".into()
            }
            Self::Margin { .. } => "Say how many numbers may have been drawn in the time that was lost, and some more.".into(),
            Self::UnknownSource { .. } => "`fawtara recover status` and `fawtara taxpayers list` name all; say TAX-NUMBER:SEQUENCE.".into(),
            Self::UnknownIntake { .. } => "List the refused intake: it may have been resolved by somebody else.".into(),
            Self::Ledger(LedgerError::Unavailable(_)) => {
                "If a change was asked for, it is not known whether it was made: look when the ledger is back; doing it again is safe.".into()
            }
            Self::Ledger(_) => "Show this to whoever runs the ledger.".into(),
        }
    }
}

fn refused(invoice: &Invoice, refusal: &Refusal) -> String {
    match refusal {
        Refusal::InDoubt { attempt } if invoice.state.waits_for_person() => format!(
            "Requeue it with the same bytes: the authority's answer to them settles what became of attempt {attempt}."
        ),
        Refusal::QrOutstanding if invoice.state.waits_for_person() => {
            "Requeue it with the same bytes: the authority has accepted them, and gives the QR for them alone.".into()
        }
        Refusal::InDoubt { .. } | Refusal::QrOutstanding => match invoice.due_at {
            Some(due_at) => format!("Wait: the same bytes go out again at {}.", time(due_at)),
            None => "Wait: the same bytes are on their way again.".into(),
        },
        Refusal::WrongVersion { current, .. } => {
            format!("Somebody amended it before: take document version {current} and make your correction there.")
        }
        Refusal::NoQr => {
            "The authority's answers held no QR. Requeue it with the same bytes: the next answer may hold it.".into()
        }
        Refusal::NothingToAdopt => "Requeue, amend or abandon it instead, as its cause asks for.".into(),
        _ => crate::remedy::advise(invoice).what_to_do,
    }
}

fn overtaken(invoice: &Invoice, by: Option<&Actor>) -> String {
    let who = by.map_or_else(|| "the fleet".to_owned(), |actor| clean(&actor.name));
    format!("{who} was quicker: the invoice is {} now (document version {})", invoice.state, invoice.document)
}

fn first(faults: &[Fault]) -> String {
    faults.first().map(|fault| clean(&fault.to_string())).unwrap_or_default()
}

fn listed(candidates: &[Candidate]) -> String {
    let named = |it: &Candidate| {
        format!(
            "{} in {} (number {} of {}, {})",
            it.uuid,
            it.environment,
            clean(&it.number),
            it.source,
            it.state
        )
    };
    candidates.iter().map(named).collect::<Vec<_>>().join(", ")
}
