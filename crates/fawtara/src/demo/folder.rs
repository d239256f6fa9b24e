//! The folder that the demo leaves: event, XML, the authority's answer and QR of each invoice. It must not delete
//! anything but what an earlier demo wrote.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use invoice::InvoiceKey;
use ledger::{DocumentKind, Ledger};
use serde_json::{Value, json};

use super::book::{Book, Entry};
use super::{audit::Audit, qr};

/// What may stand in the folder of an invoice.
const FILES: [&str; 5] = ["event.json", "invoice.xml", "signed.xml", "answer.json", "qr.svg"];
/// The file beside the invoices' folders.
pub(super) const SUMMARY: &str = "summary.json";
/// Bytes of a folder's name, at most; file systems allow 255.
const NAME_BYTES: usize = 150;

/// Where each invoice's folder is.
pub(super) type Names = BTreeMap<InvoiceKey, String>;

/// Writes the folder anew.
pub(super) async fn write(
    out: &Path,
    ledger: &dyn Ledger,
    book: &Book,
    audit: &Audit,
) -> anyhow::Result<Names> {
    clear(out)
        .with_context(|| format!("the folder {} of an earlier demo cannot be cleared", out.display()))?;
    fs::create_dir_all(out).with_context(|| out.display().to_string())?;
    let names = names(book);
    for (key, entry) in &book.entries {
        let Some(name) = names.get(key) else { continue };
        let folder = out.join(name);
        invoice(&folder, ledger, entry).await.with_context(|| folder.display().to_string())?;
    }
    let path = out.join(SUMMARY);
    put(&path, pretty(&summary(book, audit, &names))?).with_context(|| path.display().to_string())?;
    Ok(names)
}

async fn invoice(folder: &Path, ledger: &dyn Ledger, entry: &Entry) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    let invoice = &entry.invoice;
    if let Some(content) = ledger.content(invoice.key).await? {
        // By way of the type, so that the members stand in the order of the schema.
        let event = invoice::parse(content.normal_form.as_bytes())
            .map_err(|faults| anyhow::anyhow!("its event cannot be read: {faults:?}"))?;
        put(&folder.join("event.json"), serde_json::to_string_pretty(&event)? + "\n")?;
    }
    let document = invoice.cleared_document.unwrap_or(invoice.document);
    let wanted = [(invoice.key, document, DocumentKind::Sent), (invoice.key, document, DocumentKind::Signed)];
    for (name, found) in ["invoice.xml", "signed.xml"].into_iter().zip(ledger.documents(&wanted).await?) {
        if let Some(found) = found {
            put(&folder.join(name), found.bytes)?;
        }
    }
    put(&folder.join("answer.json"), pretty(&answer(entry))?)?;
    if let Some(text) = &invoice.qr {
        put(&folder.join("qr.svg"), qr::svg(text, &format!("SIMULATION {}", invoice.number))?)?;
    }
    Ok(())
}

/// Where the invoice stands, and what the authority said to each attempt.
fn answer(entry: &Entry) -> Value {
    let invoice = &entry.invoice;
    json!({
        "environment": invoice.key.environment,
        "number": invoice.number,
        "uuid": invoice.key.uuid,
        "income_source": invoice.source.to_string(),
        "icv": invoice.icv,
        "state": invoice.state,
        "cause": invoice.cause,
        "message": invoice.message,
        "qr": invoice.qr,
        "attempts": entry.attempts,
    })
}

fn summary(book: &Book, audit: &Audit, names: &Names) -> Value {
    let invoices: Vec<Value> = book
        .by_number(|_| true)
        .into_iter()
        .map(|entry| {
            json!({
                "number": entry.invoice.number,
                "folder": names.get(&entry.invoice.key),
                "uuid": entry.invoice.key.uuid,
                "state": entry.invoice.state,
                "cause": entry.invoice.cause,
                "message": entry.invoice.message,
                "sends": entry.sends(),
                "payable": entry.summary.payable,
                "currency": entry.summary.currency,
            })
        })
        .collect();
    let refused: Vec<Value> = book
        .refused()
        .map(|(line, number, codes, messages)| json!({ "line": line, "number": number, "codes": codes, "messages": messages }))
        .collect();
    json!({
        "environment": "simulation",
        "note": "SIMULATION: nothing here was sent to the authority",
        "seconds": book.took.as_secs_f64(),
        "events": book.answers.len(),
        "repeats": book.repeats(),
        "equal_in_both_records": audit.agreed,
        "differences": audit.differences,
        "refused_at_intake": refused,
        "invoices": invoices,
    })
}

fn pretty(value: &Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}

fn put(path: &Path, bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
    fs::write(path, bytes).with_context(|| path.display().to_string())
}

/// Takes away what an earlier demo wrote here, and nothing else: our files by their names, and folders that are empty then.
fn clear(out: &Path) -> std::io::Result<()> {
    if !out.join(SUMMARY).is_file() {
        return Ok(());
    }
    for entry in fs::read_dir(out)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            continue;
        }
        let folder = entry.path();
        FILES.iter().map(|name| folder.join(name)).try_for_each(|file| remove(&file))?;
        // It may hold something of the reader's own.
        let _ = fs::remove_dir(&folder);
    }
    remove(&out.join(SUMMARY))
}

fn remove(file: &PathBuf) -> std::io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A folder's name for each invoice: its number, made safe; two that look alike get a piece of their UUID.
fn names(book: &Book) -> Names {
    let mut taken = std::collections::BTreeSet::new();
    let mut names = BTreeMap::new();
    for entry in book.by_number(|_| true) {
        let key = entry.invoice.key;
        let mut name = safe(&entry.invoice.number);
        // Some file systems do not tell capitals from small letters.
        if !taken.insert(name.to_lowercase()) {
            name = format!("{name}-{}", key.uuid.simple());
            taken.insert(name.to_lowercase());
        }
        names.insert(key, name);
    }
    names
}

/// Letters (Arabic ones too) and digits stay; whatever a file system or a shell might take amiss becomes an underscore.
fn safe(number: &str) -> String {
    let mut name = String::new();
    for c in number.trim().chars() {
        let c = if c.is_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
        if name.len() + c.len_utf8() > NAME_BYTES {
            break;
        }
        name.push(if name.is_empty() && matches!(c, '.' | '-') { '_' } else { c });
    }
    // Windows knows no names that end in a point.
    let ends_badly = name.is_empty() || name.ends_with('.');
    if ends_badly {
        name.push('_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_safe_names() {
        for (number, name) in [
            ("AMM-26-00001", "AMM-26-00001"),
            ("INV/2026/0007", "INV_2026_0007"),
            ("فاتورة ٧", "فاتورة_٧"),
            ("../../etc/passwd", "_._.._etc_passwd"),
            ("..", "_._"),
            ("-rf", "_rf"),
            ("a\\b:c*?\"<>|", "a_b_c______"),
            ("", "_"),
        ] {
            assert_eq!(safe(number), name, "{number:?}");
        }
        assert!(safe(&"فاتورة".repeat(100)).len() <= NAME_BYTES);
    }

    #[test]
    fn clearing_takes_only_what_a_demo_wrote() {
        let out = std::env::temp_dir().join(format!("fawtara-demo-{}", uuid::Uuid::new_v4()));
        let (ours, mixed) = (out.join("AMM-1"), out.join("mine"));
        for folder in [&ours, &mixed] {
            fs::create_dir_all(folder).unwrap();
            fs::write(folder.join("qr.svg"), "<svg/>").unwrap();
        }
        fs::write(mixed.join("notes.txt"), "ملاحظاتي").unwrap();

        clear(&out).unwrap();
        assert!(ours.join("qr.svg").exists(), "no summary: no demo wrote here");

        fs::write(out.join(SUMMARY), "{}").unwrap();
        clear(&out).unwrap();
        assert!(!ours.exists() && !out.join(SUMMARY).exists());
        assert!(mixed.join("notes.txt").exists() && !mixed.join("qr.svg").exists());
        fs::remove_dir_all(&out).unwrap();
    }
}
