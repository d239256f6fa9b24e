//! Our own event: what is taken has one normal form, becomes one document, and can be read back out of it.

use invoice::profile::{Rounding, Slash};
use invoice::{Profile, Settled, Totals};

use crate::laws;

/// By the readings of guide v1.5, or by others: the input chooses.
pub(super) fn profile(bytes: &[u8]) -> Profile {
    match bytes.len() % 4 {
        0 => Profile { rounding: Rounding::SumOfLines, slash: Slash::Underscore, ..Profile::default() },
        _ => Profile::default(),
    }
}

pub(super) fn attack(bytes: &[u8]) {
    let profile = profile(bytes);
    match invoice::read_with(bytes, |_| profile.clone()) {
        Err(faults) => laws::faults(&faults),
        Ok(checked) => taken(&checked, &profile),
    }
}

/// What holds of an event that keeps all rules.
pub(super) fn taken(checked: &invoice::Checked, profile: &Profile) {
    laws::normal_form(checked, profile);
    let Some(Settled { event, totals }) = &checked.document else { return };
    let mut xml = Vec::new();
    let icv = 1 + u64::from(checked.content.as_bytes().first().copied().unwrap_or_default());
    let document = ubl::Document { event, totals, icv, profile, buyer: None };
    if let Err(error) = ubl::write(&document, &mut xml) {
        panic!("an event that keeps all rules is not written: {error}\n{}", checked.normal_form);
    }
    let inside = || String::from_utf8_lossy(&xml).into_owned();
    let identity = ubl::identity(&xml).unwrap_or_else(|error| panic!("{error}\n{}", inside()));
    assert_eq!((identity.number.as_str(), identity.icv), (event.number.as_str(), icv));
    assert_eq!(ubl::same_document(&xml, &xml), Ok(()), "{}", inside());
    let reading = ubl::read(&xml).unwrap_or_else(|error| panic!("{error}\n{}", inside()));
    let read = reading.event().unwrap_or_else(|findings| panic!("{findings:?}\n{}", inside()));
    let again = Totals::of(&read, profile).unwrap_or_else(|error| panic!("{error}\n{}", inside()));
    assert_eq!(again, *totals, "{}", inside());
    assert_eq!(reading.icv(), Some(icv));
    let errors: Vec<_> = ubl::examine(&reading, profile)
        .into_iter()
        .filter(|finding| finding.severity == ubl::Severity::Error)
        .collect();
    assert!(errors.is_empty(), "our own document is wrong: {errors:?}\n{}", inside());
}
