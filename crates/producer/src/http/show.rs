//! `GET /v1/invoices/{uuid}`: where an invoice stands, what was tried, and its QR.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use invoice::Environment;
use invoice::InvoiceKey;
use jofotara::catalogue::{Explanation, explain};
use ledger::LedgerError;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::api::Api;
use super::problem::Problem;
use crate::caller::Caller;

/// A UUID may exist once in each environment.
#[derive(Deserialize)]
pub(crate) struct Which {
    environment: Option<Environment>,
}

pub(crate) async fn show(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
    uuid: Result<Path<String>, PathRejection>,
    which: Result<Query<Which>, QueryRejection>,
) -> Response {
    // An address that cannot be taken apart is answered like any other fault.
    let unfit =
        |detail: String| Problem::new(StatusCode::BAD_REQUEST, "unfit_address", detail).into_response();
    let Path(uuid) = match uuid {
        Ok(uuid) => uuid,
        Err(rejection) => return unfit(rejection.body_text()),
    };
    let Query(which) = match which {
        Ok(which) => which,
        Err(rejection) => return unfit(rejection.body_text()),
    };
    let Ok(uuid) = uuid.parse::<Uuid>() else {
        return Problem::new(StatusCode::BAD_REQUEST, "not_a_uuid", format!("{uuid:?} is not a UUID"))
            .into_response();
    };
    match look_up(&api, &caller, uuid, which.environment).await {
        Ok(response) => response,
        Err(error) => {
            tracing::warn!(%error, "an invoice could not be shown");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the ledger is unavailable")
                .into_response()
        }
    }
}

async fn look_up(
    api: &Api,
    caller: &Caller,
    uuid: Uuid,
    environment: Option<Environment>,
) -> Result<Response, LedgerError> {
    let ledger = &api.intake.ledger;
    let mut keys: Vec<InvoiceKey> = ledger.find(&uuid.to_string()).await?;
    keys.retain(|key| key.uuid == uuid && environment.is_none_or(|wanted| key.environment == wanted));
    let loaded = ledger.load(&keys).await?;
    // What is another's looks as if it were not there.
    let theirs = loaded.invoices.into_iter().flatten();
    let mut theirs: Vec<_> =
        theirs.filter(|invoice| caller.covers(invoice.key.environment, &invoice.source.tax_number)).collect();
    if theirs.len() > 1 {
        let names: Vec<_> = theirs.iter().map(|invoice| invoice.key.environment.as_str()).collect();
        let detail = format!("this UUID is known in {}: add ?environment=", names.join(", "));
        return Ok(Problem::new(StatusCode::CONFLICT, "which_environment", detail).into_response());
    }
    let Some(invoice) = theirs.pop() else {
        let detail = format!("no invoice {uuid} is known here");
        return Ok(Problem::new(StatusCode::NOT_FOUND, "unknown_invoice", detail).into_response());
    };
    let key = invoice.key;
    let attempts = ledger.attempts(key).await?;
    // What the authority's last words mean, unless it took the invoice.
    let heard = attempts.last().map(|attempt| &attempt.evidence).filter(|_| invoice.qr.is_none());
    let explanations: Vec<Explanation> = heard.map_or_else(Vec::new, |heard| {
        let found = explain(heard.http_status, &heard.codes, &heard.message);
        let all = found.into_iter().map(Explanation::from);
        // What goes on by itself needs no word for what is not known.
        all.filter(|it| it.is_known() || invoice.state.waits_for_person()).collect()
    });
    let body = json!({
        "uuid": key.uuid,
        "environment": key.environment,
        "number": invoice.number,
        "seller": { "tax_number": invoice.source.tax_number, "income_source": invoice.source.sequence },
        "state": invoice.state,
        "document": invoice.document,
        "icv": invoice.icv,
        "qr": invoice.qr,
        "in_doubt": invoice.in_doubt.is_some(),
        "cause": invoice.cause,
        "message": invoice.message,
        "explanations": explanations,
        "due_at": invoice.due_at,
        "accepted_at": invoice.accepted_at,
        "updated_at": invoice.updated_at,
        "attempts": attempts,
    });
    Ok((StatusCode::OK, Json(body)).into_response())
}
