//! The certificate in a signed document: whose it says it is, how long, and its key. Trusts nobody: nothing is known that
//! it could be checked against.

use chrono::{DateTime, Utc};
use serde::Serialize;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{base64, without_space};

/// The largest certificate that is read, in characters of Base64. Real ones have less than a thousand.
const MAX_CHARS: usize = 64 * 1024;
/// secp256k1, as certificates name it.
const SECP256K1: &str = "1.3.132.0.10";
/// The domain of the department, under which the certificate of 2023 had its name.
const DEPARTMENT: &str = "istd.gov.jo";

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// Its subject, shortened.
    pub subject: String,
    /// From when it is valid.
    pub not_before: Option<DateTime<Utc>>,
    /// Until when it is valid. That of 2023 was valid for a year; an expired one is no fault of the document.
    pub not_after: Option<DateTime<Utc>>,
    /// Whether its subject names the department's domain. A claim, not a proof: anybody can write that.
    pub names_department: bool,
}

/// The facts of a certificate and the point of its key, or why there are none.
pub(super) fn read(text: &str) -> Result<(Certificate, Vec<u8>), String> {
    if text.len() > MAX_CHARS {
        return Err(format!("it has {} characters, more than {MAX_CHARS}", text.len()));
    }
    let der = der(text).ok_or_else(|| "it is no Base64".to_owned())?;
    let (_, certificate) =
        X509Certificate::from_der(&der).map_err(|_| "it is no X.509 certificate".to_owned())?;
    let key = certificate.public_key();
    let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    let curve = curve.map(|oid| oid.to_id_string()).unwrap_or_default();
    if curve != SECP256K1 {
        return Err("its key is not on the curve secp256k1".to_owned());
    }
    let point = key.subject_public_key.data.to_vec();
    let subject = certificate.subject();
    let names_department = subject.iter_common_name().filter_map(|name| name.as_str().ok()).any(|name| {
        let name = name.trim().to_ascii_lowercase();
        name == DEPARTMENT || name.strip_suffix(DEPARTMENT).is_some_and(|host| host.ends_with('.'))
    });
    let time = |seconds: i64| DateTime::from_timestamp(seconds, 0);
    let facts = Certificate {
        subject: subject.to_string().chars().filter(|c| !c.is_control()).take(200).collect(),
        not_before: time(certificate.validity().not_before.timestamp()),
        not_after: time(certificate.validity().not_after.timestamp()),
        names_department,
    };
    Ok((facts, point))
}

/// The certificate's DER: Base64, or Base64 of that once more, which programs of this kind are known to send.
fn der(text: &str) -> Option<Vec<u8>> {
    let bytes = base64(&without_space(text))?;
    match bytes.first() {
        Some(0x30) => Some(bytes),
        _ => base64(std::str::from_utf8(&bytes).ok()?),
    }
}
