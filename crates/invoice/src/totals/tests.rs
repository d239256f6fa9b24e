//! The worked examples of the specification, section 3, and every amount against exact rationals.

use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;

use super::*;
use crate::arbitrary;
use crate::event::{GeneralTax, Kind, TaxCategory};
use crate::profile::Rounding;

fn amount(text: &str) -> Amount {
    text.parse().expect("an amount")
}

fn line(quantity: &str, price: &str, discount: &str) -> Line {
    Line {
        id: None,
        name: "بسكويت".to_owned(),
        quantity: amount(quantity),
        unit_price: amount(price),
        discount: amount(discount),
        tax: None,
        total: None,
        special_tax: None,
        consumer_price: None,
    }
}

fn taxed(line: Line, percent: &str) -> Line {
    let category = if percent == "0" { TaxCategory::Z } else { TaxCategory::S };
    Line { tax: Some(GeneralTax { category, percent: amount(percent) }), ..line }
}

fn special(line: Line, special_tax: &str) -> Line {
    Line { special_tax: Some(amount(special_tax)), ..line }
}

fn consumer(line: Line, price: &str) -> Line {
    Line { consumer_price: Some(amount(price)), ..line }
}

fn event(family: Family, lines: Vec<Line>) -> InvoiceEvent {
    let event = crate::parse(crate::schema::EXAMPLES[0].as_bytes()).expect("the example");
    let mut event = event.invoice().cloned().expect("an invoice");
    event.family = family;
    event.lines = lines;
    event
}

fn totals(family: Family, lines: Vec<Line>) -> Totals {
    Totals::of(&event(family, lines), &crate::Profile::default()).expect("totals")
}

/// extension, tax, with tax
fn printed(line: &LineTotals) -> [String; 3] {
    [line.extension.to_string(), line.tax.to_string(), line.with_tax.to_string()]
}

/// exclusive, allowance, tax, special tax, inclusive
fn sums(totals: &Totals) -> [String; 5] {
    assert_eq!(totals.payable, totals.tax_inclusive);
    [totals.tax_exclusive, totals.allowance, totals.tax, totals.special_tax, totals.tax_inclusive]
        .map(|value| value.to_string())
}

#[test]
fn income_example() {
    let totals = totals(Family::Income, vec![line("33", "2", "2"), line("10", "5", "5")]);
    assert_eq!(totals.lines.iter().map(printed).collect::<Vec<_>>(), [["64", "0", "64"], ["45", "0", "45"]]);
    assert_eq!(sums(&totals), ["116", "7", "0", "0", "109"]);
}

#[test]
fn general_example() {
    let lines = vec![taxed(line("33", "2", "2"), "7"), taxed(line("10", "5", "0"), "0")];
    let totals = totals(Family::GeneralSales, lines);
    assert_eq!(
        totals.lines.iter().map(printed).collect::<Vec<_>>(),
        [["64", "4.48", "68.48"], ["50", "0", "50"]]
    );
    assert_eq!(sums(&totals), ["116", "2", "4.48", "0", "118.48"]);
}

#[test]
fn general_return_example() {
    let lines = vec![taxed(line("33", "2", "2"), "7"), taxed(line("10", "5", "0"), "10")];
    let mut event = event(Family::GeneralSales, lines);
    event.kind = Kind::Return;
    let totals = Totals::of(&event, &crate::Profile::default()).expect("totals");
    assert_eq!(
        totals.lines.iter().map(printed).collect::<Vec<_>>(),
        [["64", "4.48", "68.48"], ["50", "5", "55"]]
    );
    assert_eq!(sums(&totals), ["116", "2", "9.48", "0", "123.48"]);
}

#[test]
fn special_example() {
    let one = || special(taxed(line("10", "50", "5"), "10"), "10");
    let totals = totals(Family::SpecialSales, vec![one(), one()]);
    for line in &totals.lines {
        assert_eq!(printed(line), ["495", "50.5", "555.5"]);
    }
    assert_eq!(sums(&totals), ["1000", "10", "101", "20", "1111"]);
    assert_eq!(totals.lines.iter().map(|line| line.id).collect::<Vec<_>>(), [1, 2], "positions");
}

#[test]
fn consumer_price_examples() {
    let general = |price| consumer(taxed(line("10", "5", "10"), "16"), price);
    let totals_of = |line| totals(Family::GeneralSales, vec![line]);
    assert_eq!(printed(&totals_of(general("5")).lines[0]), ["40", "6.4", "46.4"]);
    assert_eq!(printed(&totals_of(general("6")).lines[0]), ["40", "9.6", "49.6"]);
    let special = |price| consumer(special(taxed(line("10", "50", "5"), "16"), "10"), price);
    let totals_of = |line| totals(Family::SpecialSales, vec![line]);
    // The guide prints 575.8 and 584.6, which leave out the special tax against its own formula.
    assert_eq!(printed(&totals_of(special("50")).lines[0]), ["495", "80.8", "585.8"]);
    assert_eq!(printed(&totals_of(special("55")).lines[0]), ["495", "89.6", "594.6"]);
}

#[test]
fn four_lines_of_three_decimals_at_five_percent() {
    let lines = [("6", "0.953"), ("6", "0.215"), ("3", "0.866"), ("1", "1.948")];
    let lines = lines.map(|(quantity, price)| taxed(line(quantity, price, "0"), "5"));
    let totals = totals(Family::GeneralSales, lines.into());
    let taxes: Vec<_> = totals.lines.iter().map(|line| line.tax.to_string()).collect();
    assert_eq!(taxes, ["0.2859", "0.0645", "0.1299", "0.0974"]);
    assert_eq!(sums(&totals), ["11.554", "0", "0.5777", "0", "12.1317"]);
}

#[test]
fn a_sum_is_rounded_once_and_not_from_rounded_lines() {
    // Twenty prices of 109 with 16 % in them: a line's tax is 15.03448275856 unrounded.
    let lines = (0..20).map(|_| taxed(line("1", "93.965517241", "0"), "16")).collect();
    let totals = totals(Family::GeneralSales, lines);
    assert_eq!(totals.lines[0].tax.to_string(), "15.034482759");
    assert_eq!(totals.tax.to_string(), "300.689655171");
    assert_eq!(totals.tax_inclusive.to_string(), "2179.999999991");
}

#[test]
fn what_cannot_be_exact_is_an_error() {
    let path_of = |family, line| match Totals::of(&event(family, vec![line]), &crate::Profile::default()) {
        Err(TotalsError::NotExact { path } | TotalsError::NoFormula { path, .. }) => path,
        other => panic!("{other:?}"),
    };
    let huge = "9999999999999999999999999999";
    assert_eq!(path_of(Family::Income, line(huge, huge, "0")), "lines[0]");
    assert_eq!(path_of(Family::Income, line("0.00000000001", "0.00000000001", "0")), "lines[0]");
    assert_eq!(path_of(Family::GeneralSales, line("1", "1", "0")), "lines[0].tax");
    assert_eq!(path_of(Family::GeneralSales, taxed(line("1", "1", "0"), "7.5")), "lines[0].tax.percent");
    let below = consumer(taxed(line("1", "2", "0"), "16"), "1");
    assert_eq!(path_of(Family::GeneralSales, below), "lines[0].consumer_price");
}

#[test]
fn the_largest_document_fits() {
    let largest = || special(taxed(line("1000", "999999999.999999999", "0"), "16"), "1000000000000");
    let totals = totals(Family::SpecialSales, (0..crate::limits::LINES).map(|_| largest()).collect());
    assert_eq!(totals.tax_inclusive.to_string(), "23199999999999999.9884");
}

fn rational(value: Decimal) -> BigRational {
    BigRational::new(BigInt::from(value.mantissa()), BigInt::from(10).pow(value.scale()))
}

/// Half-up at nine decimals of what is not negative.
fn rounded(value: &BigRational) -> BigRational {
    let unit = BigRational::from_integer(BigInt::from(10).pow(9));
    let half = BigRational::new(1.into(), 2.into());
    (value * &unit + half).floor() / unit
}

/// gross, discount, special tax, general tax by the text of the specification, 3.1 to 3.4.
fn by_the_text(line: &Line, family: Family) -> [BigRational; 4] {
    let of = |amount: Amount| rational(amount.decimal());
    let gross = of(line.quantity) * of(line.unit_price);
    let discount = of(line.discount);
    let zero = || rational(Decimal::ZERO);
    let sp = line.special_tax.filter(|_| family == Family::SpecialSales).map_or_else(zero, of);
    let r = line.tax.as_ref().map_or_else(zero, |tax| of(tax.percent)) / BigInt::from(100);
    let tax = match line.consumer_price {
        Some(ipe) if ipe != line.unit_price => (of(line.quantity) * of(ipe) + &sp) * r,
        _ => (&gross - &discount + &sp) * r,
    };
    [gross, discount, sp, tax]
}

/// As [`by_the_text`], each product and each tax rounded by itself first (the other reading).
fn by_printed_lines(line: &Line, family: Family) -> [BigRational; 4] {
    let [gross, discount, sp, _] = by_the_text(line, family);
    let gross = rounded(&gross);
    let of = |amount: Amount| rational(amount.decimal());
    let r =
        line.tax.as_ref().map_or_else(|| rational(Decimal::ZERO), |tax| of(tax.percent)) / BigInt::from(100);
    let base = match line.consumer_price {
        Some(ipe) if ipe != line.unit_price => rounded(&(of(line.quantity) * of(ipe))),
        _ => &gross - &discount,
    };
    let tax = rounded(&((base + &sp) * r));
    [gross, discount, sp, tax]
}

/// A document as it is written, and by which readings.
fn document() -> impl Strategy<Value = (InvoiceEvent, Profile)> {
    (arbitrary::event(), arbitrary::profile()).prop_map(|(event, profile)| {
        let settled = crate::settle(&event, &profile).expect("a document");
        (settled.event, profile)
    })
}

fn of(event: &InvoiceEvent) -> Totals {
    Totals::of(event, &Profile::default()).expect("totals")
}

proptest! {
    #[test]
    fn every_amount_is_the_exact_one_rounded_once((event, profile) in document()) {
        let totals = Totals::of(&event, &profile).expect("totals");
        let zero = || rational(Decimal::ZERO);
        let mut sum = [zero(), zero(), zero(), zero()];
        for (line, found) in event.lines.iter().zip(&totals.lines) {
            let exact = match profile.rounding {
                Rounding::Once => by_the_text(line, event.family),
                Rounding::SumOfLines => by_printed_lines(line, event.family),
            };
            let [gross, discount, sp, tax] = &exact;
            prop_assert_eq!(rational(found.gross), rounded(gross));
            prop_assert_eq!(rational(found.extension), rounded(&(gross - discount)));
            prop_assert_eq!(rational(found.tax), rounded(tax));
            prop_assert_eq!(rational(found.special_tax), rounded(sp));
            let without = profile.consumer_total_as_printed && line.consumer_price.is_some();
            let printed_sp = if without { zero() } else { sp.clone() };
            prop_assert_eq!(rational(found.with_tax), rounded(&(gross - discount + printed_sp + tax)));
            for (sum, exact) in sum.iter_mut().zip(exact) {
                *sum += exact;
            }
        }
        let [gross, discount, sp, tax] = &sum;
        prop_assert_eq!(rational(totals.tax_exclusive), rounded(gross));
        prop_assert_eq!(rational(totals.allowance), rounded(discount));
        prop_assert_eq!(rational(totals.special_tax), rounded(sp));
        prop_assert_eq!(rational(totals.tax), rounded(tax));
        prop_assert_eq!(rational(totals.tax_inclusive), rounded(&(gross - discount + sp + tax)));
        prop_assert_eq!(totals.payable, totals.tax_inclusive);
    }

    #[test]
    fn printed_sums_are_close_to_the_printed_lines((event, profile) in document()) {
        let profile = Profile { consumer_total_as_printed: false, ..profile };
        let totals = Totals::of(&event, &profile).expect("totals");
        let lines: Decimal = totals.lines.iter().map(|line| line.with_tax).sum();
        let taxes: Decimal = totals.lines.iter().map(|line| line.tax).sum();
        let bound = match profile.rounding {
            Rounding::Once => Decimal::new(5, 10) * Decimal::from(totals.lines.len() + 1),
            Rounding::SumOfLines => Decimal::ZERO,
        };
        prop_assert!((lines - totals.tax_inclusive).abs() <= bound);
        prop_assert!((taxes - totals.tax).abs() <= bound);
    }

    #[test]
    fn the_order_of_lines_changes_no_total((event, profile) in document(), turn in 0_usize..8) {
        let mut turned = event.clone();
        let places = turn % turned.lines.len();
        turned.lines.rotate_left(places);
        turned.lines.reverse();
        let (before, after) = (Totals::of(&event, &profile).expect("totals"), Totals::of(&turned, &profile).expect("totals"));
        prop_assert_eq!(sums(&before), sums(&after));
        prop_assert_eq!(before.special_tax, after.special_tax);
    }

    #[test]
    fn ten_times_the_sale_is_ten_times_the_amounts((event, _) in document(), power in 0_u32..3) {
        // By powers of ten, so that rounding at the ninth decimal is the only difference: it is ten times finer.
        let factor = Decimal::from(10_u32.pow(power));
        let times = |amount: Amount| Amount::from(amount.decimal() * factor);
        let mut scaled = event.clone();
        for line in &mut scaled.lines {
            line.quantity = times(line.quantity);
            line.discount = times(line.discount);
            line.special_tax = line.special_tax.map(times);
        }
        let (one, many) = (of(&event), of(&scaled));
        let bound = Decimal::new(5, 10) * (factor + Decimal::ONE);
        for (one, many) in [
            (one.tax_exclusive, many.tax_exclusive),
            (one.allowance, many.allowance),
            (one.tax, many.tax),
            (one.special_tax, many.special_tax),
            (one.payable, many.payable),
        ] {
            prop_assert!((one * factor - many).abs() <= bound, "{} {}", one, many);
        }
    }

    #[test]
    fn a_line_in_two_pieces_comes_to_the_same((event, profile) in document(), share in 1_i64..1_000) {
        let mut split = event.clone();
        let whole = split.lines[0].clone();
        let part = |amount: Amount| Amount::from((amount.decimal() * Decimal::new(share, 3)).trunc_with_scale(9));
        let rest = |amount: Amount| Amount::from(amount.decimal() - part(amount).decimal());
        let piece = |of: &dyn Fn(Amount) -> Amount, id| Line {
            id,
            quantity: of(whole.quantity),
            discount: of(whole.discount),
            special_tax: whole.special_tax.map(of),
            ..whole.clone()
        };
        split.lines[0] = piece(&part, whole.id);
        split.lines.push(piece(&rest, whole.id.map(|_| u32::MAX)));
        let (one, two) = (Totals::of(&event, &profile).expect("totals"), Totals::of(&split, &profile).expect("totals"));
        // Rounded once, nothing changes at all; line by line, each piece is rounded by itself.
        let bound = match profile.rounding {
            Rounding::Once => Decimal::ZERO,
            Rounding::SumOfLines => Decimal::new(4, 9),
        };
        for (one, two) in [
            (one.tax_exclusive, two.tax_exclusive),
            (one.allowance, two.allowance),
            (one.tax, two.tax),
            (one.special_tax, two.special_tax),
            (one.payable, two.payable),
        ] {
            prop_assert!((one - two).abs() <= bound, "{} {}", one, two);
        }
    }
}
