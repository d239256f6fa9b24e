//! What is seen while the invoices travel: bars in a terminal, at most one line a second elsewhere. It must not decide
//! when the play is over.

use std::io::IsTerminal;
use std::sync::atomic::Ordering;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use invoice::life::State;
use ledger::Standing;
use tokio::time::Instant;

use super::stage::Tally;

/// Where everything is at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) accepted: u64,
    pub(super) encoded: u64,
    pub(super) calls: u64,
    pub(super) in_flight: u64,
    pub(super) cleared: u64,
    pub(super) retry: u64,
    pub(super) person: u64,
    pub(super) refused: u64,
}

impl Moment {
    pub(super) fn of(standing: &Standing, tally: &Tally) -> Self {
        let mut moment = Self {
            encoded: tally.encoded.load(Ordering::Relaxed),
            calls: tally.calls.load(Ordering::Relaxed),
            refused: tally.refused.load(Ordering::Relaxed),
            ..Self::default()
        };
        for count in &standing.counts {
            moment.accepted += count.count;
            match count.state {
                State::Draft => {}
                State::Submitted => moment.in_flight += count.count,
                State::PendingRetry => moment.retry += count.count,
                State::Cleared => moment.cleared += count.count,
                State::Rejected | State::DeadLettered | State::Abandoned => moment.person += count.count,
            }
        }
        moment
    }

    /// How many are neither cleared nor with a person.
    pub(super) fn open(&self) -> u64 {
        self.accepted.saturating_sub(self.cleared).saturating_sub(self.person)
    }
}

/// The rows in their order: name, colour, what the number means.
const ROWS: [(&str, &str, &str); 7] = [
    ("accepted", "white", "durable in the ledger"),
    ("encoded", "white", "counter and XML fixed"),
    ("at the authority", "cyan", "being sent now"),
    ("cleared", "green", "with the authority's QR"),
    ("to be sent again", "yellow", "after a failure"),
    ("for a person", "red", "refused, or given up"),
    ("refused at intake", "red", "never became invoices"),
];

/// The display.
pub(super) enum Progress {
    /// A terminal.
    Bars(Vec<ProgressBar>),
    /// Anything else.
    Lines { began: Instant, last: Option<(Instant, Moment)> },
}

impl Progress {
    /// A display for so many events.
    pub(super) fn new(events: u64) -> anyhow::Result<Self> {
        if !std::io::stderr().is_terminal() {
            return Ok(Self::Lines { began: Instant::now(), last: None });
        }
        let all = MultiProgress::new();
        let mut bars = Vec::with_capacity(ROWS.len());
        for (name, colour, meaning) in ROWS {
            let template =
                format!("  {{prefix:>18}}  {{bar:36.{colour}/black.bright}} {{pos:>6}}  {{msg:.dim}}");
            let style = ProgressStyle::with_template(&template)?.progress_chars("━━─");
            let bar = all.add(ProgressBar::new(events).with_style(style));
            bar.set_prefix(name);
            bar.set_message(meaning);
            bars.push(bar);
        }
        Ok(Self::Bars(bars))
    }

    /// Shows a moment.
    pub(super) fn show(&mut self, moment: Moment) {
        match self {
            Self::Bars(bars) => {
                let Moment { accepted, encoded, in_flight, cleared, retry, person, refused, .. } = moment;
                for (bar, count) in
                    bars.iter().zip([accepted, encoded, in_flight, cleared, retry, person, refused])
                {
                    bar.set_position(count);
                }
            }
            Self::Lines { began, last } => {
                let since = last.map_or(*began, |(time, _)| time);
                let news = last.is_none_or(|(_, seen)| seen != moment);
                if news && since.elapsed() >= Duration::from_secs(1) {
                    *last = Some((Instant::now(), moment));
                    say(*began, moment);
                }
            }
        }
    }

    /// Shows the last moment and leaves it standing.
    pub(super) fn finish(&mut self, moment: Moment) {
        self.show(moment);
        match self {
            Self::Bars(bars) => bars.iter().for_each(ProgressBar::abandon),
            Self::Lines { began, last } if last.is_none_or(|(_, seen)| seen != moment) => say(*began, moment),
            Self::Lines { .. } => {}
        }
    }
}

fn say(began: Instant, moment: Moment) {
    let Moment { accepted, encoded, in_flight, cleared, retry, person, refused, .. } = moment;
    let seconds = began.elapsed().as_secs_f32();
    eprintln!(
        "demo: {seconds:4.1} s  accepted {accepted}, encoded {encoded}, at the authority {in_flight}, cleared {cleared}, \
         to be sent again {retry}, for a person {person}, refused at intake {refused}"
    );
}

#[cfg(test)]
mod tests {
    use ledger::StandingCount;

    use super::*;

    #[test]
    fn what_is_neither_cleared_nor_with_a_person_is_open() {
        let count = |state, count| StandingCount { state, cause: None, count, oldest: None };
        let counts = vec![
            count(State::Draft, 1),
            count(State::Submitted, 2),
            count(State::PendingRetry, 4),
            count(State::Cleared, 8),
            count(State::Rejected, 16),
            count(State::DeadLettered, 32),
        ];
        let moment = Moment::of(&Standing { counts, ..Standing::default() }, &Tally::default());
        assert_eq!((moment.accepted, moment.open(), moment.person), (63, 7, 48));
    }
}
