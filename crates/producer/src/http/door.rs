//! Who comes in over HTTP: by a key of the ledger, with its scope, by a key of the settings, without one, or
//! on loopback without any key at all (promise 12).

use std::net::SocketAddr;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ledger::keys::Permission;
use ledger::{KeyRing, Live};
use telemetry::{KeyHash, bearer, listen};

use super::problem::Problem;
use crate::caller::Caller;

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
            return listen::is_local(headers).map(|()| Caller::anybody()).map_err(TurnedAway::NotLocal);
        }
        let key = key.ok_or(TurnedAway::NoKey)?;
        // Every hash is compared, so that the time says nothing of which one fits.
        if self.of_settings.iter().fold(false, |admitted, hash| admitted | hash.admits(key)) {
            return Ok(Caller::anybody());
        }
        self.of_ledger.borrow().find(key).map(|found| Caller::by(vec![found])).ok_or(TurnedAway::NoKey)
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
