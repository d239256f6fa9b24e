//! How everything ended, as the intake's answers and the ledger tell it. It must not ask the simulated authority.

use std::collections::BTreeMap;
use std::time::Duration;

use invoice::life::{Invoice, State};
use invoice::{Environment, InvoiceKey};
use ledger::{AttemptRecord, Filter, Ledger, Listed, Summary};
use producer::{Line, Refused};

/// Invoices read from the ledger in one call.
const PAGE: u32 = 500;

/// What the intake said to one event.
pub(super) enum Answer {
    /// A new invoice, or an amendment.
    Taken(InvoiceKey),
    /// Known before; nothing happened.
    Repeat,
    /// Never became an invoice.
    Refused {
        /// The refusal's own code first, then the codes of the faults that led to it.
        codes: Vec<String>,
        /// What is wrong, one line for each fault.
        messages: Vec<String>,
    },
}

impl Answer {
    pub(super) fn of(line: &Line) -> Self {
        match &line.answer {
            Ok(taken) if taken.new => Self::Taken(taken.invoice.key),
            Ok(_) => Self::Repeat,
            Err(refused) => {
                let (mut codes, messages) = faults(refused);
                codes.insert(0, refused.code().to_owned());
                Self::Refused { codes, messages }
            }
        }
    }
}

fn faults(refused: &Refused) -> (Vec<String>, Vec<String>) {
    match refused {
        Refused::Invalid(faults) => (
            faults.iter().map(|fault| fault.code.to_string()).collect(),
            faults.iter().map(|fault| placed(&fault.path, &fault.message)).collect(),
        ),
        Refused::Conflict { reason, differences, .. } => {
            let mut messages = vec![reason.clone()];
            messages.extend(differences.iter().map(|difference| format!("differs: {difference}")));
            (Vec::new(), messages)
        }
        other => (Vec::new(), vec![other.to_string()]),
    }
}

/// A message with its place in the event; the code is shown beside it.
fn placed(path: &str, message: &str) -> String {
    if path.is_empty() { message.to_owned() } else { format!("{path}: {message}") }
}

/// One invoice and its attempts.
pub(super) struct Entry {
    pub(super) invoice: Invoice,
    pub(super) summary: Summary,
    pub(super) attempts: Vec<AttemptRecord>,
}

impl Entry {
    pub(super) fn is_cleared(&self) -> bool {
        self.invoice.state == State::Cleared
    }

    /// It was sent more than once.
    pub(super) fn was_sent_again(&self) -> bool {
        self.attempts.len() > 1
    }

    pub(super) fn sends(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }
}

/// The end of the play.
pub(super) struct Book {
    /// What the intake said, by line.
    pub(super) answers: BTreeMap<u64, Answer>,
    /// The number that each line gives its event, as far as it could be read.
    pub(super) numbers: BTreeMap<u64, String>,
    /// Every invoice.
    pub(super) entries: BTreeMap<InvoiceKey, Entry>,
    /// From the first event published to the last invoice settled.
    pub(super) took: Duration,
}

impl Book {
    /// Reads every invoice from the ledger.
    pub(super) async fn read(
        ledger: &dyn Ledger,
        answers: BTreeMap<u64, Answer>,
        numbers: BTreeMap<u64, String>,
        took: Duration,
    ) -> anyhow::Result<Self> {
        let filter = Filter { environment: Some(Environment::Simulation), ..Filter::default() };
        let mut entries = BTreeMap::new();
        let mut after = None;
        loop {
            let page = ledger.list(&filter, after, PAGE).await?;
            for Listed { invoice, summary, .. } in page.rows {
                let attempts = ledger.attempts(invoice.key).await?;
                entries.insert(invoice.key, Entry { invoice, summary, attempts });
            }
            after = page.next;
            if after.is_none() {
                return Ok(Self { answers, numbers, entries, took });
            }
        }
    }

    /// The invoices in one of these states, by number.
    pub(super) fn standing(&self, states: &[State]) -> Vec<&Entry> {
        self.by_number(|entry| states.contains(&entry.invoice.state))
    }

    /// The invoices of a kind, by number.
    pub(super) fn by_number(&self, wanted: impl Fn(&Entry) -> bool) -> Vec<&Entry> {
        let mut found: Vec<_> = self.entries.values().filter(|entry| wanted(entry)).collect();
        found.sort_by(|one, other| one.invoice.number.cmp(&other.invoice.number));
        found
    }

    /// The refused lines: place, number, codes, messages.
    pub(super) fn refused(&self) -> impl Iterator<Item = (u64, &str, &[String], &[String])> {
        self.answers.iter().filter_map(|(line, answer)| match answer {
            Answer::Refused { codes, messages } => {
                let number = self.numbers.get(line).map_or("?", String::as_str);
                Some((*line, number, codes.as_slice(), messages.as_slice()))
            }
            Answer::Taken(_) | Answer::Repeat => None,
        })
    }

    pub(super) fn repeats(&self) -> usize {
        self.answers.values().filter(|answer| matches!(answer, Answer::Repeat)).count()
    }

    /// How long it took from accepted to cleared, the quickest first.
    pub(super) fn times_to_clear(&self) -> Vec<Duration> {
        let cleared = self.entries.values().filter(|entry| entry.is_cleared());
        let mut times: Vec<_> = cleared
            .filter_map(|entry| (entry.invoice.updated_at - entry.invoice.accepted_at).to_std().ok())
            .collect();
        times.sort_unstable();
        times
    }

    /// The invoices that nothing has settled.
    pub(super) fn open(&self) -> Vec<&Entry> {
        self.by_number(|entry| !entry.invoice.state.is_settled())
    }
}
