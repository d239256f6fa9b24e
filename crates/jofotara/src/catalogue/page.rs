//! The catalogue as a page of the documentation, in both languages. A test compares the committed page with it.

use super::{Class, Entry, UNKNOWN, entries};

const HEAD: &str = "\
# What the authority answers

Every code and message that JoFotara is known to answer with: what it means, whether sending again can help, and what a
person should do. Fawtara explains refusals by this table wherever it shows one: `fawtara show`, `fawtara dead-letters`,
`GET /v1/invoices/{uuid}` (member `explanations`). The names in the first column never change. What is not in the table
is kept and shown word for word.

This page is made by `fawtara catalogue --markdown`; `fawtara catalogue --json` has the same for programs.

A code that says one thing only decides; a code that several messages share is told apart by the message; else the message
alone is looked at, in lower case and with its white space squeezed. An HTTP status explains only where nothing else
was said.
";

/// The page, in Markdown.
#[must_use]
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for class in Class::ALL {
        let of_class: Vec<&Entry> =
            entries().chain([&UNKNOWN]).filter(|entry| entry.class == *class).collect();
        if of_class.is_empty() {
            continue;
        }
        let title = class.title();
        page.push_str(&format!("\n## {} · {}\n\n", title.en, title.ar));
        page.push_str("| name and words | English | العربية |\n|---|---|---|\n");
        of_class.into_iter().for_each(|entry| page.push_str(&row(entry)));
    }
    page
}

fn row(entry: &Entry) -> String {
    let mut words = vec![format!("**{}**", entry.id)];
    words.extend(entry.codes.iter().map(|code| format!("code `{code}`")));
    words.extend(entry.messages.iter().map(|message| format!("`{}`", message.replace('|', "\\|"))));
    words.extend(entry.http.iter().map(|status| format!("HTTP {status}")));
    let cell = |meaning: &str, remedy: &str, again: &str, retry: &str| {
        format!("{meaning}<br>**→** {remedy}<br>*{again}: {retry}*")
            .replace('|', "\\|")
            .replace("<Invoice …>", "`<Invoice …>`")
    };
    let (meaning, remedy, retry) = (entry.meaning, entry.remedy, entry.retry.title());
    format!(
        "| {} | {} | {} |\n",
        words.join("<br>"),
        cell(meaning.en, remedy.en, "Send again", retry.en),
        cell(meaning.ar, remedy.ar, "إعادة الإرسال", retry.ar),
    )
}
