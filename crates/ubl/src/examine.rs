//! What is wrong with a document: by the profile (elements, order, fixed texts), by the rules for events, and by the arithmetic.
//! All findings at once. Knows no settings but the taxpayer's readings, and no original of a return.

mod arithmetic;
mod elements;
mod rules;
mod structure;
mod taxes;

use std::collections::BTreeSet;

use invoice::Profile;
use invoice::event::Kind;

use crate::finding::{Finding, FindingCode, Findings, MAX_FINDINGS};
use crate::read::Reading;

pub use rules::xpath;

/// All that is wrong with a document by the taxpayer's readings (the first [`MAX_FINDINGS`]); none means that the authority takes it,
/// as far as the document alone can tell.
///
/// Not known here, and so not checked: the taxpayer's registration, the original of a return, a date in the future.
#[must_use]
pub fn examine(reading: &Reading, profile: &Profile) -> Vec<Finding> {
    let mut found = structure(reading, profile);
    let (event, unread) = reading.event_so_far();
    let understood = !unread.iter().any(|finding| finding.path.starts_with("/Invoice/cac:InvoiceLine"));
    found.extend(unread);
    if let Some(event) = event {
        // What could not be understood breaks rules as well, which says no more.
        let places: BTreeSet<String> = found.iter().map(|finding| finding.path.clone()).collect();
        found.extend(
            rules::rules(&event, profile).into_iter().filter(|broken| !places.contains(&broken.path)),
        );
        // Amounts that follow from something misread would only repeat the fault.
        if understood {
            found.extend(arithmetic::arithmetic(reading, &event, profile));
        }
    }
    without_repeats(found)
}

/// What is wrong with elements, attributes and texts, whatever they mean.
pub(crate) fn structure(reading: &Reading, profile: &Profile) -> Vec<Finding> {
    let mut findings = Findings::default();
    if !reading.opens_on_one_line() {
        findings.add(Finding::error(FindingCode::OpeningTag, "/Invoice"));
    }
    structure::structure(reading, profile, &mut findings);
    taxes::taxes(reading, &mut findings);
    codes(reading, &mut findings);
    findings.0
}

/// Codes and identifiers of the document's head that the event does not carry, or carries in another form.
fn codes(reading: &Reading, findings: &mut Findings) {
    let root = reading.root();
    let document = root.text_at("cbc:DocumentCurrencyCode");
    let tax = root.text_at("cbc:TaxCurrencyCode");
    if !tax.is_empty() && document != tax {
        let finding = Finding::error(FindingCode::DifferentCurrencies, "/Invoice/cbc:TaxCurrencyCode");
        findings.add(finding.found(tax).expected(document));
    }
    let uuid = reading.uuid();
    if !uuid.is_empty() && (uuid.len() != 36 || uuid::Uuid::try_parse(uuid).is_err()) {
        findings.add(Finding::warning(FindingCode::UuidForm, "/Invoice/cbc:UUID").found(uuid));
    }
    if root.text_at("cbc:ProfileID").is_empty() && root.child("cbc:UBLVersionID").is_none() {
        let finding = Finding::warning(FindingCode::MissingElement, "/Invoice/cbc:ProfileID");
        findings.add(finding.expected("reporting:1.0"));
    }
    if reading.icv().is_none() {
        let path = "/Invoice/cac:AdditionalDocumentReference/cbc:UUID";
        let mut counters = root.children_named("cac:AdditionalDocumentReference");
        findings.add(match counters.find(|reference| reference.text_at("cbc:ID") == "ICV") {
            Some(reference) => {
                Finding::error(FindingCode::NotAWholeNumber, path).found(reference.text_at("cbc:UUID"))
            }
            None => Finding::error(FindingCode::MissingElement, path).expected("ICV"),
        });
    }
    if reading.kind() == Some(Kind::Return) {
        returns(reading, findings);
    }
}

/// What only returns can have wrong.
fn returns(reading: &Reading, findings: &mut Findings) {
    let root = reading.root();
    let path = "cac:BillingReference/cac:InvoiceDocumentReference/cbc:DocumentDescription";
    let total = root.text_at(path);
    if total.contains(',') && crate::read::grouped(total) {
        findings.add(Finding::warning(FindingCode::GroupedTotal, format!("/Invoice/{path}")).found(total));
    }
    let buyer = "cac:AccountingCustomerParty/cac:Party";
    let empty = ["cac:PartyIdentification/cbc:ID", "cac:PartyLegalEntity/cbc:RegistrationName"];
    if empty.iter().all(|inside| root.text_at(&format!("{buyer}/{inside}")).is_empty()) {
        findings.add(Finding::warning(FindingCode::ReturnBuyer, format!("/Invoice/{buyer}")));
    }
}

/// Each rule once for each place; bounded.
fn without_repeats(found: Vec<Finding>) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut kept = found;
    kept.retain(|finding| seen.insert((finding.code, finding.path.clone())));
    kept.truncate(MAX_FINDINGS);
    kept
}
