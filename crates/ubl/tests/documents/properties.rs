//! What holds for every event, every text, and every damage.

use invoice::{InvoiceEvent, Totals};
use proptest::prelude::*;
use ubl::{WriteError, identity, same_document};

use crate::{generate, sample};

proptest! {
    #[test]
    fn every_event_is_written_and_read_back(event in generate::event(), icv in any::<u64>()) {
        let totals = Totals::of(&event).unwrap();
        let mut out = b"before".to_vec();
        ubl::write(&event, &totals, icv, &mut out).unwrap();
        let document = out.strip_prefix(b"before").unwrap();
        let mut again = Vec::new();
        ubl::write(&event, &totals, icv, &mut again).unwrap();
        prop_assert_eq!(document, again.as_slice(), "the same bytes every time");

        let found = identity(document).unwrap();
        prop_assert_eq!(found.number, event.number);
        prop_assert_eq!(found.uuid, event.uuid.unwrap().to_string());
        prop_assert_eq!(found.icv, icv);
        prop_assert_eq!(same_document(document, document), Ok(()));
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
        let totals = Totals::of(&event).unwrap();
        let mut out = Vec::new();
        match ubl::write(&event, &totals, 1, &mut out) {
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
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let ours = sample::written(&sample::guide_income());
        prop_assert!(same_document(&ours, &bytes).is_err());
        prop_assert!(identity(&bytes).is_err());
    }
}
