//! A whole fleet in one process, whose every way over the network is encrypted and vouched for by a private authority; and one
//! that trusts nobody so.

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tests::events;
use tests::processes::{Ports, bare_command, secret_key};
use tests::wait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

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

/// Hears webhooks and traces over TLS, and keeps their paths; how many clients turned away at the certificate.
#[derive(Clone, Default)]
struct Receiver {
    heard: Arc<Mutex<Vec<String>>>,
    refused: Arc<AtomicUsize>,
}

impl Receiver {
    async fn open(ca: &Ca) -> (String, Self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let (receiver, acceptor) = (Self::default(), ca.acceptor());
        let kept = receiver.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (kept, acceptor) = (kept.clone(), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor.accept(stream).await {
                        Ok(stream) => kept.attend(stream).await,
                        Err(_) => _ = kept.refused.fetch_add(1, Ordering::Relaxed),
                    }
                });
            }
        });
        (url, receiver)
    }

    /// One request; its end is not waited for, since the answer ends the connection.
    async fn attend(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut read = Vec::new();
        while !read.windows(4).any(|end| end == b"\r\n\r\n") {
            if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let path = String::from_utf8_lossy(&read).split(' ').nth(1).unwrap_or_default().to_owned();
        self.heard.lock().unwrap().push(path);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
        let _ = stream.shutdown().await;
        // What is left of the request is read, or its sender would hear of a reset instead of the answer.
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    }

    fn has_heard(&self, path: &str) -> bool {
        self.heard.lock().unwrap().iter().any(|heard| heard == path)
    }
}

/// Settings that tell this receiver of everything.
fn telling(ca: &Ca, url: &str) -> String {
    let secret = ca.file().with_file_name("webhook-secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    format!(
        "[telemetry]\notlp_endpoint = \"{url}\"\nOTLP_CA\n[events]\nevery_ms = 50\nWEBHOOK_CA\n\
         [[webhooks]]\nname = \"erp\"\nurl = \"{url}/hook\"\nsecret_file = {:?}\n",
        secret.display().to_string()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authority_webhook_and_collector_are_trusted_by_a_private_authority() {
    let ca = Ca::new();
    let (url, receiver) = Receiver::open(&ca).await;
    let whole = Whole::start(&ca, true, &telling(&ca, &url)).await;
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
    wait::until("webhook and collector to hear of it", DEADLINE, || async {
        (receiver.has_heard("/hook") && receiver.has_heard("/v1/traces")).then_some(())
    })
    .await;
    assert_eq!(receiver.refused.load(Ordering::Relaxed), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whom_nobody_vouches_for_is_told_nothing() {
    let ca = Ca::new();
    let (url, receiver) = Receiver::open(&ca).await;
    let whole = Whole::start(&ca, false, &telling(&ca, &url)).await;
    whole.publish(&events::event(0)).await;
    let tried = wait::until("an attempt", DEADLINE, || async {
        let shown = whole.shown(events::uuid(0)).await;
        let told = shown["attempts"].to_string().to_lowercase().contains("certificate");
        (told && shown["state"] == "pending_retry").then_some(shown)
    })
    .await;
    assert_eq!(tried["in_doubt"], false, "{tried}");
    wait::until("the collector to be turned away from", DEADLINE, || async {
        (receiver.refused.load(Ordering::Relaxed) > 0).then_some(())
    })
    .await;
    assert!(!receiver.has_heard("/v1/traces"), "nothing is said to whom nobody vouches for");
}
