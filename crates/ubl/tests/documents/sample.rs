//! Events as retailers have them, for tests and benchmarks. Independent of generators.

use chrono::NaiveDate;
use invoice::event::{
    Buyer, Family, GeneralTax, Governorate, Identification, IdentificationScheme, Kind, Line, Original,
    Payment, Prices, Scope, Seller, TaxCategory,
};
use invoice::{Amount, InvoiceEvent, Profile, Totals};
use uuid::Uuid;

/// The UUID of the samples.
pub(crate) const SAMPLE_UUID: Uuid = Uuid::from_u128(0x0043_e15e_740b_4e1b_889d_504a_fdb1_d10d);

/// An amount.
pub(crate) fn amount(text: &str) -> Amount {
    text.parse().expect("an amount")
}

/// One line.
pub(crate) fn line(name: &str, quantity: &str, unit_price: &str, discount: &str) -> Line {
    Line {
        id: None,
        name: name.to_owned(),
        quantity: amount(quantity),
        unit_price: amount(unit_price),
        discount: amount(discount),
        tax: None,
        total: None,
        special_tax: None,
        consumer_price: None,
    }
}

/// One line with general sales tax.
pub(crate) fn taxed(line: Line, category: TaxCategory, percent: &str) -> Line {
    Line { tax: Some(GeneralTax { category, percent: amount(percent) }), ..line }
}

/// The guide's first worked example, with a valid UUID.
pub(crate) fn guide_income() -> InvoiceEvent {
    InvoiceEvent {
        schema_version: 1,
        uuid: Some(SAMPLE_UUID),
        amends: None,
        kind: Kind::Invoice,
        family: Family::Income,
        scope: Scope::Local,
        payment: Payment::Cash,
        number: "EIN00001".to_owned(),
        issue_date: NaiveDate::from_ymd_opt(2023, 10, 30).expect("a date"),
        currency: "JOD".to_owned(),
        prices: Prices::Net,
        discount: None,
        note: Some("ملاحظات".to_owned()),
        metadata: None,
        seller: Seller {
            tax_number: "12345678".to_owned(),
            name: "الشركة الفنية لبيع المستلزمات".to_owned(),
            income_source: "9932895".to_owned(),
        },
        buyer: Some(Buyer {
            name: Some("أحمد محمد".to_owned()),
            identification: Some(Identification {
                scheme: IdentificationScheme::TN,
                number: "555555".to_owned(),
            }),
            postal_code: Some("1234".to_owned()),
            governorate: None,
            phone: Some("777888999".to_owned()),
        }),
        original: None,
        lines: vec![
            numbered(1, line("Biscuit", "33", "2", "2")),
            numbered(2, line("Choclate", "10", "5", "5")),
        ],
    }
}

/// The guide's third worked example, with a valid UUID.
pub(crate) fn guide_general() -> InvoiceEvent {
    InvoiceEvent {
        family: Family::GeneralSales,
        number: "EIN0001".to_owned(),
        issue_date: NaiveDate::from_ymd_opt(2023, 11, 20).expect("a date"),
        buyer: Some(Buyer {
            name: Some("احمد محمود".to_owned()),
            identification: Some(Identification {
                scheme: IdentificationScheme::TN,
                number: "33445544".to_owned(),
            }),
            postal_code: Some("33554".to_owned()),
            governorate: Some(Governorate::Zarqa),
            phone: Some("777888999".to_owned()),
        }),
        lines: vec![
            numbered(1, taxed(line("Biscuit", "33", "2", "2"), TaxCategory::S, "7")),
            numbered(2, taxed(line("Choclate", "10", "5", "0"), TaxCategory::Z, "0")),
        ],
        ..guide_income()
    }
}

/// A corner shop's cash sale to nobody in particular, weighed goods among it.
pub(crate) fn nameless_cash() -> InvoiceEvent {
    InvoiceEvent {
        family: Family::GeneralSales,
        number: "POS-7/2026-000123".to_owned(),
        note: None,
        metadata: None,
        buyer: None,
        lines: vec![
            taxed(line("خبز عربي كبير", "2", "0.32", "0"), TaxCategory::O, "0"),
            taxed(line("جبنة نابلسية (وزن)", "0.735", "6.034482759", "0"), TaxCategory::S, "4"),
            taxed(line("زيت زيتون ٥ لتر", "1", "45.125", "2.5"), TaxCategory::S, "16"),
        ],
        ..guide_income()
    }
}

/// A receivable in dollars to a foreigner in the free zone, with only part of the buyer known.
pub(crate) fn free_zone_receivable() -> InvoiceEvent {
    InvoiceEvent {
        scope: Scope::FreeZone,
        payment: Payment::Receivable,
        number: "فاتورة-٢٠٢٦-٠٠٠٤٢".to_owned(),
        currency: "USD".to_owned(),
        buyer: Some(Buyer {
            name: Some("شركة النور \"وأولاده\" & Partners <MENA>".to_owned()),
            identification: Some(Identification {
                scheme: IdentificationScheme::PN,
                number: "1234567890".to_owned(),
            }),
            postal_code: None,
            governorate: Some(Governorate::Aqaba),
            phone: Some("+962 (7) 9000-1122".to_owned()),
        }),
        lines: vec![numbered(7, line("Consulting — استشارات 🧾", "1.5", "1250", "0"))],
        ..guide_income()
    }
}

/// Ten lines with Arabic names, as a supermarket's weekly order has them.
pub(crate) fn ten_lines() -> InvoiceEvent {
    let names = [
        "أرز بسمتي ٥ كغم",
        "سكر أبيض ناعم",
        "شاي أحمر ٥٠٠ غم",
        "زيت دوار الشمس",
        "معكرونة إيطالية",
        "حليب مجفف كامل الدسم",
        "عدس أحمر مجروش",
        "مسحوق غسيل & مبيض",
        "مناديل ورقية ١٠ علب",
        "قهوة تركية بالهيل",
    ];
    let lines = names.iter().zip(1_u32..).map(|(name, place)| {
        let base = line(name, &format!("{place}.25"), &format!("{place}.965517241"), "0.1");
        taxed(base, TaxCategory::S, if place % 2 == 0 { "16" } else { "4" })
    });
    InvoiceEvent { lines: lines.collect(), ..guide_general() }
}

/// The guide's fifth worked example, with a valid UUID: special sales tax.
pub(crate) fn guide_special() -> InvoiceEvent {
    let special = |id, name| {
        let line = taxed(line(name, "10", "50", "5"), TaxCategory::S, "10");
        numbered(id, Line { special_tax: Some(amount("10")), ..line })
    };
    InvoiceEvent {
        family: Family::SpecialSales,
        number: "EIN00090".to_owned(),
        issue_date: NaiveDate::from_ymd_opt(2026, 2, 27).expect("a date"),
        note: Some("22 ملاحظات".to_owned()),
        seller: Seller {
            name: "الشركة الصناعية لانتاج الدخان".to_owned(), ..guide_income().seller
        },
        buyer: Some(Buyer {
            name: Some("احمد محمد".to_owned()), ..guide_general().buyer.expect("a buyer")
        }),
        lines: vec![special(1, "Malboro"), special(2, "Malboro2")],
        ..guide_income()
    }
}

/// A return of an event as a whole.
pub(crate) fn returned(event: InvoiceEvent) -> InvoiceEvent {
    let total = Totals::of(&event, &Profile::default()).expect("totals").payable;
    InvoiceEvent {
        kind: Kind::Return,
        number: format!("R-{}", event.number),
        uuid: Some(Uuid::from_u128(0x8055_b137_a128_46d6_9421_8c2a_6de5_7465)),
        original: Some(Original {
            uuid: event.uuid.expect("a UUID").to_string(),
            number: event.number,
            total: Some(Amount::from(total)),
            reason: "تم الارجاع بسبب خلل في المنتج".to_owned(),
        }),
        ..event
    }
}

/// A general sales invoice with consumer prices: one equal to the unit price, one above.
pub(crate) fn consumer_price() -> InvoiceEvent {
    let event = guide_general();
    let lines = event.lines.iter().zip(["2", "6.5"]);
    let lines = lines.map(|(line, price)| Line { consumer_price: Some(amount(price)), ..line.clone() });
    InvoiceEvent { lines: lines.collect(), ..event }
}

fn numbered(id: u32, line: Line) -> Line {
    Line { id: Some(id), ..line }
}

/// The document of an event by a profile, with its own totals and counter 1.
pub(crate) fn written_by(event: &InvoiceEvent, profile: &Profile, buyer: Option<&str>) -> Vec<u8> {
    let totals = Totals::of(event, profile).expect("totals");
    let mut out = Vec::new();
    let document = ubl::Document { event, totals: &totals, icv: 1, profile, buyer };
    ubl::write(&document, &mut out).expect("a document");
    out
}

/// The document of an event by guide v1.5.
pub(crate) fn written(event: &InvoiceEvent) -> Vec<u8> {
    written_by(event, &Profile::default(), None)
}

/// The same, as text.
pub(crate) fn written_text(event: &InvoiceEvent) -> String {
    String::from_utf8(written(event)).expect("UTF-8")
}
