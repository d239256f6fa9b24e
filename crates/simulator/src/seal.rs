//! The QR text and the signed copy of an accepted document, as the authority makes them, but signed with a test key that
//! is everybody's. It must not use the reader of signed documents on the other side: mistakes would cancel out.

mod signature;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::document::Document;
use crate::xml::{Element, canonical};

/// What the authority adds to a document that it accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seal {
    /// `EINV_QR`: Base64 of tag-length-value bytes.
    pub(crate) qr: String,
    /// The signed XML, before any Base64.
    pub(crate) document: Bytes,
}

/// Seals a document as specification 4.2 describes: the digest is taken of the document as sent, in canonical form, and the
/// digest is signed. The same tree always gives the same seal.
pub(crate) fn seal(root: &Element, document: &Document) -> Seal {
    let digest = Sha256::digest(canonical::to_string(root).as_bytes());
    let signature = STANDARD.encode(signature::sign(&digest));
    let qr = qr(root, document, &signature);
    let extensions = extensions(&STANDARD.encode(digest), &signature);
    let reference = format!(
        "<cac:AdditionalDocumentReference><cbc:ID>QR</cbc:ID><cac:Attachment>\
         <cbc:EmbeddedDocumentBinaryObject mimeCode=\"text/plain\">{qr}</cbc:EmbeddedDocumentBinaryObject>\
         </cac:Attachment></cac:AdditionalDocumentReference>"
    );
    let mut signed = String::with_capacity(16 * 1024);
    signed.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let after = Some(("cac:AdditionalDocumentReference", reference.as_str()));
    canonical::write_with(root, &extensions, after, &mut signed);
    Seal { qr, document: Bytes::from(signed) }
}

/// The tags in the order of guide v1.5: 4 total, 5 number, 6 total tax, 7 date, 8 tax number, 9 name, 10 signature.
fn qr(root: &Element, document: &Document, signature: &str) -> String {
    let values = [
        "",
        "{}",
        "false",
        root.text_at("cac:LegalMonetaryTotal/cbc:PayableAmount"),
        &document.number,
        root.text_at("cac:TaxTotal/cbc:TaxAmount"),
        &document.issue_date,
        &document.seller_tax_number,
        &document.seller_name,
        signature,
    ];
    let mut bytes = Vec::with_capacity(256);
    for (tag, value) in (1u8..).zip(values) {
        let value = at_most_255_bytes(value);
        bytes.push(tag);
        bytes.push(u8::try_from(value.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(value.as_bytes());
    }
    STANDARD.encode(bytes)
}

/// A length is one byte; what the authority does with longer texts is not known, so they are cut between characters.
fn at_most_255_bytes(text: &str) -> &str {
    text.get(..text.floor_char_boundary(255)).unwrap_or(text)
}

/// The extensions in canonical form: the digest of the document as sent, its signature, and the certificate of the key.
fn extensions(digest: &str, signature: &str) -> String {
    let certificate = signature::CERTIFICATE;
    format!(
        "<ext:UBLExtensions><ext:UBLExtension>\
         <ext:ExtensionURI>urn:oasis:names:specification:ubl:dsig:enveloped:xades</ext:ExtensionURI>\
         <ext:ExtensionContent><ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\" Id=\"signature\">\
         <ds:SignedInfo><ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2006/12/xml-c14n11\">\
         </ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256\"></ds:SignatureMethod>\
         <ds:Reference Id=\"invoiceSignedData\" URI=\"\">\
         <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>\
         <ds:DigestValue>{digest}</ds:DigestValue></ds:Reference></ds:SignedInfo>\
         <ds:SignatureValue>{signature}</ds:SignatureValue>\
         <ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\
         </ds:Signature></ext:ExtensionContent></ext:UBLExtension></ext:UBLExtensions>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use crate::xml::{Limits, parse};

    const LIMITS: Limits = Limits { depth: 16, elements: 1000 };

    fn sealed(xml: &str) -> Seal {
        let root = parse(xml, LIMITS).unwrap().root;
        let document = crate::document::read(&root).unwrap();
        seal(&root, &document)
    }

    fn tags(qr: &str) -> Vec<(u8, String)> {
        let bytes = STANDARD.decode(qr).unwrap();
        let mut rest = bytes.as_slice();
        let mut tags = Vec::new();
        while let [tag, length, tail @ ..] = rest {
            let (value, tail) = tail.split_at(usize::from(*length));
            tags.push((*tag, String::from_utf8(value.to_vec()).unwrap()));
            rest = tail;
        }
        tags
    }

    #[test]
    fn the_qr_has_the_tags_of_the_guide_in_order() {
        let tags = tags(&sealed(&sample::general()).qr);
        let values: Vec<&str> = tags.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(tags.iter().map(|(tag, _)| *tag).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
        assert_eq!(values[..6], ["", "{}", "false", "118.480", "INV-2", "4.480"]);
        assert_eq!(values[6..9], ["2026-03-01", "12345678", "الشركة الفنية لبيع المستلزمات"]);
        // A DER sequence of two integers; each is a byte longer or shorter as its value wants.
        let signature = STANDARD.decode(values[9]).unwrap();
        assert!((66..=72).contains(&signature.len()), "{}", signature.len());
        assert_eq!((signature[0], usize::from(signature[1])), (0x30, signature.len() - 2));
    }

    #[test]
    fn a_long_arabic_name_is_cut_between_characters() {
        let xml = sample::with(
            &sample::income(),
            "الشركة الفنية لبيع المستلزمات",
            &format!("x{}", "ش".repeat(200)),
        );
        assert_eq!(tags(&sealed(&xml).qr)[8].1, format!("x{}", "ش".repeat(127)));
    }

    #[test]
    fn the_signed_document_is_the_sent_one_with_two_additions() {
        let sent = parse(&sample::general(), LIMITS).unwrap().root;
        let seal = sealed(&sample::general());
        let text = std::str::from_utf8(&seal.document).unwrap();
        assert!(text.starts_with("<?xml"));
        let mut signed = parse(text, LIMITS).unwrap().root;
        assert_eq!(signed.children[0].name, "ext:UBLExtensions");
        let place =
            signed.children.iter().rposition(|c| c.name == "cac:AdditionalDocumentReference").unwrap();
        let path = "cac:Attachment/cbc:EmbeddedDocumentBinaryObject";
        assert_eq!(signed.children[place].text_at(path), seal.qr);
        assert_eq!(signed.children[place - 1].text_at("cbc:ID"), "ICV");
        let digest =
            signed.at("ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/ds:Signature/ds:SignedInfo");
        let digest = digest.unwrap().text_at("ds:Reference/ds:DigestValue").to_owned();
        let signature =
            signed.at("ext:UBLExtensions/ext:UBLExtension/ext:ExtensionContent/ds:Signature").unwrap();
        assert_eq!(signature.text_at("ds:SignatureValue"), tags(&seal.qr)[9].1);
        assert_eq!(signature.text_at("ds:KeyInfo/ds:X509Data/ds:X509Certificate"), signature::CERTIFICATE);
        signed.children.remove(place);
        signed.children.remove(0);
        assert_eq!(canonical::to_string(&signed), canonical::to_string(&sent));
        assert_eq!(digest, STANDARD.encode(Sha256::digest(canonical::to_string(&signed))));
    }

    #[test]
    fn is_deterministic_and_depends_on_the_content() {
        assert_eq!(sealed(&sample::general()), sealed(&sample::general()));
        let other = sample::with(&sample::general(), "ملاحظات", "ملاحظة");
        assert_ne!(sealed(&sample::general()).qr, sealed(&other).qr);
    }
}
