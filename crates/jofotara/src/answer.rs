//! The authority's answer as it was said, in either of its shapes; it must not know what follows from it.

mod node;
mod signed;

use node::Node;
pub use signed::{SignedError, decode_signed};

/// In which shape an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Upper-case names, `EINV_...`: what production sends (specification 1.4).
    Upper,
    /// camelCase names (specification 1.5).
    Camel,
    /// `{error, result, message}`: Post2Tax speaks.
    Relay,
    /// JSON, but neither: a gateway or a framework speaks.
    Unstructured,
    /// No JSON at all.
    Unintelligible,
}

/// `EINV_STATUS` or `invoiceStatus`: it decides, not the HTTP status (guide v1.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// `SUBMITTED`, or `ACCEPTED`, which one source lists.
    Submitted,
    /// `ALREADY_SUBMITTED`.
    AlreadySubmitted,
    /// `NOT_SUBMITTED`, or `REJECTED`, `REJECT`, `ERROR`, which single sources list.
    NotSubmitted,
    /// Something that nobody has told of.
    Unknown(String),
}

/// One entry of the authority's results.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Entry {
    /// Its code, trimmed; may be empty.
    pub code: String,
    /// Its message, trimmed; may be empty.
    pub message: String,
}

/// What an answer says. Whatever is missing, null or blank is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Its shape.
    pub form: Form,
    /// The decision.
    pub status: Option<Status>,
    /// The reasons of a refusal; entries that say nothing are left out.
    pub errors: Vec<Entry>,
    /// Warnings.
    pub warnings: Vec<Entry>,
    /// The signed document, still encoded.
    pub signed: Option<String>,
    /// The QR text, unchanged.
    pub qr: Option<String>,
    /// The number that it speaks of, trimmed.
    pub number: Option<String>,
    /// The UUID that it speaks of, trimmed.
    pub uuid: Option<String>,
    /// What an answer without shape tells.
    pub message: Option<String>,
    /// The HTTP status that an answer without shape names in its body: that of an inner service.
    pub inner_status: Option<u16>,
}

impl Answer {
    /// Reads a body. Never fails: what cannot be read is [`Form::Unintelligible`].
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        let Some(root) = Node::read(body) else { return Self::of(Form::Unintelligible) };
        if root.has_any(&UPPER) {
            let results = root.member(&["einvresults"]);
            Self::shaped(Form::Upper, &root, results, ["errors", "warnings"], UPPER)
        } else if root.has_any(&CAMEL) {
            let results = root.member(&["validationresults"]);
            Self::shaped(Form::Camel, &root, results, ["errormessages", "warningmessages"], CAMEL)
        } else {
            let inner_status = root.member(&["status", "statuscode"]).and_then(Node::text);
            Self {
                message: told(&root),
                inner_status: inner_status.and_then(|text| text.trim().parse().ok()),
                ..Self::of(Form::Unstructured)
            }
        }
    }

    /// Reads what Post2Tax says: `{error: false, result: {status, qrCode, id, uuid}}`, or `{error: true, result: CODE,
    /// message}`. Never fails.
    pub(crate) fn read_relay(body: &[u8]) -> Self {
        let Some(root) = Node::read(body) else { return Self::of(Form::Unintelligible) };
        let Some(error) = root.member(&["error"]).and_then(Node::text) else {
            // Whatever stands before the gateway, or the authority itself.
            return Self::read(body);
        };
        let text = |node: &Node, name: &str| {
            node.member(&[name]).and_then(Node::text).map(|text| text.trim().to_owned())
        };
        if error.trim().eq_ignore_ascii_case("false") {
            let empty = Node::Null;
            let result = root.member(&["result"]).unwrap_or(&empty);
            return Self {
                status: text(result, "status").as_deref().map(Status::read),
                qr: result.member(&["qrcode"]).and_then(Node::text).map(str::to_owned),
                number: text(result, "id"),
                uuid: text(result, "uuid"),
                message: text(&root, "message"),
                ..Self::of(Form::Relay)
            };
        }
        if !error.trim().eq_ignore_ascii_case("true") {
            return Self::read(body);
        }
        let code = text(&root, "result").unwrap_or_default();
        let message = told(&Node::Object(vec![(
            "message".to_owned(),
            root.member(&["message"]).cloned().unwrap_or(Node::Null),
        )]));
        let error = Entry { code, message: message.clone().unwrap_or_default() };
        let errors = if error == Entry::default() { Vec::new() } else { vec![error] };
        Self { errors, message, ..Self::of(Form::Relay) }
    }

    /// The same as the answer to a question, which is believed only as what was there already.
    pub(crate) fn of_a_query(mut self) -> Self {
        if self.status == Some(Status::Submitted) {
            self.status = Some(Status::AlreadySubmitted);
        }
        self
    }

    fn of(form: Form) -> Self {
        Self {
            form,
            status: None,
            errors: Vec::new(),
            warnings: Vec::new(),
            signed: None,
            qr: None,
            number: None,
            uuid: None,
            message: None,
            inner_status: None,
        }
    }

    fn shaped(form: Form, root: &Node, results: Option<&Node>, lists: [&str; 2], names: Names) -> Self {
        let text = |name: &str| root.member(&[name]).and_then(Node::text);
        let list =
            |name: &str| results.and_then(|results| results.member(&[name])).map(entries).unwrap_or_default();
        // "null" as a text is what a careless serialiser makes of null.
        let real = |text: &&str| !text.trim().eq_ignore_ascii_case("null");
        let [errors, warnings] = lists.map(list);
        let [_, status, signed, qr, number, uuid] = names.map(text);
        Self {
            status: status.map(Status::read),
            errors,
            warnings,
            signed: signed.filter(real).map(str::to_owned),
            qr: qr.filter(real).map(str::to_owned),
            number: number.map(|text| text.trim().to_owned()),
            uuid: uuid.map(|text| text.trim().to_owned()),
            message: told(root),
            ..Self::of(form)
        }
    }
}

/// The members of a shape: results, status, document, QR, number, UUID.
type Names = [&'static str; 6];

/// `EINV_SINGED_INVOICE` is the authority's own spelling.
const UPPER: Names = ["einvresults", "einvstatus", "einvsingedinvoice", "einvqr", "einvnum", "einvinvuuid"];
const CAMEL: Names =
    ["validationresults", "invoicestatus", "submittedinvoice", "qrcode", "invoicenumber", "invoiceuuid"];

impl Node {
    /// Whether an object has any of these members, be it null.
    fn has_any(&self, names: &Names) -> bool {
        matches!(self, Self::Object(members) if members.iter().any(|(name, _)| names.contains(&name.as_str())))
    }
}

impl Status {
    fn read(text: &str) -> Self {
        match text.trim().to_ascii_uppercase().replace([' ', '-'], "_").as_str() {
            "SUBMITTED" | "ACCEPTED" => Self::Submitted,
            "ALREADY_SUBMITTED" => Self::AlreadySubmitted,
            "NOT_SUBMITTED" | "REJECTED" | "REJECT" | "ERROR" => Self::NotSubmitted,
            _ => Self::Unknown(text.trim().to_owned()),
        }
    }
}

fn entries(list: &Node) -> Vec<Entry> {
    let text = |node: &Node, names: &[&str]| {
        node.member(names).and_then(Node::text).map(|text| text.trim().to_owned()).unwrap_or_default()
    };
    let entry = |node: &Node| match node {
        Node::Text(message) => Entry { code: String::new(), message: message.trim().to_owned() },
        node => Entry {
            code: text(node, &["einvcode", "code"]),
            message: text(node, &["einvmessage", "message"]),
        },
    };
    list.items().iter().map(entry).filter(|entry| *entry != Entry::default()).collect()
}

/// What a body without shape has to tell: `{message}`, `{error: {code, message, details}}`, `{errors: [{detail}]}`
/// and their like (specification 1.6).
fn told(node: &Node) -> Option<String> {
    const SPEAKING: [&str; 7] = ["message", "error", "errors", "errormessage", "detail", "details", "title"];
    let mut parts: Vec<&str> = Vec::new();
    let mut open = vec![node];
    while let Some(node) = open.pop()
        && parts.len() < 20
    {
        match node {
            Node::Text(text) if !text.trim().is_empty() && !parts.contains(&text.trim()) => {
                parts.push(text.trim());
            }
            Node::Text(_) | Node::Null => {}
            Node::List(items) => open.extend(items.iter().rev()),
            Node::Object(members) => {
                let speaking = members.iter().filter(|(name, _)| SPEAKING.contains(&name.as_str()));
                open.extend(speaking.map(|(_, node)| node).rev());
            }
        }
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Answer {
        Answer::read(text.as_bytes())
    }

    #[test]
    fn the_upper_form_is_read_with_its_slips() {
        let answer = read(
            r#"{"EINV_RESULTS":{"status":" ERROR ","INFO":[{"type":"INFO","EINV_CODE":"XSD_VALID"}],"WARNINGS":null,
                "ERRORS":[{"EINV_CODE":"totalGeneralTaxesAmount ","EINV_MESSAGE":" المجموع غير صحيح "},{}, null]},
                "EINV_STATUS":" not_submitted ","EINV_SINGED_INVOICE":null,"EINV_QR":"","EINV_NUM":17}"#,
        );
        assert_eq!((answer.form, answer.status), (Form::Upper, Some(Status::NotSubmitted)));
        let error = Entry {
            code: "totalGeneralTaxesAmount".into(), message: "المجموع غير صحيح".into()
        };
        assert_eq!((answer.errors, answer.warnings), (vec![error], vec![]));
        assert_eq!((answer.signed, answer.qr, answer.uuid), (None, None, None));
        assert_eq!(answer.number.as_deref(), Some("17"));
    }

    #[test]
    fn the_camel_form_is_read_too() {
        let answer = read(
            r#"{"validationResults":{"errorMessages":[],"warningMessages":[{"code":"W1","message":"تنبيه"}]},
                "invoiceStatus":"ALREADY_SUBMITTED","submittedInvoice":"null","qrCode":" AQID ",
                "invoiceNumber":" EIN-١ ","invoiceUUID":"A "}"#,
        );
        assert_eq!((answer.form, answer.status), (Form::Camel, Some(Status::AlreadySubmitted)));
        assert_eq!((answer.signed, answer.qr.as_deref()), (None, Some(" AQID ")));
        assert_eq!((answer.number.as_deref(), answer.uuid.as_deref()), (Some("EIN-١"), Some("A")));
        assert_eq!(answer.warnings.len(), 1);
    }

    #[test]
    fn every_known_status_is_known() {
        let status = |text: &str| read(&format!(r#"{{"EINV_STATUS":"{text}"}}"#)).status.unwrap();
        for text in ["SUBMITTED", "submitted", "Accepted"] {
            assert_eq!(status(text), Status::Submitted, "{text}");
        }
        for text in ["ALREADY_SUBMITTED", "Already Submitted", "already-submitted"] {
            assert_eq!(status(text), Status::AlreadySubmitted, "{text}");
        }
        for text in ["NOT_SUBMITTED", "REJECTED", "REJECT", "ERROR", " ERROR "] {
            assert_eq!(status(text), Status::NotSubmitted, "{text}");
        }
        assert_eq!(status("PENDING"), Status::Unknown("PENDING".into()));
    }

    #[test]
    fn other_bodies_tell_what_they_can() {
        let cases = [
            (r#"{"message":"عنوان غير صالح","timestamp":"2026-01-01"}"#, Some("عنوان غير صالح")),
            (r#"{"error":{"code":"E1","message":"a","details":["b","a"]}}"#, Some("a; b")),
            (r#"{"errors":[{"detail":"a"},{"detail":"b"}]}"#, Some("a; b")),
            (r#"["a"]"#, Some("a")),
            (r#""a""#, Some("a")),
            ("{}", None),
            ("[null]", None),
        ];
        for (body, message) in cases {
            let answer = read(body);
            assert_eq!((answer.form, answer.status), (Form::Unstructured, None), "{body}");
            assert_eq!(answer.message.as_deref(), message, "{body}");
        }
        let inner =
            read(r#"{"timestamp":"x","status":500,"error":"Internal Server Error","path":"/ingestion"}"#);
        assert_eq!(inner.inner_status, Some(500));
        assert_eq!(read("<html>").form, Form::Unintelligible);
    }

    #[test]
    fn results_of_another_kind_are_borne() {
        for results in
            ["null", "[]", "\"PASS\"", "{\"ERRORS\": \"سبب\"}", "{\"ERRORS\": {\"EINV_MESSAGE\": \"سبب\"}}"]
        {
            let answer =
                read(&format!(r#"{{"EINV_RESULTS":{results},"EINV_STATUS":"SUBMITTED","EINV_QR":"Q"}}"#));
            assert_eq!(answer.qr.as_deref(), Some("Q"), "{results}");
            assert_eq!(answer.errors.len(), usize::from(results.contains("سبب")), "{results}");
        }
    }
}
