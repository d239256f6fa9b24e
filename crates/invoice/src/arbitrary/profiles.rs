//! Readings by which every generated event stays valid.

use proptest::prelude::{Strategy, any};
use proptest::sample::select;

use crate::profile::{
    BuyerCompany, BuyerCountry, CurrencyId, IdentificationRule, NamelessBuyer, PhoneRule, Profile, ProfileId,
    Rounding, Slash,
};

/// Any readings, but that all families may use all scopes and no exchange rate is known: the generated events count on that.
pub fn profile() -> impl Strategy<Value = Profile> {
    let codes = (
        select(&[Rounding::Once, Rounding::SumOfLines][..]),
        select(&[CurrencyId::Jo, CurrencyId::Iso][..]),
        select(&[ProfileId::Reporting, ProfileId::UblVersion][..]),
        select(&[Slash::Keep, Slash::Underscore][..]),
    );
    let buyers = (
        select(&NAMELESS[..]),
        select(&COMPANIES[..]),
        select(&[BuyerCountry::Jo, BuyerCountry::AbsentOnExport][..]),
        select(&[PhoneRule::NineToFourteen, PhoneRule::OneToFifteen, PhoneRule::OmitUnfit][..]),
        select(&[IdentificationRule::Digits, IdentificationRule::AlphanumericPn][..]),
    );
    (codes, buyers, any::<[bool; 6]>()).prop_map(|(codes, buyers, choices)| {
        let (rounding, currency_id, profile_id, slash) = codes;
        let (nameless_buyer, buyer_company, buyer_country, phone, identification) = buyers;
        let [
            taxable_amount,
            return_subtotals,
            omit_base_quantity,
            return_note,
            payment_means_on_invoices,
            consumer_total_as_printed,
        ] = choices;
        Profile {
            rounding,
            currency_id,
            profile_id,
            slash,
            nameless_buyer,
            buyer_company,
            buyer_country,
            phone,
            identification,
            taxable_amount,
            return_subtotals,
            omit_base_quantity,
            return_note,
            payment_means_on_invoices,
            consumer_total_as_printed,
            ..Profile::default()
        }
    })
}

const NAMELESS: [NamelessBuyer; 5] = [
    NamelessBuyer::EmptyNin,
    NamelessBuyer::EmptyTn,
    NamelessBuyer::ZeroTn,
    NamelessBuyer::DashTn,
    NamelessBuyer::Absent,
];

const COMPANIES: [BuyerCompany; 5] = [
    BuyerCompany::Guide,
    BuyerCompany::TaxNumber,
    BuyerCompany::One,
    BuyerCompany::Zero,
    BuyerCompany::Absent,
];
