//! Documents byte for byte. `FAWTARA_UPDATE_GOLDEN=1` writes the files anew; read the difference before you keep it.

use std::path::{Path, PathBuf};

use invoice::InvoiceEvent;

use crate::sample;

/// Every golden document and the event that it is written from.
fn documents() -> [(&'static str, InvoiceEvent); 10] {
    [
        ("guide_1_income", sample::guide_income()),
        ("guide_3_general", sample::guide_general()),
        ("nameless_cash", sample::nameless_cash()),
        ("free_zone_receivable", sample::free_zone_receivable()),
        ("ten_lines", sample::ten_lines()),
        ("guide_5_special", sample::guide_special()),
        ("consumer_price", sample::consumer_price()),
        ("income_return", sample::returned(sample::guide_income())),
        ("general_return", sample::returned(sample::guide_general())),
        ("special_return", sample::returned(sample::guide_special())),
    ]
}

/// Where they are.
pub(crate) fn files() -> Vec<PathBuf> {
    documents().iter().map(|(name, _)| file(name)).collect()
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name).with_extension("xml")
}

#[test]
fn the_same_bytes_as_ever() {
    for (name, event) in documents() {
        let document = sample::written_text(&event);
        if std::env::var_os("FAWTARA_UPDATE_GOLDEN").is_some() {
            std::fs::write(file(name), &document).unwrap();
        }
        let golden = std::fs::read_to_string(file(name)).unwrap();
        // Broken where elements meet, so that a failure shows the line that changed.
        let broken = |text: &str| text.replace("><", ">\n<");
        assert_eq!(broken(&document), broken(&golden), "{name}");
        assert_eq!(document, golden, "{name}");
    }
}

#[test]
fn the_events_are_without_fault() {
    for (name, event) in documents() {
        assert_eq!(invoice::validate(&event, &invoice::Profile::default()), [], "{name}");
    }
}

#[test]
fn one_line_with_the_four_namespaces_in_order() {
    let document = sample::written_text(&sample::ten_lines());
    assert!(!document.contains('\n'));
    let opening = document.strip_prefix(r#"<?xml version="1.0" encoding="UTF-8"?>"#).unwrap();
    let opening = opening.split_once('>').unwrap().0;
    let prefixes: Vec<_> =
        opening.split_whitespace().skip(1).map(|part| part.split_once('=').unwrap().0).collect();
    assert_eq!(prefixes, ["xmlns", "xmlns:cac", "xmlns:cbc", "xmlns:ext"]);
}
