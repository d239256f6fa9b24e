//! The JSON that Post2Tax takes, made from a document; or what of the document it cannot say. Knows both sides' fields,
//! not how anything is sent.
//!
//! | Post2Tax | from the document |
//! |---|---|
//! | `ID`, `UUID`, `SerialNo` | number, UUID, counter |
//! | `InvoiceType` | second digit of the type name: 1 cash, 2 receivable |
//! | `AreaCode` | the buyer's governorate, without `JO-` |
//! | `Supplier` | income source, registered name, tax number |
//! | `Customer` | name, kind of number (1 NIN, 2 PN, 3 TN), number, postal code, telephone |
//! | `TotalAmount`, `TotalTaxAmount`, `TotalDiscountAmount` | payable, general tax, discount, each half-up to 3 decimals |
//! | `SubTotalAmount` | total less tax plus discount: quantities times prices |
//! | lines' `TaxAmount`, `DiscountAmount` | to 3 decimals so that they add up to the totals; none moves by 0.001 |
//! | lines' `Quantity`, `Price` | as they are, to the last decimal |

use serde_json::{Map, Number, Value};

use super::amount::{Amount, share_out};
use super::document::Element;

/// The governorates that it knows: all but Balqa.
const AREAS: [&str; 11] = ["AM", "MN", "MD", "MA", "KA", "JA", "IR", "AZ", "AT", "AQ", "AJ"];

/// What is said of a line.
struct Line<'a> {
    id: &'a str,
    name: &'a str,
    quantity: Amount,
    price: Amount,
    discount: Amount,
    tax: Amount,
    percent: Amount,
}

/// The figures of a document.
///
/// # Errors
/// What the gateway's interface has no word for.
pub(super) fn figures(root: &Element) -> Result<Value, String> {
    let payment = expressible(root)?;
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
    put("ID", text(root.needed("ID")?));
    put("UUID", text(root.needed("UUID")?));
    put("SerialNo", text(counter(root)?));
    put("InvoiceType", Value::from(payment));
    put("InvoiceDate", text(root.needed("IssueDate")?));
    put("CountryCode", text("JO"));
    if let Some(area) = area(root)? {
        put("AreaCode", text(area));
    }
    put("CurrencyCode", text("JOD"));
    put("Supplier", supplier(root)?);
    put("Customer", customer(root)?);
    let lines = root.all("InvoiceLine").map(line).collect::<Result<Vec<_>, _>>()?;
    let discount = amount(root, "LegalMonetaryTotal/AllowanceTotalAmount")?.rounded();
    let tax = match root.at("TaxTotal") {
        Some(_) => amount(root, "TaxTotal/TaxAmount")?.rounded(),
        None => Amount::default(),
    };
    let total = amount(root, "LegalMonetaryTotal/PayableAmount")?.rounded();
    let subtotal = total.plus(discount).minus(tax);
    let exclusive = amount(root, "LegalMonetaryTotal/TaxExclusiveAmount")?;
    let Some(subtotal) = subtotal.filter(|subtotal| subtotal.near(exclusive)) else {
        return Err("the document's totals do not fit one another".to_owned());
    };
    put("TotalDiscountAmount", number(discount));
    put("TotalTaxAmount", number(tax));
    put("SubTotalAmount", number(subtotal));
    put("TotalAmount", number(total));
    put("InvoiceLines", Value::Array(written(&lines, discount, tax)?));
    if let Some(note) = root.text("Note") {
        put("Note", text(note));
    }
    Ok(Value::Object(body))
}

/// Refuses what there is no word for; the payment digit of what there is one for.
fn expressible(root: &Element) -> Result<u8, String> {
    if root.text("InvoiceTypeCode") != Some("388") || root.at("BillingReference").is_some() {
        return Err("it is a return".to_owned());
    }
    let name = root.attribute("InvoiceTypeCode", "name").unwrap_or_default();
    let payment = match name.as_bytes() {
        [b'0', b'1', b'1' | b'2'] => 1,
        [b'0', b'2', b'1' | b'2'] => 2,
        [b'0', _, b'3'] => return Err("it is a special sales invoice".to_owned()),
        [b'1'..=b'5', ..] => {
            return Err(
                "it is not local (export, development area, transit, foreign trade or free zone)".to_owned()
            );
        }
        _ => return Err(format!("its type name is {name:?}")),
    };
    for currency in ["DocumentCurrencyCode", "TaxCurrencyCode"] {
        match root.text(currency) {
            Some("JOD") => {}
            other => return Err(format!("its currency is {}, not JOD", other.unwrap_or("not given"))),
        }
    }
    Ok(payment)
}

fn line(line: &Element) -> Result<Line<'_>, String> {
    let id = line.needed("ID")?;
    let percent = match line.at("TaxTotal") {
        None => Amount::default(),
        Some(taxes) => {
            let category = taxes.text("TaxSubtotal/TaxCategory/ID").unwrap_or_default();
            if category != "S" {
                return Err(format!(
                    "line {id} is of category {category}: it does not tell exempt from zero-rated"
                ));
            }
            amount(taxes, "TaxSubtotal/TaxCategory/Percent")?
        }
    };
    if line.at("ItemPriceExtension").is_some() {
        return Err(format!("line {id} has a consumer price"));
    }
    let tax = match line.at("TaxTotal") {
        None => Amount::default(),
        Some(taxes) => amount(taxes, "TaxAmount")?,
    };
    let discount = match line.at("Price/AllowanceCharge") {
        None => Amount::default(),
        Some(allowance) => amount(allowance, "Amount")?,
    };
    Ok(Line {
        id,
        name: line.needed("Item/Name")?,
        quantity: amount(line, "InvoicedQuantity")?,
        price: amount(line, "Price/PriceAmount")?,
        discount,
        tax,
        percent,
    })
}

fn written(lines: &[Line<'_>], discount: Amount, tax: Amount) -> Result<Vec<Value>, String> {
    let unfit = |which: &str| format!("the lines' {which} do not add up to the document's");
    let discounts: Vec<Amount> = lines.iter().map(|line| line.discount).collect();
    let taxes: Vec<Amount> = lines.iter().map(|line| line.tax).collect();
    let discounts = share_out(&discounts, discount).ok_or_else(|| unfit("discounts"))?;
    let taxes = share_out(&taxes, tax).ok_or_else(|| unfit("taxes"))?;
    let write = |((line, discount), tax): ((&Line<'_>, Amount), Amount)| {
        object([
            ("ID", text(line.id)),
            ("ItemName", text(line.name)),
            ("Quantity", number(line.quantity)),
            ("Price", number(line.price)),
            ("DiscountAmount", number(discount)),
            ("TaxAmount", number(tax)),
            ("TaxPercent", number(line.percent)),
        ])
    };
    Ok(lines.iter().zip(discounts).zip(taxes).map(write).collect())
}

/// The counter, in the reference named ICV.
fn counter(root: &Element) -> Result<&str, String> {
    root.all("AdditionalDocumentReference")
        .find(|reference| reference.text("ID") == Some("ICV"))
        .and_then(|reference| reference.text("UUID"))
        .ok_or_else(|| "the document has no counter".to_owned())
}

fn area(root: &Element) -> Result<Option<&str>, String> {
    let path = "AccountingCustomerParty/Party/PostalAddress/CountrySubentityCode";
    let Some(code) = root.text(path) else { return Ok(None) };
    let short = code.strip_prefix("JO-").unwrap_or(code);
    if AREAS.contains(&short) { Ok(Some(short)) } else { Err(format!("its buyer's governorate is {code}")) }
}

fn supplier(root: &Element) -> Result<Value, String> {
    Ok(object([
        ("ID", text(root.needed("SellerSupplierParty/Party/PartyIdentification/ID")?)),
        ("Name", text(root.needed("AccountingSupplierParty/Party/PartyLegalEntity/RegistrationName")?)),
        ("TaxNumber", text(root.needed("AccountingSupplierParty/Party/PartyTaxScheme/CompanyID")?)),
    ]))
}

fn customer(root: &Element) -> Result<Value, String> {
    const ID: &str = "Party/PartyIdentification/ID";
    let empty = Element::default();
    let buyer = root.at("AccountingCustomerParty").unwrap_or(&empty);
    let mut customer = Map::new();
    let mut put = |name: &str, value: Value| drop(customer.insert(name.to_owned(), value));
    put("Name", text(buyer.text("Party/PartyLegalEntity/RegistrationName").unwrap_or_default()));
    if let Some(identifier) = buyer.text(ID) {
        let kind = match buyer.attribute(ID, "schemeID") {
            Some("NIN") => 1,
            Some("PN") => 2,
            Some("TN") => 3,
            other => return Err(format!("its buyer's number is of kind {}", other.unwrap_or("unknown"))),
        };
        put("IdentifiedBy", Value::from(kind));
        put("Identifier", text(identifier));
    }
    if let Some(zone) = buyer.text("Party/PostalAddress/PostalZone") {
        put("PostalZone", text(zone));
    }
    if let Some(telephone) = buyer.text("AccountingContact/Telephone") {
        put("Telephone", Value::String(with_prefix(telephone)));
    }
    Ok(Value::Object(customer))
}

/// The prefix 00962 and nine digits, as its description has it. What is no Jordanian number is left to its judgement.
fn with_prefix(telephone: &str) -> String {
    let own = match telephone.len() {
        14 => telephone.strip_prefix("00962"),
        12 => telephone.strip_prefix("962"),
        10 => telephone.strip_prefix('0'),
        9 => Some(telephone),
        _ => None,
    };
    own.map_or_else(|| telephone.to_owned(), |own| format!("00962{own}"))
}

fn amount(element: &Element, path: &'static str) -> Result<Amount, String> {
    let text = element.needed(path)?;
    Amount::read(text).ok_or_else(|| format!("{path} is {text:?}, which is no amount"))
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// A number with the very digits of the amount.
fn number(amount: Amount) -> Value {
    amount.to_string().parse::<Number>().map_or(Value::Null, Value::Number)
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
