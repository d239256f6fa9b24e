//! No rule without its record, and the page is what the records say.

use std::fs;
use std::path::Path;

use super::*;

fn arabic(text: &str) -> bool {
    text.chars().any(|c| ('\u{620}'..='\u{64a}').contains(&c))
}

#[test]
fn every_code_has_one_record_and_every_record_both_languages() {
    for code in FaultCode::ALL {
        let records: Vec<_> = TABLES.iter().copied().flatten().filter(|rule| rule.code == *code).collect();
        assert_eq!(records.len(), 1, "{code}");
        let rule = code.rule();
        for text in [rule.title, rule.explanation, rule.remedy] {
            assert!(arabic(text.ar) && !arabic(text.en), "{code}: {text:?}");
            assert!(text.en.ends_with('.') && text.ar.ends_with('.'), "{code}: {text:?}");
        }
    }
    assert_eq!(TABLES.iter().copied().flatten().count(), FaultCode::ALL.len());
}

#[test]
fn the_page_is_what_the_records_say() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/rules.md");
    let page = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        page == markdown(),
        "{} is not what the records say: run `fawtara rules --markdown > docs/rules.md` and look at the difference",
        file.display()
    );
}

#[test]
fn languages_have_names() {
    assert_eq!("ar".parse(), Ok(Language::Ar));
    assert_eq!(Language::En.to_string(), "en");
    assert!("fr".parse::<Language>().is_err());
}
