//! Documents for tests, written by hand with amounts from the guide's worked examples; used by tests only.

/// The seller's tax number in every sample.
pub(crate) const TAX_NUMBER: &str = "12345678";
/// The income source in every sample.
pub(crate) const INCOME_SOURCE: &str = "9932895";

/// A document before it is written.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) number: &'static str,
    pub(crate) uuid: &'static str,
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) buyer: String,
    pub(crate) billing: String,
    pub(crate) payment: String,
    pub(crate) discount: &'static str,
    pub(crate) tax: Option<&'static str>,
    pub(crate) exclusive: &'static str,
    pub(crate) inclusive: &'static str,
    pub(crate) lines: String,
}

/// One line: number, quantity, price, discount, extension, the XML of its taxes, and its consumer price.
pub(crate) fn line(values: [&str; 5], tax: &str, consumer_price: &str) -> String {
    let [id, quantity, price, discount, extension] = values;
    let consumer = if consumer_price.is_empty() {
        String::new()
    } else {
        format!(
            "<cac:ItemPriceExtension><cbc:Amount currencyID=\"JO\">{consumer_price}</cbc:Amount></cac:ItemPriceExtension>"
        )
    };
    format!(
        "<cac:InvoiceLine><cbc:ID>{id}</cbc:ID><cbc:InvoicedQuantity unitCode=\"PCE\">{quantity}</cbc:InvoicedQuantity>\
         <cbc:LineExtensionAmount currencyID=\"JO\">{extension}</cbc:LineExtensionAmount>{tax}\
         <cac:Item><cbc:Name>شاي أخضر &amp; سكر {id}</cbc:Name></cac:Item>\
         <cac:Price><cbc:PriceAmount currencyID=\"JO\">{price}</cbc:PriceAmount>\
         <cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator>\
         <cbc:AllowanceChargeReason>DISCOUNT</cbc:AllowanceChargeReason>\
         <cbc:Amount currencyID=\"JO\">{discount}</cbc:Amount></cac:AllowanceCharge></cac:Price>{consumer}</cac:InvoiceLine>"
    )
}

/// The taxes of a line: general tax, total, the subtotals.
pub(crate) fn taxes(amount: &str, rounding: &str, subtotals: &str) -> String {
    format!(
        "<cac:TaxTotal><cbc:TaxAmount currencyID=\"JO\">{amount}</cbc:TaxAmount>\
         <cbc:RoundingAmount currencyID=\"JO\">{rounding}</cbc:RoundingAmount>{subtotals}</cac:TaxTotal>"
    )
}

/// One subtotal; taxable amount and percent may be empty.
pub(crate) fn subtotal(scheme: &str, taxable: &str, amount: &str, category: &str, percent: &str) -> String {
    let taxable = if taxable.is_empty() {
        String::new()
    } else {
        format!("<cbc:TaxableAmount currencyID=\"JO\">{taxable}</cbc:TaxableAmount>")
    };
    let percent =
        if percent.is_empty() { String::new() } else { format!("<cbc:Percent>{percent}</cbc:Percent>") };
    format!(
        "<cac:TaxSubtotal>{taxable}<cbc:TaxAmount currencyID=\"JO\">{amount}</cbc:TaxAmount><cac:TaxCategory>\
         <cbc:ID schemeAgencyID=\"6\" schemeID=\"UN/ECE 5305\">{category}</cbc:ID>{percent}<cac:TaxScheme>\
         <cbc:ID schemeAgencyID=\"6\" schemeID=\"UN/ECE 5153\">{scheme}</cbc:ID></cac:TaxScheme></cac:TaxCategory></cac:TaxSubtotal>"
    )
}

/// A general-tax line.
pub(crate) fn taxed(values: [&str; 5], category: &str, percent: &str, tax: &str, rounding: &str) -> String {
    line(values, &taxes(tax, rounding, &subtotal("VAT", "", tax, category, percent)), "")
}

/// A named buyer with everything filled.
pub(crate) fn buyer() -> String {
    "<cac:AccountingCustomerParty><cac:Party><cac:PartyIdentification><cbc:ID schemeID=\"TN\">33445544</cbc:ID>\
     </cac:PartyIdentification><cac:PostalAddress><cbc:PostalZone>33554</cbc:PostalZone>\
     <cbc:CountrySubentityCode>JO-AZ</cbc:CountrySubentityCode><cac:Country>\
     <cbc:IdentificationCode>JO</cbc:IdentificationCode></cac:Country></cac:PostalAddress><cac:PartyTaxScheme>\
     <cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme><cac:PartyLegalEntity>\
     <cbc:RegistrationName>احمد محمود</cbc:RegistrationName></cac:PartyLegalEntity></cac:Party>\
     <cac:AccountingContact><cbc:Telephone>777888999</cbc:Telephone></cac:AccountingContact></cac:AccountingCustomerParty>"
        .to_owned()
}

impl Draft {
    pub(crate) fn xml(&self) -> String {
        let Draft {
            number,
            uuid,
            code,
            name,
            buyer,
            billing,
            payment,
            discount,
            exclusive,
            inclusive,
            lines,
            ..
        } = self;
        let tax = self.tax.map_or_else(String::new, |tax| {
            format!("<cac:TaxTotal><cbc:TaxAmount currencyID=\"JO\">{tax}</cbc:TaxAmount></cac:TaxTotal>")
        });
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Invoice xmlns=\"urn:oasis:names:specification:ubl:schema:xsd:Invoice-2\" \
             xmlns:cac=\"urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2\" \
             xmlns:cbc=\"urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2\" \
             xmlns:ext=\"urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2\">\n \
             <cbc:ProfileID>reporting:1.0</cbc:ProfileID><cbc:ID>{number}</cbc:ID><cbc:UUID>{uuid}</cbc:UUID>\
             <cbc:IssueDate>2026-03-01</cbc:IssueDate><cbc:InvoiceTypeCode name=\"{name}\">{code}</cbc:InvoiceTypeCode>\
             <cbc:Note>ملاحظات</cbc:Note><cbc:DocumentCurrencyCode>JOD</cbc:DocumentCurrencyCode>\
             <cbc:TaxCurrencyCode>JOD</cbc:TaxCurrencyCode>{billing}\
             <cac:AdditionalDocumentReference><cbc:ID>ICV</cbc:ID><cbc:UUID>7</cbc:UUID></cac:AdditionalDocumentReference>\n \
             <cac:AccountingSupplierParty><cac:Party><cac:PostalAddress><cac:Country>\
             <cbc:IdentificationCode>JO</cbc:IdentificationCode></cac:Country></cac:PostalAddress><cac:PartyTaxScheme>\
             <cbc:CompanyID>{TAX_NUMBER}</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme>\
             </cac:PartyTaxScheme><cac:PartyLegalEntity><cbc:RegistrationName>الشركة الفنية لبيع المستلزمات</cbc:RegistrationName>\
             </cac:PartyLegalEntity></cac:Party></cac:AccountingSupplierParty>{buyer}\
             <cac:SellerSupplierParty><cac:Party><cac:PartyIdentification><cbc:ID>{INCOME_SOURCE}</cbc:ID>\
             </cac:PartyIdentification></cac:Party></cac:SellerSupplierParty>{payment}\
             <cac:AllowanceCharge><cbc:ChargeIndicator>false</cbc:ChargeIndicator>\
             <cbc:AllowanceChargeReason>discount</cbc:AllowanceChargeReason>\
             <cbc:Amount currencyID=\"JO\">{discount}</cbc:Amount></cac:AllowanceCharge>{tax}\
             <cac:LegalMonetaryTotal><cbc:TaxExclusiveAmount currencyID=\"JO\">{exclusive}</cbc:TaxExclusiveAmount>\
             <cbc:TaxInclusiveAmount currencyID=\"JO\">{inclusive}</cbc:TaxInclusiveAmount>\
             <cbc:AllowanceTotalAmount currencyID=\"JO\">{discount}</cbc:AllowanceTotalAmount>\
             <cbc:PayableAmount currencyID=\"JO\">{inclusive}</cbc:PayableAmount></cac:LegalMonetaryTotal>{lines}</Invoice>\n"
        )
    }
}

pub(crate) fn income_draft() -> Draft {
    Draft {
        number: "INV-1",
        uuid: "9f7a5a4e-32f1-4f0f-8a54-0c6f1f2f3a01",
        code: "388",
        name: "011",
        buyer: buyer(),
        billing: String::new(),
        payment: String::new(),
        discount: "7.000",
        tax: None,
        exclusive: "116.000",
        inclusive: "109.000",
        lines: line(["1", "33.000", "2.000", "2.000", "64.000"], "", "")
            + &line(["2", "10", "5", "5", "45"], "", ""),
    }
}

pub(crate) fn general_draft() -> Draft {
    Draft {
        number: "INV-2",
        uuid: "9f7a5a4e-32f1-4f0f-8a54-0c6f1f2f3a02",
        name: "012",
        discount: "2.000",
        tax: Some("4.480"),
        exclusive: "116.000",
        inclusive: "118.480",
        lines: taxed(["1", "33.00", "2.00", "2.00", "64.00"], "S", "7.00", "4.48", "68.48")
            + &taxed(["2", "10.00", "5.00", "0.00", "50.00"], "Z", "0.00", "0.00", "50.00"),
        ..income_draft()
    }
}

/// A general document whose lines are all at zero, as other scopes than local want it.
pub(crate) fn zero_rated_draft(name: &'static str) -> Draft {
    Draft {
        number: "INV-3",
        uuid: "9f7a5a4e-32f1-4f0f-8a54-0c6f1f2f3a03",
        name,
        discount: "0.000",
        tax: Some("0.000"),
        exclusive: "50.000",
        inclusive: "50.000",
        lines: taxed(["1", "10", "5", "0", "50"], "O", "0", "0", "50"),
        ..income_draft()
    }
}

fn special_line(id: &str) -> String {
    let subtotals =
        subtotal("OTH", "495.000", "10.00", "S", "") + &subtotal("VAT", "495.00", "50.500", "S", "10.00");
    line([id, "10.00", "50.00", "5.00", "495.00"], &taxes("50.500", "555.500", &subtotals), "")
}

pub(crate) fn special_draft() -> Draft {
    Draft {
        number: "INV-4",
        uuid: "9f7a5a4e-32f1-4f0f-8a54-0c6f1f2f3a04",
        name: "013",
        discount: "10.000",
        tax: Some("101.000"),
        exclusive: "1000.000",
        inclusive: "1111.000",
        lines: special_line("1") + &special_line("2"),
        ..income_draft()
    }
}

/// Gives back 11 of the 33 pieces of line 1 of [`general_draft`], with their third of the discount.
pub(crate) fn general_return_draft() -> Draft {
    Draft {
        number: "RET-1",
        uuid: "9f7a5a4e-32f1-4f0f-8a54-0c6f1f2f3a05",
        code: "381",
        billing: "<cac:BillingReference><cac:InvoiceDocumentReference><cbc:ID>INV-2</cbc:ID>\
                  <cbc:UUID>9f7a5a4e-32f1-4f0f-8a54-0c6f1f2f3a02</cbc:UUID>\
                  <cbc:DocumentDescription>118.480</cbc:DocumentDescription></cac:InvoiceDocumentReference>\
                  </cac:BillingReference>"
            .to_owned(),
        payment: "<cac:PaymentMeans><cbc:PaymentMeansCode listID=\"UN/ECE 4461\">10</cbc:PaymentMeansCode>\
                  <cbc:InstructionNote>تم الارجاع بسبب خلل في المنتج</cbc:InstructionNote></cac:PaymentMeans>"
            .to_owned(),
        discount: "0.666666667",
        tax: Some("1.493333333"),
        exclusive: "22.000",
        inclusive: "22.826666666",
        lines: taxed(
            ["1", "11", "2", "0.666666667", "21.333333333"],
            "S",
            "7",
            "1.493333333",
            "22.826666666",
        ),
        ..general_draft()
    }
}

pub(crate) fn income() -> String {
    income_draft().xml()
}

pub(crate) fn general() -> String {
    general_draft().xml()
}

pub(crate) fn special() -> String {
    special_draft().xml()
}

pub(crate) fn general_return() -> String {
    general_return_draft().xml()
}

/// The text with the first `from` replaced; it must be there, so that no test passes by a slip of the pen.
pub(crate) fn with(xml: &str, from: &str, to: &str) -> String {
    assert!(xml.contains(from), "{from} is not in the sample");
    xml.replacen(from, to, 1)
}
