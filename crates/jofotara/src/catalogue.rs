//! Every code and message that the authority is known to answer with (specification 1.6): what it means, whether sending
//! again can help, and what a person should do, in English and Arabic. The one place for the authority's strings; it
//! must not know invoices.
//!
//! A code that says one thing only decides; codes that several messages share are told apart by the message; else the
//! message alone is looked at, in lower case and with its white space squeezed. What is not known here is kept word for
//! word elsewhere and explained by [`UNKNOWN`].

mod arithmetic;
mod document;
mod page;
mod party;
mod road;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use page::page;
pub use road::UNKNOWN;

/// A text in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Text {
    /// English.
    pub en: &'static str,
    /// Arabic.
    pub ar: &'static str,
}

impl Text {
    /// In this language.
    #[must_use]
    pub fn of(&self, language: Language) -> &'static str {
        match language {
            Language::En => self.en,
            Language::Ar => self.ar,
        }
    }
}

/// A language that the catalogue speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Arabic.
    Ar,
}

macro_rules! classes {
    ($($(#[$meta:meta])* $variant:ident = $name:literal, $en:literal, $ar:literal;)*) => {
        /// What kind of trouble an answer tells of.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Class {
            $($(#[$meta])* $variant,)*
        }

        impl Class {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in JSON.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Its name for people.
            #[must_use]
            pub fn title(self) -> Text {
                match self { $(Self::$variant => Text { en: $en, ar: $ar },)* }
            }
        }
    };
}

classes! {
    /// No trouble.
    Information = "information", "Information", "معلومة";
    /// The pair, the token or a licence is not accepted.
    Credentials = "credentials", "Credentials", "بيانات الربط";
    /// Tax number, income source or registration.
    Identity = "identity", "Identity", "هوية المكلف";
    /// The form of the XML.
    Schema = "schema", "Form of the document", "بنية الوثيقة";
    /// An amount.
    Arithmetic = "arithmetic", "Arithmetic", "الحسابات";
    /// The buyer.
    Buyer = "buyer", "Buyer", "المشتري";
    /// A return and its original.
    Return = "return", "Return", "الإرجاع";
    /// Type code, category or rate.
    TypeOrPercent = "type_or_percent", "Type or rate", "النوع أو النسبة";
    /// Two lines under one number.
    DuplicateLine = "duplicate_line", "Line numbers", "أرقام البنود";
    /// A gateway, a framework or an inner service speaks.
    Gateway = "gateway", "Gateway", "البوابة";
    /// The way that was chosen cannot carry the document.
    Route = "route", "Route", "مسار الإرسال";
    /// Not known here.
    Unknown = "unknown", "Unknown", "غير معروف";
}

/// Whether sending again can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    /// There is nothing to be sent again.
    NotNeeded,
    /// The same bytes are refused again: the document must be amended.
    AfterAmending,
    /// The same bytes may pass once something outside of the document is mended.
    AfterMending,
    /// The same bytes may pass later, as they are; the fleet sends them by itself.
    Later,
}

impl Retry {
    /// In words.
    #[must_use]
    pub fn title(self) -> Text {
        match self {
            Self::NotNeeded => Text { en: "not needed", ar: "غير لازمة" },
            Self::AfterAmending => Text {
                en: "no: the same document is refused again until it is amended",
                ar: "لا: الوثيقة نفسها ستُرفض مجددًا إلى أن تُعدَّل",
            },
            Self::AfterMending => Text {
                en: "yes, with the same document, once the cause outside of it is mended",
                ar: "نعم، بالوثيقة نفسها، بعد معالجة السبب الخارج عنها",
            },
            Self::Later => Text {
                en: "yes, later: the fleet does so by itself",
                ar: "نعم، لاحقًا: يعيد النظام الإرسال تلقائيًا",
            },
        }
    }
}

/// How a message is recognised, after [`normalised`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pattern {
    Starts(&'static str),
    /// For codes that are nobody's published list: never looked for in a message, which may repeat the document.
    CodeHolds(&'static str),
    /// An inner service's own failure: [`inner_failure`].
    InnerFailure,
}

/// One thing that the authority, or the way to it, answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// Its name, which never changes.
    pub id: &'static str,
    /// What kind of trouble it is.
    pub class: Class,
    /// Whether sending again can help.
    pub retry: Retry,
    /// The codes that it comes under.
    pub codes: &'static [&'static str],
    /// The messages that it comes with, as they were seen.
    pub messages: &'static [&'static str],
    /// The HTTP statuses that mean it where nothing else is said.
    pub http: &'static [u16],
    /// What it means.
    pub meaning: Text,
    /// What a person should do.
    pub remedy: Text,
    #[serde(skip)]
    patterns: &'static [Pattern],
}

/// An entry as people and programs are shown it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// Its name, which never changes.
    pub id: &'static str,
    /// What kind of trouble it is.
    pub class: Class,
    /// Whether sending again can help.
    pub retry: Retry,
    /// What it means.
    pub meaning: Text,
    /// What a person should do.
    pub remedy: Text,
}

impl From<&Entry> for Explanation {
    fn from(entry: &Entry) -> Self {
        let Entry { id, class, retry, meaning, remedy, .. } = *entry;
        Self { id, class, retry, meaning, remedy }
    }
}

impl Explanation {
    /// Whether it is more than a word for what is not known.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.id != UNKNOWN.id
    }
}

/// The most reasons of one answer that are explained.
const MOST_REASONS: usize = 20;

/// All entries, in the order of a reader's interest.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    [document::ENTRIES, arithmetic::ENTRIES, party::ENTRIES, road::ENTRIES].into_iter().flatten()
}

/// The entry with this id.
#[must_use]
pub fn entry(id: &str) -> Option<&'static Entry> {
    entries().find(|entry| entry.id == id)
}

/// What an answer tells of: at least one entry, each once. `message` is the line that was kept, in which several reasons
/// are separated by semicolons; `codes` are those of all reasons.
#[must_use]
pub fn explain(http_status: Option<u16>, codes: &[String], message: &str) -> Vec<&'static Entry> {
    let mut found: Vec<&'static Entry> = Vec::new();
    let whole = by_message(&normalised(message));
    for entry in message.split(';').take(MOST_REASONS).filter_map(|part| by_message(&normalised(part))) {
        add(&mut found, entry);
    }
    whole.into_iter().for_each(|entry| add(&mut found, entry));
    for code in codes.iter().take(MOST_REASONS) {
        let named: Vec<&'static Entry> = entries().filter(|entry| entry.is_named(code)).collect();
        if let [only] = named.as_slice() {
            add(&mut found, only);
        } else if named.is_empty() {
            by_own_code(&normalised(code)).into_iter().for_each(|entry| add(&mut found, entry));
        } else if !found.iter().any(|known| known.is_named(code)) {
            // No message has told which of them it is: the one without messages speaks for the code.
            let unsaid = named.into_iter().find(|entry| entry.patterns.is_empty());
            unsaid.into_iter().for_each(|entry| add(&mut found, entry));
        }
    }
    // Where HTTP alone judged, the line says so; a reason in words that is not known here must not be explained by a
    // status that came along with it.
    let line = normalised(message);
    // Where there was no token the line alone has the status: it is not that of an answer to the document.
    let untold = line.strip_prefix("no token: http ").and_then(|rest| rest.get(..3)?.parse().ok());
    let status = http_status.filter(|_| line.starts_with("http ")).or(untold);
    if found.is_empty()
        && let Some(status) = status
    {
        found.extend(entries().find(|entry| entry.http.contains(&status)));
    }
    if found.is_empty() {
        found.push(&UNKNOWN);
    }
    found
}

fn add(found: &mut Vec<&'static Entry>, entry: &'static Entry) {
    if !found.iter().any(|known| known.id == entry.id) {
        found.push(entry);
    }
}

impl Entry {
    fn is_named(&self, code: &str) -> bool {
        self.codes.iter().any(|own| own.eq_ignore_ascii_case(code.trim()))
    }

    /// How many characters of a normalised message it recognises.
    fn recognises(&self, message: &str) -> Option<usize> {
        let matches = self.patterns.iter().filter_map(|pattern| match pattern {
            Pattern::Starts(text) => message.starts_with(text).then_some(text.len()),
            Pattern::CodeHolds(_) => None,
            Pattern::InnerFailure => inner_failure(message).map(|_| 3),
        });
        matches.max()
    }
}

/// The entry that recognises most of a normalised message.
fn by_message(message: &str) -> Option<&'static Entry> {
    entries()
        .filter_map(|entry| entry.recognises(message).map(|length| (length, entry)))
        .max_by_key(|(length, _)| *length)
        .map(|(_, entry)| entry)
}

/// The entry for a gateway's own code, which may say what it is about.
fn by_own_code(code: &str) -> Option<&'static Entry> {
    let says = |pattern: &Pattern| matches!(pattern, Pattern::CodeHolds(text) if code.contains(text));
    entries().find(|entry| entry.patterns.iter().any(says)).or_else(|| by_message(code))
}

/// Trimmed, in lower case, white space squeezed, typographic apostrophes made plain.
fn normalised(message: &str) -> String {
    let words: Vec<&str> = message.split_whitespace().collect();
    words.join(" ").replace(['\u{2019}', '\u{2018}'], "'").to_lowercase()
}

/// The status that an inner service of the department failed with, when a message wraps one:
/// `500 : "{"timestamp":..,"status":500,"error":"Internal Server Error",..}"` (specification 1.6).
#[must_use]
pub fn inner_failure(message: &str) -> Option<u16> {
    let (head, rest) = message.trim_start_matches(['"', ' ']).split_at_checked(3)?;
    let status: u16 = head.parse().ok().filter(|status| (500..600).contains(status))?;
    let wraps = rest.trim_start().starts_with(':') || rest.to_ascii_lowercase().contains("server error");
    wraps.then_some(status)
}

/// Whether the error code of a token endpoint (RFC 6749, section 5.2) is about the pair.
pub(crate) fn denies_credentials(code: &str) -> bool {
    entries().any(|entry| entry.class == Class::Credentials && entry.is_named(code))
}
