//! The command line: what can be asked, and what the exit codes mean.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::{self, Outcome};
use crate::settings::{self, Settings};

const AFTER_HELP: &str = "\
Settings come from defaults, then --config FILE (or ./fawtara.toml), then the environment
(FAWTARA__SECTION__KEY, such as FAWTARA__LEDGER__URL), then --set; the later is the stronger.

Exit codes: 0 done; 1 what was asked for does not hold (faults found, a change refused, an invoice unknown);
2 wrong usage; 69 a service cannot be reached; 78 the configuration is wrong.";

/// Clears invoices with JoFotara, Jordan's national e-invoicing system: none is lost, none is cleared twice.
#[derive(Debug, Parser)]
#[command(name = "fawtara", version, about, after_help = AFTER_HELP, propagate_version = true)]
pub struct Cli {
    /// The configuration file (TOML).
    #[arg(long, short = 'c', global = true, env = "FAWTARA_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Overrides one setting, such as --set submitter.max_in_flight=128. May be repeated.
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = key_value)]
    overrides: Vec<(String, String)>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch the sample (or your own file) go from event to cleared, in this process, against a simulated authority.
    Demo(commands::demo::Args),
    /// Run every role in one process.
    All(commands::roles::AllArgs),
    /// Run the producer: takes invoice events by HTTP and AMQP.
    Producer,
    /// Run the encoder: gives drafts their counter and their XML.
    Encoder,
    /// Run the submitter: sends what is due to the authority. It also keeps house.
    Submitter,
    /// Run the stand-in for the authority over HTTP.
    Simulator,
    /// Take invoice events from a file or standard input straight into the ledger.
    Import(commands::import::Args),
    /// Write the XML of the event on standard input; needs no services.
    Encode(commands::document::EncodeArgs),
    /// Check the events on standard input or in a file; needs no services.
    Validate(commands::document::ValidateArgs),
    /// Show one invoice: where it stands, why, and all that happened to it.
    Show(commands::show::Args),
    /// See and mend what waits for a person.
    DeadLetters(commands::dead_letters::Args),
    /// Recompute every hash chain and checkpoint of the ledger.
    Verify(commands::verify::Args),
    /// Create or update the ledger's tables.
    Migrate,
    /// Are the services there, of a fit version, permitted? Says how to mend what is not.
    Doctor(commands::doctor::Args),
    /// Print the settings in force, secrets masked.
    Config,
    /// Print (or write) the published JSON Schemas.
    Schemas(commands::schemas::Args),
    /// Print the completions for a shell.
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err(format!("{text:?} is not KEY=VALUE")),
    }
}

/// The configuration is wrong.
const EX_CONFIG: u8 = 78;
/// A service cannot be reached.
const EX_UNAVAILABLE: u8 = 69;

/// Reads the arguments, does what they ask, and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let settings = match settings::read(cli.config.as_deref(), &cli.overrides) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("fawtara: the configuration is wrong: {error:#}");
            return ExitCode::from(EX_CONFIG);
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("fawtara: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(cli.command, settings));
    // Blocking reads of standard input must not hold the process back.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match outcome {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::FAILURE,
        Err(error) if commands::reader_is_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fawtara: {error:#}");
            ExitCode::from(if commands::is_unavailable(&error) { EX_UNAVAILABLE } else { 1 })
        }
    }
}

async fn run(command: Command, settings: Settings) -> anyhow::Result<Outcome> {
    match command {
        Command::Demo(args) => commands::demo::run(args, settings).await,
        Command::All(args) => commands::roles::all(args, settings).await,
        Command::Producer => commands::roles::producer(settings).await,
        Command::Encoder => commands::roles::encoder(settings).await,
        Command::Submitter => commands::roles::submitter(settings).await,
        Command::Simulator => commands::simulator::run(settings).await,
        Command::Import(args) => commands::import::run(args, settings).await,
        Command::Encode(args) => commands::document::encode(&args),
        Command::Validate(args) => commands::document::validate(&args),
        Command::Show(args) => commands::show::command(args, settings).await,
        Command::DeadLetters(args) => commands::dead_letters::command(args, settings).await,
        Command::Verify(args) => commands::verify::command(args, settings).await,
        Command::Migrate => commands::migrate::run(&settings).await,
        Command::Doctor(args) => commands::doctor::run(args, settings).await,
        Command::Config => commands::config(&settings),
        Command::Schemas(args) => commands::schemas::run(&args),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "fawtara", &mut std::io::stdout());
            Ok(Outcome::Done)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn overrides_need_a_key() {
        assert!(key_value("a.b=c=d").is_ok_and(|pair| pair == ("a.b".into(), "c=d".into())));
        assert!(key_value("nothing").is_err());
    }
}
