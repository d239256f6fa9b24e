//! The buyer's block: what the guide leaves open is decided here once (specification 2.5).

use invoice::InvoiceEvent;
use invoice::event::{Buyer, Identification, IdentificationScheme};

use crate::sample;

/// What stands between the tags of the buyer's party.
fn block(event: &InvoiceEvent) -> String {
    let document = sample::written_text(event);
    let (_, after) = document.split_once("<cac:AccountingCustomerParty>").unwrap();
    after.split_once("</cac:AccountingCustomerParty>").unwrap().0.to_owned()
}

fn with_buyer(event: InvoiceEvent, scheme: IdentificationScheme, number: &str) -> InvoiceEvent {
    let identification = Some(Identification { scheme, number: number.to_owned() });
    InvoiceEvent { buyer: Some(Buyer { identification, ..Buyer::default() }), ..event }
}

#[test]
fn a_nameless_buyer_has_an_empty_number_and_an_empty_name() {
    let whole = concat!(
        r#"<cac:Party><cac:PartyIdentification><cbc:ID schemeID="NIN"></cbc:ID></cac:PartyIdentification>"#,
        "<cac:PostalAddress><cac:Country><cbc:IdentificationCode>JO</cbc:IdentificationCode></cac:Country></cac:PostalAddress>",
        "<cac:PartyTaxScheme><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>",
        "<cac:PartyLegalEntity><cbc:RegistrationName></cbc:RegistrationName></cac:PartyLegalEntity></cac:Party>",
    );
    for event in [sample::guide_income(), sample::guide_general()] {
        assert_eq!(block(&InvoiceEvent { buyer: None, ..event.clone() }), whole);
        assert_eq!(block(&InvoiceEvent { buyer: Some(Buyer::default()), ..event }), whole);
    }
}

#[test]
fn only_a_tax_number_on_general_sales_is_repeated() {
    use IdentificationScheme::{NIN, PN, TN};
    for (scheme, number, repeated) in
        [(TN, "33445544", true), (TN, "", false), (NIN, "9871234567", false), (PN, "N1", false)]
    {
        let general = block(&with_buyer(sample::guide_general(), scheme, number));
        assert_eq!(
            general.contains(&format!("<cbc:CompanyID>{number}</cbc:CompanyID>")),
            repeated,
            "{scheme:?} {number}"
        );
        // Without a number there is nobody: the reading for nameless buyers says what stands there.
        let written = if number.is_empty() { NIN } else { scheme };
        assert!(general.contains(&format!("<cbc:ID schemeID=\"{written:?}\">{number}</cbc:ID>")));
        let income = block(&with_buyer(sample::guide_income(), scheme, number));
        assert!(!income.contains("CompanyID"));
    }
}
