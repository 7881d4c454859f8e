//! What can be said on the command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use proofmark::Language;
use proofmark::Payload;
use proofmark::video::Strength;
use time::Date;
use time::format_description::well_known::Iso8601;

use crate::batch::BatchArgs;
use crate::queue::{JobsArgs, SubmitArgs, WorkerArgs};
use crate::serve::Scope;
use crate::target::kind;

/// Marks and signs generated video, and tells later where a clip comes from.
#[derive(Parser)]
#[command(name = "proofmark", version, about, long_about = None, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  proofmark init                              make a home with a key and a test identity
  proofmark stamp clip.mp4 -o stamped.mp4     mark and sign a clip
  proofmark detect upload.mp4                 is there a mark, and which?
  proofmark verify upload.mp4                 where does this clip come from?
  proofmark lookup upload.mp4                 what does the registry remember of it?
  proofmark serve                             all of this over HTTP, with a page for moderators
  proofmark evaluate clip.mp4                 what survives, on your own clips?
  proofmark submit verify upload.mp4          have a worker do it: see submit, worker and jobs

Exit codes: 0 found or done, 1 nothing found, 2 error, 3 altered or contradictory (verify), 4 some of several files failed.";

/// Options of every command.
#[derive(Args)]
pub(crate) struct Global {
    /// Folder with keys, signing identity and configuration [default: $XDG_DATA_HOME/proofmark]
    #[arg(long, global = true, env = "PROOFMARK_HOME", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// Print one JSON object per input on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Show no progress and no remarks
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a home: a watermark key, a test signing identity and a configuration file
    Init(InitArgs),
    /// Mark a clip or still image and sign its manifest
    Stamp(Box<StampArgs>),
    /// Look for a mark
    Detect(DetectArgs),
    /// Tell where a clip comes from: manifest, mark, and a verdict with reasons
    Verify(VerifyArgs),
    /// Measure the mark on your own clips: distortion, and what survives which attack
    Evaluate(EvaluateArgs),
    /// List, add, export and import watermark keys
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
    Serve(ServeArgs),
    /// Make, list and revoke the tokens that clients of the server show
    Tokens(TokensArgs),
    /// Put jobs into the queue: files to stamp, detect or verify, by path or s3:// URL
    Submit(SubmitArgs),
    /// Work on the queue's jobs
    Worker(WorkerArgs),
    /// Show the queue: its states and rates, what is stuck or parked, single jobs with their
    /// results
    Jobs(JobsArgs),
}

/// Which registry.
#[derive(Args)]
pub(crate) struct RegistryOption {
    /// SQLite file or postgres:// URL of the registry, or 'none' to do without [default:
    /// registry.db in the home]
    #[arg(
        long,
        global = true,
        env = "PROOFMARK_REGISTRY",
        value_name = "LOCATION",
        hide_env_values = true
    )]
    pub(crate) registry: Option<String>,
}

/// Whom to trust.
#[derive(Args, Clone)]
pub(crate) struct TrustOption {
    /// Trust list: PEM certificates of authorities; may be given more than once
    #[arg(long, env = "PROOFMARK_TRUST", value_name = "FILE", value_delimiter = ':')]
    pub(crate) trust: Vec<PathBuf>,
    /// List of time-stamp authorities (PEM): the time at which a manifest was signed counts if one
    /// of them attests it
    #[arg(long, env = "PROOFMARK_TRUST_TSA", value_name = "FILE", value_delimiter = ':')]
    pub(crate) trust_tsa: Vec<PathBuf>,
}

/// Where files are looked at.
#[derive(Args)]
pub(crate) struct SandboxOption {
    /// Look at files in this process itself, not in one that has limits and can reach nothing else:
    /// saves hundredths of a second, and a file that breaks a decoder can then do whatever you can
    #[arg(long)]
    pub(crate) no_sandbox: bool,
}

#[derive(Args)]
pub(crate) struct InitArgs {}

#[derive(Args)]
#[command(after_help = "\
Examples:
  proofmark stamp clip.mp4 -o stamped.mp4
  proofmark stamp clip.mp4 -o stamped.mkv --video-codec ffv1 --no-c2pa
  proofmark stamp clips/ -o stamped/ --ledger run.ndjson --jobs 4 --json
  proofmark stamp mixed/ -o stamped/ --to mp4
  proofmark stamp clip.mp4 -o out.mp4 --title 'A kitchen' --agent 'My Model' --agent-version 2
  generator | proofmark stamp - -o - --payload 7f3c1a52-9b64-4d0e-8a31-5e6f70819203 | ffmpeg -i - clip.mp4

With - for both, a stream is marked on its way from standard input to standard output: Y4M, or MP4 that is fragmented or has its index first. What is said of it goes to
standard error, the object of --json too. Its manifest cannot be put into what has been sent: the registry keeps it, and --sidecar writes it. A mark that the stream may
carry already is not looked for. If whoever reads it closes it early, nobody remembers the clip, and the exit code is 2.")]
pub(crate) struct StampArgs {
    /// Clips, still images, folders of them, or patterns such as 'clips/**/*.mp4'; - for a stream
    /// from standard input
    #[arg(required_unless_present = "files_from", value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Target: .mp4, .mov, .mkv, .webm, .m4a, .ogg, .flac, .mp3, .wav, .png, .jpg or .webp; a
    /// folder for several inputs; - for a stream to standard output
    #[arg(short, long, value_name = "TARGET")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) sandbox: SandboxOption,
    /// Number to carry: a version 4 UUID [default: a new random one]
    #[arg(long, value_name = "UUID")]
    pub(crate) payload: Option<Payload>,
    /// Replace an existing target
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Strength of the mark: subtle, standard, strong, heavy, or a factor on the standard amplitude
    /// from 0.25 to 4 [default: standard]
    #[arg(long, env = "PROOFMARK_STRENGTH", value_name = "LEVEL")]
    pub(crate) strength: Option<Strength>,
    /// Read the finished file back, blind, and fail if its payload does not come out
    #[arg(long)]
    pub(crate) check: bool,
    /// Copy the sound as it is, without a mark
    #[arg(long)]
    pub(crate) no_audio_mark: bool,
    /// Keep the folders below this one under the target folder, wherever the inputs are named
    /// [default: below each folder or pattern that is given]
    #[arg(long, value_name = "DIR")]
    pub(crate) base: Option<PathBuf>,
    /// Kind of the files in the target folder: mp4, mkv or another of those above [default: that of
    /// each input]
    #[arg(long, value_name = "KIND", value_parser = kind)]
    pub(crate) to: Option<String>,
    #[command(flatten)]
    pub(crate) remember: RememberArgs,
    #[command(flatten)]
    pub(crate) encode: EncodeArgs,
    #[command(flatten)]
    pub(crate) manifest: ManifestArgs,
    #[command(flatten)]
    pub(crate) pipe: PipeArgs,
    #[command(flatten)]
    pub(crate) batch: BatchArgs,
}

#[derive(Args, Default)]
#[command(next_help_heading = "Streams")]
pub(crate) struct PipeArgs {
    /// What to write: y4m, uncompressed frames at one rate and without sound, or mp4, in fragments
    /// [default: what comes, else mp4]
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) format: Option<StreamFormat>,
    /// Write the manifest to this .c2pa file
    #[arg(long, value_name = "FILE")]
    pub(crate) sidecar: Option<PathBuf>,
}

/// What a stream can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StreamFormat {
    Y4m,
    Mp4,
}

#[derive(Args)]
#[command(next_help_heading = "Registry")]
pub(crate) struct RememberArgs {
    /// Remember the clip now; later, by a file beside the target for 'registry import'; or never
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) register: Register,
    /// Word for finding the clip again in the registry; may be given more than once
    #[arg(long = "label", value_name = "TEXT")]
    pub(crate) labels: Vec<String>,
    #[command(flatten)]
    pub(crate) registry: RegistryOption,
}

/// When a stamped clip is remembered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Register {
    #[default]
    Now,
    Later,
    Never,
}

#[derive(Args)]
#[command(next_help_heading = "Encoding")]
pub(crate) struct EncodeArgs {
    /// h264, h265, vp9, av1 or ffv1 [default: the input's, where the target holds it, else h264]
    #[arg(long, env = "PROOFMARK_VIDEO_CODEC", value_name = "CODEC")]
    pub(crate) video_codec: Option<String>,
    /// Constant quality on the codec's scale, 0 to 63 [default: visually lossless]
    #[arg(long, env = "PROOFMARK_CRF", value_name = "N", conflicts_with = "bitrate")]
    pub(crate) crf: Option<f32>,
    /// Bit rate instead of constant quality, such as 4M or 800k
    #[arg(long, value_name = "BITS", value_parser = bitrate)]
    pub(crate) bitrate: Option<u64>,
    /// Speed preset in the encoder's own words
    #[arg(long, env = "PROOFMARK_PRESET", value_name = "NAME")]
    pub(crate) preset: Option<String>,
}

#[derive(Args)]
#[command(next_help_heading = "Manifest")]
pub(crate) struct ManifestArgs {
    /// Write no manifest
    #[arg(long)]
    pub(crate) no_c2pa: bool,
    /// Title of the clip
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// Software that generated the clip
    #[arg(long, env = "PROOFMARK_AGENT", value_name = "NAME")]
    pub(crate) agent: Option<String>,
    /// Its version
    #[arg(long, env = "PROOFMARK_AGENT_VERSION", value_name = "VERSION", requires = "agent")]
    pub(crate) agent_version: Option<String>,
    /// IPTC digital source type [default: trainedAlgorithmicMedia]
    #[arg(long, value_name = "URI")]
    pub(crate) digital_source_type: Option<String>,
    /// Further assertions and ingredients: a manifest definition in c2patool's format
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Certificate chain (PEM, signing certificate first) [default: the home's test identity]
    #[arg(long, env = "PROOFMARK_SIGN_CERT", value_name = "FILE", requires = "sign_key")]
    pub(crate) sign_cert: Option<PathBuf>,
    /// Private key of the signing certificate (PKCS#8 PEM, P-256 or Ed25519)
    #[arg(long, env = "PROOFMARK_SIGN_KEY", value_name = "FILE", requires = "sign_cert")]
    pub(crate) sign_key: Option<PathBuf>,
    /// RFC 3161 time-stamp authority to ask; without, nothing leaves the machine
    #[arg(long, env = "PROOFMARK_TIME_STAMP_URL", value_name = "URL")]
    pub(crate) time_stamp_url: Option<String>,
    /// Name of the mark's algorithm in soft bindings
    #[arg(long, env = "PROOFMARK_ALGORITHM", value_name = "NAME")]
    pub(crate) algorithm: Option<String>,
    /// The same of the picture's fingerprint
    #[arg(long, env = "PROOFMARK_PICTURE_ALGORITHM", value_name = "NAME")]
    pub(crate) picture_algorithm: Option<String>,
    /// The same of the sound's fingerprint
    #[arg(long, env = "PROOFMARK_SOUND_ALGORITHM", value_name = "NAME")]
    pub(crate) sound_algorithm: Option<String>,
}

/// What is asked of the detector.
#[derive(Args)]
pub(crate) struct QuestionArgs {
    /// Confirm one payload: needs the least evidence
    #[arg(long, value_name = "UUID", conflicts_with = "candidates")]
    pub(crate) expect: Option<Payload>,
    /// Choose among known payloads: a file with one UUID a line; needs much less evidence than none
    #[arg(long, value_name = "FILE")]
    pub(crate) candidates: Option<PathBuf>,
    /// Look only where an uncropped, unturned clip has its mark: quicker
    #[arg(long)]
    pub(crate) no_search: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  proofmark detect upload.mp4
  proofmark detect uploads/ --json
  find uploads -newer mark -print0 | proofmark detect --files-from - --null --failed again.txt
  proofmark detect upload.mp4 --expect 7f3c1a52-9b64-4d0e-8a31-5e6f70819203
  proofmark detect upload.mp4 --candidates known.txt
  proofmark detect upload.mp4 --overlay where.png --timeline when.png

Exit codes: 0 a mark was found, 1 none, 2 error, 4 some of several files failed.")]
pub(crate) struct DetectArgs {
    /// Clips, still images, folders of them, or patterns such as 'clips/**/*.mp4'
    #[arg(required_unless_present = "files_from", value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Draw where the mark is, over a frame in the orientation it is stored in: cells that carry it
    /// green, another mark blue, none red; the rest cannot be told
    #[arg(long, value_name = "PNG")]
    pub(crate) overlay: Option<PathBuf>,
    /// Draw when the mark is there: its score over time, in a lane for each mark
    #[arg(long, value_name = "PNG")]
    pub(crate) timeline: Option<PathBuf>,
    /// Replace existing pictures
    #[arg(short, long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) sandbox: SandboxOption,
    #[command(flatten)]
    pub(crate) question: QuestionArgs,
    #[command(flatten)]
    pub(crate) batch: BatchArgs,
}

/// Who must vouch for a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Require {
    /// A trust list, or this deployment.
    Trusted,
    /// This deployment.
    Own,
}

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Words {
    /// English
    En,
    /// Japanese
    Ja,
}

impl From<Words> for Language {
    fn from(words: Words) -> Self {
        match words {
            Words::En => Self::English,
            Words::Ja => Self::Japanese,
        }
    }
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  proofmark verify upload.mp4
  proofmark verify upload.mp4 --trust C2PA-TRUST-LIST.pem --trust-tsa C2PA-TSA-TRUST-LIST.pem
  proofmark verify uploads/ --json
  proofmark verify 'uploads/**/*.mp4' --shard 1/3 --ledger run.ndjson --time-limit 300
  proofmark verify 'uploads/**/*.mp4' --shard 1/3 --resume run.ndjson --time-limit 300

Exit codes: 0 provenance found, consistent and vouched for, 1 nothing found, or only a clip that looks like one of ours, 2 error,
3 altered, mixed, contradictory, a manifest that does not hold, in doubt, or vouched for by nobody here, 4 some of several files failed.")]
pub(crate) struct VerifyArgs {
    /// Clips, still images, folders of them, or patterns such as 'clips/**/*.mp4'
    #[arg(required_unless_present = "files_from", value_name = "FILE")]
    pub(crate) inputs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustOption,
    /// Take manifests that hold whoever signed them: exit 0 where nobody here vouches for the
    /// signer
    #[arg(long, conflicts_with = "require")]
    pub(crate) accept_unknown_signers: bool,
    /// Exit 0 for signers of this deployment alone (own), or for those that a trust list names too
    /// (trusted)
    #[arg(long, value_name = "WHOM")]
    pub(crate) require: Option<Require>,
    /// Language of reasons and advice
    #[arg(long, value_name = "CODE", env = "PROOFMARK_LANGUAGE")]
    pub(crate) language: Option<Words>,
    #[command(flatten)]
    pub(crate) registry: RegistryOption,
    /// Name of the mark's algorithm in soft bindings
    #[arg(long, env = "PROOFMARK_ALGORITHM", value_name = "NAME")]
    pub(crate) algorithm: Option<String>,
    #[command(flatten)]
    pub(crate) sandbox: SandboxOption,
    #[command(flatten)]
    pub(crate) question: QuestionArgs,
    #[command(flatten)]
    pub(crate) batch: BatchArgs,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  proofmark evaluate clip.mp4
  proofmark evaluate clips/ --html report.html
  proofmark evaluate clip.mp4 --attacks platform,crop-55 --seconds 5 --json

Needs no home: each clip gets a fresh key and payload, in memory. Exit codes: 0 measured, 2 error, 4 some of several files failed.")]
pub(crate) struct EvaluateArgs {
    /// Clips or folders of them
    #[arg(required_unless_present = "list", value_name = "CLIP")]
    pub(crate) inputs: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) sandbox: SandboxOption,
    /// Attacks, or groups of them, separated by commas [default: all]
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    pub(crate) attacks: Vec<String>,
    /// List the attacks and their groups
    #[arg(long)]
    pub(crate) list: bool,
    /// Strength of the mark: subtle, standard, strong, heavy, or a factor on the standard amplitude
    /// from 0.25 to 4 [default: standard]
    #[arg(long, env = "PROOFMARK_STRENGTH", value_name = "LEVEL")]
    pub(crate) strength: Option<Strength>,
    /// Seconds of each clip, from its start
    #[arg(long, value_name = "N", default_value = "10", value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Write a page with plots
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Replace an existing page
    #[arg(short, long)]
    pub(crate) force: bool,
}

#[derive(Args)]
#[command(after_help = "\
Examples:
  proofmark serve
  proofmark serve --listen 0.0.0.0:8473 --registry postgres://proofmark@db.example.com/proofmark --require-token
  curl --data-binary @upload.mp4 'http://127.0.0.1:8473/v1/verify?name=upload.mp4'

It speaks plain HTTP unless [serve] in the configuration file names a certificate: put a proxy with TLS before it, or give it one, where others can reach it. All
settings are there;
/v1/openapi.json describes the API.")]
pub(crate) struct ServeArgs {
    /// Address and port; port 0 takes a free one [default: 127.0.0.1:8473]
    #[arg(long, env = "PROOFMARK_LISTEN", value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// Demand a token for reading too, on the page with a login
    #[arg(long)]
    pub(crate) require_token: bool,
    #[command(flatten)]
    pub(crate) trust: TrustOption,
    #[command(flatten)]
    pub(crate) registry: RegistryOption,
    #[command(flatten)]
    pub(crate) sandbox: SandboxOption,
}

#[derive(Args)]
pub(crate) struct TokensArgs {
    #[command(subcommand)]
    pub(crate) action: TokensAction,
}

#[derive(Subcommand)]
pub(crate) enum TokensAction {
    /// List the tokens by their names; what they are is not kept
    List,
    /// Make a token and print it, this once
    Add {
        /// A name to know it by
        name: String,
        /// What it allows; may be given more than once
        #[arg(long = "scope", value_enum, required = true, value_name = "SCOPE")]
        scopes: Vec<Scope>,
    },
    /// Make a token worthless, at once
    Revoke {
        /// Which token, by its name
        name: String,
    },
}

#[derive(Args)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    pub(crate) action: KeysAction,
}

#[derive(Subcommand)]
pub(crate) enum KeysAction {
    /// List the keys, newest first; the first one stamps, all detect
    List,
    /// Make a new key, which stamps from now on
    Add,
    /// Write a key to a file that only you can read
    Export {
        /// Which key, by its id
        id: String,
        /// Target file
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Take in an exported key
    Import {
        /// The file
        file: PathBuf,
    },
}

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

A server is asked with the token in PROOFMARK_TOKEN, if there is one. Files stay on this machine unless --upload sends them.
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

pub(crate) fn bitrate(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.trim().to_ascii_lowercase() {
        t if t.ends_with('k') => (t.trim_end_matches('k').to_string(), 1e3),
        t if t.ends_with('m') => (t.trim_end_matches('m').to_string(), 1e6),
        t => (t, 1.0),
    };
    let bits = digits.parse::<f64>().map(|n| n * unit).ok().filter(|b| (1e3..=1e10).contains(b));
    bits.map(|b| b as u64)
        .ok_or_else(|| "give bits per second such as 4M or 800k, from 1k to 10G".into())
}

fn day(text: &str) -> Result<u64, String> {
    let date = Date::parse(text, &Iso8601::DATE).ok();
    let seconds = date.and_then(|d| u64::try_from(d.midnight().assume_utc().unix_timestamp()).ok());
    seconds.ok_or_else(|| "give a day such as 2026-01-31".into())
}

fn seconds(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|s| (0.1..=3600.0).contains(s))
        .ok_or_else(|| "give seconds from 0.1 to 3600".into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn days() {
        assert_eq!(super::day("1970-01-02"), Ok(86_400));
        assert!(
            ["yesterday", "1969-12-31", "2026-02-30", ""].iter().all(|t| super::day(t).is_err())
        );
    }

    #[test]
    fn bit_rates() {
        assert_eq!(super::bitrate("4M"), Ok(4_000_000));
        assert_eq!(super::bitrate("800k"), Ok(800_000));
        assert!(super::bitrate("fast").is_err() && super::bitrate("-1").is_err());
    }
}
