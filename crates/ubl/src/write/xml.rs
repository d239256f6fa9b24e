//! Elements into the caller's byte buffer. Knows how XML is written, and nothing of invoices but the form of an amount.

use std::fmt::Display;
use std::io::Write;

use rust_decimal::Decimal;

use super::WriteError;
use super::decimal::push_decimal;
use super::escape::push_text;

/// Amounts, quantities and prices have at least this many decimals.
const AMOUNT_DECIMALS: u32 = 3;

/// A document under way. Attributes are our own constants, each beginning with its space.
pub(super) struct Xml<'a> {
    out: &'a mut Vec<u8>,
    currency_id: &'a str,
}

impl<'a> Xml<'a> {
    /// `currency_id` stands on every amount (specification 2.9); it is letters.
    pub(super) fn new(out: &'a mut Vec<u8>, currency_id: &'a str) -> Self {
        Self { out, currency_id }
    }

    /// Markup, or text that needs no escaping.
    pub(super) fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// An element with the children that `content` writes; errors learn where they happened.
    pub(super) fn element(
        &mut self,
        name: &'static str,
        content: impl FnOnce(&mut Self) -> Result<(), WriteError>,
    ) -> Result<(), WriteError> {
        self.open(name, "");
        content(self).map_err(|error| error.inside(name))?;
        self.close(name);
        Ok(())
    }

    /// An element with text from outside.
    pub(super) fn text(
        &mut self,
        name: &'static str,
        attributes: &'static str,
        text: &str,
    ) -> Result<(), WriteError> {
        self.open(name, attributes);
        push_text(self.out, text)
            .map_err(|character| WriteError::IllegalCharacter { path: name.to_owned(), character })?;
        self.close(name);
        Ok(())
    }

    /// An element with text that needs no escaping.
    pub(super) fn fixed(&mut self, name: &'static str, attributes: &'static str, text: &str) {
        self.open(name, attributes);
        self.raw(text);
        self.close(name);
    }

    /// An element with a number or a date.
    pub(super) fn plain(&mut self, name: &'static str, attributes: &'static str, value: impl Display) {
        self.open(name, attributes);
        // Writing to a Vec cannot fail.
        let _ = write!(self.out, "{value}");
        self.close(name);
    }

    /// An element with the ASCII digits of a text.
    pub(super) fn digits(&mut self, name: &'static str, text: &str) {
        self.open(name, "");
        self.out.extend(text.bytes().filter(u8::is_ascii_digit));
        self.close(name);
    }

    /// An element with an amount of money.
    pub(super) fn amount(&mut self, name: &'static str, value: Decimal) -> Result<(), WriteError> {
        self.out.push(b'<');
        self.raw(name);
        self.raw(r#" currencyID=""#);
        self.out.extend_from_slice(self.currency_id.as_bytes());
        self.raw(r#"">"#);
        self.decimal(name, value, AMOUNT_DECIMALS)
    }

    /// An element with an amount as text, without a currency.
    pub(super) fn number(&mut self, name: &'static str, value: Decimal) -> Result<(), WriteError> {
        self.open(name, "");
        self.decimal(name, value, AMOUNT_DECIMALS)
    }

    /// An element with a quantity; `PCE` stands for every unit (specification 2.6).
    pub(super) fn quantity(&mut self, name: &'static str, value: Decimal) -> Result<(), WriteError> {
        self.open(name, r#" unitCode="PCE""#);
        self.decimal(name, value, AMOUNT_DECIMALS)
    }

    /// An element with a percentage.
    pub(super) fn percent(&mut self, name: &'static str, value: Decimal) -> Result<(), WriteError> {
        self.open(name, "");
        self.decimal(name, value, 2)
    }

    /// The decimal and the end of the element that it stands in.
    fn decimal(&mut self, name: &'static str, value: Decimal, least: u32) -> Result<(), WriteError> {
        push_decimal(self.out, value, least)
            .map_err(|value| WriteError::Amount { path: name.to_owned(), value })?;
        self.close(name);
        Ok(())
    }

    fn open(&mut self, name: &'static str, attributes: &'static str) {
        self.out.push(b'<');
        self.raw(name);
        self.raw(attributes);
        self.out.push(b'>');
    }

    fn close(&mut self, name: &'static str) {
        self.out.extend_from_slice(b"</");
        self.raw(name);
        self.out.push(b'>');
    }
}
