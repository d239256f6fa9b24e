//! Random returns of a random original, in random portions, until nothing is left: together they are the original.

use std::collections::BTreeMap;

use invoice::event::{InvoiceEvent, Line};
use invoice::returns::{OriginalReference, ReturnKind, ReturnLine, Returned, complete};
use invoice::{Amount, OriginalDocument, ReturnEvent, Totals};
use rust_decimal::Decimal;

use super::{Check, Tally};
use crate::random::Random;

/// The most portions.
const PORTIONS: u64 = 5;

/// Takes the original back, first in portions, then what is left.
pub(super) fn until_nothing_is_left(
    check: &Check<'_>,
    random: &mut Random,
    sold: &InvoiceEvent,
    xml: &[u8],
    tally: &mut Tally,
) -> Result<(), String> {
    let reading = ubl::read(xml).map_err(|error| error.to_string())?;
    let original = reading.original().map_err(|findings| format!("no original: {findings:?}"))?;
    let mut returned = Returned::new();
    let mut documents = Vec::new();
    for portion in 0..=random.between(0, PORTIONS) {
        let lines = portion_of(random, &original, &returned);
        if lines.is_empty() {
            break;
        }
        documents.push(one(check, sold, &original, &reading, (portion, Some(lines)), &mut returned, tally)?);
    }
    if left(&original, &returned).any(|(_, left)| left > Decimal::ZERO) {
        documents.push(one(check, sold, &original, &reading, (99, None), &mut returned, tally)?);
    }
    together_the_original(&original, &documents)?;
    let event = event(sold, &original, 100, None);
    if complete(&event, &original, &returned).is_ok() {
        return Err("something came back after nothing was left".to_owned());
    }
    tally.exhausted += 1;
    Ok(())
}

/// One return: completed, written, checked, remembered.
fn one(
    check: &Check<'_>,
    sold: &InvoiceEvent,
    original: &OriginalDocument,
    reading: &ubl::Reading,
    (portion, lines): (u64, Option<Vec<ReturnLine>>),
    returned: &mut Returned,
    tally: &mut Tally,
) -> Result<InvoiceEvent, String> {
    let event = event(sold, original, portion, lines);
    let (document, back) = complete(&event, original, returned)
        .map_err(|faults| format!("portion {portion} is refused: {faults:?}\n{event:#?}\n{returned:?}"))?;
    let totals = Totals::of(&document, check.profile).map_err(|error| error.to_string())?;
    check.document(&document, &totals, 1_000_000 + portion, Some(reading.buyer()), tally)?;
    for (id, line) in back {
        let sum = returned.entry(id).or_default();
        *sum = sum.plus(&line).ok_or("too much came back")?;
    }
    Ok(document)
}

fn event(
    sold: &InvoiceEvent,
    original: &OriginalDocument,
    portion: u64,
    lines: Option<Vec<ReturnLine>>,
) -> ReturnEvent {
    ReturnEvent {
        schema_version: 1,
        uuid: None,
        amends: None,
        kind: ReturnKind::Return,
        number: format!("{}-R{portion}", sold.number),
        issue_date: sold.issue_date,
        note: Some("مرتجع".to_owned()),
        metadata: None,
        seller: sold.seller.clone(),
        original: OriginalReference {
            uuid: Some(original.uuid.clone()),
            number: Some(original.number.clone()),
            reason: "تالف & غير صالح".to_owned(),
            total: None,
            lines: None,
        },
        lines,
        family: None,
        scope: None,
        payment: None,
        currency: None,
        buyer: None,
    }
}

/// What has not come back yet, by line.
fn left<'a>(
    original: &'a OriginalDocument,
    returned: &'a Returned,
) -> impl Iterator<Item = (u32, Decimal)> + 'a {
    original.lines.iter().map(|line| {
        let id = line.id.unwrap_or_default();
        let back = returned.get(&id).map(|back| back.quantity.decimal()).unwrap_or_default();
        (id, line.quantity.decimal() - back)
    })
}

/// Some of the lines with some of what is left of each.
fn portion_of(random: &mut Random, original: &OriginalDocument, returned: &Returned) -> Vec<ReturnLine> {
    let mut lines = Vec::new();
    for (id, left) in left(original, returned) {
        if left <= Decimal::ZERO || random.chance(400) {
            continue;
        }
        let quantity = if random.chance(300) {
            left
        } else {
            let part = Decimal::from(random.between(1, 999)) / Decimal::from(1_000);
            let decimals = *random.pick(&[0, 3, 9]);
            (left * part).trunc_with_scale(decimals)
        };
        if quantity > Decimal::ZERO {
            lines.push(ReturnLine {
                id,
                quantity: Amount::from(quantity),
                name: None,
                unit_price: None,
                discount: None,
                tax: None,
                special_tax: None,
                consumer_price: None,
            });
        }
    }
    lines
}

/// Whether nearly all of the line was discount. No part's discount may exceed the part's quantity x price, whose tenth decimal and
/// those after it no discount can have: a billionth for each part may then be left over.
fn is_given_away(sold: &Line, discount: Decimal, parts: usize) -> bool {
    sold.quantity.decimal() * sold.unit_price.decimal() - discount <= billionths(parts)
}

fn billionths(count: usize) -> Decimal {
    Decimal::new(i64::try_from(count).unwrap_or(i64::MAX), 9)
}

/// Quantity, discount and special tax of each line add up to the original's, to the last digit; name, price, tax and consumer price
/// are the original's on every return.
fn together_the_original(original: &OriginalDocument, returns: &[InvoiceEvent]) -> Result<(), String> {
    let mut sums: BTreeMap<u32, [Decimal; 3]> = BTreeMap::new();
    for line in returns.iter().flat_map(|document| &document.lines) {
        let id = line.id.unwrap_or_default();
        let sold = original.lines.iter().find(|sold| sold.id == line.id).ok_or("a line of no original")?;
        let same = (&line.name, line.unit_price, &line.tax, line.consumer_price)
            == (&sold.name, sold.unit_price, &sold.tax, sold.consumer_price);
        if !same {
            return Err(format!("line {id} came back changed"));
        }
        let [quantity, discount, special] = sums.entry(id).or_default();
        *quantity += line.quantity.decimal();
        *discount += line.discount.decimal();
        *special += line.special_tax.unwrap_or_default().decimal();
    }
    for sold in &original.lines {
        let sum = sums.get(&sold.id.unwrap_or_default()).copied().unwrap_or_default();
        let whole = [sold.quantity, sold.discount, sold.special_tax.unwrap_or_default()].map(Amount::decimal);
        let parts =
            returns.iter().flat_map(|document| &document.lines).filter(|line| line.id == sold.id).count();
        let [quantity, discount, special] = sum;
        let given_away = is_given_away(sold, whole[1], parts)
            && discount < whole[1]
            && whole[1] - discount <= billionths(parts);
        if quantity != whole[0] || special != whole[2] || !(discount == whole[1] || given_away) {
            return Err(format!("line {:?}: {sum:?} came back of {whole:?}", sold.id));
        }
    }
    Ok(())
}
