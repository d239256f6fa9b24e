//! The profile's elements in order (guide v1.5, skeletons of the six documents), as data; it must not hold logic.
//!
//! An element that UBL 2.1 knows but the profile does not is not in the table, and so refused: stricter than the
//! real service may be, on purpose.

use super::Needed::{Optional, Profile, Schema};
use super::{Attribute, Kind, Needed, Rule, Shape};

/// The namespaces of the root, sorted by attribute name.
pub(super) const NAMESPACES: [(&str, &str); 4] = [
    ("xmlns", "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"),
    ("xmlns:cac", "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"),
    ("xmlns:cbc", "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"),
    ("xmlns:ext", "urn:oasis:names:specification:ubl:schema:xsd:CommonExtensionComponents-2"),
];

const fn leaf(name: &'static str, needed: Needed, kind: Kind) -> Rule {
    Rule { name, needed, many: false, shape: Shape::Leaf(kind, &[]) }
}

const fn with(name: &'static str, needed: Needed, kind: Kind, attributes: &'static [Attribute]) -> Rule {
    Rule { name, needed, many: false, shape: Shape::Leaf(kind, attributes) }
}

const fn amount(name: &'static str, needed: Needed) -> Rule {
    with(name, needed, Kind::Decimal, CURRENCY)
}

const fn node(name: &'static str, needed: Needed, rules: &'static [Rule]) -> Rule {
    Rule { name, needed, many: false, shape: Shape::Node(rules) }
}

const fn nodes(name: &'static str, needed: Needed, rules: &'static [Rule]) -> Rule {
    Rule { name, needed, many: true, shape: Shape::Node(rules) }
}

/// All amounts say JO, whatever the currency is (guide v1.5, all examples).
const CURRENCY: &[Attribute] = &[Attribute { name: "currencyID", needed: Schema, allowed: &["JO"] }];
const TYPE_NAME: &[Attribute] = &[Attribute { name: "name", needed: Profile, allowed: &[] }];
const BUYER_KIND: &[Attribute] =
    &[Attribute { name: "schemeID", needed: Profile, allowed: &["NIN", "PN", "TN"] }];
const PAYMENT_LIST: &[Attribute] =
    &[Attribute { name: "listID", needed: Profile, allowed: &["UN/ECE 4461"] }];
const PIECE: &[Attribute] = &[Attribute { name: "unitCode", needed: Profile, allowed: &["PCE"] }];
const ONE: &[Attribute] = &[Attribute { name: "unitCode", needed: Profile, allowed: &["C62"] }];
const CATEGORY: &[Attribute] = &[
    Attribute { name: "schemeAgencyID", needed: Profile, allowed: &["6"] },
    Attribute { name: "schemeID", needed: Profile, allowed: &["UN/ECE 5305"] },
];
const SCHEME: &[Attribute] = &[
    Attribute { name: "schemeAgencyID", needed: Profile, allowed: &["6"] },
    Attribute { name: "schemeID", needed: Profile, allowed: &["UN/ECE 5153"] },
];

/// The root.
pub(super) const INVOICE: &[Rule] = &[
    leaf("cbc:ProfileID", Profile, Kind::Fixed("reporting:1.0")),
    leaf("cbc:ID", Schema, Kind::Filled),
    leaf("cbc:UUID", Profile, Kind::Filled),
    leaf("cbc:IssueDate", Schema, Kind::Date),
    with("cbc:InvoiceTypeCode", Profile, Kind::Filled, TYPE_NAME),
    leaf("cbc:Note", Optional, Kind::Free),
    leaf("cbc:DocumentCurrencyCode", Profile, Kind::Filled),
    leaf("cbc:TaxCurrencyCode", Profile, Kind::Filled),
    node("cac:BillingReference", Optional, BILLING),
    node("cac:AdditionalDocumentReference", Profile, COUNTER),
    node("cac:AccountingSupplierParty", Schema, &[node("cac:Party", Profile, SELLER)]),
    node(
        "cac:AccountingCustomerParty",
        Schema,
        &[node("cac:Party", Profile, BUYER), node("cac:AccountingContact", Optional, CONTACT)],
    ),
    node("cac:SellerSupplierParty", Profile, &[node("cac:Party", Profile, INCOME_SOURCE)]),
    node("cac:PaymentMeans", Optional, PAYMENT),
    node("cac:AllowanceCharge", Profile, DOCUMENT_DISCOUNT),
    node("cac:TaxTotal", Optional, DOCUMENT_TAX),
    node("cac:LegalMonetaryTotal", Schema, TOTALS),
    nodes("cac:InvoiceLine", Schema, LINE),
];

const BILLING: &[Rule] = &[node(
    "cac:InvoiceDocumentReference",
    Profile,
    &[
        leaf("cbc:ID", Schema, Kind::Filled),
        leaf("cbc:UUID", Profile, Kind::Filled),
        leaf("cbc:DocumentDescription", Profile, Kind::Filled),
    ],
)];

const COUNTER: &[Rule] =
    &[leaf("cbc:ID", Schema, Kind::Fixed("ICV")), leaf("cbc:UUID", Profile, Kind::Filled)];

const VAT: &[Rule] = &[leaf("cbc:ID", Profile, Kind::Fixed("VAT"))];

const SELLER: &[Rule] = &[
    node(
        "cac:PostalAddress",
        Profile,
        &[node("cac:Country", Profile, &[leaf("cbc:IdentificationCode", Profile, Kind::Fixed("JO"))])],
    ),
    node(
        "cac:PartyTaxScheme",
        Profile,
        &[leaf("cbc:CompanyID", Profile, Kind::Filled), node("cac:TaxScheme", Schema, VAT)],
    ),
    node("cac:PartyLegalEntity", Profile, &[leaf("cbc:RegistrationName", Profile, Kind::Filled)]),
];

const BUYER: &[Rule] = &[
    node("cac:PartyIdentification", Optional, &[with("cbc:ID", Schema, Kind::Free, BUYER_KIND)]),
    node(
        "cac:PostalAddress",
        Optional,
        &[
            leaf("cbc:PostalZone", Optional, Kind::Free),
            leaf("cbc:CountrySubentityCode", Optional, Kind::Free),
            node("cac:Country", Optional, &[leaf("cbc:IdentificationCode", Optional, Kind::Free)]),
        ],
    ),
    node(
        "cac:PartyTaxScheme",
        Optional,
        &[leaf("cbc:CompanyID", Optional, Kind::Free), node("cac:TaxScheme", Schema, VAT)],
    ),
    node("cac:PartyLegalEntity", Optional, &[leaf("cbc:RegistrationName", Optional, Kind::Free)]),
];

const CONTACT: &[Rule] = &[leaf("cbc:Telephone", Optional, Kind::Free)];

const INCOME_SOURCE: &[Rule] =
    &[node("cac:PartyIdentification", Profile, &[leaf("cbc:ID", Schema, Kind::Filled)])];

const PAYMENT: &[Rule] = &[
    with("cbc:PaymentMeansCode", Schema, Kind::Fixed("10"), PAYMENT_LIST),
    leaf("cbc:InstructionNote", Optional, Kind::Free),
];

const DOCUMENT_DISCOUNT: &[Rule] = &[
    leaf("cbc:ChargeIndicator", Schema, Kind::False),
    leaf("cbc:AllowanceChargeReason", Profile, Kind::Fixed("discount")),
    amount("cbc:Amount", Schema),
];

const LINE_DISCOUNT: &[Rule] = &[
    leaf("cbc:ChargeIndicator", Schema, Kind::False),
    leaf("cbc:AllowanceChargeReason", Profile, Kind::Fixed("DISCOUNT")),
    amount("cbc:Amount", Schema),
];

/// `TaxSubtotal`s at document level are how guide v1.4 wrote general returns.
const DOCUMENT_TAX: &[Rule] =
    &[amount("cbc:TaxAmount", Schema), nodes("cac:TaxSubtotal", Optional, SUBTOTAL)];

const LINE_TAX: &[Rule] = &[
    amount("cbc:TaxAmount", Schema),
    amount("cbc:RoundingAmount", Profile),
    nodes("cac:TaxSubtotal", Profile, SUBTOTAL),
];

const SUBTOTAL: &[Rule] = &[
    amount("cbc:TaxableAmount", Optional),
    amount("cbc:TaxAmount", Schema),
    node(
        "cac:TaxCategory",
        Schema,
        &[
            with("cbc:ID", Profile, Kind::Filled, CATEGORY),
            leaf("cbc:Percent", Optional, Kind::Decimal),
            node("cac:TaxScheme", Schema, &[with("cbc:ID", Profile, Kind::Filled, SCHEME)]),
        ],
    ),
];

const TOTALS: &[Rule] = &[
    amount("cbc:TaxExclusiveAmount", Profile),
    amount("cbc:TaxInclusiveAmount", Profile),
    amount("cbc:AllowanceTotalAmount", Profile),
    with("cbc:PrepaidAmount", Optional, Kind::Zero, CURRENCY),
    amount("cbc:PayableAmount", Schema),
];

const LINE: &[Rule] = &[
    leaf("cbc:ID", Schema, Kind::Filled),
    with("cbc:InvoicedQuantity", Profile, Kind::Decimal, PIECE),
    amount("cbc:LineExtensionAmount", Schema),
    node("cac:TaxTotal", Optional, LINE_TAX),
    node("cac:Item", Schema, &[leaf("cbc:Name", Profile, Kind::Filled)]),
    node(
        "cac:Price",
        Profile,
        &[
            amount("cbc:PriceAmount", Schema),
            with("cbc:BaseQuantity", Optional, Kind::Fixed("1"), ONE),
            node("cac:AllowanceCharge", Profile, LINE_DISCOUNT),
        ],
    ),
    node("cac:ItemPriceExtension", Optional, &[amount("cbc:Amount", Schema)]),
];
