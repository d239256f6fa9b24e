//! A document sent through Post2Tax, which takes figures and makes a document of its own (guide of the gateway: JSON to
//! `/api/Invoice`, three keys in headers). Must not know how a document is read.

mod amount;
mod document;
mod figures;

use bytes::Bytes;
use invoice::life::{Evidence, Outcome};
use reqwest::header::HeaderName;
use secrecy::ExposeSecret as _;

use super::{Call, direct};
use crate::credentials::Endpoint;
use crate::route::RelayRoad;
use crate::transport::HttpRequest;
use crate::verdict::{Dialect, Mask, Verdict, judge};

const LICENSE_KEY: HeaderName = HeaderName::from_static("license-key");

/// Stands among the codes of what was not sent, so that nobody takes it for the authority's word.
pub(crate) const NOT_SENT: &str = "post2tax-cannot-say";

/// Sends the figures of the document; what the gateway's interface cannot say is refused before anything goes out.
pub(super) async fn submit(call: &Call<'_>, road: &RelayRoad) -> Verdict {
    let mask = Mask::new(call.sent.credentials).and(road.license.expose_secret());
    let body = match document::read(call.sent.xml).and_then(|document| figures::figures(&document)) {
        Ok(body) => Bytes::from(body.to_string()),
        Err(problem) => return unsaid(&problem, &mask),
    };
    let request = request(call.endpoint, road, body);
    let exchange = call.client.transport.exchange(request).await;
    judge(&exchange, &call.sent, &mask, Dialect::Relay)
}

/// The gateway's POST with any body.
pub(super) fn request(endpoint: &Endpoint, road: &RelayRoad, body: Bytes) -> HttpRequest {
    HttpRequest::post(endpoint.environment(), road.url.clone(), body, endpoint.timeout())
        .with(LICENSE_KEY, road.license_key.clone())
        .with(direct::CLIENT_ID, endpoint.client_id_header())
        .with(direct::SECRET_KEY, endpoint.secret_key_header())
}

/// A refusal of our own. It has no HTTP status, by which it is told from one that settles a doubt.
fn unsaid(problem: &str, mask: &Mask) -> Verdict {
    let message = format!(
        "not sent: {problem}; Post2Tax cannot say it: send this income source's documents by the direct route, \
         then requeue this one"
    );
    let evidence =
        Evidence { message: mask.line(&message), codes: vec![NOT_SENT.to_owned()], ..Evidence::default() };
    Verdict::unsent(Outcome::Refused, evidence)
}
