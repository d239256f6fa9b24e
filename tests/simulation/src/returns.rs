//! Promise 10: a return follows its invoice, and no more comes back than was sold. Told from the documents themselves.

use std::collections::BTreeMap;

use invoice::InvoiceKey;
use invoice::life::{Event, Invoice, State};
use ledger::{DocumentKind, RecordedEvent};

use crate::case::Case;
use crate::checks::Book;

/// How much each of our sales sells, in its one line.
const SOLD: u64 = 2;

impl Book<'_> {
    /// All returns against their originals.
    pub(crate) async fn returns(&mut self, all: &BTreeMap<InvoiceKey, Invoice>) {
        let world = self.world;
        let mut taken: BTreeMap<InvoiceKey, u64> = BTreeMap::new();
        for (key, planned) in &world.plan.invoices {
            let (Some(original), Some(invoice)) = (planned.original, all.get(key)) else { continue };
            let case = world.case(invoice).await;
            let waits = invoice.state == State::Draft;
            self.hold(!waits || (invoice.icv.is_none() && invoice.waiting.is_some()), &case, || {
                "waits for its original, and has a number".to_owned()
            });
            self.comes_after(&case, original).await;
            if invoice.state != State::Abandoned {
                *taken.entry(original).or_default() += self.quantity(invoice).await;
            }
        }
        for (original, taken) in taken {
            self.hold_all(taken <= SOLD, || {
                format!("{taken} of {SOLD} sold were taken back from {original}")
            });
        }
        for (rivals, winners) in &world.plan.rivals {
            let won = rivals.iter().filter(|key| all.get(key).is_some_and(|it| it.state == State::Cleared));
            let won = won.count();
            self.hold_all(won == *winners, || {
                format!("{won} of the returns {rivals:?} were cleared, and {winners} could be")
            });
        }
    }

    /// Its bytes are fixed after its original was cleared, and the authority gets it after that.
    async fn comes_after(&mut self, case: &Case<'_>, original: InvoiceKey) {
        let history = self.world.seams.ledger.history(original).await.expect("memory answers");
        let at = |history: &[RecordedEvent], wanted: fn(&Event) -> bool| {
            history.iter().find(|recorded| wanted(&recorded.event)).map(|recorded| recorded.at)
        };
        let fixed = at(&case.history, |event| matches!(event, Event::Encoded { .. }));
        let cleared = at(&history, |event| matches!(event, Event::Cleared { .. } | Event::Adopted { .. }));
        let in_order = match (cleared, fixed) {
            (Some(cleared), Some(fixed)) => cleared <= fixed || !self.world.chaos.is_time_sound(),
            (None, fixed) => fixed.is_none(),
            (Some(_), None) => true,
        };
        self.hold(in_order, case, || {
            format!("is a return with bytes since {fixed:?}, and its original was cleared at {cleared:?}")
        });
    }

    /// What the bytes that are fixed for it take back.
    async fn quantity(&self, invoice: &Invoice) -> u64 {
        let wanted = (invoice.key, invoice.document, DocumentKind::Sent);
        let documents = self.world.seams.ledger.documents(&[wanted]).await.expect("memory answers");
        let Some(document) = documents.into_iter().next().flatten() else { return 0 };
        let text = String::from_utf8(document.bytes).expect("our documents are text");
        text.split("</cbc:InvoicedQuantity>")
            .filter_map(|part| part.rsplit_once('>')?.1.parse::<f64>().ok())
            .map(|quantity| quantity as u64)
            .sum()
    }
}
