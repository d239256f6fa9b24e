//! The story as text for people. Foreign text is made harmless, Arabic stays as it is.

use invoice::Environment;
use jofotara::catalogue::Language;
use ledger::AttemptRecord;
use serde_json::Value;

use super::{QrReading, Story, timeline};
use crate::text::{Table, age, clean, short, time};

/// The beginning of an answer is cut to so many characters; JSON has all that is kept.
const EXCERPT_CHARS: usize = 200;

impl Story {
    /// The story as text: where it stands and why, what to do, then everything that happened.
    #[must_use]
    pub fn render(&self) -> String {
        self.render_in(Language::En)
    }

    /// The same with the authority's words explained in this language.
    #[must_use]
    pub fn render_in(&self, language: Language) -> String {
        let mut text = String::new();
        text.push_str(&banner(self.invoice.key.environment));
        text.push_str(&self.head(language));
        text.push_str("\nWhat happened\n");
        text.push_str(&indented(&timeline::render(&self.events)));
        if !self.attempts.is_empty() {
            text.push_str("\nAttempts\n");
            text.push_str(&indented(&attempts(&self.attempts)));
        }
        if !self.documents.is_empty() {
            text.push_str("\nDocuments\n");
            text.push_str(&indented(&self.digests()));
        }
        text
    }

    fn head(&self, language: Language) -> String {
        let Self { invoice, .. } = self;
        let mut lines = Table::default();
        let mut line = |name: &str, value: String| lines.row([name.to_owned(), value]);
        line("invoice", invoice.number.clone());
        line("UUID", invoice.key.uuid.to_string());
        line("environment", invoice.key.environment.to_string());
        line(
            "seller",
            format!("tax number {}, income source {}", invoice.source.tax_number, invoice.source.sequence),
        );
        if let Some(summary) = &self.summary {
            line(
                "amount",
                format!("{} {}, issued {}", summary.payable, summary.currency, summary.issue_date),
            );
            if let Some(buyer) = &summary.buyer {
                line("buyer", buyer.clone());
            }
        } else if self.content.get("kind").and_then(Value::as_str) == Some("return") {
            line("amount", "not known yet: a return takes it from its original".to_owned());
        }
        let cause = invoice.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
        let since = format!("since {}, {}", time(invoice.updated_at), age(self.now, invoice.updated_at));
        line("state", format!("{}{cause}, {since}", invoice.state));
        if let Some(attempt) = invoice.in_doubt {
            line("IN DOUBT", format!("attempt {attempt}: the authority may hold this document"));
        }
        line("document", format!("version {}{}", invoice.document, counter(invoice.icv)));
        line("why", self.advice.why.clone());
        line("what to do", self.advice.what_to_do.clone());
        for explanation in &self.advice.explanations {
            let meaning = explanation.meaning.of(language);
            match language {
                Language::En => line("means", format!("{meaning} ({})", explanation.id)),
                Language::Ar => {
                    line("المعنى", format!("{meaning} ({})", explanation.id));
                    line("ما العمل", explanation.remedy.ar.to_owned());
                }
            }
        }
        if let Some(qr) = &invoice.qr {
            line("QR", qr.clone());
        }
        for (name, text) in self.qr.iter().flat_map(QrReading::lines) {
            line(name, text);
        }
        lines.render()
    }

    fn digests(&self) -> String {
        let mut lines = Table::new(&["VERSION", "KIND", "BYTES", "SHA-256"]);
        for kept in &self.documents {
            lines.row([
                kept.document.to_string(),
                kept.kind.as_str().to_owned(),
                kept.bytes.to_string(),
                kept.sha256.to_string(),
            ]);
        }
        lines.render()
    }
}

/// Promise 3: whatever is not real says so before anything else.
fn banner(environment: Environment) -> String {
    match environment {
        Environment::Simulation => {
            "*** SIMULATION: nothing of this reached the authority; it is no invoice in law ***\n\n"
                .to_owned()
        }
        Environment::Sandbox => "*** SANDBOX: a test service, not the authority ***\n\n".to_owned(),
        Environment::Production => String::new(),
    }
}

fn counter(icv: Option<u64>) -> String {
    icv.map(|icv| format!(", counter {icv}")).unwrap_or_default()
}

fn attempts(attempts: &[AttemptRecord]) -> String {
    let mut lines = Table::new(&["NO", "VERSION", "BEGAN", "TOOK", "HTTP", "OUTCOME", "WORKER", "HEARD"]);
    for attempt in attempts {
        let AttemptRecord { evidence, .. } = attempt;
        let late = if attempt.late { " (late)" } else { "" };
        let codes = if evidence.codes.is_empty() {
            String::new()
        } else {
            format!(" [{}]", evidence.codes.join(", "))
        };
        let excerpt = if evidence.excerpt.is_empty() {
            String::new()
        } else {
            format!("  | {}", short(&evidence.excerpt, EXCERPT_CHARS))
        };
        lines.row([
            attempt.attempt.to_string(),
            attempt.document.to_string(),
            time(attempt.started_at),
            format!("{} ms", evidence.duration_ms),
            evidence.http_status.map_or_else(|| "-".to_owned(), |status| status.to_string()),
            format!("{}{late}", attempt.outcome),
            attempt.worker.clone(),
            format!("{}{codes}{excerpt}", clean(&evidence.message)),
        ]);
    }
    lines.render()
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}
