//! Where a field of the event stands in the table: the names of cells, as spreadsheets give them.

use std::sync::Arc;

use crate::document::pattern;

use super::columns::{COLUMNS, Column};

/// The header row: for each column of the file its meaning and what its cell says.
#[derive(Debug)]
pub(crate) struct Header {
    pub(super) columns: Vec<(&'static Column, usize)>,
    pub(super) names: Vec<String>,
}

impl Header {
    /// Where a column stands in the file, from 0.
    pub(super) fn position(&self, english: &str) -> Option<usize> {
        self.columns.iter().find(|(column, _)| column.english == english).map(|(_, position)| *position)
    }
}

/// The cells of one document.
#[derive(Debug, Clone)]
pub(crate) struct Cells {
    pub(super) header: Arc<Header>,
    /// The row of each line.
    pub(super) rows: Vec<u64>,
}

impl Cells {
    /// The cell of a field of the event.
    pub(crate) fn place(&self, path: &str) -> String {
        let (wanted, indexes) = pattern(path);
        let line = indexes.first().copied();
        let mut wanted = wanted.as_str();
        loop {
            if let Some(column) = COLUMNS.iter().find(|column| !wanted.is_empty() && column.ours == wanted) {
                return self.cell(column.english, line.unwrap_or_default());
            }
            match wanted.rsplit_once('.') {
                Some((parent, _)) => wanted = parent,
                None => return self.row(line.unwrap_or_default()),
            }
        }
    }

    /// `F12 (unit_price)`, or the row when the file has no such column.
    pub(super) fn cell(&self, english: &str, line: usize) -> String {
        let row = self.rows.get(line).or_else(|| self.rows.first()).copied().unwrap_or(1);
        match self.header.position(english) {
            Some(position) => {
                let name = self.header.names.get(position).map_or(english, |name| name.trim());
                format!("{}{row} ({name})", letters(position))
            }
            None => format!("row {row} ({english})"),
        }
    }

    fn row(&self, line: usize) -> String {
        format!("row {}", self.rows.get(line).or_else(|| self.rows.first()).copied().unwrap_or(1))
    }
}

/// A column as spreadsheets name it: A, B, … Z, AA, AB, …
pub(super) fn letters(position: usize) -> String {
    let mut left = position + 1;
    let mut name = Vec::new();
    while left > 0 {
        left -= 1;
        name.push(char::from(b'A' + u8::try_from(left % 26).unwrap_or_default()));
        left /= 26;
    }
    name.iter().rev().collect()
}
