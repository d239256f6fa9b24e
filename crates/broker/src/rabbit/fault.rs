//! What lapin's errors mean to this house: is waiting worth while, and what is there to do. No secret appears in them.

use lapin::{Error, ErrorKind};

use crate::BrokerError;

const ACCESS_REFUSED: u16 = 403;
const PRECONDITION_FAILED: u16 = 406;
const NOT_ALLOWED: u16 = 530;
const NOT_IMPLEMENTED: u16 = 540;

/// The broker's reply code, when it gave one.
fn code(error: &Error) -> Option<u16> {
    match error.kind() {
        ErrorKind::ProtocolError(error) => Some(error.get_id()),
        _ => None,
    }
}

/// An error of a connection, a channel or a question.
pub(super) fn broker_error(error: &Error) -> BrokerError {
    match code(error) {
        Some(ACCESS_REFUSED) => BrokerError::Unfit(format!(
            "{error}; check user name and password, and that the user may configure, write and read the queues fawtara.* \
             and write to the default exchange (rabbitmqctl set_permissions)"
        )),
        Some(NOT_ALLOWED) => BrokerError::Unfit(format!(
            "{error}; check that the virtual host of the URL exists (rabbitmqctl add_vhost) and that the user may enter it"
        )),
        Some(PRECONDITION_FAILED | NOT_IMPLEMENTED) => BrokerError::Unfit(error.to_string()),
        _ => BrokerError::Unavailable(error.to_string()),
    }
}

/// An error of declaring a queue.
pub(super) fn declare_error(queue: &str, error: &Error) -> BrokerError {
    match code(error) {
        Some(PRECONDITION_FAILED) => BrokerError::Unfit(format!(
            "the queue {queue} exists with other arguments than this version needs: {error}. Stop all roles, let the queue run \
             empty, delete it (rabbitmqctl delete_queue {queue}) and start again; it holds hints only, so that what is in it is \
             not lost with it"
        )),
        _ => broker_error(error),
    }
}

/// An error of declaring the exchange of events.
pub(super) fn exchange_error(exchange: &str, error: &Error) -> BrokerError {
    match code(error) {
        Some(PRECONDITION_FAILED) => BrokerError::Unfit(format!(
            "the exchange {exchange} exists, but is not a durable topic exchange: {error}. Delete it and start again; its bindings \
             go with it and must be made anew"
        )),
        _ => broker_error(error),
    }
}

/// Something took longer than it may.
pub(super) fn too_late(what: &str) -> BrokerError {
    BrokerError::Unavailable(format!("{what} did not come in time"))
}
