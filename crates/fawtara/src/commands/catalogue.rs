//! `fawtara catalogue`: what the authority's codes and messages mean. Knows how to print, nothing else.

use std::io::Write;

use clap::ValueEnum;
use jofotara::catalogue::{Entry, Language, UNKNOWN, entries, page};

use super::Outcome;
use super::answer::Answer;

/// Arguments of `fawtara catalogue`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// In which language.
    #[arg(long, value_enum, default_value_t)]
    lang: Lang,
    /// Print JSON, in both languages.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Print the page of the documentation, in both languages.
    #[arg(long, conflicts_with = "lang")]
    markdown: bool,
}

/// A language for explanations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// English.
    #[default]
    En,
    /// Arabic.
    Ar,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::En => Self::En,
            Lang::Ar => Self::Ar,
        }
    }
}

/// `fawtara catalogue`.
///
/// # Errors
/// A standard output that is closed.
pub fn command(args: &Args) -> anyhow::Result<Outcome> {
    run(args, &mut std::io::stdout())
}

/// Prints it.
///
/// # Errors
/// What `out` refuses.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<Outcome> {
    let mut answer = Answer::new(out, args.json);
    if args.markdown {
        answer.text(&page())?;
    } else {
        let all: Vec<&Entry> = entries().chain([&UNKNOWN]).collect();
        answer.either(&all, |all| {
            all.iter().map(|entry| text(entry, args.lang.into())).collect::<Vec<_>>().join("\n")
        })?;
    }
    Ok(Outcome::Done)
}

fn text(entry: &Entry, language: Language) -> String {
    let [code, says, http, means, again, what_to_do] = match language {
        Language::En => ["code", "says", "HTTP", "means", "send again", "what to do"],
        Language::Ar => ["الرمز", "النص", "HTTP", "المعنى", "إعادة الإرسال", "ما العمل"],
    };
    let mut text = format!("{}  [{}]\n", entry.id, entry.class.title().of(language));
    let mut line = |name: &str, value: &str| text.push_str(&format!("  {name}: {value}\n"));
    entry.codes.iter().for_each(|value| line(code, value));
    entry.messages.iter().for_each(|value| line(says, value));
    if !entry.http.is_empty() {
        let statuses: Vec<String> = entry.http.iter().map(u16::to_string).collect();
        line(http, &statuses.join(", "));
    }
    line(means, entry.meaning.of(language));
    line(again, entry.retry.title().of(language));
    line(what_to_do, entry.remedy.of(language));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(args: &Args) -> String {
        let mut out = Vec::new();
        assert_eq!(run(args, &mut out).unwrap(), Outcome::Done);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_entry_is_printed_in_either_language_and_as_json() {
        let english = printed(&Args { lang: Lang::En, json: false, markdown: false });
        let arabic = printed(&Args { lang: Lang::Ar, json: false, markdown: false });
        let json = printed(&Args { lang: Lang::En, json: true, markdown: false });
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        for (place, entry) in entries().chain([&UNKNOWN]).enumerate() {
            assert!(english.contains(entry.id) && english.contains(entry.remedy.en), "{}", entry.id);
            assert!(arabic.contains(entry.id) && arabic.contains(entry.remedy.ar), "{}", entry.id);
            assert_eq!(json[place]["id"], entry.id);
            assert_eq!(json[place]["meaning"]["ar"], entry.meaning.ar);
        }
        assert!(printed(&Args { lang: Lang::En, json: false, markdown: true }).starts_with("# "));
    }
}
