//! What the dispatcher asks for: open invoices whose time has come, in turn over taxpayers.

use invoice::life::{Invoice, State};
use invoice::{Environment, IncomeSource};

/// Which open invoices a sweep is to find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sweep {
    /// Drafts whose bytes are not fixed yet.
    pub unencoded: bool,
    /// Encoded drafts that no attempt has held yet.
    pub unsent: bool,
    /// Those that were held before: pending retries, and leases that ran out. Not all of them have a hint on its way.
    pub under_way: bool,
    /// Of which income sources.
    pub sources: Sources,
}

/// Which income sources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sources {
    /// All.
    All,
    /// These.
    Only(Vec<(Environment, IncomeSource)>),
    /// All but these.
    Except(Vec<(Environment, IncomeSource)>),
}

impl Sources {
    /// Whether this one is among them.
    #[must_use]
    pub fn include(&self, source: &(Environment, IncomeSource)) -> bool {
        match self {
            Self::All => true,
            Self::Only(these) => these.contains(source),
            Self::Except(these) => !these.contains(source),
        }
    }
}

/// What an open invoice waits for, as far as sweeps tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Unencoded,
    Unsent,
    UnderWay,
}

impl Stage {
    /// Of an invoice that is open.
    pub(crate) fn of(invoice: &Invoice) -> Self {
        match invoice.state {
            State::Draft if invoice.xml.is_none() => Self::Unencoded,
            State::Draft => Self::Unsent,
            _ => Self::UnderWay,
        }
    }
}

impl Sweep {
    /// Everything.
    pub const ALL: Self = Self { unencoded: true, unsent: true, under_way: true, sources: Sources::All };
    /// Nothing; a start for naming some.
    pub const NONE: Self = Self { unencoded: false, unsent: false, under_way: false, sources: Sources::All };

    /// What is wanted.
    pub(crate) fn stages(&self) -> Vec<Stage> {
        let flags = [
            (Stage::Unencoded, self.unencoded),
            (Stage::Unsent, self.unsent),
            (Stage::UnderWay, self.under_way),
        ];
        flags.into_iter().filter_map(|(stage, wanted)| wanted.then_some(stage)).collect()
    }
}

/// An invoice that the sweeper found unmoved: to be hinted again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swept {
    /// As it stands.
    pub invoice: Invoice,
    /// W3C trace context of its publisher.
    pub traceparent: Option<String>,
}

/// How many open invoices stand in the ledger alone although their time has come: what queues had no room for, and what was
/// lost on the way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parked {
    /// Drafts whose bytes are not fixed yet.
    pub unencoded: u64,
    /// Encoded drafts that no attempt has held yet.
    pub unsent: u64,
    /// Those that were held before.
    pub under_way: u64,
}
