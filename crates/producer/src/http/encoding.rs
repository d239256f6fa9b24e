//! Bodies come as they are: what is compressed is refused before a byte of it is read, since nobody knows what it unpacks to.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::Problem;

/// Lets through what is not encoded.
pub(super) async fn plain(request: Request, next: Next) -> Response {
    let encodings = request.headers().get_all(header::CONTENT_ENCODING);
    let is_plain = |value: &HeaderValue| {
        let named = value.to_str().unwrap_or("?").split(',');
        named.map(str::trim).all(|name| name.is_empty() || name.eq_ignore_ascii_case("identity"))
    };
    if encodings.iter().all(is_plain) {
        return next.run(request).await;
    }
    let detail = "compressed bodies are not taken here; nothing was taken: send the body as it is, without Content-Encoding";
    let mut response =
        Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoded_body", detail).into_response();
    response.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    response
}
