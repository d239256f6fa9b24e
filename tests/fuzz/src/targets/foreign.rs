//! Other systems' bodies, and files of many documents.

use formats::{Context, Format, Settings};
use invoice::event::Family;

use super::event;
use crate::laws;

/// As many as one body over HTTP may have: a file may have more, one after the other.
const DOCUMENTS: usize = 10_000;

fn read(format: Format, bytes: &[u8]) {
    let settings = Settings::default();
    let family = match bytes.len() % 3 {
        0 => None,
        1 => Some(Family::Income),
        _ => Some(Family::GeneralSales),
    };
    let context = Context { settings: &settings, family: &|_| family };
    let profile = event::profile(bytes);
    let mut count = 0;
    let mut place = 0;
    for document in formats::documents(format, bytes, &context).take(DOCUMENTS) {
        count += 1;
        assert!(document.place >= place, "documents out of order");
        place = document.place;
        match document.result {
            Err(faults) => laws::faults(&faults),
            Ok(mapped) => match mapped.check(&profile) {
                Err(faults) => laws::faults(&faults),
                Ok(checked) => event::taken(&checked, &profile),
            },
        }
    }
    assert_eq!(formats::count(format, bytes, DOCUMENTS), count, "counted otherwise than read");
    assert_eq!(formats::count(format, bytes, 1), count.min(1));
    let name = format!("x.{}", if format == Format::Csv { "csv" } else { "json" });
    let _ = Format::guess(&name, bytes);
}

pub(super) fn post2tax(bytes: &[u8]) {
    read(Format::Post2Tax, bytes);
}

pub(super) fn eezi(bytes: &[u8]) {
    read(Format::Eezi, bytes);
}

pub(super) fn csv(bytes: &[u8]) {
    read(Format::Csv, bytes);
}

pub(super) fn ubl(bytes: &[u8]) {
    read(Format::Ubl, bytes);
}

/// A file as `fawtara import` and `publish` read it: every event of it comes once, in order, and none is larger than it may be.
pub(super) fn lines(bytes: &[u8]) {
    let mut last = 0;
    let read = producer::each_event(bytes, |number, event| {
        assert!(number > last, "event {number} after {last}");
        last = number;
        assert!(event.len() <= invoice::limits::EVENT_BYTES + 2);
        assert!(!event.iter().all(u8::is_ascii_whitespace), "nothing counts as an event");
        if let Err(faults) = invoice::parse(event) {
            laws::faults(&faults);
        }
    });
    if let Err(error) = read {
        laws::message(&error.to_string());
    }
    read_all_formats(bytes);
}

fn read_all_formats(bytes: &[u8]) {
    if let Some(format) = Format::guess("", bytes) {
        read(format, bytes);
    }
}
