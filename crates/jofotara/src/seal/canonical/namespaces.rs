//! Which prefix means what, level by level, and how values are escaped. Knows nothing of documents.

use super::Problem;

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";
/// The most declarations in scope at once; an invoice has about ten.
const MAX_DECLARATIONS: usize = 256;

/// The declarations in scope, the innermost last.
#[derive(Default)]
pub(super) struct Scope(Vec<Declaration>);

struct Declaration {
    level: usize,
    prefix: String,
    uri: String,
}

impl Scope {
    /// Takes in the declarations among the attributes of an element at `level`, and gives those that canonical XML writes
    /// there, in its order: the ones that differ from the parent's.
    pub(super) fn enter(
        &mut self,
        attributes: &[(String, String)],
        level: usize,
    ) -> Result<Vec<(String, String)>, Problem> {
        let before = self.0.len();
        let mut written = Vec::new();
        for (name, uri) in attributes {
            let Some(prefix) = declared(name) else { continue };
            let forbidden = match prefix {
                "" => uri == XML || uri == XMLNS,
                "xml" => uri != XML,
                "xmlns" => true,
                _ => uri.is_empty() || uri == XML || uri == XMLNS,
            };
            if forbidden {
                return Err(Problem::Malformed("a namespace declaration that XML does not allow".to_owned()));
            }
            if prefix == "xml" {
                continue;
            }
            // Its own element's declarations are not the parent's.
            let parents = self.0.get(..before).unwrap_or_default();
            let differs = lookup(parents, prefix).unwrap_or_default() != uri;
            if differs {
                written.push((prefix.to_owned(), uri.clone()));
                self.0.push(Declaration { level, prefix: prefix.to_owned(), uri: uri.clone() });
            }
        }
        if self.0.len() > MAX_DECLARATIONS {
            return Err(Problem::TooIntricate("namespaces"));
        }
        written.sort_unstable();
        Ok(written)
    }

    /// Forgets what was declared at `level`.
    pub(super) fn leave(&mut self, level: usize) {
        while self.0.pop_if(|declaration| declaration.level >= level).is_some() {}
    }

    /// What a prefix means here; the empty one means no namespace unless declared.
    pub(super) fn uri(&self, prefix: &str) -> Option<&str> {
        match prefix {
            "xml" => Some(XML),
            "" => Some(lookup(&self.0, "").unwrap_or_default()),
            prefix => lookup(&self.0, prefix),
        }
    }
}

fn lookup<'a>(declarations: &'a [Declaration], prefix: &str) -> Option<&'a str> {
    let found = declarations.iter().rev().find(|declaration| declaration.prefix == prefix);
    found.map(|declaration| declaration.uri.as_str())
}

/// The prefix that an attribute of this name declares, if it declares one.
pub(super) fn declared(name: &str) -> Option<&str> {
    match name.strip_prefix("xmlns")? {
        "" => Some(""),
        rest => rest.strip_prefix(':'),
    }
}

pub(super) fn escape_text(text: &str, out: &mut String) {
    escape(text, out, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

pub(super) fn escape_attribute(text: &str, out: &mut String) {
    escape(text, out, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#x9;"),
        b'\n' => Some("&#xA;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

/// Copies in runs: nearly all text has nothing to escape. All that is escaped is ASCII, so every cut is between characters.
fn escape(text: &str, out: &mut String, of: impl Fn(u8) -> Option<&'static str>) {
    let mut copied = 0;
    for (place, byte) in text.bytes().enumerate() {
        if let Some(escaped) = of(byte) {
            out.push_str(text.get(copied..place).unwrap_or_default());
            out.push_str(escaped);
            copied = place + 1;
        }
    }
    out.push_str(text.get(copied..).unwrap_or_default());
}
