use super::*;

fn told(lines: &str) -> ReturnEvent {
    let json = format!(
        r#"{{"schema_version":1,"kind":"return","number":"RET-9","issue_date":"2026-11-20","family":"general_sales",
        "payment":"cash","seller":{{"tax_number":"12345678","name":"متجر الياسمين","income_source":"9932895"}},
        "original":{{"uuid":"7a4452eb-0acd-49983-b630-b2b79d0acert","number":"EIN-0101","reason":"بضاعة تالفة","lines":{lines}}}}}"#
    );
    serde_json::from_str(&json).unwrap()
}

const LINES: &str = r#"[{"id":1,"name":"زيت","quantity":"33","unit_price":"2","discount":"2","tax":{"category":"S","percent":"7"},
    "returned":"11"},{"id":4,"name":"خبز","quantity":"10","unit_price":"5","tax":{"category":"Z"}}]"#;

#[test]
fn the_first_return_describes_its_original() {
    let outside = Outside::told_by(&told(LINES), &Profile::default()).unwrap().unwrap();
    assert_eq!(outside.document.total, "118.48".parse().unwrap());
    assert_eq!(outside.document.currency, "JOD");
    assert_eq!(outside.document.lines.len(), 2);
    let back = outside.returned[&1];
    assert_eq!((back.quantity, back.discount), ("11".parse().unwrap(), "0.666666667".parse().unwrap()));
    assert_eq!(outside.returned[&4], ReturnedLine::default());
    let json = serde_json::to_string(&outside).unwrap();
    assert_eq!(serde_json::from_str::<Outside>(&json).unwrap(), outside, "kept and read again");
}

#[test]
fn what_was_printed_counts_and_what_is_missing_is_said() {
    let mut event = told(LINES);
    event.original.total = Some("118.5".parse().unwrap());
    let outside = Outside::told_by(&event, &Profile::default()).unwrap().unwrap();
    assert_eq!(outside.document.total, "118.5".parse().unwrap());
    event.family = None;
    let faults = Outside::told_by(&event, &Profile::default()).unwrap_err();
    assert_eq!(faults[0].code, FaultCode::MissingField);
    event.original.lines = None;
    assert_eq!(Outside::told_by(&event, &Profile::default()), Ok(None));
    let too_much = LINES.replace("\"11\"", "\"34\"");
    let faults = Outside::told_by(&told(&too_much), &Profile::default()).unwrap_err();
    assert_eq!(
        (faults[0].code, faults[0].path.as_str()),
        (FaultCode::MoreThanLeft, "original.lines[0].returned")
    );
}

#[test]
fn a_description_that_differs_from_what_counts_is_a_fault() {
    let first = Outside::told_by(&told(LINES), &Profile::default()).unwrap().unwrap();
    let again = |lines: &str| Outside::told_by(&told(lines), &Profile::default()).unwrap().unwrap();
    assert_eq!(again(LINES).differences(&first.document), []);
    let later = again(&LINES.replace("\"11\"", "\"20\""));
    assert_eq!(later.differences(&first.document), [], "more may have come back by now");
    let faults = again(&LINES.replace("\"33\"", "\"34\"")).differences(&first.document);
    assert_eq!(faults.len(), 1);
    assert_eq!(
        (faults[0].code, faults[0].path.as_str()),
        (FaultCode::DiffersFromOriginal, "original.lines[0]")
    );
    assert!(
        faults[0].message.contains("34 x زيت") && faults[0].message.contains("33 x زيت"),
        "{}",
        faults[0]
    );
    let faults = again(&LINES.replace("\"id\":4", "\"id\":5")).differences(&first.document);
    assert_eq!(faults[0].code, FaultCode::LineNotInOriginal);
}
