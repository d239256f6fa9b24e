//! What `doctor` says of the registry of taxpayers: is there a master key, does it open what is stored, is anything left out?

use std::sync::Arc;
use std::time::Duration;

use ledger::vault::Vault;
use ledger::{Ledger, Part, PostgresLedger, RegisteredSource, Registry};
use submitter::Endpoints;

use super::{Findings, Grade};
use crate::settings::Settings;
use crate::{registry, vault, wiring};

/// Looks at the registry, and gives the places to send to that it holds; none where it cannot be read.
pub(super) async fn taxpayers(settings: &Settings, findings: &mut Findings) -> Option<Endpoints> {
    let keys = match vault::vault(&settings.taxpayers) {
        Ok(keys) => keys,
        Err(error) => {
            findings.add(Grade::Wrong, "master key", format!("{error:#}"), "mend the key or the setting");
            Vault::default()
        }
    };
    let registry = read(settings, findings).await?;
    if registry.sources.is_empty() {
        findings.ok("taxpayers", "none in the ledger");
        return Some(Endpoints::default());
    }
    let active: Vec<_> = registry.sources.iter().filter(|source| source.active).collect();
    let (all, active_count) = (registry.sources.len(), active.len());
    findings.ok("taxpayers", format!("{all} income source(s) in the ledger, {active_count} active"));
    overruled(settings, &registry, findings);
    secrets(&registry, &keys, findings);
    let endpoint = |source: &&RegisteredSource| {
        let name = (source.environment, source.source.clone());
        match registry::endpoint(settings, &keys, source) {
            Ok(endpoint) => Some((name, endpoint)),
            Err(error) => {
                let what = format!("income source {} ({})", source.source, source.environment);
                let mend = "its invoices wait, the others go on: `fawtara taxpayers show` and `set`, or `rotate-secret`";
                findings.add(Grade::Wrong, &what, format!("{error:#}"), mend);
                None
            }
        }
    };
    Some(active.iter().filter_map(endpoint).collect())
}

async fn read(settings: &Settings, findings: &mut Findings) -> Option<Registry> {
    if settings.ledger.url.is_memory() {
        return Some(Registry::default());
    }
    let mut config = wiring::postgres(settings, Part::Operator);
    config.acquire_timeout = Duration::from_secs(5);
    // That the ledger cannot be reached has been told already.
    let ledger: Arc<dyn Ledger> = Arc::new(PostgresLedger::connect(config).await.ok()?);
    match ledger.taxpayers().registry().await {
        Ok(registry) => Some(registry),
        Err(error) => {
            findings.add(Grade::Wrong, "taxpayers", error.to_string(), "run `fawtara migrate`");
            None
        }
    }
}

fn overruled(settings: &Settings, registry: &Registry, findings: &mut Findings) {
    for source in &settings.income_sources {
        let name = source.source();
        if registry.sources.iter().any(|known| known.source == name) {
            findings.add(
                Grade::Warning,
                &format!("income source {name}"),
                "it stands in the ledger and in the settings; for new events the ledger counts",
                "take it out of [[income_sources]] once nothing of it is under way",
            );
        }
    }
}

fn secrets(registry: &Registry, keys: &Vault, findings: &mut Findings) {
    let sealed: Vec<_> = registry.sources.iter().filter_map(|source| source.secret.as_ref()).collect();
    if sealed.is_empty() {
        return;
    }
    match keys.key_id() {
        Err(error) => findings.add(
            Grade::Wrong,
            "master key",
            format!("{error}; {} stored secret(s) cannot be opened", sealed.len()),
            "only submitters and `fawtara taxpayers` need it; without it nothing is sent for these income sources",
        ),
        Ok(id) => {
            let older = sealed.iter().filter(|sealed| keys.is_current(sealed) != Ok(true)).count();
            findings.check(
                older == 0,
                Grade::Warning,
                "master key",
                format!("{id}; {older} of {} stored secret(s) are under another one", sealed.len()),
                "run `fawtara taxpayers rotate-master-key`",
            );
        }
    }
}
