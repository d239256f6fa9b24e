//! throwaway
#![allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stdout, reason = "throwaway")]
use std::sync::Arc;
use std::time::Instant;
use invoice::life::Event;
use ledger::conformance::{Numbering, arrival, evidence};
use ledger::testing::TestDatabase;
use ledger::{Change, Ledger, Schedule};
#[tokio::test]
async fn speed() {
    let database = TestDatabase::create().await.unwrap();
    if std::env::var("EXPLAIN").is_ok() {
        use sqlx::Connection;
        let mut c = sqlx::PgConnection::connect(database.url()).await.unwrap();
        let name: String = sqlx::query_scalar("select current_database()").fetch_one(&mut c).await.unwrap();
        for s in ["session_preload_libraries='auto_explain'","auto_explain.log_min_duration='0'","auto_explain.log_analyze='on'", "auto_explain.log_buffers='on'"] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(format!("ALTER DATABASE {name} SET {s}"))).execute(&mut c).await.unwrap();
        }
    }
    let ledger = database.ledger(Schedule::default()).await.unwrap();
    let rounds: u64 = std::env::var("ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(20);
    let mut t = [0u128; 5];
    for round in 0..rounds {
        let arrivals: Vec<_> = (round * 256..round * 256 + 256).map(arrival).collect();
        let keys: Vec<_> = arrivals.iter().map(|a| a.key).collect();
        let b = Instant::now(); ledger.accept(arrivals).await.unwrap(); t[0] += b.elapsed().as_micros();
        let b = Instant::now(); ledger.encode(keys.clone(), Arc::new(Numbering::default())).await.unwrap(); t[1] += b.elapsed().as_micros();
        let b = Instant::now(); let l = ledger.load(&keys).await.unwrap(); t[2] += b.elapsed().as_micros();
        let now = l.now;
        let ch: Vec<_> = l.invoices.into_iter().flatten().map(|i| Change { events: vec![Event::SubmissionStarted{attempt:1,document:1,lease_until: now+chrono::TimeDelta::seconds(80), worker:"w".into(), xml: i.xml.unwrap()}], invoice: i, at: now, documents: vec![], attempt: None}).collect();
        let b = Instant::now(); let done = ledger.append(ch).await.unwrap(); t[3] += b.elapsed().as_micros();
        let ch: Vec<_> = done.into_iter().map(|d| match d { ledger::Appended::Done(i) => i, _ => panic!() }).map(|i| Change { events: vec![Event::Cleared{attempt:1,document:1,qr:"Q".repeat(300),already:false,late:false,note:None,signed:None,evidence:evidence("ok")}],
            documents: vec![ledger::NewDocument{document:1,kind:ledger::DocumentKind::Signed,bytes: format!("<x>{:?}</x>", i).repeat(5).into_bytes()}], invoice: i, at: now, attempt: None}).collect();
        let b = Instant::now(); ledger.append(ch).await.unwrap(); t[4] += b.elapsed().as_micros();
    }
    let n = u128::from(rounds * 256);
    println!("us per invoice: accept {} encode {} load {} claim {} clear {}", t[0]/n, t[1]/n, t[2]/n, t[3]/n, t[4]/n);
    let b = Instant::now(); let v = ledger.verify().await.unwrap(); println!("verify {:?} {:?}", b.elapsed(), v.violations.len());
    let b = Instant::now(); ledger.standing().await.unwrap(); println!("standing {:?}", b.elapsed());
    let b = Instant::now(); println!("{:?}", ledger.checkpoint(100_000).await.unwrap()); println!("checkpoint {:?}", b.elapsed());
    ledger.close().await;
    database.remove().await.unwrap();
}
