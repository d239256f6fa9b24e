//! `fawtara rules`: the rules that events must keep, in English or Arabic.

use invoice::Language;
use invoice::rules::{self, Rule};

use super::{Outcome, say};

/// Arguments of `fawtara rules`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The code of one rule, such as `percent_not_listed`; all when left out.
    code: Option<String>,
    /// The language: en or ar.
    #[arg(long, value_name = "LANG", default_value_t = Language::En)]
    lang: Language,
    /// Print JSON, with both languages.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the page of the documentation, with both languages.
    #[arg(long, conflicts_with = "code")]
    markdown: bool,
}

/// Prints the rules.
///
/// # Errors
/// Only when the output cannot be written.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    if args.markdown {
        std::io::Write::write_all(&mut std::io::stdout().lock(), rules::markdown().as_bytes())?;
        return Ok(Outcome::Done);
    }
    let asked = |rule: &&Rule| args.code.as_ref().is_none_or(|code| rule.code.as_str() == code);
    let found: Vec<_> = rules::all().filter(asked).collect();
    if args.json {
        say!("{}", serde_json::to_string_pretty(&found)?)?;
    } else {
        for rule in &found {
            say!("{}", text(rule, args.lang))?;
        }
    }
    if found.is_empty() {
        eprintln!("no rule has this code: `fawtara rules` lists them all");
        return Ok(Outcome::No);
    }
    Ok(Outcome::Done)
}

fn text(rule: &Rule, language: Language) -> String {
    let [title, explanation, remedy] =
        [rule.title, rule.explanation, rule.remedy].map(|text| text.in_language(language));
    let (code, source) = (rule.code, rule.source.in_language(language));
    let (arrow, from, prevents) = match language {
        Language::En => ("to mend", "source", "prevents"),
        Language::Ar => ("العلاج", "المصدر", "يمنع الرفض"),
    };
    let mut text = format!("{code}\n  {title}\n  {explanation}\n  {arrow}: {remedy}\n  {from}: {source}\n");
    for message in rule.prevents {
        text.push_str(&format!("  {prevents}: {message}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_told_in_both_languages() {
        let rule = invoice::FaultCode::LineIdRepeated.rule();
        let english = text(rule, Language::En);
        assert!(english.starts_with("line_id_repeated\n  A line number occurs once.\n"), "{english}");
        assert!(english.ends_with("  prevents: The ID number must be unique\n"), "{english}");
        assert!(text(rule, Language::Ar).contains("العلاج: أعطِ كل بند رقماً خاصاً به."));
    }
}
