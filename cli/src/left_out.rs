//! Verbs that not every build has: who types one that was left out is told so, whatever else they
//! typed.

use std::ffi::OsString;

use clap::{Args as _, Command};

use crate::args::Global;

/// Verbs, and the feature that has them.
struct Part {
    verbs: &'static [&'static str],
    feature: &'static str,
    built: bool,
}

const PARTS: [Part; 2] = [
    Part { verbs: &["serve", "tokens"], feature: "server", built: cfg!(feature = "server") },
    Part { verbs: &["submit", "worker", "jobs"], feature: "queue", built: cfg!(feature = "queue") },
];

/// What to tell of arguments whose verb this build lacks.
pub(crate) fn told(arguments: impl Iterator<Item = OsString>) -> Option<String> {
    let lacking: Vec<&Part> = PARTS.iter().filter(|part| !part.built).collect();
    if lacking.is_empty() {
        return None;
    }
    let feature = feature(&lacking, arguments)?;
    Some(format!("this build has no {feature}; build proofmark with the feature '{feature}'"))
}

/// The feature of `parts` that has the verb of the arguments, if one has.
fn feature(parts: &[&Part], arguments: impl Iterator<Item = OsString>) -> Option<&'static str> {
    // Before the verb there are options of every command alone; what is behind it is not looked at.
    let command = Global::augment_args(Command::new("proofmark")).allow_external_subcommands(true);
    let found = command.try_get_matches_from(arguments).ok()?;
    let verb = found.subcommand_name()?;
    parts.iter().find(|part| part.verbs.contains(&verb)).map(|part| part.feature)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn a_verb_is_known_whatever_stands_around_it() {
        let parts: Vec<&Part> = PARTS.iter().collect();
        let of = |line: &str| feature(&parts, line.split(' ').map(OsString::from));
        for line in [
            "proofmark serve",
            "proofmark serve --help",
            "proofmark --home /home --json serve --listen nowhere -x --home",
            "proofmark -q tokens add",
        ] {
            assert_eq!(of(line), Some("server"), "{line}");
        }
        assert_eq!(of("proofmark submit verify serve"), Some("queue"));
        for line in ["proofmark", "proofmark --help", "proofmark verify serve", "proofmark --home"]
        {
            assert_eq!(of(line), None, "{line}");
        }
    }

    #[test]
    fn what_was_left_out_is_not_offered() {
        let mut cli = Cli::command();
        let help = cli.render_long_help().to_string();
        for part in &PARTS {
            for verb in part.verbs {
                assert_eq!(cli.find_subcommand(verb).is_some(), part.built, "{verb}");
                assert!(part.built || !help.contains(&format!("proofmark {verb}")), "{verb}");
            }
        }
    }
}
