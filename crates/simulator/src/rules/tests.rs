//! One accepted document for each family and scope, and one refusal for each rule.

use super::*;
use crate::document::read;
use crate::sample::{self, Draft, with};

fn faults_with(xml: &str, settings: &Settings) -> Faults {
    let root = crate::xml::parse(xml, crate::xml::Limits { depth: 16, elements: 2000 }).unwrap().root;
    let report = crate::schema::check(&root);
    assert!(report.schema.is_empty() && report.profile.is_empty(), "{report:?}");
    check(&read(&root).unwrap(), settings)
}

fn faults(xml: &str) -> Faults {
    faults_with(xml, &Settings::default())
}

fn strict() -> Settings {
    Settings { tolerance: Decimal::scaled(5, 10), ..Settings::default() }
}

fn assert_sound(xml: &str) {
    for settings in [Settings::default(), strict()] {
        let faults = faults_with(xml, &settings);
        assert!(faults.findings.is_empty() && !faults.unlisted_rate, "{faults:?}");
    }
}

/// The only thing wrong is what the message begins with.
fn assert_refused(xml: &str, message: &str) {
    let faults = faults(xml);
    assert!(!faults.findings.is_empty(), "accepted, expected: {message}");
    for finding in &faults.findings {
        assert!(finding.message.starts_with(message), "{finding:?}, expected: {message}");
    }
}

#[test]
fn accepts_one_of_each_family_and_scope() {
    for xml in [sample::income(), sample::general(), sample::special(), sample::general_return()] {
        assert_sound(&xml);
    }
    for name in ["111", "211", "321", "421", "511"] {
        assert_sound(&Draft { name, ..sample::income_draft() }.xml());
    }
    for name in ["112", "212", "322", "422", "512"] {
        assert_sound(&sample::zero_rated_draft(name).xml());
    }
    for name in ["113", "213", "323", "423", "513"] {
        let taxes = sample::subtotal("OTH", "", "0", "S", "") + &sample::subtotal("VAT", "", "0", "O", "0");
        let lines = sample::line(["1", "10", "5", "0", "50"], &sample::taxes("0", "50", &taxes), "");
        assert_sound(&Draft { lines, ..sample::zero_rated_draft(name) }.xml());
    }
}

#[test]
fn currencies() {
    let general = sample::general();
    assert_sound(&general.replace("Code>JOD<", "Code>SEK<"));
    assert_refused(&general.replace("Code>JOD<", "Code>XXX<"), "DocumentCurrencyCode is not");
    assert_refused(
        &with(&general, "TaxCurrencyCode>JOD<", "TaxCurrencyCode>USD<"),
        "DocumentCurrencyCode and",
    );
}

#[test]
fn buyer_name_when_receivable_or_above_the_limit() {
    let nameless = |name, inclusive: &'static str, price, currency: &str| {
        let lines = sample::line(["1", "1", price, "0", price], "", "");
        let buyer = with(&sample::buyer(), "احمد محمود", " ");
        let draft = Draft {
            name,
            buyer,
            discount: "0",
            exclusive: inclusive,
            inclusive,
            lines,
            ..sample::income_draft()
        };
        draft.xml().replace("Code>JOD<", &format!("Code>{currency}<"))
    };
    assert_sound(&nameless("011", "10000.000", "10000", "JOD"));
    assert_refused(&nameless("011", "10000.001", "10000.001", "JOD"), "Bayer name is missing");
    assert_refused(&nameless("021", "5", "5", "JOD"), "Bayer name is missing");
    assert_sound(&nameless("011", "14000", "14000", "USD"));
    assert_refused(&nameless("011", "15000", "15000", "USD"), "Bayer name is missing");
}

#[test]
fn buyer_fields() {
    let xml = sample::general();
    assert_refused(&with(&xml, "33554", "123456"), "Postal code length is incorrect");
    assert_refused(&with(&xml, ">33445544<", ">3344A544<"), "the buyer's number");
    assert_refused(&with(&xml, "JO-AZ", "O-BA"), "CountrySubentityCode");
    for bad in ["+962777888", "12345678", "123456789012345", "٧٧٧٨٨٨٩٩٩"] {
        assert_refused(&with(&xml, "777888999", bad), "Telephone");
    }
    assert_sound(&with(&xml, "777888999", "12345678901234"));
    let start =
        "<cac:PartyIdentification><cbc:ID schemeID=\"TN\">33445544</cbc:ID></cac:PartyIdentification>";
    let anonymous = with(&xml, start, "");
    assert_refused(&anonymous, "the buyer's identification type");
    let lenient = Settings { buyer_identification_required: false, ..Settings::default() };
    assert!(faults_with(&anonymous, &lenient).findings.is_empty());
}

#[test]
fn development_area_needs_a_registered_tax_number() {
    let message =
        "BuyerTaxNumber: The buyer's taxpayer number is not associated with the developmental arear";
    for draft in [sample::zero_rated_draft("212"), Draft { name: "211", ..sample::income_draft() }] {
        let xml = draft.xml();
        assert_refused(&with(&xml, "schemeID=\"TN\"", "schemeID=\"NIN\""), message);
        assert_refused(&with(&xml, ">33445544<", "><"), message);
        let list = |number: &str| Settings {
            development_buyers: Some([number.to_owned()].into()),
            ..Settings::default()
        };
        assert!(faults_with(&xml, &list("33445544")).findings.is_empty());
        assert_eq!(faults_with(&xml, &list("1")).findings.len(), 1);
    }
}

#[test]
fn rates_and_categories() {
    let taxed = |category, percent, tax: &'static str, total: &'static str| {
        let lines = sample::taxed(["1", "10", "5", "0", "50"], category, percent, tax, total);
        Draft { name: "012", tax: Some(tax), inclusive: total, lines, ..sample::zero_rated_draft("012") }
            .xml()
    };
    for (percent, tax, total) in [
        ("1", "0.5", "50.5"),
        ("2", "1", "51"),
        ("3", "1.5", "51.5"),
        ("4", "2", "52"),
        ("5.0", "2.5", "52.5"),
        ("7", "3.5", "53.5"),
        ("8", "4", "54"),
        ("10.00", "5", "55"),
        ("16.000", "8", "58"),
    ] {
        assert_sound(&taxed("S", percent, tax, total));
    }
    for (percent, tax, total) in [("6", "3", "53"), ("15", "7.5", "57.5"), ("-5", "-2.5", "47.5")] {
        let faults = faults(&taxed("S", percent, tax, total));
        assert!(faults.unlisted_rate && faults.findings.is_empty(), "{percent}: {faults:?}");
    }
    assert_refused(&taxed("S", "0", "0", "50"), "General tax percentage must be zero");
    assert_refused(&taxed("Z", "5", "2.5", "52.5"), "General tax percentage must be zero");
    assert_refused(&taxed("O", "5", "2.5", "52.5"), "General tax percentage must be zero");
    assert_refused(&taxed("E", "0", "0", "50"), "tax category E");
    assert_sound(&taxed("O", "0", "0", "50"));
}

#[test]
fn other_scopes_want_category_o() {
    for name in ["112", "212", "312", "412", "512"] {
        let xml = with(&sample::zero_rated_draft(name).xml(), ">O<", ">Z<");
        assert_refused(&xml, "tax category must be O for this scope");
    }
}

#[test]
fn line_ids_are_unique_numbers() {
    let lines = sample::line(["1", "1", "2", "0", "2"], "", "");
    let xml = Draft {
        discount: "0",
        exclusive: "4",
        inclusive: "4",
        lines: format!("{lines}{lines}"),
        ..sample::income_draft()
    }
    .xml();
    assert_refused(&xml, "The ID number must be unique");
    assert_refused(
        &with(&sample::income(), "<cac:InvoiceLine><cbc:ID>1<", "<cac:InvoiceLine><cbc:ID>A<"),
        "the ID of a line",
    );
}

#[test]
fn quantities_prices_and_discounts() {
    let one = |values, exclusive: &'static str, discount: &'static str, inclusive: &'static str| {
        Draft {
            lines: sample::line(values, "", ""),
            exclusive,
            discount,
            inclusive,
            ..sample::income_draft()
        }
        .xml()
    };
    assert_refused(&one(["1", "0", "2", "0", "0"], "0", "0", "0"), "line 1: the quantity");
    assert_refused(&one(["1", "2", "0", "0", "0"], "0", "0", "0"), "line 1: the price");
    assert_refused(&one(["1", "2", "2", "-0.5", "4.5"], "4", "-0.5", "4.5"), "discount cannot be negative");
    assert_refused(&one(["1", "2", "2", "5", "-1"], "4", "5", "-1"), "line 1: the discount is greater");
    assert_sound(&one(["1", "2", "2", "4", "0"], "4", "4", "0"));
    let finding =
        &faults(&one(["1", "2", "2", "-0.000000001", "4.000000001"], "4", "-0.000000001", "4.000000001"))
            .findings[0];
    assert_eq!(
        (finding.code, finding.message.as_str()),
        ("generalInvoiceCalculations", "discount cannot be negative")
    );
}

#[test]
fn every_amount_is_recomputed() {
    let amount = |name: &str, value: &str| format!("<cbc:{name} currencyID=\"JO\">{value}<");
    for (xml, name, value, wrong, code) in [
        (sample::general(), "LineExtensionAmount", "64.00", "64.002", "LineExtensionAmount"),
        (sample::general(), "RoundingAmount", "68.48", "68.482", "generalInvoiceCalculations"),
        (sample::general(), "TaxAmount", "4.48", "4.482", "generalInvoiceCalculations"),
        (sample::general(), "TaxAmount", "4.480", "4.482", "totalGeneralTaxesAmount"),
        (sample::general(), "TaxExclusiveAmount", "116.000", "114.000", "TaxExclusiveAmount"),
        (sample::general(), "TaxInclusiveAmount", "118.480", "118.490", "TaxInclusiveAmount"),
        (sample::general(), "PayableAmount", "118.480", "118.470", "PayableAmount"),
        (sample::general(), "AllowanceTotalAmount", "2.000", "0.000", "AllowanceTotalAmount"),
        (sample::general(), "Amount", "2.000", "0.000", "AllowanceCharge"),
        (sample::special(), "RoundingAmount", "555.500", "545.500", "totalSpecialTaxesAmount"),
        (sample::special(), "TaxAmount", "101.000", "121.000", "totalGeneralTaxesAmount"),
        (sample::special(), "TaxableAmount", "495.000", "505.000", "TaxableAmount"),
        (sample::income(), "PayableAmount", "109.000", "116.000", "PayableAmount"),
    ] {
        let findings = faults(&with(&xml, &amount(name, value), &amount(name, wrong))).findings;
        assert!(findings.iter().all(|finding| finding.code == code), "{name}: {findings:?}");
        assert_eq!(findings.len(), 1, "{name}: {findings:?}");
    }
}

#[test]
fn the_tax_of_the_subtotal_is_recomputed_too() {
    let category = "</cbc:TaxAmount><cac:TaxCategory>";
    let xml = with(&sample::general(), &format!(">4.48{category}"), &format!(">4.58{category}"));
    assert_refused(&xml, "Error in general tax amount calculation for general invoice");
}

#[test]
fn the_total_message_is_the_guides_to_the_letter() {
    let xml = with(&sample::general(), ">4.480<", ">4.400<");
    assert_eq!(faults(&xml).findings[0].message, "Total General Amount is Not Correct ");
}

#[test]
fn a_negative_special_tax_is_refused() {
    let xml = sample::special()
        .replace(">10.00</cbc:TaxAmount>", ">-10.00</cbc:TaxAmount>")
        .replace(">50.500<", ">48.500<")
        .replace(">555.500<", ">533.500<")
        .replace(">101.000<", ">97.000<")
        .replace(">1111.000<", ">1067.000<");
    assert_refused(&xml, "Total Special Amount is Not Correct");
}

#[test]
fn strict_tolerance_wants_half_up_at_nine_decimals() {
    // 0.333333333 x 0.123456789 at 16 %: 0.041152262958..., 0.006584362073..., 0.047736625032...
    let xml = |extension: &'static str, tax: &'static str, total: &'static str| {
        let lines = sample::taxed(["1", "0.333333333", "0.123456789", "0", extension], "S", "16", tax, total);
        Draft {
            discount: "0",
            tax: Some(tax),
            exclusive: extension,
            inclusive: total,
            lines,
            ..sample::general_draft()
        }
        .xml()
    };
    assert_sound(&xml("0.041152263", "0.006584362", "0.047736625"));
    for wrong in [
        xml("0.041152262", "0.006584362", "0.047736625"),
        xml("0.041152263", "0.006584363", "0.047736625"),
        xml("0.041152263", "0.006584362", "0.047736626"),
        xml("0.041", "0.007", "0.048"),
    ] {
        assert!(faults(&wrong).findings.is_empty());
        assert!(!faults_with(&wrong, &strict()).findings.is_empty());
    }
}

#[test]
fn consumer_prices() {
    let one = |consumer, tax: &'static str, total: &'static str| {
        let taxes = sample::taxes(tax, total, &sample::subtotal("VAT", "", tax, "S", "16.000"));
        let lines = sample::line(["1", "10.000", "5.000", "10.000", "40.000"], &taxes, consumer);
        Draft {
            discount: "10",
            tax: Some(tax),
            exclusive: "50",
            inclusive: total,
            lines,
            ..sample::general_draft()
        }
    };
    assert_sound(&one("5.000", "6.400", "46.400").xml());
    assert_sound(&one("6.000", "9.600", "49.600").xml());
    assert_refused(&one("4.999", "6.400", "46.400").xml(), "the consumer price is below");
    let mixed = Draft {
        lines: one("6.000", "9.600", "49.600").lines
            + &sample::taxed(["2", "10", "5", "0", "50"], "Z", "0", "0", "50"),
        exclusive: "100",
        inclusive: "99.6",
        ..one("6.000", "9.600", "49.600")
    };
    assert_refused(&mixed.xml(), "the consumer price must stand on all lines");
    let income = Draft {
        lines: sample::line(["1", "33", "2", "2", "64"], "", "3"),
        discount: "2",
        exclusive: "66",
        inclusive: "64",
        ..sample::income_draft()
    };
    assert_refused(&income.xml(), "the consumer price does not belong");
}

#[test]
fn returns_name_their_original_and_a_reason() {
    let draft = sample::general_return_draft();
    assert_refused(
        &Draft { billing: String::new(), ..draft.clone() }.xml(),
        "cac:BillingReference is missing",
    );
    assert_refused(&Draft { payment: String::new(), ..draft.clone() }.xml(), "the reason of the return");
    assert_refused(&with(&draft.xml(), "تم الارجاع بسبب خلل في المنتج", ""), "the reason of the return");
    assert_refused(&with(&draft.xml(), ">118.480<", ">1,118.48<"), "DocumentDescription");
    assert_refused(&Draft { code: "388", ..draft }.xml(), "cac:BillingReference belongs in returns only");
}

#[test]
fn document_subtotals_of_the_older_guide_are_checked_where_given() {
    let xml = |taxable: &str, tax: &str| {
        let subtotal = sample::subtotal("VAT", taxable, tax, "S", "7");
        with(&sample::general(), "4.480</cbc:TaxAmount>", &format!("4.480</cbc:TaxAmount>{subtotal}"))
    };
    assert_sound(&xml("64", "4.48"));
    assert_refused(&xml("66", "4.48"), "Total General Amount");
    assert_refused(&xml("64", "4.62"), "Total General Amount");
}

#[test]
fn a_return_is_held_against_its_original() {
    let document = |xml: &str| {
        read(&crate::xml::parse(xml, crate::xml::Limits { depth: 16, elements: 2000 }).unwrap().root).unwrap()
    };
    let tolerance = Decimal::scaled(1, 3);
    let mut sold = returns::Sold::of(&document(&sample::general()));
    let good = sample::general_return();
    assert!(sold.check(&document(&good), tolerance.value()).is_empty());
    let telephone = "<cac:AccountingContact><cbc:Telephone>777888999</cbc:Telephone></cac:AccountingContact>";
    assert!(sold.check(&document(&with(&good, telephone, "")), tolerance.value()).is_empty());
    for (from, to, message) in [
        ("name=\"012\"", "name=\"022\"", "the type of the return"),
        ("DocumentCurrencyCode>JOD", "DocumentCurrencyCode>USD", "the currency of the return"),
        ("احمد محمود", "محمد", "invoice: Credit invoice buyer info does not match the original invoice"),
        ("777888999", "777888990", "invoice: Credit invoice buyer info does not match the original invoice"),
        (
            "PriceAmount currencyID=\"JO\">2<",
            "PriceAmount currencyID=\"JO\">3<",
            "line 1: price, name or tax",
        ),
        ("شاي أخضر", "شاي أسود", "line 1: price, name or tax"),
        (">7</cbc:Percent>", ">8</cbc:Percent>", "line 1: price, name or tax"),
        (
            "DISCOUNT</cbc:AllowanceChargeReason><cbc:Amount currencyID=\"JO\">0.666666667",
            "DISCOUNT</cbc:AllowanceChargeReason><cbc:Amount currencyID=\"JO\">2",
            "line 1: the discount is not",
        ),
        ("<cac:InvoiceLine><cbc:ID>1<", "<cac:InvoiceLine><cbc:ID>9<", "line 9 is not in the original"),
    ] {
        let findings = sold.check(&document(&with(&good, from, to)), tolerance.value());
        assert_eq!(findings.len(), 1, "{to}: {findings:?}");
        assert!(findings[0].message.starts_with(message), "{to}: {findings:?}");
    }
    // Three times a third comes back, and then nothing is left.
    for _ in 0..3 {
        assert!(sold.check(&document(&good), tolerance.value()).is_empty());
        sold.give_back(&document(&good));
    }
    let findings = sold.check(&document(&good), tolerance.value());
    assert_eq!(findings[0].message, "line 1: more is returned than is left");
}
