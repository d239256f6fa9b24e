//! Whether the signature on a returned document fits it (specification 4.2). Pure and offline; it decides nothing: a
//! document that does not fit is a remark on the invoice, never an obstacle.
//!
//! The digest is SHA-256 over the canonical form of the document without the extensions, `cac:Signature` and the QR
//! reference. The signature is ECDSA on secp256k1 over the 32 bytes of that digest taken as the message, by the key of the
//! certificate in the document. This was found on one answer of 2023 and is unproven on live documents of today. No root of
//! trust is known either: a signature that fits shows that the document is unchanged since the holder of that key signed
//! it, and the certificate only claims who that was.

mod canonical;
mod certificate;
#[cfg(test)]
mod tests;

use aws_lc_rs::signature::{ECDSA_P256K1_SHA256_ASN1, UnparsedPublicKey};
use base64::Engine as _;
use invoice::life::Outcome;
use serde::Serialize;

use crate::lenient::TOLERANT;
use crate::verdict::Verdict;
use canonical::Signed;
pub use certificate::Certificate;

/// What became of the check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Finding {
    /// Digest and signature fit the document.
    Fits,
    /// The document holds no signature, or only a part of one.
    NoSignature {
        /// What is not there, such as `ds:SignatureValue`.
        missing: &'static str,
    },
    /// The document is not the one whose digest it states.
    DigestDiffers {
        /// What the document states, Base64.
        stated: String,
        /// What its digest is, Base64.
        computed: String,
    },
    /// The digest fits, the signature is not that key's over it.
    SignatureDiffers,
    /// The digest fits, but the signature value is no Base64.
    SignatureUnreadable,
    /// The digest fits, but the certificate cannot be read or its key is of another kind.
    CertificateUnreadable {
        /// Why.
        problem: String,
    },
    /// The document cannot be read to its end.
    Unreadable {
        /// Why.
        problem: String,
    },
}

/// How the QR text in the document stands to the one that came beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QrAgreement {
    /// The same text.
    Same,
    /// Another text.
    Differs,
    /// The document holds none.
    NotInDocument,
}

/// What was seen of a signed document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SealReport {
    /// What became of the check.
    #[serde(flatten)]
    pub finding: Finding,
    /// The certificate in the document, where it could be read.
    pub certificate: Option<Certificate>,
    /// Whether the QR texts are the same.
    pub qr: QrAgreement,
}

impl SealReport {
    /// One line for people when something does not fit; none when all does.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let finding = match &self.finding {
            Finding::Fits => None,
            Finding::NoSignature { missing } => {
                Some(format!("the signed document holds no signature: {missing} is missing"))
            }
            Finding::DigestDiffers { stated, computed } => Some(format!(
                "the signature is of another document: it states the digest {stated}, the document's is {computed}"
            )),
            Finding::SignatureDiffers => {
                Some("the signature does not fit the key of the certificate beside it".to_owned())
            }
            Finding::SignatureUnreadable => Some("the signature value is no Base64".to_owned()),
            Finding::CertificateUnreadable { problem } => {
                Some(format!("the signature was not checked, for its certificate cannot be used: {problem}"))
            }
            Finding::Unreadable { problem } => Some(format!(
                "the signature was not checked, for the signed document cannot be read: {problem}"
            )),
        };
        let qr = (self.qr == QrAgreement::Differs)
            .then(|| "the QR in the signed document is not the one of the answer".to_owned());
        let notes: Vec<String> = finding.into_iter().chain(qr).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }
}

/// Checks a signed document as the authority returned it (after [`crate::answer::decode_signed`]) against itself, and its
/// QR text against the one that came beside it.
#[must_use]
pub fn check(document: &[u8], qr: &str) -> SealReport {
    let signed = match canonical::read(document) {
        Ok(signed) => signed,
        Err(problem) => {
            let finding = Finding::Unreadable { problem: problem.to_string() };
            return SealReport { finding, certificate: None, qr: QrAgreement::NotInDocument };
        }
    };
    let certificate = signed.certificate.as_deref().map(certificate::read);
    let finding = judge(&signed, certificate.as_ref());
    SealReport {
        finding,
        certificate: certificate.and_then(Result::ok).map(|(facts, _)| facts),
        qr: match &signed.qr {
            None => QrAgreement::NotInDocument,
            Some(inside) if without_space(inside) == without_space(qr) => QrAgreement::Same,
            Some(_) => QrAgreement::Differs,
        },
    }
}

impl Verdict {
    /// Adds a remark to a clearance whose signed document does not fit. Changes nothing else.
    pub(crate) fn remark_on_seal(&mut self) {
        if let (Outcome::Cleared { qr, note, .. }, Some(signed)) = (&mut self.outcome, &self.signed)
            && let report = check(signed, qr)
            && let Some(remark) = report.note()
        {
            if note.is_some() && matches!(report.finding, Finding::Unreadable { .. }) {
                // Whoever compared it has said so.
                return;
            }
            *note = Some(match note.take() {
                Some(note) => format!("{note}; {remark}"),
                None => remark,
            });
        }
    }
}

fn judge(signed: &Signed, certificate: Option<&Result<(Certificate, Vec<u8>), String>>) -> Finding {
    let Some(stated) = &signed.digest_value else {
        return Finding::NoSignature { missing: "ds:DigestValue" };
    };
    let Some(signature) = &signed.signature_value else {
        return Finding::NoSignature { missing: "ds:SignatureValue" };
    };
    let Some(certificate) = certificate else {
        return Finding::NoSignature { missing: "ds:X509Certificate" };
    };
    if base64(stated).as_deref() != Some(&signed.digest) {
        return Finding::DigestDiffers {
            stated: shortened(stated),
            computed: TOLERANT.encode(signed.digest),
        };
    }
    let Some(signature) = base64(signature) else { return Finding::SignatureUnreadable };
    let point = match certificate {
        Ok((_, point)) => point,
        Err(problem) => return Finding::CertificateUnreadable { problem: problem.clone() },
    };
    // The digest is the message here, and is hashed once more: not what XML-DSig says, but what was found.
    match UnparsedPublicKey::new(&ECDSA_P256K1_SHA256_ASN1, point).verify(&signed.digest, &signature) {
        Ok(()) => Finding::Fits,
        Err(_) => Finding::SignatureDiffers,
    }
}

/// Base64 in which somebody may have broken lines.
fn base64(text: &str) -> Option<Vec<u8>> {
    TOLERANT.decode(without_space(text)).ok()
}

fn without_space(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}

/// A digest has 44 characters; whatever else stands there need not be told in full.
fn shortened(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_whitespace()).take(60).collect();
    invoice::shown(&text).into_owned()
}
