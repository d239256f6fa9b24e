//! The authority's answers as bytes, in both known shapes; it must not know why an answer is given.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::finding::Finding;

/// Which of the two known shapes an answer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// camelCase members, seen in one family of programs only.
    A,
    /// Upper-case members as the guide prints them.
    #[default]
    B,
}

/// How answers look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AnswerShape {
    /// The shape of the body.
    pub form: Form,
    /// How many times the signed document is Base64-encoded: twice in guide v1.5, once in the answer of 2023.
    pub document_encodings: u8,
    /// The HTTP status of a refusal: 400 by the guide; several clients have met 200.
    pub refusal_status: u16,
}

impl Default for AnswerShape {
    fn default() -> Self {
        Self { form: Form::B, document_encodings: 2, refusal_status: 400 }
    }
}

/// The most encodings that make sense; more is clamped, so that a slip cannot eat the memory.
const MAX_ENCODINGS: u8 = 4;

/// An answer before it becomes bytes.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// `SUBMITTED` or `ALREADY_SUBMITTED`.
    Accepted(Accepted),
    /// `NOT_SUBMITTED`; `status` where it is not the shape's.
    Refused { schema_passed: bool, findings: Vec<Finding>, status: Option<u16> },
    /// A gateway or framework speaks, not the authority.
    Plain { status: u16, message: String },
    /// Bytes that mean nothing.
    Raw { status: u16, content_type: &'static str, body: Bytes },
}

/// What an acceptance tells.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) already: bool,
    pub(crate) number: String,
    pub(crate) uuid: String,
    pub(crate) qr: Option<String>,
    pub(crate) document: Option<Bytes>,
}

/// An answer as it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Bytes,
}

const JSON: &str = "application/json";

#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct FormB<'a> {
    einv_results: ResultsB<'a>,
    einv_status: &'static str,
    einv_singed_invoice: Option<String>,
    einv_qr: Option<&'a str>,
    einv_num: Option<&'a str>,
    einv_inv_uuid: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct ResultsB<'a> {
    #[serde(rename = "status")]
    status: &'static str,
    info: Vec<EntryB<'a>>,
    warnings: Vec<EntryB<'a>>,
    errors: Vec<EntryB<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "UPPERCASE")]
struct EntryB<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "status")]
    status: &'static str,
    einv_code: &'a str,
    einv_category: &'a str,
    einv_message: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FormA<'a> {
    validation_results: ResultsA<'a>,
    invoice_status: &'static str,
    submitted_invoice: Option<String>,
    qr_code: Option<&'a str>,
    invoice_number: Option<&'a str>,
    #[serde(rename = "invoiceUUID")]
    invoice_uuid: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultsA<'a> {
    info_messages: Vec<EntryA<'a>>,
    warning_messages: Vec<EntryA<'a>>,
    error_messages: Vec<EntryA<'a>>,
    status: &'static str,
}

#[derive(Serialize)]
struct EntryA<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    code: &'a str,
    category: &'a str,
    message: &'a str,
    status: &'static str,
}

/// One entry of the results, before a form is chosen.
struct Entry<'a> {
    error: bool,
    code: &'a str,
    category: &'a str,
    message: &'a str,
}

impl Answer {
    /// Turns an answer into bytes.
    pub(crate) fn render(&self, shape: AnswerShape, now: DateTime<Utc>) -> Rendered {
        match self {
            Self::Accepted(accepted) => {
                Rendered { status: 200, content_type: JSON, body: acceptance(accepted, shape) }
            }
            Self::Refused { schema_passed, findings, status } => Rendered {
                status: status.unwrap_or(shape.refusal_status),
                content_type: JSON,
                body: refusal(*schema_passed, findings, shape.form),
            },
            Self::Plain { status, message } => {
                let body = serde_json::json!({ "message": message, "timestamp": timestamp(now) });
                Rendered { status: *status, content_type: JSON, body: Bytes::from(body.to_string()) }
            }
            Self::Raw { status, content_type, body } => {
                Rendered { status: *status, content_type, body: body.clone() }
            }
        }
    }

    /// The messages of a refusal, for the record.
    pub(crate) fn messages(&self) -> Vec<String> {
        match self {
            Self::Refused { findings, .. } => {
                findings.iter().map(|finding| finding.message.clone()).collect()
            }
            Self::Plain { message, .. } => vec![message.clone()],
            Self::Accepted(_) | Self::Raw { .. } => Vec::new(),
        }
    }
}

/// The form of time in the authority's own error texts.
pub(crate) fn timestamp(now: DateTime<Utc>) -> String {
    now.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn acceptance(accepted: &Accepted, shape: AnswerShape) -> Bytes {
    let document = accepted.document.as_ref().map(|document| {
        let mut text = STANDARD.encode(document);
        for _ in 1..shape.document_encodings.min(MAX_ENCODINGS) {
            text = STANDARD.encode(text);
        }
        text
    });
    let status = if accepted.already { "ALREADY_SUBMITTED" } else { "SUBMITTED" };
    let echoed = [accepted.qr.as_deref(), Some(&accepted.number), Some(&accepted.uuid)];
    body(shape.form, status, &[schema_passed_entry()], document, echoed)
}

fn refusal(schema_passed: bool, findings: &[Finding], form: Form) -> Bytes {
    let mut entries: Vec<Entry<'_>> = Vec::with_capacity(findings.len() + 1);
    if schema_passed {
        entries.push(schema_passed_entry());
    }
    entries.extend(findings.iter().map(|finding| Entry {
        error: true,
        code: finding.code,
        category: finding.category,
        message: &finding.message,
    }));
    body(form, "NOT_SUBMITTED", &entries, None, [None; 3])
}

fn schema_passed_entry() -> Entry<'static> {
    Entry {
        error: false,
        code: "XSD_VALID",
        category: "XSD validation",
        message: "Complied with UBL 2.1 standards",
    }
}

fn body(
    form: Form,
    status: &'static str,
    entries: &[Entry<'_>],
    document: Option<String>,
    [qr, number, uuid]: [Option<&str>; 3],
) -> Bytes {
    let failed = entries.iter().any(|entry| entry.error);
    let json = match form {
        Form::B => {
            let of =
                |error| entries.iter().filter(move |entry| entry.error == error).map(Entry::form_b).collect();
            serde_json::to_vec(&FormB {
                einv_results: ResultsB {
                    // The guide prints the blanks; whoever reads must trim.
                    status: if failed { " ERROR " } else { "PASS" },
                    info: of(false),
                    warnings: Vec::new(),
                    errors: of(true),
                },
                einv_status: status,
                einv_singed_invoice: document,
                einv_qr: qr,
                einv_num: number,
                einv_inv_uuid: uuid,
            })
        }
        Form::A => {
            let of =
                |error| entries.iter().filter(move |entry| entry.error == error).map(Entry::form_a).collect();
            serde_json::to_vec(&FormA {
                validation_results: ResultsA {
                    info_messages: of(false),
                    warning_messages: Vec::new(),
                    error_messages: of(true),
                    status: if failed { "ERROR" } else { "PASS" },
                },
                invoice_status: status,
                submitted_invoice: document,
                qr_code: qr,
                invoice_number: number,
                invoice_uuid: uuid,
            })
        }
    };
    // Structs of strings always serialise; an empty body would be seen by every test.
    Bytes::from(json.unwrap_or_default())
}

impl Entry<'_> {
    fn form_b(&self) -> EntryB<'_> {
        EntryB {
            kind: self.kind(),
            status: self.status(),
            einv_code: self.code,
            einv_category: self.category,
            einv_message: self.message,
        }
    }

    fn form_a(&self) -> EntryA<'_> {
        EntryA {
            kind: self.kind(),
            code: self.code,
            category: self.category,
            message: self.message,
            status: self.status(),
        }
    }

    fn kind(&self) -> &'static str {
        if self.error { "ERROR" } else { "INFO" }
    }

    fn status(&self) -> &'static str {
        if self.error { "ERROR" } else { "PASS" }
    }
}
