//! What the servers' own settings give and what they do not: durability, room for connections, encryption. It only judges what
//! was examined before.

use std::net::{IpAddr, SocketAddr};

use ledger::{Examination, Setting};

use super::{Findings, Grade};
use crate::settings::Settings;

/// What else may want a connection: commands of persons, a backup, monitoring.
const OTHERS: u32 = 10;

pub(super) fn postgres(settings: &Settings, seen: &Examination, findings: &mut Findings) {
    for Setting { name, value, durable } in &seen.durability {
        let mend = format!(
            "a commit would not survive a crash, so that \"accepted\" would not be durable: ALTER SYSTEM SET {name} = on (and \
             ALTER DATABASE or ALTER ROLE ... RESET {name}, where it was set for them), then SELECT pg_reload_conf(); restart \
             the roles"
        );
        findings.check(*durable, Grade::Wrong, &format!("ledger {name}"), value.clone(), &mend);
    }
    findings.check(
        seen.vacuums,
        Grade::Warning,
        "ledger vacuum",
        if seen.vacuums { "autovacuum is on" } else { "autovacuum is off" },
        "tables and indexes grow with every change and slow down, week by week: ALTER SYSTEM SET autovacuum = on (and track_counts \
         = on), then SELECT pg_reload_conf()",
    );
    findings.check(
        seen.archives,
        Grade::Warning,
        "ledger archive",
        if seen.archives { "the log is archived" } else { "the log is not archived" },
        "a crash loses nothing, but a lost disk loses all since the last backup: set archive_mode = on with an archive_command, or \
         run a standby, and try the restore out",
    );
    findings.check(
        seen.data_checksums,
        Grade::Warning,
        "ledger checksums",
        if seen.data_checksums { "on" } else { "off" },
        "a damaged page would be found late: pg_checksums --enable while the server is stopped",
    );
    let wanted = settings.ledger.max_connections.saturating_mul(3).saturating_add(OTHERS);
    let most = u32::try_from(seen.max_connections).unwrap_or(0);
    findings.check(
        wanted <= most,
        Grade::Warning,
        "ledger connections",
        format!(
            "{most} for everybody; ledger.max_connections is {} for each process",
            settings.ledger.max_connections
        ),
        "three processes of that size and some commands do not fit: raise max_connections, lower ledger.max_connections, or use a \
         pooler in session mode",
    );
    let host = host_of(settings.ledger.url.expose());
    findings.check(
        seen.encrypted || host.as_deref().is_none_or(is_here),
        Grade::Warning,
        "ledger encryption",
        if seen.encrypted { "TLS" } else { "none" },
        "password and documents travel in clear: add ?sslmode=verify-full&sslrootcert=FILE to ledger.url, and ssl = on in \
         postgresql.conf",
    );
}

pub(super) fn road_to_broker(settings: &Settings, findings: &mut Findings) {
    let url = settings.broker.url.expose();
    let encrypted = url.starts_with("amqps://");
    let here = host_of(url).as_deref().is_none_or(is_here);
    findings.check(
        encrypted || here,
        Grade::Warning,
        "broker encryption",
        if encrypted { "TLS" } else { "none" },
        "password and events travel in clear: use amqps:// (with broker.extra_ca for an authority of your own)",
    );
    let user = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(user, _)| user);
    findings.check(
        here || user != Some("guest:guest"),
        Grade::Warning,
        "broker user",
        if user == Some("guest:guest") { "guest with its first password" } else { "its own" },
        "make a user for Fawtara: rabbitmqctl add_user fawtara, and delete guest",
    );
}

pub(super) fn listeners(settings: &Settings, findings: &mut Findings) {
    let listeners = [
        ("producer.listen", Some(settings.producer.listen), settings.producer.tls.is_some(), "producer.tls"),
        ("admin.listen", settings.admin.listen, settings.admin.tls.is_some(), "admin.tls"),
    ];
    for (name, address, encrypted, setting) in listeners {
        let Some(address) = address else { continue };
        findings.check(
            encrypted || address.ip().is_loopback(),
            Grade::Warning,
            name,
            format!("{address}, {}", if encrypted { "TLS" } else { "no TLS" }),
            &format!(
                "keys and documents travel in clear: set {setting}.cert and {setting}.key, unless a proxy before it speaks TLS and \
                 nobody else reaches it"
            ),
        );
    }
}

/// The host of a URL; of several the first. None when it is a socket of this machine, or none is named.
fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let place = rest.split(['/', '?']).next().unwrap_or_default();
    // A password may hold slashes that were not escaped: then what comes before the last @ is none of the host.
    let place = if place.contains('@') { place } else { rest };
    let place = place.rsplit_once('@').map_or(place, |(_, place)| place);
    let first = place.split([',', '/', '?']).next().unwrap_or_default();
    let host = match first.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => first.split(':').next().unwrap_or_default(),
    };
    (!host.is_empty()).then(|| host.to_owned())
}

fn is_here(host: &str) -> bool {
    host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| SocketAddr::new(address, 0).ip().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grades(findings: &Findings) -> Vec<(&str, Grade)> {
        findings.0.iter().map(|finding| (finding.what.as_str(), finding.grade)).collect()
    }

    #[test]
    fn hosts_are_found_wherever_they_stand() {
        for (url, host) in [
            ("postgres://app:s3cret@db.example:5432/fawtara", Some("db.example")),
            ("postgres://app:p/ss@db/x", Some("db")),
            ("postgres://127.0.0.1/x", Some("127.0.0.1")),
            ("amqps://u:p@[2001:db8::1]:5671/%2f", Some("2001:db8::1")),
            ("amqp://u:p@a:5672,b:5672/%2f", Some("a")),
            ("postgres:///fawtara?host=/run/postgresql", None),
        ] {
            assert_eq!(host_of(url).as_deref(), host, "{url}");
        }
        assert!(is_here("127.0.0.7") && is_here("::1") && is_here("localhost") && !is_here("db"));
    }

    #[test]
    fn what_travels_in_clear_is_said() {
        let with = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> =
                pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            crate::settings::read(None, &pairs).unwrap()
        };
        let mut findings = Findings::default();
        let open = with(&[("broker.url", "amqp://guest:guest@mq/%2f"), ("admin.listen", "0.0.0.0:9100")]);
        road_to_broker(&open, &mut findings);
        listeners(&open, &mut findings);
        let warned = [
            ("broker encryption", Grade::Warning),
            ("broker user", Grade::Warning),
            ("producer.listen", Grade::Ok),
            ("admin.listen", Grade::Warning),
        ];
        assert_eq!(grades(&findings), warned);
        let mut findings = Findings::default();
        road_to_broker(&with(&[("broker.url", "amqps://fawtara:x@mq/%2f")]), &mut findings);
        road_to_broker(&with(&[]), &mut findings);
        assert!(
            findings.0.iter().all(|finding| finding.grade == Grade::Ok),
            "{findings:?}",
            findings = grades(&findings)
        );
    }

    #[test]
    fn what_is_not_durable_is_wrong_and_the_rest_is_warned_of() {
        let seen = |durable: bool, connections| Examination {
            server_version: "15.20".to_owned(),
            server_version_num: 150_020,
            durability: vec![Setting {
                name: "synchronous_commit".to_owned(),
                value: if durable { "on" } else { "off" }.to_owned(),
                durable,
            }],
            max_connections: connections,
            vacuums: durable,
            archives: durable,
            data_checksums: durable,
            encrypted: false,
            is_utf8: true,
            migrations: ledger::MigrationStanding::default(),
            login: String::new(),
            role: String::new(),
            excess_rights: Vec::new(),
            missing_rights: Vec::new(),
            unguarded: Vec::new(),
            clock_ahead_ms: 0,
            missing_partitions: Vec::new(),
            strays_in_default: false,
        };
        let mut findings = Findings::default();
        postgres(&Settings::default(), &seen(false, 20), &mut findings);
        let wanted = [
            ("ledger synchronous_commit", Grade::Wrong),
            ("ledger vacuum", Grade::Warning),
            ("ledger archive", Grade::Warning),
            ("ledger checksums", Grade::Warning),
            ("ledger connections", Grade::Warning),
            ("ledger encryption", Grade::Ok),
        ];
        assert_eq!(grades(&findings), wanted);
        let mend = findings.0[0].mend.as_deref().unwrap_or_default();
        assert!(mend.contains("ALTER SYSTEM SET synchronous_commit = on"), "{mend}");
        let mut findings = Findings::default();
        postgres(&Settings::default(), &seen(true, 97), &mut findings);
        assert!(grades(&findings).iter().all(|(_, grade)| *grade == Grade::Ok));
    }
}
