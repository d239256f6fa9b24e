//! Where two normal forms differ, for the person who sent other content under a known UUID. Knows JSON only.

use serde_json::Value;

/// At most this many differences are listed.
pub const MAX_DIFFERENCES: usize = 20;
/// Values are cut to this many characters.
const MAX_VALUE_CHARS: usize = 60;

/// The places where two normal forms differ, at most [`MAX_DIFFERENCES`], each with both values shortened:
/// `lines[0].quantity: ours "2", theirs "3"`.
///
/// Values that only one side has are `absent` on the other. A text that is no JSON is compared as a whole.
#[must_use]
pub fn differences(ours: &str, theirs: &str) -> Vec<String> {
    let value = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    let mut found = Vec::new();
    compare(&mut found, &mut String::new(), Some(&value(ours)), Some(&value(theirs)));
    found
}

/// Depth is bounded by the depth that `serde_json` reads.
fn compare(found: &mut Vec<String>, path: &mut String, ours: Option<&Value>, theirs: Option<&Value>) {
    if found.len() >= MAX_DIFFERENCES || ours == theirs {
        return;
    }
    match (ours, theirs) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let only_theirs = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(only_theirs) {
                let segment = if path.is_empty() { key.clone() } else { format!(".{key}") };
                below(path, &segment, |path| compare(found, path, a.get(key), b.get(key)));
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for index in 0..a.len().max(b.len()) {
                if found.len() >= MAX_DIFFERENCES {
                    return;
                }
                below(path, &format!("[{index}]"), |path| compare(found, path, a.get(index), b.get(index)));
            }
        }
        _ => found.push(format!("{path}: ours {}, theirs {}", shown(ours), shown(theirs))),
    }
}

fn below(path: &mut String, segment: &str, visit: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push_str(segment);
    visit(path);
    path.truncate(length);
}

fn shown(value: Option<&Value>) -> String {
    let Some(value) = value else {
        return "absent".to_owned();
    };
    let text = value.to_string();
    match text.char_indices().nth(MAX_VALUE_CHARS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_difference_has_its_path_and_both_values() {
        let ours = r#"{"number":"INV-1","buyer":{"name":"أحمد"},"lines":[{"id":1,"quantity":"2"}]}"#;
        let theirs = r#"{"number":"INV-1","lines":[{"id":1,"quantity":"3"},{"id":2}],"note":"ملاحظة"}"#;
        assert_eq!(
            differences(ours, theirs),
            [
                r#"buyer: ours {"name":"أحمد"}, theirs absent"#,
                r#"lines[0].quantity: ours "2", theirs "3""#,
                r#"lines[1]: ours absent, theirs {"id":2}"#,
                r#"note: ours absent, theirs "ملاحظة""#,
            ]
        );
    }

    #[test]
    fn equal_forms_have_none_and_the_list_is_bounded() {
        assert!(differences(r#"{"a":[1,2]}"#, r#"{"a":[1,2]}"#).is_empty());
        let many = |value: &str| format!("[{}]", vec![value; 500].join(","));
        assert_eq!(differences(&many("1"), &many("2")).len(), MAX_DIFFERENCES);
        let long = differences(&format!("\"{}\"", "ط".repeat(5_000)), "not json at all");
        assert!(long.iter().all(|line| line.chars().count() < 200), "{long:?}");
        assert_eq!(long.len(), 1);
    }
}
