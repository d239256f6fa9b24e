//! Events that can be written, with texts and numbers at their edges: arithmetic and family are right, and the rules
//! about buyers, which the writer does not know, need not hold.

use chrono::NaiveDate;
use invoice::event::{
    Buyer, Family, GeneralTax, Governorate, Identification, IdentificationScheme, Kind, Line, Original,
    Payment, Scope, TaxCategory,
};
use invoice::profile::{BuyerCompany, BuyerCountry, CurrencyId, NamelessBuyer, ProfileId, Rounding, Slash};
use invoice::{Amount, InvoiceEvent, Profile};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::sample;

/// An invoice or return of any family and scope.
pub(crate) fn event() -> impl Strategy<Value = InvoiceEvent> {
    let family = select(vec![Family::Income, Family::GeneralSales, Family::SpecialSales]);
    let scope = select(vec![
        Scope::Local,
        Scope::Local,
        Scope::Export,
        Scope::DevelopmentArea,
        Scope::Transit,
        Scope::ForeignTrade,
        Scope::FreeZone,
    ]);
    (family, scope).prop_flat_map(|(family, scope)| {
        (
            any::<u128>(),
            select(vec![Payment::Cash, Payment::Receivable]),
            text(),
            (2018..=2100_i32, 1..=366_u32),
            select(vec!["JOD", "USD", "SEK"]),
            option::of(text()),
            (text(), "[0-9]{5,15}", "[0-9]{1,20}"),
            option::of(buyer()),
            prop::collection::vec(line(family, scope), 1..8),
            (any::<bool>(), option::of(original())),
        )
            .prop_map(
                move |(uuid, payment, number, (year, day), currency, note, seller, buyer, lines, rest)| {
                    let (consumer_prices, original) = rest;
                    let mut event = sample::guide_income();
                    event.uuid = Some(Uuid::from_u128(uuid));
                    event.family = family;
                    event.scope = scope;
                    event.payment = payment;
                    event.number = number;
                    event.issue_date = NaiveDate::from_yo_opt(year, day).unwrap_or_default();
                    event.currency = currency.to_owned();
                    event.note = note;
                    (event.seller.name, event.seller.tax_number, event.seller.income_source) = seller;
                    event.buyer = buyer;
                    event.lines = lines;
                    for (line, id) in event.lines.iter_mut().zip(3..) {
                        line.id = Some(id);
                        // Added to the unit price until here.
                        line.consumer_price = line.consumer_price.filter(|_| consumer_prices);
                    }
                    event.kind = if original.is_some() { Kind::Return } else { Kind::Invoice };
                    event.original = original;
                    event
                },
            )
    })
}

/// Text with letters of any script and everything that is markup in XML, in a form that white space cannot change.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9/&<>\"']{1,20}",
        "[\u{621}-\u{64a}\u{660}-\u{669}]{1,20}( [\u{621}-\u{64a}&<>]{1,10}){0,3}",
        "[^\\pC\\s]{1,20}([ \n\t][^\\pC\\s]{1,10}){0,3}",
    ]
}

fn buyer() -> impl Strategy<Value = Buyer> {
    let scheme = select(vec![IdentificationScheme::NIN, IdentificationScheme::PN, IdentificationScheme::TN]);
    let identification =
        (scheme, "[0-9]{1,30}").prop_map(|(scheme, number)| Identification { scheme, number });
    let governorate = select(vec![
        Governorate::Balqa,
        Governorate::Maan,
        Governorate::Madaba,
        Governorate::Mafraq,
        Governorate::Karak,
        Governorate::Jerash,
        Governorate::Irbid,
        Governorate::Zarqa,
        Governorate::Tafilah,
        Governorate::Aqaba,
        Governorate::Amman,
        Governorate::Ajloun,
    ]);
    (
        option::of(text()),
        option::of(identification),
        option::of("[0-9A-Z]{1,5}"),
        option::of(governorate),
        option::of("[0-9]{9,14}"),
    )
        .prop_map(|(name, identification, postal_code, governorate, phone)| Buyer {
            name,
            identification,
            postal_code,
            governorate,
            phone,
        })
}

fn original() -> impl Strategy<Value = Original> {
    (text(), text(), factor(), text()).prop_map(|(uuid, number, total, reason)| Original {
        uuid,
        number,
        total: Some(Amount::from(total)),
        reason,
    })
}

/// The readings, each in a random position.
pub(crate) fn profile() -> impl Strategy<Value = Profile> {
    let company = select(vec![
        BuyerCompany::Guide,
        BuyerCompany::TaxNumber,
        BuyerCompany::One,
        BuyerCompany::Zero,
        BuyerCompany::Absent,
    ]);
    let nameless = select(vec![
        NamelessBuyer::EmptyNin,
        NamelessBuyer::EmptyTn,
        NamelessBuyer::ZeroTn,
        NamelessBuyer::DashTn,
        NamelessBuyer::Absent,
    ]);
    (company, nameless, any::<[bool; 11]>()).prop_map(|(buyer_company, nameless_buyer, flags)| {
        let [rounding, currency, country, profile_id, slash, taxable, subtotals, base, note, means, printed] =
            flags;
        Profile {
            rounding: if rounding { Rounding::Once } else { Rounding::SumOfLines },
            currency_id: if currency { CurrencyId::Jo } else { CurrencyId::Iso },
            nameless_buyer,
            buyer_company,
            buyer_country: if country { BuyerCountry::Jo } else { BuyerCountry::AbsentOnExport },
            profile_id: if profile_id { ProfileId::Reporting } else { ProfileId::UblVersion },
            slash: if slash { Slash::Keep } else { Slash::Underscore },
            taxable_amount: taxable,
            return_subtotals: subtotals,
            omit_base_quantity: base,
            return_note: note,
            payment_means_on_invoices: means,
            consumer_total_as_printed: printed,
            ..Profile::default()
        }
    })
}

fn line(family: Family, scope: Scope) -> impl Strategy<Value = Line> {
    let rate = select(vec![1, 2, 3, 4, 5, 7, 8, 10, 16]);
    let tax = prop_oneof![
        Just((TaxCategory::Z, 0)),
        Just((TaxCategory::O, 0)),
        rate.prop_map(|percent| (TaxCategory::S, percent))
    ];
    let special = (0..1_000_000_000_i64, 0..=9_u32);
    (text(), factor(), factor(), 0..=100_i64, tax, special, any::<bool>()).prop_map(
        move |(name, quantity, unit_price, part, (category, percent), (special, scale), above)| {
            let gross = quantity * unit_price;
            let discount = (gross * Decimal::new(part, 2)).trunc_with_scale(9).min(gross);
            let (category, percent) =
                if scope == Scope::Local { (category, percent) } else { (TaxCategory::O, 0) };
            Line {
                quantity: Amount::from(quantity),
                unit_price: Amount::from(unit_price),
                discount: Amount::from(discount),
                tax: (family != Family::Income)
                    .then(|| GeneralTax { category, percent: Amount::from(Decimal::from(percent)) }),
                special_tax: (family == Family::SpecialSales)
                    .then(|| Amount::from(Decimal::new(special, scale))),
                consumer_price: (family != Family::Income)
                    .then(|| Amount::from(if above { unit_price + Decimal::new(15, 1) } else { unit_price })),
                ..sample::line(&name, "1", "1", "0")
            }
        },
    )
}

/// Above 0, below a million, up to nine decimals.
fn factor() -> impl Strategy<Value = Decimal> {
    (1..1_000_000_000_000_000_i64, 0..=9_u32).prop_map(|(digits, scale)| {
        let value = Decimal::new(digits, scale) % Decimal::from(1_000_000);
        if value.is_zero() { Decimal::ONE } else { value }
    })
}
