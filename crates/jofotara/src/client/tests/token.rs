//! The route with tokens: one token for many, renewed before it ends and when it is turned away.

use super::*;

fn grant(token: &str, expires_in: u64) -> Exchange {
    let body = json!({"access_token": token, "token_type": "bearer", "expires_in": expires_in});
    answered(200, body.to_string())
}

/// A road that grants numbered tokens of this life and takes documents with any of them.
fn granting(expires_in: u64) -> Arc<Canned> {
    let count = Mutex::new(0);
    Canned::slow(Duration::from_secs(2), move |request| {
        if !request.path().ends_with("get_token") {
            return acceptance("SUBMITTED");
        }
        let mut count = count.lock().unwrap();
        *count += 1;
        grant(&format!("token-{count}"), expires_in)
    })
}

fn is_cleared(verdict: &Verdict) -> bool {
    matches!(verdict.outcome, Outcome::Cleared { .. })
}

#[tokio::test(start_paused = true)]
async fn a_document_goes_out_with_a_token_had_by_a_form() {
    let road = granting(3_600);
    let verdict = submit(&Client::new(road.clone()), &routed(&token_route())).await;
    assert!(matches!(verdict.outcome, Outcome::Cleared { already: false, .. }), "{verdict:?}");
    assert_eq!(verdict.evidence.duration_ms, 4_000);
    let seen = road.seen.lock().unwrap();
    let [asked, sent] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((asked.url(), asked.method()), (TOKEN_URL, Method::Post));
    assert_eq!(asked.header("content-type"), Some("application/x-www-form-urlencoded"));
    let form =
        "grant_type=client_credentials&client_id=user-7-of-the-shop&client_secret=s3cr3t%2FKEY%2B7%3D%3D";
    assert_eq!(asked.body().as_ref(), form.as_bytes());
    assert_eq!(sent.url(), "http://[::1]/api/invoice");
    assert_eq!(sent.header("authorization"), Some("Bearer token-1"));
    // The pair stays at home once there is a token.
    assert_eq!((sent.header("client-id"), sent.header("secret-key")), (None, None));
    let body: serde_json::Value = serde_json::from_slice(sent.body()).unwrap();
    assert_eq!(STANDARD.decode(body["invoice"].as_str().unwrap()).unwrap(), xml());
    // What the token took of the time is missing to the document.
    assert_eq!(sent.timeout(), TIMEOUT - Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn many_workers_need_one_token() {
    let road = granting(3_600);
    let client = Client::new(road.clone());
    let endpoint = routed(&token_route());
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (client, endpoint) = (client.clone(), endpoint.clone());
        workers.spawn(async move { submit(&client, &endpoint).await });
    }
    let verdicts = workers.join_all().await;
    assert!(verdicts.iter().all(is_cleared));
    assert_eq!((road.asked("get_token"), road.asked("invoice")), (1, 100));
}

#[tokio::test(start_paused = true)]
async fn many_workers_hear_of_one_failure() {
    let road = Canned::slow(Duration::from_secs(2), |_| answered(503, ""));
    let client = Client::new(road.clone());
    let endpoint = routed(&token_route());
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (client, endpoint) = (client.clone(), endpoint.clone());
        workers.spawn(async move { submit(&client, &endpoint).await });
    }
    let verdicts = workers.join_all().await;
    assert!(verdicts.iter().all(|verdict| verdict.outcome == Outcome::NotNow { retry_after: None }));
    assert_eq!((road.asked("get_token"), road.asked("invoice")), (1, 0));
    // Whoever comes later tries anew.
    submit(&client, &endpoint).await;
    assert_eq!(road.asked("get_token"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_gives_up_while_it_fetches_leaves_that_to_the_next() {
    let road = granting(3_600);
    let client = Client::new(road.clone());
    let endpoint = routed(&token_route());
    let first = submit(&client, &endpoint);
    assert!(tokio::time::timeout(Duration::from_secs(1), first).await.is_err());
    assert!(is_cleared(&submit(&client, &endpoint).await));
    assert_eq!(road.asked("get_token"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_it_ends() {
    for (life, kept_for) in [(3_600u64, 3_540u64), (100, 80)] {
        let road = granting(life);
        let client = Client::new(road.clone());
        let endpoint = routed(&token_route());
        submit(&client, &endpoint).await;
        // The call itself took two seconds after the token had come.
        tokio::time::advance(Duration::from_secs(kept_for - 3)).await;
        submit(&client, &endpoint).await;
        assert_eq!(road.asked("get_token"), 1, "{life}");
        submit(&client, &endpoint).await;
        assert_eq!(road.asked("get_token"), 2, "{life}");
        assert_eq!(road.last().header("authorization"), Some("Bearer token-2"));
    }
}

#[tokio::test(start_paused = true)]
async fn each_pair_has_a_token_of_its_own_and_another_secret_profits_from_none() {
    let road = granting(3_600);
    let client = Client::new(road.clone());
    submit(&client, &routed(&token_route())).await;
    for (client_id, secret_key) in [("another", SECRET_KEY), (CLIENT_ID, "another")] {
        let other =
            Credentials { client_id: client_id.to_owned(), secret_key: SecretString::from(secret_key) };
        let endpoint = Endpoint::routed(Environment::Simulation, "", &token_route(), other, TIMEOUT).unwrap();
        submit(&client, &endpoint).await;
    }
    assert_eq!(road.asked("get_token"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_turned_away_is_renewed_once_for_all() {
    // The first token is turned away whoever brings it; the second is taken.
    let count = Mutex::new(0);
    let road = Canned::slow(Duration::from_secs(1), move |request| {
        if request.path().ends_with("get_token") {
            let mut count = count.lock().unwrap();
            *count += 1;
            return grant(&format!("token-{count}"), 3_600);
        }
        match request.header("authorization") {
            Some("Bearer token-2") => acceptance("SUBMITTED"),
            _ => answered(401, r#"{"message":"token expired"}"#),
        }
    });
    let client = Client::new(road.clone());
    let endpoint = routed(&token_route());
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (client, endpoint) = (client.clone(), endpoint.clone());
        workers.spawn(async move { submit(&client, &endpoint).await });
    }
    let verdicts = workers.join_all().await;
    assert!(verdicts.iter().all(is_cleared), "{:?}", verdicts.first());
    assert_eq!((road.asked("get_token"), road.asked("invoice")), (2, 40));
}

#[tokio::test(start_paused = true)]
async fn a_second_refusal_is_the_pairs_fault() {
    let road = Canned::new(|request| match request.path().ends_with("get_token") {
        true => grant("token", 3_600),
        false => answered(401, ""),
    });
    let verdict = submit(&Client::new(road.clone()), &routed(&token_route())).await;
    assert_eq!((verdict.outcome, verdict.evidence.http_status), (Outcome::Credentials, Some(401)));
    assert_eq!((road.asked("get_token"), road.asked("invoice")), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn an_acceptance_with_a_401_is_one_and_is_not_sent_twice() {
    let road = Canned::new(|request| match request.path().ends_with("get_token") {
        true => grant("token", 3_600),
        false => match acceptance("SUBMITTED") {
            Exchange::Answered { body, .. } => answered(401, body),
            other => other,
        },
    });
    let verdict = submit(&Client::new(road.clone()), &routed(&token_route())).await;
    assert!(is_cleared(&verdict) && road.asked("invoice") == 1, "{verdict:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_token_nothing_of_the_document_goes_out() {
    use invoice::life::OutcomeKind::{Credentials, NotNow};
    let cases = [
        (Exchange::NotSent { reason: "refused".into() }, NotNow),
        (Exchange::Lost { reason: "reset".into() }, NotNow),
        (answered(500, ""), NotNow),
        (answered(503, "<html>"), NotNow),
        (answered(404, ""), NotNow),
        (answered(302, ""), NotNow),
        (answered(400, r#"{"error":"invalid_request"}"#), NotNow),
        (answered(400, r#"{"error":["invalid_client"]}"#), NotNow),
        (answered(400, r#"{"error":"invalid_client","error_description":"unknown user"}"#), Credentials),
        (answered(400, r#"{"error":"unauthorized_client"}"#), Credentials),
        (answered(401, r#"{"error":"invalid_client"}"#), Credentials),
        (answered(403, "forbidden"), Credentials),
        (answered(200, ""), NotNow),
        (answered(200, "{}"), NotNow),
        (answered(200, r#"{"access_token":""}"#), NotNow),
        (answered(200, r#"{"access_token":7}"#), NotNow),
        (answered(200, r#"{"access_token":"a\nb"}"#), NotNow),
        (answered(200, r#"{"access_token":"a","token_type":"mac"}"#), NotNow),
        (answered(200, format!("{{\"access_token\":\"{}\"}}", "a".repeat(9_000))), NotNow),
    ];
    for (exchange, expected) in cases {
        let told = format!("{exchange:?}");
        let next = in_turn(vec![exchange]);
        let road = Canned::new(move |_| next());
        let verdict = submit(&Client::new(road.clone()), &routed(&token_route())).await;
        assert_eq!(verdict.outcome.kind(), expected, "{told}");
        assert!(verdict.evidence.message.starts_with("no token"), "{verdict:?}");
        assert_eq!(verdict.evidence.http_status, None, "no answer to the document: {verdict:?}");
        assert_eq!(road.seen.lock().unwrap().len(), 1, "{told}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_may_hold_a_token_is_not_kept() {
    let road = Canned::new(|_| answered(200, r#"{"accessToken":"precious-token"}"#));
    let verdict = submit(&Client::new(road), &routed(&token_route())).await;
    assert!(!format!("{verdict:?}").contains("precious"), "{verdict:?}");
}

#[tokio::test(start_paused = true)]
async fn the_life_of_a_token_may_be_said_in_any_way_or_not_at_all() {
    for (said, kept_for) in
        [("\"3600\"", 3_540), ("3600.0", 3_540), ("null", 240), ("-5", 240), ("99999999999", 86_340)]
    {
        let body = format!("{{\"access_token\":\"t\",\"expires_in\":{said}}}");
        let road = Canned::new(move |request| match request.path().ends_with("get_token") {
            true => answered(200, body.clone()),
            false => acceptance("SUBMITTED"),
        });
        let client = Client::new(road.clone());
        let endpoint = routed(&token_route());
        submit(&client, &endpoint).await;
        tokio::time::advance(Duration::from_secs(kept_for - 1)).await;
        submit(&client, &endpoint).await;
        assert_eq!(road.asked("get_token"), 1, "{said}");
        tokio::time::advance(Duration::from_secs(1)).await;
        submit(&client, &endpoint).await;
        assert_eq!(road.asked("get_token"), 2, "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_whole_call_ends_by_its_time_out() {
    // Nothing here keeps its own time-out: the client must not ask any more when the time is over.
    let road = Canned::slow(TIMEOUT, |request| match request.path().ends_with("get_token") {
        true => grant("token", 3_600),
        false => acceptance("SUBMITTED"),
    });
    let verdict = submit(&Client::new(road.clone()), &routed(&token_route())).await;
    assert_eq!(verdict.outcome, Outcome::NotNow { retry_after: None });
    assert_eq!((road.asked("get_token"), road.asked("invoice")), (1, 0));
    assert_eq!(verdict.evidence.duration_ms, 50_000);
}
