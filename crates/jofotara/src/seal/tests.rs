//! Two oracles that share nothing with this code: libxml2 made the canonical forms, OpenSSL the signature. The key is the
//! simulator's test key. No genuine document of the authority is here.

use proptest::prelude::*;

use super::canonical::{self, Problem};
use super::*;

const SIGNED: &str = include_str!("tests/signed.xml");
const CANONICAL: &str = include_str!("tests/canonical.xml");
const QR: &str = include_str!("tests/qr.txt");

fn report(document: &str) -> SealReport {
    check(document.as_bytes(), QR)
}

/// The document with one text in the place of another that it surely has.
fn with(from: &str, to: &str) -> String {
    assert!(SIGNED.contains(from), "{from}");
    SIGNED.replacen(from, to, 1)
}

/// The text between two others.
fn between(begin: &str, end: &str) -> &'static str {
    SIGNED.split_once(begin).unwrap().1.split_once(end).unwrap().0
}

#[test]
fn a_document_that_another_library_signed_fits() {
    let report = report(SIGNED);
    assert_eq!((&report.finding, report.qr, report.note()), (&Finding::Fits, QrAgreement::Same, None));
    let certificate = report.certificate.unwrap();
    assert!(certificate.subject.contains("Fawtara simulator, not the department"), "{certificate:?}");
    assert!(!certificate.names_department);
    assert_eq!(certificate.not_before.unwrap().to_rfc3339(), "2020-01-01T00:00:00+00:00");
    assert_eq!(certificate.not_after.unwrap().to_rfc3339(), "2060-01-01T00:00:00+00:00");
}

#[test]
fn the_canonical_form_is_that_of_another_library() {
    assert_eq!(canonical::text(SIGNED.as_bytes()).unwrap(), CANONICAL);
    for (document, form) in [
        (
            "<a xmlns=\"urn:u\" xmlns:c=\"urn:v\" z=\"1\" c:b=\"2\" b=\"3\"><b xmlns=\"urn:u\"><d xmlns=\"\"/></b>\
             <c:e xmlns:c=\"urn:w\" xmlns:d=\"urn:d\"/></a>",
            "<a xmlns=\"urn:u\" xmlns:c=\"urn:v\" b=\"3\" z=\"1\" c:b=\"2\"><b><d xmlns=\"\"></d></b>\
             <c:e xmlns:c=\"urn:w\" xmlns:d=\"urn:d\"></c:e></a>",
        ),
        (
            "<?p  q?>\n<!--x--><a><?in side ?> \n <b/>\r\n<!-- y -->\rz</a>\n<?r?>\n<!-- z -->\n",
            "<?p q?>\n<a><?in side ?> \n <b></b>\n\nz</a>\n<?r?>",
        ),
        (
            "<a b=\"x\n\ty&#x20;&#13;&#10;\" c=' \"'>&#13;&#x9;]]&gt;</a>",
            "<a b=\"x  y &#xD;&#xA;\" c=\" &quot;\">&#xD;\t]]&gt;</a>",
        ),
        (
            "<a xmlns:xml=\"http://www.w3.org/XML/1998/namespace\" xml:lang=\"ar\" xml:space=\"preserve\" lang=\"x\"> \
             <![CDATA[&<>]]> </a>",
            "<a lang=\"x\" xml:lang=\"ar\" xml:space=\"preserve\"> &amp;&lt;&gt; </a>",
        ),
        (
            "<p:a xmlns:p=\"urn:u\"><p:b xmlns:p=\"urn:v\"><p:c xmlns:p=\"urn:u\"/><p:d/></p:b></p:a>",
            "<p:a xmlns:p=\"urn:u\"><p:b xmlns:p=\"urn:v\"><p:c xmlns:p=\"urn:u\"></p:c><p:d></p:d></p:b></p:a>",
        ),
    ] {
        assert_eq!(canonical::text(document.as_bytes()).unwrap(), form, "{document}");
    }
}

#[test]
fn whatever_says_the_same_in_other_words_fits_as_well() {
    for (from, to) in [
        ("name='012'", "name = \"012\""),
        ("<!-- قيم التوقيع -->", ""),
        ("<cac:AccountingSupplierParty/>", "<cac:AccountingSupplierParty ></cac:AccountingSupplierParty>"),
        ("<![CDATA[<b>]]>", "&lt;b&#62;"),
        ("z=\"1\" currencyID=\"JO\"", "currencyID=\"JO\" z=\"1\""),
        ("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "\u{feff}"),
    ] {
        assert_eq!(report(&with(from, to)).note(), None, "{from}");
    }
}

#[test]
fn every_change_of_the_content_is_seen() {
    for (from, to) in [
        ("118.480", "118.48"),
        ("EIN-0101", "EIN-0102"),
        ("شاي", "شای"),
        ("<cbc:ID>ICV</cbc:ID>", "<cbc:ID>QR</cbc:ID>"),
        ("<cbc:IssueDate>", " <cbc:IssueDate>"),
        ("name='012'", "name='012' x=''"),
        ("<y xmlns=\"\"/>", "<y/>"),
        ("xmlns:b=\"urn:b\"", "xmlns:b=\"urn:c\""),
        ("&#13;\n", "\n"),
    ] {
        let finding = report(&with(from, to)).finding;
        assert!(matches!(finding, Finding::DigestDiffers { .. }), "{from}: {finding:?}");
    }
}

#[test]
fn a_signature_by_another_key_or_over_something_else_is_seen() {
    let signature = between("<ds:SignatureValue>", "</ds:SignatureValue>");
    let mut bytes = TOLERANT.decode(signature).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let other = report(&SIGNED.replace(signature, &TOLERANT.encode(bytes)));
    assert_eq!(other.finding, Finding::SignatureDiffers);
    assert!(other.note().is_some_and(|note| note.contains("key")));
    let empty = report(&SIGNED.replacen(signature, "", 1));
    assert_eq!(empty.finding, Finding::SignatureDiffers);
    assert_eq!(report(&SIGNED.replacen(signature, "توقيع", 1)).finding, Finding::SignatureUnreadable);
    // A changed content whose digest was written anew: the signature gives it away.
    let digest = between("URI=\"\"><ds:DigestValue>", "</ds:DigestValue>");
    let forged = with("118.480", "1.480");
    let computed = TOLERANT.encode(canonical::read(forged.as_bytes()).unwrap().digest);
    assert_eq!(report(&forged.replace(digest, &computed)).finding, Finding::SignatureDiffers);
}

#[test]
fn another_qr_than_the_one_of_the_answer_is_seen() {
    let other = check(SIGNED.as_bytes(), "AQID");
    assert_eq!((&other.finding, other.qr), (&Finding::Fits, QrAgreement::Differs));
    assert!(other.note().is_some_and(|note| note.contains("QR")));
    // Broken lines are no other text.
    let (begin, end) = QR.split_at(60);
    assert_eq!(check(SIGNED.as_bytes(), &format!("{begin}\n{end}")).qr, QrAgreement::Same);
}

/// What a submitter pays for each clearance; run with `--release --ignored --nocapture`.
#[test]
#[ignore = "measures, and proves nothing"]
fn the_price_of_a_check() {
    let rounds = 2_000;
    let started = std::time::Instant::now();
    for _ in 0..rounds {
        assert_eq!(std::hint::black_box(report(std::hint::black_box(SIGNED))).finding, Finding::Fits);
    }
    println!("{} bytes: {} µs a check", SIGNED.len(), started.elapsed().as_micros() / rounds);
}

#[test]
fn what_is_missing_is_named() {
    let part = |begin: &str, end: &str| format!("{begin}{}{end}", between(begin, end));
    let without = |begin: &str, end: &str| report(&SIGNED.replace(&part(begin, end), "")).finding;
    let missing = |missing| Finding::NoSignature { missing };
    assert_eq!(without("<ds:SignedInfo>", "</ds:SignedInfo>"), missing("ds:DigestValue"));
    assert_eq!(without("<ds:SignatureValue>", "</ds:SignatureValue>"), missing("ds:SignatureValue"));
    assert_eq!(without("<ds:KeyInfo>", "</ds:KeyInfo>"), missing("ds:X509Certificate"));
    let bare = report(&SIGNED.replace(&part("<ext:UBLExtensions>", "</ext:UBLExtensions>"), ""));
    assert_eq!(bare.finding, missing("ds:DigestValue"));
    assert!(bare.note().unwrap().contains("holds no signature"), "{bare:?}");
    let qr = format!(
        "<cbc:EmbeddedDocumentBinaryObject mimeCode=\"text/plain\">{QR}</cbc:EmbeddedDocumentBinaryObject>"
    );
    let no_qr = report(&with(&qr, ""));
    assert_eq!((no_qr.finding, no_qr.qr), (Finding::Fits, QrAgreement::NotInDocument));
}

#[test]
fn a_certificate_that_cannot_be_used_is_told() {
    let certificate = between("<ds:X509Certificate>", "</ds:X509Certificate>");
    let told = |text: &str| match report(&SIGNED.replace(certificate, text)).finding {
        Finding::CertificateUnreadable { problem } => problem,
        other => panic!("{other:?}"),
    };
    assert!(told("شهادة").contains("Base64"));
    assert!(told("MIIC").contains("X.509"));
    assert!(told(&certificate[..400]).contains("X.509"));
    assert!(told(&"A".repeat(70_000)).contains("70000"));
    // Another curve: the last arc of the OID 1.3.132.0.10 is changed in place.
    let mut bytes = TOLERANT.decode(certificate).unwrap();
    let place = bytes.windows(5).position(|window| window == [0x2b, 0x81, 0x04, 0x00, 0x0a]).unwrap();
    bytes[place + 4] = 0x22;
    assert!(told(&TOLERANT.encode(&bytes)).contains("secp256k1"));
    // Encoded twice, as some programs do, it can be used.
    let twice = report(&SIGNED.replace(certificate, &TOLERANT.encode(certificate)));
    assert_eq!(twice.finding, Finding::Fits);
}

#[test]
fn hostile_documents_are_unreadable_and_nothing_worse() {
    let read = |text: &str| canonical::read(text.as_bytes()).unwrap_err();
    assert_eq!(read("<!DOCTYPE a [<!ENTITY b \"&c;&c;\">]><a>&b;</a>"), Problem::Doctype);
    assert_eq!(read(&"<a>".repeat(65)), Problem::TooIntricate("nesting"));
    let declarations: String = (0..200).map(|n| format!(" xmlns:p{n}='urn:{n}'")).collect();
    assert_eq!(read(&format!("<a{declarations}><b{declarations} xmlns=''/>")), Problem::CutOff);
    let others = declarations.replace("urn", "other");
    assert_eq!(read(&format!("<a{declarations}><b{others}/></a>")), Problem::TooIntricate("namespaces"));
    let attributes: String = (0..300).map(|n| format!(" a{n}=''")).collect();
    assert_eq!(read(&format!("<a{attributes}/>")), Problem::TooIntricate("attributes"));
    for cut in ["", " ", "<a>", "<a><b></b>"] {
        assert_eq!(read(cut), Problem::CutOff, "{cut:?}");
    }
    for bad in [
        "<a>&b;</a>",
        "<a/><a/>",
        "<a/>x",
        "<p:a/>",
        "<a p:b=''/>",
        "<a xmlns:p=''/>",
        "<a xmlns:xmlns='u'/>",
        "<a b='1' b='2'/>",
    ] {
        assert!(matches!(read(bad), Problem::Malformed(_)), "{bad}");
    }
    assert_eq!(canonical::read(b"<a>\xff</a>").unwrap_err(), Problem::NotUtf8);
    assert_eq!(
        canonical::read(&vec![b' '; 16 * 1024 * 1024 + 1]).unwrap_err(),
        Problem::TooLarge(16 * 1024 * 1024 + 1)
    );
    let note = report("<!DOCTYPE a>").note().unwrap();
    assert!(note.contains("DOCTYPE"), "{note}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damage_anywhere_never_panics_and_never_fits(place in 0..SIGNED.len(), byte: u8) {
        let mut bytes = SIGNED.as_bytes().to_vec();
        let before = std::mem::replace(&mut bytes[place], byte);
        let fits = check(&bytes, QR).finding == Finding::Fits;
        // A change that still fits stands where nothing is signed: in the extensions, the QR reference, a comment, the
        // declaration; or it is another way to write the same.
        if fits && byte != before {
            let form = canonical::text(&bytes).unwrap();
            prop_assert_eq!(form, CANONICAL);
        }
    }

    #[test]
    fn a_document_that_is_cut_never_fits(end in 0..SIGNED.len() - 20) {
        prop_assert_ne!(check(&SIGNED.as_bytes()[..end], QR).finding, Finding::Fits);
    }

    #[test]
    fn no_soup_of_markup_panics(pieces in proptest::collection::vec(prop::sample::select(vec![
        "<a>", "</a>", "<b x='&#13;'/>", "<a xmlns='u'>", "<p:a xmlns:p='v'>", "</p:a>", "<![CDATA[", "]]>", "<!--", "-->",
        "<?", "?>", "&", "&amp;", "&#0;", "\r\n", "فاتورة", "<cac:AdditionalDocumentReference>", "<", ">", "\"", "xmlns=",
        "<ext:UBLExtensions>", "</ext:UBLExtensions>",
    ]), 0..40)) {
        let text = pieces.concat();
        let _ = check(text.as_bytes(), "");
        let rooted = format!("<r xmlns:cac='{}' xmlns:ext='{}'>{text}</r>",
            "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2",
            "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2");
        let _ = check(rooted.as_bytes(), "");
    }
}
