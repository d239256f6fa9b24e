//! `fawtara doctor`: are the services there, of a fit version, permitted? Says how to mend what is not.

mod intake;
mod server;
mod taxpayers;

use std::net::TcpStream;
use std::time::Duration;

use broker::BrokerUrl;
use invoice::Environment;
use ledger::{Keys as _, LedgerError, Part, PostgresLedger};
use serde::Serialize;
use submitter::Endpoints;

use super::{Outcome, say};
use crate::settings::Settings;
use crate::wiring;

/// Arguments of `fawtara doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Grade {
    Ok,
    Warning,
    Wrong,
}

/// One thing looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    grade: Grade,
    seen: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn ok(&mut self, what: &str, seen: impl Into<String>) {
        self.0.push(Finding { what: what.to_owned(), grade: Grade::Ok, seen: seen.into(), mend: None });
    }

    fn add(&mut self, grade: Grade, what: &str, seen: impl Into<String>, mend: impl Into<String>) {
        self.0.push(Finding { what: what.to_owned(), grade, seen: seen.into(), mend: Some(mend.into()) });
    }

    fn check(&mut self, good: bool, grade: Grade, what: &str, seen: impl Into<String>, mend: &str) {
        if good { self.ok(what, seen) } else { self.add(grade, what, seen, mend) }
    }
}

/// Looks at everything; exit code 1 when something is wrong.
///
/// # Errors
/// None: what cannot be reached is a finding.
pub async fn run(args: Args, settings: Settings) -> anyhow::Result<Outcome> {
    let mut findings = Findings::default();
    ledger(&settings, &mut findings).await;
    broker(&settings, &mut findings).await;
    server::listeners(&settings, &mut findings);
    let registered = taxpayers::taxpayers(&settings, &mut findings).await;
    authority(&settings, registered, &mut findings);
    let wrong = findings.0.iter().any(|finding| finding.grade == Grade::Wrong);
    if args.json {
        say!("{}", serde_json::to_string_pretty(&findings.0)?)?;
    } else {
        for finding in &findings.0 {
            let mark = match finding.grade {
                Grade::Ok => "ok     ",
                Grade::Warning => "warning",
                Grade::Wrong => "WRONG  ",
            };
            say!("{mark}  {}: {}", finding.what, finding.seen)?;
            if let Some(mend) = &finding.mend {
                say!("         -> {mend}")?;
            }
        }
        say!("{}", if wrong { "Something is wrong; see above." } else { "Nothing stands in the way." })?;
    }
    Ok(if wrong { Outcome::No } else { Outcome::Done })
}

async fn ledger(settings: &Settings, findings: &mut Findings) {
    let url = settings.ledger.url.masked();
    if settings.ledger.url.is_memory() {
        findings.add(
            Grade::Warning,
            "ledger",
            "memory: nothing survives the process",
            "name a Postgres database as ledger.url",
        );
        return;
    }
    let local = wiring::wall_clock()();
    // As the roles connect: it is the rights of ledger.role that count. Where that cannot be taken on, the login is examined,
    // and what it may do too much tells.
    let mut config = wiring::postgres(settings, Part::Operator);
    config.acquire_timeout = Duration::from_secs(5);
    let mut keys = None;
    let examined = match PostgresLedger::connect(config).await {
        Ok(ledger) => {
            // Without its tables it has no keys; that is said below.
            keys = ledger.valid_keys().await.ok();
            ledger.examine(local).await
        }
        Err(error) => Err(error),
    };
    let seen = match examined {
        Ok(seen) => seen,
        Err(LedgerError::Unavailable(reason)) => {
            let mend = format!(
                "start PostgreSQL 14 or newer, create the database, and set ledger.url (now {url}); \
                 then run `fawtara migrate`"
            );
            findings.add(Grade::Wrong, "ledger", reason, mend);
            return;
        }
        Err(error) => {
            findings.add(
                Grade::Wrong,
                "ledger",
                error.to_string(),
                format!("look at ledger.url ({url}) and the server's log"),
            );
            return;
        }
    };
    findings.check(
        seen.server_version_num >= ledger::SERVER_VERSION_MIN,
        Grade::Wrong,
        "ledger version",
        format!("PostgreSQL {} at {url}", seen.server_version),
        "use PostgreSQL 14 or newer",
    );
    server::postgres(settings, &seen, findings);
    findings.check(
        seen.is_utf8,
        Grade::Wrong,
        "ledger encoding",
        if seen.is_utf8 { "UTF8" } else { "not UTF8" },
        "create the database WITH ENCODING 'UTF8'",
    );
    let migrations = &seen.migrations;
    if !migrations.unknown.is_empty() || !migrations.altered.is_empty() {
        let seen = format!("{} unknown, {} altered", migrations.unknown.len(), migrations.altered.len());
        findings.add(
            Grade::Wrong,
            "ledger migrations",
            seen,
            "the database was migrated by another version: use that version, or a newer one",
        );
    } else {
        let seen = format!("{} applied, {} missing", migrations.applied.len(), migrations.missing.len());
        findings.check(
            migrations.missing.is_empty(),
            Grade::Wrong,
            "ledger migrations",
            seen,
            "run `fawtara migrate` as the owner of the database",
        );
    }
    if let Some(keys) = keys {
        intake::amqp(settings, keys, findings);
    }
    if seen.is_migrated() {
        findings.check(
            seen.missing_rights.is_empty(),
            Grade::Wrong,
            "ledger rights",
            rights(&seen.role, &seen.missing_rights, "lacks"),
            "run `fawtara migrate` as the owner; it grants them",
        );
        findings.check(
            seen.excess_rights.is_empty(),
            Grade::Warning,
            "ledger append-only",
            rights(&seen.role, &seen.excess_rights, "may"),
            "GRANT fawtara_app TO the login, and leave ledger.role at \"auto\"",
        );
        findings.check(
            seen.unguarded.is_empty(),
            Grade::Wrong,
            "ledger guards",
            if seen.unguarded.is_empty() {
                "triggers refuse every change of what was written".to_owned()
            } else {
                seen.unguarded.join(", ")
            },
            "run `fawtara migrate`; somebody has removed or disabled the triggers",
        );
        findings.check(
            seen.missing_partitions.is_empty(),
            Grade::Warning,
            "ledger partitions",
            format!("{} missing", seen.missing_partitions.len()),
            "a running submitter creates them; events go to the default partition meanwhile",
        );
    }
    findings.check(
        seen.clock_ahead_ms.abs() < 5_000,
        Grade::Warning,
        "clock",
        format!("the ledger's is {} ms ahead of this machine's", seen.clock_ahead_ms),
        "synchronise the clocks (NTP); leases use the ledger's",
    );
}

fn rights(role: &str, rights: &[String], verb: &str) -> String {
    if rights.is_empty() {
        format!("{role} has exactly what it needs")
    } else {
        format!("{role} {verb} {}", rights.join(", "))
    }
}

async fn broker(settings: &Settings, findings: &mut Findings) {
    let url = settings.broker.url.masked();
    if settings.broker.url.is_memory() {
        findings.add(
            Grade::Warning,
            "broker",
            "memory: works within one process only",
            "name a RabbitMQ virtual host as broker.url",
        );
        return;
    }
    match broker::examine(&BrokerUrl::new(settings.broker.url.expose()), settings.broker.extra_ca.as_deref())
        .await
    {
        Err(error) => {
            findings.add(
                Grade::Wrong,
                "broker",
                error.to_string(),
                format!("start RabbitMQ 3.10 or newer, and set broker.url (now {url})"),
            );
        }
        Ok(seen) => {
            findings.check(
                seen.new_enough,
                Grade::Wrong,
                "broker version",
                format!("{} {} at {url}", seen.product, seen.version),
                "use RabbitMQ 3.10 or newer; 3.13 or 4.x is best",
            );
            server::road_to_broker(settings, findings);
            for (what, result) in
                [("declare", &seen.declare), ("publish", &seen.publish), ("consume", &seen.consume)]
            {
                match result {
                    Ok(()) => findings.ok(&format!("broker may {what}"), "yes"),
                    Err(error) => findings.add(
                        Grade::Wrong,
                        &format!("broker may {what}"),
                        error.to_string(),
                        "rabbitmqctl set_permissions -p VHOST USER '^fawtara\\.' '.*' '.*'",
                    ),
                }
            }
        }
    }
}

fn authority(settings: &Settings, registered: Option<Endpoints>, findings: &mut Findings) {
    if settings.income_sources.is_empty() && registered.as_ref().is_some_and(Endpoints::is_empty) {
        findings.add(
            Grade::Warning,
            "income sources",
            "none",
            "register one with `fawtara taxpayers add`; no event can be taken without",
        );
    }
    let endpoints = match wiring::endpoints(settings) {
        Ok(endpoints) => endpoints,
        Err(error) => {
            findings.add(
                Grade::Wrong,
                "income sources",
                format!("{error:#}"),
                "mend the configuration of this income source",
            );
            return;
        }
    };
    let all: Endpoints = endpoints.into_iter().chain(registered.unwrap_or_default()).collect();
    for ((environment, source), endpoint) in all {
        let host = endpoint.url().host_str().unwrap_or_default().to_owned();
        let port = endpoint.url().port_or_known_default().unwrap_or(443);
        let what = format!("authority for {source} ({environment})");
        let reached = std::net::ToSocketAddrs::to_socket_addrs(&(host.as_str(), port))
            .and_then(|mut addresses| {
                addresses.next().ok_or_else(|| std::io::Error::other("the name has no address"))
            })
            .and_then(|address| TcpStream::connect_timeout(&address, Duration::from_secs(5)));
        match reached {
            Ok(_) => findings.ok(&what, format!("{host}:{port} answers (no invoice was sent)")),
            Err(error) => {
                let mend = if environment == Environment::Simulation {
                    "start it: `fawtara simulator`"
                } else {
                    "look at the firewall and the way out; some of the authority's addresses only open from Jordan"
                };
                findings.add(Grade::Warning, &what, format!("{host}:{port}: {error}"), mend);
            }
        }
    }
}
