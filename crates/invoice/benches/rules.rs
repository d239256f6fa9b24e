//! What the pure part costs for a ten-line invoice: reading with all rules, totals, the content's digest.

use divan::{Bencher, black_box};
use invoice::{InvoiceEvent, Profile, Published, Totals, normal, read};

fn main() {
    divan::main();
}

/// A ten-line general sales invoice to a named buyer.
fn ten_lines() -> String {
    let lines: Vec<String> = (1..=10)
        .map(|id| {
            format!(
                r#"{{"id":{id},"name":"جبنة بيضاء بالوزن {id}","quantity":"1.2{id}5","unit_price":"4.310344828","discount":"0.125","tax":{{"category":"S","percent":"16"}}}}"#
            )
        })
        .collect();
    format!(
        r#"{{"schema_version":1,"uuid":"5f0c2a3e-6d41-4b7a-9c1f-2e8b7d90a614","family":"general_sales","payment":"receivable","number":"MC-2026-09-14-00006","issue_date":"2026-09-14","seller":{{"tax_number":"12345678","name":"الشركة الفنية للمبيعات","income_source":"9932895"}},"buyer":{{"name":"سوبرماركت الزرقاء","identification":{{"scheme":"TN","number":"33445544"}},"phone":"0777 888 999"}},"lines":[{}]}}"#,
        lines.join(",")
    )
}

fn event() -> InvoiceEvent {
    match read(ten_lines().as_bytes()) {
        Ok(invoice::Checked { event: Published::Invoice(event), .. }) => event,
        Ok(_) => unreachable!("the bench's own event is an invoice"),
        Err(faults) => unreachable!("the bench's own event has faults: {faults:?}"),
    }
}

#[divan::bench]
fn parse(bencher: Bencher) {
    let json = ten_lines();
    bencher.bench(|| invoice::parse(black_box(json.as_bytes())));
}

#[divan::bench]
fn parse_validate_normalise(bencher: Bencher) {
    let json = ten_lines();
    bencher.bench(|| read(black_box(json.as_bytes())));
}

#[divan::bench]
fn validate(bencher: Bencher) {
    let event = event();
    bencher.bench(|| invoice::validate(black_box(&event), &Profile::default()));
}

#[divan::bench]
fn totals(bencher: Bencher) {
    let event = event();
    bencher.bench(|| Totals::of(black_box(&event), &Profile::default()));
}

#[divan::bench]
fn content_digest(bencher: Bencher) {
    let event = event();
    bencher.bench(|| normal::content_digest(black_box(&event)));
}
