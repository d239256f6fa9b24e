//! The list of all ways in, and the words of each.

mod authority;
mod documents;
mod doors;
mod event;
mod foreign;
mod ledger;
mod settings;
mod simulated;
mod words;

use crate::Target;

const KB: usize = 1024;

/// Where asynchronous readers run: one thread, and time that passes by itself while nobody works.
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime of one thread asks nothing of the system")
}

pub(crate) const ALL: &[Target] = &[
    Target {
        name: "event",
        about: "our own event as JSON, through rules and totals to the document and back",
        longest: 8 * KB,
        words: &[words::EVENT, words::VALUES],
        attack: event::attack,
    },
    Target {
        name: "post2tax",
        about: "bodies of the gateway Post2Tax",
        longest: 8 * KB,
        words: &[words::POST2TAX, words::VALUES],
        attack: foreign::post2tax,
    },
    Target {
        name: "eezi",
        about: "bodies of eezi",
        longest: 8 * KB,
        words: &[words::EEZI, words::VALUES],
        attack: foreign::eezi,
    },
    Target {
        name: "csv",
        about: "tables of spreadsheets",
        longest: 8 * KB,
        words: &[words::CSV, words::VALUES],
        attack: foreign::csv,
    },
    Target {
        name: "lines",
        about: "files of many events: a list, one a line, or one over several",
        longest: 4 * KB,
        words: &[words::EVENT, &["[", "]", "{", "}", ",", "\n", "\r\n", "\u{feff}"]],
        attack: foreign::lines,
    },
    Target {
        name: "xml",
        about: "documents of any program: read, examined, imported, compared; by the simulated authority too",
        longest: 16 * KB,
        words: &[words::XML, words::VALUES],
        attack: documents::xml,
    },
    Target {
        name: "seal",
        about: "signed documents: canonical form, digest, certificate",
        longest: 16 * KB,
        words: &[words::XML, words::SEAL],
        attack: documents::seal,
    },
    Target {
        name: "certificate",
        about: "the certificate within a signed document, as DER",
        longest: 4 * KB,
        words: &[],
        attack: documents::certificate,
    },
    Target { name: "qr", about: "QR texts", longest: 4 * KB, words: &[], attack: documents::qr },
    Target {
        name: "answer",
        about: "the authority's answer: HTTP status in the first line, then the body; what follows from it for the invoice",
        longest: 8 * KB,
        words: &[words::ANSWER, words::VALUES],
        attack: authority::answer,
    },
    Target {
        name: "returned",
        about: "the document within an acceptance, which is compared with ours",
        longest: 8 * KB,
        words: &[words::XML, words::VALUES],
        attack: authority::returned,
    },
    Target {
        name: "routes",
        about: "answers of a token service and of the gateway Post2Tax, by turns",
        longest: 4 * KB,
        words: &[words::ANSWER, words::TOKEN, words::VALUES],
        attack: authority::routes,
    },
    Target {
        name: "http",
        about: "whole requests to the intake: first line, headers, body",
        longest: 8 * KB,
        words: &[words::HTTP, words::EVENT, words::VALUES],
        attack: doors::http,
    },
    Target {
        name: "amqp",
        about: "messages of the intake queue: headers and body, CloudEvents in both modes",
        longest: 8 * KB,
        words: &[words::HTTP, words::EVENT, words::VALUES],
        attack: doors::amqp,
    },
    Target {
        name: "hint",
        about: "messages of the internal queues",
        longest: KB,
        words: &[&["environment", "uuid", "version", "simulation", "sandbox", "production"], words::VALUES],
        attack: ledger::hint,
    },
    Target {
        name: "stored",
        about: "events as the ledger keeps them, read back and folded into a state",
        longest: 8 * KB,
        words: &[words::STORED, words::VALUES],
        attack: ledger::stored,
    },
    Target {
        name: "settings",
        about: "the configuration, and the secrets of webhooks",
        longest: 8 * KB,
        words: &[words::SETTINGS, words::VALUES],
        attack: settings::attack,
    },
    Target {
        name: "simulated",
        about: "requests to the simulated authority",
        longest: 16 * KB,
        words: &[words::XML, words::TOKEN, words::POST2TAX],
        attack: simulated::attack,
    },
];
