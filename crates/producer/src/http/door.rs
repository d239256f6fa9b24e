//! Who comes in, and for whom they may speak: by a key of the ledger, with its scope, by a key of the settings, without one, or
//! on loopback without any key at all (promise 12).

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use invoice::Environment;
use ledger::keys::{ApiKey, Permission};
use ledger::{Arrival, KeyRing, Live};
use telemetry::{KeyHash, bearer, listen};

use super::problem::Problem;
use crate::intake::Refused;

/// What stands between the listener and the handlers.
pub(crate) struct Door {
    of_settings: Vec<KeyHash>,
    of_ledger: Live<KeyRing>,
    on_loopback: bool,
}

/// Why somebody does not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TurnedAway {
    /// No key that is valid here.
    NoKey,
    /// A page in a browser, or a name that was made to point here.
    NotLocal(&'static str),
}

impl Door {
    pub(crate) fn new(of_settings: Vec<KeyHash>, of_ledger: Live<KeyRing>, address: SocketAddr) -> Self {
        Self { of_settings, of_ledger, on_loopback: address.ip().is_loopback() }
    }

    /// Whether nobody needs a key. Once one was made in the ledger that is over, even when the last of them is revoked.
    fn is_open(&self) -> bool {
        self.on_loopback && self.of_settings.is_empty() && !self.of_ledger.borrow().guards()
    }

    /// Who it is that presents this key.
    pub(super) fn admit(&self, key: Option<&str>, headers: &HeaderMap) -> Result<Caller, TurnedAway> {
        if self.is_open() {
            return listen::is_local(headers).map(|()| Caller(None)).map_err(TurnedAway::NotLocal);
        }
        let key = key.ok_or(TurnedAway::NoKey)?;
        // Every hash is compared, so that the time says nothing of which one fits.
        if self.of_settings.iter().fold(false, |admitted, hash| admitted | hash.admits(key)) {
            return Ok(Caller(None));
        }
        self.of_ledger.borrow().find(key).map(|found| Caller(Some(found))).ok_or(TurnedAway::NoKey)
    }
}

/// The key of a request, by `Authorization: Bearer`.
pub(super) fn presented(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok().and_then(bearer)
}

impl TurnedAway {
    pub(super) fn problem(self) -> Problem {
        match self {
            Self::NoKey => Problem::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "send a key that is valid here as \"Authorization: Bearer KEY\"; it may have been revoked or have expired",
            ),
            Self::NotLocal(reason) => Problem::new(StatusCode::FORBIDDEN, "not_local", reason),
        }
    }
}

/// Who asks; without a key of the ledger they may do everything for everybody.
#[derive(Debug, Clone, Default)]
pub(crate) struct Caller(Option<Arc<ApiKey>>);

impl Caller {
    /// Whether their key is for this at all.
    pub(super) fn may(&self, permission: Permission) -> bool {
        self.0.as_ref().is_none_or(|key| key.may.contains(&permission))
    }

    /// Whether documents of this taxpayer in this environment are theirs to see.
    pub(super) fn covers(&self, environment: Environment, tax_number: &str) -> bool {
        self.0.as_ref().is_none_or(|key| key.scope.covers(environment, tax_number))
    }

    /// What was checked, if it is theirs to publish. Of an income source that is not, they do not even hear whether it is
    /// registered here.
    #[allow(clippy::result_large_err, reason = "as in Intake::check")]
    pub(crate) fn judge(&self, checked: Result<Arrival, Refused>) -> Result<Arrival, Refused> {
        let Some(key) = &self.0 else { return checked };
        let outside = match &checked {
            Ok(arrival) => (!key.scope.covers(arrival.key.environment, &arrival.source.tax_number))
                .then(|| arrival.source.to_string()),
            Err(refused) => self.outside(refused),
        };
        match outside {
            Some(source_name) => Err(Refused::OutOfScope { source_name }),
            None => checked,
        }
    }

    /// The income source that a refusal tells of, when it is none of theirs.
    pub(super) fn outside(&self, refused: &Refused) -> Option<String> {
        let key = self.0.as_ref()?;
        let (Refused::UnknownSource { source_name, .. }
        | Refused::InactiveSource { source_name, .. }
        | Refused::WrongFamily { source_name, .. }) = refused
        else {
            return None;
        };
        let tax_number =
            source_name.split_once(':').map_or(source_name.as_str(), |(tax_number, _)| tax_number);
        (!key.scope.covers_taxpayer(tax_number)).then(|| source_name.clone())
    }
}

/// Lets only keys through that are for this.
pub(super) async fn need(State(permission): State<Permission>, request: Request, next: Next) -> Response {
    let may = request.extensions().get::<Caller>().is_some_and(|caller| caller.may(permission));
    if may { next.run(request).await } else { lacking(permission).into_response() }
}

pub(super) fn lacking(permission: Permission) -> Problem {
    let detail = format!(
        "this key is not for \"{0}\": ask for one that is (fawtara keys create --may {0})",
        permission.as_str()
    );
    Problem::new(StatusCode::FORBIDDEN, "forbidden", detail)
}
