//! One suite for every way in: the real client by each of its routes, inside the process and over real HTTP. What holds
//! for a document must hold for it whichever way it comes.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use chrono::DateTime;
use jofotara::{
    Client, Credentials, Endpoint, HttpConfig, HttpTransport, RelayRoute, Route, Standing, StatusReport,
    TokenRoute, Verdict,
};
use secrecy::SecretString;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::authority::Authority;
use crate::device::Device;
use crate::document::Family;
use crate::fault::{Fault, FaultRule, Match, Target, Times};
use crate::handle::Handle;
use crate::http::{Clock, serve};
use crate::in_process::InProcess;
use crate::sample;
use crate::settings::Settings;
use crate::tokens::TokenPolicy;

const TIMEOUT: Duration = Duration::from_secs(20);

/// How the client reaches the authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Road {
    InProcess,
    Http,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Direct,
    Token,
    Relay,
}

const ROADS: [Road; 2] = [Road::InProcess, Road::Http];
const WAYS: [Way; 3] = [Way::Direct, Way::Token, Way::Relay];

/// A shop with a device for general sales, and its way to the authority.
struct Shop {
    handle: Handle,
    client: Client,
    base: String,
    license: PathBuf,
    stop: CancellationToken,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.stop.cancel();
        let _ = std::fs::remove_file(&self.license);
    }
}

impl Shop {
    async fn on(road: Road) -> Self {
        static FILES: AtomicU32 = AtomicU32::new(0);
        let file =
            format!("simulator-routes-{}-{}", std::process::id(), FILES.fetch_add(1, Ordering::Relaxed));
        let license = std::env::temp_dir().join(file);
        std::fs::write(&license, "license-1\n").unwrap();
        let settings = Settings { license_keys: ["license-1".to_owned()].into(), ..Settings::default() };
        let mut authority = Authority::new(settings, 1);
        authority.register(Device {
            client_id: "shop-1".into(),
            secret_key: "s3cr3t/KEY+7==".into(),
            tax_number: sample::TAX_NUMBER.into(),
            income_source: sample::INCOME_SOURCE.into(),
            family: Family::General,
            consumer_price: false,
        });
        let handle = Handle::new(authority);
        let clock: Clock = Arc::new(|| DateTime::UNIX_EPOCH);
        let stop = CancellationToken::new();
        let (client, base) = match road {
            Road::InProcess => {
                let road = InProcess::new(handle.clone(), clock);
                (Client::new(Arc::new(road)), "http://localhost".to_owned())
            }
            Road::Http => {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let base = format!("http://{}", listener.local_addr().unwrap());
                tokio::spawn(serve(listener, None, handle.clone(), clock, stop.clone().cancelled_owned()));
                (Client::new(Arc::new(HttpTransport::new(HttpConfig::default()).unwrap())), base)
            }
        };
        Self { handle, client, base, license, stop }
    }

    fn endpoint(&self, way: Way) -> Endpoint {
        self.endpoint_with(way, "s3cr3t/KEY+7==")
    }

    fn endpoint_with(&self, way: Way, secret_key: &str) -> Endpoint {
        let base = &self.base;
        let route = match way {
            Way::Direct => Route::Direct,
            Way::Token => Route::Token(TokenRoute {
                token_url: format!("{base}/api/get_token"),
                submit_url: format!("{base}/api/invoice"),
                status_url: format!("{base}/api/invoice"),
            }),
            Way::Relay => Route::Relay(RelayRoute {
                url: base.clone(),
                license_key_file: Some(self.license.clone()),
                license_key_env: None,
            }),
        };
        let credentials =
            Credentials { client_id: "shop-1".into(), secret_key: SecretString::from(secret_key) };
        let (environment, url) = ("simulation".parse().unwrap(), format!("{base}/core/invoices/"));
        Endpoint::routed(environment, &url, &route, credentials, TIMEOUT).unwrap()
    }

    async fn send(&self, way: Way) -> Verdict {
        self.send_to(&self.endpoint(way)).await
    }

    async fn send_to(&self, endpoint: &Endpoint) -> Verdict {
        let draft = draft();
        self.client
            .submit(endpoint, draft.number, &draft.uuid.parse().unwrap(), Bytes::from(draft.xml()))
            .await
    }

    async fn ask(&self, way: Way) -> StatusReport {
        let draft = draft();
        let xml = Bytes::from(draft.xml());
        self.client.status(&self.endpoint(way), draft.number, &draft.uuid.parse().unwrap(), xml).await
    }

    fn fault(&self, target: Target, fault: Fault) {
        let matching = Match { target, ..Match::default() };
        self.handle.with(|authority| {
            authority.clear_faults();
            authority.add_fault(FaultRule { matching, times: Times::Total(1), fault });
        });
    }
}

/// A local sale that every way can carry, with a tax that does not end at the third decimal.
fn draft() -> sample::Draft {
    sample::Draft {
        number: "INV-77",
        discount: "2.000",
        tax: Some("4.5445"),
        exclusive: "67.290",
        inclusive: "69.8345",
        lines: sample::taxed(["1", "33.00", "2.00", "2.00", "64.00"], "S", "7.00", "4.48", "68.48")
            + &sample::taxed(["2", "6", "0.215", "0", "1.29"], "S", "5", "0.0645", "1.3545"),
        ..sample::general_draft()
    }
}

fn kind(verdict: &Verdict) -> &'static str {
    verdict.outcome.kind().as_str()
}

#[tokio::test]
async fn a_document_clears_and_is_known_again_by_every_way() {
    for road in ROADS {
        for way in WAYS {
            let shop = Shop::on(road).await;
            let (first, again) = (shop.send(way).await, shop.send(way).await);
            assert_eq!(kind(&first), "cleared", "{road:?} {way:?}: {first:?}");
            assert!(format!("{:?}", first.outcome).contains("already: false"), "{first:?}");
            assert_eq!(kind(&again), "cleared", "{road:?} {way:?}: {again:?}");
            assert!(format!("{:?}", again.outcome).contains("already: true"), "{again:?}");
            // The relay alone returns no document.
            assert_eq!(first.signed.is_none(), way == Way::Relay);
            let summary = shop.handle.with(|authority| authority.summary(true));
            assert_eq!((summary.cleared_count, summary.requests), (1, 2));
            assert_eq!(summary.tokens_issued, u64::from(way == Way::Token), "one token for both");
            let cleared = summary.cleared.first().unwrap();
            assert_eq!((cleared.number.as_str(), cleared.icv.as_str()), ("INV-77", "7"));
        }
    }
}

#[tokio::test]
async fn every_fault_comes_to_the_same_outcome_by_every_way() {
    let status = |code| Fault::Status { code, retry_after_s: Some(7), processed: false };
    let cases = [
        (status(403), "credentials"),
        (status(429), "not_now"),
        (status(500), "suspect"),
        (status(503), "not_now"),
        (Fault::InnerError, "suspect"),
        (Fault::Garbage { processed: true }, "in_doubt"),
        (Fault::Html { processed: false }, "in_doubt"),
        (Fault::DropBefore, "in_doubt"),
        (Fault::DropAfter, "in_doubt"),
        (Fault::WithoutQr, "accepted_without_qr"),
        (Fault::OtherNumber("فاتورة-9".into()), "in_doubt"),
        (Fault::OtherUuid("9f7a5a4e-32f1-4f0f-8a54-0c6f1f2f3aff".into()), "in_doubt"),
        (Fault::Refuse { message: "سبب".into(), status: None }, "refused"),
    ];
    for road in ROADS {
        for way in WAYS {
            for (fault, expected) in &cases {
                let shop = Shop::on(road).await;
                shop.fault(Target::Document, fault.clone());
                let (first, second) = (shop.send(way).await, shop.send(way).await);
                assert_eq!(kind(&first), *expected, "{road:?} {way:?} {fault:?}: {first:?}");
                assert_eq!(kind(&second), "cleared", "{road:?} {way:?} {fault:?}: {second:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_standing_of_a_document_is_found_out_by_every_way() {
    for road in ROADS {
        for way in WAYS {
            let shop = Shop::on(road).await;
            shop.fault(Target::Document, Fault::DropAfter);
            assert_eq!(kind(&shop.send(way).await), "in_doubt");
            let report = shop.ask(way).await;
            assert_eq!(report.standing, Standing::Cleared, "{road:?} {way:?}: {report:?}");
            let summary = shop.handle.with(|authority| authority.summary(false));
            let queried = u64::from(way == Way::Token);
            assert_eq!((summary.queries, summary.requests), (queried, 2 - queried), "{way:?}");
        }
    }
}

#[tokio::test]
async fn a_question_sends_nothing_and_knows_what_is_not_there() {
    for road in ROADS {
        let shop = Shop::on(road).await;
        assert_eq!(shop.ask(Way::Token).await.standing, Standing::NotThere);
        shop.fault(Target::Query, Fault::Status { code: 503, retry_after_s: None, processed: false });
        assert_eq!(shop.ask(Way::Token).await.standing, Standing::CannotTell);
        shop.handle.with(Authority::revoke_tokens);
        assert_eq!(shop.ask(Way::Token).await.standing, Standing::NotThere);
        let summary = shop.handle.with(|authority| authority.summary(false));
        assert_eq!((summary.requests, summary.cleared_count, summary.tokens_issued), (0, 0, 2));
    }
}

#[tokio::test]
async fn wrong_keys_are_the_credentials_by_every_way() {
    for road in ROADS {
        for way in WAYS {
            let shop = Shop::on(road).await;
            let verdict = shop.send_to(&shop.endpoint_with(way, "another")).await;
            assert_eq!(kind(&verdict), "credentials", "{road:?} {way:?}: {verdict:?}");
            assert_eq!(shop.handle.with(|authority| authority.summary(false).cleared_count), 0);
        }
        let shop = Shop::on(road).await;
        std::fs::write(&shop.license, "license-2").unwrap();
        assert_eq!(kind(&shop.send(Way::Relay).await), "credentials");
    }
}

#[tokio::test]
async fn a_down_authority_is_not_now_by_every_way() {
    for way in WAYS {
        let shop = Shop::on(Road::InProcess).await;
        shop.handle.with(|authority| authority.set_down(true));
        assert_eq!(kind(&shop.send(way).await), "not_now", "{way:?}");
    }
}

#[tokio::test]
async fn tokens_that_end_or_are_refused_are_borne() {
    for road in ROADS {
        let shop = Shop::on(road).await;
        assert_eq!(kind(&shop.send(Way::Token).await), "cleared");
        // The client thinks that its token holds; the authority knows better, and the client has another one.
        shop.handle.with(Authority::revoke_tokens);
        assert_eq!(kind(&shop.send(Way::Token).await), "cleared");
        assert_eq!(shop.handle.with(|authority| authority.summary(false).tokens_issued), 2);
        let refuse = Some("invalid_client".to_owned());
        shop.handle.with(|authority| {
            authority.revoke_tokens();
            authority.set_tokens(TokenPolicy { refuse, ..TokenPolicy::default() });
        });
        let verdict = shop.send(Way::Token).await;
        assert_eq!(kind(&verdict), "credentials", "{verdict:?}");
        shop.handle.with(|authority| authority.set_tokens(TokenPolicy::default()));
        shop.fault(Target::Token, Fault::Status { code: 503, retry_after_s: None, processed: false });
        let verdict = shop.send(Way::Token).await;
        // No status: it would look as if the document had gone out.
        assert_eq!((kind(&verdict), verdict.evidence.http_status), ("not_now", None));
        assert!(verdict.evidence.message.contains("503"), "{verdict:?}");
        assert_eq!(kind(&shop.send(Way::Token).await), "cleared");
    }
}

/// Many workers over real sockets.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_workers_share_one_token_over_http() {
    let shop = Shop::on(Road::Http).await;
    let endpoint = shop.endpoint(Way::Token);
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (client, endpoint) = (shop.client.clone(), endpoint.clone());
        workers.spawn(async move {
            let draft = draft();
            let xml = Bytes::from(draft.xml());
            client.submit(&endpoint, draft.number, &draft.uuid.parse().unwrap(), xml).await
        });
    }
    let verdicts = workers.join_all().await;
    assert!(verdicts.iter().all(|verdict| kind(verdict) == "cleared"));
    let summary = shop.handle.with(|authority| authority.summary(false));
    assert_eq!((summary.tokens_issued, summary.requests, summary.cleared_count), (1, 50, 1));
}
