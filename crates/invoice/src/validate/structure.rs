//! Why a text is not an event at all: syntax, types, members. Finds all such faults by mending them one after the other.
//! Must not know the rules for values.

use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use crate::limits;

use super::format::Event;
use super::{Fault, FaultCode, Message, both};

/// Structural faults are listed up to this many.
const MAX_FAULTS: usize = 50;
/// Each costs another reading of the event: of one larger than this many bytes only [`MAX_FAULTS_OF_LARGE`] are listed.
const LARGE_BYTES: usize = 64 * 1024;
/// See [`LARGE_BYTES`].
const MAX_FAULTS_OF_LARGE: usize = 5;
/// Messages and paths hold pieces of the input, which may be long.
const MAX_CHARS: usize = 300;

/// The faults of a text that is no event; `reason` in case none of them can be found.
pub(super) fn explain<T: Event>(text: &str, reason: &str) -> Vec<Fault> {
    let mut value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => return vec![syntax(text, &error)],
    };
    if !value.is_object() {
        let message =
            both!("is not an object: an event is one JSON object", "ليس كائناً: الحدث كائن JSON واحد");
        return vec![Fault::new(FaultCode::InvalidValue, "", message)];
    }
    if let Some(version) = value.get("schema_version").filter(|version| other_version(version)) {
        // Another version has other members: to list those as unknown would only mislead.
        let (version, known) = (clean(&version.to_string()), limits::SCHEMA_VERSION);
        let message = both!(
            "is {version}: this version understands {known}",
            "قيمته {version}: هذا الإصدار يفهم {known} فقط"
        );
        return vec![Fault::new(FaultCode::UnsupportedVersion, "schema_version", message)];
    }
    let mut faults = Vec::new();
    // Repeated members are seen in the text only: a JSON tree keeps one of them.
    let source = &mut serde_json::Deserializer::from_str(text);
    if let Err(error) = serde_path_to_error::deserialize::<_, T>(source) {
        let flaw = Flaw::of(error.path(), &error.inner().to_string());
        if flaw.code == FaultCode::DuplicateField {
            faults.push(flaw.fault());
        }
    }
    mend_shapes(&mut faults, &mut value, &mut Vec::new());
    let most = if text.len() > LARGE_BYTES { MAX_FAULTS_OF_LARGE } else { MAX_FAULTS };
    while faults.len() < most {
        let Err(error) = serde_path_to_error::deserialize::<_, T>(&value) else { break };
        let flaw = Flaw::of(error.path(), &error.inner().to_string());
        faults.push(flaw.fault());
        if !flaw.mend(&mut value) {
            break;
        }
    }
    if faults.is_empty() {
        faults.push(Fault::new(FaultCode::InvalidValue, "", clean(reason)));
    }
    faults
}

/// Whether objects and lists stand only where the schema has them.
///
/// serde is laxer: it takes a list for an object (`["123", ..]` for a seller) and an object for a name (`{"cash": null}`).
/// The event tells how many of each its text must have, so that counting them is enough.
pub(super) fn is_plain(text: &str, shape: (usize, usize)) -> bool {
    let (mut objects, mut lists) = (0, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            b'{' if !quoted => objects += 1,
            b'[' if !quoted => lists += 1,
            _ => {}
        }
    }
    (objects, lists) == shape
}

/// Tells of lists and objects where others stand, and mends them: serde would let some pass.
fn mend_shapes(faults: &mut Vec<Fault>, object: &mut Value, path: &mut Vec<Step>) {
    for (name, member) in object.as_object_mut().into_iter().flatten() {
        if faults.len() >= MAX_FAULTS {
            return;
        }
        path.push(Step::Member(name.clone()));
        let wrong = match (shape(name), &mut *member) {
            (Some(Shape::Object), Value::Object(_)) => {
                mend_shapes(faults, member, path);
                None
            }
            (Some(Shape::Object), Value::Array(_)) => Some(list_for_object()),
            (Some(Shape::Lines), Value::Array(elements)) => {
                mend_lines(faults, elements, path);
                None
            }
            (Some(Shape::Name), Value::Object(_) | Value::Array(_)) => {
                Some(both!("is not a text: write one of the names", "ليس نصاً: اكتب أحد الأسماء المعروفة"))
            }
            _ => None,
        };
        if let Some(message) = wrong {
            faults.push(Fault::new(FaultCode::InvalidValue, written(path), message));
            *member = harmless(name);
        }
        path.pop();
    }
}

fn mend_lines(faults: &mut Vec<Fault>, elements: &mut [Value], path: &mut Vec<Step>) {
    for (index, element) in elements.iter_mut().enumerate() {
        path.push(Step::Index(index));
        if element.is_array() && faults.len() < MAX_FAULTS {
            faults.push(Fault::new(FaultCode::InvalidValue, written(path), list_for_object()));
            *element = line();
        }
        mend_shapes(faults, element, path);
        path.pop();
    }
}

fn list_for_object() -> Message {
    both!("is a list: write an object with named members", "قائمة: اكتب كائناً بأسماء الحقول")
}

enum Shape {
    Object,
    Lines,
    Name,
}

fn shape(name: &str) -> Option<Shape> {
    match name {
        "seller" | "buyer" | "identification" | "original" | "tax" | "metadata" => Some(Shape::Object),
        "lines" => Some(Shape::Lines),
        "kind" | "family" | "scope" | "payment" | "prices" | "scheme" | "governorate" | "category" => {
            Some(Shape::Name)
        }
        _ => None,
    }
}

/// The fault of an event that something follows.
pub(super) fn trailing(error: &serde_json::Error) -> Vec<Fault> {
    let (line, column) = (error.line(), error.column());
    let message = both!(
        "something follows the event at line {line} column {column}: send one event alone",
        "بعد الحدث شيء آخر في السطر {line} العمود {column}: أرسل حدثاً واحداً وحده"
    );
    vec![Fault::new(FaultCode::TrailingData, "", message)]
}

fn other_version(version: &Value) -> bool {
    version.is_number() && version.as_u64() != Some(u64::from(limits::SCHEMA_VERSION))
}

fn syntax(text: &str, error: &serde_json::Error) -> Fault {
    if let Some(place) = lone_surrogate(text.as_bytes()) {
        let message = both!(
            "the escape at byte {place} is half of a surrogate pair: no character; correct the text",
            "الرمز عند البايت {place} نصف زوج بديل ولا يمثّل حرفاً: صحّح النص"
        );
        return Fault::new(FaultCode::InvalidUnicode, "", message);
    }
    let error = clean(&error.to_string());
    Fault::new(FaultCode::MalformedJson, "", both!("is not JSON: {error}", "ليس بصيغة JSON: {error}"))
}

/// Where the first `\uD800`…`\uDFFF` escape without its other half stands.
fn lone_surrogate(json: &[u8]) -> Option<usize> {
    let mut place = 0;
    while let Some(byte) = json.get(place) {
        if *byte != b'\\' {
            place += 1;
            continue;
        }
        place = match escape(json, place) {
            Some(0xd800..=0xdbff) => match escape(json, place + 6) {
                Some(0xdc00..=0xdfff) => place + 12,
                _ => return Some(place),
            },
            Some(0xdc00..=0xdfff) => return Some(place),
            _ => place + 2,
        };
    }
    None
}

/// The code unit of the `\uXXXX` at `place`, if there is one.
fn escape(json: &[u8], place: usize) -> Option<u32> {
    let digits = json.get(place..place.checked_add(6)?)?.strip_prefix(b"\\u")?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// One structural fault, and where it can be mended so that the search goes on.
struct Flaw {
    code: FaultCode,
    path: Vec<Step>,
    message: Message,
}

enum Step {
    Index(usize),
    Member(String),
}

impl Flaw {
    /// Sorts by the messages of serde's derived code: it gives no other sign.
    fn of(path: &Path, error: &str) -> Self {
        let mut path: Vec<Step> = path.iter().filter_map(Step::of).collect();
        let named = error.split('`').nth(1).unwrap_or_default();
        let error = clean(error);
        let (code, message) = if error.starts_with("unknown field") {
            let known = error.split_once(", ").map_or("", |(_, known)| known);
            let message = both!(
                "is no member of the format: remove it or correct its name ({known})",
                "ليس من حقول الصيغة: احذفه أو صحّح اسمه ({known})"
            );
            (FaultCode::UnknownField, message)
        } else if error.starts_with("missing field") {
            let message = both!("is missing: it is mandatory", "مفقود: هو حقل إلزامي");
            (FaultCode::MissingField, message)
        } else if error.starts_with("duplicate field") {
            (FaultCode::DuplicateField, both!("stands there twice: keep one", "مكرر: أبقِ واحداً فقط"))
        } else {
            (FaultCode::InvalidValue, Message { ar: in_arabic(&error), en: error })
        };
        let about_a_member = code != FaultCode::InvalidValue;
        if about_a_member && !matches!(path.last(), Some(Step::Member(last)) if last == named) {
            path.push(Step::Member(named.to_owned()));
        }
        Self { code, path, message }
    }

    fn fault(&self) -> Fault {
        Fault::new(self.code, written(&self.path), self.message.clone())
    }

    /// Puts something harmless in place of the flaw; false when there is no way, which ends the search.
    fn mend(&self, root: &mut Value) -> bool {
        let Some((last, parents)) = self.path.split_last() else { return false };
        let mut place = root;
        for step in parents {
            let next = match step {
                Step::Index(index) => place.get_mut(*index),
                Step::Member(name) => place.get_mut(name.as_str()),
            };
            let Some(next) = next else { return false };
            place = next;
        }
        match (last, place) {
            (Step::Member(name), Value::Object(members)) if self.code == FaultCode::UnknownField => {
                members.remove(name.as_str()).is_some()
            }
            (Step::Member(name), Value::Object(members)) => {
                let harmless = harmless(name);
                members.insert(name.clone(), harmless.clone()) != Some(harmless)
            }
            (Step::Index(index), Value::Array(elements)) => {
                elements.get_mut(*index).is_some_and(|element| std::mem::replace(element, line()) != line())
            }
            _ => false,
        }
    }
}

/// What serde says of a value, in Arabic as far as its words are known; the rest word for word.
fn in_arabic(error: &str) -> String {
    let sides = |prefix: &str| error.strip_prefix(prefix)?.split_once(", expected ");
    if let Some((found, known)) = sides("unknown variant ") {
        let known = known.strip_prefix("one of ").unwrap_or(known);
        format!("القيمة {found} غير معروفة؛ المقبول: {known}")
    } else if let Some((found, expected)) = sides("invalid type: ").or_else(|| sides("invalid value: ")) {
        format!("القيمة من نوع غير صحيح: وُجد {found} والمطلوب {expected}")
    } else if let Some((text, _)) = error.split_once(" is not a decimal number") {
        format!("{text} ليس عدداً عشرياً: اكتب أرقاماً مع فاصلة عشرية واحدة على الأكثر، مثل \"12.500\"")
    } else if let Some((text, _)) = error.split_once(" has more digits") {
        format!("{text} فيه أرقام أكثر مما يمكن حفظه بدقة (28)")
    } else {
        format!("القيمة غير مقبولة هنا: {error}")
    }
}

/// `lines[3].unit_price`, bounded and without control characters.
fn written(path: &[Step]) -> String {
    let mut written = String::new();
    for step in path {
        match step {
            Step::Index(index) => written.push_str(&format!("[{index}]")),
            Step::Member(name) => {
                written.push_str(if written.is_empty() { "" } else { "." });
                written.push_str(name);
            }
        }
    }
    clean(&written)
}

impl Step {
    fn of(segment: &Segment) -> Option<Self> {
        match segment {
            Segment::Seq { index } => Some(Self::Index(*index)),
            Segment::Map { key } => Some(Self::Member(key.clone())),
            Segment::Enum { .. } | Segment::Unknown => None,
        }
    }
}

/// A value that the member of that name takes, wherever it stands.
fn harmless(name: &str) -> Value {
    match name {
        "schema_version" => 1.into(),
        "amends"
        | "note"
        | "metadata"
        | "buyer"
        | "identification"
        | "special_tax"
        | "consumer_price"
        | "governorate"
        | "postal_code"
        | "phone"
        | "total"
        | "prices"
        | "returned"
        | "returned_discount"
        | "returned_special_tax" => Value::Null,
        "kind" => "invoice".into(),
        "family" => "income".into(),
        "scope" => "local".into(),
        "payment" => "cash".into(),
        "issue_date" => "2026-01-01".into(),
        "uuid" => "00000000-0000-4000-8000-000000000001".into(),
        "original" => serde_json::json!({ "uuid": "", "number": "", "reason": "" }),
        "id" => 1.into(),
        "seller" => serde_json::json!({ "tax_number": "", "name": "", "income_source": "" }),
        "lines" => Value::Array(Vec::new()),
        "quantity" | "unit_price" | "discount" | "percent" => "1".into(),
        "tax" => Value::Null,
        "category" => "Z".into(),
        "scheme" => "TN".into(),
        _ => "".into(),
    }
}

/// A line that every format takes wherever it has lines.
fn line() -> Value {
    serde_json::json!({ "id": 1, "name": "", "quantity": "1", "unit_price": "1" })
}

/// Bounded, and without control characters that would play with a terminal.
fn clean(text: &str) -> String {
    let mut chars = text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c });
    let mut clean: String = chars.by_ref().take(MAX_CHARS).collect();
    if chars.next().is_some() {
        clean.push('…');
    }
    clean
}
