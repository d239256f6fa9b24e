//! The one call of the guide (specification 1.1): the pair in two headers, the document as Base64. Must not know what
//! an answer means.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::header::HeaderName;

use super::Call;
use crate::credentials::Endpoint;
use crate::transport::HttpRequest;
use crate::verdict::{Dialect, Mask, Verdict, judge};

pub(super) const CLIENT_ID: HeaderName = HeaderName::from_static("client-id");
pub(super) const SECRET_KEY: HeaderName = HeaderName::from_static("secret-key");

pub(super) async fn submit(call: &Call<'_>) -> Verdict {
    let request = request(call.endpoint, body(call.sent.xml));
    let exchange = call.client.transport.exchange(request).await;
    judge(&exchange, &call.sent, &Mask::new(call.sent.credentials), Dialect::Authority)
}

/// The guide's POST with any body.
pub(crate) fn request(endpoint: &Endpoint, body: Bytes) -> HttpRequest {
    HttpRequest::post(endpoint.environment(), endpoint.url().clone(), body, endpoint.timeout())
        .with(CLIENT_ID, endpoint.client_id_header())
        .with(SECRET_KEY, endpoint.secret_key_header())
}

/// `{"invoice": "<Base64>"}`, in one allocation (specification 1.1).
pub(super) fn body(xml: &[u8]) -> Bytes {
    const HEAD: &str = "{\"invoice\":\"";
    const TAIL: &str = "\"}";
    let encoded = xml.len().div_ceil(3).saturating_mul(4);
    let mut body = String::with_capacity(HEAD.len() + encoded + TAIL.len());
    body.push_str(HEAD);
    STANDARD.encode_string(xml, &mut body);
    body.push_str(TAIL);
    Bytes::from(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_made_in_one_allocation() {
        for length in 0..10 {
            let xml = vec![b'x'; length];
            let expected = format!("{{\"invoice\":\"{}\"}}", STANDARD.encode(&xml));
            assert_eq!(body(&xml), expected);
        }
    }
}
