mod private;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;
use crate::secret::secrets;

const TWO: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const ID_OF_MESSAGE: Uuid = Uuid::from_u128(7);

/// A receiver that hears one request and answers so.
async fn receiver(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks/فواتير?token=geheim", listener.local_addr().unwrap());
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0);
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8(heard).unwrap()
    });
    (url, heard)
}

async fn sent(url: &str, secrets_text: &str, patience: Duration) -> Answer {
    let webhook = Webhook::new(url, secrets(secrets_text).unwrap()).unwrap();
    let client = WebhookClient::new(patience, None).unwrap();
    let now = "2026-11-22T08:00:00Z".parse().unwrap();
    client.send(&webhook, ID_OF_MESSAGE, now, r#"{"رقم":1}"#).await
}

async fn answered(answer: &'static str) -> Answer {
    let (url, heard) = receiver(answer).await;
    let answer = sent(&url, TWO, Duration::from_secs(10)).await;
    heard.await.unwrap();
    answer
}

#[tokio::test]
async fn a_message_is_signed_with_every_secret_over_what_was_sent() {
    let (url, heard) = receiver("HTTP/1.1 204 No Content\r\n\r\n").await;
    assert_eq!(sent(&url, TWO, Duration::from_secs(10)).await, Answer::Heard { status: 204 });
    let heard = heard.await.unwrap();
    let (head, body) = heard.split_once("\r\n\r\n").unwrap();
    let header = |name: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect::<Vec<_>>()
    };
    assert_eq!(body, r#"{"رقم":1}"#);
    assert_eq!(header("webhook-id"), [ID_OF_MESSAGE.to_string()]);
    assert_eq!(header("webhook-timestamp"), ["1795334400"]);
    assert_eq!(header("content-type"), ["application/cloudevents+json; charset=utf-8"]);
    let expected: Vec<_> =
        secrets(TWO).unwrap().iter().map(|secret| secret.sign(ID_OF_MESSAGE, 1_795_334_400, body)).collect();
    assert_eq!(header("webhook-signature"), [expected.join(" ")]);
    assert_ne!(expected[0], expected[1]);
}

#[tokio::test]
async fn answers_are_told_apart() {
    assert_eq!(answered("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n").await, Answer::Gone);
    let refused = answered("HTTP/1.1 500 Oh\r\ncontent-length: 12\r\n\r\nخطأ\nfatal").await;
    assert_eq!(refused, Answer::Refused { status: 500, excerpt: "خطأ fatal".to_owned() });
    // Nobody is led anywhere else.
    let moved =
        answered("HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(moved, Answer::Refused { status: 307, excerpt: String::new() });
}

#[tokio::test]
async fn an_answer_without_end_costs_only_an_excerpt() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let flood = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        while !heard.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0);
        }
        let _ = stream.write_all(b"HTTP/1.1 500 Oh\r\n\r\n").await;
        while stream.write_all(&[b'x'; 8_192]).await.is_ok() {}
    });
    let answer = sent(&url, TWO, Duration::from_secs(10)).await;
    assert_eq!(answer, Answer::Refused { status: 500, excerpt: "x".repeat(EXCERPT) });
    flood.await.unwrap();
}

#[tokio::test]
async fn silence_is_told_without_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let url = format!("http://{address}/?token=geheim");
    for wait in [50, 50] {
        let Answer::Silent { reason } = sent(&url, TWO, Duration::from_millis(wait)).await else {
            panic!("somebody answered")
        };
        assert!(!reason.contains("geheim"), "{reason}");
    }
    drop(listener);
    let Answer::Silent { reason } = sent(&url, TWO, Duration::from_secs(5)).await else { panic!("who?") };
    assert!(reason.contains("refused") && !reason.contains("geheim"), "{reason}");
}

#[test]
fn addresses_are_checked() {
    let made = |url: &str| Webhook::new(url, Vec::new()).map(|_| ());
    assert_eq!(made("https://erp.example/hooks"), Ok(()));
    assert_eq!(made("http://10.1.2.3:8080/"), Ok(()), "inside the network is allowed");
    for bad in ["", "erp.example", "ftp://erp.example", "file:///etc/passwd", "http://"] {
        assert_eq!(made(bad), Err(BadWebhook::Url), "{bad}");
    }
    assert_eq!(made("https://user:geheim@erp.example/"), Err(BadWebhook::UserInfo));
    let webhook = Webhook::new("https://erp.example/geheim", Vec::new()).unwrap();
    assert!(!format!("{webhook:?}").contains("geheim"));
}
