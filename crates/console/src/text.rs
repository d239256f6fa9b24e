//! Text for people at a terminal: foreign text made harmless, times, ages and tables. Knows nothing of invoices.

use invoice::Timestamp;

/// Text from outside as one line that a terminal cannot be commanded by: control characters and the characters that turn
/// the direction of what follows are written out, everything else, Arabic above all, stays as it is.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => line.push(' '),
            c if c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                line.extend(c.escape_unicode());
            }
            c => line.push(c),
        }
    }
    line
}

/// [`clean`], cut to so many characters.
#[must_use]
pub fn short(text: &str, chars: usize) -> String {
    let line = clean(text);
    match line.char_indices().nth(chars) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// A time in UTC, to the second.
#[must_use]
pub fn time(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How long ago, in the largest unit that says enough.
#[must_use]
pub fn age(now: Timestamp, since: Timestamp) -> String {
    let seconds = (now - since).num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A table whose columns are as wide as their widest cell. Free text belongs into the last column, which is never padded,
/// so that right-to-left text cannot push anything out of line.
#[derive(Debug, Clone, Default)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with this head.
    #[must_use]
    pub fn new(head: &[&str]) -> Self {
        Self { rows: vec![head.iter().map(|&cell| cell.to_owned()).collect()] }
    }

    /// Adds a row; its cells are made harmless.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| clean(&cell)).collect());
    }

    /// The table as lines.
    #[must_use]
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(column))
                    .map(|cell| width(cell))
                    .max()
                    .unwrap_or_default()
            })
            .collect();
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (place, (cell, wanted)) in row.iter().zip(&widths).enumerate() {
                line.push_str(cell);
                if place + 1 < row.len() {
                    line.extend(std::iter::repeat_n(' ', wanted.saturating_sub(width(cell)) + 2));
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Cells of a terminal, nearly: marks that stand above or below a letter take none.
fn width(text: &str) -> usize {
    let takes_none = |c: &char| {
        matches!(*c, '\u{300}'..='\u{36f}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}' | '\u{670}'
            | '\u{6d6}'..='\u{6dc}' | '\u{6df}'..='\u{6e4}' | '\u{200b}'..='\u{200f}')
    };
    text.chars().filter(|c| !takes_none(c)).count()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn arabic_stays_and_commands_to_the_terminal_do_not() {
        assert_eq!(clean("شركة البتراء & الشركاء <عمّان>"), "شركة البتراء & الشركاء <عمّان>");
        assert_eq!(clean("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb c");
        assert_eq!(clean("1\u{202e}2"), "1\\u{202e}2");
        assert_eq!(short("زيت زيتون", 3), "زيت…");
    }

    #[test]
    fn columns_stand_in_line_whatever_the_script() {
        let mut table = Table::new(&["NUMBER", "STATE", "MESSAGE"]);
        table.row(["فاتورة-١".into(), "rejected".into(), "الرقم الضريبي غير صحيح".into()]);
        table.row(["عمَّان".into(), "draft".into(), String::new()]);
        assert_eq!(
            table.render(),
            "NUMBER    STATE     MESSAGE\nفاتورة-١  rejected  الرقم الضريبي غير صحيح\nعمَّان      draft\n"
        );
    }

    #[test]
    fn ages_are_told_in_fitting_units() {
        let then = Timestamp::UNIX_EPOCH;
        let told = |seconds| age(then + TimeDelta::seconds(seconds), then);
        assert_eq!(
            [told(-5), told(119), told(121), told(7_200), told(400_000)],
            ["0 s", "119 s", "2 min", "2 h", "4 days"]
        );
    }
}
