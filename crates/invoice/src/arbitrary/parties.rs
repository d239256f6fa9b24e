//! Sellers and buyers.

use proptest::option;
use proptest::prelude::Strategy;
use proptest::sample::select;

use crate::event::{Buyer, Governorate, Identification, IdentificationScheme, Seller};

use super::texts::{self, text};

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
    (texts::digits(5, 15), text(), texts::digits(1, 9)).prop_map(|(tax_number, name, income_source)| Seller {
        tax_number,
        name,
        income_source,
    })
}

/// A buyer of whom little or much is known.
pub(super) fn buyer() -> impl Strategy<Value = Buyer> {
    let scheme = select(&[IdentificationScheme::NIN, IdentificationScheme::PN, IdentificationScheme::TN][..]);
    let identification =
        (scheme, texts::digits(1, 15)).prop_map(|(scheme, number)| Identification { scheme, number });
    (
        option::weighted(0.9, text()),
        option::of(identification),
        option::of(texts::postal_code()),
        option::of(select(&GOVERNORATES[..])),
        option::of(texts::phone()),
    )
        .prop_map(|(name, identification, postal_code, governorate, phone)| Buyer {
            name,
            identification,
            postal_code,
            governorate,
            phone,
        })
}
