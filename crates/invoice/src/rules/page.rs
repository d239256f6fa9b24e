//! The rules as a page of documentation. Knows their records only.

use std::fmt::Write;

use super::{Rule, Text, all};

const HEAD: &str = "\
<!-- Made by `fawtara rules --markdown`: change the records in crates/invoice/src/rules, not this page. -->
# The rules

What every event must keep before it is taken, so that the authority need not refuse it. A fault names its rule by the code
below, the place by a path such as `lines[3].unit_price` (counted from 0), and says in English and Arabic what is wrong with the
value seen. `fawtara rules` prints this list, `fawtara rules --json` the same for programs, and `fawtara validate FILE` checks
events without any service (`--lang ar` for Arabic).

ما يجب أن يوافقه كل حدث قبل قبوله كي لا ترفضه الدائرة. لكل قاعدة رمز ثابت يرد في رسائل الأخطاء.
";

/// The page `docs/rules.md`.
#[must_use]
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for rule in all() {
        // Writing into a text does not fail.
        let _ = section(&mut page, rule);
    }
    page
}

fn section(page: &mut String, rule: &Rule) -> std::fmt::Result {
    let Rule { code, title, explanation, remedy, source, prevents } = rule;
    writeln!(page, "\n## `{code}`\n")?;
    writeln!(page, "**{}** {}\n\n*Remedy:* {}\n", title.en, explanation.en, remedy.en)?;
    writeln!(page, "*Source:* {source}.{}\n", prevented(prevents))?;
    let Text { ar, .. } = title;
    writeln!(
        page,
        "<div dir=\"rtl\" lang=\"ar\">\n\n**{ar}** {}\n\n*العلاج:* {}\n\n</div>",
        explanation.ar, remedy.ar
    )
}

fn prevented(prevents: &[&str]) -> String {
    if prevents.is_empty() {
        return String::new();
    }
    let list: Vec<_> = prevents.iter().map(|message| format!("`{message}`")).collect();
    format!(" *Prevents the authority's* {}.", list.join(", "))
}
