//! What can be said on the command line.

mod disclosure;
mod look;
mod options;
mod registry;
#[cfg(feature = "server")]
mod serve;
mod sign;
mod signing;
mod stamp;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use disclosure::DisclosureArgs;
pub(crate) use look::{DetectArgs, EvaluateArgs, QuestionArgs, Require, VerifyArgs};
pub(crate) use options::{Global, LogFormat, RegistryOption, SandboxOption, TrustOption};
pub(crate) use registry::{FilterArgs, LookupArgs, RegistryAction, RegistryArgs};
#[cfg(feature = "server")]
pub(crate) use serve::{ServeArgs, TokensAction, TokensArgs};
pub(crate) use sign::SignArgs;
pub(crate) use signing::{CheckArgs, IdentityAction, IdentityArgs, SigningArgs};
pub(crate) use stamp::{
    EncodeArgs, ManifestArgs, PackageArgs, PackageKind, PipeArgs, Register, RememberArgs,
    StampArgs, StreamFormat,
};

/// Marks and signs generated video, and tells later where a clip comes from.
#[derive(Parser)]
#[command(name = "proofmark", version, about, long_about = None)]
#[command(max_term_width = 100, after_help = examples())]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be tried: how, what for, and whether this build has it.
const EXAMPLES: [(&str, &str, bool); 8] = [
    ("init", "make a home with a key and a test identity", true),
    ("stamp clip.mp4 -o stamped.mp4", "mark and sign a clip", true),
    ("sign finished.mp4 -o signed.mp4", "sign what another encoder wrote, as it is", true),
    ("detect upload.mp4", "is there a mark, and which?", true),
    ("verify upload.mp4", "where does this clip come from?", true),
    ("lookup upload.mp4", "what does the registry remember of it?", true),
    ("serve", "all of this over HTTP, with a page for moderators", cfg!(feature = "server")),
    ("evaluate clip.mp4", "what survives, on your own clips?", true),
];

fn examples() -> String {
    let built = EXAMPLES.iter().filter(|(.., built)| *built);
    let lines: String =
        built.map(|(how, what, _)| format!("  proofmark {how:32}  {what}\n")).collect();
    format!(
        "Examples:\n{lines}\nExit codes: 0 found or done, 1 nothing found, 2 error, 3 altered or \
        contradictory (verify), 4 some of several files failed."
    )
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a home: a watermark key, a test signing identity and a configuration file
    Init(InitArgs),
    /// Mark a clip or still image and sign its manifest
    Stamp(Box<StampArgs>),
    /// Sign a clip that is finished, without touching its media
    Sign(Box<SignArgs>),
    /// Look for a mark
    Detect(DetectArgs),
    /// Tell where a clip comes from: manifest, mark, and a verdict with reasons
    Verify(VerifyArgs),
    /// Measure the mark on your own clips: distortion, and what survives which attack
    Evaluate(EvaluateArgs),
    /// Say what the identity that signs is good for
    Identity(IdentityArgs),
    /// List, add, choose, retire, export and import watermark keys
    Keys(KeysArgs),
    /// List, show, export, import, delete and check what is remembered of stamped clips
    Registry(RegistryArgs),
    /// Look up what the registry remembers: by payload, manifest, soft binding or file
    Lookup(LookupArgs),
    /// Print shell completions
    Completions(CompletionsArgs),
    /// Write man pages
    Man(ManArgs),
    /// Serve verification, the C2PA's resolution API and a page for moderators over HTTP
    #[cfg(feature = "server")]
    Serve(ServeArgs),
    /// Make, list and revoke the tokens that clients of the server show
    #[cfg(feature = "server")]
    Tokens(TokensArgs),
}

#[derive(Args)]
pub(crate) struct InitArgs {}

#[derive(Args)]
#[command(after_help = "\
A key that the environment has stamps in place of the home's, all of which still detect:
PROOFMARK_KEY holds one, as text; PROOFMARK_KEY_FILE names a file, or a file descriptor such as
/dev/fd/3. A key file must be readable for its owner alone, or belong to somebody else who lets a
group of yours read it, as a secret that is mounted does.")]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    pub(crate) action: KeysAction,
}

#[derive(Subcommand)]
pub(crate) enum KeysAction {
    /// List the keys: the first one stamps, all detect
    List,
    /// Make a new key, which stamps from now on
    Add,
    /// Have a key stamp from now on
    Use {
        /// Which key, by its id
        id: String,
    },
    /// Have a key stamp no more; it still detects
    Retire {
        /// Which key, by its id
        id: String,
    },
    /// Write a key to a file that only you can read
    Export {
        /// Which key, by its id
        id: String,
        /// Target file
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Take in an exported key, which detects; where there was none, it stamps too
    Import {
        /// The file
        file: PathBuf,
    },
}

#[derive(Args)]
pub(crate) struct CompletionsArgs {
    /// For which shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args)]
pub(crate) struct ManArgs {
    /// Folder to write into
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: PathBuf,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }
}
