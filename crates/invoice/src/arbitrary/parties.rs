//! Sellers and buyers.

use proptest::option;
use proptest::prelude::Strategy;
use proptest::sample::select;

use crate::event::{Buyer, Governorate, Identification, IdentificationScheme, Seller};

use super::text;

const GOVERNORATES: [Governorate; 12] = [
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
];

pub(super) fn seller() -> impl Strategy<Value = Seller> {
    ("[1-9][0-9]{4,14}", text(), "[1-9][0-9]{0,8}").prop_map(|(tax_number, name, income_source)| Seller {
        tax_number,
        name,
        income_source,
    })
}

/// A buyer of whom little or much is known.
pub(super) fn buyer() -> impl Strategy<Value = Buyer> {
    let scheme = select(&[IdentificationScheme::NIN, IdentificationScheme::PN, IdentificationScheme::TN][..]);
    let identification =
        (scheme, "[0-9]{1,15}").prop_map(|(scheme, number)| Identification { scheme, number });
    // As people type them; with 9 to 14 digits even where a leading 00 is dropped.
    let phone = "(\\+|00)?[1-9٠-٩]{3}[ -]?[0-9]{6,9}";
    (
        option::weighted(0.9, text()),
        option::of(identification),
        option::of("[0-9A-Z]{1,5}"),
        option::of(select(&GOVERNORATES[..])),
        option::of(phone),
    )
        .prop_map(|(name, identification, postal_code, governorate, phone)| Buyer {
            name,
            identification,
            postal_code,
            governorate,
            phone,
        })
}
