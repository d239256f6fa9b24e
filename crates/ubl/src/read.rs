//! The reader: Jordan-profile XML of any program, as far as it can be understood. Knows where things stand, not whether they are
//! right: that is [`examine`](crate::examine())'s part.
//!
//! Prefixes, indentation, the order of attributes and optional elements do not matter; what the authority adds to its signed
//! copy is passed over. Bounded in size, depth, elements and namespaces; a document type declaration is refused.

mod event;
mod lexical;
mod line;
mod party;
mod printed;
pub(crate) mod tree;

use std::collections::BTreeSet;

use invoice::event::{Family, Kind};
use invoice::{InvoiceEvent, OriginalDocument};

use crate::finding::Finding;
use crate::namespace::Namespace;
use crate::walk::Unreadable;
use tree::{Element, Tree};

pub(crate) use line::subtotals;
pub(crate) use printed::Rate;
pub use printed::{Printed, PrintedLine};

/// Why a document was not read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// It is some other UBL document, or none.
    #[error(
        "the root element is {root}: JoFotara takes the element Invoice of UBL 2.1 for sales and returns alike (no CreditNote)"
    )]
    NotAnInvoice {
        /// What the root element is.
        root: String,
    },
}

/// A document that was read.
#[derive(Debug)]
pub struct Reading {
    tree: Tree,
    /// The buyer's element, as our documents may carry it.
    buyer: String,
}

/// Reads a document.
///
/// # Errors
/// It is no well-formed UBL invoice within the bounds. What is wrong inside an invoice is no error here: see
/// [`examine`](crate::examine()) and [`Reading::event`].
pub fn read(xml: &[u8]) -> Result<Reading, ReadError> {
    let tree = tree::read(xml)?;
    if !tree.root.is(Namespace::INVOICE, "Invoice") {
        let namespace = tree.namespaces.name(tree.root.namespace);
        let (name, namespace) = (invoice::excerpt(&tree.root.name, 100), invoice::excerpt(namespace, 200));
        return Err(ReadError::NotAnInvoice { root: format!("{name:?} of {namespace:?}") });
    }
    let buyer = tree.root.child("cac:AccountingCustomerParty");
    let buyer = match (&tree.buyer_as_written, buyer) {
        (Some(written), _) => written.clone(),
        (None, Some(element)) => tree::rewritten(element, &tree.namespaces),
        (None, None) => String::new(),
    };
    Ok(Reading { tree, buyer })
}

/// Whether the text is a decimal number.
pub(crate) fn is_decimal(text: &str) -> bool {
    lexical::decimal(text).is_some()
}

/// Whether the text is a number whose thousands may be grouped.
pub(crate) fn grouped(text: &str) -> bool {
    lexical::grouped(text).is_some()
}

impl Reading {
    pub(crate) fn root(&self) -> &Element {
        &self.tree.root
    }

    pub(crate) fn opens_on_one_line(&self) -> bool {
        self.tree.opens_on_one_line
    }

    /// Kind and family, when the type code says both.
    pub(crate) fn document_type(&self) -> Option<(Kind, Family)> {
        let name = self.root().child("cbc:InvoiceTypeCode")?.attribute("name")?;
        let (_, _, family) = lexical::type_name(name);
        Some((self.kind()?, family?))
    }

    /// The subtotals of the document by rate.
    pub(crate) fn rates(&self) -> Vec<Rate> {
        printed::rates(self.root())
    }

    /// The seller's number, word for word; empty when there is none.
    #[must_use]
    pub fn number(&self) -> &str {
        self.root().text_at("cbc:ID")
    }

    /// The UUID, word for word; live ones are not always valid UUIDs (specification 2.4). Empty when there is none.
    #[must_use]
    pub fn uuid(&self) -> &str {
        self.root().text_at("cbc:UUID")
    }

    /// Sale or return, when the type code says which.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        lexical::kind(self.root().text_at("cbc:InvoiceTypeCode"))
    }

    /// The counter, from the document reference whose ID is `ICV`.
    #[must_use]
    pub fn icv(&self) -> Option<u64> {
        let references = self.root().children_named("cac:AdditionalDocumentReference");
        let mut counters = references.filter(|reference| reference.text_at("cbc:ID") == "ICV");
        counters.next()?.text_at("cbc:UUID").parse().ok()
    }

    /// The `AccountingCustomerParty` element as text that can stand in a document of ours: byte for byte as it was written where it
    /// uses the usual prefixes `cac` and `cbc`, else the same element with them. Empty when there is none.
    #[must_use]
    pub fn buyer(&self) -> &str {
        &self.buyer
    }

    /// The amounts that are printed.
    #[must_use]
    pub fn printed(&self) -> Printed {
        printed::printed(self.root())
    }

    /// Every code that an amount has as its `currencyID`.
    #[must_use]
    pub fn currency_ids(&self) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        self.root().each(&mut |element| {
            if let Some(code) = element.attribute("currencyID") {
                seen.insert(code);
            }
        });
        seen
    }

    /// The places of elements that the profile does not know, such as `/Invoice/cbc:IssueTime`. They are not in the event.
    #[must_use]
    pub fn unknown(&self) -> Vec<String> {
        let findings = crate::examine::structure(self, &invoice::Profile::default());
        findings
            .into_iter()
            .filter(|finding| finding.code == crate::FindingCode::UnknownElement)
            .map(|finding| finding.path)
            .collect()
    }

    /// The event that the document says: an invoice, or a completed return. Prices net, line numbers set; not checked by the rules
    /// (see [`invoice::validate()`]). Its `uuid` is empty where the document's is no valid UUID: see [`Reading::uuid`].
    ///
    /// # Errors
    /// All that is missing or cannot be understood.
    pub fn event(&self) -> Result<InvoiceEvent, Vec<Finding>> {
        let (event, findings) = event::event(self);
        match event {
            Some(event) if findings.is_empty() => Ok(event),
            _ => Err(findings),
        }
    }

    /// The event as far as it can be understood, and what could not be.
    pub(crate) fn event_so_far(&self) -> (Option<InvoiceEvent>, Vec<Finding>) {
        event::event(self)
    }

    /// The document as the original of returns.
    ///
    /// # Errors
    /// All that is missing or cannot be understood; that it is a return itself.
    pub fn original(&self) -> Result<OriginalDocument, Vec<Finding>> {
        event::original(self)
    }
}
