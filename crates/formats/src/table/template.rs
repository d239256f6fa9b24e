//! A filled example of a table, to begin with.

use super::columns::COLUMNS;
use super::words;

/// The rows, by English names of columns: an invoice of two lines for cash, one of a single line on account, and a return of the second.
const ROWS: &[&[(&str, &str)]] = &[
    &[
        ("number", "INV-0001"),
        ("issue_date", "2026-11-20"),
        ("family", "general_sales"),
        ("payment", "cash"),
        ("seller_tax_number", "12345678"),
        ("seller_name", "شركة المثال للتجارة"),
        ("income_source", "9932895"),
        ("item", "زيت زيتون 1 لتر"),
        ("quantity", "3"),
        ("unit_price", "8.500"),
        ("line_discount", "0.500"),
        ("tax_percent", "16"),
        ("unit", "لتر"),
        ("item_code", "6251001000017"),
    ],
    &[
        ("number", "INV-0001"),
        ("item", "خبز عربي"),
        ("quantity", "2.5"),
        ("unit_price", "0.320"),
        ("tax_category", "Z"),
        ("tax_percent", "0"),
        ("unit", "كغم"),
    ],
    &[
        ("number", "INV-0002"),
        ("issue_date", "2026-11-20"),
        ("family", "general_sales"),
        ("payment", "receivable"),
        ("note", "التسليم خلال أسبوع"),
        ("seller_tax_number", "12345678"),
        ("seller_name", "شركة المثال للتجارة"),
        ("income_source", "9932895"),
        ("buyer_name", "مؤسسة النور"),
        ("buyer_id_type", "TN"),
        ("buyer_id", "87654321"),
        ("buyer_governorate", "عمان"),
        ("buyer_phone", "0791234567"),
        ("item", "Office chair, black"),
        ("quantity", "10"),
        ("unit_price", "45.000"),
        ("line_discount", "20"),
        ("tax_category", "S"),
        ("tax_percent", "16"),
    ],
    &[
        ("number", "RET-0001"),
        ("kind", "return"),
        ("issue_date", "2026-11-22"),
        ("seller_tax_number", "12345678"),
        ("seller_name", "شركة المثال للتجارة"),
        ("income_source", "9932895"),
        ("original_number", "INV-0002"),
        ("return_reason", "كرسيان فيهما عيب"),
        ("line", "1"),
        ("quantity", "2"),
    ],
];

/// The example, with columns and words in Arabic or in English; begins with the mark by which spreadsheets know UTF-8.
#[must_use]
pub fn template(arabic: bool) -> String {
    let mut text = String::from("\u{feff}");
    let name = |column: &super::Column| if arabic { column.arabic } else { column.english };
    let mut put = |cells: Vec<&str>| {
        let cells: Vec<String> = cells.into_iter().map(escaped).collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    };
    put(COLUMNS.iter().map(name).collect());
    for row in ROWS {
        let cell = |column: &super::Column| {
            let value = row.iter().find(|(name, _)| *name == column.english).map_or("", |(_, value)| *value);
            if arabic { in_arabic(column.english, value) } else { value }
        };
        put(COLUMNS.iter().map(cell).collect());
    }
    text
}

/// A word that cells may hold, in Arabic; anything else as it is.
fn in_arabic(column: &str, value: &'static str) -> &'static str {
    let word = match column {
        "kind" => words::arabic(words::KINDS, value),
        "family" => words::arabic(words::FAMILIES, value),
        "payment" => words::arabic(words::PAYMENTS, value),
        "buyer_id_type" => words::arabic(words::SCHEMES, value),
        "tax_category" => words::arabic(words::CATEGORIES, value),
        _ => None,
    };
    word.unwrap_or(value)
}

fn escaped(cell: &str) -> String {
    if cell.contains([',', '"', '\n']) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
