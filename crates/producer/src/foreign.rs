//! Documents in the formats of other systems, on their way to becoming arrivals. What the formats say is `formats`' business.

use formats::{Context, Mapped};
use invoice::IncomeSource;
use invoice::event::Family;
use ledger::Arrival;

use crate::intake::{Intake, Refused};

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
        self.environment(&source, mapped.event.family())?;
        let checked = mapped.check(&self.profile(&source)).map_err(Refused::Invalid)?;
        self.arrival(checked, traceparent)
    }
}
