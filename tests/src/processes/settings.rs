//! The configuration of these fleets: the real one, usually with everything that waits scaled down.

use std::fmt::Write as _;
use std::path::Path;

use super::{MARGIN, Plan, RUNGS_MS};
use crate::fleet;
use crate::services::Ground;

/// The secret key that the fleet and its simulator share for an income source.
#[must_use]
pub fn secret_key(sequence: &str) -> String {
    format!("planted-secret-{sequence}")
}

/// The configuration of the whole fleet.
pub(super) fn settings(ground: &Ground, plan: &Plan, simulator: &str, master_key: Option<&Path>) -> String {
    let mut database = ground.database_url();
    if let Some(password) = &plan.database_password {
        database = with_password(&database, password);
    }
    let keys: Vec<_> =
        plan.key.iter().map(|key| format!("\"sha256:{}\"", invoice::Digest::of(key.as_bytes()))).collect();
    let mut text = format!(
        r#"ledger.url = "{database}"
ledger.max_connections = 4
broker.url = "{amqp}"
producer.keys = [{keys}]
submitter.max_in_flight = {in_flight}
simulator.listen = "{simulator}"
simulator.tolerance = "0.0000000005"
telemetry.log = "{log}"
"#,
        amqp = ground.amqp_url(),
        keys = keys.join(", "),
        in_flight = plan.max_in_flight,
        log = plan.log,
    );
    if let Some(file) = master_key {
        writeln!(text, "taxpayers.master_key_file = {:?}", file.display().to_string()).unwrap();
    }
    if !plan.production_waits {
        text.push_str(&scaled_down(plan));
    }
    for (source, family) in fleet::sources() {
        let family = serde_json::to_string(&family).unwrap();
        let (sequence, secret) = (&source.sequence, secret_key(&source.sequence));
        write!(
            text,
            "[[income_sources]]\ntax_number = \"{}\"\nsequence = \"{sequence}\"\nenvironment = \"simulation\"\n\
             family = {family}\nclient_id = \"client-{sequence}\"\nsecret_key = \"{secret}\"\n",
            source.tax_number
        )
        .unwrap();
    }
    text.push_str(&plan.more);
    text
}

/// Everything that waits, so that hours take seconds.
fn scaled_down(plan: &Plan) -> String {
    let (timeout, margin) = (plan.timeout.as_millis(), MARGIN.as_millis());
    format!(
        "broker.ladder_ms = {RUNGS_MS:?}
authority.connect_timeout_ms = 1000
authority.timeout_ms = {timeout}
producer.drain_ms = {margin}
submitter.lease_margin_ms = {margin}
submitter.drain_margin_ms = {margin}
submitter.sweep_every_ms = 500
submitter.checkpoint_every_ms = 2000
submitter.survey_every_ms = 1000
submitter.breaker.open_ms = 100
submitter.breaker.open_max_ms = 1000
policy.ladder_ms = {RUNGS_MS:?}
policy.plateau_ms = 2000
policy.suspect_ms = [200, 200, 200, 200, 200]
policy.credentials_ms = 500
schedule.grace_ms = 1000
schedule.pause_max_ms = 8000
taxpayers.refresh_ms = 300
"
    )
}

/// A URL with this password, unless it has one already.
fn with_password(url: &str, password: &str) -> String {
    let (scheme, rest) = url.split_once("://").expect("a URL");
    match rest.split_once('@') {
        Some((user, place)) if !user.contains(':') => format!("{scheme}://{user}:{password}@{place}"),
        _ => url.to_owned(),
    }
}
