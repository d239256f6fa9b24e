//! What is needed when the ledger itself was lost in part, and came back older than the queues and the authority: intake that
//! is closed, counters that are advanced, what the authority and the queues know and the ledger does not.

use async_trait::async_trait;
use invoice::life::Actor;
use invoice::{Environment, IncomeSource, InvoiceKey, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use crate::LedgerError;

/// So many unknown invoices are kept at most: whoever can write to the queues must not be able to fill the ledger.
pub const UNKNOWN_MAX: u32 = 1_000_000;

/// One turn of the switch that closes intake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct IntakeSwitch {
    /// Whether it was closed; otherwise it was opened.
    pub closed: bool,
    /// When.
    pub at: Timestamp,
    /// Who, and why.
    pub by: Actor,
}

/// Counters that no invoice draws here, both ends included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VoidRange {
    /// The first of them.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// Since when.
    pub at: Timestamp,
    /// Who skipped them, and why.
    pub by: Actor,
}

impl VoidRange {
    /// Whether this number is one of them.
    #[must_use]
    pub fn contains(&self, icv: u64) -> bool {
        (self.first..=self.last).contains(&icv)
    }
}

/// A counter to be advanced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advance {
    /// Whose counter: where its documents go.
    pub environment: Environment,
    /// Whose counter.
    pub source: IncomeSource,
    /// Where it starts when it has never been drawn from.
    pub start: u64,
    /// How many numbers are skipped, at least 1.
    pub margin: u64,
    /// Advance it even if nothing has been drawn since it was advanced last.
    pub again: bool,
    /// Who, and why.
    pub by: Actor,
}

/// What became of an [`Advance`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Advanced {
    /// These numbers are void now.
    Done(VoidRange),
    /// Nothing has been drawn since these were skipped: done before.
    Already(VoidRange),
}

/// What is known of a counter under which the authority holds an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldNoted {
    /// It is one of those that were skipped.
    pub is_void: bool,
    /// It had not been reached here yet: the counter has been moved past it, and these are void now.
    pub advanced: Option<VoidRange>,
    /// Another invoice has drawn the same number here.
    pub clash: Option<Uuid>,
}

/// The counter of one income source, and what has been skipped of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CounterStanding {
    /// Where its documents go.
    pub environment: Environment,
    /// Whose counter.
    pub source: IncomeSource,
    /// The number that is drawn next.
    pub next_icv: u64,
    /// What was skipped, in order.
    pub voids: Vec<VoidRange>,
    /// How many invoices the authority holds under another counter than they have here.
    pub held: u64,
    /// The highest counter of those.
    pub highest_held: Option<u64>,
    /// Those of them whose number was not skipped, so that another invoice may have drawn it.
    pub held_outside: u64,
    /// Those of them whose number another invoice has drawn here.
    pub clashes: u64,
}

/// An invoice that hints named and the ledger did not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnknownHint {
    /// Where it goes.
    pub environment: Environment,
    /// Its name.
    pub uuid: Uuid,
    /// The version that its stream had by the latest hint.
    pub version: u32,
    /// When it was first met.
    pub first_seen: Timestamp,
    /// When last.
    pub last_seen: Timestamp,
    /// It has been published again: the ledger knows it by now.
    pub known: bool,
}

/// Recovery. As with the ledger itself, each method is one unit, and may be repeated safely.
#[async_trait]
pub trait Recovery: Send + Sync {
    /// How the intake's switch was turned last; none when it never was (it is open then).
    async fn intake_switch(&self) -> Result<Option<IntakeSwitch>, LedgerError>;

    /// Closes intake, or opens it; false when it stood so before.
    async fn switch_intake(&self, closed: bool, by: Actor) -> Result<bool, LedgerError>;

    /// At most `limit` turns of the switch, the latest first.
    async fn intake_history(&self, limit: u32) -> Result<Vec<IntakeSwitch>, LedgerError>;

    /// Skips numbers of a counter and records them as void.
    async fn advance_counter(&self, advance: Advance) -> Result<Advanced, LedgerError>;

    /// Notes that the authority holds the invoice under `icv`, which is not the number it has here: that one is void, and `icv`
    /// is never drawn.
    async fn note_held(
        &self,
        key: InvoiceKey,
        source: &IncomeSource,
        icv: u64,
        by: &Actor,
    ) -> Result<HeldNoted, LedgerError>;

    /// All counters that were ever drawn from or advanced, by income source.
    async fn counters(&self) -> Result<Vec<CounterStanding>, LedgerError>;

    /// Keeps the names of invoices that hints named and the ledger does not know, with the version that the hint told. Those
    /// beyond [`UNKNOWN_MAX`] are passed over.
    async fn note_unknown(&self, hints: &[(InvoiceKey, u32)]) -> Result<(), LedgerError>;

    /// At most `limit` of them after `after`, in the order of their keys.
    async fn unknown_hints(
        &self,
        after: Option<InvoiceKey>,
        limit: u32,
    ) -> Result<Vec<UnknownHint>, LedgerError>;
}

/// The words that stand with the number of an invoice that the authority holds under another one.
pub(crate) fn held_reason(icv: u64) -> String {
    format!("the authority holds this invoice under counter {icv}")
}

/// Notes those of these hints whose invoices the ledger does not know.
///
/// # Errors
/// The ledger's.
pub async fn note_strangers(
    ledger: &dyn crate::Ledger,
    hints: &[(InvoiceKey, u32)],
) -> Result<(), LedgerError> {
    let keys: Vec<_> = hints.iter().map(|(key, _)| *key).collect();
    let invoices = ledger.load(&keys).await?.invoices;
    let unknown = hints.iter().zip(invoices).filter(|(_, invoice)| invoice.is_none());
    let unknown: Vec<_> = unknown.map(|(hint, _)| *hint).collect();
    ledger.recovery().note_unknown(&unknown).await
}
