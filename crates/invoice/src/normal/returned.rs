//! The normal form of a return event, by the same customs as an invoice's. Must not know the original.

use super::{name_based_uuid, normalise_buyer, normalise_note, normalise_seller, trim, trim_or_drop};
use crate::returns::ReturnEvent;

/// Brings `event` into its normal form. Its lines stay in their order, and what it leaves out stays out: what that means
/// depends on the original, and may change until the return is completed.
pub(super) fn normalise(event: &mut ReturnEvent) {
    if event.uuid.is_none() {
        event.uuid = Some(name_based_uuid(&event.seller, &event.number));
    }
    trim(&mut event.number);
    normalise_note(&mut event.note);
    normalise_seller(&mut event.seller);
    normalise_buyer(&mut event.buyer);
    trim_or_drop(&mut event.original.uuid);
    trim_or_drop(&mut event.original.number);
    trim(&mut event.original.reason);
    for line in event.original.lines.iter_mut().flatten() {
        trim(&mut line.name);
    }
    for line in event.lines.iter_mut().flatten() {
        trim_or_drop(&mut line.name);
    }
}
