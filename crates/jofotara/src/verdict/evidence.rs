//! What is kept of an answer for people: short, in one line where it must be, and never with a secret in it.

use std::borrow::Cow;

use secrecy::{ExposeSecret as _, SecretString};

use crate::answer::Entry;
use crate::credentials::Credentials;
use crate::form::form_value;

/// The most codes that are kept of one answer, and the most reasons in one line.
pub(super) const MAX_CODES: usize = 20;
/// The longest code, in characters.
const MAX_CODE: usize = 100;
/// The longest line for people, in characters.
const MAX_LINE: usize = 500;
/// The longest excerpt, in characters.
const MAX_EXCERPT: usize = 2_000;
/// A run of Base64 from this length on is a document or a QR, and is not for people.
const LONG_RUN: usize = 100;
/// Shorter than this nothing is a secret; masking it would only spoil the text.
const SHORTEST_SECRET: usize = 4;
const MASKED: &str = "[masked]";

/// Keeps client id, secret key and whatever else opens a door out of what is kept.
pub(crate) struct Mask {
    /// Lower case, longest first; each also as JSON and as a form may write it.
    secrets: Vec<SecretString>,
    longest: usize,
}

impl Mask {
    /// Over a pair.
    pub(crate) fn new(credentials: &Credentials) -> Self {
        Self { secrets: Vec::new(), longest: 0 }
            .and(credentials.secret_key.expose_secret())
            .and(&credentials.client_id)
    }

    /// The same over one more secret.
    pub(crate) fn and(mut self, secret: &str) -> Self {
        let secret = secret.trim().to_ascii_lowercase();
        if secret.len() < SHORTEST_SECRET {
            return self;
        }
        let written = [secret.replace('/', "\\/"), form_value(&secret).to_ascii_lowercase(), secret];
        self.secrets.extend(written.into_iter().map(SecretString::from));
        self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.expose_secret().len()));
        self.secrets.dedup_by(|one, other| one.expose_secret() == other.expose_secret());
        self.longest = self.secrets.first().map_or(0, |secret| secret.expose_secret().len());
        self
    }

    /// The text as one line for people.
    pub(crate) fn line(&self, text: &str) -> String {
        let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
        let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        shortened(&invoice::shown(&self.hidden(&line)), MAX_LINE)
    }

    /// The codes of these entries, each once.
    pub(super) fn codes(&self, entries: &[Entry]) -> Vec<String> {
        let mut codes: Vec<String> = Vec::new();
        for entry in entries.iter().filter(|entry| !entry.code.is_empty()) {
            let code = shortened(&self.line(&entry.code), MAX_CODE);
            if !codes.contains(&code) && codes.len() < MAX_CODES {
                codes.push(code);
            }
        }
        codes
    }

    /// The beginning of a body. Documents and QR are cut out, all else is word for word.
    pub(crate) fn excerpt(&self, body: &[u8]) -> String {
        // A secret is shorter than any run that is cut, so that no piece of one is left over by the cutting.
        let long_run = LONG_RUN.max(self.longest + 1);
        let bound = MAX_EXCERPT * 4 * 2 + self.longest;
        let mut text: Vec<u8> = Vec::with_capacity(bound.min(body.len()));
        let mut rest = body;
        while !rest.is_empty() && text.len() < bound {
            let run = rest.iter().take_while(|byte| is_base64(**byte)).count();
            let (taken, left) = rest.split_at(run.max(1));
            if run >= long_run {
                text.extend_from_slice(format!("…({run} characters)").as_bytes());
            } else {
                text.extend_from_slice(taken);
            }
            rest = left;
        }
        let text = String::from_utf8_lossy(&text);
        let hidden = self.hidden(&text);
        if rest.is_empty() {
            return shortened(&hidden, MAX_EXCERPT);
        }
        // What was cut off may have left the beginning of a secret at the end.
        let kept = hidden.len().saturating_sub(self.longest);
        shortened(hidden.get(..hidden.floor_char_boundary(kept)).unwrap_or_default(), MAX_EXCERPT)
    }

    /// The text without secrets, in whichever case they are written.
    fn hidden<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut hidden = Cow::Borrowed(text);
        for secret in &self.secrets {
            let secret = secret.expose_secret();
            // ASCII case keeps every byte's place.
            let lower = hidden.to_ascii_lowercase();
            if !lower.contains(secret) {
                continue;
            }
            let mut masked = String::with_capacity(hidden.len());
            let mut end = 0;
            for (start, _) in lower.match_indices(secret) {
                masked.push_str(hidden.get(end..start).unwrap_or_default());
                masked.push_str(MASKED);
                end = start + secret.len();
            }
            masked.push_str(hidden.get(end..).unwrap_or_default());
            hidden = Cow::Owned(masked);
        }
        hidden
    }
}

/// The alphabet of Base64, and the backslash with which JSON may write its `/`.
fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'\\')
}

fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "Gj5nS9wyYHRadaVffz5VKB/v4wlVWyPhcJvrTD4NHtO+";

    fn mask() -> Mask {
        Mask::new(&Credentials {
            client_id: "0B59FFBE-9EEF-4361-A6BC-5ED0C01E28A6".to_owned(),
            secret_key: SecretString::from(SECRET),
        })
    }

    #[test]
    fn secrets_are_masked_however_they_are_written() {
        let body = format!(
            r#"{{"a":"{SECRET}","b":"{}","c":"{}","d":"0b59ffbe-9eef-4361-a6bc-5ed0c01e28a6","e":"مرحبا"}}"#,
            SECRET.replace('/', "\\/"),
            SECRET.to_uppercase()
        );
        let expected = r#"{"a":"[masked]","b":"[masked]","c":"[masked]","d":"[masked]","e":"مرحبا"}"#;
        assert_eq!(mask().excerpt(body.as_bytes()), expected);
        assert_eq!(mask().line(&body), expected);
        assert_eq!(mask().codes(&[Entry { code: SECRET.to_owned(), message: String::new() }]), ["[masked]"]);
    }

    #[test]
    fn no_piece_of_a_secret_is_left_where_text_was_cut() {
        let piece = |text: &str| (0..SECRET.len() - 8).any(|at| text.contains(&SECRET[at..at + 8]));
        for fill in [1_900, 1_990, 15_980, 16_000, 16_040, 16_100] {
            let body = format!("{}{SECRET} {}", "ب ".repeat(fill / 3), SECRET.repeat(400));
            assert!(!piece(&mask().excerpt(body.as_bytes())), "{fill}");
            let spaced = format!("{}{}", "- ".repeat(fill / 2), format!("{SECRET} ").repeat(900));
            assert!(!piece(&mask().excerpt(spaced.as_bytes())), "{fill}");
        }
    }

    #[test]
    fn a_long_secret_that_fills_a_body_leaves_nothing_of_itself() {
        let secret = "K3y.".repeat(100);
        let mask = Mask::new(&Credentials {
            client_id: String::new(),
            secret_key: SecretString::from(secret.as_str()),
        });
        for shift in 0..60 {
            let body = format!("{}{}", "-".repeat(shift * 7), format!("{secret} ").repeat(200));
            let excerpt = mask.excerpt(body.as_bytes());
            assert!(!excerpt.contains("K3y"), "{shift}: {excerpt}");
        }
    }

    #[test]
    fn documents_are_cut_out_and_the_rest_is_kept_word_for_word() {
        let body =
            format!("{{\"EINV_SINGED_INVOICE\":\"{}\",\n \"EINV_NUM\":\"فاتورة-١\"}}", "QUJD".repeat(5_000));
        let expected = "{\"EINV_SINGED_INVOICE\":\"…(20000 characters)\",\n \"EINV_NUM\":\"فاتورة-١\"}";
        assert_eq!(mask().excerpt(body.as_bytes()), expected);
    }

    #[test]
    fn everything_is_bounded() {
        let long = "سبب ".repeat(50_000);
        assert_eq!(mask().excerpt(long.as_bytes()).chars().count(), MAX_EXCERPT + 1);
        assert_eq!(mask().line(&long).chars().count(), MAX_LINE + 1);
        let entries: Vec<Entry> =
            (0..200).map(|n| Entry { code: format!("{:0>150}", n % 100), message: String::new() }).collect();
        let codes = mask().codes(&entries);
        assert!(codes.len() <= MAX_CODES && codes.iter().all(|code| code.chars().count() <= MAX_CODE + 1));
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(mask().line(" سطر\r\n\tأول \u{7} ثان "), "سطر أول ثان");
    }

    #[test]
    fn blank_credentials_mask_nothing() {
        let mask =
            Mask::new(&Credentials { client_id: String::new(), secret_key: SecretString::from("abc") });
        assert_eq!(mask.line("abc def"), "abc def");
    }
}
