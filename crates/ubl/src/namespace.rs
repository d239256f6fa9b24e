//! The namespaces of a UBL document, as small numbers that compare fast. Knows no element.

/// The default namespace of a UBL 2.1 invoice (and of its returns).
pub(crate) const INVOICE: &str = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2";
/// Aggregate components, `cac`.
pub(crate) const AGGREGATE: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2";
/// Basic components, `cbc`.
pub(crate) const BASIC: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2";
/// Extension components, `ext`.
pub(crate) const EXTENSION: &str = "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2";
/// What every UBL document namespace begins with.
const ANY_UBL: &str = "urn:oasis:names:specification:ubl:schema:xsd:";

/// A namespace met while reading; equal numbers from the same [`Namespaces`] are equal names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Namespace(usize);

impl Namespace {
    /// No namespace.
    pub(crate) const NONE: Self = Self(0);
    /// [`INVOICE`].
    pub(crate) const INVOICE: Self = Self(1);
    /// [`AGGREGATE`].
    pub(crate) const AGGREGATE: Self = Self(2);
    /// [`BASIC`].
    pub(crate) const BASIC: Self = Self(3);
    /// [`EXTENSION`].
    pub(crate) const EXTENSION: Self = Self(4);
}

/// The namespaces of the documents that are read together.
#[derive(Debug)]
pub(crate) struct Namespaces(Vec<String>);

impl Namespaces {
    /// A signed document has a dozen; a search through more of them at every element would be a way to stall us.
    const MOST: usize = 64;

    /// With the constants of [`Namespace`] in their places.
    pub(crate) fn new() -> Self {
        Self(["", INVOICE, AGGREGATE, BASIC, EXTENSION].map(str::to_owned).to_vec())
    }

    /// The number of `name`; none when there are too many different ones.
    pub(crate) fn number(&mut self, name: &str) -> Option<Namespace> {
        if let Some(at) = self.0.iter().position(|known| known == name) {
            return Some(Namespace(at));
        }
        if self.0.len() >= Self::MOST {
            return None;
        }
        self.0.push(name.to_owned());
        Some(Namespace(self.0.len() - 1))
    }

    /// The name behind the number.
    pub(crate) fn name(&self, namespace: Namespace) -> &str {
        self.0.get(namespace.0).map_or("", String::as_str)
    }

    /// Whether it is the namespace of some UBL document.
    pub(crate) fn is_ubl(&self, namespace: Namespace) -> bool {
        self.name(namespace).starts_with(ANY_UBL)
    }
}
