//! Prints the published JSON Schema of the invoice event; `make schemas` writes it to `schemas/`.

use std::io::Write;

fn main() -> std::io::Result<()> {
    std::io::stdout().lock().write_all(invoice::schema::event_schema_text().as_bytes())
}
