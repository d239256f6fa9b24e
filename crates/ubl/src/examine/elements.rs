//! The elements of the profile as a table: what stands where, in the schema's order, in which documents (specification 2.2, 2.5 to
//! 2.8 and 2.13). Data only.

use invoice::event::{Family, Kind};

/// A set of the six kinds of documents: income, general and special sales, invoices and returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Documents(u8);

impl Documents {
    const NONE: Self = Self(0);
    pub(super) const ALL: Self = Self(0b11_11_11);
    const RETURNS: Self = Self(0b10_10_10);
    const SALES: Self = Self(0b11_11_00);
    const GENERAL_RETURNS: Self = Self(0b00_10_00);
    const WITH_NOTE: Self = Self(0b01_01_11);

    /// The documents of one type.
    pub(super) fn of(kind: Kind, family: Family) -> Self {
        let invoices = match family {
            Family::Income => 0b00_00_01,
            Family::GeneralSales => 0b00_01_00,
            Family::SpecialSales => 0b01_00_00,
        };
        Self(match kind {
            Kind::Invoice => invoices,
            Kind::Return => invoices << 1,
        })
    }

    /// Whether all of `other` are among them.
    pub(super) fn hold(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What an element of the profile is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// With our prefix.
    pub(super) name: &'static str,
    /// The documents that must have it.
    pub(super) required: Documents,
    /// The documents that may have it.
    pub(super) allowed: Documents,
    /// Whether it may stand more than once.
    pub(super) many: bool,
    /// Whether others got through without keeping this rule: a warning instead of an error.
    pub(super) mild: bool,
    /// The one text that it may hold.
    pub(super) text: Option<&'static str>,
    /// The attributes that it must have.
    pub(super) attributes: &'static [(&'static str, &'static str)],
    /// What stands in it, in order.
    pub(super) children: &'static [Self],
}

/// An element that must be there.
const fn must(name: &'static str) -> Rule {
    Rule {
        name,
        required: Documents::ALL,
        allowed: Documents::ALL,
        many: false,
        mild: false,
        text: None,
        attributes: &[],
        children: &[],
    }
}

/// An element that may be there.
const fn may(name: &'static str) -> Rule {
    Rule { required: Documents::NONE, ..must(name) }
}

/// An element with others in it.
const fn with(rule: Rule, children: &'static [Rule]) -> Rule {
    Rule { children, ..rule }
}

/// An element with one text.
const fn fixed(rule: Rule, text: &'static str) -> Rule {
    Rule { text: Some(text), ..rule }
}

/// An element of some documents only, which must have it.
const fn only(rule: Rule, documents: Documents) -> Rule {
    Rule { required: documents, allowed: documents, ..rule }
}

/// An element whose rule others have broken and got through.
const fn mild(rule: Rule) -> Rule {
    Rule { mild: true, ..rule }
}

const fn many(rule: Rule) -> Rule {
    Rule { many: true, ..rule }
}

const fn attributes(rule: Rule, attributes: &'static [(&'static str, &'static str)]) -> Rule {
    Rule { attributes, ..rule }
}

/// The root.
pub(super) const INVOICE: Rule = with(
    must("Invoice"),
    &[
        mild(fixed(may("cbc:UBLVersionID"), "2.1")),
        fixed(may("cbc:ProfileID"), "reporting:1.0"),
        must("cbc:ID"),
        must("cbc:UUID"),
        must("cbc:IssueDate"),
        must("cbc:InvoiceTypeCode"),
        mild(Rule { allowed: Documents::WITH_NOTE, ..may("cbc:Note") }),
        must("cbc:DocumentCurrencyCode"),
        must("cbc:TaxCurrencyCode"),
        with(
            only(must("cac:BillingReference"), Documents::RETURNS),
            &[with(
                must("cac:InvoiceDocumentReference"),
                &[must("cbc:ID"), must("cbc:UUID"), must("cbc:DocumentDescription")],
            )],
        ),
        with(
            many(must("cac:AdditionalDocumentReference")),
            &[mild(fixed(must("cbc:ID"), "ICV")), must("cbc:UUID")],
        ),
        with(
            must("cac:AccountingSupplierParty"),
            &[with(
                must("cac:Party"),
                &[
                    mild(with(must("cac:PostalAddress"), &[mild(COUNTRY)])),
                    with(must("cac:PartyTaxScheme"), &[must("cbc:CompanyID"), TAX_SCHEME]),
                    with(must("cac:PartyLegalEntity"), &[must("cbc:RegistrationName")]),
                ],
            )],
        ),
        with(
            must("cac:AccountingCustomerParty"),
            &[
                with(
                    must("cac:Party"),
                    &[
                        with(may("cac:PartyIdentification"), &[must("cbc:ID")]),
                        with(
                            may("cac:PostalAddress"),
                            &[
                                may("cbc:PostalZone"),
                                may("cbc:CountrySubentityCode"),
                                Rule { required: Documents::NONE, ..mild(COUNTRY) },
                            ],
                        ),
                        with(may("cac:PartyTaxScheme"), &[may("cbc:CompanyID"), TAX_SCHEME]),
                        with(may("cac:PartyLegalEntity"), &[may("cbc:RegistrationName")]),
                    ],
                ),
                with(may("cac:AccountingContact"), &[may("cbc:Telephone")]),
            ],
        ),
        with(
            must("cac:SellerSupplierParty"),
            &[with(must("cac:Party"), &[with(must("cac:PartyIdentification"), &[must("cbc:ID")])])],
        ),
        with(
            Rule { required: Documents::RETURNS, ..may("cac:PaymentMeans") },
            &[
                attributes(fixed(must("cbc:PaymentMeansCode"), "10"), &[("listID", "UN/ECE 4461")]),
                Rule { required: Documents::RETURNS, ..may("cbc:InstructionNote") },
            ],
        ),
        with(
            must("cac:AllowanceCharge"),
            &[
                fixed(must("cbc:ChargeIndicator"), "false"),
                mild(fixed(must("cbc:AllowanceChargeReason"), "discount")),
                must("cbc:Amount"),
            ],
        ),
        with(
            only(must("cac:TaxTotal"), Documents::SALES),
            &[
                must("cbc:TaxAmount"),
                mild(Rule {
                    allowed: Documents::GENERAL_RETURNS,
                    ..with(many(may("cac:TaxSubtotal")), SUBTOTAL)
                }),
            ],
        ),
        with(
            must("cac:LegalMonetaryTotal"),
            &[
                must("cbc:TaxExclusiveAmount"),
                must("cbc:TaxInclusiveAmount"),
                must("cbc:AllowanceTotalAmount"),
                mild(Rule { allowed: Documents::GENERAL_RETURNS, ..may("cbc:PrepaidAmount") }),
                must("cbc:PayableAmount"),
            ],
        ),
        with(many(must("cac:InvoiceLine")), LINE),
    ],
);

const LINE: &[Rule] = &[
    must("cbc:ID"),
    mild(attributes(must("cbc:InvoicedQuantity"), &[("unitCode", "PCE")])),
    must("cbc:LineExtensionAmount"),
    with(
        only(must("cac:TaxTotal"), Documents::SALES),
        &[must("cbc:TaxAmount"), must("cbc:RoundingAmount"), with(many(must("cac:TaxSubtotal")), SUBTOTAL)],
    ),
    with(must("cac:Item"), &[must("cbc:Name")]),
    with(
        must("cac:Price"),
        &[
            must("cbc:PriceAmount"),
            mild(Rule {
                allowed: Documents::GENERAL_RETURNS,
                ..attributes(fixed(may("cbc:BaseQuantity"), "1"), &[("unitCode", "C62")])
            }),
            with(
                must("cac:AllowanceCharge"),
                &[
                    fixed(must("cbc:ChargeIndicator"), "false"),
                    mild(fixed(must("cbc:AllowanceChargeReason"), "DISCOUNT")),
                    must("cbc:Amount"),
                ],
            ),
        ],
    ),
    with(Rule { allowed: Documents::SALES, ..may("cac:ItemPriceExtension") }, &[must("cbc:Amount")]),
];

const SUBTOTAL: &[Rule] = &[
    may("cbc:TaxableAmount"),
    must("cbc:TaxAmount"),
    with(
        must("cac:TaxCategory"),
        &[
            mild(attributes(must("cbc:ID"), &[("schemeAgencyID", "6"), ("schemeID", "UN/ECE 5305")])),
            may("cbc:Percent"),
            with(
                must("cac:TaxScheme"),
                &[mild(attributes(must("cbc:ID"), &[("schemeAgencyID", "6"), ("schemeID", "UN/ECE 5153")]))],
            ),
        ],
    ),
];

const COUNTRY: Rule = with(must("cac:Country"), &[mild(fixed(must("cbc:IdentificationCode"), "JO"))]);
const TAX_SCHEME: Rule = with(must("cac:TaxScheme"), &[fixed(must("cbc:ID"), "VAT")]);
