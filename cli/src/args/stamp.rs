//! What `stamp` can be told.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use proofmark::Payload;
use proofmark::media::{FrameRate, FrameSize, Gop, PixelFormat, encoder_options};
use proofmark::stamp::Rung;
use proofmark::video::Strength;

use super::disclosure::DisclosureArgs;
use super::options::{MetricsOption, RegistryOption, SandboxOption, bitrate};
use super::signing::SigningArgs;
use crate::batch::BatchArgs;
use crate::target::kind;

#[derive(Args)]
#[command(after_help = "\
Examples:
  proofmark stamp clip.mp4 -o stamped.mp4
  proofmark stamp clip.mp4 -o stamped.mkv --video-codec ffv1 --no-c2pa
  proofmark stamp clips/ -o stamped/ --ledger run.ndjson --jobs 4 --json
  proofmark stamp mixed/ -o stamped/ --to mp4
  proofmark stamp clip.mov -o out.mov --video-codec prores_ks --encoder-options profile=4444
  proofmark stamp clip.mp4 -o out.mp4 --title 'A kitchen' --agent 'My Model' --agent-version 2
  generator | proofmark stamp - -o - --payload 7f3c1a52-9b64-4d0e-8a31-5e6f70819203 | ffmpeg -i - \
    clip.mp4

  ffmpeg -i clip.mp4 -f wav - | proofmark stamp - -o - | ffmpeg -i - sound.flac
  generator | proofmark stamp - -o clip.mp4 --input-pix-fmt rgb24 --size 1280x720 -r 24
  proofmark stamp frames/%05d.png -r 24 --audio-input speech.wav -o clip.mp4
  proofmark stamp clip.mp4 -o stream/ --package hls,dash --ladder 1080:4500k,720:2500k,360:800k

With - a stream is marked on its way from standard input: Y4M, WAV, MP4 that is fragmented or has \
its index first, PNG or JPEG images (-r), or raw frames (--input-pix-fmt, --size, -r). With -o - \
it goes on to standard output, and what is said of it to standard error, the object of --json \
too. Its manifest cannot be put into what has been sent: the registry keeps it, and --sidecar \
writes it. A mark that a stream may carry already is not looked for. If whoever reads it closes it \
early, nobody remembers the clip, and the exit code is 2.")]
pub(crate) struct StampArgs {
    /// Clips, still images, folders of them, or patterns such as 'clips/**/*.mp4'; - for a stream
    /// from standard input, or numbered images as 'frames/%05d.png' with -r
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
    #[command(flatten)]
    pub(crate) job: JobArgs,
    /// Key to mark with, by its id [default: the one that stamps, as 'keys list' shows it]
    #[arg(long, value_name = "ID")]
    pub(crate) key: Option<String>,
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
    pub(crate) package: PackageArgs,
    /// Label the file as China asks for (GB 45438-2025): the producer's code, as in
    /// 001191110108MA01XXXXXX00000. Its ProduceID is the clip's number
    #[arg(long, env = "PROOFMARK_AIGC_PRODUCER", value_name = "CODE", value_parser = producer)]
    #[arg(help_heading = "Manifest")]
    pub(crate) aigc_producer: Option<String>,
    /// Write no manifest
    #[arg(long, help_heading = "Manifest")]
    pub(crate) no_c2pa: bool,
    #[command(flatten)]
    pub(crate) manifest: ManifestArgs,
    #[command(flatten)]
    pub(crate) pipe: PipeArgs,
    #[command(flatten)]
    pub(crate) metrics: MetricsOption,
    #[command(flatten)]
    pub(crate) batch: BatchArgs,
}

#[derive(Args)]
pub(crate) struct JobArgs {
    /// Idempotency key, for whoever may run this again: the number follows from it, and a run finds
    /// what an earlier one finished, announced or left half done. Of several inputs each has a job
    /// of its own, KEY and its path below the target folder
    #[arg(long, value_name = "KEY", conflicts_with = "payload")]
    pub(crate) job: Option<String>,
}

#[derive(Args)]
#[command(next_help_heading = "Streams")]
pub(crate) struct PipeArgs {
    /// What to write to standard output: y4m, uncompressed frames at one rate and without sound;
    /// mp4, in fragments; or wav, sound alone [default: Y4M stays Y4M, sound alone becomes WAV,
    /// anything else MP4]
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) format: Option<StreamFormat>,
    /// Write the manifest of what goes to standard output to this .c2pa file
    #[arg(long, value_name = "FILE")]
    pub(crate) sidecar: Option<PathBuf>,
    /// Raw frames come in: how the samples of one lie, by libav's name, such as rgb24. What is
    /// written is chosen by --pix-fmt
    #[arg(long, value_name = "NAME")]
    pub(crate) input_pix_fmt: Option<PixelFormat>,
    /// Width and height of raw frames that come in, such as 1280x720
    #[arg(long, value_name = "SIZE")]
    pub(crate) size: Option<FrameSize>,
    /// Frames per second of raw frames or images that come in, such as 24 or 30000/1001; other
    /// streams say their own
    #[arg(short, long, value_name = "RATE")]
    pub(crate) rate: Option<FrameRate>,
    /// Take the sound from here, beside a picture from standard input or from images: a FIFO, a
    /// descriptor such as /dev/fd/3, or a file. The two may be written in any order
    #[arg(long, value_name = "FILE")]
    pub(crate) audio_input: Option<PathBuf>,
    /// The picture is a piece of a clip: go on from what the piece before wrote to this file, and
    /// write how far this one came. Without such a file it is the first piece, which the registry
    /// knows the clip by; 'proofmark sign' signs the whole. Sound is passed on unmarked
    #[arg(long, value_name = "FILE", conflicts_with = "job")]
    pub(crate) mark_state: Option<PathBuf>,
    /// Write the object that --json prints to this file too, or to a descriptor such as /dev/fd/3;
    /// that of a failure says what failed
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// What a stream can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StreamFormat {
    Y4m,
    Mp4,
    Wav,
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
#[command(next_help_heading = "Packaging")]
pub(crate) struct PackageArgs {
    /// Package the clip for streaming: hls, dash, or both as hls,dash over the same segments. The
    /// target is a folder that is not there yet, with index.m3u8, index.mpd or both in it; of
    /// several inputs, a folder that is there, and each gets one of its name in it
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    #[arg(conflicts_with_all = ["job", "to", "movflags"])]
    pub(crate) package: Vec<PackageKind>,
    /// Sizes to encode, as lines or lines:bits, such as 1080:4500k,720:2500k,360: even, 96 at
    /// least, and none larger than the input [default: the input's own]
    #[arg(long, value_name = "RUNGS", value_delimiter = ',', requires = "package")]
    #[arg(value_parser = rung)]
    pub(crate) ladder: Vec<Rung>,
    /// Length of a segment, from key frame to key frame, in seconds, 0.5 to 60 [default: 4]
    #[arg(long, value_name = "SECONDS", requires = "package", conflicts_with = "gop")]
    #[arg(value_parser = segment)]
    pub(crate) segment: Option<f64>,
}

/// What a clip can be packaged as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PackageKind {
    Hls,
    Dash,
}

fn producer(text: &str) -> Result<String, String> {
    let fits = (1..=256).contains(&text.len()) && text.bytes().all(|b| (b' '..=b'~').contains(&b));
    fits.then(|| text.into()).ok_or_else(|| "give printable characters of one byte each".into())
}

fn rung(text: &str) -> Result<Rung, String> {
    let (height, bits) = text.split_once(':').map_or((text, None), |(h, b)| (h, Some(b)));
    let height = height.trim_end_matches('p').parse();
    let height = height.map_err(|_| "give lines such as 720, or lines:bits such as 720:2500k")?;
    Ok(Rung { height, bitrate: bits.map(bitrate).transpose()? })
}

fn segment(text: &str) -> Result<f64, String> {
    let seconds = text.trim_end_matches('s').parse().ok().filter(|s| (0.5..=60.0).contains(s));
    seconds.ok_or_else(|| "give seconds from 0.5 to 60".into())
}

#[derive(Args)]
#[command(next_help_heading = "Encoding")]
pub(crate) struct EncodeArgs {
    /// h264, h265, vp9, av1, ffv1, or an encoder of libav by its name, such as prores_ks or
    /// h264_nvenc [default: the input's, where the target holds it, else h264]
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
    /// What the encoder is tuned for, in its own words, such as animation or zerolatency
    #[arg(long, value_name = "NAME")]
    pub(crate) tune: Option<String>,
    /// Profile of the codec, in the encoder's own words, such as high or main10
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Key frames are so far apart at most: frames such as 48, seconds such as 2s, or
    /// own, as the encoder does of itself [default: 2s]
    #[arg(long, value_name = "LENGTH")]
    pub(crate) gop: Option<Gop>,
    /// Pixel format to write, by libav's name, such as yuv420p10le [default: the input's or the
    /// nearest]
    #[arg(long, value_name = "NAME")]
    pub(crate) pix_fmt: Option<String>,
    /// Further options of the encoder, as ffmpeg has them: key=value:key=value
    #[arg(long, value_name = "OPTIONS", value_parser = encoder_options)]
    pub(crate) encoder_options: Option<Options>,
    /// Codec of sound: aac, opus, flac, alac, mp3, ac3, vorbis, pcm, or an encoder of libav by its
    /// name [default: the input's, where the target holds it, else aac]
    #[arg(long, value_name = "CODEC")]
    pub(crate) audio_codec: Option<String>,
    /// Bit rate of a sound track, such as 192k
    #[arg(long, value_name = "BITS", value_parser = bitrate)]
    pub(crate) audio_bitrate: Option<u64>,
    /// Flags for MP4 and MOV, as ffmpeg has them, such as +frag_keyframe
    #[arg(long, value_name = "FLAGS", allow_hyphen_values = true)]
    pub(crate) movflags: Option<String>,
}

/// Options of an encoder, as they were given.
pub(crate) type Options = Vec<(String, String)>;

#[derive(Args)]
#[command(next_help_heading = "Manifest")]
pub(crate) struct ManifestArgs {
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
    #[command(flatten)]
    pub(crate) disclosure: DisclosureArgs,
    /// Name of the mark's algorithm in soft bindings
    #[arg(long, env = "PROOFMARK_ALGORITHM", value_name = "NAME")]
    pub(crate) algorithm: Option<String>,
    /// The same of the picture's fingerprint
    #[arg(long, env = "PROOFMARK_PICTURE_ALGORITHM", value_name = "NAME")]
    pub(crate) picture_algorithm: Option<String>,
    /// The same of the sound's fingerprint
    #[arg(long, env = "PROOFMARK_SOUND_ALGORITHM", value_name = "NAME")]
    pub(crate) sound_algorithm: Option<String>,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
}
