//! Whatever comes in: a mapping answers, and never panics.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{faults, one, read};
use crate::schema::{EEZI_EXAMPLES, POST2TAX_EXAMPLE};
use crate::{Format, count, table};

proptest! {
    #[test]
    fn arbitrary_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for format in Format::ALL {
            read(format, &bytes);
        }
    }

    #[test]
    fn arbitrary_tables_are_answered(cells in proptest::collection::vec("[0-9A-Za-z٠-٩.,;%/\"\n -]{0,12}", 0..60), mark in "[,;\t]") {
        let text = table::template(false);
        let header = text.lines().next().unwrap_or_default().replace(',', &mark);
        let rows: Vec<String> = cells.chunks(9).map(|row| row.join(&mark)).collect();
        read(Format::Csv, format!("{header}\n{}", rows.join("\n")).as_bytes());
    }

    #[test]
    fn examples_with_any_part_changed_are_answered(which in 0..3_usize, place in any::<prop::sample::Index>(), to in value()) {
        let (format, text) = [
            (Format::Post2Tax, POST2TAX_EXAMPLE),
            (Format::Eezi, EEZI_EXAMPLES[0]),
            (Format::Eezi, EEZI_EXAMPLES[1]),
        ][which];
        let mut document: Value = super::json(text);
        let mut paths = Vec::new();
        pointers(&document, String::new(), &mut paths);
        *document.pointer_mut(place.get(&paths).as_str()).unwrap() = to;
        faults(format, document.to_string().as_bytes());
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        Just(json!([])),
        Just(json!([[]])),
        Just(json!(true)),
        Just(json!("99999999999999999999999999999")),
        Just(json!("-0.0000000000000000001")),
        Just(json!("1e60")),
        any::<i64>().prop_map(|number| json!(number)),
        ".{0,20}".prop_map(|text| json!(text)),
    ]
}

fn pointers(value: &Value, at: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| pointers(value, format!("{at}/{name}"), paths));
        }
        Value::Array(elements) => {
            elements.iter().enumerate().for_each(|(n, value)| pointers(value, format!("{at}/{n}"), paths));
        }
        _ => {}
    }
    if !at.is_empty() {
        paths.push(at);
    }
}

#[test]
fn what_is_no_document_is_refused_with_a_reason() {
    for format in [Format::Post2Tax, Format::Eezi] {
        assert_eq!(faults(format, b"{\"a\": "), [": malformed_json"]);
        assert_eq!(faults(format, b"17"), [": invalid_value"]);
        assert_eq!(faults(format, &[0xff, 0xfe]), [": invalid_unicode"]);
        assert_eq!(faults(format, b"{\"Note\": \"\\ud800\"}"), ["Note: invalid_unicode"]);
        assert_eq!(faults(format, &[b' '; 10]), [": malformed_json"]);
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(60), "]".repeat(60));
        assert_eq!(faults(format, deep.as_bytes())[0].rsplit(' ').next(), Some("invalid_value"));
        let large = format!("{{\"a\": \"{}\"}}", "x".repeat(1 << 20));
        assert_eq!(faults(format, large.as_bytes()), [": too_large"]);
    }
}

#[test]
fn a_file_is_a_list_or_one_a_line_or_one_document() {
    let line = POST2TAX_EXAMPLE.replace('\n', " ");
    let places = |text: String| -> Vec<(u64, bool)> {
        read(Format::Post2Tax, text.as_bytes()).iter().map(|one| (one.place, one.result.is_ok())).collect()
    };
    assert_eq!(places(POST2TAX_EXAMPLE.to_owned()), [(1, true)]);
    assert_eq!(places(format!("{line}\n\n{{}}\n{line}\n")), [(1, true), (3, false), (4, true)]);
    assert_eq!(places(format!("\u{feff}[{line}, {{}}, {line}]")), [(1, true), (2, false), (3, true)]);
    assert_eq!(places(format!("[{line}, ")), [(1, false)]);
    assert_eq!(places(String::new()), [(1, false)]);
}

#[test]
fn formats_are_known_by_their_content() {
    for (name, text, format) in [
        ("a.csv", "number,item", Some(Format::Csv)),
        ("a.xml", "", Some(Format::Ubl)),
        ("-", "  <Invoice", Some(Format::Ubl)),
        ("a.json", POST2TAX_EXAMPLE, Some(Format::Post2Tax)),
        ("a.json", EEZI_EXAMPLES[0], Some(Format::Eezi)),
        ("a.json", "{\"schema_version\": 1}", Some(Format::Event)),
        ("a.txt", "number;item", None),
    ] {
        assert_eq!(Format::guess(name, text.as_bytes()), format, "{name} {text:.20}");
    }
    for format in Format::ALL {
        assert_eq!(format.as_str().parse(), Ok(format));
    }
    assert!("edi".parse::<Format>().is_err_and(|error| error.to_string().contains("post2tax")));
}

/// Each amount is a number that can be kept; their sums are none.
#[test]
fn sums_beyond_all_bounds_are_refused_by_the_rules() {
    let mut body: Value = super::json(POST2TAX_EXAMPLE);
    for line in body["InvoiceLines"].as_array_mut().unwrap() {
        line["Quantity"] = json!(1);
        line["Price"] = json!("79228162514264337593543950335");
        line["DiscountAmount"] = json!("-79228162514264337593543950335");
    }
    assert!(!faults(Format::Post2Tax, body.to_string().as_bytes()).is_empty());
    for line in body["InvoiceLines"].as_array_mut().unwrap() {
        line["Price"] = json!("19000000000000000000");
        line["DiscountAmount"] = json!("-70000000000000000000");
    }
    assert!(!faults(Format::Post2Tax, body.to_string().as_bytes()).is_empty());
}

/// Every element repeats the names above it in its path: 60 kB must not become half a gigabyte.
#[test]
fn long_names_and_paths_are_refused_where_they_stand() {
    let ones = vec!["1"; 60_000].join(",");
    for format in [Format::Post2Tax, Format::Eezi] {
        let name = "z".repeat(30_000);
        let faults = one(format, format!("{{\"{name}\":[{ones}]}}").as_bytes()).unwrap_err();
        assert_eq!(faults.len(), 1);
        assert!(faults[0].path.starts_with("zzz") && faults[0].path.len() < 100, "{}", faults[0].path);
        assert_eq!(faults[0].code.as_str(), "invalid_value");
        assert!(faults[0].to_string().contains("shorten"), "{}", faults[0]);

        // Each name is short enough, the path is not.
        let name = "و".repeat(100);
        let nested = format!("{{\"{name}\":{{\"{name}\":{{\"{name}\":[{ones}]}}}}}}");
        let faults = one(format, nested.as_bytes()).unwrap_err();
        assert_eq!(faults.len(), 1);
        assert!(faults[0].path.starts_with("ووو") && faults[0].path.len() < 200, "{}", faults[0].path);
        assert_eq!(faults[0].code.as_str(), "invalid_value");
    }
}

#[test]
fn no_more_is_kept_than_an_event_may_keep() {
    let most = invoice::limits::METADATA;
    let list = |count: usize| format!("{{\"x\":[{}]}}", vec!["1"; count].join(","));
    let beyond = |format, count| faults(format, list(count).as_bytes()).concat().contains("text_too_long");
    for format in [Format::Post2Tax, Format::Eezi] {
        assert!(!beyond(format, most));
        assert!(beyond(format, most + 1));
        let told = faults(format, list(500_000).as_bytes());
        assert_eq!(told.iter().filter(|fault| fault.ends_with("text_too_long")).count(), 1, "{told:?}");
    }
}

#[test]
fn surplus_cells_are_faults_up_to_the_bound() {
    let header = table::template(false).lines().next().unwrap_or_default().to_owned();
    let row = format!("1{}{}", ",".repeat(header.split(',').count()), "x,".repeat(100));
    let faults =
        one(Format::Csv, format!("{header}\n{}", format!("{row}\n").repeat(50)).as_bytes()).unwrap_err();
    assert_eq!(faults.len(), invoice::limits::FAULTS);
}

/// Marks of direction are passed over in names, and would be repeated in every fault.
#[test]
fn names_of_columns_that_are_mostly_invisible_are_refused() {
    let header = table::template(false).lines().next().unwrap_or_default().to_owned();
    let marks = |count| header.replace("issue_date", &format!("issue_date{}", "\u{200b}".repeat(count)));
    let faults = one(Format::Csv, format!("{}\n1\n", marks(20_000)).as_bytes()).unwrap_err();
    let long: Vec<_> = faults.iter().filter(|fault| fault.code.as_str() == "invalid_value").collect();
    assert_eq!(long.len(), 1, "{faults:?}");
    assert!(faults.iter().all(|fault| fault.to_string().len() < 400), "{faults:?}");
    let faults = one(Format::Csv, format!("{}\n1\n", marks(2)).as_bytes()).unwrap_err();
    assert!(faults.iter().all(|fault| !fault.to_string().contains("invisible")), "{faults:?}");
}

#[test]
fn documents_are_counted_as_they_are_found_and_no_further_than_asked() {
    let ones = format!("[{}]", vec!["1"; 300].join(","));
    let header = table::template(false).lines().next().unwrap_or_default().to_owned();
    let table = format!("{header}\n{}", "1\n2\n".repeat(150));
    for (format, text) in [
        (Format::Event, ones.as_str()),
        (Format::Post2Tax, ones.as_str()),
        (Format::Eezi, ones.as_str()),
        (Format::Csv, table.as_str()),
    ] {
        assert_eq!(read(format, text.as_bytes()).len(), 300, "{format}");
        assert_eq!(count(format, text.as_bytes(), 1_000), 300, "{format}");
        assert_eq!(count(format, text.as_bytes(), 100), 100, "{format}");
    }
    for format in Format::ALL {
        assert_eq!(count(format, b"x", 10), read(format, b"x").len(), "{format}");
    }
}
