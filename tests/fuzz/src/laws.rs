//! What holds of everything that our readers say, whatever they were given.

use invoice::{Fault, Published, limits};

/// Characters of one message, at most: whoever is refused hears why, and not his own megabyte again.
const MESSAGE: usize = 2_000;
/// Characters of a place, at most.
const PLACE: usize = 1_500;

/// A text for people: there is one, it is bounded, and it writes on its own line only.
pub(crate) fn message(text: &str) {
    assert!(!text.trim().is_empty(), "a message that says nothing");
    let length = text.chars().count();
    assert!(length <= MESSAGE, "a message of {length} characters: {text:.200}…");
    assert!(!text.chars().any(unseen), "a message that moves the cursor: {text:?}");
}

/// What a terminal or a log obeys instead of showing it: control characters, and the marks that turn the direction of writing.
fn unseen(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// A refusal: reasons, each with words in both languages.
pub(crate) fn faults(faults: &[Fault]) {
    assert!(!faults.is_empty(), "refused without a reason");
    assert!(faults.len() <= limits::FAULTS, "{} faults", faults.len());
    for fault in faults {
        message(&fault.message);
        message(&fault.message_ar);
        assert!(fault.path.chars().count() <= PLACE, "a place of {} bytes", fault.path.len());
        assert!(!fault.path.chars().any(unseen), "a place that moves the cursor: {:?}", fault.path);
    }
}

/// An event that was taken: its normal form is taken as the same event, and is its own normal form.
pub(crate) fn normal_form(checked: &invoice::Checked, profile: &invoice::Profile) {
    let again = invoice::read_with(checked.normal_form.as_bytes(), |_| profile.clone());
    let again = match again {
        Ok(again) => again,
        Err(faults) => panic!("its own normal form is refused: {faults:?}\n{}", checked.normal_form),
    };
    assert_eq!(again.normal_form, checked.normal_form, "the normal form of the normal form is another");
    assert_eq!(again.content, checked.content);
    assert_eq!(again.document, checked.document);
    assert_eq!(again.event.uuid(), checked.event.uuid());
    let bare = |event: &Published| {
        let mut event = event.clone();
        match &mut event {
            Published::Invoice(event) => event.amends = None,
            Published::Return(event) => event.amends = None,
        }
        event
    };
    assert_eq!(bare(&again.event), bare(&checked.event));
}
