//! Seller, buyer and income source (specification 2.2, rows 11 to 13, and 2.5). Knows nothing of amounts.

use invoice::event::{Buyer, Family, Governorate, IdentificationScheme, Seller};

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
pub(super) fn buyer(buyer: Option<&Buyer>, family: Family, xml: &mut Xml<'_>) -> Result<(), WriteError> {
    let nobody = Buyer::default();
    let buyer = buyer.unwrap_or(&nobody);
    let identification = buyer.identification.as_ref();
    let scheme = identification.map_or(IdentificationScheme::NIN, |known| known.scheme);
    let number = identification.map_or("", |known| known.number.as_str());
    let repeats_number =
        family == Family::GeneralSales && scheme == IdentificationScheme::TN && !number.is_empty();
    xml.element("cac:AccountingCustomerParty", |xml| {
        xml.element("cac:Party", |xml| {
            xml.element("cac:PartyIdentification", |xml| xml.text("cbc:ID", scheme_id(scheme), number))?;
            xml.element("cac:PostalAddress", |xml| {
                if let Some(postal_code) = &buyer.postal_code {
                    xml.text("cbc:PostalZone", "", postal_code)?;
                }
                if let Some(governorate) = buyer.governorate {
                    xml.fixed("cbc:CountrySubentityCode", "", governorate_code(governorate));
                }
                country(xml)
            })?;
            tax_scheme(repeats_number.then_some(number), xml)?;
            legal_name(buyer.name.as_deref().unwrap_or_default(), xml)
        })?;
        match &buyer.phone {
            Some(phone) if phone.bytes().any(|byte| byte.is_ascii_digit()) => {
                xml.element("cac:AccountingContact", |xml| {
                    xml.digits("cbc:Telephone", phone);
                    Ok(())
                })
            }
            _ => Ok(()),
        }
    })
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
