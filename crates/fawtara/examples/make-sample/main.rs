//! Makes the sample that `fawtara demo` shows: `cargo run -p fawtara --example make-sample`.
//!
//! The same sample on every machine: nothing here asks the clock or rolls other dice than its own.

mod dice;
mod goods;
mod mistakes;
mod people;
mod returns;
mod sale;

use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{Days, NaiveDate};
use fawtara::demo::{Authority, Ends, Exception};
use invoice::event::Scope;
use simulator::{Device, Family, Fault, Latency, Times};

use dice::Dice;
use people::SHOPS;

/// Sales that are right.
const SALES: u32 = 306;
/// The month's days over which they are spread.
const DAYS: u32 = 30;

/// One line of the sample, and how it ends when it is not simply cleared.
struct Row {
    text: String,
    exception: Option<Exception>,
}

fn main() -> anyhow::Result<()> {
    for (name, text) in files()? {
        std::fs::write(folder().join(name), text).with_context(|| format!("sample/{name}"))?;
    }
    Ok(())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample")
}

/// The sample's files by name.
fn files() -> anyhow::Result<[(&'static str, String); 3]> {
    let mut dice = Dice::new(2026);
    let (sales, texts) = sales(&mut dice)?;
    let mut rows: Vec<Row> = texts.into_iter().map(|text| Row { text, exception: None }).collect();
    let mut authority = authority();
    for (place, fault, times, why) in mistakes::troubles() {
        let number = &sales.get(place).context("no such sale")?.number;
        authority.faults.push(mistakes::rule(number, Times::PerDocument(times), fault));
        let (ends, code) = (Ends::Cleared, "retried".to_owned());
        let sends = u32::try_from(times)? + 1;
        let exception = Exception { line: 0, number: number.clone(), ends, code, sends, why: why.to_owned() };
        rows.get_mut(place).context("no such sale")?.exception = Some(exception);
    }
    let mut between = mistakes::rows(&sales, &mut dice)?;
    between.extend(returns::rows(&sales)?);
    between.sort_by_key(|(after, _)| *after);
    for (inserted, (after, row)) in between.into_iter().enumerate() {
        if let Some(exception) =
            row.exception.as_ref().filter(|exception| exception.ends == Ends::DeadLettered)
        {
            let fault = Fault::Status { code: 500, retry_after_s: None, processed: false };
            authority.faults.push(mistakes::rule(&exception.number, Times::Always, fault));
        }
        rows.insert(after + inserted, row);
    }
    let mut exceptions = Vec::new();
    let mut events = String::new();
    for (line, row) in (1..).zip(rows) {
        events.push_str(&row.text);
        events.push('\n');
        exceptions.extend(row.exception.map(|exception| Exception { line, ..exception }));
    }
    Ok([
        ("invoices.ndjson", events),
        ("expected.json", serde_json::to_string_pretty(&exceptions)? + "\n"),
        ("authority.json", serde_json::to_string_pretty(&authority)? + "\n"),
    ])
}

/// The sales that are right, as events and as their tills write them.
fn sales(dice: &mut Dice) -> anyhow::Result<(Vec<invoice::InvoiceEvent>, Vec<String>)> {
    let mut counts = [0_u32; 4];
    let mut sales = Vec::new();
    let mut texts = Vec::new();
    for index in 0..SALES {
        let place = match dice.below(100) {
            0..52 => 0,
            52..69 => 1,
            69..89 => 2,
            _ => 3,
        };
        let (Some(shop), Some(count)) = (SHOPS.get(place), counts.get_mut(place)) else { continue };
        *count += 1;
        let date = date(index)?;
        let event = match (shop.prefix, *count) {
            ("WHS-26-", 7) => sale::abroad(shop, *count, date, Scope::Export, "USD", dice)?,
            ("WHS-26-", 19) => sale::abroad(shop, *count, date, Scope::Export, "EUR", dice)?,
            ("WHS-26-", 28) => sale::abroad(shop, *count, date, Scope::FreeZone, "JOD", dice)?,
            _ => sale::sale(shop, *count, date, dice)?,
        };
        let text = serde_json::to_string(&event)?;
        texts.push(if shop.simple_till { numbers(&text) } else { text });
        sales.push(event);
    }
    Ok((sales, texts))
}

/// The day of the sale at a place in the month.
fn date(index: u32) -> anyhow::Result<NaiveDate> {
    let first = NaiveDate::from_ymd_opt(2026, 6, 1).context("no such day")?;
    let day = (index * DAYS / SALES).min(DAYS - 1);
    first.checked_add_days(Days::new(u64::from(day))).context("no such day")
}

/// The event with its amounts as JSON numbers instead of strings, and without members that say what goes without saying.
fn numbers(text: &str) -> String {
    let mut text = text.to_owned();
    for spare in [r#","discount":"0""#, r#""kind":"invoice","#, r#""scope":"local","#, r#""currency":"JOD","#]
    {
        text = text.replace(spare, "");
    }
    let mut written = String::with_capacity(text.len());
    let mut rest = text.as_str();
    let keys = [r#""quantity":""#, r#""unit_price":""#, r#""discount":""#, r#""percent":""#];
    while let Some((place, key)) =
        keys.iter().filter_map(|key| Some((rest.find(key)?, key))).min_by_key(|(place, _)| *place)
    {
        let (before, after) = rest.split_at(place + key.len());
        let (value, after) = after.split_once('"').unwrap_or((after, ""));
        written.push_str(before.strip_suffix('"').unwrap_or(before));
        written.push_str(value);
        rest = after;
    }
    written + rest
}

/// The simulated authority: who is registered for what, and how long it takes to answer. The keys are no keys.
fn authority() -> Authority {
    let devices = SHOPS.iter().map(|shop| Device {
        client_id: format!("demo-{}-{}", shop.tax_number, shop.income_source),
        secret_key: "not-a-secret-only-for-the-demo".to_owned(),
        tax_number: shop.tax_number.to_owned(),
        income_source: shop.income_source.to_owned(),
        family: match shop.family {
            invoice::event::Family::Income => Family::Income,
            invoice::event::Family::GeneralSales => Family::General,
            invoice::event::Family::SpecialSales => Family::Special,
        },
        consumer_price: false,
    });
    Authority {
        devices: devices.collect(),
        development_buyers: [people::DEVELOPMENT_FIRM.1.to_owned()].into(),
        latency: Latency::Percentiles { p50_ms: 80, p99_ms: 400 },
        faults: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_sample_is_what_this_makes() {
        for (name, text) in files().unwrap() {
            let shipped = std::fs::read_to_string(folder().join(name)).unwrap();
            assert!(
                shipped == text,
                "sample/{name} is not what make-sample makes: run it and commit the result"
            );
        }
    }

    #[test]
    fn amounts_can_be_written_as_numbers() {
        let text = r#"{"kind":"invoice","lines":[{"name":"شاي \"1\"","quantity":"2.5","discount":"0"},{"discount":"1"}]}"#;
        assert_eq!(numbers(text), r#"{"lines":[{"name":"شاي \"1\"","quantity":2.5},{"discount":1}]}"#);
    }
}
