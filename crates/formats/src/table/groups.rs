//! From the bytes of a table to the rows of each document: separator, header, rows, and which rows belong together.

use std::collections::BTreeSet;
use std::sync::Arc;

use csv::{ByteRecord, ByteRecordsIntoIter, ReaderBuilder};
use invoice::{Fault, FaultCode, limits};

use super::cells::{Cells, Header, letters};
use super::columns::{COLUMNS, Column};
use super::words::normal;
use crate::money::quoted;

/// Columns of a file, at most.
const WIDTH: usize = 200;
/// Bytes of a column's name, at most: every fault repeats it, and marks that are not seen can make it as long as the file.
const NAME: usize = 200;
/// Columns without which no row says anything.
const NEEDED: [&str; 5] = ["number", "issue_date", "seller_tax_number", "seller_name", "income_source"];

/// One row.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) cells: Vec<String>,
}

/// The rows of one document.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) header: Arc<Header>,
    pub(super) rows: Vec<Row>,
    /// What is wrong with the rows themselves.
    pub(super) faults: Vec<Fault>,
    /// A decimal comma is one: the semicolon separates.
    pub(super) decimal_comma: bool,
}

impl Group {
    pub(super) fn first_row(&self) -> u64 {
        self.rows.first().map_or(1, |row| row.number)
    }

    pub(super) fn cells(&self) -> Cells {
        let rows = self.rows.iter().map(|row| row.number).collect();
        Cells { header: Arc::clone(&self.header), rows }
    }

    pub(super) fn text(&self, column: &str, row: usize) -> Option<&str> {
        let position = self.header.position(column)?;
        let text = self.rows.get(row)?.cells.get(position)?.trim();
        Some(text).filter(|text| !text.is_empty())
    }
}

/// The documents of a table, in order.
pub(super) struct Groups<'a> {
    records: ByteRecordsIntoIter<&'a [u8]>,
    header: Arc<Header>,
    decimal_comma: bool,
    /// What the records are read from.
    text: &'a [u8],
    /// How far into it rows were counted, and the row of a spreadsheet that begins there.
    counted: (usize, u64),
    pending: Option<(Row, Vec<Fault>)>,
    /// What earlier documents were called.
    seen: BTreeSet<[String; 3]>,
}

impl<'a> Groups<'a> {
    /// Reads the header.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Vec<Fault>> {
        let fault = |code, path: &str, message: String| vec![Fault::new(code, path, message)];
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            let message = "is UTF-16: in the spreadsheet, save as \"CSV UTF-8\"";
            return Err(fault(FaultCode::InvalidUnicode, "", message.to_owned()));
        }
        if let Err(error) = std::str::from_utf8(bytes) {
            let right = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = right.iter().filter(|byte| **byte == b'\n').count() + 1;
            let message = format!(
                "is not UTF-8 (first in line {line} of the file), but probably Windows-1256: in the spreadsheet, save as \"CSV UTF-8\""
            );
            return Err(fault(FaultCode::InvalidUnicode, "", message));
        }
        let mut text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let mut separator = None;
        // Spreadsheets write this line in front, and do not show it.
        if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', mark @ (b',' | b';' | b'\t'), ..] = text {
            separator = Some(*mark);
            let end = text.iter().position(|byte| *byte == b'\n').map_or(text.len(), |end| end + 1);
            text = text.get(end..).unwrap_or_default();
        }
        let separator = separator.unwrap_or_else(|| guess(text));
        let reader =
            ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(text);
        let mut groups = Self {
            records: reader.into_byte_records(),
            header: Arc::new(Header { columns: Vec::new(), names: Vec::new() }),
            decimal_comma: separator == b';',
            text,
            counted: (0, 1),
            pending: None,
            seen: BTreeSet::new(),
        };
        let Some((row, faults)) = groups.next_row() else {
            let message =
                "is empty: the first row names the columns (fawtara import --template csv prints an example)";
            return Err(fault(FaultCode::MissingField, "", message.to_owned()));
        };
        if !faults.is_empty() {
            return Err(faults);
        }
        // Blank lines in front of the header are rows of the spreadsheet too.
        groups.header = Arc::new(header(&row)?);
        groups.pending = groups.next_row();
        Ok(groups)
    }

    /// The next row that is not blank.
    fn next_row(&mut self) -> Option<(Row, Vec<Fault>)> {
        loop {
            // The bytes are in memory, and rows of any length are taken: there is nothing that could go wrong.
            let Ok(record) = self.records.next()? else { continue };
            let number = self.row_number(&record);
            if record.iter().all(|cell| cell.trim_ascii().is_empty()) {
                continue;
            }
            return Some(row(&record, number, self.header.names.len()));
        }
    }

    /// The row as a spreadsheet counts: blank rows are rows, line ends inside cells are none.
    fn row_number(&mut self, record: &ByteRecord) -> u64 {
        let (from, mut row) = self.counted;
        let begin =
            record.position().and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(from);
        // The reader leaves line ends (the second half of a Windows one, blank rows) to the record that comes after them.
        let ends = self.text.get(begin..).unwrap_or_default();
        let blank = ends.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let lines = |text: &[u8]| {
            u64::try_from(text.iter().filter(|byte| **byte == b'\n').count()).unwrap_or_default()
        };
        let start = begin.saturating_add(blank).max(from);
        row += lines(self.text.get(from..start).unwrap_or_default());
        let inner: u64 = record.iter().map(lines).sum();
        self.counted = (start, row.saturating_sub(inner));
        row
    }

    fn identity(&self, row: &Row) -> [String; 3] {
        let text = |column: &str| {
            let position = self.header.position(column);
            let cell = position.and_then(|position| row.cells.get(position));
            cell.map(|cell| cell.trim().to_owned()).unwrap_or_default()
        };
        [text("number"), text("seller_tax_number"), text("income_source")]
    }
}

impl Iterator for Groups<'_> {
    type Item = Group;

    fn next(&mut self) -> Option<Group> {
        let (first, mut faults) = self.pending.take()?;
        let identity = self.identity(&first);
        if !identity.iter().any(String::is_empty) && self.seen.contains(&identity) {
            let [number, ..] = &identity;
            let message = format!(
                "{} stood in rows above, with another document between: keep the rows of a document together",
                quoted(number)
            );
            let cells = Cells { header: Arc::clone(&self.header), rows: vec![first.number] };
            faults.push(Fault::new(FaultCode::DuplicateField, cells.cell("number", 0), message));
        }
        let mut rows = vec![first];
        while let Some((row, row_faults)) = self.next_row() {
            let other = self.identity(&row);
            // An empty cell says what the one above says.
            let same = identity.iter().zip(&other).all(|(mine, other)| other.is_empty() || other == mine);
            if !same {
                self.pending = Some((row, row_faults));
                break;
            }
            if rows.len() <= limits::LINES {
                rows.push(row);
                let more = limits::FAULTS.saturating_sub(faults.len());
                faults.extend(row_faults.into_iter().take(more));
            }
        }
        self.seen.insert(identity);
        let (header, decimal_comma) = (Arc::clone(&self.header), self.decimal_comma);
        Some(Group { header, rows, faults, decimal_comma })
    }
}

/// What separates the cells of the first line: the mark that occurs most outside of quotes.
fn guess(text: &[u8]) -> u8 {
    let (mut quoted, mut counts) = (false, [(b'\t', 0_u32), (b';', 0), (b',', 0)]);
    for byte in text {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted && counts.iter().any(|(_, count)| *count > 0) => break,
            byte if !quoted => {
                counts.iter_mut().filter(|(mark, _)| mark == byte).for_each(|(_, count)| *count += 1);
            }
            _ => {}
        }
    }
    // Of equal counts the last one wins: the comma.
    counts.into_iter().max_by_key(|(_, count)| *count).map_or(b',', |(mark, _)| mark)
}

fn row(record: &ByteRecord, number: u64, width: usize) -> (Row, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut cells = Vec::with_capacity(record.len());
    for (position, cell) in record.iter().enumerate().take(WIDTH + 1) {
        // The file was seen to be UTF-8, and the marks between cells are ASCII.
        let text = String::from_utf8_lossy(cell);
        let surplus = width > 0 && position >= width && !text.trim().is_empty();
        if surplus && faults.len() < limits::FAULTS {
            let place = format!("{}{number}", letters(position));
            let message = format!(
                "{} stands beyond the last column: a text with the separator in it belongs in quotation marks",
                quoted(&text)
            );
            faults.push(Fault::new(FaultCode::UnknownField, place, message));
        }
        cells.push(text.into_owned());
    }
    (Row { number, cells }, faults)
}

fn header(row: &Row) -> Result<Header, Vec<Fault>> {
    let mut header = Header { columns: Vec::new(), names: row.cells.clone() };
    let mut faults = Vec::new();
    if row.cells.len() > WIDTH {
        let message = format!("has more than {WIDTH} columns");
        return Err(vec![Fault::new(FaultCode::InvalidValue, format!("row {}", row.number), message)]);
    }
    for (position, cell) in row.cells.iter().enumerate().filter(|(_, cell)| !cell.trim().is_empty()) {
        let place = || format!("{}{}", letters(position), row.number);
        match named(cell) {
            _ if cell.len() > NAME => {
                let message = format!(
                    "{} has {} bytes: the name of a column has {NAME} at most; type it anew, so that nothing invisible is in it",
                    quoted(cell),
                    cell.len()
                );
                faults.push(Fault::new(FaultCode::InvalidValue, place(), message));
            }
            None => {
                let message = format!(
                    "{} is no column that is known: correct its name or remove it (fawtara import --template csv shows all)",
                    quoted(cell)
                );
                faults.push(Fault::new(FaultCode::UnknownField, place(), message));
            }
            Some(column) if header.position(column.english).is_some() => {
                let message = format!("the column {} stands there twice: keep one", column.english);
                faults.push(Fault::new(FaultCode::DuplicateField, place(), message));
            }
            Some(column) => header.columns.push((column, position)),
        }
    }
    for needed in NEEDED.iter().filter(|needed| header.position(needed).is_none()) {
        let arabic =
            COLUMNS.iter().find(|column| column.english == *needed).map_or("", |column| column.arabic);
        let message = format!("the column {needed} ({arabic}) is missing");
        faults.push(Fault::new(FaultCode::MissingField, format!("row {}", row.number), message));
    }
    if faults.is_empty() { Ok(header) } else { Err(faults) }
}

fn named(cell: &str) -> Option<&'static Column> {
    let wanted = normal(cell);
    COLUMNS.iter().find(|column| normal(column.english) == wanted || normal(column.arabic) == wanted)
}
