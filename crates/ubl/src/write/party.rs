//! Seller, buyer and income source (specification 2.2, rows 11 to 13, and 2.5). Knows nothing of amounts.

use invoice::event::{Buyer, Family, Governorate, IdentificationScheme, Scope, Seller};
use invoice::profile::{BuyerCompany, BuyerCountry, NamelessBuyer, PhoneRule};
use invoice::{InvoiceEvent, Profile, limits};

use super::WriteError;
use super::xml::Xml;

/// The seller: nothing but country, tax number and name as registered.
pub(super) fn seller(seller: &Seller, xml: &mut Xml<'_>) -> Result<(), WriteError> {
    xml.element("cac:AccountingSupplierParty", |xml| {
        xml.element("cac:Party", |xml| {
            xml.element("cac:PostalAddress", country)?;
            tax_scheme(Some(&seller.tax_number), xml)?;
            legal_name(&seller.name, xml)
        })
    })
}

/// The buyer; the whole block stands even when nothing is known.
pub(super) fn buyer(event: &InvoiceEvent, profile: &Profile, xml: &mut Xml<'_>) -> Result<(), WriteError> {
    let nobody = Buyer::default();
    let buyer = event.buyer.as_ref().unwrap_or(&nobody);
    xml.element("cac:AccountingCustomerParty", |xml| {
        xml.element("cac:Party", |xml| {
            identification(buyer, profile.nameless_buyer, xml)?;
            xml.element("cac:PostalAddress", |xml| {
                if let Some(postal_code) = &buyer.postal_code {
                    xml.text("cbc:PostalZone", "", postal_code)?;
                }
                if let Some(governorate) = buyer.governorate {
                    xml.fixed("cbc:CountrySubentityCode", "", governorate_code(governorate));
                }
                match (profile.buyer_country, event.scope) {
                    (BuyerCountry::AbsentOnExport, Scope::Export) => Ok(()),
                    _ => country(xml),
                }
            })?;
            tax_scheme(company(buyer, event.family, profile.buyer_company), xml)?;
            legal_name(buyer.name.as_deref().unwrap_or_default(), xml)
        })?;
        match buyer.phone.as_deref().filter(|phone| has_phone(phone, profile.phone)) {
            Some(phone) => xml.element("cac:AccountingContact", |xml| {
                xml.digits("cbc:Telephone", phone);
                Ok(())
            }),
            None => Ok(()),
        }
    })
}

/// The original's block, as it stands in the document that the authority holds.
pub(super) fn copied(block: &str, xml: &mut Xml<'_>) -> Result<(), WriteError> {
    if !block.starts_with("<cac:AccountingCustomerParty")
        || !block.ends_with("</cac:AccountingCustomerParty>")
    {
        let error = WriteError::unfit("the original's buyer is not the whole element");
        return Err(error.inside("cac:AccountingCustomerParty"));
    }
    xml.raw(block);
    Ok(())
}

fn identification(buyer: &Buyer, nameless: NamelessBuyer, xml: &mut Xml<'_>) -> Result<(), WriteError> {
    let known = buyer.identification.as_ref().filter(|known| !known.number.is_empty());
    let (scheme, number) = match (known, nameless) {
        (Some(known), _) => (known.scheme, known.number.as_str()),
        (None, NamelessBuyer::EmptyNin) => (IdentificationScheme::NIN, ""),
        (None, NamelessBuyer::EmptyTn) => (IdentificationScheme::TN, ""),
        (None, NamelessBuyer::ZeroTn) => (IdentificationScheme::TN, "0"),
        (None, NamelessBuyer::DashTn) => (IdentificationScheme::TN, "-"),
        (None, NamelessBuyer::Absent) => return Ok(()),
    };
    xml.element("cac:PartyIdentification", |xml| xml.text("cbc:ID", scheme_id(scheme), number))
}

/// What stands in the buyer's `CompanyID` (specification 2.5).
fn company(buyer: &Buyer, family: Family, reading: BuyerCompany) -> Option<&str> {
    let identification = buyer.identification.as_ref();
    let tax_number = identification
        .filter(|known| known.scheme == IdentificationScheme::TN && !known.number.is_empty())
        .map(|known| known.number.as_str());
    match (reading, family) {
        (BuyerCompany::Guide, Family::SpecialSales) => tax_number.or(Some("1")),
        (BuyerCompany::Guide, Family::GeneralSales) | (BuyerCompany::TaxNumber, _) => tax_number,
        (BuyerCompany::Guide | BuyerCompany::One, Family::Income) | (BuyerCompany::Absent, _) => None,
        (BuyerCompany::One, Family::GeneralSales | Family::SpecialSales) => Some("1"),
        (BuyerCompany::Zero, _) => Some("0"),
    }
}

/// Whether the number is written: not if nothing of it is a digit, nor if it is unfit and the reading says to leave it out.
fn has_phone(phone: &str, rule: PhoneRule) -> bool {
    let digits = phone.bytes().filter(u8::is_ascii_digit).count();
    match rule {
        PhoneRule::NineToFourteen | PhoneRule::OneToFifteen => digits > 0,
        PhoneRule::OmitUnfit => limits::PHONE_DIGITS.contains(&digits),
    }
}

/// The income source, in the element that UBL has for the seller's own party.
pub(super) fn income_source(seller: &Seller, xml: &mut Xml<'_>) -> Result<(), WriteError> {
    xml.element("cac:SellerSupplierParty", |xml| {
        xml.element("cac:Party", |xml| {
            xml.element("cac:PartyIdentification", |xml| xml.text("cbc:ID", "", &seller.income_source))
        })
    })
}

/// `JO` in every skeleton, exports included (guide v1.5).
fn country(xml: &mut Xml<'_>) -> Result<(), WriteError> {
    xml.element("cac:Country", |xml| {
        xml.fixed("cbc:IdentificationCode", "", "JO");
        Ok(())
    })
}

fn tax_scheme(company: Option<&str>, xml: &mut Xml<'_>) -> Result<(), WriteError> {
    xml.element("cac:PartyTaxScheme", |xml| {
        if let Some(company) = company {
            xml.text("cbc:CompanyID", "", company)?;
        }
        xml.element("cac:TaxScheme", |xml| {
            xml.fixed("cbc:ID", "", "VAT");
            Ok(())
        })
    })
}

fn legal_name(name: &str, xml: &mut Xml<'_>) -> Result<(), WriteError> {
    xml.element("cac:PartyLegalEntity", |xml| xml.text("cbc:RegistrationName", "", name))
}

fn scheme_id(scheme: IdentificationScheme) -> &'static str {
    match scheme {
        IdentificationScheme::NIN => r#" schemeID="NIN""#,
        IdentificationScheme::PN => r#" schemeID="PN""#,
        IdentificationScheme::TN => r#" schemeID="TN""#,
    }
}

fn governorate_code(governorate: Governorate) -> &'static str {
    match governorate {
        Governorate::Balqa => "JO-BA",
        Governorate::Maan => "JO-MN",
        Governorate::Madaba => "JO-MD",
        Governorate::Mafraq => "JO-MA",
        Governorate::Karak => "JO-KA",
        Governorate::Jerash => "JO-JA",
        Governorate::Irbid => "JO-IR",
        Governorate::Zarqa => "JO-AZ",
        Governorate::Tafilah => "JO-AT",
        Governorate::Aqaba => "JO-AQ",
        Governorate::Amman => "JO-AM",
        Governorate::Ajloun => "JO-AJ",
    }
}
