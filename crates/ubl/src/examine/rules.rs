//! The rules for events, told in places of the document. Knows no rule itself.

use invoice::{InvoiceEvent, Profile};

use crate::finding::{Finding, FindingCode};

/// Every rule that the event breaks.
pub(super) fn rules(event: &InvoiceEvent, profile: &Profile) -> Vec<Finding> {
    let faults = invoice::validate(event, profile).into_iter();
    faults
        .map(|fault| Finding {
            fault: Some(fault.clone()),
            ..Finding::error(FindingCode::Rule(fault.code), xpath(&fault.path))
        })
        .collect()
}

/// The place in the document of a place in the event, such as `/Invoice/cac:InvoiceLine[3]/cac:Price/cbc:PriceAmount` of
/// `lines[2].unit_price`; the document as a whole for what has none of its own.
#[must_use]
pub fn xpath(path: &str) -> String {
    let line = path.strip_prefix("lines[").and_then(|rest| rest.split_once(']'));
    if let Some((index, field)) = line
        && let Ok(index) = index.parse::<usize>()
    {
        let inside = line_place(field.trim_start_matches('.'));
        let slash = if inside.is_empty() { "" } else { "/" };
        return format!("/Invoice/cac:InvoiceLine[{}]{slash}{inside}", index.saturating_add(1));
    }
    let inside = document_place(path);
    if inside.is_empty() { "/Invoice".to_owned() } else { format!("/Invoice/{inside}") }
}

fn line_place(field: &str) -> &'static str {
    match field {
        "id" => "cbc:ID",
        "name" => "cac:Item/cbc:Name",
        "quantity" => "cbc:InvoicedQuantity",
        "unit_price" => "cac:Price/cbc:PriceAmount",
        "discount" => "cac:Price/cac:AllowanceCharge/cbc:Amount",
        "tax" => "cac:TaxTotal",
        "tax.category" => "cac:TaxTotal/cac:TaxSubtotal/cac:TaxCategory/cbc:ID",
        "tax.percent" => "cac:TaxTotal/cac:TaxSubtotal/cac:TaxCategory/cbc:Percent",
        "special_tax" => "cac:TaxTotal/cac:TaxSubtotal[1]/cbc:TaxAmount",
        "consumer_price" => "cac:ItemPriceExtension/cbc:Amount",
        _ => "",
    }
}

fn document_place(path: &str) -> &'static str {
    match path {
        "uuid" => "cbc:UUID",
        "number" => "cbc:ID",
        "issue_date" => "cbc:IssueDate",
        "kind" => "cbc:InvoiceTypeCode",
        "family" | "scope" | "payment" => "cbc:InvoiceTypeCode/@name",
        "currency" => "cbc:DocumentCurrencyCode",
        "note" => "cbc:Note",
        "seller.tax_number" => "cac:AccountingSupplierParty/cac:Party/cac:PartyTaxScheme/cbc:CompanyID",
        "seller.name" => "cac:AccountingSupplierParty/cac:Party/cac:PartyLegalEntity/cbc:RegistrationName",
        "seller.income_source" => "cac:SellerSupplierParty/cac:Party/cac:PartyIdentification/cbc:ID",
        "buyer" => "cac:AccountingCustomerParty",
        "buyer.name" => "cac:AccountingCustomerParty/cac:Party/cac:PartyLegalEntity/cbc:RegistrationName",
        "buyer.identification" | "buyer.identification.number" | "buyer.identification.scheme" => {
            "cac:AccountingCustomerParty/cac:Party/cac:PartyIdentification/cbc:ID"
        }
        "buyer.postal_code" => "cac:AccountingCustomerParty/cac:Party/cac:PostalAddress/cbc:PostalZone",
        "buyer.governorate" => {
            "cac:AccountingCustomerParty/cac:Party/cac:PostalAddress/cbc:CountrySubentityCode"
        }
        "buyer.phone" => "cac:AccountingCustomerParty/cac:AccountingContact/cbc:Telephone",
        "original" => "cac:BillingReference",
        "original.uuid" => "cac:BillingReference/cac:InvoiceDocumentReference/cbc:UUID",
        "original.number" => "cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID",
        "original.total" => "cac:BillingReference/cac:InvoiceDocumentReference/cbc:DocumentDescription",
        "original.reason" => "cac:PaymentMeans/cbc:InstructionNote",
        "lines" => "cac:InvoiceLine",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::xpath;

    #[test]
    fn places_of_the_event_are_places_of_the_document() {
        for (path, place) in [
            ("", "/Invoice"),
            ("number", "/Invoice/cbc:ID"),
            ("lines", "/Invoice/cac:InvoiceLine"),
            ("lines[0]", "/Invoice/cac:InvoiceLine[1]"),
            ("lines[11].unit_price", "/Invoice/cac:InvoiceLine[12]/cac:Price/cbc:PriceAmount"),
            ("lines[x].unit_price", "/Invoice"),
            ("something.new", "/Invoice"),
        ] {
            assert_eq!(xpath(path), place);
        }
    }
}
