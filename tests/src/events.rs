//! Invoice events of our own for the tests: small, valid, in Arabic and English, over two income sources.

use invoice::IncomeSource;
use serde_json::{Value, json};
use uuid::Uuid;

/// The `n`-th event. Even ones are income documents, odd ones general sales; every UUID and number is its own.
#[must_use]
pub fn event(n: u64) -> Value {
    let income = n.is_multiple_of(2);
    let source = if income { income_source() } else { general_source() };
    let mut line = json!({
        "name": if n.is_multiple_of(3) { "خبز عربي" } else { "Olive oil 1 l" },
        "quantity": "2",
        "unit_price": "3.250",
        "discount": "0.5"
    });
    if !income {
        line["tax"] = json!({ "category": "S", "percent": "16" });
    }
    json!({
        "schema_version": 1,
        "uuid": uuid(n),
        "family": if income { "income" } else { "general_sales" },
        "payment": "cash",
        "number": format!("T-{n:06}"),
        "issue_date": "2026-11-20",
        "seller": { "tax_number": source.tax_number, "income_source": source.sequence, "name": "شركة الأمثلة" },
        "lines": [line]
    })
}

/// The `n`-th event's UUID.
#[must_use]
pub fn uuid(n: u64) -> Uuid {
    Uuid::from_u128(0x0fa7_0000_0000_4000_8000_0000_0000_0000 | u128::from(n))
}

/// The seller that is not registered for sales tax.
#[must_use]
pub fn income_source() -> IncomeSource {
    IncomeSource { tax_number: "11111111".to_owned(), sequence: "1001001".to_owned() }
}

/// The seller that is registered for general sales tax.
#[must_use]
pub fn general_source() -> IncomeSource {
    IncomeSource { tax_number: "22222222".to_owned(), sequence: "2002002".to_owned() }
}
