//! A whole fleet in one process, whose every way over the network is encrypted and vouched for by a private authority; and one
//! that trusts nobody so.

use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use tests::events;
use tests::processes::{Ports, bare_command, secret_key};
use tests::wait;
use tokio::net::TcpStream;

use crate::ca::Ca;

const DEADLINE: Duration = Duration::from_secs(60);

/// `fawtara all`; killed when dropped.
struct Whole {
    child: Child,
    log: std::path::PathBuf,
    producer: String,
    simulator: String,
    http: reqwest::Client,
}

impl Whole {
    /// With `trusts`, settings name the authority of the tests wherever there is one for that.
    async fn start(ca: &Ca, trusts: bool, more: &str) -> Self {
        let mut ports = Ports::new();
        let (producer, simulator) =
            (format!("127.0.0.1:{}", ports.free()), format!("127.0.0.1:{}", ports.free()));
        let trust = |setting: &str| match trusts {
            true => format!("{setting} = {:?}\n", ca.file().display().to_string()),
            false => String::new(),
        };
        let tls = format!(
            "tls = {{ cert = {:?}, key = {:?} }}\n",
            ca.files().cert.display().to_string(),
            ca.files().key.display().to_string()
        );
        let source = events::income_source();
        let settings = format!(
            "[producer]\nlisten = \"{producer}\"\namqp_intake = false\n{tls}\
             [simulator]\nlisten = \"{simulator}\"\n{tls}\
             [authority]\n{authority}\
             [[income_sources]]\ntax_number = \"{tax}\"\nsequence = \"{sequence}\"\nenvironment = \"simulation\"\n\
             client_id = \"client\"\nsecret_key = \"{secret}\"\nfamily = \"income\"\n{more}",
            authority = trust("extra_ca"),
            tax = source.tax_number,
            sequence = source.sequence,
            secret = secret_key(&source.sequence),
            more = more
                .replace("OTLP_CA\n", &trust("otlp_extra_ca"))
                .replace("WEBHOOK_CA\n", &trust("webhook_extra_ca")),
        );
        let (config, log) =
            (ca.file().with_file_name(format!("{trusts}.toml")), ca.file().with_file_name("log"));
        std::fs::write(&config, settings).unwrap();
        let file = || std::fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        let child = bare_command(&["--config", config.to_str().unwrap(), "all", "--memory", "--simulator"])
            .env("OTEL_BSP_SCHEDULE_DELAY", "100")
            .stdin(Stdio::null())
            .stdout(file())
            .stderr(file())
            .spawn()
            .unwrap();
        let certificate = reqwest::Certificate::from_pem(&std::fs::read(ca.file()).unwrap()).unwrap();
        let http = reqwest::Client::builder().tls_certs_merge([certificate]).build().unwrap();
        let whole = Self { child, log, producer: format!("https://{producer}"), simulator, http };
        let url = format!("{}/openapi.json", whole.producer);
        wait::until("the producer to answer", DEADLINE, || async { whole.http.get(&url).send().await.ok() })
            .await;
        whole
    }

    async fn publish(&self, event: &Value) {
        let url = format!("{}/v1/invoices", self.producer);
        let answer = self.http.post(url).body(event.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 202);
    }

    async fn shown(&self, uuid: uuid::Uuid) -> Value {
        let url = format!("{}/v1/invoices/{uuid}", self.producer);
        let answer = self.http.get(url).send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&answer).unwrap()
    }
}

impl Drop for Whole {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("{}", std::fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invoice_clears_at_an_authority_that_a_private_one_vouches_for() {
    let ca = Ca::new();
    let whole = Whole::start(&ca, true, "").await;
    // Who never shakes hands holds up nobody.
    let _silent = TcpStream::connect(&whole.simulator).await.unwrap();
    whole.publish(&events::event(0)).await;
    let cleared = wait::until("the invoice to clear", DEADLINE, || async {
        let shown = whole.shown(events::uuid(0)).await;
        (shown["state"] == "cleared").then_some(shown)
    })
    .await;
    assert!(cleared["qr"].as_str().is_some_and(|qr| !qr.is_empty()), "{cleared}");
    assert_eq!(cleared["attempts"].as_array().map(Vec::len), Some(1), "{cleared}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_that_nobody_vouches_for_gets_nothing() {
    let ca = Ca::new();
    let whole = Whole::start(&ca, false, "").await;
    whole.publish(&events::event(0)).await;
    let tried = wait::until("an attempt", DEADLINE, || async {
        let shown = whole.shown(events::uuid(0)).await;
        shown["attempts"].to_string().to_lowercase().contains("certificate").then_some(shown)
    })
    .await;
    assert_eq!((&tried["state"], &tried["in_doubt"]), (&"pending_retry".into(), &false.into()), "{tried}");
}
