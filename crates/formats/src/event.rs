//! Our own events, among the formats so that every way in can be asked for any of them.

use invoice::Fault;

use crate::document::{Mapped, Names};

pub(crate) fn read(json: &[u8]) -> Result<Mapped, Vec<Fault>> {
    invoice::parse(json).map(|event| Mapped { event, names: Names::Own })
}
