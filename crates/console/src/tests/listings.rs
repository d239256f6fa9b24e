//! Finding, listing, grouping, refused intake.

use invoice::life::{Cause, State};
use invoice::{Amount, Digest, Environment, Timestamp};
use ledger::conformance::{arrival, event, of_event};
use ledger::{Filter, RefusedIntake};
use uuid::Uuid;

use super::hands::{Desk, layla};
use crate::{ConsoleError, Paging};

fn refused(n: u128, code: &str, message: &str) -> RefusedIntake {
    RefusedIntake {
        id: Uuid::from_u128(n),
        at: Timestamp::UNIX_EPOCH,
        via: "amqp".to_owned(),
        code: code.to_owned(),
        message: message.to_owned(),
        faults: Some(
            r#"[{"code":"not_positive","path":"lines[0].quantity","message":"الكمية صفر"}]"#.to_owned(),
        ),
        uuid: None,
        number: Some("فاتورة-٩".to_owned()),
        sha256: Digest::of(b"{"),
        body: "{\"بائع\"".as_bytes().to_vec(),
    }
}

#[tokio::test]
async fn an_invoice_is_found_by_uuid_and_number() {
    let desk = Desk::new();
    let key = desk.draft(1).await;
    let console = &desk.console;
    assert_eq!(console.find(&format!(" {} ", key.uuid.to_string().to_uppercase()), None).await.unwrap(), key);
    assert_eq!(console.find("INV-000001", None).await.unwrap(), key);
    let unknown = console.find("INV-404", None).await.unwrap_err();
    assert!(matches!(&unknown, ConsoleError::Unknown { text } if text == "INV-404"), "{unknown:?}");

    desk.ledger().accept(vec![of_event(&event(1), Environment::Sandbox)]).await.unwrap();
    let several = console.find("INV-000001", None).await.unwrap_err();
    let ConsoleError::Ambiguous { candidates, .. } = &several else { panic!("{several:?}") };
    assert_eq!(candidates.len(), 2);
    assert!(several.to_string().contains("in sandbox"), "{several}");
    assert_eq!(console.find("INV-000001", Some(Environment::Simulation)).await.unwrap(), key);
}

#[tokio::test]
async fn what_waits_is_listed_in_pages() {
    let desk = Desk::new();
    desk.draft(50).await;
    desk.cleared(51).await;
    let mut waiting = Vec::new();
    for n in 0..5 {
        waiting.push(desk.rejected(n).await.uuid);
    }
    desk.ledger().refuse_intake(vec![refused(1, "invalid", "الكمية صفر")]).await.unwrap();
    let mut seen = Vec::new();
    let mut paging = Paging { after: None, limit: 2 };
    loop {
        let page = desk.console.list(&Filter::default(), paging).await.unwrap();
        assert!(page.rows.len() <= 2);
        assert_eq!(page.refused_intake.len(), usize::from(paging.after.is_none()));
        assert_eq!(page.refused_intake_open, 1);
        seen.extend(page.rows.iter().map(|row| row.uuid));
        match page.next {
            Some(next) if !page.rows.is_empty() => paging.after = Some(next.to_string().parse().unwrap()),
            _ => break,
        }
    }
    assert_eq!(seen, waiting, "each once, the longest standing first");
    let row = &desk.console.list(&Filter::default(), Paging::default()).await.unwrap().rows[0];
    assert_eq!(row.message.as_deref(), Some("الرقم الضريبي للمشتري غير صحيح"));
    assert_eq!((row.state, row.cause, row.attempts), (State::Rejected, Some(Cause::Refused), 1));
    let filter = Filter { cause: Some(Cause::Suspect), ..Filter::default() };
    let none = desk.console.list(&filter, Paging::default()).await.unwrap();
    assert!(none.rows.is_empty() && none.refused_intake.is_empty());
}

#[tokio::test]
async fn groups_have_count_amount_and_age() {
    let desk = Desk::new();
    let oldest = desk.rejected(1).await;
    desk.rejected(2).await;
    desk.suspect(3, true).await;
    desk.cleared(4).await;
    for n in 1..=3 {
        let code = if n == 1 { "malformed" } else { "invalid" };
        desk.ledger().refuse_intake(vec![refused(n, code, "خطأ")]).await.unwrap();
    }
    let overview = desk.console.groups(&Filter::default()).await.unwrap();
    let [rejected, suspect] = overview.groups.as_slice() else { panic!("{:?}", overview.groups) };
    assert_eq!((rejected.cause, rejected.count, rejected.in_doubt), (Some(Cause::Refused), 2, 0));
    let payable = |n: u64| arrival(n).summary.payable.decimal();
    assert_eq!(rejected.amounts.of("JOD"), Amount::from(payable(1) + payable(2)));
    assert_eq!(rejected.oldest, desk.load(oldest).await.updated_at);
    assert_eq!((suspect.cause, suspect.count, suspect.in_doubt), (Some(Cause::Suspect), 1, 1));
    let intake: Vec<_> =
        overview.refused_intake.iter().map(|group| (group.code.as_str(), group.count)).collect();
    assert_eq!(intake, [("invalid", 2), ("malformed", 1)]);
}

#[tokio::test]
async fn refused_intake_is_shown_and_resolved_once() {
    let desk = Desk::new();
    let id = Uuid::from_u128(1);
    desk.ledger().refuse_intake(vec![refused(1, "invalid", "الكمية صفر")]).await.unwrap();
    let text = desk.console.intake(id).await.unwrap().render();
    for told in ["الكمية صفر", "فاتورة-٩", "lines[0].quantity", "{\"بائع\"", "resolve this record"]
    {
        assert!(text.contains(told), "{told} is missing in:\n{text}");
    }
    desk.console.resolve_intake(id, &layla()).await.unwrap();
    let again = desk.console.resolve_intake(id, &layla()).await.unwrap_err();
    assert!(matches!(again, ConsoleError::UnknownIntake { id: told } if told == id), "{again:?}");
    assert_eq!(desk.console.intake(id).await.unwrap_err().code(), "unknown_intake");
}
