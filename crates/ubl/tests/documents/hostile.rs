//! Text that is hostile to XML: escaped or refused, never emitted broken.

use invoice::event::{Identification, IdentificationScheme};
use invoice::{InvoiceEvent, Totals};
use ubl::WriteError;

use crate::sample;

/// The event with the text in every field that holds text from outside, and the paths of those fields.
fn fields(text: &str) -> Vec<(InvoiceEvent, &'static str)> {
    let edited = |edit: &dyn Fn(&mut InvoiceEvent)| {
        let mut event = sample::guide_general();
        edit(&mut event);
        event
    };
    let buyer =
        |edit: &dyn Fn(&mut invoice::event::Buyer)| edited(&|event| edit(event.buyer.as_mut().unwrap()));
    let text = || text.to_owned();
    vec![
        (edited(&|event| event.number = text()), "Invoice/cbc:ID"),
        (edited(&|event| event.note = Some(text())), "Invoice/cbc:Note"),
        (edited(&|event| event.currency = text()), "Invoice/cbc:DocumentCurrencyCode"),
        (
            edited(&|event| event.seller.tax_number = text()),
            "Invoice/cac:AccountingSupplierParty/cac:Party/cac:PartyTaxScheme/cbc:CompanyID",
        ),
        (
            edited(&|event| event.seller.name = text()),
            "Invoice/cac:AccountingSupplierParty/cac:Party/cac:PartyLegalEntity/cbc:RegistrationName",
        ),
        (
            edited(&|event| event.seller.income_source = text()),
            "Invoice/cac:SellerSupplierParty/cac:Party/cac:PartyIdentification/cbc:ID",
        ),
        (
            buyer(&|buyer| {
                buyer.identification =
                    Some(Identification { scheme: IdentificationScheme::NIN, number: text() });
            }),
            "Invoice/cac:AccountingCustomerParty/cac:Party/cac:PartyIdentification/cbc:ID",
        ),
        (
            buyer(&|buyer| buyer.postal_code = Some(text())),
            "Invoice/cac:AccountingCustomerParty/cac:Party/cac:PostalAddress/cbc:PostalZone",
        ),
        (
            buyer(&|buyer| buyer.name = Some(text())),
            "Invoice/cac:AccountingCustomerParty/cac:Party/cac:PartyLegalEntity/cbc:RegistrationName",
        ),
        (edited(&|event| event.lines[1].name = text()), "Invoice/cac:InvoiceLine[2]/cac:Item/cbc:Name"),
    ]
}

#[test]
fn markup_arrives_as_text_in_every_field() {
    let text = "<x a=\"1\" b='2'/>&amp;]]><!-- فاتورة --> <?pi?> & <![CDATA[";
    let escaped =
        "&lt;x a=\"1\" b='2'/&gt;&amp;amp;]]&gt;&lt;!-- فاتورة --&gt; &lt;?pi?&gt; &amp; &lt;![CDATA[";
    for (event, path) in fields(text) {
        let document = sample::written_text(&event);
        let name = path.rsplit('/').next().unwrap();
        assert!(document.contains(&format!(">{escaped}</{name}>")), "{path}: {document}");
        // Well-formed to the end, or it would differ from itself.
        assert_eq!(ubl::same_document(document.as_bytes(), document.as_bytes()), Ok(()), "{path}");
    }
}

#[test]
fn characters_that_xml_cannot_carry_are_refused_in_every_field() {
    for character in ['\0', '\u{8}', '\u{b}', '\u{c}', '\u{1b}', '\u{1f}', '\u{fffe}', '\u{ffff}'] {
        for (event, place) in fields(&format!("فاتو{character}رة")) {
            let totals = Totals::of(&event, &invoice::Profile::default()).unwrap();
            let mut out = b"before".to_vec();
            let error = ubl::write(
                &ubl::Document {
                    event: &event,
                    totals: &totals,
                    icv: 1,
                    profile: &invoice::Profile::default(),
                    buyer: None,
                },
                &mut out,
            )
            .unwrap_err();
            assert_eq!(error, WriteError::IllegalCharacter { path: place.to_owned(), character });
            assert_eq!(out, b"before", "nothing half-written is left");
        }
    }
    let message = WriteError::IllegalCharacter { path: "Invoice/cbc:Note".to_owned(), character: '\u{b}' };
    assert_eq!(
        message.to_string(),
        "Invoice/cbc:Note holds U+000B, which no XML document can carry: remove it"
    );
}

#[test]
fn odd_but_legal_text_stays_what_it_is() {
    for text in [
        "👨‍👩‍👧‍👦 🧾 𐍈",
        "\u{200f}عربي\u{200e} abc \u{202b}رقم\u{202c} \u{2067}١٢٣\u{2069}",
        "\u{feff}bom \u{fdd0} \u{fffd} \u{7f}\u{85}\u{a0}x",
        "لام\u{0640}\u{0651} e\u{301}",
        "first\nsecond\tthird\rfourth\r\nfifth",
    ] {
        for (event, path) in fields(text) {
            let document = sample::written_text(&event);
            let name = path.rsplit('/').next().unwrap();
            let expected = format!(">{}</{name}>", text.replace('\r', "&#13;"));
            assert!(document.contains(&expected), "{path}");
        }
        let number = InvoiceEvent { number: format!("x{text}x"), ..sample::guide_income() };
        let identity = ubl::identity(&sample::written(&number)).unwrap();
        assert_eq!(identity.number, number.number, "and comes back through a parser");
    }
}

#[test]
fn a_telephone_has_digits_only_or_is_left_out() {
    let mut event = sample::guide_income();
    let mut telephone = |phone: Option<&str>| {
        event.buyer.as_mut().unwrap().phone = phone.map(str::to_owned);
        let document = sample::written_text(&event);
        let (_, after) = document.split_once("<cbc:Telephone>")?;
        Some(after.split_once("</cbc:Telephone>").unwrap().0.to_owned())
    };
    assert_eq!(telephone(Some("+962 (79) 000-11-22 &<\0")), Some("962790001122".to_owned()));
    assert_eq!(telephone(Some("لا يوجد")), None);
    assert_eq!(telephone(None), None);
}
