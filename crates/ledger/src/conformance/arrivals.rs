//! A small deterministic generator of arrivals: the same number gives the same invoice, for ever.

use chrono::NaiveDate;
use invoice::event::{Buyer, Family, InvoiceEvent, Kind, Line, Payment, Scope, Seller};
use invoice::normal::normal_form;
use invoice::{Amount, Digest, Environment, IncomeSource, InvoiceKey};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::{Arrival, Summary};

/// Numbers, names and wares repeat with different periods, so that neighbours differ in everything.
const BUYERS: [Option<&str>; 4] =
    [Some("مؤسسة الأردن للتجارة"), None, Some("Petra Trading Est."), Some("شركة البتراء & الشركاء <عمان>")];
const WARES: [&str; 5] = ["زيت زيتون بلدي", "Notebook A4", "خبز عربي", "قهوة \"عربية\" بالهيل", "Olive soap"];

/// The `n`-th income source: three of them belong to every taxpayer.
#[must_use]
pub fn source(n: u64) -> IncomeSource {
    IncomeSource { tax_number: (12_345_600 + n / 3).to_string(), sequence: (9_932_800 + n % 3).to_string() }
}

/// The `n`-th invoice event: a cash sale of one to three lines by one of three income sources, Arabic and English.
#[must_use]
pub fn event(n: u64) -> InvoiceEvent {
    let source = source(n % 3);
    let lines: Vec<Line> = (0..=n % 3).map(|line| ware(n, line)).collect();
    InvoiceEvent {
        schema_version: 1,
        uuid: Some(uuid(n)),
        amends: None,
        kind: Kind::Invoice,
        family: Family::Income,
        scope: Scope::Local,
        payment: Payment::Cash,
        number: format!("INV-{n:06}"),
        issue_date: NaiveDate::from_ymd_opt(2026, 1, 1)
            .and_then(|day| day.checked_add_days(chrono::Days::new(n % 300)))
            .unwrap_or_default(),
        currency: "JOD".to_owned(),
        prices: invoice::event::Prices::Net,
        discount: None,
        note: n.is_multiple_of(5).then(|| format!("ملاحظة {n}")),
        metadata: None,
        seller: Seller {
            tax_number: source.tax_number,
            name: "متجر الياسمين".to_owned(),
            income_source: source.sequence,
        },
        buyer: pick(&BUYERS, n)
            .flatten()
            .map(|name| Buyer { name: Some(name.to_owned()), ..Buyer::default() }),
        original: None,
        lines,
    }
}

/// The `n`-th arrival, in the simulation's environment.
#[must_use]
pub fn arrival(n: u64) -> Arrival {
    of_event(&event(n), Environment::Simulation)
}

/// `event` as the producer would hand it over. Its UUID must be set; income documents only, since nothing is taxed here.
#[must_use]
pub fn of_event(event: &InvoiceEvent, environment: Environment) -> Arrival {
    let payable: Decimal = event
        .lines
        .iter()
        .map(|line| line.quantity.decimal() * line.unit_price.decimal() - line.discount.decimal())
        .sum();
    let normal_form = normal_form(&InvoiceEvent { amends: None, ..event.clone() });
    Arrival {
        key: InvoiceKey { environment, uuid: event.uuid.unwrap_or_default() },
        source: IncomeSource {
            tax_number: event.seller.tax_number.clone(),
            sequence: event.seller.income_source.clone(),
        },
        number: event.number.clone(),
        content: Digest::of(normal_form.as_bytes()),
        normal_form,
        amends: event.amends,
        by: None,
        summary: Summary {
            kind: event.kind,
            family: event.family,
            payment: event.payment,
            issue_date: event.issue_date,
            currency: event.currency.clone(),
            payable: Amount::from(payable),
            buyer: event.buyer.as_ref().and_then(|buyer| buyer.name.clone()),
        },
        original: None,
        traceparent: Some(format!("00-{:032x}-{:016x}-01", event.uuid.unwrap_or_default().as_u128(), 7)),
    }
}

/// The `n`-th arrival with other content, the more so the higher the `revision`; it says that it amends version `amends`.
#[must_use]
pub fn amended(n: u64, revision: u32, amends: Option<u32>) -> Arrival {
    let mut event = event(n);
    event.note = Some(format!("تعديل رقم {revision}"));
    event.amends = amends;
    of_event(&event, Environment::Simulation)
}

fn uuid(n: u64) -> Uuid {
    let low = mixed(n);
    uuid::Builder::from_random_bytes((u128::from(mixed(low)) << 64 | u128::from(low)).to_be_bytes())
        .into_uuid()
}

fn ware(n: u64, line: u64) -> Line {
    let thousandths = 1 + mixed(n ^ (line << 32)) % 99_999;
    Line {
        id: u32::try_from(line + 1).ok(),
        name: pick(&WARES, n + line).unwrap_or_default().to_owned(),
        quantity: Amount::from(Decimal::from(1 + (n + line) % 12)),
        unit_price: Amount::from(Decimal::new(i64::try_from(thousandths).unwrap_or(1), 3)),
        discount: Amount::ZERO,
        tax: None,
        total: None,
        special_tax: None,
        consumer_price: None,
    }
}

fn pick<T: Copy>(list: &[T], n: u64) -> Option<T> {
    list.iter().copied().cycle().nth(usize::try_from(n).unwrap_or_default() % list.len())
}

/// The finaliser of splitmix64: neighbouring numbers come out far apart.
pub(super) fn mixed(n: u64) -> u64 {
    let mut mixed = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_gives_one_invoice() {
        assert_eq!(arrival(7), arrival(7));
        assert_ne!(arrival(7).key, arrival(8).key);
        assert_ne!(amended(7, 1, None).content, arrival(7).content);
        assert_ne!(amended(7, 1, None).content, amended(7, 2, None).content);
        assert_eq!(amended(7, 1, Some(1)).content, amended(7, 1, None).content, "`amends` is no content");
    }
}
