//! What holds for every event, every text, and every damage.

use invoice::event::{Family, IdentificationScheme, Kind};
use invoice::profile::Slash;
use invoice::{Amount, InvoiceEvent, Profile, Totals};
use proptest::prelude::*;
use ubl::{FindingCode, Severity, WriteError, identity, same_document};

use crate::{generate, sample};

/// The event without what its document cannot say.
fn legible(event: &InvoiceEvent, profile: &Profile) -> InvoiceEvent {
    let mut event = event.clone();
    if event.kind == Kind::Return && event.family != Family::Income && !profile.return_note {
        event.note = None;
    }
    if profile.slash == Slash::Underscore {
        event.number = event.number.replace('/', "_");
    }
    if let Some(buyer) = &mut event.buyer {
        // The tax number 0 is how some programs write nobody.
        let nobody = |known: &invoice::event::Identification| {
            known.scheme == IdentificationScheme::TN && known.number == "0"
        };
        if buyer.identification.as_ref().is_some_and(nobody) {
            buyer.identification = None;
        }
    }
    event.buyer = event.buyer.filter(|buyer| *buyer != invoice::event::Buyer::default());
    event
}

proptest! {
    #[test]
    fn every_event_is_written_and_read_back(event in generate::event(), icv in any::<u64>()) {
        let totals = Totals::of(&event, &invoice::Profile::default()).unwrap();
        let mut out = b"before".to_vec();
        ubl::write(&ubl::Document { event: &event, totals: &totals, icv, profile: &invoice::Profile::default(), buyer: None }, &mut out).unwrap();
        let document = out.strip_prefix(b"before").unwrap();
        let mut again = Vec::new();
        ubl::write(&ubl::Document { event: &event, totals: &totals, icv, profile: &invoice::Profile::default(), buyer: None }, &mut again).unwrap();
        prop_assert_eq!(document, again.as_slice(), "the same bytes every time");

        let found = identity(document).unwrap();
        prop_assert_eq!(found.number, event.number);
        prop_assert_eq!(found.uuid, event.uuid.unwrap().to_string());
        prop_assert_eq!(found.icv, icv);
        prop_assert_eq!(same_document(document, document), Ok(()));
    }

    /// What is read is what was written: the same event, but for what the readings leave out, and the same amounts.
    #[test]
    fn what_is_written_is_read_back(event in generate::event(), profile in generate::profile(), icv in any::<u64>()) {
        let totals = Totals::of(&event, &profile).unwrap();
        let mut out = Vec::new();
        ubl::write(&ubl::Document { event: &event, totals: &totals, icv, profile: &profile, buyer: None }, &mut out)
            .unwrap();
        let reading = ubl::read(&out).unwrap();
        prop_assert_eq!(reading.icv(), Some(icv));
        let read = reading.event().unwrap();
        prop_assert_eq!(&read, &legible(&event, &profile));
        prop_assert_eq!(Totals::of(&read, &profile).unwrap(), totals.clone());
        let printed = reading.printed();
        prop_assert_eq!(printed.payable, Some(Amount::from(totals.payable)));
        prop_assert_eq!(printed.lines.len(), totals.lines.len());
        if event.kind == Kind::Invoice {
            let original = reading.original().unwrap();
            prop_assert_eq!((&original.lines, original.uuid), (&read.lines, event.uuid.unwrap().to_string()));
        }
        // Our own documents have no fault of structure or arithmetic, by the readings that they were written by.
        let findings = ubl::examine(&reading, &profile);
        let own: Vec<_> =
            findings.iter().filter(|finding| !matches!(finding.code, FindingCode::Rule(_))).collect();
        let harmless = |finding: &&&ubl::Finding| finding.code == FindingCode::ReturnBuyer
            || finding.severity == Severity::Warning && finding.path.ends_with("CountrySubentityCode")
            || finding.severity == Severity::Warning && finding.path == "/Invoice/cbc:Note";
        let own: Vec<_> = own.iter().filter(|finding| !harmless(finding)).collect();
        prop_assert!(own.is_empty(), "{own:#?}");

        // The buyer can be pasted into a return, and is read the same there.
        let returned = sample::returned(InvoiceEvent { kind: Kind::Invoice, original: None, ..event.clone() });
        let pasted = sample::written_by(&returned, &profile, Some(reading.buyer()));
        let pasted = ubl::read(&pasted).unwrap();
        prop_assert_eq!(pasted.buyer(), reading.buyer());
        prop_assert_eq!(pasted.event().unwrap().buyer, read.buyer);
    }

    #[test]
    fn any_change_of_the_event_is_seen(event in generate::event(), other in generate::event(), field in 0..6) {
        let mut changed = event.clone();
        match field {
            0 => changed.number = other.number,
            1 => changed.note = other.note,
            2 => changed.seller = other.seller,
            3 => changed.buyer = other.buyer,
            4 => changed.issue_date = other.issue_date,
            _ => changed.lines = event.lines.iter().rev().cloned().collect(),
        }
        let (ours, theirs) = (sample::written(&event), sample::written(&changed));
        // The documents differ in bytes exactly when they differ as trees, since both are written the same way.
        prop_assert_eq!(same_document(&ours, &theirs).is_ok(), ours == theirs);
    }

    #[test]
    fn any_text_is_carried_faithfully_or_refused(text in any::<String>()) {
        let event = InvoiceEvent { number: format!("ف{text}ه"), ..sample::guide_income() };
        let totals = Totals::of(&event, &invoice::Profile::default()).unwrap();
        let mut out = Vec::new();
        match ubl::write(&ubl::Document { event: &event, totals: &totals, icv: 1, profile: &invoice::Profile::default(), buyer: None }, &mut out) {
            Ok(()) => prop_assert_eq!(identity(&out).unwrap().number, event.number),
            Err(WriteError::IllegalCharacter { character, .. }) => {
                prop_assert!(text.contains(character) && out.is_empty());
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn damage_never_panics(at in 0..5000_usize, bytes in prop::collection::vec(any::<u8>(), 0..8), cut in 0..9_usize) {
        let ours = sample::written(&sample::guide_general());
        let mut theirs = ours.clone();
        let at = at.min(theirs.len());
        theirs.splice(at..(at + cut).min(ours.len()), bytes);
        if same_document(&ours, &theirs).is_ok() {
            prop_assert_eq!(same_document(&theirs, &ours), Ok(()), "equal one way is equal the other way");
        }
        let _ = identity(&theirs);
        if let Ok(reading) = ubl::read(&theirs) {
            let _ = (reading.event().is_ok(), reading.original().is_ok(), reading.printed(), reading.unknown());
            let _ = ubl::examine(&reading, &Profile::default());
        }
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let ours = sample::written(&sample::guide_income());
        prop_assert!(same_document(&ours, &bytes).is_err());
        prop_assert!(identity(&bytes).is_err());
        prop_assert!(ubl::read(&bytes).is_err());
    }
}
