//! The seam: what the roles ask of a ledger.

use async_trait::async_trait;
use invoice::life::{Actor, Policies};
use invoice::{Environment, IncomeSource, InvoiceKey, Timestamp};
use uuid::Uuid;

use crate::archive::Archive;
use crate::fleet::Fleet;
use crate::keys::Keys;
use crate::originals::{Encoding, Unencoded};
use crate::outbox::Outbox;
use crate::record::{
    Amendable, Appended, Arrival, AttemptRecord, Change, Checkpoint, Document, DocumentKind, Draft,
    EncodeOutcome, Filter, Loaded, Page, Reception, RecordedEvent, RefusedIntake, Standing, Verification,
};
use crate::recovery::Recovery;
use crate::sweep::{Parked, Sweep, Swept};
use crate::taxpayers::Taxpayers;

/// What can go wrong with a ledger itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// It cannot be reached or refuses for now (restart, failover, pool exhausted, deadlock): the same call may succeed later.
    /// Nothing is known about whether the call took effect; every operation may be repeated safely.
    #[error("the ledger is unavailable: {0}")]
    Unavailable(String),
    /// It refused this very batch (a value that does not fit, a constraint): splitting it down finds the culprit.
    #[error("the ledger refused the batch: {0}")]
    Refused(String),
    /// What it holds cannot be read: damaged, or written by a newer version.
    #[error("the ledger holds what cannot be read: {0}")]
    Corrupt(String),
}

/// The encoder's part in [`Ledger::encode`]: pure, quick, called while counters are locked.
pub trait Encode: Send + Sync {
    /// Where the counter of a new income source starts. None: nobody has registered that income source here, and its drafts
    /// are left as they are, for somebody who knows it (or for the time when it is known).
    fn icv_start(&self, environment: Environment, source: &IncomeSource) -> Option<u64>;

    /// The bytes of the draft under this counter.
    ///
    /// # Errors
    /// [`Unencoded`] when it cannot become a document, or not yet; the counter then goes to the next draft.
    fn encode(&self, draft: &Draft, icv: u64) -> Result<Encoding, Unencoded>;

    /// The numbers of the life cycle: how long a return waits for an original that nobody knows.
    fn policies(&self) -> Policies {
        Policies::default()
    }
}

/// The truth about every invoice. Each method is one unit: it happened wholly or not at all.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// The time by the ledger's clock.
    async fn now(&self) -> Result<Timestamp, LedgerError>;

    /// Makes arrivals durable, in one round trip for the new ones; one [`Reception`] each, in order.
    /// Arrivals of the same batch see each other in order.
    async fn accept(&self, batch: Vec<Arrival>) -> Result<Vec<Reception>, LedgerError>;

    /// Invoices as they stand, with the ledger's time.
    async fn load(&self, keys: &[InvoiceKey]) -> Result<Loaded, LedgerError>;

    /// Compare-and-set on each stream by itself; one [`Appended`] each, in order. All of the batch commits in one transaction.
    /// A batch holds at most one change for a stream.
    async fn append(&self, batch: Vec<Change>) -> Result<Vec<Appended>, LedgerError>;

    /// Gives drafts their counters and fixes their bytes, in one transaction: counters locked in sorted order, drawn after
    /// every check that could still refuse (promise 8). One outcome each, in order. A return is encoded while its original is
    /// locked, and what it takes back is reserved together with its bytes (promise 10).
    async fn encode(
        &self,
        keys: Vec<InvoiceKey>,
        encoder: std::sync::Arc<dyn Encode>,
    ) -> Result<Vec<EncodeOutcome>, LedgerError>;

    /// Drafts of returns that have no bytes because these invoices, their originals, were not cleared; at most ten thousand.
    /// To be hinted at once: their wake time is set as if they had just moved.
    async fn dependants(&self, originals: &[InvoiceKey]) -> Result<Vec<Swept>, LedgerError>;

    /// Stored documents, one for each (invoice, document version, kind) asked for; none as well for one that cannot be read.
    async fn documents(
        &self,
        wanted: &[(InvoiceKey, u32, DocumentKind)],
    ) -> Result<Vec<Option<Document>>, LedgerError>;

    /// All events of a stream, oldest first; empty when there is none.
    async fn history(&self, key: InvoiceKey) -> Result<Vec<RecordedEvent>, LedgerError>;

    /// All attempts of an invoice, oldest first.
    async fn attempts(&self, key: InvoiceKey) -> Result<Vec<AttemptRecord>, LedgerError>;

    /// The current content of an invoice.
    async fn content(&self, key: InvoiceKey) -> Result<Option<Amendable>, LedgerError>;

    /// The invoices with this UUID in all environments, or with this number.
    async fn find(&self, uuid_or_number: &str) -> Result<Vec<InvoiceKey>, LedgerError>;

    /// A page of at most `limit` invoices, after `after`. Here, and wherever invoices are found by what they wait for, those that
    /// cannot be read are left out and logged.
    async fn list(
        &self,
        filter: &Filter,
        after: Option<(Timestamp, InvoiceKey)>,
        limit: u32,
    ) -> Result<Page, LedgerError>;

    /// Keeps what could not be taken; a repeated id is a no-op, or opens the record again when it had been resolved.
    async fn refuse_intake(&self, batch: Vec<RefusedIntake>) -> Result<(), LedgerError>;

    /// Refused intake that nobody has resolved, oldest first.
    async fn refused_intake(&self, limit: u32) -> Result<Vec<RefusedIntake>, LedgerError>;

    /// The names of the refused intake that nobody has resolved, oldest first; without the bodies, so many fit.
    async fn refused_ids(&self, limit: u32) -> Result<Vec<Uuid>, LedgerError>;

    /// Marks a refused intake as dealt with; false when it is unknown or was resolved before.
    async fn resolve_intake(&self, id: Uuid, by: Actor) -> Result<bool, LedgerError>;

    /// At most `limit` open invoices of the wanted kinds whose wake time has come, and sets their next wake time. In turn over
    /// taxpayers: each one's longest waiting, then each one's second, and so on; where very many have some, fewer than
    /// `limit` may come although more are due. Only one sweeper gets them at a time; the others get nothing.
    async fn sweep(&self, wanted: Sweep, limit: u32) -> Result<Vec<Swept>, LedgerError>;

    /// How many open invoices' wake time has come, each kind counted up to `at_most`.
    async fn parked(&self, at_most: u32) -> Result<Parked, LedgerError>;

    /// Puts the wake time of open invoices, without an event: they cannot be worked on now.
    async fn park(&self, invoices: &[InvoiceKey], until: Timestamp) -> Result<(), LedgerError>;

    /// How many stand where. What waits for a person and what has settled is exact, whatever its number. What is open may be counted up
    /// to a hundred thousand of each stage (without bytes, unsent, under way): beyond that, figures and ages are lower bounds.
    async fn standing(&self) -> Result<Standing, LedgerError>;

    /// Seals the heads of at most `limit` streams that changed since the last checkpoint; none when nothing did.
    async fn checkpoint(&self, limit: u32) -> Result<Option<Checkpoint>, LedgerError>;

    /// Recomputes every chain and checkpoint, and compares each stream's fold with its stored state.
    async fn verify(&self) -> Result<Verification, LedgerError>;

    /// What archives are made from.
    fn archive(&self) -> &dyn Archive;

    /// How submitters share what may be under way at the authority.
    fn fleet(&self) -> &dyn Fleet;

    /// What others are to be told of what happens here.
    fn outbox(&self) -> &dyn Outbox;

    /// Whose documents are taken, and as whom they are sent.
    fn taxpayers(&self) -> &dyn Taxpayers;

    /// What is needed when a part of the ledger was lost.
    fn recovery(&self) -> &dyn Recovery;

    /// Who may come in over HTTP.
    fn keys(&self) -> &dyn Keys;

    /// Creates the partitions of the coming months; cheap when they exist.
    async fn maintain(&self) -> Result<(), LedgerError>;
}
