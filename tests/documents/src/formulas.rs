//! Every formula of the authority, recomputed from the printed numbers with exact rationals (guide v1.5, calculation chapters). Shares no
//! code with writer, reader or totals.

use invoice::event::{InvoiceEvent, Prices};
use invoice::profile::{CurrencyId, Rounding};
use invoice::{Profile, Totals};
use num_bigint::BigInt;
use num_rational::BigRational;

use super::printed::{self, Line, Numbers};

/// The exact amounts of a line, or of all lines.
#[derive(Clone)]
struct Exact {
    gross: BigRational,
    discount: BigRational,
    special: BigRational,
    tax: BigRational,
}

impl Exact {
    fn zero() -> Self {
        let zero = || whole(0);
        Self { gross: zero(), discount: zero(), special: zero(), tax: zero() }
    }

    fn net(&self) -> BigRational {
        &self.gross - &self.discount
    }

    fn total(&self) -> BigRational {
        self.net() + &self.special + &self.tax
    }

    fn add(&mut self, other: &Self) {
        self.gross += &other.gross;
        self.discount += &other.discount;
        self.special += &other.special;
        self.tax += &other.tax;
    }
}

/// Checks every printed amount, and says how many there were.
pub(super) fn check(xml: &[u8], profile: &Profile) -> Result<u64, String> {
    let numbers = printed::numbers(xml)?;
    check_currency_ids(&numbers, profile)?;
    let family = numbers.code.as_bytes().get(2).copied().unwrap_or_default();
    let mut checked = Checked(0);
    let mut sum = Exact::zero();
    for (line, place) in numbers.lines.iter().zip(1..) {
        let exact = exact(line, family, profile).map_err(|error| format!("line {place}: {error}"))?;
        check_line(line, &exact, family, profile, &mut checked)
            .map_err(|error| format!("line {place}: {error}"))?;
        sum.add(&exact);
    }
    if numbers.lines.is_empty() {
        return Err("no lines".to_owned());
    }
    let mut amount = |place: &str, expected: BigRational| {
        let printed = numbers.document.get(place).ok_or_else(|| format!("{place} is not printed"))?;
        checked.equal(place, printed, &rounded(&expected))
    };
    amount("cac:AllowanceCharge/cbc:Amount", sum.discount.clone())?;
    amount("cac:LegalMonetaryTotal/cbc:AllowanceTotalAmount", sum.discount.clone())?;
    amount("cac:LegalMonetaryTotal/cbc:TaxExclusiveAmount", sum.gross.clone())?;
    amount("cac:LegalMonetaryTotal/cbc:TaxInclusiveAmount", sum.total())?;
    amount("cac:LegalMonetaryTotal/cbc:PayableAmount", sum.total())?;
    if numbers.document.contains_key("cac:LegalMonetaryTotal/cbc:PrepaidAmount") {
        amount("cac:LegalMonetaryTotal/cbc:PrepaidAmount", whole(0))?;
    }
    if family == b'1' {
        if numbers.document.contains_key("cac:TaxTotal/cbc:TaxAmount") {
            return Err("an income document prints a tax".to_owned());
        }
    } else {
        amount("cac:TaxTotal/cbc:TaxAmount", sum.tax.clone())?;
    }
    check_rates(&numbers, &mut checked)?;
    Ok(checked.0)
}

fn check_currency_ids(numbers: &Numbers, profile: &Profile) -> Result<(), String> {
    let expected = match profile.currency_id {
        CurrencyId::Jo => "JO",
        CurrencyId::Iso => &numbers.currency,
    };
    match numbers.currency_ids.iter().find(|code| *code != expected) {
        Some(code) => Err(format!("currencyID {code:?} instead of {expected:?}")),
        None => Ok(()),
    }
}

/// What the line's amounts are computed from, before anything is rounded; by the other reading quantity x price and the tax are
/// rounded at once.
fn exact(line: &Line, family: u8, profile: &Profile) -> Result<Exact, String> {
    let number = |place: &str| line.numbers.get(place).ok_or_else(|| format!("{place} is not printed"));
    let kept = |value: BigRational| match profile.rounding {
        Rounding::Once => value,
        Rounding::SumOfLines => rounded(&value),
    };
    let quantity = number("cac:InvoiceLine/cbc:InvoicedQuantity")?;
    let price = number("cac:Price/cbc:PriceAmount")?;
    let discount = number("cac:AllowanceCharge/cbc:Amount")?;
    let gross = kept(quantity * price);
    if *quantity <= whole(0) || *price <= whole(0) || *discount > gross {
        return Err("quantity and price must be above 0, and the discount within the gross".to_owned());
    }
    let mut exact = Exact { gross, discount: discount.clone(), ..Exact::zero() };
    if family == b'1' {
        return Ok(exact);
    }
    let general = line.general.as_ref().ok_or("no general tax")?;
    let percent = general.get("cac:TaxCategory/cbc:Percent").ok_or("no percent")?;
    if family == b'3' {
        let special = line.special.as_ref().ok_or("no special tax")?;
        exact.special = special.get("cac:TaxSubtotal/cbc:TaxAmount").ok_or("no special tax amount")?.clone();
    } else if line.special.is_some() {
        return Err("special tax on a document that has none".to_owned());
    }
    let consumer = line.numbers.get("cac:ItemPriceExtension/cbc:Amount");
    let base = match consumer {
        Some(consumer) if consumer < price => return Err("consumer price below the unit price".to_owned()),
        Some(consumer) if consumer > price => kept(quantity * consumer),
        _ => exact.net(),
    };
    exact.tax = kept((base + &exact.special) * percent / whole(100));
    Ok(exact)
}

fn check_line(
    line: &Line,
    exact: &Exact,
    family: u8,
    profile: &Profile,
    checked: &mut Checked,
) -> Result<(), String> {
    let number = |place: &str| line.numbers.get(place).ok_or_else(|| format!("{place} is not printed"));
    let extension = rounded(&exact.net());
    let place = "cac:InvoiceLine/cbc:LineExtensionAmount";
    checked.equal(place, number(place)?, &extension)?;
    if family == b'1' {
        return Ok(());
    }
    let place = "cac:TaxTotal/cbc:TaxAmount";
    checked.equal(place, number(place)?, &rounded(&exact.tax))?;
    let as_printed =
        profile.consumer_total_as_printed && line.numbers.contains_key("cac:ItemPriceExtension/cbc:Amount");
    let total = if as_printed { exact.net() + &exact.tax } else { exact.total() };
    let place = "cac:TaxTotal/cbc:RoundingAmount";
    checked.equal(place, number(place)?, &rounded(&total))?;
    for (subtotal, tax) in [(&line.general, Some(rounded(&exact.tax))), (&line.special, None)] {
        let Some(subtotal) = subtotal else { continue };
        if let Some(taxable) = subtotal.get("cac:TaxSubtotal/cbc:TaxableAmount") {
            checked.equal("TaxableAmount", taxable, &extension)?;
        }
        if let (Some(printed), Some(tax)) = (subtotal.get("cac:TaxSubtotal/cbc:TaxAmount"), tax) {
            checked.equal("TaxSubtotal/TaxAmount", printed, &tax)?;
        }
    }
    Ok(())
}

/// The subtotals of the rates are the sums of what the lines print.
fn check_rates(numbers: &Numbers, checked: &mut Checked) -> Result<(), String> {
    let rate = |of: &std::collections::BTreeMap<String, BigRational>| {
        (of.get("letter").cloned(), of.get("cac:TaxCategory/cbc:Percent").cloned())
    };
    for subtotal in &numbers.rates {
        let (mut taxable, mut tax) = (whole(0), whole(0));
        for line in &numbers.lines {
            let general = line.general.as_ref().filter(|general| rate(general) == rate(subtotal));
            if let Some(general) = general {
                taxable +=
                    line.numbers.get("cac:InvoiceLine/cbc:LineExtensionAmount").ok_or("no extension")?;
                tax += general.get("cac:TaxSubtotal/cbc:TaxAmount").ok_or("no tax")?;
            }
        }
        let printed = |name: &str| subtotal.get(name).ok_or_else(|| format!("{name} of a rate"));
        checked.equal("TaxableAmount of a rate", printed("cac:TaxSubtotal/cbc:TaxableAmount")?, &taxable)?;
        checked.equal("TaxAmount of a rate", printed("cac:TaxSubtotal/cbc:TaxAmount")?, &tax)?;
    }
    Ok(())
}

/// How many amounts were compared.
struct Checked(u64);

impl Checked {
    fn equal(&mut self, place: &str, printed: &BigRational, expected: &BigRational) -> Result<(), String> {
        self.0 += 1;
        if printed == expected { Ok(()) } else { Err(format!("{place} is {printed} instead of {expected}")) }
    }
}

/// An event with options against the document that came of it: a document discount is spread to the last digit, and a line of shop
/// prices lands on its total, or one unit of the ninth decimal beside it where no net amount reaches it.
pub(super) fn settled(shop: &InvoiceEvent, totals: &Totals) -> Result<(), String> {
    let number = |value: &dyn std::fmt::Display| {
        let text = value.to_string();
        printed::rational(&text).ok_or_else(|| format!("{text} is no amount"))
    };
    let whole_discount = match shop.discount {
        Some(discount) => number(&discount)?,
        None => whole(0),
    };
    if shop.prices == Prices::Net {
        let mut stated = whole_discount;
        for line in &shop.lines {
            stated += number(&line.discount)?;
        }
        let allowance = number(&totals.allowance)?;
        return if allowance == stated { Ok(()) } else { Err(format!("{allowance} of {stated} was spread")) };
    }
    let unit = BigRational::new(1.into(), BigInt::from(1_000_000_000));
    let mut wanted = -whole_discount.clone();
    for (line, totals) in shop.lines.iter().zip(&totals.lines) {
        let total = match line.total {
            Some(total) => number(&total)?,
            None => rounded(&(number(&line.quantity)? * number(&line.unit_price)? - number(&line.discount)?)),
        };
        let landed = number(&totals.with_tax)?;
        let off = &landed - &total;
        if whole_discount == whole(0) && (off > unit || off < -unit.clone()) {
            return Err(format!("a shop total of {total} became {landed}"));
        }
        wanted += total;
    }
    let lines = whole(i64::try_from(shop.lines.len()).unwrap_or(i64::MAX));
    let off = number(&totals.payable)? - wanted;
    let most = unit * (lines + whole(1)) * whole(2);
    if off > most || off < -most { Err(format!("the shop's total is missed by {off}")) } else { Ok(()) }
}

fn whole(value: i64) -> BigRational {
    BigRational::from_integer(value.into())
}

/// Half-up at nine decimals; amounts are not negative.
fn rounded(value: &BigRational) -> BigRational {
    let billion = whole(1_000_000_000);
    let half = BigRational::new(1.into(), 2.into());
    (value * &billion + half).floor() / billion
}
