//! What is printed at the end. It must not find out anything by itself: it shows what the book and the comparisons say.

use std::fmt::{self, Write};
use std::path::Path;

use invoice::life::State;
use ledger::AttemptRecord;

use super::audit::Audit;
use super::book::{Book, Entry};
use super::folder::Names;
use super::qr;
use super::sample::Exception;

/// Rows that are shown of one kind; the folder holds them all.
const ROWS: usize = 20;
/// Messages that are shown of one invoice, and lines of one message.
const MESSAGES: usize = 3;
/// Characters on one line.
const WIDTH: usize = 84;

/// Colours, or none.
#[derive(Clone, Copy)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    fn wrap(self, code: &str, text: impl fmt::Display) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }

    pub(super) fn bold(self, text: impl fmt::Display) -> String {
        self.wrap("1", text)
    }

    fn dim(self, text: impl fmt::Display) -> String {
        self.wrap("2", text)
    }

    fn green(self, text: impl fmt::Display) -> String {
        self.wrap("32", text)
    }

    fn yellow(self, text: impl fmt::Display) -> String {
        self.wrap("33", text)
    }

    fn red(self, text: impl fmt::Display) -> String {
        self.wrap("31", text)
    }
}

/// Everything that there is to show.
pub(super) struct Summary<'a> {
    pub(super) paint: Paint,
    pub(super) book: &'a Book,
    pub(super) audit: &'a Audit,
    /// What the sample is meant to show; none for the reader's own file.
    pub(super) exceptions: Option<&'a [Exception]>,
    /// Where the sample ended otherwise.
    pub(super) deviations: &'a [String],
    pub(super) out: &'a Path,
    pub(super) names: &'a Names,
    /// The seller of the invoice whose QR is drawn.
    pub(super) seller: Option<String>,
}

/// The invoice whose QR is drawn: the first that was cleared, and only after trouble if there is such a one.
pub(super) fn shown(book: &Book) -> Option<&Entry> {
    let cleared = book.standing(&[State::Cleared]);
    cleared.iter().find(|entry| entry.was_sent_again()).or(cleared.first()).copied()
}

impl Summary<'_> {
    /// The whole text.
    pub(super) fn text(&self) -> anyhow::Result<String> {
        let mut text = String::new();
        self.refused_at_intake(&mut text)?;
        self.for_a_person(&mut text)?;
        self.sent_again(&mut text)?;
        self.still_open(&mut text)?;
        self.qr(&mut text)?;
        self.counts(&mut text)?;
        self.records(&mut text)?;
        self.plan(&mut text)?;
        self.folder(&mut text)?;
        Ok(text)
    }

    fn qr(&self, text: &mut String) -> anyhow::Result<()> {
        let Some(entry) = shown(self.book) else { return Ok(()) };
        let Some(code) = &entry.invoice.qr else { return Ok(()) };
        self.heading(text, "One of the QR codes, as it belongs on the printed invoice", None)?;
        text.push_str(&qr::draw(code, self.paint.0)?);
        let summary = &entry.summary;
        writeln!(
            text,
            "  SIMULATION   {}   {} {}",
            entry.invoice.number,
            money(summary.payable),
            summary.currency
        )?;
        if let Some(seller) = &self.seller {
            writeln!(text, "  {seller}")?;
        }
        Ok(())
    }

    fn heading(&self, text: &mut String, title: &str, count: Option<usize>) -> fmt::Result {
        let count = count.map(|count| format!(" ({count})")).unwrap_or_default();
        writeln!(text, "\n{}", self.paint.bold(format!("{title}{count}")))
    }

    fn more(&self, text: &mut String, all: usize) -> fmt::Result {
        match all.checked_sub(ROWS) {
            Some(more) if more > 0 => writeln!(text, "  and {more} more, in {}", super::folder::SUMMARY),
            _ => Ok(()),
        }
    }

    fn refused_at_intake(&self, text: &mut String) -> fmt::Result {
        let refused: Vec<_> = self.book.refused().collect();
        if refused.is_empty() {
            return Ok(());
        }
        self.heading(text, "Refused at the intake: never became invoices", Some(refused.len()))?;
        for (line, number, codes, messages) in refused.iter().take(ROWS) {
            let code = codes.last().map_or("", String::as_str);
            writeln!(
                text,
                "  {number:<14} {} {}",
                self.paint.red(format!("{code:<24}")),
                self.paint.dim(format!("line {line}"))
            )?;
            messages.iter().take(MESSAGES).try_for_each(|message| beneath(text, message))?;
        }
        self.more(text, refused.len())
    }

    fn for_a_person(&self, text: &mut String) -> fmt::Result {
        let waiting = self.book.standing(&[State::Rejected, State::DeadLettered]);
        if waiting.is_empty() {
            return Ok(());
        }
        self.heading(text, "Waiting for a person, with the reason", Some(waiting.len()))?;
        for entry in waiting.iter().take(ROWS) {
            let invoice = &entry.invoice;
            let state = match invoice.state {
                State::Rejected => "refused for its content".to_owned(),
                _ => format!("given up after {} sends", entry.sends()),
            };
            writeln!(text, "  {:<14} {}", invoice.number, self.paint.red(state))?;
            beneath(text, invoice.message.as_deref().unwrap_or("no reason is known"))?;
            if let Some(why) = self.lesson(&invoice.number) {
                writeln!(text, "  {:14} {}", "", self.paint.dim(format!("here: {why}")))?;
            }
        }
        self.more(text, waiting.len())
    }

    fn sent_again(&self, text: &mut String) -> fmt::Result {
        let again = self.book.by_number(|entry| entry.was_sent_again() && entry.is_cleared());
        if again.is_empty() {
            return Ok(());
        }
        self.heading(text, "Cleared after trouble: sent again with the very same bytes", Some(again.len()))?;
        for entry in again.iter().take(ROWS) {
            let sends = self.paint.yellow(format!("{} sends", entry.sends()));
            let road = match self.lesson(&entry.invoice.number) {
                Some(why) => why.to_owned(),
                None => entry.attempts.first().map(said).unwrap_or_default(),
            };
            writeln!(text, "  {:<14} {sends}  {}", entry.invoice.number, short(&road))?;
        }
        self.more(text, again.len())
    }

    fn still_open(&self, text: &mut String) -> fmt::Result {
        let open = self.book.open();
        if open.is_empty() {
            return Ok(());
        }
        self.heading(text, "Still open when the time was up", Some(open.len()))?;
        for entry in open.iter().take(ROWS) {
            let last = entry.attempts.last().map(said).unwrap_or_default();
            writeln!(
                text,
                "  {:<14} {}  {}",
                entry.invoice.number,
                self.paint.yellow(entry.invoice.state),
                short(&last)
            )?;
        }
        self.more(text, open.len())
    }

    fn counts(&self, text: &mut String) -> fmt::Result {
        let (book, paint) = (self.book, self.paint);
        let cleared = book.standing(&[State::Cleared]).len();
        let again = book.by_number(|entry| entry.was_sent_again() && entry.is_cleared()).len();
        let rejected = book.standing(&[State::Rejected]).len();
        let given_up = book.standing(&[State::DeadLettered]).len();
        let (refused, repeats, open) = (book.refused().count(), book.repeats(), book.open().len());
        let seconds = book.took.as_secs_f64();
        let rate =
            if seconds > 0.0 { f64::from(u32::try_from(cleared).unwrap_or(u32::MAX)) / seconds } else { 0.0 };
        self.heading(text, "SIMULATION: how it ended", None)?;
        writeln!(text, "  {:>6}  events published", book.answers.len())?;
        let mut row = |count: usize, shown: String, what: String| {
            if count > 0 { writeln!(text, "  {shown}  {what}") } else { Ok(()) }
        };
        let after_trouble =
            if again > 0 { format!(", {again} of them after trouble on the way") } else { String::new() };
        row(
            cleared,
            paint.green(format!("{cleared:>6}")),
            format!("cleared, each with the authority's QR{after_trouble}"),
        )?;
        row(
            rejected,
            paint.red(format!("{rejected:>6}")),
            "refused for their content: wait for a person".to_owned(),
        )?;
        row(given_up, paint.red(format!("{given_up:>6}")), "given up: wait for a person".to_owned())?;
        row(refused, paint.red(format!("{refused:>6}")), "refused at the intake".to_owned())?;
        row(repeats, format!("{repeats:>6}"), "known already: publishing twice changes nothing".to_owned())?;
        row(open, paint.yellow(format!("{open:>6}")), "still open".to_owned())?;
        write!(text, "  in {seconds:.1} s, {rate:.0} cleared a second")?;
        let times = book.times_to_clear();
        if let (Some(middle), Some(last)) = (times.get(times.len() / 2), times.last()) {
            let (middle, last) = (middle.as_secs_f64(), last.as_secs_f64());
            write!(text, "; half within {middle:.1} s of publishing, the last after {last:.1} s")?;
        }
        let pace = "the simulated authority takes about 0.1 s for an answer and is asked 16 at once; `make bench` measures";
        writeln!(text, "\n  {}", paint.dim(format!("({pace})")))
    }

    fn records(&self, text: &mut String) -> fmt::Result {
        let audit = self.audit;
        if audit.differences.is_empty() {
            let sources = match audit.whole_counters {
                1 => "one income source".to_owned(),
                count => format!("{count} income sources"),
            };
            return writeln!(
                text,
                "  {} the authority's own record agrees with the ledger: {} cleared on both sides, number, UUID,\n    \
                 counter, document and QR equal, none twice; counters without a hole in {sources}",
                self.paint.green("✓"),
                audit.agreed,
            );
        }
        self.heading(
            text,
            "The authority's own record and the ledger differ",
            Some(audit.differences.len()),
        )?;
        audit
            .differences
            .iter()
            .take(ROWS)
            .try_for_each(|line| writeln!(text, "  {}", self.paint.red(line)))?;
        self.more(text, audit.differences.len())
    }

    fn plan(&self, text: &mut String) -> fmt::Result {
        if self.exceptions.is_none() {
            return Ok(());
        }
        if self.deviations.is_empty() {
            return writeln!(
                text,
                "  {} every event of the sample ended as it is meant to",
                self.paint.green("✓")
            );
        }
        self.heading(text, "Not as the sample is meant to end", Some(self.deviations.len()))?;
        self.deviations.iter().take(ROWS).try_for_each(|line| writeln!(text, "  {}", self.paint.red(line)))
    }

    fn folder(&self, text: &mut String) -> fmt::Result {
        let out = self.out.display();
        writeln!(
            text,
            "\n  {}  event, XML, answers, signed XML and QR image of each invoice",
            self.paint.bold(format!("{out}/"))
        )?;
        if let Some(name) = shown(self.book).and_then(|entry| self.names.get(&entry.invoice.key)) {
            writeln!(
                text,
                "  such as {out}/{name}/qr.svg; the whole list is in {out}/{}",
                super::folder::SUMMARY
            )?;
        }
        if self.exceptions.is_some() {
            writeln!(
                text,
                "  Your own events next: fawtara demo FILE, one JSON object a line (schemas/invoice-event.v1.json)."
            )?;
        }
        Ok(())
    }

    /// What the sample shows with this invoice.
    fn lesson(&self, number: &str) -> Option<&str> {
        let exceptions = self.exceptions?;
        // A repeat has the number of an invoice that may have a lesson of its own.
        let told = exceptions.iter().find(|exception| {
            exception.number == number
                && matches!(
                    exception.ends,
                    super::Ends::Cleared | super::Ends::Rejected | super::Ends::DeadLettered
                )
        })?;
        Some(&told.why)
    }
}

/// As it is written on an invoice: the dinar has three decimals.
fn money(amount: invoice::Amount) -> String {
    format!("{:.3}", amount.decimal())
}

/// What was heard in an attempt.
fn said(attempt: &AttemptRecord) -> String {
    match attempt.evidence.message.as_str() {
        "" => attempt.outcome.to_string(),
        message => message.to_owned(),
    }
}

/// A message beneath its invoice, broken between words.
fn beneath(text: &mut String, message: &str) -> fmt::Result {
    wrapped(message).iter().try_for_each(|line| writeln!(text, "  {:14} {line}", ""))
}

fn wrapped(message: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in clean(message).split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() >= WIDTH {
            if lines.len() + 1 == MESSAGES {
                line.push('…');
                break;
            }
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines.iter().map(|line| short(line)).collect()
}

/// The beginning of a message, on one line.
fn short(message: &str) -> String {
    let clean = clean(message);
    match clean.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or_default()),
        None => clean,
    }
}

/// Without anything that a terminal might obey.
fn clean(message: &str) -> String {
    message.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_broken_between_words_and_bounded() {
        let words = "سطر طويل من الكلام ".repeat(40);
        let lines = wrapped(&words);
        assert_eq!(lines.len(), MESSAGES);
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH + 1), "{lines:?}");
        assert!(lines.iter().all(|line| line.starts_with("سطر")
            || line.starts_with("طويل")
            || line.starts_with("من")
            || line.starts_with("الكلام")));
        assert!(lines.last().unwrap().ends_with('…'));
        assert_eq!(wrapped("قصير"), ["قصير"]);
    }

    #[test]
    fn an_answer_cannot_command_the_terminal() {
        assert_eq!(short("a\u{1b}[2Jb\r\nc"), "a [2Jb  c");
        assert_eq!(wrapped(&"x".repeat(500)).len(), 1);
    }
}
