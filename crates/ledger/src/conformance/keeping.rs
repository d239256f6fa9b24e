//! What is kept beside the events: documents, and intake that could not be taken.

use std::sync::Arc;

use invoice::Digest;
use uuid::Uuid;

use super::Harness;
use super::arrivals::{amended, arrival, mixed};
use super::hands::{
    Numbering, accept_one, actor, append, change, cleared, encode_with, encoded, eventually, evidence,
    refuse, start,
};
use crate::{Change, Document, DocumentKind, NewDocument, RefusedIntake};
use invoice::life::Event;

pub async fn documents_come_back_byte_for_byte(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, 1..=4).await;
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    // Above a mebibyte, and nothing that compression could make small.
    let large: Vec<u8> = (0..200_000).flat_map(|n| mixed(n).to_be_bytes()).collect();
    let arabic =
        "\u{feff}<?xml version=\"1.0\"?>\r\n<Invoice>فاتورة\u{200f} ضريبية</Invoice>\n\0".as_bytes().to_vec();
    let kept = [every_byte, large, arabic, Vec::new()];
    let now = ledger.now().await.unwrap();
    for (n, bytes) in (1..).zip(&kept) {
        let invoice = start(ledger, arrival(n).key).await;
        let cleared = Event::Cleared {
            attempt: invoice.attempt,
            document: 1,
            qr: "QR".to_owned(),
            already: false,
            late: false,
            note: None,
            signed: Some(Digest::of(bytes)),
            evidence: evidence("SUBMITTED"),
        };
        let documents = vec![NewDocument { document: 1, kind: DocumentKind::Signed, bytes: bytes.clone() }];
        append(ledger, Change { documents, ..change(invoice, vec![cleared], now) }).await;
    }
    let wanted: Vec<_> = (1..=4).map(|n| (arrival(n).key, 1, DocumentKind::Signed)).collect();
    let found = ledger.documents(&wanted).await.unwrap();
    for (bytes, found) in kept.into_iter().zip(found) {
        let sha256 = Digest::of(&bytes);
        assert!(found == Some(Document { bytes, sha256 }), "what came back is not what was kept");
    }
    assert_eq!(ledger.verify().await.unwrap().violations, []);
}

pub async fn documents_are_told_apart(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let ledger = ledger.as_ref();
    encoded(ledger, [1, 2]).await;
    let key = arrival(1).key;
    refuse(ledger, key).await;
    accept_one(ledger, amended(1, 1, Some(1))).await;
    encode_with(ledger, vec![key], Numbering::default()).await;
    let invoice = start(ledger, key).await;
    let documents =
        [(2, DocumentKind::Signed, "<a/>"), (2, DocumentKind::Held, "<b/>"), (1, DocumentKind::Held, "<c/>")]
            .map(|(document, kind, text)| NewDocument { document, kind, bytes: text.as_bytes().to_vec() });
    let late = Event::LateAnswer { attempt: 1, outcome: cleared("QR").kind(), evidence: evidence("") };
    let now = ledger.now().await.unwrap();
    append(ledger, Change { documents: documents.to_vec(), ..change(invoice, vec![late], now) }).await;
    let wanted = [
        (key, 2, DocumentKind::Held),
        (key, 1, DocumentKind::Signed),
        (key, 1, DocumentKind::Held),
        (arrival(2).key, 1, DocumentKind::Held),
        (key, 2, DocumentKind::Signed),
        (arrival(9).key, 1, DocumentKind::Sent),
        (key, 3, DocumentKind::Sent),
        (key, 2, DocumentKind::Held),
    ];
    let found = ledger.documents(&wanted).await.unwrap();
    let texts: Vec<Option<&[u8]>> =
        found.iter().map(|found| found.as_ref().map(|document| document.bytes.as_slice())).collect();
    let expected: [Option<&[u8]>; 8] =
        [Some(b"<b/>"), None, Some(b"<c/>"), None, Some(b"<a/>"), None, None, Some(b"<b/>")];
    assert_eq!(texts, expected);
    let sent = ledger.documents(&[(key, 1, DocumentKind::Sent), (key, 2, DocumentKind::Sent)]).await.unwrap();
    assert_ne!(sent[0], sent[1]);
    assert_eq!(ledger.documents(&[]).await.unwrap(), []);
}

pub async fn refused_intake_is_kept_once(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    let before = ledger.now().await.unwrap();
    let (first, second) = (refused(1), refused(2));
    ledger.refuse_intake(vec![first.clone()]).await.unwrap();
    eventually("the next moment", || async { (ledger.now().await.unwrap() > before).then_some(()) }).await;
    ledger.refuse_intake(vec![second.clone(), second.clone(), first.clone()]).await.unwrap();
    let again = RefusedIntake { message: "changed".to_owned(), ..first.clone() };
    ledger.refuse_intake(vec![again]).await.unwrap();
    ledger.refuse_intake(Vec::new()).await.unwrap();

    let kept = ledger.refused_intake(10).await.unwrap();
    let after = ledger.now().await.unwrap();
    assert!(kept.iter().all(|record| (before..=after).contains(&record.at)), "the ledger says when");
    let mut expected = vec![first, second];
    for (record, kept) in expected.iter_mut().zip(&kept) {
        record.at = kept.at;
    }
    assert_eq!(kept, expected, "oldest first, as it came first");
    assert_eq!(ledger.refused_intake(1).await.unwrap(), expected[..1]);
    assert_eq!(ledger.standing().await.unwrap().refused_intake, 2);
}

pub async fn refused_intake_is_resolved_once(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    ledger.refuse_intake(vec![refused(1), refused(2)]).await.unwrap();
    let by = || actor("صُحّح في النظام ونُشر من جديد");
    assert!(!ledger.resolve_intake(refused(3).id, by()).await.unwrap());
    assert!(ledger.resolve_intake(refused(1).id, by()).await.unwrap());
    assert!(!ledger.resolve_intake(refused(1).id, by()).await.unwrap());
    let open = ledger.refused_intake(10).await.unwrap();
    assert_eq!(open.iter().map(|record| record.id).collect::<Vec<_>>(), [refused(2).id]);
    assert_eq!(ledger.standing().await.unwrap().refused_intake, 1);
}

pub async fn refused_intake_that_comes_again_is_open_again(harness: Arc<dyn Harness>) {
    let ledger = harness.fresh().await;
    ledger.refuse_intake(vec![refused(1), refused(2)]).await.unwrap();
    assert!(ledger.resolve_intake(refused(1).id, actor("حُلّت")).await.unwrap());
    let before = ledger.now().await.unwrap();
    eventually("the next moment", || async { (ledger.now().await.unwrap() > before).then_some(()) }).await;
    // Published again without a change, although somebody thought that they had dealt with it.
    ledger.refuse_intake(vec![refused(1), refused(2), refused(1)]).await.unwrap();
    let open = ledger.refused_intake(10).await.unwrap();
    let names: Vec<_> = open.iter().map(|record| record.id).collect();
    assert_eq!(names, [refused(2).id, refused(1).id], "it stands where it came last");
    assert!(open[0].at <= before && open[1].at > before);
    assert_eq!(ledger.standing().await.unwrap().refused_intake, 2);
    assert!(ledger.resolve_intake(refused(1).id, actor("حُلّت من جديد")).await.unwrap());
}

fn refused(n: u64) -> RefusedIntake {
    let body =
        if n == 1 { vec![0, 0xff, 0xfe, b'{', 0] } else { "{\"number\": \"ف-٢\"".as_bytes().to_vec() };
    let known = n != 1;
    RefusedIntake {
        id: Uuid::from_u128(u128::from(mixed(n))),
        at: invoice::Timestamp::UNIX_EPOCH,
        via: "amqp".to_owned(),
        code: "malformed".to_owned(),
        message: "ليس مستند JSON صالحًا".to_owned(),
        faults: known.then(|| r#"[{"path":"lines[0].quantity",  "code":"positive"}]"#.to_owned()),
        uuid: known.then(|| arrival(n).key.uuid),
        number: known.then(|| "ف-٢".to_owned()),
        sha256: Digest::of(&body),
        body,
    }
}
