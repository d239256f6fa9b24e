//! A ledger as it is after years: filled by SQL with invoices that cleared long ago, so that growth can be measured. Every row
//! stands where the program would have put it; the chains are not computed, so that `verify` would object.

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::TestDatabase;
use crate::LedgerError;
use crate::postgres::failed;

/// Events of each invoice.
pub const EVENTS: u64 = 4;

impl TestDatabase {
    /// Adds the invoices with these numbers, accepted over the last `months` months: of 2,000, one waits for a person and one
    /// is open; the others are cleared. A thousand sellers, of very different size: the first, 20000000, has a tenth of all, and
    /// some of what waits.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn fill(&self, numbers: std::ops::Range<u64>, months: u32) -> Result<(), LedgerError> {
        let mut connection = PgConnection::connect(self.url()).await.map_err(failed)?;
        let made = "SELECT count(*) FROM generate_series(1, $1) ago, unnest('{events,contents,documents,attempts}'::name[]) t
            WHERE fawtara_make_partition(t, (date_trunc('month', now() AT TIME ZONE 'UTC') - make_interval(months => ago))::date)";
        sqlx::query(made)
            .bind(i32::try_from(months).unwrap_or(i32::MAX))
            .execute(&mut connection)
            .await
            .map_err(failed)?;
        let (first, last) = (numbers.start, numbers.end.saturating_sub(1));
        let new = format!(
            "CREATE TEMPORARY TABLE new AS
             SELECT n, gen_random_uuid() AS uuid, 0::smallint AS environment, (20000000 + floor(1000 * (n::bigint * 7919 % 10007 / 10007.0) ^ 3))::bigint::text AS seller,
                now() - make_interval(days => 1) - random() * make_interval(months => {}) AS at,
                CASE n % 2000 WHEN 0 THEN 'rejected' WHEN 1 THEN 'draft' ELSE 'cleared' END AS state
             FROM generate_series({first}, {last}) n;
             ALTER TABLE new ADD COLUMN month date;
             UPDATE new SET month = date_trunc('month', at AT TIME ZONE 'UTC')::date;",
            months.saturating_sub(1)
        );
        for sql in [new.as_str()].into_iter().chain(TABLES) {
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.map_err(failed)?;
        }
        // As autovacuum would have done.
        sqlx::raw_sql("VACUUM (ANALYZE)").execute(&mut connection).await.map_err(failed)?;
        connection.close().await.map_err(failed)
    }
}

const TABLES: [&str; 9] = [
    "INSERT INTO identities (environment, uuid, tax_number, income_source, number, accepted_month)
     SELECT environment, uuid, seller, '1', 'OLD-' || n, month FROM new",
    "INSERT INTO invoices (environment, uuid, tax_number, income_source, number, accepted_at, accepted_month, version, state, document,
        contents, icv, xml, attempt, cause, message, qr, cleared_document, updated_at, head, wake_at, kind, family, payment, issue_date,
        currency, payable, buyer)
     SELECT environment, uuid, seller, '1', 'OLD-' || n, at, month, 4, state, 1, sha256(uuid_send(uuid)), n,
        sha256(uuid_send(uuid)), CASE state WHEN 'draft' THEN 0 ELSE 1 END, CASE state WHEN 'rejected' THEN 'refused' END,
        CASE state WHEN 'rejected' THEN 'الرقم الضريبي للمشتري غير صحيح' END, CASE state WHEN 'cleared' THEN repeat(md5(n::text), 8) END,
        CASE state WHEN 'cleared' THEN 1 END, at + interval '2 seconds', sha256(uuid_send(uuid)),
        CASE state WHEN 'draft' THEN now() + random() * interval '1 hour' END, 'invoice', 'income', 'cash', at::date, 'JOD',
        (n % 10000)::numeric / 100, 'مشتر ' || n % 5000
     FROM new",
    "INSERT INTO events (accepted_month, environment, uuid, version, at, type, payload, hash)
     SELECT month, environment, uuid, version, at + version * interval '0.5 seconds',
        ('{accepted,encoded,submission_started,cleared}'::text[])[version],
        CASE version
            WHEN 1 THEN json_build_object('type', 'accepted', 'content', md5(n::text) || md5(n::text))
            WHEN 2 THEN json_build_object('type', 'encoded', 'document', 1, 'icv', n, 'xml', md5(n::text) || md5(n::text))
            WHEN 3 THEN json_build_object('type', 'submission_started', 'attempt', 1, 'document', 1, 'lease_until', at, 'worker',
                'submitter-1', 'xml', md5(n::text) || md5(n::text))
            ELSE json_build_object('type', 'cleared', 'attempt', 1, 'document', 1, 'qr', repeat(md5(n::text), 8), 'already', false,
                'evidence', json_build_object('duration_ms', 85, 'message', 'SUBMITTED'))
        END, sha256(uuid_send(uuid))
     FROM new, generate_series(1, 4) version",
    "INSERT INTO contents (accepted_month, environment, uuid, document, sha256, normal_form)
     SELECT month, environment, uuid, 1, sha256(uuid_send(uuid)), json_build_object('number', 'OLD-' || n, 'lines', repeat(md5(n::text), 8))
     FROM new",
    "INSERT INTO documents (accepted_month, environment, uuid, document, kind, version, sha256, bytes, created_at)
     SELECT month, environment, uuid, 1, 'sent', 2, sha256(uuid_send(uuid)), convert_to(repeat(md5(n::text), 12), 'UTF8'), at FROM new",
    "INSERT INTO attempts (accepted_month, environment, uuid, version, attempt, document, started_at, ended_at, worker, outcome, late, evidence)
     SELECT month, environment, uuid, 4, 1, 1, at, at, 'submitter-1', CASE state WHEN 'cleared' THEN 'cleared' ELSE 'refused' END, false,
        json_build_object('duration_ms', 85, 'message', '') FROM new WHERE state <> 'draft'",
    "INSERT INTO icv_assignments (environment, tax_number, income_source, icv, uuid) SELECT environment, seller, '1', n, uuid FROM new",
    "INSERT INTO settled_counts (state, count) SELECT state, count(*) FROM new WHERE state = 'cleared' GROUP BY state",
    "INSERT INTO checkpoint_heads (number, environment, uuid, version, hash) SELECT 1000000 + n / 10000, environment, uuid, 4, sha256(uuid_send(uuid)) FROM new",
];
