//! `POST /v1/corrections`: a return and the invoice that replaces what comes back, in one request. What they mean is
//! `correction`'s business.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use ledger::Arrival;
use serde_json::json;

use super::api::{Api, body, receipt, traceparent};
use super::problem::Problem;
use crate::caller::Caller;
use crate::correction::{Correction, CorrectionRefused, Half};
use crate::envelope::WORDS;
use crate::intake::{Refused, count};

/// 202 with both receipts, 200 when both were known before; a problem that names the half otherwise.
pub(super) async fn publish(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let body = match body(request).await {
        Ok(body) => body,
        Err(problem) => return problem.into_response(),
    };
    let correction: Correction = match serde_json::from_slice(&body) {
        Ok(correction) => correction,
        Err(error) => {
            // It repeats the names of members.
            let error = invoice::excerpt(&error.to_string(), WORDS);
            let detail = format!(
                "{error}: send {{\"return\": {{\"number\", \"reason\"}}, \"original\": UUID or number, \"invoice\": event}}; \
                 nothing was taken"
            );
            return Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "malformed", detail).into_response();
        }
    };
    let checked = api.intake.check_correction(&correction, traceparent(&headers));
    let corrected = match judged(&caller, checked) {
        Ok((returning, invoice)) => api.intake.correct(returning, invoice).await,
        Err(refused) => Err(refused),
    };
    match corrected {
        Ok(done) => {
            count("http", &Ok(done.returned.clone()));
            count("http", &Ok(done.invoice.clone()));
            let status =
                if done.returned.new || done.invoice.new { StatusCode::ACCEPTED } else { StatusCode::OK };
            let receipts = json!({ "return": receipt(&done.returned), "invoice": receipt(&done.invoice) });
            (status, Json(receipts)).into_response()
        }
        Err(refused) => {
            count("http", &Err(refused.refused.clone()));
            Problem::from(&refused.refused)
                .with("detail", json!(refused.to_string()))
                .with("half", json!(refused.half.as_str()))
                .with("other_half_stands", json!(refused.other_stands))
                .into_response()
        }
    }
}

/// Both halves, if they are the caller's to publish.
#[allow(clippy::result_large_err, reason = "refusals are rare, and are values to be shown")]
fn judged(
    caller: &Caller,
    checked: Result<(Arrival, Arrival), CorrectionRefused>,
) -> Result<(Arrival, Arrival), CorrectionRefused> {
    let of = |half, refused| CorrectionRefused { half, refused, other_stands: false };
    let (returning, invoice) = match checked {
        Ok(halves) => halves,
        Err(CorrectionRefused { half, refused, .. }) => {
            return match caller.judge(Err(refused)) {
                Err(refused) => Err(of(half, refused)),
                Ok(_) => Err(of(half, Refused::Unavailable)),
            };
        }
    };
    let invoice = caller.judge(Ok(invoice)).map_err(|refused| of(Half::Invoice, refused))?;
    let returning = caller.judge(Ok(returning)).map_err(|refused| of(Half::Return, refused))?;
    Ok((returning, invoice))
}
