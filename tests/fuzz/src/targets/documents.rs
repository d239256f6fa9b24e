//! Documents as XML, their signature, and QR texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use invoice::Profile;
use jofotara::{qr, seal};

use super::foreign;
use crate::laws;

/// As the authority returned it: the certificate stands between these two.
const SIGNED: &str = include_str!("../../../../crates/jofotara/src/seal/tests/signed.xml");
const QR: &str = include_str!("../../../../crates/jofotara/src/seal/tests/qr.txt");
const CERTIFICATE: [&str; 2] = ["<ds:X509Certificate>", "</ds:X509Certificate>"];

pub(super) fn xml(bytes: &[u8]) {
    foreign::ubl(bytes);
    match ubl::identity(bytes) {
        Ok(identity) => assert!(!identity.number.is_empty() && !identity.uuid.is_empty()),
        Err(error) => laws::message(&error.to_string()),
    }
    let same = ubl::same_document(bytes, bytes);
    match ubl::read(bytes) {
        Err(error) => laws::message(&error.to_string()),
        Ok(reading) => {
            assert_eq!(same, Ok(()), "a document that can be read is not the same as itself");
            examined(&reading);
        }
    }
    // Two readers: what both take, both must have refused to expand.
    if let Ok(text) = std::str::from_utf8(bytes) {
        let complaints = simulator::complaints(text, &simulator::Settings::default());
        complaints.iter().for_each(|complaint| assert!(!complaint.is_empty()));
        if text.contains("<!DOCTYPE") && same.is_ok() {
            // In a comment or CDATA, then: the declaration itself is refused by both.
            assert!(
                text.contains("<!--") || text.contains("<![CDATA[") || text.contains("<?"),
                "a DOCTYPE was read"
            );
        }
    }
}

fn examined(reading: &ubl::Reading) {
    let findings = ubl::examine(reading, &Profile::default());
    assert!(findings.len() <= 1_000 + 1, "{} findings", findings.len());
    for finding in &findings {
        for language in [invoice::Language::En, invoice::Language::Ar] {
            laws::message(&finding.what(language));
        }
        assert!(finding.path.len() <= 4_000, "a place of {} bytes", finding.path.len());
        assert!(finding.found.as_ref().is_none_or(|found| found.chars().count() <= 130));
    }
    let _ = (reading.printed(), reading.currency_ids(), reading.unknown(), reading.kind(), reading.icv());
    if let Ok(original) = reading.original() {
        assert!(!original.lines.is_empty());
    }
}

pub(super) fn seal(bytes: &[u8]) {
    let report = seal::check(bytes, QR);
    if let Some(note) = report.note() {
        laws::message(&note);
    }
    // A document that changed by one byte fits no more, unless the change means nothing.
    let _ = ubl::same_document(SIGNED.as_bytes(), bytes);
}

/// The input as the certificate of a document that is otherwise sound.
pub(super) fn certificate(der: &[u8]) {
    let [begin, end] = CERTIFICATE;
    let Some((before, rest)) = SIGNED.split_once(begin) else { panic!("the sample has no certificate") };
    let Some((_, after)) = rest.split_once(end) else { panic!("the sample's certificate has no end") };
    let document = format!("{before}{begin}{}{end}{after}", STANDARD.encode(der));
    let report = seal::check(document.as_bytes(), QR);
    if let Some(certificate) = &report.certificate {
        assert!(certificate.subject.chars().count() <= 200);
    }
    if let Some(note) = report.note() {
        laws::message(&note);
    }
}

/// The input as a text, and as the bytes within one.
pub(super) fn qr(bytes: &[u8]) {
    for text in [String::from_utf8_lossy(bytes).into_owned(), STANDARD.encode(bytes)] {
        let content = qr::decode(&text);
        assert!(content.tags.len() <= bytes.len());
        if content.is_empty() {
            assert!(content.stopped.is_some() || content.number.is_none());
        }
        if let Some(stopped) = &content.stopped {
            laws::message(stopped);
        }
    }
    let _ = jofotara::answer::decode_signed(&String::from_utf8_lossy(bytes));
}
