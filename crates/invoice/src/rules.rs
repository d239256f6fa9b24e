//! The rules as records: what each means, how to mend what breaks it, where it comes from, and which refusal of the authority
//! it prevents; in English and Arabic. Must not know how a rule is checked.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::validate::FaultCode;

mod lines;
mod options;
mod page;
mod parties;
mod reading;
mod returns;

pub use page::markdown;

/// A language of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Arabic.
    Ar,
}

/// A language that messages are not written in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("language {0:?} is neither en nor ar")]
pub struct UnknownLanguage(pub String);

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "en" => Ok(Self::En),
            "ar" => Ok(Self::Ar),
            other => Err(UnknownLanguage(other.to_owned())),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::En => "en",
            Self::Ar => "ar",
        })
    }
}

/// A text of a rule in both languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Text {
    /// English.
    pub en: &'static str,
    /// Arabic.
    pub ar: &'static str,
}

impl Text {
    /// The text in that language.
    #[must_use]
    pub fn in_language(&self, language: Language) -> &'static str {
        match language {
            Language::En => self.en,
            Language::Ar => self.ar,
        }
    }
}

/// What is known of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rule {
    /// Its stable name.
    pub code: FaultCode,
    /// What must hold, in one sentence.
    pub title: Text,
    /// Why, and what exactly is looked at.
    pub explanation: Text,
    /// What to do about a fault.
    pub remedy: Text,
    /// Where the rule comes from.
    pub source: Source,
    /// The authority's own codes or messages that it prevents, as far as they are known word for word.
    pub prevents: &'static [&'static str],
}

/// Where a rule comes from; written as one sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Our own: a bound, or what the format of events asks for.
    Format,
    /// The department's technical guide v1.5 (and its appendix of 2024): the subject there.
    Guide(&'static str),
    /// Refusals that others have met: the subject.
    Observed(&'static str),
}

impl Source {
    /// The source in that language; the subject within it in English, as our specification names it.
    #[must_use]
    pub fn in_language(&self, language: Language) -> String {
        match (self, language) {
            (_, Language::En) => self.to_string(),
            (Self::Format, Language::Ar) => "صيغة الأحداث نفسها".to_owned(),
            (Self::Guide(subject), Language::Ar) => format!("الدليل الفني 1.5 ({subject})"),
            (Self::Observed(subject), Language::Ar) => format!("حالات رفض واجهها غيرنا ({subject})"),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format => f.write_str("our own format"),
            Self::Guide(subject) => write!(f, "guide v1.5, {subject}"),
            Self::Observed(subject) => write!(f, "refusals that others met, {subject}"),
        }
    }
}

impl Serialize for Source {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The records, by subject.
static TABLES: [&[Rule]; 5] = [reading::RULES, parties::RULES, lines::RULES, options::RULES, returns::RULES];

/// A record; texts in English and Arabic: what must hold, why, and what to do.
const fn rule(
    code: FaultCode,
    source: Source,
    prevents: &'static [&'static str],
    title: [&'static str; 2],
    explanation: [&'static str; 2],
    remedy: [&'static str; 2],
) -> Rule {
    let ([title, title_ar], [why, why_ar], [remedy, remedy_ar]) = (title, explanation, remedy);
    Rule {
        code,
        title: Text { en: title, ar: title_ar },
        explanation: Text { en: why, ar: why_ar },
        remedy: Text { en: remedy, ar: remedy_ar },
        source,
        prevents,
    }
}

/// Stands in for a rule without a record; a test says that there is none.
static UNRECORDED: Rule = Rule {
    code: FaultCode::InvalidValue,
    title: Text {
        en: "The value must keep the rule.", ar: "يجب أن تكون القيمة وفق القاعدة."
    },
    explanation: Text { en: "", ar: "" },
    remedy: Text { en: "Correct the value.", ar: "صحّح القيمة." },
    source: Source::Format,
    prevents: &[],
};

/// All rules, in the order of [`FaultCode::ALL`].
pub fn all() -> impl Iterator<Item = &'static Rule> {
    FaultCode::ALL.iter().map(|code| code.rule())
}

impl FaultCode {
    /// What is known of the rule.
    #[must_use]
    pub fn rule(self) -> &'static Rule {
        TABLES.iter().copied().flatten().find(|rule| rule.code == self).unwrap_or(&UNRECORDED)
    }
}

#[cfg(test)]
mod tests;
