//! `fawtara schemas`: the published contracts, made from the types: JSON Schemas, OpenAPI, AsyncAPI, examples.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, bail};

use super::{Outcome, say};
use crate::contracts;

/// Arguments of `fawtara schemas`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which file to print, such as openapi.json.
    #[arg(value_name = "FILE", default_value = "invoice-event.v1.json", conflicts_with = "write")]
    name: String,
    /// Write all files into this folder instead of printing one.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
}

/// Prints or writes.
///
/// # Errors
/// A file that is none of the contracts, or a folder that cannot be written to.
pub fn run(args: &Args) -> anyhow::Result<Outcome> {
    let files = contracts::files();
    let Some(folder) = &args.write else {
        let Some(file) = files.iter().find(|file| file.path == args.name) else {
            let names: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
            bail!("there is no {:?}; there are {}", args.name, names.join(", "));
        };
        std::io::stdout().lock().write_all(file.text.as_bytes())?;
        return Ok(Outcome::Done);
    };
    for file in &files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
        }
        std::fs::write(&path, &file.text).with_context(|| path.display().to_string())?;
        say!("{}", path.display())?;
    }
    Ok(Outcome::Done)
}
