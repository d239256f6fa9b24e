//! Tokens of the client-credentials grant: fetched once for however many workers need one, kept until shortly before
//! they end. Knows nothing of documents.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use invoice::life::{Evidence, Outcome};
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::Call;
use crate::catalogue;
use crate::credentials::sensitive;
use crate::form::form;
use crate::route::TokenRoad;
use crate::transport::{Exchange, HttpRequest};
use crate::verdict::Mask;

/// A token is renewed this long before it ends, or after four fifths of its life when that is sooner: longer than the
/// way of a document takes, so that none arrives with a token that has just ended.
const MARGIN: Duration = Duration::from_secs(60);
/// The life of a token whose answer names none (RFC 6749 leaves it out at will); a refusal renews it sooner.
const UNSAID_LIFE_S: u64 = 300;
/// No token is believed to live longer.
const LONGEST_LIFE_S: u64 = 24 * 3_600;
/// The longest token that fits a header everywhere.
const LONGEST_TOKEN: usize = 8 * 1024;
/// The most pairs whose tokens are kept; beyond it all are fetched anew.
const MOST_SLOTS: usize = 10_000;

/// A token as it is sent.
#[derive(Clone)]
pub(super) struct Token {
    /// `Bearer …`, marked as sensitive.
    pub(super) header: HeaderValue,
    /// To be masked.
    pub(super) secret: SecretString,
    /// Which one it is, to tell it from the one that took its place.
    serial: u64,
}

/// Why there is no token. Nothing of a document went out.
#[derive(Clone)]
pub(super) struct NoToken {
    pub(super) outcome: Outcome,
    pub(super) evidence: Evidence,
}

/// All tokens of a client.
#[derive(Default)]
pub(super) struct Tokens {
    slots: Mutex<BTreeMap<Key, Arc<Slot>>>,
}

/// Where tokens are had, and as whom.
type Key = (String, String);

#[derive(Default)]
struct Slot {
    /// How many fetches have ended. Whoever waited for one takes its result instead of fetching again.
    ended: AtomicU64,
    state: tokio::sync::Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    token: Option<Fresh>,
    failure: Option<NoToken>,
}

struct Fresh {
    token: Token,
    /// With which secret it was had: another one must not profit from it.
    secret_key: SecretString,
    until: Instant,
}

/// The answer of a token endpoint (RFC 6749, section 5.1). Numbers come as texts from some.
#[derive(Deserialize)]
struct Grant {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
}

/// The refusal of a token endpoint (section 5.2).
#[derive(Deserialize, Default)]
struct Denial {
    #[serde(default)]
    error: Option<serde_json::Value>,
    #[serde(default)]
    error_description: Option<serde_json::Value>,
}

impl Tokens {
    /// A token for this call, fetched if there is none or it is about to end. Of many that ask at once one fetches.
    pub(super) async fn get(&self, call: &Call<'_>, road: &TokenRoad) -> Result<Token, NoToken> {
        let slot = self.slot(call, road);
        let seen = slot.ended.load(Ordering::Acquire);
        let Ok(mut kept) = timeout_at(call.deadline, slot.state.lock()).await else {
            return Err(no_token("no token came in time".to_owned(), None));
        };
        let secret_key = &call.sent.credentials.secret_key;
        if let Some(fresh) = &kept.token
            && fresh.until > Instant::now()
            && fresh.secret_key.expose_secret() == secret_key.expose_secret()
        {
            return Ok(fresh.token.clone());
        }
        let ended = slot.ended.load(Ordering::Acquire);
        if ended != seen
            && let Some(failure) = &kept.failure
        {
            return Err(failure.clone());
        }
        kept.token = None;
        let fetched = fetch(call, road).await;
        // Only now, so that a fetch that was given up half-way counts for nobody.
        slot.ended.store(ended + 1, Ordering::Release);
        match fetched {
            Ok((token, life)) => {
                let token = Token { serial: ended + 1, ..token };
                let until = Instant::now() + life.saturating_sub(MARGIN.min(life / 5));
                kept.token = Some(Fresh { token: token.clone(), secret_key: secret_key.clone(), until });
                kept.failure = None;
                Ok(token)
            }
            Err(failure) => {
                kept.failure = Some(failure.clone());
                Err(failure)
            }
        }
    }

    /// A token was turned away: it is dropped, unless another one took its place already.
    pub(super) async fn reject(&self, call: &Call<'_>, road: &TokenRoad, token: &Token) {
        let slot = self.slot(call, road);
        if let Ok(mut kept) = timeout_at(call.deadline, slot.state.lock()).await
            && kept.token.as_ref().is_some_and(|fresh| fresh.token.serial == token.serial)
        {
            kept.token = None;
        }
    }

    fn slot(&self, call: &Call<'_>, road: &TokenRoad) -> Arc<Slot> {
        let key = (road.token.to_string(), call.sent.credentials.client_id.clone());
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= MOST_SLOTS && !slots.contains_key(&key) {
            slots.clear();
        }
        Arc::clone(slots.entry(key).or_default())
    }
}

async fn fetch(call: &Call<'_>, road: &TokenRoad) -> Result<(Token, Duration), NoToken> {
    let credentials = call.sent.credentials;
    let body = form(&[
        ("grant_type", "client_credentials"),
        ("client_id", &credentials.client_id),
        ("client_secret", credentials.secret_key.expose_secret()),
    ]);
    let url = road.token.clone();
    let request = HttpRequest::form(call.endpoint.environment(), url, Bytes::from(body), call.left());
    let mask = Mask::new(credentials);
    match call.client.transport.exchange(request).await {
        Exchange::NotSent { reason } => {
            Err(no_token(mask.line(&format!("no token: nothing was sent: {reason}")), None))
        }
        // Whether a token was made there is all one: the document did not go out.
        Exchange::Lost { reason } => {
            Err(no_token(mask.line(&format!("no token: no whole answer came: {reason}")), None))
        }
        Exchange::Answered { status: status @ 200..300, body, .. } => grant(&body)
            .map_err(|problem| no_token(format!("no token: HTTP {status}, but {problem}"), Some(status))),
        Exchange::Answered { status, retry_after, body } => Err(denied(status, retry_after, &body, &mask)),
    }
}

/// The token of an answer and its life. What is wrong with it is told without a word of the answer: it may hold a token.
fn grant(body: &[u8]) -> Result<(Token, Duration), &'static str> {
    let grant: Grant =
        serde_json::from_slice(body).map_err(|_| "the answer is no JSON with a text access_token")?;
    if grant.token_type.is_some_and(|kind| !kind.trim().eq_ignore_ascii_case("bearer")) {
        return Err("its token_type is not Bearer");
    }
    let text = grant.access_token.trim();
    if text.is_empty() || text.len() > LONGEST_TOKEN {
        return Err("its access_token is empty or longer than any header");
    }
    let header = sensitive(&format!("Bearer {text}"), "token")
        .map_err(|_| "its access_token holds what no header can carry")?;
    let said = grant.expires_in.map(|value| value.to_string());
    let whole = said.as_deref().and_then(|said| said.trim_matches('"').split('.').next());
    let life = whole.and_then(|digits| digits.trim().parse().ok()).unwrap_or(UNSAID_LIFE_S);
    let token = Token { header, secret: SecretString::from(text), serial: 0 };
    Ok((token, Duration::from_secs(life.min(LONGEST_LIFE_S))))
}

fn denied(status: u16, retry_after: Option<Duration>, body: &[u8], mask: &Mask) -> NoToken {
    let denial: Denial = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: Option<serde_json::Value>| match value {
        Some(serde_json::Value::String(text)) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        _ => None,
    };
    let code = text(denial.error);
    let pair = matches!(status, 401 | 403)
        || (status == 400 && code.as_deref().is_some_and(catalogue::denies_credentials));
    let outcome = if pair { Outcome::Credentials } else { Outcome::NotNow { retry_after } };
    let mut message = format!("no token: HTTP {status}");
    for said in [code.clone(), text(denial.error_description)].into_iter().flatten() {
        message.push_str(": ");
        message.push_str(&said);
    }
    let codes = code.map(|code| mask.line(&code)).into_iter().collect();
    let excerpt = mask.excerpt(body);
    let message = mask.line(&message);
    NoToken {
        outcome,
        evidence: Evidence { http_status: Some(status), duration_ms: 0, codes, message, excerpt },
    }
}

/// None for now, and nobody's fault.
fn no_token(message: String, http_status: Option<u16>) -> NoToken {
    let evidence = Evidence { http_status, message, ..Evidence::default() };
    NoToken { outcome: Outcome::NotNow { retry_after: None }, evidence }
}
