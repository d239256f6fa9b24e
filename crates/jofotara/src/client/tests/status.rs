//! Asking after a document: by its UUID where that is possible, by sending it again elsewhere.

use super::*;

async fn status(road: &Arc<Canned>, route: &Route) -> StatusReport {
    Client::new(road.clone()).status(&routed(route), NUMBER, &uuid(), xml()).await
}

fn queried(answer: Exchange) -> Arc<Canned> {
    Canned::new(move |request| match request.path().ends_with("get_token") {
        true => answered(200, r#"{"access_token":"t"}"#),
        false => answer.clone(),
    })
}

#[tokio::test(start_paused = true)]
async fn the_direct_route_is_asked_by_sending_again() {
    let road = Canned::new(|_| acceptance("ALREADY_SUBMITTED"));
    let report = status(&road, &Route::Direct).await;
    assert_eq!((report.asked, report.standing), (Asked::Resend, Standing::Cleared));
    assert_eq!((road.last().method(), road.asked("/core/invoices/")), (Method::Post, 1));
}

#[tokio::test(start_paused = true)]
async fn the_route_with_tokens_is_asked_by_uuid_and_sends_nothing() {
    let road = queried(acceptance("SUBMITTED"));
    let report = status(&road, &token_route()).await;
    assert_eq!((report.asked, report.standing), (Asked::Query, Standing::Cleared));
    // What was there already, whatever the word for it is.
    assert!(matches!(report.verdict.outcome, Outcome::Cleared { already: true, .. }));
    let request = road.last();
    assert_eq!((request.method(), request.body().len()), (Method::Get, 0));
    assert_eq!(request.url(), format!("http://[::1]/api/invoice/{}", uuid()));
    assert_eq!(request.header("authorization"), Some("Bearer t"));
}

#[tokio::test(start_paused = true)]
async fn each_answer_to_the_question_has_its_word() {
    let refused = r#"{"EINV_STATUS":"NOT_SUBMITTED","EINV_RESULTS":{"ERRORS":[{"EINV_MESSAGE":"سبب"}]}}"#;
    let without_qr = r#"{"EINV_STATUS":"SUBMITTED"}"#;
    let other =
        format!(r#"{{"EINV_STATUS":"SUBMITTED","EINV_QR":"Q","EINV_NUM":"x","EINV_INV_UUID":"{}"}}"#, uuid());
    let cases = [
        (answered(404, ""), Standing::NotThere),
        (answered(200, refused), Standing::Refused),
        (answered(200, other), Standing::HoldsOther),
        (answered(200, without_qr), Standing::CannotTell),
        (answered(200, "?"), Standing::CannotTell),
        (answered(503, ""), Standing::CannotTell),
        (Exchange::Lost { reason: String::new() }, Standing::CannotTell),
    ];
    for (answer, expected) in cases {
        let told = format!("{answer:?}");
        assert_eq!(status(&queried(answer), &token_route()).await.standing, expected, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_address_that_is_not_there_says_nothing_of_the_document() {
    let road = Canned::new(|_| answered(404, ""));
    assert_eq!(status(&road, &token_route()).await.standing, Standing::CannotTell);
    // And no more does a direct address.
    assert_eq!(status(&road, &Route::Direct).await.standing, Standing::CannotTell);
}
