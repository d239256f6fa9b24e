//! Damage to the evidence of a whole run, on request, to see the verdict turn red: an alarm that nobody has heard is none.

use crate::evidence::Evidence;

/// What is done to the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Sabotage {
    /// An invoice disappears from the ledger.
    Lost,
    /// The authority's record names a clearance a second time.
    Twice,
    /// An invoice is left open.
    Stuck,
    /// A counter is left out.
    Gap,
}

impl Sabotage {
    /// Does it, as far as there is anything to damage.
    pub fn commit(self, evidence: &mut Evidence) {
        let middle = evidence.ledger.len() / 2;
        match self {
            Self::Lost if !evidence.ledger.is_empty() => drop(evidence.ledger.remove(middle)),
            Self::Lost => {}
            Self::Twice => evidence.authority.extend(evidence.authority.first().cloned()),
            Self::Stuck => {
                if let Some(row) = evidence.ledger.get_mut(middle) {
                    row.state = invoice::life::State::Submitted;
                }
            }
            Self::Gap => {
                // Counters from the middle on are one higher: as if somebody had drawn one and sent nothing.
                let source = evidence.ledger.get(middle).map(|row| (row.source.clone(), row.icv));
                for row in &mut evidence.ledger {
                    if source.as_ref().is_some_and(|(source, from)| row.source == *source && row.icv >= *from)
                    {
                        row.icv = row.icv.map(|icv| icv + 1);
                    }
                }
            }
        }
    }
}
