//! The reference, which tests keep as the program has it.

use std::path::Path;

/// Holds a page against what it should say; writes it instead where that is asked for.
pub(crate) fn hold(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference").join(name);
    if std::env::var_os("PROOFMARK_WRITE_TABLES").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "docs/reference/{name} is not what the program says; write it anew with \
        PROOFMARK_WRITE_TABLES=1"
    );
}

/// The command line is described as a program has it from which nothing was left out.
#[cfg(feature = "server")]
mod command_line {
    use std::fmt::Write;

    use clap::CommandFactory;

    use super::hold;
    use crate::args::Cli;

    /// Adds the help of a command, and of those below it.
    fn describe(command: &mut clap::Command, name: &str, page: &mut String) {
        // What is set where the test runs is nobody's default.
        *command = std::mem::take(command).mut_args(|a| a.hide_env_values(true));
        let help = command.render_long_help().to_string();
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        writeln!(page, "\n## {name}\n\n```text\n{}\n```", lines.join("\n").trim_end()).unwrap();
        for below in
            command.get_subcommands_mut().filter(|c| c.get_name() != "help" && !c.is_hide_set())
        {
            let name = format!("{name} {}", below.get_name());
            describe(below, &name, page);
        }
    }

    #[test]
    fn the_command_line_is_described_as_it_is() {
        let mut page = String::from(
            "# The command line\n\nWhat `--help` says, command by command. A test keeps this page \
            as the program has it.\n",
        );
        let mut cli = Cli::command().term_width(100);
        cli.build();
        describe(&mut cli, "proofmark", &mut page);
        hold("command-line.md", &page);
    }
}
