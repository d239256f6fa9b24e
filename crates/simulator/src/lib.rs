//! Stands in for the authority: checks as strictly as the guide says, misbehaves on request.
//!
//! The core is [`Authority`], a pure function of state, request and time; [`Handle`] shares it, [`serve`] puts it
//! behind HTTP. Documents come in by three doors: the guide's one call, the same with a bearer token, and the figures
//! of a gateway. It reads the XML and computes the amounts by itself, from the guide (v1.5), and must never use the
//! crates that write them: a mistake shared by both sides would cancel out.

mod answer;
mod authority;
mod decimal;
mod device;
mod document;
mod exchange;
mod fault;
mod finding;
mod handle;
mod http;
mod in_process;
mod inspection;
mod latency;
mod random;
mod record;
mod relay;
#[cfg(test)]
mod routes;
mod rules;
#[cfg(test)]
mod sample;
mod schema;
mod seal;
mod settings;
mod tokens;
mod xml;

pub use answer::{AnswerShape, Form};
pub use authority::Authority;
pub use decimal::{Decimal, NotADecimal};
pub use device::Device;
pub use document::Family;
pub use exchange::{Call, Delivery, Door, Reply, Request};
pub use fault::{Fault, FaultRule, Match, Target, Times};
pub use handle::Handle;
pub use http::{Clock, serve};
pub use in_process::InProcess;
pub use inspection::{Inspection, complaints, inspect};
pub use latency::Latency;
pub use record::{Cleared, Entry, Summary, Suspicion, Verdict};
pub use settings::Settings;
pub use tokens::TokenPolicy;
