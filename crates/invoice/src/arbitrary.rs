//! Generators of valid events for property tests, here and in other crates (feature `arbitrary`). Not for production.
//!
//! They cover all kinds, families, scopes and currencies, prices of nine decimals with weights of three, and Arabic,
//! English and XML-hostile texts. [`crate::validate()`] finds no fault in any of them; a test says so.

use chrono::{Days, NaiveDate};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::sample::select;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::amount::Amount;
use crate::event::{
    Buyer, Family, GeneralTax, Governorate, Identification, IdentificationScheme, InvoiceEvent, Kind, Line,
    Original, Payment, Scope, Seller, TaxCategory,
};
use crate::limits;
use crate::totals::Totals;

/// Any valid event of up to eight lines.
pub fn event() -> BoxedStrategy<InvoiceEvent> {
    (select(&[Kind::Invoice, Kind::Return][..]), family())
        .prop_flat_map(|(kind, family)| event_of(kind, family))
        .boxed()
}

/// A valid event of this kind and family, of up to eight lines.
pub fn event_of(kind: Kind, family: Family) -> BoxedStrategy<InvoiceEvent> {
    let head = (
        option::of(uuid()),
        select(&SCOPES[..]),
        select(&[Payment::Cash, Payment::Receivable][..]),
        "[A-Z]{1,3}[-/]?[0-9]{1,9}",
        date(),
        prop_oneof![3 => Just("JOD"), 1 => select(&limits::CURRENCIES[..])],
        option::of(note()),
        seller(),
        (option::of(buyer()), buyer()),
        original(),
    );
    let lines = (vec(draft(), 1..=8), any::<bool>(), any::<bool>(), 1_u32..1_000);
    (head, lines)
        .prop_map(move |(head, (drafts, numbered, consumer_prices, first_id))| {
            let (
                uuid,
                scope,
                payment,
                number,
                issue_date,
                currency,
                note,
                seller,
                (buyer, spare_buyer),
                original,
            ) = head;
            let numbered = numbered || kind == Kind::Return;
            let lines = drafts.into_iter().zip(first_id..).map(|(draft, id)| Line {
                id: numbered.then_some(id),
                ..draft.line(family, scope, consumer_prices)
            });
            let mut event = InvoiceEvent {
                schema_version: limits::SCHEMA_VERSION,
                uuid,
                amends: None,
                kind,
                family,
                scope,
                payment,
                number,
                issue_date,
                currency: currency.to_owned(),
                note,
                seller,
                buyer,
                original: (kind == Kind::Return).then_some(original),
                lines: lines.collect(),
            };
            name_the_buyer(&mut event, spare_buyer);
            event
        })
        .boxed()
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
    let large = Totals::of(event).is_ok_and(|totals| totals.payable > limit);
    if large || development || event.payment == Payment::Receivable {
        if development {
            let number = "33445544".to_owned();
            spare.identification = Some(Identification { scheme: IdentificationScheme::TN, number });
        }
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

/// A text of one line: Arabic, English, digits, and what XML must escape.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ء-غف-ي]{1,12}( [ء-غف-ي]{1,12}){0,3}",
        "[A-Za-z][A-Za-z0-9 &<>\"'.،٠-٩]{0,30}[a-z]",
        "[🧀é漢]{1,4}"
    ]
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

fn seller() -> impl Strategy<Value = Seller> {
    ("[1-9][0-9]{4,14}", text(), "[1-9][0-9]{0,8}").prop_map(|(tax_number, name, income_source)| Seller {
        tax_number,
        name,
        income_source,
    })
}

fn buyer() -> impl Strategy<Value = Buyer> {
    let scheme = select(&[IdentificationScheme::NIN, IdentificationScheme::PN, IdentificationScheme::TN][..]);
    let identification =
        (scheme, "[0-9]{1,15}").prop_map(|(scheme, number)| Identification { scheme, number });
    let governorate =
        select(&[Governorate::Amman, Governorate::Zarqa, Governorate::Maan, Governorate::Balqa][..]);
    let phone = "\\+?[0-9]{3}[ -]?[0-9]{6,11}";
    (text(), option::of(identification), option::of("[0-9]{5}"), option::of(governorate), option::of(phone))
        .prop_map(|(name, identification, postal_code, governorate, phone)| Buyer {
            name: Some(name),
            identification,
            postal_code,
            governorate,
            phone,
        })
}

fn original() -> impl Strategy<Value = Original> {
    (uuid(), "[A-Z]{2}[0-9]{1,9}", option::of(decimal(1, 1_000_000_000_000, 0..=9)), text())
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

/// A line before it knows its document.
#[derive(Debug, Clone)]
struct Draft {
    name: String,
    quantity: Amount,
    unit_price: Amount,
    /// The discount in thousandths of the gross.
    discount: i128,
    category: TaxCategory,
    rate: i64,
    special_tax: Amount,
    /// What the consumer price has more than the unit price.
    surplus: Amount,
}

fn draft() -> impl Strategy<Value = Draft> {
    // Pieces, kilograms, and the odd quantity of nine decimals; below 10^6, as the prices, so that a line is below 10^12.
    let quantity = prop_oneof![
        decimal(1, 500, 0..=0),
        decimal(1, 99_999, 3..=3),
        decimal(1, 999_999_999_999_999, 9..=9),
    ];
    let price = prop_oneof![decimal(1, 99_999, 2..=3), decimal(1, 999_999_999_999_999, 9..=9)];
    let discount = prop_oneof![3 => Just(0_i128), 2 => 0_i128..1_000, 1 => Just(1_000)];
    let category = select(&[TaxCategory::S, TaxCategory::S, TaxCategory::Z, TaxCategory::O][..]);
    let surplus = prop_oneof![Just(Amount::ZERO), decimal(1, 999_999_999, 9..=9)];
    let special_tax = decimal(0, 99_999_999, 0..=9);
    (text(), quantity, price, discount, category, select(&limits::RATES[..]), special_tax, surplus).prop_map(
        |(name, quantity, unit_price, discount, category, rate, special_tax, surplus)| Draft {
            name,
            quantity,
            unit_price,
            discount,
            category,
            rate,
            special_tax,
            surplus,
        },
    )
}

impl Draft {
    fn line(self, family: Family, scope: Scope, consumer_price: bool) -> Line {
        let sales = family != Family::Income;
        let category = if scope == Scope::Local { self.category } else { TaxCategory::O };
        let percent =
            if category == TaxCategory::S { Amount::from(Decimal::from(self.rate)) } else { Amount::ZERO };
        let above = self.unit_price.decimal().checked_add(self.surplus.decimal());
        Line {
            id: None,
            discount: self.discount().unwrap_or_default(),
            tax: sales.then_some(GeneralTax { category, percent }),
            special_tax: (family == Family::SpecialSales).then_some(self.special_tax),
            consumer_price: above.filter(|_| sales && consumer_price).map(Amount::from),
            name: self.name,
            quantity: self.quantity,
            unit_price: self.unit_price,
        }
    }

    /// The share of the gross, rounded down at 9 decimals, so that it never exceeds it.
    fn discount(&self) -> Option<Amount> {
        let (quantity, price) = (self.quantity.decimal(), self.unit_price.decimal());
        let gross = quantity.mantissa().checked_mul(price.mantissa())?;
        let decimals = quantity.scale().checked_add(price.scale())?;
        let thousandths = gross.checked_mul(self.discount)?;
        let units = if decimals > limits::DECIMALS {
            thousandths.checked_div(10_i128.checked_pow(decimals - limits::DECIMALS)?)?
        } else {
            thousandths.checked_mul(10_i128.checked_pow(limits::DECIMALS - decimals)?)?
        };
        Decimal::try_from_i128_with_scale(units / 1_000, limits::DECIMALS).ok().map(Amount::from)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn generated_events_have_no_fault(event in event()) {
            prop_assert_eq!(crate::validate(&event), vec![]);
        }
    }
}
