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
