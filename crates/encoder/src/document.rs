//! From a draft's normal form to the bytes that every attempt will send.

use std::collections::BTreeMap;

use invoice::IncomeSource;
use ledger::{Draft, Encode, Unfit};

/// Writes Jordan-profile UBL; the ledger calls it while it holds the counters.
#[derive(Debug, Default)]
pub struct DocumentEncoder {
    /// Where counters start, for income sources that do not start at 1.
    icv_starts: BTreeMap<IncomeSource, u64>,
}

impl DocumentEncoder {
    /// An encoder with these counter starts.
    #[must_use]
    pub fn new(icv_starts: BTreeMap<IncomeSource, u64>) -> Self {
        Self { icv_starts }
    }
}

impl Encode for DocumentEncoder {
    fn icv_start(&self, source: &IncomeSource) -> u64 {
        self.icv_starts.get(source).copied().unwrap_or(1)
    }

    fn encode(&self, draft: &Draft, icv: u64) -> Result<Vec<u8>, Unfit> {
        let unfit = |message: String| Unfit { message };
        // Read as anything from outside is: what was fit when it was accepted must be fit by the rules of today.
        let checked = invoice::read(draft.normal_form.as_bytes())
            .map_err(|faults| unfit(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
        ubl::supports(&checked.event).map_err(|unsupported| unfit(unsupported.to_string()))?;
        let mut bytes = Vec::with_capacity(4096 + 1024 * checked.event.lines.len());
        ubl::write(&checked.event, &checked.totals, icv, &mut bytes)
            .map_err(|error| unfit(error.to_string()))?;
        Ok(bytes)
    }
}
