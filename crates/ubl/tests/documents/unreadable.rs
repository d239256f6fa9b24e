//! Documents that cannot be read: a separate answer, bounded, and never a panic.

use ubl::{Difference, IdentityError, MAX_BYTES, MAX_DEPTH, Unreadable, identity, same_document};

use crate::sample;

fn unreadable(theirs: &[u8]) -> Unreadable {
    let ours = sample::written(&sample::guide_income());
    let swapped = same_document(theirs, &ours).unwrap_err();
    match same_document(&ours, theirs) {
        Err(Difference::TheirsUnreadable(why)) => {
            if !matches!(why, Unreadable::NotUbl(_)) {
                assert_eq!(swapped, Difference::OursUnreadable(why.clone()));
                assert_eq!(identity(theirs), Err(IdentityError::Unreadable(why.clone())));
            }
            why
        }
        other => panic!("{other:?}"),
    }
}

fn invoice(content: &str) -> Vec<u8> {
    format!("<Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\">{content}</Invoice>")
        .into_bytes()
}

#[test]
fn what_is_no_document() {
    assert_eq!(unreadable(b""), Unreadable::Empty);
    assert_eq!(unreadable(b" \n "), Unreadable::Empty);
    assert_eq!(unreadable(b"<?xml version=\"1.0\"?><!-- nothing -->"), Unreadable::Empty);
    assert_eq!(unreadable(b"<Invoice xmlns=\"x\xff\"/>"), Unreadable::NotUtf8);
    assert!(matches!(unreadable(br#"{"EINV_STATUS": "SUBMITTED"}"#), Unreadable::Malformed(_)));
    assert!(matches!(unreadable("خطأ".as_bytes()), Unreadable::Malformed(_)));
    assert!(matches!(unreadable(b"<html><body>502</body></html>"), Unreadable::NotUbl(_)));
    assert_eq!(unreadable(b"<!DOCTYPE html><html/>"), Unreadable::Doctype);
}

#[test]
fn bombs_are_refused() {
    let laughs = br#"<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><Invoice>&b;</Invoice>"#;
    assert_eq!(unreadable(laughs), Unreadable::Doctype);
    assert!(matches!(unreadable(&invoice("&b;")), Unreadable::Malformed(_)));
    assert_eq!(unreadable(&vec![b' '; MAX_BYTES + 1]), Unreadable::TooLarge { bytes: MAX_BYTES + 1 });
    let nested = |depth: usize| {
        // Where the authority's additions stand, so that depth alone decides.
        let inner = "<x>".repeat(depth - 2) + &"</x>".repeat(depth - 2);
        let extension = "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2";
        invoice(&format!("<e:UBLExtensions xmlns:e=\"{extension}\">{inner}</e:UBLExtensions>"))
    };
    assert_eq!(same_document(&nested(MAX_DEPTH), &invoice("")), Ok(()));
    assert!(matches!(unreadable(&nested(MAX_DEPTH + 1)), Unreadable::TooIntricate(_)));
    assert!(matches!(unreadable(&nested(1_000_000)), Unreadable::TooIntricate(_)));

    let aggregate = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2";
    let reference = format!(
        "<AdditionalDocumentReference xmlns=\"{aggregate}\">{}</AdditionalDocumentReference>",
        "<x/>".repeat(10_000)
    );
    assert!(matches!(unreadable(&invoice(&reference)), Unreadable::TooIntricate(_)));
    let namespaces: String = (0..100).map(|name| format!("<x xmlns=\"urn:{name}\"/>")).collect();
    let signature = format!("<Signature xmlns=\"{aggregate}\">{namespaces}</Signature>");
    assert!(matches!(unreadable(&invoice(&signature)), Unreadable::TooIntricate(_)));
}

#[test]
fn broken_markup() {
    for content in [
        "<a></b>",
        "<a",
        "</a>",
        "&",
        "&#0;",
        "&#xD800;",
        "&amp",
        "<!-- ",
        "<a x=1/>",
        "<a x=\"1\" x=\"2\"/>",
        "<p:a/>",
        "<a p:x=\"\"/>",
    ] {
        let document = invoice(content);
        let error = same_document(&document, &document).unwrap_err();
        assert!(matches!(error, Difference::OursUnreadable(_)), "{content}: {error:?}");
    }
    let good = sample::written_text(&sample::guide_income());
    for after in ["<x/>", "text", "&amp;", "<![CDATA[x]]>", "</Invoice>"] {
        let error = same_document(good.as_bytes(), format!("{good}{after}").as_bytes()).unwrap_err();
        assert!(
            matches!(error, Difference::TheirsUnreadable(Unreadable::Malformed(_))),
            "{after}: {error:?}"
        );
    }
}

#[test]
fn a_document_that_is_cut_off_is_never_ours() {
    let ours = sample::written(&sample::guide_income());
    for end in 0..ours.len() {
        let error = same_document(&ours, &ours[..end]).unwrap_err();
        assert!(matches!(error, Difference::TheirsUnreadable(_)), "cut at {end}: {error:?}");
    }
    // What was read before the cut and differs counts more than the cut.
    let text = String::from_utf8(ours.clone()).unwrap();
    let other = text.replace("EIN00001", "EIN00002");
    let error = same_document(&ours, &other.as_bytes()[..other.len() - 20]).unwrap_err();
    assert!(matches!(error, Difference::Value { .. }), "{error:?}");
}

#[test]
fn identity_is_read_or_says_what_is_missing() {
    let text = sample::written_text(&sample::free_zone_receivable());
    let found = identity(text.as_bytes()).unwrap();
    assert_eq!(found.number, "فاتورة-٢٠٢٦-٠٠٠٤٢");
    assert_eq!(found.uuid, sample::SAMPLE_UUID.to_string());
    assert_eq!(found.icv, 1);

    let without = |from: &str, to: &str| {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        identity(changed.as_bytes())
    };
    assert_eq!(without(">ICV<", ">PO<"), Err(IdentityError::Missing("counter (ICV)")));
    assert_eq!(without(">ICV<", ">QR<"), Err(IdentityError::Missing("counter (ICV)")));
    assert_eq!(without("<cbc:UUID>1<", "<cbc:UUID>one<"), Err(IdentityError::Counter("one".to_owned())));
    assert_eq!(
        without("<cbc:ID>فاتورة-٢٠٢٦-٠٠٠٤٢</cbc:ID>", ""),
        Err(IdentityError::Missing("number (cbc:ID)"))
    );
    assert_eq!(
        without(&format!("<cbc:UUID>{}</cbc:UUID>", sample::SAMPLE_UUID), ""),
        Err(IdentityError::Missing("cbc:UUID"))
    );
    assert_eq!(identity(b"<html/>"), Err(IdentityError::NotAnInvoice));
}
