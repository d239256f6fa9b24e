use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

fn text(values: [&str; 10]) -> String {
    let mut bytes = Vec::new();
    for (tag, value) in (1u8..).zip(values) {
        bytes.extend_from_slice(&[tag, u8::try_from(value.len()).unwrap()]);
        bytes.extend_from_slice(value.as_bytes());
    }
    STANDARD.encode(bytes)
}

const GUIDE: [&str; 10] =
    ["", "{}", "false", "15000.00", "Amm0130062024", "", "2024-06-13", "12345678", "شركة الريف", "MEUCIQ=="];
const OF_2023: [&str; 10] = [
    "b9603219-2005-4ebf-838f-69021b1e3309",
    "{}",
    "false",
    "2023-01-30",
    "EIN-0101",
    "",
    "130.00",
    "12345678",
    "شركة الريف",
    "",
];

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn the_order_of_the_guide_is_read() {
    let read = decode(&text(GUIDE));
    assert_eq!((read.order, &read.stopped, read.tags.len()), (Order::Guide15, &None, 10));
    assert_eq!(
        (read.number, read.date, read.total),
        (some("Amm0130062024"), some("2024-06-13"), some("15000.00"))
    );
    assert_eq!((read.tax, read.uuid), (None, None));
    assert_eq!(
        (read.tax_number, read.seller, read.signature),
        (some("12345678"), some("شركة الريف"), some("MEUCIQ=="))
    );
    let taxed = decode(&text({
        let mut values = GUIDE;
        values[5] = "4.480";
        values
    }));
    assert_eq!(taxed.tax, some("4.480"));
}

#[test]
fn the_order_of_2023_is_read() {
    let read = decode(&text(OF_2023));
    assert_eq!((read.order, read.stopped), (Order::Answer2023, None));
    assert_eq!((read.number, read.date, read.total), (some("EIN-0101"), some("2023-01-30"), some("130.00")));
    assert_eq!((read.tax, read.signature), (None, None));
    assert_eq!(read.uuid.unwrap().to_string(), OF_2023[0]);
}

#[test]
fn damage_gives_what_stands_before_it() {
    // As the printed sample of the guide: damaged in its seventh tag.
    let whole = STANDARD.decode(text(GUIDE)).unwrap();
    let start = whole.windows(10).position(|window| window == b"2024-06-13").unwrap();
    let cut = decode(&STANDARD.encode(&whole[..start + 4]));
    assert_eq!((cut.order, cut.total, cut.number), (Order::Guide15, some("15000.00"), some("Amm0130062024")));
    assert_eq!(cut.stopped, some("tag 7 announces 10 bytes, and only 4 are left"));
    assert_eq!(cut.date, None);
    let no_length = decode(&STANDARD.encode(&whole[..start - 1]));
    assert_eq!(no_length.stopped, some("tag 7 has no length"));
    let mut dots = text(GUIDE);
    dots.truncate(41);
    let dots = decode(&format!("{dots}..."));
    assert_eq!(dots.stopped, some("character 42 is no Base64"));
    assert_eq!(dots.total, some("15000.00"));
}

#[test]
fn what_is_no_qr_says_so() {
    for (text, told) in [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("فاتورة", "character 1 is no Base64"),
        ("A", "after 0 characters it is no Base64"),
    ] {
        let read = decode(text);
        assert!(read.is_empty(), "{text}");
        assert_eq!(read.stopped.as_deref(), Some(told), "{text}");
    }
    assert!(decode(&"A".repeat(20_000)).stopped.unwrap().contains("20000"));
    // A text without meaning has tags but no facts.
    let other = decode(&text(["a"; 10]));
    assert_eq!((other.order, other.date, other.total, other.tax), (Order::Unknown, None, None, None));
}

#[test]
fn broken_lines_and_lost_padding_are_borne() {
    let whole = decode(&text(GUIDE));
    let broken: String = text(GUIDE).trim_end_matches('=').chars().flat_map(|c| [c, '\n']).collect();
    assert_eq!(decode(&broken), whole);
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&text);
        let read = decode(&STANDARD.encode(&bytes));
        prop_assert!(read.tags.len() <= bytes.len() / 2);
    }

    #[test]
    fn what_was_written_is_read(values in proptest::array::uniform10("\\PC{0,60}")) {
        let values = values.each_ref().map(String::as_str);
        let read = decode(&text(values));
        prop_assert_eq!(read.stopped, None);
        let read: Vec<String> = read.tags.into_iter().map(|tag| tag.value).collect();
        prop_assert_eq!(read, values);
    }
}
