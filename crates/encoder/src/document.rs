//! From a draft's normal form to the bytes that every attempt will send.

use invoice::life::Policies;
use invoice::{Environment, Fault, IncomeSource, Profile, Published, Settled};
use ledger::{Draft, Encode, Encoding, Live, Registrations, Unencoded};

use crate::returning;

/// Writes Jordan-profile UBL; the ledger calls it while it holds the counters.
#[derive(Debug)]
pub struct DocumentEncoder {
    registrations: Live<Registrations>,
    policies: Policies,
}

impl DocumentEncoder {
    /// An encoder for these income sources.
    #[must_use]
    pub fn new(registrations: Live<Registrations>) -> Self {
        Self { registrations, policies: Policies::default() }
    }

    /// With other numbers of the life cycle: how long a return waits for an original that nobody knows.
    #[must_use]
    pub fn with_policies(self, policies: impl Into<Policies>) -> Self {
        Self { policies: policies.into(), ..self }
    }

    fn profile(&self, environment: Environment, source: &IncomeSource) -> Profile {
        let registrations = self.registrations.borrow();
        registrations
            .of(environment, source)
            .map(|registration| registration.profile.clone())
            .unwrap_or_default()
    }
}

impl Encode for DocumentEncoder {
    fn icv_start(&self, environment: Environment, source: &IncomeSource) -> Option<u64> {
        self.registrations.borrow().of(environment, source).map(|registration| registration.icv_start)
    }

    fn encode(&self, draft: &Draft, icv: u64) -> Result<Encoding, Unencoded> {
        // Read as anything from outside is: what was fit when it was accepted must be fit by the rules of today.
        let profile = self.profile(draft.invoice.key.environment, &draft.invoice.source);
        let checked = invoice::read_with(draft.normal_form.as_bytes(), |_| profile.clone())
            .map_err(|faults| unfit(&faults))?;
        match (&checked.event, &checked.document) {
            (Published::Return(event), _) => returning::encode(event, draft, icv, &profile),
            (Published::Invoice(_), Some(settled)) => write(settled, icv, &profile, None).map(Encoding::from),
            (Published::Invoice(_), None) => Err(Unencoded::unfit("it has no amounts")),
        }
    }

    fn policies(&self) -> Policies {
        self.policies.clone()
    }
}

/// All faults as one line.
pub(crate) fn unfit(faults: &[Fault]) -> Unencoded {
    Unencoded::unfit(faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
}

/// The bytes of a document; a return's buyer is the original's block.
pub(crate) fn write(
    settled: &Settled,
    icv: u64,
    profile: &Profile,
    buyer: Option<&str>,
) -> Result<Vec<u8>, Unencoded> {
    let Settled { event, totals } = settled;
    let mut bytes = Vec::with_capacity(4096 + 1024 * event.lines.len());
    let document = ubl::Document { event, totals, icv, profile, buyer };
    ubl::write(&document, &mut bytes).map_err(|error| Unencoded::unfit(error.to_string()))?;
    Ok(bytes)
}
