//! How the authority misbehaves on request: rules that match requests, and what happens to those; it must not know how a request is handled.

use std::collections::BTreeMap;
use std::num::NonZeroU64;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::random::Random;

/// One way to misbehave.
///
/// Those that say `processed` can happen before the authority has looked at the document (false, the default) or
/// after it has decided, perhaps accepted, so that only the answer is lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Another HTTP status instead of an answer: 401, 403, 429, 500, 502, 503, 504.
    Status {
        /// The status.
        code: u16,
        /// Seconds for the header `Retry-After`.
        #[serde(default)]
        retry_after_s: Option<u64>,
        /// Whether the document was processed first.
        #[serde(default)]
        processed: bool,
    },
    /// The department's inner 500, wrapped in a 400 of the usual shape. Not processed.
    InnerError,
    /// HTTP 200 with bytes that mean nothing.
    Garbage {
        /// Whether the document was processed first.
        #[serde(default)]
        processed: bool,
    },
    /// HTTP 200 with a web page, as a gateway may give.
    Html {
        /// Whether the document was processed first.
        #[serde(default)]
        processed: bool,
    },
    /// HTTP 200 with an empty body.
    Empty {
        /// Whether the document was processed first.
        #[serde(default)]
        processed: bool,
    },
    /// The connection is cut before the document is looked at.
    DropBefore,
    /// The document is processed and the connection cut before the first byte of the answer.
    DropAfter,
    /// The document is processed and answered only after this long, on top of the usual latency.
    Late {
        /// Milliseconds; choose more than the client's time-out.
        delay_ms: u64,
    },
    /// An acceptance without its QR.
    WithoutQr,
    /// An acceptance without the signed document.
    WithoutDocument,
    /// An acceptance that tells another number.
    OtherNumber(String),
    /// An acceptance that tells another UUID.
    OtherUuid(String),
    /// An acceptance whose signed document is not the one that was sent.
    OtherDocument,
    /// A refusal with this reason, without a look at the document.
    Refuse {
        /// The message.
        message: String,
        /// The HTTP status, where it is not the one of the answer shape; 200 is what some clients have met.
        #[serde(default)]
        status: Option<u16>,
    },
}

/// What is asked, as far as rules tell requests apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A document, by whichever door.
    #[default]
    Document,
    /// A token.
    Token,
    /// What became of a document.
    Query,
}

/// Which requests a rule takes; all conditions that are given must hold, none given takes any request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// What is asked; documents, where nothing is said.
    pub target: Target,
    /// The number begins so.
    pub number_prefix: Option<String>,
    /// The UUID is this.
    pub uuid: Option<String>,
    /// The client id is this.
    pub client_id: Option<String>,
    /// From this moment on.
    pub from: Option<DateTime<Utc>>,
    /// Before this moment.
    pub until: Option<DateTime<Utc>>,
    /// With this chance in a thousand, drawn from the authority's own generator.
    pub chance_permille: Option<u16>,
    /// Each nth of the requests for which all else holds: 3 takes the third, the sixth and so on.
    pub every: Option<NonZeroU64>,
}

/// How often a rule fires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Times {
    /// For ever.
    #[default]
    Always,
    /// This often in all.
    Total(u64),
    /// This often for each pair of number and UUID: `1` fails the first attempt of every document.
    PerDocument(u64),
}

/// One rule of misbehaviour. The first rule that takes a request decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Which requests.
    #[serde(default, rename = "match")]
    pub matching: Match,
    /// How often.
    #[serde(default)]
    pub times: Times,
    /// What happens.
    pub fault: Fault,
}

impl FaultRule {
    /// A rule that takes every request for ever.
    pub fn always(fault: Fault) -> Self {
        Self { matching: Match::default(), times: Times::Always, fault }
    }
}

impl Fault {
    /// The name in the record.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::InnerError => "inner_error",
            Self::Garbage { .. } => "garbage",
            Self::Html { .. } => "html",
            Self::Empty { .. } => "empty",
            Self::DropBefore => "drop_before",
            Self::DropAfter => "drop_after",
            Self::Late { .. } => "late",
            Self::WithoutQr => "without_qr",
            Self::WithoutDocument => "without_document",
            Self::OtherNumber(_) => "other_number",
            Self::OtherUuid(_) => "other_uuid",
            Self::OtherDocument => "other_document",
            Self::Refuse { .. } => "refuse",
        }
    }

    /// Whether the authority processes the document all the same.
    pub(crate) fn processes(&self) -> bool {
        match self {
            Self::Status { processed, .. }
            | Self::Garbage { processed }
            | Self::Html { processed }
            | Self::Empty { processed } => *processed,
            Self::InnerError | Self::DropBefore | Self::Refuse { .. } => false,
            Self::DropAfter
            | Self::Late { .. }
            | Self::WithoutQr
            | Self::WithoutDocument
            | Self::OtherNumber(_)
            | Self::OtherUuid(_)
            | Self::OtherDocument => true,
        }
    }
}

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) target: Target,
    pub(crate) client_id: &'a str,
    pub(crate) number: &'a str,
    pub(crate) uuid: &'a str,
}

/// The rules in force and how often each has fired.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    rules: Vec<Armed>,
}

#[derive(Clone, Debug)]
struct Armed {
    rule: FaultRule,
    matched: u64,
    fired: u64,
    fired_for: BTreeMap<(String, String), u64>,
}

impl Faults {
    pub(crate) fn add(&mut self, rule: FaultRule) {
        self.rules.push(Armed { rule, matched: 0, fired: 0, fired_for: BTreeMap::new() });
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// The rules with the number of times that each has fired.
    pub(crate) fn list(&self) -> impl Iterator<Item = (&FaultRule, u64)> {
        self.rules.iter().map(|armed| (&armed.rule, armed.fired))
    }

    /// The fault that befalls this request, if any.
    pub(crate) fn draw(
        &mut self,
        subject: Subject<'_>,
        now: DateTime<Utc>,
        random: &mut Random,
    ) -> Option<Fault> {
        self.rules
            .iter_mut()
            .find_map(|armed| armed.fires(subject, now, random).then(|| armed.rule.fault.clone()))
    }
}

impl Armed {
    fn fires(&mut self, subject: Subject<'_>, now: DateTime<Utc>, random: &mut Random) -> bool {
        if !self.rule.matching.takes(subject, now) {
            return false;
        }
        let chance = self.rule.matching.chance_permille;
        if chance.is_some_and(|chance| random.below(1000) >= u64::from(chance)) {
            return false;
        }
        self.matched += 1;
        if self.rule.matching.every.is_some_and(|every| !self.matched.is_multiple_of(every.get())) {
            return false;
        }
        let left = match self.rule.times {
            Times::Always => true,
            Times::Total(limit) => self.fired < limit,
            Times::PerDocument(limit) => {
                let document = (subject.number.to_owned(), subject.uuid.to_owned());
                let fired = self.fired_for.entry(document).or_default();
                *fired += 1;
                *fired <= limit
            }
        };
        if left {
            self.fired += 1;
        }
        left
    }
}

impl Match {
    fn takes(&self, subject: Subject<'_>, now: DateTime<Utc>) -> bool {
        self.target == subject.target
            && self.number_prefix.as_ref().is_none_or(|prefix| subject.number.starts_with(prefix))
            && self.uuid.as_ref().is_none_or(|uuid| subject.uuid == uuid)
            && self.client_id.as_ref().is_none_or(|client_id| subject.client_id == client_id)
            && self.from.is_none_or(|from| now >= from)
            && self.until.is_none_or(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject<'a>(number: &'a str, uuid: &'a str) -> Subject<'a> {
        Subject { target: Target::Document, client_id: "client", number, uuid }
    }

    fn faults(rules: impl IntoIterator<Item = FaultRule>) -> Faults {
        let mut faults = Faults::default();
        rules.into_iter().for_each(|rule| faults.add(rule));
        faults
    }

    fn rule(matching: Match, times: Times) -> FaultRule {
        FaultRule { matching, times, fault: Fault::DropBefore }
    }

    /// Which of a row of requests a rule takes.
    fn pattern(rule: FaultRule, requests: &[(&str, &str)]) -> Vec<bool> {
        let mut faults = faults([rule]);
        let mut random = Random::new(1);
        let now = DateTime::UNIX_EPOCH;
        requests.iter().map(|(n, u)| faults.draw(subject(n, u), now, &mut random).is_some()).collect()
    }

    #[test]
    fn conditions_narrow_a_rule() {
        let requests = [("A-1", "u1"), ("B-1", "u2")];
        let with = |matching| pattern(rule(matching, Times::Always), &requests);
        assert_eq!(with(Match::default()), [true, true]);
        assert_eq!(with(Match { number_prefix: Some("A".into()), ..Match::default() }), [true, false]);
        assert_eq!(with(Match { uuid: Some("u2".into()), ..Match::default() }), [false, true]);
        assert_eq!(with(Match { client_id: Some("other".into()), ..Match::default() }), [false, false]);
        let later = DateTime::UNIX_EPOCH + chrono::Duration::seconds(1);
        assert_eq!(with(Match { from: Some(later), ..Match::default() }), [false, false]);
        assert_eq!(with(Match { until: Some(DateTime::UNIX_EPOCH), ..Match::default() }), [false, false]);
        assert_eq!(with(Match { until: Some(later), ..Match::default() }), [true, true]);
    }

    #[test]
    fn a_rule_for_documents_leaves_tokens_and_questions_alone() {
        for target in [Target::Document, Target::Token, Target::Query] {
            let matching = Match { target, ..Match::default() };
            let mut faults = faults([rule(matching, Times::Always)]);
            let mut random = Random::new(1);
            for asked in [Target::Document, Target::Token, Target::Query] {
                let subject = Subject { target: asked, ..subject("A-1", "u1") };
                let fault = faults.draw(subject, DateTime::UNIX_EPOCH, &mut random);
                assert_eq!(fault.is_some(), asked == target, "{target:?} {asked:?}");
            }
        }
        let plain: Match = serde_json::from_str("{}").unwrap();
        assert_eq!(plain.target, Target::Document);
    }

    #[test]
    fn counts_limit_a_rule() {
        let requests = [("A", "1"), ("A", "1"), ("B", "2"), ("A", "1"), ("B", "2"), ("B", "2")];
        let any = Match::default();
        assert_eq!(
            pattern(rule(any.clone(), Times::Total(2)), &requests),
            [true, true, false, false, false, false]
        );
        assert_eq!(
            pattern(rule(any.clone(), Times::PerDocument(1)), &requests),
            [true, false, true, false, false, false]
        );
        let third = Match { every: NonZeroU64::new(3), ..any };
        assert_eq!(pattern(rule(third, Times::Always), &requests), [false, false, true, false, false, true]);
    }

    #[test]
    fn chance_is_near_what_was_asked_and_repeats_with_the_seed() {
        let requests = vec![("A", "1"); 2_000];
        let tenth = || rule(Match { chance_permille: Some(100), ..Match::default() }, Times::Always);
        let first = pattern(tenth(), &requests);
        let hits = first.iter().filter(|hit| **hit).count();
        assert!((150..250).contains(&hits), "{hits}");
        assert_eq!(first, pattern(tenth(), &requests));
    }

    #[test]
    fn the_first_rule_that_takes_a_request_decides() {
        let mut faults = faults([
            FaultRule { times: Times::Total(1), ..FaultRule::always(Fault::DropBefore) },
            FaultRule::always(Fault::WithoutQr),
        ]);
        let mut random = Random::new(1);
        let mut draw = || faults.draw(subject("A", "1"), DateTime::UNIX_EPOCH, &mut random);
        assert_eq!([draw(), draw()], [Some(Fault::DropBefore), Some(Fault::WithoutQr)]);
        assert_eq!(faults.list().map(|(_, fired)| fired).collect::<Vec<_>>(), [1, 1]);
    }

    #[test]
    fn rules_are_read_from_plain_json() {
        let text = r#"{"match":{"number_prefix":"فاتورة-","every":2,"from":"2026-03-01T00:00:00Z"},
                       "times":{"per_document":1},"fault":{"status":{"code":429,"retry_after_s":7}}}"#;
        let rule: FaultRule = serde_json::from_str(text).unwrap();
        assert_eq!(rule.times, Times::PerDocument(1));
        assert_eq!(rule.fault, Fault::Status { code: 429, retry_after_s: Some(7), processed: false });
        let simple: FaultRule = serde_json::from_str(r#"{"fault":"drop_after"}"#).unwrap();
        assert_eq!(simple, FaultRule::always(Fault::DropAfter));
        assert!(serde_json::from_str::<FaultRule>(r#"{"fault":"drop_after","tiems":"always"}"#).is_err());
    }
}
