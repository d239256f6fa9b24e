//! Documents in the formats of other systems, on their way to becoming arrivals. What the formats say is `formats`' business.

use formats::{Context, Mapped};
use invoice::event::Family;
use invoice::{Fault, FaultCode, IncomeSource};
use ledger::Arrival;

use crate::intake::{Intake, Refused, SEQUENCE, TAX_NUMBER};

impl Intake {
    /// The family that a format does not say. Of a stranger any will do: the refusal names the stranger, not the family.
    pub(crate) fn family(&self, source: &IncomeSource) -> Option<Family> {
        match self.registrations.borrow().for_intake(source) {
            Some(registration) => registration.family,
            None => Some(Family::GeneralSales),
        }
    }

    /// Calls `work` with what mappings must know of this intake.
    pub(crate) fn with_context<T>(
        &self,
        settings: &formats::Settings,
        work: impl FnOnce(&Context<'_>) -> T,
    ) -> T {
        let family = |source: &IncomeSource| self.family(source);
        work(&Context { settings, family: &family })
    }

    /// Checks one document; faults name its own fields.
    ///
    /// # Errors
    /// [`Refused`] with everything that is wrong.
    #[allow(clippy::result_large_err, reason = "as in Intake::check")]
    pub(crate) fn check_mapped(
        &self,
        mapped: Mapped,
        traceparent: Option<String>,
    ) -> Result<Arrival, Refused> {
        let source = mapped.event.income_source();
        // Whose family or readings are not known cannot be told its faults rightly.
        self.environment(&source, mapped.event.family()).map_err(|refused| in_its_terms(refused, &mapped))?;
        let checked = mapped.check(&self.profile(&source)).map_err(Refused::Invalid)?;
        self.arrival(checked, traceparent)
    }
}

/// A stranger is told where the document itself says who it is.
fn in_its_terms(refused: Refused, mapped: &Mapped) -> Refused {
    let place = |ours: &str| {
        let mut faults = mapped.explain(vec![Fault::new(FaultCode::InvalidValue, ours, String::new())]);
        faults.pop().map_or_else(|| ours.to_owned(), |fault| fault.path)
    };
    match refused {
        Refused::UnknownSource { source_name, .. } => {
            Refused::UnknownSource { source_name, tax_number: place(TAX_NUMBER), sequence: place(SEQUENCE) }
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
