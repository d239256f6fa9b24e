//! What others are to be told: notices of invoices that have settled, and their deliveries to webhooks. Knows neither how
//! they are worded nor how they are sent.

use std::time::Duration;

use async_trait::async_trait;
use invoice::event::Kind;
use invoice::life::{Actor, Cause, Event, State};
use invoice::{Amount, IncomeSource, InvoiceKey, Timestamp};
use uuid::Uuid;

use crate::LedgerError;

/// An invoice has settled (see [`State::is_settled`]): all that can be told of it, as it was at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Which invoice.
    pub key: InvoiceKey,
    /// The version that its stream had then; of two notices the higher one is the later.
    pub version: u32,
    /// When it settled.
    pub at: Timestamp,
    /// As what.
    pub state: State,
    /// Whose invoice.
    pub source: IncomeSource,
    /// The seller's number.
    pub number: String,
    /// Sale or return.
    pub kind: Kind,
    /// Its document version.
    pub document: u32,
    /// Its counter, if it had one.
    pub icv: Option<u64>,
    /// The authority's QR, once cleared.
    pub qr: Option<String>,
    /// Why it waits for a person.
    pub cause: Option<Cause>,
    /// The authority's codes, as far as it gave any.
    pub codes: Vec<String>,
    /// The same for people.
    pub message: Option<String>,
    /// Currency of the document.
    pub currency: String,
    /// Payable amount in that currency.
    pub payable: Amount,
    /// W3C trace context of whoever published the invoice.
    pub traceparent: Option<String>,
}

/// Whether a change from `before` to `after` is told to others: an invoice has come to rest somewhere else.
pub(crate) fn is_noted(before: State, after: State) -> bool {
    after != before && after.is_settled()
}

/// The authority's codes in the events of one change.
pub(crate) fn codes_of(events: &[Event]) -> Vec<String> {
    let evidence = events.iter().filter_map(|event| match event {
        Event::Refused { evidence, .. } => Some(evidence),
        Event::DeadLettered { evidence, .. } => evidence.as_ref(),
        _ => None,
    });
    evidence.flat_map(|evidence| evidence.codes.iter().cloned()).collect()
}

/// A message for one webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// The webhook's name in the configuration.
    pub webhook: String,
    /// Which invoice it is about.
    pub key: InvoiceKey,
    /// The version of its stream that it is about.
    pub version: u32,
    /// The message's own name: the same at every attempt, and for every webhook.
    pub id: Uuid,
    /// What kind of message.
    pub event_type: String,
    /// When what it tells of happened.
    pub at: Timestamp,
    /// What is sent, byte for byte.
    pub body: String,
}

/// A message for one webhook, as far as it has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// What, and for whom.
    pub message: NewDelivery,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent next; none once it was given up.
    pub due_at: Option<Timestamp>,
    /// The HTTP status of the last answer, if there was one.
    pub last_status: Option<u16>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// Who last asked for it to be sent again.
    pub asked: Option<Actor>,
}

/// What became of an attempt at a [`Delivery`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempted {
    /// It was heard: nothing more of it is kept.
    Heard,
    /// It was not.
    Unheard {
        /// How long until it is sent again; none when it is given up.
        again_in: Option<Duration>,
        /// The HTTP status of the answer, if there was one.
        status: Option<u16>,
        /// What went wrong, for people.
        error: String,
    },
}

/// Which deliveries are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Which {
    /// Only those for this webhook.
    pub webhook: Option<String>,
    /// Only the message of this name.
    pub id: Option<Uuid>,
    /// Only what was given up.
    pub failed: bool,
}

/// How one webhook stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookStanding {
    /// Its name.
    pub webhook: String,
    /// Messages that are still to be sent to it.
    pub waiting: u64,
    /// Messages that were given up.
    pub failed: u64,
    /// When the oldest message that waits came about.
    pub oldest: Option<Timestamp>,
    /// Since when, and why, nothing is sent to it.
    pub off: Option<(Timestamp, String)>,
}

/// How everything stands that others are still to be told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutboxStanding {
    /// Notices that were neither published nor handed to the webhooks.
    pub notices: u64,
    /// When the oldest of them came about.
    pub oldest: Option<Timestamp>,
    /// Each webhook that anything is known of, by name.
    pub webhooks: Vec<WebhookStanding>,
}

/// What others are to be told. As with the ledger itself, each method is one unit, and may be repeated safely.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// At most `limit` notices that nobody holds, the longest waiting first, and of each invoice only the earliest: so they are
    /// told in order. Whoever takes them has `lease` to call [`Outbox::settle_notices`]; after that they are taken again.
    async fn claim_notices(&self, limit: u32, lease: Duration) -> Result<Vec<Notice>, LedgerError>;

    /// Keeps the deliveries that come of these notices, and forgets the notices.
    async fn settle_notices(
        &self,
        told: &[(InvoiceKey, u32)],
        deliveries: Vec<NewDelivery>,
    ) -> Result<(), LedgerError>;

    /// At most `limit` deliveries to this webhook that are due, the longest due first; none while it is switched off. A first
    /// attempt waits for the first attempts at earlier messages about the same invoice. Held for `lease`, then taken again.
    async fn claim_deliveries(
        &self,
        webhook: &str,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<Delivery>, LedgerError>;

    /// Records what became of attempts; a delivery that is not there any more is passed over.
    async fn record_deliveries(&self, attempted: Vec<(Delivery, Attempted)>) -> Result<(), LedgerError>;

    /// At most `limit` of the deliveries meant, oldest first.
    async fn deliveries(&self, which: &Which, limit: u32) -> Result<Vec<Delivery>, LedgerError>;

    /// Sends the deliveries meant again, from now on and as often as new ones; how many that are.
    async fn resend(&self, which: &Which, by: Actor) -> Result<u64, LedgerError>;

    /// Switches a webhook off (`by` is none when the receiver said that it is gone) or on again; false when it stood so before.
    async fn switch_webhook(
        &self,
        webhook: &str,
        off: bool,
        by: Option<&str>,
        reason: &str,
    ) -> Result<bool, LedgerError>;

    /// How everything stands.
    async fn outbox_standing(&self) -> Result<OutboxStanding, LedgerError>;

    /// Forgets deliveries that came about before `before`, heard or not; how many those were.
    async fn forget_deliveries(&self, before: Timestamp) -> Result<u64, LedgerError>;
}
