//! Random invoices that keep every rule, and random readings. Must not know what is checked of them.
//!
//! All families, scopes, currencies and rates; pieces, weights of three decimals, quantities of nine; prices of two and three
//! decimals, net prices taken from prices with tax (nine decimals), and any of nine; discounts from none to all; Arabic, English and
//! texts hostile to XML; document discounts and shop prices.

use chrono::NaiveDate;
use invoice::event::{
    Buyer, Family, GeneralTax, Governorate, Identification, IdentificationScheme, InvoiceEvent, Kind, Line,
    Payment, Prices, Scope, Seller, TaxCategory,
};
use invoice::profile::{
    BuyerCompany, BuyerCountry, CurrencyId, NamelessBuyer, PhoneRule, ProfileId, Rounding, Slash,
};
use invoice::{Amount, Profile, limits};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::random::Random;

/// Guide v1.5's readings half of the time, else each reading in a random position.
pub(super) fn profile(random: &mut Random) -> Profile {
    if random.chance(500) {
        return Profile::default();
    }
    let mut flag = || random.chance(500);
    let mut profile = Profile {
        rounding: if flag() { Rounding::Once } else { Rounding::SumOfLines },
        currency_id: if flag() { CurrencyId::Jo } else { CurrencyId::Iso },
        buyer_country: if flag() { BuyerCountry::Jo } else { BuyerCountry::AbsentOnExport },
        profile_id: if flag() { ProfileId::Reporting } else { ProfileId::UblVersion },
        slash: if flag() { Slash::Keep } else { Slash::Underscore },
        taxable_amount: flag(),
        return_subtotals: flag(),
        omit_base_quantity: flag(),
        return_note: flag(),
        payment_means_on_invoices: flag(),
        consumer_total_as_printed: flag(),
        ..Profile::default()
    };
    profile.nameless_buyer = *random.pick(&[
        NamelessBuyer::EmptyNin,
        NamelessBuyer::EmptyTn,
        NamelessBuyer::ZeroTn,
        NamelessBuyer::DashTn,
        NamelessBuyer::Absent,
    ]);
    profile.buyer_company = *random.pick(&[
        BuyerCompany::Guide,
        BuyerCompany::TaxNumber,
        BuyerCompany::One,
        BuyerCompany::Zero,
        BuyerCompany::Absent,
    ]);
    profile.phone = *random.pick(&[PhoneRule::NineToFourteen, PhoneRule::OneToFifteen, PhoneRule::OmitUnfit]);
    profile
}

/// An invoice.
pub(super) fn event(random: &mut Random, profile: &Profile) -> InvoiceEvent {
    let family =
        *random.pick(&[Family::Income, Family::GeneralSales, Family::GeneralSales, Family::SpecialSales]);
    let scope = if random.chance(600) {
        Scope::Local
    } else {
        *random.pick(&[
            Scope::Export,
            Scope::DevelopmentArea,
            Scope::Transit,
            Scope::ForeignTrade,
            Scope::FreeZone,
        ])
    };
    let prices = if random.chance(150) { Prices::TaxIncluded } else { Prices::Net };
    let consumer_prices = family != Family::Income && prices == Prices::Net && random.chance(150);
    let count = if random.chance(10) { random.between(20, 60) } else { random.between(1, 6) };
    let numbered = random.chance(300);
    let first = u32::try_from(random.between(1, 1_000)).unwrap_or(1);
    let mut lines: Vec<Line> =
        (0..count).map(|_| line(random, family, scope, prices, consumer_prices)).collect();
    for (line, id) in lines.iter_mut().zip(first..).filter(|_| numbered) {
        line.id = Some(id);
    }
    let discount = random.chance(150).then(|| share_of_the_smallest(random, &lines)).flatten();
    let bytes: u128 = u128::from(random.bits()) << 64 | u128::from(random.bits());
    InvoiceEvent {
        schema_version: limits::SCHEMA_VERSION,
        uuid: Some(uuid::Builder::from_random_bytes(bytes.to_be_bytes()).into_uuid())
            .filter(|it| *it != Uuid::nil()),
        amends: None,
        kind: Kind::Invoice,
        family,
        scope,
        payment: *random.pick(&[Payment::Cash, Payment::Receivable]),
        number: number(random),
        issue_date: date(random),
        currency: if random.chance(700) { "JOD" } else { random.pick(&limits::CURRENCIES) }.to_owned(),
        prices,
        discount,
        note: random.chance(400).then(|| format!("{}\n\t{}", text(random), text(random))),
        metadata: None,
        seller: Seller {
            tax_number: random.between(10_000, 999_999_999_999_999).to_string(),
            name: text(random),
            income_source: random.between(1, 999_999_999).to_string(),
        },
        buyer: buyer(random, scope, profile),
        original: None,
        lines,
    }
}

/// At most what the line that comes to least comes to, so that every line can bear its part.
fn share_of_the_smallest(random: &mut Random, lines: &[Line]) -> Option<Amount> {
    let net = |line: &Line| match line.total {
        Some(total) => total.decimal(),
        None => line.quantity.decimal() * line.unit_price.decimal() - line.discount.decimal(),
    };
    let special = |line: &Line| line.special_tax.unwrap_or_default().decimal();
    let least = lines.iter().map(|line| net(line) - special(line)).min()?;
    let part = Decimal::from(random.between(1, 900)) / Decimal::from(1_000);
    let discount = (least * part).trunc_with_scale(*random.pick(&[0, 3, 3, 9]));
    (discount > Decimal::ZERO).then(|| Amount::from(discount))
}

fn number(random: &mut Random) -> String {
    let digits = random.between(1, 999_999_999);
    match random.between(0, 3) {
        0 => format!("EIN{digits:05}"),
        1 => format!("INV/2026/{digits}"),
        2 => format!("فاتورة-{digits}"),
        _ => format!("A&B<{digits}>"),
    }
}

fn date(random: &mut Random) -> NaiveDate {
    let year = i32::try_from(random.between(2018, 2100)).unwrap_or(2026);
    let day = u32::try_from(random.between(1, 365)).unwrap_or(1);
    NaiveDate::from_yo_opt(year, day).unwrap_or_default()
}

/// Arabic, English, digits of both, and everything that is markup.
fn text(random: &mut Random) -> String {
    const WORDS: [&str; 16] = [
        "خبز",
        "زيت زيتون",
        "جبنة",
        "شركة",
        "الأردنية",
        "٥ لتر",
        "Biscuit",
        "Tea",
        "500g",
        "&",
        "<b>",
        "]]>",
        "\"x\"",
        "'y'",
        "&amp;",
        "🧾",
    ];
    let count = random.between(1, 5);
    let words: Vec<&str> = (0..count).map(|_| *random.pick(&WORDS)).collect();
    words.join(" ")
}

/// Always named, since large sums and receivables need it; never with what the readings would write for nobody.
fn buyer(random: &mut Random, scope: Scope, profile: &Profile) -> Option<Buyer> {
    let development = scope == Scope::DevelopmentArea;
    let scheme =
        *random.pick(&[IdentificationScheme::NIN, IdentificationScheme::PN, IdentificationScheme::TN]);
    let identification = Identification {
        scheme: if development { IdentificationScheme::TN } else { scheme },
        number: random.between(1, 99_999_999_999).to_string(),
    };
    let governorates = [Governorate::Amman, Governorate::Zarqa, Governorate::Maan, Governorate::Balqa];
    let digits = match profile.phone {
        PhoneRule::OneToFifteen => random.between(1, 15),
        PhoneRule::NineToFourteen | PhoneRule::OmitUnfit => random.between(9, 14),
    };
    let phone: String =
        (0..digits).map(|_| char::from(b'1' + u8::try_from(random.between(0, 8)).unwrap_or(0))).collect();
    Some(Buyer {
        name: Some(text(random)),
        identification: (development || random.chance(600)).then_some(identification),
        postal_code: random.chance(300).then(|| random.between(10_000, 99_999).to_string()),
        governorate: random.chance(500).then(|| *random.pick(&governorates)),
        phone: random.chance(500).then_some(phone),
    })
}

fn line(random: &mut Random, family: Family, scope: Scope, prices: Prices, consumer_price: bool) -> Line {
    let category = match (scope, random.between(0, 3)) {
        (Scope::Local, 0) => TaxCategory::Z,
        (Scope::Local, 2 | 3) => TaxCategory::S,
        _ => TaxCategory::O,
    };
    let rate = if category == TaxCategory::S { *random.pick(&limits::RATES) } else { 0 };
    let quantity = quantity(random);
    let unit_price = price(random, rate);
    let gross = quantity * unit_price;
    let sales = family != Family::Income;
    let special = match prices {
        // Within what the shop's total can hold.
        Prices::TaxIncluded => (gross / Decimal::from(4)).trunc_with_scale(3),
        Prices::Net => decimal(random, 0, 99_999_999, &[0, 3, 9]),
    };
    let discount = match random.between(0, 9) {
        0..=5 => Decimal::ZERO,
        6..=8 => {
            let part = Decimal::from(random.between(0, 300)) / Decimal::from(1_000);
            (gross * part).trunc_with_scale(*random.pick(&[0, 3, 9]))
        }
        // The whole line for nothing; not where a price with tax must hold a special tax.
        _ if prices == Prices::Net => gross.trunc_with_scale(9),
        _ => Decimal::ZERO,
    };
    let surplus = if random.chance(400) { Decimal::ZERO } else { decimal(random, 1, 99_999_999, &[2, 9]) };
    let total =
        (prices == Prices::TaxIncluded && random.chance(500)).then(|| (gross - discount).trunc_with_scale(3));
    Line {
        id: None,
        name: text(random),
        quantity: Amount::from(quantity),
        unit_price: Amount::from(unit_price),
        discount: Amount::from(discount),
        total: total.filter(|total| *total > special).map(Amount::from),
        tax: sales.then(|| GeneralTax { category, percent: Amount::from(Decimal::from(rate)) }),
        special_tax: (family == Family::SpecialSales).then(|| Amount::from(special)),
        consumer_price: (sales && consumer_price).then(|| Amount::from(unit_price + surplus)),
    }
}

fn quantity(random: &mut Random) -> Decimal {
    match random.between(0, 9) {
        0..=4 => decimal(random, 1, 500, &[0]),
        5..=7 => decimal(random, 1, 99_999, &[3]),
        _ => decimal(random, 1, 99_999_999_999_999, &[9]),
    }
}

fn price(random: &mut Random, rate: i64) -> Decimal {
    match random.between(0, 9) {
        0..=4 => decimal(random, 1, 99_999, &[2, 3]),
        // The net price behind a shop's price with tax.
        5..=7 => {
            let net = decimal(random, 10, 99_999, &[2, 3]) * Decimal::ONE_HUNDRED / Decimal::from(100 + rate);
            net.round_dp(9)
        }
        _ => decimal(random, 1, 99_999_999_999_999, &[9]),
    }
}

fn decimal(random: &mut Random, least: u64, most: u64, decimals: &[u32]) -> Decimal {
    let units = i64::try_from(random.between(least, most)).unwrap_or(i64::MAX);
    Decimal::new(units, *random.pick(decimals))
}
