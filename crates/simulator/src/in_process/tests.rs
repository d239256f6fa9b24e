//! The real client against the simulated authority: two readings of the guide, written apart, that must agree.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jofotara::seal::{self, Finding, QrAgreement};
use jofotara::{Client, Credentials, Endpoint, Verdict};
use secrecy::SecretString;
use tokio::time::Instant;

use super::*;
use crate::answer::{AnswerShape, Form};
use crate::authority::Authority;
use crate::device::Device;
use crate::document::Family;
use crate::fault::{Fault, FaultRule, Times};
use crate::latency::Latency;
use crate::sample;
use crate::settings::Settings;

const TIMEOUT: Duration = Duration::from_secs(50);

/// A shop with a general-tax device at a simulated authority.
struct Shop {
    handle: Handle,
    client: Client,
    environment: &'static str,
    secret_key: &'static str,
}

impl Shop {
    fn new() -> Self {
        let mut authority = Authority::new(Settings::default(), 1);
        authority.register(Device {
            client_id: "shop-1".into(),
            secret_key: "secret-1".into(),
            tax_number: sample::TAX_NUMBER.into(),
            income_source: sample::INCOME_SOURCE.into(),
            family: Family::General,
            consumer_price: false,
        });
        let handle = Handle::new(authority);
        let clock: Clock = Arc::new(|| DateTime::UNIX_EPOCH);
        let client = Client::new(Arc::new(InProcess::new(handle.clone(), clock)));
        Self { handle, client, environment: "simulation", secret_key: "secret-1" }
    }

    fn with_fault(fault: Fault) -> Self {
        let shop = Self::new();
        shop.handle.with(|authority| {
            authority.add_fault(FaultRule { times: Times::Total(1), ..FaultRule::always(fault) });
        });
        shop
    }

    async fn send_xml(&self, xml: String) -> Verdict {
        let draft = sample::general_draft();
        let credentials =
            Credentials { client_id: "shop-1".to_owned(), secret_key: SecretString::from(self.secret_key) };
        let environment = self.environment.parse().unwrap();
        let endpoint =
            Endpoint::new(environment, "https://localhost/core/invoices/", credentials, TIMEOUT).unwrap();
        self.client.submit(&endpoint, draft.number, &draft.uuid.parse().unwrap(), Bytes::from(xml)).await
    }

    async fn send(&self) -> Verdict {
        self.send_xml(sample::general()).await
    }

    /// The names of the outcomes of sending it this often.
    async fn outcomes(&self, times: usize) -> Vec<&'static str> {
        let mut outcomes = Vec::new();
        for _ in 0..times {
            outcomes.push(self.send().await.outcome.kind().as_str());
        }
        outcomes
    }

    fn undelivered(&self) -> u64 {
        self.handle.with(|authority| authority.summary(false).undelivered)
    }
}

fn shown(verdict: &Verdict) -> String {
    format!("{:?}", verdict.outcome)
}

#[tokio::test(start_paused = true)]
async fn a_document_is_cleared_and_recognised_again_in_every_shape() {
    for form in [Form::A, Form::B] {
        for document_encodings in [1, 2, 3] {
            let shop = Shop::new();
            let shape = AnswerShape { form, document_encodings, ..AnswerShape::default() };
            shop.handle.with(|authority| authority.set_shape(shape));
            let [first, again] = [shop.send().await, shop.send().await];
            // Without a note: number, UUID and the whole tree were found to be ours.
            assert!(shown(&first).contains("already: false, note: None"), "{shape:?} {first:?}");
            assert!(shown(&again).contains("already: true, note: None"), "{shape:?} {again:?}");
            assert_eq!(first.signed, again.signed);
            assert_eq!(first.evidence.message, "SUBMITTED");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_fault_comes_to_its_outcome_and_the_next_sending_mends_it() {
    let status = |code, processed| Fault::Status { code, retry_after_s: Some(7), processed };
    let cases = [
        (status(401, false), "credentials"),
        (status(403, true), "credentials"),
        (status(429, false), "not_now"),
        (status(500, true), "suspect"),
        (status(502, false), "not_now"),
        (status(503, false), "not_now"),
        (status(504, true), "not_now"),
        (Fault::InnerError, "suspect"),
        (Fault::Garbage { processed: true }, "in_doubt"),
        (Fault::Html { processed: false }, "in_doubt"),
        (Fault::Empty { processed: true }, "in_doubt"),
        (Fault::DropBefore, "in_doubt"),
        (Fault::DropAfter, "in_doubt"),
        (Fault::Late { delay_ms: 60_000 }, "in_doubt"),
        (Fault::WithoutQr, "accepted_without_qr"),
        (Fault::OtherNumber("فاتورة-9".into()), "in_doubt"),
        (Fault::OtherUuid("9f7a5a4e-32f1-4f0f-8a54-0c6f1f2f3aff".into()), "in_doubt"),
        (Fault::Refuse { message: "سبب".into(), status: None }, "refused"),
        (Fault::Refuse { message: "سبب".into(), status: Some(200) }, "refused"),
    ];
    for (fault, expected) in cases {
        let outcomes = Shop::with_fault(fault.clone()).outcomes(2).await;
        assert_eq!(outcomes, [expected, "cleared"], "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn already_submitted_is_believed_for_our_own_document_only() {
    for fault in [
        Fault::OtherNumber("فاتورة-9".into()),
        Fault::OtherUuid("9f7a5a4e-32f1-4f0f-8a54-0c6f1f2f3aff".into()),
        Fault::OtherDocument,
    ] {
        let shop = Shop::new();
        assert_eq!(shop.outcomes(1).await, ["cleared"]);
        shop.handle.with(|authority| authority.add_fault(FaultRule::always(fault.clone())));
        assert_eq!(shop.outcomes(1).await, ["holds_other"], "{fault:?}");
    }
    // What the authority took first stands; other bytes under the same pair are not what it holds.
    let shop = Shop::new();
    assert_eq!(shop.outcomes(1).await, ["cleared"]);
    let other = shop.send_xml(sample::with(&sample::general(), "ملاحظات", "ملاحظة")).await;
    assert!(shown(&other).contains("/Invoice/Note"), "{other:?}");
    assert!(String::from_utf8(other.held.unwrap()).unwrap().contains("ملاحظات"));
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_without_or_with_an_odd_document_is_cleared_with_a_note() {
    for fault in [Fault::WithoutDocument, Fault::OtherDocument] {
        let verdict = Shop::with_fault(fault.clone()).send().await;
        assert!(shown(&verdict).contains("already: false, note: Some"), "{fault:?} {verdict:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_takes_its_time_and_no_more_than_the_time_out() {
    let ms = |ms| Duration::from_millis(ms);
    for (after, waited, outcome, unheard) in [
        (ms(3_000), ms(3_000), "cleared", 0),
        (TIMEOUT, TIMEOUT, "in_doubt", 1),
        (TIMEOUT * 3, TIMEOUT, "in_doubt", 1),
    ] {
        let shop = Shop::new();
        let latency = Latency::Fixed { ms: u64::try_from(after.as_millis()).unwrap() };
        shop.handle.with(|authority| authority.set_latency(latency));
        let started = Instant::now();
        let verdict = shop.send().await;
        assert_eq!((verdict.outcome.kind().as_str(), started.elapsed()), (outcome, waited));
        assert_eq!(shop.undelivered(), unheard);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_waits_for_is_undelivered() {
    let shop = Shop::with_fault(Fault::Late { delay_ms: 10_000 });
    assert!(tokio::time::timeout(Duration::from_secs(1), shop.send()).await.is_err());
    assert_eq!(shop.undelivered(), 1);
    assert!(shown(&shop.send().await).contains("already: true"));
}

#[tokio::test(start_paused = true)]
async fn down_is_not_sent_and_wrong_keys_are_the_credentials() {
    let mut shop = Shop::new();
    shop.handle.with(|authority| authority.set_down(true));
    let verdict = shop.send().await;
    assert_eq!(shown(&verdict), "NotNow { retry_after: None }");
    assert!(verdict.evidence.message.starts_with("nothing was sent"), "{verdict:?}");
    shop.handle.with(|authority| authority.set_down(false));
    shop.secret_key = "wrong-1";
    assert_eq!(shop.outcomes(1).await, ["credentials"]);
}

#[tokio::test(start_paused = true)]
async fn the_wish_to_wait_arrives() {
    let shop = Shop::with_fault(Fault::Status { code: 429, retry_after_s: Some(7), processed: false });
    assert_eq!(shown(&shop.send().await), "NotNow { retry_after: Some(7s) }");
}

#[tokio::test(start_paused = true)]
async fn a_real_refusal_brings_its_code_and_reason() {
    let xml = sample::with(&sample::general(), "118.480", "119.480");
    let verdict = Shop::new().send_xml(xml).await;
    assert_eq!(verdict.outcome.kind().as_str(), "refused");
    assert!(!verdict.evidence.codes.is_empty() && !verdict.evidence.message.is_empty(), "{verdict:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_meant_for_production_is_taken() {
    let mut shop = Shop::new();
    shop.environment = "production";
    assert_eq!(shop.outcomes(1).await, ["not_now"]);
    assert_eq!(shop.handle.with(|authority| authority.summary(false).requests), 0);
}

#[tokio::test(start_paused = true)]
async fn the_simulated_signature_convinces_the_real_check() {
    let shop = Shop::new();
    let verdict = shop.send().await;
    assert!(format!("{:?}", verdict.outcome).contains("note: None"), "{:?}", verdict.outcome);
    let qr = shop.handle.with(|authority| authority.summary(true).cleared.remove(0).qr);
    let signed = verdict.signed.unwrap();
    let report = seal::check(&signed, &qr);
    assert_eq!((&report.finding, report.qr), (&Finding::Fits, QrAgreement::Same));
    let certificate = report.certificate.unwrap();
    assert!(certificate.subject.contains("not the department") && !certificate.names_department);
    let read = jofotara::qr::decode(&qr);
    assert_eq!((read.stopped, read.number.as_deref()), (None, Some(sample::general_draft().number)));
    let signature = read.signature.unwrap();
    let text = String::from_utf8(signed).unwrap();
    assert!(
        text.contains(&format!("<ds:SignatureValue>{signature}</ds:SignatureValue>")),
        "tag 10 is the signature"
    );
    let tampered = text.replacen("118.480", "18.480", 1);
    assert!(matches!(seal::check(tampered.as_bytes(), &qr).finding, Finding::DigestDiffers { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_signature_that_does_not_fit_is_a_remark_and_no_obstacle() {
    /// A proxy that changes the signature value in every answer.
    struct Meddler(InProcess);

    #[async_trait]
    impl Transport for Meddler {
        async fn exchange(&self, request: HttpRequest) -> Exchange {
            let mut exchange = self.0.exchange(request).await;
            if let Exchange::Answered { body, .. } = &mut exchange {
                let mut answer: serde_json::Value = serde_json::from_slice(body).unwrap();
                let signed = answer["EINV_SINGED_INVOICE"].as_str().unwrap();
                let text = String::from_utf8(jofotara::answer::decode_signed(signed).unwrap()).unwrap();
                let meddled = text.replacen("<ds:SignatureValue>M", "<ds:SignatureValue>A", 1);
                assert_ne!(meddled, text);
                answer["EINV_SINGED_INVOICE"] = STANDARD.encode(meddled).into();
                *body = Bytes::from(answer.to_string());
            }
            exchange
        }
    }

    for (checking, noted) in [(true, true), (false, false)] {
        let mut shop = Shop::new();
        let clock: Clock = Arc::new(|| DateTime::UNIX_EPOCH);
        let road = InProcess::new(shop.handle.clone(), clock);
        shop.client = Client::new(Arc::new(Meddler(road))).checking_seals(checking);
        let outcome = shop.send().await.outcome;
        assert_eq!(outcome.kind().as_str(), "cleared");
        assert_eq!(format!("{outcome:?}").contains("signature does not fit"), noted, "{outcome:?}");
    }
}
