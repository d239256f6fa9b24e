//! What a sealed value must bear, and what must never be seen.

use secrecy::ExposeSecret as _;

use super::*;

/// A secret that would be recognised anywhere.
const SECRET: &str = "Gj5nS9wyYHRadaVffz5VKB4v4wlVWyPhcJvrTD4NHtM-سر";

fn key(byte: u8) -> MasterKey {
    let bytes: Vec<u8> = (0..32).map(|n| byte.wrapping_mul(31).wrapping_add(n)).collect();
    MasterKey::parse(&SecretString::from(BASE64.encode(bytes))).unwrap()
}

fn vault(current: u8, old: &[u8]) -> Vault {
    Vault::new(Some(key(current)), old.iter().map(|byte| key(*byte)).collect())
}

fn source() -> IncomeSource {
    IncomeSource { tax_number: "12345678".to_owned(), sequence: "9932895".to_owned() }
}

fn place(source: &IncomeSource) -> Place<'_> {
    Place { environment: Environment::Production, source, field: "secret_key" }
}

fn secret() -> SecretString {
    SecretString::from(SECRET)
}

#[test]
fn what_is_sealed_opens_in_its_place() {
    let (vault, source) = (vault(1, &[]), source());
    let sealed = vault.seal(&place(&source), &secret()).unwrap();
    assert_eq!(vault.open(&place(&source), &sealed).unwrap().expose_secret(), SECRET);
    let again = vault.seal(&place(&source), &secret()).unwrap();
    assert_ne!(sealed, again, "every sealing has a nonce of its own");
    let plain = SECRET.as_bytes();
    let seen = sealed.as_bytes().windows(8).any(|part| plain.windows(8).any(|other| other == part));
    assert!(!seen, "the ciphertext shows the secret");
}

#[test]
fn a_sealed_value_opens_nowhere_else() {
    let (vault, source) = (vault(1, &[]), source());
    let sealed = vault.seal(&place(&source), &secret()).unwrap();
    let other = |tax_number: &str, sequence: &str| IncomeSource {
        tax_number: tax_number.to_owned(),
        sequence: sequence.to_owned(),
    };
    let (neighbour, sibling, shifted) =
        (other("87654321", "9932895"), other("12345678", "9932896"), other("123456789", "932895"));
    for elsewhere in [
        place(&neighbour),
        place(&sibling),
        place(&shifted),
        Place { environment: Environment::Sandbox, ..place(&source) },
        Place { field: "license_key", ..place(&source) },
    ] {
        assert_eq!(vault.open(&elsewhere, &sealed).map(|_| ()), Err(VaultError::Forged), "{elsewhere:?}");
    }
}

#[test]
fn a_changed_value_does_not_open() {
    let (vault, source) = (vault(1, &[]), source());
    let sealed = vault.seal(&place(&source), &secret()).unwrap();
    for at in 0..sealed.as_bytes().len() {
        for bit in 0..8 {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            assert!(vault.open(&place(&source), &Sealed::from_bytes(bytes)).is_err(), "byte {at}, bit {bit}");
        }
    }
    for length in 0..sealed.as_bytes().len() {
        let cut = Sealed::from_bytes(sealed.as_bytes()[..length].to_vec());
        assert!(vault.open(&place(&source), &cut).is_err(), "cut to {length}");
        let _ = vault.is_current(&cut);
    }
}

#[test]
fn keys_are_told_apart_and_the_right_one_is_named() {
    let source = source();
    let sealed = vault(1, &[]).seal(&place(&source), &secret()).unwrap();
    let error = vault(2, &[3]).open(&place(&source), &sealed).map(|_| ()).unwrap_err().to_string();
    for told in [key(1).id(), key(2).id(), key(3).id()] {
        assert!(error.contains(&told), "{told} is missing in: {error}");
    }
    let keyless = Vault::default();
    assert_eq!(keyless.seal(&place(&source), &secret()).map(|_| ()), Err(VaultError::NoKey));
    let error = keyless.open(&place(&source), &sealed).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("no master key is known here"), "{error}");
    assert_eq!(sealed_under(&sealed).unwrap(), key(1).id());
}

#[test]
fn rotation_opens_with_the_old_key_and_seals_with_the_new_one() {
    let source = source();
    let old = vault(1, &[]).seal(&place(&source), &secret()).unwrap();
    let rotating = vault(2, &[1]);
    assert_eq!(rotating.is_current(&old), Ok(false));
    let opened = rotating.open(&place(&source), &old).unwrap();
    let new = rotating.seal(&place(&source), &opened).unwrap();
    assert_eq!(rotating.is_current(&new), Ok(true));
    let rotated = vault(2, &[]);
    assert_eq!(rotated.open(&place(&source), &new).unwrap().expose_secret(), SECRET);
    assert!(rotated.open(&place(&source), &old).is_err());
}

#[test]
fn keys_are_read_in_both_notations_and_refused_when_they_are_none() {
    let bytes: Vec<u8> = (0..32).collect();
    let parse = |text: &str| MasterKey::parse(&SecretString::from(text)).map(|key| key.id());
    let base64 = BASE64.encode(&bytes);
    let id = parse(&base64).unwrap();
    assert_eq!(parse(&format!("  {base64}\n")).unwrap(), id);
    assert_eq!(parse(base64.trim_end_matches('=')).unwrap(), id);
    assert_eq!(parse(&hex(&bytes)).unwrap(), id);
    assert_eq!(parse(&hex(&bytes).to_uppercase()).unwrap(), id);
    assert_eq!(hex(Digest::of(&bytes).as_bytes())[..16], id);
    let (zeros, short) = ("0".repeat(64), BASE64.encode(&bytes[1..]));
    for wrong in ["", "password", "مفتاح", zeros.as_str(), short.as_str(), &base64[1..]] {
        let error = parse(wrong).unwrap_err().to_string();
        assert!(error.contains("openssl rand -base64 32"), "{error}");
        assert!(wrong.is_empty() || !error.contains(wrong), "an error shows what was given");
    }
}

#[test]
fn impossible_secrets_are_refused() {
    let (vault, source) = (vault(1, &[]), source());
    for length in [0, SECRET_BYTES_MAX + 1] {
        let secret = SecretString::from("x".repeat(length));
        assert_eq!(vault.seal(&place(&source), &secret).map(|_| ()), Err(VaultError::Length(length)));
    }
    let longest = SecretString::from("x".repeat(SECRET_BYTES_MAX));
    let sealed = vault.seal(&place(&source), &longest).unwrap();
    assert_eq!(vault.open(&place(&source), &sealed).unwrap().expose_secret(), longest.expose_secret());
}

#[test]
fn nothing_shows_a_key_or_a_secret() {
    let (vault, source) = (vault(1, &[2]), source());
    let sealed = vault.seal(&place(&source), &secret()).unwrap();
    let shown = format!("{vault:?} {sealed:?} {:?} {:?}", key(1), vault.open(&place(&source), &sealed));
    let bytes: Vec<u8> = (0..32).map(|n| 31_u8.wrapping_add(n)).collect();
    for hidden in [SECRET.to_owned(), BASE64.encode(&bytes), hex(&bytes), hex(sealed.as_bytes())] {
        assert!(!shown.contains(&hidden), "{shown}");
    }
}
