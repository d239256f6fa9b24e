//! What is wrong with a document: where, against which rule, and how to mend it. Knows no rule itself; holds facts, and speaks
//! English and Arabic.

mod code;
mod formula;

use invoice::rules::Language;
use invoice::{Fault, excerpt};
use rust_decimal::Decimal;

pub use code::FindingCode;
pub use formula::Formula;

/// How many findings are listed of one document.
pub const MAX_FINDINGS: usize = 1_000;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Others have sent it so and were not refused, or the guide's tolerance covers it.
    Warning,
    /// The authority refuses it, or would take it for something else.
    Error,
}

impl Severity {
    /// A stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule that is broken.
    pub code: FindingCode,
    /// The place, as XPath with the usual prefixes, such as `/Invoice/cac:InvoiceLine[2]/cac:Price/cbc:PriceAmount`.
    pub path: String,
    /// What stands there, shortened; none where nothing does.
    pub found: Option<String>,
    /// What should stand there, where that is known.
    pub expected: Option<String>,
    /// The formula that an amount does not keep.
    pub formula: Option<Formula>,
    /// What the amount printed is off by: printed less expected.
    pub difference: Option<Decimal>,
    /// The fault of the event, where the rule is one of the rules for events.
    pub fault: Option<Fault>,
}

/// The longest excerpt of a value, in characters.
const EXCERPT: usize = 120;
/// The longest place, in characters; those of the profile have at most 200.
const PLACE: usize = 1_000;

impl Finding {
    /// An error at a place.
    pub(crate) fn error(code: FindingCode, path: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            code,
            // Names of elements that nobody knows stand in it.
            path: invoice::excerpt(&path.into(), PLACE),
            found: None,
            expected: None,
            formula: None,
            difference: None,
            fault: None,
        }
    }

    /// A warning at a place.
    pub(crate) fn warning(code: FindingCode, path: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, path) }
    }

    pub(crate) fn found(self, text: &str) -> Self {
        Self { found: Some(shortened(text)), ..self }
    }

    pub(crate) fn expected(self, text: impl Into<String>) -> Self {
        // It may be taken from the document, as a currency is that others must agree with.
        Self { expected: Some(excerpt(&text.into(), EXCERPT)), ..self }
    }

    /// What is wrong, with the values, in one sentence.
    #[must_use]
    pub fn what(&self, language: Language) -> String {
        if let Some(fault) = &self.fault {
            return fault.message_in(language).to_owned();
        }
        let mut text = self.code.title().in_language(language).to_owned();
        if let Some(formula) = self.formula {
            text.push_str(": ");
            text.push_str(formula.text().in_language(language));
        }
        let (found, expected, off) = match language {
            Language::En => ("found", "expected", "off by"),
            Language::Ar => ("الموجود", "المتوقع", "الفرق"),
        };
        let comma = match language {
            Language::En => ", ",
            Language::Ar => "، ",
        };
        let mut facts = Vec::new();
        if let Some(value) = &self.expected {
            facts.push(format!("{expected} {value}"));
        }
        if let Some(value) = &self.found {
            facts.push(format!("{found} {value:?}"));
        }
        if let Some(value) = self.difference {
            facts.push(format!("{off} {value}"));
        }
        if !facts.is_empty() {
            text.push_str(&format!(" ({})", facts.join(comma)));
        }
        text
    }

    /// The rule behind it.
    #[must_use]
    pub fn rule(&self, language: Language) -> &'static str {
        match &self.fault {
            Some(fault) => fault.code.rule().explanation.in_language(language),
            None => self.code.explanation().in_language(language),
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn remedy(&self, language: Language) -> &'static str {
        match &self.fault {
            Some(fault) => fault.code.rule().remedy.in_language(language),
            None => self.code.remedy().in_language(language),
        }
    }
}

/// Findings under way; bounded.
#[derive(Debug, Default)]
pub(crate) struct Findings(pub(crate) Vec<Finding>);

impl Findings {
    pub(crate) fn add(&mut self, finding: Finding) {
        if self.0.len() < MAX_FINDINGS {
            self.0.push(finding);
        }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
