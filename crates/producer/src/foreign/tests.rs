use std::sync::Arc;

use broker::MemoryBroker;
use formats::Format;
use formats::schema::POST2TAX_EXAMPLE;

use crate::intake::Refused;
use crate::testing::intake;

/// What is said of the first document, whose seller nobody registered here.
fn told(format: Format, bytes: &[u8]) -> String {
    let intake = intake(Arc::new(MemoryBroker::default()));
    let refused = intake.with_context(&formats::Settings::default(), |context| {
        let mapped = formats::documents(format, bytes, context).next().unwrap().result.unwrap();
        intake.check_mapped(mapped, None).unwrap_err()
    });
    assert!(matches!(refused, Refused::UnknownSource { .. }), "{refused:?}");
    refused.to_string()
}

#[test]
fn a_stranger_is_told_where_the_document_says_who_it_is() {
    let post2tax = told(Format::Post2Tax, POST2TAX_EXAMPLE.as_bytes());
    assert!(post2tax.ends_with("or correct Supplier.TaxNumber and Supplier.ID"), "{post2tax}");
    let table = told(Format::Csv, formats::table::template(false).as_bytes());
    assert!(table.ends_with("or correct M2 (seller_tax_number) and O2 (income_source)"), "{table}");
}
