//! Ordinary sales of the two retailers, all of them right. It must not know of the mistakes that are made on purpose.

use anyhow::Context;
use chrono::NaiveDate;
use invoice::Amount;
use invoice::event::{
    Buyer, Family, GeneralTax, Identification, IdentificationScheme, InvoiceEvent, Kind, Line, Payment,
    Scope, TaxCategory,
};
use invoice::limits::SCHEMA_VERSION;

use crate::dice::Dice;
use crate::goods::{ABROAD, By, Good};
use crate::people::{self, Shop};

/// An ordinary sale at a shop.
pub(crate) fn sale(
    shop: &Shop,
    count: u32,
    date: NaiveDate,
    dice: &mut Dice,
) -> anyhow::Result<InvoiceEvent> {
    let payment = if dice.chance(shop.cash) { Payment::Cash } else { Payment::Receivable };
    let named = payment == Payment::Receivable || dice.chance(shop.named);
    let business = shop.lines_most <= 6 && shop.named == 100 || payment == Payment::Receivable;
    let buyer = match (named, business) {
        (false, _) => None,
        (true, true) => Some(people::firm(dice)),
        (true, false) => Some(people::person(dice)),
    };
    let mut event = InvoiceEvent {
        schema_version: SCHEMA_VERSION,
        uuid: (!shop.simple_till).then(|| dice.uuid()),
        amends: None,
        kind: Kind::Invoice,
        family: shop.family,
        scope: Scope::Local,
        payment,
        number: format!("{}{count:05}", shop.prefix),
        issue_date: date,
        currency: "JOD".to_owned(),
        prices: invoice::event::Prices::Net,
        discount: None,
        note: note(dice),
        metadata: None,
        seller: shop.seller(),
        buyer,
        original: None,
        lines: Vec::new(),
    };
    for _ in 0..dice.between(1, shop.lines_most) {
        event.lines.push(line(dice.pick(shop.goods), shop.family, dice)?);
    }
    name_large_sale(&mut event, dice)?;
    Ok(event)
}

/// A cash sale above 10,000 JOD names its buyer, as any other that the law wants named.
fn name_large_sale(event: &mut InvoiceEvent, dice: &mut Dice) -> anyhow::Result<()> {
    let payable = invoice::Totals::of(event, &invoice::Profile::default())?.payable;
    if event.buyer.is_none() && payable > amount("10000")?.decimal() {
        event.buyer = Some(people::firm(dice));
    }
    Ok(())
}

/// A sale that leaves the customs territory, or goes to a development area: every line is zero-rated.
pub(crate) fn abroad(
    shop: &Shop,
    count: u32,
    date: NaiveDate,
    scope: Scope,
    currency: &str,
    dice: &mut Dice,
) -> anyhow::Result<InvoiceEvent> {
    let mut event = sale(shop, count, date, dice)?;
    event.scope = scope;
    currency.clone_into(&mut event.currency);
    event.payment = Payment::Receivable;
    event.buyer = Some(match scope {
        Scope::DevelopmentArea => {
            let (name, number) = people::DEVELOPMENT_FIRM;
            let identification =
                Identification { scheme: IdentificationScheme::TN, number: number.to_owned() };
            Buyer { name: Some(name.to_owned()), identification: Some(identification), ..people::firm(dice) }
        }
        _ => Buyer { name: Some((*dice.pick(&people::FOREIGN)).to_owned()), ..Buyer::default() },
    });
    event.lines.clear();
    for good in ABROAD.iter().take(usize::try_from(dice.between(1, 3))?) {
        let mut line = line(good, shop.family, dice)?;
        line.tax = Some(GeneralTax { category: TaxCategory::O, percent: Amount::ZERO });
        event.lines.push(line);
    }
    Ok(event)
}

fn note(dice: &mut Dice) -> Option<String> {
    let notes = [
        "البضاعة المباعة ترد خلال 7 أيام",
        "شكراً لتسوقكم معنا",
        "Delivered to the back door",
        "التوصيل مجاني",
    ];
    dice.chance(15).then(|| (*dice.pick(&notes)).to_owned())
}

fn line(good: &Good, family: Family, dice: &mut Dice) -> anyhow::Result<Line> {
    let (category, percent) = good.tax;
    let percent = u64::from(percent);
    // Thousandths of the unit.
    let quantity = match good.by {
        By::Piece(most) => dice.between(1, most) * 1_000,
        By::Gram(least, most) => dice.between(least / 5, most / 5) * 5,
        By::Quarter(least, most) => dice.between(least, most) * 250,
    };
    let shelf = family == Family::GeneralSales && percent > 0 && dice.chance(30);
    let unit_price = if shelf { before_tax(good.fils, percent) } else { decimal(good.fils, 3) };
    // In fils.
    let gross = quantity * good.fils / 1_000;
    let discount = if dice.chance(12) { gross * dice.pick(&[5, 10, 15]) / 100 / 5 * 5 } else { 0 };
    Ok(Line {
        id: None,
        name: good.name.to_owned(),
        quantity: amount(&decimal(quantity, 3))?,
        unit_price: amount(&unit_price)?,
        discount: amount(&decimal(discount, 3))?,
        tax: match family {
            Family::Income => None,
            Family::GeneralSales | Family::SpecialSales => {
                Some(GeneralTax { category, percent: amount(&percent.to_string())? })
            }
        },
        total: None,
        special_tax: None,
        consumer_price: None,
    })
}

/// Shelf prices hold the tax and are round; the price before tax then has nine decimals, as tills print it.
fn before_tax(fils: u64, percent: u64) -> String {
    let shelf = (fils * (100 + percent) / 100).div_ceil(50) * 50;
    let (numerator, denominator) = (shelf * 1_000_000 * 100, 100 + percent);
    decimal((numerator * 2 + denominator) / (denominator * 2), 9)
}

fn decimal(value: u64, decimals: u32) -> String {
    let unit = 10_u64.pow(decimals);
    let width = usize::try_from(decimals).unwrap_or(0);
    format!("{}.{:0width$}", value / unit, value % unit)
}

pub(crate) fn amount(text: &str) -> anyhow::Result<Amount> {
    text.parse().with_context(|| format!("the generator wrote {text:?} for an amount"))
}
