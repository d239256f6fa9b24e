//! Generators of valid events for property tests, here and in other crates (feature `arbitrary`). Not for production.
//!
//! They cover all 36 type codes and all currencies, prices before tax and with it, discounts on lines and on the document, special
//! taxes and consumer prices, prices of nine decimals with weights of three, buyers of every kind, and Arabic, English and
//! XML-hostile texts. [`crate::validate()`] finds no fault in any of them; a test says so.

mod lines;
mod parties;
mod profiles;
mod returned;
mod texts;

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::amount::Amount;
use crate::event::{
    Buyer, Family, Identification, IdentificationScheme, InvoiceEvent, Kind, Original, Payment, Prices,
    Scope, Seller,
};
use crate::limits;
use crate::profile::Profile;
use crate::settle::{bearable, settle};

pub use profiles::profile;
pub use returned::return_of;
pub use texts::text;

use lines::draft;
use parties::{buyer, seller};

/// Any valid event of up to eight lines: a sale as it is published, or the completed document of a return.
pub fn event() -> BoxedStrategy<InvoiceEvent> {
    prop_oneof![invoice(), of_any_family(Kind::Return)].boxed()
}

/// Any valid sale of up to eight lines.
pub fn invoice() -> BoxedStrategy<InvoiceEvent> {
    of_any_family(Kind::Invoice)
}

fn of_any_family(kind: Kind) -> BoxedStrategy<InvoiceEvent> {
    let [income, general, special] =
        [Family::Income, Family::GeneralSales, Family::SpecialSales].map(|family| event_of(kind, family));
    prop_oneof![income, general, special].boxed()
}

/// What stands in an event besides its lines and its buyer.
#[derive(Debug, Clone)]
struct Head {
    uuid: Option<Uuid>,
    scope: Scope,
    payment: Payment,
    number: String,
    issue_date: NaiveDate,
    currency: &'static str,
    note: Option<String>,
    metadata: Option<BTreeMap<String, String>>,
    seller: Seller,
    original: Original,
}

/// A valid event of this kind and family, of up to eight lines.
pub fn event_of(kind: Kind, family: Family) -> BoxedStrategy<InvoiceEvent> {
    let lines = (vec(draft(), 1..=8), any::<bool>(), 1_u32..1_000);
    // Consumer prices by permission only, and then without tax in the prices.
    let options =
        (select(&[Prices::Net, Prices::Net, Prices::TaxIncluded][..]), 0_u8..3, option::of(0_i64..=1_000));
    (head(), (option::of(buyer()), buyer()), lines, options)
        .prop_map(move |(head, buyers, (drafts, numbered, first_id), (prices, consumer, discount))| {
            let of_return = kind == Kind::Return;
            let consumer = consumer == 0 && family != Family::Income;
            let prices = if of_return || consumer { Prices::Net } else { prices };
            let mut event = assemble(head, kind, family, prices);
            event.lines = drafts
                .into_iter()
                .zip(first_id..)
                .map(|(draft, id)| draft.line(&event, consumer, (numbered || of_return).then_some(id)))
                .collect();
            if let Some(thousandths) = discount.filter(|_| !of_return) {
                event.discount = part_of(bearable(&event), thousandths);
            }
            let (buyer, spare) = buyers;
            event.buyer = buyer;
            name_the_buyer(&mut event, spare);
            event
        })
        .boxed()
}

fn head() -> impl Strategy<Value = Head> {
    let metadata = option::weighted(0.2, btree_map(texts::name(), text(), 0..3));
    (
        option::of(uuid()),
        select(&SCOPES[..]),
        select(&[Payment::Cash, Payment::Receivable][..]),
        texts::document_number(),
        date(),
        prop_oneof![3 => Just("JOD"), 1 => select(&limits::CURRENCIES[..])],
        option::of(note()),
        metadata,
        seller(),
        original(),
    )
        .prop_map(
            |(uuid, scope, payment, number, issue_date, currency, note, metadata, seller, original)| Head {
                uuid,
                scope,
                payment,
                number,
                issue_date,
                currency,
                note,
                metadata,
                seller,
                original,
            },
        )
}

/// The event without lines and buyer.
fn assemble(head: Head, kind: Kind, family: Family, prices: Prices) -> InvoiceEvent {
    InvoiceEvent {
        schema_version: limits::SCHEMA_VERSION,
        uuid: head.uuid,
        amends: None,
        kind,
        family,
        scope: head.scope,
        payment: head.payment,
        number: head.number,
        issue_date: head.issue_date,
        currency: head.currency.to_owned(),
        prices,
        discount: None,
        note: head.note,
        metadata: head.metadata,
        seller: head.seller,
        buyer: None,
        original: (kind == Kind::Return).then_some(head.original),
        lines: Vec::new(),
    }
}

/// So many thousandths of an amount, in fils where it has any.
fn part_of(amount: Option<Amount>, thousandths: i64) -> Option<Amount> {
    let units = amount?.billionths()?.checked_mul(i128::from(thousandths))? / 1_000;
    let fils = units / 1_000_000 * 1_000_000;
    Amount::from_billionths(if fils == 0 { units } else { fils })
}

const SCOPES: [Scope; 6] = [
    Scope::Local,
    Scope::Export,
    Scope::DevelopmentArea,
    Scope::Transit,
    Scope::ForeignTrade,
    Scope::FreeZone,
];

/// Puts `spare` in where the rules ask for a buyer.
fn name_the_buyer(event: &mut InvoiceEvent, mut spare: Buyer) {
    let limit = Decimal::from(limits::NAMELESS_JOD);
    let development = event.scope == Scope::DevelopmentArea;
    let large = || settle(event, &Profile::default()).is_ok_and(|settled| settled.totals.payable > limit);
    if development || event.payment == Payment::Receivable || large() {
        if development {
            let number = "33445544".to_owned();
            spare.identification = Some(Identification { scheme: IdentificationScheme::TN, number });
        }
        spare.name.get_or_insert_with(|| "سوبرماركت الزرقاء".to_owned());
        event.buyer = Some(spare);
    }
}

/// Any family.
pub fn family() -> impl Strategy<Value = Family> {
    select(&[Family::Income, Family::GeneralSales, Family::SpecialSales][..])
}

/// A random UUID.
pub fn uuid() -> impl Strategy<Value = Uuid> {
    any::<[u8; 16]>().prop_map(|bytes| uuid::Builder::from_random_bytes(bytes).into_uuid())
}

fn note() -> impl Strategy<Value = String> {
    (text(), option::of(text())).prop_map(|(first, second)| match second {
        Some(second) => format!("{first}\n\t{second}"),
        None => first,
    })
}

fn date() -> impl Strategy<Value = NaiveDate> {
    (0_u64..30_000).prop_map(|days| {
        let first = NaiveDate::from_ymd_opt(limits::FIRST_YEAR, 1, 1).unwrap_or_default();
        first.checked_add_days(Days::new(days)).unwrap_or(first)
    })
}

fn original() -> impl Strategy<Value = Original> {
    (uuid(), texts::document_number(), option::of(decimal(1, 1_000_000_000_000, 0..=9)), text())
        .prop_map(|(uuid, number, total, reason)| Original { uuid: uuid.to_string(), number, total, reason })
}

/// An amount of `least..=most` units in the last of its decimals.
pub fn decimal(
    least: i64,
    most: i64,
    decimals: std::ops::RangeInclusive<u32>,
) -> impl Strategy<Value = Amount> {
    (least..=most, decimals).prop_map(|(units, scale)| Amount::from(Decimal::new(units, scale)))
}

#[cfg(test)]
mod tests;
