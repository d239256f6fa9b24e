//! The check of ready-made documents: each damage is found where it is, by the rule that it breaks, and nothing else is.

use invoice::rules::Language;
use invoice::{InvoiceEvent, Profile};
use ubl::{Finding, FindingCode, Severity};

use crate::sample;

fn examined(document: &str) -> Vec<Finding> {
    ubl::examine(&ubl::read(document.as_bytes()).unwrap(), &Profile::default())
}

/// Severity, code and place of everything that is found after one replacement.
fn found(event: &InvoiceEvent, from: &str, to: &str) -> Vec<(Severity, String, String)> {
    let document = sample::written_text(event);
    assert!(document.contains(from), "{from} is not in {document}");
    let findings = examined(&document.replacen(from, to, 1));
    findings.into_iter().map(|finding| (finding.severity, finding.code.to_string(), finding.path)).collect()
}

fn only(event: &InvoiceEvent, from: &str, to: &str, severity: Severity, code: &str, path: &str) {
    assert_eq!(found(event, from, to), [(severity, code.to_owned(), path.to_owned())], "{from} -> {to}");
}

#[test]
fn sound_documents_have_no_finding() {
    for event in [
        sample::guide_income(),
        sample::guide_general(),
        sample::guide_special(),
        sample::nameless_cash(),
        sample::free_zone_receivable(),
        sample::ten_lines(),
        sample::consumer_price(),
        sample::returned(sample::guide_income()),
        sample::returned(sample::guide_general()),
        sample::returned(sample::guide_special()),
    ] {
        assert_eq!(examined(&sample::written_text(&event)), [], "{}", event.number);
    }
}

#[test]
fn structure_is_checked() {
    use Severity::{Error, Warning};
    let event = sample::guide_general();
    let id = "<cbc:ID>EIN0001</cbc:ID>";
    let line = "/Invoice/cac:InvoiceLine[1]";
    for (from, to, severity, code, path) in [
        ("<Invoice xmlns", "<Invoice\n xmlns", Error, "opening_tag", "/Invoice".to_owned()),
        (id, "", Error, "missing_element", "/Invoice/cbc:ID".to_owned()),
        (
            "<cbc:Note>",
            "<cbc:IssueTime>1</cbc:IssueTime><cbc:Note>",
            Warning,
            "unknown_element",
            "/Invoice/cbc:IssueTime".to_owned(),
        ),
        (id, &format!("{id}{id}"), Error, "repeated_element", "/Invoice/cbc:ID[2]".to_owned()),
        ("<cac:Item>", "<cac:Item>x", Error, "stray_text", format!("{line}/cac:Item")),
        ("reporting:1.0", "reporting:2.0", Error, "fixed_text", "/Invoice/cbc:ProfileID".to_owned()),
        (
            "<cbc:ProfileID>reporting:1.0</cbc:ProfileID>",
            "",
            Warning,
            "missing_element",
            "/Invoice/cbc:ProfileID".to_owned(),
        ),
        (
            ">discount<",
            ">Discount<",
            Warning,
            "fixed_text",
            "/Invoice/cac:AllowanceCharge/cbc:AllowanceChargeReason".to_owned(),
        ),
        (
            ">false<",
            ">true<",
            Error,
            "fixed_text",
            "/Invoice/cac:AllowanceCharge/cbc:ChargeIndicator".to_owned(),
        ),
        (
            r#"unitCode="PCE""#,
            r#"unitCode="KGM""#,
            Warning,
            "fixed_attribute",
            format!("{line}/cbc:InvoicedQuantity/@unitCode"),
        ),
        (
            r#"<cbc:TaxExclusiveAmount currencyID="JO">"#,
            r#"<cbc:TaxExclusiveAmount currencyID="JOD">"#,
            Error,
            "currency_id",
            "/Invoice/cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount/@currencyID".to_owned(),
        ),
        (
            "<cbc:TaxCurrencyCode>JOD<",
            "<cbc:TaxCurrencyCode>USD<",
            Error,
            "different_currencies",
            "/Invoice/cbc:TaxCurrencyCode".to_owned(),
        ),
        (
            r#"name="012""#,
            r#"name="0123""#,
            Error,
            "unknown_code",
            "/Invoice/cbc:InvoiceTypeCode/@name".to_owned(),
        ),
        (">388<", ">380<", Error, "unknown_code", "/Invoice/cbc:InvoiceTypeCode".to_owned()),
        (">2023-11-20<", ">2023-11-31<", Error, "not_a_date", "/Invoice/cbc:IssueDate".to_owned()),
        (">33.000<", ">33,000<", Error, "not_a_number", format!("{line}/cbc:InvoicedQuantity")),
        (
            "<cbc:ID>ICV</cbc:ID><cbc:UUID>1<",
            "<cbc:ID>ICV</cbc:ID><cbc:UUID>one<",
            Error,
            "not_a_whole_number",
            "/Invoice/cac:AdditionalDocumentReference/cbc:UUID".to_owned(),
        ),
        (
            &sample::SAMPLE_UUID.to_string(),
            "7a4452eb-0acd-49983-b630-b2b79d0acert",
            Warning,
            "uuid_form",
            "/Invoice/cbc:UUID".to_owned(),
        ),
        (
            "JO-AZ",
            "O-AZ",
            Error,
            "unknown_code",
            "/Invoice/cac:AccountingCustomerParty/cac:Party/cac:PostalAddress/cbc:CountrySubentityCode"
                .to_owned(),
        ),
        (
            r#"schemeID="TN""#,
            r#"schemeID="CRN""#,
            Error,
            "unknown_code",
            "/Invoice/cac:AccountingCustomerParty/cac:Party/cac:PartyIdentification/cbc:ID/@schemeID"
                .to_owned(),
        ),
        (
            "5153\">VAT<",
            "5153\">GST<",
            Error,
            "unknown_code",
            format!("{line}/cac:TaxTotal/cac:TaxSubtotal[1]/cac:TaxCategory/cac:TaxScheme/cbc:ID"),
        ),
    ] {
        only(&event, from, to, severity, code, &path);
    }
}

#[test]
fn order_is_the_schemas() {
    let document = sample::written_text(&sample::guide_general());
    let date = "<cbc:IssueDate>2023-11-20</cbc:IssueDate>";
    let moved = document.replacen(date, "", 1).replacen("<cbc:Note>", &format!("{date}<cbc:Note>"), 1);
    let findings = examined(&moved);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(
        (findings[0].code, findings[0].path.as_str()),
        (FindingCode::MisplacedElement, "/Invoice/cbc:IssueDate")
    );
}

#[test]
fn families_have_their_own_elements() {
    use Severity::{Error, Warning};
    let total = r#"<cac:TaxTotal><cbc:TaxAmount currencyID="JO">0.000</cbc:TaxAmount></cac:TaxTotal><cac:LegalMonetaryTotal>"#;
    only(
        &sample::guide_income(),
        "<cac:LegalMonetaryTotal>",
        total,
        Error,
        "not_in_family",
        "/Invoice/cac:TaxTotal",
    );
    let base = r#"<cbc:BaseQuantity unitCode="C62">1</cbc:BaseQuantity><cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator><cbc:AllowanceChargeReason>DISCOUNT"#;
    let discount = base.split_once("</cbc:BaseQuantity>").unwrap().1;
    let path = "/Invoice/cac:InvoiceLine[1]/cac:Price/cbc:BaseQuantity";
    only(&sample::guide_general(), discount, base, Warning, "not_in_family", path);
    let returned = sample::returned(sample::guide_general());
    only(&returned, r#"unitCode="C62">1<"#, r#"unitCode="C62">12<"#, Warning, "fixed_text", path);
    let reason = "<cbc:InstructionNote>تم الارجاع بسبب خلل في المنتج</cbc:InstructionNote>";
    only(&returned, reason, "", Error, "missing_element", "/Invoice/cac:PaymentMeans/cbc:InstructionNote");
    let special = sample::guide_special();
    let document = sample::written_text(&special);
    let from = document.find("<cac:TaxSubtotal>").unwrap();
    let to = document.find("</cac:TaxTotal><cac:Item>").unwrap();
    let (first, second) = document[from..to].split_at(document[from..to].rfind("<cac:TaxSubtotal>").unwrap());
    let swapped = document.replacen(&format!("{first}{second}"), &format!("{second}{first}"), 1);
    let findings = examined(&swapped);
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0].path, "/Invoice/cac:InvoiceLine[1]/cac:TaxTotal/cac:TaxSubtotal[2]");
}

#[test]
fn rules_for_events_are_told_in_places_of_the_document() {
    let event = sample::guide_general();
    let found = found(&event, "<cbc:Percent>7.00<", "<cbc:Percent>6.00<");
    let place = "/Invoice/cac:InvoiceLine[1]/cac:TaxTotal/cac:TaxSubtotal/cac:TaxCategory/cbc:Percent";
    assert!(
        found.contains(&(Severity::Error, "percent_not_listed".to_owned(), place.to_owned())),
        "{found:#?}"
    );
}

#[test]
fn every_printed_amount_is_compared_with_its_formula() {
    for event in
        [sample::guide_general(), sample::guide_special(), sample::guide_income(), sample::consumer_price()]
    {
        let document = sample::written_text(&event);
        let inputs = ["PriceAmount", "InvoicedQuantity", "Percent", "DocumentDescription"];
        let mut at = 0;
        let mut checked = 0;
        while let Some(step) = document[at..].find(r#" currencyID="JO">"#) {
            let value_at = at + step + r#" currencyID="JO">"#.len();
            let name_at = document[..at + step].rfind('<').unwrap();
            let name = &document[name_at + 5..at + step];
            let end = value_at + document[value_at..].find('<').unwrap();
            at = end;
            let parent = &document[..name_at];
            let is_input = inputs.contains(&name)
                || name == "Amount"
                    && (parent.ends_with("DISCOUNT</cbc:AllowanceChargeReason>")
                        || parent.ends_with("<cac:ItemPriceExtension>"))
                || name == "TaxAmount"
                    && document[end..].split_once("</cac:TaxSubtotal>").is_some_and(|(inside, _)| {
                        inside.contains("OTH") && !inside.contains("<cac:TaxSubtotal>")
                    });
            if is_input {
                continue;
            }
            let value = &document[value_at..end];
            let off = |last: &str| format!("{}{value}{last}{}", &document[..value_at], &document[end..]);
            // 4.480 becomes 4.4801: within the tolerance. 14.480 is not.
            let tolerated = examined(&off("1"));
            assert_eq!(tolerated.len(), 1, "{name} {value}: {tolerated:#?}");
            assert_eq!((tolerated[0].code, tolerated[0].severity), (FindingCode::Amount, Severity::Warning));
            assert_eq!(tolerated[0].difference.unwrap().to_string(), "0.0001");
            let wrong = format!("{}1{value}{}", &document[..value_at], &document[end..]);
            let wrong = examined(&wrong);
            assert_eq!(wrong.len(), 1, "{name} {value}: {wrong:#?}");
            assert_eq!((wrong[0].code, wrong[0].severity), (FindingCode::Amount, Severity::Error));
            assert_eq!(
                wrong[0].expected.as_deref(),
                Some(value.trim_end_matches('0').trim_end_matches('.')).map(|it| if it.is_empty() {
                    "0"
                } else {
                    it
                })
            );
            checked += 1;
        }
        assert!(checked >= 7, "{checked}");
    }
}

#[test]
fn findings_speak_both_languages() {
    let document = sample::written_text(&sample::guide_general()).replacen(">118.480<", ">119<", 1);
    let findings = examined(&document);
    assert_eq!(findings.len(), 1);
    let english = findings[0].what(Language::En);
    assert!(english.contains("sum of the lines with all taxes"), "{english}");
    assert!(english.contains("expected 118.48, found \"119\", off by 0.52"), "{english}");
    let arabic = findings[0].what(Language::Ar);
    assert!(arabic.contains("المتوقع 118.48، الموجود \"119\"، الفرق 0.52"), "{arabic}");
}
