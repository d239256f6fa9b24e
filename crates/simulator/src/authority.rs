//! The authority: devices, accepted documents, record and misbehaviour, as a pure function of state, request and time.

mod books;
mod keys;
mod misbehaviour;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::answer::{Accepted, Answer, AnswerShape};
use crate::device::Device;
use crate::document::{Document, Family, Sort};
use crate::exchange::{Delivery, Door, Reply, Request};
use crate::fault::{FaultRule, Faults, Subject, Target};
use crate::finding::Finding;
use crate::inspection::{Inspection, Judgement, inspect};
use crate::latency::Latency;
use crate::random::Random;
use crate::record::{Entry, Record, Summary, Suspicion, Verdict};
use crate::relay;
use crate::settings::Settings;
use crate::tokens::Tokens;
use books::{Books, Held};
use misbehaviour::misbehave;

/// The simulated authority. It has no clock, no I/O and no randomness but its own seeded generator, so that the
/// same requests at the same times give the same replies.
#[derive(Debug)]
pub struct Authority {
    settings: Arc<Settings>,
    seed: u64,
    random: Random,
    devices: BTreeMap<String, Device>,
    books: Books,
    record: Record,
    faults: Faults,
    latency: Latency,
    shape: AnswerShape,
    tokens: Tokens,
    queries: u64,
    down: bool,
    turned_away: u64,
}

/// What the authority decided, before any misbehaviour with the answer.
struct Decision {
    verdict: Verdict,
    answer: Answer,
    suspicion: Option<Suspicion>,
}

impl Decision {
    fn plain(verdict: Verdict, status: u16, message: &str) -> Self {
        let answer = Answer::Plain { status, message: message.to_owned() };
        Self { verdict, answer, suspicion: None }
    }

    fn refused(schema_passed: bool, findings: Vec<Finding>) -> Self {
        let answer = Answer::Refused { schema_passed, findings, status: None };
        Self { verdict: Verdict::Refused, answer, suspicion: None }
    }

    fn accepted(already: bool, held: &Held, suspicion: Option<Suspicion>) -> Self {
        let verdict = if already { Verdict::AlreadySubmitted } else { Verdict::Submitted };
        let answer = Answer::Accepted(Accepted {
            already,
            number: held.cleared.number.clone(),
            uuid: held.cleared.uuid.clone(),
            qr: Some(held.cleared.qr.clone()),
            document: held.document.clone(),
        });
        Self { verdict, answer, suspicion }
    }
}

impl Authority {
    /// An authority that knows nobody yet. The seed decides latency and chances, nothing else.
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            record: Record::new(settings.record_capacity),
            books: Books::new(settings.documents_kept),
            settings: Arc::new(settings),
            seed,
            random: Random::new(seed),
            devices: BTreeMap::new(),
            faults: Faults::default(),
            latency: Latency::default(),
            shape: AnswerShape::default(),
            tokens: Tokens::default(),
            queries: 0,
            down: false,
            turned_away: 0,
        }
    }

    /// What is fixed for the life of this authority.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings)
    }

    /// Registers a device, or replaces the one of the same client id.
    pub fn register(&mut self, device: Device) {
        self.devices.insert(device.client_id.clone(), device);
    }

    /// Forgets all devices.
    pub fn forget_devices(&mut self) {
        self.devices.clear();
    }

    /// Adds a rule of misbehaviour behind those in force.
    pub fn add_fault(&mut self, rule: FaultRule) {
        self.faults.add(rule);
    }

    /// Ends all misbehaviour by rule.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// The rules in force, with the number of times that each has fired.
    pub fn faults(&self) -> impl Iterator<Item = (&FaultRule, u64)> {
        self.faults.list()
    }

    /// Sets how long answers take.
    pub fn set_latency(&mut self, latency: Latency) {
        self.latency = latency;
    }

    /// Sets how answers look.
    pub fn set_shape(&mut self, shape: AnswerShape) {
        self.shape = shape;
    }

    /// Takes the authority down, or brings it back.
    pub fn set_down(&mut self, down: bool) {
        self.down = down;
    }

    /// Whether the authority is down.
    pub fn is_down(&self) -> bool {
        self.down
    }

    /// Forgets everything but settings and devices.
    pub fn reset(&mut self) {
        let devices = std::mem::take(&mut self.devices);
        let settings = Settings::clone(&self.settings);
        *self = Self { devices, ..Self::new(settings, self.seed) };
    }

    /// The requests remembered, oldest first.
    pub fn record(&self) -> impl Iterator<Item = &Entry> {
        self.record.entries()
    }

    /// All requests in numbers; with the accepted documents only where `documents` says so.
    pub fn summary(&self, documents: bool) -> Summary {
        let cleared = if documents { self.books.cleared().cloned().collect() } else { Vec::new() };
        Summary {
            turned_away: self.turned_away,
            tokens_issued: self.tokens.issued(),
            queries: self.queries,
            cleared_count: self.books.count(),
            cleared,
            ..self.record.summary()
        }
    }

    /// Notes that the answer to a request did not reach the client after all.
    pub fn mark_undelivered(&mut self, sequence: u64) {
        self.record.mark_undelivered(sequence);
    }

    /// Handles one request.
    pub fn handle(&mut self, request: &Request, now: DateTime<Utc>) -> Reply {
        let content_type = request.content_type.as_deref();
        let inspection = match request.door {
            Door::Direct | Door::Token => inspect(&request.body, content_type, &self.settings),
            Door::Relay => {
                let family = self.family(request.client_id.as_deref());
                relay::inspect(&request.body, content_type, family, &self.settings)
            }
        };
        self.decide(request, inspection, now)
    }

    /// Handles one request that was inspected before, with [`inspect`] and this authority's settings.
    pub fn decide(&mut self, request: &Request, inspection: Inspection, now: DateTime<Utc>) -> Reply {
        if self.down {
            return self.turn_away();
        }
        let mut entry = self.entry(request, &inspection, now);
        let subject = Subject {
            target: Target::Document,
            client_id: &entry.client_id,
            number: &entry.number,
            uuid: &entry.uuid,
        };
        let fault = self.faults.draw(subject, now, &mut self.random);
        let decision = match &fault {
            Some(fault) if !fault.processes() => {
                // The answer is made by the fault below.
                Decision::plain(Verdict::NotProcessed, 500, "")
            }
            _ => self.process(request, inspection, &entry, now),
        };
        let (answer, outcome) = misbehave(decision.answer, fault.as_ref(), now);
        let rendered = match request.door {
            Door::Direct | Door::Token => answer.render(self.shape, now),
            Door::Relay => relay::render(&answer, self.shape, now),
        };
        let latency = self.latency.draw(&mut self.random) + outcome.delay;
        entry.verdict = decision.verdict;
        entry.suspicion = decision.suspicion;
        entry.messages = answer.messages();
        entry.fault = fault.map(|fault| fault.name().to_owned());
        entry.delivered = !outcome.cut;
        entry.http_status = (!outcome.cut).then_some(rendered.status);
        let sequence = entry.sequence;
        self.record.push(entry);
        Reply {
            status: rendered.status,
            retry_after_s: outcome.retry_after_s,
            content_type: rendered.content_type,
            body: if outcome.cut { Bytes::new() } else { rendered.body },
            delivery: if outcome.cut {
                Delivery::Drop { after: latency }
            } else {
                Delivery::Answer { after: latency }
            },
            sequence: Some(sequence),
        }
    }

    /// A reply for a request that is not even read, because the authority is down.
    pub fn turn_away(&mut self) -> Reply {
        self.turned_away += 1;
        Reply {
            status: 503,
            retry_after_s: None,
            content_type: "text/plain",
            body: Bytes::new(),
            delivery: Delivery::Refuse,
            sequence: None,
        }
    }

    fn entry(&self, request: &Request, inspection: &Inspection, now: DateTime<Utc>) -> Entry {
        Entry {
            sequence: self.record.next(),
            time: now,
            client_id: self.claimed(request, now).to_owned(),
            number: inspection.number.clone(),
            uuid: inspection.uuid.clone(),
            icv: inspection.icv.clone(),
            income_source: inspection.income_source.clone(),
            sha256: inspection.sha256.clone(),
            verdict: Verdict::NotProcessed,
            http_status: None,
            messages: Vec::new(),
            fault: None,
            delivered: true,
            suspicion: None,
        }
    }

    /// What the real service does with a request, in this order: keys (403; 401 for a token or a licence), envelope (400 without the usual
    /// shape), a pair known already (200), structure (400), tax number and income source (500), an unlisted
    /// percentage (500), content (400), acceptance (200).
    fn process(
        &mut self,
        request: &Request,
        inspection: Inspection,
        entry: &Entry,
        now: DateTime<Utc>,
    ) -> Decision {
        let device = match self.authenticate(request, now) {
            Ok(device) => device.clone(),
            Err((status, message)) => return Decision::plain(Verdict::Forbidden, status, message),
        };
        if let Judgement::Unreadable(message) = inspection.judgement {
            return Decision::plain(Verdict::Unreadable, 400, message);
        }
        if let Some(held) = self.books.repeat(&device.tax_number, &entry.number, &entry.uuid) {
            let first = &held.cleared.sha256;
            let suspicion =
                (*first != entry.sha256).then(|| Suspicion::OtherContent { sha256: first.clone() });
            return Decision::accepted(true, held, suspicion);
        }
        let (document, mut faults, seal) = match inspection.judgement {
            Judgement::Read { document, faults, seal } => (document, faults, seal),
            Judgement::Malformed { by_schema, findings } => return Decision::refused(!by_schema, findings),
            Judgement::Unreadable(message) => return Decision::plain(Verdict::Unreadable, 400, message),
        };
        let known =
            document.seller_tax_number == device.tax_number && document.income_source == device.income_source;
        if !known || faults.unlisted_rate {
            return Decision::plain(Verdict::Failed, 500, "Internal Server Error");
        }
        faults.findings.extend(self.check_against_state(&document, &device));
        match seal {
            Some(seal) if faults.findings.is_empty() => {
                let (held, suspicion) = self.books.accept(&document, seal, entry);
                Decision::accepted(false, held, suspicion)
            }
            _ => Decision::refused(true, faults.findings),
        }
    }

    /// The device that a request comes from, or the status and reason of its refusal.
    fn authenticate(&self, request: &Request, now: DateTime<Utc>) -> Result<&Device, (u16, &'static str)> {
        if request.door == Door::Token {
            let owner = self.tokens.owner(request.authorization.as_deref(), now);
            return owner.and_then(|owner| self.devices.get(owner)).ok_or((401, "Unauthorized"));
        }
        if request.door == Door::Relay {
            let key = request.license_key.as_deref().unwrap_or("").trim();
            let known = self.settings.license_keys.is_empty() || self.settings.license_keys.contains(key);
            if key.is_empty() || !known {
                return Err((401, "The license is not valid"));
            }
        }
        let device = request.client_id.as_deref().and_then(|client_id| self.devices.get(client_id));
        device
            .filter(|device| request.secret_key.as_deref() == Some(device.secret_key.as_str()))
            .ok_or((403, "Forbidden"))
    }

    /// As whom a request comes, be it true or not.
    fn claimed<'a>(&'a self, request: &'a Request, now: DateTime<Utc>) -> &'a str {
        match request.door {
            Door::Token => self.tokens.owner(request.authorization.as_deref(), now).unwrap_or_default(),
            Door::Direct | Door::Relay => request.client_id.as_deref().unwrap_or_default(),
        }
    }

    /// What a device is registered for; general sales where it is not known.
    pub(crate) fn family(&self, client_id: Option<&str>) -> Family {
        let device = client_id.and_then(|client_id| self.devices.get(client_id));
        device.map_or(Family::General, |device| device.family)
    }

    fn check_against_state(&self, document: &Document, device: &Device) -> Vec<Finding> {
        let mut findings = Vec::new();
        if document.family != device.family {
            findings.push(Finding::not_authorized());
        }
        if !device.consumer_price && document.lines.iter().any(|line| line.consumer_price.is_some()) {
            findings.push(Finding::uncoded("this taxpayer has no permission for consumer prices"));
        }
        if let (Sort::Return, Some(original)) = (document.sort, &document.original) {
            match self.books.sold(&device.tax_number, &original.number, &original.uuid) {
                None => findings.push(Finding::uncoded("the original invoice is not known")),
                Some(sold) => findings.extend(sold.check(document, self.settings.tolerance.value())),
            }
        }
        findings
    }
}

#[cfg(test)]
mod tests;
