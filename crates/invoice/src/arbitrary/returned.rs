//! Returns of a given original.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Strategy, any};

use crate::amount::Amount;
use crate::event::{Line, Seller};
use crate::limits;
use crate::returns::{OriginalDocument, OriginalReference, ReturnEvent, ReturnKind, ReturnLine, Returned};

use super::{date, note, text, texts, uuid};

/// What is left of a line, in billionths.
fn left_of(line: &Line, earlier: &Returned) -> i128 {
    let back = line.id.and_then(|id| earlier.get(&id)).map(|back| back.quantity).unwrap_or_default();
    let units = |amount: Amount| amount.billionths().unwrap_or_default();
    units(line.quantity) - units(back)
}

/// A valid return of what `earlier` returns have left of `original`: of everything, of some lines, of parts of lines. Where nothing is
/// left, the event asks for everything, and is refused when it is completed.
pub fn return_of(
    original: &OriginalDocument,
    earlier: &Returned,
    seller: &Seller,
) -> BoxedStrategy<ReturnEvent> {
    let left: Vec<(Line, i128)> = original
        .lines
        .iter()
        .map(|line| (line.clone(), left_of(line, earlier)))
        .filter(|(_, left)| *left > 0)
        .collect();
    let (original, seller) = (original.clone(), seller.clone());
    let head = (option::of(uuid()), texts::document_number(), date(), option::of(note()), text());
    // Thousandths of each line that come back: most often all or a part.
    let parts = option::weighted(0.8, vec((0_i128..=1_500, any::<bool>()), left.len()));
    (head, parts, any::<[bool; 3]>())
        .prop_map(move |((uuid, number, issue_date, note, reason), parts, [by_uuid, by_number, stated])| {
            ReturnEvent {
                schema_version: limits::SCHEMA_VERSION,
                uuid,
                amends: None,
                kind: ReturnKind::Return,
                number,
                issue_date,
                note,
                metadata: None,
                seller: seller.clone(),
                original: OriginalReference {
                    uuid: (by_uuid || !by_number).then(|| original.uuid.clone()),
                    number: by_number.then(|| original.number.clone()),
                    reason,
                    total: stated.then_some(original.total),
                    lines: None,
                },
                lines: parts.map(|parts| lines(&left, &parts)).filter(|lines| !lines.is_empty()),
                family: stated.then_some(original.family),
                scope: stated.then_some(original.scope),
                payment: stated.then_some(original.payment),
                currency: stated.then(|| original.currency.clone()),
                buyer: original.buyer.clone().filter(|_| stated),
            }
        })
        .boxed()
}

fn lines(left: &[(Line, i128)], parts: &[(i128, bool)]) -> Vec<ReturnLine> {
    left.iter()
        .zip(parts)
        .filter(|(_, (thousandths, _))| *thousandths > 0)
        .map(|((line, left), (thousandths, stated))| {
            let quantity = (left / 1_000 * thousandths).clamp(1, *left);
            ReturnLine {
                id: line.id.unwrap_or_default(),
                quantity: Amount::from_billionths(quantity).unwrap_or_default(),
                name: stated.then(|| line.name.clone()),
                unit_price: stated.then_some(line.unit_price),
                discount: None,
                tax: line.tax.clone().filter(|_| *stated),
                special_tax: None,
                consumer_price: line.consumer_price.filter(|_| *stated),
            }
        })
        .collect()
}
