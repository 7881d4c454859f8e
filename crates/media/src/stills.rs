//! Small pictures of a clip, kept so that people can hold another clip beside it.

use ffmpeg_next::codec::{self, encoder};
use ffmpeg_next::ffi::{AVColorRange, AVColorSpace, FF_QP2LAMBDA};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{Error, Packet, Rational, frame};
use proofmark_core::{Spaced, Stills};

use super::convert::Converter;
use super::frame::Picture;
use super::guard::{self, VideoShape};

/// Seconds from one still to the next, at the start.
const INTERVAL: f64 = 1.0;
/// Pixels of the longer side.
const SIDE: f32 = 192.0;
/// Quality on the encoder's scale, of which 2 is the best and 31 the worst.
const QUALITY: i32 = 5;

/// Makes [`Stills`] from the frames of a clip.
pub struct StillMaker {
    made: Spaced<(f32, Vec<u8>)>,
    converter: Converter,
}

impl Default for StillMaker {
    fn default() -> Self {
        Self { made: Spaced::new(INTERVAL, Stills::MOST), converter: Converter::default() }
    }
}

impl StillMaker {
    /// Takes in a frame shown at `time` seconds, if its turn has come. One that cannot be made
    /// smaller is left out: nothing depends on it.
    pub fn push(&mut self, picture: &mut Picture<'_>, time: f64) {
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
    pub fn finish(self) -> Option<Stills> {
        Stills::new(self.made.finish())
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
    use crate::{Cancel, Limits, Reader, frame_at};
    use std::path::Path;

    #[test]
    fn stills_are_small_pictures_of_the_clip() {
        let clip = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/bigbuckbunny.mp4");
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
        let mean = |s: &crate::Still, c: usize| {
            s.data.iter().skip(c).step_by(3).map(|&v| f32::from(v)).sum::<f32>()
                / (s.width * s.height) as f32
        };
        for c in 0..3 {
            assert!((mean(&seen, c) - mean(&real, c)).abs() < 4.0, "{c}");
        }
        assert_eq!(Stills::from_bytes(&stills.to_bytes()), Some(stills.clone()));
    }
}
