//! What a database error means to whoever called: try again, split the batch, or call a person. Knows no query.

use sqlx::PgPool;

use crate::LedgerError;

/// Sorts an error of the database or of the road to it.
pub(crate) fn failed(error: sqlx::Error) -> LedgerError {
    let text = error.to_string();
    match error {
        sqlx::Error::Database(error) => match error.code() {
            Some(code) => by_code(&code, format!("{text} ({code}){}", hint(&code))),
            None => LedgerError::Unavailable(text),
        },
        sqlx::Error::Encode(_) | sqlx::Error::InvalidArgument(_) => LedgerError::Refused(text),
        sqlx::Error::Decode(_)
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnNotFound(_)
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::TypeNotFound { .. }
        | sqlx::Error::RowNotFound => LedgerError::Corrupt(text),
        // Broken connections, TLS, a pool that ran dry or was closed: all of the road.
        _ => LedgerError::Unavailable(text),
    }
}

/// As [`failed`], for an error of the pool itself: alone, "timed out" hides what was the matter.
pub(super) fn no_connection(pool: &PgPool, error: sqlx::Error) -> LedgerError {
    match error {
        sqlx::Error::PoolTimedOut => {
            let options = pool.options();
            LedgerError::Unavailable(format!(
                "no connection within {:?}: {} of at most {} are open, {} of them idle",
                options.get_acquire_timeout(),
                pool.size(),
                options.get_max_connections(),
                pool.num_idle(),
            ))
        }
        other => failed(other),
    }
}

/// Two transactions stood in each other's way and this one was undone: it may begin again at once.
pub(super) fn was_undone(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    matches!(code.as_deref(), Some("40001" | "40P01"))
}

/// What a newcomer's database lacks, and an old one under a new program: the tables, columns and functions of the migrations.
fn hint(code: &str) -> &'static str {
    match code {
        "42P01" | "42703" | "42883" => {
            ": the database is not migrated as far as this program needs; run `fawtara migrate`"
        }
        _ => "",
    }
}

fn by_code(code: &str, text: String) -> LedgerError {
    match code.get(..2).unwrap_or_default() {
        // A value that does not fit, a constraint, a row beyond the limits.
        "22" | "23" | "54" => LedgerError::Refused(text),
        // Data or index corrupted.
        "XX" if matches!(code, "XX001" | "XX002") => LedgerError::Corrupt(text),
        // All else passes or is mended from outside: connection (08), read-only after a failover (25), rolled back (40),
        // not migrated or not permitted (42), out of resources (53), locked (55), cancelled or shut down (57), disk (58).
        _ => LedgerError::Unavailable(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_by_what_helps() {
        let sorted = |code: &str| match by_code(code, String::new()) {
            LedgerError::Unavailable(_) => "unavailable",
            LedgerError::Refused(_) => "refused",
            LedgerError::Corrupt(_) => "corrupt",
        };
        for code in [
            "57P01", "57P03", "40001", "40P01", "55P03", "57014", "53300", "08006", "25006", "42P01", "XX000",
        ] {
            assert_eq!(sorted(code), "unavailable", "{code}");
        }
        for code in ["23505", "23514", "22021", "22003", "54000"] {
            assert_eq!(sorted(code), "refused", "{code}");
        }
        assert_eq!(sorted("XX001"), "corrupt");
    }

    #[test]
    fn errors_of_the_road_are_told_from_those_of_the_batch() {
        assert!(matches!(failed(sqlx::Error::PoolClosed), LedgerError::Unavailable(_)));
        assert!(matches!(failed(sqlx::Error::Encode("too long".into())), LedgerError::Refused(_)));
        assert!(matches!(failed(sqlx::Error::Decode("what?".into())), LedgerError::Corrupt(_)));
        assert!(!was_undone(&sqlx::Error::PoolTimedOut));
    }
}
