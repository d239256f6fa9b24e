//! Who publishes or asks, and for whom they may speak. Knows neither how they came in nor what a message looks like.

use std::sync::Arc;

use invoice::Environment;
use ledger::keys::{ApiKey, Permission};
use ledger::{Arrival, KeyRing};

use crate::intake::Refused;

/// Who asks; without keys of the ledger they may do everything for everybody.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Option<Vec<Arc<ApiKey>>>);

impl Caller {
    /// Somebody who may do everything for everybody.
    pub(crate) fn anybody() -> Self {
        Self(None)
    }

    /// Whoever has these keys: what one of them covers is theirs.
    pub(crate) fn by(keys: Vec<Arc<ApiKey>>) -> Self {
        Self(Some(keys))
    }

    /// Whoever published a message, by the user that the broker vouches for; everybody while no key names one.
    #[allow(clippy::result_large_err, reason = "as in Intake::check")]
    pub(crate) fn of_message(user: Option<&str>, ring: &KeyRing) -> Result<Self, Refused> {
        if !ring.guards_amqp() {
            return Ok(Self::anybody());
        }
        let keys = user.map(|user| ring.of_amqp_user(user)).unwrap_or_default();
        if keys.is_empty() {
            return Err(Refused::UnknownSender { user: user.map(str::to_owned) });
        }
        Ok(Self::by(keys))
    }

    /// Whether their key is for this at all.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.any(|key| key.may.contains(&permission))
    }

    /// Whether documents of this taxpayer in this environment are theirs to see.
    pub(crate) fn covers(&self, environment: Environment, tax_number: &str) -> bool {
        self.any(|key| key.scope.covers(environment, tax_number))
    }

    /// What was checked, if it is theirs to publish. Of an income source that is not, they do not even hear whether it is
    /// registered here.
    #[allow(clippy::result_large_err, reason = "as in Intake::check")]
    pub(crate) fn judge(&self, checked: Result<Arrival, Refused>) -> Result<Arrival, Refused> {
        let outside = match &checked {
            Ok(arrival) => (!self.covers(arrival.key.environment, &arrival.source.tax_number))
                .then(|| arrival.source.to_string()),
            Err(refused) => self.outside(refused),
        };
        match outside {
            Some(source_name) => Err(Refused::OutOfScope { source_name }),
            None => checked,
        }
    }

    /// The income source that a refusal tells of, when it is none of theirs.
    pub(crate) fn outside(&self, refused: &Refused) -> Option<String> {
        let (Refused::UnknownSource { source_name, .. }
        | Refused::InactiveSource { source_name, .. }
        | Refused::WrongFamily { source_name, .. }) = refused
        else {
            return None;
        };
        let tax_number =
            source_name.split_once(':').map_or(source_name.as_str(), |(tax_number, _)| tax_number);
        (!self.any(|key| key.scope.covers_taxpayer(tax_number))).then(|| source_name.clone())
    }

    fn any(&self, holds: impl Fn(&ApiKey) -> bool) -> bool {
        self.0.as_ref().is_none_or(|keys| keys.iter().any(|key| holds(key)))
    }
}
