//! Whether the authority may be asked after an invoice, and what its answer means beside what the ledger says. Pure: it
//! neither sends nor records anything.
//!
//! On most routes asking is sending the document again. So there only what is on its way by the ledger's own decision, what
//! the authority has, and what is in doubt may be asked for: sending again what was refused, amended or given up might
//! clear it behind the ledger's back (promises 5 and 6).

use invoice::life::{Cause, Invoice, OutcomeKind, State};
use jofotara::{Asked, Standing};
use ledger::AttemptRecord;

/// Whether the authority may be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// It may, about this document version.
    Yes {
        /// Whose bytes are meant.
        document: u32,
    },
    /// Nothing of the invoice has gone out yet.
    NeverSent,
    /// Asking would be sending what must not be sent.
    No {
        /// Why, and what to do instead.
        reason: &'static str,
    },
}

/// Whether the authority may be asked in this way after an invoice with these attempts.
#[must_use]
pub fn may_ask(invoice: &Invoice, attempts: &[AttemptRecord], asked: Asked) -> Ask {
    let held = invoice.may_be_held() || invoice.cause == Some(Cause::AuthorityHoldsOther);
    let cleared = invoice.state == State::Cleared;
    // Of the current version something went out, or may have.
    let out = |attempt: &&AttemptRecord| {
        attempt.evidence.http_status.is_some()
            || matches!(attempt.outcome, OutcomeKind::InDoubt | OutcomeKind::Crashed)
    };
    let last = attempts.iter().rev().find(out).map(|attempt| attempt.document);
    let under_way = invoice.state == State::Submitted;
    if last.is_none() && !held && !cleared && !under_way {
        return Ask::NeverSent;
    }
    if cleared {
        return Ask::Yes { document: invoice.cleared_document.unwrap_or(invoice.document) };
    }
    if held || under_way {
        return Ask::Yes { document: invoice.document };
    }
    match (asked, invoice.state) {
        (Asked::Query, _) => Ask::Yes { document: last.unwrap_or(invoice.document) },
        (Asked::Resend, State::PendingRetry) if last == Some(invoice.document) => {
            Ask::Yes { document: invoice.document }
        }
        (Asked::Resend, State::PendingRetry | State::Draft) => Ask::No {
            reason: "its current version has not gone out yet, and asking would send it; the fleet does so in its time",
        },
        (Asked::Resend, State::Abandoned) => Ask::No {
            reason: "it was given up, and asking would send it again; `fawtara show` tells what was heard before",
        },
        (Asked::Resend, _) => Ask::No {
            reason: "the authority has refused it, and asking would send it again, which might clear it unrecorded; \
                     requeue it with `fawtara dead-letters requeue` instead: its answer is then kept",
        },
    }
}

/// What to do, seeing what the authority and the ledger say; the answer itself changes nothing.
#[must_use]
pub fn beside(invoice: &Invoice, standing: Standing, qr: Option<&str>) -> &'static str {
    let cleared = invoice.state == State::Cleared;
    match standing {
        Standing::Cleared if cleared && qr.is_some() && invoice.qr.as_deref() != qr => {
            "The ledger has it as cleared too, but with another QR: keep both and ask the department."
        }
        Standing::Cleared if cleared => "Nothing: the ledger has it as cleared too.",
        Standing::AcceptedWithoutQr if cleared => "Nothing: the ledger has it as cleared, with its QR.",
        Standing::Cleared | Standing::AcceptedWithoutQr if invoice.state.waits_for_person() => {
            "The authority has it, the ledger does not know: requeue it with the same bytes (`fawtara dead-letters \
             requeue`); the fleet then records it. Nothing was recorded now."
        }
        Standing::Cleared | Standing::AcceptedWithoutQr => {
            "The authority has it; the fleet records it at its next attempt. Nothing was recorded now."
        }
        _ if cleared => {
            "The ledger has it as cleared, with a QR of the authority: keep both answers and ask the department."
        }
        Standing::HoldsOther => {
            "Compare what the authority holds with ours. The fleet records it at its next attempt; then adopt it or give it up."
        }
        Standing::Refused => "See `fawtara show` for what was heard before, and amend or requeue it.",
        Standing::NotThere => "The authority does not know it: the fleet sends it again when it is due.",
        Standing::CannotTell => "Ask again later; the invoice is not harmed by it.",
    }
}

#[cfg(test)]
mod tests {
    use invoice::life::Evidence;
    use invoice::{Digest, Environment, IncomeSource, InvoiceKey, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn invoice(state: State, document: u32) -> Invoice {
        let key = InvoiceKey { environment: Environment::Simulation, uuid: Uuid::from_u128(7) };
        let source = IncomeSource { tax_number: "1".into(), sequence: "2".into() };
        let digest = Digest::of(b"{}");
        let accepted = Invoice::accepted(key, source, "فاتورة-7".into(), digest, Timestamp::UNIX_EPOCH);
        Invoice { state, document, ..accepted }
    }

    fn attempt(document: u32, outcome: OutcomeKind, http_status: Option<u16>) -> AttemptRecord {
        AttemptRecord {
            attempt: 1,
            document,
            started_at: Timestamp::UNIX_EPOCH,
            ended_at: Timestamp::UNIX_EPOCH,
            worker: "submitter-1".into(),
            outcome,
            late: false,
            evidence: Evidence { http_status, ..Evidence::default() },
        }
    }

    fn is_no(ask: &Ask) -> bool {
        matches!(ask, Ask::No { .. })
    }

    #[test]
    fn what_never_went_out_is_never_asked_for() {
        let unsent = [attempt(1, OutcomeKind::NotNow, None)];
        for asked in [Asked::Query, Asked::Resend] {
            for state in [State::Draft, State::PendingRetry, State::Rejected, State::Abandoned] {
                assert_eq!(may_ask(&invoice(state, 1), &[], asked), Ask::NeverSent, "{state:?}");
                assert_eq!(may_ask(&invoice(state, 1), &unsent, asked), Ask::NeverSent, "{state:?}");
            }
        }
    }

    #[test]
    fn asking_by_sending_is_for_what_may_go_out_anyway() {
        let refused = [attempt(1, OutcomeKind::Refused, Some(400))];
        let yes = Ask::Yes { document: 1 };
        for state in [State::Draft, State::Rejected, State::DeadLettered, State::Abandoned] {
            let invoice = invoice(state, 1);
            assert!(is_no(&may_ask(&invoice, &refused, Asked::Resend)), "{state:?}");
            assert_eq!(may_ask(&invoice, &refused, Asked::Query), yes, "{state:?}");
            let doubted = Invoice { in_doubt: Some(1), ..invoice.clone() };
            assert_eq!(may_ask(&doubted, &refused, Asked::Resend), yes, "{state:?}");
            let accepted = Invoice { qr_outstanding: true, ..invoice };
            assert_eq!(may_ask(&accepted, &[], Asked::Resend), yes, "{state:?}");
        }
        assert_eq!(may_ask(&invoice(State::PendingRetry, 1), &refused, Asked::Resend), yes);
        assert_eq!(may_ask(&invoice(State::Submitted, 1), &[], Asked::Resend), yes);
    }

    #[test]
    fn an_amended_version_is_not_sent_by_a_question() {
        let earlier = [attempt(1, OutcomeKind::Refused, Some(400))];
        for state in [State::Draft, State::PendingRetry] {
            assert!(is_no(&may_ask(&invoice(state, 2), &earlier, Asked::Resend)), "{state:?}");
            assert_eq!(may_ask(&invoice(state, 2), &earlier, Asked::Query), Ask::Yes { document: 1 });
        }
        let cleared = Invoice { cleared_document: Some(1), ..invoice(State::Cleared, 2) };
        assert_eq!(may_ask(&cleared, &earlier, Asked::Resend), Ask::Yes { document: 1 });
    }

    #[test]
    fn what_the_authority_has_and_the_ledger_does_not_know_is_requeued() {
        let told = beside(&invoice(State::DeadLettered, 1), Standing::Cleared, Some("QR"));
        assert!(told.contains("dead-letters") && told.contains("Nothing was recorded"), "{told}");
        let told = beside(&invoice(State::PendingRetry, 1), Standing::Cleared, Some("QR"));
        assert!(told.contains("next attempt"), "{told}");
        let cleared = Invoice { qr: Some("QR".into()), ..invoice(State::Cleared, 1) };
        assert!(beside(&cleared, Standing::Cleared, Some("QR")).starts_with("Nothing"));
        assert!(beside(&cleared, Standing::Cleared, Some("other")).contains("another QR"));
        assert!(beside(&cleared, Standing::Refused, None).contains("ask the department"));
    }
}
