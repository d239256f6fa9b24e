//! The contract, to read and to browse. Open like the probes: it holds nothing but what the program itself is. The page needs
//! nothing from anywhere else.

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::api::Api;
use super::problem::Problem;

/// The page may load what stands beside it, ask its own origin, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/openapi.json", get(async || text("application/json", document())))
        .route("/docs", get(async || text("text/html; charset=utf-8", include_str!("docs/page.html"))))
        .route(
            "/docs/page.js",
            get(async || text("text/javascript; charset=utf-8", include_str!("docs/page.js"))),
        )
        .route("/docs/page.css", get(async || text("text/css; charset=utf-8", include_str!("docs/page.css"))))
        .method_not_allowed_fallback(only_get)
}

async fn only_get() -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "GET /openapi.json, GET /docs")
}

fn document() -> &'static str {
    static DOCUMENT: OnceLock<String> = OnceLock::new();
    DOCUMENT.get_or_init(|| crate::openapi::openapi().to_string())
}

fn text(content_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}
