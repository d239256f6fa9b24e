//! Promise 7: our own document is known again in the authority's shape, and any other is not.

use ubl::{Difference, same_but_counter, same_document};

use crate::sample;

/// What the authority makes of a document (specification 4.2): extensions first, a QR reference, no white space.
fn signed(document: &str) -> String {
    let extensions = concat!(
        "<ext:UBLExtensions><ext:UBLExtension><ext:ExtensionURI>urn:oasis:names:specification:ubl:dsig:enveloped:xades",
        "</ext:ExtensionURI><ext:ExtensionContent><!-- sample values -->",
        r#"<sig:UBLDocumentSignatures xmlns:sig="urn:oasis:names:specification:ubl:schema:xsd:CommonSignatureComponents-2">"#,
        r#"<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#" Id="signature"><ds:SignatureValue>MEUCIQDuC9AU9fdg"#,
        "</ds:SignatureValue></ds:Signature></sig:UBLDocumentSignatures></ext:ExtensionContent></ext:UBLExtension>",
        "</ext:UBLExtensions>",
    );
    let qr = concat!(
        "<cac:AdditionalDocumentReference><cbc:ID>QR</cbc:ID><cac:Attachment>",
        r#"<cbc:EmbeddedDocumentBinaryObject mimeCode="text/plain">AQACAnt9AwVmYWxzZQ==</cbc:EmbeddedDocumentBinaryObject>"#,
        "</cac:Attachment></cac:AdditionalDocumentReference>",
    );
    let signature = concat!(
        "<cac:Signature><cbc:ID>urn:oasis:names:specification:ubl:signature:Invoice</cbc:ID>",
        "<cbc:SignatureMethod>urn:oasis:names:specification:ubl:dsig:enveloped:xades</cbc:SignatureMethod></cac:Signature>",
    );
    let document = document.replacen("<cbc:ProfileID>", &format!("{extensions}<cbc:ProfileID>"), 1);
    let supplier = "<cac:AccountingSupplierParty>";
    document.replacen(supplier, &format!("{qr}{signature}{supplier}"), 1)
}

/// Indented, with white space around text, and with comments.
fn spread(document: &str) -> String {
    let mut out = document.replace("><", ">\r\n\t <");
    out = out.replace("</cbc:Name>", " \n</cbc:Name>").replace("<cbc:Name>", "<cbc:Name>\n  ");
    out.replacen("<cbc:ProfileID>", "<!-- تعليق --><?pi x?><cbc:ProfileID>", 1) + "\n<!-- end -->\n"
}

fn value(ours: &str, theirs: &str) -> (String, String, String) {
    match same_document(ours.as_bytes(), theirs.as_bytes()) {
        Err(Difference::Value { path, ours, theirs }) => (path, ours, theirs),
        other => panic!("{other:?}"),
    }
}

fn assert_same(ours: &str, theirs: &str) {
    assert_eq!(same_document(ours.as_bytes(), theirs.as_bytes()), Ok(()));
    assert_eq!(same_document(theirs.as_bytes(), ours.as_bytes()), Ok(()));
}

#[test]
fn the_signed_copy_is_the_same_document() {
    for event in [sample::guide_income(), sample::guide_general(), sample::free_zone_receivable()] {
        let ours = sample::written_text(&event);
        let theirs = signed(&ours);
        for added in ["<ext:UBLExtensions>", "<cbc:ID>QR<", "<cac:Signature>"] {
            assert!(theirs.contains(added), "{added}");
        }
        assert_same(&ours, &theirs);
        assert_same(&spread(&ours), &theirs);
    }
}

#[test]
fn the_counter_alone_may_be_left_out() {
    let ours = sample::written_text(&sample::guide_general());
    let at = ours.find("<cbc:ID>ICV</cbc:ID><cbc:UUID>").unwrap();
    let counted = |icv: &str| {
        let (before, rest) = ours.split_at(at);
        let (_, after) = rest.split_once("</cbc:UUID>").unwrap();
        format!("{before}<cbc:ID>ICV</cbc:ID><cbc:UUID>{icv}</cbc:UUID>{after}")
    };
    let (ours, theirs) = (counted("1221"), signed(&counted("130")));
    let compare = |ours: &str, theirs: &str| same_but_counter(ours.as_bytes(), theirs.as_bytes());
    assert_eq!(compare(&ours, &theirs), Ok(Some(130)));
    assert_eq!(compare(&ours, &spread(&theirs)), Ok(Some(130)));
    assert_eq!(compare(&ours, &signed(&ours)), Ok(None), "the same counter");
    let path = value(&ours, &theirs).0;
    assert!(path.ends_with("/AdditionalDocumentReference/UUID"), "{path}");
    // Anything else still matters, before and after it; and so does a counter that is none.
    for (from, to) in [("<cbc:Name>Biscuit<", "<cbc:Name>Bread<"), ("<cbc:ID>ICV<", "<cbc:ID>PO<")] {
        assert!(theirs.contains(from), "{from}");
        assert!(compare(&ours, &theirs.replacen(from, to, 1)).is_err(), "{from}");
    }
    let uuid = theirs.split_once("<cbc:UUID>").unwrap().1.split_once('<').unwrap().0;
    assert!(compare(&ours, &theirs.replacen(uuid, "77", 1)).is_err(), "the document's own UUID");
    for counter in ["x130", "", "-1", "1 3"] {
        assert!(compare(&ours, &counted(counter)).is_err(), "{counter:?}");
    }
}

#[test]
fn form_does_not_matter() {
    let ours = sample::written_text(&sample::guide_general());
    assert_same(&ours, &spread(&ours));
    assert_same(&ours, &format!("\u{feff}{ours}"));
    assert_same(&ours, &ours.replace("<cbc:Name>Biscuit<", "<cbc:Name><![CDATA[Bis]]>&#99;u<!-- x -->it<"));
    assert_same(&ours, &ours.replace("4.480", "+04.48").replace(">7.00<", ">7<").replace("33.000", "33"));
    assert_same(
        &ours,
        &ours.replace(
            r#"schemeAgencyID="6" schemeID="UN/ECE 5305""#,
            "schemeID = 'UN/ECE&#x20;5305'\nschemeAgencyID='6'",
        ),
    );
    // Other prefixes, declared elsewhere, and none for the basic components.
    let prefixed = ours.replace("cac:", "a:").replace("xmlns:cac=", "xmlns:a=").replace(
        "<Invoice ",
        "<i:Invoice xmlns:i=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\" ",
    );
    let prefixed = prefixed.replace("</Invoice>", "</i:Invoice>");
    assert_same(&ours, &prefixed);
    let local = ours.replace(
        "<cbc:ProfileID>reporting:1.0</cbc:ProfileID>",
        r#"<ProfileID xmlns="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">reporting:1.0</ProfileID>"#,
    );
    assert_same(&ours, &local);
    // An empty element either way.
    let nameless = sample::written_text(&sample::nameless_cash());
    let short = nameless.replace("<cbc:RegistrationName></cbc:RegistrationName>", "<cbc:RegistrationName />");
    assert_ne!(nameless, short);
    assert_same(&nameless, &short);
}

#[test]
fn one_changed_digit_is_another_document() {
    let ours = sample::written_text(&sample::guide_general());
    let theirs = signed(&ours);
    for (from, to, path, our_value, their_value) in [
        (">EIN0001<", ">EIN0002<", "/Invoice/ID", "\"EIN0001\"", "\"EIN0002\""),
        ("504afdb1d10d", "504afdb1d10e", "/Invoice/UUID", "", ""),
        (">2023-11-20<", ">2023-11-21<", "/Invoice/IssueDate", "\"2023-11-20\"", "\"2023-11-21\""),
        ("name=\"012\"", "name=\"022\"", "/Invoice/InvoiceTypeCode/@name", "\"012\"", "\"022\""),
        (">1</cbc:UUID>", ">2</cbc:UUID>", "/Invoice/AdditionalDocumentReference/UUID", "\"1\"", "\"2\""),
        (
            "<cbc:PayableAmount currencyID=\"JO\">118.480",
            "<cbc:PayableAmount currencyID=\"JO\">118.481",
            "/Invoice/LegalMonetaryTotal/PayableAmount",
            "\"118.480\"",
            "\"118.481\"",
        ),
        (
            "currencyID=\"JO\">118.480",
            "currencyID=\"JOD\">118.480",
            "/Invoice/LegalMonetaryTotal/TaxInclusiveAmount/@currencyID",
            "\"JO\"",
            "\"JOD\"",
        ),
        (
            "unitCode=\"PCE\">10.000",
            "unitCode=\"PCE\">10.00000000000000000000000000000000001",
            "/Invoice/InvoiceLine[2]/InvoicedQuantity",
            "\"10.000\"",
            "\"10.00000000000000000000000000000000001\"",
        ),
        (
            ">7.00<",
            ">8.00<",
            "/Invoice/InvoiceLine[1]/TaxTotal/TaxSubtotal/TaxCategory/Percent",
            "\"7.00\"",
            "\"8.00\"",
        ),
        (">Choclate<", ">Choc late<", "/Invoice/InvoiceLine[2]/Item/Name", "\"Choclate\"", "\"Choc late\""),
        (
            "احمد محمود",
            "أحمد محمود",
            "/Invoice/AccountingCustomerParty/Party/PartyLegalEntity/RegistrationName",
            "",
            "",
        ),
    ] {
        let changed = theirs.replacen(from, to, 1);
        assert_ne!(changed, theirs, "{from}");
        let (at, our_found, their_found) = value(&ours, &changed);
        assert_eq!(at, path);
        assert_ne!(our_found, their_found);
        if !our_value.is_empty() {
            assert_eq!((our_found.as_str(), their_found.as_str()), (our_value, their_value));
        }
        assert_eq!(value(&changed, &ours).0, path, "from the other side too");
    }
}

#[test]
fn what_is_missing_added_or_elsewhere_differs() {
    let ours = sample::written_text(&sample::guide_general());
    let changed = |from: &str, to: &str| {
        let changed = ours.replacen(from, to, 1);
        assert_ne!(changed, ours, "{from}");
        changed
    };
    // Missing and added elements.
    let (path, ours_has, theirs_has) = value(&ours, &changed("<cbc:Note>ملاحظات</cbc:Note>", ""));
    assert_eq!(path, "/Invoice");
    assert!(ours_has.starts_with("element Note ") && theirs_has.starts_with("element DocumentCurrencyCode "));
    let second_line = ours.rfind("<cac:InvoiceLine>").unwrap();
    let shorter = format!("{}</Invoice>", &ours[..second_line]);
    let (path, ours_has, theirs_has) = value(&ours, &shorter);
    assert_eq!((path.as_str(), theirs_has.as_str()), ("/Invoice", "nothing more"));
    assert!(ours_has.starts_with("element InvoiceLine "));
    assert_eq!(value(&shorter, &ours).0, "/Invoice");
    // Text where none was.
    let (path, _, theirs_has) = value(&ours, &changed("<cac:Item>", "<cac:Item>x"));
    assert_eq!((path.as_str(), theirs_has.as_str()), ("/Invoice/InvoiceLine[1]/Item", "\"x\""));
    // The same name in another namespace, and an attribute in another.
    let (path, _, theirs_has) =
        value(&ours, &changed("<cbc:Note>ملاحظات</cbc:Note>", "<cac:Note>ملاحظات</cac:Note>"));
    assert_eq!(path, "/Invoice");
    assert!(theirs_has.contains("CommonAggregateComponents-2"));
    let (path, ours_has, theirs_has) = value(&ours, &changed("name=\"012\"", "cbc:name=\"012\""));
    assert_eq!(
        (path.as_str(), ours_has.as_str(), theirs_has.as_str()),
        ("/Invoice/InvoiceTypeCode/@name", "\"012\"", "absent")
    );
    let (path, ours_has, theirs_has) = value(&ours, &changed("<cbc:Note>", "<cbc:Note languageID=\"ar\">"));
    assert_eq!(
        (path.as_str(), ours_has.as_str(), theirs_has.as_str()),
        ("/Invoice/Note/@languageID", "absent", "\"ar\"")
    );
    // Numbers are only numbers where UBL says so, and a no-break space is no white space.
    assert_eq!(value(&ours, &changed(">33445544<", ">033445544<")).1, "\"33445544\"");
    value(&ours, &changed(">Biscuit<", ">\u{a0}Biscuit<"));
    // A credit note is a document, though another one.
    let credit = ours
        .replace("<Invoice ", "<CreditNote ")
        .replace("</Invoice>", "</CreditNote>")
        .replace("xsd:Invoice-2", "xsd:CreditNote-2");
    assert_eq!(value(&ours, &credit).0, "/");
}

#[test]
fn only_what_the_authority_adds_is_left_out() {
    let ours = sample::written_text(&sample::guide_income());
    let inserted = |before: &str, what: &str| ours.replacen(before, &format!("{what}{before}"), 1);
    // A second counter, or a reference of another kind.
    for id in ["ICV", "QR2", "qr"] {
        let reference = format!(
            "<cac:AdditionalDocumentReference><cbc:ID>{id}</cbc:ID></cac:AdditionalDocumentReference>"
        );
        value(&ours, &inserted("<cac:AccountingSupplierParty>", &reference));
    }
    // QR as something else than the reference's own ID.
    let nested = "<cac:AdditionalDocumentReference><cbc:ID>X</cbc:ID><cac:IssuerParty><cbc:ID>QR</cbc:ID></cac:IssuerParty></cac:AdditionalDocumentReference>";
    value(&ours, &inserted("<cac:AccountingSupplierParty>", nested));
    let described = "<cac:AdditionalDocumentReference><cbc:ID>X</cbc:ID><cbc:UUID>QR</cbc:UUID></cac:AdditionalDocumentReference>";
    value(&ours, &inserted("<cac:AccountingSupplierParty>", described));
    // The same names deeper down, or in another namespace.
    value(&ours, &inserted("<cac:Item>", "<cac:Signature><cbc:ID>x</cbc:ID></cac:Signature>"));
    value(&ours, &inserted("<cac:Item>", "<ext:UBLExtensions/>"));
    value(&ours, &inserted("<cbc:ProfileID>", "<cac:UBLExtensions/>"));
    let nested =
        |id: &str| inserted("<cac:Item>", &format!("<cac:Signature><cbc:ID>{id}</cbc:ID></cac:Signature>"));
    value(&nested("x"), &nested("y"));
    // Whatever stands inside what is left out is left out with it.
    assert_same(
        &ours,
        &inserted(
            "<cbc:ProfileID>",
            "<ext:UBLExtensions>x<ext:UBLExtensions/><cbc:ID>1</cbc:ID></ext:UBLExtensions>",
        ),
    );
}

#[test]
fn long_values_are_shortened() {
    let ours = sample::written_text(&sample::guide_income());
    let theirs = ours.replace("ملاحظات", &"ل".repeat(5000));
    let (_, _, theirs_has) = value(&ours, &theirs);
    assert!(theirs_has.chars().count() <= 201 && theirs_has.ends_with('…'), "{theirs_has}");
}
