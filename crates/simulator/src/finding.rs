//! What the authority finds wrong with a document, in its own codes and words; it must not know how it was found.

/// One fault of a document, as it stands in `EINV_RESULTS.ERRORS`.
///
/// The texts and codes that the guide or the field shows are quoted to the letter, trailing blanks and misspellings
/// included. For refusals that nobody has shown, the wording is ours; where no code is known, the code is
/// [`NO_CODE`], so that nobody comes to rely on an invented one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) code: &'static str,
    pub(crate) category: &'static str,
    pub(crate) message: String,
}

/// The longest message, in characters.
const MESSAGE: usize = 1_000;

/// Stands where no source shows a code.
pub(crate) const NO_CODE: &str = "invoice";

impl Finding {
    fn new(code: &'static str, category: &'static str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        // Names of elements are repeated, and can be as long as the document.
        if let Some((end, _)) = message.char_indices().nth(MESSAGE) {
            message.truncate(end);
            message.push('…');
        }
        Self { code, category, message }
    }

    /// A refusal whose wording is known or ours, but whose code nobody has shown.
    pub(crate) fn uncoded(message: impl Into<String>) -> Self {
        Self::new(NO_CODE, "invoice", message)
    }

    /// A refusal under a known code.
    pub(crate) fn coded(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, "invoice", message)
    }

    pub(crate) fn schema(detail: &str) -> Self {
        let text = "Schema validation failed; XML does not comply with UBL 2.1 standards";
        let message = if detail.is_empty() { text.to_owned() } else { format!("{text}: {detail}") };
        Self::new("XSD_INVALID", "XSD validation", message)
    }

    pub(crate) fn minification() -> Self {
        Self::uncoded("Invalid Invoice Minification")
    }

    pub(crate) fn not_authorized() -> Self {
        let message = "invoice: This user is not authorized to submit this type of invoice.";
        Self::new("invoice-persist", "Invoice", message)
    }

    /// The department's inner service failed, told inside a 400.
    pub(crate) fn inner_error(timestamp: &str) -> Self {
        let message = format!(
            "500 : \"{{\"timestamp\":\"{timestamp}\",\"status\":500,\"error\":\"Internal Server Error\",\
             \"path\":\"/ingestion/invoices\"}}\""
        );
        Self::new("invoice-persist", "Invoice", message)
    }

    pub(crate) fn type_code(message: impl Into<String>) -> Self {
        Self::coded("invoiceTypeCode", message)
    }

    pub(crate) fn total_general() -> Self {
        Self::coded("totalGeneralTaxesAmount", "Total General Amount is Not Correct ")
    }

    pub(crate) fn total_special(line: &str) -> Self {
        Self::coded("totalSpecialTaxesAmount", format!("Total Special Amount is Not Correct, line {line}"))
    }

    pub(crate) fn general_calculation() -> Self {
        let message = "Error in general tax amount calculation for general invoice";
        Self::coded("generalInvoiceCalculations", message)
    }

    pub(crate) fn negative_discount() -> Self {
        Self::coded("generalInvoiceCalculations", "discount cannot be negative")
    }

    /// An amount of the document that differs from its formula, under the name of its element.
    pub(crate) fn amount(element: &'static str, detail: impl Into<String>) -> Self {
        Self::coded(element, format!("{element} is not correct{}", detail.into()))
    }

    pub(crate) fn buyer_name() -> Self {
        Self::uncoded("Bayer name is missing")
    }

    pub(crate) fn buyer_mismatch() -> Self {
        Self::uncoded("invoice: Credit invoice buyer info does not match the original invoice")
    }

    pub(crate) fn line_ids() -> Self {
        Self::uncoded("The ID number must be unique")
    }

    pub(crate) fn zero_percent() -> Self {
        Self::uncoded("General tax percentage must be zero")
    }

    pub(crate) fn development_area() -> Self {
        Self::uncoded(
            "BuyerTaxNumber: The buyer's taxpayer number is not associated with the developmental arear",
        )
    }

    pub(crate) fn postal_code() -> Self {
        Self::uncoded("Postal code length is incorrect")
    }
}
