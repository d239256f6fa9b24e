//! Random documents, each checked by means that do not share our own mistakes: the UBL 2.1 schema, the formulas recomputed from
//! the printed XML with exact rationals, the simulated authority, and the way back through the reader. One seed is one case.

#![allow(clippy::arithmetic_side_effects, reason = "test code: an overflow is a failure")]

mod dice;
mod formulas;
mod printed;
#[path = "../../src/random.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "the fleet's tests use more of it"
)]
mod random;
mod returns;
mod schema;

use invoice::event::{Family, InvoiceEvent, Kind, Prices};
use invoice::profile::{Rounding, Slash};
use invoice::{Profile, Published, Settled, Totals};
use ubl::{FindingCode, Severity};

pub use schema::Schema;

use random::Random;

/// What was done, to be added up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Documents written and checked, returns among them.
    pub documents: u64,
    /// Returns among them.
    pub returns: u64,
    /// Originals that were taken back to the last piece.
    pub exhausted: u64,
    /// Their lines.
    pub lines: u64,
    /// Amounts compared with their formula.
    pub amounts: u64,
    /// Documents that the simulated authority looked at.
    pub simulated: u64,
    /// Documents of events with a document discount or shop prices.
    pub settled: u64,
    /// Bytes of XML.
    pub bytes: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.documents += other.documents;
        self.returns += other.returns;
        self.exhausted += other.exhausted;
        self.lines += other.lines;
        self.amounts += other.amounts;
        self.simulated += other.simulated;
        self.settled += other.settled;
        self.bytes += other.bytes;
    }
}

/// Checks the case of one seed: a random invoice by random readings, and sometimes its returns until nothing is left.
///
/// # Errors
/// What does not hold, with all that is needed to see why.
pub fn check(seed: u64, schema: Option<&Schema>) -> Result<Tally, String> {
    let mut random = Random::new(seed);
    let profile = dice::profile(&mut random);
    let event = dice::event(&mut random, &profile);
    let check = Check { schema, profile: &profile };
    let mut tally = Tally::default();
    let with_options = event.prices == Prices::TaxIncluded || event.discount.is_some();
    let shop = event.clone();
    let taken = invoice::check(Published::Invoice(event), &profile)
        .map_err(|faults| format!("seed {seed}: refused: {faults:?}\n{shop:#?}"))?;
    let Some(Settled { event, totals }) = taken.document else {
        return Err(format!("seed {seed}: an invoice without a document"));
    };
    let inside = |error: String, xml: &[u8]| {
        format!("seed {seed}: {error}\n{shop:#?}\n{profile:#?}\n{}", String::from_utf8_lossy(xml))
    };
    let icv = random.between(1, 1_000_000);
    let xml = check.document(&event, &totals, icv, None, &mut tally).map_err(|error| inside(error, b""))?;
    if with_options {
        formulas::settled(&shop, &totals).map_err(|error| inside(error, &xml))?;
        tally.settled += 1;
    }
    if random.chance(200) {
        returns::until_nothing_is_left(&check, &mut random, &event, &xml, &mut tally)
            .map_err(|error| inside(error, &xml))?;
    }
    Ok(tally)
}

/// What every document is held against.
struct Check<'a> {
    schema: Option<&'a Schema>,
    profile: &'a Profile,
}

impl Check<'_> {
    /// Writes one document and holds it against everything.
    fn document(
        &self,
        event: &InvoiceEvent,
        totals: &Totals,
        icv: u64,
        buyer: Option<&str>,
        tally: &mut Tally,
    ) -> Result<Vec<u8>, String> {
        let mut xml = Vec::new();
        let document = ubl::Document { event, totals, icv, profile: self.profile, buyer };
        ubl::write(&document, &mut xml).map_err(|error| format!("not written: {error}"))?;
        let inside = |error: String| format!("{error}\n{}", String::from_utf8_lossy(&xml));
        if let Some(schema) = self.schema {
            schema.check(&xml).map_err(|error| inside(format!("against the schema: {error}")))?;
        }
        tally.amounts +=
            formulas::check(&xml, self.profile).map_err(|error| inside(format!("arithmetic: {error}")))?;
        self.reads_back(event, totals, icv, &xml).map_err(inside)?;
        if is_simulated(self.profile) {
            let text = std::str::from_utf8(&xml).map_err(|error| error.to_string())?;
            let complaints = simulator::complaints(text, &simulator_settings());
            if !complaints.is_empty() {
                return Err(inside(format!("the simulated authority says: {complaints:?}")));
            }
            tally.simulated += 1;
        }
        tally.documents += 1;
        tally.returns += u64::from(event.kind == Kind::Return);
        tally.lines += event.lines.len() as u64;
        tally.bytes += xml.len() as u64;
        Ok(xml)
    }

    fn reads_back(&self, event: &InvoiceEvent, totals: &Totals, icv: u64, xml: &[u8]) -> Result<(), String> {
        let reading = ubl::read(xml).map_err(|error| format!("not read: {error}"))?;
        let read = reading.event().map_err(|findings| format!("not understood: {findings:?}"))?;
        let expected = legible(event, self.profile);
        if read != expected {
            return Err(format!("read back as {read:#?}\ninstead of {expected:#?}"));
        }
        if reading.icv() != Some(icv) {
            return Err(format!("counter read back as {:?} instead of {icv}", reading.icv()));
        }
        let again = Totals::of(&read, self.profile).map_err(|error| error.to_string())?;
        if again != *totals {
            return Err(format!("totals read back as {again:?} instead of {totals:?}"));
        }
        let findings = ubl::examine(&reading, self.profile);
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
        let errors: Vec<_> = errors.collect();
        let odd: Vec<_> = findings
            .iter()
            .filter(|finding| matches!(finding.code, FindingCode::Amount | FindingCode::UnknownElement))
            .collect();
        if !errors.is_empty() || !odd.is_empty() {
            return Err(format!("the check of our own document finds {errors:#?} {odd:#?}"));
        }
        Ok(())
    }
}

/// The event without what its document cannot say.
fn legible(event: &InvoiceEvent, profile: &Profile) -> InvoiceEvent {
    let mut event = event.clone();
    if event.kind == Kind::Return && event.family != Family::Income && !profile.return_note {
        event.note = None;
    }
    if profile.slash == Slash::Underscore {
        event.number = event.number.replace('/', "_");
    }
    event.metadata = None;
    event
}

/// The simulated authority knows guide v1.5 only.
fn is_simulated(profile: &Profile) -> bool {
    *profile == Profile { rounding: Rounding::Once, ..Profile::default() }
}

/// An authority that takes nothing but what is rounded once, half-up, at nine decimals.
fn simulator_settings() -> simulator::Settings {
    let half_a_billionth = "0.0000000005".parse();
    let default = simulator::Settings::default();
    simulator::Settings {
        tolerance: half_a_billionth.unwrap_or_else(|_| default.tolerance.clone()),
        ..default
    }
}
