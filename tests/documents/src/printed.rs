//! The numbers that a document of ours prints, read straight from its markup. Shares no code with writer or reader.

use std::collections::BTreeMap;

use num_bigint::BigInt;
use num_rational::BigRational;
use quick_xml::Reader;
use quick_xml::events::Event;

/// The numbers of a document by the path of their element.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) code: String,
    /// Outside of lines, such as `cac:TaxTotal/cbc:TaxAmount`.
    pub(super) document: BTreeMap<String, BigRational>,
    /// The subtotals by rate of a return.
    pub(super) rates: Vec<BTreeMap<String, BigRational>>,
    pub(super) lines: Vec<Line>,
    /// Every amount with its `currencyID`.
    pub(super) currency_ids: Vec<String>,
    pub(super) currency: String,
}

/// The numbers of a line, and its subtotals by scheme.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) numbers: BTreeMap<String, BigRational>,
    pub(super) general: Option<BTreeMap<String, BigRational>>,
    pub(super) special: Option<BTreeMap<String, BigRational>>,
}

/// Where the walk stands.
#[derive(Default)]
struct Walk {
    numbers: Numbers,
    open: Vec<String>,
    text: String,
    /// The subtotal under way, with the letter of its category and its scheme.
    subtotal: Option<BTreeMap<String, BigRational>>,
    category: String,
    scheme: String,
}

/// Reads the document.
pub(super) fn numbers(xml: &[u8]) -> Result<Numbers, String> {
    let text = std::str::from_utf8(xml).map_err(|error| error.to_string())?;
    let mut reader = Reader::from_str(text);
    let mut walk = Walk::default();
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(tag) => {
                let name = tag.name().into_inner().to_owned();
                for attribute in tag.attributes() {
                    let attribute = attribute.map_err(|error| error.to_string())?;
                    match attribute.key.into_inner() {
                        "currencyID" => walk.numbers.currency_ids.push(attribute.value.to_string()),
                        "name" => walk.numbers.code = attribute.value.to_string(),
                        _ => {}
                    }
                }
                walk.start(name);
            }
            Event::Text(text) => walk.text.push_str(&text.xml10_content()),
            Event::End(_) => walk.end()?,
            Event::Eof => return Ok(walk.numbers),
            _ => {}
        }
    }
}

impl Walk {
    fn start(&mut self, name: String) {
        self.text.clear();
        match name.as_str() {
            "cac:InvoiceLine" => self.numbers.lines.push(Line::default()),
            "cac:TaxSubtotal" => self.subtotal = Some(BTreeMap::new()),
            _ => {}
        }
        self.open.push(name);
    }

    fn end(&mut self) -> Result<(), String> {
        let name = self.open.pop().unwrap_or_default();
        let text = std::mem::take(&mut self.text);
        let parent = self.open.last().cloned().unwrap_or_default();
        let in_line = self.open.iter().any(|name| name == "cac:InvoiceLine");
        match (name.as_str(), parent.as_str()) {
            ("cac:TaxSubtotal", _) => self.close_subtotal(in_line)?,
            ("cbc:ID", "cac:TaxCategory") => self.category = text,
            ("cbc:ID", "cac:TaxScheme") if self.subtotal.is_some() => self.scheme = text,
            ("cbc:DocumentCurrencyCode", _) => self.numbers.currency = text,
            _ if is_number(&name) => {
                let value = rational(&text).ok_or_else(|| format!("{parent}/{name} is {text:?}"))?;
                let place = format!("{parent}/{name}");
                match (&mut self.subtotal, self.numbers.lines.last_mut().filter(|_| in_line)) {
                    (Some(subtotal), _) => subtotal.insert(place, value),
                    (None, Some(line)) => line.numbers.insert(place, value),
                    (None, None) => self.numbers.document.insert(place, value),
                };
            }
            _ => {}
        }
        Ok(())
    }

    fn close_subtotal(&mut self, in_line: bool) -> Result<(), String> {
        let Some(mut subtotal) = self.subtotal.take() else { return Ok(()) };
        let zero = BigRational::from_integer(0.into());
        let percent = subtotal.get("cac:TaxCategory/cbc:Percent").cloned();
        match (self.category.as_str(), &percent) {
            ("S", Some(percent)) if *percent == zero => return Err("S with 0 percent".to_owned()),
            ("Z" | "O", Some(percent)) if *percent != zero => return Err("Z or O with a percent".to_owned()),
            ("S" | "Z" | "O", _) => {}
            (other, _) => return Err(format!("category {other:?}")),
        }
        if self.category != "S" {
            // To tell the two rates of 0 apart.
            let letter = if self.category == "Z" { -1 } else { -2 };
            subtotal.insert("letter".to_owned(), BigRational::from_integer(letter.into()));
        }
        let line = self.numbers.lines.last_mut().filter(|_| in_line);
        match (line, self.scheme.as_str(), percent.is_some()) {
            (Some(line), "VAT", true) if line.general.is_none() => line.general = Some(subtotal),
            (Some(line), "OTH", false) if line.special.is_none() && line.general.is_none() => {
                line.special = Some(subtotal);
            }
            (None, "VAT", true) => self.numbers.rates.push(subtotal),
            (_, scheme, _) => return Err(format!("subtotal of scheme {scheme:?}")),
        }
        Ok(())
    }
}

fn is_number(name: &str) -> bool {
    name.ends_with("Amount")
        || name.ends_with("Quantity")
        || name.ends_with("Percent")
        || name == "cbc:DocumentDescription"
}

/// Digits with a point: at most 9 decimals, no sign, no exponent.
pub(super) fn rational(text: &str) -> Option<BigRational> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    let numerator: BigInt = format!("{whole}{fraction}").parse().ok()?;
    let denominator = BigInt::from(10).pow(u32::try_from(fraction.len()).ok()?);
    Some(BigRational::new(numerator, denominator))
}
