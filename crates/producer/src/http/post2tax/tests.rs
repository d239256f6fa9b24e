//! What a till is told of invoices whose standing it must not take for leave to issue them anew.

use invoice::{Environment, IncomeSource, InvoiceKey, Timestamp};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::*;
use crate::batcher::Batcher;
use crate::config::Config;
use crate::testing::intake;

fn content(text: &str) -> Digest {
    Digest::of(text.as_bytes())
}

fn invoice(state: Standing) -> Invoice {
    let key = InvoiceKey { environment: Environment::Simulation, uuid: Uuid::from_u128(7) };
    let source = IncomeSource { tax_number: "1".into(), sequence: "2".into() };
    let accepted = Invoice::accepted(key, source, "P-7".into(), content("a"), Timestamp::UNIX_EPOCH);
    Invoice { state, ..accepted }
}

/// The status, `result` and `message` that a till hears; none while it waits.
async fn heard(invoice: &Invoice, text: &str) -> Option<(u16, String, String)> {
    let intake = intake(Arc::new(broker::MemoryBroker::default()));
    let stop = CancellationToken::new();
    let (batcher, _work) = Batcher::new(intake.clone(), 4, Duration::from_millis(1), stop.clone());
    let api = Api::new(intake, batcher, &Config::default(), stop);
    let response = verdict(&api, invoice, content(text)).await?;
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["error"], status != 200, "{body}");
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    Some((status, text("result"), text("message")))
}

#[tokio::test]
async fn what_the_authority_may_hold_is_never_told_as_refused() {
    let doubted = |state, cause| Invoice { in_doubt: Some(1), cause: Some(cause), ..invoice(state) };
    let other = Invoice { cause: Some(Cause::AuthorityHoldsOther), ..invoice(Standing::DeadLettered) };
    let contradicted = Invoice {
        cause: Some(Cause::Contradiction),
        qr_outstanding: true,
        ..invoice(Standing::DeadLettered)
    };
    let suspect = doubted(Standing::DeadLettered, Cause::Suspect);
    let rejected = doubted(Standing::Rejected, Cause::Refused);
    for invoice in [other, contradicted, suspect, rejected] {
        let (status, result, message) = heard(&invoice, "a").await.unwrap();
        assert_eq!((status, result.as_str()), (504, "PENDING"), "{invoice:?}");
        assert!(message.contains("do not issue it again"), "{message}");
    }
    let refused = Invoice { cause: Some(Cause::Refused), ..invoice(Standing::Rejected) };
    let (status, result, _) = heard(&refused, "a").await.unwrap();
    assert_eq!((status, result.as_str()), (400, "REFUSED"));
    // What is on its way is waited for.
    let asked = Invoice { in_doubt: Some(1), ..invoice(Standing::PendingRetry) };
    assert!(heard(&asked, "a").await.is_none());
}

#[tokio::test]
async fn content_that_was_superseded_never_gets_the_qr_code_of_what_supersedes_it() {
    let both = vec![content("a"), content("b")];
    let cleared = |document| Invoice {
        qr: Some("QR".to_owned()),
        cleared_document: Some(document),
        document: 2,
        contents: both.clone(),
        ..invoice(Standing::Cleared)
    };
    let amended = Invoice { document: 2, contents: both.clone(), ..invoice(Standing::Draft) };
    for (invoice, old, new, counts) in [
        (cleared(2), "a", "b", "document 2"),
        // The earlier version was cleared after all.
        (cleared(1), "b", "a", "document 1"),
        (amended, "a", "b", "document 2"),
    ] {
        let (status, result, message) = heard(&invoice, old).await.unwrap();
        assert_eq!((status, result.as_str()), (400, "SUPERSEDED"));
        assert!(message.contains(counts) && message.contains("P-7"), "{message}");
        let status = heard(&invoice, new).await.map(|(status, ..)| status);
        assert_eq!(status, (invoice.state == Standing::Cleared).then_some(200));
    }
}
