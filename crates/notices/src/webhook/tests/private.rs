//! A receiver that only an authority of the tests' own vouches for.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::*;

/// An authority's certificate as PEM, and what speaks TLS with one that it has signed for 127.0.0.1.
fn authority(name: &str) -> (String, TlsAcceptor) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, name);
    let pem = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let cert =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let config = config.with_single_cert(vec![cert.der().clone()], key).unwrap();
    (pem, TlsAcceptor::from(Arc::new(config)))
}

/// What becomes of a message to a receiver of the first authority, for a client that trusts these besides the system's; and what
/// the receiver heard.
async fn sent_to(acceptor: &TlsAcceptor, trusted: Option<&str>) -> (Answer, Option<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/hook", listener.local_addr().unwrap());
    let acceptor = acceptor.clone();
    let heard = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.ok()?;
        let mut heard = Vec::new();
        while !heard.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut heard).await.unwrap(), 0);
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
        stream.flush().await.unwrap();
        Some(String::from_utf8(heard).unwrap())
    });
    let client = WebhookClient::new(Duration::from_secs(10), trusted.map(str::as_bytes)).unwrap();
    let webhook = Webhook::new(&url, secrets(TWO).unwrap()).unwrap();
    let now = "2026-11-22T08:00:00Z".parse().unwrap();
    let answer = client.send(&webhook, ID_OF_MESSAGE, now, r#"{"رقم":1}"#).await;
    (answer, heard.await.unwrap())
}

#[tokio::test]
async fn a_private_authority_counts_where_the_setting_names_it_and_nowhere_else() {
    let ((ca, acceptor), (stranger, _)) = (authority("ours"), authority("another"));
    let (answer, heard) = sent_to(&acceptor, Some(&ca)).await;
    assert_eq!(answer, Answer::Heard { status: 204 });
    assert!(heard.unwrap().contains("webhook-signature"));
    for trusted in [None, Some(stranger.as_str())] {
        let (answer, heard) = sent_to(&acceptor, trusted).await;
        let Answer::Silent { reason } = answer else { panic!("{answer:?}") };
        assert!(reason.to_lowercase().contains("certificate"), "{reason}");
        assert_eq!(heard, None, "nothing is said to whom nobody vouches for");
    }
}
