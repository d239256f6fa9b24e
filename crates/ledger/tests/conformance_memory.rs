//! The memory adapter passes the ledger's conformance suite, and finds whatever somebody does to it behind its back.

use std::sync::Arc;

use async_trait::async_trait;
use ledger::conformance::Harness;
use ledger::{Ledger, MemoryLedger, Schedule};

struct Memory;

#[async_trait]
impl Harness for Memory {
    async fn fresh_with(&self, schedule: Schedule) -> Arc<dyn Ledger> {
        Arc::new(empty(schedule))
    }

    async fn fresh_noting(&self) -> Arc<dyn Ledger> {
        Arc::new(empty(Schedule::default()).with_notices())
    }
}

ledger::conformance_suite!(Memory);

fn empty(schedule: Schedule) -> MemoryLedger {
    #[allow(
        clippy::disallowed_methods,
        reason = "the suite runs against the wall clock, as it does for Postgres"
    )]
    let clock = Arc::new(chrono::Utc::now);
    MemoryLedger::new(clock, schedule)
}

#[cfg(test)]
mod alone {
    //! What only the memory adapter can show.

    use std::sync::Arc;

    use invoice::life::State;
    use invoice::{Environment, IncomeSource};
    use ledger::conformance::{Numbering, arrival};
    use ledger::memory::Tampering;
    use ledger::{Draft, Encode, EncodeOutcome, Encoding, Ledger, MemoryLedger, Schedule, Unencoded};

    /// Three encoded invoices, sealed by a checkpoint.
    async fn sealed() -> MemoryLedger {
        let ledger = super::empty(Schedule::default());
        ledger.accept((0..3).map(arrival).collect()).await.unwrap();
        ledger
            .encode((0..3).map(|n| arrival(n).key).collect(), Arc::new(Numbering::default()))
            .await
            .unwrap();
        ledger.checkpoint(10).await.unwrap().unwrap();
        assert_eq!(ledger.verify().await.unwrap().violations, []);
        ledger
    }

    #[tokio::test]
    async fn every_tampering_is_found() {
        let key = arrival(1).key;
        let payload = {
            let history = sealed().await.history(key).await.unwrap();
            serde_json::to_string(&history[1].event).unwrap().replace("\"icv\":1", "\"icv\":2")
        };
        for (tampering, told) in [
            (Tampering::Payload { version: 2, payload: payload.clone() }, "hash does not match"),
            (Tampering::Payload { version: 2, payload: "{".to_owned() }, "event 2 of"),
            (Tampering::Rewrite { version: 2, payload }, "sealed another event"),
            (Tampering::Tail, "sealed another event here, or it is missing"),
            (Tampering::Stream, "it is missing"),
            (Tampering::Invoice, "is missing"),
            (Tampering::State(State::Cleared), "state is not what the events say"),
            (Tampering::Document, "document does not match its digest"),
            (Tampering::Content, "content does not match its digest"),
            (Tampering::Counter, "counter 1 is not assigned"),
            (Tampering::Head, "does not match what it seals"),
        ] {
            let ledger = sealed().await;
            assert!(ledger.tamper(key, tampering.clone()), "{tampering:?}");
            let violations = ledger.verify().await.unwrap().violations;
            assert!(
                violations.iter().any(|violation| violation.message.contains(told)),
                "{tampering:?}: {violations:?}"
            );
            let others =
                violations.iter().filter(|violation| violation.key.is_some_and(|other| other != key));
            assert_eq!(others.count(), 0, "{tampering:?}: only the culprit is named");
        }
        assert!(!sealed().await.tamper(arrival(9).key, Tampering::Tail));
    }

    /// Without a checkpoint a stream whose tail was cut is as honest as before: that is what checkpoints are for.
    #[tokio::test]
    async fn only_a_checkpoint_shows_a_missing_tail() {
        let ledger = super::empty(Schedule::default());
        ledger.accept(vec![arrival(1)]).await.unwrap();
        let unfit = Numbering { unfit: [arrival(1).key.uuid].into(), ..Numbering::default() };
        ledger.encode(vec![arrival(1).key], Arc::new(unfit)).await.unwrap();
        assert!(ledger.tamper(arrival(1).key, Tampering::Tail));
        assert_eq!(ledger.verify().await.unwrap().violations, []);
    }

    struct Fragile;

    impl Encode for Fragile {
        fn icv_start(&self, _: Environment, _: &IncomeSource) -> Option<u64> {
            Some(1)
        }

        fn encode(&self, draft: &Draft, icv: u64) -> Result<Encoding, Unencoded> {
            assert_ne!(draft.invoice.number, arrival(3).number, "breaks on purpose");
            Ok(icv.to_be_bytes().to_vec().into())
        }
    }

    #[tokio::test]
    async fn an_encoder_that_panics_leaves_nothing_half_done() {
        let ledger = Arc::new(super::empty(Schedule::default()));
        ledger.accept([0, 3, 6].map(arrival).to_vec()).await.unwrap();
        let keys = [0, 3, 6].map(|n| arrival(n).key).to_vec();
        let (breaking, drafts) = (ledger.clone(), keys.clone());
        let broken = tokio::spawn(async move { breaking.encode(drafts, Arc::new(Fragile)).await }).await;
        assert!(broken.unwrap_err().is_panic());
        let outcomes = ledger.encode(keys, Arc::new(Numbering::default())).await.unwrap();
        let counters: Vec<_> = outcomes
            .iter()
            .map(|outcome| match outcome {
                EncodeOutcome::Encoded(invoice) => (invoice.version, invoice.icv),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(counters, [(2, Some(1)), (2, Some(2)), (2, Some(3))]);
        assert_eq!(ledger.verify().await.unwrap().violations, []);
    }
}
