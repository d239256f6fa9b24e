//! One page of streams: chain, fold, contents and documents of each.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use invoice::life::{Event, Invoice};
use invoice::{Digest, IncomeSource, InvoiceKey, Timestamp};

use super::super::codec::{environment, month, read, read_digest, read_key};
use super::super::connection::Connection;
use super::super::failure::failed;
use super::super::read::{each_once, read_event, rows};
use super::super::retention::detachments;
use super::super::row::Stored;
use super::{PAGE, Proof, freeze, start};
use crate::{DocumentKind, GENESIS, LedgerError, Link, link};

/// What the narrow table says.
struct Identity {
    key: InvoiceKey,
    source: IncomeSource,
    number: String,
    accepted_month: NaiveDate,
}

struct EventRow {
    version: u32,
    at: Timestamp,
    name: String,
    payload: String,
    hash: Digest,
}

struct ContentRow {
    recorded: Digest,
    actual: Option<Digest>,
}

struct DocumentRow {
    document: u32,
    kind: String,
    recorded: Digest,
    intact: bool,
}

/// Everything of the streams of a page beside their identities.
#[derive(Default)]
struct Belongings {
    invoices: BTreeMap<InvoiceKey, Result<Stored, LedgerError>>,
    events: BTreeMap<InvoiceKey, Vec<EventRow>>,
    contents: BTreeMap<InvoiceKey, Vec<ContentRow>>,
    documents: BTreeMap<InvoiceKey, Vec<DocumentRow>>,
}

/// Proves the page after a key, and gives its last key if there may be more.
pub(super) async fn prove_page(
    connection: &mut Connection,
    after: Option<InvoiceKey>,
) -> Result<(Option<InvoiceKey>, Proof), LedgerError> {
    freeze(connection).await?;
    let detached: BTreeSet<NaiveDate> = detachments(connection).await?.into_keys().collect();
    let identities = identities(connection, after).await?;
    let belongings = belongings(connection, &identities).await?;
    let mut proof = Proof::default();
    for identity in &identities {
        proof.streams += 1;
        prove_stream(identity, &belongings, detached.contains(&identity.accepted_month), &mut proof);
    }
    let full = i64::try_from(identities.len()).is_ok_and(|count| count >= PAGE);
    Ok((identities.last().filter(|_| full).map(|identity| identity.key), proof))
}

/// Of a detached month, only identity and state are here.
fn prove_stream(identity: &Identity, belongings: &Belongings, detached: bool, proof: &mut Proof) {
    let key = identity.key;
    let events = belongings.events.get(&key).map(Vec::as_slice).unwrap_or_default();
    proof.events += u64::try_from(events.len()).unwrap_or(u64::MAX);
    if events.is_empty() && !detached {
        proof.blame(key, None, "the stream is missing: it has an identity and no events");
    }
    let head = if detached { None } else { prove_chain(key, events, proof) };
    let stored = match belongings.invoices.get(&key) {
        Some(Ok(stored)) => stored,
        Some(Err(error)) => return proof.blame(key, None, error.to_string()),
        None => return proof.blame(key, None, "the invoice is missing: it has an identity and no state"),
    };
    let invoice = &stored.invoice;
    if invoice.source != identity.source
        || invoice.number != identity.number
        || month(invoice.accepted_at) != identity.accepted_month
    {
        proof.blame(key, None, "seller, number or month are not those of the identity");
    }
    if detached {
        return;
    }
    if let Some((version, hash)) = head
        && (version != invoice.version || hash != stored.head)
    {
        let message = format!("the events end with {version}, the invoice stands at {}", invoice.version);
        proof.blame(key, Some(version), message);
    }
    match fold(identity, events) {
        Ok(Some(folded)) if folded == *invoice => {}
        Ok(Some(folded)) => {
            let message = format!("the state is not what the events say: {}", differences(&folded, invoice));
            proof.blame(key, None, message);
        }
        Ok(None) => proof.blame(key, Some(1), "the stream does not begin with an acceptance"),
        Err((version, error)) => proof.blame(key, Some(version), error.to_string()),
    }
    prove_contents(invoice, belongings.contents.get(&key).map(Vec::as_slice).unwrap_or_default(), proof);
    prove_documents(invoice, belongings.documents.get(&key).map(Vec::as_slice).unwrap_or_default(), proof);
}

/// Place and hash of the last event.
fn prove_chain(key: InvoiceKey, events: &[EventRow], proof: &mut Proof) -> Option<(u32, Digest)> {
    let mut previous = (0, GENESIS);
    for row in events {
        let version = row.version;
        if version != previous.0 + 1 {
            proof.blame(key, Some(previous.0 + 1), "the event is missing");
        }
        if link(&previous.1, &Link { key, version, at: row.at, payload: &row.payload }) != row.hash {
            proof.blame(key, Some(version), "the hash does not match the event");
        }
        previous = (version, row.hash);
    }
    (previous.0 > 0).then_some(previous)
}

/// The state that the events say; none when they do not begin as they must.
fn fold(identity: &Identity, rows: &[EventRow]) -> Result<Option<Invoice>, (u32, LedgerError)> {
    let mut folded: Option<Invoice> = None;
    for row in rows {
        let event = read_event(&row.payload).map_err(|error| (row.version, error))?;
        if event.name() != row.name {
            let message = format!("the event is kept as {:?} but says {:?}", row.name, event.name());
            return Err((row.version, LedgerError::Corrupt(message)));
        }
        match (&mut folded, event) {
            (Some(invoice), event) => invoice.evolve(&event, row.at),
            (None, Event::Accepted { content }) => {
                let Identity { key, source, number, .. } = identity;
                folded = Some(Invoice::accepted(*key, source.clone(), number.clone(), content, row.at));
            }
            (None, _) => return Ok(None),
        }
    }
    Ok(folded.map(super::super::codec::as_stored))
}

/// The members in which two states differ, for people.
fn differences(said: &Invoice, stored: &Invoice) -> String {
    let members = |invoice| match serde_json::to_value(invoice) {
        Ok(serde_json::Value::Object(members)) => members,
        _ => serde_json::Map::new(),
    };
    let (said, stored) = (members(said), members(stored));
    let names: Vec<&str> = said
        .iter()
        .filter(|(name, value)| stored.get(*name) != Some(*value))
        .map(|(name, _)| name.as_str())
        .collect();
    names.join(", ")
}

fn prove_contents(invoice: &Invoice, contents: &[ContentRow], proof: &mut Proof) {
    if !contents.iter().map(|content| &content.recorded).eq(&invoice.contents) {
        proof.blame(invoice.key, None, "the contents kept are not those that were accepted");
    }
    for (document, content) in (1..).zip(contents) {
        if content.actual != Some(content.recorded) {
            let message = format!("the content of document version {document} does not match its digest");
            proof.blame(invoice.key, None, message);
        }
    }
}

fn prove_documents(invoice: &Invoice, documents: &[DocumentRow], proof: &mut Proof) {
    for row in documents.iter().filter(|row| !row.intact) {
        let message =
            format!("the {} document of version {} does not match its digest", row.kind, row.document);
        proof.blame(invoice.key, None, message);
    }
    let sent = documents
        .iter()
        .rfind(|row| row.document == invoice.document && row.kind == DocumentKind::Sent.as_str())
        .map(|row| row.recorded);
    if invoice.xml.is_some() && sent != invoice.xml {
        proof.blame(invoice.key, None, "the document to be sent is not the one that was encoded");
    }
}

async fn identities(
    connection: &mut Connection,
    after: Option<InvoiceKey>,
) -> Result<Vec<Identity>, LedgerError> {
    let (environment, uuid) = start(after);
    let rows = sqlx::query!(
        r#"
        SELECT environment, uuid, tax_number, income_source, number, accepted_month
        FROM identities
        WHERE (environment, uuid) > ($1, $2)
        ORDER BY environment, uuid
        LIMIT $3
        "#,
        environment,
        uuid,
        PAGE,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    rows.into_iter()
        .map(|row| {
            Ok(Identity {
                key: read_key(row.environment, row.uuid)?,
                source: IncomeSource { tax_number: row.tax_number, sequence: row.income_source },
                number: row.number,
                accepted_month: row.accepted_month,
            })
        })
        .collect()
}

async fn belongings(connection: &mut Connection, identities: &[Identity]) -> Result<Belongings, LedgerError> {
    let keys: Vec<InvoiceKey> = identities.iter().map(|identity| identity.key).collect();
    let environments: Vec<i16> = keys.iter().map(|key| environment(key.environment)).collect();
    let uuids: Vec<_> = keys.iter().map(|key| key.uuid).collect();
    let months: Vec<NaiveDate> = identities.iter().map(|identity| identity.accepted_month).collect();
    let all = each_once(&months);
    let mut found = Belongings::default();

    for row in rows(connection, &keys).await? {
        found.invoices.insert(read_key(row.environment, row.uuid)?, Stored::try_from(row));
    }

    let events = sqlx::query!(
        r#"
        SELECT e.environment, e.uuid, e.version, e.at, e.type AS name, e.payload::text AS "payload!", e.hash
        FROM unnest($1::date[], $2::smallint[], $3::uuid[]) AS n (month, environment, uuid)
        CROSS JOIN LATERAL (
            SELECT * FROM events e
            WHERE e.accepted_month = ANY ($4::date[]) AND e.accepted_month = n.month
                AND e.environment = n.environment AND e.uuid = n.uuid
            OFFSET 0
        ) e
        ORDER BY e.environment, e.uuid, e.version
        "#,
        &months,
        &environments,
        &uuids,
        &all,
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    for row in events {
        let event = EventRow {
            version: read(row.version)?,
            at: row.at,
            name: row.name,
            payload: row.payload,
            hash: read_digest(&row.hash)?,
        };
        found.events.entry(read_key(row.environment, row.uuid)?).or_default().push(event);
    }

    // Digests are computed where the bytes are.
    let contents = sqlx::query!(
        r#"
        SELECT c.environment, c.uuid, c.sha256, sha256(convert_to(c.normal_form::text, 'UTF8')) AS actual
        FROM unnest($1::date[], $2::smallint[], $3::uuid[]) AS n (month, environment, uuid)
        CROSS JOIN LATERAL (
            SELECT * FROM contents c
            WHERE c.accepted_month = ANY ($4::date[]) AND c.accepted_month = n.month
                AND c.environment = n.environment AND c.uuid = n.uuid
            OFFSET 0
        ) c
        ORDER BY c.environment, c.uuid, c.document
        "#,
        &months,
        &environments,
        &uuids,
        &all,
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    for row in contents {
        let content = ContentRow {
            recorded: read_digest(&row.sha256)?,
            actual: row.actual.as_deref().map(read_digest).transpose()?,
        };
        found.contents.entry(read_key(row.environment, row.uuid)?).or_default().push(content);
    }

    let documents = sqlx::query!(
        r#"
        SELECT d.environment, d.uuid, d.document, d.kind, d.sha256, sha256(d.bytes) = d.sha256 AS "intact!"
        FROM unnest($1::date[], $2::smallint[], $3::uuid[]) AS n (month, environment, uuid)
        CROSS JOIN LATERAL (
            SELECT * FROM documents d
            WHERE d.accepted_month = ANY ($4::date[]) AND d.accepted_month = n.month
                AND d.environment = n.environment AND d.uuid = n.uuid
            OFFSET 0
        ) d
        ORDER BY d.environment, d.uuid, d.document, d.kind, d.version
        "#,
        &months,
        &environments,
        &uuids,
        &all,
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    for row in documents {
        let document = DocumentRow {
            document: read(row.document)?,
            kind: row.kind,
            recorded: read_digest(&row.sha256)?,
            intact: row.intact,
        };
        found.documents.entry(read_key(row.environment, row.uuid)?).or_default().push(document);
    }
    Ok(found)
}
