//! `fawtara schemas`: the published JSON Schemas, made from the types.

use std::path::PathBuf;

use anyhow::Context;

use super::{Outcome, say};

/// Arguments of `fawtara schemas`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Write the files into this folder instead of printing them.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

/// Prints or writes.
///
/// # Errors
/// A folder that cannot be written to.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let text = invoice::schema::event_schema_text();
    match &args.write {
        None => std::io::Write::write_all(&mut std::io::stdout().lock(), text.as_bytes())?,
        Some(folder) => {
            let file = folder.join("invoice-event.v1.json");
            std::fs::write(&file, text).with_context(|| file.display().to_string())?;
            say!("{}", file.display())?;
        }
    }
    Ok(Outcome::Done)
}
