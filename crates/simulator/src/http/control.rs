//! The control interface under `/_simulator/`: what was seen, and how to misbehave; it is ours, the real service has none.
//!
//! | call | does |
//! |---|---|
//! | `GET record?uuid=&number=&offset=&limit=` | requests seen, oldest first |
//! | `GET summary?documents=false` | counts, accepted documents, suspicious duplicates |
//! | `GET faults`, `POST faults`, `PUT faults`, `DELETE faults` | rules: list, add, replace, end |
//! | `PUT latency`, `PUT shape`, `PUT down` | answer times, answer shape, `{"down": true}` |
//! | `PUT tokens`, `DELETE tokens` | life and refusal of tokens; end all tokens in force |
//! | `POST devices`, `PUT devices` | register: add, replace all |
//! | `POST reset` | forget everything but settings and devices |
//!
//! Rules and devices come as arrays. What cannot be read is answered with 4xx and the reason as text.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::Desk;
use crate::answer::AnswerShape;
use crate::device::Device;
use crate::fault::FaultRule;
use crate::latency::Latency;
use crate::record::{Entry, Summary};
use crate::tokens::TokenPolicy;

/// The most entries in one page of the record.
const MAX_PAGE: usize = 10_000;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Filter {
    uuid: Option<String>,
    number: Option<String>,
    offset: usize,
    limit: usize,
}

impl Default for Filter {
    fn default() -> Self {
        Self { uuid: None, number: None, offset: 0, limit: 1_000 }
    }
}

/// A page of the record.
#[derive(Serialize)]
struct Page {
    /// How many entries fit the filter.
    total: usize,
    /// The offset of the next page, none on the last.
    next_offset: Option<usize>,
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SummaryQuery {
    documents: bool,
}

impl Default for SummaryQuery {
    fn default() -> Self {
        Self { documents: true }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Down {
    down: bool,
}

/// A rule in force.
#[derive(Serialize)]
struct InForce {
    rule: FaultRule,
    fired: u64,
}

pub(super) fn router() -> Router<Desk> {
    Router::new()
        .route("/record", get(record))
        .route("/summary", get(summary))
        .route("/faults", get(list_faults).post(add_faults).put(replace_faults).delete(clear_faults))
        .route("/latency", put(set_latency).post(set_latency))
        .route("/shape", put(set_shape).post(set_shape))
        .route("/down", put(set_down).post(set_down))
        .route("/tokens", put(set_tokens).post(set_tokens).delete(revoke_tokens))
        .route("/devices", post(add_devices).put(replace_devices))
        .route("/reset", post(reset))
}

async fn record(State(desk): State<Desk>, Query(filter): Query<Filter>) -> Json<Page> {
    let page = desk.handle.with(|authority| {
        let fits = |entry: &&Entry| {
            filter.uuid.as_ref().is_none_or(|uuid| entry.uuid == *uuid)
                && filter.number.as_ref().is_none_or(|number| entry.number == *number)
        };
        let total = authority.record().filter(fits).count();
        let limit = filter.limit.min(MAX_PAGE);
        let entries: Vec<Entry> =
            authority.record().filter(fits).skip(filter.offset).take(limit).cloned().collect();
        let end = filter.offset.saturating_add(entries.len());
        Page { total, next_offset: (end < total && !entries.is_empty()).then_some(end), entries }
    });
    Json(page)
}

async fn summary(State(desk): State<Desk>, Query(query): Query<SummaryQuery>) -> Json<Summary> {
    Json(desk.handle.with(|authority| authority.summary(query.documents)))
}

async fn list_faults(State(desk): State<Desk>) -> Json<Vec<InForce>> {
    Json(desk.handle.with(|authority| {
        authority.faults().map(|(rule, fired)| InForce { rule: rule.clone(), fired }).collect()
    }))
}

async fn add_faults(State(desk): State<Desk>, Json(rules): Json<Vec<FaultRule>>) -> StatusCode {
    desk.handle.with(|authority| rules.into_iter().for_each(|rule| authority.add_fault(rule)));
    StatusCode::NO_CONTENT
}

async fn replace_faults(State(desk): State<Desk>, Json(rules): Json<Vec<FaultRule>>) -> StatusCode {
    desk.handle.with(|authority| {
        authority.clear_faults();
        rules.into_iter().for_each(|rule| authority.add_fault(rule));
    });
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(desk): State<Desk>) -> StatusCode {
    desk.handle.with(crate::authority::Authority::clear_faults);
    StatusCode::NO_CONTENT
}

async fn set_latency(State(desk): State<Desk>, Json(latency): Json<Latency>) -> StatusCode {
    desk.handle.with(|authority| authority.set_latency(latency));
    StatusCode::NO_CONTENT
}

async fn set_shape(State(desk): State<Desk>, Json(shape): Json<AnswerShape>) -> StatusCode {
    desk.handle.with(|authority| authority.set_shape(shape));
    StatusCode::NO_CONTENT
}

async fn set_down(State(desk): State<Desk>, Json(Down { down }): Json<Down>) -> StatusCode {
    desk.handle.with(|authority| authority.set_down(down));
    StatusCode::NO_CONTENT
}

async fn set_tokens(State(desk): State<Desk>, Json(policy): Json<TokenPolicy>) -> StatusCode {
    desk.handle.with(|authority| authority.set_tokens(policy));
    StatusCode::NO_CONTENT
}

async fn revoke_tokens(State(desk): State<Desk>) -> StatusCode {
    desk.handle.with(crate::authority::Authority::revoke_tokens);
    StatusCode::NO_CONTENT
}

async fn add_devices(State(desk): State<Desk>, Json(devices): Json<Vec<Device>>) -> StatusCode {
    desk.handle.with(|authority| devices.into_iter().for_each(|device| authority.register(device)));
    StatusCode::NO_CONTENT
}

async fn replace_devices(State(desk): State<Desk>, Json(devices): Json<Vec<Device>>) -> StatusCode {
    desk.handle.with(|authority| {
        authority.forget_devices();
        devices.into_iter().for_each(|device| authority.register(device));
    });
    StatusCode::NO_CONTENT
}

async fn reset(State(desk): State<Desk>) -> StatusCode {
    desk.handle.with(crate::authority::Authority::reset);
    StatusCode::NO_CONTENT
}
