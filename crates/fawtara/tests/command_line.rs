//! The binary as a shell sees it: exit codes, what stops it and what must not. Needs no services.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A folder to run in, with or without a `fawtara.toml`; gone at the end.
struct Place(PathBuf);

impl Place {
    fn new(config: Option<&str>) -> Self {
        let folder = std::env::temp_dir().join(format!("fawtara-command-line-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        if let Some(config) = config {
            std::fs::write(folder.join("fawtara.toml"), config).unwrap();
        }
        Self(folder)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fawtara"));
        command.env_clear().current_dir(&self.0).args(arguments).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_broken_configuration_stops_only_what_needs_it() {
    let place = Place::new(Some("[ledger\nurl = "));
    for arguments in [
        &["schemas"][..],
        &["completions", "bash"],
        &["help"],
        &["--help"],
        &["import", "--help"],
        &["--version"],
    ] {
        let output = place.run(arguments);
        assert_eq!(code(&output), 0, "{arguments:?}: {}", err(&output));
    }
    for arguments in [["encode"], ["validate"]] {
        // Standard input is empty: that is a fault of the event.
        assert_eq!(code(&place.run(&arguments)), 1, "{arguments:?}");
    }
    for arguments in [&["config"][..], &["doctor"], &["producer"], &["demo"], &["dead-letters", "list"]] {
        let output = place.run(arguments);
        assert_eq!(code(&output), 78, "{arguments:?}: {}", err(&output));
        assert!(err(&output).contains("fawtara.toml"), "{}", err(&output));
    }
}

#[test]
fn what_is_in_memory_is_refused_where_it_would_be_lost() {
    let place = Place::new(None);
    let rabbit_only = ["--set", "ledger.url=memory"];
    let postgres_only = ["--set", "broker.url=memory"];
    for command in [&["producer"][..], &["encoder"], &["submitter"], &["import", "-"]] {
        for (memory, named) in [(rabbit_only, "ledger.url"), (postgres_only, "broker.url")] {
            let output = place.run(&[command, &memory].concat());
            assert_eq!(code(&output), 78, "{command:?}: {}", err(&output));
            assert!(err(&output).contains(named), "{}", err(&output));
        }
    }
    for command in [&["verify"][..], &["migrate"], &["show", "1"], &["dead-letters", "list"]] {
        let output = place.run(&[command, &rabbit_only].concat());
        assert_eq!(code(&output), 78, "{command:?}: {}", err(&output));
    }
}

#[test]
fn wrong_settings_found_while_wiring_are_told_as_such() {
    let source = |environment: &str, rest: &str| {
        format!(
            "[[income_sources]]\ntax_number = \"12345678\"\nsequence = \"9932895\"\nclient_id = \"محل\"\n\
             environment = \"{environment}\"\n{rest}\n"
        )
    };
    let clear = "secret_key = \"clear\"";
    for (config, named) in [
        (source("production", ""), "has no secret key"),
        (source("production", clear), "only for the simulation"),
        (source("production", "secret_key_file = \"nowhere\""), "nowhere"),
        (source("production", "secret_key_env = \"NOBODY\""), "NOBODY"),
        (
            source("sandbox", "secret_key_env = \"HOME\"\nurl = \"https://backend.jofotara.gov.jo/x\""),
            "production",
        ),
        ("[admin]\nlisten = \"0.0.0.0:0\"".to_owned(), "admin.keys"),
        ("[producer]\nlisten = \"0.0.0.0:0\"".to_owned(), "producer.keys"),
        ("[simulator]\nlisten = \"0.0.0.0:0\"".to_owned(), "simulator.exposed"),
        (
            "[simulator]\nlisten = \"127.0.0.1:0\"\ntls = { cert = \"nowhere.pem\", key = \"key.pem\" }"
                .to_owned(),
            "nowhere.pem",
        ),
        ("[simulator]\nlisten = \"127.0.0.1:0\"\ntolerance = \"قليل\"".to_owned(), "simulator.tolerance"),
        ("[telemetry]\nlog = \"a=b=c\"".to_owned(), "telemetry.log"),
        ("[authority]\nextra_ca = \"nowhere.pem\"".to_owned(), "nowhere.pem"),
        (
            "[telemetry]\notlp_endpoint = \"https://localhost:1\"\notlp_extra_ca = \"nowhere.pem\""
                .to_owned(),
            "telemetry.otlp_extra_ca",
        ),
    ] {
        let place = Place::new(Some(&config));
        let output = place
            .command(&["all", "--memory", "--simulator"])
            .args(if config.starts_with("[producer]") {
                &[][..]
            } else {
                &["--set", "producer.listen=127.0.0.1:0"]
            })
            .args(if config.starts_with("[simulator]") {
                &[][..]
            } else {
                &["--set", "simulator.listen=127.0.0.1:0"]
            })
            .env("HOME", "/")
            .output()
            .unwrap();
        assert_eq!(code(&output), 78, "{config}: {}", err(&output));
        assert!(err(&output).contains(named), "{config}: {}", err(&output));
    }
}

/// The producer's port is taken as well: which of the two is told shows which is asked for first.
#[test]
fn a_taken_admin_port_is_found_before_any_role_is_there() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap();
    let (admin, producer) = (format!("admin.listen={taken}"), format!("producer.listen={taken}"));
    let place = Place::new(None);
    let output = place.run(&["all", "--memory", "--set", &producer, "--set", &admin]);
    assert_eq!(code(&output), 1, "{}", err(&output));
    assert!(err(&output).contains(&format!("fawtara: admin.listen {taken}")), "{}", err(&output));
    assert_eq!(err(&output).matches("in use").count(), 1, "{}", err(&output));
}

#[test]
fn variables_with_a_single_underscore_are_told() {
    let place = Place::new(None);
    let with =
        |name: &str, command: &str| place.command(&[command]).env(name, "postgres://a:s3cret@db/x").output();
    let output = with("FAWTARA_LEDGER_URL", "config").unwrap();
    assert_eq!(code(&output), 0);
    assert!(err(&output).contains("FAWTARA_LEDGER_URL") && err(&output).contains("FAWTARA__LEDGER__URL"));
    assert!(!err(&output).contains("s3cret"));
    let output = with("FAWTARA__LEDGER__URL", "config").unwrap();
    assert_eq!((code(&output), err(&output).as_str()), (0, ""));
    assert!(String::from_utf8_lossy(&output.stdout).contains("postgres://a:***@db/x"));
}

#[test]
fn help_and_completions_are_there() {
    let place = Place::new(None);
    let output = place.run(&[]);
    assert_eq!(code(&output), 2);
    assert!(
        err(&output).contains("Usage: fawtara") && err(&output).contains("dead-letters"),
        "{}",
        err(&output)
    );
    for shell in ["bash", "zsh", "fish"] {
        let output = place.run(&["completions", shell]);
        assert_eq!(code(&output), 0);
        assert!(String::from_utf8_lossy(&output.stdout).contains("dead-letters"), "{shell}");
    }
}

/// A process that is killed when a test fails.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_simulator_has_an_admin_port_and_logs_without_colours() {
    let place = Place::new(None);
    let mut command = place.command(&["simulator", "--set", "simulator.listen=127.0.0.1:0"]);
    command.args(["--set", "admin.listen=127.0.0.1:0"]).stderr(Stdio::piped());
    let mut running = Running(command.spawn().unwrap());
    let mut log = BufReader::new(running.0.stderr.take().unwrap());
    let mut seen = String::new();
    // Ends with the process at the latest.
    let admin: SocketAddr = loop {
        let before = seen.len();
        assert_ne!(log.read_line(&mut seen).unwrap(), 0, "no admin port in:\n{seen}");
        let line = &seen[before..];
        if line.contains("admin port") {
            let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
            let port = digits(line.split_once("127.0.0.1:").expect("no colours, no other form").1);
            break format!("127.0.0.1:{port}").parse().unwrap();
        }
    };
    let mut stream = TcpStream::connect(admin).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    // A scraper that never ends its request must not keep the process.
    let mut endless = TcpStream::connect(admin).unwrap();
    endless.write_all(b"GET /metrics HTTP/1.1\r\n").unwrap();
    let stopped = Command::new("kill").arg(running.0.id().to_string()).status().unwrap();
    assert!(stopped.success());
    log.read_to_string(&mut seen).unwrap();
    assert_eq!(running.0.wait().unwrap().code(), Some(0), "{seen}");
    assert!(!seen.contains('\u{1b}'), "{seen}");
}

/// A table becomes events without any service; what is wrong is told by its cell.
#[test]
fn documents_of_other_systems_are_converted() {
    let place = Place::new(None);
    for arguments in [&["import", "--template", "csv"][..], &["import", "--template", "csv", "--arabic"]] {
        let template = place.run(arguments);
        assert_eq!(code(&template), 0, "{}", err(&template));
        std::fs::write(place.0.join("invoices.csv"), &template.stdout).unwrap();
        let converted = place.run(&["convert", "invoices.csv"]);
        assert_eq!(code(&converted), 0, "{}", err(&converted));
        let events = String::from_utf8(converted.stdout).unwrap();
        assert_eq!(events.lines().count(), 3, "{events}");
        std::fs::write(place.0.join("events.ndjson"), &events).unwrap();
        let again = place.run(&["convert", "--from", "event", "events.ndjson"]);
        assert_eq!(String::from_utf8(again.stdout).unwrap(), events);
    }
    let table = "number,issue_date,payment,seller_tax_number,seller_name,income_source,item,quantity,unit_price\n\
        A-1,2026-11-20,cash,12345678,x,1,y,2,-1\n";
    std::fs::write(place.0.join("wrong.csv"), table).unwrap();
    let family = place.run(&["convert", "wrong.csv"]);
    assert_eq!(code(&family), 1);
    assert!(err(&family).contains("row 2 (family)"), "{}", err(&family));
    let price = place.run(&["convert", "wrong.csv", "--family", "income"]);
    assert_eq!(code(&price), 1);
    assert!(err(&price).contains("row 2: I2 (unit_price): is -1"), "{}", err(&price));
    assert_eq!(code(&place.run(&["convert", "wrong.csv", "--from", "edi"])), 2);
    assert_eq!(code(&place.run(&["convert", "nowhere.csv"])), 1);
    assert_eq!(code(&place.run(&["import"])), 2, "a file, or a template");
}

/// One event over several lines, a list, and one a line are the same to every command.
#[test]
fn events_are_validated_however_they_are_laid_out() {
    let place = Place::new(None);
    let event = |number: &str| {
        serde_json::json!({
            "schema_version": 1, "family": "income", "payment": "cash", "number": number, "issue_date": "2026-11-20",
            "seller": { "tax_number": "12345678", "name": "متجر الياسمين", "income_source": "1" },
            "lines": [{ "name": "خبز", "quantity": 2, "unit_price": 3 }],
        })
    };
    let list = serde_json::json!([event("A-1"), event("A-2")]);
    let broken = format!("{:#}", event("A-1")).replace("\"cash\",", "\"cash\"");
    for (text, valid, told) in [
        (format!("{:#}\n", event("A-1")), 0, "event 1: A-1 is valid\n"),
        (format!("{list:#}"), 0, "event 1: A-1 is valid\nevent 2: A-2 is valid\n"),
        (
            format!("\n{}\n{}\n", event("A-1"), event("A-2")),
            0,
            "event 2: A-1 is valid\nevent 3: A-2 is valid\n",
        ),
        (format!("{{\n{}\n{}\n", event("A-1"), event("A-2")), 1, "event 3: A-2 is valid\n"),
        (broken, 1, "event 1: "),
    ] {
        std::fs::write(place.0.join("events.json"), &text).unwrap();
        let output = place.run(&["validate", "events.json"]);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(code(&output), valid, "{text}\n{said}");
        assert!(said.ends_with(told) || (told == "event 1: " && said.lines().count() == 1), "{text}\n{said}");
    }
}

/// For whoever wants to see the document before it is published; what is written passes the check of ready-made documents.
#[test]
fn the_xml_that_would_be_sent_is_written_without_services() {
    let place = Place::new(None);
    let event = include_str!("../../../schemas/examples/invoice-event-1.json");
    std::fs::write(place.0.join("event.json"), event).unwrap();
    let output = place.run(&["encode", "event.json", "--icv", "42"]);
    assert_eq!(code(&output), 0, "{}", err(&output));
    let xml = String::from_utf8(output.stdout).unwrap();
    assert!(xml.starts_with("<?xml") && xml.contains("<cbc:UUID>42</cbc:UUID>"), "{xml}");
    std::fs::write(place.0.join("document.xml"), &xml).unwrap();
    let checked = place.run(&["check", "document.xml"]);
    assert_eq!(code(&checked), 0, "{}", String::from_utf8_lossy(&checked.stdout));
}
