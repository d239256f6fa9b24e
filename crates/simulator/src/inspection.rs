//! The part of handling a request that needs no state, so that it runs outside any lock: envelope, XML, schema, arithmetic, seal.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::document::{self, Document};
use crate::finding::Finding;
use crate::rules::{self, Faults};
use crate::schema;
use crate::seal::{self, Seal};
use crate::settings::Settings;
use crate::xml::{self, Element, Limits};

/// What a request holds, found without looking at any state.
#[derive(Debug)]
pub struct Inspection {
    /// SHA-256 of the XML in hexadecimal, empty where the envelope could not be opened.
    pub(crate) sha256: String,
    /// Number, UUID, counter and income source as far as they can be read, whatever else is wrong.
    pub(crate) number: String,
    pub(crate) uuid: String,
    pub(crate) icv: String,
    pub(crate) income_source: String,
    pub(crate) judgement: Judgement,
}

/// How far the document got by itself.
#[derive(Debug)]
pub(crate) enum Judgement {
    /// The envelope is broken; answered without the usual shape.
    Unreadable(&'static str),
    /// The structure is wrong; `by_schema` says whether UBL 2.1 itself is breached.
    Malformed { by_schema: bool, findings: Vec<Finding> },
    /// The document was read; what is wrong with its content stands beside it.
    Read { document: Box<Document>, faults: Faults, seal: Option<Seal> },
}

/// The JSON body. Other members are not known to the guide and are ignored, as servers of this kind do.
#[derive(Deserialize)]
struct Envelope {
    invoice: String,
}

/// Inspects a body. Bounded by the settings' limits; never fails, whatever the bytes are.
pub fn inspect(body: &[u8], content_type: Option<&str>, settings: &Settings) -> Inspection {
    let mut inspection = Inspection::empty();
    inspection.judgement = match open(body, content_type, settings) {
        Ok(bytes) => {
            inspection.sha256 = hexadecimal(&Sha256::digest(&bytes));
            match String::from_utf8(bytes) {
                Ok(text) => judge(&text, settings, &mut inspection),
                Err(_) => Judgement::Unreadable("the invoice is not UTF-8"),
            }
        }
        Err(message) => Judgement::Unreadable(message),
    };
    inspection
}

/// Inspects a document that came without an envelope.
pub(crate) fn inspect_text(xml: &str, settings: &Settings) -> Inspection {
    let mut inspection = Inspection::empty();
    inspection.sha256 = hexadecimal(&Sha256::digest(xml));
    inspection.judgement = judge(xml, settings, &mut inspection);
    inspection
}

/// Everything that is wrong with a document by itself, in the authority's codes and words; none when it is sound. For tests of what
/// writes documents.
#[must_use]
pub fn complaints(xml: &str, settings: &Settings) -> Vec<String> {
    let findings = match inspect_text(xml, settings).judgement {
        Judgement::Unreadable(reason) => return vec![reason.to_owned()],
        Judgement::Malformed { findings, .. } => findings,
        Judgement::Read { faults, .. } if faults.unlisted_rate => {
            return vec!["a rate off the list".to_owned()];
        }
        Judgement::Read { faults, .. } => faults.findings,
    };
    findings.iter().map(|finding| format!("{}: {}", finding.code, finding.message)).collect()
}

impl Inspection {
    /// Of nothing that could be read.
    pub(crate) fn empty() -> Self {
        Self {
            sha256: String::new(),
            number: String::new(),
            uuid: String::new(),
            icv: String::new(),
            income_source: String::new(),
            judgement: Judgement::Unreadable(""),
        }
    }
}

fn open(body: &[u8], content_type: Option<&str>, settings: &Settings) -> Result<Vec<u8>, &'static str> {
    if body.len() > settings.max_body_bytes {
        return Err("the request is too large");
    }
    let kind = content_type.and_then(|value| value.split(';').next()).unwrap_or("").trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err("Content-Type must be application/json");
    }
    let envelope: Envelope =
        serde_json::from_slice(body).map_err(|_| "the body is not JSON with a member invoice")?;
    STANDARD.decode(envelope.invoice).map_err(|_| "the invoice is not Base64")
}

fn judge(text: &str, settings: &Settings, inspection: &mut Inspection) -> Judgement {
    let limits = Limits { depth: settings.max_depth, elements: settings.max_elements };
    let parsed = match xml::parse(text, limits) {
        Ok(parsed) => parsed,
        Err(error) => return malformed(true, vec![Finding::schema(&error.to_string())]),
    };
    let root = &parsed.root;
    identify(root, inspection);
    if !parsed.one_line {
        return malformed(false, vec![Finding::minification()]);
    }
    let report = schema::check(root);
    if !report.schema.is_empty() {
        return malformed(true, vec![Finding::schema(&report.schema.join("; "))]);
    }
    if !report.profile.is_empty() {
        return malformed(false, report.profile);
    }
    match document::read(root) {
        Err(findings) => malformed(false, findings),
        Ok(document) => {
            let faults = rules::check(&document, settings);
            let sound = faults.findings.is_empty() && !faults.unlisted_rate;
            let seal = sound.then(|| seal::seal(root, &document));
            Judgement::Read { document: Box::new(document), faults, seal }
        }
    }
}

fn malformed(by_schema: bool, findings: Vec<Finding>) -> Judgement {
    Judgement::Malformed { by_schema, findings }
}

fn identify(root: &Element, inspection: &mut Inspection) {
    root.text_at("cbc:ID").clone_into(&mut inspection.number);
    root.text_at("cbc:UUID").clone_into(&mut inspection.uuid);
    root.text_at("cac:AdditionalDocumentReference/cbc:UUID").clone_into(&mut inspection.icv);
    document::income_source(root).clone_into(&mut inspection.income_source);
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn inspect_body(body: &[u8]) -> Inspection {
        inspect(body, Some("application/json"), &Settings::default())
    }

    fn body(xml: impl AsRef<[u8]>) -> Vec<u8> {
        format!("{{\"invoice\":\"{}\"}}", STANDARD.encode(xml)).into_bytes()
    }

    #[test]
    fn a_sound_document_is_identified_and_sealed() {
        let inspection = inspect_body(&body(sample::general()));
        assert!(matches!(&inspection.judgement, Judgement::Read { seal: Some(_), .. }));
        assert_eq!((inspection.number.as_str(), inspection.icv.as_str()), ("INV-2", "7"));
        assert_eq!(inspection.income_source, sample::INCOME_SOURCE);
        assert_eq!(inspection.sha256, hexadecimal(&Sha256::digest(sample::general())));
    }

    #[test]
    fn a_broken_envelope_is_unreadable() {
        let good = body(sample::general());
        let text = String::from_utf8(good.clone()).unwrap();
        for bad in [
            Vec::new(),
            b"[]".to_vec(),
            b"{}".to_vec(),
            b"{\"invoice\":1}".to_vec(),
            b"{\"invoice\":\"***\"}".to_vec(),
            text.replace("=\"}", "\"}").replace("\"}", "=====\"}").into_bytes(),
            text.replace("\":\"", "\":\"\\n").into_bytes(),
            body([0xff, 0xfe]),
        ] {
            assert!(matches!(inspect_body(&bad).judgement, Judgement::Unreadable(_)), "{bad:?}");
        }
        for kind in [None, Some("text/xml"), Some("application/jsonx")] {
            let inspection = inspect(&good, kind, &Settings::default());
            assert!(matches!(inspection.judgement, Judgement::Unreadable(_)), "{kind:?}");
        }
        let kind = Some("Application/JSON; charset=utf-8");
        assert!(matches!(inspect(&good, kind, &Settings::default()).judgement, Judgement::Read { .. }));
        let small = Settings { max_body_bytes: good.len() - 1, ..Settings::default() };
        assert!(matches!(inspect(&good, kind, &small).judgement, Judgement::Unreadable(_)));
    }

    #[test]
    fn structure_faults_are_told_apart() {
        let find = |xml: &str| match inspect_body(&body(xml)).judgement {
            Judgement::Malformed { by_schema, findings } => (by_schema, findings),
            other => panic!("{other:?}"),
        };
        let broken = find(&sample::with(&sample::general(), " xmlns:cac", "\n xmlns:cac"));
        assert_eq!((broken.0, broken.1[0].message.as_str()), (false, "Invalid Invoice Minification"));
        for bad in ["<Invoice>", "<!DOCTYPE Invoice><Invoice/>", "{}"] {
            let (by_schema, findings) = find(bad);
            assert_eq!((by_schema, findings[0].code), (true, "XSD_INVALID"));
        }
        let (by_schema, findings) = find(&sample::with(&sample::general(), ">388<", ">380<"));
        assert_eq!((by_schema, findings[0].code), (false, "invoiceTypeCode"));
    }

    #[test]
    fn what_is_wrong_in_content_stands_beside_the_document_without_a_seal() {
        let inspection = inspect_body(&body(sample::with(&sample::general(), ">4.480<", ">5.480<")));
        let Judgement::Read { faults, seal, .. } = inspection.judgement else { panic!() };
        assert_eq!((faults.findings.len(), seal), (1, None));
    }
}
