//! Who stands around the fleet in one run: retailers who publish, now and then twice, and a person who mends what waits.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use broker::{Broker, Outgoing, Queue};
use invoice::life::{Actor, Cause, Command, Context, Invoice, RequeueMode, State, decide};
use invoice::{Digest, InvoiceKey, Timestamp};
use ledger::{Change, Draft, Encode, Filter};
use producer::{Refused, Taken};
use serde_json::{Value, json};
use simulator::Request;
use tests::life::Life;

use crate::plan::{Back, Fate};
use crate::world::{World, lock};

/// The counter of whatever somebody else has cleared under our names.
pub(crate) const FOREIGN_ICV: u64 = 900_001;

impl World {
    /// A retailer with one event, who asks until there is a yes, and now and then again afterwards.
    pub(crate) async fn retail(self: Arc<Self>, key: InvoiceKey) {
        self.pause(3_000).await;
        let mut incarnation = 0;
        loop {
            let name = format!("intake-{}.{incarnation}", key.uuid);
            let life = self.born(name, !self.drafts_arrive);
            let mut publishing = tokio::spawn(Arc::clone(&self).publish(key, life.clone()));
            tokio::select! {
                biased;
                () = life.died() => publishing.abort(),
                end = &mut publishing => {
                    self.watch("publishing", end);
                    return;
                }
            }
            incarnation += 1;
            self.pause(200).await;
        }
    }

    async fn publish(self: Arc<Self>, key: InvoiceKey, life: Life) {
        let planned = &self.plan.invoices[&key];
        let Ok(taken) = self.offer(&life, &planned.event).await else {
            return self.mishap(format!("{key} was refused"));
        };
        lock(&self.yes).insert(key, taken.invoice);
        if self.chance(200) {
            self.pause(2_000).await;
            match self.offer(&life, &planned.event).await {
                Ok(taken) if !taken.new => {}
                other => self.mishap(format!("a repeat of {key} came to {other:?}")),
            }
        }
        if self.chance(100) {
            self.pause(2_000).await;
            match self.offer(&life, &planned.conflict()).await {
                Err(Refused::Conflict { .. }) => {}
                other => self.mishap(format!("other content for {key} came to {other:?}")),
            }
        }
    }

    /// Asks until the ledger answers, then hints.
    async fn offer(&self, life: &Life, event: &Value) -> Result<Taken, Refused> {
        let intake = self.intake(life);
        let arrival = intake.check(event.to_string().as_bytes(), None)?;
        loop {
            if let Ok(mut answers) = intake.take(vec![arrival.clone()]).await
                && let Some(answer) = answers.pop()
            {
                intake.announce(answer.iter().map(|taken| (taken, None))).await;
                return answer;
            }
            self.pause(100).await;
        }
    }

    /// Retailers who publish straight to the broker; some twice, some what is no event at all.
    pub(crate) async fn retail_by_queue(self: Arc<Self>) {
        let mut messages: Vec<String> = Vec::new();
        for planned in self.plan.invoices.values().filter(|planned| planned.by_queue) {
            let times = if self.chance(300) { 2 } else { 1 };
            messages.extend(std::iter::repeat_n(planned.event.to_string(), times));
        }
        messages.extend((0..self.strangers).map(|n| format!("ليست فاتورة {n}")));
        self.chaos.draw(|random| random.shuffle(&mut messages));
        for message in messages {
            self.pause(300).await;
            let outgoing = Outgoing { queue: Queue::Intake, payload: message.into(), traceparent: None };
            let answers = self.broker.publish(vec![outgoing]).await;
            assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        }
    }

    /// Somebody else has cleared documents of his own under the names of some of ours.
    pub(crate) fn take_names(&self) {
        let encoder = self.document_encoder();
        for (key, planned) in self.plan.invoices.iter().filter(|(_, planned)| planned.fate == Fate::Taken) {
            let source = self
                .houses
                .iter()
                .find(|house| house.source.sequence == planned.event["seller"]["income_source"]);
            let house = source.expect("it is one of ours");
            let normal_form = planned.conflict().to_string();
            let digest = Digest::of(normal_form.as_bytes());
            let number = planned.event["number"].as_str().expect("it has a number").to_owned();
            let now = Timestamp::UNIX_EPOCH;
            let invoice = Invoice::accepted(*key, house.source.clone(), number, digest, now);
            let draft = Draft { invoice, normal_form, original: None };
            let document = encoder.encode(&draft, FOREIGN_ICV).expect("it is sound");
            let body = json!({ "invoice": STANDARD.encode(document.bytes) }).to_string();
            let request = Request {
                client_id: Some(house.client_id()),
                secret_key: Some(house.secret_key()),
                content_type: Some("application/json".to_owned()),
                body: body.into(),
                ..Request::default()
            };
            let cleared = self.seams.authority.with(|authority| {
                authority.handle(&request, now);
                authority.summary(false).cleared_count
            });
            assert!(cleared > 0, "the authority does not take what somebody else sends");
        }
    }

    /// A person, and the retailer's own system, who mend what waits for them.
    pub(crate) async fn desk(self: Arc<Self>) {
        let life = Life::new("desk", None);
        while !self.stop.is_cancelled() {
            self.pause(200).await;
            let states = vec![State::Rejected, State::DeadLettered];
            let filter = Filter { states, ..Filter::default() };
            let page = self.seams.ledger.list(&filter, None, 1_000).await.expect("memory answers");
            for listed in page.rows {
                let invoice = listed.invoice;
                let by = Actor { name: "سلمى".to_owned(), reason: "محاكاة".to_owned() };
                let planned = &self.plan.invoices[&invoice.key];
                match (planned.fate, invoice.cause) {
                    (Fate::Amended, Some(Cause::Refused)) => {
                        // Refused as long as it is in doubt: asked again at the next turn.
                        let _ = self.offer(&life, &planned.amendment()).await;
                    }
                    (Fate::GivenUp, Some(Cause::Refused)) => {
                        self.change(invoice, Command::Abandon { by }).await;
                    }
                    (Fate::Taken, Some(Cause::AuthorityHoldsOther))
                    | (Fate::Back(Back::Unknown), Some(Cause::OriginalUnknown)) => {}
                    (
                        _,
                        Some(
                            Cause::KillsWorker
                            | Cause::Suspect
                            | Cause::AuthorityHoldsOther
                            | Cause::OriginalUnknown,
                        ),
                    ) => {
                        let command = Command::Requeue { mode: RequeueMode::SameBytes, by };
                        self.change(invoice, command).await;
                    }
                    _ => {}
                }
            }
        }
    }

    async fn change(&self, invoice: Invoice, command: Command) {
        let now = self.seams.ledger.now().await.expect("memory answers");
        if let Ok(events) = decide(&invoice, command, Context { now, policy: &self.numbers.policy }) {
            let change = Change { invoice, events, at: now, documents: Vec::new(), attempt: None };
            self.seams.ledger.append(vec![change]).await.expect("memory answers");
        }
    }
}
