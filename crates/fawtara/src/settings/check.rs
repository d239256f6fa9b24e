//! What no single setting can tell: values that would stall a role or let an invoice be lost. Must not touch any service.

use std::collections::BTreeSet;

use anyhow::bail;

use super::{Settings, policy, webhook};

/// The longest call, milliseconds: the breaker gives its probe up after 180 s, and a call must have ended by then.
const CALL_MAX_MS: u64 = 120_000;
/// The least that a lease adds to a call, milliseconds.
const LEASE_MARGIN_MIN_MS: u64 = 1_000;
/// The longest that a till may be kept waiting for its answer, milliseconds.
const TILL_MAX_MS: u64 = 300_000;

/// Refuses what cannot work.
///
/// # Errors
/// Which setting, what stands there, and what must.
pub(super) fn check(settings: &Settings) -> anyhow::Result<()> {
    sources(settings)?;
    addresses(settings)?;
    none_is_zero(settings)?;
    authority(settings)?;
    webhook::check(&settings.webhooks)?;
    tills(settings)?;
    sharing(settings)?;
    waits(settings)
}

fn sources(settings: &Settings) -> anyhow::Result<()> {
    let mut seen = BTreeSet::new();
    for source in &settings.income_sources {
        if !seen.insert(source.source()) {
            bail!("income source {} is configured twice", source.source());
        }
        if source.icv_start == 0 {
            bail!("income source {}: icv_start must be 1 or more", source.source());
        }
    }
    Ok(())
}

fn addresses(settings: &Settings) -> anyhow::Result<()> {
    let begins = |url: &super::SecretUrl, schemes: [&str; 2]| {
        url.is_memory() || schemes.iter().any(|scheme| url.expose().starts_with(scheme))
    };
    if !begins(&settings.ledger.url, ["postgres://", "postgresql://"]) {
        bail!("ledger.url must begin with postgres:// or be \"memory\"");
    }
    if !begins(&settings.broker.url, ["amqp://", "amqps://"]) {
        bail!("broker.url must begin with amqp:// or amqps://, or be \"memory\"");
    }
    Ok(())
}

/// Nothing would ever be taken, sent or swept; or all the time.
fn none_is_zero(settings: &Settings) -> anyhow::Result<()> {
    let Settings { ledger, authority, producer, encoder, submitter, .. } = settings;
    for (name, is_zero) in [
        ("ledger.max_connections", ledger.max_connections == 0),
        ("ledger.answer_timeout_ms", ledger.answer_timeout_ms == 0),
        ("authority.timeout_ms", authority.timeout_ms == 0),
        ("authority.connect_timeout_ms", authority.connect_timeout_ms == 0),
        ("producer.max_requests", producer.max_requests == 0),
        ("producer.batch", producer.batch == 0),
        ("producer.prefetch", producer.prefetch == 0),
        ("encoder.batch", encoder.batch == 0),
        ("encoder.prefetch", encoder.prefetch == 0),
        ("submitter.max_in_flight", submitter.max_in_flight == 0),
        ("submitter.batch", submitter.batch == 0),
        ("submitter.sweep_every_ms", submitter.sweep_every_ms == 0),
        ("submitter.window", submitter.window == 0),
        ("submitter.checkpoint_every_ms", submitter.checkpoint_every_ms == 0),
        ("submitter.survey_every_ms", submitter.survey_every_ms == 0),
        ("submitter.reconcile_every_ms", submitter.reconcile_every_ms == 0),
        ("submitter.fleet_max_in_flight", submitter.fleet_max_in_flight == 0),
        ("submitter.fleet_renew_ms", submitter.fleet_renew_ms == 0),
        ("submitter.pace.min", submitter.pace.min == 0),
        ("submitter.pace.latency_factor", submitter.pace.latency_factor == 0),
        ("submitter.breaker.failures", submitter.breaker.failures == 0),
        ("submitter.breaker.open_ms", submitter.breaker.open_ms == 0),
        ("events.every_ms", settings.events.every_ms == 0),
        ("events.batch", settings.events.batch == 0),
        ("events.webhook_timeout_ms", settings.events.webhook_timeout_ms == 0),
        ("events.webhook_in_flight", settings.events.webhook_in_flight == 0),
        ("events.webhook_keep_days", settings.events.webhook_keep_days == 0),
        ("archive.retention_years", settings.archive.retention_years == 0),
        ("taxpayers.refresh_ms", settings.taxpayers.refresh_ms == 0),
    ] {
        if is_zero {
            bail!("{name} is 0; it must be 1 or more");
        }
    }
    Ok(())
}

fn authority(settings: &Settings) -> anyhow::Result<()> {
    let (whole, connecting) = (settings.authority.timeout_ms, settings.authority.connect_timeout_ms);
    if whole > CALL_MAX_MS {
        bail!("authority.timeout_ms is {whole}; it must be {CALL_MAX_MS} at most");
    }
    if connecting >= whole {
        bail!(
            "authority.connect_timeout_ms is {connecting}; it must be less than authority.timeout_ms, which is {whole}"
        );
    }
    let lease = settings.submitter.lease_margin_ms;
    if lease < LEASE_MARGIN_MIN_MS && !settings.ledger.url.is_memory() {
        bail!(
            "submitter.lease_margin_ms is {lease}; leases need a margin of at least {LEASE_MARGIN_MIN_MS} over the call's \
             time-out"
        );
    }
    Ok(())
}

/// A share that is renewed too late stops the sender; one of another kind would stop it for good.
fn sharing(settings: &Settings) -> anyhow::Result<()> {
    let submitter = &settings.submitter;
    let (renew, margin) = (submitter.fleet_renew_ms, submitter.fleet_margin_ms);
    if renew.saturating_mul(2) > margin || margin > CALL_MAX_MS {
        bail!(
            "submitter.fleet_margin_ms is {margin}; it must be at least twice submitter.fleet_renew_ms, which is {renew}, \
             and {CALL_MAX_MS} at most"
        );
    }
    let pace = &submitter.pace;
    if pace.min > submitter.max_in_flight {
        bail!(
            "submitter.pace.min is {}; it must be submitter.max_in_flight at most, which is {}",
            pace.min,
            submitter.max_in_flight
        );
    }
    if !(1..1_000).contains(&pace.decrease_permille) {
        bail!(
            "submitter.pace.decrease_permille is {}; it must be from 1 to 999, such as 700, which leaves 0.7 of the limit",
            pace.decrease_permille
        );
    }
    let breaker = &submitter.breaker;
    if breaker.open_max_ms < breaker.open_ms {
        bail!(
            "submitter.breaker.open_max_ms is {}; it must be at least submitter.breaker.open_ms, which is {}",
            breaker.open_max_ms,
            breaker.open_ms
        );
    }
    Ok(())
}

/// A till that waits longer than its own patience keeps a place for nobody.
fn tills(settings: &Settings) -> anyhow::Result<()> {
    let wait = settings.producer.post2tax_wait_ms;
    if wait > TILL_MAX_MS {
        bail!("producer.post2tax_wait_ms is {wait}; it must be {TILL_MAX_MS} at most");
    }
    Ok(())
}

fn waits(settings: &Settings) -> anyhow::Result<()> {
    let rungs = &settings.broker.ladder_ms.rungs_ms;
    if rungs.first() == Some(&0) || !rungs.is_sorted_by(|low, high| low < high) {
        bail!("broker.ladder_ms must rise strictly from more than 0, such as [5000, 30000, 120000]");
    }
    policy::check(settings)
}

#[cfg(test)]
mod tests {
    use crate::settings::read;

    fn complaint(key: &str, value: &str) -> Option<String> {
        read(None, &[(key.to_owned(), value.to_owned())]).err().map(|error| format!("{error:#}"))
    }

    #[test]
    fn what_would_stall_a_role_is_refused_by_its_name() {
        for (key, value) in [
            ("ledger.max_connections", "0"),
            ("ledger.url", "mysql://app:s3cret@db/x"),
            ("broker.url", "http://mq:s3cret@mq"),
            ("broker.ladder_ms", "[0, 5000]"),
            ("broker.ladder_ms", "[5000, 5000]"),
            ("producer.max_requests", "0"),
            ("producer.batch", "0"),
            ("producer.prefetch", "0"),
            ("encoder.batch", "0"),
            ("encoder.prefetch", "0"),
            ("submitter.max_in_flight", "0"),
            ("submitter.batch", "0"),
            ("submitter.sweep_every_ms", "0"),
            ("submitter.window", "0"),
            ("submitter.checkpoint_every_ms", "0"),
            ("submitter.survey_every_ms", "0"),
            ("submitter.lease_margin_ms", "999"),
            ("authority.timeout_ms", "0"),
            ("authority.timeout_ms", "10000"),
            ("authority.timeout_ms", "120001"),
            ("authority.connect_timeout_ms", "0"),
            ("authority.connect_timeout_ms", "50000"),
            ("submitter.fleet_max_in_flight", "0"),
            ("submitter.fleet_renew_ms", "0"),
            ("submitter.fleet_margin_ms", "9999"),
            ("submitter.fleet_margin_ms", "120001"),
            ("submitter.pace.min", "0"),
            ("submitter.pace.min", "65"),
            ("submitter.pace.decrease_permille", "1000"),
            ("submitter.pace.latency_factor", "0"),
            ("submitter.breaker.failures", "0"),
            ("submitter.breaker.open_ms", "0"),
            ("submitter.breaker.open_max_ms", "4999"),
            ("policy.credentials_ms", "0"),
            ("policy.ladder_ms", "[]"),
            ("policy.ladder_ms", "[5000, 0]"),
            ("policy.plateau_ms", "0"),
            ("events.every_ms", "0"),
            ("events.batch", "0"),
            ("events.webhook_timeout_ms", "0"),
            ("events.webhook_in_flight", "0"),
            ("events.webhook_keep_days", "0"),
            ("taxpayers.refresh_ms", "0"),
            ("producer.post2tax_wait_ms", "300001"),
            ("producer.formats.post2tax.zero_rate_category", "S"),
            ("producer.formats.eezi.card_is", "barter"),
        ] {
            let told = complaint(key, value).unwrap_or_default();
            assert!(told.contains(key), "{key}={value}: {told:?}");
            assert!(!told.contains("s3cret"), "{told}");
        }
    }

    #[test]
    fn what_works_is_taken() {
        for (key, value) in [
            ("submitter.linger_ms", "0"),
            ("encoder.linger_ms", "0"),
            ("producer.linger_ms", "0"),
            ("authority.timeout_ms", "120000"),
            ("authority.connect_timeout_ms", "49999"),
            ("policy.ladder_ms", "[1]"),
            ("policy.suspect_ms", "[]"),
            ("producer.post2tax_wait_ms", "0"),
            ("producer.formats.post2tax.zero_rate_category", "O"),
            ("producer.formats.eezi.card_is", "receivable"),
            ("ledger.url", "postgresql://db/x"),
            ("broker.url", "amqps://mq"),
            ("ledger.url", "memory"),
        ] {
            assert_eq!(complaint(key, value), None, "{key}={value}");
        }
    }
}
