//! The `proofmark` command, as a library so that what it reads can be tested from outside. Its only
//! interface is [`main`].

mod args;
mod batch;
mod commands;
mod exit;
#[doc(hidden)]
pub mod fuzzing;
mod home;
mod inputs;
mod left_out;
mod mark_state;
mod metrics;
mod output;
mod progress;
#[cfg(test)]
mod reference;
mod reporting;
mod resolver;
mod settings;
mod target;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use proofmark::allocator;
use proofmark::inspect::InProcess;
use proofmark::sandbox::{self, PreparedZygote, Split};
use zeroize::Zeroizing;

use args::{Cli, Command, Global, LogFormat};
use exit::Exit;
use home::Home;

/// Holds a watermark key, as text.
const KEY: &str = "PROOFMARK_KEY";

/// Does what the arguments of this process say.
#[must_use]
pub fn main() -> ExitCode {
    // First of all: a worker is a copy of this process as it began, which has read nothing, and
    // confines itself before a thread runs.
    let early = match sandbox::split(&InProcess) {
        Split::Original(early) => early,
        Split::Copy(end) => return commands::looked(end),
    };
    // The copy has wiped its own.
    let key = sandbox::take_variable(KEY);
    allocator::map_large_blocks();
    if std::env::args_os().nth(1).is_some_and(|verb| verb == commands::WORKER) {
        drop(early);
        return commands::look();
    }
    if let Some(why) = left_out::told(std::env::args_os()) {
        output::error(&anyhow::anyhow!(why));
        return Exit::Error.into();
    }
    // What is wrong with the call is said before the options of the call are known.
    if std::env::var_os("PROOFMARK_LOG_FORMAT").is_some_and(|format| format == "json") {
        output::log::choose(LogFormat::Json);
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        // Our own words about a value are one line, as all errors are.
        Err(e)
            if e.kind() == ErrorKind::ValueValidation
                || (e.use_stderr() && output::log::is_json()) =>
        {
            let text = e.to_string();
            output::error(&anyhow::anyhow!(
                "{}",
                text.lines().next().unwrap_or_default().trim_start_matches("error: ")
            ));
            return Exit::Error.into();
        }
        Err(e) => e.exit(),
    };
    match run(&cli, early, key) {
        Ok(exit) => exit.into(),
        Err(e) if output::is_broken_pipe(&e) => Exit::Success.into(),
        Err(e) => {
            output::error(&e);
            Exit::Error.into()
        }
    }
}

/// How remarks and errors are said. What is wrong with the configuration the verb tells.
fn log_format(global: &Global) -> LogFormat {
    let configured = || Some(Home::locate(global).ok()?.config().ok()?.log.format);
    global.log_format.or_else(configured).unwrap_or_default()
}

/// Does what a verb stands for.
fn run(
    cli: &Cli,
    early: Option<PreparedZygote>,
    key: Option<Zeroizing<String>>,
) -> anyhow::Result<Exit> {
    output::log::choose(log_format(&cli.global));
    key.map_or(Ok(()), |text| home::accept_key(&text))?;
    // Who goes on for long, or looks at no file, has no use for it.
    let early = early.filter(|_| {
        matches!(
            cli.command,
            Command::Stamp(_)
                | Command::Sign(_)
                | Command::Evaluate(_)
                | Command::Detect(_)
                | Command::Verify(_)
                | Command::Lookup(_)
        )
    });
    match &cli.command {
        Command::Init(a) => commands::init::run(a, &cli.global),
        Command::Stamp(a) => commands::stamp::run(a, early, &cli.global),
        Command::Sign(a) => commands::sign::run(a, early, &cli.global),
        Command::Detect(a) => commands::detect::run(a, early, &cli.global),
        Command::Verify(a) => commands::verify::run(a, early, &cli.global),
        Command::Evaluate(a) => commands::evaluate::run(a, early, &cli.global),
        Command::Identity(a) => commands::identity::run(a, &cli.global),
        Command::Keys(a) => commands::keys::run(a, &cli.global),
        Command::Completions(a) => commands::generate::completions(a),
        Command::Man(a) => commands::generate::man(a),
        Command::Registry(a) => commands::registry::run(a, &cli.global),
        Command::Lookup(a) => commands::lookup::run(a, early, &cli.global),
        #[cfg(feature = "server")]
        Command::Serve(a) => commands::serve::run(a, &cli.global),
        #[cfg(feature = "server")]
        Command::Tokens(a) => commands::tokens::run(a, &cli.global),
    }
}
