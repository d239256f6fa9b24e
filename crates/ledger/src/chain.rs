//! The hash chain: each event of a stream is linked to the one before it, so that nothing can be changed unseen.

use invoice::{Digest, InvoiceKey, Timestamp};

/// What the first event of every stream is linked to.
pub const GENESIS: Digest = Digest([0; 32]);

/// Everything of an event that its link covers.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// The stream.
    pub key: InvoiceKey,
    /// The event's place in its stream, from 1.
    pub version: u32,
    /// When it happened; microseconds count.
    pub at: Timestamp,
    /// The event's JSON, byte for byte as stored.
    pub payload: &'a str,
}

/// The hash of an event after `previous`.
#[must_use]
pub fn link(previous: &Digest, event: &Link<'_>) -> Digest {
    Digest::of_parts(&[
        previous.as_bytes(),
        event.key.environment.as_str().as_bytes(),
        event.key.uuid.as_bytes(),
        &event.version.to_be_bytes(),
        &event.at.timestamp_micros().to_be_bytes(),
        event.payload.as_bytes(),
    ])
}

/// The last event of a stream, as a checkpoint seals it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Head {
    /// The stream.
    pub key: InvoiceKey,
    /// How many events it had.
    pub version: u32,
    /// The hash of the last of them.
    pub hash: Digest,
}

/// The hash of checkpoint `number`, after the checkpoint with the hash `previous` ([`GENESIS`] before the first).
/// The heads may come in any order.
#[must_use]
pub fn seal(previous: &Digest, number: u64, at: Timestamp, heads: &[Head]) -> Digest {
    let mut heads: Vec<&Head> = heads.iter().collect();
    heads.sort_unstable();
    let start = Digest::of_parts(&[
        previous.as_bytes(),
        &number.to_be_bytes(),
        &at.timestamp_micros().to_be_bytes(),
        &u64::try_from(heads.len()).unwrap_or(u64::MAX).to_be_bytes(),
    ]);
    heads.iter().fold(start, |sealed, head| {
        Digest::of_parts(&[
            sealed.as_bytes(),
            head.key.environment.as_str().as_bytes(),
            head.key.uuid.as_bytes(),
            &head.version.to_be_bytes(),
            head.hash.as_bytes(),
        ])
    })
}

#[cfg(test)]
mod tests {
    use invoice::Environment;
    use uuid::Uuid;

    use super::*;

    fn key(n: u128) -> InvoiceKey {
        InvoiceKey { environment: Environment::Simulation, uuid: Uuid::from_u128(n) }
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_timestamp_micros(micros).unwrap()
    }

    #[test]
    fn a_link_covers_everything() {
        let event = Link { key: key(1), version: 1, at: at(1_000_000), payload: r#"{"type":"accepted"}"# };
        let honest = link(&GENESIS, &event);
        let elsewhere = InvoiceKey { environment: Environment::Production, ..key(1) };
        for changed in [
            Link { key: key(2), ..event },
            Link { key: elsewhere, ..event },
            Link { version: 2, ..event },
            Link { at: at(1_000_001), ..event },
            Link { payload: r#"{"type": "accepted"}"#, ..event },
        ] {
            assert_ne!(link(&GENESIS, &changed), honest, "{changed:?}");
        }
        assert_ne!(link(&honest, &event), honest, "the link before it counts");
        // Less than a microsecond is not kept by the ledger, so it must not count.
        let finer = event.at + chrono::TimeDelta::nanoseconds(999);
        assert_eq!(link(&GENESIS, &Link { at: finer, ..event }), honest);
    }

    #[test]
    fn a_link_is_the_same_for_ever() {
        // Ledgers that exist were written with this very hash: when this test fails, the code is wrong, not the test.
        let event =
            Link {
                key: key(7), version: 3, at: at(1_767_225_600_000_000), payload: r#"{"type":"فاتورة"}"#
            };
        assert_eq!(
            link(&Digest([1; 32]), &event).to_string(),
            "707496de7bdaef58479316fa8e5c1a118fcfe1fb11801cd819929d30e0726352"
        );
    }

    #[test]
    fn a_seal_covers_everything_but_the_order() {
        let first = Head { key: key(1), version: 1, hash: Digest([1; 32]) };
        let second = Head { key: key(2), version: 5, hash: Digest([2; 32]) };
        let honest = seal(&GENESIS, 1, at(5), &[first, second]);
        assert_eq!(seal(&GENESIS, 1, at(5), &[second, first]), honest);
        for changed in [
            seal(&Digest([9; 32]), 1, at(5), &[first, second]),
            seal(&GENESIS, 2, at(5), &[first, second]),
            seal(&GENESIS, 1, at(6), &[first, second]),
            seal(&GENESIS, 1, at(5), &[first]),
            seal(&GENESIS, 1, at(5), &[first, Head { version: 4, ..second }]),
            seal(&GENESIS, 1, at(5), &[first, Head { hash: Digest([3; 32]), ..second }]),
            seal(&GENESIS, 1, at(5), &[first, Head { key: key(3), ..second }]),
        ] {
            assert_ne!(changed, honest);
        }
    }
}
