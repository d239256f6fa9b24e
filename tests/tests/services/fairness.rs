//! Taxpayers are served in turn on the real services too. Counts, not times: what else runs on the machine does not matter.

use std::sync::Arc;
use std::time::Duration;

use broker::RabbitBroker;
use broker::testing::TestVhost;
use invoice::life::State;
use ledger::testing::TestDatabase;
use ledger::{Filter, Ledger, PostgresConfig, PostgresLedger};
use simulator::{InProcess, Latency};
use tests::events::{event, general_source, income_source};
use tests::fleet::{Fleet, Numbers, Seams, authority};

const LARGE: u64 = 1_500;
const SMALL: u64 = 50;

async fn cleared(ledger: &dyn Ledger, tax_number: &str) -> usize {
    let filter =
        Filter { states: vec![State::Cleared], tax_number: Some(tax_number.to_owned()), ..Filter::default() };
    ledger.list(&filter, None, 10_000).await.unwrap().rows.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_do_not_wait_behind_many() {
    let vhost = TestVhost::create().await;
    let database = TestDatabase::create().await.expect("a database");
    let ledger = PostgresLedger::connect(PostgresConfig::new(database.url())).await.expect("the ledger");
    let broker = RabbitBroker::connect(vhost.config()).await.expect("the broker");
    let mut numbers = Numbers::real();
    numbers.submitter.max_in_flight = 8;
    numbers.submitter.check_seals = false;
    let authority = authority(71);
    authority.with(|it| it.set_latency(Latency::Fixed { ms: 40 }));
    #[allow(clippy::disallowed_methods, reason = "a test on real services runs in real time")]
    let clock = Arc::new(chrono::Utc::now);
    let seams = Seams {
        ledger: Arc::new(ledger),
        broker: Arc::new(broker),
        transport: Arc::new(InProcess::new(authority.clone(), clock)),
        authority,
    };
    let fleet = Fleet::start(&seams, &numbers);
    for first in (0..LARGE).step_by(250) {
        seams.publish((first..first + 250).map(|n| event(2 * n))).await;
    }
    let large = income_source().tax_number;
    tests::wait::until("the first hundred", Duration::from_secs(60), || async {
        (cleared(&*seams.ledger, &large).await >= 100).then_some(())
    })
    .await;
    let before = cleared(&*seams.ledger, &large).await;
    seams.publish((0..SMALL).map(|n| event(2 * n + 1))).await;
    tests::wait::until("the few", Duration::from_secs(60), || async {
        (cleared(&*seams.ledger, &general_source().tax_number).await == 50).then_some(())
    })
    .await;
    let overtaken = LARGE as usize - cleared(&*seams.ledger, &large).await;
    println!(
        "{before} of the many were cleared when the few came, {overtaken} were left when those were through"
    );
    // Before them were at most two windows' worth, and while they were served as many again as they are.
    assert!(overtaken > 500, "{overtaken} of {LARGE} were left, {before} done before");
    let health = seams.broker.health();
    assert!(health.connected, "{health:?}");
    fleet.stop().await;
    seams.broker.close().await;
    database.remove().await.expect("the database goes");
}
