//! What the authority says about a document of ours, by whichever route. Must not know whether it may be asked: that
//! is the life cycle's business, for on two routes asking is sending again.

use bytes::Bytes;
use invoice::life::Outcome;
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Client, direct, relay, token};
use crate::credentials::Endpoint;
use crate::route::Road;
use crate::verdict::Verdict;

/// How a document's standing is found out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// By its UUID; nothing is sent.
    Query,
    /// By sending the same document again, for which the guide gives ALREADY_SUBMITTED.
    Resend,
}

/// What the authority says about a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It has it, and gave the QR.
    Cleared,
    /// It has it, and gave no QR this time.
    AcceptedWithoutQr,
    /// It has another document under this number or UUID.
    HoldsOther,
    /// It does not want it.
    Refused,
    /// It does not know it.
    NotThere,
    /// It gave no answer that says so: see the message.
    CannotTell,
}

/// An answer to the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusReport {
    /// How it was asked.
    pub asked: Asked,
    /// What was said, in a word.
    pub standing: Standing,
    /// The same with all that was heard.
    pub verdict: Verdict,
}

impl Endpoint {
    /// How a document's standing is found out here.
    #[must_use]
    pub fn asks_by(&self) -> Asked {
        match self.road() {
            Road::Token(_) => Asked::Query,
            Road::Direct { .. } | Road::Relay(_) => Asked::Resend,
        }
    }
}

impl Client {
    /// What the authority says about the document with this number and UUID, whose very bytes are `xml`. The route with
    /// tokens is asked by UUID; on the others the document goes out again, so that only what was sent before may be
    /// asked for.
    pub async fn status(&self, endpoint: &Endpoint, number: &str, uuid: &Uuid, xml: Bytes) -> StatusReport {
        let started = Instant::now();
        let call = self.call(endpoint, number, uuid, &xml, started);
        let (mut verdict, queried) = match endpoint.road() {
            Road::Direct { .. } => (direct::submit(&call).await, false),
            Road::Relay(road) => (relay::submit(&call, road).await, false),
            Road::Token(road) => match token::query(&call, road).await {
                Ok(verdict) => (verdict, true),
                Err(none) => (token::without(none), false),
            },
        };
        verdict.evidence.duration_ms = u32::try_from(started.elapsed().as_millis()).unwrap_or(u32::MAX);
        let standing = match &verdict.outcome {
            Outcome::Cleared { .. } => Standing::Cleared,
            Outcome::AcceptedWithoutQr => Standing::AcceptedWithoutQr,
            Outcome::HoldsOther { .. } => Standing::HoldsOther,
            // What was never sent was not refused by anybody.
            Outcome::Refused if verdict.evidence.http_status.is_some() => Standing::Refused,
            _ if queried && verdict.evidence.http_status == Some(404) => Standing::NotThere,
            _ => Standing::CannotTell,
        };
        StatusReport { asked: endpoint.asks_by(), standing, verdict }
    }
}
