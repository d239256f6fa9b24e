//! Tables: columns, cells, and what spreadsheets do to them.

use invoice::event::{Family, Governorate, Kind, Payment, Prices, Scope, TaxCategory};
use invoice::{Fault, Profile};

use super::{credit_note, invoice, read, with};
use crate::table::{COLUMNS, template};
use crate::{Format, Settings, documents};

const HEADER: &str = "number,issue_date,payment,seller_tax_number,seller_name,income_source,item,quantity,unit_price,tax_percent";
const ROW: &str = "A-1,2026-11-20,cash,22222222,شركة الأمثلة,2002002,خبز,2,3.250,16";

fn first(text: &str) -> Result<invoice::InvoiceEvent, Vec<Fault>> {
    read(Format::Csv, text.as_bytes()).remove(0).result.map(invoice)
}

fn event(text: &str) -> invoice::InvoiceEvent {
    first(text).unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// The faults of the first document, of the mapping or else of the rules.
fn refused(text: &str) -> Vec<String> {
    let result = read(Format::Csv, text.as_bytes()).remove(0).result;
    let faults = result.and_then(|mapped| mapped.check(&Profile::default())).err().unwrap_or_default();
    faults.iter().map(|fault| format!("{}: {}", fault.path, fault.code)).collect()
}

/// A table of one row, with one more column.
fn with_column(name: &str, cell: &str) -> String {
    format!("{HEADER},{name}\n{ROW},{cell}\n")
}

/// The one row, with another cell in a column of the header.
fn with_cell(name: &str, cell: &str) -> String {
    let place = HEADER.split(',').position(|column| column == name).expect(name);
    let row: Vec<&str> =
        ROW.split(',').enumerate().map(|(n, own)| if n == place { cell } else { own }).collect();
    format!("{HEADER}\n{}\n", row.join(","))
}

#[test]
fn the_template_is_a_valid_table_in_both_languages() {
    let mut events = Vec::new();
    for arabic in [false, true] {
        let text = template(arabic);
        let all = read(Format::Csv, text.as_bytes());
        assert_eq!(all.iter().map(|one| one.place).collect::<Vec<_>>(), [2, 4, 5]);
        let of: Vec<_> =
            all.into_iter().map(|one| one.result.unwrap_or_else(|faults| panic!("{faults:?}"))).collect();
        for mapped in of.iter().take(2) {
            assert!(mapped.clone().check(&Profile::default()).is_ok());
        }
        events.push(of.into_iter().map(|mapped| mapped.event).collect::<Vec<_>>());
    }
    assert_eq!(events[0], events[1], "the language of columns and words changes nothing");
    let (english, arabic) = (template(false), template(true));
    for (word, its) in [
        ("general_sales", "مبيعات عامة"),
        ("cash", "نقدي"),
        ("receivable", "ذمم"),
        ("return", "مرتجع"),
        ("TN", "رقم ضريبي"),
        ("Z", "معفى"),
        ("S", "خاضع"),
    ] {
        let has = |text: &str, word: &str| text.split([',', '\r', '\n']).any(|cell| cell == word);
        assert!(has(&english, word) && !has(&arabic, word) && has(&arabic, its), "{word}: {arabic}");
    }
    let sold = events[0][0].invoice().unwrap();
    assert_eq!(sold.lines.len(), 2);
    assert_eq!(sold.lines[1].tax.as_ref().unwrap().category, TaxCategory::Z);
    assert_eq!(sold.metadata.as_ref().unwrap()["lines[0].item_code"], "6251001000017");
    assert_eq!(events[0][2].kind(), Kind::Return);
}

#[test]
fn every_column_is_read() {
    let cells = [
        ("number", "A-1"),
        ("kind", "فاتورة"),
        ("uuid", "0fa70000-0000-4000-8000-000000000301"),
        ("amends", "1"),
        ("issue_date", "2026-11-20"),
        ("family", "مبيعات خاصة"),
        ("scope", "محلي"),
        ("payment", "ذمم"),
        ("currency", "usd"),
        ("prices", "tax_included"),
        ("document_discount", "1"),
        ("note", "ملاحظة"),
        ("seller_tax_number", "٢٢٢٢٢٢٢٢"),
        ("seller_name", "شركة"),
        ("income_source", "2002002"),
        ("buyer_name", "مشتر"),
        ("buyer_id_type", "رقم وطني"),
        ("buyer_id", "9871234567"),
        ("buyer_postal_code", "11118"),
        ("buyer_governorate", "عمّان"),
        ("buyer_phone", "0790000000"),
        ("line", "7"),
        ("item", "سجائر"),
        ("quantity", "٢٫٥"),
        ("unit_price", "4"),
        ("line_discount", "0.5"),
        ("line_total", "9.5"),
        ("tax_category", "خاضع"),
        ("tax_percent", "16%"),
        ("special_tax", "1"),
        ("consumer_price", "5"),
        ("unit", "علبة"),
        ("item_code", "0006"),
    ];
    let known: Vec<_> = COLUMNS
        .iter()
        .filter(|column| !column.english.starts_with("original_") && column.english != "return_reason")
        .collect();
    assert_eq!(known.len(), cells.len(), "a column without a test");
    let text =
        format!("{}\n{}\n", cells.map(|(name, _)| name).join(","), cells.map(|(_, cell)| cell).join(","));
    let event = event(&text);
    let line = &event.lines[0];
    assert_eq!((event.number.as_str(), event.kind, event.amends), ("A-1", Kind::Invoice, Some(1)));
    assert_eq!(
        (event.family, event.scope, event.payment),
        (Family::SpecialSales, Scope::Local, Payment::Receivable)
    );
    assert_eq!(
        (event.currency.as_str(), event.prices, event.note.as_deref()),
        ("USD", Prices::TaxIncluded, Some("ملاحظة"))
    );
    assert_eq!(event.discount.unwrap().to_string(), "1");
    assert_eq!(event.seller.tax_number, "22222222");
    let buyer = event.buyer.unwrap();
    assert_eq!((buyer.name.as_deref(), buyer.governorate), (Some("مشتر"), Some(Governorate::Amman)));
    assert_eq!((buyer.postal_code.as_deref(), buyer.phone.as_deref()), (Some("11118"), Some("0790000000")));
    assert_eq!(buyer.identification.unwrap().number, "9871234567");
    assert_eq!((line.id, line.name.as_str(), line.quantity.to_string().as_str()), (Some(7), "سجائر", "2.5"));
    let amounts = [
        line.unit_price,
        line.discount,
        line.total.unwrap(),
        line.special_tax.unwrap(),
        line.consumer_price.unwrap(),
    ];
    assert_eq!(amounts.map(|amount| amount.to_string()), ["4", "0.5", "9.5", "1", "5"]);
    assert_eq!(line.tax.as_ref().unwrap().percent.to_string(), "16");
    let kept = event.metadata.unwrap();
    assert_eq!((kept["lines[0].unit"].as_str(), kept["lines[0].item_code"].as_str()), ("علبة", "0006"));
}

#[test]
fn returns_name_their_original_and_their_lines() {
    let header = "number,issue_date,seller_tax_number,seller_name,income_source,original_number,original_uuid,original_total,return_reason,line,quantity,item,unit_price,tax_percent";
    let row = "R-1,2026-11-22,22222222,شركة,2002002,A-1,some-uuid,7.54,تالف,2,1,خبز,3.25,16";
    let mapped = read(Format::Csv, format!("{header}\n{row}\n").as_bytes()).remove(0).result.unwrap();
    let event = credit_note(mapped);
    assert_eq!(event.original.number.as_deref(), Some("A-1"));
    assert_eq!((event.original.uuid.as_deref(), event.original.reason.as_str()), (Some("some-uuid"), "تالف"));
    assert_eq!(event.original.total.unwrap().to_string(), "7.54");
    let lines = event.lines.unwrap();
    assert_eq!((lines[0].id, lines[0].quantity.to_string().as_str()), (2, "1"));
    let whole = "R-1,2026-11-22,22222222,شركة,2002002,A-1,,,تالف,,,,,";
    let mapped = read(Format::Csv, format!("{header}\n{whole}\n").as_bytes()).remove(0).result.unwrap();
    assert!(credit_note(mapped).lines.is_none(), "a row without a line takes everything back");
    let lost = "R-1,2026-11-22,22222222,شركة,2002002,,,,,,1,,,";
    let found = refused(&format!("{header}\n{lost}\n"));
    assert!(!found.is_empty(), "{found:?}");
}

#[test]
fn rows_belong_together_by_number_and_an_empty_cell_says_what_stands_above() {
    let text = format!(
        "{HEADER}\n{ROW}\n,,,,,,حليب,1,1,16\nA-1,,,,,,لبن,1,2,16\nA-2,2026-11-20,cash,22222222,شركة الأمثلة,2002002,x,1,1,16\n"
    );
    let all = read(Format::Csv, text.as_bytes());
    assert_eq!(all.iter().map(|one| one.place).collect::<Vec<_>>(), [2, 5]);
    assert_eq!(event(&text).lines.len(), 3);
    let torn = format!("{text}A-1,2026-11-20,cash,22222222,شركة الأمثلة,2002002,x,1,1,16\n");
    let last = read(Format::Csv, torn.as_bytes()).remove(2).result.unwrap_err();
    assert_eq!((last[0].path.as_str(), last[0].code.as_str()), ("A6 (number)", "duplicate_field"));
    let two = format!("{HEADER}\n{ROW}\nA-1,2026-11-21,,,,,لبن,1,2,16\n");
    assert_eq!(refused(&two), ["B3 (issue_date): duplicate_field"]);
}

#[test]
fn faults_name_the_cell_also_those_of_the_rules() {
    assert_eq!(refused(&with_cell("quantity", "-2")).first().unwrap(), "H2 (quantity): not_positive");
    assert_eq!(refused(&with_cell("unit_price", "")), ["I2 (unit_price): missing_field"]);
    assert_eq!(refused(&with_cell("seller_tax_number", "12")), ["D2 (seller_tax_number): digit_count"]);
    assert_eq!(refused(&with_cell("tax_percent", "6")), ["J2 (tax_percent): percent_not_listed"]);
    assert_eq!(refused(&with_cell("payment", "receivable")), ["row 2 (buyer_name): buyer_name_missing"]);
    let third = format!("{HEADER}\n{ROW}\n\n\"\",,,,,,\"حليب\nكامل\",1,1,16\n,,,,,,لبن,0,2,16\n");
    let found = refused(&third);
    assert!(
        found.iter().any(|fault| fault.starts_with("H5 (quantity)")),
        "blank rows count, broken cells do not: {found:?}"
    );
    let arabic = with_column("سعر المستهلك", "1").replace("quantity", "الكمية");
    assert_eq!(refused(&arabic), ["K2 (سعر المستهلك): consumer_price_below_price"]);
}

#[test]
fn headers_are_checked_before_anything_else() {
    let unknown = refused(&with_column("discont", "1"));
    assert_eq!(unknown, ["K1: unknown_field"]);
    assert_eq!(refused(&with_column("الكمية", "1")), ["K1: duplicate_field"]);
    assert_eq!(
        refused("number,item\n1,x\n"),
        ["row 1: missing_field"; 4],
        "date, tax number, name and income source"
    );
    assert_eq!(refused(""), [": missing_field"]);
    assert_eq!(refused(&format!("{HEADER}\n{ROW},beyond\n")), ["K2: unknown_field"]);
    assert!(read(Format::Csv, format!("{HEADER}\n").as_bytes()).is_empty(), "a header alone is no document");
    let spelt = HEADER.replace("issue_date", " Issue Date ").replace("unit_price", "سِعر الوحده");
    assert_eq!(
        refused(&format!("{spelt}\n{ROW}\n")),
        [""; 0],
        "case, blanks, vowel signs and forms of letters do not matter"
    );
}

#[test]
fn separators_and_decimal_marks() {
    let plain = event(&format!("{HEADER}\n{ROW}\n"));
    for mark in [';', '\t'] {
        let text = format!("{HEADER}\n{ROW}\n").replace(',', &mark.to_string());
        assert_eq!(event(&text), plain);
        assert_eq!(event(&format!("\u{feff}sep={mark}\r\n{text}")), plain);
    }
    let german = format!("{HEADER}\n{ROW}\n").replace(',', ";").replace("3.250", "3,250");
    assert_eq!(event(&german), plain, "where semicolons separate, the comma is the decimal mark");
    assert_eq!(
        refused(&with_cell("unit_price", "\"3,250\"")),
        ["I2 (unit_price): invalid_value"],
        "3.25 or 3250?"
    );
    assert_eq!(refused(&german.replace("3,250", "1.003,250")), ["I2 (unit_price): invalid_value"]);
}

#[test]
fn digits_may_be_arabic() {
    let plain = event(&format!("{HEADER}\n{ROW}\n"));
    let arabic = "A-1,٢٠٢٦-١١-٢٠,cash,٢٢٢٢٢٢٢٢,شركة الأمثلة,٢٠٠٢٠٠٢,خبز,٢,٣٫٢٥٠,١٦٪";
    assert_eq!(event(&format!("{HEADER}\n{arabic}\n")), plain);
    let persian = "A-1,۲۰۲۶-۱۱-۲۰,cash,22222222,شركة الأمثلة,2002002,خبز,۲,3.250,16";
    assert_eq!(event(&format!("{HEADER}\n{persian}\n")), plain);
}

#[test]
fn what_spreadsheets_do_to_numbers_is_seen() {
    for column in ["seller_tax_number", "unit_price", "quantity"] {
        let found = first(&with_cell(column, "2.22E+07")).unwrap_err();
        assert!(found[0].message.contains("shortened by the spreadsheet"), "{found:?}");
    }
    assert_eq!(refused(&with_cell("tax_percent", "0.16")), ["J2 (tax_percent): percent_not_listed"]);
    assert_eq!(
        event(&with_cell("tax_percent", "16%")).lines[0].tax.as_ref().unwrap().percent.to_string(),
        "16"
    );
    assert_eq!(refused(&with_cell("tax_percent", "0")), ["row 2 (tax_category): missing_field"]);
    let utf16: Vec<u8> =
        std::iter::once(0xfeff_u16).chain(HEADER.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let found = read(Format::Csv, &utf16).remove(0).result.unwrap_err();
    assert!(found[0].message.contains("CSV UTF-8"), "{found:?}");
    let mut windows = format!("{HEADER}\n").into_bytes();
    let row = b"A-1,2026-11-20,cash,22222222,\xd4\xd1\xdf\xc9,2002002,\xce\xc8\xd2,1,1,16\n";
    windows.extend_from_slice(row);
    windows.extend_from_slice(row);
    for (line, windows) in [(2, windows), (1, b"\xd1\xde\xe3,\xce\xc8\xd2\n1,2\n".to_vec())] {
        let mut all = read(Format::Csv, &windows);
        assert_eq!(all.len(), 1, "one answer for the file: {all:?}");
        let found = all.remove(0).result.unwrap_err();
        let codes: Vec<_> = found.iter().map(|fault| (fault.path.as_str(), fault.code.as_str())).collect();
        assert_eq!(codes, [("", "invalid_unicode")]);
        assert!(found[0].message.contains(&format!("line {line} of the file")), "{found:?}");
    }
}

#[test]
fn dates_are_read_in_one_way_or_not_at_all() {
    for text in ["2026-11-20", "20/11/2026", "20-11-2026", "2026/11/20", "20.11.2026", "2026-11-20 00:00"] {
        assert_eq!(event(&with_cell("issue_date", text)).issue_date.to_string(), "2026-11-20", "{text}");
    }
    assert_eq!(event(&with_cell("issue_date", "5/5/2026")).issue_date.to_string(), "2026-05-05");
    for (text, why) in [
        ("05/06/2026", "day or the month first"),
        ("11/20/2026", "month first"),
        ("46346", "inner number"),
        ("tomorrow", "not a date"),
        ("31/11/2026", "not a date"),
    ] {
        let found = first(&with_cell("issue_date", text)).unwrap_err();
        assert!(found[0].message.contains(why), "{text}: {found:?}");
        assert_eq!(found[0].path, "B2 (issue_date)");
    }
}

#[test]
fn the_family_comes_from_the_registration_when_no_column_says_it() {
    let text = format!("{HEADER}\n{ROW}\n").replace(",16\n", ",0\n");
    let of = |family| {
        with(family, &Settings::default(), |context| {
            documents(Format::Csv, text.as_bytes(), context).next().unwrap().result
        })
    };
    let income = invoice(of(Some(Family::Income)).unwrap());
    assert!(income.family == Family::Income && income.lines[0].tax.is_none(), "0 is no tax");
    let unknown = of(None).unwrap_err();
    assert_eq!(unknown[0].path, "row 2 (family)");
}
