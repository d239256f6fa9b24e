//! Every reading of the profile that concerns the XML, in both positions, byte for byte (arithmetic readings are the invoice's).

use invoice::event::{Buyer, Family, Identification, IdentificationScheme, Scope};
use invoice::profile::{BuyerCompany, BuyerCountry, CurrencyId, NamelessBuyer, PhoneRule, ProfileId, Slash};
use invoice::{InvoiceEvent, Profile};

use crate::sample;

fn written(event: &InvoiceEvent, profile: &Profile) -> String {
    String::from_utf8(sample::written_by(event, profile, None)).unwrap()
}

/// By the guide the document has `guide`; by the other reading it has `other` there instead, and is the same everywhere else.
fn positions(event: &InvoiceEvent, profile: &Profile, guide: &str, other: &str) {
    let by_guide = written(event, &Profile::default());
    assert!(by_guide.contains(guide), "{guide} is not in {by_guide}");
    assert_eq!(by_guide.replace(guide, other), written(event, profile));
}

fn guide() -> Profile {
    Profile::default()
}

#[test]
fn currency_id() {
    let event = sample::free_zone_receivable();
    let profile = Profile { currency_id: CurrencyId::Iso, ..guide() };
    positions(&event, &profile, r#"currencyID="JO""#, r#"currencyID="USD""#);
}

#[test]
fn profile_id() {
    let profile = Profile { profile_id: ProfileId::UblVersion, ..guide() };
    let guide = "<cbc:ProfileID>reporting:1.0</cbc:ProfileID>";
    positions(&sample::guide_income(), &profile, guide, "<cbc:UBLVersionID>2.1</cbc:UBLVersionID>");
}

#[test]
fn slash() {
    let event = sample::nameless_cash();
    let profile = Profile { slash: Slash::Underscore, ..guide() };
    positions(&event, &profile, "<cbc:ID>POS-7/2026-000123<", "<cbc:ID>POS-7_2026-000123<");
    // The number of the original is the authority's, and no longer ours to change.
    let document = written(&sample::returned(event), &profile);
    assert!(document.contains("<cac:InvoiceDocumentReference><cbc:ID>POS-7/2026-000123<"), "{document}");
}

#[test]
fn nameless_buyer() {
    let event = sample::nameless_cash();
    let guide_block =
        r#"<cac:PartyIdentification><cbc:ID schemeID="NIN"></cbc:ID></cac:PartyIdentification>"#;
    for (reading, block) in [
        (NamelessBuyer::EmptyNin, guide_block.to_owned()),
        (NamelessBuyer::EmptyTn, guide_block.replace("NIN", "TN")),
        (NamelessBuyer::ZeroTn, guide_block.replace("NIN\">", "TN\">0")),
        (NamelessBuyer::DashTn, guide_block.replace("NIN\">", "TN\">-")),
        (NamelessBuyer::Absent, String::new()),
    ] {
        positions(&event, &Profile { nameless_buyer: reading, ..guide() }, guide_block, &block);
    }
    // A number that is known is written whatever the reading.
    let known = sample::guide_income();
    assert_eq!(
        written(&known, &guide()),
        written(&known, &Profile { nameless_buyer: NamelessBuyer::ZeroTn, ..guide() })
    );
}

#[test]
fn buyer_company() {
    let company = |event: &InvoiceEvent, reading| {
        let document = written(event, &Profile { buyer_company: reading, ..guide() });
        let (_, buyer) = document.split_once("<cac:AccountingCustomerParty>").unwrap();
        let (buyer, _) = buyer.split_once("</cac:AccountingCustomerParty>").unwrap();
        let (_, after) = buyer.split_once("<cbc:CompanyID>")?;
        Some(after.split_once('<').unwrap().0.to_owned())
    };
    let nin = Identification { scheme: IdentificationScheme::NIN, number: "9871234567".to_owned() };
    let with = |event: InvoiceEvent, identification: Option<Identification>| InvoiceEvent {
        buyer: Some(Buyer { identification, ..event.buyer.clone().unwrap() }),
        ..event
    };
    // Family, whether the tax number is known, then by the guide, tax number, one, zero, absent.
    for (event, known, expected) in [
        (sample::guide_income(), true, [None, Some("555555"), None, Some("0"), None]),
        (sample::guide_income(), false, [None, None, None, Some("0"), None]),
        (sample::guide_general(), true, [Some("33445544"), Some("33445544"), Some("1"), Some("0"), None]),
        (sample::guide_general(), false, [None, None, Some("1"), Some("0"), None]),
        (sample::guide_special(), true, [Some("33445544"), Some("33445544"), Some("1"), Some("0"), None]),
        (sample::guide_special(), false, [Some("1"), None, Some("1"), Some("0"), None]),
    ] {
        let family = event.family;
        let event = if known { event } else { with(event, Some(nin.clone())) };
        let readings = [
            BuyerCompany::Guide,
            BuyerCompany::TaxNumber,
            BuyerCompany::One,
            BuyerCompany::Zero,
            BuyerCompany::Absent,
        ];
        for (reading, expected) in readings.into_iter().zip(expected) {
            assert_eq!(
                company(&event, reading).as_deref(),
                expected,
                "{family:?}, {reading:?}, known: {known}"
            );
        }
    }
}

#[test]
fn buyer_country() {
    let profile = Profile { buyer_country: BuyerCountry::AbsentOnExport, ..guide() };
    let local = sample::guide_income();
    assert_eq!(written(&local, &guide()), written(&local, &profile));
    let export = InvoiceEvent { scope: Scope::Export, ..local };
    let country = "<cbc:PostalZone>1234</cbc:PostalZone>";
    let whole =
        format!("{country}<cac:Country><cbc:IdentificationCode>JO</cbc:IdentificationCode></cac:Country>");
    positions(&export, &profile, &whole, country);
}

#[test]
fn taxable_amount() {
    let event =
        InvoiceEvent { lines: sample::guide_general().lines[..1].to_vec(), ..sample::guide_general() };
    let profile = Profile { taxable_amount: true, ..guide() };
    let subtotal = "<cac:TaxSubtotal>";
    positions(
        &event,
        &profile,
        subtotal,
        &format!(r#"{subtotal}<cbc:TaxableAmount currencyID="JO">64.000</cbc:TaxableAmount>"#),
    );
    // Special sales have it by the guide.
    let special = sample::guide_special();
    assert_eq!(written(&special, &guide()), written(&special, &profile));
}

#[test]
fn return_subtotals() {
    let event = sample::returned(sample::guide_general());
    let profile = Profile { return_subtotals: true, ..guide() };
    let rate = |taxable: &str, tax: &str, letter: &str, percent: &str| {
        format!(
            concat!(
                r#"<cac:TaxSubtotal><cbc:TaxableAmount currencyID="JO">{}</cbc:TaxableAmount>"#,
                r#"<cbc:TaxAmount currencyID="JO">{}</cbc:TaxAmount><cac:TaxCategory>"#,
                r#"<cbc:ID schemeAgencyID="6" schemeID="UN/ECE 5305">{}</cbc:ID><cbc:Percent>{}</cbc:Percent>"#,
                r#"<cac:TaxScheme><cbc:ID schemeAgencyID="6" schemeID="UN/ECE 5153">VAT</cbc:ID></cac:TaxScheme>"#,
                r#"</cac:TaxCategory></cac:TaxSubtotal>"#,
            ),
            taxable, tax, letter, percent
        )
    };
    let subtotals = rate("64.000", "4.480", "S", "7.00") + &rate("50.000", "0.000", "Z", "0.00");
    let total = r#"<cac:TaxTotal><cbc:TaxAmount currencyID="JO">4.480</cbc:TaxAmount></cac:TaxTotal>"#;
    let end = r#"<cbc:AllowanceTotalAmount currencyID="JO">2.000</cbc:AllowanceTotalAmount>"#;
    let expected = written(&event, &guide())
        .replace(total, &total.replace("</cac:TaxTotal>", &format!("{subtotals}</cac:TaxTotal>")))
        .replace(end, &format!(r#"{end}<cbc:PrepaidAmount currencyID="JO">0.000</cbc:PrepaidAmount>"#));
    assert_eq!(written(&event, &profile), expected);
    // Nothing else has them.
    for other in [sample::guide_general(), sample::returned(sample::guide_special())] {
        assert_eq!(written(&other, &guide()), written(&other, &profile));
    }
}

#[test]
fn omit_base_quantity() {
    let profile = Profile { omit_base_quantity: true, ..guide() };
    let base = r#"<cbc:BaseQuantity unitCode="C62">1</cbc:BaseQuantity>"#;
    positions(&sample::returned(sample::guide_general()), &profile, base, "");
    for event in [sample::guide_general(), sample::returned(sample::guide_special())] {
        assert!(!written(&event, &guide()).contains("BaseQuantity"));
    }
}

#[test]
fn return_note() {
    let profile = Profile { return_note: true, ..guide() };
    for event in [sample::guide_general(), sample::guide_special()] {
        let note = format!("<cbc:Note>{}</cbc:Note>", event.note.clone().unwrap());
        let returned = sample::returned(event);
        assert!(!written(&returned, &guide()).contains("cbc:Note"));
        let with = written(&returned, &profile);
        assert_eq!(with.replacen(&note, "", 1), written(&returned, &guide()));
    }
    // The guide's return of an income document has a note.
    let income = sample::returned(sample::guide_income());
    assert!(written(&income, &guide()).contains("<cbc:Note>"));
}

#[test]
fn payment_means_on_invoices() {
    let profile = Profile { payment_means_on_invoices: true, ..guide() };
    let before = "<cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator><cbc:AllowanceChargeReason>discount<";
    let means = concat!(
        r#"<cac:PaymentMeans><cbc:PaymentMeansCode listID="UN/ECE 4461">10</cbc:PaymentMeansCode>"#,
        "</cac:PaymentMeans>"
    );
    positions(&sample::guide_income(), &profile, before, &format!("{means}{before}"));
    let returned = sample::returned(sample::guide_income());
    assert_eq!(written(&returned, &guide()), written(&returned, &profile));
}

#[test]
fn phone_of_unfit_length() {
    let base = sample::guide_income();
    let phoned = |phone: &str| InvoiceEvent {
        buyer: Some(Buyer { phone: Some(phone.to_owned()), ..base.buyer.clone().unwrap() }),
        ..base.clone()
    };
    let profile = Profile { phone: PhoneRule::OmitUnfit, ..guide() };
    let contact = |digits: &str| {
        format!("<cac:AccountingContact><cbc:Telephone>{digits}</cbc:Telephone></cac:AccountingContact>")
    };
    positions(&phoned("12345678"), &profile, &contact("12345678"), "");
    positions(&phoned("123456789012345"), &profile, &contact("123456789012345"), "");
    for fit in ["123456789", "12345678901234"] {
        positions(&phoned(fit), &profile, &contact(fit), &contact(fit));
    }
}

#[test]
fn every_family_is_covered_by_a_sample() {
    let families =
        [sample::guide_income(), sample::guide_general(), sample::guide_special()].map(|it| it.family);
    assert_eq!(families, [Family::Income, Family::GeneralSales, Family::SpecialSales]);
}
