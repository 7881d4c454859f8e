//! What goes between a worker and its parent: messages of CBOR, each behind its length.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::Isolation;
use super::failure::Failure;
use crate::audio::AudioEvidence;
use crate::detect::{Showing, Shown};
use crate::evidence::Question;
use crate::key::{KeyRing, WatermarkKey};
use crate::media::{AudioInfo, Container, EncodeOptions, Limits, MediaInfo, Progress, Still, Text};
use crate::payload::Payload;
use crate::press::Filtering;
use crate::provenance::{ManifestReport, SegmentState, Segmented, Trust};
use crate::video::{Coding, DetectOptions, FramePlan, Placement, VideoEvidence};

/// Bytes of a question: a million candidates are 16 MB.
pub(super) const QUESTION: u32 = 256 << 20;
/// Bytes of an answer: a sketch is 5 MB, a frame of 8K 113 MB, and a manifest's report shorter than
/// the manifest.
pub(super) const ANSWER: u32 = 192 << 20;
/// Nesting of a message: an answer has half of it.
const DEPTH: usize = 32;

/// What the parent asks.
#[derive(Serialize, Deserialize)]
pub(super) enum Request {
    /// Comes first: the file, and what it may cost.
    Open(Place, Limits),
    Manifest(Trust),
    Reference,
    Texts,
    /// A manifest store that was fetched from such an address.
    Fetched(String, ByteBuf, Trust),
    /// The file is so many stretches of so many bytes: an init segment, and segments.
    Segments(Vec<u64>, Trust),
    /// So many frames a second, and what.
    Show(f64, Showing),
    Frame(f64),
    /// Comes first, in the place of `Open`: looks for marks in what another worker shows.
    Watch(Limits),
    Marks(Box<Asked>),
    /// Comes first, in the place of `Open`: the input, what is written, and what the input may
    /// cost.
    Press(Place, Place, Limits),
    /// Comes first likewise, with what the picture is run through.
    Filter(Place, Place, Limits, Box<Run>),
    /// The frames of so many seconds, so many a second being enough.
    Beginning(f64, f64),
    Transcode(Box<Ordered>),
    Heard,
    /// Whether the samples of a track are to be changed.
    Track(bool),
    /// Samples that were changed.
    Samples(ByteBuf),
}

/// What the worker answers.
#[derive(Serialize, Deserialize)]
pub(super) enum Answer {
    /// What holds the file, and how many seconds it lasts, if it says.
    Ready(Isolation, Option<f64>),
    Manifest(Option<Box<Told>>),
    Reference(Option<String>),
    Texts(Option<Vec<Text>>),
    Segments(Option<Box<ToldSegments>>),
    /// Any number of these, and then the answer.
    Progress(u64, f64, Option<f64>),
    Shown(Box<Shown>),
    /// Whether it has the frames already. What it found in all comes later.
    Has(bool),
    Found(Option<Box<VideoEvidence>>, Option<Box<AudioEvidence>>),
    Frame(usize, usize, ByteBuf),
    /// A frame of the beginning, at so many seconds. Its samples follow.
    Seen(FramePlan, f64, Coding),
    Done,
    /// A frame to be marked. Its samples follow, and come back.
    Picture(FramePlan, f64),
    /// A sound track, the next one: is it to be changed?
    Track(AudioInfo),
    /// Samples of a track, and whether they are its last.
    Samples(usize, ByteBuf, bool),
    Pressed(Box<Pressed>),
    /// A fingerprint of sound.
    Heard(Option<ByteBuf>),
    Failed(Failure),
}

impl From<Progress> for Answer {
    fn from(p: Progress) -> Self {
        Self::Progress(p.frames, p.seconds, p.total)
    }
}

/// What was found in picture and sound.
impl From<(Option<VideoEvidence>, Option<AudioEvidence>)> for Answer {
    fn from((picture, sound): (Option<VideoEvidence>, Option<AudioEvidence>)) -> Self {
        Self::Found(picture.map(Box::new), sound.map(Box::new))
    }
}

impl From<Still> for Answer {
    fn from(s: Still) -> Self {
        Self::Frame(s.width, s.height, ByteBuf::from(s.data))
    }
}

/// A path, which need not be text.
#[derive(Serialize, Deserialize)]
pub(super) struct Place(ByteBuf);

impl From<&Path> for Place {
    fn from(path: &Path) -> Self {
        Self(ByteBuf::from(path.as_os_str().as_bytes()))
    }
}

impl From<Place> for PathBuf {
    fn from(place: Place) -> Self {
        OsString::from_vec(place.0.into_vec()).into()
    }
}

/// A chain of filters, a file that they read, and how what comes of them is encoded.
#[derive(Serialize, Deserialize)]
pub(super) struct Run {
    pub(super) chain: String,
    pub(super) font: Option<Place>,
    pub(super) encode: EncodeOptions,
}

impl From<&Filtering<'_>> for Box<Run> {
    fn from(how: &Filtering<'_>) -> Self {
        Self::new(Run {
            chain: how.chain.into(),
            font: how.font.map(Place::from),
            encode: how.encode.clone(),
        })
    }
}

/// What is to be written.
#[derive(Serialize, Deserialize)]
pub(super) struct Ordered {
    /// The name of the target in messages.
    pub(super) target: Place,
    pub(super) container: Container,
    pub(super) encode: EncodeOptions,
    pub(super) seconds: Option<f64>,
    pub(super) stills: bool,
}

/// What was written.
#[derive(Serialize, Deserialize)]
pub(super) struct Pressed {
    pub(super) info: MediaInfo,
    pub(super) frames: u64,
    pub(super) seconds: f64,
    pub(super) codec: Option<String>,
    pub(super) tracks: usize,
    pub(super) left_out: Vec<String>,
    pub(super) stills: Option<ByteBuf>,
}

/// What is asked of the detectors.
#[derive(Serialize, Deserialize)]
pub(super) struct Asked {
    keys: Vec<Zeroizing<String>>,
    question: Payloads,
    rate: f64,
    search: bool,
    placement: Option<Placement>,
    again: bool,
    /// Of what: how much of the picture, and whether frames may be those of the question before.
    pub(super) what: Showing,
}

#[derive(Serialize, Deserialize)]
enum Payloads {
    Blind,
    /// Sixteen bytes each.
    Candidates(ByteBuf),
    Expected(Payload),
}

impl Asked {
    pub(super) fn new(ring: &KeyRing, how: &DetectOptions, what: Showing) -> Self {
        let question = match &how.question {
            Question::Blind => Payloads::Blind,
            Question::Candidates(list) => Payloads::Candidates(ByteBuf::from(
                list.iter().flat_map(|p| *p.as_bytes()).collect::<Vec<u8>>(),
            )),
            Question::Expected(payload) => Payloads::Expected(*payload),
        };
        Self {
            keys: ring.keys().iter().map(WatermarkKey::to_text).collect(),
            question,
            rate: how.rate,
            search: how.search,
            placement: how.placement,
            again: how.again,
            what,
        }
    }

    /// The ring and the options; `None` if they are not what a parent sends.
    pub(super) fn into_parts(self) -> Option<(KeyRing, DetectOptions)> {
        let keys = self
            .keys
            .iter()
            .map(|text| WatermarkKey::from_text(text).ok())
            .collect::<Option<Vec<_>>>()?;
        let question = match self.question {
            Payloads::Blind => Question::Blind,
            Payloads::Candidates(bytes) => Question::Candidates(
                bytes
                    .as_chunks::<16>()
                    .0
                    .iter()
                    .map(|b| Payload::try_from(Uuid::from_bytes(*b)).ok())
                    .collect::<Option<_>>()?,
            ),
            Payloads::Expected(payload) => Question::Expected(payload),
        };
        Some((
            KeyRing::new(keys).ok()?,
            DetectOptions {
                question,
                rate: self.rate,
                search: self.search,
                placement: self.placement,
                again: self.again,
            },
        ))
    }
}

/// A manifest's report, with the bytes of its soft bindings, which reports for people leave out.
#[derive(Serialize, Deserialize)]
pub(super) struct Told {
    report: ManifestReport,
    values: Vec<ByteBuf>,
}

impl From<ManifestReport> for Told {
    fn from(mut report: ManifestReport) -> Self {
        let values = report
            .soft_bindings
            .iter_mut()
            .map(|b| ByteBuf::from(std::mem::take(&mut b.bytes)))
            .collect();
        Self { report, values }
    }
}

impl Told {
    /// The whole report; `None` if its parts do not fit.
    pub(super) fn into_report(mut self) -> Option<ManifestReport> {
        if self.values.len() != self.report.soft_bindings.len() {
            return None;
        }
        self.report
            .soft_bindings
            .iter_mut()
            .zip(self.values)
            .for_each(|(b, bytes)| b.bytes = bytes.into_vec());
        Some(self.report)
    }
}

/// The same of a manifest over segments, and how they fare.
#[derive(Serialize, Deserialize)]
pub(super) struct ToldSegments {
    told: Told,
    segments: Vec<SegmentState>,
    signed: Option<usize>,
    init_holds: bool,
}

impl From<Segmented> for ToldSegments {
    fn from(found: Segmented) -> Self {
        let Segmented { report, segments, signed, init_holds } = found;
        Self { told: report.into(), segments, signed, init_holds }
    }
}

impl ToldSegments {
    /// What was found of so many segments; `None` if it is of others.
    pub(super) fn into_segmented(self, count: usize) -> Option<Segmented> {
        let Self { told, segments, signed, init_holds } = self;
        let report = told.into_report().filter(|_| segments.len() == count)?;
        Some(Segmented { report, segments, signed, init_holds })
    }
}

fn senseless<E>(_: E) -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// Sends a message.
pub(super) fn send(to: &mut impl Write, message: &impl Serialize) -> io::Result<()> {
    // Keys may be in it.
    let mut bytes = Zeroizing::new(vec![0; 4]);
    ciborium::into_writer(message, &mut *bytes).map_err(senseless)?;
    let length = u32::try_from(bytes.len() - 4).map_err(senseless)?;
    bytes[..4].copy_from_slice(&length.to_le_bytes());
    to.write_all(&bytes)?;
    to.flush()
}

/// Receives a message of at most `most` bytes.
///
/// # Errors
/// [`io::ErrorKind::InvalidData`] if it is longer, nested deeper than any message of ours, or none.
pub(super) fn receive<T: DeserializeOwned>(from: &mut impl Read, most: u32) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > most {
        return Err(senseless(()));
    }
    // Memory is taken as bytes come, not as they are announced.
    let mut bytes = Zeroizing::new(Vec::new());
    from.take(length.into()).read_to_end(&mut bytes)?;
    if bytes.len() < length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    ciborium::de::from_reader_with_recursion_limit(bytes.as_slice(), DEPTH).map_err(senseless)
}

/// Bytes of samples, and samples of bytes, in this machine's order.
pub(super) fn packed(samples: &[f32]) -> ByteBuf {
    ByteBuf::from(samples.iter().flat_map(|s| s.to_ne_bytes()).collect::<Vec<u8>>())
}

pub(super) fn unpacked(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks::<4>().0.iter().map(|b| f32::from_ne_bytes(*b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there_and_back<T: Serialize, U: DeserializeOwned>(message: &T) -> io::Result<U> {
        let mut bytes = Vec::new();
        send(&mut bytes, message)?;
        receive(&mut bytes.as_slice(), QUESTION)
    }

    #[test]
    fn questions_arrive_as_they_were_asked() {
        let ring = KeyRing::new(
            (1..4).map(|i| WatermarkKey::from_secret([i; 32], u64::from(i))).collect(),
        )
        .unwrap();
        let placement = Some(Placement {
            corner: [-0.25, 0.0],
            size: [1.5, 0.75],
            aspect: 1.6,
            mirrored: true,
        });
        let mut how = DetectOptions { placement, again: true, ..DetectOptions::default() };
        let list: Vec<Payload> = (0..1000).map(|_| Payload::random()).collect();
        for question in
            [Question::Blind, Question::Expected(list[0]), Question::Candidates(list.clone())]
        {
            how.question = question;
            let asked: Asked = there_and_back(&Asked::new(&ring, &how, Showing::SKETCHED)).unwrap();
            assert!(asked.what.sketch);
            let (keys, back) = asked.into_parts().unwrap();
            assert_eq!(
                keys.keys().iter().map(WatermarkKey::id).collect::<Vec<_>>(),
                ring.keys().iter().map(WatermarkKey::id).collect::<Vec<_>>()
            );
            assert_eq!(
                (back.question.candidates(), back.question.method()),
                (how.question.candidates(), how.question.method())
            );
            assert_eq!((back.rate, back.search), (how.rate, how.search));
            assert_eq!((back.placement, back.again), (how.placement, how.again));
        }
    }

    #[test]
    fn what_is_too_long_too_deep_or_cut_short_is_refused() {
        let kind = |bytes: &[u8], most| receive::<Vec<u8>>(&mut &*bytes, most).unwrap_err().kind();
        assert_eq!(kind(&[5, 0, 0, 0, 0x84, 1, 2, 3, 4], 4), io::ErrorKind::InvalidData);
        assert_eq!(kind(&[5, 0, 0, 0, 0x84, 1, 2], 10), io::ErrorKind::UnexpectedEof);
        assert_eq!(kind(&[1, 0, 0], 10), io::ErrorKind::UnexpectedEof);
        // An array that says that it has 2^60 items.
        assert_eq!(
            kind(&[9, 0, 0, 0, 0x9b, 0x10, 0, 0, 0, 0, 0, 0, 0], 10),
            io::ErrorKind::InvalidData
        );
        #[derive(Debug, Deserialize)]
        #[allow(dead_code, reason = "it is only to be nested")]
        struct Nested(Vec<Nested>);
        let mut deep = vec![0x81; 100_000];
        deep.push(0x80);
        let mut bytes = (deep.len() as u32).to_le_bytes().to_vec();
        bytes.extend(deep);
        assert_eq!(
            receive::<Nested>(&mut bytes.as_slice(), QUESTION).unwrap_err().kind(),
            io::ErrorKind::InvalidData
        );
    }
}
