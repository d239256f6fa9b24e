//! Goods that come back: returns as a till publishes them, some of them before their invoice. One takes back more than was sold.

use anyhow::Context;
use fawtara::demo::{Ends, Exception};
use invoice::InvoiceEvent;
use serde_json::{Value, json};

use crate::Row;

/// The returns, each with the place behind which it is published.
pub(crate) fn rows(sales: &[InvoiceEvent]) -> anyhow::Result<Vec<(usize, Row)>> {
    let sale = |place: usize| sales.get(place).context("no such sale");
    let whole = |line: &invoice::event::Line| line.quantity.decimal().is_integer() && line.quantity > one();
    let several = sales
        .iter()
        .enumerate()
        .skip(60)
        .find(|(_, sale)| sale.uuid.is_some() && sale.lines.first().is_some_and(whole))
        .context("no sale of several")?;
    let right = [
        // Published before the invoice that it takes back.
        (36, all(sale(40)?, 1, "إلغاء البيع بطلب الزبون")),
        // Its invoice meets an authority that is down.
        (9, all(sale(8)?, 2, "بضاعة تالفة")),
        (several.0 + 1, part(several.1, 3, &one(), "الصنف غير مطابق للطلب")),
        (several.0 + 20, part(several.1, 4, &one(), "الصنف غير مطابق للطلب")),
        (150, first_line(sale(120)?, 5, "خلل في المنتج")?),
        (280, all(sale(101)?, 6, "wrong customer on the invoice")),
    ];
    let mut rows: Vec<(usize, Row)> = right
        .into_iter()
        .map(|(after, event)| (after, Row { text: event.to_string(), exception: None }))
        .collect();
    let of = sale(75)?;
    let sold = of.lines.first().context("a sale without lines")?.quantity;
    let too_much = invoice::Amount::from(sold.decimal() + one().decimal());
    let event = part(of, 7, &too_much, "بضاعة تالفة");
    let exception = Exception {
        line: 0,
        number: number(of, 7),
        ends: Ends::Rejected,
        code: "unfit".to_owned(),
        sends: 0,
        why: "a return of more than was sold".to_owned(),
    };
    rows.push((190, Row { text: event.to_string(), exception: Some(exception) }));
    Ok(rows)
}

fn one() -> invoice::Amount {
    "1".parse().unwrap_or_default()
}

/// The seller's own row of numbers for returns.
fn number(of: &InvoiceEvent, n: u32) -> String {
    let prefix = of.number.get(..4).unwrap_or_default();
    format!("{prefix}R-26-{n:04}")
}

/// Everything comes back: lines are left out.
fn all(of: &InvoiceEvent, n: u32, reason: &str) -> Value {
    let mut original = json!({ "number": of.number, "reason": reason });
    if let (Some(uuid), Some(members)) = (of.uuid, original.as_object_mut()) {
        members.insert("uuid".to_owned(), json!(uuid));
    }
    json!({
        "schema_version": 1,
        "kind": "return",
        "number": number(of, n),
        "issue_date": of.issue_date,
        "seller": of.seller,
        "original": original,
    })
}

/// So much of the first line.
fn part(of: &InvoiceEvent, n: u32, quantity: &invoice::Amount, reason: &str) -> Value {
    let mut event = all(of, n, reason);
    if let Some(members) = event.as_object_mut() {
        members.insert("lines".to_owned(), json!([{ "id": 1, "quantity": quantity }]));
    }
    event
}

/// The first line and all that was sold of it.
fn first_line(of: &InvoiceEvent, n: u32, reason: &str) -> anyhow::Result<Value> {
    let sold = of.lines.first().context("a sale without lines")?.quantity;
    Ok(part(of, n, &sold, reason))
}
