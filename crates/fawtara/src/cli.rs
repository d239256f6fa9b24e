//! The command line: what can be asked, and what the exit codes mean.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::commands::{self, Outcome};
use crate::failure;
use crate::settings::{self, Settings};

/// Each paragraph is one line: clap breaks it where the terminal ends.
const AFTER_HELP: &str = "\
Settings come from their defaults, then --config FILE (or ./fawtara.toml, when there is one), then the environment, \
then --set; the later is the stronger. The variable of ledger.url is FAWTARA__LEDGER__URL, and so on.

Exit codes:
  0   done
  1   no (faults found, a change refused, an invoice unknown), or a failure
  2   wrong usage
  69  a service cannot be reached
  78  the configuration is wrong";

/// Clears invoices with JoFotara, Jordan's national e-invoicing system: none is lost, none is cleared twice.
#[derive(Debug, Parser)]
#[command(name = "fawtara", version, after_help = AFTER_HELP, propagate_version = true)]
pub struct Cli {
    /// The configuration file (TOML).
    #[arg(
        long,
        short = 'c',
        global = true,
        env = "FAWTARA_CONFIG",
        value_name = "FILE",
        help_heading = "Settings"
    )]
    config: Option<PathBuf>,
    /// Overrides one setting, such as --set submitter.max_in_flight=128. May be repeated.
    #[arg(
        long = "set",
        global = true,
        value_name = "KEY=VALUE",
        value_parser = key_value,
        help_heading = "Settings"
    )]
    overrides: Vec<(String, String)>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play the main job: events travel to cleared before your eyes, against a simulated authority.
    Demo(commands::demo::Args),
    /// Run producer, encoder and submitter in one process.
    All(commands::roles::AllArgs),
    /// Run the producer: takes invoice events by HTTP and AMQP.
    Producer,
    /// Run the encoder: gives drafts their counter and their XML.
    Encoder,
    /// Run the submitter: sends what is due to the authority, and keeps house.
    Submitter,
    /// Run the stand-in for the authority over HTTP; nothing that it clears is real.
    Simulator,
    /// Take invoice events, or documents of other systems, from files or standard input straight into the ledger.
    Import(commands::import::Args),
    /// Take a cleared invoice back and issue the corrected one, in one operation.
    Correct(commands::correct::Args),
    /// Print documents of other systems as invoice events; needs no services.
    Convert(commands::convert::Args),
    /// Write the XML of one event; needs no services and no configuration.
    Encode(commands::document::EncodeArgs),
    /// Check events and tell all their faults; needs no services and no configuration.
    Validate(commands::document::ValidateArgs),
    /// Check ready-made XML against profile, rules and arithmetic; needs no services and no configuration.
    Check(commands::check::Args),
    /// Show one invoice: where it stands, why, and all that happened to it.
    Show(commands::show::Args),
    /// Ask the authority what it knows of one invoice; records nothing.
    Status(commands::status::Args),
    /// Print what the authority's codes and messages mean, in English or Arabic; needs no services.
    Catalogue(commands::catalogue::Args),
    /// See and mend what waits for a person.
    DeadLetters(commands::dead_letters::Args),
    /// Close the intake or open it again, for all producers at once.
    Intake(commands::intake::Args),
    /// Rebuild the queues from the ledger: a hint for every invoice that is open.
    Requeue(commands::requeue::Args),
    /// After a restore: see what the ledger has lost, and advance the counters.
    Recover(commands::recover::Args),
    /// Register taxpayers, their income sources and credentials, and check them.
    Taxpayers(commands::taxpayers::Args),
    /// Make, list, rotate and revoke the API keys by which programs publish and read over HTTP.
    Keys(commands::keys::Args),
    /// Write a period as files, or prove that such files are untouched.
    Archive(commands::archive::Args),
    /// Set old months of the ledger aside, and bring them back.
    Retention(commands::retention::Args),
    /// See which submitters are at work, and what each may have under way at the authority.
    Submitters(commands::submitters::Args),
    /// Read a QR text; needs no services and no configuration.
    Qr(commands::qr::Args),
    /// See who is told of settled invoices over HTTP, and what was not heard.
    Webhooks(commands::webhooks::Args),
    /// Recompute every hash chain and checkpoint of the ledger; says what does not hold.
    Verify(commands::verify::Args),
    /// Create or update the ledger's tables; needs the rights of the database's owner.
    Migrate,
    /// Look at services, rights and settings; says how to mend what is not as it must be.
    Doctor(commands::doctor::Args),
    /// Print the settings in force as JSON, secrets masked.
    Config,
    /// Print a published contract (JSON Schemas, OpenAPI, AsyncAPI), or write all of them into a folder.
    Schemas(commands::schemas::Args),
    /// List the rules that events must keep: what each means, and how to mend what breaks it.
    Rules(commands::rules::Args),
    /// Print the completions for a shell, such as: source <(fawtara completions bash)
    Completions {
        /// For which shell.
        shell: clap_complete::Shell,
    },
}

/// What a command needs before it can begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Nothing: a broken configuration must not stop it.
    Nothing,
    /// The settings.
    Settings,
    /// A ledger that other processes see too.
    SharedLedger,
    /// A ledger and a broker that other processes see too.
    SharedServices,
}

impl Command {
    fn needs(&self) -> Needs {
        match self {
            Self::Encode(_)
            | Self::Validate(_)
            | Self::Check(_)
            | Self::Schemas(_)
            | Self::Rules(_)
            | Self::Completions { .. } => Needs::Nothing,
            Self::Archive(args) => match args.action {
                commands::archive::Action::Export(_) => Needs::SharedLedger,
                commands::archive::Action::Verify(_) => Needs::Nothing,
            },
            Self::Qr(_) | Self::Catalogue(_) => Needs::Nothing,
            Self::Demo(_) | Self::All(_) | Self::Simulator | Self::Doctor(_) | Self::Config => {
                Needs::Settings
            }
            Self::Show(_)
            | Self::Status(_)
            | Self::DeadLetters(_)
            | Self::Intake(_)
            | Self::Requeue(_)
            | Self::Recover(_)
            | Self::Taxpayers(_)
            | Self::Keys(_)
            | Self::Webhooks(_)
            | Self::Verify(_)
            | Self::Retention(_)
            | Self::Submitters(_)
            | Self::Migrate => Needs::SharedLedger,
            Self::Convert(_) => Needs::Settings,
            Self::Import(args) if args.is_template() => Needs::Nothing,
            Self::Producer | Self::Encoder | Self::Submitter | Self::Import(_) | Self::Correct(_) => {
                Needs::SharedServices
            }
        }
    }
}

/// Reads the settings as far as the command needs them.
fn settle(cli: &Cli) -> anyhow::Result<Settings> {
    let needs = cli.command.needs();
    if needs == Needs::Nothing {
        return Ok(Settings::default());
    }
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    for warning in settings::environment::warnings(names) {
        eprintln!("fawtara: {warning}");
    }
    let settings = settings::read(cli.config.as_deref(), &cli.overrides)?;
    match needs {
        Needs::Nothing | Needs::Settings => {}
        Needs::SharedLedger => settings.need_shared_ledger()?,
        Needs::SharedServices => settings.need_shared_services()?,
    }
    Ok(settings)
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err(format!("{text:?} is not KEY=VALUE")),
    }
}

/// Reads the arguments, does what they ask, and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let settings = match settle(&cli) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("fawtara: the configuration is wrong: {error:#}");
            return ExitCode::from(failure::EX_CONFIG);
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
        Err(error) if failure::reader_is_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fawtara: {error:#}");
            ExitCode::from(failure::exit_code(&error))
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
        Command::Correct(args) => commands::correct::run(args, settings).await,
        Command::Convert(args) => commands::convert::run(&args, &settings),
        Command::Encode(args) => commands::document::encode(&args),
        Command::Validate(args) => commands::document::validate(&args),
        Command::Check(args) => commands::check::run(&args),
        Command::Show(args) => commands::show::command(args, settings).await,
        Command::Status(args) => commands::status::command(args, settings).await,
        Command::Catalogue(args) => commands::catalogue::command(&args),
        Command::DeadLetters(args) => commands::dead_letters::command(args, settings).await,
        Command::Intake(args) => commands::intake::command(args, settings).await,
        Command::Requeue(args) => commands::requeue::command(args, settings).await,
        Command::Recover(args) => commands::recover::command(args, settings).await,
        Command::Taxpayers(args) => commands::taxpayers::command(args, settings).await,
        Command::Keys(args) => commands::keys::command(args, settings).await,
        Command::Archive(args) => commands::archive::command(args, settings).await,
        Command::Retention(args) => commands::retention::command(args, settings).await,
        Command::Submitters(args) => commands::submitters::command(args, settings).await,
        Command::Qr(args) => commands::qr::command(&args),
        Command::Webhooks(args) => commands::webhooks::command(args, settings).await,
        Command::Verify(args) => commands::verify::command(args, settings).await,
        Command::Migrate => commands::migrate::run(&settings).await,
        Command::Doctor(args) => commands::doctor::run(args, settings).await,
        Command::Config => commands::config(&settings),
        Command::Schemas(args) => commands::schemas::run(&args),
        Command::Rules(args) => commands::rules::run(&args),
        Command::Completions { shell } => {
            // Not straight to standard output: the generator panics when its reader has gone.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "fawtara", &mut script);
            std::io::stdout().write_all(&script)?;
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

    /// A paragraph that is broken by hand breaks a second time where the terminal is narrower.
    #[test]
    fn the_help_reads_well_on_a_narrow_terminal() {
        let help = Cli::command().term_width(80).render_help().to_string();
        assert!(help.starts_with("Clears invoices with JoFotara"), "{help}");
        let (_, after) = help.split_once("\nSettings come").unwrap();
        let (settings, codes) = after.split_once("\n\n").unwrap();
        let lines: Vec<_> = settings.lines().collect();
        for line in &lines[..lines.len() - 1] {
            assert!((60..=80).contains(&line.len()), "{line:?} in:\n{help}");
        }
        let first = |line: &str| line.get(2..3).and_then(|digit| digit.parse::<u8>().ok());
        assert!(codes.lines().skip(1).all(|line| first(line).is_some()), "a line was broken in:\n{help}");
        for code in ["  0   done", "  2   wrong usage", "  69  a service", "  78  the configuration is wrong"]
        {
            assert!(codes.lines().any(|line| line.starts_with(code)), "{code:?} in:\n{help}");
        }
    }

    #[test]
    fn overrides_need_a_key() {
        assert!(key_value("a.b=c=d").is_ok_and(|pair| pair == ("a.b".into(), "c=d".into())));
        assert!(key_value("nothing").is_err());
    }
}
