//! The fingerprint of a clip's picture, and the sketch that it is made of.

use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::pdq::{Hash, LINES, SIDE, Thumbnail, hash, thumbnail};
use super::turn::Turn;
use super::window::{Content, Window, thumbnail_of};
use proofmark_core::{Spaced, video::Luma};

/// Seconds from one frame to the next, at the start: neighbours differ in some 46 of their bits
/// then.
pub(super) const INTERVAL: f64 = 0.5;
/// Frames that are kept; a longer clip has them further apart.
const MOST: usize = 600;
/// PDQ's quality under which a hash says too little.
const QUALITY: u8 = 50;

/// A frame in a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    /// In seconds from the beginning of the clip.
    pub(super) time: f32,
    pub(super) hash: Hash,
}

/// Side of the pictures that are kept, so that a crop can be compared with what it was cropped
/// from.
pub(super) const SMALL: usize = 32;

/// One of them, row by row, in grey levels from 0 to 255.
pub(super) type Small = Box<[f32; SMALL * SMALL]>;

/// A thumbnail made smaller still.
pub(super) fn small(picture: &Thumbnail) -> Small {
    Box::new(std::array::from_fn(|i| {
        let at = 2 * (i / SMALL * SIDE + i % SMALL);
        (picture[at] + picture[at + 1] + picture[at + SIDE] + picture[at + SIDE + 1]) / 4.0
    }))
}

/// What a clip looks like: PDQ hashes along time, and small pictures behind them.
#[derive(Clone, Debug, PartialEq)]
pub struct VideoFingerprint {
    /// Width over height of what is between bars.
    pub(super) aspect: f32,
    pub(super) frames: Vec<Frame>,
    /// A picture of 32×32 grey levels for each frame; none if only the hashes were read.
    pictures: Vec<u8>,
}

/// Frames of an excerpt.
const EXCERPT: usize = 8;
/// Version of the stored form.
const VERSION: u8 = 1;
/// Bytes of head and of a frame.
const HEAD: usize = 5;
const FRAME: usize = 36;

impl VideoFingerprint {
    /// Number of frames that say something.
    #[must_use]
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether no frame says anything: the picture is black or flat.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Width over height of what is between bars.
    #[must_use]
    pub fn aspect(&self) -> f32 {
        self.aspect
    }

    /// Seconds that the clip lasts, at least and about at most: it ends between the last picture
    /// and the next one that would have been kept.
    #[must_use]
    pub fn lasts(&self) -> Option<[f32; 2]> {
        let [.., before, last] = self.frames.as_slice() else { return None };
        Some([last.time, last.time + (last.time - before.time).max(INTERVAL as f32)])
    }

    /// Whether its frames are close enough to each other that nothing longer than a blink was
    /// passed over.
    pub(super) fn is_dense(&self) -> bool {
        let step = |two: &[Frame]| f64::from(two[1].time - two[0].time);
        let mut steps: Vec<f64> = self.frames.windows(2).map(step).collect();
        steps.sort_by(f64::total_cmp);
        steps.get(steps.len() / 2).is_some_and(|middle| *middle < 1.5 * INTERVAL)
    }

    /// Hash of a frame as seen through a window.
    pub(super) fn through(&self, frame: usize, window: &Window) -> Hash {
        match self.pictures.get(frame * SMALL * SMALL..(frame + 1) * SMALL * SMALL) {
            Some(picture) if *window != Window::WHOLE => hash(&window.look(picture, SMALL)).0,
            _ => self.frames[frame].hash,
        }
    }

    /// The small pictures; `None` if only the hashes were read.
    pub(super) fn smalls(&self) -> Option<Vec<Small>> {
        let one =
            |picture: &[u8]| -> Small { Box::new(std::array::from_fn(|i| f32::from(picture[i]))) };
        (self.pictures.len() == self.frames.len() * SMALL * SMALL)
            .then(|| self.pictures.chunks_exact(SMALL * SMALL).map(one).collect())
    }

    /// The hashes as they are stored: a version, the aspect ratio, then time and hash of each
    /// frame; numbers are 32-bit floats, the most significant byte first.
    #[must_use]
    pub fn hashes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEAD + FRAME * self.frames.len());
        out.push(VERSION);
        out.extend(self.aspect.to_be_bytes());
        for f in &self.frames {
            out.extend(f.time.to_be_bytes());
            out.extend(f.hash.to_bytes());
        }
        out
    }

    /// A few of the hashes, spread over the clip, as [`Self::hashes`] stores them: 293 bytes at
    /// most, short enough for a manifest.
    #[must_use]
    pub fn excerpt(&self) -> Vec<u8> {
        let count = EXCERPT.min(self.frames.len());
        let frames = (0..count)
            .map(|i| self.frames[(2 * i + 1) * self.frames.len() / (2 * count)])
            .collect();
        Self { aspect: self.aspect, frames, pictures: Vec::new() }.hashes()
    }

    /// The pictures as they are stored, of 32×32 bytes each, row by row.
    #[must_use]
    pub fn pictures(&self) -> &[u8] {
        &self.pictures
    }

    /// From [`Self::hashes`] and [`Self::pictures`], which may be empty where hashes are enough;
    /// `None` if they are none.
    #[must_use]
    pub fn from_parts(hashes: &[u8], pictures: Vec<u8>) -> Option<Self> {
        let (head, frames) = hashes.split_at_checked(HEAD)?;
        let number = |b: &[u8]| {
            Some(f32::from_be_bytes(b.try_into().ok()?)).filter(|v| v.is_finite() && *v >= 0.0)
        };
        let aspect = number(&head[1..]).filter(|a| (0.01..=100.0).contains(a))?;
        let count = frames.len() / FRAME;
        if head[0] != VERSION
            || frames.len() % FRAME != 0
            || count > MOST
            || !(pictures.is_empty() || pictures.len() == count * SMALL * SMALL)
        {
            return None;
        }
        let frame = |b: &[u8]| {
            Some(Frame { time: number(&b[..4])?, hash: Hash::from_bytes(b[4..].try_into().ok()?) })
        };
        Some(Self {
            aspect,
            frames: frames.chunks_exact(FRAME).map(frame).collect::<Option<_>>()?,
            pictures,
        })
    }
}

/// Makes a [`Sketch`] from the frames of a clip.
#[derive(Debug)]
pub struct Sketcher {
    frames: Spaced<(f64, Kept)>,
    aspect: f32,
}

impl Default for Sketcher {
    fn default() -> Self {
        Self { frames: Spaced::new(INTERVAL, MOST), aspect: 1.0 }
    }
}

impl Sketcher {
    /// Whether the frame at `time` seconds is looked at.
    #[must_use]
    pub fn wants(&self, time: f64) -> bool {
        self.frames.wants(time)
    }

    /// Takes in a frame shown at `time` seconds, if it is wanted.
    pub fn push(&mut self, luma: &Luma<'_>, time: f64) {
        if !self.wants(time) || luma.width == 0 || luma.height == 0 {
            return;
        }
        if self.frames.kept().is_empty() {
            self.aspect = luma.width as f32 / luma.height as f32;
        }
        self.frames.push(time, (time, Kept::new(&thumbnail(luma, LINES))));
    }

    /// The sketch of what was taken in.
    #[must_use]
    pub fn finish(self) -> Sketch {
        let frames = self.frames.finish();
        let content = Content::of(frames.iter().map(|f| f.1.picture()));
        Sketch { aspect: self.aspect * content.aspect(), frames, content }
    }
}

/// A small picture in half the memory: in 256ths of a grey level.
#[derive(Clone, Debug, PartialEq)]
struct Kept(Box<[u16; SIDE * SIDE]>);

impl Kept {
    const LEVEL: f32 = 256.0;

    fn new(picture: &Thumbnail) -> Self {
        // What lies outside is cut off by the conversion.
        Self(Box::new(picture.map(|v| (v * Self::LEVEL).round() as u16)))
    }

    fn picture(&self) -> Thumbnail {
        Box::new(self.0.map(|v| f32::from(v) / Self::LEVEL))
    }
}

/// A clip in small pictures, of which all hashes can be made.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(into = "ByteBuf", try_from = "ByteBuf")]
pub struct Sketch {
    /// Width over height of what is between bars.
    pub(super) aspect: f32,
    /// Time in seconds, and picture.
    frames: Vec<(f64, Kept)>,
    pub(super) content: Content,
}

impl Sketch {
    /// Its fingerprint: what is between bars, hashed, and made smaller still.
    #[must_use]
    pub fn fingerprint(&self) -> VideoFingerprint {
        let mut out =
            VideoFingerprint { aspect: self.aspect, frames: Vec::new(), pictures: Vec::new() };
        for (frame, cut, _) in self.telling() {
            out.frames.push(frame);
            out.pictures.extend(small(&cut).iter().map(|v| v.round().clamp(0.0, 255.0) as u8));
        }
        out
    }

    /// The same clip, turned back by so many degrees, and with its brightness inverted if that is
    /// asked for. Its edges go on where it had nothing. Bars are not looked for again: they would
    /// be where corners are black.
    #[must_use]
    pub fn straightened(&self, degrees: f32, inverted: bool) -> Self {
        let turn = Turn::new(self.frame(), degrees);
        let from = |i: usize| {
            let place = |at: usize| (at as f32 + 0.5) / SIDE as f32;
            let index =
                |share: f32| (share * SIDE as f32).floor().clamp(0.0, (SIDE - 1) as f32) as usize;
            let [x, y] = turn.to_frame([place(i % SIDE), place(i / SIDE)]).map(index);
            y * SIDE + x
        };
        let places: Vec<usize> = (0..SIDE * SIDE).map(from).collect();
        self.taken_from(&places, turn.aspect(), inverted)
    }

    /// The same clip with each pixel from another place, in a frame of this aspect ratio, and with
    /// its brightness inverted if that is asked for.
    fn taken_from(&self, places: &[usize], aspect: f32, inverted: bool) -> Self {
        let moved = |picture: &Kept| {
            let mut out = picture.0.clone();
            for (to, &from) in out.iter_mut().zip(places) {
                *to = if inverted { u16::MAX - picture.0[from] } else { picture.0[from] };
            }
            Kept(out)
        };
        Self {
            aspect,
            frames: self.frames.iter().map(|(time, picture)| (*time, moved(picture))).collect(),
            content: Content::ALL,
        }
    }

    /// Width over height of the whole frame.
    #[must_use]
    pub fn frame(&self) -> f32 {
        self.aspect / self.content.aspect()
    }

    /// What is between these edges of the frame, left, top, right and bottom, in shares of it.
    #[must_use]
    pub fn part(&self, [left, top, right, bottom]: [f32; 4]) -> Self {
        let aspect = self.frame() * (right - left) / (bottom - top);
        let at = |i: usize, from: f32, to: f32| {
            (((from + (to - from) * (i as f32 + 0.5) / SIDE as f32) * SIDE as f32) as usize)
                .min(SIDE - 1)
        };
        let places: Vec<usize> = (0..SIDE * SIDE)
            .map(|i| at(i / SIDE, top, bottom) * SIDE + at(i % SIDE, left, right))
            .collect();
        self.taken_from(&places, aspect, false)
    }

    /// Each frame that says something, with what is between its bars, and with its bars.
    pub(super) fn telling(&self) -> impl Iterator<Item = (Frame, Thumbnail, Thumbnail)> {
        self.frames.iter().filter_map(|(time, picture)| {
            let (framed, mut cut) = (picture.picture(), thumbnail_of(0.0));
            self.content.cut(&framed, &mut cut);
            let (hash, quality) = hash(&cut);
            (quality >= QUALITY).then_some((Frame { time: *time as f32, hash }, cut, framed))
        })
    }
}

/// As it travels between processes of one machine: the aspect ratio, the content's edges, then time
/// and picture of each frame.
impl From<Sketch> for ByteBuf {
    fn from(sketch: Sketch) -> Self {
        let mut out = Vec::with_capacity(4 + 4 + sketch.frames.len() * SKETCHED);
        out.extend(sketch.aspect.to_le_bytes());
        out.extend(sketch.content.to_bytes());
        for (time, picture) in &sketch.frames {
            out.extend(time.to_le_bytes());
            out.extend(picture.0.iter().flat_map(|v| v.to_le_bytes()));
        }
        Self::from(out)
    }
}

/// Bytes of a frame in a sketch.
const SKETCHED: usize = 8 + 2 * SIDE * SIDE;

impl TryFrom<ByteBuf> for Sketch {
    type Error = &'static str;

    fn try_from(bytes: ByteBuf) -> Result<Self, Self::Error> {
        let wrong = "no sketch";
        let (aspect, rest) = bytes.split_first_chunk().ok_or(wrong)?;
        let (content, rest) = rest.split_first_chunk().ok_or(wrong)?;
        let aspect =
            Some(f32::from_le_bytes(*aspect)).filter(|a| a.is_finite() && *a > 0.0).ok_or(wrong)?;
        if !rest.len().is_multiple_of(SKETCHED) || rest.len() / SKETCHED > MOST {
            return Err(wrong);
        }
        let frame = |b: &[u8]| {
            let (time, samples) = b.split_first_chunk()?;
            let samples: &[[u8; 2]; SIDE * SIDE] = samples.as_chunks().0.try_into().ok()?;
            Some((
                Some(f64::from_le_bytes(*time)).filter(|t| t.is_finite())?,
                Kept(Box::new(samples.map(u16::from_le_bytes))),
            ))
        };
        let frames = rest.chunks_exact(SKETCHED).map(frame).collect::<Option<_>>().ok_or(wrong)?;
        Ok(Self { aspect, frames, content: Content::from_bytes(*content).ok_or(wrong)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proofmark_core::video::{SampleFormat, Samples};

    /// A moving picture with much to hash.
    fn scene(width: usize, height: usize, t: f32) -> Vec<u8> {
        let at = |x: f32, y: f32| {
            120.0
                + 55.0
                    * ((x * 11.0 + t).sin() * (y * 7.0 - t).cos()
                        + (x * 5.0 * y * 6.0 + 2.0 * t).sin())
        };
        (0..width * height)
            .map(|i| {
                at(
                    (i % width) as f32 / width as f32 * 3.0,
                    (i / width) as f32 / height as f32 * 3.0,
                ) as u8
            })
            .collect()
    }

    fn sketch(frames: usize, rate: f64) -> Sketch {
        let mut s = Sketcher::default();
        for i in 0..frames {
            let samples = scene(160, 90, i as f32 * 0.1);
            s.push(
                &Luma {
                    samples: Samples::U8(&samples),
                    width: 160,
                    height: 90,
                    stride: 160,
                    format: SampleFormat::REFERENCE,
                },
                i as f64 / rate,
            );
        }
        s.finish()
    }

    #[test]
    fn two_frames_a_second_and_a_bound() {
        assert_eq!(sketch(50, 10.0).fingerprint().len(), 10);
        let long = sketch(4 * MOST, 2.0);
        assert!((MOST / 2..=MOST).contains(&long.frames.len()), "{}", long.frames.len());
        let steps: Vec<f64> = long.frames.windows(2).map(|w| w[1].0 - w[0].0).collect();
        assert!(steps.iter().all(|s| (s - steps[0]).abs() < 1e-9), "evenly spaced");
    }

    #[test]
    fn bytes_and_back() {
        let f = sketch(30, 10.0).fingerprint();
        let bytes = f.hashes();
        assert_eq!(VideoFingerprint::from_parts(&bytes, f.pictures().to_vec()), Some(f.clone()));
        assert_eq!(
            VideoFingerprint::from_parts(&bytes, Vec::new()).map(|g| g.hashes()),
            Some(bytes.clone())
        );
        for wrong in [&bytes[..4], &bytes[..bytes.len() - 1], &[9; 41], &[]] {
            assert_eq!(VideoFingerprint::from_parts(wrong, Vec::new()), None);
        }
        assert_eq!(VideoFingerprint::from_parts(&bytes, f.pictures()[1..].to_vec()), None);
        let excerpt =
            VideoFingerprint::from_parts(&sketch(300, 10.0).fingerprint().excerpt(), Vec::new())
                .unwrap();
        assert_eq!((excerpt.len(), sketch(0, 10.0).fingerprint().excerpt().len()), (EXCERPT, HEAD));
    }

    #[test]
    fn a_sketch_travels_whole_or_not_at_all() {
        let sketch = sketch(30, 10.0);
        let bytes: ByteBuf = sketch.clone().into();
        assert_eq!(Sketch::try_from(bytes.clone()).unwrap().fingerprint(), sketch.fingerprint());
        let wrong = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = bytes.to_vec();
            change(&mut bytes);
            Sketch::try_from(ByteBuf::from(bytes)).is_err()
        };
        assert!(wrong(&|b| b.truncate(7)) && wrong(&|b| _ = b.pop()));
        assert!(wrong(&|b| b[..4].copy_from_slice(&f32::NAN.to_le_bytes())), "an aspect ratio");
        assert!(
            wrong(&|b| b[4..8].copy_from_slice(&[0, 200, 0, 64]))
                && wrong(&|b| b[4..8].copy_from_slice(&[0, 64, 9, 9])),
            "edges"
        );
        assert!(wrong(&|b| b[8..16].copy_from_slice(&f64::INFINITY.to_le_bytes())), "a time");
        assert!(wrong(&|b| b.resize(8 + (MOST + 1) * SKETCHED, 0)), "too many frames");
    }
}
