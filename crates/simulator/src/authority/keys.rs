//! Tokens given, and documents asked for with them; it must not judge documents.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::Authority;
use super::misbehaviour::misbehave;
use crate::answer::{Accepted, Answer};
use crate::exchange::{Delivery, Reply};
use crate::fault::{Subject, Target};
use crate::tokens::{TokenPolicy, form};

impl Authority {
    /// Sets how tokens are given; those in force stay so.
    pub fn set_tokens(&mut self, policy: TokenPolicy) {
        self.tokens.policy = policy;
    }

    /// Ends all tokens in force.
    pub fn revoke_tokens(&mut self) {
        self.tokens.revoke_all();
    }

    /// Gives a token for a client-credentials grant (RFC 6749, section 4.4), the pair in the form.
    pub fn grant(&mut self, content_type: Option<&str>, body: &Bytes, now: DateTime<Utc>) -> Reply {
        if self.is_down() {
            return self.turn_away();
        }
        let members = form(body);
        let text = |name: &str| members.get(name).map_or("", String::as_str);
        let client_id = text("client_id").to_owned();
        let answer = self.granted(content_type, text("grant_type"), &client_id, text("client_secret"), now);
        let subject = Subject { target: Target::Token, client_id: &client_id, number: "", uuid: "" };
        self.reply(answer, subject, now)
    }

    fn granted(
        &mut self,
        content_type: Option<&str>,
        grant_type: &str,
        client_id: &str,
        secret: &str,
        now: DateTime<Utc>,
    ) -> Answer {
        let kind = content_type.and_then(|value| value.split(';').next()).unwrap_or("").trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") || grant_type.is_empty() {
            return denial(400, "invalid_request");
        }
        if grant_type != "client_credentials" {
            return denial(400, "unsupported_grant_type");
        }
        if let Some(code) = &self.tokens.policy.refuse {
            return denial(400, code);
        }
        if self.devices.get(client_id).is_none_or(|device| device.secret_key != secret) {
            return denial(401, "invalid_client");
        }
        let token = self.tokens.issue(client_id, now);
        json(
            200,
            &serde_json::json!({
                "access_token": token,
                "token_type": "Bearer",
                "expires_in": self.tokens.policy.lifetime_s,
            }),
        )
    }

    /// Says what became of a document of the token's owner: 404 when it was never accepted.
    pub fn look_up(&mut self, authorization: Option<&str>, uuid: &str, now: DateTime<Utc>) -> Reply {
        if self.is_down() {
            return self.turn_away();
        }
        self.queries += 1;
        let owner = self.tokens.owner(authorization, now).and_then(|owner| self.devices.get(owner)).cloned();
        let held = owner.as_ref().and_then(|device| self.books.by_uuid(&device.tax_number, uuid));
        let number = held.map(|held| held.cleared.number.clone()).unwrap_or_default();
        let answer = match (&owner, held) {
            (None, _) => Answer::Plain { status: 401, message: "Unauthorized".to_owned() },
            (Some(_), None) => Answer::Plain { status: 404, message: "Not Found".to_owned() },
            (Some(_), Some(held)) => Answer::Accepted(Accepted {
                already: false,
                number: held.cleared.number.clone(),
                uuid: held.cleared.uuid.clone(),
                qr: Some(held.cleared.qr.clone()),
                document: held.document.clone(),
            }),
        };
        let client_id = owner.map(|device| device.client_id).unwrap_or_default();
        let subject = Subject { target: Target::Query, client_id: &client_id, number: &number, uuid };
        self.reply(answer, subject, now)
    }

    /// An answer with whatever befalls it on its way; it does not stand in the record.
    fn reply(&mut self, answer: Answer, subject: Subject<'_>, now: DateTime<Utc>) -> Reply {
        let fault = self.faults.draw(subject, now, &mut self.random);
        let (answer, outcome) = misbehave(answer, fault.as_ref(), now);
        let rendered = answer.render(self.shape, now);
        let after = self.latency.draw(&mut self.random) + outcome.delay;
        Reply {
            status: rendered.status,
            retry_after_s: outcome.retry_after_s,
            content_type: rendered.content_type,
            body: if outcome.cut { Bytes::new() } else { rendered.body },
            delivery: if outcome.cut { Delivery::Drop { after } } else { Delivery::Answer { after } },
            sequence: None,
        }
    }
}

fn denial(status: u16, code: &str) -> Answer {
    json(status, &serde_json::json!({ "error": code, "error_description": "the grant is refused" }))
}

fn json(status: u16, body: &serde_json::Value) -> Answer {
    Answer::Raw { status, content_type: "application/json", body: Bytes::from(body.to_string()) }
}
