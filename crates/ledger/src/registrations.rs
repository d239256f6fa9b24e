//! Which income sources there are, as the roles see them: one value that is replaced as a whole when something changes. Must
//! not know where registrations come from, nor any credentials.

use std::collections::BTreeMap;
use std::sync::Arc;

use invoice::{Environment, IncomeSource, Registration};
use tokio::sync::watch;

/// A value that may be replaced while the roles work; each batch reads it anew.
pub type Live<T> = watch::Receiver<Arc<T>>;

/// A value that nobody replaces.
#[must_use]
pub fn unchanging<T>(value: T) -> Live<T> {
    // The receiver keeps what was sent last when its sender is gone.
    watch::channel(Arc::new(value)).1
}

/// Every income source that is known here, in each of its environments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Registrations {
    all: BTreeMap<IncomeSource, BTreeMap<Environment, Registration>>,
}

impl Registrations {
    /// The registration by which new events of `source` are taken: the active one, since an event does not state its
    /// environment; else one that is not active, so that the refusal can say so.
    #[must_use]
    pub fn for_intake(&self, source: &IncomeSource) -> Option<&Registration> {
        let all = self.all.get(source)?;
        // Were two of them active, the real thing would come first.
        all.values().rev().find(|registration| registration.active).or_else(|| all.values().next_back())
    }

    /// The registration of `source` in one environment.
    #[must_use]
    pub fn of(&self, environment: Environment, source: &IncomeSource) -> Option<&Registration> {
        self.all.get(source)?.get(&environment)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&IncomeSource, &Registration)> {
        self.all.iter().flat_map(|(source, all)| all.values().map(move |registration| (source, registration)))
    }
}

impl FromIterator<(IncomeSource, Registration)> for Registrations {
    /// Of several for the same income source and environment the last one counts.
    fn from_iter<I: IntoIterator<Item = (IncomeSource, Registration)>>(registrations: I) -> Self {
        let mut all: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for (source, registration) in registrations {
            all.entry(source).or_default().insert(registration.environment, registration);
        }
        Self { all }
    }
}

#[cfg(test)]
mod tests {
    use invoice::Profile;

    use super::*;

    fn source() -> IncomeSource {
        IncomeSource { tax_number: "12345678".to_owned(), sequence: "9932895".to_owned() }
    }

    fn registration(environment: Environment, active: bool) -> (IncomeSource, Registration) {
        let registration =
            Registration { environment, family: None, icv_start: 1, profile: Profile::default(), active };
        (source(), registration)
    }

    #[test]
    fn the_active_environment_takes_the_events() {
        let rehearsed =
            [registration(Environment::Simulation, true), registration(Environment::Production, false)];
        let rehearsed: Registrations = rehearsed.into_iter().collect();
        let chosen = rehearsed.for_intake(&source()).map(|chosen| (chosen.environment, chosen.active));
        assert_eq!(chosen, Some((Environment::Simulation, true)));
        let over: Registrations = [registration(Environment::Simulation, false)].into_iter().collect();
        assert!(over.for_intake(&source()).is_some_and(|chosen| !chosen.active), "known, and not active");
        assert!(over.of(Environment::Production, &source()).is_none());
        assert!(Registrations::default().for_intake(&source()).is_none());
    }
}
