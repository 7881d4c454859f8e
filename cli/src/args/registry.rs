//! What `registry` and `lookup` can be told.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::options::{RegistryOption, SandboxOption, TrustOption, day};

#[derive(Args)]
pub(crate) struct RegistryArgs {
    #[command(flatten)]
    pub(crate) registry: RegistryOption,
    #[command(subcommand)]
    pub(crate) action: RegistryAction,
}

/// Which entries.
#[derive(Args)]
pub(crate) struct FilterArgs {
    /// Those with this label
    #[arg(long, value_name = "TEXT")]
    pub(crate) label: Option<String>,
    /// Those stamped on this day (UTC) or later
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day)]
    pub(crate) since: Option<u64>,
}

#[derive(Subcommand)]
pub(crate) enum RegistryAction {
    /// List entries, the newest first
    List {
        #[command(flatten)]
        filter: FilterArgs,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        most: usize,
    },
    /// Show one entry, with what its manifest says
    Show {
        /// Payload, or label of the manifest
        id: String,
        /// Write its manifest store to a .c2pa file
        #[arg(long, value_name = "FILE")]
        manifest: Option<PathBuf>,
        /// Replace an existing file
        #[arg(short, long)]
        force: bool,
    },
    /// Write entries, a JSON object a line, for another registry to import
    Export {
        /// Target file [default: standard output]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        filter: FilterArgs,
        /// Replace an existing file
        #[arg(short, long)]
        force: bool,
    },
    /// Take in what was exported, or written by 'stamp --register later'
    Import {
        /// Files with a JSON object a line
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Replace entries that are there with another file
        #[arg(short, long)]
        force: bool,
    },
    /// Forget entries: their clips will be 'marked', and no more 'recovered'
    Delete {
        /// Payloads, or labels of manifests
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// Tell who stored, replaced and deleted what, and when, the latest first
    Log {
        /// Payload, or label of a manifest [default: all]
        id: Option<String>,
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 100)]
        most: usize,
    },
    /// Check the database, every entry and every manifest in it, and settle what a crash left open
    Check,
    /// Copy all of it, log and cases included, to one file, whoever else is at work
    Backup {
        /// Target file
        #[arg(value_name = "FILE")]
        output: PathBuf,
        /// Replace an existing file
        #[arg(short, long)]
        force: bool,
    },
    /// Put what 'backup' wrote in the place of all that is here
    Restore {
        /// File that 'backup' wrote
        #[arg(value_name = "FILE")]
        input: PathBuf,
        /// Give up the entries that are here
        #[arg(short, long)]
        force: bool,
    },
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  proofmark lookup upload.mp4
  proofmark lookup 7f3c1a52-9b64-4d0e-8a31-5e6f70819203
  proofmark lookup urn:c2pa:7f3c1a52-9b64-4d0e-8a31-5e6f70819203 --json
  proofmark lookup upload.mp4 --server https://credentials.example.com

A server is asked with the token in PROOFMARK_TOKEN, if there is one. Files stay on this machine \
unless --upload sends them.
Exit codes: 0 found, 1 nothing found, 2 error, 4 some of several failed.")]
pub(crate) struct LookupArgs {
    /// Payload, label of a manifest, value of a soft binding in base64, or file
    #[arg(required = true, value_name = "WHAT")]
    pub(crate) what: Vec<String>,
    #[command(flatten)]
    pub(crate) registry: RegistryOption,
    /// Ask this server instead of the registry: any that speaks the C2PA's resolution API
    #[arg(long, env = "PROOFMARK_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// Send files to the server themselves, rather than what can be read from them here
    #[arg(long, requires = "server")]
    pub(crate) upload: bool,
    /// Token for the server
    #[arg(
        long,
        env = "PROOFMARK_TOKEN",
        value_name = "TOKEN",
        hide = true,
        hide_env_values = true
    )]
    pub(crate) token: Option<String>,
    /// Algorithm of the soft binding [default: any in the registry, our own at a server]
    #[arg(long, value_name = "NAME")]
    pub(crate) alg: Option<String>,
    #[command(flatten)]
    pub(crate) trust: TrustOption,
    #[command(flatten)]
    pub(crate) sandbox: SandboxOption,
}
