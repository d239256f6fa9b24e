//! What no single stream shows: rows that belong to nobody, and counters with holes.

use invoice::IncomeSource;
use sqlx::PgConnection;

use super::super::codec::{read, read_key};
use super::super::failure::failed;
use super::{Proof, freeze};
use crate::LedgerError;

pub(super) async fn prove_tables(connection: &mut PgConnection) -> Result<Proof, LedgerError> {
    freeze(connection).await?;
    let mut proof = Proof::default();
    prove_owners(connection, &mut proof).await?;
    prove_counters(connection, &mut proof).await?;
    Ok(proof)
}

/// Whatever has lost its identity. Events must also stand in the month of theirs.
async fn prove_owners(connection: &mut PgConnection, proof: &mut Proof) -> Result<(), LedgerError> {
    let invoices = sqlx::query!(
        r#"
        SELECT i.environment, i.uuid
        FROM invoices i
        WHERE NOT EXISTS (SELECT FROM identities d WHERE d.environment = i.environment AND d.uuid = i.uuid)
        LIMIT 1000
        "#
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    for row in invoices {
        proof.blame(read_key(row.environment, row.uuid)?, None, "the invoice has no identity");
    }
    let events = sqlx::query!(
        r#"
        SELECT e.environment, e.uuid, min(e.version) AS "version!"
        FROM events e
        WHERE NOT EXISTS (
            SELECT FROM identities d
            WHERE d.environment = e.environment AND d.uuid = e.uuid AND d.accepted_month = e.accepted_month)
        GROUP BY e.environment, e.uuid
        LIMIT 1000
        "#
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    for row in events {
        let version = Some(read(row.version)?);
        proof.blame(
            read_key(row.environment, row.uuid)?,
            version,
            "the events have no identity in their month",
        );
    }
    Ok(())
}

/// Each number has one invoice, which has that number, and between the first and the last there is no hole.
async fn prove_counters(connection: &mut PgConnection, proof: &mut Proof) -> Result<(), LedgerError> {
    let unassigned = sqlx::query!(
        r#"
        SELECT i.environment, i.uuid, i.icv AS "icv!"
        FROM invoices i
        WHERE i.icv IS NOT NULL AND NOT EXISTS (
            SELECT FROM icv_assignments a
            WHERE a.environment = i.environment AND a.tax_number = i.tax_number
                AND a.income_source = i.income_source AND a.icv = i.icv AND a.uuid = i.uuid)
        LIMIT 1000
        "#
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    for row in unassigned {
        let message = format!("counter {} is not assigned to this invoice", row.icv);
        proof.blame(read_key(row.environment, row.uuid)?, None, message);
    }
    let unused = sqlx::query!(
        r#"
        SELECT a.environment, a.uuid, a.icv
        FROM icv_assignments a
        WHERE NOT EXISTS (
            SELECT FROM invoices i
            WHERE i.environment = a.environment AND i.uuid = a.uuid AND i.tax_number = a.tax_number
                AND i.income_source = a.income_source AND i.icv = a.icv)
        LIMIT 1000
        "#
    )
    .fetch_all(&mut *connection)
    .await
    .map_err(failed)?;
    for row in unused {
        let message = format!("has been assigned counter {}, but does not have it", row.icv);
        proof.blame(read_key(row.environment, row.uuid)?, None, message);
    }
    let holes = sqlx::query!(
        r#"
        SELECT environment AS "environment!", uuid AS "uuid?", tax_number AS "tax_number!",
            income_source AS "income_source!", icv AS "icv!"
        FROM (
            SELECT r.environment, r.uuid, r.tax_number, r.income_source, r.icv,
                coalesce(
                    lead(r.icv) OVER (PARTITION BY r.environment, r.tax_number, r.income_source ORDER BY r.icv),
                    c.next_icv) AS next
            FROM (
                SELECT environment, tax_number, income_source, icv, uuid FROM icv_assignments
                UNION ALL
                SELECT environment, tax_number, income_source, first_icv - 1, NULL FROM icv_counters
            ) r
            LEFT JOIN icv_counters c ON c.environment = r.environment AND c.tax_number = r.tax_number
                AND c.income_source = r.income_source
        ) runs
        WHERE next IS DISTINCT FROM icv + 1
        LIMIT 1000
        "#
    )
    .fetch_all(connection)
    .await
    .map_err(failed)?;
    for row in holes {
        let key = row.uuid.map(|uuid| read_key(row.environment, uuid)).transpose()?;
        let source = IncomeSource { tax_number: row.tax_number, sequence: row.income_source };
        proof.blame(key, None, format!("there is a hole in the counters of {source} after {}", row.icv));
    }
    Ok(())
}
