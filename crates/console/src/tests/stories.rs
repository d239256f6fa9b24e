//! What is told of one invoice.

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
