//! Documents of other programs, as they are seen in the field, read as what they mean; and what is refused.

use invoice::event::{IdentificationScheme, Kind, Prices, TaxCategory};
use invoice::{InvoiceEvent, Profile};
use ubl::{FindingCode, ReadError, Reading, Unreadable};

use crate::sample::{self, amount};

fn read(document: &str) -> Reading {
    ubl::read(document.as_bytes()).unwrap()
}

/// The document with a line break and blanks before every tag.
fn indented(document: &str) -> String {
    document.replace("><", ">\n    <")
}

/// The document with other prefixes, and attributes the other way round.
fn with_prefixes(document: &str) -> String {
    let swapped = document
        .replace(
            r#" schemeAgencyID="6" schemeID="UN/ECE 5305""#,
            r#" schemeID='UN/ECE 5305' schemeAgencyID='6'"#,
        )
        .replace("xmlns:cac=", "xmlns:a=")
        .replace("xmlns:cbc=", "xmlns:b=")
        .replace("<cac:", "<a:")
        .replace("</cac:", "</a:")
        .replace("<cbc:", "<b:")
        .replace("</cbc:", "</b:");
    swapped.replace("<Invoice xmlns=", "<ubl:Invoice xmlns:ubl=").replace("</Invoice>", "</ubl:Invoice>")
}

/// The copy that the authority signs.
fn signed(document: &str) -> String {
    let extensions = "<ext:UBLExtensions><ext:UBLExtension><ext:ExtensionContent><sig xmlns=\"urn:s\">x</sig></ext:ExtensionContent></ext:UBLExtension></ext:UBLExtensions><cbc:ProfileID>";
    let qr = concat!(
        "<cac:AdditionalDocumentReference><cbc:ID>QR</cbc:ID><cac:Attachment>",
        "<cbc:EmbeddedDocumentBinaryObject mimeCode=\"text/plain\">QVI=</cbc:EmbeddedDocumentBinaryObject>",
        "</cac:Attachment></cac:AdditionalDocumentReference><cac:Signature><cbc:ID>s</cbc:ID></cac:Signature>",
        "<cac:AccountingSupplierParty>",
    );
    document.replacen("<cbc:ProfileID>", extensions, 1).replacen("<cac:AccountingSupplierParty>", qr, 1)
}

fn samples() -> [InvoiceEvent; 5] {
    [
        sample::guide_income(),
        sample::guide_general(),
        sample::guide_special(),
        sample::consumer_price(),
        sample::returned(sample::guide_general()),
    ]
}

/// By guide v1.5 such returns have no note.
fn legible(event: InvoiceEvent) -> InvoiceEvent {
    if event.kind == Kind::Return { InvoiceEvent { note: None, ..event } } else { event }
}

#[test]
fn another_layout_is_the_same_document() {
    for event in samples() {
        let document = sample::written_text(&event);
        for (what, other) in [
            ("ours", document.clone()),
            ("indented", indented(&document)),
            ("other prefixes", with_prefixes(&document)),
            ("signed", signed(&document)),
            ("indented and signed", indented(&signed(&document))),
            ("no declaration", document.split_once("?>").unwrap().1.to_owned()),
            ("no ProfileID", document.replace("<cbc:ProfileID>reporting:1.0</cbc:ProfileID>", "")),
            ("byte order mark", format!("\u{feff}{document}")),
            ("comments", document.replace("<cac:Item>", "<!-- صنف --><cac:Item><?x y?>")),
            ("CDATA", document.replace(">Biscuit<", "><![CDATA[Biscuit]]><")),
        ] {
            let reading = read(&other);
            assert_eq!(reading.event().unwrap(), legible(event.clone()), "{what}");
            assert_eq!(reading.icv(), Some(1), "{what}");
            assert_eq!(reading.unknown(), Vec::<String>::new(), "{what}");
        }
    }
}

#[test]
fn the_buyer_can_be_pasted_into_a_return_whatever_its_prefixes() {
    let original = sample::guide_general();
    let event = sample::returned(original.clone());
    let document = sample::written_text(&original);
    let ours = read(&document).buyer().to_owned();
    assert!(document.contains(&ours), "byte for byte");
    for (what, other) in [
        ("ours", document.clone()),
        ("other prefixes", with_prefixes(&document)),
        ("signed", signed(&document)),
        ("a declaration of its own", document.replacen("<cac:AccountingCustomerParty>", "<cac:AccountingCustomerParty xmlns:x=\"urn:x\">", 1)),
        ("a default namespace", document.replacen("<cac:AccountingContact><cbc:Telephone>777888999</cbc:Telephone></cac:AccountingContact>", "<AccountingContact xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2\"><cbc:Telephone>777888999</cbc:Telephone></AccountingContact>", 1)),
    ] {
        assert_eq!(read(&other).buyer(), ours, "{what}");
    }
    // Indentation is kept: it is byte for byte what the authority holds.
    let indented = indented(&document);
    let block = read(&indented).buyer().to_owned();
    assert!(indented.contains(&block) && block.contains('\n'));
    for block in [&ours, &block] {
        let written = sample::written_by(&event, &Profile::default(), Some(block));
        assert_eq!(read(std::str::from_utf8(&written).unwrap()).event().unwrap().buyer, original.buyer);
    }
}

#[test]
fn a_buyer_that_needs_escaping_is_rewritten_escaped() {
    let mut event = sample::guide_income();
    event.buyer.as_mut().unwrap().name = Some("النور & <شركاه> \"م\"".to_owned());
    let document = sample::written_text(&event);
    assert_eq!(read(&with_prefixes(&document)).buyer(), read(&document).buyer());
}

#[test]
fn nobody_is_read_from_every_form_in_use() {
    let event = sample::nameless_cash();
    let document = sample::written_text(&event);
    let guide = r#"<cac:PartyIdentification><cbc:ID schemeID="NIN"></cbc:ID></cac:PartyIdentification>"#;
    assert!(document.contains(guide));
    for form in [
        guide,
        r#"<cac:PartyIdentification><cbc:ID schemeID="NIN"/></cac:PartyIdentification>"#,
        r#"<cac:PartyIdentification><cbc:ID schemeID="TN">0</cbc:ID></cac:PartyIdentification>"#,
        r#"<cac:PartyIdentification><cbc:ID schemeID="TN">-</cbc:ID></cac:PartyIdentification>"#,
        r#"<cac:PartyIdentification><cbc:ID schemeID="TN"> </cbc:ID></cac:PartyIdentification>"#,
        "<cac:PartyIdentification><cbc:ID></cbc:ID></cac:PartyIdentification>",
        "",
    ] {
        assert_eq!(read(&document.replace(guide, form)).event().unwrap().buyer, None, "{form}");
    }
    // One kit writes TIN for a tax number.
    let kit = guide.replace("NIN\"></", "TIN\">33445544</");
    let buyer = read(&document.replace(guide, &kit)).event().unwrap().buyer.unwrap();
    let known = buyer.identification.unwrap();
    assert_eq!((known.scheme, known.number.as_str()), (IdentificationScheme::TN, "33445544"));
}

#[test]
fn totals_of_originals_may_be_grouped_by_commas() {
    let event = sample::returned(sample::guide_general());
    let document = sample::written_text(&event)
        .replace("<cbc:DocumentDescription>118.480<", "<cbc:DocumentDescription>1,118.48<");
    assert_eq!(read(&document).event().unwrap().original.unwrap().total, Some(amount("1118.48")));
}

#[test]
fn a_uuid_of_any_form_is_kept_as_text() {
    let odd = "7a4452eb-0acd-49983-b630-b2b79d0acert";
    let document =
        sample::written_text(&sample::guide_general()).replace(&sample::SAMPLE_UUID.to_string(), odd);
    let reading = read(&document);
    assert_eq!(reading.uuid(), odd);
    assert_eq!(reading.event().unwrap().uuid, None);
    let original = reading.original().unwrap();
    assert_eq!((original.uuid.as_str(), original.total), (odd, amount("118.48")));
}

#[test]
fn a_return_is_no_original() {
    let reading = read(&sample::written_text(&sample::returned(sample::guide_general())));
    let findings = reading.original().unwrap_err();
    assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), [FindingCode::Return]);
}

#[test]
fn what_the_profile_does_not_know_is_listed() {
    let document = sample::written_text(&sample::guide_income())
        .replace("<cbc:InvoiceTypeCode", "<cbc:IssueTime>10:00:00</cbc:IssueTime><cbc:InvoiceTypeCode")
        .replace("<cac:Item>", "<cac:Item><cbc:Description>x</cbc:Description>");
    let reading = read(&document);
    assert_eq!(
        reading.unknown(),
        [
            "/Invoice/cbc:IssueTime",
            "/Invoice/cac:InvoiceLine[1]/cac:Item/cbc:Description",
            "/Invoice/cac:InvoiceLine[2]/cac:Item/cbc:Description",
        ]
    );
    assert_eq!(reading.event().unwrap(), sample::guide_income());
}

#[test]
fn everything_that_cannot_be_understood_is_told_at_once() {
    let document = sample::written_text(&sample::guide_general())
        .replace("2023-11-20", "20-11-2023")
        .replace(r#"name="012""#, r#"name="912""#)
        .replace(">33.000<", ">thirty<");
    let findings = read(&document).event().unwrap_err();
    let told: Vec<_> = findings.iter().map(|finding| (finding.code, finding.path.as_str())).collect();
    assert_eq!(
        told,
        [
            (FindingCode::NotADate, "/Invoice/cbc:IssueDate"),
            (FindingCode::UnknownCode, "/Invoice/cbc:InvoiceTypeCode/@name"),
        ],
        "without the type, lines are not read"
    );
    let document = sample::written_text(&sample::guide_general())
        .replace(">33.000<", ">thirty<")
        .replace(r#"UN/ECE 5305">Z<"#, r#"UN/ECE 5305">E<"#)
        .replace("JO-AZ", "O-AZ");
    let findings = read(&document).event().unwrap_err();
    let told: Vec<_> = findings.iter().map(|finding| (finding.code, finding.path.as_str())).collect();
    assert_eq!(
        told,
        [
            (
                FindingCode::UnknownCode,
                "/Invoice/cac:AccountingCustomerParty/cac:Party/cac:PostalAddress/cbc:CountrySubentityCode"
            ),
            (FindingCode::NotANumber, "/Invoice/cac:InvoiceLine[1]/cbc:InvoicedQuantity"),
            (
                FindingCode::UnknownCode,
                "/Invoice/cac:InvoiceLine[2]/cac:TaxTotal/cac:TaxSubtotal[1]/cac:TaxCategory/cbc:ID"
            ),
        ]
    );
}

#[test]
fn other_documents_are_refused() {
    let refused = |document: &str| ubl::read(document.as_bytes()).unwrap_err();
    let note = sample::written_text(&sample::guide_income())
        .replace("xsd:Invoice-2", "xsd:CreditNote-2")
        .replace("<Invoice ", "<CreditNote ")
        .replace("</Invoice>", "</CreditNote>");
    assert!(matches!(refused(&note), ReadError::NotAnInvoice { root } if root.contains("CreditNote")));
    assert!(matches!(refused("<Invoice/>"), ReadError::NotAnInvoice { .. }));
    assert_eq!(refused(""), ReadError::Unreadable(Unreadable::Empty));
    let with_dtd =
        sample::written_text(&sample::guide_income()).replace("?><", "?><!DOCTYPE x [<!ENTITY e 'x'>]><");
    assert_eq!(refused(&with_dtd), ReadError::Unreadable(Unreadable::Doctype));
    let cut = sample::written_text(&sample::guide_income());
    assert_eq!(refused(&cut[..cut.len() - "</Invoice>".len()]), ReadError::Unreadable(Unreadable::CutOff));
}

#[test]
fn more_elements_or_attributes_than_an_invoice_has_are_refused() {
    let head = sample::written_text(&sample::guide_income());
    let head = head.strip_suffix("</Invoice>").unwrap();
    let many = format!("{head}{}</Invoice>", "<a/>".repeat(1_000_001));
    let attributes: String = (0..200).map(|n| format!(" a{n}=\"\"")).collect();
    for document in [many, format!("{head}<a{attributes}/></Invoice>")] {
        let error = ubl::read(document.as_bytes()).unwrap_err();
        assert!(matches!(error, ReadError::Unreadable(Unreadable::TooIntricate(_))), "{error}");
    }
}

/// The largest document there may be is read, and quickly.
#[test]
fn ten_thousand_lines_are_read() {
    let line = sample::guide_general().lines[0].clone();
    let lines = (1..=10_000).map(|id| invoice::event::Line { id: Some(id), ..line.clone() });
    let event = InvoiceEvent { lines: lines.collect(), ..sample::guide_general() };
    let reading = ubl::read(&sample::written(&event)).unwrap();
    assert_eq!(reading.event().unwrap(), event);
    assert_eq!(reading.printed().lines.len(), 10_000);
    assert_eq!(ubl::examine(&reading, &Profile::default()), []);
}

#[test]
fn prices_are_net_and_categories_jordans() {
    let event = read(&sample::written_text(&sample::guide_general())).event().unwrap();
    assert_eq!(event.prices, Prices::Net);
    let categories: Vec<_> = event.lines.iter().map(|line| line.tax.as_ref().unwrap().category).collect();
    assert_eq!(categories, [TaxCategory::S, TaxCategory::Z]);
}
