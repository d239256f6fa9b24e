//! Reading the cells of one document, with every fault at its cell. Must not know what the columns mean.

use chrono::{Datelike, NaiveDate};
use invoice::{Amount, Fault, FaultCode, Message, limits};
use uuid::Uuid;

use super::cells::Cells;
use super::columns::COLUMNS;
use super::groups::Group;
use super::words::{self, Words};
use crate::money::{plain, quoted};

/// The values of one document, and what is wrong with them.
pub(super) struct Values<'g> {
    group: &'g Group,
    cells: Cells,
    pub(super) faults: Vec<Fault>,
}

impl<'g> Values<'g> {
    pub(super) fn new(group: &'g Group) -> Self {
        Self { group, cells: group.cells(), faults: Vec::new() }
    }

    pub(super) fn rows(&self) -> usize {
        self.group.rows.len()
    }

    pub(super) fn fault(&mut self, column: &str, row: usize, code: FaultCode, message: impl Into<Message>) {
        if self.faults.len() < limits::FAULTS {
            self.faults.push(Fault::new(code, self.cells.cell(column, row), message));
        }
    }

    /// Something stands in this column in any row.
    pub(super) fn has(&self, column: &str) -> bool {
        (0..self.rows()).any(|row| self.group.text(column, row).is_some())
    }

    /// A cell of one line.
    pub(super) fn cell(&self, column: &str, row: usize) -> Option<&'g str> {
        self.group.text(column, row)
    }

    /// A value of the whole document: from the first row that has it; a row that says something else is a fault.
    pub(super) fn text(&mut self, column: &str) -> Option<String> {
        self.found(column).map(|(text, _)| text)
    }

    fn found(&mut self, column: &str) -> Option<(String, usize)> {
        let group = self.group;
        let mut rows = (0..self.rows()).filter_map(|row| group.text(column, row).map(|text| (text, row)));
        let (first, at) = rows.next()?;
        for (_, row) in rows.filter(|(text, _)| *text != first) {
            let message = format!(
                "differs from {} in {}: it belongs to the whole document; write it in the first row only, or the same in all",
                quoted(first),
                self.cells.cell(column, at)
            );
            self.fault(column, row, FaultCode::DuplicateField, message);
        }
        Some((first.to_owned(), at))
    }

    pub(super) fn needed(&mut self, column: &str) -> Option<String> {
        let text = self.text(column);
        if text.is_none() {
            self.missing(column, 0);
        }
        text
    }

    pub(super) fn missing(&mut self, column: &str, row: usize) {
        let arabic = COLUMNS.iter().find(|known| known.english == column).map_or("", |known| known.arabic);
        let message = format!("is missing: the column {column} ({arabic}) must say something here");
        self.fault(column, row, FaultCode::MissingField, message);
    }

    /// Digits of the whole document, such as a tax number.
    pub(super) fn digits(&mut self, column: &str) -> Option<String> {
        let (text, row) = self.found(column)?;
        let text = plain(&text);
        if shortened(&text) {
            self.shortened(column, row, &text);
            return None;
        }
        Some(text)
    }

    pub(super) fn uuid(&mut self, column: &str) -> Option<Uuid> {
        let (text, row) = self.found(column)?;
        let read = text.parse().ok();
        if read.is_none() {
            let message = format!("{} is not a UUID: correct it, or leave the cell empty", quoted(&text));
            self.fault(column, row, FaultCode::InvalidValue, message);
        }
        read
    }

    /// A whole number of the document.
    pub(super) fn whole(&mut self, column: &str) -> Option<u32> {
        let (text, row) = self.found(column)?;
        self.parse_whole(column, row, &text)
    }

    pub(super) fn parse_whole(&mut self, column: &str, row: usize, text: &str) -> Option<u32> {
        let read = plain(text).parse().ok();
        if read.is_none() {
            self.fault(
                column,
                row,
                FaultCode::InvalidValue,
                format!("{} is not a whole number", quoted(text)),
            );
        }
        read
    }

    /// A word of the document, one of a list.
    pub(super) fn word<T: Copy + PartialEq>(&mut self, column: &str, words: Words<T>) -> Option<T> {
        let (text, row) = self.found(column)?;
        self.meaning(column, row, &text, words)
    }

    pub(super) fn meaning<T: Copy + PartialEq>(
        &mut self,
        column: &str,
        row: usize,
        text: &str,
        words: Words<T>,
    ) -> Option<T> {
        let meaning = words::find(words, text);
        if meaning.is_none() {
            let known = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
            self.fault(column, row, FaultCode::InvalidValue, format!("{} is none of {known}", quoted(text)));
        }
        meaning
    }

    /// An amount in a row; for values of the whole document the row is 0 and any row may have it.
    pub(super) fn amount(&mut self, column: &str, row: usize) -> Option<Amount> {
        let of_line = COLUMNS.iter().any(|known| known.english == column && known.of_line);
        let (text, row) =
            if of_line { (self.cell(column, row)?.to_owned(), row) } else { self.found(column)? };
        let number = self.point(column, row, &plain(&text))?;
        match number.parse() {
            Ok(amount) => Some(amount),
            Err(_) => {
                let message = format!(
                    "{} is not a number: write digits with at most one point, such as 12.500",
                    quoted(&text)
                );
                self.fault(column, row, FaultCode::InvalidValue, message);
                None
            }
        }
    }

    /// With the decimal mark as a point, and without the marks that spreadsheets put around numbers.
    fn point(&mut self, column: &str, row: usize, text: &str) -> Option<String> {
        let mut number: String =
            text.chars().filter(|c| !matches!(c, '\u{a0}' | '\u{200e}' | '\u{200f}' | '\u{202f}')).collect();
        if column == "tax_percent" {
            number.truncate(number.trim_end_matches(['%', '\u{66a}', ' ']).len());
        }
        if shortened(&number) {
            self.shortened(column, row, &number);
            return None;
        }
        if number.contains('\u{66c}') || (number.contains(',') && !self.group.decimal_comma) {
            let message = format!(
                "{} has a comma, which could part thousands or decimals: write 1234.500, with a point and nothing between thousands",
                quoted(&number)
            );
            self.fault(column, row, FaultCode::InvalidValue, message);
            return None;
        }
        // Files with semicolons come from where the comma is the decimal mark.
        if number.matches(',').count() == 1 && !number.contains('.') {
            number = number.replace(',', ".");
        }
        Some(number)
    }

    fn shortened(&mut self, column: &str, row: usize, text: &str) {
        let message = format!(
            "{} was shortened by the spreadsheet, and digits are lost: format the column as text (or as a number with \
             decimals), and write the digits again",
            quoted(text)
        );
        self.fault(column, row, FaultCode::InvalidValue, message);
    }

    /// `2026-11-20`; with the day first only where no other reading is possible.
    pub(super) fn date(&mut self, column: &str) -> Option<NaiveDate> {
        let Some((text, row)) = self.found(column) else {
            self.missing(column, 0);
            return None;
        };
        let read = date(&plain(&text));
        match read {
            Ok(date) => Some(date),
            Err(why) => {
                let message = format!("{} {why}: write it as 2026-11-20", quoted(&text));
                self.fault(column, row, FaultCode::InvalidValue, message);
                None
            }
        }
    }
}

/// `1.23E+05`
fn shortened(text: &str) -> bool {
    let digits = |part: &str| part.bytes().any(|byte| byte.is_ascii_digit());
    text.split_once(['e', 'E']).is_some_and(|(mantissa, exponent)| {
        digits(mantissa)
            && digits(exponent)
            && exponent.starts_with(['+', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
            && mantissa.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'-'))
    })
}

fn date(text: &str) -> Result<NaiveDate, &'static str> {
    let text = text.split_once(['T', ' ']).map_or(text, |(date, _)| date);
    let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
    let number =
        |part: &str| part.parse::<u32>().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()));
    let numbers: Option<Vec<u32>> = parts.iter().map(|part| number(part)).collect();
    let of = |year: u32, month: u32, day: u32| {
        i32::try_from(year).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day))
    };
    let found = match (parts.as_slice(), numbers.as_deref()) {
        ([year, ..], Some([y, m, d])) if year.len() == 4 => of(*y, *m, *d),
        ([_, _, year], Some([a, b, y])) if year.len() == 4 => match (of(*y, *b, *a), of(*y, *a, *b)) {
            (Some(one), Some(other)) if one != other => {
                return Err("could be read with the day or the month first");
            }
            (Some(date), _) => Some(date),
            (None, Some(_)) => return Err("has the month first, which would be misread elsewhere"),
            (None, None) => None,
        },
        ([_], Some([serial])) if (40_000..60_000).contains(serial) => {
            return Err("is the spreadsheet's inner number of a date: format the column as a date");
        }
        _ => None,
    };
    found.filter(|date| date.year() >= 1).ok_or("is not a date")
}
