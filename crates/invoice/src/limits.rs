//! Every bound of the event in one place. The authority publishes hardly any (specification 2.12); these are ours
//! unless a line says otherwise. Must not know the rules that apply them.

/// The one version of the event format.
pub const SCHEMA_VERSION: u32 = 1;
/// Bytes of one event as JSON.
pub const EVENT_BYTES: usize = 1024 * 1024;
/// Characters of a document's number, and of the original's number and UUID.
pub const NUMBER_CHARS: usize = 100;
/// Characters of a name: the seller's, the buyer's, a line's.
pub const NAME_CHARS: usize = 500;
/// Characters of the note.
pub const NOTE_CHARS: usize = 2_000;
/// Members of the metadata.
pub const METADATA: usize = 25_000;
/// Characters of a member of the metadata: its name, and its value.
pub const METADATA_CHARS: usize = 500;
/// Characters of the reason of a return.
pub const REASON_CHARS: usize = 500;
/// Characters of a postal code (guide v1.5: "Postal code length is incorrect").
pub const POSTAL_CODE_CHARS: usize = 5;
/// Digits of the seller's tax number; samples have 7 to 9.
pub const TAX_NUMBER_DIGITS: std::ops::RangeInclusive<usize> = 5..=15;
/// Digits of an income-source sequence; samples have 7 or 8.
pub const INCOME_SOURCE_DIGITS: std::ops::RangeInclusive<usize> = 1..=20;
/// Digits of a buyer's identification.
pub const IDENTIFICATION_DIGITS: std::ops::RangeInclusive<usize> = 1..=30;
/// Digits of a telephone number (guide v1.5).
pub const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 9..=14;
/// Digits of a telephone number by the lax reading (specification 2.5).
pub const PHONE_DIGITS_LAX: std::ops::RangeInclusive<usize> = 1..=15;
/// Characters of a telephone number as it is typed, before everything but digits is dropped.
pub const PHONE_CHARS: usize = 40;
/// Lines of a document.
pub const LINES: usize = 10_000;
/// Decimals of every amount (guide v1.5: at most 9).
pub const DECIMALS: u32 = 9;
/// Quantities and unit prices are below this.
pub const FACTOR: i64 = 1_000_000_000;
/// The gross, a discount and the special tax of one line are at most this.
pub const LINE_AMOUNT: i64 = 1_000_000_000_000;
/// A document's total with tax is at most this.
pub const DOCUMENT_AMOUNT: i64 = 1_000_000_000_000_000;
/// A cash sale above this total in JOD must name its buyer (guide v1.5); exactly this need not.
pub const NAMELESS_JOD: i64 = 10_000;
/// The earliest year of issue: the law that asks for invoices is Income Tax Law 38 of 2018.
pub const FIRST_YEAR: i32 = 2018;
/// The last year of issue. A date in the future cannot be known without a clock.
pub const LAST_YEAR: i32 = 2100;
/// The currencies that the authority takes (guide v1.5; SEK is new there).
pub const CURRENCIES: [&str; 18] = [
    "JOD", "USD", "EUR", "SAR", "AED", "OMR", "GBP", "QAR", "KWD", "BHD", "AUD", "CAD", "JPY", "CHF", "TRY",
    "SYP", "EGP", "SEK",
];
/// The rates of the general sales tax in percent (guide v1.5). 0 is not a rate of category S.
pub const RATES: [i64; 9] = [1, 2, 3, 4, 5, 7, 8, 10, 16];
/// Faults that are listed of one event.
pub const FAULTS: usize = 1_000;
