//! Archives: whole, refused, and tampered with in every way.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use invoice::life::{Command, Context, Outcome, Policy, RequeueMode, decide};
use invoice::{Digest, Environment, InvoiceKey};
use ledger::conformance::{Numbering, arrival, evidence};
use ledger::{Appended, Change, DocumentKind, Issued, NewDocument};
use serde_json::Value;

use super::hands::{Desk, layla};
use crate::archive::{ArchiveError, Exported, Order, Verified, verify};

/// Signed by OpenSSL with the simulator's test key.
const SIGNED: &str = include_str!("../../../jofotara/src/seal/tests/signed.xml");
const QR: &str = include_str!("../../../jofotara/src/seal/tests/qr.txt");

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("fawtara-archive-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn order(out: PathBuf) -> Order {
    let wanted =
        Issued { from: day("2026-01-01"), to: day("2026-12-31"), environment: None, tax_number: None };
    Order { wanted, out, retention_years: 5, software: "fawtara 0".to_owned() }
}

/// Clears an invoice with the signed document that came back.
async fn clear_signed(desk: &Desk, n: u64, signed: &str) -> InvoiceKey {
    let key = desk.encoded(n).await;
    desk.start(key).await;
    let invoice = desk.load(key).await;
    let now = desk.ledger().now().await.unwrap();
    let digest = Some(Digest::of(signed.as_bytes()));
    let outcome = Outcome::Cleared { qr: QR.to_owned(), already: false, note: None, signed: digest };
    let (attempt, document) = (invoice.attempt, invoice.document);
    let command = Command::Record { attempt, document, outcome, evidence: evidence("SUBMITTED") };
    let events = decide(&invoice, command, Context { now, policy: &Policy::default() }).unwrap();
    let documents =
        vec![NewDocument { document, kind: DocumentKind::Signed, bytes: signed.as_bytes().to_vec() }];
    let change = Change { invoice, events, at: now, documents, attempt: None };
    assert!(matches!(desk.ledger().append(vec![change]).await.unwrap().remove(0), Appended::Done(_)));
    key
}

/// A desk with an invoice in every kind of state: 1 and 2 cleared with signatures of which the first fits.
async fn desk() -> Desk {
    let desk = Desk::new();
    clear_signed(&desk, 1, SIGNED).await;
    clear_signed(&desk, 2, &SIGNED.replacen("118.480", "118.481", 1)).await;
    desk.cleared(3).await;
    desk.draft(4).await;
    desk.suspect(5, true).await;
    let anew = desk.rejected(6).await;
    desk.console.requeue(anew, RequeueMode::Reencode, &layla()).await.unwrap();
    let other = Numbering { settings: "other", ..Numbering::default() };
    desk.ledger().encode(vec![anew], std::sync::Arc::new(other)).await.unwrap();
    let abandoned = desk.rejected(7).await;
    desk.console.abandon(abandoned, &layla()).await.unwrap();
    desk.ledger().checkpoint(1_000).await.unwrap();
    desk
}

async fn exported(desk: &Desk, out: PathBuf) -> Exported {
    desk.console.export(&order(out), |_| {}).await.unwrap()
}

fn verified(folder: &Path) -> Verified {
    verify(folder, |_| {}).unwrap()
}

fn folder_of(n: u64) -> String {
    let arrival = arrival(n);
    format!("simulation/{}/{}", arrival.summary.issue_date, arrival.key.uuid)
}

#[tokio::test]
async fn what_is_written_holds() {
    let (desk, folder) = (desk().await, Folder::new());
    let out = folder.at("all");
    let mut told = Vec::new();
    let exported = desk.console.export(&order(out.clone()), |progress| told.push(progress)).await.unwrap();
    let found = verified(&out);
    assert_eq!(found.differences, []);
    assert!(found.holds());
    assert_eq!(found.header.as_ref(), Some(&exported.header));
    assert_eq!((found.sha256, found.invoices), (exported.sha256, 7));
    assert_eq!(told.last().map(|progress| (progress.invoices, progress.files)), Some((7, found.files)));

    let header = exported.header;
    assert_eq!(header.keep_until, day("2031-12-31"));
    assert_eq!(header.checkpoint, desk.ledger().archive().last_checkpoint().await.unwrap());
    let states: Vec<(String, u64)> =
        header.states.iter().map(|(state, count)| (state.to_string(), *count)).collect();
    let expected = [("draft", 2), ("dead_lettered", 1), ("abandoned", 1), ("cleared", 3)];
    assert!(
        expected.iter().all(|(state, count)| states.contains(&((*state).to_owned(), *count))),
        "{states:?}"
    );
    let money = &header.cleared["simulation/invoice"];
    assert_eq!(money.count, 3);

    assert_eq!(fs::read_to_string(out.join(folder_of(1)).join("qr.txt")).unwrap(), QR);
    assert_eq!(fs::read_to_string(out.join(folder_of(1)).join("signed-1.xml")).unwrap(), SIGNED);
    assert!(out.join(folder_of(6)).join("sent-1-superseded-1.xml").exists());
    // The second signed document was changed before it came: a remark, and no difference.
    assert_eq!((found.seals.signed, found.seals.fitting, found.seals.by_department), (2, 1, 0));
    assert_eq!(found.remarks.len(), 1);
    assert_eq!(found.remarks[0].path, format!("{}/signed-1.xml", folder_of(2)));
}

#[tokio::test]
async fn a_period_holds_its_days_its_seller_and_its_environment_alone() {
    let (desk, folder) = (desk().await, Folder::new());
    let third = arrival(3);
    let date = third.summary.issue_date;
    let mut wanted = Issued {
        from: date,
        to: date,
        environment: Some(Environment::Simulation),
        tax_number: Some(third.source.tax_number.clone()),
    };
    let order = |wanted: &Issued, name: &str| Order { wanted: wanted.clone(), ..order(folder.at(name)) };
    let one = desk.console.export(&order(&wanted, "one"), |_| {}).await.unwrap();
    assert_eq!(one.header.invoices, 1);
    assert!(folder.at("one").join(folder_of(3)).join("events.jsonl").exists());
    wanted.environment = Some(Environment::Production);
    let none = desk.console.export(&order(&wanted, "none"), |_| {}).await.unwrap();
    assert_eq!((none.header.invoices, none.header.files), (0, 0));
    assert!(verified(&folder.at("none")).holds());
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let (desk, folder) = (desk().await, Folder::new());
    exported(&desk, folder.at("a")).await;
    let again = desk.console.export(&order(folder.at("a")), |_| {}).await.unwrap_err();
    assert!(matches!(again, ArchiveError::Exists(_)), "{again}");
    fs::create_dir(folder.at("b.unfinished")).unwrap();
    let interrupted = desk.console.export(&order(folder.at("b")), |_| {}).await.unwrap_err();
    assert!(matches!(interrupted, ArchiveError::Unfinished(_)), "{interrupted}");
    assert!(!folder.at("b").exists());
    let mut backwards = order(folder.at("c"));
    backwards.wanted.to = day("2025-01-01");
    let backwards = desk.console.export(&backwards, |_| {}).await.unwrap_err();
    assert!(matches!(backwards, ArchiveError::Backwards { .. }) && !folder.at("c.unfinished").exists());
    let nowhere = desk.console.export(&order(folder.at("no/where")), |_| {}).await.unwrap_err();
    assert!(matches!(nowhere, ArchiveError::File { .. }), "{nowhere}");
}

#[tokio::test]
async fn what_is_no_archive_is_told() {
    let (desk, folder) = (desk().await, Folder::new());
    let missing = verify(&folder.0, |_| {}).unwrap_err();
    assert!(matches!(missing, ArchiveError::NoArchive(_)), "{missing}");
    exported(&desk, folder.at("a")).await;
    edit(&folder.at("a/manifest.jsonl"), |text| {
        text.replacen("\"fawtara_archive\":1", "\"fawtara_archive\":2", 1)
    });
    let newer = verify(&folder.at("a"), |_| {}).unwrap_err();
    assert!(matches!(newer, ArchiveError::NewerFormat(2)), "{newer}");
}

fn edit(path: &Path, change: impl Fn(&str) -> String) {
    let before = fs::read_to_string(path).unwrap();
    let after = change(&before);
    assert_ne!(after, before, "{}", path.display());
    fs::write(path, after).unwrap();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// Writes the manifest anew, so that it fits the files as they are: what somebody would do who knows how.
fn forge(folder: &Path) {
    let manifest = folder.join("manifest.jsonl");
    let text = fs::read_to_string(&manifest).unwrap();
    let mut lines: Vec<String> = Vec::new();
    let mut total: u64 = 0;
    for line in text.lines().filter(|line| !line.starts_with("{\"lines\"")) {
        let value: Value = serde_json::from_str(line).unwrap();
        let Some(path) = value["path"].as_str() else {
            lines.push(line.to_owned());
            continue;
        };
        let bytes = fs::read(folder.join(path)).unwrap();
        total += u64::try_from(bytes.len()).unwrap();
        lines.push(format!(
            "{{\"path\":\"{path}\",\"bytes\":{},\"sha256\":\"{}\"}}",
            bytes.len(),
            Digest::of(&bytes)
        ));
    }
    let header: Value = serde_json::from_str(&lines[0]).unwrap();
    lines[0] = lines[0].replacen(&format!("\"bytes\":{}", header["bytes"]), &format!("\"bytes\":{total}"), 1);
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let sha256 = Digest::of(body.as_bytes());
    fs::write(&manifest, format!("{body}{{\"lines\":{},\"sha256\":\"{sha256}\"}}\n", lines.len())).unwrap();
}

type Tamper = fn(&Path);

/// Does it to a copy of the archive, and gives what verifying tells.
fn tampered(original: &Path, copies: &Folder, nth: usize, tamper: Tamper) -> Verified {
    let place = copies.at(&format!("copy-{nth}"));
    copy(original, &place);
    tamper(&place);
    verified(&place)
}

fn of(archive: &Path, n: u64, name: &str) -> PathBuf {
    archive.join(folder_of(n)).join(name)
}

#[tokio::test]
async fn every_kind_of_tampering_is_found_at_its_place() {
    let (desk, folder) = (desk().await, Folder::new());
    exported(&desk, folder.at("a")).await;
    let cases: [(Tamper, &str, &str); 18] = [
        (
            |a| edit(&of(a, 1, "sent-1.xml"), |text| text.replacen('1', "7", 1)),
            "sent-1.xml",
            "content was changed",
        ),
        (
            |a| edit(&of(a, 1, "content-1.json"), |text| format!("{text} ")),
            "content-1.json",
            "bytes, and had",
        ),
        (|a| fs::remove_file(of(a, 1, "attempts.json")).unwrap(), "attempts.json", "it is missing"),
        (|a| fs::remove_dir_all(a.join(folder_of(3))).unwrap(), "events.jsonl", "it is missing"),
        (|a| fs::write(of(a, 1, "extra.xml"), "").unwrap(), "extra.xml", "not in the manifest"),
        (|a| fs::create_dir(of(a, 1, "extra")).unwrap(), "extra", "not in the manifest"),
        (|a| fs::write(a.join("extra"), "").unwrap(), "extra", "not in the manifest"),
        (|a| fs::create_dir(a.join("sandbox")).unwrap(), "sandbox", "not in the manifest"),
        (|a| fs::create_dir(a.join("simulation/2026-12-31")).unwrap(), "2026-12-31", "not in the manifest"),
        (
            |a| {
                let day = a.join(folder_of(1)).parent().unwrap().to_owned();
                copy(&a.join(folder_of(1)), &day.join("00000000-0000-4000-8000-000000000000"));
            },
            "00000000-0000-4000-8000-000000000000",
            "not in the manifest",
        ),
        (
            |a| {
                let file = of(a, 1, "qr.txt");
                fs::rename(&file, a.parent().unwrap().join("moved")).unwrap();
                std::os::unix::fs::symlink("../../../../moved", &file).unwrap();
            },
            "qr.txt",
            "it is no file",
        ),
        (
            |a| edit(&a.join("manifest.jsonl"), |text| text.replacen("INV-000001", "INV-000009", 1)),
            "manifest.jsonl",
            "was changed",
        ),
        (
            |a| {
                edit(&a.join("manifest.jsonl"), |text| {
                    text.lines()
                        .filter(|line| !line.contains("attempts.json"))
                        .map(|line| format!("{line}\n"))
                        .collect()
                });
            },
            "attempts.json",
            "not in the manifest",
        ),
        (
            |a| edit(&a.join("manifest.jsonl"), |text| text[..text.len() - 90].to_owned()),
            "manifest.jsonl",
            "cut off",
        ),
        (|a| edit(&a.join("manifest.jsonl"), |text| format!("{text}{{}}\n")), "manifest.jsonl", "goes on"),
        (
            |a| edit(&a.join("manifest.jsonl"), |text| text.replacen("\"invoices\":7", "\"invoices\":8", 1)),
            "manifest.jsonl",
            "counts other",
        ),
        (
            |a| edit(&a.join("manifest.jsonl"), |text| text.replacen('{', "[", 1)),
            "manifest.jsonl",
            "first line",
        ),
        (
            |a| {
                edit(&a.join("manifest.jsonl"), |text| {
                    text.replacen("\"path\":\"simulation/", "\"path\":\"../", 1)
                });
            },
            "../",
            "no such file belongs",
        ),
    ];
    for (nth, (tamper, path, message)) in cases.into_iter().enumerate() {
        let found = tampered(&folder.at("a"), &folder, nth, tamper);
        assert!(!found.holds(), "case {nth}");
        let told = found.differences.iter().any(|it| it.path.contains(path) && it.message.contains(message));
        assert!(told, "case {nth}: {path}, {message}: {:#?}", found.differences);
    }
}

#[tokio::test]
async fn a_manifest_that_was_made_to_fit_is_given_away_by_the_events() {
    let (desk, folder) = (desk().await, Folder::new());
    let original = exported(&desk, folder.at("a")).await;
    let cases: [(Tamper, &str, &str); 8] = [
        (
            |a| edit(&of(a, 1, "sent-1.xml"), |text| text.replacen('1', "7", 1)),
            "sent-1.xml",
            "not what the events say",
        ),
        (
            |a| edit(&of(a, 6, "sent-1-superseded-1.xml"), |text| text.replacen('1', "7", 1)),
            "superseded-1.xml",
            "not what the events say",
        ),
        (
            |a| edit(&of(a, 1, "content-1.json"), |text| text.replacen('1', "7", 1)),
            "content-1.json",
            "not what the events say",
        ),
        (
            |a| edit(&of(a, 1, "signed-1.xml"), |text| text.replacen('1', "7", 1)),
            "signed-1.xml",
            "not what the events say",
        ),
        (|a| edit(&of(a, 1, "qr.txt"), |text| text.replacen('A', "B", 1)), "qr.txt", "not the QR text"),
        (
            |a| edit(&of(a, 1, "events.jsonl"), |text| text.replacen("SUBMITTED", "SUBMITTER", 1)),
            "events.jsonl",
            "the hash chain breaks at event 4",
        ),
        (
            |a| {
                edit(&of(a, 1, "events.jsonl"), |text| {
                    text.lines().take(3).map(|line| format!("{line}\n")).collect()
                });
            },
            "events.jsonl",
            "it ends at event 3",
        ),
        (
            |a| {
                edit(&of(a, 1, "events.jsonl"), |text| {
                    text.lines().skip(1).map(|line| format!("{line}\n")).collect()
                });
            },
            "events.jsonl",
            "event 1 is missing",
        ),
    ];
    for (nth, (tamper, path, message)) in cases.into_iter().enumerate() {
        let place = folder.at(&format!("forged-{nth}"));
        copy(&folder.at("a"), &place);
        tamper(&place);
        forge(&place);
        let found = verified(&place);
        let told = found.differences.iter().any(|it| it.path.contains(path) && it.message.contains(message));
        assert!(told, "case {nth}: {path}, {message}: {:#?}", found.differences);
        assert_ne!(found.sha256, original.sha256);
    }
    // Writing it anew without changing anything changes nothing: the forger of this test is no difference by himself.
    let place = folder.at("anew");
    copy(&folder.at("a"), &place);
    forge(&place);
    assert_eq!((verified(&place).differences, verified(&place).sha256), (vec![], original.sha256));
}
