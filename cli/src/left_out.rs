//! Verbs that not every build has: who types one that was left out is told so, whatever else they
//! typed.

use std::ffi::OsString;

use clap::{Args as _, Command};

use crate::args::Global;

/// The verbs of the feature `server`.
const SERVER: [&str; 2] = ["serve", "tokens"];

/// What to tell of arguments whose verb this build lacks.
pub(crate) fn told(arguments: impl Iterator<Item = OsString>) -> Option<String> {
    (!cfg!(feature = "server") && asks_server(arguments))
        .then(|| "this build has no server; build proofmark with the feature 'server'".into())
}

/// Whether the verb of the arguments is one of the server's.
fn asks_server(arguments: impl Iterator<Item = OsString>) -> bool {
    // Before the verb there are options of every command alone; what is behind it is not looked at.
    let command = Global::augment_args(Command::new("proofmark")).allow_external_subcommands(true);
    let found = command.try_get_matches_from(arguments).ok();
    found.is_some_and(|f| f.subcommand_name().is_some_and(|verb| SERVER.contains(&verb)))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn a_verb_is_known_whatever_stands_around_it() {
        let asks = |line: &str| asks_server(line.split(' ').map(OsString::from));
        for line in [
            "proofmark serve",
            "proofmark serve --help",
            "proofmark --home /home --json serve --listen nowhere -x --home",
            "proofmark -q tokens add",
        ] {
            assert!(asks(line), "{line}");
        }
        for line in ["proofmark", "proofmark --help", "proofmark verify serve", "proofmark --home"]
        {
            assert!(!asks(line), "{line}");
        }
    }

    #[test]
    fn what_was_left_out_is_not_offered() {
        let mut cli = Cli::command();
        let help = cli.render_long_help().to_string();
        let built = cfg!(feature = "server");
        for verb in SERVER {
            assert_eq!(cli.find_subcommand(verb).is_some(), built, "{verb}");
            assert!(built || !help.contains(&format!("proofmark {verb}")), "{verb}");
        }
    }
}
