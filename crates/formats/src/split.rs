//! From the bytes of a JSON file to its documents: a list, one a line, or a single one. Must not know what a document is.

use invoice::{Fault, FaultCode};
use serde_json::value::RawValue;

use crate::document::{Document, Mapped};

/// The bytes of one document, and where it stands.
pub(crate) struct Piece<'a> {
    place: u64,
    json: Result<&'a [u8], Fault>,
}

impl<'a> Piece<'a> {
    pub(crate) fn map(self, read: impl FnOnce(&'a [u8]) -> Result<Mapped, Vec<Fault>>) -> Document {
        let result = self.json.map_err(|fault| vec![fault]).and_then(read);
        Document { place: self.place, result }
    }
}

/// The documents of `bytes`: the elements of a list, one a line, or the whole.
pub(crate) fn documents(bytes: &[u8]) -> Box<dyn Iterator<Item = Piece<'_>> + Send + '_> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes).trim_ascii();
    if bytes.first() == Some(&b'[') {
        return match serde_json::from_slice::<Vec<&RawValue>>(bytes) {
            Ok(elements) => Box::new(
                (1..)
                    .zip(elements)
                    .map(|(place, element)| Piece { place, json: Ok(element.get().as_bytes()) }),
            ),
            Err(error) => {
                let message = format!("the input begins with [ but is no JSON list: {error}");
                let fault = Fault::new(FaultCode::MalformedJson, "", message);
                Box::new(std::iter::once(Piece { place: 1, json: Err(fault) }))
            }
        };
    }
    // One a line, when the first line is a document by itself.
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if first.len() < bytes.len() && serde_json::from_slice::<&RawValue>(first).is_ok() {
        let lines = (1..).zip(bytes.split(|byte| *byte == b'\n'));
        let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
        return Box::new(lines.map(|(place, line)| Piece { place, json: Ok(line) }));
    }
    Box::new(std::iter::once(Piece { place: 1, json: Ok(bytes) }))
}
