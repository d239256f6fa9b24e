//! The simulated authority's key, its certificate and its signature. Knows no documents.
//!
//! The key is a test key: it stands here for everybody to read, it was made for this file alone, and a signature with it
//! proves nothing. Signing follows RFC 6979, so that the same digest always gets the same signature: one seed must replay
//! one run. A library of its own signs here, not the one that checks on the other side.

use std::sync::LazyLock;

use k256::ecdsa::signature::Signer as _;
use k256::ecdsa::{Signature, SigningKey};

/// The private key, on the curve secp256k1. A test key, see above.
const KEY: [u8; 32] = [
    0xbb, 0x63, 0x00, 0xc7, 0x9f, 0xbe, 0xb6, 0x2a, 0x15, 0xf8, 0x8b, 0x84, 0xcd, 0xda, 0x9d, 0xa4, 0xe8,
    0xf4, 0xda, 0xbf, 0xc0, 0x9f, 0x4b, 0x4a, 0x1c, 0x4d, 0xf0, 0xd9, 0x13, 0xb6, 0x55, 0xb4,
];

/// Its self-signed certificate (DER in Base64, 2020 to 2060). Its subject says whose it is not:
/// C=JO, O=Fawtara simulator, OU=Not the department, CN=Fawtara simulator, not the department.
pub(super) const CERTIFICATE: &str = "MIICETCCAbagAwIBAgIFICYBAQEwCgYIKoZIzj0EAwIwdjELMAkGA1UEBhMCSk8xGjAYBgNVBAoMEUZhd3RhcmEgc2ltdWxh\
    dG9yMRswGQYDVQQLDBJOb3QgdGhlIGRlcGFydG1lbnQxLjAsBgNVBAMMJUZhd3RhcmEgc2ltdWxhdG9yLCBub3QgdGhlIGRl\
    cGFydG1lbnQwIBcNMjAwMTAxMDAwMDAwWhgPMjA2MDAxMDEwMDAwMDBaMHYxCzAJBgNVBAYTAkpPMRowGAYDVQQKDBFGYXd0\
    YXJhIHNpbXVsYXRvcjEbMBkGA1UECwwSTm90IHRoZSBkZXBhcnRtZW50MS4wLAYDVQQDDCVGYXd0YXJhIHNpbXVsYXRvciwg\
    bm90IHRoZSBkZXBhcnRtZW50MFYwEAYHKoZIzj0CAQYFK4EEAAoDQgAElKWUM3+vbZ2DtuHjHw6QPFTosTohdyuWuq6gWMmn\
    StaiSlo5fi3AZG1ahzYUUAPdf5/mPG9yw0/60ebNiOmslKMyMDAwDwYDVR0TAQH/BAUwAwEB/zAdBgNVHQ4EFgQUsd8/Zu1i\
    vdYM5KRlwTF6MDKOLG4wCgYIKoZIzj0EAwIDSQAwRgIhAI1zQn+kuDapz1JbNVOVGpZ6kcjMry1lSpLMdDKc44stAiEAtFVZ\
    SCiIMHJLaBdgjzA/1b+yOw8XW6lka4h0t/Q+QXk=";

static SIGNING_KEY: LazyLock<Option<SigningKey>> = LazyLock::new(|| SigningKey::from_slice(&KEY).ok());

/// The DER of the ECDSA signature over the bytes of `digest` taken as the message, that is, hashed once more with SHA-256
/// (specification 4.2).
pub(super) fn sign(digest: &[u8]) -> Vec<u8> {
    // The key above is one: a test watches over that.
    let Some(key) = SIGNING_KEY.as_ref() else { return Vec::new() };
    let signature: Signature = key.sign(digest);
    signature.to_der().as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use k256::ecdsa::signature::Verifier as _;

    use super::*;

    #[test]
    fn a_digest_is_always_signed_the_same_and_with_the_key_of_the_certificate() {
        let signature = sign(&[7; 32]);
        assert_eq!(sign(&[7; 32]), signature);
        assert_ne!(sign(&[8; 32]), signature);
        let key = SIGNING_KEY.as_ref().unwrap().verifying_key();
        key.verify(&[7; 32], &Signature::from_der(&signature).unwrap()).unwrap();
        let certificate = STANDARD.decode(CERTIFICATE).unwrap();
        let point = key.to_sec1_point(false);
        assert!(certificate.windows(65).any(|window| window == point.as_bytes()));
    }
}
