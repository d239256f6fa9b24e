//! What the fleet tells others of its invoices: CloudEvents, and signed webhooks to carry them.
//!
//! It knows neither where notices are kept nor when they are sent again: that is the submitter's housekeeping.

mod event;
mod secret;
mod webhook;

pub use event::{
    CloudEvent, InvoiceNotice, NOTICE_SCHEMA_ID, NoticeSeller, NoticeType, TEST_EVENT_TYPE, notice_schema,
    test_event,
};
pub use secret::{BadSecret, SigningSecret, secrets};
pub use webhook::{Answer, BadWebhook, Webhook, WebhookClient};
