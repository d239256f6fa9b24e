//! The two formats that events are published in, and how many objects and lists a text in either has. Must not know the rules
//! for values.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::event::{Buyer, InvoiceEvent};
use crate::returns::ReturnEvent;

/// A format that events are published in.
pub(super) trait Event: DeserializeOwned {
    /// How many objects and lists the text of this event has.
    fn shape(&self) -> (usize, usize);
}

impl Event for InvoiceEvent {
    fn shape(&self) -> (usize, usize) {
        let taxes = self.lines.iter().filter(|line| line.tax.is_some()).count();
        let single = usize::from(self.original.is_some()) + usize::from(self.metadata.is_some());
        (2 + objects_of(self.buyer.as_ref()) + single + self.lines.len() + taxes, 1)
    }
}

impl Event for ReturnEvent {
    fn shape(&self) -> (usize, usize) {
        let (mut objects, mut lists) =
            (3 + objects_of(self.buyer.as_ref()) + usize::from(self.metadata.is_some()), 0);
        if let Some(lines) = &self.lines {
            objects += lines.len() + lines.iter().filter(|line| line.tax.is_some()).count();
            lists += 1;
        }
        if let Some(lines) = &self.original.lines {
            objects += lines.len() + lines.iter().filter(|line| line.tax.is_some()).count();
            lists += 1;
        }
        (objects, lists)
    }
}

fn objects_of(buyer: Option<&Buyer>) -> usize {
    buyer.map_or(0, |buyer| 1 + usize::from(buyer.identification.is_some()))
}

/// Which format a text is meant to be in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// A sale, and whatever does not say that it is a return.
    Invoice,
    /// A return.
    Return,
}

impl Format {
    /// By `kind` alone. Of a text that is no JSON nothing is known.
    pub(super) fn of(text: &str) -> Self {
        /// What is looked at; the last one counts where there are several.
        #[derive(serde::Deserialize)]
        struct Probe(std::collections::BTreeMap<String, Value>);
        match serde_json::from_str::<Probe>(text) {
            Ok(Probe(members)) if members.get("kind").is_some_and(|kind| kind == "return") => Self::Return,
            _ => Self::Invoice,
        }
    }
}
