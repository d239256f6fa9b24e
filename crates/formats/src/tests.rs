//! Every field of every format, what is refused and by which name, and that nothing makes a mapping panic.

mod eezi;
mod hostile;
mod post2tax;
mod published;
mod table;
mod ubl;

use invoice::event::Family;
use invoice::{Fault, IncomeSource, InvoiceEvent, Profile, Published, ReturnEvent};
use serde_json::Value;

use crate::{Context, Document, Format, Mapped, Settings, documents};

/// Sellers are registered for the family that the test says.
pub(crate) fn with<T>(
    family: Option<Family>,
    settings: &Settings,
    work: impl FnOnce(&Context<'_>) -> T,
) -> T {
    let registered = move |_: &IncomeSource| family;
    work(&Context { settings, family: &registered })
}

/// All documents, for sellers of general sales tax and with the settings as they are.
pub(crate) fn read(format: Format, bytes: &[u8]) -> Vec<Document> {
    with(Some(Family::GeneralSales), &Settings::default(), |context| {
        documents(format, bytes, context).collect()
    })
}

pub(crate) fn one(format: Format, bytes: &[u8]) -> Result<Mapped, Vec<Fault>> {
    let mut all = read(format, bytes);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0).result
}

/// The faults of a document, of the mapping or else of the rules: `path: code`.
pub(crate) fn faults(format: Format, bytes: &[u8]) -> Vec<String> {
    let result = one(format, bytes).and_then(|mapped| mapped.check(&Profile::default()));
    let faults = result.err().unwrap_or_default();
    faults.iter().map(|fault| format!("{}: {}", fault.path, fault.code)).collect()
}

pub(crate) fn invoice(mapped: Mapped) -> InvoiceEvent {
    match mapped.event {
        Published::Invoice(event) => event,
        Published::Return(event) => panic!("a return: {event:?}"),
    }
}

pub(crate) fn credit_note(mapped: Mapped) -> ReturnEvent {
    match mapped.event {
        Published::Return(event) => event,
        Published::Invoice(event) => panic!("an invoice: {event:?}"),
    }
}

pub(crate) fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// With one member set, by a path such as `lines/0/quantity`.
pub(crate) fn set(document: &Value, path: &str, value: Value) -> Vec<u8> {
    let mut document = document.clone();
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = if parent.is_empty() {
        &mut document
    } else {
        document.pointer_mut(&format!("/{parent}")).expect(path)
    };
    match parent {
        Value::Array(elements) => elements[name.parse::<usize>().expect(path)] = value,
        other => other[name] = value,
    }
    document.to_string().into_bytes()
}

/// Without one member.
pub(crate) fn without(document: &Value, path: &str) -> Vec<u8> {
    let mut document = document.clone();
    let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
    let parent = if parent.is_empty() {
        &mut document
    } else {
        document.pointer_mut(&format!("/{parent}")).expect(path)
    };
    assert!(parent.as_object_mut().expect(path).remove(name).is_some(), "{path}");
    document.to_string().into_bytes()
}
