//! The document that the gateway makes of figures. It must not judge them.

use std::fmt::Write as _;

use num_bigint::BigInt;
use num_rational::BigRational;
use serde_json::Number;

use super::{Figures, value};
use crate::decimal::zero;
use crate::document::Family;

/// The decimals that are written (guide v1.5 allows nine).
const DECIMALS: u32 = 9;

/// Writes it, for a seller of this family. What the figures do not say is taken as local and, at 0 percent, zero-rated.
pub(super) fn write(figures: &Figures, family: Family) -> String {
    let digit = match family {
        Family::Income => 1,
        Family::General => 2,
        Family::Special => 3,
    };
    let note = figures.note.as_ref().map(|note| format!("<cbc:Note>{}</cbc:Note>", escaped(note)));
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\" \
         xmlns:cac=\"urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2\" \
         xmlns:cbc=\"urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2\" \
         xmlns:ext=\"urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2\">\
         <cbc:ProfileID>reporting:1.0</cbc:ProfileID><cbc:ID>{}</cbc:ID><cbc:UUID>{}</cbc:UUID>\
         <cbc:IssueDate>{}</cbc:IssueDate>\
         <cbc:InvoiceTypeCode name=\"0{}{digit}\">388</cbc:InvoiceTypeCode>{}\
         <cbc:DocumentCurrencyCode>JOD</cbc:DocumentCurrencyCode><cbc:TaxCurrencyCode>JOD</cbc:TaxCurrencyCode>\
         <cac:AdditionalDocumentReference><cbc:ID>ICV</cbc:ID><cbc:UUID>{}</cbc:UUID></cac:AdditionalDocumentReference>",
        escaped(&figures.id),
        escaped(&figures.uuid),
        escaped(&figures.invoice_date),
        figures.invoice_type,
        note.unwrap_or_default(),
        escaped(&figures.serial_no),
    );
    parties(&mut xml, figures);
    totals(&mut xml, figures, family);
    for line in &figures.invoice_lines {
        write_line(&mut xml, line, family);
    }
    xml.push_str("</Invoice>\n");
    xml
}

fn parties(xml: &mut String, figures: &Figures) {
    let scheme = "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>";
    put(
        xml,
        format_args!(
            "<cac:AccountingSupplierParty><cac:Party><cac:PostalAddress><cac:Country>\
         <cbc:IdentificationCode>JO</cbc:IdentificationCode></cac:Country></cac:PostalAddress><cac:PartyTaxScheme>\
         <cbc:CompanyID>{}</cbc:CompanyID>{scheme}</cac:PartyTaxScheme><cac:PartyLegalEntity>\
         <cbc:RegistrationName>{}</cbc:RegistrationName></cac:PartyLegalEntity></cac:Party></cac:AccountingSupplierParty>\
         <cac:AccountingCustomerParty><cac:Party>",
            escaped(&figures.supplier.tax_number),
            escaped(&figures.supplier.name),
        ),
    );
    let customer = &figures.customer;
    let kind = match customer.identified_by {
        Some(2) => "PN",
        Some(3) => "TN",
        _ => "NIN",
    };
    let number = escaped(customer.identifier.as_deref().unwrap_or_default());
    put(
        xml,
        format_args!(
            "<cac:PartyIdentification><cbc:ID schemeID=\"{kind}\">{number}</cbc:ID></cac:PartyIdentification>"
        ),
    );
    xml.push_str("<cac:PostalAddress>");
    if let Some(zone) = &customer.postal_zone {
        put(xml, format_args!("<cbc:PostalZone>{}</cbc:PostalZone>", escaped(zone)));
    }
    if let Some(area) = &figures.area_code {
        put(xml, format_args!("<cbc:CountrySubentityCode>JO-{}</cbc:CountrySubentityCode>", escaped(area)));
    }
    put(
        xml,
        format_args!(
            "<cac:Country><cbc:IdentificationCode>JO</cbc:IdentificationCode></cac:Country></cac:PostalAddress>\
         <cac:PartyTaxScheme>{scheme}</cac:PartyTaxScheme>"
        ),
    );
    if !customer.name.is_empty() {
        put(
            xml,
            format_args!(
                "<cac:PartyLegalEntity><cbc:RegistrationName>{}</cbc:RegistrationName></cac:PartyLegalEntity>",
                escaped(&customer.name)
            ),
        );
    }
    xml.push_str("</cac:Party>");
    if let Some(telephone) = &customer.telephone {
        put(
            xml,
            format_args!(
                "<cac:AccountingContact><cbc:Telephone>{}</cbc:Telephone></cac:AccountingContact>",
                escaped(telephone)
            ),
        );
    }
    put(
        xml,
        format_args!(
            "</cac:AccountingCustomerParty><cac:SellerSupplierParty><cac:Party><cac:PartyIdentification>\
         <cbc:ID>{}</cbc:ID></cac:PartyIdentification></cac:Party></cac:SellerSupplierParty>",
            escaped(&figures.supplier.id)
        ),
    );
}

fn totals(xml: &mut String, figures: &Figures, family: Family) {
    let gross: BigRational =
        figures.invoice_lines.iter().map(|line| number(&line.quantity) * number(&line.price)).sum();
    let (discount, total) = (&figures.total_discount_amount, &figures.total_amount);
    put(
        xml,
        format_args!(
            "<cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator>\
         <cbc:AllowanceChargeReason>discount</cbc:AllowanceChargeReason>\
         <cbc:Amount currencyID=\"JO\">{discount}</cbc:Amount></cac:AllowanceCharge>"
        ),
    );
    if family != Family::Income {
        let tax = &figures.total_tax_amount;
        put(
            xml,
            format_args!(
                "<cac:TaxTotal><cbc:TaxAmount currencyID=\"JO\">{tax}</cbc:TaxAmount></cac:TaxTotal>"
            ),
        );
    }
    put(
        xml,
        format_args!(
            "<cac:LegalMonetaryTotal><cbc:TaxExclusiveAmount currencyID=\"JO\">{}</cbc:TaxExclusiveAmount>\
         <cbc:TaxInclusiveAmount currencyID=\"JO\">{total}</cbc:TaxInclusiveAmount>\
         <cbc:AllowanceTotalAmount currencyID=\"JO\">{discount}</cbc:AllowanceTotalAmount>\
         <cbc:PayableAmount currencyID=\"JO\">{total}</cbc:PayableAmount></cac:LegalMonetaryTotal>",
            printed(&gross)
        ),
    );
}

fn write_line(xml: &mut String, line: &super::Line, family: Family) {
    let net = number(&line.quantity) * number(&line.price) - number(&line.discount_amount);
    put(
        xml,
        format_args!(
            "<cac:InvoiceLine><cbc:ID>{}</cbc:ID><cbc:InvoicedQuantity unitCode=\"PCE\">{}</cbc:InvoicedQuantity>\
         <cbc:LineExtensionAmount currencyID=\"JO\">{}</cbc:LineExtensionAmount>",
            escaped(&line.id),
            line.quantity,
            printed(&net),
        ),
    );
    if family != Family::Income {
        let category = if number(&line.tax_percent) == zero() { "O" } else { "S" };
        let (tax, percent) = (&line.tax_amount, &line.tax_percent);
        put(
            xml,
            format_args!(
                "<cac:TaxTotal><cbc:TaxAmount currencyID=\"JO\">{tax}</cbc:TaxAmount>\
             <cbc:RoundingAmount currencyID=\"JO\">{}</cbc:RoundingAmount><cac:TaxSubtotal>\
             <cbc:TaxAmount currencyID=\"JO\">{tax}</cbc:TaxAmount><cac:TaxCategory>\
             <cbc:ID schemeAgencyID=\"6\" schemeID=\"UN/ECE 5305\">{category}</cbc:ID><cbc:Percent>{percent}</cbc:Percent>\
             <cac:TaxScheme><cbc:ID schemeAgencyID=\"6\" schemeID=\"UN/ECE 5153\">VAT</cbc:ID></cac:TaxScheme>\
             </cac:TaxCategory></cac:TaxSubtotal></cac:TaxTotal>",
                printed(&(net + number(tax))),
            ),
        );
    }
    put(
        xml,
        format_args!(
            "<cac:Item><cbc:Name>{}</cbc:Name></cac:Item><cac:Price><cbc:PriceAmount currencyID=\"JO\">{}</cbc:PriceAmount>\
         <cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator>\
         <cbc:AllowanceChargeReason>DISCOUNT</cbc:AllowanceChargeReason>\
         <cbc:Amount currencyID=\"JO\">{}</cbc:Amount></cac:AllowanceCharge></cac:Price></cac:InvoiceLine>",
            escaped(&line.item_name),
            line.price,
            line.discount_amount,
        ),
    );
}

/// Writing to a string cannot fail.
fn put(xml: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = xml.write_fmt(text);
}

/// The figures were read as decimals before; what is none would be zero, and the sums would show it.
fn number(number: &Number) -> BigRational {
    value(number).unwrap_or_else(|_| zero())
}

/// Half-up to nine decimals.
fn printed(value: &BigRational) -> String {
    let scale = BigInt::from(10u8).pow(DECIMALS);
    let units = (value * BigRational::from_integer(scale.clone())).round().to_integer();
    let (sign, units) = if units < BigInt::from(0u8) { ("-", -units) } else { ("", units) };
    let (whole, part) = (&units / &scale, (&units % &scale).to_string());
    format!("{sign}{whole}.{part:0>9}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
