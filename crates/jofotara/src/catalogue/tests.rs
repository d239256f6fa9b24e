//! The whole table, its shape, and how answers find their entries.

use std::collections::BTreeSet;

use super::*;

fn ids(http_status: Option<u16>, codes: &[&str], message: &str) -> Vec<&'static str> {
    let codes: Vec<String> = codes.iter().map(|&code| code.to_owned()).collect();
    explain(http_status, &codes, message).into_iter().map(|entry| entry.id).collect()
}

/// Specification 1.6, row by row.
#[test]
fn every_known_code_and_message_finds_its_entry() {
    let rows: [(&[&str], &str, &str); 22] = [
        (&["XSD_VALID"], "Complied with UBL 2.1 standards", "xsd_valid"),
        (
            &["XSD_INVALID"],
            "Schema validation failed; XML does not comply with UBL 2.1 standards",
            "xsd_invalid",
        ),
        (&["totalGeneralTaxesAmount"], "Total General Amount is Not Correct ", "total_general_tax"),
        (&["totalSpecialTaxesAmount"], "", "total_special_tax"),
        (&["TaxInclusiveAmount"], "", "tax_inclusive_amount"),
        (&["PayableAmount"], "", "payable_amount"),
        (
            &["generalInvoiceCalculations"],
            "Error in general tax amount calculation for general invoice",
            "line_tax",
        ),
        (&["generalInvoiceCalculations"], "discount cannot be negative", "negative_discount"),
        (&["generalInvoiceCalculations"], "something else", "calculations"),
        (&["invoiceTypeCode"], "", "type_code"),
        (
            &["invoice-persist"],
            "invoice: This user is not authorized to submit this type of invoice.",
            "family_not_authorised",
        ),
        (
            &["invoice-persist"],
            "500 : \"{\"timestamp\":\"x\",\"status\":500,\"error\":\"Internal Server Error\",\"path\":\"/ingestion/invoices\"}\"",
            "inner_failure",
        ),
        (&["invoice-persist"], "something else", "persist"),
        (
            &[],
            "invoice: Credit invoice buyer info does not match the original invoice",
            "return_buyer_mismatch",
        ),
        (&[], "Bayer name is missing", "buyer_name_missing"),
        (&[], "The ID number must be unique", "duplicate_line_number"),
        (&[], "General tax percentage must be zero", "zero_percent_category"),
        (
            &[],
            "BuyerTaxNumber: The buyer's taxpayer number is not associated with the developmental arear",
            "development_area_buyer",
        ),
        (&[], "Postal code length is incorrect", "postal_code_length"),
        (&[], "Invalid Invoice Minification", "minification"),
        (&["invalid_client"], "no token: HTTP 401: invalid_client", "token_pair_refused"),
        (&["post2tax-cannot-say"], "not sent: it is a return; …", "post2tax_cannot_say"),
    ];
    for (codes, message, id) in rows {
        assert_eq!(ids(Some(400), codes, message), [id], "{codes:?} {message:?}");
        let shouted = format!("  {}  ", message.to_uppercase().replace(' ', " \t "));
        let lowered: Vec<String> = codes.iter().map(|code| code.to_lowercase()).collect();
        let lowered: Vec<&str> = lowered.iter().map(String::as_str).collect();
        assert_eq!(ids(Some(400), &lowered, &shouted), [id], "{shouted:?}");
    }
}

#[test]
fn several_reasons_have_an_entry_each() {
    let found = ids(
        Some(400),
        &["totalGeneralTaxesAmount", "generalInvoiceCalculations", "invoice"],
        "Total General Amount is Not Correct; discount cannot be negative; Bayer name is missing",
    );
    assert_eq!(found, ["total_general_tax", "negative_discount", "buyer_name_missing"]);
}

#[test]
fn http_explains_only_what_http_alone_has_judged() {
    for (status, id) in [
        (401, "credentials_refused"),
        (403, "credentials_refused"),
        (500, "server_error"),
        (502, "unavailable"),
        (504, "unavailable"),
        (404, "wrong_address"),
        (400, "gateway_answer"),
    ] {
        assert_eq!(ids(Some(status), &[], &format!("HTTP {status}, whatever: x")), [id]);
        assert_eq!(ids(Some(status), &[], "ABC is wrong"), ["unknown"], "{status}");
    }
    assert_eq!(ids(None, &[], ""), ["unknown"]);
    assert_eq!(ids(Some(418), &["NEW_CODE"], "HTTP 418, what"), ["unknown"]);
}

#[test]
fn ids_are_stable_unique_and_snake_case() {
    let all: Vec<&str> = entries().map(|entry| entry.id).chain([UNKNOWN.id]).collect();
    let unique: BTreeSet<&str> = all.iter().copied().collect();
    assert_eq!(unique.len(), all.len());
    for id in &all {
        assert!(
            id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'),
            "{id}"
        );
    }
    // Producers' programs and people's notes name them: none may go, none may change its name.
    let promised = [
        "xsd_valid",
        "xsd_invalid",
        "minification",
        "type_code",
        "zero_percent_category",
        "duplicate_line_number",
        "total_general_tax",
        "total_special_tax",
        "tax_inclusive_amount",
        "payable_amount",
        "line_tax",
        "negative_discount",
        "calculations",
        "family_not_authorised",
        "persist",
        "buyer_name_missing",
        "postal_code_length",
        "development_area_buyer",
        "return_buyer_mismatch",
        "credentials_refused",
        "token_pair_refused",
        "post2tax_licence",
        "post2tax_cannot_say",
        "inner_failure",
        "server_error",
        "unavailable",
        "wrong_address",
        "gateway_answer",
        "unknown",
    ];
    assert!(promised.iter().all(|id| unique.contains(id)), "{promised:?}");
}

#[test]
fn every_text_stands_in_both_languages() {
    for entry in entries().chain([&UNKNOWN]) {
        for text in [entry.meaning, entry.remedy, entry.class.title(), entry.retry.title()] {
            let arabic = text.ar.chars().filter(|c| ('\u{600}'..='\u{6ff}').contains(c)).count();
            assert!(
                arabic * 2 > text.ar.chars().filter(|c| c.is_alphabetic()).count(),
                "{}: {}",
                entry.id,
                text.ar
            );
            assert!(
                !text.en.is_empty() && text.en.is_ascii() || text.en.contains(['“', '…']),
                "{}: {}",
                entry.id,
                text.en
            );
            assert!(!text.en.contains("  ") && !text.ar.contains("  "), "{}", entry.id);
        }
    }
}

#[test]
fn what_is_recognised_is_what_is_shown() {
    for entry in entries() {
        for message in entry.messages.iter().filter(|_| !entry.patterns.is_empty()) {
            assert_eq!(ids(Some(400), entry.codes, message), [entry.id], "{message}");
        }
    }
}

#[test]
fn the_page_of_the_documentation_is_the_one_that_is_made() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors.md");
    let committed = std::fs::read_to_string(file).unwrap();
    assert!(committed == page(), "docs/errors.md is not what `fawtara catalogue --markdown` prints");
}

/// Its status is not that of an answer to the document, so that only the line has it.
#[test]
fn want_of_a_token_is_explained_by_the_status_in_its_line() {
    assert_eq!(ids(None, &[], "no token: HTTP 503"), ["unavailable"]);
    assert_eq!(ids(None, &[], "no token: HTTP 401"), ["credentials_refused"]);
    assert_eq!(ids(None, &[], "no token: no whole answer came: reset"), ["unknown"]);
    assert_eq!(ids(Some(503), &[], "no token: HTTP 404"), ["wrong_address"]);
}
