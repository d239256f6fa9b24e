//! What is generated is valid, and nothing is missing among it.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;
use crate::published::Published;
use crate::returns::{OriginalDocument, Returned, complete};

proptest! {
    #[test]
    fn generated_events_have_no_fault(event in event(), profile in profile()) {
        prop_assert_eq!(crate::validate(&event, &profile), vec![]);
        prop_assert!(crate::settle(&event, &profile).is_ok());
    }

    #[test]
    fn generated_returns_are_valid_and_complete(
        (original, event, next) in invoice().prop_map(|event| original_of(&event)).prop_flat_map(|original| {
            let seller = seller().prop_flat_map({
                let original = original.clone();
                move |seller| {
                    let none = Returned::new();
                    (return_of(&original, &none, &seller), return_of(&original, &none, &seller))
                }
            });
            (Just(original), seller).prop_map(|(original, (first, second))| (original, first, second))
        })
    ) {
        for event in [&event, &next] {
            let checked = crate::check(Published::Return(event.clone()), &Profile::default());
            prop_assert!(checked.is_ok(), "{:?}", checked);
        }
        let (document, returned) = complete(&event, &original, &Returned::new()).expect("a document");
        prop_assert_eq!(crate::validate(&document, &Profile::default()), vec![]);
        prop_assert_eq!(document.lines.len(), returned.len());
    }
}

/// The original that a sale becomes.
fn original_of(event: &InvoiceEvent) -> OriginalDocument {
    let mut event = event.clone();
    crate::normal::normalise(&mut event);
    let settled = settle(&event, &Profile::default()).expect("a document");
    OriginalDocument {
        uuid: event.uuid.expect("normalised").to_string(),
        number: event.number,
        family: event.family,
        scope: event.scope,
        payment: event.payment,
        currency: event.currency,
        total: settled.totals.payable.into(),
        buyer: settled.event.buyer,
        lines: settled.event.lines,
    }
}

#[test]
fn every_kind_of_document_is_among_them() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    let strategy = invoice();
    for _ in 0..3_000 {
        let event = strategy.new_tree(&mut runner).expect("an event").current();
        seen.insert(format!("{:?} {:?} {:?}", event.scope, event.payment, event.family));
        seen.insert(format!("{:?} discount {}", event.prices, event.discount.is_some()));
        seen.insert(format!("consumer {}", event.lines[0].consumer_price.is_some()));
        seen.insert(event.currency);
        match event.buyer {
            None => seen.insert("nobody".to_owned()),
            Some(buyer) => {
                seen.extend(buyer.governorate.map(|place| format!("{place:?}")));
                seen.insert(format!("named {}", buyer.name.is_some()));
                seen.insert(format!("buyer {:?}", buyer.identification.map(|number| number.scheme)))
            }
        };
    }
    // Type codes, price kinds with and without discount, consumer prices, currencies, nobody, governorates, names, numbers.
    assert_eq!(seen.len(), 36 + 4 + 2 + 18 + 1 + 12 + 2 + 4, "{seen:?}");
}
