//! Others hear of what has settled, at least once, and of nothing that is not so.

use std::collections::BTreeMap;

use invoice::life::{Event, Invoice, State};
use serde_json::Value;

use crate::case::Case;
use crate::checks::Book;
use crate::world::World;

/// What was announced of each invoice, by the version that it was true of.
type Announced = BTreeMap<String, BTreeMap<u32, String>>;

impl World {
    /// Whether nothing waits to be told.
    pub(crate) async fn is_told(&self) -> bool {
        let outbox = self.seams.ledger.outbox();
        !self.tells || outbox.outbox_standing().await.expect("memory answers").notices == 0
    }

    pub(crate) fn announced(&self) -> Announced {
        let mut announced = Announced::new();
        for announcement in self.broker.announced() {
            let event: Value = serde_json::from_slice(&announcement.payload).expect("an event is JSON");
            let told = &event["data"];
            let text = |name: &str| told[name].as_str().expect("a text").to_owned();
            let version = told["version"].as_u64().and_then(|it| it.try_into().ok()).expect("a version");
            announced.entry(text("uuid")).or_default().insert(version, text("state"));
        }
        announced
    }
}

impl Book<'_> {
    pub(crate) fn told(&mut self, case: &Case<'_>, announced: &Announced) {
        if !self.world.tells {
            return;
        }
        let told = announced.get(&case.invoice.key.uuid.to_string()).cloned().unwrap_or_default();
        let last = told.values().next_back().cloned();
        let settled = case.invoice.state.is_settled().then(|| case.invoice.state.to_string());
        self.hold(settled.is_none() || last == settled, case, || {
            format!("is {settled:?}, and others were told {last:?} last")
        });
        let was = states(case);
        let untrue = told.iter().find(|(version, state)| was.get(version) != Some(*state));
        self.hold(untrue.is_none(), case, || format!("others were told {untrue:?}, which was not so"));
    }
}

/// How it stood at each version.
fn states(case: &Case<'_>) -> BTreeMap<u32, String> {
    let mut states = BTreeMap::new();
    let mut invoice: Option<Invoice> = None;
    for recorded in &case.history {
        match (&mut invoice, &recorded.event) {
            (None, Event::Accepted { content }) => {
                let Invoice { key, source, number, .. } = case.invoice;
                let begins = Invoice::accepted(*key, source.clone(), number.clone(), *content, recorded.at);
                invoice = Some(begins);
            }
            (Some(invoice), event) => invoice.evolve(event, recorded.at),
            (None, _) => {}
        }
        let state = invoice.as_ref().map_or(State::Draft, |invoice| invoice.state);
        states.insert(recorded.version, state.to_string());
    }
    states
}
