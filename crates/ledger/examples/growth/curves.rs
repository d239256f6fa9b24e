//! The figures as a table and as curves. Knows nothing of how they came about.

use std::fmt::Write as _;
use std::path::Path;

use super::{Drained, MEASURES, Row};

const BEGIN: &str = "<!-- figures: begin -->\n";
const END: &str = "<!-- figures: end -->";
/// A panel of the picture.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 200.0;

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

/// One line of a panel: its name, its colour, and its points.
type Line = (String, &'static str, Vec<(f64, f64)>);

/// All curves in one picture.
pub(crate) fn picture(rows: &[Row], drained: &[Drained]) -> String {
    let at = |row: &Row| row.events as f64 / 1e6;
    let of = |index: usize, name: &str, colour| -> Line {
        (name.to_owned(), colour, rows.iter().map(|row| (at(row), row.ms[index])).collect())
    };
    let most = drained.first().map_or(1.0, |point| point.left as f64);
    let gone = |point: &Drained| (most - point.left as f64) / 1e3;
    let panels = [
        (
            "The straight road, 256 invoices at once (ms)",
            "million events in the ledger",
            vec![
                of(0, "accept", "#1b6ca8"),
                of(1, "encode", "#c1531b"),
                of(2, "claim", "#3a7d44"),
                of(3, "clear", "#7b4397"),
            ],
        ),
        (
            "What people and metrics ask (ms)",
            "million events in the ledger",
            vec![
                of(6, "counts", "#1b6ca8"),
                of(8, "show", "#c1531b"),
                of(10, "list what waits", "#3a7d44"),
                of(11, "list a seller's", "#7b4397"),
            ],
        ),
        (
            "A backlog drains (invoices in a second)",
            "thousand invoices cleared",
            vec![(
                "cleared".to_owned(),
                "#1b6ca8",
                drained.iter().map(|point| (gone(point), point.per_second)).collect(),
            )],
        ),
        (
            "… with the same memory (MB)",
            "thousand invoices cleared",
            vec![(
                "process".to_owned(),
                "#c1531b",
                drained.iter().map(|point| (gone(point), point.rss_mb)).collect(),
            )],
        ),
    ];
    let (across, down) = (WIDTH + 110.0, HEIGHT + 90.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        2.0 * across,
        2.0 * down
    );
    for (index, (title, below, lines)) in panels.iter().enumerate() {
        let (x, y) = ((index % 2) as f64 * across + 60.0, (index / 2) as f64 * down + 40.0);
        svg += &format!("<g transform=\"translate({x},{y})\">\n{}</g>\n", panel(title, below, lines));
    }
    svg + "</svg>\n"
}

/// A round number at or above the greatest.
fn above(greatest: f64) -> f64 {
    let power = 10_f64.powf(greatest.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|round| *round >= greatest)
        .unwrap_or(greatest)
}

fn panel(title: &str, below: &str, lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|(_, _, points)| points);
    let widest = points().map(|(x, _)| *x).fold(0.0, f64::max).max(1e-9);
    let top = above(points().map(|(_, y)| *y).fold(0.0, f64::max));
    let mut svg = format!(
        "<text x=\"0\" y=\"-16\" font-size=\"14\" font-weight=\"bold\" fill=\"#222\">{title}</text>\n"
    );
    for part in 0..=4 {
        let share = f64::from(part) / 4.0;
        let y = HEIGHT * (1.0 - share);
        svg += &format!(
            "<path d=\"M0 {y}H{WIDTH}\" stroke=\"#ddd\"/><text x=\"-8\" y=\"{}\" text-anchor=\"end\" fill=\"#555\">{}</text>\n",
            y + 4.0,
            short(top * share)
        );
        svg += &format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{}</text>\n",
            WIDTH * share,
            HEIGHT + 18.0,
            short(widest * share)
        );
    }
    svg += &format!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{below}</text>\n",
        WIDTH / 2.0,
        HEIGHT + 36.0
    );
    let place = |(x, y): &(f64, f64)| (WIDTH * x / widest, HEIGHT * (1.0 - y / top));
    for (number, (name, colour, points)) in lines.iter().enumerate() {
        let path: Vec<String> = points.iter().map(place).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        svg += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
            path.join(" ")
        );
        for (x, y) in points.iter().map(place) {
            svg += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>\n");
        }
        if lines.len() > 1 {
            let x = 6.0 + 100.0 * number as f64;
            svg +=
                &format!("<text x=\"{x}\" y=\"12\" fill=\"{colour}\" font-weight=\"bold\">{name}</text>\n");
        }
    }
    svg
}

fn short(number: f64) -> String {
    if number >= 10.0 || number == 0.0 { format!("{number:.0}") } else { format!("{number:.1}") }
}

/// Puts the figures between their marks, and the picture beside.
pub(crate) fn write(folder: &Path, table: &str, picture: &str) -> std::io::Result<()> {
    let page = folder.join("growth.md");
    let text = std::fs::read_to_string(&page)?;
    let (before, rest) = text.split_once(BEGIN).expect("docs/growth.md has its marks");
    let (_, after) = rest.split_once(END).expect("docs/growth.md has its marks");
    std::fs::write(page, format!("{before}{BEGIN}\n{table}\n{END}{after}"))?;
    std::fs::write(folder.join("growth.svg"), picture)
}
