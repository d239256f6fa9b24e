//! From an event to the plain document: document discounts spread over the lines, prices with tax turned into net ones
//! (specification, section 3.5). Must not know the rules: what has a result is given it.

mod landing;
mod spread;
mod wide;

use crate::amount::Amount;
use crate::event::{Family, InvoiceEvent, Line, Prices};
use crate::phone;
use crate::profile::{Profile, Rounding};
use crate::totals::{Totals, TotalsError, not_exact, whole};

use landing::Shop;
use spread::Bearer;

/// A document as it will be written: options resolved, every amount before tax, with its totals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// The event without options: prices net, no document discount, no shop totals, the telephone number as documents write it.
    pub event: InvoiceEvent,
    /// Its amounts.
    pub totals: Totals,
}

/// Resolves the options of `event` and calculates it by the taxpayer's readings.
///
/// **The document's discount** is spread over the lines in proportion to what each comes to after its own discount, by the
/// largest remainder in whole fils (finer if the discount itself is), a tie going to the earlier line; no line bears more than it
/// comes to, and the shares add up to the discount exactly.
///
/// **Prices with tax.** A line's shop total S is its `total`, else quantity x price - discount, rounded half-up at 9 decimals;
/// its share of the document's discount is taken off it. It holds the special tax as well: S = (LE + sp)(1 + r). The net
/// price is the shop's, less the tax, rounded up at the ninth decimal, and the discount is what quantity x net price has more
/// than LE: never negative, and above what the shop gave by no more than the rounding of the price adds. (Where the price
/// rounded down needs no discount and lands, it is taken.) The line's printed total with tax then is S exactly, or, where no LE
/// of nine decimals reaches S, one unit in the ninth decimal beside it: LE(1 + r) goes in steps of 1.16e-9 at 16 %, so that a
/// whole quantity misses about one S in seven. A broken quantity has finer steps; its price is raised by up to
/// 256 units in the ninth decimal until it lands. At three decimals S is always exact, and so is the sum of all S.
///
/// # Errors
/// As [`Totals::of`]; a discount above what the lines can bear; a special tax above its line's price with tax.
pub fn settle(event: &InvoiceEvent, profile: &Profile) -> Result<Settled, TotalsError> {
    let mut event = event.clone();
    if let Some(buyer) = &mut event.buyer {
        buyer.phone = buyer.phone.as_deref().and_then(|phone| phone::for_document(phone, profile.phone));
    }
    let discount = event.discount.take().unwrap_or_default();
    match std::mem::take(&mut event.prices) {
        Prices::Net if discount == Amount::ZERO => {}
        Prices::Net => spread_net(&mut event, discount)?,
        Prices::TaxIncluded => without_tax(&mut event, discount, profile.rounding)?,
    }
    for line in &mut event.lines {
        line.total = None;
    }
    let totals = Totals::of(&event, profile)?;
    Ok(Settled { event, totals })
}

/// Adds each line's share of the document's discount to its own.
fn spread_net(event: &mut InvoiceEvent, discount: Amount) -> Result<(), TotalsError> {
    let bearers = event
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| bearer_net(line).ok_or_else(|| not_exact(index)))
        .collect::<Result<Vec<_>, _>>()?;
    for (index, (line, share)) in event.lines.iter_mut().zip(spread::spread(discount, &bearers)?).enumerate()
    {
        let both = line.discount.billionths().and_then(|own| own.checked_add(share));
        line.discount = both.and_then(Amount::from_billionths).ok_or_else(|| not_exact(index))?;
    }
    Ok(())
}

/// The most that a document's discount may be; none where the event has no result anyhow.
#[cfg(any(test, feature = "arbitrary"))]
pub(crate) fn bearable(event: &InvoiceEvent) -> Option<Amount> {
    let line = |(index, line)| match event.prices {
        Prices::Net => Some(bearer_net(line)?.most),
        Prices::TaxIncluded => Some(shop(line, event.family, index).ok()?.bearer()?.most),
    };
    event.lines.iter().enumerate().map(line).sum::<Option<i128>>().and_then(Amount::from_billionths)
}

/// What a line of net prices comes to, in units of 10^-18 to be compared, and in 10^-9 to be borne.
fn bearer_net(line: &Line) -> Option<Bearer> {
    let gross = line.quantity.billionths()?.checked_mul(line.unit_price.billionths()?)?;
    let discount = line.discount.billionths()?.checked_mul(landing::BILLION)?;
    let weight = u128::try_from(gross.checked_sub(discount)?).ok()?;
    Some(Bearer { weight, most: i128::try_from(weight).ok()? / landing::BILLION })
}

/// Turns every line of shop prices into one of net prices.
fn without_tax(event: &mut InvoiceEvent, discount: Amount, rounding: Rounding) -> Result<(), TotalsError> {
    let mut shops = event
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| shop(line, event.family, index))
        .collect::<Result<Vec<_>, _>>()?;
    if discount != Amount::ZERO {
        let bearers = shops.iter().map(Shop::bearer).collect::<Option<Vec<_>>>();
        let bearers = bearers.ok_or_else(|| TotalsError::NotExact { path: "lines".to_owned() })?;
        for (shop, share) in shops.iter_mut().zip(spread::spread(discount, &bearers)?) {
            shop.total -= share;
        }
    }
    for (index, (line, shop)) in event.lines.iter_mut().zip(shops).enumerate() {
        let landed = shop.land(rounding).ok_or_else(|| not_exact(index))?;
        let amount = |units| Amount::from_billionths(units).ok_or_else(|| not_exact(index));
        (line.unit_price, line.discount) = (amount(landed.unit_price)?, amount(landed.discount)?);
    }
    Ok(())
}

/// What the shop says of a line; refused where its special tax does not fit into its total.
fn shop(line: &Line, family: Family, index: usize) -> Result<Shop, TotalsError> {
    let no_formula =
        |field: &str, reason| TotalsError::NoFormula { path: format!("lines[{index}].{field}"), reason };
    if line.consumer_price.is_some() {
        return Err(no_formula(
            "consumer_price",
            "the tax rests on it, so that no price of a unit includes the tax",
        ));
    }
    // A rate that is missing or broken is told of by the totals.
    let percent = line.tax.as_ref().filter(|_| family != Family::Income).and_then(|tax| whole(tax.percent));
    let percent = percent.filter(|percent| (0..=100).contains(percent));
    let special_tax = line.special_tax.filter(|_| family == Family::SpecialSales).unwrap_or_default();
    let read = || {
        let (quantity, unit_price) = (line.quantity.billionths()?, line.unit_price.billionths()?);
        let total = match line.total {
            Some(total) => total.billionths()?,
            None => {
                let discount = line.discount.billionths()?.checked_mul(landing::BILLION)?;
                landing::rounded(quantity.checked_mul(unit_price)?.checked_sub(discount)?)?
            }
        };
        let special_tax = special_tax.billionths()?;
        Some(Shop { quantity, unit_price, total, special_tax, percent: percent.unwrap_or_default() })
    };
    let shop = read().filter(|shop| shop.quantity > 0).ok_or_else(|| not_exact(index))?;
    if shop.total < 0 {
        return Err(no_formula("discount", "more than quantity x unit price"));
    }
    if shop.base().ok_or_else(|| not_exact(index))? < 0 {
        let total = Amount::from_billionths(shop.total).ok_or_else(|| not_exact(index))?;
        return Err(TotalsError::SpecialTaxAbovePrice {
            path: format!("lines[{index}]"),
            special_tax,
            total,
        });
    }
    Ok(shop)
}

#[cfg(test)]
mod tests;
