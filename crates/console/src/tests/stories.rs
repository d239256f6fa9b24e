//! What is told of one invoice.

use base64::Engine as _;
use invoice::Environment;
use invoice::life::{Outcome, RequeueMode};
use ledger::conformance::{event, evidence, of_event};

use super::hands::{Desk, HELD_QR, layla};
use crate::ConsoleError;

#[tokio::test]
async fn a_story_says_why_and_what_to_do_and_who_did_what() {
    let desk = Desk::new();
    // The fourth has the buyer with brackets and ampersand in Arabic.
    let key = desk.rejected(3).await;
    desk.console.requeue(key, RequeueMode::SameBytes, &layla()).await.unwrap();
    desk.attempt(key, Outcome::Refused, evidence("ما زال \u{1b}[31mغير صحيح")).await;
    let story = desk.console.show(key).await.unwrap();
    let text = story.render();
    assert!(text.starts_with("*** SIMULATION"), "{text}");
    for told in [
        "INV-000003",
        "شركة البتراء & الشركاء <عمان>",
        "rejected (refused)",
        "The authority refused it: ما زال \\u{1b}[31mغير صحيح",
        "Amend it",
        "with the same bytes by ليلى: صُحِّح في البوابة",
        "attempt 1: HTTP 200, 321 ms, الرقم الضريبي للمشتري غير صحيح",
        "sent",
        "UTC",
    ] {
        assert!(text.contains(told), "{told} is missing in:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "{text}");
    assert_eq!(story.summary, Some(of_event(&event(3), Environment::Simulation).summary));
    assert_eq!(story.documents.len(), 1);
    assert_eq!(story.invoice.xml, Some(story.documents[0].sha256));

    let json = serde_json::to_value(&story).unwrap();
    assert_eq!(json["simulation"], true);
    assert_eq!(json["content"]["buyer"]["name"], "شركة البتراء & الشركاء <عمان>");
    assert_eq!(json["events"].as_array().unwrap().len(), story.events.len());
    assert_eq!(json["events"][4]["event"]["by"]["name"], "ليلى");
}

#[tokio::test]
async fn only_the_simulation_says_simulation() {
    let desk = Desk::new();
    desk.ledger().accept(vec![of_event(&event(1), Environment::Production)]).await.unwrap();
    let key = desk.console.find("INV-000001", None).await.unwrap();
    let story = desk.console.show(key).await.unwrap();
    assert!(!story.simulation && !story.render().contains("SIMULATION"), "{}", story.render());
}

#[tokio::test]
async fn doubt_is_told_with_its_attempt() {
    let desk = Desk::new();
    let key = desk.suspect(1, true).await;
    let text = desk.console.show(key).await.unwrap().render();
    assert!(text.contains("IN DOUBT"), "{text}");
    assert!(text.contains("Attempt 1 is in doubt"), "{text}");
    let pending = desk.encoded(2).await;
    desk.attempt(pending, Outcome::InDoubt, evidence("no answer within 50 s")).await;
    let advice = desk.console.show(pending).await.unwrap().advice;
    assert!(advice.why.contains("attempt 1") && advice.what_to_do.contains("the same bytes"), "{advice:?}");
}

#[tokio::test]
async fn what_the_authority_says_is_explained_in_both_languages() {
    let desk = Desk::new();
    let key = desk.encoded(1).await;
    desk.attempt(key, Outcome::Refused, evidence("Bayer name is missing; discount cannot be negative")).await;
    let story = desk.console.show(key).await.unwrap();
    let ids: Vec<_> = story.advice.explanations.iter().map(|it| it.id).collect();
    assert_eq!(ids, ["buyer_name_missing", "negative_discount"]);
    let what_to_do = &story.advice.what_to_do;
    assert!(what_to_do.contains("Add the buyer's name") && what_to_do.contains("discount"), "{what_to_do}");
    let english = story.render();
    assert!(
        english.contains("The buyer must be named") && english.contains("buyer_name_missing"),
        "{english}"
    );
    let arabic = story.render_in(jofotara::catalogue::Language::Ar);
    assert!(arabic.contains("أضف اسم المشتري") && arabic.contains("ما العمل"), "{arabic}");
    let json = serde_json::to_value(&story).unwrap();
    assert_eq!(json["advice"]["explanations"][0]["remedy"]["ar"], "أضف اسم المشتري ثم عدِّل الفاتورة.");
    let row = desk
        .console
        .list(&ledger::Filter::default(), crate::Paging { after: None, limit: 10 })
        .await
        .unwrap();
    assert_eq!(row.rows[0].what_to_do, *what_to_do, "a list says the same as a story");
}

#[tokio::test]
async fn words_that_are_not_known_are_kept_and_explained_with_care() {
    let desk = Desk::new();
    let key = desk.rejected(1).await;
    let advice = desk.console.show(key).await.unwrap().advice;
    assert_eq!(advice.explanations.iter().map(|it| it.id).collect::<Vec<_>>(), ["unknown"]);
    assert!(advice.why.contains("الرقم الضريبي للمشتري غير صحيح"), "{advice:?}");
    // Doubt comes first, whatever the words mean.
    let doubted = desk.suspect(2, true).await;
    let advice = desk.console.show(doubted).await.unwrap().advice;
    assert!(advice.what_to_do.contains("in doubt"), "{advice:?}");
}

#[tokio::test]
async fn every_state_has_its_advice() {
    let desk = Desk::new();
    let abandoned = desk.rejected(6).await;
    desk.console.abandon(abandoned, &layla()).await.unwrap();
    let fetching = desk.encoded(7).await;
    desk.attempt(fetching, Outcome::AcceptedWithoutQr, evidence("SUBMITTED")).await;
    let sent = desk.encoded(8).await;
    desk.start(sent).await;
    let expected = [
        (desk.draft(1).await, "waits to be encoded"),
        (desk.encoded(2).await, "waits to be sent"),
        (desk.cleared(3).await, "the QR is kept"),
        (desk.suspect(4, false).await, "failed on it"),
        (desk.held_elsewhere(5, Some(HELD_QR)).await, "holds another document"),
        (abandoned, "صُحِّح في البوابة"),
        (fetching, "gave no QR yet"),
        (sent, "Attempt 1 is being sent"),
    ];
    for (key, told) in expected {
        let advice = desk.console.show(key).await.unwrap().advice;
        assert!(advice.why.contains(told), "{told}: {advice:?}");
        assert!(!advice.what_to_do.is_empty());
    }
}

#[tokio::test]
async fn what_is_not_there_is_no_story() {
    let desk = Desk::new();
    let key = desk.draft(1).await;
    let other = invoice::InvoiceKey { environment: Environment::Production, ..key };
    let missing = desk.console.show(other).await.unwrap_err();
    assert!(matches!(missing, ConsoleError::Unknown { .. }), "{missing:?}");
}

#[tokio::test]
async fn the_qr_is_read_beside_our_own_document() {
    let desk = Desk::new();
    let ours = event(1);
    let total = invoice::Totals::of(&ours, &invoice::Profile::default()).unwrap().payable.to_string();
    let tags = |number: &str, total: &str| {
        let name: String = ours.seller.name.chars().take(60).collect();
        let values = ["", "{}", "false", total, number, "", "2026-01-02", &ours.seller.tax_number, &name, ""];
        let bytes: Vec<u8> = (1u8..)
            .zip(values)
            .flat_map(|(tag, value)| {
                [vec![tag, u8::try_from(value.len()).unwrap()], value.as_bytes().to_vec()].concat()
            })
            .collect();
        base64::engine::general_purpose::STANDARD.encode(bytes)
    };
    let told = async |n: u64, qr: String| {
        let key = desk.encoded(n).await;
        let outcome = Outcome::Cleared { qr: qr.clone(), already: false, note: None, signed: None };
        desk.attempt(key, outcome, evidence("SUBMITTED")).await;
        let story = desk.console.show(key).await.unwrap();
        assert_eq!(story.invoice.qr, Some(qr), "passed on unchanged");
        (story.render(), story.qr.unwrap())
    };
    let (text, reading) = told(1, tags("INV-000001", &total)).await;
    assert_eq!(reading.differences, Vec::<String>::new(), "{text}");
    assert!(text.contains("QR says") && text.contains(&format!("total {total}")), "{text}");
    let (text, reading) = told(2, tags("INV-000009", "0.001")).await;
    assert!(
        reading.differences.iter().any(|it| it.contains("number") && it.contains("INV-000009")),
        "{text}"
    );
    assert!(text.contains("QR DIFFERS") && text.contains("its total is \"0.001\""), "{text}");
    let (text, reading) = told(3, "QR-بلا معنى".to_owned()).await;
    assert!(reading.content.tags.len() <= 1 && text.contains("QR damaged"), "{text}");
}
