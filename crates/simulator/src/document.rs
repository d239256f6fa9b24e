//! The typed reading of a tree that passed the schema; it must not judge what it reads beyond its form.

use num_rational::BigRational;
use serde::{Deserialize, Serialize};

use crate::decimal::{Decimal, zero};
use crate::finding::Finding;
use crate::xml::{Element, canonical};

/// The family of a document, and what a taxpayer is registered for (third digit of the type name).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Not registered for sales tax.
    Income,
    /// Registered for general sales tax.
    General,
    /// Registered for special sales tax.
    Special,
}

/// Whether a document is a new invoice (388) or a return (381).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Invoice,
    Return,
}

/// A document as far as the rules look at it.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) number: String,
    pub(crate) uuid: String,
    pub(crate) issue_date: String,
    pub(crate) sort: Sort,
    /// The three digits of the type name.
    pub(crate) type_name: String,
    /// First digit: 0 local, 1 export, 2 development area, 3 transit, 4 foreign trade, 5 free-zone transfer.
    pub(crate) scope: u8,
    /// Second digit is 2.
    pub(crate) receivable: bool,
    pub(crate) family: Family,
    pub(crate) currency: String,
    pub(crate) tax_currency: String,
    pub(crate) seller_tax_number: String,
    pub(crate) seller_name: String,
    pub(crate) income_source: String,
    pub(crate) buyer: Buyer,
    pub(crate) original: Option<Original>,
    /// Why goods come back, empty where it is not said.
    pub(crate) reason: String,
    /// `AllowanceCharge/Amount`.
    pub(crate) discount: BigRational,
    /// `TaxTotal/TaxAmount`, none for income.
    pub(crate) tax: Option<BigRational>,
    /// Subtotals at document level, as guide v1.4 had them on general returns.
    pub(crate) tax_subtotals: Vec<Subtotal>,
    pub(crate) tax_exclusive: BigRational,
    pub(crate) tax_inclusive: BigRational,
    pub(crate) allowance_total: BigRational,
    pub(crate) payable: BigRational,
    pub(crate) lines: Vec<Line>,
}

/// The buyer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Buyer {
    /// `NIN`, `PN` or `TN`, none where the element is absent.
    pub(crate) kind: Option<String>,
    pub(crate) number: String,
    pub(crate) name: String,
    pub(crate) postal_code: String,
    pub(crate) governorate: String,
    pub(crate) telephone: String,
    /// The whole `Party` in canonical form, with texts trimmed: what a return must repeat.
    pub(crate) party: String,
}

/// The document that a return gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Original {
    pub(crate) number: String,
    pub(crate) uuid: String,
    pub(crate) total: String,
}

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) quantity: BigRational,
    pub(crate) price: BigRational,
    pub(crate) discount: BigRational,
    pub(crate) extension: BigRational,
    pub(crate) consumer_price: Option<BigRational>,
    /// None on income documents.
    pub(crate) tax: Option<LineTax>,
}

/// The taxes of one line.
#[derive(Clone, Debug)]
pub(crate) struct LineTax {
    pub(crate) amount: BigRational,
    pub(crate) rounding: BigRational,
    /// The subtotal of scheme `OTH`, on special documents only.
    pub(crate) special: Option<Subtotal>,
    /// The subtotal of scheme `VAT`.
    pub(crate) general: Subtotal,
}

/// One `TaxSubtotal`.
#[derive(Clone, Debug)]
pub(crate) struct Subtotal {
    pub(crate) taxable: Option<BigRational>,
    pub(crate) amount: BigRational,
    pub(crate) category: String,
    pub(crate) percent: Option<BigRational>,
    pub(crate) scheme: String,
}

/// Reads a document; the tree has passed [`crate::schema::check`]. Tells all that hinders the reading.
pub(crate) fn read(root: &Element) -> Result<Document, Vec<Finding>> {
    let mut findings = Vec::new();
    let type_name = root.at("cbc:InvoiceTypeCode").and_then(|code| code.attribute("name")).unwrap_or("");
    let sort = match root.text_at("cbc:InvoiceTypeCode") {
        "388" => Some(Sort::Invoice),
        "381" => Some(Sort::Return),
        _ => None,
    };
    let digits = type_digits(type_name);
    let (Some(sort), Some((scope, receivable, family))) = (sort, digits) else {
        return Err(vec![Finding::type_code("invoice type code or its name is not correct")]);
    };
    let lines: Vec<Line> =
        root.all("cac:InvoiceLine").filter_map(|line| read_line(line, family, &mut findings)).collect();
    let tax = root.at("cac:TaxTotal");
    if tax.is_some() && family == Family::Income {
        findings.push(Finding::uncoded("cac:TaxTotal does not belong in an income document"));
    }
    if tax.is_none() && family != Family::Income {
        findings.push(Finding::uncoded("cac:TaxTotal is missing"));
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    let original = root.at("cac:BillingReference/cac:InvoiceDocumentReference").map(|reference| Original {
        number: reference.text_at("cbc:ID").to_owned(),
        uuid: reference.text_at("cbc:UUID").to_owned(),
        total: reference.text_at("cbc:DocumentDescription").to_owned(),
    });
    let seller = "cac:AccountingSupplierParty/cac:Party";
    Ok(Document {
        number: root.text_at("cbc:ID").to_owned(),
        uuid: root.text_at("cbc:UUID").to_owned(),
        issue_date: root.text_at("cbc:IssueDate").to_owned(),
        sort,
        type_name: type_name.to_owned(),
        scope,
        receivable,
        family,
        currency: root.text_at("cbc:DocumentCurrencyCode").to_owned(),
        tax_currency: root.text_at("cbc:TaxCurrencyCode").to_owned(),
        seller_tax_number: root.text_at(&format!("{seller}/cac:PartyTaxScheme/cbc:CompanyID")).to_owned(),
        seller_name: root.text_at(&format!("{seller}/cac:PartyLegalEntity/cbc:RegistrationName")).to_owned(),
        income_source: income_source(root).to_owned(),
        buyer: read_buyer(root),
        original,
        reason: root.text_at("cac:PaymentMeans/cbc:InstructionNote").to_owned(),
        discount: number_at(root, "cac:AllowanceCharge/cbc:Amount"),
        tax: tax.map(|total| number_at(total, "cbc:TaxAmount")),
        tax_subtotals: tax.map(subtotals).unwrap_or_default(),
        tax_exclusive: number_at(root, "cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount"),
        tax_inclusive: number_at(root, "cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount"),
        allowance_total: number_at(root, "cac:LegalMonetaryTotal/cbc:AllowanceTotalAmount"),
        payable: number_at(root, "cac:LegalMonetaryTotal/cbc:PayableAmount"),
        lines,
    })
}

/// The income-source sequence of a tree, empty where there is none.
pub(crate) fn income_source(root: &Element) -> &str {
    root.text_at("cac:SellerSupplierParty/cac:Party/cac:PartyIdentification/cbc:ID")
}

fn type_digits(name: &str) -> Option<(u8, bool, Family)> {
    let &[scope @ b'0'..=b'5', payment @ b'1'..=b'2', family] = name.as_bytes() else { return None };
    let family = match family {
        b'1' => Family::Income,
        b'2' => Family::General,
        b'3' => Family::Special,
        _ => return None,
    };
    Some((scope - b'0', payment == b'2', family))
}

fn read_buyer(root: &Element) -> Buyer {
    let base = root.at("cac:AccountingCustomerParty");
    let party = base.and_then(|base| base.at("cac:Party"));
    let text = |path: &str| party.map_or("", |party| party.text_at(path)).to_owned();
    let id = party.and_then(|party| party.at("cac:PartyIdentification/cbc:ID"));
    Buyer {
        kind: id.and_then(|id| id.attribute("schemeID")).map(str::to_owned),
        number: id.map_or("", |id| id.text.trim()).to_owned(),
        name: text("cac:PartyLegalEntity/cbc:RegistrationName"),
        postal_code: text("cac:PostalAddress/cbc:PostalZone"),
        governorate: text("cac:PostalAddress/cbc:CountrySubentityCode"),
        telephone: base.map_or("", |base| base.text_at("cac:AccountingContact/cbc:Telephone")).to_owned(),
        party: party.map(|party| canonical::to_string(&trimmed(party))).unwrap_or_default(),
    }
}

fn trimmed(element: &Element) -> Element {
    Element {
        name: element.name.clone(),
        attributes: element.attributes.clone(),
        children: element.children.iter().map(trimmed).collect(),
        text: element.text.trim().to_owned(),
    }
}

fn read_line(line: &Element, family: Family, findings: &mut Vec<Finding>) -> Option<Line> {
    let id = line.text_at("cbc:ID").to_owned();
    let tax = match (line.at("cac:TaxTotal"), family) {
        (None, Family::Income) => None,
        (Some(_), Family::Income) => {
            findings.push(Finding::uncoded(format!("line {id}: an income document has no taxes")));
            return None;
        }
        (None, _) => {
            findings.push(Finding::uncoded(format!("line {id}: cac:TaxTotal is missing")));
            return None;
        }
        (Some(total), _) => {
            let tax = read_line_tax(total, family);
            if tax.is_none() {
                findings.push(Finding::uncoded(format!(
                    "line {id}: the tax subtotals are not those of this type of invoice"
                )));
                return None;
            }
            tax
        }
    };
    Some(Line {
        id,
        name: line.text_at("cac:Item/cbc:Name").to_owned(),
        quantity: number_at(line, "cbc:InvoicedQuantity"),
        price: number_at(line, "cac:Price/cbc:PriceAmount"),
        discount: number_at(line, "cac:Price/cac:AllowanceCharge/cbc:Amount"),
        extension: number_at(line, "cbc:LineExtensionAmount"),
        consumer_price: line
            .at("cac:ItemPriceExtension/cbc:Amount")
            .and_then(|amount| amount.text.parse::<Decimal>().ok())
            .map(|amount| amount.value().clone()),
        tax,
    })
}

/// General: one subtotal `VAT`. Special: `OTH`, without a percentage, and then `VAT`.
fn read_line_tax(total: &Element, family: Family) -> Option<LineTax> {
    let mut all = subtotals(total).into_iter();
    let special = if family == Family::Special {
        Some(all.next().filter(|s| s.scheme == "OTH" && s.percent.is_none() && s.category == "S")?)
    } else {
        None
    };
    let general = all.next().filter(|s| s.scheme == "VAT" && s.percent.is_some())?;
    if all.next().is_some() {
        return None;
    }
    Some(LineTax {
        amount: number_at(total, "cbc:TaxAmount"),
        rounding: number_at(total, "cbc:RoundingAmount"),
        special,
        general,
    })
}

fn subtotals(total: &Element) -> Vec<Subtotal> {
    total
        .all("cac:TaxSubtotal")
        .map(|subtotal| Subtotal {
            taxable: optional_number_at(subtotal, "cbc:TaxableAmount"),
            amount: number_at(subtotal, "cbc:TaxAmount"),
            category: subtotal.text_at("cac:TaxCategory/cbc:ID").to_owned(),
            percent: optional_number_at(subtotal, "cac:TaxCategory/cbc:Percent"),
            scheme: subtotal.text_at("cac:TaxCategory/cac:TaxScheme/cbc:ID").to_owned(),
        })
        .collect()
}

fn optional_number_at(element: &Element, path: &str) -> Option<BigRational> {
    element.text_at(path).parse::<Decimal>().ok().map(|decimal| decimal.value().clone())
}

/// The schema check has proved that required amounts are there and are numbers.
fn number_at(element: &Element, path: &str) -> BigRational {
    optional_number_at(element, path).unwrap_or_else(zero)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn read_xml(xml: &str) -> Result<Document, Vec<Finding>> {
        read(&crate::xml::parse(xml, crate::xml::Limits { depth: 16, elements: 1000 }).unwrap().root)
    }

    #[test]
    fn reads_type_digits() {
        assert_eq!(type_digits("011"), Some((0, false, Family::Income)));
        assert_eq!(type_digits("523"), Some((5, true, Family::Special)));
        for bad in ["", "01", "0111", "611", "031", "001", "014", "010", "٠١١"] {
            assert_eq!(type_digits(bad), None, "{bad}");
        }
    }

    #[test]
    fn reads_buyer_and_lines() {
        let document = read_xml(&sample::special()).unwrap();
        assert_eq!(document.buyer.kind.as_deref(), Some("TN"));
        assert_eq!(document.buyer.name, "احمد محمود");
        assert_eq!(document.lines.len(), 2);
        let special = document.lines[0].tax.as_ref().unwrap().special.as_ref().unwrap();
        assert_eq!(special.amount, *Decimal::scaled(10, 0).value());
    }

    #[test]
    fn taxes_must_be_those_of_the_family() {
        for (xml, digits) in [
            (sample::income(), ["\"011\"", "\"012\""]),
            (sample::general(), ["\"012\"", "\"011\""]),
            (sample::general(), ["\"012\"", "\"013\""]),
            (sample::special(), ["\"013\"", "\"012\""]),
        ] {
            assert!(read_xml(&sample::with(&xml, digits[0], digits[1])).is_err(), "{digits:?}");
        }
        let special = sample::special();
        let category = ">S</cbc:ID><cac:TaxScheme>";
        let percent = ">S</cbc:ID><cbc:Percent>10</cbc:Percent><cac:TaxScheme>";
        for (from, to) in [
            (category, percent),
            (">OTH<", ">VAT<"),
            (
                ">VAT</cbc:ID></cac:TaxScheme></cac:TaxCategory>",
                ">OTH</cbc:ID></cac:TaxScheme></cac:TaxCategory>",
            ),
        ] {
            assert!(read_xml(&sample::with(&special, from, to)).is_err(), "{to}");
        }
    }

    #[test]
    fn an_unknown_type_code_is_a_fault_of_its_own() {
        for (from, to) in
            [(">388<", ">380<"), (">388<", ">383<"), ("\"011\"", "\"711\""), ("\"011\"", "\"01\"")]
        {
            let findings = read_xml(&sample::with(&sample::income(), from, to)).unwrap_err();
            assert_eq!(findings[0].code, "invoiceTypeCode", "{from} -> {to}");
        }
    }
}
