//! `fawtara qr`: what a QR text says. Needs no services and no configuration.

use std::io::{Read as _, Write, stdin};

use anyhow::Context as _;
use console::text::{Table, clean};
use jofotara::qr::{self, QrContent};

use super::Outcome;
use super::answer::Answer;

/// The most that is read from standard input, bytes.
const LIMIT: u64 = 1 << 20;

/// Arguments of `fawtara qr`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The text of the symbol; - reads it from standard input.
    #[arg(value_name = "TEXT|-")]
    pub text: String,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `fawtara qr`.
///
/// # Errors
/// A standard input that cannot be read, or a standard output that is closed.
pub fn command(args: &Args) -> anyhow::Result<Outcome> {
    run(args, &mut std::io::stdout())
}

/// Runs it; the outcome is no when nothing could be read, or not all.
///
/// # Errors
/// As [`command`].
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let mut piped = String::new();
    let text = if args.text == "-" {
        stdin().lock().take(LIMIT).read_to_string(&mut piped).context("standard input")?;
        &piped
    } else {
        &args.text
    };
    let content = qr::decode(text);
    Answer::new(out, args.json).either(&content, render)?;
    Ok(if content.stopped.is_none() { Outcome::Done } else { Outcome::No })
}

fn render(content: &QrContent) -> String {
    let QrContent { uuid, number, date, total, tax, tax_number, seller, signature, .. } = content;
    let mut lines = Table::default();
    for (name, value) in [
        ("number", number),
        ("date", date),
        ("total", total),
        ("tax", tax),
        ("tax number", tax_number),
        ("UUID", &uuid.map(|uuid| uuid.to_string())),
        ("signature", signature),
        ("seller", seller),
    ] {
        if let Some(value) = value {
            lines.row([name.to_owned(), clean(value)]);
        }
    }
    let mut text = lines.render();
    if !content.is_empty() {
        text.push_str("\nAs it stands there\n");
        let mut tags = Table::new(&["TAG", "VALUE"]);
        for tag in &content.tags {
            tags.row([tag.tag.to_string(), clean(&tag.value)]);
        }
        text.push_str(&tags.render());
    }
    if let Some(stopped) = &content.stopped {
        text.push_str(&format!("not read to its end: {}\n", clean(stopped)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tags 1 to 9 in the order of guide v1.5.
    const TEXT: &str =
        "AQACAnt9AwVmYWxzZQQHMTE4LjQ4MAUFSU5WLTIGBTQuNDgwBwoyMDI2LTAzLTAxCAgxMjM0NTY3OAkK2LTYsdmD2KkgWA==";

    fn told(text: &str, json: bool) -> (Outcome, String) {
        let mut out = Vec::new();
        let outcome = run(&Args { text: text.to_owned(), json }, &mut out).unwrap();
        (outcome, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_whole_text_is_told_with_its_facts() {
        let (outcome, text) = told(TEXT, false);
        assert_eq!(outcome, Outcome::Done);
        for fact in ["INV-2", "2026-03-01", "118.480", "4.480", "12345678", "شركة X"] {
            assert!(text.contains(fact), "{fact} is missing in:\n{text}");
        }
        let (_, json) = told(TEXT, true);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((json["total"].as_str(), json["order"].as_str()), (Some("118.480"), Some("guide15")));
    }

    #[test]
    fn a_damaged_text_is_a_no_with_what_could_be_read() {
        let (outcome, text) = told(&TEXT[..60], false);
        assert_eq!(outcome, Outcome::No);
        assert!(text.contains("118.480") && text.contains("not read to its end"), "{text}");
    }
}
