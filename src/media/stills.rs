//! Small pictures of a clip, kept so that people can hold another clip beside it.

use ffmpeg_next::codec::{self, encoder};
use ffmpeg_next::ffi::{AVColorRange, AVColorSpace, FF_QP2LAMBDA};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Error, Packet, Rational, frame};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::convert::Converter;
use super::frame::Picture;
use super::guard::{self, VideoShape};
use crate::spaced::Spaced;

/// Seconds from one still to the next, at the start.
const INTERVAL: f64 = 1.0;
/// Stills that are kept; a longer clip has them further apart.
const MOST: usize = 24;
/// Pixels of the longer side.
const SIDE: f32 = 192.0;
/// Quality on the encoder's scale, of which 2 is the best and 31 the worst.
const QUALITY: i32 = 5;
/// Bytes that one may have when it is read from where it was stored: several times what is made
/// here.
const LARGEST: usize = 1 << 17;

/// Small pictures of a clip along time, as JPEG.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(into = "ByteBuf", try_from = "ByteBuf")]
pub struct Stills(Vec<(f32, Vec<u8>)>);

impl Stills {
    /// When each was shown, in seconds from the beginning of the clip, ascending.
    pub fn times(&self) -> impl Iterator<Item = f32> {
        self.0.iter().map(|s| s.0)
    }

    /// The JPEG of one of them.
    #[must_use]
    pub fn jpeg(&self, index: usize) -> Option<&[u8]> {
        self.0.get(index).map(|s| s.1.as_slice())
    }

    /// The places of a few of them, at most so many, spread over the clip.
    pub fn spread(&self, most: usize) -> impl Iterator<Item = usize> + use<> {
        let (count, all) = (most.min(self.0.len()), self.0.len());
        (0..count).map(move |i| (2 * i + 1) * all / (2 * count))
    }

    /// As they are stored: the time of each in a 32-bit float, the number of its bytes in 32 bits,
    /// and those; the most significant byte first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0
            .iter()
            .flat_map(|(time, jpeg)| {
                [&time.to_be_bytes()[..], &(jpeg.len() as u32).to_be_bytes(), jpeg].concat()
            })
            .collect()
    }

    /// From [`Self::to_bytes`]; `None` if they are none.
    #[must_use]
    pub fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let mut all: Vec<(f32, Vec<u8>)> = Vec::new();
        while let Some((time, rest)) = bytes.split_first_chunk() {
            let (length, rest) = rest.split_first_chunk()?;
            let (jpeg, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            let time = f32::from_be_bytes(*time);
            let follows = time.is_finite() && all.last().is_none_or(|last| last.0 < time);
            if !follows
                || all.len() == MOST
                || jpeg.len() > LARGEST
                || !jpeg.starts_with(&[0xff, 0xd8])
            {
                return None;
            }
            all.push((time, jpeg.to_vec()));
            bytes = rest;
        }
        (bytes.is_empty() && !all.is_empty()).then_some(Self(all))
    }
}

impl From<Stills> for ByteBuf {
    fn from(stills: Stills) -> Self {
        Self::from(stills.to_bytes())
    }
}

impl TryFrom<ByteBuf> for Stills {
    type Error = &'static str;

    fn try_from(bytes: ByteBuf) -> Result<Self, Self::Error> {
        Self::from_bytes(&bytes).ok_or("no stills")
    }
}

/// Makes [`Stills`] from the frames of a clip.
pub(crate) struct StillMaker {
    made: Spaced<(f32, Vec<u8>)>,
    converter: Converter,
}

impl Default for StillMaker {
    fn default() -> Self {
        Self { made: Spaced::new(INTERVAL, MOST), converter: Converter::default() }
    }
}

impl StillMaker {
    /// Takes in a frame shown at `time` seconds, if its turn has come. One that cannot be made
    /// smaller is left out: nothing depends on it.
    pub(crate) fn push(&mut self, picture: &mut Picture<'_>, time: f64) {
        if !self.made.wants(time) {
            return;
        }
        let shape = small(picture);
        match self.converter.conform(picture.frame, &shape).and_then(|frame| encode(frame)) {
            Ok(jpeg) => self.made.push(time, (time as f32, jpeg)),
            Err(_) => self.made.pass(time),
        }
    }

    /// What was made; `None` if that is nothing.
    pub(crate) fn finish(self) -> Option<Stills> {
        Some(Stills(self.made.finish())).filter(|made| !made.0.is_empty())
    }
}

/// A small frame of the shape in which a picture is shown, as JPEG has it.
fn small(picture: &Picture<'_>) -> VideoShape {
    let shape = picture.shape();
    let shown = [shape.width as f32 * shape.pixel_aspect, shape.height as f32];
    let scale = (SIDE / shown[0].max(shown[1])).min(1.0);
    let even = |side: f32| ((side * scale / 2.0).round() as u32).max(1) * 2;
    let (range, matrix) = (AVColorRange::AVCOL_RANGE_JPEG, AVColorSpace::AVCOL_SPC_BT470BG);
    VideoShape {
        width: even(shown[0]),
        height: even(shown[1]),
        format: Pixel::YUVJ420P,
        range,
        matrix,
    }
}

fn encode(frame: &frame::Video) -> Result<Vec<u8>, Error> {
    let codec = encoder::find(codec::Id::MJPEG).ok_or(Error::EncoderNotFound)?;
    let mut encoder = codec::context::Context::new_with_codec(codec).encoder().video()?;
    encoder.set_width(frame.width());
    encoder.set_height(frame.height());
    encoder.set_format(frame.format());
    encoder.set_time_base(Rational(1, 1));
    encoder.set_qmin(QUALITY);
    encoder.set_qmax(QUALITY);
    encoder.set_global_quality(QUALITY * FF_QP2LAMBDA);
    encoder.set_flags(codec::Flags::QSCALE);
    let mut encoder = encoder.open()?;
    let mut frame = frame.clone();
    frame.set_pts(Some(0));
    guard::send_video(&mut encoder, &frame)?;
    encoder.send_eof()?;
    let mut packet = Packet::empty();
    encoder.receive_packet(&mut packet)?;
    packet.data().map(<[u8]>::to_vec).ok_or(Error::InvalidData)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Cancel, Limits, Reader, frame_at};
    use std::path::Path;

    #[test]
    fn stills_are_small_pictures_of_the_clip() {
        let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/bigbuckbunny.mp4");
        let mut reader = Reader::open(&clip, &Limits::default()).unwrap();
        let mut maker = StillMaker::default();
        while let Some((mut picture, time)) = reader.next_frame(|_| true).unwrap() {
            maker.push(&mut picture, time);
        }
        let stills = maker.finish().unwrap();
        let times: Vec<f32> = stills.times().collect();
        assert!(
            times.len() >= 4 && times.windows(2).all(|t| (0.9..1.1).contains(&(t[1] - t[0]))),
            "{times:?}"
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("still.jpg");
        std::fs::write(&path, stills.jpeg(2).unwrap()).unwrap();
        let (seen, real) = [(&path, 0.0), (&clip, 2.0)]
            .map(|(p, t)| frame_at(p, t, &Limits::default(), &Cancel::default()).unwrap())
            .into();
        assert_eq!(seen.width.max(seen.height), SIDE as usize);
        let mean = |s: &crate::media::Still, c: usize| {
            s.data.iter().skip(c).step_by(3).map(|&v| f32::from(v)).sum::<f32>()
                / (s.width * s.height) as f32
        };
        for c in 0..3 {
            assert!((mean(&seen, c) - mean(&real, c)).abs() < 4.0, "{c}");
        }
        assert_eq!(Stills::from_bytes(&stills.to_bytes()), Some(stills.clone()));
    }

    #[test]
    fn what_is_none_is_not_taken_for_stills() {
        let one = |time: f32, jpeg: &[u8]| Stills(vec![(time, jpeg.to_vec())]).to_bytes();
        let good = one(1.0, &[0xff, 0xd8, 0]);
        assert!(Stills::from_bytes(&good).is_some());
        assert!(Stills::from_bytes(&[good.clone(), one(2.0, &[0xff, 0xd8])].concat()).is_some());
        let wrong = [
            Vec::new(),
            good[..good.len() - 1].to_vec(),
            one(f32::NAN, &[0xff, 0xd8]),
            one(0.0, b"<svg/>"),
            [good.clone(), good.clone()].concat(),
            vec![0; 7],
        ];
        for (i, bytes) in wrong.iter().enumerate() {
            assert_eq!(Stills::from_bytes(bytes), None, "{i}");
        }
        let many: Vec<u8> = (0..=MOST).flat_map(|t| one(t as f32, &[0xff, 0xd8])).collect();
        assert_eq!(Stills::from_bytes(&many), None);
    }
}
