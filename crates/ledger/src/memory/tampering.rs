//! For tests only: what somebody with access to the store could do, to see that [`crate::Ledger::verify`] finds it.

use invoice::InvoiceKey;
use invoice::life::State;

use super::MemoryLedger;

/// One dishonest act on one invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tampering {
    /// Puts another payload in the place of an event's.
    Payload {
        /// Which event, from 1.
        version: usize,
        /// The JSON that is to stand there.
        payload: String,
    },
    /// As [`Tampering::Payload`], with all hashes from there on made to fit: only checkpoints and the fold can tell.
    Rewrite {
        /// Which event, from 1.
        version: usize,
        /// The JSON that is to stand there.
        payload: String,
    },
    /// Removes the last event and puts the state back to what the rest says.
    Tail,
    /// Removes the whole invoice, its number included.
    Stream,
    /// Removes the invoice but not its number.
    Invoice,
    /// Puts it elsewhere without an event.
    State(State),
    /// Changes a byte of its first document.
    Document,
    /// Changes the content that it came with.
    Content,
    /// Takes its counter away.
    Counter,
    /// Forgets what the last checkpoint sealed of it.
    Head,
}

impl MemoryLedger {
    /// Does it; false when there is nothing to do it to.
    pub fn tamper(&self, key: InvoiceKey, tampering: Tampering) -> bool {
        self.tampered(key, tampering).is_some()
    }

    fn tampered(&self, key: InvoiceKey, tampering: Tampering) -> Option<()> {
        let mut store = self.store();
        let stream = store.streams.get_mut(&key)?;
        match tampering {
            Tampering::Payload { version, payload } => stream.events.get_mut(version - 1)?.payload = payload,
            Tampering::Rewrite { version, payload } => {
                stream.events.get_mut(version - 1)?.payload = payload;
                let events = std::mem::take(&mut stream.events);
                for stored in events {
                    super::store::push(stream, stored.payload, stored.at);
                }
            }
            Tampering::Tail => {
                stream.events.pop()?;
                let history = store.history(&key).ok()?;
                let stream = store.streams.get_mut(&key)?;
                stream.invoice = super::proof::fold(&stream.invoice, &history)?;
            }
            Tampering::Stream => {
                let number =
                    ((key.environment, stream.invoice.source.clone()), stream.invoice.number.clone());
                store.numbers.remove(&number);
                store.streams.remove(&key);
            }
            Tampering::Invoice => drop(store.streams.remove(&key)),
            Tampering::State(state) => stream.invoice.state = state,
            Tampering::Document => *stream.documents.values_mut().flatten().next()?.bytes.first_mut()? ^= 1,
            Tampering::Content => stream.contents.first_mut()?.push(' '),
            Tampering::Counter => {
                let counter = (key.environment, stream.invoice.source.clone());
                let icv = stream.invoice.icv?;
                store.assignments.remove(&(counter, icv))?;
            }
            Tampering::Head => {
                store.checkpoints.last_mut()?.heads.retain(|head| head.key != key);
            }
        }
        Some(())
    }
}
