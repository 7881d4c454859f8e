//! What Proofmark reads, under inputs that were made to break it: a function for each kind of
//! input, which asserts more than that it returns where more can be said.
//!
//! `targets/` hands them to libFuzzer (`make fuzz TARGET=name`), `tests/corpus.rs` to the committed
//! inputs in `corpus/`, which `seeds.sh` makes from real files, and to which every input is added
//! that found a fault. [`mutate`] changes files along their own structure.

#![allow(clippy::expect_used, reason = "what fails here is to stop the run")]

pub mod clip;
pub mod mutate;

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proofmark::fec::PolarCode;
use proofmark::media::{Cancel, Container, Inlet, Limits, Outlet, VideoCodec};
use proofmark::message::{CODED_BITS, Message};
use proofmark::package::Package;
use proofmark::provenance::{Trust, read_store};
use proofmark::registry::Registration;
use proofmark::stamp::StreamOptions;
use proofmark::{
    Control, KeyRing, Payload, StampOptions, Stamper, Verifier, VerifyOptions, WatermarkKey,
};
use proofmark_server::fuzzing::Server;
use tempfile::TempDir;

/// Signs of the code that is tried: as many as the picture's.
const SIGNS: usize = 1610;

/// No clip of [`clip`] lasts as long, in seconds, whatever its clock says: of leaps as large as a
/// part is long, some are kept.
const LONGEST: f64 = 200.0;

/// The key that marks are looked for with.
#[must_use]
pub fn watermark_key() -> WatermarkKey {
    WatermarkKey::from_secret([42; 32], 1)
}

/// What a file may ask of the machine here: little, so that many can be tried.
#[must_use]
pub fn limits() -> Limits {
    let mut limits = Limits::default();
    (limits.pixels, limits.frames, limits.seconds, limits.bytes) = (1 << 20, 40, 20, 4 << 20);
    limits
}

thread_local! {
    /// Where files are written that are read by name; gone with the thread.
    static FOLDER: TempDir = TempDir::new().expect("a folder for files");
}

/// A file with these bytes. The one before it of the same name is gone.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = FOLDER.with(|folder| folder.path().join(name));
    File::create(&path).and_then(|mut f| f.write_all(bytes)).expect("a file to read");
    path
}

/// A worker's answer: what is believed of it can be judged and compared.
pub fn answer(bytes: &[u8]) {
    let _ = proofmark::fuzzing::answer(bytes, &KeyRing::from(watermark_key()));
}

/// What a worker that decodes shows the one that knows the keys.
pub fn shown(bytes: &[u8]) {
    let _ = proofmark::fuzzing::shown(bytes, &KeyRing::from(watermark_key()), &limits());
}

/// A configuration file.
pub fn configuration(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        proofmark_cli::fuzzing::configuration(text);
    }
}

/// A key file: what is read is written back the same, and makes a ring of one.
pub fn key(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(key) = WatermarkKey::from_text(text) {
        let again = WatermarkKey::from_text(&key.to_text()).expect("our own key file");
        assert_eq!((again.id(), again.created()), (key.id(), key.created()));
        assert_eq!(KeyRing::from(key.clone()).stamping().id(), key.id());
    }
}

/// The ledger of a batch: one that a run goes on with has whole lines alone, and stays as it is
/// when it is gone on with once more; one that is refused stays as it is.
pub fn ledger(bytes: &[u8]) {
    let path = file("ledger", bytes);
    let kept = |path| std::fs::read(path).expect("the ledger");
    if proofmark_cli::fuzzing::ledger(&path) {
        let before = kept(&path);
        assert_eq!(before.last(), Some(&b'\n'));
        assert!(proofmark_cli::fuzzing::ledger(&path));
        assert_eq!(kept(&path), before);
    } else {
        assert_eq!(kept(&path), bytes);
    }
}

/// A manifest store without its file: one that is not by a known signer is never trusted.
pub fn manifest(bytes: &[u8]) {
    if let Ok(report) = read_store(bytes, &Trust::default(), &limits()) {
        assert_ne!(report.state, proofmark::provenance::ManifestState::Trusted);
        assert!(serde_json::to_string(&report).is_ok());
    }
}

/// The index of a clip in segments, or the head of one of its files: whatever it leads to lies
/// below its folder, and is no more than is followed.
pub fn package(bytes: &[u8]) {
    let folder = FOLDER.with(|folder| folder.path().join("package"));
    std::fs::create_dir_all(&folder).expect("a folder");
    for name in ["x.m3u8", "x.mpd", "init.mp4", "1.m4s"] {
        let path = file(&format!("package/{name}"), bytes);
        if let Ok(Some(package)) = Package::of(&path) {
            assert!(package.files().all(|f| f.starts_with(&folder)));
            assert!(package.files().take(200_000).count() < 200_000);
        }
        std::fs::remove_file(path).expect("the file");
    }
}

/// A line of a registration file: what is taken in is written back the same.
pub fn registration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(entry) = Registration::parse(text) {
        let line = Registration::from(&entry).line();
        assert_eq!(Registration::parse(&line).expect("our own line"), entry);
    }
}

/// A request to the server, and its body: it is answered, and not by a fault of the server's.
pub fn request(bytes: &[u8]) {
    thread_local!(static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) });
    SERVER.with_borrow_mut(|server| {
        let server = server.get_or_insert_with(|| {
            FOLDER.with(|folder| Server::new(folder.path(), limits()).expect("a server"))
        });
        if let Some(status) = server.ask(bytes) {
            assert!(status < 500 || status == 501, "{status}");
        }
    });
}

/// What memory is filled with before something is stamped, and what a sanitizer fills it with
/// (`malloc_fill_byte`): neither is in any clip, so none is in what is made of it.
const CANARY: [u8; 16] = *b"\xc5\x07\xf3canary\x9b\xe1\x02\xfd\x11\xa9\xd7";
const FILL: [u8; 64] = [0xbe; 64];
/// A key's secret that would be known anywhere.
const SECRET: [u8; 32] = *b"\x00\xfe the key that nobody sees. \x01\xff\xee";

/// Leaves memory of many sizes behind, full of [`CANARY`].
fn litter() {
    let blocks: Vec<Vec<u8>> = (6..19)
        .flat_map(|size| [1 << size, 3 << (size - 1)])
        .cycle()
        .take(104)
        .map(|size| CANARY.repeat(size / CANARY.len()))
        .collect();
    drop(std::hint::black_box(blocks));
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|w| w == what)
}

/// A script of a clip that changes midway ([`clip`]), which is stamped: what comes out can be read,
/// is no longer than what went in, and holds nothing of this process's memory.
pub fn stamp(bytes: &[u8]) {
    let Some(script) = clip::Script::read(bytes) else { return };
    ffmpeg_next::log::set_level(ffmpeg_next::log::Level::Quiet);
    let folder = FOLDER.with(|folder| folder.path().to_path_buf());
    // What libav does not make is no clip.
    let Ok((input, frames)) = script.make(&folder) else { return };
    let (name, codec) = [
        ("out.mkv", Some(VideoCodec::Ffv1)),
        ("out.mp4", Some(VideoCodec::H264)),
        ("out.wav", None),
        ("out.webm", None),
        ("out.flac", None),
        ("out.mkv", Some(VideoCodec::H264)),
        ("out.mov", None),
        ("out.m4a", None),
    ][usize::from(script.purpose()) % 8];
    let mut options = StampOptions::default();
    (options.limits, options.overwrite, options.encode.codec) = (limits(), true, codec);
    options.mark_sound = script.purpose() & 64 == 0;
    options.encode.preset = (codec == Some(VideoCodec::H264)).then(|| "ultrafast".into());
    let output = folder.join(name);
    litter();
    let Ok(stamped) = Stamper::new(WatermarkKey::from_secret(SECRET, 1))
        .options(options.clone())
        .stamp(&input, &output)
    else {
        return;
    };
    let written = std::fs::read(&output).expect("what was stamped");
    for secret in [&CANARY[..], &SECRET[..]] {
        assert!(!holds(&written, secret), "memory of this process is in {name}");
    }
    assert!(stamped.summary.frames <= frames, "{} frames of {frames}", stamped.summary.frames);
    assert!(stamped.summary.seconds < LONGEST, "{} seconds", stamped.summary.seconds);
    if codec == Some(VideoCodec::Ffv1) {
        let seen = clip::rows(&output, |row| {
            assert!(
                !holds(row, &CANARY) && !holds(row, &FILL),
                "memory of this process is in a picture of {name}"
            )
        });
        assert_eq!(seen, Ok(stamped.summary.frames));
    } else if !Container::of(&output).is_some_and(Container::is_sound) {
        assert_eq!(clip::rows(&output, |_| ()), Ok(stamped.summary.frames));
    }
}

/// What lies beside the picture of a still: it is carried over into any kind, and again from there.
pub fn still(bytes: &[u8]) {
    let from = file("still", bytes);
    for container in [Container::Jpeg, Container::Png, Container::WebP] {
        let to = file("carried", bytes);
        if proofmark::fuzzing::carry_over(&from, &to, container, &limits()).is_ok() {
            let again = file("again", bytes);
            let _ = proofmark::fuzzing::carry_over(&to, &again, container, &limits());
        }
    }
}

/// A stream that is stamped on its way.
pub fn stream(bytes: &[u8]) {
    let from = File::open(file("stream", bytes)).expect("the stream");
    let to = OpenOptions::new().write(true).open("/dev/null").expect("a way out");
    let cancel = Cancel::default();
    let (inlet, outlet) = (
        Inlet::new(from.into(), Path::new("stream"), &limits(), &cancel),
        Outlet::new(to.into(), &cancel),
    );
    let mut options = StampOptions::default();
    options.limits = limits();
    let mut stream = StreamOptions::default();
    stream.container = Some(Container::Y4m);
    let _ = Stamper::new(watermark_key().clone()).options(options.clone()).stamp_stream(
        inlet,
        outlet,
        &stream,
        Control::new(&cancel, |_| {}),
    );
}

/// A whole file, with all that `verify` does but the search for marks that were moved, which takes
/// long and depends on pixels alone.
pub fn verify(bytes: &[u8]) {
    let path = file("upload", bytes);
    let mut options = VerifyOptions::default();
    options.limits = limits();
    options.detect.search = false;
    let verifier = Verifier::new().ring(KeyRing::from(watermark_key())).options(options);
    if let Ok(verified) = verifier.verify(&path) {
        assert_ne!(verified.judgement.verdict, proofmark::Verdict::Recovered, "without a registry");
    }
}

/// Soft values of a code word. Any are decoded to something or nothing; a word whose values are
/// disturbed a little is told.
pub fn word(bytes: &[u8]) {
    static CODE: LazyLock<PolarCode> = LazyLock::new(|| PolarCode::new(CODED_BITS, SIGNS, 0.27));
    let Some((payload, rest)) = bytes.split_first_chunk::<16>() else { return };
    let accept = |subpattern: usize| {
        move |bits: &[bool]| Payload::from_coded_bits(bits.try_into().ok()?, subpattern)
    };
    let wild: Vec<f32> = rest
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&b| f32::from_le_bytes(b))
        .cycle()
        .take(SIGNS)
        .collect();
    let _ = CODE.decode(&wild, 8, 8, accept(0));

    let payload = Payload::try_from(uuid::Builder::from_random_bytes(*payload).into_uuid())
        .expect("a random UUID");
    let mut values: Vec<f32> = CODE
        .encode(&payload.coded_bits())
        .into_iter()
        .map(|b| if b { -1.0 } else { 1.0 })
        .collect();
    for two in rest.as_chunks::<2>().0.iter().take(100) {
        values[usize::from(u16::from_le_bytes(*two)) % SIGNS] = 0.0;
    }
    let told = CODE.decode(&values, 8, 8, accept(payload.subpattern())).accepted.map(|a| a.0);
    assert_eq!(told, Some(payload));
}
