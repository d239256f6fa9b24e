use std::sync::Arc;

use super::*;
use crate::testing::{Moody, event, intake};

#[tokio::test]
async fn every_line_is_reported_with_all_its_faults() {
    let mut wrong = event(2);
    wrong["number"] = serde_json::json!("");
    wrong["lines"][0]["quantity"] = serde_json::json!("-1");
    let input = format!("{}\n\n{wrong}\n{}\n{}", event(1), event(1), event(3));
    let mut told = Vec::new();
    let intake = intake(Arc::new(Moody::default()));
    let report = import(&intake, input.as_bytes(), |line| told.push(line.clone())).await.unwrap();
    assert_eq!(report, ImportReport { taken: 2, repeats: 1, refused: 1 });
    assert_eq!(told.iter().map(|line| line.number).collect::<Vec<_>>(), [1, 3, 4, 5]);
    let Err(Refused::Invalid(faults)) = &told[1].answer else { panic!("{:?}", told[1].answer) };
    let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["number", "lines[0].quantity"]);
}

/// The general sales example of a till, under the tests' seller of any family.
#[tokio::test]
async fn documents_of_other_systems_are_reported_by_their_own_fields() {
    let body =
        formats::schema::POST2TAX_EXAMPLE.replace("22222222", "11111111").replace("2002002", "1001001");
    let wrong = body.replace("\"Price\": 0.866", "\"Price\": 0").replace("POS-000001", "POS-000002");
    let stranger = body.replace("11111111", "33333333");
    let list = format!("[{body}, {wrong}, {body}, {stranger}]");
    let mut told = Vec::new();
    let intake = intake(Arc::new(Moody::default()));
    let (settings, format) = (formats::Settings::default(), Format::Post2Tax);
    let report =
        import_documents(&intake, format, list.as_bytes(), &settings, |line| told.push(line.clone()));
    assert_eq!(report.await.unwrap(), ImportReport { taken: 1, repeats: 1, refused: 2 });
    let Err(Refused::Invalid(faults)) = &told[1].answer else { panic!("{:?}", told[1].answer) };
    assert!(
        faults.iter().all(|fault| fault.path.starts_with("InvoiceLines[2].") || fault.path.contains("Total")),
        "{faults:?}"
    );
    assert!(
        matches!(&told[3].answer, Err(Refused::UnknownSource { source_name, .. }) if source_name == "33333333:1001001")
    );
}

/// What the import makes of a text: its sum, and the line of each event.
async fn laid_out(text: &str) -> (ImportReport, Vec<u64>) {
    let mut lines = Vec::new();
    let intake = intake(Arc::new(Moody::default()));
    let report = import(&intake, text.as_bytes(), |line| lines.push(line.number)).await.unwrap();
    let mut seen = Vec::new();
    each_event(text.as_bytes(), |number, _| seen.push(number)).unwrap();
    assert_eq!(seen, lines, "whoever looks first counts the same");
    (report, lines)
}

#[tokio::test]
async fn one_event_may_stand_on_several_lines() {
    let one = |taken, refused| ImportReport { taken, repeats: 0, refused };
    assert_eq!(laid_out(&format!("\n{:#}\n", event(1))).await, (one(1, 0), vec![1]));
    assert_eq!(
        laid_out(&format!("{:#}", serde_json::json!([event(1), event(2)]))).await,
        (one(2, 0), vec![1, 2])
    );
    // Broken, it is still one.
    let broken = format!("{:#}", event(1)).replace("\"income\",", "\"income\"");
    assert_eq!(laid_out(&broken).await, (one(0, 1), vec![1]));
    let crlf = format!("{:#}", event(1)).replace('\n', "\r\n");
    assert_eq!(laid_out(&crlf).await, (one(1, 0), vec![1]));
}

#[tokio::test]
async fn a_broken_first_line_costs_no_other() {
    let sum = ImportReport { taken: 2, repeats: 0, refused: 1 };
    let text = format!("{{\"number\": \n\n{}\n{}", event(1), event(2));
    assert_eq!(laid_out(&text).await, (sum, vec![1, 3, 4]));
    // Neither does one that is too large to be looked past.
    let text =
        format!("{{\"x\": \"{}\n{}\n{}\n", "x".repeat(invoice::limits::EVENT_BYTES), event(1), event(2));
    assert_eq!(laid_out(&text).await, (sum, vec![1, 2, 3]));
    assert_eq!(laid_out("").await, (ImportReport::default(), vec![]));
}
