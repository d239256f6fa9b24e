//! `fawtara check`: ready-made XML against the profile, the rules and the arithmetic; no services, no configuration.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::Context;
use invoice::Profile;
use invoice::rules::Language;
use serde_json::{Value, json};
use ubl::{Finding, Reading, Severity};

use super::{Outcome, say};

/// Arguments of `fawtara check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The XML files; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print one JSON object for each file.
    #[arg(long)]
    json: bool,
    /// The language of the explanations: en or ar.
    #[arg(long, default_value_t = Language::En)]
    lang: Language,
    /// The readings to check by, as JSON, such as {"currency_id": "iso"}; guide v1.5's when left out.
    #[arg(long, value_name = "JSON", value_parser = profile)]
    profile: Option<Profile>,
}

fn profile(text: &str) -> Result<Profile, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

/// What was found in one file.
struct Report {
    name: String,
    reading: Result<Reading, String>,
    findings: Vec<Finding>,
}

impl Report {
    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    fn is_wrong(&self) -> bool {
        self.reading.is_err() || self.count(Severity::Error) > 0
    }
}

/// Checks every file and prints what was found; one bad file does not keep the others from being checked.
///
/// # Errors
/// A file that cannot be read.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let profile = args.profile.clone().unwrap_or_default();
    let mut outcome = Outcome::Done;
    for file in &args.files {
        let report = report(file, &profile)?;
        if report.is_wrong() {
            outcome = Outcome::No;
        }
        if args.json {
            say!("{}", as_json(&report, args.lang))?;
        } else {
            print(&report, args.lang)?;
        }
    }
    Ok(outcome)
}

fn report(file: &Path, profile: &Profile) -> anyhow::Result<Report> {
    let name = file.display().to_string();
    let bytes = bytes(file).with_context(|| name.clone())?;
    Ok(match ubl::read(&bytes) {
        Ok(reading) => {
            let findings = ubl::examine(&reading, profile);
            Report { name, reading: Ok(reading), findings }
        }
        Err(error) => Report { name, reading: Err(error.to_string()), findings: Vec::new() },
    })
}

/// One byte more than is read, so that what is too large is seen to be.
fn bytes(file: &Path) -> std::io::Result<Vec<u8>> {
    let most = u64::try_from(ubl::MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(file)?.take(most).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

fn print(report: &Report, language: Language) -> std::io::Result<()> {
    let words = Words::of(language);
    let reading = match &report.reading {
        Ok(reading) => reading,
        Err(error) => return say!("{}: {}: {error}", report.name, words.unreadable),
    };
    let (errors, warnings) = (report.count(Severity::Error), report.count(Severity::Warning));
    let number = reading.number();
    if errors + warnings == 0 {
        return say!("{}: {} {number:?}: {}", report.name, words.document, words.sound);
    }
    say!(
        "{}: {} {number:?}: {} {errors}, {} {warnings}",
        report.name,
        words.document,
        words.errors,
        words.warnings
    )?;
    for severity in [Severity::Error, Severity::Warning] {
        for finding in report.findings.iter().filter(|finding| finding.severity == severity) {
            let grade = match severity {
                Severity::Error => words.error,
                Severity::Warning => words.warning,
            };
            say!("\n  {grade} {}  {}", finding.code, finding.path)?;
            say!("    {}", finding.what(language))?;
            say!("    {}: {}", words.rule, finding.rule(language))?;
            say!("    {}: {}", words.remedy, finding.remedy(language))?;
        }
    }
    say!()
}

fn as_json(report: &Report, language: Language) -> Value {
    let findings: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "severity": finding.severity.as_str(),
                "code": finding.code.as_str(),
                "path": finding.path,
                "message": finding.what(language),
                "rule": finding.rule(language),
                "remedy": finding.remedy(language),
                "expected": finding.expected,
                "found": finding.found,
                "difference": finding.difference.map(|value| value.to_string()),
            })
        })
        .collect();
    json!({
        "file": report.name,
        "number": report.reading.as_ref().ok().map(Reading::number),
        "uuid": report.reading.as_ref().ok().map(Reading::uuid),
        "valid": !report.is_wrong(),
        "unreadable": report.reading.as_ref().err(),
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "findings": findings,
    })
}

/// The words of the report itself.
struct Words {
    document: &'static str,
    sound: &'static str,
    unreadable: &'static str,
    errors: &'static str,
    warnings: &'static str,
    error: &'static str,
    warning: &'static str,
    rule: &'static str,
    remedy: &'static str,
}

impl Words {
    fn of(language: Language) -> Self {
        match language {
            Language::En => Self {
                document: "document",
                sound: "no fault found",
                unreadable: "cannot be read",
                errors: "errors",
                warnings: "warnings",
                error: "ERROR",
                warning: "WARNING",
                rule: "rule",
                remedy: "mend it",
            },
            Language::Ar => Self {
                document: "المستند",
                sound: "لا أخطاء",
                unreadable: "تعذّرت قراءته",
                errors: "أخطاء",
                warnings: "تنبيهات",
                error: "خطأ",
                warning: "تنبيه",
                rule: "القاعدة",
                remedy: "المعالجة",
            },
        }
    }
}
