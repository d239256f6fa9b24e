//! The ways in without their sockets, for machines that attack them: the whole HTTP interface as one function, and what becomes of a
//! message from the intake queue as another. Decides nothing by itself.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use ledger::{Arrival, RefusedIntake};
use tokio_util::sync::CancellationToken;

pub use axum::http;

use crate::amqp;
use crate::batcher::Batcher;
use crate::config::Config;
use crate::envelope::Message;
use crate::http::{Api, router};
use crate::intake::Intake;

/// An answer of more bytes is a fault of ours, bytes.
const ANSWER_MAX: usize = 64 << 20;

/// What an HTTP request is answered.
#[derive(Debug)]
pub struct Answered {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body to the end; none when it broke off or had no end.
    pub body: Option<Vec<u8>>,
}

/// The ways in.
pub struct Doors {
    intake: Intake,
    service: TowerToHyperService<axum::Router>,
}

impl Doors {
    /// The doors, and the work that drives what is behind them until they are dropped: spawn it.
    pub fn new(intake: Intake, config: &Config) -> (Self, impl Future<Output = ()> + use<>) {
        let (closed, stopping) = (CancellationToken::new(), CancellationToken::new());
        let linger = Duration::from_millis(config.linger_ms);
        let (batcher, work) = Batcher::new(intake.clone(), config.batch, linger, closed);
        let api = Api::new(intake.clone(), batcher, config, stopping);
        (Self { intake, service: TowerToHyperService::new(router(Arc::new(api))) }, work)
    }

    /// One request, as it comes out of the HTTP parser.
    pub async fn http(&self, request: Request<Vec<u8>>) -> Answered {
        let response = match self.service.call(request.map(Body::from)).await {
            Ok(response) => response,
            Err(impossible) => match impossible {},
        };
        let (head, body) = response.into_parts();
        let body = to_bytes(body, ANSWER_MAX).await.ok().map(|body| body.to_vec());
        Answered { status: head.status, headers: head.headers, body }
    }

    /// One message of the intake queue: what goes to the ledger, or the record of its refusal.
    #[allow(clippy::result_large_err, reason = "as in Intake::check")]
    pub fn amqp(
        &self,
        content_type: Option<&str>,
        attributes: &BTreeMap<String, String>,
        body: &[u8],
    ) -> Result<Arrival, RefusedIntake> {
        let message = Message { content_type, attributes, body };
        self.intake.check_message(&message, None).map_err(|refused| amqp::record(body, None, &refused))
    }
}
