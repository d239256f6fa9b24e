//! Ready-made UBL 2.1 documents of the Jordan profile, as other systems have written them.
//!
//! What they say is kept: number, UUID, lines, amounts. The document that is sent is written anew, under a counter (ICV) of ours: their bytes
//! are not passed on. Their amounts are checked against their lines by the guide's formulas and its tolerance.

use std::collections::BTreeMap;

use ::ubl::{Finding, FindingCode, Reading, Severity};
use invoice::event::Kind;
use invoice::returns::{OriginalReference, ReturnKind, ReturnLine};
use invoice::{
    Fault, FaultCode, InvoiceEvent, Language, Message, Profile, Published, ReturnEvent, limits, normal,
};

use crate::document::{Mapped, Names};

/// Reads one document.
///
/// # Errors
/// All faults, each at its place in the document.
pub fn read(xml: &[u8]) -> Result<Mapped, Vec<Fault>> {
    let reading = ::ubl::read(xml).map_err(|error| {
        vec![Fault::new(FaultCode::InvalidValue, "", format!("is no invoice that can be read: {error}"))]
    })?;
    let mut event = reading.event().map_err(|findings| findings.iter().map(fault).collect::<Vec<_>>())?;
    let faults: Vec<Fault> = contradictions(&reading).iter().map(fault).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    let given = reading.uuid();
    if event.uuid.is_none() && !given.is_empty() {
        event.uuid = Some(normal::name_based_uuid(&event.seller, given));
    }
    event.metadata = kept(&reading, &event);
    let event = match event.kind {
        Kind::Invoice => Published::Invoice(event),
        Kind::Return => Published::Return(as_return(event)),
    };
    Ok(Mapped { event, names: Names::Ubl })
}

/// What a document says twice, and differently: amounts that its lines do not come to, two currencies. Elements that are only written
/// otherwise than the guide has them are no obstacle, since the document is written anew.
fn contradictions(reading: &Reading) -> Vec<Finding> {
    let mut findings = ::ubl::examine(reading, &Profile::default());
    findings.retain(|finding| {
        finding.severity == Severity::Error
            && (finding.formula.is_some() || finding.code == FindingCode::DifferentCurrencies)
    });
    findings
}

fn fault(finding: &Finding) -> Fault {
    let code = match finding.code {
        FindingCode::Rule(code) => code,
        FindingCode::MissingElement => FaultCode::MissingField,
        _ if finding.formula.is_some() => FaultCode::TotalMismatch,
        _ => FaultCode::InvalidValue,
    };
    let text = |language| format!("{}: {}", finding.what(language), finding.remedy(language));
    let message = Message { en: text(Language::En), ar: text(Language::Ar) };
    Fault::new(code, finding.path.as_str(), message)
}

/// What the document that is sent will not have of this one. Not its counter: that is drawn here anew, and a document of ours that comes
/// back must be the event that it was written from.
fn kept(reading: &Reading, event: &InvoiceEvent) -> Option<BTreeMap<String, String>> {
    let mut kept = BTreeMap::new();
    if event.uuid.map(|uuid| uuid.to_string()).as_deref() != Some(reading.uuid())
        && !reading.uuid().is_empty()
    {
        kept.insert("cbc:UUID".to_owned(), reading.uuid().to_owned());
    }
    let unknown = reading.unknown();
    if !unknown.is_empty() {
        let mut list: String = unknown.join(", ");
        if let Some((end, _)) = list.char_indices().nth(limits::METADATA_CHARS) {
            list.truncate(end);
        }
        kept.insert("left out".to_owned(), list);
    }
    Some(kept).filter(|kept| !kept.is_empty())
}

/// A return states all that a whole document does; it is completed from its original like any other, and what is stated must agree.
fn as_return(event: InvoiceEvent) -> ReturnEvent {
    let original = event.original;
    let original = OriginalReference {
        uuid: original.as_ref().map(|original| original.uuid.clone()).filter(|uuid| !uuid.is_empty()),
        number: original.as_ref().map(|original| original.number.clone()).filter(|number| !number.is_empty()),
        total: original.as_ref().and_then(|original| original.total),
        reason: original.map(|original| original.reason).unwrap_or_default(),
        lines: None,
    };
    let line = |(line, place): (invoice::event::Line, u32)| ReturnLine {
        id: line.id.unwrap_or(place),
        quantity: line.quantity,
        name: Some(line.name),
        unit_price: Some(line.unit_price),
        discount: Some(line.discount),
        tax: line.tax,
        special_tax: line.special_tax,
        consumer_price: line.consumer_price,
    };
    ReturnEvent {
        schema_version: event.schema_version,
        uuid: event.uuid,
        amends: None,
        kind: ReturnKind::Return,
        number: event.number,
        issue_date: event.issue_date,
        note: event.note,
        metadata: event.metadata,
        seller: event.seller,
        original,
        lines: Some(event.lines.into_iter().zip(1..).map(line).collect()),
        family: Some(event.family),
        scope: Some(event.scope),
        payment: Some(event.payment),
        currency: Some(event.currency),
        // The original's is copied, byte for byte, and many programs write none on returns.
        buyer: None,
    }
}
