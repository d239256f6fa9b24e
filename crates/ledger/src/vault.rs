//! Secrets at rest: AES-256-GCM under a master key. The ledger stores sealed values and never opens them; must not know
//! what a secret is for, nor where the master key comes from.
//!
//! A sealed value is `version (1) ‖ key id (8) ‖ nonce (12) ‖ ciphertext and tag`. The key id is the beginning of the key's
//! SHA-256, so that the right one of several keys is found. The place that the secret belongs to is authenticated with it,
//! so that a sealed value that somebody copies into another row does not open there.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use invoice::{Digest, Environment, IncomeSource};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretBox, SecretString};

/// The only layout so far.
const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const ID_BYTES: usize = 8;
const HEADER_BYTES: usize = 1 + ID_BYTES + NONCE_LEN;
/// The longest secret, bytes; the portal's have about a hundred.
pub const SECRET_BYTES_MAX: usize = 4_096;

/// With or without padding: both are copied around.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Why a secret cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// What was given is no key.
    #[error(
        "a master key is 32 random bytes, written as 44 characters of Base64 or 64 hexadecimal digits: {0}; \
         `openssl rand -base64 32` makes one"
    )]
    NotAKey(&'static str),
    /// There is no master key at all.
    #[error("there is no master key: set FAWTARA_MASTER_KEY or taxpayers.master_key_file")]
    NoKey,
    /// Sealed under a key that is not among the known ones.
    #[error(
        "it is sealed under master key {wanted}, and {known}: set that key as taxpayers.old_master_key_files (or as the master key)"
    )]
    UnknownKey {
        /// The id of the key that sealed it.
        wanted: String,
        /// Which keys are known, in words.
        known: String,
    },
    /// The layout is unknown, or part of it is missing.
    #[error("the sealed value is damaged or was written by a newer version ({0}); enter the secret again")]
    Damaged(&'static str),
    /// The key is right, and yet the value does not open: changed, or moved from another row.
    #[error(
        "the sealed value does not open: it was changed, or belongs to another income source; enter the secret again"
    )]
    Forged,
    /// Nothing to seal, or too much.
    #[error("a secret has 1 to {SECRET_BYTES_MAX} bytes, not {0}")]
    Length(usize),
    /// The cryptographic library refused; without random numbers, say.
    #[error("the value could not be sealed")]
    Failed,
}

/// What a secret belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The environment.
    pub environment: Environment,
    /// The income source.
    pub source: &'a IncomeSource,
    /// Which of its secrets.
    pub field: &'static str,
}

impl Place<'_> {
    /// Each part with its length before it, so that no two places look alike.
    fn bytes(&self) -> Vec<u8> {
        let parts = [self.environment.as_str(), &self.source.tax_number, &self.source.sequence, self.field];
        let mut bytes = vec![VERSION];
        for part in parts {
            bytes.extend_from_slice(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

/// An encrypted secret. It is never printed, although it could be.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// What was stored.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// What is to be stored.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Tells one sealed value from another.
    pub(crate) fn fingerprint(&self) -> String {
        Digest::of(&self.0).to_string()
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(masked)")
    }
}

/// A key that encrypts secrets. Wiped from memory when it is dropped, never printed.
pub struct MasterKey {
    id: [u8; ID_BYTES],
    key: SecretBox<[u8; KEY_BYTES]>,
}

impl MasterKey {
    /// Reads a key in Base64 (padded or not) or hexadecimal digits; white space around it does not count.
    ///
    /// # Errors
    /// [`VaultError::NotAKey`] says what is wrong with it, and nothing of what was given.
    pub fn parse(text: &SecretString) -> Result<Self, VaultError> {
        let text = text.expose_secret().trim();
        let mut key = SecretBox::new(Box::new([0_u8; KEY_BYTES]));
        {
            use secrecy::ExposeSecretMut as _;
            let bytes: &mut [u8; KEY_BYTES] = key.expose_secret_mut();
            if text.len() == 2 * KEY_BYTES && text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                unhex(text, bytes);
            } else {
                let decoded = Zeroizing::new(
                    BASE64.decode(text).map_err(|_| VaultError::NotAKey("it is neither of the two"))?,
                );
                if decoded.len() != KEY_BYTES {
                    return Err(VaultError::NotAKey("it is too short or too long"));
                }
                bytes.copy_from_slice(&decoded);
            }
            let [first, rest @ ..] = &*bytes;
            if rest.iter().all(|byte| byte == first) {
                return Err(VaultError::NotAKey("it is not random"));
            }
        }
        let digest = Digest::of(key.expose_secret());
        let mut id = [0; ID_BYTES];
        id.iter_mut().zip(digest.as_bytes()).for_each(|(to, from)| *to = *from);
        Ok(Self { id, key })
    }

    /// Names the key; says nothing about it.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&self.id)
    }

    fn cipher(&self) -> Result<RandomizedNonceKey, VaultError> {
        RandomizedNonceKey::new(&AES_256_GCM, self.key.expose_secret()).map_err(|_| VaultError::Failed)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id())
    }
}

/// The master keys that are known: one that seals, and older ones that still open.
#[derive(Debug, Default)]
pub struct Vault {
    current: Option<MasterKey>,
    old: Vec<MasterKey>,
}

impl Vault {
    /// A vault with these keys; without a current one it seals nothing.
    #[must_use]
    pub fn new(current: Option<MasterKey>, old: Vec<MasterKey>) -> Self {
        Self { current, old }
    }

    /// The id of the key that seals.
    ///
    /// # Errors
    /// [`VaultError::NoKey`] when there is none.
    pub fn key_id(&self) -> Result<String, VaultError> {
        self.current.as_ref().map(MasterKey::id).ok_or(VaultError::NoKey)
    }

    /// Encrypts a secret for its place.
    ///
    /// # Errors
    /// No master key, or a secret of an impossible length.
    pub fn seal(&self, place: &Place<'_>, secret: &SecretString) -> Result<Sealed, VaultError> {
        let key = self.current.as_ref().ok_or(VaultError::NoKey)?;
        let secret = secret.expose_secret().as_bytes();
        if !(1..=SECRET_BYTES_MAX).contains(&secret.len()) {
            return Err(VaultError::Length(secret.len()));
        }
        // Room for the tag: a buffer that grows would leave the secret behind where it was.
        let mut buffer = Vec::with_capacity(secret.len() + AES_256_GCM.tag_len());
        buffer.extend_from_slice(secret);
        let nonce = key
            .cipher()?
            .seal_in_place_append_tag(Aad::from(place.bytes()), &mut buffer)
            .map_err(|_| VaultError::Failed)?;
        let mut sealed = Vec::with_capacity(HEADER_BYTES + buffer.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(&key.id);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.extend_from_slice(&buffer);
        Ok(Sealed(sealed))
    }

    /// Decrypts a secret that was sealed for this very place.
    ///
    /// # Errors
    /// The key is unknown, or the value is damaged, changed, or belongs elsewhere.
    pub fn open(&self, place: &Place<'_>, sealed: &Sealed) -> Result<SecretString, VaultError> {
        let (id, rest) = id_of(sealed)?;
        let (nonce, ciphertext) =
            rest.split_at_checked(NONCE_LEN).ok_or(VaultError::Damaged("it is too short"))?;
        let known = || self.current.iter().chain(&self.old);
        let key = known().find(|key| key.id == id).ok_or_else(|| VaultError::UnknownKey {
            wanted: hex(&id),
            known: match known().map(MasterKey::id).collect::<Vec<_>>() {
                none if none.is_empty() => "no master key is known here".to_owned(),
                ids => format!("only {} is known here", ids.join(", ")),
            },
        })?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Damaged("its nonce"))?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let opened = key
            .cipher()?
            .open_in_place(nonce, Aad::from(place.bytes()), &mut buffer)
            .map_err(|_| VaultError::Forged)?;
        std::str::from_utf8(opened).map(SecretString::from).map_err(|_| VaultError::Damaged("it is no text"))
    }

    /// Whether a value is sealed under the current key.
    ///
    /// # Errors
    /// A damaged value, or no current key.
    pub fn is_current(&self, sealed: &Sealed) -> Result<bool, VaultError> {
        let key = self.current.as_ref().ok_or(VaultError::NoKey)?;
        Ok(key.id == id_of(sealed)?.0)
    }
}

/// The id of the master key that sealed a value.
///
/// # Errors
/// [`VaultError::Damaged`].
pub fn sealed_under(sealed: &Sealed) -> Result<String, VaultError> {
    id_of(sealed).map(|(id, _)| hex(&id))
}

fn id_of(sealed: &Sealed) -> Result<([u8; ID_BYTES], &[u8]), VaultError> {
    let (version, rest) = sealed.0.split_first().ok_or(VaultError::Damaged("it is empty"))?;
    if *version != VERSION {
        return Err(VaultError::Damaged("its layout is unknown"));
    }
    let (id, rest) = rest.split_first_chunk::<ID_BYTES>().ok_or(VaultError::Damaged("it is too short"))?;
    Ok((*id, rest))
}

fn unhex(text: &str, bytes: &mut [u8; KEY_BYTES]) {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit.to_ascii_lowercase().wrapping_sub(b'a').wrapping_add(10),
    };
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = pair.iter().fold(0, |sum, digit| (sum << 4) | value(*digit));
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
