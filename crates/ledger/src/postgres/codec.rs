//! How our values stand in columns, and how they are read back. Knows no query.

use chrono::{Datelike, NaiveDate, SubsecRound};
use invoice::event::{Family, Kind, Payment};
use invoice::life::Invoice;
use invoice::{Digest, Environment, InvoiceKey, Timestamp};
use uuid::Uuid;

use crate::LedgerError;

/// As in the tables: in the order of declaration, so that both sides sort alike.
pub(super) fn environment(environment: Environment) -> i16 {
    match environment {
        Environment::Simulation => 0,
        Environment::Sandbox => 1,
        Environment::Production => 2,
    }
}

pub(super) fn read_environment(number: i16) -> Result<Environment, LedgerError> {
    match number {
        0 => Ok(Environment::Simulation),
        1 => Ok(Environment::Sandbox),
        2 => Ok(Environment::Production),
        other => Err(LedgerError::Corrupt(format!("environment {other} is unknown"))),
    }
}

pub(super) fn read_key(environment: i16, uuid: Uuid) -> Result<InvoiceKey, LedgerError> {
    Ok(InvoiceKey { environment: read_environment(environment)?, uuid })
}

/// Two columns for the keys of a batch.
pub(super) fn keys(keys: &[InvoiceKey]) -> (Vec<i16>, Vec<Uuid>) {
    keys.iter().map(|key| (environment(key.environment), key.uuid)).unzip()
}

/// Any number of ours as a column has it.
pub(super) fn fit<C, N>(number: N) -> Result<C, LedgerError>
where
    C: TryFrom<N>,
    N: Copy + std::fmt::Display,
{
    C::try_from(number).map_err(|_| LedgerError::Refused(format!("{number} is too large for the ledger")))
}

/// A number of a column as ours.
pub(super) fn read<N, C>(number: C) -> Result<N, LedgerError>
where
    N: TryFrom<C>,
    C: Copy + std::fmt::Display,
{
    N::try_from(number)
        .map_err(|_| LedgerError::Corrupt(format!("{number} is no number that the ledger writes")))
}

pub(super) fn read_digest(bytes: &[u8]) -> Result<Digest, LedgerError> {
    Digest::from_slice(bytes).map_err(|error| LedgerError::Corrupt(error.to_string()))
}

/// The digests of all document versions, one behind the other.
pub(super) fn digests(digests: &[Digest]) -> Vec<u8> {
    digests.iter().flat_map(|digest| *digest.as_bytes()).collect()
}

pub(super) fn read_digests(bytes: &[u8]) -> Result<Vec<Digest>, LedgerError> {
    bytes.chunks(32).map(read_digest).collect()
}

/// A stable name as its enum.
pub(super) fn read_name<T>(name: &str) -> Result<T, LedgerError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    name.parse().map_err(|error: T::Err| LedgerError::Corrupt(error.to_string()))
}

pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Invoice => "invoice",
        Kind::Return => "return",
    }
}

pub(super) fn read_kind(name: &str) -> Result<Kind, LedgerError> {
    [Kind::Invoice, Kind::Return]
        .into_iter()
        .find(|value| kind(*value) == name)
        .ok_or_else(|| unknown("kind", name))
}

pub(super) fn family(family: Family) -> &'static str {
    match family {
        Family::Income => "income",
        Family::GeneralSales => "general_sales",
        Family::SpecialSales => "special_sales",
    }
}

pub(super) fn read_family(name: &str) -> Result<Family, LedgerError> {
    [Family::Income, Family::GeneralSales, Family::SpecialSales]
        .into_iter()
        .find(|value| family(*value) == name)
        .ok_or_else(|| unknown("family", name))
}

pub(super) fn payment(payment: Payment) -> &'static str {
    match payment {
        Payment::Cash => "cash",
        Payment::Receivable => "receivable",
    }
}

pub(super) fn read_payment(name: &str) -> Result<Payment, LedgerError> {
    [Payment::Cash, Payment::Receivable]
        .into_iter()
        .find(|value| payment(*value) == name)
        .ok_or_else(|| unknown("payment", name))
}

fn unknown(what: &str, name: &str) -> LedgerError {
    LedgerError::Corrupt(format!("unknown {what} {name:?}"))
}

/// Postgres keeps microseconds; more would be lost on the way and break the chain.
pub(super) fn micros(time: Timestamp) -> Timestamp {
    time.trunc_subsecs(6)
}

/// The invoice as it will be read back.
pub(super) fn as_stored(mut invoice: Invoice) -> Invoice {
    let times = [&mut invoice.lease_until, &mut invoice.due_at, &mut invoice.doubt_since];
    let waiting = invoice.waiting.as_mut().map(|waiting| &mut waiting.since);
    for time in times.into_iter().flatten().chain(waiting) {
        *time = micros(*time);
    }
    invoice.updated_at = micros(invoice.updated_at);
    invoice
}

/// The partition of a stream that was accepted at this time.
pub(super) fn month(accepted_at: Timestamp) -> NaiveDate {
    let day = accepted_at.date_naive();
    day.with_day(1).unwrap_or(day)
}

/// Postgres takes every character but NUL.
pub(super) fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_back() {
        for value in [Environment::Simulation, Environment::Sandbox, Environment::Production] {
            assert_eq!(read_environment(environment(value)).unwrap(), value);
        }
        assert!(read_environment(3).is_err());
        for value in [Kind::Invoice, Kind::Return] {
            assert_eq!(read_kind(kind(value)).unwrap(), value);
        }
        for value in [Family::Income, Family::GeneralSales, Family::SpecialSales] {
            assert_eq!(read_family(family(value)).unwrap(), value);
        }
        for value in [Payment::Cash, Payment::Receivable] {
            assert_eq!(read_payment(payment(value)).unwrap(), value);
        }
        assert!(read_payment("نقدا").is_err());
    }

    #[test]
    fn digests_and_back() {
        let three = [Digest([1; 32]), Digest([2; 32]), Digest([3; 32])];
        assert_eq!(read_digests(&digests(&three)).unwrap(), three);
        assert!(read_digests(&[0; 33]).is_err());
    }

    #[test]
    fn a_month_begins_in_utc() {
        let last = "2026-11-30T23:59:59.999999999Z".parse::<Timestamp>().unwrap();
        assert_eq!(month(last).to_string(), "2026-11-01");
        assert_eq!(micros(last).timestamp_subsec_nanos(), 999_999_000);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(matches!(fit::<i64, u64>(u64::MAX), Err(LedgerError::Refused(_))));
        assert!(matches!(read::<u32, i32>(-1), Err(LedgerError::Corrupt(_))));
    }
}
