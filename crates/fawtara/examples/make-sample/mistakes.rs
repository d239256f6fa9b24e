//! What goes wrong on purpose: at the intake, at the authority, and on the way to it.

use anyhow::Context;
use fawtara::demo::{Ends, Exception};
use invoice::event::{
    Buyer, Family, GeneralTax, Identification, IdentificationScheme, InvoiceEvent, Payment, Scope,
    TaxCategory,
};
use simulator::{Fault, FaultRule, Match, Times};

use crate::dice::Dice;
use crate::people::{DEVELOPMENT_FIRM, SHOPS};
use crate::sale::{self, amount};
use crate::{Row, date};

/// An ordinary sale that was spoilt, or something that only the authority can find wrong.
pub(crate) fn rows(sales: &[InvoiceEvent], dice: &mut Dice) -> anyhow::Result<Vec<(usize, Row)>> {
    let mut rows = Vec::new();
    let mut put = |after: usize, event: &InvoiceEvent, ends, code: &str, why: &str| -> anyhow::Result<()> {
        let text = serde_json::to_string(event)?;
        rows.push((after, Row { text, exception: Some(exception(&event.number, ends, code, why)) }));
        Ok(())
    };
    let [amman, wholesale, bakery, catering] = &SHOPS;

    let mut event = sale::sale(wholesale, 901, date(20)?, dice)?;
    event.payment = Payment::Receivable;
    event.buyer = Some(Buyer { name: None, ..event.buyer.take().unwrap_or_default() });
    put(20, &event, Ends::RefusedAtIntake, "buyer_name_missing", "a receivable without the debtor's name")?;

    let mut event = sale::sale(amman, 902, date(45)?, dice)?;
    first(&mut event)?.tax = Some(GeneralTax { category: TaxCategory::S, percent: amount("0")? });
    put(
        45,
        &event,
        Ends::RefusedAtIntake,
        "percent_not_listed",
        "category S with 0 %: zero-rated is O, exempt is Z",
    )?;

    let mut event = sale::sale(amman, 903, date(70)?, dice)?;
    let line = first(&mut event)?;
    (line.quantity, line.unit_price, line.discount) = (amount("1")?, amount("2.5")?, amount("25")?);
    put(
        70,
        &event,
        Ends::RefusedAtIntake,
        "discount_above_gross",
        "a discount above the price: 25 instead of 2.5",
    )?;

    let mut event = sale::sale(bakery, 904, date(95)?, dice)?;
    first(&mut event)?.tax = Some(GeneralTax { category: TaxCategory::S, percent: amount("16")? });
    put(
        95,
        &event,
        Ends::RefusedAtIntake,
        "tax_not_allowed",
        "tax on a document of a seller who is not registered for it",
    )?;

    let original = sales.iter().find(|sale| sale.number.starts_with(amman.prefix)).context("no sale")?;
    let mut event =
        sales.iter().find(|sale| sale.number.starts_with(wholesale.prefix)).context("no sale")?.clone();
    event.uuid = Some(dice.uuid());
    put(
        145,
        &event,
        Ends::RefusedAtIntake,
        "number_taken",
        "a number used twice, under a new UUID: a second invoice",
    )?;

    let mut event = original.clone();
    first(&mut event)?.quantity = amount("99")?;
    put(
        170,
        &event,
        Ends::RefusedAtIntake,
        "conflict",
        "an invoice changed after it was published, under the same UUID",
    )?;

    let mut event = sale::sale(catering, 906, date(195)?, dice)?;
    event.seller.income_source = "2222009".to_owned();
    put(
        195,
        &event,
        Ends::RefusedAtIntake,
        "unknown_income_source",
        "an income source that nobody has configured",
    )?;

    // What an intake cannot know.
    let mut event = sale::sale(catering, 907, date(60)?, dice)?;
    event.family = Family::GeneralSales;
    for line in &mut event.lines {
        line.tax = Some(GeneralTax { category: TaxCategory::S, percent: amount("16")? });
    }
    put(
        60,
        &event,
        Ends::Rejected,
        "refused",
        "a sales-tax document of a seller who is registered for income only",
    )?;

    let area = |count, number: &str, dice: &mut Dice| -> anyhow::Result<InvoiceEvent> {
        let mut event = sale::abroad(wholesale, count, date(110)?, Scope::DevelopmentArea, "JOD", dice)?;
        let buyer = event.buyer.as_mut().context("no buyer")?;
        buyer.identification =
            Some(Identification { scheme: IdentificationScheme::TN, number: number.to_owned() });
        Ok(event)
    };
    let event = area(908, "30405061", dice)?;
    put(
        110,
        &event,
        Ends::Rejected,
        "refused",
        "the buyer's tax number has a wrong digit: no exemption is known for it",
    )?;
    let event = area(909, DEVELOPMENT_FIRM.1, dice)?;
    let text = serde_json::to_string(&event)?;

    let mut event = sale::abroad(wholesale, 910, date(160)?, Scope::Export, "USD", dice)?;
    event.payment = Payment::Cash;
    event.buyer = None;
    (first(&mut event)?.quantity, first(&mut event)?.discount) = (amount("180")?, amount("0")?);
    put(160, &event, Ends::Rejected, "refused", "cash above 10,000 JOD without a buyer's name, in dollars")?;

    let event = sale::sale(amman, 911, date(210)?, dice)?;
    put(
        210,
        &event,
        Ends::DeadLettered,
        "suspect",
        "the authority answers 500 each time: left to a person after six sends",
    )?;
    rows.push((111, Row { text, exception: None }));

    // The same event again, written by another program: nothing must happen.
    for (after, place) in [(130, 12), (250, 47)] {
        let event = sales.get(place).context("no such sale")?;
        let text = crate::numbers(&serde_json::to_string(event)?);
        let why = "published twice; written otherwise, but the same content";
        rows.push((
            after,
            Row { text, exception: Some(exception(&event.number, Ends::Repeat, "repeat", why)) },
        ));
    }
    rows.sort_by_key(|(after, _)| *after);
    Ok(rows)
}

fn first(event: &mut InvoiceEvent) -> anyhow::Result<&mut invoice::event::Line> {
    event.lines.first_mut().context("an event without lines")
}

fn exception(number: &str, ends: Ends, code: &str, why: &str) -> Exception {
    Exception {
        line: 0,
        number: number.to_owned(),
        ends,
        code: code.to_owned(),
        sends: 0,
        why: why.to_owned(),
    }
}

/// How the authority fails on some ordinary sales before it accepts them, how often each is sent, and what is seen.
pub(crate) fn troubles() -> Vec<(usize, Fault, u64, &'static str)> {
    let status = |code, retry_after_s, processed| Fault::Status { code, retry_after_s, processed };
    vec![
        (8, status(503, None, false), 2, "503 twice: maintenance"),
        (33, Fault::DropAfter, 1, "accepted, then the connection is cut: the resend hears ALREADY_SUBMITTED"),
        (
            58,
            Fault::Late { delay_ms: 10_000 },
            1,
            "accepted, but answered after our time-out: the resend hears ALREADY_SUBMITTED",
        ),
        (83, status(500, None, false), 1, "500 once, while others pass"),
        (108, Fault::WithoutQr, 1, "accepted without the QR: it is fetched by sending again"),
        (133, status(429, Some(1), false), 1, "429 with Retry-After: 1"),
        (158, Fault::DropBefore, 1, "the connection is cut before anything is read"),
        (183, Fault::Html { processed: false }, 1, "HTTP 200 with a web page"),
        (
            208,
            status(504, None, true),
            1,
            "accepted, but the gateway says 504: the resend hears ALREADY_SUBMITTED",
        ),
        (233, Fault::InnerError, 1, "the department's own 500, wrapped in a 400"),
        (258, status(502, None, false), 3, "502 three times"),
        (283, Fault::Garbage { processed: true }, 1, "accepted, and answered with bytes that mean nothing"),
    ]
}

/// The rule that makes a trouble befall one invoice.
pub(crate) fn rule(number: &str, times: Times, fault: Fault) -> FaultRule {
    let matching = Match { number_prefix: Some(number.to_owned()), ..Match::default() };
    FaultRule { matching, times, fault }
}
