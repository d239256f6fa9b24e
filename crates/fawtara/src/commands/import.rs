//! `fawtara import`: events, or documents of other systems, from files or standard input, straight into the ledger, with a progress bar.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write, stdin, stdout};
use std::path::{Path, PathBuf};

use anyhow::Context;
use formats::Format;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use producer::{ImportReport, Intake, Line};

use super::{Outcome, say};
use crate::settings::Settings;
use crate::wiring;

/// The most that is read of a file whose documents are no events, bytes.
pub(super) const LIMIT: u64 = 256 << 20;

/// Arguments of `fawtara import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What to read; `-` is standard input. Events: one a line, a JSON array of them, or a single one.
    #[arg(required_unless_present = "template", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What the files are: event, post2tax, eezi, csv or ubl. Told from name and content when left out.
    #[arg(long)]
    format: Option<Format>,
    /// One JSON object for each document on standard output.
    #[arg(long)]
    json: bool,
    /// Print a filled example of a table instead (the format csv has one); needs no services.
    #[arg(long, value_name = "FORMAT", value_parser = ["csv"], conflicts_with_all = ["files", "format", "json"])]
    template: Option<String>,
    /// Name the columns of the example in Arabic.
    #[arg(long, requires = "template")]
    arabic: bool,
}

impl Args {
    /// Whether an example is asked for, which needs nothing.
    #[must_use]
    pub fn is_template(&self) -> bool {
        self.template.is_some()
    }
}

/// Imports; exit code 1 when some documents were refused.
///
/// # Errors
/// An input that cannot be read, or a service that is away.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    if args.is_template() {
        stdout().lock().write_all(formats::table::template(args.arabic).as_bytes())?;
        return Ok(Outcome::Done);
    }
    let _telemetry = telemetry::init(&settings.telemetry, "import")?;
    let seams = wiring::connect(&settings, "import").await?;
    let intake = wiring::intake(&settings, &seams);
    let mut sum = ImportReport::default();
    for file in &args.files {
        let named = (args.files.len() > 1).then_some(file.as_path());
        let report =
            one(&intake, &settings, file, &args, named).await.with_context(|| file.display().to_string())?;
        sum.taken += report.taken;
        sum.repeats += report.repeats;
        sum.refused += report.refused;
    }
    seams.broker.close().await;
    eprintln!("taken {}, known before {}, refused {}", sum.taken, sum.repeats, sum.refused);
    Ok(if sum.refused == 0 { Outcome::Done } else { Outcome::No })
}

async fn one(
    intake: &Intake,
    settings: &Settings,
    file: &Path,
    args: &Args,
    named: Option<&Path>,
) -> anyhow::Result<ImportReport> {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let mut input = open(file)?;
    let format = match args.format {
        Some(format) => format,
        None => Format::guess(&file.to_string_lossy(), input.fill_buf()?).unwrap_or(Format::Event),
    };
    let shown = Shown { file: named, noun: noun(format), json: args.json };
    // Whoever read our output may have gone; the import goes on.
    let report = |line: &Line| {
        bar.set_position(line.read_bytes);
        bar.set_message(format!("{} {}", shown.noun, line.number));
        let _ = bar.suspend(|| shown.show(line));
    };
    let style = |text| ProgressStyle::with_template(text).unwrap_or_else(|_| ProgressStyle::default_bar());
    let sum = if format == Format::Event {
        if let Ok(data) = std::fs::metadata(file) {
            bar.set_length(data.len());
        }
        bar.set_style(style("{bar:30} {bytes}/{total_bytes} {elapsed} {msg}"));
        producer::import(intake, input, report).await?
    } else {
        bar.set_style(style("{spinner} {pos} {elapsed} {msg}"));
        let bytes = whole(input)?;
        producer::import_documents(intake, format, &bytes, &settings.producer.formats, report).await?
    };
    bar.finish_and_clear();
    Ok(sum)
}

/// A file, or standard input.
pub(super) fn open(file: &Path) -> anyhow::Result<Box<dyn BufRead + Send>> {
    if file.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(stdin())));
    }
    Ok(Box::new(BufReader::with_capacity(1 << 16, File::open(file)?)))
}

/// All of it, up to a bound.
pub(super) fn whole(input: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = input.take(LIMIT + 1).read_to_end(&mut bytes)?;
    anyhow::ensure!(u64::try_from(read)? <= LIMIT, "has more than {LIMIT} bytes: cut it into several files");
    Ok(bytes)
}

/// What the numbers count by which the documents of a format are told apart: of a table each is named by its first row.
pub(super) fn noun(format: Format) -> &'static str {
    match format {
        Format::Event => "event",
        Format::Csv => "row",
        Format::Post2Tax | Format::Eezi | Format::Ubl => "document",
    }
}

/// How what became of a document is told.
struct Shown<'a> {
    /// Which file, when there are several.
    file: Option<&'a Path>,
    /// What its lines number.
    noun: &'static str,
    json: bool,
}

impl Shown<'_> {
    fn show(&self, line: &Line) -> std::io::Result<()> {
        if self.json {
            return say!("{}", self.object(line));
        }
        let noun = self.noun;
        let file = self.file.map(|file| format!("{}: ", file.display())).unwrap_or_default();
        match &line.answer {
            Ok(_) => {}
            Err(producer::Refused::Invalid(faults)) if faults.len() > 1 => {
                eprintln!("{file}{noun} {}: refused (invalid), {} faults:", line.number, faults.len());
                faults.iter().for_each(|fault| eprintln!("  {fault}"));
            }
            Err(refused) => {
                eprintln!("{file}{noun} {}: refused ({}): {refused}", line.number, refused.code());
            }
        }
        Ok(())
    }

    fn object(&self, line: &Line) -> serde_json::Value {
        let mut object = match &line.answer {
            Ok(taken) => serde_json::json!({
                "line": line.number, "uuid": taken.invoice.key.uuid, "environment": taken.invoice.key.environment,
                "number": taken.invoice.number, "state": taken.invoice.state, "repeat": !taken.new
            }),
            Err(refused) => {
                let faults = match refused {
                    producer::Refused::Invalid(faults) => faults.as_slice(),
                    _ => &[],
                };
                serde_json::json!({
                    "line": line.number, "code": refused.code(), "detail": refused.to_string(), "faults": faults
                })
            }
        };
        if let (Some(file), Some(members)) = (self.file, object.as_object_mut()) {
            members.insert("file".to_owned(), file.display().to_string().into());
        }
        object
    }
}
