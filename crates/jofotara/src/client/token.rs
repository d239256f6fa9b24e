//! A document sent, or asked for, with a bearer token. Must not know how tokens are had.

use invoice::life::{Evidence, Outcome};
use reqwest::Url;
use reqwest::header::AUTHORIZATION;
use secrecy::ExposeSecret as _;

use super::tokens::{NoToken, Token};
use super::{Call, direct};
use crate::route::TokenRoad;
use crate::transport::{Exchange, HttpRequest};
use crate::verdict::{Dialect, Mask, Verdict, judge};

/// Sends the document. A token that is turned away is renewed once; a second 401 is the pair's fault.
pub(super) async fn submit(call: &Call<'_>, road: &TokenRoad) -> Verdict {
    let body = direct::body(call.sent.xml);
    let request =
        || HttpRequest::post(call.endpoint.environment(), road.submit.clone(), body.clone(), call.left());
    with_token(call, road, request, Dialect::Authority).await.unwrap_or_else(without)
}

/// Asks what became of the document; nothing is sent.
pub(super) async fn query(call: &Call<'_>, road: &TokenRoad) -> Result<Verdict, NoToken> {
    let url = document_url(&road.status, &call.sent.uuid.to_string());
    let request = || HttpRequest::get(call.endpoint.environment(), url.clone(), call.left());
    with_token(call, road, request, Dialect::Query).await
}

fn document_url(below: &Url, uuid: &str) -> Url {
    let mut url = below.clone();
    // Only addresses that cannot have a path refuse one, and those are not HTTP.
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push(uuid);
    }
    url
}

async fn with_token(
    call: &Call<'_>,
    road: &TokenRoad,
    request: impl Fn() -> HttpRequest,
    dialect: Dialect,
) -> Result<Verdict, NoToken> {
    let tokens = &call.client.tokens;
    let token = tokens.get(call, road).await?;
    let verdict = once(call, &token, &request, dialect).await;
    if verdict.evidence.http_status != Some(401) || verdict.outcome != Outcome::Credentials {
        return Ok(verdict);
    }
    tokens.reject(call, road, &token).await;
    let token = tokens.get(call, road).await?;
    Ok(once(call, &token, &request, dialect).await)
}

async fn once(
    call: &Call<'_>,
    token: &Token,
    request: &impl Fn() -> HttpRequest,
    dialect: Dialect,
) -> Verdict {
    let mask = Mask::new(call.sent.credentials).and(token.secret.expose_secret());
    let exchange = if call.left().is_zero() {
        Exchange::NotSent { reason: "the token came when the time for the call was over".to_owned() }
    } else {
        call.client.transport.exchange(request().with(AUTHORIZATION, token.header.clone())).await
    };
    judge(&exchange, &call.sent, &mask, dialect)
}

/// The verdict on a document that did not go out for want of a token. The status of the token service, which the message
/// tells, is not an answer to the document: whoever asks what went out must not find one.
pub(super) fn without(none: NoToken) -> Verdict {
    Verdict::unsent(none.outcome, Evidence { http_status: None, ..none.evidence })
}
