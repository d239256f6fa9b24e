//! What is known from outside when all is over: what retailers were told, what the ledger holds, what the authority's record
//! says. Plain data, so that the verdict can be tried on forged evidence.

use std::collections::BTreeMap;

use broker::{Broker, Queue};
use invoice::IncomeSource;
use invoice::life::State;
use ledger::{Filter, Ledger};
use uuid::Uuid;

use crate::load::Published;
use crate::retailers;
use crate::storm::Scene;

/// An invoice as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its name.
    pub uuid: Uuid,
    /// Whose.
    pub source: IncomeSource,
    /// Where it stands.
    pub state: State,
    /// It may have reached the authority, and nobody knows.
    pub in_doubt: bool,
    /// Its counter.
    pub icv: Option<u64>,
    /// SHA-256 of the bytes that were sent.
    pub sha256: Option<String>,
    /// The text of its QR.
    pub qr: Option<String>,
    /// What was said of it last.
    pub message: Option<String>,
}

/// A document that the authority has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clearance {
    /// Its name.
    pub uuid: Uuid,
    /// Whose.
    pub source: IncomeSource,
    /// Its number.
    pub number: String,
    /// Its counter.
    pub icv: String,
    /// SHA-256 of the bytes.
    pub sha256: String,
    /// The text of its QR.
    pub qr: String,
}

/// All that the verdict rests on.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// What retailers published and were told.
    pub published: BTreeMap<Uuid, Published>,
    /// Answers to retailers that were wrong by themselves.
    pub complaints: Vec<String>,
    /// The ledger, row by row.
    pub ledger: Vec<Held>,
    /// The authority's record, document by document.
    pub authority: Vec<Clearance>,
    /// What the authority itself finds odd.
    pub suspicious: Vec<String>,
    /// Hints in the dead-letter queue.
    pub dead_letters: u64,
    /// What `fawtara verify` finds wrong.
    pub verify: Option<String>,
    /// Panics, processes that did not end in good order, faults that the fleet did not get over.
    pub misbehaved: Vec<String>,
}

/// Collects it all, some time after the end.
///
/// # Errors
/// When ledger, authority or broker do not answer even now.
pub async fn collect(scene: &Scene) -> anyhow::Result<Evidence> {
    let (published, complaints) = scene.load.published();
    let summary = scene.injector.fleet.summary().await?;
    let authority = summary.cleared.into_iter().map(|cleared| Clearance {
        // What has no UUID for a name cannot be ours; the verdict will say that nobody knows it.
        uuid: cleared.uuid.parse().unwrap_or_default(),
        source: IncomeSource { tax_number: cleared.tax_number, sequence: cleared.income_source },
        number: cleared.number,
        icv: cleared.icv,
        sha256: cleared.sha256,
        qr: cleared.qr,
    });
    let suspicious = summary.suspicious.iter().map(|entry| format!("{entry:?}"));
    let fleet = &scene.injector.fleet;
    Ok(Evidence {
        published,
        complaints,
        authority: authority.collect(),
        suspicious: suspicious.collect(),
        ledger: rows(&*scene.ledger).await?,
        dead_letters: dead_letters(scene).await?,
        verify: fleet.run(&["verify"]).await.err().map(|error| format!("{error:#}")),
        misbehaved: fleet.panics(),
    })
}

/// How many hints the dead-letter queue holds.
///
/// # Errors
/// When the broker does not answer.
pub async fn dead_letters(scene: &Scene) -> anyhow::Result<u64> {
    let services = &scene.injector.services;
    let url = services.amqp_url(services.nodes.iter().map(std::net::SocketAddr::port));
    let broker = retailers::connect(&url, "chaos").await?;
    let depth = broker.depth(Queue::DeadLetter).await;
    broker.close().await;
    Ok(depth?)
}

/// The whole ledger.
///
/// # Errors
/// When it does not answer.
pub async fn rows(ledger: &dyn Ledger) -> anyhow::Result<Vec<Held>> {
    let mut rows = Vec::new();
    let mut after = None;
    loop {
        let page = ledger.list(&Filter::default(), after, 500).await?;
        rows.extend(page.rows.into_iter().map(|row| row.invoice).map(|invoice| Held {
            uuid: invoice.key.uuid,
            source: invoice.source,
            state: invoice.state,
            in_doubt: invoice.in_doubt.is_some(),
            icv: invoice.icv,
            sha256: invoice.xml.map(|sha256| sha256.to_string()),
            qr: invoice.qr,
            message: invoice.message,
        }));
        after = page.next;
        if after.is_none() {
            return Ok(rows);
        }
    }
}
