//! The figures as a table and as curves. Knows nothing of how they came about.

use std::fmt::Write as _;

use tests::curves::Panel;

use super::{Drained, MEASURES, Row};

fn millions(events: u64) -> String {
    match events {
        0 => "none".to_owned(),
        events if events < 1_000_000 => format!("{} thousand", events / 1_000),
        events => format!("{} million", (events as f64 / 1e5).round() / 10.0),
    }
}

/// For docs/growth.md.
pub(crate) fn table(rows: &[Row], drained: &[Drained], notes: &[String]) -> String {
    let mut text = "| median, ms |".to_owned();
    for row in rows {
        write!(text, " {} |", millions(row.events)).expect("a text takes all");
    }
    text += &format!("\n|---|{}\n", "---:|".repeat(rows.len()));
    for (index, name) in MEASURES.iter().enumerate() {
        write!(text, "| {name} |").expect("a text takes all");
        for row in rows {
            write!(text, " {:.1} |", row.ms[index]).expect("a text takes all");
        }
        text += "\n";
    }
    text += "\n";
    for note in notes {
        writeln!(text, "* {note}").expect("a text takes all");
    }
    text += "\n| backlog left | cleared in a second | memory, MB |\n|---:|---:|---:|\n";
    for point in drained {
        writeln!(text, "| {} | {:.0} | {:.0} |", point.left, point.per_second, point.rss_mb)
            .expect("a text takes all");
    }
    text
}

/// All curves.
pub(crate) fn panels(rows: &[Row], drained: &[Drained]) -> Vec<Panel> {
    let of = |index: usize, name| {
        (name, rows.iter().map(|row| (row.events as f64 / 1e6, row.ms[index])).collect())
    };
    let most = drained.first().map_or(1.0, |point| point.left as f64);
    let gone = |point: &Drained| (most - point.left as f64) / 1e3;
    vec![
        Panel {
            title: "The straight road, 256 invoices at once (ms)",
            below: "million events in the ledger",
            lines: vec![of(0, "accept"), of(1, "encode"), of(2, "claim"), of(3, "clear")],
        },
        Panel {
            title: "What people and metrics ask (ms)",
            below: "million events in the ledger",
            lines: vec![of(6, "counts"), of(8, "show"), of(10, "list what waits"), of(11, "list a seller's")],
        },
        Panel {
            title: "A backlog drains (invoices in a second)",
            below: "thousand invoices cleared",
            lines: vec![("cleared", drained.iter().map(|point| (gone(point), point.per_second)).collect())],
        },
        Panel {
            title: "… with the same memory (MB)",
            below: "thousand invoices cleared",
            lines: vec![("process", drained.iter().map(|point| (gone(point), point.rss_mb)).collect())],
        },
    ]
}
