//! Group commit: events that arrive together are made durable together, each with its own answer.

pub(crate) mod pulse;

use std::sync::Arc;
use std::time::Duration;

use ledger::{Arrival, LedgerError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::announcer::Announcer;
use crate::batcher::pulse::Pulse;
use crate::intake::{Intake, Refused, Taken, hints};

/// What the publisher waits for.
pub(crate) type Answer = Result<Taken, Refused>;

/// The mouth of the batcher. Bounded: whoever offers waits for room.
#[derive(Clone)]
pub(crate) struct Batcher {
    offers: mpsc::Sender<Offer>,
}

struct Offer {
    arrival: Arrival,
    answer: oneshot::Sender<Answer>,
}

impl Batcher {
    /// [`Batcher::felt_by`] nobody.
    #[cfg(any(test, feature = "hostile"))]
    pub(crate) fn new(
        intake: Intake,
        batch: usize,
        linger: Duration,
        closed: CancellationToken,
    ) -> (Self, impl Future<Output = ()>) {
        Self::felt_by(Pulse::default(), intake, batch, linger, closed)
    }

    /// A batcher whose commits `pulse` feels, and the work that drives it. The work ends when the last clone of the batcher is dropped, or after `closed`,
    /// once what was offered before is answered; what is offered later hears that the producer is unavailable.
    pub(crate) fn felt_by(
        pulse: Pulse,
        intake: Intake,
        batch: usize,
        linger: Duration,
        closed: CancellationToken,
    ) -> (Self, impl Future<Output = ()>) {
        let (offers, receiver) = mpsc::channel(batch.max(1) * 2);
        let (announcer, announcing) = Announcer::new(Arc::clone(&intake.ledger), Arc::clone(&intake.broker));
        let committing = drive(intake, announcer, pulse, receiver, batch.max(1), linger, closed);
        let work = async {
            // A broker that is away or slow holds up no commit.
            tokio::join!(committing, announcing);
        };
        (Self { offers }, work)
    }

    /// Makes one arrival durable, in company.
    pub(crate) async fn offer(&self, arrival: Arrival) -> Answer {
        let (answer, heard) = oneshot::channel();
        if self.offers.send(Offer { arrival, answer }).await.is_err() {
            return Err(Refused::Unavailable);
        }
        heard.await.unwrap_or(Err(Refused::Unavailable))
    }
}

async fn drive(
    intake: Intake,
    announcer: Announcer,
    pulse: Pulse,
    mut offers: mpsc::Receiver<Offer>,
    limit: usize,
    linger: Duration,
    closed: CancellationToken,
) {
    let mut batch = Vec::with_capacity(limit);
    loop {
        tokio::select! {
            biased;
            () = closed.cancelled(), if !offers.is_closed() => {
                offers.close();
                continue;
            }
            count = offers.recv_many(&mut batch, limit) => if count == 0 { break },
        }
        let end = Instant::now() + linger;
        while batch.len() < limit {
            let room = limit - batch.len();
            match timeout_at(end, offers.recv_many(&mut batch, room)).await {
                Ok(more) if more > 0 => {}
                _ => break,
            }
        }
        pulse.begun();
        commit(&intake, &announcer, std::mem::take(&mut batch)).await;
        pulse.ended();
    }
}

/// Commits, answers, and only then hints.
async fn commit(intake: &Intake, announcer: &Announcer, batch: Vec<Offer>) {
    let (arrivals, answers): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|offer| (offer.arrival, offer.answer)).unzip();
    let traces: Vec<_> = arrivals.iter().map(|arrival| arrival.traceparent.clone()).collect();
    let results = take_split(intake, arrivals).await;
    for (answer, result) in answers.into_iter().zip(&results) {
        // The publisher may have gone; what is durable stays so.
        let _ = answer.send(result.clone());
    }
    let taken = results
        .iter()
        .zip(traces)
        .filter_map(|(result, trace)| result.as_ref().ok().map(|taken| (taken, trace)));
    announcer.announce(hints(taken));
}

/// Takes a batch, one by one when the ledger cannot take it as a whole: one event harms only itself (promise 14).
pub(crate) async fn take_split(intake: &Intake, arrivals: Vec<Arrival>) -> Vec<Answer> {
    split(arrivals, |arrivals| intake.take(arrivals)).await
}

async fn split<F, Fut>(arrivals: Vec<Arrival>, take: F) -> Vec<Answer>
where
    F: Fn(Vec<Arrival>) -> Fut,
    Fut: Future<Output = Result<Vec<Answer>, LedgerError>>,
{
    match take(arrivals.clone()).await {
        Ok(answers) => answers,
        Err(LedgerError::Refused(reason) | LedgerError::Corrupt(reason)) if arrivals.len() > 1 => {
            warn!(%reason, size = arrivals.len(), "taking one by one a batch that the ledger refused");
            let mut answers = Vec::with_capacity(arrivals.len());
            for arrival in arrivals {
                answers.push(match take(vec![arrival]).await {
                    Ok(mut one) => one.pop().unwrap_or(Err(Refused::Unavailable)),
                    Err(error) => Err(failure(&error)),
                });
            }
            answers
        }
        Err(error) => arrivals.iter().map(|_| Err(failure(&error))).collect(),
    }
}

fn failure(error: &LedgerError) -> Refused {
    warn!(%error, "nothing could be taken");
    match error {
        LedgerError::Refused(reason) | LedgerError::Corrupt(reason) => Refused::Unstorable(reason.clone()),
        _ => Refused::Unavailable,
    }
}

#[cfg(test)]
mod tests;
